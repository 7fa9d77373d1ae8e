"""Counts of each month and what is kept on the way to them: derived rows, never proof of anything."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.handovers import HandoverId
from broker.domain.indicators import Counted, Measure
from broker.domain.stores.indicators import AwaitedReading
from broker.storage import tables as t
from broker.storage.rows import Store, replacing

_KEYS = ["month", "organisation", "region", "kind", "measure", "recipient"]


class Indicators(Store):
    """See `IndicatorStore`."""

    async def regions(self, organisations: Collection[str]) -> Mapping[str, str]:
        """By the key."""
        c = t.indicator_region.c
        rows = await self._all(sa.select(c.organisation, c.region).where(self._among(c.organisation, organisations)))
        return {row.organisation: row.region for row in rows}

    async def place(self, regions: Mapping[str, str]) -> None:
        """One row for each organisation."""
        rows = [{"organisation": one, "region": region} for one, region in sorted(regions.items())]
        await self._put_all(t.indicator_region, rows, keys=["organisation"], grown=replacing("region"))

    async def add(self, counts: Mapping[Counted, int]) -> None:
        """One row for each key; in their order, so that two never wait for each other."""
        rows = [{**{key: getattr(which, key) for key in _KEYS}, "entries": n} for which, n in sorted(counts.items())]
        more = {"entries": lambda insert: t.indicator_count.c.entries + insert.excluded.entries}
        await self._put_all(t.indicator_count, rows, keys=_KEYS, grown=more)

    async def between(self, first: date, last: date) -> Mapping[Counted, int]:
        """By the key, which begins with the month."""
        c = t.indicator_count.c
        rows = await self._all(sa.select(t.indicator_count).where(c.month >= first, c.month <= last))
        return {Counted(*(getattr(row, key) for key in _KEYS)): int(row.entries) for row in rows}

    async def span(self) -> tuple[date | None, date | None]:
        """By the index on the measure."""
        c = t.indicator_count.c
        first = sa.select(sa.func.min(c.month)).where(c.measure == Measure.SEEN).scalar_subquery()
        last = sa.select(sa.func.max(c.month)).where(c.measure == Measure.SEEN).scalar_subquery()
        row = await self._one(sa.select(first.label("first"), last.label("last")))
        return row.first, row.last

    async def await_reading(self, releases: Sequence[AwaitedReading]) -> None:
        """One row for each."""
        await self._put_all(t.indicator_unread, [asdict(one) for one in releases], keys=["release"])

    async def awaited(self, releases: Collection[str]) -> Sequence[AwaitedReading]:
        """By the key."""
        return await self._awaited(self._among(t.indicator_unread.c.release, releases))

    async def overdue(self, before: date) -> Sequence[AwaitedReading]:
        """By the index on the day."""
        return await self._awaited(t.indicator_unread.c.due < before)

    async def _awaited(self, wanted: sa.ColumnElement[bool]) -> list[AwaitedReading]:
        return [_reading(row) for row in await self._all(sa.select(t.indicator_unread).where(wanted))]

    async def no_longer_awaited(self, releases: Collection[str]) -> None:
        """The rows go."""
        await self._run(sa.delete(t.indicator_unread).where(self._among(t.indicator_unread.c.release, releases)))

    async def complete(self, handover: HandoverId, now: datetime) -> bool:
        """One row for a handover."""
        return await self._insert_once(t.handover_complete, {"handover": handover, "at": now})

    async def forget(self) -> None:
        """Begin anew."""
        for table in (t.indicator_count, t.indicator_unread, t.indicator_region):
            await self._run(sa.delete(table))


def _reading(row: Any) -> AwaitedReading:
    return AwaitedReading(row.release, row.due, row.organisation, row.region, row.kind, row.recipient)
