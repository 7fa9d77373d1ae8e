"""The agreement does its part of the families' stories: what they get is given, what the agreement withholds is not.

The facts are copied here, so that the stories stay true whatever happens to their files.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.policy_set import PolicySet


@dataclass(frozen=True)
class Ask:
    """One `ask` of a story: `gives` is what the agreement must give of what is in the handover, and nothing else."""

    name: str
    sender: str
    recipient: str
    role: str
    purpose: str
    kind: str
    age: str
    discussed: bool
    sections: dict[str, bool]
    gives: frozenset[str]

    def question(self, section: str, evidence: EvidenceLevel) -> PolicyQuestion:
        return PolicyQuestion(
            sender_kind=self.sender,
            recipient_kind=self.recipient,
            role=self.role,
            purpose=self.purpose,
            handover_kind=self.kind,
            section_type=section,
            age_band=self.age,
            evidence=evidence,
            discussed_with_family=self.discussed,
            sender_basis=True,
            recipient_basis=True,
            concerns_others=self.sections[section],
        )


CHAYENNE = {
    "timeline": False,
    "roles-and-tasks": False,
    "carrying-capacity": True,
    "parent-health": True,
    "safety-plan": False,
}
TOM = {"status": False, "voice-of-the-child": False, "safety-plan": True, "parent-health": True}
JACK = {"analysis": False, "help-history": False}

EVA = Ask(
    "Eva, psychologist",
    "foster-care",
    "youth-mental-health",
    "psychologist",
    "coordination",
    "change-of-worker",
    "12-15",
    True,
    CHAYENNE,
    frozenset(CHAYENNE),
)
JORIS = Ask(
    "Joris, support coordinator",
    "neighbourhood-team",
    "school",
    "support-coordinator",
    "education-support",
    "feedback-to-school",
    "12-15",
    True,
    TOM,
    frozenset({"status", "voice-of-the-child", "safety-plan"}),
)
ASKS = (
    EVA,
    replace(EVA, name="Eva, Chayenne is 16", age="16+"),
    replace(EVA, name="Sem, system therapist", role="system-therapist"),
    replace(
        EVA,
        name="Fatima, family worker",
        recipient="neighbourhood-team",
        role="family-worker",
        gives=frozenset({"timeline", "roles-and-tasks", "safety-plan"}),
    ),
    replace(
        EVA,
        name="Karin, support coordinator",
        recipient="school",
        role="support-coordinator",
        gives=frozenset({"roles-and-tasks"}),  # but her school is not a recipient
    ),
    JORIS,
    replace(JORIS, name="Joris, for health care", purpose="health-care", gives=frozenset()),
    replace(
        JORIS, name="Sara, not a recipient", recipient="addiction-care", role="addiction-counsellor", gives=frozenset()
    ),
    Ask(
        "Anneke, family worker",
        "school",
        "neighbourhood-team",
        "family-worker",
        "coordination",
        "referral",
        "16+",
        False,
        {"education": False},
        frozenset({"education"}),
    ),
    Ask(
        "Dr. van den Berg",
        "neighbourhood-team",
        "gp",
        "general-practitioner",
        "health-care",
        "inform-gp",
        "0-11",
        True,
        JACK,
        frozenset(JACK),
    ),
)


def every_section() -> Iterator[object]:
    for ask in ASKS:
        for section in ask.sections:
            yield pytest.param(ask, section, id=f"{ask.name}-{section}")


@pytest.mark.parametrize(("ask", "section"), list(every_section()))
@pytest.mark.parametrize("evidence", [EvidenceLevel.NONE, EvidenceLevel.CODE])
def test_the_agreement_does_its_part(shipped: PolicySet, ask: Ask, section: str, evidence: EvidenceLevel) -> None:
    ruling = CedarDecisionPoint(shipped).decide(ask.question(section, evidence))
    assert ruling.errors == 0
    assert ruling.permitted is (section in ask.gives)


@pytest.mark.parametrize("purpose", ["coordination", "education-support", "health-care", "treatment", "safety"])
@pytest.mark.parametrize("kind", ["school", "childcare"])
def test_parent_health_never_reaches_a_school(shipped: PolicySet, kind: str, purpose: str) -> None:
    point = CedarDecisionPoint(shipped)
    for role in shipped.vocabulary.roles:
        for evidence in EvidenceLevel:
            asked = replace(EVA, recipient=kind, role=role, purpose=purpose).question("parent-health", evidence)
            ruling = point.decide(asked)
            assert (ruling.permitted, ruling.errors) == (False, 0)
            assert "parent-health-never-to-school" in ruling.rules
