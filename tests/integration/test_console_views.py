"""The views of the log: every line in each of them, folded where lines read the same, and nobody else's; never hidden."""

import re
from datetime import timedelta

import pytest
import sqlalchemy as sa

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.officers import OfficerRole
from broker.domain.parties import Oin
from broker.errors import NotFound
from broker.services import viewing
from broker.services.officer_screens import EntryFilter
from broker.storage import folding
from broker.storage import tables as t
from tests.support.officers import let_in, officer_browser, signed_in
from tests.support.surface import nobody_writes, rows_of
from tests.support.world import World

TOM, FOSTER = "tom-to-school", "start-of-foster-care"
SENDER, SCHOOL, HOSPITAL = Oin("00000099000000010000"), Oin("00000099000000020000"), Oin("00000099000000030000")
TRIES = 3


async def asked_often(world: World) -> None:
    """The same professional asks three times for the same, and is refused each time."""
    await world.push(TOM)
    for _ in range(TRIES):
        await world.ask(TOM, "ib-joris")
    await world.settle()


async def token_of(world: World, organisation: str = "") -> str:
    role = OfficerRole.OF_ORGANISATION if organisation else OfficerRole.OFFICER
    return (await signed_in(world.broker, await let_in(world.broker, role, organisation)))[0]


async def appended(
    world: World, number: int, organisation: str = SCHOOL, counterpart: str = SENDER, child: str = "child", **more: str
) -> list[str]:
    """So many refusals more, each of another reader, so that no two read the same. Returns their ids, oldest first."""
    house, ids = world.broker.house, []
    async with house.storage() as work:
        for place in range(number):
            reader = f"reader-{child}-{place}"
            personal = (Personal(reader, "professional", reader), Personal(child, "subject", child))
            facts = {"outcome": "denied", "reason": "not-a-recipient", "purpose": "care", **more}
            event = LogEvent(
                EventType.RELEASE_DENIED, house.clock(), Oin(organisation), Oin(counterpart), facts, personal
            )
            ids.append((await work.log.append(event)).entry.id)
        await work.commit()
    return ids


async def every_page(world: World, token: str, wanted: EntryFilter) -> list[str]:
    """The ids of all rows, page after page."""
    found, before = [], ""
    for _ in range(40):
        page = await world.broker.viewing.lines(token, EntryFilter(**{**as_fields(wanted), "before": before}))
        found += [line.row.id for line in page.rows]
        before = page.next
        if not before:
            return found
    raise AssertionError("the pages do not end")


def as_fields(wanted: EntryFilter) -> dict:
    return {name: getattr(wanted, name) for name in EntryFilter.__slots__}


async def test_lines_of_a_day_that_read_the_same_are_one_row_that_opens_to_each(world: World) -> None:
    await asked_often(world)
    token = await token_of(world)
    page = await world.broker.viewing.lines(token, EntryFilter(outcome="denied"))
    [line] = page.rows
    assert (line.times, line.since is not None, bool(line.why)) == (TRIES, True, True)
    opened = await world.broker.viewing.lines(token, EntryFilter(fold=line.fold))
    ids = [one.row.id for one in opened.rows]
    assert ids == sorted((r.entry_id for r in await rows_of(world, "log_entry") if r.type == "release:denied"), reverse=True)  # fmt: skip
    assert line.row.id == ids[0]
    assert all(one.times == 1 for one in opened.rows)
    with pytest.raises(NotFound):
        await world.broker.viewing.lines(token, EntryFilter(fold="019a0000-0000-7000-8000-000000000000"))


async def test_another_outcome_purpose_or_day_is_another_row(world: World) -> None:
    await asked_often(world)
    await world.everybody_says_yes(TOM)
    await world.ask(TOM, "ib-joris")
    await world.ask(TOM, "ib-joris", purpose="research")
    world.clock.moved += timedelta(days=2)
    await world.ask(TOM, "ib-joris", purpose="research")
    await world.settle()
    page = await world.broker.viewing.lines(await token_of(world), EntryFilter())
    assert sorted(line.times for line in page.rows) == [1, 1, 1, TRIES]


async def test_a_line_that_waits_is_shown_before_the_folds_and_no_line_is_passed_over(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(viewing, "PAGE", 7)
    monkeypatch.setattr(folding, "WINDOW", 5)
    token = await token_of(world)
    folded = await appended(world, 16)
    await world.settle()
    in_tree, queued = list[str](), list[str]()
    async with NobodyFollows(world):
        in_tree = await appended(world, 12, child="other")
        while await world.broker.ledger.step():
            pass
        async with NobodySequences(world):
            queued = await appended(world, 12, child="third")
            newest_first = [*folded, *in_tree, *queued][::-1]
            assert await every_page(world, token, EntryFilter(outcome="denied")) == newest_first
            page = await world.broker.viewing.lines(token, EntryFilter(outcome="denied"))
            assert page.lag is not None
            assert page.lag.lines >= 24
            assert await every_page(world, token, EntryFilter(outcome="permitted")) == []
            assert await every_page(world, token, EntryFilter(subject="other")) == in_tree[::-1]
            reader = "reader-third-3"
            assert await every_page(world, token, EntryFilter(reader=reader)) == [queued[3]]
    await world.settle()
    assert await every_page(world, token, EntryFilter(outcome="denied")) == newest_first
    assert (await world.broker.viewing.lines(token, EntryFilter())).lag is None


class NobodyFollows:
    """The followers stand still meanwhile."""

    def __init__(self, world: World) -> None:
        self._following = world.broker.following

    async def __aenter__(self) -> None:
        async def nothing() -> int:
            return 0

        object.__setattr__(self._following, "step", nothing)

    async def __aexit__(self, *_: object) -> None:
        object.__delattr__(self._following, "step")


class NobodySequences(NobodyFollows):
    """The sequencer stands still meanwhile."""

    def __init__(self, world: World) -> None:
        self._following = world.broker.ledger  # type: ignore[assignment]  # it has a step, too


@pytest.mark.parametrize("waits", [False, True])
async def test_every_combination_of_filters_finds_what_it_says(world: World, waits: bool) -> None:
    ours = await appended(world, 3, SCHOOL, SENDER, "a")
    turned = await appended(world, 2, SENDER, SCHOOL, "b")
    other = await appended(world, 2, HOSPITAL, SENDER, "a")
    permitted = await appended(world, 1, SCHOOL, SENDER, "c", outcome="permitted")
    token, today = await token_of(world), local_day(world.broker.house.clock())
    if not waits:
        await world.settle()

    async def found(**wanted: object) -> list[str]:
        return sorted(await every_page(world, token, EntryFilter(**wanted)))

    assert await found(organisation=SCHOOL) == sorted([*ours, *turned, *permitted])
    assert await found(organisation=HOSPITAL) == other
    assert await found(organisation=SCHOOL, outcome="permitted") == permitted
    assert await found(subject="a") == sorted([*ours, *other])
    assert await found(subject="a", organisation=HOSPITAL) == other
    assert await found(subject="a", organisation=SENDER, outcome="denied") == sorted([*ours, *other])
    assert await found(reader="reader-a-0") == sorted([ours[0], other[0]])
    assert await found(reader="reader-a-0", subject="a", organisation=SCHOOL) == [ours[0]]
    assert await found(first_day=today, last_day=today, organisation=HOSPITAL) == other
    assert await found(last_day=today - timedelta(days=1)) == []
    assert await found(first_day=today + timedelta(days=1)) == []


@pytest.mark.parametrize("waits", [False, True])
async def test_an_officer_of_one_organisation_sees_its_own_part_in_every_view(world: World, waits: bool) -> None:
    ours = await appended(world, 3, SCHOOL, SENDER, "a")
    theirs = await appended(world, 3, HOSPITAL, SENDER, "a")
    token = await token_of(world, SCHOOL)
    if not waits:
        await world.settle()
    for wanted in (EntryFilter(), EntryFilter(organisation=SENDER), EntryFilter(subject="a")):
        assert sorted(await every_page(world, token, wanted)) == ours
    for wanted in (EntryFilter(organisation=HOSPITAL), EntryFilter(reader="reader-a-9")):
        assert await every_page(world, token, wanted) == []
    assert await every_page(world, token, EntryFilter(reader="reader-a-1")) == [ours[1]]
    await world.settle()
    today = local_day(world.broker.house.clock())
    days = await world.broker.viewing.days(token)
    assert {row.day: row.counts.denied for row in days.rows}[today] == 3
    found = (await world.broker.viewing.organisations(token)).rows
    assert {row.oin: (row.own.denied, row.others.denied) for row in found} == {SCHOOL: (3, 0), SENDER: (0, 3)}
    whole = {
        row.oin: row.others.denied for row in (await world.broker.viewing.organisations(await token_of(world))).rows
    }
    assert whole[SENDER] == 6
    assert theirs


async def test_a_fold_of_another_organisation_is_not_there(world: World) -> None:
    await asked_often(world)
    [line] = (await world.broker.viewing.lines(await token_of(world), EntryFilter(outcome="denied"))).rows
    own = await world.broker.viewing.lines(await token_of(world, SCHOOL), EntryFilter(fold=line.fold))
    assert len(own.rows) == TRIES
    with pytest.raises(NotFound):
        await world.broker.viewing.lines(await token_of(world, HOSPITAL), EntryFilter(fold=line.fold))


async def test_a_fold_that_says_otherwise_than_its_lines_is_not_believed(world: World) -> None:
    """Somebody who writes in the folds cannot show an officer another organisation's lines."""
    await appended(world, 2, HOSPITAL, SENDER)
    await world.settle()
    await changed(world, sa.update(t.log_fold).values(organisation=SCHOOL, counterpart=SCHOOL))
    token = await token_of(world, SCHOOL)
    assert (await world.broker.viewing.lines(token, EntryFilter())).rows == ()
    [fold, *_] = await rows_of(world, "log_fold")
    with pytest.raises(NotFound):
        await world.broker.viewing.lines(token, EntryFilter(fold=fold.id))


async def changed(world: World, statement: sa.Executable) -> None:
    async with nobody_writes(world), world.broker.database.engine.connect() as connection:
        await connection.execution_options(writing=True)
        await connection.execute(statement)
        await connection.commit()


async def test_beginning_anew_gives_the_same_folds(world: World) -> None:
    await asked_often(world)
    await appended(world, 5)
    await world.settle()
    token = await token_of(world)
    await world.settle()
    before = await folds_of(world)
    assert max(before.values()) == TRIES
    await changed(world, sa.update(t.log_fold).values(entries=9))
    assert await folds_of(world) != before
    await world.broker.following.begin_anew(["folding"])
    await world.settle()
    assert await folds_of(world) == before
    assert len(await every_page(world, token, EntryFilter())) == 6


async def folds_of(world: World) -> dict[str, int]:
    return {row.key or row.last: row.entries for row in await rows_of(world, "log_fold")}


async def test_a_line_that_cannot_be_read_is_in_a_fold_of_its_own(world: World) -> None:
    async with NobodyFollows(world):
        [entry] = await appended(world, 1)
        while await world.broker.ledger.step():
            pass
        await changed(
            world,
            sa.update(t.log_opening)
            .where(t.log_opening.c.entry_id == entry)
            .values(position=t.log_opening.c.position + 5),
        )
    await world.settle()
    [fold] = [row for row in await rows_of(world, "log_fold") if row.last == entry]
    assert (fold.key, fold.kind, fold.organisation, fold.entries) == (None, "denied", SCHOOL, 1)


async def test_days_follow_each_other_down_to_the_first(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "PAGE", 3)
    start = local_day(world.broker.house.clock())
    await appended(world, 2)
    await world.settle()
    world.clock.moved += timedelta(days=5)
    token = await token_of(world)
    first = await world.broker.viewing.days(token)
    second = await world.broker.viewing.days(token, first.next)
    assert [row.day for page in (first, second) for row in page.rows] == [
        start + timedelta(days=5 - n) for n in range(6)
    ]
    assert second.next is None
    assert [row.counts.denied for row in second.rows] == [0, 0, 2]


async def test_organisations_follow_each_other_by_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(viewing, "PAGE", 2)
    token, found, after = await token_of(world), list[str](), ""
    while True:
        page = await world.broker.viewing.organisations(token, after)
        found += [row.oin for row in page.rows]
        if not (after := page.next):
            break
    assert sorted(found) == sorted(row.oin for row in await rows_of(world, "organisation"))
    assert len(found) == len(set(found)) > 2


async def test_every_view_is_logged_by_its_name_and_whom_it_was_about(world: World) -> None:
    await asked_often(world)
    async with officer_browser(world) as officer:
        listed = (await officer.browser.get("/console/disclosures")).text
        for path in ("/console/days", "/console/organisations"):
            assert (await officer.browser.get(path)).status_code == 200
        subject, reader, fold = (_first(listed, name) for name in ("subject", "reader", "fold"))
        today = str(local_day(world.broker.house.clock()))
        for fields in (
            {"subject": subject},
            {"reader": reader},
            {"fold": fold},
            {"organisation": SCHOOL},
            {"first_day": today, "last_day": today},
        ):
            answer = await officer.browser.post("/console/disclosures", data={"csrf": officer.csrf, **fields})
            assert answer.status_code == 200
            assert answer.url.query == b""
    looks = [e for e in reversed(await world.entries()) if e.type == "log:searched"]
    told = [(e.facts["view"], *e.personal.get("subject", ())) for e in looks]
    assert told == [
        ("lines",), ("days",), ("organisations",), ("person", subject), ("professional", reader), ("fold", subject),
        ("organisation",), ("day",),
    ]  # fmt: skip


def _first(page: str, name: str) -> str:
    return next(value for value in re.findall(rf'name="{name}" value="([^"]*)"', page) if value)
