"""The indicators of a quarter, for officers, organisations and the operator: what was counted from the log, and nothing else.

- A quarter is there once it is over and the log was read beyond it. What is shown of it is worked out from the counts of
  its three months alone, so that it is the same for everybody and at every moment.
- An organisation gets its own part beside the whole; what stays hidden in one cannot be worked out from the other.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass, field
from functools import lru_cache

from broker.domain.exports import row
from broker.domain.indicators import FAMILIES, Cell, Counted, Quarter, Sheet, Table, quarters_between, sheet_of
from broker.domain.officers import Right
from broker.domain.stores import UnitOfWork
from broker.errors import NotFound, Words
from broker.services.checks import KnowsOfficers
from broker.services.house import House
from broker.services.looking import looked

CSV_COLUMNS = ("indicator", "measure", "month", "kind", "region", "part", "value")
MOST = 40
"""How many quarters back can be asked for."""
NOWHERE = "(none)"
"""The region of organisations of which none is registered: not the same as all regions."""


@dataclass(frozen=True, slots=True)
class IndicatorLine:
    """One number. Where a month, kind or region is empty it is of all of them; `value` None stays hidden.

    Of organisations without a region it is NOWHERE. With `own` it is of the organisation's own part.
    """

    indicator: str
    measure: str
    month: str
    kind: str
    region: str
    own: bool
    value: int | None


@dataclass(frozen=True, slots=True)
class IndicatorsScreen:
    """A quarter, and the others that are there, the latest first. Nothing is there yet when `sheet` is None.

    `party` is the organisation whose own part goes with it; empty for none.
    """

    sheet: Sheet | None
    quarters: tuple[Quarter, ...]
    party: str = ""
    labels: Mapping[str, Words] = field(default_factory=dict)
    """Of kinds, by their word; a word that the agreement lost has none."""

    def lines(self) -> Iterator[IndicatorLine]:
        """Every number of it, table by table."""
        for sheet, table in ((self.sheet, table) for table in self.sheet.tables) if self.sheet else ():
            for month, kind, region, own, cell in _places(sheet, table, self.party):
                values = cell or (None,) * len(FAMILIES[table.family])
                for measure, value in zip(FAMILIES[table.family], values, strict=True):
                    yield IndicatorLine(table.family, measure.value, month, kind, region, own, value)


def _places(sheet: Sheet, table: Table, party: str) -> Iterator[tuple[str, str, str, bool, Cell]]:
    """Month, kind, region, whether it is the own part, and what is shown there."""
    months = [f"{month:%Y-%m}" for month in sheet.quarter.months]
    yield "", "", "", False, table.total
    for region, cell in zip(sheet.regions, table.regions, strict=True):
        yield "", "", region or NOWHERE, False, cell
    for month, cell in zip(months, table.months, strict=True):
        yield month, "", "", False, cell
    for place, kind in enumerate(sheet.kinds):
        yield "", kind, "", False, table.kinds[place]
        for region, cell in zip(sheet.regions, table.cells[place], strict=True):
            yield "", kind, region or NOWHERE, False, cell
        for month, cell in zip(months, table.by_month[place], strict=True):
            yield month, kind, "", False, cell
    if party in table.own:
        total, kinds = table.own[party]
        yield "", "", "", True, total
        for kind, cell in zip(sheet.kinds, kinds, strict=True):
            yield "", kind, "", True, cell


class Indicators:
    """The use cases."""

    def __init__(self, house: House, officers: KnowsOfficers) -> None:
        self._house = house
        self._officers = officers

    async def screen(self, token: str, quarter: Quarter | None = None) -> IndicatorsScreen:
        """For an officer; one of an organisation gets its own part too. The look is logged; it is about nobody.

        Raises NotFound for a quarter that is not there.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.COUNT)
            wanted, quarters = await _wanted(work, quarter)
            counts = await _counts(work, wanted)
            await looked(work, acting, now, "indicators")
            await work.commit()
        house.log.kick()
        return self._screen(await _sheet(wanted, counts), quarters, acting.party)

    async def of(self, organisation: str, quarter: Quarter | None = None) -> IndicatorsScreen:
        """For an organisation, with its own part; for the operator with none. Raises NotFound for a quarter that is not there."""
        async with self._house.storage(writing=False) as work:
            wanted, quarters = await _wanted(work, quarter)
            counts = await _counts(work, wanted)
        return self._screen(await _sheet(wanted, counts), quarters, organisation)

    def _screen(self, sheet: Sheet | None, quarters: tuple[Quarter, ...], party: str) -> IndicatorsScreen:
        kinds = self._house.agreement().vocabulary.handover_kinds
        labels = {kind: kinds[kind].label for kind in (sheet.kinds if sheet else ()) if kind in kinds}
        return IndicatorsScreen(sheet, quarters, party, labels)


def csv_of(screen: IndicatorsScreen) -> bytes:
    """The same as a file: one row for each number, without a value where it stays hidden."""
    quarter = screen.sheet.quarter.text if screen.sheet else ""
    rows = [row(("quarter", *CSV_COLUMNS))]
    for line in screen.lines():
        *places, own, value = astuple(line)
        rows.append(row((quarter, *places, "own" if own else "all", "" if value is None else str(value))))
    return b"".join(rows)


async def _wanted(work: UnitOfWork, quarter: Quarter | None) -> tuple[Quarter | None, tuple[Quarter, ...]]:
    """The quarter that is shown, the latest unless one was asked for, and all that are there. Raises NotFound."""
    first, seen = await work.indicators.span()
    quarters = quarters_between(first, seen, MOST)
    if quarter is None:
        return (quarters[0] if quarters else None), quarters
    if quarter not in quarters:
        raise NotFound
    return quarter, quarters


async def _counts(work: UnitOfWork, quarter: Quarter | None) -> Mapping[Counted, int]:
    if quarter is None:
        return {}
    first, _, last = quarter.months
    return await work.indicators.between(first, last)


async def _sheet(quarter: Quarter | None, counts: Mapping[Counted, int]) -> Sheet | None:
    """In a thread: with many organisations it takes a while, once."""
    if quarter is None:
        return None
    return await asyncio.to_thread(_worked_out, quarter, tuple(sorted(counts.items())))


@lru_cache(8)
def _worked_out(quarter: Quarter, counts: tuple[tuple[Counted, int], ...]) -> Sheet:
    return sheet_of(quarter, dict(counts))
