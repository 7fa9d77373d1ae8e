"""Ways in which the house itself fails: the database refuses, or is not there at all."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from unittest.mock import patch

import psycopg
from sqlalchemy import event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from broker.storage.together import sqlite
from broker.storage.together.known import Asked, Knowing
from broker.storage.together.rows import Rows
from tests.support.intruder import Intruder
from tests.support.world import World


@contextlib.contextmanager
def refusing(world: World, table: str) -> Iterator[list[str]]:
    """The database fails at each INSERT into that table, also at one that is part of a larger statement.

    What goes past SQLAlchemy (`broker.storage.appending`, `broker.storage.together`) is refused at the driver's own
    connection, and on SQLite where those rows are written.
    """
    engine, refused = world.broker.database.engine.sync_engine, []
    execute = psycopg.AsyncConnection.execute

    def is_refused(statement: Any) -> bool:
        if f"INSERT INTO {table} " in str(statement):
            refused.append(str(statement))
            return True
        return False

    def refuse(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if is_refused(statement):
            raise OperationalError("disk full", None, Exception("disk full"))

    async def refuse_past(connection: Any, statement: Any, *given: Any, **more: Any) -> Any:
        if is_refused(statement):
            raise psycopg.errors.DiskFull("disk full")
        return await execute(connection, statement, *given, **more)

    write = sqlite._committed

    def refuse_together(connection: Any, rows: Rows) -> None:
        if rows.of[table]:
            refused.append(table)
            raise sqlite3.OperationalError("disk full")
        write(connection, rows)

    event.listen(engine, "before_cursor_execute", refuse)
    try:
        with (
            patch.object(psycopg.AsyncConnection, "execute", refuse_past),
            patch.object(Knowing, "ask", _refusing_to_ask(is_refused)),
            patch.object(sqlite, "_committed", refuse_together),
        ):
            yield refused
    finally:
        event.remove(engine, "before_cursor_execute", refuse)


def _refusing_to_ask(is_refused: Callable[[str], bool]) -> Any:
    ask = Knowing.ask

    async def refuse(connection: Knowing, *asked: Asked) -> Any:
        if any(is_refused(connection.statements[name]) for name, _ in asked):
            raise psycopg.errors.DiskFull("disk full")
        return await ask(connection, *asked)

    return refuse


@contextlib.asynccontextmanager
async def away(world: World, intruder: Intruder) -> AsyncIterator[None]:
    """There is no database."""
    if intruder._server is None:
        assert world.broker.database.writers is not None
        async with world.broker.database.writers:  # nobody is in the middle of something
            await asyncio.sleep(0.05)
            await world.broker.database.close()
        path, kept = intruder.path, intruder.path.with_name("kept.db")
        path.rename(kept)
        path.mkdir()
        try:
            yield
        finally:
            path.rmdir()
            kept.rename(path)
    else:
        name = str(make_url(world.database_url).database)
        with intruder._server.admin() as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await asyncio.to_thread(intruder._server.end_connections, name)
        try:
            yield
        finally:
            with intruder._server.admin() as admin:
                admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
