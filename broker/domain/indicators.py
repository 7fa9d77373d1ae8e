"""How handing over goes, in counts of a quarter: by month, kind and region, and of each organisation its own part.

- Counted is what an entry of the log says in clear about itself: nothing about a person, and the same whenever it is
  counted again, also when people were erased since.
- A quarter is shown once it is over and the log was read beyond it, as a whole: it never changes after that.
- Numbers under five stay hidden, with what would give them away (`broker.domain.suppression`). The tables of one quarter
  are hidden together: all of them, the months, and every organisation's own part.
- What was read is the doing of two: who sent it knows it, and who received it. Of that there is one number for all.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from broker.domain.calendar import local_day
from broker.domain.events import EventType
from broker.domain.log_ports import LoggedFacts
from broker.domain.suppression import SMALL, Number, hidden_of
from broker.domain.urgency import Progress, Step

_QUARTER = re.compile(r"([0-9]{4})-Q([1-4])", re.ASCII)
SETTLES = timedelta(days=1)
"""How long after its end a quarter is closed: what was written around midnight has its place in the log by then."""


@dataclass(frozen=True, slots=True, order=True)
class Quarter:
    """Three months."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Quarter":
        """Read `2026-Q3`. Raises ValueError on anything else."""
        match = _QUARTER.fullmatch(text)
        if match is None or not int(match[1]):
            raise ValueError("not a quarter such as 2026-Q3")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> "Quarter":
        """The quarter of that day."""
        return cls(day.year, (day.month + 2) // 3)

    @property
    def text(self) -> str:
        """As `parse` reads it."""
        return f"{self.year:04}-Q{self.number}"

    @property
    def months(self) -> tuple[date, date, date]:
        """The first day of each month."""
        first = self.number * 3 - 2
        return date(self.year, first, 1), date(self.year, first + 1, 1), date(self.year, first + 2, 1)

    @property
    def last(self) -> date:
        """Its last day."""
        following = date(self.year + self.number // 4, self.number % 4 * 3 + 1, 1)
        return following - timedelta(days=1)

    def before(self) -> "Quarter":
        """The quarter before this one."""
        return Quarter.of(self.months[0] - timedelta(days=1))


class Measure(StrEnum):
    """What is counted."""

    PUSHED = "pushed"
    CORRECTED = "corrected"
    YES = "yes"
    NO = "no"
    STOPPED = "stopped"
    DAYS_1 = "days-1"
    DAYS_7 = "days-7"
    DAYS_14 = "days-14"
    DAYS_MORE = "days-more"
    READ = "read"
    UNREAD = "unread"
    IN_TIME = "in-time"
    LATE = "late"
    SEEN = "seen"
    """Any entry at all: says how far the log was read."""


FAMILIES: Mapping[str, tuple[Measure, ...]] = {
    "handovers": (Measure.PUSHED,),
    "corrections": (Measure.CORRECTED,),
    "answers": (Measure.YES, Measure.NO),
    "withdrawals": (Measure.STOPPED,),
    "days": (Measure.DAYS_1, Measure.DAYS_7, Measure.DAYS_14, Measure.DAYS_MORE),
    "reading": (Measure.READ, Measure.UNREAD),
    "urgent": (Measure.IN_TIME, Measure.LATE),
}
"""What is shown together, or not at all: a share never shows one of its parts by the other."""
SHARES: Mapping[str, Measure] = {"answers": Measure.NO, "reading": Measure.UNREAD, "urgent": Measure.IN_TIME}
"""Of which part of a family the share is of interest."""
TOTAL_ONLY = frozenset({"reading"})
"""Families of which nothing is shown but all of it: their counts are known to senders and recipients alike."""
_ANSWERS = {
    EventType.HANDOVER_PUSHED: Measure.PUSHED,
    EventType.HANDOVER_CORRECTED: Measure.CORRECTED,
    EventType.CONSENT_GIVEN: Measure.YES,
    EventType.CONSENT_REFUSED: Measure.NO,
    EventType.CONSENT_WITHDRAWN: Measure.STOPPED,
}


@dataclass(frozen=True, slots=True, order=True)
class Counted:
    """What is counted together: of a month (its first day), of the organisation that sent, in its region of then.

    `recipient` is the organisation that received it, where that has a part in what is counted.
    """

    month: date
    organisation: str
    region: str
    kind: str
    measure: str
    recipient: str = ""


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def seen_in(facts: LoggedFacts) -> date:
    """The month that an entry shows to be read: that of the day before, since entries around midnight may change places."""
    return month_of(local_day(facts.at) - SETTLES)


def kind_of(facts: LoggedFacts) -> str:
    """The kind of handover that an entry is about; empty when it does not say."""
    return str(facts.facts.get("handoverKind", ""))


def measures_of(facts: LoggedFacts) -> tuple[Measure, ...]:
    """What an entry of a sender counts for. What was released is counted once it is read, or is not."""
    if facts.type == EventType.CONSENT_COMPLETE:
        return (*_days(facts.facts.get("days")), *_urgent(facts.facts.get("urgent")))
    if facts.type == EventType.URGENT_ESCALATED:
        return (Measure.LATE,) if _unanswered_at_the_end(facts.facts) else ()
    measure = _ANSWERS.get(EventType(facts.type))
    return (measure,) if measure else ()


def _days(days: Any) -> tuple[Measure, ...]:
    """In how many days everybody had said yes; nothing when nobody was asked."""
    if not isinstance(days, int):
        return ()
    bands = ((1, Measure.DAYS_1), (7, Measure.DAYS_7), (14, Measure.DAYS_14))
    return (next((measure for most, measure in bands if days <= most), Measure.DAYS_MORE),)


def _unanswered_at_the_end(facts: Mapping[str, Any]) -> bool:
    """Whether the deadline passed before everybody had said yes."""
    waiting = (Progress.ANSWERS.value, Progress.SHUT.value)
    return facts.get("change") == Step.PASSED.value and facts.get("state") in waiting


def _urgent(urgent: Any) -> tuple[Measure, ...]:
    """Whether an urgent one was complete before its deadline, as its entry says; nothing for any other."""
    return (Measure(urgent),) if urgent in (Measure.IN_TIME.value, Measure.LATE.value) else ()


Cell = tuple[int, ...] | None
"""The counts of a family in the order of its measures; None when they stay hidden."""


@dataclass(frozen=True, slots=True)
class Table:
    """One family of a quarter. Kinds and regions are in the order of the sheet."""

    family: str
    total: Cell
    kinds: tuple[Cell, ...]
    regions: tuple[Cell, ...]
    cells: tuple[tuple[Cell, ...], ...]
    """For each kind, one for each region."""
    months: tuple[Cell, ...]
    by_month: tuple[tuple[Cell, ...], ...]
    """For each kind, one for each month."""
    own: Mapping[str, tuple[Cell, tuple[Cell, ...]]]
    """Of each organisation: all of it, and by kind. Nobody's, where only the total is shown."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is ever shown of a quarter."""

    quarter: Quarter
    kinds: tuple[str, ...]
    regions: tuple[str, ...]
    tables: tuple[Table, ...]

    def own(self, organisation: str) -> bool:
        """Whether an organisation has a part in it."""
        return any(organisation in table.own for table in self.tables)


def closed(quarter: Quarter, seen: date | None) -> bool:
    """Whether a quarter is over and the log was read beyond it: `seen` is the latest month that an entry showed to be read."""
    return seen is not None and seen > quarter.last


def sheet_of(quarter: Quarter, counts: Mapping[Counted, int]) -> Sheet:
    """What is shown of a quarter that is closed. What else is in `counts` is left out."""
    own = {key: n for key, n in counts.items() if key.month in quarter.months and key.measure != Measure.SEEN}
    sent = {key: n for key, n in own.items() if key.organisation}  # what a family sent is in totals only
    regions = _regions(sent)
    kinds = tuple(sorted({key.kind for key in sent}))
    counted: dict[tuple[str, str, date], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, number in sent.items():
        counted[key.organisation, key.kind, key.month][key.measure] += number
    places = tuple(sorted(set(regions.values())))
    tables = tuple(
        _total_only(family, own, len(kinds), len(places))
        if family in TOTAL_ONLY
        else _Tables(quarter, kinds, regions, counted, family).table()
        for family in FAMILIES
    )
    return Sheet(quarter, kinds, places, tables)


def _total_only(family: str, counts: Mapping[Counted, int], kinds: int, regions: int) -> Table:
    """All of it, unless somebody who takes off what it sent and what it received is left with under five of anything."""
    measures = FAMILIES[family]
    total: dict[str, int] = defaultdict(int)
    known: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, number in counts.items():
        if key.measure in measures:
            total[key.measure] += number
            for organisation in {key.organisation, key.recipient}:
                known[organisation][key.measure] += number
    nothing: Mapping[str, int] = dict.fromkeys(measures, 0)
    views = [nothing, *known.values()]
    shown = all(total[one] - own[one] >= SMALL for own in views for one in measures)
    row: tuple[Cell, ...] = (None,) * len(Quarter(1, 1).months)
    return Table(
        family,
        total=tuple(total[one] for one in measures) if shown else None,
        kinds=(None,) * kinds,
        regions=(None,) * regions,
        cells=((None,) * regions,) * kinds,
        months=row,
        by_month=(row,) * kinds,
        own={},
    )


def _regions(counts: Iterable[Counted]) -> dict[str, str]:
    """The region of each organisation: its last in the quarter, so that all it did is in one."""
    return {key.organisation: key.region for key in sorted(counts)}


class _Tables:
    """The numbers of one family as a network, from which those are taken that are shown.

    beginning -> region -> organisation -> (region, kind) -> kind -> month -> beginning
    """

    def __init__(
        self,
        quarter: Quarter,
        kinds: Sequence[str],
        regions: Mapping[str, str],
        counted: Mapping[tuple[str, str, date], Mapping[str, int]],
        family: str,
    ) -> None:
        self._quarter, self._kinds, self._regions, self._counted = quarter, kinds, regions, counted
        self._family, self._measures = family, FAMILIES[family]
        self._names: list[tuple[str, ...]] = []
        self._numbers: list[Number] = []
        for name, tail, head, organisations, of_kinds, months in self._edges():
            self._names.append(name)
            self._numbers.append(Number(tail, head, {one: self._sum(one, of_kinds, months) for one in organisations}))

    def _edges(self) -> Iterable[tuple[tuple[str, ...], Any, Any, Sequence[str], Sequence[str], Sequence[date]]]:
        every, kinds, months = sorted(self._regions), self._kinds, self._quarter.months
        if every:
            yield ("total",), "end", "beginning", every, kinds, months
        for region in sorted(set(self._regions.values())):
            inside = [one for one in every if self._regions[one] == region]
            yield ("region", region), "beginning", ("region", region), inside, kinds, months
            for kind in kinds:
                yield ("cell", kind, region), ("cell", kind, region), ("kind", kind), inside, [kind], months
        for one in every:
            region = self._regions[one]
            yield ("own", one), ("region", region), ("own", one), [one], kinds, months
            for kind in kinds:
                yield ("own", one, kind), ("own", one), ("cell", kind, region), [one], [kind], months
        for kind in kinds:
            yield ("kind", kind), ("kind", kind), ("months", kind), every, [kind], months
            for month in months:
                yield ("month", str(month), kind), ("months", kind), ("month", month), every, [kind], [month]
        for month in months if every else ():
            yield ("month", str(month)), ("month", month), "end", every, kinds, [month]

    def _sum(self, organisation: str, kinds: Sequence[str], months: Sequence[date]) -> tuple[int, ...]:
        found = [self._counted.get((organisation, kind, month), {}) for kind in kinds for month in months]
        return tuple(sum(one.get(measure, 0) for one in found) for measure in self._measures)

    def table(self) -> Table:
        """With what is hidden left out."""
        hidden = hidden_of(self._numbers)
        pairs = zip(self._names, self._numbers, strict=True)
        shown: dict[tuple[str, ...], Cell] = {
            name: None if place in hidden else number.total() for place, (name, number) in enumerate(pairs)
        }
        kinds, months = self._kinds, [str(month) for month in self._quarter.months]
        regions = sorted(set(self._regions.values()))
        return Table(
            family=self._family,
            total=shown.get(("total",)),
            kinds=tuple(shown["kind", kind] for kind in kinds),
            regions=tuple(shown["region", region] for region in regions),
            cells=tuple(tuple(shown["cell", kind, region] for region in regions) for kind in kinds),
            months=tuple(shown.get(("month", month)) for month in months),
            by_month=tuple(tuple(shown["month", month, kind] for month in months) for kind in kinds),
            own={one: (shown["own", one], tuple(shown["own", one, kind] for kind in kinds)) for one in self._regions},
        )


def quarters_between(first: date | None, seen: date | None, most: int) -> tuple[Quarter, ...]:
    """The quarters that are closed, the latest first, back to the one of `first`; at most so many."""
    found: list[Quarter] = []
    if first is not None and seen is not None:
        quarter = Quarter.of(seen)
        while len(found) < most and quarter >= Quarter.of(first):
            found += [quarter] if closed(quarter, seen) else []
            quarter = quarter.before()
    return tuple(found)
