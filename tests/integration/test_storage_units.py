"""A unit of work is committed whole or never was; whatever happens to it, the next writer gets its turn."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import make_url

from broker.domain.parties import Oin, Organisation, PersonId
from broker.errors import Conflict, Unavailable, Unsafe
from broker.storage import tables as t
from broker.storage.engine import PATIENCE, open_database
from broker.storage.one_trip import OneTrip
from tests.factories import NOW, SENDER, Storeroom, a_storeroom

SOON = 10.0


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    yield store
    await store.database.close()


def an_organisation(number: int) -> Organisation:
    return Organisation(Oin(f"{number:020}"), f"Nummer {number}", "school")


async def numbers(store: Storeroom) -> list[int]:
    async with store.storage(writing=False) as work:
        return sorted(int(o.oin) for o in await work.organisations.all())


async def write(store: Storeroom, number: int) -> None:
    async with store.storage() as work:
        await work.organisations.add(an_organisation(number), [])
        await work.commit()


async def test_what_is_committed_is_there_and_all_of_it(store):
    async with store.storage() as work:
        await work.organisations.add(an_organisation(1), [])
        await work.organisations.add(an_organisation(2), [])
        assert await numbers(store) == []
        await work.commit()
    assert await numbers(store) == [1, 2]


async def test_without_a_commit_nothing_ever_was(store):
    async with store.storage() as work:
        await work.organisations.add(an_organisation(1), [])
    assert await numbers(store) == []


@pytest.mark.parametrize("error", [RuntimeError("x"), KeyError("x"), Conflict(), KeyboardInterrupt()])
async def test_an_error_undoes_everything_and_passes_on_as_it_is(store, error):
    async def fail() -> None:
        async with store.storage() as work:
            await work.organisations.add(an_organisation(1), [])
            raise error

    with pytest.raises(type(error)) as passed:
        await fail()
    assert passed.value is error
    assert await numbers(store) == []
    async with asyncio.timeout(SOON):
        await write(store, 2)


async def test_what_follows_a_commit_in_the_same_unit_is_not_kept(store):
    with contextlib.suppress(Unavailable):
        async with store.storage() as work:
            await work.organisations.add(an_organisation(1), [])
            await work.commit()
            await work.organisations.add(an_organisation(2), [])
    assert await numbers(store) == [1]
    await write(store, 3)
    assert await numbers(store) == [1, 3]


async def test_a_reading_unit_cannot_commit_and_leaves_nothing(store):
    async with store.storage(writing=False) as work:
        await work.organisations.add(an_organisation(1), [])
        with pytest.raises(RuntimeError, match="only reads"):
            await work.commit()
    assert await numbers(store) == []


async def test_a_unit_that_was_left_cannot_commit(store):
    async with store.storage() as work:
        await work.organisations.add(an_organisation(1), [])
    with pytest.raises(RuntimeError):
        await work.commit()
    assert await numbers(store) == []


async def test_who_reads_sees_everything_as_it_was_at_one_moment(store):
    await write(store, 1)
    async with store.storage(writing=False) as work:
        assert [int(o.oin[-1]) for o in await work.organisations.all()] == [1]
        await write(store, 2)
        assert [int(o.oin[-1]) for o in await work.organisations.all()] == [1]
    assert await numbers(store) == [1, 2]
    async with store.storage() as work:  # over the same connection, but who writes must see what was committed first
        if not store.database.sqlite:
            await write(store, 3)
        assert len(await work.organisations.all()) == (2 if store.database.sqlite else 3)


async def test_readers_do_not_wait_for_a_writer_and_see_nothing_unfinished(store):
    await write(store, 1)
    async with asyncio.timeout(SOON), store.storage() as work:
        await work.organisations.add(an_organisation(2), [])
        assert await asyncio.gather(*(numbers(store) for _ in range(5))) == [[1]] * 5
        await work.commit()
    assert await numbers(store) == [1, 2]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # nobody holds up a cleaning of PostgreSQL
async def test_a_cleaning_that_is_cancelled_ends_as_cancelled_and_leaves_nobody_impatient(store):
    await write(store, 1)
    async with store.storage(writing=False) as reader:
        await reader.organisations.all()  # its view of the file cannot be cleaned away
        await write(store, 2)
        cleaning = asyncio.create_task(store.storage.scrub())
        await asyncio.sleep(0.1)
        assert not cleaning.done()
        cleaning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cleaning
    assert await store.storage.scrub()
    async with store.database.engine.connect() as connection:
        assert (await connection.exec_driver_sql("PRAGMA busy_timeout")).scalar_one() == PATIENCE


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL lets writers work side by side
async def test_sqlite_writers_go_first_in_first_out(store):
    order: list[int] = []

    async def take(number: int) -> None:
        async with store.storage() as work:
            order.append(number)
            await work.organisations.add(an_organisation(number), [])
            await work.commit()

    async with store.storage():
        tasks = []
        for number in range(1, 9):
            tasks.append(asyncio.create_task(take(number)))
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert order == []
    await asyncio.gather(*tasks)
    assert order == list(range(1, 9))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer
async def test_postgresql_writers_work_side_by_side(store):
    async with asyncio.timeout(SOON), store.storage() as one, store.storage() as two:
        await one.organisations.add(an_organisation(1), [])
        await two.organisations.add(an_organisation(2), [])
        await two.commit()
        await one.commit()
    assert await numbers(store) == [1, 2]


async def test_a_writer_that_gives_up_waiting_keeps_nobody_waiting(store):
    async with store.storage() as work:
        waiting = asyncio.create_task(write(store, 1))
        behind = asyncio.create_task(write(store, 2))
        await asyncio.sleep(0.02)
        if not store.sqlite:  # there nobody waits for `work`
            await waiting
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await work.organisations.add(an_organisation(3), [])
        await work.commit()
    async with asyncio.timeout(SOON):
        await behind
    assert await numbers(store) == ([2, 3] if store.sqlite else [1, 2, 3])
    async with asyncio.timeout(SOON):
        await write(store, 4)


async def test_a_writer_that_is_cancelled_at_work_leaves_nothing_and_keeps_nobody_waiting(store):
    """Cancelled at forty different moments: while it waits, connects, begins, works, commits or closes."""

    async def work_hard(number: int, done: list[int]) -> None:
        async with store.storage() as work:
            for offset in range(3):
                await work.organisations.add(an_organisation(1000 * number + offset), [])
            await work.commit()
            done.append(number)

    done: list[int] = []
    for number in range(1, 41):
        task = asyncio.create_task(work_hard(number, done))
        if number % 2:
            await asyncio.sleep(0.0003 * number)
        else:
            for _ in range(number):
                await asyncio.sleep(0)
        task.cancel()
        if not number % 3:
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with asyncio.timeout(SOON):
            await write(store, number)
    there = await numbers(store)
    assert [n for n in there if n < 1000] == list(range(1, 41))
    whole = {n // 1000 for n in there if n >= 1000}
    assert set(done) <= whole
    assert all(len([n for n in there if n // 1000 == number]) == 3 for number in whole)
    if store.database.writers is not None:
        assert not store.database.writers.locked()


async def test_a_timeout_inside_a_unit_undoes_it(store):
    async def linger() -> None:
        async with store.storage() as work:
            await work.organisations.add(an_organisation(1), [])
            await asyncio.sleep(5)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(linger(), 0.05)
    assert await numbers(store) == []
    async with asyncio.timeout(SOON):
        await write(store, 2)


async def test_a_clash_is_a_conflict_that_says_no_value(store):
    async def invite() -> None:
        async with store.storage() as work:
            await work.officers.invite("officer-1", "Anna Secret", "CODE-SECRET", NOW, NOW)
            await work.commit()

    await invite()
    with pytest.raises(Conflict) as clash:
        await invite()
    said = f"{clash.value!r} {clash.value.words}"
    assert clash.value.code == "changed-meanwhile"
    assert clash.value.__suppress_context__
    assert not any(value in said for value in ("officer-1", "Secret", "INSERT", "UNIQUE"))
    async with asyncio.timeout(SOON):
        await write(store, 1)


async def test_a_reference_to_nothing_is_a_conflict(store):
    with pytest.raises(Conflict):
        async with store.storage() as work:
            await work.organisations.professional(SENDER, "ab-12", "A. Bakker", "p-1")


async def test_an_error_of_the_database_never_shows_a_statement_or_a_value(store):
    with pytest.raises(Unavailable) as broken:
        async with store.storage() as work:
            await work._connection.execute(sa.text("SELECT * FROM no_such_table WHERE x = :secret"), {"secret": "Noor"})
    assert "Noor" not in f"{broken.value!r}{broken.value.words}"
    assert "no_such_table" not in f"{broken.value!r}{broken.value.words}"
    inner = broken.value.__context__
    assert inner is not None
    assert "Noor" not in str(inner)
    assert broken.value.__suppress_context__


async def test_a_database_that_is_gone_is_unavailable_for_reading_and_writing(store, request):
    await write(store, 1)
    await store.database.close()
    _destroy(store, request)
    for writing in (True, False, True):
        with pytest.raises(Unavailable) as gone:
            async with asyncio.timeout(30), store.storage(writing=writing) as work:
                await work.organisations.all()
        assert store.url.rpartition("/")[2] not in f"{gone.value!r}{gone.value.words}"
    if store.database.writers is not None:
        assert not store.database.writers.locked()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # an embedded database does not hang up
async def test_a_database_that_goes_while_one_works_is_unavailable_and_nothing_is_kept(store, request):
    server = request.getfixturevalue("postgres_server")

    async def hung_up(number: int, *, reading: bool) -> None:
        async with store.storage() as work:
            await work.organisations.add(an_organisation(number), [])
            _hang_up(server, store)
            if reading:
                await work.organisations.all()
            await work.commit()

    for number, reading in ((1, False), (2, True)):
        with pytest.raises(Unavailable):
            await hung_up(number, reading=reading)
    async with asyncio.timeout(SOON):
        await write(store, 3)
    assert await numbers(store) == [3]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("writing", [True, False])
async def test_a_connection_that_ends_just_when_it_is_taken_is_unavailable(store, writing):
    await write(store, 1)

    def end(connection, *_):
        connection.driver_connection.pgconn.finish()

    event.listen(store.database.engine.sync_engine, "checkout", end)
    with pytest.raises(Unavailable):
        async with store.storage(writing=writing) as work:
            await work.organisations.all()
    event.remove(store.database.engine.sync_engine, "checkout", end)
    assert await numbers(store) == [1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # writers queue there
async def test_a_full_pool_is_unavailable_and_not_for_ever(database_url):
    store = a_storeroom(database_url, pool_size=2)
    store.database.engine.pool._timeout = 0.2
    async with store.storage(), store.storage():
        with pytest.raises(Unavailable):
            async with store.storage():
                pass
    await write(store, 1)
    await store.database.close()


def _hang_up(server, store: Storeroom) -> None:
    server.end_connections(make_url(store.url).database)


def _destroy(store: Storeroom, request) -> None:
    if store.sqlite:
        path = Path(make_url(store.url).database or "")
        for leftover in path.parent.glob(path.name + "-*"):
            leftover.unlink()
        path.write_bytes(b"this is no database, it says Nummer 1" * 300)
        return
    server = request.getfixturevalue("postgres_server")
    _hang_up(server, store)
    with server.admin() as admin:
        admin.execute(f'DROP DATABASE "{make_url(store.url).database}" WITH (FORCE)')


async def test_only_the_two_kinds_of_database_are_opened():
    for text in ("mysql://x/y", "nonsense", "", "postgres//x", "oracle://x"):
        with pytest.raises(Unsafe, match="BROKER_DATABASE_URL") as refused:
            open_database(text)
        assert text == "" or text not in refused.value.words.en


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # SQLite's own settings
async def test_sqlite_keeps_every_commit_checks_references_and_wipes_what_is_deleted(store):
    async with store.storage(writing=False) as work:
        pragmas = {
            name: (await work._connection.execute(sa.text(f"PRAGMA {name}"))).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "recursive_triggers")
        }
    assert pragmas.pop("journal_mode") == "wal"
    assert pragmas == {"synchronous": 2, "foreign_keys": 1, "secure_delete": 1, "recursive_triggers": 1}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # SQLite has one writer
async def test_a_writer_of_another_process_is_waited_for(store):
    """Somebody else holds the write lock for a moment; the broker's writer comes after."""
    other = sqlite3.connect(make_url(store.url).database, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    writing = asyncio.create_task(write(store, 1))
    await asyncio.sleep(0.1)
    assert not writing.done()
    other.execute("COMMIT")
    other.close()
    async with asyncio.timeout(SOON):
        await writing
    assert await numbers(store) == [1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # the writer's turn does it
async def test_exclusive_holders_exclude_and_shared_ones_do_not(store):
    """On PostgreSQL: an answer waits for a release that reads its consents, and two releases do not wait."""
    person = PersonId("person-1")
    async with store.storage() as work:
        await work._connection.execute(sa.insert(t.person).values(id=person))
        await work.commit()

    async def hold(*, exclusively: bool) -> None:
        async with store.storage() as work:
            await work.authorities.hold({person}, exclusively=exclusively)

    async with store.storage() as work:
        await work.authorities.hold({person}, exclusively=False)
        async with asyncio.timeout(SOON):
            await hold(exclusively=False)
        answer = asyncio.create_task(hold(exclusively=True))
        await asyncio.sleep(0.2)
        assert not answer.done()
    async with asyncio.timeout(SOON):
        await answer


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no roles
async def test_the_brokers_role_may_not_even_look_at_the_schema_of_others(store):
    address = make_url(store.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address) as broker, pytest.raises(psycopg.errors.InsufficientPrivilege):
        broker.execute("ALTER TABLE organisation ADD COLUMN more text")


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_who_gives_up_while_connecting_leaves_nothing_half_open(store, postgres_server):
    """PostgreSQL waits for what is half-open, and makes no other database meanwhile."""

    async def read() -> None:
        await asyncio.gather(*[numbers(store) for _ in range(4)])

    for step in range(40):
        reading = asyncio.create_task(read())
        await asyncio.sleep(0.001 * (step % 20))
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading
        await store.database.close()
    async with asyncio.timeout(SOON):
        await asyncio.to_thread(lambda: postgres_server.drop(postgres_server.create_database()))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_on_sqlite_each_statement_takes_one_trip_to_its_thread(store, monkeypatch):
    trips = []
    there = OneTrip.in_thread

    async def counted(connection, *arguments, **options):
        trips.append(arguments[1])
        await there(connection, *arguments, **options)

    monkeypatch.setattr(OneTrip, "in_thread", counted)
    monkeypatch.setattr(aiosqlite.Cursor, "__init__", None)  # nobody makes another cursor
    await write(store, 1)
    assert await numbers(store) == [1]
    said = [trip.split()[0] for trip in trips if not trip.startswith("PRAGMA")]
    assert said == ["BEGIN", "INSERT", "COMMIT", "BEGIN", "SELECT"]
    async with store.database.engine.connect() as connection:
        with pytest.raises(sa.exc.OperationalError):
            await connection.execute(sa.text("SELECT 1 FROM nowhere"))
    await write(store, 2)
    assert await numbers(store) == [1, 2], "and who met an error leaves nothing open"


async def test_closing_waits_for_who_is_still_at_work(store):
    """A connection given back to a pool that was let go is closed by nobody."""
    at_work = asyncio.Event()

    async def work() -> None:
        async with store.storage(writing=False) as work:
            at_work.set()
            await asyncio.sleep(0.1)
            await work.tree.state()

    working = asyncio.create_task(work())
    await at_work.wait()
    pool = store.database.engine.pool
    await store.database.close()
    assert (working.done(), pool.checkedout(), pool.checkedin()) == (True, 0, 0)
    await working
    assert await numbers(store) is not None, "and it can be used again"
