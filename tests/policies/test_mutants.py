"""The examples guard the rules: take any rule away, or turn it around, and some example notices."""

import re
from dataclasses import replace

import cedarpy

from broker.pdp.cases import run_cases
from broker.pdp.policy_set import PolicySet

OTHER = {"permit": "forbid", "forbid": "permit"}


def test_removing_or_turning_any_rule_is_noticed(shipped: PolicySet) -> None:
    text = shipped.texts["release.cedar"]
    survived = []
    for rule in shipped.rules.values():
        turned = re.sub(rf"(?m)^{rule.effect} ", f"{OTHER[rule.effect]} ", rule.text)
        assert turned != rule.text
        for how, instead in (("removed", ""), ("turned", turned)):
            mutant = replace(shipped, policies=cedarpy.PolicySet.from_str(text.replace(rule.text, instead)))
            if all(result.passed for result in run_cases(mutant)):
                survived.append((how, rule.id))
    assert survived == []
