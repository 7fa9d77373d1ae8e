"""Three brokers sequence one log, and are killed again and again: every committed entry has one place, and only one."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from broker.crypto.keyring import load_keyring
from broker.domain.events import EventType, LogEvent
from broker.storage import tables as t
from tests.factories import NOW, SCHOOL, SENDER, Storeroom, a_storeroom
from tests.support.sequencer import nursery, sequencer

KILLS, REPLICAS = 100, 3


class Writers:
    """Write until told to stop; some begin and change their mind."""

    def __init__(self, store: Storeroom) -> None:
        self._store = store
        self.committed: list[str] = []
        self.stopped = False

    async def write(self, number: int) -> None:
        while not self.stopped:
            event = LogEvent(
                EventType.RELEASE_DENIED, NOW + timedelta(seconds=number), SCHOOL, SENDER, {"outcome": "denied"}
            )
            async with self._store.storage() as work:
                some = [(await work.log.append(event)).entry.id for _ in range(number + 1)]
                if len(self.committed) % 5 != number:
                    await work.commit()
                    self.committed += some
            await asyncio.sleep(0.004 * (number + 1))


async def newest(store: Storeroom, *, beyond: int) -> int:
    """The size of the newest checkpoint, when there is one that covers more. Raises TimeoutError when none comes."""
    async with asyncio.timeout(60):
        while True:
            async with store.storage(writing=False) as work:
                latest = await work.checkpoints.latest()
            if latest is not None and latest[0] > beyond:
                return latest[0]
            await asyncio.sleep(0.005)


@pytest.fixture
async def store(database_url: str, world_keys: Path) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url, load_keyring(world_keys))
    yield store
    await store.database.close()


@pytest.mark.slow
async def test_every_committed_entry_is_indexed_exactly_once(
    store: Storeroom, database_url: str, world_keys: Path, tmp_path: Path, record_property
) -> None:
    guards = [tmp_path / f"guard-{number}" for number in range(REPLICAS)]
    mine, writers, signed = sequencer(store, tmp_path / "guard"), Writers(store), 0
    with nursery(database_url, world_keys) as brokers:
        running = [brokers.start(guard) for guard in guards]
        writing = [asyncio.create_task(writers.write(number)) for number in range(3)]
        try:
            for kill in range(KILLS):
                signed = await newest(store, beyond=signed)  # they are at work
                await asyncio.sleep(kill * 7 % 13 * 0.004)  # at another point of it each time
                brokers.kill(running[kill % REPLICAS])  # raises, had it ended by itself
                running[kill % REPLICAS] = await asyncio.to_thread(brokers.start, guards[kill % REPLICAS])
            writers.stopped = True
            await asyncio.gather(*writing)
            async with asyncio.timeout(60):
                while await mine.waiting():  # those that are alive do the rest
                    await asyncio.to_thread(time.sleep, 0.05)
        finally:
            writers.stopped = True
            for pid in running:
                with suppress(ProcessLookupError):
                    brokers.kill(pid)
    await mine.step()
    async with store.storage(writing=False) as work:
        placed = (await work._connection.execute(sa.select(t.log_index).order_by(t.log_index.c.leaf_index))).all()
        notes = (await work._connection.execute(sa.select(sa.func.count()).select_from(t.log_checkpoint))).scalar_one()
    record_property("entries", len(placed))
    record_property("checkpoints", notes)
    assert [row.leaf_index for row in placed] == list(range(len(placed)))
    assert sorted(row.entry_id for row in placed) == sorted(writers.committed)
    assert min(len(placed), notes) >= KILLS, "they were at work while they were killed"
    for guard in guards:
        assert (await mine.check(earlier=guard.read_text())).ok, "nobody signed what the others do not extend"
