from pathlib import Path

import pytest

from broker.pdp.policy_set import PolicySet, load

SHIPPED = Path(__file__).parents[2] / "policies"


@pytest.fixture(scope="session")
def shipped() -> PolicySet:
    return load(SHIPPED)
