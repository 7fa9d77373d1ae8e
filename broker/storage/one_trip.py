"""SQLite's driver with one trip to its thread for each statement, where the usual cursor of aiosqlite takes four.

A result is read to its end, and its statement closed, before anything else happens on the connection: whoever is
cancelled while waiting for it leaves no open statement behind, and with it no lock.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import aiosqlite

AT_A_TIME = 64


class _Cursor:
    """As far as SQLAlchemy needs one: of PEP 249, with rows that are here already."""

    arraysize = 1

    def __init__(self, connection: "OneTrip") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        """Execute the statement, and fetch all that it gives."""
        await self._connection.in_thread(self._run, sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        """Execute it once for each of the parameters; it may give nothing."""
        await self._connection.in_thread(self._run, sql, parameters, many=True)
        return self

    def _run(self, connection: sqlite3.Connection, sql: str, parameters: Any, *, many: bool = False) -> None:
        cursor = connection.cursor()
        try:
            (cursor.executemany if many else cursor.execute)(sql, parameters)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else []
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()

    async def fetchall(self) -> list[Any]:
        """All rows."""
        return self._rows

    async def close(self) -> None:
        """There is nothing left to close."""


class OneTrip(aiosqlite.Connection):
    """A connection of aiosqlite with other cursors. To be awaited; takes what `sqlite3.connect` takes."""

    def __init__(self, database: str, **options: Any) -> None:
        super().__init__(lambda: sqlite3.connect(database, **options), AT_A_TIME)
        self._thread.daemon = True

    @property
    def is_open(self) -> bool:
        """Whether nobody closed it yet, or said that it is to be closed."""
        return self._running and self._connection is not None

    def cursor(self) -> _Cursor:  # type: ignore[override]
        """A cursor. Nothing happens yet."""
        return _Cursor(self)

    async def close(self) -> None:
        """Close it after what was asked before. Where that was said already, nobody waits: its thread may be gone."""
        if self._running:
            await super().close()

    async def in_thread(self, work: Callable[..., None], *arguments: Any, **options: Any) -> None:
        """Do this with the real connection, in its thread, after all that was asked before."""
        await self._execute(work, self._conn, *arguments, **options)  # type: ignore[no-untyped-call]
