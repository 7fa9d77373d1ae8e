"""Somebody with the database in hands: reads, copies, edits and puts back whatever lies at rest, past every guard in it.

For attacks only. The broker goes on running on the same database meanwhile.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from tests.support.postgres import DatabaseUrls, PostgresServer
from tests.support.world import World

Rows = list[tuple[Any, ...]]


class Intruder:
    """Raw access to one database, as its administrator."""

    def __init__(self, url: str, server: PostgresServer | None, writers: asyncio.Lock | None = None) -> None:
        """`writers` is the queue of those who write to an embedded database while this one is about."""
        self._url = make_url(url)
        self._server = server
        self._writers = writers
        self._held: Any = None

    @property
    def path(self) -> Path:
        """The file of a SQLite database."""
        return Path(str(self._url.database))

    @contextmanager
    def staying(self) -> Iterator[None]:
        """Keep one connection meanwhile, for who does much."""
        with self._connected() as connection:
            self._held = connection
            try:
                yield
            finally:
                self._held = None

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        if self._held is not None:
            yield self._held
            return
        if self._server is None:
            connection = sqlite3.connect(self.path, timeout=60, isolation_level=None)
            try:
                yield connection
            finally:
                connection.close()
            return
        with self._server.admin(str(self._url.database)) as admin:
            admin.execute("SET session_replication_role = replica")  # no trigger and no foreign key holds
            yield admin

    def _alone(self) -> None:
        """Who waits for a writer on the loop that the writer waits for, waits in vain."""
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop()
            assert self._writers is None or self._writers.locked(), "take a thread, or `nobody_writes(world)`"

    def disarm(self) -> None:
        """Remove the triggers of an embedded database; a server's are passed over anyway."""
        self._alone()
        if self._server is None:
            with self._connected() as connection:
                for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                    connection.execute(f"DROP TRIGGER {name}")

    def rows(self, statement: str, *values: Any) -> Rows:
        """What a query says; `?` stands for a value."""
        with self._connected() as connection:
            return [tuple(row) for row in connection.execute(self._written(statement), values).fetchall()]

    def run(self, statement: str, *values: Any) -> int:
        """Change something; returns how many rows."""
        self._alone()
        with self._connected() as connection:
            return int(connection.execute(self._written(statement), values).rowcount)

    def change(self, statement: str, *values: Any) -> None:
        """Change something that must be there."""
        assert self.run(statement, *values) > 0, statement

    def _written(self, statement: str) -> str:
        return statement if self._server is None else statement.replace("?", "%s")

    def tables(self) -> list[str]:
        """Every table."""
        if self._server is None:
            found = self.rows("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        else:
            found = self.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        return sorted(str(name) for (name,) in found)

    def contents(self, leave_out: Sequence[str] = ()) -> dict[str, Rows]:
        """Every row of every table, in an order that does not depend on chance."""
        wanted = [table for table in self.tables() if table not in leave_out]
        with self._connected() as connection:
            found = {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in wanted}
        return {table: sorted(map(tuple, rows), key=repr) for table, rows in found.items()}

    def put_back(self, contents: Mapping[str, Rows]) -> None:
        """Make these tables hold exactly these rows again."""
        self._alone()
        with self._connected() as connection:
            connection.execute("BEGIN")
            for table, rows in contents.items():
                connection.execute(f"DELETE FROM {table}")
                for row in rows:
                    marks = ", ".join("?" for _ in row)
                    connection.execute(self._written(f"INSERT INTO {table} VALUES ({marks})"), row)
            connection.execute("COMMIT")

    def on_disk(self) -> bytes:
        """The bytes of the database's own files, also where nothing points to them any more."""
        if self._server is None:
            return self.stolen()
        with self._connected() as admin:
            admin.execute("CHECKPOINT")
            [(relative,)] = admin.execute(
                "SELECT 'base/' || oid FROM pg_database WHERE datname = current_database()"
            ).fetchall()
        files = sorted((self._server.data / relative).iterdir())
        return b"".join(path.read_bytes() for path in files if path.is_file())

    def stolen(self) -> bytes:
        """Everything that a thief of the disk or of a backup would hold."""
        if self._server is None:
            beside = (self.path.with_name(self.path.name + end) for end in ("", "-wal", "-shm", "-journal"))
            return b"".join(path.read_bytes() for path in beside if path.exists())
        name = str(self._url.database)
        return self._server.dump(DatabaseUrls(name, "", ""))


def changed_tables(before: Mapping[str, Rows], after: Mapping[str, Rows]) -> list[str]:
    """The tables that differ: their names alone, since comparing their rows sign by sign takes minutes."""
    return sorted(table for table in before.keys() | after.keys() if before.get(table) != after.get(table))


def intruder_in(world: World, request: pytest.FixtureRequest) -> Intruder:
    """The intruder in a world's database."""
    embedded = world.database == "sqlite"
    server = None if embedded else request.getfixturevalue("postgres_server")
    return Intruder(world.database_url, server, world.broker.database.writers)
