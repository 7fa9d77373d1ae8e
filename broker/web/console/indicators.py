"""How handing over goes: pictures, tables and a file of a quarter; what stays hidden is a dash."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request, Response
from markupsafe import Markup

from broker.domain.indicators import FAMILIES, SHARES, TOTAL_ONLY, Cell, Measure, Quarter, Sheet, Table
from broker.errors import NotFound, Words
from broker.services.indicators import IndicatorsScreen, csv_of
from broker.web.console.visits import Visits
from broker.web.kit.charts import Column, bars, columns, swatch
from broker.web.kit.pages import Pages
from broker.web.kit.texts import Texts, texts


class IndicatorsService(Protocol):
    """See `broker.services.indicators.Indicators`."""

    async def screen(self, token: str, quarter: Quarter | None = None) -> IndicatorsScreen:
        """A quarter, the latest unless one is named. Raises NotFound for one that is not there."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; the texts of its cells are numbers, shares or a dash."""

    label: str
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table with a caption."""

    caption: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One indicator: a picture where there is something to draw, its legend, and tables."""

    key: str
    title: str
    explain: str
    svg: Markup | None
    legend: tuple[tuple[Markup, str], ...]
    grids: tuple[Grid, ...]


class IndicatorsPages:
    """One page for each quarter, and the same as a file."""

    def __init__(self, indicators: IndicatorsService, visits: Visits, pages: Pages) -> None:
        self._indicators = indicators
        self._visits = visits
        self._pages = pages

    async def latest(self, request: Request) -> Response:
        """The latest quarter that is over."""
        return await self._show(request, None)

    async def quarter(self, request: Request) -> Response:
        """The quarter of the address."""
        return await self._show(request, _asked(request))

    async def file(self, request: Request) -> Response:
        """The numbers of that quarter as CSV."""
        visit = await self._visits.signed_in(request)
        quarter = _asked(request)
        screen = await self._indicators.screen(visit.token, quarter)
        response = Response(csv_of(screen), media_type="text/csv; charset=utf-8")
        name = texts(self._pages.language(request)).gettext("rondom-indicators")
        response.headers["Content-Disposition"] = f'attachment; filename="{name}-{quarter.text}.csv"'
        return self._pages.protected(response)

    async def _show(self, request: Request, quarter: Quarter | None) -> Response:
        visit = await self._visits.signed_in(request)
        screen = await self._indicators.screen(visit.token, quarter)
        its = texts(self._pages.language(request))
        sheet = screen.sheet
        return self._pages.show(
            request,
            "console/indicators.html",
            visitor=visit.visitor,
            quarter=sheet.quarter if sheet else None,
            quarters=screen.quarters,
            shown=[_shown(screen, sheet, table, its) for table in sheet.tables] if sheet else [],
            party=bool(screen.party),
        )


def _asked(request: Request) -> Quarter:
    try:
        return Quarter.parse(request.path_params["quarter"])
    except ValueError:
        raise NotFound from None


def _shown(screen: IndicatorsScreen, sheet: Sheet, table: Table, its: Texts) -> Shown:
    title, explain = TITLES[table.family]
    names = [its.words(MEASURES[measure]) for measure in FAMILIES[table.family]]
    share = (its.words(SHARE[table.family]),) if table.family in SHARE else ()
    heads = (*names, *share)
    months = [f"{month:%Y-%m}" for month in sheet.quarter.months]
    kinds = [
        its.words(screen.labels[kind]) if kind in screen.labels else kind or its.words(_NONE) for kind in sheet.kinds
    ]
    regions = [region or its.words(_NONE) for region in sheet.regions]
    every = its.words(_ALL)

    def grid(caption: Words, labels: Iterable[str], cells: Iterable[Cell]) -> Grid:
        rows = [Row(label, _texts(cell, table.family)) for label, cell in zip(labels, cells, strict=True)]
        return Grid(its.words(caption), heads, tuple(rows))

    grids = []
    if table.family in TOTAL_ONLY:
        grids.append(grid(_TOGETHER, [every], [table.total]))
    if screen.party in table.own:
        total, own = table.own[screen.party]
        grids.append(grid(_OWN, [every, *kinds], [total, *own]))
    if table.family not in TOTAL_ONLY:
        grids += [
            grid(_BY_KIND, [every, *kinds], [table.total, *table.kinds]),
            grid(_BY_REGION, [every, *regions], [table.total, *table.regions]),
            grid(_BY_MONTH, [every, *months], [table.total, *table.months]),
            _crossed(its.words(_KIND_AND_REGION), (every, *regions), kinds, table),
        ]
    svg, legend = _drawn(table, its.words(title), names, months)
    return Shown(table.family, its.words(title), its.words(explain), svg, legend, tuple(grids))


def _crossed(caption: str, regions: Sequence[str], kinds: Sequence[str], table: Table) -> Grid:
    """How many there are of each kind in each region."""
    every = zip(kinds, table.kinds, table.cells, strict=True)
    rows = [Row(label, tuple(_many(cell) for cell in (total, *row))) for label, total, row in every]
    return Grid(caption, tuple(regions), tuple(rows))


def _many(cell: Cell) -> str:
    return HIDDEN if cell is None else str(sum(cell))


def _texts(cell: Cell, family: str) -> tuple[str, ...]:
    count, shared = len(FAMILIES[family]), family in SHARE
    if cell is None:
        return (HIDDEN,) * (count + shared)
    part = (cell[FAMILIES[family].index(SHARES[family])],) if shared else ()
    return (*map(str, cell), *(f"{round(100 * one / sum(cell))}%" for one in part))


def _drawn(
    table: Table, title: str, names: Sequence[str], months: Sequence[str]
) -> tuple[Markup | None, tuple[tuple[Markup, str], ...]]:
    """Months beside each other where all of them are there, else what all of them are together; nothing when that hides."""
    totals = "; ".join(f"{name}: {number}" for name, number in zip(names, table.total or (), strict=False))
    if table.total is None:
        return None, ()
    if len(names) > 2 or None in table.months:
        return bars(title, totals, list(zip(names, table.total, strict=True))), ()
    every = [Column(month, cell) for month, cell in zip(months, table.months, strict=True) if cell is not None]
    legend = tuple((swatch(table.family, place), name) for place, name in enumerate(names)) if len(names) > 1 else ()
    return columns(table.family, title, totals, every), legend


HIDDEN = "–"
TITLES = {
    "handovers": (
        Words("Overdrachten", "Handovers"),
        Words("Hoeveel overdrachten er zijn gestuurd.", "How many handovers were sent."),
    ),
    "corrections": (
        Words("Correcties", "Corrections"),
        Words("Hoe vaak de afzender een overdracht heeft verbeterd.", "How often the sender corrected a handover."),
    ),
    "days": (
        Words("Van vraag tot ieders ja", "From the question to everybody's yes"),
        Words(
            "Hoeveel dagen het duurde van de eerste vraag tot iedereen ja had gezegd.",
            "How many days there were between the first question and the last yes that was needed.",
        ),
    ),
    "answers": (
        Words("Antwoorden van gezinnen", "Answers of families"),
        Words("Hoe vaak iemand ja zei, en hoe vaak nee.", "How often somebody said yes, and how often no."),
    ),
    "withdrawals": (
        Words("Gestopt", "Withdrawn"),
        Words("Hoe vaak iemand ja zei en daarna toch stopte.", "How often somebody said yes, and stopped it later."),
    ),
    "reading": (
        Words("Gelezen door de ontvanger", "Read by the recipient"),
        Words(
            "Of de ontvanger binnen veertien dagen heeft laten weten dat het gelezen is. Alleen voor alle organisaties samen.",
            "Whether the recipient said within fourteen days that it was read. Only for all organisations together.",
        ),
    ),
    "urgent": (
        Words("Spoed", "Urgent"),
        Words(
            "Of iedereen binnen de afgesproken tijd ja had gezegd.",
            "Whether everybody had said yes within the agreed time.",
        ),
    ),
}
MEASURES = {
    Measure.PUSHED: Words("Gestuurd", "Sent"),
    Measure.CORRECTED: Words("Verbeterd", "Corrected"),
    Measure.YES: Words("Ja", "Yes"),
    Measure.NO: Words("Nee", "No"),
    Measure.STOPPED: Words("Gestopt", "Stopped"),
    Measure.DAYS_1: Words("0 of 1 dag", "0 or 1 day"),
    Measure.DAYS_7: Words("2 tot en met 7", "2 to 7"),
    Measure.DAYS_14: Words("8 tot en met 14", "8 to 14"),
    Measure.DAYS_MORE: Words("Meer dan 14", "More than 14"),
    Measure.READ: Words("Gelezen", "Read"),
    Measure.UNREAD: Words("Niet gelezen", "Not read"),
    Measure.IN_TIME: Words("Op tijd", "In time"),
    Measure.LATE: Words("Te laat", "Late"),
}
SHARE = {
    "answers": Words("Deel nee", "Share of no"),
    "reading": Words("Deel niet gelezen", "Share not read"),
    "urgent": Words("Deel op tijd", "Share in time"),
}
_ALL = Words("Alles samen", "All together")
_NONE = Words("Niet bekend", "Not known")
_OWN = Words("Uw organisatie, per soort overdracht", "Your organisation, by kind of handover")
_TOGETHER = Words("Alle organisaties samen", "All organisations together")
_BY_KIND = Words("Alle organisaties, per soort overdracht", "All organisations, by kind of handover")
_BY_REGION = Words("Alle organisaties, per regio", "All organisations, by region")
_BY_MONTH = Words("Alle organisaties, per maand", "All organisations, by month")
_KIND_AND_REGION = Words("Aantal per soort en regio", "Number by kind and region")
