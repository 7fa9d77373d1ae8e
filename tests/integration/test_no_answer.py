"""A database that does not answer: who asked hears so, whether it was done is never made up, and what comes back is used."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from unittest.mock import patch

import pytest

from broker import background
from broker.errors import Unavailable, Uncertain
from broker.services.waiting import LATEST, SOONEST
from broker.storage.unit_of_work import SqlUnitOfWork
from tests.crash.proxy import Proxy
from tests.factories import Storeroom, a_storeroom
from tests.integration.test_storage_units import an_organisation, numbers, write
from tests.support.postgres import PostgresServer
from tests.support.world import World, open_world

HURRIED = 0.5
LONG = 40
"""Seconds after which a test that waits for ever is told so."""

on_a_server = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@pytest.fixture
def wire(postgres_server: PostgresServer) -> Iterator[Proxy]:
    with Proxy(postgres_server.socket_dir / ".s.PGSQL.5432") as proxy:
        yield proxy


@pytest.fixture
async def store(database_url: str, wire: Proxy) -> AsyncIterator[Storeroom]:
    store = a_storeroom(wire.leads_to(database_url), patience=HURRIED)
    yield store
    wire.become("open")
    await store.database.close()


@on_a_server
@pytest.mark.parametrize("how", ["hole", "reset"])
@pytest.mark.parametrize("pooled", [True, False])
async def test_who_asks_over_a_cut_wire_hears_so_and_is_served_when_it_is_back(
    store: Storeroom, wire: Proxy, how: str, pooled: bool
) -> None:
    await write(store, 1)
    if not pooled:
        await store.database.engine.dispose()
    wire.become(how)  # type: ignore[arg-type]
    async with asyncio.timeout(LONG):
        asked = [asyncio.create_task(numbers(store)) for _ in range(30)]  # more than there are connections
        for answer in await asyncio.gather(*asked, return_exceptions=True):
            assert isinstance(answer, Unavailable)
        wire.become("open")
        while True:
            try:
                await write(store, 2)
                break
            except Unavailable:
                await asyncio.sleep(0.1)
    assert await numbers(store) == [1, 2]


@on_a_server
@pytest.mark.parametrize("how", ["hole", "reset"])
async def test_a_commit_that_nobody_answered_is_told_as_such(store: Storeroom, wire: Proxy, how: str) -> None:
    await write(store, 1)

    async def cut_off_while_it_commits() -> None:
        async with store.storage() as work:
            await work.organisations.add(an_organisation(2), [])
            wire.become(how)  # type: ignore[arg-type]
            await work.commit()

    with patch("broker.storage.commits.PATIENCE", HURRIED), pytest.raises(Uncertain):
        await cut_off_while_it_commits()


@on_a_server
async def test_a_connection_that_ended_in_the_pool_is_replaced_before_anybody_notices(
    store: Storeroom, postgres_server: PostgresServer
) -> None:
    await write(store, 1)
    async with store.storage(writing=False) as work:
        inside = await work._connection.get_raw_connection()
        pid = inside.driver_connection.info.backend_pid
    await asyncio.to_thread(_end, postgres_server, pid)
    assert await numbers(store) == [1]
    async with store.storage(writing=False) as work:
        inside = await work._connection.get_raw_connection()
        assert inside.driver_connection.info.backend_pid != pid


def _end(server: PostgresServer, pid: int) -> None:
    with server.admin() as admin:
        assert admin.execute("SELECT pg_terminate_backend(%s, 10000)", [pid]).fetchone() == (True,)


@on_a_server
async def test_a_statement_that_takes_too_long_is_ended_by_the_server(store: Storeroom) -> None:
    with pytest.raises(Unavailable):
        async with asyncio.timeout(LONG), store.storage(writing=False) as work:
            await work._connection.exec_driver_sql("SELECT pg_sleep(60)")
    await write(store, 1)


@pytest.mark.parametrize(("language", "once"), [("nl", "het wordt één keer gedaan"), ("en", "it is done once")])
async def test_who_pushes_hears_that_nobody_knows_and_may_ask_again(world: World, language: str, once: str) -> None:
    name = "tom-to-school"
    commit = SqlUnitOfWork.commit

    async def kept_but_not_heard(work: SqlUnitOfWork) -> None:
        await commit(work)
        raise Uncertain

    token = await world.token(world.sender(name))
    headers = {"Authorization": f"Bearer {token}", "Accept-Language": language, "Idempotency-Key": "again"}
    with patch.object(SqlUnitOfWork, "commit", kept_but_not_heard):
        response = await world.http.post("/v1/handovers", json=world.body(name), headers=headers)
    assert response.status_code == 503
    said = response.json()
    assert said["type"] == "urn:rondom:problem:outcome-unknown"
    assert once in said["detail"]
    assert SOONEST <= int(response.headers["retry-after"]) <= LATEST
    answer = await world.http.post("/v1/handovers", json=world.body(name), headers=headers)
    assert answer.status_code == 201


async def test_what_works_in_the_background_goes_on_after_what_nobody_foresaw() -> None:
    times, enough = [], asyncio.Event()

    async def breaks() -> None:
        times.append(1)
        if len(times) == 3:
            enough.set()
        raise ZeroDivisionError

    with patch.object(background, "BEGIN_AGAIN", 0):
        task = asyncio.create_task(background.kept_going(breaks))
        async with asyncio.timeout(LONG):
            await enough.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled()


@on_a_server
async def test_not_ready_while_nothing_answers_and_ready_when_it_does(
    tmp_path, database_url, world_keys, wire: Proxy
) -> None:
    async with open_world(tmp_path, "postgresql", wire.leads_to(database_url), world_keys, patience=HURRIED) as world:
        assert (await world.http.get("/readyz")).status_code == 200
        wire.become("hole")
        async with asyncio.timeout(LONG):
            response = await world.http.get("/readyz")
        assert (response.status_code, response.text) == (503, "not ready\n")
        assert SOONEST <= int(response.headers["retry-after"]) <= LATEST
        wire.become("open")
        async with asyncio.timeout(LONG):
            while (await world.http.get("/readyz")).status_code != 200:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
