"""What the servers stand on: databases with the same handovers, each with one section and every consent that it needs."""

import asyncio
import contextlib
import secrets
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import typer
from sqlalchemy.engine import make_url

from broker.client import ClientKey
from broker.storage import migrate
from broker.storage import tables as t
from tests.bench.floors import make_tables
from tests.promises.attacks import READER, TOM, push
from tests.support.postgres import PostgresServer
from tests.support.sqlite import copied_sqlite, migrated_sqlite
from tests.support.world import World, make_keys, open_world

SECTION, SIGNERS = "status", (("tom", "tom"), ("mother", "tom"), ("father", "tom"))
"""A boy of 13 says yes himself, and so do both his parents."""
PROFESSIONALS = 8
RATES = {"BROKER_RATE_ORGANISATION": "1000000/minute", "BROKER_RATE_ONE": "1000000/hour"}
"""So high that they refuse nobody; counted they are."""
IDS, FIXED = 36, 8


@dataclass(frozen=True, slots=True)
class Ground:
    """A directory with keys and outbox, a database of ours with handovers in it, a copy of it, and one of the floors'."""

    directory: Path
    database_url: str
    naive_url: str
    floor_url: str
    handovers: tuple[str, ...]
    purpose: str
    organisation: str
    key: ClientKey
    professionals: tuple[dict[str, str], ...]
    server: PostgresServer | None = field(default=None, repr=False)

    @property
    def ours(self) -> "Looking":
        """A look into our own database."""
        return Looking(self.database_url)


class Looking:
    """A look into a broker's database from beside it."""

    def __init__(self, database_url: str) -> None:
        self._engine = sa.create_engine(database_url, poolclass=sa.NullPool)

    def one(self, statement: sa.Select[Any]) -> Any:
        """The one value of the one row."""
        with self._engine.connect() as connection:
            return connection.execute(statement).scalar_one()

    def waiting(self) -> tuple[int, int, int]:
        """How many entries wait for the tree, how many the slowest follower has not read yet, how many messages wait."""
        size = self.one(sa.select(t.log_state.c.size))
        slowest = self.one(sa.select(sa.func.coalesce(sa.func.min(t.log_follower.c.next), size)))
        queued = self.one(sa.select(sa.func.count()).select_from(t.log_queue))
        return queued, size - slowest + queued, self.one(sa.select(sa.func.count()).select_from(t.outbox))

    def bytes_of_release(self, release: str) -> int:
        """How many bytes all rows that one release leaves have together: what it is logged in, and that it happened."""
        entry = self.one(sa.select(t.release.c.entry_id).where(t.release.c.id == release))
        rows = [
            sa.select(table).where(column == value)
            for table, column, value in (
                (t.log_entry, t.log_entry.c.entry_id, entry),
                (t.log_opening, t.log_opening.c.entry_id, entry),
                (t.log_subject_index, t.log_subject_index.c.entry_id, entry),
                (t.release, t.release.c.id, release),
                (t.release_section, t.release_section.c.release, release),
            )
        ]
        with self._engine.connect() as connection:
            return sum(_size(value) for found in rows for row in connection.execute(found) for value in row)


def _size(value: Any) -> int:
    if value is None:
        return 0
    return len(value) if isinstance(value, (bytes, str)) else FIXED


@contextlib.contextmanager
def a_ground(directory: Path, server: PostgresServer | None, count: int, kilobytes: int) -> Iterator[Ground]:
    """One with so many handovers of so many kibibytes. SQLite when there is no server."""
    directory.mkdir()
    if server is None:
        url = copied_sqlite(migrated_sqlite(directory), directory)
        made = _fill(directory, "sqlite", url, count, kilobytes)
        naive_url, floor_url = f"sqlite:///{directory / 'naive.db'}", f"sqlite:///{directory / 'floor.db'}"
        with _sqlite(url) as source, _sqlite(naive_url) as copy:
            source.backup(copy)
    else:
        urls = server.create_database()
        migrate.upgrade(urls.owner_url, application=urls.app_url)
        url = urls.app_url
        made = _fill(directory, "postgresql", url, count, kilobytes)
        naive_url = server.create_database(urls.name).app_url
        floor_url = server.create_database().owner_url
    make_tables(floor_url, {identity: secrets.token_hex(kilobytes * 512) for identity in made["handovers"]})
    yield Ground(directory, url, naive_url, floor_url, server=server, **made)


def _sqlite(url: str) -> contextlib.closing[sqlite3.Connection]:
    return contextlib.closing(sqlite3.connect(str(make_url(url).database)))


def _fill(directory: Path, name: str, url: str, count: int, kilobytes: int) -> dict[str, Any]:
    return asyncio.run(_filled(directory, name, url, make_keys(directory), count, kilobytes))


async def _filled(directory: Path, name: str, url: str, keys: Path, count: int, kilobytes: int) -> dict[str, Any]:
    async with open_world(directory, name, url, keys, more=RATES) as world:
        with typer.progressbar(range(count), label=f"Handovers on {name}") as bar:
            handovers = [await _handover(world, kilobytes) for _ in bar]
        oin, claims = world.professional(READER[TOM])
        professionals = tuple({**claims, "sub": f"{claims['sub']}-{n}"} for n in range(PROFESSIONALS))
        for each in professionals:
            await world.token(oin, each)  # from now on they are known, also in a copy
        await world.settle()
        return {
            "handovers": tuple(handovers),
            "purpose": world.body(TOM)["purpose"],
            "organisation": oin,
            "key": world.keys[oin],
            "professionals": professionals,
        }


async def _handover(world: World, kilobytes: int) -> str:
    """One family with one section, to which everybody who must has said yes."""

    def one(body: dict[str, Any]) -> None:
        like = next(section for section in body["sections"] if section["type"] == SECTION)
        body["sections"] = [{**like, "mediaType": "text/markdown", "content": secrets.token_hex(kilobytes * 512)}]

    case = await push(world, TOM, one)
    for signer, about in SIGNERS:
        await case.says(signer, about)
    return case.handover.id
