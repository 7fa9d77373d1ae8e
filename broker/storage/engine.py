"""Connections: SQLite in WAL mode with full synchronisation, PostgreSQL through psycopg 3; statements never show values.

Nothing waits for PostgreSQL without an end: see `patience.py`.

On SQLite every writing unit of work takes one first-in-first-out lock in this process and begins with
`BEGIN IMMEDIATE`; its own busy handler would starve. BEGIN and COMMIT are said as statements, because the driver's own
`commit` passes over a connection that was closed or a transaction that SQLite has ended, as if all were well.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakSet

import psycopg
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from broker.errors import Unsafe, Words
from broker.storage.one_trip import OneTrip
from broker.storage.patience import POOL, Knocking, Patient, bounds, still_there

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "secure_delete=ON",
    "recursive_triggers=ON",
    "temp_store=MEMORY",
)
"""Without `recursive_triggers`, INSERT OR REPLACE gets past the triggers that refuse a DELETE; without `temp_store`, a
large sort leaves rows in a file of the system's temporary folder."""

PATIENCE, SHORT = 30_000, 250
"""Milliseconds that SQLite waits for others: to write, and to empty the write-ahead log."""
FAREWELL = 5
"""Seconds that closing waits for connections that are just being made, and for those in use."""
OUTSIDE = "outside_transaction"


@dataclass(frozen=True, slots=True)
class Database:
    """One database: its engine, and the queue for writers where the database has none."""

    engine: AsyncEngine
    writers: asyncio.Lock | None = field(default=None)
    unfinished: set[asyncio.Task[Any]] = field(default_factory=set)
    patience: float = 0
    """Seconds that a statement may take; see `open_database`."""
    beside: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    """How connections are closed that are not the engine's."""
    made: WeakSet[OneTrip] = field(default_factory=WeakSet)
    """SQLite: the engine's connections that somebody holds or the pool keeps."""

    @property
    def sqlite(self) -> bool:
        """Whether it is the embedded one."""
        return self.engine.dialect.name == "sqlite"

    async def close(self) -> None:
        """Close every connection, also those that are just being made or given back; it can be used again afterwards.

        A pool that is let go while somebody works with a connection of it would leave that one open: on SQLite, who works for
        longer than FAREWELL finds it closed.
        """
        for close in self.beside:
            await close()
        if self.unfinished:
            await asyncio.wait(self.unfinished, timeout=FAREWELL)
        pool = self.engine.pool
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                while isinstance(pool, QueuePool) and pool.checkedout():  # noqa: ASYNC110  a pool tells nobody
                    await asyncio.sleep(0.01)
        await self.engine.dispose()
        for connection in tuple(self.made):
            if connection.is_open:
                connection.stop()  # its own thread closes it, after what it is doing


def database_url(text: str) -> Any:
    """The address with the driver that we use. Raises Unsafe for anything but SQLite and PostgreSQL."""
    try:
        url = make_url(text)
        driver = DRIVERS[url.get_backend_name()]
    except (ArgumentError, KeyError):
        raise Unsafe(
            Words(
                "BROKER_DATABASE_URL klopt niet. Gebruik sqlite:///var/broker.db of postgresql://...",
                "BROKER_DATABASE_URL is not right. Use sqlite:///var/broker.db or postgresql://...",
            )
        ) from None
    return url.set(drivername=driver)


def open_database(text: str, *, pool_size: int = 20, patience: float = 0) -> Database:
    """Open a database; nothing is connected yet.

    With `patience` PostgreSQL gets so many seconds for each statement; otherwise none ends it. However long, a connection
    over which nothing comes at all is given up (`Patient`).
    """
    url = database_url(text)
    if url.get_backend_name() == "sqlite":
        made: WeakSet[OneTrip] = WeakSet()

        def new(*arguments: Any, **options: Any) -> OneTrip:
            connection = OneTrip(*arguments, **options)
            made.add(connection)
            return connection

        options = {"timeout": PATIENCE / 1000, "async_creator_fn": new}
        engine = create_async_engine(url, hide_parameters=True, connect_args=options)
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        event.listen(engine.sync_engine, "commit", _commit_sqlite)
        event.listen(engine.sync_engine, "invalidate", _undo_sqlite)
        return Database(engine, asyncio.Lock(), made=made)
    unfinished: set[asyncio.Task[Any]] = set()
    knocking = Knocking()

    async def connect(*arguments: Any, **options: Any) -> psycopg.AsyncConnection:
        """Nobody who stops waiting leaves a connection half-open: psycopg keeps its socket, and PostgreSQL waits on it.

        While it waits (`authentication_timeout`, a minute), no database of the whole server can be made or dropped.
        """
        knocking.may_try()
        task = asyncio.create_task(Patient.within(patience, *arguments, **options))
        unfinished.add(task)
        task.add_done_callback(unfinished.discard)
        task.add_done_callback(knocking.heard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(_hang_up)
            raise

    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_size=pool_size,
        max_overflow=0,  # one more than the pool holds would be made and thrown away for each use
        pool_timeout=max(POOL, patience),
        connect_args={"async_creator_fn": connect, **bounds(url.query, patience)},
    )
    event.listen(engine.sync_engine, "checkout", still_there)
    return Database(engine, unfinished=unfinished, patience=patience)


def _hang_up(task: asyncio.Task[Patient]) -> None:
    """Close the connection that nobody waits for any more."""
    if not task.cancelled() and task.exception() is None:
        task.result().pgconn.finish()


async def scrub(database: Database, tables: Sequence[str] = ()) -> bool:
    """Take what was deleted out of the files. False when that could not be done now; raises only when cancelled.

    On SQLite the write-ahead log goes into the database (where `secure_delete` has overwritten what was freed) and is
    cut to nothing; a reader that still needs it is waited for a quarter of a second. On PostgreSQL the `tables` are
    vacuumed where the role may: for others it says so in a notice, and their owner's autovacuum does it in time.
    """
    try:
        if database.writers is not None:
            async with database.writers:
                return await _truncate_wal(database)
        async with database.engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            if tables:
                async with _at_leisure(connection):
                    for table in tables:
                        await connection.exec_driver_sql(f"VACUUM {table}")
    except (SQLAlchemyError, sqlite3.Error, OSError):
        if (task := asyncio.current_task()) and task.cancelling():
            raise asyncio.CancelledError from None  # that is what broke it
        return False
    return True


@contextlib.asynccontextmanager
async def _at_leisure(connection: AsyncConnection) -> AsyncIterator[None]:
    """Whatever this connection does inside takes its time; nobody else gets one with so much patience."""
    inside: Any = (await connection.get_raw_connection()).driver_connection
    patience, inside.patience = inside.patience, 0
    try:
        await connection.exec_driver_sql("SET statement_timeout = 0")
        yield
        await connection.exec_driver_sql("RESET statement_timeout")
        inside.patience = patience
    except BaseException:
        await connection.invalidate()
        raise


async def _truncate_wal(database: Database) -> bool:
    """SQLite: `PRAGMA wal_checkpoint(TRUNCATE)`, outside any transaction."""
    async with database.engine.connect() as connection:
        await connection.execution_options(**{OUTSIDE: True})
        try:
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={SHORT}")
            busy = (await connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")).one()[0]
            await connection.exec_driver_sql(f"PRAGMA busy_timeout={PATIENCE}")
        except BaseException:
            await connection.invalidate()  # nobody else gets one with so little patience
            raise
    return not busy


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    if options.get(OUTSIDE):
        return
    writing = options.get("writing", True)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


def _undo_sqlite(connection: Any, _record: object, _error: object) -> None:
    """End the transaction of a task that was cancelled at work, before its connection is closed.

    Closing is not enough: while any statement of it is alive, SQLite keeps a closed connection, with its lock.
    """
    with contextlib.suppress(asyncio.CancelledError, SQLAlchemyError, sqlite3.Error, ValueError):
        connection.rollback()


def _commit_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("COMMIT")
