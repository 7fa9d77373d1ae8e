"""The views of the log, without a log: lines of the fake console, two of them folded; days and organisations."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol

from broker.errors import NotFound, Words
from broker.services.officer_screens import EntryFilter, EntryRow
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
from tests.unit.web.family_words import NOW, SENDER

FOLD = "019a0000-0000-7000-8000-0000000f01d0"
WHY = Words("Niet iedereen die ja moet zeggen, zei ja.", "Not everybody who must say yes did.")
TODAY = date(2026, 9, 21)


def lines_page(
    rows: Sequence[EntryRow], following: str, organisations: tuple[tuple[str, str], ...], person: str, reader: str = ""
) -> LinesPage:
    """Rows as lines: refusals are folded three times, and say why."""
    lines = tuple(
        LineRow(row, WHY, 3, NOW - timedelta(hours=2), FOLD, reader=True)
        if row.outcome == "denied"
        else LineRow(row, reader=row.outcome != "other")
        for row in rows
    )
    return LinesPage(lines, following, organisations, person=person, reader=reader)


class Console(Protocol):
    """What is asked of the fake console here."""

    rows: tuple[EntryRow, ...]
    lag: Lag | None

    async def lines(self, token: str, wanted: EntryFilter) -> LinesPage: ...

    def called(self, token: str, *call: object) -> None: ...


class FakeViews:
    """See `ViewingService`."""

    def __init__(self, console: Console) -> None:
        self._console = console

    async def lines(self, token: str, wanted: EntryFilter) -> LinesPage:
        if not wanted.fold:
            page = await self._console.lines(token, wanted)
            return LinesPage(page.rows, page.next, page.organisations, page.unknown, page.person, page.reader, self._console.lag)  # fmt: skip
        self._console.called(token, "lines", wanted)
        if wanted.fold != FOLD:
            raise NotFound
        denied = [row for row in self._console.rows if row.outcome == "denied"]
        return LinesPage(tuple(LineRow(row, WHY, reader=True) for row in denied for _ in range(3)))

    async def days(self, token: str, before: date | None = None) -> DaysPage:
        self._console.called(token, "days", before)
        rows = (DayRow(TODAY, Counts(1207, 3, 2, 9)), DayRow(TODAY - timedelta(days=1), Counts()))
        if before is not None:
            return DaysPage(rows[1:], None, self._console.lag)
        return DaysPage(rows, TODAY - timedelta(days=1), self._console.lag)

    async def organisations(self, token: str, after: str = "") -> OrganisationsPage:
        self._console.called(token, "organisations", after)
        rows = (
            OrganisationRow("00000099000000120000", "De Hoop GGZ", Counts(4, 1, 2, 0), Counts()),
            OrganisationRow("00000099000000110000", SENDER, Counts(0, 0, 0, 5), Counts(4, 1, 2, 0)),
        )
        if after:
            return OrganisationsPage(rows[1:], "", self._console.lag)
        return OrganisationsPage(rows, rows[0].oin, self._console.lag)
