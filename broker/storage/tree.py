"""The log's tree as it is stored: extended by one broker at a time, and seen in one trip.

- On PostgreSQL a round of the sequencer is three statements: the fence with the queue, the tiles, and all that it writes.
- Both ways to write leave the same rows; `tests/integration/test_storage_log.py` compares them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from broker.domain.events import EntryId
from broker.domain.stores import StoredEntry, TreeSeen, TreeState
from broker.errors import Unavailable
from broker.storage import tables as t
from broker.storage.log import STORED, stored
from broker.storage.rows import Store

Tile = tuple[int, int]
_REMEMBERED = 64
"""Statements of one form, by how many they ask for; to build one costs more than to execute it."""


class Tree(Store):
    """See `TreeStore`."""

    async def state(self) -> TreeState:
        """The tree as it is now."""
        return self._state(await self._one(sa.select(t.log_state.c.size, t.log_state.c.root)))

    @staticmethod
    def _state(row: Any) -> TreeState:
        if row is None:
            raise Unavailable
        return TreeState(row.size, row.root)

    async def seen(self, wanted: Iterable[Tile] = ()) -> tuple[TreeSeen, Mapping[Tile, bytes]]:
        """One row for each tile that is there, or one without."""
        ids = sorted(set(wanted))
        rows = (await self._connection.execute(seeing(len(ids)), _named(ids))).all()
        state = self._state(rows[0] if rows else None)
        newest = None if rows[0].covers is None else (int(rows[0].covers), str(rows[0].note))
        data = {(row.level, row.n): row.data for row in rows if ids and row.level is not None}
        return TreeSeen(state, newest), data

    async def begin(self, limit: int) -> tuple[TreeState, Sequence[StoredEntry]]:
        """On PostgreSQL in one statement, which may have waited for the fence: then it saw an older queue, and looks again."""
        if self._connection.dialect.name != "postgresql":
            return await self.state(), [stored(row) for row in await self._all(in_line(limit))]
        rows = await self._all(_fenced(limit))
        state = self._state(rows[0] if rows else None)
        if rows[0].before != state.size:
            rows = await self._all(in_line(limit))
        return state, [stored(row) for row in rows if row.entry_id is not None]

    async def tiles(self, wanted: Iterable[Tile]) -> Mapping[Tile, bytes]:
        """Tile data by (level, n); missing ones are left out."""
        ids = list(wanted)
        if not ids:
            return {}
        rows = await self._connection.execute(_these(len(ids)), _named(ids))
        return {(row.level, row.n): row.data for row in rows}

    async def extend(
        self, first: int, entries: Sequence[EntryId], state: TreeState, grown: Mapping[Tile, bytes]
    ) -> None:
        """On PostgreSQL in one statement."""
        if self._connection.dialect.name != "postgresql":
            await self.extend_step_by_step(first, entries, state, grown)
            return
        values = {
            "first": first,
            "entries": list(entries),
            "levels": [level for level, _ in grown],
            "numbers": [n for _, n in grown],
            "tiles": list(grown.values()),
            "size": state.size,
            "root": state.root,
        }
        await self._connection.exec_driver_sql(_ALL_AT_ONCE, values)

    async def extend_step_by_step(
        self, first: int, entries: Sequence[EntryId], state: TreeState, grown: Mapping[Tile, bytes]
    ) -> None:
        """See `extend`: the plain way, which SQLite has."""
        insert = self._insert_into(t.log_tile)
        keep = insert.on_conflict_do_update(index_elements=["level", "n"], set_={"data": insert.excluded.data})
        await self._run(keep, [{"level": level, "n": n, "data": data} for (level, n), data in grown.items()])
        places = [{"leaf_index": first + offset, "entry_id": entry} for offset, entry in enumerate(entries)]
        await self._run(sa.insert(t.log_index), places)
        await self._run(sa.delete(t.log_queue).where(t.log_queue.c.entry_id.in_(list(entries))))
        await self._run(sa.update(t.log_state).values(size=state.size, root=state.root))


@lru_cache(_REMEMBERED)
def seeing(tiles: int = 0) -> sa.Select[Any]:
    """The tree, its newest checkpoint, and so many tiles (`level_0`, `n_0`, ...), as one statement."""
    c = t.log_checkpoint.c
    newest = sa.select(c.size.label("covers"), c.note).order_by(c.size.desc()).limit(sa.literal_column("1"))
    latest = newest.subquery("newest")
    columns = (t.log_state.c.size, t.log_state.c.root, latest.c.covers, latest.c.note)
    joined = t.log_state.outerjoin(latest, sa.true())
    if not tiles:
        return sa.select(*columns).select_from(joined)
    k = t.log_tile.c
    return sa.select(*columns, k.level, k.n, k.data).select_from(joined.outerjoin(t.log_tile, _either(tiles)))


@lru_cache(_REMEMBERED)
def _these(tiles: int) -> sa.Select[Any]:
    return sa.select(t.log_tile).where(_either(tiles))


def _either(tiles: int) -> sa.ColumnElement[bool]:
    """So many tiles, by name: see `_named`."""
    c = t.log_tile.c
    which = (
        sa.and_(
            c.level == sa.bindparam(f"level_{at}", type_=c.level.type), c.n == sa.bindparam(f"n_{at}", type_=c.n.type)
        )
        for at in range(tiles)
    )
    return sa.or_(*which)


def _named(ids: Sequence[Tile]) -> dict[str, int]:
    levels = {f"level_{at}": level for at, (level, _) in enumerate(ids)}
    return levels | {f"n_{at}": n for at, (_, n) in enumerate(ids)}


@lru_cache(_REMEMBERED)
def in_line(limit: int) -> sa.Select[Any]:
    """The entries that wait for their place, in the order of the queue.

    How many stands in the statement itself: SQLite plans by it, and otherwise reads every entry there is.
    """
    q = t.log_queue.c
    first = sa.select(q.seq, q.entry_id).order_by(q.seq).limit(sa.literal_column(str(int(limit)))).subquery("first")
    return (
        sa.select(*STORED, sa.null().label("leaf_index"), first.c.seq)
        .join_from(first, t.log_entry, t.log_entry.c.entry_id == first.c.entry_id)
        .order_by(first.c.seq)
    )


@lru_cache(_REMEMBERED)
def _fenced(limit: int) -> sa.Select[Any]:
    """The fence and the entries that wait, as PostgreSQL does both at once; `before` is the size that this saw unlocked.

    A statement sees what was committed when it began; a row that it then waits for, it gets as it is by then (manual,
    13.2.1). So the size differs if, and only if, somebody extended the tree and took from the queue in between.
    """
    s = t.log_state.c
    fence = sa.select(s.size, s.root).with_for_update().cte("fence")
    before = sa.select(s.size).scalar_subquery()
    waiting = in_line(limit).order_by(None).subquery("waiting")
    chosen = sa.select(fence.c.size, fence.c.root, before.label("before"), *waiting.c)
    return chosen.select_from(fence.outerjoin(waiting, sa.true())).order_by(waiting.c.seq)


# PostgreSQL does every part of this, read or not, and checks foreign keys when all of it is done (manual, 7.8.4).
_ALL_AT_ONCE = """
WITH placed AS (
    INSERT INTO log_index (leaf_index, entry_id)
    SELECT %(first)s + place - 1, entry FROM unnest(%(entries)s::text[]) WITH ORDINALITY AS given (entry, place)),
gone AS (
    DELETE FROM log_queue WHERE entry_id = ANY(%(entries)s::text[])),
kept AS (
    INSERT INTO log_tile (level, n, data)
    SELECT * FROM unnest(%(levels)s::int[], %(numbers)s::bigint[], %(tiles)s::bytea[])
    ON CONFLICT (level, n) DO UPDATE SET data = excluded.data)
UPDATE log_state SET size = %(size)s, root = %(root)s
"""
