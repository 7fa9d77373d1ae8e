"""The trips on SQLite: one to the thread of a connection that is kept for them, for all that is asked; one for all that is kept.

The writers' queue of the process keeps everybody else out from the beginning to the end, so that nothing has to be locked.
"""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy.engine import URL

from broker.storage.engine import PATIENCE, PRAGMAS
from broker.storage.one_trip import OneTrip
from broker.storage.together.looks import CONTENTS, KEYS, LOOKS, converted, converters, day, instant
from broker.storage.together.reading import CONTENT_ROW, Asked, Facts, rows_of
from broker.storage.together.rows import COLUMNS, Rows
from broker.storage.together.trips import NotReached

_Found = TypeVar("_Found")
_CHANGES = {name: converters(look, {"flag": bool, "instant": instant, "date": day}) for name, look in LOOKS.items()}
_NAMES = ("handovers", "oins", "sections", "concerned", "persons", "senders", "tags")
_SETS = {name: f"IN (SELECT value FROM json_each(:{name}))" for name in _NAMES}  # noqa: S608
_SETS |= {
    "handover": f"handover WHERE id {_SETS['handovers']}",
    "section": f"section WHERE id {_SETS['sections']}",
    "section_person": f"section_person WHERE section {_SETS['sections']}",
}
_STATEMENTS = {name: look.statement(_SETS) for name, look in LOOKS.items()}
_CONTENTS, _KEYS = CONTENTS.statement(_SETS), KEYS.statement(_SETS)
_CURRENT = f"""SELECT section.id FROM section JOIN handover ON handover.id = section.handover
AND handover.version = section.version WHERE handover.id {_SETS["handovers"]}"""  # noqa: S608
_CONCERNED = f"SELECT person FROM section_person WHERE concerned AND section {_SETS['sections']}"  # noqa: S608
_HOLDERS = f'SELECT holder FROM authority WHERE "over" {_SETS["concerned"]}'  # noqa: S608
_COUNT = """INSERT INTO rate_count (bucket, window_start, tries, expires) VALUES (?, ?, 1, ?)
ON CONFLICT (bucket, window_start) DO UPDATE SET tries = tries + 1 RETURNING tries"""
_WRITE = {
    table: f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"  # noqa: S608
    for table, columns in COLUMNS.items()
}


class Trips:
    """One transaction at a time, on one connection of its own. See `broker.storage.together.trips.Trips`."""

    def __init__(self, url: URL, writers: asyncio.Lock) -> None:
        self._file = url.database or ""
        self._writers = writers
        self._connection: OneTrip | None = None
        self._holds_turn = False

    async def begin(self, asked: Sequence[Asked], tags: Sequence[str]) -> Facts:
        """Wait for the turn to write; count and read. Raises NotReached; then nothing is open."""
        await self._writers.acquire()
        self._holds_turn = True
        return await self._do(lambda connection: _begun(connection, asked, tags))

    async def keys(self, tags: Sequence[str]) -> dict[str, bytes]:
        """The wrapped keys of these. Raises NotReached; then nothing is open."""
        return await self._do(lambda connection: _keys(connection, tags))

    async def commit(self, rows: Rows) -> None:
        """Write and commit. Raises NotReached: what SQLite did not commit is undone."""
        await self._do(lambda connection: _committed(connection, rows))
        self._release()

    async def end(self) -> None:
        """End it without keeping anything."""
        with contextlib.suppress(NotReached):
            await self._do(_rolled_back)
        self._release()

    async def undo(self) -> None:
        """The same, whatever state it is in."""
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                try:
                    with contextlib.suppress(sqlite3.Error, ValueError):
                        await connection.in_thread(_rolled_back)
                    await connection.close()
                except BaseException:
                    connection.stop()  # its own thread closes it, when it comes to that
                    raise
        finally:
            self._release()

    def _release(self) -> None:
        if self._holds_turn:
            self._holds_turn = False
            self._writers.release()

    async def _do(self, work: Callable[[sqlite3.Connection], _Found]) -> _Found:
        found: list[_Found] = []
        try:
            connection = await self._connected()
            await connection.in_thread(lambda raw: found.append(work(raw)))
        except (sqlite3.Error, OSError, ValueError) as error:
            await self.undo()
            raise NotReached(getattr(error, "sqlite_errorname", type(error).__name__)) from None
        except BaseException:
            await self.undo()
            raise
        return found[0]

    async def _connected(self) -> OneTrip:
        if self._connection is None:
            self._connection = connection = OneTrip(self._file, timeout=PATIENCE / 1000)
            await connection
            await connection.in_thread(_prepared)
        return self._connection


def _prepared(connection: sqlite3.Connection) -> None:
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _rolled_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _begun(connection: sqlite3.Connection, asked: Sequence[Asked], tags: Sequence[str]) -> Facts:
    connection.execute("BEGIN IMMEDIATE")
    counted = {}
    for one in asked:
        start = int(one.now.timestamp()) // one.window
        ends = _stored(one.now + timedelta(seconds=2 * one.window))
        counted[f"{one.bucket}:{start}"] = connection.execute(_COUNT, (one.bucket, start, ends)).fetchone()[0]
    sets = {"handovers": [one.handover for one in asked], "oins": [one.organisation for one in asked]}
    rows = _read(connection, sets, ("handover",))
    sets |= {"senders": [row.sender for row in rows["handover"]]}
    sets |= {"sections": [found[0] for found in connection.execute(_CURRENT, _bound(sets))]}
    concerned = {row.subject for row in rows["handover"]}
    sets |= {"concerned": list(concerned | {found[0] for found in connection.execute(_CONCERNED, _bound(sets))})}
    holders = {found[0] for found in connection.execute(_HOLDERS, _bound(sets))}
    sets |= {"persons": list(holders | set(sets["concerned"]))}
    rows |= _read(connection, sets, [name for name in LOOKS if name != "handover"])
    contents = {row[0]: CONTENT_ROW(*row) for row in connection.execute(_CONTENTS, _bound(sets))}
    held = frozenset(sets["handovers"]) | frozenset(sets["persons"])
    return Facts(rows, contents, held, counted, _keys(connection, tags))


def _keys(connection: sqlite3.Connection, tags: Sequence[str]) -> dict[str, bytes]:
    return dict(connection.execute(_KEYS, {"tags": json.dumps(list(tags))}).fetchall())


def _read(connection: sqlite3.Connection, sets: dict[str, list[str]], names: Sequence[str]) -> dict[str, Sequence[Any]]:
    bound = _bound(sets)
    found: dict[str, Sequence[Any]] = {}
    for name in names:
        rows = connection.execute(_STATEMENTS[name], bound).fetchall()
        found[name] = rows_of(name, converted(rows, _CHANGES[name]))
    return found


def _bound(sets: dict[str, list[str]]) -> dict[str, str]:
    return {name: json.dumps(values) for name, values in sets.items()}


def _committed(connection: sqlite3.Connection, rows: Rows) -> None:
    for table, statement in _WRITE.items():
        kept = [[_stored(value) if isinstance(value, datetime) else value for value in row] for row in rows.of[table]]
        if kept:
            connection.executemany(statement, kept)
    connection.execute("COMMIT")


def _stored(at: datetime) -> str:
    """A moment as SQLAlchemy stores it."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
