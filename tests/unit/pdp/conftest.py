from collections.abc import Callable
from pathlib import Path

import pytest

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.pdp.policy_set import PolicySet, load

SHIPPED = Path(__file__).parents[3] / "policies"
Changed = Callable[[str, str, str], dict[str, str]]


@pytest.fixture(scope="session")
def shipped() -> PolicySet:
    return load(SHIPPED)


@pytest.fixture
def changed(shipped: PolicySet) -> Changed:
    """The shipped texts with one replacement in one file; fails when there is nothing to replace."""

    def change(file: str, old: str, new: str) -> dict[str, str]:
        text = shipped.texts[file]
        assert old in text
        return {**shipped.texts, file: text.replace(old, new, 1)}

    return change


@pytest.fixture
def question() -> PolicyQuestion:
    """One that the shipped agreement permits."""
    return PolicyQuestion(
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
