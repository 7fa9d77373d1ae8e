"""Closing the embedded database leaves no connection open, whoever still works with one."""

import asyncio
import gc
import threading
import warnings
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from broker.storage import engine
from broker.storage.engine import open_database
from broker.storage.one_trip import OneTrip

LONG = 30


async def test_who_works_for_longer_than_a_farewell_finds_it_closed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "FAREWELL", 0.05)
    database = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    held, over = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        async with database.engine.connect() as connection:
            await connection.exec_driver_sql("SELECT 1")
            held.set()
            await over.wait()
            await connection.exec_driver_sql("SELECT 1")

    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        working = asyncio.create_task(work())
        await held.wait()
        threads = [one for one in threading.enumerate() if "_connection_worker_thread" in one.name]
        await database.close()
        over.set()
        with pytest.raises(OperationalError):
            await working
        for thread in threads:
            await asyncio.to_thread(thread.join, LONG)
        assert not any(thread.is_alive() for thread in threads)
        working = None
        gc.collect()
    assert [str(one.message) for one in heard] == []


async def test_nobody_waits_for_the_thread_of_a_connection_that_was_stopped(tmp_path: Path) -> None:
    connection = await OneTrip(str(tmp_path / "new.db"))
    busy = threading.Event()
    working = asyncio.create_task(connection.in_thread(lambda _: busy.wait(LONG)))
    await asyncio.sleep(0)
    connection.stop()
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    busy.set()
    await asyncio.wait_for(asyncio.gather(working, closing), LONG)
    await asyncio.to_thread(connection._thread.join, LONG)
    assert connection._connection is None


async def test_it_can_be_used_again_afterwards(tmp_path: Path) -> None:
    database = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    for _ in range(2):
        async with database.engine.connect() as connection:
            assert (await connection.exec_driver_sql("SELECT 1")).scalar_one() == 1
        await database.close()
