"""What is read in several statements is of one moment: whoever else writes in between is neither half seen nor taken for a thief."""

from typing import Any

import httpx
import pytest

from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import load, load_texts
from broker.storage.authorities import Authorities
from tests.promises.attacks import JACK
from tests.support.world import ROOT, World


class InBetween:
    """The same family is pushed once more, between two statements that read what is known of it."""

    def __init__(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        self._world = world
        self.due = self.done = False
        genuine = Authorities._all

        async def read_and_push(store: Authorities, statement: Any) -> Any:
            rows = await genuine(store, statement)
            if self.due:
                self.due, self.done = False, True
                await self._push()
            return rows

        monkeypatch.setattr(Authorities, "_all", read_and_push)

    async def _push(self) -> None:
        body = {**self._world.body(JACK), "reference": "in-between"}
        answer = await self._world.as_organisation(self._world.sender(JACK), "POST", "/v1/handovers", body)
        assert answer.status_code == 201, answer.text


async def look_back(world: World, _: InBetween) -> httpx.Response:
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        _.due = True
        return await browser.get("/mine")


async def see_own(world: World, between: InBetween) -> httpx.Response:
    await world.token(world.sender(JACK))
    between.due = True
    return await world.as_organisation(world.sender(JACK), "GET", f"/v1/handovers/{world.handovers[JACK]}")


@pytest.mark.parametrize("look", [look_back, see_own])
async def test_who_looks_while_the_same_family_is_pushed_sees_it_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, look: Any
) -> None:
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    between = InBetween(world, monkeypatch)
    answer = await look(world, between)
    assert between.done
    assert answer.status_code == 200, answer.text
    assert set(world.broker.alarms.counts.values()) == {0}


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_who_invites_while_the_same_family_is_pushed_is_no_alarm(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On SQLite nobody writes meanwhile."""
    await world.push(JACK)
    between = InBetween(world, monkeypatch)
    between.due = True
    path = f"/v1/handovers/{world.handovers[JACK]}/invitations"
    answer = await world.as_organisation(world.sender(JACK), "POST", path, {"person": "mother", "delivery": "paper"})
    assert between.done
    assert answer.status_code == 201, answer.text
    assert set(world.broker.alarms.counts.values()) == {0}


async def test_another_agreement_while_somebody_decides_is_no_alarm(world: World) -> None:
    """Who sees the moment before it decides by the newer one, as everybody does from then on."""
    agreements = world.broker.house.agreements
    other = LoadedAgreement(load_texts({**load(ROOT / "policies").texts, "README.md": "another"}))
    async with world.broker.house.storage(writing=False) as work:
        before = await agreements.within(work)
        await agreements.enact(other)
        assert (await agreements.within(work)).digest == other.digest != before.digest
