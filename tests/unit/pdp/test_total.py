"""A rule that could fail does not load; one that got round that denies wherever it fails, and rings."""

import json
from dataclasses import replace
from typing import Any

import cedarpy
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.errors import BrokerError
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.faults import UnsafePolicies
from broker.pdp.policy_set import PolicySet, load_texts
from broker.pdp.total import may_fail
from tests.unit.pdp.test_cedar import questions, unvalidated

NOTES = '@title_nl("x") @title_en("x") @legal_basis("x")'
FLAGS = ("discussedWithFamily", "senderBasis", "recipientBasis", "concernsOthers")
FAILS = (
    "context.evidence + 9223372036854775807 < 0",
    "context.evidence * 9223372036854775807 * 2 < 0",
    "-9223372036854775807 - context.evidence - 2 < 0",
    "context.nothing",
    "principal.name == 1",
    'resource.text like "*"',
    "context.purpose < 1",
    "context.evidence",
    'context.evidence like "*"',
    "context.evidence.contains(1)",
    'Role::"teacher".name == 1',
    'ip("no address").isLoopback()',
    'decimal("1.23456").lessThan(decimal("1.0"))',
    'datetime("2026-13-01") < datetime("2026-01-01")',
)
"""Each fails for evidence of 1 and more: overflow, what is not there, of another type, what cannot be read."""


def with_rule(policy_set: PolicySet, rule: str) -> PolicySet:
    return load_texts({**policy_set.texts, "release.cedar": policy_set.texts["release.cedar"] + "\n" + rule})


def test_a_rule_that_can_fail_does_not_load(shipped: PolicySet) -> None:
    """Wherever in a rule it stands, behind whatever guard: each such rule is named, with its line."""
    forms = ("{}", "context.senderBasis || ({})", "!(if {} then false else true)", "[{}].contains(true)")
    conditions = [form.format(fails) for fails in FAILS for form in forms]
    kinds = ("when", "unless")
    rules = [
        f'@id("x-{number}") {NOTES} {("forbid", "permit")[number % 3 == 0]} (principal, action, resource) '
        f"{kinds[number % 2]} {{ {condition} }};"
        for number, condition in enumerate(conditions)
    ]
    first = shipped.texts["release.cedar"].count("\n") + 2
    with pytest.raises(UnsafePolicies) as refusal:
        with_rule(shipped, "\n".join(rules))
    assert {fault.line for fault in refusal.value.faults} == set(range(first, first + len(rules)))


def test_what_cedars_validator_lets_pass_is_refused_too(shipped: PolicySet) -> None:
    """The validator looks at types; an overflow is no matter of types."""
    rule = f'@id("x") {NOTES} forbid (principal, action, resource) when {{ {FAILS[0]} }};'
    text = shipped.texts["release.cedar"] + rule
    assert cedarpy.validate_policies(text, shipped.schema).validation_passed
    with pytest.raises(UnsafePolicies) as refusal:
        with_rule(shipped, rule)
    assert "can fail (+)" in refusal.value.words.en


def test_what_is_read_of_a_thing_that_a_rule_chose_is_refused_though_it_may_never_fail(shipped: PolicySet) -> None:
    """Which of two things it reads of is known only when it is asked; nobody can work out beforehand what it gives."""
    rule = f'@id("x") {NOTES} permit (principal, action, resource)'
    choice = '(if context.senderBasis then principal else principal).role == Role::"teacher"'
    assert cedarpy.validate_policies(
        f"{shipped.texts['release.cedar']}{rule} when {{ {choice} }};", shipped.schema
    ).validation_passed
    for condition in (choice, f"context.recipientBasis && {choice}"):
        with pytest.raises(UnsafePolicies) as refusal:
            with_rule(shipped, f"{rule} when {{ {condition} }};")
        assert "can fail (.)" in refusal.value.words.en


class Bell:
    """Remembers what rang."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def __call__(self, error: BrokerError, place: str) -> None:
        self.heard.append((error.code, place))


@settings(max_examples=100)
@given(data=st.data())
def test_a_forbid_that_fails_denies_wherever_it_fails_and_rings(shipped: PolicySet, data: st.DataObject) -> None:
    """Whatever the guard before it: where the guard lets the failure be reached nothing is given, elsewhere nothing changes."""
    asked = data.draw(questions(shipped))
    asked = replace(asked, evidence=data.draw(st.sampled_from([e for e in EvidenceLevel if e > 0])))
    fails = data.draw(st.sampled_from(FAILS))
    guards, reached = _guards(data, asked)
    effect = data.draw(st.sampled_from(["forbid", "forbid", "permit"]))
    conditions = " ".join(f"when {{ {guard} }}" for guard in guards)
    rule = f'@id("fails") {effect} (principal, action, resource) {conditions} when {{ {fails} }};'
    bell = Bell()
    before = CedarDecisionPoint(shipped).decide(asked)
    ruling = CedarDecisionPoint(unvalidated(shipped, rule), alarm=bell).decide(asked)
    if reached:
        assert (ruling.permitted, ruling.errors) == (False, 1)
        assert [code for code, _ in bell.heard] == ["policy-error"]
    else:
        assert ruling == before
        assert bell.heard == []


def _guards(data: st.DataObject, asked: PolicyQuestion) -> tuple[list[str], bool]:
    """Some conditions before the one that fails, and whether all of them hold for this question."""
    truths = {
        "context.discussedWithFamily": asked.discussed_with_family,
        "context.senderBasis": asked.sender_basis,
        "context.recipientBasis": asked.recipient_basis,
        "context.concernsOthers": asked.concerns_others,
        f'resource.type == SectionType::"{asked.section_type}"': True,
        'resource.ageBand == AgeBand::"12-15"': asked.age_band == "12-15",
        'principal.role in [Role::"teacher", Role::"psychologist"]': asked.role in ("teacher", "psychologist"),
        'context.purpose != Purpose::"coordination"': asked.purpose != "coordination",
        "context.evidence >= 2": asked.evidence >= 2,
    }
    chosen = data.draw(st.lists(st.sampled_from(sorted(truths)), max_size=3, unique=True))
    turned = [(guard, data.draw(st.booleans())) for guard in chosen]
    written = [f"!({guard})" if negated else guard for guard, negated in turned]
    return written, all(truths[guard] != negated for guard, negated in turned)


def test_the_alarm_names_the_rule(shipped: PolicySet, question: PolicyQuestion) -> None:
    first, bell = next(iter(shipped.rules)), Bell()
    purpose = "when { context.purpose"
    failing = shipped.texts["release.cedar"].replace(purpose, f"when {{ context.nothing }} {purpose}", 1)
    broken = replace(shipped, policies=cedarpy.PolicySet.from_str(failing))
    CedarDecisionPoint(broken, alarm=bell).decide(question)
    assert bell.heard == [("policy-error", f"agreement:{first}")]


def test_an_unknown_word_denies_without_an_alarm(shipped: PolicySet, question: PolicyQuestion) -> None:
    """Anybody can ask for a purpose that does not exist; a bell that everybody can ring is not listened to."""
    bell = Bell()
    assert CedarDecisionPoint(shipped, alarm=bell).decide(replace(question, purpose="everything")).errors
    assert bell.heard == []


CLEAN = st.recursive(
    st.sampled_from(
        [f"context.{flag}" for flag in FLAGS]
        + [
            "true",
            "context.evidence < 2",
            "context.evidence == -3",
            'resource.type == SectionType::"status"',
            'resource.senderKind in [OrganisationKind::"gp", OrganisationKind::"school"]',
            "principal is Professional",
            "principal has role",
            '[Role::"teacher", Role::"psychologist"].contains(principal.role)',
            '[resource.ageBand].containsAny([AgeBand::"0-11"])',
        ]
    ),
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("(if {} then {} else {})".format, inner, inner, inner),
    ),
    max_leaves=6,
)


@settings(max_examples=25)
@given(data=st.data(), conditions=st.lists(CLEAN, min_size=1, max_size=4), kind=st.sampled_from(["when", "unless"]))
def test_what_loads_never_fails(shipped: PolicySet, data: st.DataObject, conditions: list[str], kind: str) -> None:
    rules = [
        f'@id("x-{number}") {NOTES} forbid (principal, action, resource) {kind} {{ {condition} }};'
        for number, condition in enumerate(conditions)
    ]
    assert not [rule for rule in rules if may_fail(tree_of(rule)["conditions"])]
    try:
        policy_set = with_rule(shipped, "\n".join(rules))
    except UnsafePolicies:
        reject()  # the validator may find that a condition is always so
    bell = Bell()
    point = CedarDecisionPoint(policy_set, alarm=bell)
    for _ in range(3):
        assert point.decide(data.draw(questions(shipped))).errors == 0
    assert bell.heard == []


def tree_of(rule: str) -> Any:
    return json.loads(cedarpy.policies_to_json_str(rule))["staticPolicies"]["policy0"]
