"""What the agreement says of a question in its own words, for who wants to know beforehand: never a release, never consent.

1. Only words decide: who somebody is (an id) is neither looked at nor kept, and no person's data is read. So there is
   nothing to log about anybody, and nothing is.
2. All that the agreement can see of a section must be said; what is left out, or is no word of it, is answered with no.
3. The answers of one request come from one and the same agreement, by the function that releases are decided with.
4. Each organisation has so many a minute, at each broker: an answer costs a broker time, and nobody else's waits for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.domain.parties import Oin
from broker.domain.ports import AgreementInForce
from broker.errors import TooMany
from broker.services.house import House

A_MINUTE = 600
"""Answers for one organisation a minute, by one broker."""
SUBJECT, RESOURCE, ACTION = "professional", "section", "read"
WORDS: Mapping[str, tuple[str, str]] = {
    "role": ("subject", "role"),
    "recipient_kind": ("subject", "organisationKind"),
    "section_type": ("resource", "sectionType"),
    "handover_kind": ("resource", "handoverKind"),
    "sender_kind": ("resource", "senderKind"),
    "age_band": ("resource", "ageBand"),
    "purpose": ("context", "purpose"),
}
"""Each word of a question, and where it is said: a property of the subject or resource, or a value of the context."""
FLAGS: Mapping[str, str] = {
    "discussed_with_family": "discussedWithFamily",
    "sender_basis": "senderBasis",
    "recipient_basis": "recipientBasis",
    "concerns_others": "concernsOthers",
}
"""The yes-or-no values of the context."""
EVIDENCE = {level.name.lower(): level for level in EvidenceLevel}


class Reason(StrEnum):
    """Why it came out so."""

    PERMITTED = "permitted"
    NOT_AGREED = "not-in-agreement"
    FORBIDDEN = "forbidden-by-agreement"
    UNKNOWN_WORD = "unknown-word"
    INCOMPLETE = "incomplete-question"
    UNKNOWN_KIND = "unknown-subject-action-or-resource"
    FAILED = "policy-error"


@dataclass(frozen=True, slots=True)
class Asked:
    """One question as it came: types and name, and the properties of each part. Ids are left behind at the door."""

    subject_type: str
    action: str
    resource_type: str
    parts: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the agreement says: of which digest, by which rules. `missing` names what was not said."""

    decision: bool
    reason: Reason
    policy_digest: str
    rules: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


class Evaluations:
    """The use case."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._spent: dict[Oin, tuple[datetime, int]] = {}

    def agreement(self) -> AgreementInForce:
        """The one to answer a whole request by."""
        return self._house.agreement()

    def spend(self, organisation: Oin, answers: int) -> None:
        """Take these answers from the organisation's minute. Raises TooMany when there are not so many left."""
        now = self._house.clock()
        since, spent = self._spent.get(organisation, (now, 0))
        passed = (now - since).total_seconds()
        if not 0 <= passed < 60:
            since, spent, passed = now, 0, 0.0
        if spent + answers > A_MINUTE:
            raise TooMany(retry_after=max(1, 60 - int(passed)))
        self._spent[organisation] = (since, spent + answers)


def evaluate(agreement: AgreementInForce, asked: Asked) -> Evaluation:
    """What the agreement says. Never raises; whatever is not clearly permitted is no."""
    if (asked.subject_type, asked.action, asked.resource_type) != (SUBJECT, ACTION, RESOURCE):
        return Evaluation(False, Reason.UNKNOWN_KIND, agreement.digest)
    said = {name: asked.parts[part].get(key) for name, (part, key) in WORDS.items()}
    flags = {name: asked.parts["context"].get(key) for name, key in FLAGS.items()}
    evidence = asked.parts["context"].get("evidence")
    missing = [f"{part}.{key}" for name, (part, key) in WORDS.items() if said[name] is None]
    missing += [f"context.{key}" for name, key in FLAGS.items() if flags[name] is None]
    missing += ["context.evidence"] if evidence is None else []
    if missing:
        return Evaluation(False, Reason.INCOMPLETE, agreement.digest, missing=tuple(sorted(missing)))
    words = all(isinstance(word, str) for word in said.values()) and isinstance(evidence, str)
    if not words or evidence not in EVIDENCE or not all(isinstance(flag, bool) for flag in flags.values()):
        return Evaluation(False, Reason.UNKNOWN_WORD, agreement.digest)
    fields: dict[str, Any] = {**said, **flags, "evidence": EVIDENCE[evidence]}
    question = PolicyQuestion(**fields)
    if not _known(question, agreement):
        return Evaluation(False, Reason.UNKNOWN_WORD, agreement.digest)
    ruling = agreement.decide(question)
    if ruling.errors:
        return Evaluation(False, Reason.FAILED, agreement.digest)
    if ruling.permitted:
        return Evaluation(True, Reason.PERMITTED, agreement.digest, ruling.rules)
    return Evaluation(False, Reason.FORBIDDEN if ruling.rules else Reason.NOT_AGREED, agreement.digest, ruling.rules)


def _known(question: PolicyQuestion, agreement: AgreementInForce) -> bool:
    words, table = agreement.vocabulary, agreement.signers
    return (
        {question.sender_kind, question.recipient_kind} <= set(words.organisation_kinds)
        and question.role in words.roles
        and question.purpose in words.purposes
        and question.handover_kind in words.handover_kinds
        and question.section_type in words.section_types
        and question.age_band in {table.band(rule.from_age) for rule in table.rules}
    )
