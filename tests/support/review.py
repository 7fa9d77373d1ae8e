"""What stands out, in tests: a working day that is known, entries made up where a story has too few, and what waits."""

from datetime import date, datetime, timedelta

from broker.domain.calendar import AMSTERDAM, local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.parties import Oin
from broker.domain.review import REFUSALS, Signal
from broker.domain.stores.reviews import Item
from tests.support.world import World

HERE, THERE, ELSEWHERE = "00000099000000010000", "00000099000000020000", "00000099000000030000"


def on_a_working_day(world: World, hour: int = 10, *, days: int = 0) -> datetime:
    """The clock stands still at that hour of the first Wednesday from now on, so many days later."""
    today = datetime.now(AMSTERDAM)
    first = today + timedelta(days=(2 - today.weekday()) % 7 or 7)
    world.clock.fixed = (first + timedelta(days=days)).replace(hour=hour, minute=30, second=0, microsecond=0)
    return world.clock.fixed


async def logged(
    world: World,
    who: str,
    *children: str,
    event: EventType = EventType.RELEASE_DENIED,
    by: str = HERE,
    at: str = THERE,
) -> list[str]:
    """A request, or something like it, about each of these children; ids of the entries."""
    house = world.broker.house
    found: list[str] = []
    async with house.storage() as work:
        for child in children:
            personal = (Personal(who, "professional", who), Personal(child, "subject", child))
            facts = {"outcome": "denied", "reason": "not-a-recipient"} if event is EventType.RELEASE_DENIED else {}
            made = LogEvent(event, house.clock(), Oin(by), Oin(at), facts, personal)
            found.append((await work.log.append(made)).entry.id)
        await work.commit()
    await world.settle()
    return found


async def an_item(world: World) -> str:
    """The id of something that stands out, at whatever hour it is."""
    await logged(world, "p-0", *["child-0"] * REFUSALS)
    return next(item.id for item in await waiting(world) if Signal.REFUSED_OFTEN in item.signals)


async def waiting(world: World, party: str = "", signal: Signal | None = None) -> list[Item]:
    """All that waits, in its order."""
    async with world.broker.house.storage(writing=False) as work:
        return list(await work.reviews.waiting(500, signal, party))


def today_of(world: World) -> date:
    return local_day(world.clock())
