"""The review on real stories and both databases: what stands out becomes an item, once, and somebody signs it off, once."""

import asyncio
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.officers import OfficerRole
from broker.domain.review import CHILDREN, REASONS, REFUSALS, Signal
from broker.domain.sampling import DRAWN, draw, seed_of
from broker.errors import Conflict
from broker.services.sampling import Sampling
from broker.storage import tables as t
from tests.support.officers import officer_browser
from tests.support.review import ELSEWHERE, HERE, THERE, logged, on_a_working_day, today_of, waiting
from tests.support.surface import doubt, nobody_writes, rows_of
from tests.support.world import World

TOM, READER = "tom-to-school", "ib-joris"
CHILD = "child-{}".format


def signals(items) -> list[tuple[Signal, int]]:
    return [(item.signals[0], item.lines) for item in items]


# what stands out


async def test_refused_again_and_again_is_one_item_of_the_day(world: World) -> None:
    on_a_working_day(world)
    await world.push(TOM)
    for _ in range(REFUSALS - 1):
        assert (await world.ask(TOM, READER)).status_code == 403
    await world.settle()
    assert await waiting(world) == []
    for _ in range(3):
        await world.ask(TOM, READER)
    await world.settle()
    (item,) = await waiting(world)
    assert (item.signals[0], item.lines, item.day) == (Signal.REFUSED_OFTEN, 3, today_of(world))
    assert {item.organisation, item.counterpart} == {world.sender(TOM), world.professional(READER)[0]}


async def test_refusals_of_more_than_a_week_ago_do_not_count(world: World) -> None:
    on_a_working_day(world)
    await logged(world, "p-1", *[CHILD(1)] * (REFUSALS - 1))
    on_a_working_day(world, days=7)
    await logged(world, "p-1", CHILD(1))
    assert await waiting(world) == []
    await logged(world, "p-2", *[CHILD(1)] * REFUSALS)
    assert signals(await waiting(world)) == [(Signal.REFUSED_OFTEN, 1)]


async def test_a_request_at_night_is_an_item_with_every_reason(world: World) -> None:
    on_a_working_day(world)
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await world.settle()
    on_a_working_day(world, 22)
    assert (await world.ask(TOM, READER)).status_code == 200
    await world.settle()
    (item,) = await waiting(world)
    assert item.signals[0] is Signal.OUTSIDE_HOURS
    assert {Signal.FIRST_CHILD, Signal.FIRST_ORGANISATION} <= set(item.signals)
    await world.ask(TOM, READER)
    await world.settle()
    assert signals(await waiting(world)) == [(Signal.OUTSIDE_HOURS, 2)]


async def test_many_children_on_one_day_stand_out_searches_too(world: World) -> None:
    on_a_working_day(world)
    await logged(world, "p-1", *map(CHILD, range(CHILDREN - 1)), event=EventType.SUBJECT_SEARCHED)
    await logged(world, "p-1", CHILD(0), event=EventType.SUBJECT_SEARCHED)
    assert await waiting(world) == []
    await logged(world, "p-1", CHILD(99), event=EventType.SUBJECT_SEARCHED)
    assert signals(await waiting(world)) == [(Signal.MANY_CHILDREN, 1)]
    on_a_working_day(world, days=1)
    await logged(world, "p-1", CHILD(0), event=EventType.SUBJECT_SEARCHED)
    assert len(await waiting(world)) == 1


async def test_a_doubt_about_a_contact_stands_out_and_so_does_the_yes_by_it(world: World) -> None:
    on_a_working_day(world)
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await doubt(world)
    assert (await world.ask(TOM, READER)).status_code in (200, 403)
    await world.settle()
    found = {signal for item in await waiting(world) for signal in item.signals}
    assert {Signal.SHARED_CONTACT, Signal.WEAK_EVIDENCE} <= found


async def test_what_was_never_acknowledged_stands_out_after_two_weeks(world: World) -> None:
    on_a_working_day(world)
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    kept, read = (await world.ask(TOM, READER)).json(), (await world.ask(TOM, READER)).json()
    path = f"/v1/releases/{read['id']}/acknowledgement"
    assert (await world.as_professional(READER, "POST", path)).status_code == 204
    await world.settle()
    on_a_working_day(world, days=14)
    await logged(world, "p-9", CHILD(1))
    assert await waiting(world) == []
    on_a_working_day(world, days=15)
    await logged(world, "p-9", CHILD(1))
    (item,) = await waiting(world)
    assert (item.signals, item.lines) == ((Signal.UNREAD,), 1)
    async with world.broker.house.storage(writing=False) as work:
        (entry,) = await work.reviews.lines(item.id, 10)
        logged_line = await work.log.get(entry)
    assert kept["id"].encode() in logged_line.leaf
    on_a_working_day(world, days=16)
    await logged(world, "p-9", CHILD(1))
    assert len(await waiting(world)) == 1


async def test_an_entry_that_cannot_be_read_comes_before_everything(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1))
    house = world.broker.house
    async with house.storage() as work:
        personal = (Personal("p-1", "professional", "p-1"),)
        event = LogEvent(EventType.RELEASE_DENIED, house.clock(), facts={"outcome": "denied"}, personal=personal)
        entry = (await work.log.append(event)).entry.id
        await work.log._run(sa.update(t.log_opening).where(t.log_opening.c.entry_id == entry).values(position=5))
        await work.commit()
    await world.settle()
    first, second = await waiting(world)
    assert (first.signals, second.signals[0]) == ((Signal.UNREADABLE,), Signal.OUTSIDE_HOURS)
    assert await waiting(world, HERE) == [second]
    async with officer_browser(world) as officer:
        page = await officer.browser.get(f"/console/review/items/{first.id}")
        assert entry in page.text
        assert (await officer.browser.get("/console/review")).text.index(first.id) > 0


async def test_every_line_is_in_an_item_once_however_often_it_is_worked_out(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1), CHILD(2))
    await logged(world, "p-2", CHILD(1), at=ELSEWHERE)
    before = await waiting(world)
    lines = await rows_of(world, "review_line")
    assert len(before) == 2
    await world.broker.following.begin_anew()
    await world.settle()
    assert await waiting(world) == before
    assert sorted(map(tuple, await rows_of(world, "review_line"))) == sorted(map(tuple, lines))


# signing off


async def signed(world: World, officer, item: str, note: str = "Gebeld, was spoed."):
    return await officer.browser.post(f"/console/review/items/{item}", data={"csrf": officer.csrf, "note": note})


async def test_signing_off_is_logged_kept_sealed_and_happens_once(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1))
    (item,) = await waiting(world)
    async with officer_browser(world) as officer:
        page = await officer.browser.get("/console/review")
        assert f"/console/review/items/{item.id}" in page.text
        assert "Wat opvalt (1)" in page.text
        for note in ("", "  ", "x" * 301):
            refused = await signed(world, officer, item.id, note)
            assert refused.status_code == 400, note
        assert await waiting(world) == [item]
        done = await signed(world, officer, item.id)
        assert done.status_code == 200
        assert "Gebeld, was spoed." in done.text
        assert (await signed(world, officer, item.id, "Nog eens.")).status_code == 409
    assert await waiting(world) == []
    await world.settle()
    entries = [entry for entry in await world.entries() if entry.type == "review:signed-off"]
    assert [(e.facts["signal"], e.facts["lines"]) for e in entries] == [("outside-hours", 1)]
    assert entries[0].personal["officer"] == [officer.officer]
    assert entries[0].personal["item"] == [item.id]
    (row,) = await rows_of(world, "review_sign_off")
    assert b"Gebeld" not in bytes(row.note_sealed)


async def test_two_officers_at_once_sign_off_once(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1))
    (item,) = await waiting(world)
    async with officer_browser(world) as one, officer_browser(world) as other:
        answers = await asyncio.gather(signed(world, one, item.id), signed(world, other, item.id))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    await world.settle()
    assert len([e for e in await world.entries() if e.type == "review:signed-off"]) == 1


async def test_what_comes_after_a_sign_off_waits_again_also_when_all_is_worked_out_anew(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1), CHILD(2))
    (first,) = await waiting(world)
    async with officer_browser(world) as officer:
        await signed(world, officer, first.id)
        await logged(world, "p-1", CHILD(3))
        (second,) = await waiting(world)
        assert (second.lines, second.id != first.id) == (1, True)
        await world.broker.following.begin_anew()
        await world.settle()
        assert await waiting(world) == [second]
        page = (await officer.browser.get(f"/console/review/items/{first.id}")).text
        assert "Gebeld, was spoed." in page
    async with world.broker.house.storage(writing=False) as work:
        assert len(await work.reviews.lines(first.id, 10)) == 2
        assert await work.reviews.by_day(today_of(world), today_of(world)) == {today_of(world): (2, 1)}


# who sees what


async def test_an_officer_of_one_organisation_sees_and_signs_off_only_their_part(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1))
    await logged(world, "p-1", CHILD(1), at=ELSEWHERE)
    await logged(world, "p-3", CHILD(1), by=THERE, at=THERE)
    every = await waiting(world)
    mine = [item for item in every if THERE in (item.organisation, item.counterpart)]
    other = next(item for item in every if item not in mine)
    assert len(mine) == 2
    assert await waiting(world, THERE) == mine
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=THERE) as officer:
        page = (await officer.browser.get("/console/review")).text
        assert "Wat opvalt (2)" in page
        assert other.id not in page
        hidden = await officer.browser.get(f"/console/review/items/{other.id}")
        nothing = await officer.browser.get("/console/review/items/" + "0" * 32 + "-0")
        assert (hidden.status_code, nothing.status_code) == (404, 404)
        assert hidden.text.replace(other.id, "") == nothing.text.replace("0" * 32 + "-0", "")
        assert (await signed(world, officer, other.id)).status_code == 404
        assert (await signed(world, officer, other.id, "")).status_code == 404
        theirs, asked = sorted(mine, key=lambda item: item.organisation != THERE)
        assert (theirs.organisation, asked.counterpart) == (THERE, THERE)
        seen = await officer.browser.get(f"/console/review/items/{asked.id}")
        assert "Aftekenen" not in seen.text, "what others asked of this organisation is theirs to see, not to close"
        refused = await signed(world, officer, asked.id)
        assert refused.status_code == 403
        assert "van de organisatie die het vroeg" in refused.text
        assert (await signed(world, officer, theirs.id)).status_code == 200
        assert "<dd>1" in (await officer.browser.get("/console/start")).text
    async with world.broker.house.storage(writing=False) as work:
        day = today_of(world)
        assert await work.reviews.by_day(day, day, THERE) == {day: (2, 1)}
        assert await work.reviews.by_day(day, day, ELSEWHERE) == {day: (1, 0)}
        assert await work.reviews.by_day(day, day) == {day: (3, 1)}
        assert await work.reviews.count(ELSEWHERE) == 1
        assert await work.reviews.count(THERE) == 1
        assert await work.reviews.oldest(THERE) == day
        assert await work.reviews.oldest("00000000000000000000") is None


async def test_who_was_asked_does_not_hear_what_was_asked_of_others(world: World) -> None:
    on_a_working_day(world, 10)
    await logged(world, "p-1", *[CHILD(1)] * (REFUSALS - 1), at=ELSEWHERE)
    await logged(world, "p-1", CHILD(2), at=THERE)
    often = [item for item in await waiting(world) if Signal.REFUSED_OFTEN in item.signals]
    assert often, "the one who sees everything sees it"
    assert not [item for item in await waiting(world, THERE) if item.signals[0] is Signal.REFUSED_OFTEN]
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=THERE) as officer:
        for item in often:
            page = await officer.browser.get(f"/console/review/items/{item.id}")
            assert page.status_code == 404 or REASONS[Signal.REFUSED_OFTEN].nl not in page.text
    async with officer_browser(world) as officer:
        page = await officer.browser.get(f"/console/review/items/{often[0].id}")
        assert REASONS[Signal.REFUSED_OFTEN].nl in page.text


async def test_the_log_keeper_sees_numbers_and_no_item(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1))
    (item,) = await waiting(world)
    async with officer_browser(world, role=OfficerRole.KEEPER) as officer:
        assert (await officer.browser.get("/console/start")).status_code == 200
        for path in ("/console/review", f"/console/review/items/{item.id}"):
            assert (await officer.browser.get(path)).status_code == 403
        assert (await signed(world, officer, item.id)).status_code == 403
    assert await waiting(world) == [item]


async def test_looking_is_logged_with_whom_it_was_about(world: World) -> None:
    on_a_working_day(world, 22)
    await logged(world, "p-1", CHILD(1))
    (item,) = await waiting(world)
    async with officer_browser(world) as officer:
        await officer.browser.get("/console/review")
        await officer.browser.get(f"/console/review/items/{item.id}")
    looks = [e for e in await world.entries() if e.type == "log:searched"]
    assert [(e.facts["view"], e.personal.get("subject")) for e in reversed(looks)] == [
        ("review", None),
        ("review-item", [CHILD(1)]),
    ]


async def test_pages_of_the_queue_show_everything_once(world: World) -> None:
    on_a_working_day(world, 22)
    for number in range(9):
        await logged(world, f"p-{number}", CHILD(1), *[CHILD(2)] * (REFUSALS if number % 3 == 0 else 0))
    every = await waiting(world)
    assert len(every) > 9
    weights = [item.weight for item in every]
    assert weights == sorted(weights, reverse=True)
    for party in ("", HERE, THERE):
        walked: list[str] = []
        async with world.broker.house.storage(writing=False) as work:
            while page := await work.reviews.waiting(4, None, party, walked[-1] if walked else ""):
                walked += [item.id for item in page]
            assert await work.reviews.count(party, 5) == 5
        theirs = [item for item in every if party != THERE or item.signals[0] is not Signal.REFUSED_OFTEN]
        assert walked == [item.id for item in theirs]
    async with world.broker.house.storage(writing=False) as work:
        assert await work.reviews.alike(every[0].id, HERE) == 1
    often = await waiting(world, signal=Signal.REFUSED_OFTEN)
    assert [item.signals[0] for item in often] == [Signal.REFUSED_OFTEN] * 3


@pytest.mark.parametrize("item", ["x", "", "\x00-0", "0" * 32, "0" * 32 + "-00", "0" * 32 + "-٠", "' OR 1=1 --"])
async def test_what_is_no_id_of_an_item_is_none(world: World, item: str) -> None:
    async with world.broker.house.storage(writing=False) as work:
        assert await work.reviews.get(item) is None
        assert await work.reviews.lines(item, 5) == []
        assert await work.reviews.waiting(5, None, "", item) == []


# the sample


async def a_day_of_reading(world: World, times: int = DRAWN + 3) -> date:
    on_a_working_day(world)
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    for _ in range(times):
        assert (await world.ask(TOM, READER)).status_code == 200
    await world.settle()
    return today_of(world)


async def test_a_day_is_drawn_when_it_is_over_once_by_any_number_of_brokers(world: World) -> None:
    day = await a_day_of_reading(world)
    sampling = world.broker.sampling
    assert await sampling.draw_due() == 0
    with pytest.raises(Conflict):
        await sampling.again(day)
    on_a_working_day(world, 8, days=1)
    twins = [Sampling(world.broker.house) for _ in range(2)]
    drawn = await asyncio.gather(*(twin.draw_due() for twin in twins))
    assert sum(drawn) == DRAWN
    assert await sampling.draw_due() == 0
    items = await waiting(world, signal=Signal.SAMPLE)
    assert [(item.lines, item.day) for item in items] == [(1, day)] * DRAWN
    async with officer_browser(world) as officer:
        assert f"0 van {DRAWN} afgetekend" in (await officer.browser.get("/console/start")).text
        assert (await signed(world, officer, items[0].id)).status_code == 200
        assert f"1 van {DRAWN} afgetekend" in (await officer.browser.get("/console/start")).text
    await world.broker.following.begin_anew()
    await world.settle()
    assert await waiting(world, signal=Signal.SAMPLE) == items[1:]


async def test_anybody_draws_the_same_from_note_and_leaves(world: World) -> None:
    day = await a_day_of_reading(world)
    on_a_working_day(world, 8, days=1)
    await world.broker.sampling.draw_due()
    again = await world.broker.sampling.again(day)
    assert again.same is True
    async with world.broker.house.storage(writing=False) as work:
        size = (await work.tree.state()).size
        leaves = await work.checkpoints.leaves(0, size)
    facts = [world.broker.ledger.read(leaf.leaf, ()) for leaf in leaves]
    places = [n for n, f in enumerate(facts) if f.type == "release:permitted" and local_day(f.at) == day]
    assert again.drawing.places == draw(seed_of(again.note, day), places)
    assert again.drawing.disclosures == len(places)
    assert [entry for _, entry in again.entries] == [leaves[place].id for place in again.drawing.places]
    assert again.drawing.size > max(places)
    async with nobody_writes(world), world.broker.database.engine.connect() as connection:
        await connection.execution_options(writing=True)
        await connection.execute(sa.update(t.review_drawing).values(places="0 1 2"))
        await connection.commit()
    assert (await world.broker.sampling.again(day)).same is False


async def test_a_day_waits_for_its_last_entry_to_be_in_the_tree(world: World) -> None:
    day = await a_day_of_reading(world)
    on_a_working_day(world, 8, days=1)
    house = world.broker.house
    async with house.storage() as work:
        late = world.clock.fixed - timedelta(days=1)
        await work.log.append(LogEvent(EventType.LOG_CHECKED, late, facts={"outcome": "intact"}))
        assert await work.drawings.unplaced(late + timedelta(seconds=1))
        assert not await work.drawings.unplaced(late)
    assert (await world.broker.sampling.again(day)).same is None


async def test_a_day_without_disclosures_has_no_sample(world: World) -> None:
    on_a_working_day(world)
    await logged(world, "p-1", CHILD(1))
    day = today_of(world)
    on_a_working_day(world, 8, days=1)
    assert await world.broker.sampling.draw_due() == 0
    async with world.broker.house.storage(writing=False) as work:
        assert await work.drawings.of(day) is None
