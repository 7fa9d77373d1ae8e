"""What is worked out from the log: each entry once, in the order of the tree, by any number of brokers, and again at will."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.log_ports import LoggedFacts
from broker.domain.parties import Oin
from broker.errors import Unavailable
from broker.services.counting import Counting, why_refused
from broker.services.following import BATCH, Following
from broker.storage import tables as t
from broker.storage.log import Checkpoints
from broker.storage.rows import Store
from tests.support.surface import nobody_writes
from tests.support.world import World

TOM = "tom-to-school"


class Seen:
    """A follower that only remembers; it fails when it is told to."""

    def __init__(self, name: str = "seen") -> None:
        self.name = name
        self.places: list[int] = []
        self.unreadable: list[int] = []
        self.fails = False

    async def take(self, work, lines) -> None:
        if self.fails:
            raise Unavailable
        self.places += [line.index for line in lines]
        self.unreadable += [line.index for line in lines if line.facts is None]

    async def forget(self, work) -> None:
        self.places.clear()


async def several(world: World, number: int) -> None:
    """That many entries more."""
    house = world.broker.house
    async with house.storage() as work:
        for _ in range(number):
            await work.log.append(LogEvent(EventType.LOG_CHECKED, house.clock(), facts={"outcome": "intact"}))
        await work.commit()
    while await world.broker.ledger.step():
        pass


async def all_of(following: Following) -> None:
    while await following.behind():
        await following.step()


async def test_every_follower_gets_every_entry_once_in_the_order_of_the_tree(world: World) -> None:
    await several(world, BATCH + 30)
    first, late = Seen(), Seen("late")
    await all_of(Following(world.broker.house, (first,)))
    both = Following(world.broker.house, (first, late))
    await several(world, 20)
    await all_of(both)
    async with world.broker.house.storage(writing=False) as work:
        size = (await work.tree.state()).size
    assert first.places == list(range(size)) == late.places


async def test_a_log_that_grows_while_it_is_read_misses_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever comes into the tree after the entries were read is read next time; nobody is told that one is missing."""
    await several(world, 3)
    genuine, grown = Store._all, False

    async def read_and_grow(self: Store, statement: Any) -> Any:
        nonlocal grown
        rows = await genuine(self, statement)
        if isinstance(self, Checkpoints) and not grown:
            grown = True
            await several(world, 3)
        return rows

    monkeypatch.setattr(Store, "_all", read_and_grow)
    async with world.broker.house.storage(writing=False) as work:
        first = await work.checkpoints.leaves(0, BATCH)
    async with world.broker.house.storage(writing=False) as work:
        assert len(await work.checkpoints.leaves(0, BATCH)) >= len(first) + 3
    assert grown


async def test_two_brokers_share_the_work_and_count_nothing_twice(world: World) -> None:
    seen = Seen()
    twins = [Following(world.broker.house, (seen,)) for _ in range(2)]
    await several(world, 60)
    await asyncio.gather(*(twin.step() for twin in twins for _ in range(4)))
    await all_of(twins[0])
    assert sorted(seen.places) == seen.places == sorted(set(seen.places))


async def test_what_fails_keeps_nothing_and_is_tried_again(world: World) -> None:
    seen = Seen()
    following = Following(world.broker.house, (Counting(), seen))
    await all_of(following)
    before = await counted(world)
    await several(world, 3)
    seen.fails = True
    with pytest.raises(Unavailable):
        await following.step()
    seen.fails = False
    await world.settle()
    await all_of(following)
    after = await counted(world)
    assert sum(after.values()) == sum(before.values()) + 3


async def counted(world: World) -> dict:
    day = local_day(world.broker.house.clock())
    async with world.broker.house.storage(writing=False) as work:
        return dict(await work.daily.between(day - timedelta(days=400), day + timedelta(days=400)))


async def test_the_counts_say_what_happened_between_whom_and_why_not(world: World) -> None:
    await world.push(TOM)
    await world.ask(TOM, "ib-joris")
    await world.everybody_says_yes(TOM)
    await world.ask(TOM, "ib-joris")
    await world.settle()
    counts = await counted(world)
    requests = {(k.outcome, k.reason): n for k, n in counts.items() if k.type.startswith("release:")}
    assert requests[("denied", "consent-not-complete")] == 1
    assert sum(n for (outcome, _), n in requests.items() if outcome in ("permitted", "partly")) == 1
    entry = next(k for k in counts if k.outcome == "denied")
    async with world.broker.house.storage(writing=False) as work:
        own = await work.daily.between(entry.day, entry.day, entry.counterpart)
        nobody = await work.daily.between(entry.day, entry.day, "00000000000000000000")
    assert own
    assert {entry.counterpart in (k.organisation, k.counterpart) for k in own} == {True}
    assert nobody == {}


async def test_beginning_anew_gives_the_same_counts(world: World) -> None:
    await world.push(TOM)
    await world.ask(TOM, "ib-joris")
    await world.settle()
    before = await counted(world)
    async with world.broker.house.storage() as work:
        await work.daily.add({next(iter(before)): 7})
        await work.commit()
    assert await counted(world) != before
    await world.broker.following.begin_anew()
    await world.settle()
    assert await counted(world) == before


async def test_an_entry_that_is_not_what_was_logged_is_handed_on_as_unreadable(world: World) -> None:
    await several(world, 2)
    seen, alarms = Seen(), []
    following = Following(world.broker.house, (seen,), lambda error, where: alarms.append((error.code, where)))
    await all_of(following)
    house = world.broker.house
    async with house.storage() as work:
        personal = (Personal("o-1", "officer", "o-1"),)
        entry = (await work.log.append(LogEvent(EventType.LOG_CHECKED, house.clock(), personal=personal))).entry.id
        await work.commit()
    while await world.broker.ledger.step():
        pass
    async with nobody_writes(world), world.broker.database.engine.connect() as connection:
        await connection.execution_options(writing=True)
        await connection.execute(sa.update(t.log_opening).where(t.log_opening.c.entry_id == entry).values(position=5))
        await connection.commit()
    await all_of(following)
    assert seen.unreadable == [seen.places[-1]]
    assert alarms


@pytest.mark.parametrize(
    ("facts", "personal", "why"),
    [
        ({"outcome": "denied", "reason": "not-a-recipient"}, {}, "not-a-recipient"),
        ({"outcome": "denied"}, {"decision": ['[{"told": "not-in-agreement"}, {"told": "consent-not-complete"}]']}, "consent-not-complete"),
        ({"outcome": "partly"}, {"decision": ['[{"told": ""}, {"told": "not-in-agreement"}]']}, "not-in-agreement"),
        ({"outcome": "denied"}, {}, ""),
        ({"outcome": "permitted"}, {"decision": ['[{"told": ""}]']}, ""),
        ({"outcome": "intact"}, {}, ""),
    ],
)  # fmt: skip
def test_one_reason_is_counted_for_a_refusal(facts, personal, why) -> None:
    from datetime import UTC, datetime

    read = LoggedFacts("release:denied", datetime.now(UTC), Oin("1"), Oin("2"), facts, personal)
    assert why_refused(read) == why
