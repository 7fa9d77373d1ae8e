from collections.abc import Callable
from pathlib import Path

import pytest

from broker.domain.decisions import PolicyQuestion
from broker.pdp.policy_set import PolicySet, load
from tests.support.small_agreements import PERMITTED

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
    return PERMITTED
