"""What stands beside us: a plain endpoint as a reasonable team would write it, in three ways; no token, no consent, no proof.

`python -m tests.bench.floors WAY PORT` with `FLOOR` (JSON, see `Plan`) in the environment. Each takes a JSON body, reads one row
with the content, keeps one row that says who read it, commits, and answers with as many bytes as a release of ours has.
"""

import asyncio
import contextlib
import json
import os
import queue
import secrets
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import psycopg
import sqlalchemy as sa
import uvicorn
from fastapi import Depends, FastAPI, HTTPException
from pydantic import BaseModel
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from uuid_utils import uuid7

PATH = "/read"
POOL = 20
"""Connections to PostgreSQL: as many as our own broker takes at most."""
WAITS = 30.0
MOMENT = 8
"""Bytes that a moment takes in a row."""
READER, ORGANISATION = "a-professional-of-the-school", "00000099000000020000"


@dataclass(frozen=True, slots=True)
class Plan:
    """Where the rows are, how many bytes a row of the log has, and how many an answer has."""

    database_url: str
    row: int
    answer: int


class Base(DeclarativeBase):
    """Of the two tables."""


class Document(Base):
    """What is read."""

    __tablename__ = "document"
    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    type: Mapped[str] = mapped_column(sa.String(64))
    content: Mapped[str] = mapped_column(sa.Text)


class ReadLog(Base):
    """That it was read."""

    __tablename__ = "read_log"
    id: Mapped[str] = mapped_column(sa.String(36), primary_key=True)
    at: Mapped[datetime] = mapped_column(sa.DateTime(timezone=True))
    document: Mapped[str] = mapped_column(sa.String(36))
    organisation: Mapped[str] = mapped_column(sa.String(20))
    reader: Mapped[str] = mapped_column(sa.String(64))
    entry: Mapped[bytes] = mapped_column(sa.LargeBinary)


class Ask(BaseModel):
    """What is asked, as of our own."""

    handover: str
    purpose: str


class Answer(BaseModel):
    """The content, and as much beside it as our answer has."""

    id: str
    type: str
    content: str
    purpose: str
    rest: str


DOCUMENTS, READS = Base.metadata.tables["document"], Base.metadata.tables["read_log"]


class Parts:
    """What the three ways share: the row that is kept, and the answer."""

    def __init__(self, plan: Plan) -> None:
        self._entry = b""
        fixed = sum(len(value) for value in self.kept("h" * 36).values() if isinstance(value, str)) + MOMENT
        self._entry = secrets.token_bytes(max(1, plan.row - fixed))
        self._answer, self._rest = plan.answer, ""

    def kept(self, document: str) -> dict[str, Any]:
        """One row of the log; its bytes are what nothing can compress, as ours are."""
        return {
            "id": str(uuid7()),
            "at": datetime.now(UTC),
            "document": document,
            "organisation": ORGANISATION,
            "reader": READER,
            "entry": self._entry,
        }

    def answer(self, kept: str, type_: str, content: str, purpose: str) -> Answer:
        """As many bytes as a release of ours; every content is equally long."""
        said = Answer(id=kept, type=type_, content=content, purpose=purpose, rest=self._rest)
        if not self._rest:
            said.rest = self._rest = "r" * max(1, self._answer - len(said.model_dump_json()))
        return said


def app_of(way: str, plan: Plan) -> FastAPI:
    """The application. Raises KeyError for a way that there is not."""
    sqlite = plan.database_url.startswith("sqlite")
    makers = {"orm": _orm, "core": _core, "raw": _raw_sqlite if sqlite else _raw_postgres}
    return makers[way](plan)


def engine_of(database_url: str) -> tuple[AsyncEngine, Callable[[], contextlib.AbstractAsyncContextManager[Any]]]:
    """An engine with its pool; and who writes to SQLite waits for who does, in the order in which they came."""
    url = make_url(database_url)
    if url.get_backend_name() != "sqlite":
        engine = create_async_engine(url, pool_size=POOL, max_overflow=0)
        return engine, contextlib.nullcontext
    engine = create_async_engine(url.set(drivername="sqlite+aiosqlite"), connect_args={"timeout": WAITS})
    writers = asyncio.Lock()

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine, lambda: writers


def _orm(plan: Plan) -> FastAPI:
    app, parts = FastAPI(), Parts(plan)
    engine, writing = engine_of(plan.database_url)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def session() -> AsyncIterator[AsyncSession]:
        async with writing(), sessions() as opened:
            yield opened

    @app.post(PATH)
    async def read(ask: Ask, db: Annotated[AsyncSession, Depends(session)]) -> Answer:
        document = await db.get(Document, ask.handover)
        if document is None:
            raise HTTPException(404)
        kept = ReadLog(**parts.kept(document.id))
        db.add(kept)
        await db.commit()
        return parts.answer(kept.id, document.type, document.content, ask.purpose)

    return app


def _core(plan: Plan) -> FastAPI:
    app, parts = FastAPI(), Parts(plan)
    engine, writing = engine_of(plan.database_url)

    @app.post(PATH)
    async def read(ask: Ask) -> Answer:
        async with writing(), engine.begin() as connection:
            found = await connection.execute(sa.select(DOCUMENTS).where(DOCUMENTS.c.id == ask.handover))
            document = found.one_or_none()
            if document is None:
                raise HTTPException(404)
            kept = parts.kept(document.id)
            await connection.execute(sa.insert(READS), kept)
        return parts.answer(kept["id"], document.type, document.content, ask.purpose)

    return app


SELECT = "SELECT id, type, content FROM document WHERE id = "
INSERT = "INSERT INTO read_log (id, at, document, organisation, reader, entry) VALUES "


def _raw_postgres(plan: Plan) -> FastAPI:
    parts = Parts(plan)
    address = make_url(plan.database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    free: asyncio.LifoQueue[psycopg.AsyncConnection[Any]] = asyncio.LifoQueue()

    @contextlib.asynccontextmanager
    async def pool(_app: FastAPI) -> AsyncIterator[None]:
        every = [await psycopg.AsyncConnection.connect(address) for _ in range(POOL)]
        for each in every:
            free.put_nowait(each)
        yield
        for each in every:
            await each.close()

    app = FastAPI(lifespan=pool)

    @app.post(PATH)
    async def read(ask: Ask) -> Answer:
        connection = await free.get()
        try:
            async with connection.transaction():
                document = await (await connection.execute(SELECT + "%s", [ask.handover])).fetchone()
                if document is None:
                    raise HTTPException(404)
                kept = parts.kept(document[0])
                await connection.execute(INSERT + "(%s, %s, %s, %s, %s, %s)", list(kept.values()))
        finally:
            free.put_nowait(connection)
        return parts.answer(kept["id"], document[1], document[2], ask.purpose)

    return app


def _raw_sqlite(plan: Plan) -> FastAPI:
    app, parts = FastAPI(), Parts(plan)
    path = make_url(plan.database_url).database or ""
    threads, one, free = ThreadPoolExecutor(4), threading.Lock(), queue.SimpleQueue[sqlite3.Connection]()
    for _ in range(4):
        connection = sqlite3.connect(path, timeout=WAITS, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        free.put(connection)

    def work(ask: Ask) -> Answer | None:
        connection = free.get()
        try:
            document = connection.execute(SELECT + "?", [ask.handover]).fetchone()
            if document is None:
                return None
            kept = parts.kept(document[0])
            kept["at"] = kept["at"].isoformat()
            with one:
                connection.execute("BEGIN IMMEDIATE")
                connection.execute(INSERT + "(?, ?, ?, ?, ?, ?)", list(kept.values()))
                connection.execute("COMMIT")
        finally:
            free.put(connection)
        return parts.answer(kept["id"], document[1], document[2], ask.purpose)

    @app.post(PATH)
    async def read(ask: Ask) -> Answer:
        said = await asyncio.get_running_loop().run_in_executor(threads, work, ask)
        if said is None:
            raise HTTPException(404)
        return said

    return app


def make_tables(database_url: str, documents: dict[str, str]) -> None:
    """Both tables, and these contents by their ids."""
    engine = sa.create_engine(database_url)
    with engine.begin() as connection:
        Base.metadata.create_all(connection)
        rows = [{"id": id_, "type": "status", "content": content} for id_, content in documents.items()]
        connection.execute(sa.insert(DOCUMENTS), rows)
    engine.dispose()


def serve(app: Any, port: int) -> None:
    """As `broker serve` does."""
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )


if __name__ == "__main__":
    serve(app_of(sys.argv[1], Plan(**json.loads(os.environ["FLOOR"]))), int(sys.argv[2]))
