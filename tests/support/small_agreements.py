"""Small agreements for tests: few words, any rules, and everything else as shipped."""

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import cedarpy

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.pdp.policy_set import PolicySet, load_texts

SHIPPED = Path(__file__).parents[2] / "policies"
PERMITTED = PolicyQuestion(
    sender_kind="neighbourhood-team",
    recipient_kind="school",
    role="support-coordinator",
    purpose="education-support",
    handover_kind="feedback-to-school",
    section_type="status",
    age_band="12-15",
    evidence=EvidenceLevel.CODE,
    discussed_with_family=True,
    sender_basis=True,
    recipient_basis=True,
    concerns_others=False,
)
"""A question to which the shipped agreement says yes."""
WORDS: Mapping[str, tuple[str, ...]] = {
    "organisation_kinds": ("neighbourhood-team", "school", "gp"),
    "roles": ("family-worker", "teacher", "youth-nurse"),
    "purposes": ("coordination", "safety"),
    "section_types": ("status", "timeline", "safety-plan"),
    "handover_kinds": ("referral", "move"),
}
NOTES = '@title_nl("T") @title_en("T") @legal_basis("AVG 6") '
PERMIT = 'permit (principal, action == Action::"read", resource)'
FORBID = 'forbid (principal, action == Action::"read", resource)'


def small_texts(rules: str, words: Mapping[str, tuple[str, ...]] = WORDS) -> dict[str, str]:
    """The texts of an agreement of these words and rules."""
    texts = {
        path: (SHIPPED / path).read_text(encoding="utf-8")
        for path in ("release.cedarschema", "signers.toml", "notices/nl.toml", "notices/en.toml")
    }
    every = (SHIPPED / "vocabulary.toml").read_text(encoding="utf-8")
    kept = [block for block in _blocks(every) if _named(block) in {f"{n}.{w}" for n, ws in words.items() for w in ws}]
    channels = (SHIPPED / "channels.toml").read_text(encoding="utf-8")
    for_all = [c for c in _blocks(channels) if c.count("= []") == 3]
    known = {word for named in words.values() for word in named}
    kept = [_TEMPLATE.sub(lambda found: _among(found, known), block) for block in kept]
    return {**texts, "release.cedar": rules, "vocabulary.toml": "".join(kept), "channels.toml": "".join(for_all)}


def small(*rules: str) -> PolicySet:
    """An agreement of these rules, named r1, r2 and so on, without annotations of their own."""
    return load_texts(small_texts("\n".join(f'@id("r{n}") {NOTES}{rule}' for n, rule in enumerate(rules, 1))))


FAILS, _WORKS = "context.evidence * 9223372036854775807 >= 0", "context.evidence != 7"
"""Overflows from a passkey on; and something of the same kind that does not."""


def that_fails(*rules: str) -> PolicySet:
    """As `small`, with FAILS in it: rules that no check has seen, as if the checks had been got round."""
    checked = small(*(rule.replace(FAILS, _WORKS) for rule in rules))
    text = checked.texts["release.cedar"].replace(_WORKS, FAILS)
    failing = {name: replace(rule, text=rule.text.replace(_WORKS, FAILS)) for name, rule in checked.rules.items()}
    policies = cedarpy.PolicySet.from_str(text)
    return replace(checked, texts={**checked.texts, "release.cedar": text}, rules=failing, policies=policies)


_TEMPLATE = re.compile(r"^(required|usual|recipients) = \[(.*)\]$", re.MULTILINE)


def _among(found: re.Match[str], known: Collection[str]) -> str:
    """A list of a template with the words that there are."""
    kept = [word for word in found[2].split(", ") if word.strip('"') in known]
    return f"{found[1]} = [{', '.join(kept)}]"


def _blocks(text: str) -> list[str]:
    return re.findall(r"^\[.*?(?=^\[|\Z)", text, re.MULTILINE | re.DOTALL)


def _named(block: str) -> str:
    return block[1 : block.index("]")]
