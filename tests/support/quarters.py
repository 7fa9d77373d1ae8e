"""A quarter that is over, in the log of a broker: as many handovers, answers and readings as one says, about nobody."""

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from typing import Any

from broker.domain.calendar import AMSTERDAM, local_day
from broker.domain.events import EventType, LogEvent
from broker.domain.indicators import Quarter
from broker.domain.parties import Oin
from tests.support.world import World

Happened = tuple[EventType, Mapping[str, Any]]
PUSHED: Happened = (EventType.HANDOVER_PUSHED, {})
YES: Happened = (EventType.CONSENT_GIVEN, {})
NO: Happened = (EventType.CONSENT_REFUSED, {})
STOPPED: Happened = (EventType.CONSENT_WITHDRAWN, {})
CORRECTED: Happened = (EventType.HANDOVER_CORRECTED, {})


def complete(days: int) -> Happened:
    """Everybody had said yes after so many days."""
    return EventType.CONSENT_COMPLETE, {"days": days}


def last_quarter(world: World) -> Quarter:
    """The one before today's."""
    return Quarter.of(local_day(world.clock())).before()


async def in_region(world: World, regions: Mapping[str, str]) -> None:
    """These organisations are in these regions from now on, as the operator would register it."""
    facts = {"state": "active", "sealing": "none"}
    await _log(
        world, [(world.clock(), EventType.ORGANISATION_CHANGED, o, {**facts, "region": r}) for o, r in regions.items()]
    )


async def happened(world: World, quarter: Quarter, many: Iterable[tuple[str, str, Happened, int]]) -> None:
    """In each month of the quarter: so many of these, of an organisation and a kind. Then the log goes on to today."""
    events = []
    for month in quarter.months:
        at = datetime.combine(month + timedelta(days=9), time(12), AMSTERDAM)
        for organisation, kind, (event, facts), number in many:
            events += [(at, event, organisation, {"purpose": "coordination", "handoverKind": kind, **facts})] * number
    events.append((world.clock(), EventType.KEYS_CHANGED, "", {"change": "rotated"}))
    await _log(world, events)
    await world.settle()


async def _log(world: World, events: Iterable[tuple[datetime, EventType, str, Mapping[str, Any]]]) -> None:
    async with world.broker.house.storage() as work:
        for at, event, organisation, facts in events:
            await work.log.append(LogEvent(event, at, Oin(organisation) if organisation else None, facts=dict(facts)))
        await work.commit()
    world.broker.house.log.kick()
