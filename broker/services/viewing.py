"""The log as an officer looks at it: by time, by person, by professional, by day and by organisation; never content.

- Where a line is, is looked up from folds and indexes; what it says is read from the log itself, each time.
- A line that is in no fold yet is shown before them: nothing is hidden because the broker is behind with its work.
- An officer of one organisation sees what it takes part in, and a line that says otherwise than its fold is not shown.
- Every look is logged before anything is shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Protocol

from broker.domain.calendar import local_day
from broker.domain.events import EntryId
from broker.domain.officers import Acting, Right
from broker.domain.stores import StoredEntry, UnitOfWork
from broker.domain.stores.folding import ASKED, KINDS, Fold, FoldSearch, Waiting, kind_of
from broker.errors import NotFound, Words
from broker.services.counting import why_refused
from broker.services.house import House
from broker.services.labels import REASONS, WHY
from broker.services.lines import for_their_eyes, row_of
from broker.services.looking import looked
from broker.services.officer_screens import EntryFilter
from broker.services.view_screens import (
    Counts,
    DayRow,
    DaysPage,
    Lag,
    LineRow,
    LinesPage,
    OrganisationRow,
    OrganisationsPage,
)

PAGE = 50
DAYS = timedelta(days=30)
"""Of how many days the organisations are counted."""
FEW = 20
"""So many lines may wait before a page speaks of it: within seconds there is always one, the officer's own look."""


class KnowsOfficers(Protocol):
    """See `broker.services.officers.Officers`."""

    async def acting(self, work: UnitOfWork, token: str, right: Right) -> Acting:
        """Who is signed in with this token, and has that right. Raises NotAuthenticated, NotAllowed."""


class Viewing:
    """The views of the log, each page by page and newest first."""

    def __init__(self, house: House, officers: KnowsOfficers) -> None:
        self._house = house
        self._officers = officers

    async def lines(self, token: str, wanted: EntryFilter) -> LinesPage:
        """A page of lines, those that read the same folded; or the lines of one fold. Raises NotFound for no such fold."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.READ_LOG)
            organisations = {str(o.oin): o.name for o in await work.organisations.all()}
            reading = _Reading(house, work, acting, organisations)
            if wanted.fold:
                page, about = await reading.of_fold(wanted)
            else:
                page, about = await reading.of_log(wanted)
            behind = await work.folds.behind()
            await looked(work, acting, now, _view_of(wanted), about=about)
            await work.commit()
        house.log.kick()
        return replace(page, organisations=tuple(organisations.items()), lag=_lag(acting, behind))

    async def days(self, token: str, before: date | None = None) -> DaysPage:
        """A page of days with what was counted on each, the newest first, down to the first day of the log."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.READ_LOG)
            newest = local_day(now) if before is None else before - timedelta(days=1)
            oldest = max(await work.daily.first_day() or newest, newest - timedelta(days=PAGE - 1))
            counted: dict[date, dict[str, int]] = {}
            for (day, event, outcome), number in (await work.daily.by_day(oldest, newest, acting.party)).items():
                _add(counted.setdefault(day, {}), event, outcome, number)
            more = (await work.daily.first_day() or oldest) < oldest
            behind = await work.followers.behind((_COUNTING,))
            await looked(work, acting, now, "days")
            await work.commit()
        house.log.kick()
        every = [newest - timedelta(days=back) for back in range((newest - oldest).days + 1)]
        rows = tuple(DayRow(day, Counts(**counted.get(day, {}))) for day in every)
        return DaysPage(rows, oldest if more else None, _lag(acting, behind))

    async def organisations(self, token: str, after: str = "") -> OrganisationsPage:
        """A page of organisations by their name, with what was counted in the last thirty days on either side of them.

        An officer of one organisation sees those with which it shared a line, and the count of such lines alone.
        """
        house, now = self._house, self._house.clock()
        today = local_day(now)
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.READ_LOG)
            names = {str(o.oin): o.name for o in await work.organisations.all()}
            asked, gave = dict[str, dict[str, int]](), dict[str, dict[str, int]]()
            found = await work.daily.by_organisation(today - DAYS + timedelta(days=1), today, acting.party)
            for (organisation, counterpart, event, outcome), number in found.items():
                _add(asked.setdefault(organisation, {}), event, outcome, number)
                if counterpart != organisation:
                    _add(gave.setdefault(counterpart, {}), event, outcome, number)
            behind = await work.followers.behind((_COUNTING,))
            await looked(work, acting, now, "organisations")
            await work.commit()
        house.log.kick()
        theirs = {oin for oin in names if not acting.party or oin == acting.party or oin in asked or oin in gave}
        ordered = sorted((names[oin].casefold(), oin) for oin in theirs)
        rest = [oin for name, oin in ordered if after not in names or (name, oin) > (names[after].casefold(), after)]
        rows = tuple(
            OrganisationRow(oin, names[oin], Counts(**asked.get(oin, {})), Counts(**gave.get(oin, {})))
            for oin in rest[:PAGE]
        )
        following = rest[PAGE - 1] if len(rest) > PAGE else ""
        return OrganisationsPage(rows, following, _lag(acting, behind))


_COUNTING = "counting"


class _Reading:
    """One look of one officer, in one unit of work."""

    def __init__(self, house: House, work: UnitOfWork, acting: Acting, organisations: Mapping[str, str]) -> None:
        self._house = house
        self._work = work
        self._acting = acting
        self._organisations = organisations

    async def of_log(self, wanted: EntryFilter) -> tuple[LinesPage, tuple[str, ...]]:
        """(the page, whom the look was about)."""
        person, unknown = await self._about_whom(wanted)
        reader = wanted.reader if wanted.reader and await self._work.log.knows(wanted.reader) else ""
        unknown = unknown or bool(wanted.reader and not reader)
        search = self._search(wanted, person, reader)
        rows, following = ([], "") if unknown else await self._page(search, wanted.before)
        # whether somebody exists is not theirs, who see a part
        if self._acting.party and (person or reader) and not rows and not following:
            return LinesPage((), unknown=True), (person, reader)
        return LinesPage(tuple(rows), following, unknown=unknown, person=person, reader=reader), (person, reader)

    async def _about_whom(self, wanted: EntryFilter) -> tuple[str, bool]:
        """Whose lines are asked for (empty: everybody's), and whether that is nobody whom the log knows.

        What was typed or posted is never written down as if it were a person.
        """
        asked: str | None = wanted.subject
        if wanted.identifier:
            asked = await self._work.persons.by_identifier("bsn", wanted.identifier.strip())
        if not asked:
            return "", bool(wanted.identifier)
        return (asked, False) if await self._work.log.knows(asked) else ("", True)

    def _search(self, wanted: EntryFilter, person: str, reader: str) -> FoldSearch:
        kinds = (wanted.outcome,) if wanted.outcome in KINDS else KINDS if reader else ASKED
        return FoldSearch(
            kinds, wanted.organisation, self._acting.party, person, reader, wanted.first_day, wanted.last_day,
            limit=PAGE + 1,
        )  # fmt: skip

    async def _page(self, search: FoldSearch, cursor: str) -> tuple[list[LineRow], str]:
        """What waits for its place, what waits to be folded, then the folds; in that order no line is passed over.

        A line only moves on in that order, so one that moves while we look is at worst met twice.
        """
        phase, _, place = cursor.partition(":")
        rows: list[LineRow] = []
        if phase in ("", "queue"):
            found = await self._work.folds.queued(search, _number(place), PAGE)
            rows += await self._alone(found, search)
            if found.next is not None:
                return rows, f"queue:{found.next}"
            place = ""
        if phase in ("", "queue", "tree") and len(rows) < PAGE:
            found = await self._work.folds.unfolded(search, _number(place), PAGE - len(rows))
            rows += await self._alone(found, search, rows)
            if found.next is not None:
                return rows, f"tree:{found.next}"
        if len(rows) >= PAGE:
            return rows, "folds:"
        before = _place(place) if phase == "folds" else None
        folds = await self._work.folds.search(replace(search, before=before, limit=PAGE - len(rows) + 1))
        shown = folds[: PAGE - len(rows)]
        rows += await self._folded(shown, {row.row.id for row in rows})
        more = len(folds) > len(shown)
        return rows, f"folds:{shown[-1].day:%Y-%m-%d}:{shown[-1].last}" if more and shown else ""

    async def _alone(self, found: Waiting, search: FoldSearch, before: Sequence[LineRow] = ()) -> list[LineRow]:
        known = {row.row.id for row in before}
        entries = [entry for _, entry in found.lines if entry.id not in known]
        rows = await self._rows(entries)
        return [rows[e.id] for e in entries if e.id in rows and search.reader in ("", rows[e.id].row.professional)]

    async def _folded(self, folds: Sequence[Fold], known: set[str]) -> list[LineRow]:
        ends = list(dict.fromkeys(end for fold in folds for end in (fold.last, fold.first)))
        entries = {entry.id: entry for entry in await self._work.log.several(ends)}
        rows = await self._rows([entries[fold.last] for fold in folds if fold.last in entries])
        found = []
        for fold in folds:
            row = rows.get(fold.last)
            if row is None or (fold.last in known and fold.entries == 1):
                continue
            since = None
            if fold.entries > 1 and fold.first in entries:
                since = self._house.log.read(entries[fold.first].leaf, ()).at
            found.append(replace(row, times=fold.entries, since=since, fold=fold.id if fold.entries > 1 else ""))
        return found

    async def _rows(self, entries: Sequence[StoredEntry]) -> dict[EntryId, LineRow]:
        """Each line as the log itself says it; none in which the officer's organisation takes no part."""
        openings = await self._work.log.openings_of([entry.id for entry in entries]) if entries else {}
        vocabulary, rows = self._house.agreement().vocabulary, {}
        for entry in entries:
            facts = self._house.log.read(entry.leaf, openings.get(entry.id, ()))
            if self._acting.sees(facts.organisation, facts.counterpart):
                facts = for_their_eyes(self._acting, facts)
                row = row_of(entry, facts, self._organisations, vocabulary)
                professional = bool(facts.personal.get("professional"))
                rows[entry.id] = LineRow(row, _why(row.outcome, why_refused(facts)), reader=professional)
        return rows

    async def of_fold(self, wanted: EntryFilter) -> tuple[LinesPage, tuple[str, ...]]:
        """The lines of one fold. The same NotFound for one that is not there, and one that is not theirs."""
        entries = await self._work.folds.lines(wanted.fold, wanted.before, PAGE + 1)
        found = await self._work.log.several(entries[:PAGE])
        rows = await self._rows(found)
        shown = tuple(rows[entry] for entry in entries[:PAGE] if entry in rows)
        if not shown:
            raise NotFound
        following = entries[PAGE - 1] if len(entries) > PAGE else ""
        return LinesPage(shown, following), tuple(dict.fromkeys(row.row.subject for row in shown))


def _lag(acting: Acting, behind: int) -> Lag | None:
    """What is said of work that waits; how much of everybody's it is, only those hear who see everybody's."""
    return Lag(0 if acting.party else behind) if behind > FEW else None


def _view_of(wanted: EntryFilter) -> str:
    """One word for what was looked at."""
    if wanted.fold:
        return "fold"
    if wanted.identifier or wanted.subject:
        return "person"
    if wanted.reader:
        return "professional"
    if wanted.organisation:
        return "organisation"
    return "day" if wanted.first_day and wanted.first_day == wanted.last_day else "lines"


def _add(counts: dict[str, int], event: str, outcome: str, number: int) -> None:
    kind = kind_of(event, outcome)
    counts[kind] = counts.get(kind, 0) + number


def _why(outcome: str, reason: str) -> Words | None:
    """Why a request came out as it did, in one sentence; nothing for whatever was no request."""
    if outcome == "permitted":
        return _ALL_YES
    words: Mapping[str, Words] = {**REASONS, **{told.value: said for told, said in WHY.items()}}
    return words.get(reason) if outcome in ASKED else None


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


def _place(text: str) -> tuple[date, str] | None:
    """A place among the folds, as a page wrote it; anything else is the newest."""
    day, _, last = text.partition(":")
    try:
        return date.fromisoformat(day), last[:36]
    except ValueError:
        return None


_ALL_YES = Words(
    "De afspraken geven dit, en iedereen die ja moet zeggen, zei ja.",
    "The agreement gives this, and everybody who must say yes did.",
)
