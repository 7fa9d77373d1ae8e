"""An agreement that a test holds in its hand, in the place of the one in force; and a folder that a test changes."""

import shutil
from pathlib import Path

from broker.domain.ports import AgreementInForce
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import PolicySet, load, load_texts
from tests.support.world import ROOT, World


class Fixed:
    """Always this agreement, whatever the database says: also one that could never be put in force."""

    def __init__(self, agreement: AgreementInForce) -> None:
        self._agreement = agreement

    refused = None
    officers = True

    def now(self) -> AgreementInForce:
        return self._agreement

    async def within(self, work: object) -> AgreementInForce:
        return self._agreement


def decide_with(world: World, agreement: AgreementInForce) -> None:
    """From now on this agreement counts, also for what was consented before."""
    object.__setattr__(world.broker.house, "agreements", Fixed(agreement))


def in_force(world: World, policy_set: PolicySet) -> None:
    """The same, of a policy set."""
    decide_with(world, LoadedAgreement(policy_set, world.broker.alarms.hear))


def copied_policies(directory: Path) -> Path:
    """A copy of the shipped agreement, to be changed."""
    return Path(shutil.copytree(ROOT / "policies", directory / "policies"))


async def propose(world: World) -> str:
    """Propose the shipped agreement with another text beside it; returns the proposal's id."""
    shipped = load(ROOT / "policies")
    other = LoadedAgreement(load_texts({**shipped.texts, "README.md": "another"}))
    return (await world.broker.oversight.propose(other, "A try.")).id
