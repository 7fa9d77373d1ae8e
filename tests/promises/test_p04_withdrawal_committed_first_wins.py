"""P04: a withdrawal that committed first wins; a release that committed first stays lawful. Nothing lies in between.

Two brokers on one database, so that it is the database that decides and not a lock inside one process.
"""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from broker.domain.events import EventType, LogEvent
from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, Professional, ProfessionalId
from broker.domain.releases import ReleaseRequest
from broker.domain.stores import Invitation, Visit
from broker.notifications.courier import Courier
from broker.services.releases import Release, ReleaseDenied
from broker.storage.log import Log
from broker.transparency import ledger
from broker.whole import Broker
from tests.promises.attacks import ALL, JACK, NEEDED, TOM, Case, in_the_order_of_commits, push
from tests.support.world import World, build_broker

FAMILIES, ROUNDS, AT_ONCE = 48, 21, 8
"""A thousand pairs and a few. Many families, because a long history makes every round of a family longer."""
OFTEN = 100
"""So many times each of the two must have come first."""
LONGEST = 900
"""In seconds; on a machine with nothing else to do it takes a small part of that."""


@pytest.fixture
async def other(world: World) -> AsyncIterator[Broker]:
    """A second broker on the same database."""
    broker = build_broker(world.broker.settings, world.clock)
    yield broker
    await broker.database.close()


@dataclass
class Pair:
    """Somebody who may withdraw, and somebody who asks."""

    case: Case
    token: str
    request: ReleaseRequest
    group: str = ""

    async def withdraw(self, broker: Broker) -> None:
        """Stop everything that was said yes to."""
        if not self.group:
            self.group = (await broker.consents.mine(self.token, "nl")).groups[0].id
        types = tuple(section["type"] for section in self.case.body["sections"])
        await broker.consents.withdraw(self.token, self.group, types, "nl")

    async def ask(self, broker: Broker) -> Release | None:
        """What leaves, or None."""
        try:
            return await broker.releases.ask(self.request)
        except ReleaseDenied:
            return None


async def pair(world: World, name: str, signer: str) -> Pair:
    """A family in which everybody said yes; `signer` stands at the door, code and one-time code given."""
    case, house = await push(world, name), world.broker.house
    await case.everybody_says_yes()
    reader = {
        TOM: ("00000099000000020000", "support-coordinator"),
        JACK: ("00000099000000040000", "general-practitioner"),
    }
    oin, role = reader[name]
    now, token, who = house.clock(), secrets.token_urlsafe(32), case.people[signer]
    async with house.storage() as work:
        later = now + timedelta(days=30)
        invitation = Invitation(house.ids(), case.handover.id, case.handover.sender, who, later, answered=True)
        await work.invitations.add(invitation, secrets.token_hex(8), now)
        visit = Visit(house.ids(), "family", who, invitation.id, "verified", "nl", later)
        await work.visits.add(visit, token)
        new = ProfessionalId(house.ids())
        professional = Professional(await work.organisations.professional(Oin(oin), "x", "X", new), Oin(oin), role)
        await work.commit()
    request = ReleaseRequest(professional, HandoverId(case.handover.id), case.body["purpose"])
    return Pair(case, token, request)


def records_behind(entry: Any) -> set[str]:
    """The consent records on which a decision rests."""
    [decision] = entry.personal["decision"]
    return {signer["record"] for section in json.loads(decision) for signer in section["signers"]}


# --- one of the two is held up at its very last step ---------------------------------------------


@contextlib.contextmanager
def held_up(monkeypatch: pytest.MonkeyPatch, kind: EventType) -> Any:
    """Whoever has logged this kind of event waits, with the commit still to come."""
    genuine, arrived, go_on = Log.append, asyncio.Event(), asyncio.Event()

    async def append(log: Log, event: LogEvent) -> Any:
        appended = await genuine(log, event)
        if event.type is kind:
            arrived.set()
            await go_on.wait()
        return appended

    with monkeypatch.context() as patch:
        patch.setattr(Log, "append", append)
        yield arrived, go_on


@pytest.mark.parametrize(("name", "signer"), [(TOM, "tom"), (JACK, "father")])
async def test_a_release_waits_for_a_withdrawal_that_is_about_to_commit(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch, name: str, signer: str
) -> None:
    one = await pair(world, name, signer)
    with held_up(monkeypatch, EventType.CONSENT_WITHDRAWN) as (arrived, go_on):
        withdrawal = asyncio.create_task(one.withdraw(other))
        async with asyncio.timeout(10):
            await arrived.wait()
        release = asyncio.create_task(one.ask(world.broker))
        await asyncio.sleep(0.15)
        assert not release.done(), "it would have decided on a yes that is being taken back"
        go_on.set()
        await withdrawal
        assert await release is None


@pytest.mark.parametrize(("name", "signer"), [(TOM, "tom"), (JACK, "father")])
async def test_a_withdrawal_waits_for_a_release_that_is_about_to_commit(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch, name: str, signer: str
) -> None:
    one = await pair(world, name, signer)
    with held_up(monkeypatch, EventType.RELEASE_PERMITTED) as (arrived, go_on):
        release = asyncio.create_task(one.ask(world.broker))
        async with asyncio.timeout(10):
            await arrived.wait()
        withdrawal = asyncio.create_task(one.withdraw(other))
        await asyncio.sleep(0.15)
        assert not withdrawal.done(), "it would be logged before a release that ignores it"
        go_on.set()
        await withdrawal
        released = await release
    assert released is not None
    assert sorted(part.type for part in released.released) == ALL[name]
    kinds = [entry.type for _, entry in await in_the_order_of_commits(world)]
    assert kinds.index("release:permitted") < kinds.index("consent:withdrawn")
    assert await one.ask(other) is None


# --- a thousand pairs at once --------------------------------------------------------------------


def only_the_race(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what comes after the commits: messages, and a checkpoint for every few entries."""

    async def nothing_sent(_: object) -> int:
        return 0

    monkeypatch.setattr(Courier, "step", nothing_sent)
    monkeypatch.setattr(ledger, "PAUSE", 1.0)


@pytest.mark.slow
async def test_a_thousand_withdrawals_against_a_thousand_releases(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert FAMILIES * ROUNDS >= 1000
    only_the_race(monkeypatch)
    signers = [(TOM, "tom"), (TOM, "mother"), (JACK, "father"), (JACK, "mother")] * (FAMILIES // 4)
    pairs = [await pair(world, name, signer) for name, signer in signers]
    given: dict[str, tuple[int, int]] = {}
    left: dict[tuple[int, int], bool] = {}
    lead = {TOM: 0, JACK: 0}  # in milliseconds, of the withdrawal before the release
    gate = asyncio.Semaphore(AT_ONCE)

    async def rounds(number: int, one: Pair) -> None:
        name, signer = signers[number]
        for turn in range(ROUNDS):
            async with gate:
                for who, about in NEEDED[name]:
                    if who == signer:
                        given[(await one.case.says(who, about)).id] = (number, turn)
                head_start = lead[name] + secrets.randbelow(4)
                asking, stopping = (world.broker, other) if turn % 2 else (other, world.broker)
                release, _ = await asyncio.gather(
                    after(max(-head_start, 0), one.ask(asking)), after(max(head_start, 0), one.withdraw(stopping))
                )
                lead[name] += 3 if release is None else -3  # whoever lost begins earlier next time: it stays close
                left[number, turn] = release is not None

    async with asyncio.timeout(LONGEST):
        await asyncio.gather(*(rounds(number, one) for number, one in enumerate(pairs)))

    log = await in_the_order_of_commits(world)
    withdrawn = {
        (number, turn): index
        for number, one in enumerate(pairs)
        for turn, index in enumerate(
            index
            for index, entry in log
            if entry.type == "consent:withdrawn" and entry.personal["signer"] == [one.case.people[signers[number][1]]]
        )
    }
    released = {
        given[record]: index
        for index, entry in log
        if entry.type == "release:permitted"
        for record in records_behind(entry)
        if record in given
    }
    assert set(withdrawn) == set(left)
    assert set(released) == {turn for turn, gone in left.items() if gone}, "what left is in the log, and nothing else"
    assert [turn for turn, index in released.items() if index > withdrawn[turn]] == []
    assert len(left) == FAMILIES * ROUNDS
    assert len(released) >= OFTEN, "releases often came first"
    assert len(left) - len(released) >= OFTEN, "and so did withdrawals"


async def after(milliseconds: int, doing: Any) -> Any:
    await asyncio.sleep(milliseconds / 1000)
    return await doing
