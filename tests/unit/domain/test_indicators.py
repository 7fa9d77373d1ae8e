"""Indicators: what is shown of a quarter never gives away a number under five, to readers and to contributors."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broker.domain.events import EventType
from broker.domain.indicators import (
    FAMILIES,
    Counted,
    Measure,
    Quarter,
    Sheet,
    Table,
    closed,
    measures_of,
    quarters_between,
    seen_in,
    sheet_of,
)
from broker.domain.log_ports import LoggedFacts
from broker.domain.suppression import SMALL, Number, hidden_of

QUARTER = Quarter(2026, 3)
MONTHS = QUARTER.months
Base = tuple[str, str, date]
"""An organisation, a kind and a month: the finest that anybody might want to know."""


def table_of(counts: Mapping[Base, int], regions: Mapping[str, str], measure: Measure = Measure.PUSHED) -> Table:
    sheet = sheet_for(counts, regions, measure)
    return next(table for table in sheet.tables if measure in FAMILIES[table.family])


def sheet_for(counts: Mapping[Base, int], regions: Mapping[str, str], measure: Measure = Measure.PUSHED) -> Sheet:
    return sheet_of(QUARTER, {Counted(m, o, regions[o], k, measure.value): n for (o, k, m), n in counts.items()})


def equations(sheet: Sheet, table: Table, regions: Mapping[str, str]) -> Iterator[tuple[frozenset[Base], int]]:
    """Everything that is shown of a family with one measure, as sums of what lies under it: read from the sheet alone."""
    every = frozenset(product(regions, sheet.kinds, MONTHS))

    def shown(cell: tuple[int, ...] | None, **only: object) -> Iterator[tuple[frozenset[Base], int]]:
        if cell is not None:
            (value,) = cell
            names = {"organisation": 0, "kind": 1, "month": 2}
            under = [
                one
                for one in every
                if all(regions[one[0]] == v if n == "region" else one[names[n]] == v for n, v in only.items())
            ]
            yield frozenset(under), value

    yield from shown(table.total)
    for region, cell in zip(sheet.regions, table.regions, strict=True):
        yield from shown(cell, region=region)
    for month, cell in zip(MONTHS, table.months, strict=True):
        yield from shown(cell, month=month)
    for kind, cell, row, by_month in zip(sheet.kinds, table.kinds, table.cells, table.by_month, strict=True):
        yield from shown(cell, kind=kind)
        for region, inner in zip(sheet.regions, row, strict=True):
            yield from shown(inner, kind=kind, region=region)
        for month, inner in zip(MONTHS, by_month, strict=True):
            yield from shown(inner, kind=kind, month=month)
    for one, (total, row) in table.own.items():
        yield from shown(total, organisation=one)
        for kind, inner in zip(sheet.kinds, row, strict=True):
            yield from shown(inner, organisation=one, kind=kind)


def worth_knowing(sheet: Sheet, regions: Mapping[str, str], knows: str) -> Iterator[frozenset[Base]]:
    """Every sum that is a number of a table, or lies under one, without what somebody knows of their own."""
    others = [one for one in regions if one != knows]
    groups = [
        others,
        *([one for one in others if regions[one] == r] for r in sheet.regions),
        *([one] for one in others),
    ]
    kinds = [list(sheet.kinds), *([kind] for kind in sheet.kinds)]
    months = [list(MONTHS), *([month] for month in MONTHS)]
    for who, what, when in product(groups, kinds, months):
        if who:
            yield frozenset(product(who, what, when))


class Known:
    """What follows from sums that are known, by adding and subtracting them (exact, over the rationals)."""

    def __init__(self, columns: list[Base]) -> None:
        self._columns = columns
        self._rows: dict[int, list[Fraction]] = {}

    def _left(self, cells: frozenset[Base]) -> list[Fraction]:
        row = [Fraction(cell in cells) for cell in self._columns]
        for pivot, known in sorted(self._rows.items()):
            if row[pivot]:
                factor = row[pivot]
                row = [a - factor * b for a, b in zip(row, known, strict=True)]
        return row

    def learn(self, cells: frozenset[Base]) -> None:
        row = self._left(cells)
        pivot = next((place for place, value in enumerate(row) if value), None)
        if pivot is not None:
            row = [value / row[pivot] for value in row]
            for place, known in self._rows.items():
                if known[pivot]:
                    factor = known[pivot]
                    self._rows[place] = [a - factor * b for a, b in zip(known, row, strict=True)]
            self._rows[pivot] = row

    def follows(self, cells: frozenset[Base]) -> bool:
        return not any(self._left(cells))


def derived(counts: Mapping[Base, int], regions: Mapping[str, str]) -> list[tuple[str, int]]:
    """The numbers under five that somebody works out, with who does: a reader of everything, or one organisation."""
    sheet, found = sheet_for(counts, regions), []
    table = sheet.tables[0]
    columns = sorted(product(regions, sheet.kinds, MONTHS))
    for knows in ("", *regions):
        known = Known(columns)
        for cells, _ in equations(sheet, table, regions):
            known.learn(cells)
        for cell in columns if knows else ():
            if cell[0] == knows:
                known.learn(frozenset([cell]))
        for wanted in worth_knowing(sheet, regions, knows):
            value = sum(counts.get(cell, 0) for cell in wanted)
            if value < SMALL and known.follows(wanted):
                found.append((knows, value))
    return found


PLACES = {"a": "north", "b": "north", "c": "south", "d": "east"}
AMOUNT = st.one_of(st.integers(0, 7), st.integers(0, 60))


@st.composite
def quarters(draw: st.DrawFn) -> tuple[dict[Base, int], dict[str, str]]:
    names = draw(st.lists(st.sampled_from(sorted(PLACES)), min_size=1, unique=True))
    kinds = draw(st.lists(st.sampled_from(["move", "referral", "urgent"]), min_size=1, unique=True))
    cells = [*product(names, kinds, MONTHS)]
    amounts = draw(st.lists(AMOUNT, min_size=len(cells), max_size=len(cells)))
    return dict(zip(cells, amounts, strict=True)), {name: PLACES[name] for name in names}


@settings(max_examples=60, deadline=None)
@given(quarters())
def test_no_number_under_five_follows_from_what_is_shown(made: tuple[dict[Base, int], dict[str, str]]) -> None:
    assert derived(*made) == []


@settings(max_examples=60, deadline=None)
@given(quarters())
def test_what_is_shown_is_true_and_five_at_least(made: tuple[dict[Base, int], dict[str, str]]) -> None:
    counts, regions = made
    sheet = sheet_for(counts, regions)
    for cells, value in equations(sheet, sheet.tables[0], regions):
        assert value == sum(counts.get(cell, 0) for cell in cells) >= SMALL


def tables_that_fit(sums: list[tuple[frozenset[Base], int]], cells: list[Base]) -> Iterator[dict[Base, int]]:
    """Every way to fill the cells so that all sums come out, cell by cell; nothing is negative."""

    def fill(place: int, left: list[int], made: dict[Base, int]) -> Iterator[dict[Base, int]]:
        if place == len(cells):
            if not any(left):
                yield dict(made)
            return
        cell = cells[place]
        mine = [at for at, (under, _) in enumerate(sums) if cell in under]
        for value in range(min((left[at] for at in mine), default=9) + 1):
            after = [number - value if at in mine else number for at, number in enumerate(left)]
            open_ = [any(one in sums[at][0] for one in cells[place + 1 :]) for at in range(len(sums))]
            if all(number == 0 or more for number, more in zip(after, open_, strict=True)):
                made[cell] = value
                yield from fill(place + 1, after, made)

    return fill(0, [value for _, value in sums], {})


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=8, max_size=8), st.sampled_from(["", "a", "b"]))
@example([5, 0, 0, 5, 0, 0, 0, 0], "")
@example([5, 1, 1, 5, 0, 0, 0, 0], "a")
def test_nobody_who_tries_every_table_that_fits_is_sure_of_a_number_under_five(amounts: list[int], knows: str) -> None:
    """Not only sums and differences: that nothing is negative is used as well, and one's own part."""
    regions = {"a": "north", "b": "south"}
    cells = [*product(["a", "b"], ["move", "urgent"], MONTHS[:2])]
    counts = dict(zip(cells, amounts, strict=True))
    sheet = sheet_for(counts, regions)
    shown = [(under & frozenset(cells), value) for under, value in equations(sheet, sheet.tables[0], regions)]
    own = [(frozenset([cell]), counts[cell]) for cell in cells if cell[0] == knows]
    unsure = {
        wanted & frozenset(cells)
        for wanted in worth_knowing(sheet, regions, knows)
        if sum(counts.get(cell, 0) for cell in wanted) < SMALL and wanted & frozenset(cells)
    }
    for tried, fits in enumerate(tables_that_fit([*own, *shown], cells)):
        unsure = {wanted for wanted in unsure if sum(fits[one] for one in wanted) == sum(counts[one] for one in wanted)}
        if not unsure or tried > 20_000:
            break
    assert not unsure or tried > 20_000


def test_a_small_cell_takes_others_with_it_and_no_more_than_needed() -> None:
    regions = {"a": "north", "b": "north", "c": "south", "d": "south", "e": "east", "f": "east"}
    counts = {(o, k, m): 20 for o in regions for k in ("move", "referral", "urgent") for m in MONTHS}
    everything = table_of(counts, regions)
    assert None not in (everything.total, *everything.kinds, *everything.regions, *everything.months)
    assert all(cell is not None for row in (*everything.cells, *everything.by_month) for cell in row)
    counts |= {(o, "move", m): 0 for o in ("a", "b") for m in MONTHS} | {("a", "move", MONTHS[0]): 3}
    table = table_of(counts, regions)
    hidden = [(k, r) for k, row in enumerate(table.cells) for r, cell in enumerate(row) if cell is None]
    assert (0, 1) in hidden, "the small one"
    assert sum(k == 0 for k, _ in hidden) >= 2, "another in its row"
    assert sum(r == 1 for _, r in hidden) >= 2, "another in its column"
    assert table.total is not None
    assert None not in table.kinds
    assert None not in table.regions


def test_a_part_of_one_organisation_alone_shows_nothing_of_the_others() -> None:
    """Whoever has six of eight would know of the two of somebody else."""
    regions = {"a": "north", "b": "north"}
    table = table_of({("a", "move", MONTHS[0]): 60, ("b", "move", MONTHS[0]): 2}, regions)
    assert table.total is None
    assert table.kinds == (None,)
    assert table.own["b"][0] is None


def test_parts_that_make_a_share_are_shown_together_or_not_at_all() -> None:
    counts = {Counted(m, o, "north", "move", Measure.YES.value): 50 for o in "ab" for m in MONTHS}
    few = counts | {Counted(MONTHS[0], "a", "north", "move", Measure.NO.value): 4}
    many = counts | {Counted(m, o, "north", "move", Measure.NO.value): 6 for o in "ab" for m in MONTHS}
    answers = [next(t for t in sheet_of(QUARTER, made).tables if t.family == "answers").total for made in (few, many)]
    assert answers == [None, (300, 36)]


Releases = list[tuple[str, str, str, int, int]]
"""Sender, recipient, kind, so many read, so many not."""
PARTNERS = st.sampled_from(["a", "b", "c", "d"])


def reading_of(releases: Releases) -> Table:
    counts: dict[Counted, int] = {}
    for sender, recipient, kind, *numbers in releases:
        for measure, number in zip((Measure.READ, Measure.UNREAD), numbers, strict=True):
            key = Counted(MONTHS[0], sender, PLACES[sender], kind, measure.value, recipient)
            counts[key] = counts.get(key, 0) + number
    return next(table for table in sheet_of(QUARTER, counts).tables if table.family == "reading")


@settings(deadline=None)
@given(st.lists(st.tuples(PARTNERS, PARTNERS, st.sampled_from(["move", "referral"]), AMOUNT, AMOUNT), max_size=12))
def test_neither_who_sent_nor_who_received_works_out_a_few_of_others_that_were_read(releases: Releases) -> None:
    """Whoever takes off all that it sent and all that it received is left with five at least; and there is one number."""
    table = reading_of(releases)
    everything = [cell for row in (*table.cells, *table.by_month) for cell in row]
    assert {*table.kinds, *table.regions, *table.months, *everything} <= {None}
    assert table.own == {}
    for knows in ("", *"abcd"):
        for component in (3, 4):
            left = sum(one[component] for one in releases if knows not in one[:2])  # type: ignore[misc]
            assert table.total is None or left >= SMALL
    if table.total is not None:
        assert table.total == (sum(one[3] for one in releases), sum(one[4] for one in releases))


def test_a_recipient_that_read_nearly_everything_hides_what_was_read() -> None:
    few, many = [("a", "b", "move", 40, 40), ("c", "b", "move", 40, 40)], [("c", "d", "move", 5, 5)]
    assert reading_of([*few, ("c", "d", "move", 4, 5)]).total is None, "b would know of the four of d"
    assert reading_of([*few, *many]).total == (85, 85)
    assert reading_of([("a", "b", "move", 60, 60), *many[:1]]).total == (65, 65)
    assert reading_of([("a", "b", "move", 60, 60), ("d", "b", "move", 5, 5)]).total is None, "b knows all of it"


def test_what_a_family_sent_is_in_totals_and_adds_no_organisation_without_a_name() -> None:
    pushed = {Counted(MONTHS[0], one, PLACES[one], "move", Measure.PUSHED): 40 for one in "abcd"}
    plan = Counted(MONTHS[1], "", "", "own-plan", Measure.UNREAD, "a")
    alone, beside = sheet_of(QUARTER, pushed), sheet_of(QUARTER, {**pushed, plan: 1})
    assert (beside.kinds, beside.regions) == (alone.kinds, alone.regions)
    assert beside.tables == alone.tables
    assert not beside.own("")
    both = (Measure.READ, Measure.UNREAD)
    plans = {replace(plan, measure=one, recipient=by): 20 for one in both for by in "ab"}
    others = {Counted(MONTHS[1], "c", PLACES["c"], "move", one, "d"): 20 for one in both}
    many = sheet_of(QUARTER, {**pushed, **plans, **others})
    assert next(table for table in many.tables if table.family == "reading").total == (60, 60)


def test_an_empty_quarter_shows_nothing() -> None:
    sheet = sheet_of(QUARTER, {})
    assert sheet.kinds == sheet.regions == ()
    assert {table.total for table in sheet.tables} == {None}


def test_what_does_not_add_up_is_refused() -> None:
    with pytest.raises(ValueError, match="goes out"):
        hidden_of([Number("x", "y", {"a": (1,)}), Number("y", "x", {"a": (2,)})])


def test_a_quarter_is_shown_when_the_log_was_read_beyond_its_end() -> None:
    assert not closed(QUARTER, None)
    assert not closed(QUARTER, date(2026, 9, 1)), "half of it is read"
    assert closed(QUARTER, date(2026, 10, 1))


def test_quarters_and_their_months() -> None:
    assert Quarter.parse("2026-Q4").last == date(2026, 12, 31)
    assert Quarter.parse("2026-Q1").last == date(2026, 3, 31)
    assert Quarter(2026, 1).before() == Quarter(2025, 4)
    assert Quarter.of(date(2026, 9, 30)).text == "2026-Q3"
    for bad in ("", "2026", "2026-Q0", "2026-Q5", "0000-Q1", "2026-Q3 ", "2026-q3"):
        with pytest.raises(ValueError, match="not a quarter"):
            Quarter.parse(bad)
    found = quarters_between(date(2026, 2, 1), date(2026, 11, 1), 8)
    assert [quarter.text for quarter in found] == ["2026-Q3", "2026-Q2", "2026-Q1"]
    assert quarters_between(None, date(2026, 11, 1), 8) == ()
    assert quarters_between(date(2026, 11, 1), date(2026, 11, 1), 8) == ()
    assert len(quarters_between(date(2000, 1, 1), date(2026, 11, 1), 8)) == 8


def logged(event: EventType, **facts: object) -> LoggedFacts:
    return LoggedFacts(event.value, datetime(2026, 9, 30, 22, 30, tzinfo=UTC), "o", "c", facts, {})


@pytest.mark.parametrize(
    ("days", "expected"),
    [(0, "days-1"), (1, "days-1"), (2, "days-7"), (7, "days-7"), (14, "days-14"), (15, "days-more")],
)
def test_days_from_question_to_the_last_yes_fall_in_bands(days: int, expected: str) -> None:
    assert measures_of(logged(EventType.CONSENT_COMPLETE, days=days)) == (expected,)


def test_an_entry_counts_for_what_it_says() -> None:
    assert measures_of(logged(EventType.CONSENT_COMPLETE)) == ()
    assert measures_of(logged(EventType.CONSENT_COMPLETE, days=1, urgent="late")) == ("days-1", "late")
    assert measures_of(logged(EventType.CONSENT_COMPLETE, urgent="something")) == ()
    for state, counts in (("waiting-for-answers", ("late",)), ("shut", ("late",)), ("waiting-for-recipients", ())):
        assert measures_of(logged(EventType.URGENT_ESCALATED, change="passed", state=state)) == counts
        assert measures_of(logged(EventType.URGENT_ESCALATED, change="near", state=state)) == ()
    assert measures_of(logged(EventType.CONSENT_REFUSED)) == ("no",)
    assert measures_of(logged(EventType.LOG_VIEWED)) == ()
    assert seen_in(logged(EventType.LOG_VIEWED)) == date(2026, 9, 1), (
        "half an hour into October proves nothing of September"
    )
    later = logged(EventType.LOG_VIEWED)
    later = LoggedFacts(later.type, later.at + timedelta(days=2), "", "", {}, {})
    assert seen_in(later) == date(2026, 10, 1)
