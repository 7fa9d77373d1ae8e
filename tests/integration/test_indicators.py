"""Indicators on a real broker: counted from the log alone, the same when counted again, hidden where there are few."""

import json
from datetime import timedelta
from typing import Any

import pytest

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent
from broker.domain.indicators import Counted, Measure, Quarter, month_of, sheet_of
from broker.domain.officers import OfficerRole
from broker.domain.parties import Oin
from broker.domain.review import UNREAD_AFTER
from broker.errors import NotFound
from broker.services.indicators import IndicatorLine
from broker.services.measuring import Measuring
from tests.promises.attacks import READER, TOM
from tests.support.officers import let_in, signed_in
from tests.support.world import World

JORIS = READER[TOM]
YES = dict.fromkeys(["status", "voice-of-the-child", "safety-plan", "parent-health"], "yes")


async def counts(world: World) -> dict[tuple[str, str, str], int]:
    """By kind, region and measure, over all months."""
    await followed(world)
    async with world.broker.house.storage(writing=False) as work:
        first, last = await work.indicators.span()
        found = await work.indicators.between(first, last + timedelta(days=400)) if first and last else {}
    summed: dict[tuple[str, str, str], int] = {}
    for key, number in found.items():
        if key.measure != Measure.SEEN:
            place = (key.kind, key.region, key.measure)
            summed[place] = summed.get(place, 0) + number
    return summed


async def followed(world: World) -> None:
    await world.settle()
    while await world.broker.following.step():
        pass


async def test_what_happens_to_a_handover_is_counted_by_kind(world: World) -> None:
    await world.push(TOM)
    kind = world.body(TOM)["kind"]
    assert await counts(world) == {(kind, "", "pushed"): 1}
    await world.answer(TOM, "mother", YES)
    world.clock.later("P3D")
    await world.everybody_says_yes(TOM)
    found = await counts(world)
    assert found[kind, "", "days-7"] == 1, "three days after the first question everybody had said yes"
    assert found[kind, "", "yes"] > 0
    release = (await world.ask(TOM, JORIS)).json()["id"]
    await world.as_professional(JORIS, "POST", f"/v1/releases/{release}/acknowledgement")
    assert (await counts(world))[kind, "", "read"] == 1
    await world.withdraw(TOM, "mother", ["status"])
    body = world.body(TOM)
    body["sections"][0]["content"] = "Anders."
    path = f"/v1/handovers/{world.handovers[TOM]}/versions"
    assert (await world.as_organisation(world.sender(TOM), "POST", path, body)).status_code == 201
    found = await counts(world)
    assert (found[kind, "", "stopped"], found[kind, "", "corrected"]) == (1, 1)


async def test_consent_is_complete_once(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await world.withdraw(TOM, "mother", ["status"])
    await world.answer(TOM, "mother", YES)
    complete = [entry for entry in await world.entries() if entry.type == EventType.CONSENT_COMPLETE]
    assert len(complete) == 1
    assert complete[0].facts == {
        "purpose": world.body(TOM)["purpose"],
        "handoverKind": world.body(TOM)["kind"],
        "days": 0,
    }
    assert complete[0].organisation == world.sender(TOM)


async def test_one_no_is_not_complete(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", YES)
    await world.answer(TOM, "father", {})
    assert not [entry for entry in await world.entries() if entry.type == EventType.CONSENT_COMPLETE]
    assert {measure for _, _, measure in await counts(world)} == {"pushed", "yes", "no"}


async def test_what_nobody_acknowledges_in_time_is_unread(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    release = (await world.ask(TOM, JORIS)).json()["id"]
    world.clock.moved += UNREAD_AFTER + timedelta(days=3)
    await an_entry(world)
    assert {measure: n for (_, _, measure), n in (await counts(world)).items() if measure in ("read", "unread")} == {
        "unread": 1
    }
    await world.as_professional(JORIS, "POST", f"/v1/releases/{release}/acknowledgement")
    found = {measure for _, _, measure in await counts(world)}
    assert "unread" in found
    assert "read" not in found, "too late"


async def test_what_was_read_is_counted_by_who_received_it_and_shown_as_one_number(world: World) -> None:
    quarter = Quarter.of(local_day(world.clock()))
    many = [
        (SENDER, SCHOOL, 6),
        (SENDER, STRANGER, 7),
        (SCHOOL, STRANGER, 8),
        (STRANGER, SENDER, 9),
        (SCHOOL, SENDER, 3),
    ]
    for sender, recipient, number in many:
        for read in (True, False):
            await released(world, sender, recipient, number, read=read)
    world.clock.moved += UNREAD_AFTER + timedelta(days=(quarter.last - local_day(world.clock())).days % 90 + 3)
    await an_entry(world)
    await followed(world)
    async with world.broker.house.storage(writing=False) as work:
        first, last = await work.indicators.span()
        assert first is not None
        assert last is not None
        found = await work.indicators.between(first, last)
    for measure in (Measure.READ, Measure.UNREAD):
        pairs = {(k.organisation, k.recipient): n for k, n in found.items() if k.measure == measure}
        assert pairs == {(sender, recipient): number for sender, recipient, number in many}
    sheet = sheet_of(
        quarter,
        {
            Counted(quarter.months[0], k.organisation, k.region, k.kind, k.measure, k.recipient): n
            for k, n in found.items()
        },
    )
    [table] = [table for table in sheet.tables if table.family == "reading"]
    assert table.total == (33, 33)


async def released(world: World, sender: str, recipient: str, number: int, *, read: bool) -> None:
    """So many releases of a sender to a recipient, and whether they were acknowledged at once."""
    async with world.broker.house.storage() as work:
        now = world.broker.house.clock()
        for _ in range(number):
            facts = {"release": world.broker.house.ids(), "purpose": "coordination", "handoverKind": "move"}
            to, by = Oin(recipient), Oin(sender)
            await work.log.append(LogEvent(EventType.RELEASE_PERMITTED, now, to, by, facts=facts))
            if read:
                await work.log.append(LogEvent(EventType.RELEASE_ACKNOWLEDGED, now, to, by, facts=facts))
        await work.commit()
    world.broker.house.log.kick()


async def an_entry(world: World) -> None:
    """Something that happens, so that the log goes on."""
    async with world.broker.house.storage() as work:
        event = LogEvent(EventType.KEYS_CHANGED, world.broker.house.clock(), facts={"change": "rotated"})
        await work.log.append(event)
        await work.commit()
    world.broker.house.log.kick()


async def logged(world: World, number: int, event: EventType, organisation: str, **facts: Any) -> None:
    async with world.broker.house.storage() as work:
        now = world.broker.house.clock()
        for _ in range(number):
            await work.log.append(LogEvent(event, now, Oin(organisation), facts=facts))
        await work.commit()
    world.broker.house.log.kick()


async def in_region(world: World, organisation: str, region: str) -> None:
    await logged(world, 1, EventType.ORGANISATION_CHANGED, organisation, state="active", sealing="none", region=region)


SENDER, SCHOOL, STRANGER = "00000099000000010000", "00000099000000020000", "00000099000000030000"


async def a_quarter(world: World) -> Quarter:
    """Two organisations in two regions, and a third in which there is little; the quarter after it has begun."""
    quarter = Quarter.of(local_day(world.clock()))
    for organisation, region in ((SENDER, "Utrecht"), (SCHOOL, "Utrecht"), (STRANGER, "Zeist")):
        await in_region(world, organisation, region)
    for organisation, number in ((SENDER, 12), (SCHOOL, 9), (STRANGER, 2)):
        await logged(
            world, number, EventType.HANDOVER_PUSHED, organisation, purpose="coordination", handoverKind="move"
        )
        await logged(
            world, number, EventType.HANDOVER_PUSHED, organisation, purpose="coordination", handoverKind="referral"
        )
    world.clock.moved += timedelta(days=(quarter.last - local_day(world.clock())).days + 3)
    await an_entry(world)
    await followed(world)
    return quarter


def values(lines: list[IndicatorLine], **wanted: object) -> dict[tuple[str, str, str, bool], int | None]:
    return {
        (line.month, line.kind, line.region, line.own): line.value
        for line in lines
        if all(getattr(line, name) == value for name, value in wanted.items())
    }


async def test_an_organisation_gets_its_own_part_beside_the_whole_and_nothing_of_two_others(world: World) -> None:
    quarter = await a_quarter(world)
    screen = await world.broker.indicators.of(SENDER, quarter)
    pushed = values(list(screen.lines()), indicator="handovers")
    assert pushed["", "move", "", True] == 12
    assert pushed["", "move", "Utrecht", False] == 21
    assert pushed["", "move", "Zeist", False] is None
    assert pushed["", "", "", False] is None, "without Utrecht it would say how little there is in Zeist"
    small = values(list((await world.broker.indicators.of(STRANGER, quarter)).lines()), indicator="handovers", own=True)
    assert set(small.values()) == {None}


async def test_a_quarter_that_goes_on_is_not_there(world: World) -> None:
    quarter = Quarter.of(local_day(world.clock()))
    await logged(world, 9, EventType.HANDOVER_PUSHED, SENDER, purpose="coordination", handoverKind="move")
    await followed(world)
    assert (await world.broker.indicators.of(SENDER)).sheet is None
    with pytest.raises(NotFound):
        await world.broker.indicators.of(SENDER, quarter)


async def test_counted_again_it_is_the_same_also_when_the_region_changed_since(world: World) -> None:
    quarter = await a_quarter(world)
    before = list((await world.broker.indicators.of("", quarter)).lines())
    await in_region(world, SENDER, "Amersfoort")
    await followed(world)
    await world.broker.following.begin_anew((Measuring.name,))
    with pytest.raises(NotFound):
        await world.broker.indicators.of("", quarter)
    await followed(world)
    assert list((await world.broker.indicators.of("", quarter)).lines()) == before


async def test_a_number_to_call_after_hours_moves_an_organisation_nowhere(world: World) -> None:
    await in_region(world, SENDER, "Utrecht")
    await logged(world, 1, EventType.ORGANISATION_CHANGED, SENDER, by="operator", change="after-hours")
    await logged(world, 1, EventType.HANDOVER_PUSHED, SENDER, purpose="coordination", handoverKind="move")
    await followed(world)
    async with world.broker.house.storage(writing=False) as work:
        assert dict(await work.indicators.regions({SENDER})) == {SENDER: "Utrecht"}


async def test_batches_come_to_the_same_whatever_their_size(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    for days in (0, 3, 20):
        release = (await world.ask(TOM, JORIS)).json()["id"]
        world.clock.moved += timedelta(days=days)
        await world.as_professional(JORIS, "POST", f"/v1/releases/{release}/acknowledgement")
    in_one = await counts(world)
    assert {m: n for (_, _, m), n in in_one.items() if m in ("read", "unread")} == {"read": 2, "unread": 1}
    monkeypatch.setattr("broker.services.following.BATCH", 1)
    await world.broker.following.begin_anew((Measuring.name,))
    assert await counts(world) == in_one


async def test_an_officer_sees_the_whole_and_one_of_an_organisation_its_own_part_too(world: World) -> None:
    await a_quarter(world)
    for role, organisation, own in (
        (OfficerRole.OFFICER, "", False),
        (OfficerRole.OF_ORGANISATION, SCHOOL, True),
    ):
        officer = await let_in(world.broker, role, organisation)
        token = (await signed_in(world.broker, officer))[0]
        screen = await world.broker.indicators.screen(token)
        lines = list(screen.lines())
        assert any(line.own for line in lines) is own
        newest = (await world.entries(1))[0]
        assert (newest.facts["view"], newest.personal["officer"]) == ("indicators", [officer])


async def test_nothing_that_is_kept_for_it_names_a_person(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await world.ask(TOM, JORIS)
    await followed(world)
    async with world.broker.house.storage(writing=False) as work:
        first, last = await work.indicators.span()
        assert first is not None
        assert last is not None
        found = await work.indicators.between(first, last + timedelta(days=60))
        people = set((await work.handovers.people(world.handovers[TOM])).values())
    kept = json.dumps([[str(part) for part in (key.month, key.organisation, key.region, key.kind)] for key in found])
    assert people
    assert not [person for person in people if person in kept]
    assert world.handovers[TOM] not in kept
    assert all(key.month == month_of(key.month) for key in found)
    assert isinstance(next(iter(found)), Counted)
