"""No use case, and no round of the hour, reads a table of any size to its end: what it costs does not grow with what is kept.

On a database of some thousand handovers with all that belongs to them. PostgreSQL itself counts the rows that are read in
sequence and those that an index led to, also where it checks that a row refers to one that is there; SQLite says of each
statement what it would do (EXPLAIN QUERY PLAN).
"""

import json
import re
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy.engine import make_url

from broker.storage import tables as t
from tests.bench.growing import Day, day_of
from tests.bench.handovers import OF, grown
from tests.bench.measure import TINY
from tests.promises.attacks import READER, TOM
from tests.support.own_plans import keep_plan
from tests.support.postgres import PostgresServer

SIZE, REAL = 3_000, 4
LARGE = {*OF, "log_entry", "log_index", "log_opening", "log_subject_index", "log_subject_key", "log_fold_entry"}
FEW = {"handover_version", "handover_supporter"}
A_FEW_ROWS = 700
"""Rows of one table that a use case, with the sequencer and the followers that it wakes, may be led to by an index."""
Reads = dict[str, tuple[int, int]]


@asynccontextmanager
async def a_day(database: str, server: PostgresServer | None) -> AsyncIterator[Day]:
    async with grown(database, SIZE, server, REAL) as of:
        day = await day_of(of, TINY)
        await of.world.settle()
        yield day


async def correct(day: Day) -> None:
    """A whole new version."""
    case = day.of.real[0]
    body = {**case.body, "discussedWithFamily": False}
    path = f"/v1/handovers/{case.handover.id}/versions"
    response = await day.world.as_organisation(case.handover.sender, "POST", path, body)
    assert response.status_code in (200, 201), response.text


async def withdraw(day: Day) -> None:
    """The sender ends it: what was in it is erased."""
    case = day.of.real[1]
    path = f"/v1/handovers/{case.handover.id}"
    response = await day.world.as_organisation(case.handover.sender, "DELETE", path)
    assert response.status_code == 204, response.text


async def acknowledge(day: Day) -> None:
    """It was read and taken over."""
    released = (await day.of.real[0].ask()).json()["id"]
    response = await day.world.as_professional(READER[TOM], "POST", f"/v1/releases/{released}/acknowledgement")
    assert response.status_code in (200, 204), response.text


async def sent(day: Day) -> None:
    """The sender's own list."""
    response = await day.world.as_organisation(day.world.sender(TOM), "GET", "/v1/handovers?box=sent")
    assert response.json()["items"], response.text


async def send_messages(day: Day) -> None:
    """The courier empties the outbox."""
    await day.world.messages()


async def remind(day: Day) -> None:
    """Once a day: what runs is read, and nothing else."""
    await day.world.broker.reminders.remind()


async def sample(day: Day) -> None:
    """The day's sample."""
    await day.world.broker.sampling.round()


async def forget(day: Day) -> None:
    """All that is known of somebody, as when the log's time is over."""
    person = day.of.real[2].people["tom"]
    async with day.world.broker.house.storage() as work:
        await work.erasure.lock({person})
        assert await work.erasure.unneeded({person}) == []
        assert await work.erasure.forget(person, day.world.clock()) > 3
        await work.erasure.held_by({person})
        await work.commit()


async def tell(day: Day) -> None:
    """An organisation reads what it was told."""
    response = await day.world.as_organisation(day.world.professional(READER[TOM])[0], "GET", "/v1/events")
    assert response.status_code == 200, response.text


async def own_plan(day: Day) -> None:
    """A family member writes a plan, looks at it, and takes it back."""
    case, world = day.of.real[3], day.world
    path = f"/v1/handovers/{case.handover.id}/invitations"
    invited = await world.as_organisation(case.handover.sender, "POST", path, {"person": "mother", "delivery": "paper"})
    token, plans = await world.visit(invited.json()["code"]), world.broker.consents
    await keep_plan(world.broker, token, "Opa haalt hem op.", ("Tom",), ("",))
    [line] = [one for one in await plans.own_plans(token) or () if one.kept]
    assert (await plans.plan_text(token, line.id)).text
    await plans.change_plan(token, line.id, "Oma haalt hem op.")
    await plans.withdraw_plan(token, line.id)


MORE: dict[str, Callable[[Day], Awaitable[None]]] = {
    "sent": sent,
    "correct": correct,
    "acknowledge": acknowledge,
    "withdraw": withdraw,
    "courier": send_messages,
    "reminders": remind,
    "sampling": sample,
    "events": tell,
    "own plan": own_plan,
    "forget": forget,
}


async def each(day: Day) -> AsyncIterator[tuple[str, Callable[[], Awaitable[Any]]]]:
    """Everything that is asked here, by its name; ready to be done."""
    for name, way in day.jobs().items():
        if name == "console page":  # has a test of its own: `test_console_plans.py`
            continue
        if way.ready is not None:
            await way.ready()
        yield name, way.work
    for name, work in MORE.items():
        yield name, lambda work=work: work(day)


async def test_postgresql_reads_no_large_table_in_sequence_and_few_rows_of_any(postgres_server: PostgresServer) -> None:
    wrong = {}
    async with a_day("postgresql", postgres_server) as day:
        _only_where_there_is_no_index(day, postgres_server)
        async for name, work in each(day):
            for _ in range(
                6
            ):  # the driver prepares a statement that comes often: then it is planned once for all values
                if name not in ("answer", "withdraw", "forget", "own plan"):
                    await work()
            await day.world.settle()
            before = await _counted(day, postgres_server)
            await work()
            await day.world.settle()
            after = await _counted(day, postgres_server)
            read = {table: (after[table][0] - seq, after[table][1] - led) for table, (seq, led) in before.items()}
            if found := {table: rows for table, rows in read.items() if rows[0] > SIZE / 2 or rows[1] > A_FEW_ROWS}:
                wrong[name] = found
        unserved = sa.select(sa.func.count()).where(t.handover.c.language == "none")
        before = await _counted(day, postgres_server)
        async with day.world.broker.database.engine.connect() as connection:
            await connection.execute(unserved)
        seq = (await _counted(day, postgres_server))["handover"][0] - before["handover"][0]
    assert seq >= SIZE, "it would be seen"
    assert not wrong, json.dumps(wrong, indent=1)


# The pool tries a connection before it hands it out, and makes another.
_END = """SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND usename = 'broker_app' AND state = 'idle'"""


def _only_where_there_is_no_index(day: Day, server: PostgresServer) -> None:
    """Of a table this small some would be read whole to begin with, however well it is indexed."""
    name = str(make_url(day.world.database_url).database)
    with server.admin(name) as admin:
        admin.execute(sql.SQL("ALTER DATABASE {} SET enable_seqscan = off").format(sql.Identifier(name)))
        admin.execute(_END)


async def _counted(day: Day, server: PostgresServer) -> Reads:
    """(rows read in sequence, rows that an index led to) of each large table until now; a session tells its own when it ends."""
    with server.admin(str(make_url(day.world.database_url).database)) as admin:
        admin.execute(_END)
        rows = admin.execute(
            "SELECT relname, coalesce(seq_tup_read, 0), coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables"
        )
        return {name: (seq, led) for name, seq, led in rows.fetchall() if name in LARGE}


async def test_sqlite_scans_no_large_table(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    connect = sqlite3.connect

    def listening(*args: Any, **options: Any) -> sqlite3.Connection:
        connection = connect(*args, **options)
        connection.set_trace_callback(said.append)
        return connection

    monkeypatch.setattr(sqlite3, "connect", listening)
    wrong: dict[str, Any] = {}
    async with a_day("sqlite", None) as day:
        path = str(make_url(day.world.database_url).database)
        async for name, work in each(day):
            said.clear()
            await work()
            await day.world.settle()
            if found := scans(path, set(said)):
                wrong[name] = found
        assert scans(path, {"SELECT * FROM handover WHERE language = 'none'"}), "it would be seen"
    assert not wrong, json.dumps(wrong, indent=1)


def scans(path: str, statements: set[str]) -> list[str]:
    """Steps that read a large table to its end."""
    found = []
    plain = sqlite3.connect(path)
    for statement in statements:
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", statement):
            for row in plain.execute(f"EXPLAIN QUERY PLAN {statement}"):
                step = str(row[3])
                if (m := re.match(r"SCAN (\w+)", step)) and m[1] in LARGE and "LIMIT" not in statement:
                    found.append(f"{step}: {statement[:300]}")
    plain.close()
    return found
