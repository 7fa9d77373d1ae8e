"""Who reads on after the last event that they saw misses none, whatever was committed in between."""

import asyncio
import contextlib
from collections.abc import Iterable

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import PartnerEvent, PartnerEventType
from broker.storage import tables as t
from tests.promises.attacks import TOM, push, rows
from tests.support.surface import NO_SUCH_ID
from tests.support.world import World

SENDER, SCHOOL, GP = "00000099000000010000", "00000099000000020000", "00000099000000040000"


async def tell(world: World, *events: PartnerEvent) -> None:
    """In one unit of work, which lets others go first between its events and its end."""
    async with world.broker.house.storage() as work:
        for event in events:
            await work.partner_events.add(event)
            await asyncio.sleep(0)
        await work.commit()


async def events_for(world: World, organisations: Iterable[str]) -> list[PartnerEvent]:
    house, [release] = world.broker.house, await rows(world, t.release.select())
    kind, handover = PartnerEventType.CORRECTED, HandoverId(release.handover)
    return [
        PartnerEvent(house.ids(), Oin(oin), kind, handover, release.id, 1, (), house.clock()) for oin in organisations
    ]


async def read(world: World, oin: str, after: str = "") -> list[str]:
    response = await world.as_organisation(oin, "GET", f"/v1/events?after={after}")
    assert response.status_code == 200, response.text
    return [event["id"] for event in response.json()["items"]]


async def released(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200


async def test_an_event_that_was_made_first_and_committed_last_comes_last(world: World) -> None:
    await released(world)
    first, second = await events_for(world, [SCHOOL, SCHOOL])
    assert first.id < second.id
    await tell(world, second)
    [seen] = await read(world, SCHOOL)
    await tell(world, first)
    assert await read(world, SCHOOL, seen) == [first.id]
    assert await read(world, SCHOOL) == [second.id, first.id]


async def test_many_who_tell_the_same_partners_at_once_wait_for_each_other_and_skip_no_place(world: World) -> None:
    await released(world)
    batches = [
        await events_for(world, [SCHOOL, GP, SENDER] if number % 2 else [SENDER, GP, SCHOOL]) for number in range(12)
    ]
    async with asyncio.timeout(30):
        await asyncio.gather(*(tell(world, *batch) for batch in batches))
    for oin in (SCHOOL, GP, SENDER):
        places = [row.place for row in await rows(world, t.partner_event.select()) if row.organisation == oin]
        assert sorted(places) == list(range(1, 13))


async def test_reading_on_while_others_tell_misses_nothing(world: World) -> None:
    await released(world)
    made = await events_for(world, [SCHOOL] * 20)
    seen: list[str] = []

    async def reads() -> None:
        while len(seen) < len(made):
            seen.extend(await read(world, SCHOOL, seen[-1] if seen else ""))

    async with asyncio.timeout(30):
        await asyncio.gather(reads(), *(tell(world, event) for event in made))
    assert sorted(seen) == sorted(event.id for event in made)


async def test_nobody_can_read_on_after_what_they_were_not_told(world: World) -> None:
    await released(world)
    [event] = await events_for(world, [SCHOOL])
    await tell(world, event)
    theirs = await world.as_organisation(GP, "GET", f"/v1/events?after={event.id}")
    nobodys = await world.as_organisation(GP, "GET", f"/v1/events?after={NO_SUCH_ID}")
    assert (theirs.status_code, nobodys.status_code) == (400, 400)
    assert theirs.json()["errors"] == nobodys.json()["errors"]
    assert theirs.json()["errors"][0]["pointer"] == "/after"


async def test_who_tells_of_a_handover_and_who_changes_it_never_wait_for_each_other(world: World) -> None:
    """A family stops something: people first, then what readers are told. A sender corrects: the handover first."""
    await released(world)
    [event] = await events_for(world, [SCHOOL])
    [person, *_] = [PersonId(row.id) for row in await rows(world, t.person.select())]
    changing, telling = asyncio.Event(), asyncio.Event()

    async def tells() -> None:
        async with world.broker.house.storage() as work:
            await work.authorities.hold({person}, exclusively=True)
            telling.set()
            await at_most_a_moment(changing)
            await work.partner_events.add(event)
            await work.commit()

    async def changes() -> None:
        async with world.broker.house.storage() as work:
            assert await work.handovers.get(event.handover, lock="exclusive")
            changing.set()
            await at_most_a_moment(telling)
            await work.authorities.hold({person}, exclusively=True)
            await work.commit()

    async with asyncio.timeout(30):
        await asyncio.gather(tells(), changes())
    assert await read(world, SCHOOL) == [event.id]


async def at_most_a_moment(event: asyncio.Event) -> None:
    """The other one cannot come where there is one writer at a time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(1):
            await event.wait()
