"""P03: no disclosure without its committed log entry, and no denial either.

Each step between the question and the answer is made to fail; what then comes out is an error and nothing else.
"""

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from structlog.testing import capture_logs

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, Professional, ProfessionalId
from broker.domain.releases import ReleaseRequest
from broker.domain.stores.witnesses import Refusal
from broker.errors import Unavailable
from broker.services.approvals import keep_approval, proposed
from broker.storage import tables as t
from broker.storage.log import Log
from broker.storage.tables import INSERT_ONLY
from broker.storage.together.stores import ReleaseWork
from broker.storage.unit_of_work import SqlUnitOfWork
from tests.promises.attacks import ALL, TOM, Case, assert_only, entries, push, releases, rows
from tests.support.agreements import propose
from tests.support.failures import away, refusing
from tests.support.intruder import Intruder, intruder_in
from tests.support.world import URL, World

PERMITTED, DENIED = "release:permitted", "release:denied"
STRANGER = "nov-sara"
"""Works elsewhere: the handover is not addressed to her."""

Ask = Callable[[Case], Any]
ASKED: dict[str, tuple[int, Ask]] = {
    "what is permitted": (200, lambda case: case.ask()),
    "what is denied": (403, lambda case: case.ask(sections=["parent-health"])),
    "what is not theirs": (404, lambda case: case.ask(STRANGER)),
}


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


@pytest.fixture
async def case(world: World) -> Case:
    """Everybody said yes; tokens are there, so that only the release itself can fail."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    for status, ask in ASKED.values():
        assert (await ask(case)).status_code == status
    return case


async def logged(world: World) -> int:
    """How many answers to requests for a release are in the log."""
    return len(await entries(world, PERMITTED, DENIED))


async def assert_nothing_comes_out(case: Case, *only: str) -> None:
    """An error of the broker, in the form of a problem; no release, no entry, no content."""
    before = (await releases(case.world), await logged(case.world))
    for what in only or ASKED:
        with capture_logs():
            response = await ASKED[what][1](case)
        assert response.status_code in (409, 500, 503), (what, response.text)
        assert response.headers["content-type"] == "application/problem+json"
        assert_only(case, response)
        assert {"released", "receipt", "withheld"}.isdisjoint(response.json())
        assert (await releases(case.world), await logged(case.world)) == before, what


async def assert_all_works(case: Case) -> None:
    for status, ask in ASKED.values():
        assert (await ask(case)).status_code == status
    assert await case.gets() == ALL[TOM]


# --- the entry exists before the answer does -----------------------------------------------------


async def test_each_answer_is_in_the_log_before_its_first_byte_leaves(world: World, case: Case) -> None:
    """Looked at from another connection, at the moment at which the server begins to answer."""
    seen: list[int] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def look(message: Any) -> None:
            if message["type"] == "http.response.start" and scope["path"] == "/v1/releases":
                seen.append(await logged(world))
            await send(message)

        await world.app(scope, receive, look)

    before = await logged(world)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=watched), base_url=URL) as world.http:
        for status, ask in ASKED.values():
            assert (await ask(case)).status_code == status
    assert seen == [before + 1, before + 2, before + 3]


@contextlib.contextmanager
def commits_of_releases(monkeypatch: pytest.MonkeyPatch, instead: Callable[[Any, Any], Any]) -> Iterator[None]:
    """Something else happens where `services.releases` commits, alone or together; everybody else commits as always."""

    def other(genuine: Any) -> Any:
        async def commit(work: Any) -> None:
            caller = sys._getframe(1).f_code.co_filename
            if caller.endswith("services/releases.py"):
                await instead(work, genuine)
            else:
                await genuine(work)

        return commit

    with monkeypatch.context() as patch:
        for kind in (SqlUnitOfWork, ReleaseWork):
            patch.setattr(kind, "commit", other(kind.commit))
        yield


async def test_no_answer_while_the_commit_is_still_going_on(
    world: World, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    for status, ask in ASKED.values():
        await assert_it_waits(world, case, monkeypatch, status, ask)


async def assert_it_waits(world: World, case: Case, monkeypatch: pytest.MonkeyPatch, status: int, ask: Ask) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def wait(work: Any, genuine: Any) -> None:
        arrived.set()
        await go_on.wait()
        await genuine(work)

    before = await logged(world)
    with commits_of_releases(monkeypatch, wait):
        answer = asyncio.create_task(ask(case))
        async with asyncio.timeout(10):
            await arrived.wait()
        await asyncio.sleep(0.1)
        assert not answer.done()
        assert await logged(world) == before
        go_on.set()
        assert (await answer).status_code == status
    assert await logged(world) == before + 1


# --- the log cannot be written -------------------------------------------------------------------


async def test_appending_fails(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (Unavailable(), RuntimeError("x"), OperationalError("x", None, Exception("x")), TimeoutError()):

        async def fails(*_: object, error: Exception = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(Log, "append", fails)
            await assert_nothing_comes_out(case)
    await assert_all_works(case)


async def test_any_of_the_statements_that_log_it_fails(world: World, case: Case) -> None:
    parts = ("log_entry", "log_queue", "log_opening", "log_subject_index", "release", "release_section", "outbox")
    for table in parts:
        for what in ASKED if table.startswith("log") else ("what is permitted",):
            with refusing(world, table) as refused:
                await assert_nothing_comes_out(case, what)
            assert len(refused) == 2, (table, what)  # together with others, and then alone
    await assert_all_works(case)


# --- the commit fails ----------------------------------------------------------------------------


async def test_the_commit_fails(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    for error in (Unavailable(), RuntimeError("x"), TimeoutError(), OSError("x")):

        async def fails(_work: Any, _genuine: Any, error: Exception = error) -> None:
            raise error

        with commits_of_releases(monkeypatch, fails):
            await assert_nothing_comes_out(case)
    await assert_all_works(case)


async def test_the_database_refuses_the_commit(world: World, case: Case, intruder: Intruder) -> None:
    """PostgreSQL says so at the very commit (a deferred trigger); SQLite at the entry."""
    if intruder._server is None:
        make = ["CREATE TRIGGER full BEFORE INSERT ON log_entry BEGIN SELECT RAISE(ABORT, 'full'); END"]
        undo = "DROP TRIGGER full"
    else:
        make = [
            "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$",
            "CREATE CONSTRAINT TRIGGER disk_full AFTER INSERT ON log_entry DEFERRABLE INITIALLY DEFERRED "
            "FOR EACH ROW EXECUTE FUNCTION disk_full()",
        ]
        undo = "DROP TRIGGER disk_full ON log_entry"
    for statement in make:
        await asyncio.to_thread(intruder.run, statement)
    await assert_nothing_comes_out(case)
    await asyncio.to_thread(intruder.run, undo)
    await assert_all_works(case)


# --- the database is gone ------------------------------------------------------------------------


async def cut_off(world: World, intruder: Intruder) -> None:
    """Every connection of the broker ends, in the middle of whatever it does."""
    if intruder._server is not None:
        await asyncio.to_thread(intruder._server.end_connections, str(make_url(world.database_url).database))


async def driver_of(work: Any) -> Any:
    """SQLite's own connection, of a unit of work that is alone or together with others."""
    if isinstance(work, ReleaseWork):
        [trips] = work._together._all
        return trips._connection  # type: ignore[attr-defined]
    return (await work._connection.get_raw_connection()).driver_connection


async def test_the_database_goes_away_between_the_entry_and_the_commit(
    world: World, case: Case, intruder: Intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def goes_away(work: Any, genuine: Any) -> None:
        if intruder._server is None:
            await (await driver_of(work)).close()
        else:
            await cut_off(world, intruder)
        await genuine(work)

    with commits_of_releases(monkeypatch, goes_away):
        await assert_nothing_comes_out(case)
    await assert_all_works(case)


async def test_there_is_no_database(world: World, case: Case, intruder: Intruder) -> None:
    before = (await releases(world), await logged(world))
    with capture_logs():
        async with away(world, intruder):
            for _, ask in ASKED.values():
                response = await ask(case)
                assert response.status_code in (500, 503), response.text
                assert_only(case, response)
            who = Professional(ProfessionalId("x"), Oin("00000099000000020000"), "support-coordinator")
            request = ReleaseRequest(who, HandoverId(case.handover.id), case.body["purpose"])
            with pytest.raises(Unavailable):  # also past the check of the token
                await world.broker.releases.ask(request)
    assert (await releases(world), await logged(world)) == before
    await assert_all_works(case)


# --- the schema itself ---------------------------------------------------------------------------


async def test_the_schema_refuses_a_release_without_its_entry(world: World, case: Case) -> None:
    """With the broker's own rights, as a broker with a fault in it would."""
    [good] = await rows(world, sa.select(t.release).limit(1))
    base = {**good._mapping, "id": "a-new-one"}
    [denial] = (await entries(world, DENIED))[:1]
    engine = world.broker.database.engine
    for entry in (None, "no-such-entry", good.entry_id):  # none, an invented one, another release's
        with pytest.raises(IntegrityError):
            async with engine.begin() as connection:
                await connection.execute(sa.insert(t.release).values({**base, "entry_id": entry}))
    unknown = {"release": "a-new-one", "section": case.handover.sections[0].id}
    with pytest.raises(IntegrityError):
        async with engine.begin() as connection:
            await connection.execute(sa.insert(t.release_section).values(unknown))
    with pytest.raises(DBAPIError):
        async with engine.begin() as connection:  # nor can the entry be taken away afterwards
            await connection.execute(sa.delete(t.log_entry).where(t.log_entry.c.entry_id == good.entry_id))
    assert await releases(world) == 1
    assert denial


def changes(table: str, *, sqlite: bool) -> list[str]:
    """Statements that would change or remove what is there."""
    key = t.metadata.tables[table].primary_key.columns
    column, every = key[0].name, ", ".join(one.name for one in key)
    common = [
        f"UPDATE {table} SET {column} = {column}",
        f"UPDATE {table} SET {column} = {column} WHERE {column} = (SELECT min({column}) FROM {table})",
        f"DELETE FROM {table}",
        f"DELETE FROM {table} WHERE {column} = (SELECT min({column}) FROM {table})",
    ]
    if sqlite:
        return [
            *common,
            f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}",
            f"REPLACE INTO {table} SELECT * FROM {table} LIMIT 1",
            f"UPDATE OR REPLACE {table} SET {column} = {column}",
            f"UPDATE OR IGNORE {table} SET {column} = {column}",
        ]
    return [
        *common,
        f"TRUNCATE {table} CASCADE",
        f"INSERT INTO {table} SELECT * FROM {table} ON CONFLICT ({every}) DO UPDATE SET {column} = excluded.{column}",
    ]


async def test_what_is_only_inserted_into_is_never_changed(world: World, case: Case, intruder: Intruder) -> None:
    """By the broker's own role; on PostgreSQL its grants refuse, and the triggers refuse even the owner and postgres."""
    await world.settle()
    async with world.broker.house.storage() as work:
        size, now = int((await world.broker.ledger.checkpoint()).split("\n")[1]), world.clock()
        await work.witnesses.keep("witness.example+00", size, "what a witness signed", now)
        await work.witnesses.refuse(Refusal("witness.example+00", size, size + 1, now))
        await work.commit()
    proposal = await propose(world)
    await world.broker.oversight.invite("Noor")
    async with world.broker.house.storage() as work:
        kept, [officer] = await proposed(work, world.broker.ledger, proposal), await work.officers.all()
        await keep_approval(work, kept, officer.id, 1, "signed", now)
        await work.commit()
    for table in INSERT_ONLY:
        wanted = sa.select(t.metadata.tables[table])
        before = await rows(world, wanted)
        assert before, table
        for statement in changes(table, sqlite=intruder._server is None):
            with pytest.raises(DBAPIError) as refused:
                async with world.broker.database.engine.begin() as connection:
                    await connection.execute(sa.text(statement))
            reason = "only ever inserted" if intruder._server is None else "permission denied"
            assert reason in str(refused.value.orig), statement
        if intruder._server is not None:
            with intruder._server.admin(str(make_url(world.database_url).database)) as admin:
                for statement in changes(table, sqlite=False)[:5]:
                    with pytest.raises(Exception, match="only ever inserted"):
                        admin.execute(statement)
        assert set(before) <= set(await rows(world, wanted)), table


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_the_brokers_role_cannot_get_past_its_grants(world: World) -> None:
    """An embedded database knows no roles."""
    for table in INSERT_ONLY:
        for right in ("UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"):
            [row] = await rows(world, sa.select(sa.func.has_table_privilege(sa.func.current_user(), table, right)))
            assert row[0] is False, (table, right)
        for statement in (
            f"ALTER TABLE {table} DISABLE TRIGGER ALL",
            f"DROP TRIGGER {table}_no_change ON {table}",
            f"DROP TABLE {table} CASCADE",
            f"ALTER TABLE {table} OWNER TO CURRENT_USER",
        ):
            with pytest.raises(DBAPIError, match=r"must be owner|permission denied"):
                async with world.broker.database.engine.begin() as connection:
                    await connection.execute(sa.text(statement))
    for statement in (
        "SET session_replication_role = replica",
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        "SET ROLE broker_owner",
    ):
        with pytest.raises(DBAPIError, match=r"must be owner|permission denied"):
            async with world.broker.database.engine.begin() as connection:
                await connection.execute(sa.text(statement))
