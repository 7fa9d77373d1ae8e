"""With a synchronous standby, what was not kept there is never confirmed, and never seen: not by a limit, not by giving up."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from unittest.mock import patch

import httpx
import psycopg
import pytest

from broker.domain.parties import Oin, Organisation
from broker.errors import Unavailable
from broker.storage import commits, migrate
from tests.factories import Storeroom, a_storeroom
from tests.promises.attacks import TOM, Case, assert_only, push
from tests.support.postgres import DatabaseUrls, PostgresServer, libpq_url, own_server
from tests.support.world import make_keys, open_world

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


@pytest.fixture(scope="module")
def replicated_server() -> Iterator[PostgresServer]:
    with own_server() as server:
        yield server


@pytest.fixture
def urls(replicated_server: PostgresServer) -> Iterator[DatabaseUrls]:
    urls = replicated_server.create_database()
    migrate.upgrade(urls.owner_url, application=urls.app_url)
    yield urls
    with replicated_server.admin() as admin:
        admin.execute("ALTER ROLE broker_app RESET statement_timeout")
    standby(replicated_server, needed=False)
    replicated_server.drop(urls)


@pytest.fixture
async def store(urls: DatabaseUrls) -> AsyncIterator[Storeroom]:
    store = a_storeroom(urls.app_url)
    yield store
    await store.database.close()


def standby(server: PostgresServer, *, needed: bool) -> None:
    """Let COMMIT wait for a standby that is not there; or not any more."""
    wanted = "nobody" if needed else ""
    with server.admin() as admin:
        admin.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{wanted}'")
        admin.execute("SELECT pg_reload_conf()")
    for _ in range(1000):
        with server.admin() as fresh:
            row = fresh.execute("SELECT current_setting('synchronous_standby_names')").fetchone()
        if row == (wanted,):
            break
    else:
        raise TimeoutError("the server did not take over its settings")
    while needed and not a_commit_waits(server):
        pass


def a_commit_waits(server: PostgresServer) -> bool:
    """Whether a COMMIT waits by now: that is for the checkpointer to say to all, and it may be busy when it is told."""
    with server.admin() as admin:
        probe = psycopg.connect(host=str(server.socket_dir), user="postgres", dbname="postgres", autocommit=True)
        try:
            probe.pgconn.send_query(b"SELECT pg_logical_emit_message(true, 'probe', '')")
            while probe.pgconn.is_busy():
                if (probe.info.backend_pid,) in admin.execute(WAITING).fetchall():
                    admin.execute("SELECT pg_terminate_backend(%s, 20000)", [probe.info.backend_pid])  # and it is gone
                    return True
                probe.pgconn.consume_input()
            return False
        finally:
            probe.close()


async def waiting(server: PostgresServer) -> int:
    """The process that waits for the standby, once there is one."""
    async with asyncio.timeout(20):
        while True:
            with server.admin() as admin:
                row = admin.execute(WAITING).fetchone()
            if row:
                return int(row[0])
            await asyncio.sleep(0.01)


async def write(store: Storeroom) -> None:
    async with store.storage() as work:
        await work.organisations.add(Organisation(Oin("1".zfill(20)), "Nummer 1", "school"), [])
        await work.commit()


def seen(urls: DatabaseUrls) -> int:
    with psycopg.connect(libpq_url(urls.app_url)) as other:
        return int(other.execute("SELECT count(*) FROM organisation").fetchone()[0])  # type: ignore[index]


async def kept(urls: DatabaseUrls) -> None:
    async with asyncio.timeout(20):
        while True:
            if seen(urls):
                return
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("limit", ["0", "100ms"])
async def test_what_no_standby_kept_is_not_confirmed_and_nobody_sees_it_until_one_did(
    replicated_server, urls, store, limit
):
    with replicated_server.admin() as admin:
        admin.execute(f"ALTER ROLE broker_app SET statement_timeout = '{limit}'")
    standby(replicated_server, needed=True)
    with patch.object(commits, "PATIENCE", 0.7), pytest.raises(Unavailable):
        await write(store)
    await waiting(replicated_server)
    assert seen(urls) == 0
    standby(replicated_server, needed=False)
    await kept(urls)


async def test_who_gives_up_while_it_waits_makes_nothing_visible(replicated_server, urls, store):
    standby(replicated_server, needed=True)
    writing = asyncio.create_task(write(store))
    await waiting(replicated_server)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await waiting(replicated_server)
    assert seen(urls) == 0
    standby(replicated_server, needed=False)
    await kept(urls)


async def test_a_commit_that_was_made_to_count_on_one_machine_alone_is_not_believed(replicated_server, urls, store):
    standby(replicated_server, needed=True)
    writing = asyncio.create_task(write(store))
    pid = await waiting(replicated_server)
    with replicated_server.admin() as admin:
        admin.execute("SELECT pg_cancel_backend(%s)", [pid])
    with pytest.raises(Unavailable):
        await writing
    assert seen(urls) == 1, "the attack worked: the database said yes, with a warning"


async def test_a_connection_of_which_a_commit_was_not_believed_goes_on(replicated_server, urls, store):
    standby(replicated_server, needed=True)
    with patch.object(commits, "PATIENCE", 0.3), pytest.raises(Unavailable):
        await write(store)
    standby(replicated_server, needed=False)
    await kept(urls)
    async with store.storage(writing=False) as work:
        assert len(await work.organisations.all()) == 1


async def test_a_commit_of_a_transaction_that_failed_is_an_error(urls, store):
    async with store.database.engine.connect() as connection:
        raw = (await connection.get_raw_connection()).driver_connection
        with pytest.raises(psycopg.errors.UndefinedTable):
            await raw.execute("SELECT * FROM nothing")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            await raw.commit()


async def test_a_release_that_no_standby_kept_gives_nothing_away(replicated_server, tmp_path):
    """P03, with a standby: content leaves after the commit that holds its log entry, and that is when a standby has it."""
    urls = replicated_server.create_database()
    migrate.upgrade(urls.owner_url, application=urls.app_url)
    try:
        async with open_world(tmp_path, "postgresql", urls.app_url, make_keys(tmp_path)) as world:
            case = await push(world, TOM)
            await case.everybody_says_yes()
            await world.settle()
            assert (await case.ask()).status_code == 200
            try:
                await refused_twice(replicated_server, case)
            finally:
                standby(replicated_server, needed=False)
            assert (await case.ask()).status_code == 200
    finally:
        replicated_server.drop(urls)


async def refused_twice(server: PostgresServer, case: Case) -> None:
    """While there is no standby, and while somebody makes every COMMIT count without it; alone and several at once."""
    standby(server, needed=True)
    with patch.object(commits, "PATIENCE", 1.0):
        refused_all(case, [await case.ask()])
    for many in (1, 4):
        asking = asyncio.gather(*(case.ask() for _ in range(many)))
        while not asking.done():
            with server.admin() as admin:
                admin.execute("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            await asyncio.sleep(0.02)
        refused_all(case, await asking)


def refused_all(case: Case, answers: list[httpx.Response]) -> None:
    for answer in answers:
        assert answer.status_code == 503
        assert_only(case, answer)
