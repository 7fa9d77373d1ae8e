"""P04: a timeline out of what several organisations wrote is exactly what the rules give at the moment of its commit.

Whoever writes at the same time, wherever: two brokers on one database, so that it is the database that decides. What must
have come out is worked out afterwards from the log alone, in the order of commits, by a model that knows no locks.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from broker.domain.consents import Stance
from broker.domain.events import EventType
from broker.domain.parties import Oin, Professional, ProfessionalId
from broker.errors import Unavailable
from broker.services import lifelines
from broker.services.lifelines import Search, Timeline
from broker.services.recording import keep
from broker.storage.log import Log
from broker.storage.unit_of_work import SqlUnitOfWork
from broker.whole import Broker
from tests.promises.attacks import GIVEN, NOTICE, NOTICE_DIGEST, WITHDRAWN, Case, entries, in_the_order_of_commits
from tests.promises.test_p04_withdrawal_committed_first_wins import held_up
from tests.support.lifelines import FOSTER, MENTAL, PURPOSE, SCHOOL, SENDERS, SIGNERS, TEAM, Girl, timeline
from tests.support.world import World, build_broker

ROUNDS = 5
"""Of each history; in each, all that happens happens at once."""


@pytest.fixture
async def other(world: World) -> AsyncIterator[Broker]:
    """A second broker on the same database."""
    broker = build_broker(world.broker.settings, world.clock)
    yield broker
    await broker.database.close()


@dataclass
class History:
    """A girl about whom three write, who is read about all the time; and every version of every text."""

    world: World
    brokers: tuple[Broker, ...]
    girl: Girl
    cases: dict[str, Case] = field(default_factory=dict)
    texts: dict[tuple[str, int], str] = field(default_factory=dict)
    got: dict[str, frozenset[str]] = field(default_factory=dict)
    asked: int = 0

    async def begin(self) -> "History":
        """Everybody wrote once, and everybody said yes."""
        for sender in SENDERS:
            await self.pushes(sender)
            for signer in SIGNERS:
                await self.says(self.brokers[0], sender, signer, GIVEN)
        return self

    async def pushes(self, sender: str) -> None:
        text = f"text {len(self.texts)} of {sender}"
        case = await self.girl.push(sender, timeline(("2020", text)))
        self.cases[case.handover.id] = case
        self.texts[case.handover.id, 1] = text

    async def corrects(self, handover: str) -> None:
        """Another text; refused once it was withdrawn."""
        case, text = self.cases[handover], f"text {secrets.token_hex(8)} instead of {handover}"
        body = {**case.body, "sections": [timeline(("2021", text))]}
        path = f"/v1/handovers/{handover}/versions"
        answer = await self.world.as_organisation(case.handover.sender, "POST", path, body)
        assert answer.status_code in (201, 409), answer.text
        if answer.status_code == 201:
            self.texts[handover, answer.json()["version"]] = text

    async def withdraws(self, handover: str) -> None:
        path = f"/v1/handovers/{handover}"
        answer = await self.world.as_organisation(self.cases[handover].handover.sender, "DELETE", path)
        assert answer.status_code == 204, answer.text

    async def says(self, broker: Broker, sender: str, signer: str, state: Stance) -> None:
        """What the pages do: signer held, record signed, logged and told, one commit."""
        case = next(one for one in self.cases.values() if one.handover.sender == sender)
        house, record = broker.house, case.record(signer, "chayenne", state)
        async with house.storage() as work:
            await work.authorities.hold({record.signer}, exclusively=True)
            await work.consents.keep_notice(NOTICE_DIGEST, "nl", NOTICE, record.at)
            await keep(work, house, record.signer, Oin(sender), (record,), record.at)
            await work.commit()

    async def asks(self, broker: Broker) -> None:
        """A professional of their own asks, so that the log tells which answer it was."""
        self.asked += 1
        who = await professional(broker, f"asker-{self.asked}")
        found = await ask(broker, self.girl, who)
        self.got[who.id] = frozenset(entry.what for entry in found.entries)
        assert len(self.got[who.id]) == len(found.entries)

    async def expected(self) -> dict[str, frozenset[str]]:
        """What each asker must have got, by the log alone."""
        yes: set[tuple[str, str]] = set()
        there: dict[str, int] = {}
        found: dict[str, frozenset[str]] = {}
        signers = {person: name for name, person in next(iter(self.cases.values())).people.items()}
        for _, entry in await in_the_order_of_commits(self.world):
            [handover] = entry.personal.get("handover", [""])
            signer = signers.get(next(iter(entry.personal.get("signer", [])), ""), "")
            if entry.type == EventType.CONSENT_GIVEN:
                yes.add((entry.organisation, signer))
            elif entry.type == EventType.CONSENT_WITHDRAWN:
                yes.discard((entry.organisation, signer))
            elif entry.type in (EventType.HANDOVER_PUSHED, EventType.HANDOVER_CORRECTED):
                there[handover] = there.get(handover, 0) + 1
            elif entry.type == EventType.HANDOVER_WITHDRAWN:
                del there[handover]
            elif entry.type == EventType.SUBJECT_SEARCHED:
                found[entry.personal["professional"][0]] = frozenset(
                    self.texts[one, version] for one, version in there.items() if self._open(one, yes)
                )
        return found

    def _open(self, handover: str, yes: Collection[tuple[str, str]]) -> bool:
        return all((self.cases[handover].handover.sender, signer) in yes for signer in SIGNERS)


async def professional(broker: Broker, name: str) -> Professional:
    """Somebody new in the team."""
    house = broker.house
    async with house.storage() as work:
        new = ProfessionalId(house.ids())
        found = Professional(
            await work.organisations.professional(Oin(TEAM), name, name, new), Oin(TEAM), "family-worker"
        )
        await work.commit()
    return found


async def ask(broker: Broker, girl: Girl, who: Professional) -> Timeline:
    return await broker.lifelines.timeline(who, Search("bsn", girl.bsn, PURPOSE))


def whats(found: Timeline) -> list[str]:
    return [entry.what for entry in found.entries]


@pytest.mark.parametrize("history", range(3))
async def test_whatever_happens_at_once_each_gets_what_holds_at_their_commit(
    world: World, other: Broker, history: int
) -> None:
    chance = secrets.SystemRandom()
    lived = await History(world, (world.broker, other), Girl(world)).begin()
    for _ in range(ROUNDS):
        at = lived.brokers
        kept = list(lived.cases)
        doing = [lived.asks(chance.choice(at)) for _ in range(4)]
        for sender in chance.sample(SENDERS, 2):
            state = chance.choice((GIVEN, WITHDRAWN, GIVEN))
            doing.append(lived.says(chance.choice(at), sender, chance.choice(SIGNERS), state))
        doing.append(lived.corrects(chance.choice(kept)))
        doing.append(lived.pushes(chance.choice(SENDERS)))
        if len(kept) > len(SENDERS) and chance.random() < 0.6:
            doing.append(lived.withdraws(kept[-1]))
        chance.shuffle(doing)
        async with asyncio.timeout(60):
            await asyncio.gather(*doing)
    assert lived.got == await lived.expected()
    assert len(set(lived.got.values())) > 1, "something happened"


async def three(world: World) -> tuple[History, Professional]:
    history = await History(world, (world.broker,), Girl(world)).begin()
    return history, await professional(world.broker, "asker")


async def test_a_timeline_waits_for_a_withdrawal_that_is_about_to_commit(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, who = await three(world)
    with held_up(monkeypatch, EventType.CONSENT_WITHDRAWN) as (arrived, go_on):
        stopping = asyncio.create_task(history.says(other, MENTAL, "mother", WITHDRAWN))
        async with asyncio.timeout(10):
            await arrived.wait()
        asking = asyncio.create_task(ask(world.broker, history.girl, who))
        await asyncio.sleep(0.15)
        assert not asking.done(), "it would hold what is being taken back"
        go_on.set()
        await stopping
        found = await asking
    assert {entry.part.source.organisation for entry in found.entries} == {FOSTER, SCHOOL}
    assert len(await entries(world, "release:permitted")) == 2
    assert await entries(world, "release:denied") == []


async def test_a_withdrawal_waits_for_a_timeline_that_is_about_to_commit(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, who = await three(world)
    with held_up(monkeypatch, EventType.SUBJECT_SEARCHED) as (arrived, go_on):
        asking = asyncio.create_task(ask(world.broker, history.girl, who))
        async with asyncio.timeout(10):
            await arrived.wait()
        stopping = asyncio.create_task(history.says(other, MENTAL, "mother", WITHDRAWN))
        await asyncio.sleep(0.15)
        assert not stopping.done(), "it would be logged before a release that ignores it"
        go_on.set()
        await stopping
        found = await asking
    assert {entry.part.source.organisation for entry in found.entries} == set(SENDERS)
    kinds = [entry.type for _, entry in await in_the_order_of_commits(world)]
    assert max(i for i, kind in enumerate(kinds) if kind == "release:permitted") < kinds.index("consent:withdrawn")
    assert len(whats(await ask(other, history.girl, who))) == 2


async def test_an_organisation_that_withdraws_first_is_not_in_a_timeline_that_waited_for_it(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, who = await three(world)
    [mental] = [one for one, case in history.cases.items() if case.handover.sender == MENTAL]
    with held_up(monkeypatch, EventType.HANDOVER_ERASED) as (arrived, go_on):
        ending = asyncio.create_task(other.handovers.withdraw(Oin(MENTAL), mental))
        async with asyncio.timeout(10):
            await arrived.wait()
        asking = asyncio.create_task(ask(world.broker, history.girl, who))
        await asyncio.sleep(0.15)
        assert not asking.done(), "it would give what is just being destroyed"
        go_on.set()
        await ending
        found = await asking
    assert {entry.part.source.organisation for entry in found.entries} == {FOSTER, SCHOOL}
    assert {one.handover for one in found.releases} == history.cases.keys() - {mental}
    assert len(await entries(world, "release:permitted")) == 2


async def test_an_organisation_that_withdraws_while_a_timeline_is_read_comes_after_it_and_tells_who_read(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, who = await three(world)
    [mental] = [one for one, case in history.cases.items() if case.handover.sender == MENTAL]
    with held_up(monkeypatch, EventType.SUBJECT_SEARCHED) as (arrived, go_on):
        asking = asyncio.create_task(ask(world.broker, history.girl, who))
        async with asyncio.timeout(10):
            await arrived.wait()
        ending = asyncio.create_task(other.handovers.withdraw(Oin(MENTAL), mental))
        await asyncio.sleep(0.15)
        assert not ending.done(), "it would be gone before a release that gives it"
        go_on.set()
        await ending
        found = await asking
    assert {entry.part.source.organisation for entry in found.entries} == set(SENDERS)
    events = (await world.as_organisation(TEAM, "GET", "/v1/events")).json()["items"]
    [told] = [event["data"] for event in events if event["type"] == "nl.rondom.handover-withdrawn.v1"]
    assert told["release"] == next(one.id for one in found.releases if one.handover == mental)
    assert len(whats(await ask(other, history.girl, who))) == 2


async def test_what_came_while_it_was_locking_is_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    history, who = await three(world)
    genuine, looks = lifelines._about, [0]

    async def late(*asked: Any) -> Sequence[Any]:
        looks[0] += 1
        found = await genuine(*asked)
        return found[:-1] if looks[0] == 1 else found

    monkeypatch.setattr(lifelines, "_about", late)
    assert len(whats(await ask(world.broker, history.girl, who))) == len(SENDERS)
    assert len(await entries(world, "subject:searched")) == 1, "what was begun in vain is nowhere"


async def test_what_never_comes_to_rest_is_refused_and_leaves_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    history, who = await three(world)
    genuine, looks = lifelines._about, [0]

    async def ever_more(*asked: Any) -> Sequence[Any]:
        looks[0] += 1
        found = await genuine(*asked)
        return found if looks[0] % 2 == 0 else found[:-1]

    monkeypatch.setattr(lifelines, "_about", ever_more)
    with pytest.raises(Unavailable):
        await ask(world.broker, history.girl, who)
    assert await entries(world, "subject:searched", "release:permitted") == []
    assert await world.messages("was-read") == []


async def test_what_cannot_be_committed_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    history, who = await three(world)

    async def refused(_work: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(SqlUnitOfWork, "commit", refused)
        with pytest.raises(Unavailable):
            await ask(world.broker, history.girl, who)
    assert await entries(world, "subject:searched", "release:permitted") == []


@pytest.mark.parametrize("at", [1, 2, 3])
async def test_a_log_that_fails_half_way_leaves_nothing(world: World, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    history, who = await three(world)
    genuine, written = Log.append, [0]

    async def append(log: Log, event: Any) -> Any:
        written[0] += 1
        if written[0] > at:
            raise Unavailable
        return await genuine(log, event)

    with monkeypatch.context() as patch:
        patch.setattr(Log, "append", append)
        with pytest.raises(Unavailable):
            await ask(world.broker, history.girl, who)
    assert await entries(world, "subject:searched", "release:permitted") == []
    assert await world.messages("was-read") == []
