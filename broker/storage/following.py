"""Followers of the log and the counts of each day: derived rows, never proof of anything."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from broker.domain.stores.following import DailyKey
from broker.storage import tables as t
from broker.storage.rows import Store


class Followers(Store):
    """See `FollowerStore`."""

    async def hold(self, names: Sequence[str], *, wait: bool = False) -> Mapping[str, int] | None:
        """Rows that another broker holds are not waited for."""
        c = t.log_follower.c
        mine = sa.select(c.name, c.next).where(c.name.in_(names)).order_by(c.name).with_for_update(skip_locked=not wait)
        found = {row.name: int(row.next) for row in await self._all(mine)}
        if len(found) < len(names):
            new = [name for name in sorted(names) if await self._insert_once(t.log_follower, {"name": name, "next": 0})]
            found |= {row.name: int(row.next) for row in (await self._all(mine) if new or wait else ())}
        return found if len(found) == len(names) else None

    async def advance(self, names: Sequence[str], place: int) -> None:
        """These read from that place on the next time."""
        await self._run(sa.update(t.log_follower).where(t.log_follower.c.name.in_(names)).values(next=place))

    async def behind(self, names: Sequence[str]) -> int:
        """A follower that never read anything has no row yet."""
        c = t.log_follower.c
        size = sa.select(t.log_state.c.size).scalar_subquery()
        row = await self._one(
            sa.select(size.label("size"), sa.func.count(c.name).label("known"), sa.func.min(c.next).label("least"))
            .select_from(t.log_follower)
            .where(c.name.in_(names))
        )
        return int(row.size) - (int(row.least) if row.known == len(names) else 0)


class Daily(Store):
    """See `DailyStore`."""

    async def add(self, counts: Mapping[DailyKey, int]) -> None:
        """One row for each key; in their order, so that two never wait for each other."""
        keys = ["day", "type", "organisation", "counterpart", "outcome", "reason"]
        rows = [{**{key: getattr(which, key) for key in keys}, "entries": n} for which, n in counts.items()]
        more = {"entries": lambda insert: t.log_daily.c.entries + insert.excluded.entries}
        ordered = sorted(rows, key=lambda row: tuple(row[key] for key in keys))
        await self._put_all(t.log_daily, ordered, keys=keys, grown=more)

    async def between(self, first: date, last: date, party: str = "") -> Mapping[DailyKey, int]:
        """The counts of those days."""
        c = t.log_daily.c
        wanted = sa.select(t.log_daily).where(c.day >= first, c.day <= last)
        if party:
            wanted = wanted.where(sa.or_(c.organisation == party, c.counterpart == party))
        return {_key(row): int(row.entries) for row in await self._all(wanted.order_by(c.day))}

    async def first_day(self) -> date | None:
        """The index of the primary key begins with it."""
        row = await self._one(sa.select(sa.func.min(t.log_daily.c.day).label("day")))
        return row.day if row else None

    async def by_day(self, first: date, last: date, party: str = "") -> Mapping[tuple[date, str, str], int]:
        """Summed by the database."""
        return {
            (row.day, row.type, row.outcome): int(row.entries)
            for row in await self._summed(("day", "type", "outcome"), first, last, party)
        }

    async def by_organisation(
        self, first: date, last: date, party: str = ""
    ) -> Mapping[tuple[str, str, str, str], int]:
        """Summed by the database."""
        columns = ("organisation", "counterpart", "type", "outcome")
        return {
            (row.organisation, row.counterpart, row.type, row.outcome): int(row.entries)
            for row in await self._summed(columns, first, last, party)
        }

    async def _summed(self, columns: Sequence[str], first: date, last: date, party: str) -> Any:
        return await self._all(summed(columns, first, last, party))

    async def forget(self) -> None:
        """Begin anew."""
        await self._run(sa.delete(t.log_daily))


def summed(columns: Sequence[str], first: date, last: date, party: str) -> sa.Select[Any]:
    """Counts of those days by these columns; a party's from each side by its own index."""
    c = t.log_daily.c
    days = sa.select(*(c[column] for column in columns), c.entries).where(c.day >= first, c.day <= last)
    either = [days]
    if party:
        either = [days.where(c.organisation == party), days.where(c.counterpart == party, c.organisation != party)]
    every = sa.union_all(*either).subquery()
    groups = [every.c[column] for column in columns]
    return sa.select(*groups, sa.func.sum(every.c.entries).label("entries")).group_by(*groups)


def _key(row: Any) -> DailyKey:
    return DailyKey(row.day, row.type, row.organisation, row.counterpart, row.outcome, row.reason)
