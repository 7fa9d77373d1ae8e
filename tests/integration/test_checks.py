"""Checks, watchers and numbers on a real broker and both databases: kept in rows, logged, narrowed, one at a time."""

import asyncio
import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.log_ports import LogCheck
from broker.domain.officers import OfficerRole
from broker.domain.stores import Came, ExaminationKind
from broker.errors import BrokerError, NotAllowed, Tampered, Unavailable, Words
from broker.services import checks as checking
from broker.services.check_screens import ChecksScreen, Mark
from broker.services.pictures import Period
from broker.services.ringing import Ringing
from broker.services.watchers import BATCH, PAGE
from broker.storage import tables as t
from tests.support.officers import let_in, signed_in
from tests.support.surface import rows_of
from tests.support.world import World, started_again

SENDER, SCHOOL, STRANGER = "00000099000000010000", "00000099000000020000", "00000099000000030000"
TOM = "tom-to-school"
LOG = ExaminationKind.LOG


async def an_officer(world: World, role: OfficerRole = OfficerRole.OFFICER, organisation: str = "") -> tuple[str, str]:
    """(pseudonym, token)."""
    officer = await let_in(world.broker, role, organisation)
    return officer, (await signed_in(world.broker, officer))[0]


def marked(screen: ChecksScreen, what: str) -> Mark:
    return next(row.mark for row in screen.rows if row.what.en == what)


# checks


async def test_a_check_is_kept_with_who_did_it_and_logged(world: World) -> None:
    officer, token = await an_officer(world, OfficerRole.KEEPER)
    await world.settle()
    assert (await world.broker.checks.screen(token)).whole.mark is Mark.ATTENTION, "never done"
    await world.broker.checks.begin(token)
    screen = await world.broker.checks.screen(token)
    assert (screen.whole.mark, screen.whole.by, screen.running) == (Mark.GOOD, officer, None)
    newest = (await world.entries(1))[0]
    assert (newest.type, newest.facts["outcome"]) == (EventType.LOG_CHECKED.value, "intact")
    assert newest.personal["officer"] == [officer]
    world.clock.later("P3D")
    token = (await signed_in(world.broker, officer))[0]  # type: ignore[arg-type] # an id
    assert (await world.broker.checks.screen(token)).whole.mark is Mark.ATTENTION, "too long ago"


async def test_an_officer_of_one_organisation_does_not_check(world: World) -> None:
    _, token = await an_officer(world, OfficerRole.OF_ORGANISATION, SCHOOL)
    for call in (world.broker.checks.screen, world.broker.checks.begin, world.broker.watchers.page):
        with pytest.raises(NotAllowed):
            await call(token)
    assert await rows_of(world, "examination") == []


class Slow:
    """The log, whose check waits until it may end."""

    def __init__(self, log: object, error: BrokerError | None = None) -> None:
        self._log, self._error = log, error
        self.begun, self.may_end, self.times = asyncio.Event(), asyncio.Event(), 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    async def examine(self, tick) -> LogCheck:
        self.times += 1
        tick(7)
        self.begun.set()
        await self.may_end.wait()
        if self._error is not None:
            raise self._error
        return LogCheck(True, Words("Klopt.", "Right."))


@contextlib.asynccontextmanager
async def slowly(world: World, monkeypatch: pytest.MonkeyPatch, error: BrokerError | None = None):
    """Checks of one broker on this database, of which the log is slow."""
    slow = Slow(world.broker.house.log, error)
    house = replace(world.broker.house, log=slow)
    monkeypatch.setattr(checking, "SOON", 0.05)
    monkeypatch.setattr(checking, "PACE", 0.01)
    checks = checking.Checks(
        house, world.broker.oversight, world.broker.keys, {}, world.broker.following.behind, lambda: True
    )
    task = asyncio.create_task(checks.run())
    try:
        yield checks, slow
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_long_check_goes_on_behind_the_page_and_there_is_one_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, token = await an_officer(world)
    async with slowly(world, monkeypatch) as (checks, slow):
        await checks.begin(token)  # returns although the check goes on
        await slow.begun.wait()
        running = None
        while running is None or running.done != 7:
            running = (await checks.screen(token)).running
        await checks.begin(token)
        await world.broker.checks.begin(token)  # nor at another broker of the same database
        slow.may_end.set()
        await checks.settled()
        assert slow.times == 1
        assert (await world.broker.checks.screen(token)).whole.says.en == "Right."


async def test_a_check_that_died_with_its_broker_does_not_block_the_next(world: World) -> None:
    officer, token = await an_officer(world)
    house = world.broker.house
    async with house.storage() as work:
        assert await work.checks.begin(LOG, "dead", 9, house.clock(), house.clock() - checking.SILENT)
        await work.commit()
    await world.broker.checks.begin(token)
    assert (await world.broker.checks.screen(token)).whole.at is None, "one is going on, as far as anybody knows"
    world.clock.later("P1D")
    token = (await signed_in(world.broker, officer))[0]  # type: ignore[arg-type] # an id
    await world.broker.checks.begin(token)
    assert (await world.broker.checks.screen(token)).whole.mark is Mark.GOOD


async def test_a_check_that_breaks_off_can_be_begun_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    _, token = await an_officer(world)
    async with slowly(world, monkeypatch, Unavailable()) as (checks, slow):
        slow.may_end.set()
        await checks.begin(token)
        await checks.settled()
        screen = await checks.screen(token)
        assert (screen.running, screen.whole.at) == (None, None)
        await checks.begin(token)
        await checks.settled()
        assert slow.times == 2


async def test_what_the_machine_found_is_shown_too_and_an_older_result_never_hides_a_newer(world: World) -> None:
    _, token = await an_officer(world)
    found = Words("Regel 7 is veranderd.", "Line 7 was changed.")
    await world.broker.checks.keep(Came.NOT_INTACT, found)
    whole = (await world.broker.checks.screen(token)).whole
    assert (whole.mark, whole.says, whole.by) == (Mark.BAD, found, "")
    async with world.broker.house.storage() as work:
        last = await work.checks.result(LOG)
        assert last is not None
        await work.checks.keep(replace(last, at=last.at - timedelta(hours=1), came=Came.INTACT))
        await work.commit()
    assert (await world.broker.checks.screen(token)).whole.mark is Mark.BAD


async def test_replay_leaves_its_result_when_it_made_all_of_them(world: World) -> None:
    _, token = await an_officer(world)
    await world.push(TOM)
    await world.ask(TOM, "ib-joris")
    await world.settle()
    await world.broker.replay.run(since=world.broker.house.clock() - timedelta(days=1))
    what = "All decisions made again"
    assert marked(await world.broker.checks.screen(token), what) is Mark.ATTENTION, "a part is not all"
    await world.broker.replay.run()
    screen = await world.broker.checks.screen(token)
    assert marked(screen, what) is Mark.GOOD
    assert "1 decisions: 0 come out differently" in next(row.says.en for row in screen.rows if row.what.en == what)


async def test_alarms_are_kept_once_and_shown_for_a_week(world: World) -> None:
    officer, token = await an_officer(world)
    what = "Alarms of the last seven days"
    assert marked(await world.broker.checks.screen(token), what) is Mark.GOOD
    world.broker.alarms.hear(Tampered(), "sequencer")
    ringing = Ringing(world.broker.house, world.broker.alarms)
    await ringing.keep()
    await ringing.keep()
    assert [row.rang for row in await rows_of(world, "alarm_day")] == [1]
    world.broker.alarms.hear(Tampered(), "sequencer")
    await ringing.keep()
    assert [row.rang for row in await rows_of(world, "alarm_day")] == [2]
    assert marked(await world.broker.checks.screen(token), what) is Mark.BAD
    world.clock.later("P9D")
    token = (await signed_in(world.broker, officer))[0]  # type: ignore[arg-type] # an id
    assert marked(await world.broker.checks.screen(token), what) is Mark.GOOD


async def test_keys_are_shown_by_id_and_age_alone(world: World) -> None:
    _, token = await an_officer(world)
    keys = (await world.broker.checks.screen(token)).keys
    assert {key.kid for key in keys} == {key.kid for key in await world.broker.keys.all()}
    assert all(key.mark is Mark.ATTENTION for key in keys), "keys of a demonstration"


# watchers


async def looks(world: World, officer: str, view: str, number: int, about: str = "") -> None:
    """So many looks more of an officer at one view."""
    house = world.broker.house
    async with house.storage() as work:
        for _ in range(number):
            personal = [Personal(officer, "officer", officer)]
            personal += [Personal(about, "subject", about)] if about else []
            await work.log.append(
                LogEvent(EventType.LOG_SEARCHED, house.clock(), facts={"view": view}, personal=tuple(personal))
            )
        await work.commit()


async def test_looks_at_watchers_are_looks_and_do_not_fill_the_page(world: World) -> None:
    officer, token = await an_officer(world)
    other, _ = await an_officer(world)
    await looks(world, other, "lines", 1, "a-person")
    for _ in range(4):
        page = await world.broker.watchers.page(token)
    assert [(row.officer, row.label.en, row.times) for row in page.rows] == [
        (officer, "Looked at this page", 3),
        (other, "Searched the log", 1),
    ]
    assert page.rows[1].about == ("a-person",)
    await looks(world, officer, "watchers", BATCH + 20)
    page = await world.broker.watchers.page(token)
    assert [row.times for row in page.rows] == [BATCH + 24, 1], "also when they fill more than is read at a time"
    assert page.next == ""


async def test_watchers_page_on_without_a_gap_or_a_line_twice(world: World) -> None:
    officer, token = await an_officer(world)
    for number in range(PAGE + 5):
        await looks(world, officer, "lines", 1, f"person-{number}")
    first = await world.broker.watchers.page(token)
    assert len(first.rows) == PAGE
    second = await world.broker.watchers.page(token, before=first.next)
    about = [row.about for row in (*first.rows, *second.rows)]
    assert about == [(f"person-{number}",) for number in range(PAGE + 4, -1, -1)]
    assert second.next == ""


async def test_watchers_of_one_officer_and_of_nobody(world: World) -> None:
    officer, token = await an_officer(world)
    other, _ = await an_officer(world)
    await looks(world, officer, "person", 1, "a-person")
    await looks(world, other, "report", 2)
    page = await world.broker.watchers.page(token, other)
    assert [(row.officer, row.times) for row in page.rows] == [(other, 2)]
    assert (await world.entries(1))[0].personal["subject"] == [other], "whom was looked at is logged"
    for nobody in ("-", "a-person", "00000000-0000-7000-8000-000000000000"):
        assert (await world.broker.watchers.page(token, nobody)).rows == ()
    assert "subject" not in (await world.entries(1))[0].personal, "what was posted is not written down as a person"


async def test_of_types_is_read_from_indexes(world: World) -> None:
    officer, _ = await an_officer(world)
    await looks(world, officer, "lines", 3)
    async with world.broker.house.storage(writing=False) as work:
        found = await work.log.of_types((EventType.LOG_SEARCHED, EventType.LOG_VIEWED), limit=2)
        older = await work.log.of_types((EventType.LOG_SEARCHED,), before=found[-1].id, limit=9)
        mine = await work.log.of_types((EventType.LOG_SEARCHED,), owner=officer, limit=9)
    assert [entry.id for entry in (*found, *older)] == [entry.id for entry in mine]
    assert len(mine) == 3


# numbers


async def refused_twice(world: World) -> None:
    await world.push(TOM)
    for _ in range(2):
        assert (await world.ask(TOM, "ib-joris")).status_code == 403
    await world.answer(TOM, "mother", {"status": "yes"})
    await world.invite(TOM, "father")
    await world.settle()


async def test_numbers_of_the_whole_and_of_one_organisation(world: World) -> None:
    await refused_twice(world)
    _, token = await an_officer(world)
    for period in Period:
        screen = await world.broker.pictures.screen(token, period)
        requests = next(chart for chart in screen.charts if chart.key == "disclosures")
        assert requests.counts[-1] == (0, 0, 2)
        assert sum(map(sum, requests.counts)) == 2
        answers = next(chart for chart in screen.charts if chart.key == "answers")
        assert sum(map(sum, answers.counts)) > 0
        (again,) = screen.repeated
        assert (again.times, again.reason.en) == (2, "Not everybody who must consent has said yes.")
        asked = dict(next(each for each in screen.amounts if each.key == "asked").rows)
        assert {words.en: number for words, number in asked.items()}["Invitations that are open now"] == 1
    for oin, seen in ((SCHOOL, 2), (STRANGER, 0)):
        _, own = await an_officer(world, OfficerRole.OF_ORGANISATION, oin)
        screen = await world.broker.pictures.screen(own, Period.DAYS)
        assert sum(map(sum, screen.charts[0].counts)) == seen
        assert len(screen.repeated) == seen / 2
    _, own = await an_officer(world, OfficerRole.OF_ORGANISATION, STRANGER)
    asked = (await world.broker.pictures.screen(own, Period.DAYS)).amounts[1]
    assert [number for _, number in asked.rows] == [0, 0], "invitations of others are not counted for them"


async def test_a_look_at_numbers_is_a_look(world: World) -> None:
    officer, token = await an_officer(world, OfficerRole.KEEPER)
    await world.broker.pictures.screen(token, Period.DAYS)
    newest = (await world.entries(1))[0]
    assert (newest.facts["view"], newest.personal["officer"]) == ("pictures", [officer])


async def test_another_broker_sees_the_same(world: World) -> None:
    _, token = await an_officer(world)
    await world.broker.checks.begin(token)
    async with started_again(world) as again:
        assert (await again.broker.checks.screen(token)).whole.mark is Mark.GOOD
        async with again.broker.database.engine.connect() as connection:
            await connection.execution_options(writing=False)
            assert len((await connection.execute(sa.select(t.examination))).all()) == 1
