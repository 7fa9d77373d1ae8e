"""Who goes in which batch, and what is asked for them, on a database that is only made up (but for the last two)."""

import asyncio
import gc
import sqlite3
import threading
import warnings
from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.engine import make_url

from broker.domain.stores import Unforeseen
from broker.errors import Unavailable, Uncertain
from broker.storage.together import batches
from broker.storage.together.batches import Together
from broker.storage.together.reading import Asked, Facts
from broker.storage.together.rows import Rows
from broker.storage.together.sqlite import Trips

LONG = 30


def asking(handover: str, professional: str = "somebody") -> Asked:
    return Asked(handover, "organisation", professional, f"counter of {handover}", 60, datetime(2026, 7, 1, tzinfo=UTC))


class Handovers:
    """A database in which each handover concerns its own child, and everybody has a key."""

    def __init__(self) -> None:
        self.begun = asyncio.Queue[list[str]]()
        self.asked_for = list[tuple[str, list[str]]]()
        self.nobody_has = set[str]()

    async def begin(self, asked: Sequence[Asked], tags: Sequence[str]) -> Facts:
        self.begun.put_nowait([one.handover for one in asked])
        self.asked_for.append(("facts", list(tags)))
        rows = defaultdict[str, Sequence[Any]](tuple)
        rows["handover"] = [SimpleNamespace(id=one.handover, subject=f"child of {one.handover}") for one in asked]
        return Facts(rows, {}, frozenset(), {}, self.of(tags))

    async def keys(self, tags: Sequence[str]) -> dict[str, bytes]:
        self.asked_for.append(("keys", list(tags)))
        return self.of(tags)

    def of(self, tags: Sequence[str]) -> dict[str, bytes]:
        return {tag: tag.encode() for tag in tags if tag not in self.nobody_has}

    async def commit(self, rows: Rows) -> None:
        raise AssertionError("nobody keeps anything")

    async def end(self) -> None:
        pass

    async def undo(self) -> None:
        raise AssertionError("nothing goes wrong")


def together(database: Handovers, count: int = 2) -> Together:
    return Together([database] * count, lambda person: f"tag of {person}")


async def test_nobody_makes_others_wait_for_the_counter_of_another_batch() -> None:
    """Who asks for what another batch asks for goes after it; who comes behind them for something else goes at once."""
    database = Handovers()
    both = together(database)
    async with asyncio.timeout(LONG):
        first, _ = await both.board(asking("one"))
        again = asyncio.create_task(both.board(asking("one")))
        other = asyncio.create_task(both.board(asking("two")))
        seat, _ = await other
        assert [database.begun.get_nowait() for _ in range(2)] == [["one"], ["two"]]
        assert not again.done()
        await first.leave()
        last, _ = await again
        assert database.begun.get_nowait() == ["one"]
        for done in (seat, last):
            await done.leave()


async def test_who_was_left_over_is_taken_by_whoever_is_free() -> None:
    """More than fit in the batch after the one that they waited for: nobody is forgotten."""
    database = Handovers()
    both = together(database)
    async with asyncio.timeout(LONG):
        first, _ = await both.board(asking("one"))
        later = [asyncio.create_task(both.board(asking("one"))) for _ in range(batches.MANY + 1)]
        await first.leave()
        for seat, _ in [await one for one in later[: batches.MANY]]:
            await seat.leave()
        seat, _ = await later[-1]
        await seat.leave()


async def test_keys_that_can_be_foreseen_come_with_the_facts() -> None:
    """The second time there is no trip for keys; who is new, and who had none, is asked for."""
    database = Handovers()
    alone = together(database, 1)

    async def ask(handover: str, professional: str) -> list[tuple[str, list[str]]]:
        seat, facts = await alone.board(asking(handover, professional))
        tags = {f"tag of {professional}", f"tag of child of {handover}"}
        assert set(facts.keys) == tags - database.nobody_has
        await seat.leave()
        asked, database.asked_for = database.asked_for, []
        return asked

    async with asyncio.timeout(LONG):
        new = ("keys", ["tag of child of one"])
        assert await ask("one", "x") == [("facts", ["tag of x"]), new]
        assert await ask("one", "y") == [("facts", ["tag of child of one", "tag of y"])]
        assert await ask("two", "y") == [("facts", ["tag of y"]), ("keys", ["tag of child of two"])]
        database.nobody_has = {"tag of child of one"}
        assert await ask("one", "x") == [("facts", ["tag of child of one", "tag of x"]), new]


async def test_what_is_foreseen_is_bounded() -> None:
    database = Handovers()
    alone = together(database, 1)
    for number in range(batches.FORESEEN + 5):
        seat, _ = await alone.board(asking(f"handover {number}"))
        await seat.leave()
    assert len(alone._foreseen) == batches.FORESEEN


async def test_who_closes_during_a_commit_leaves_nobody_told_that_nothing_was_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It may have been: that is said. Who was only waiting for a turn may try again."""
    monkeypatch.setattr(batches, "DECIDE_WITHIN", 0.1)

    class Slow(Handovers):
        def __init__(self) -> None:
            super().__init__()
            self.committing = asyncio.Event()

        async def commit(self, rows: Rows) -> None:
            self.committing.set()
            await asyncio.sleep(LONG)

        async def undo(self) -> None:
            pass

    database = Slow()
    one = together(database, 1)
    async with asyncio.timeout(LONG / 2):
        seat, _ = await one.board(asking("one"))
        keeping = asyncio.create_task(seat.keep(Rows()))
        await database.committing.wait()
        waiting = asyncio.create_task(one.board(asking("two")))
        await asyncio.sleep(0)
        await one.close()
        with pytest.raises(Uncertain):
            await keeping
        with pytest.raises(Unavailable) as refused:
            await waiting
    assert not isinstance(refused.value, Uncertain)


async def test_closing_leaves_no_connection_open_of_who_waits_for_the_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else writes, and goes on writing: nobody waits half a minute for that, and the connection goes too."""
    monkeypatch.setattr(batches, "DECIDE_WITHIN", 0.1)
    file = tmp_path / "held.db"
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("PRAGMA journal_mode=WAL")
    other.execute("BEGIN IMMEDIATE")
    writers = asyncio.Lock()
    trips = Trips(make_url(f"sqlite:///{file}"), writers)
    one = Together([trips], lambda person: f"tag of {person}")
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        async with asyncio.timeout(LONG / 2):
            waiting = asyncio.create_task(one.board(asking("one")))
            while trips._connection is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            thread = trips._connection._thread
            await one.close()
            with pytest.raises((Unavailable, Unforeseen)):
                await waiting
        assert not writers.locked()
        other.close()
        thread.join(LONG)
        gc.collect()
    assert [str(one.message) for one in heard] == []
    assert not thread.is_alive()


@pytest.mark.parametrize("steps", range(12))
async def test_who_is_stopped_while_connecting_leaves_nothing_open(tmp_path: Path, steps: int) -> None:
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        trips = Trips(make_url(f"sqlite:///{tmp_path / 'new.db'}"), asyncio.Lock())
        task = asyncio.create_task(trips.begin([], []))
        for _ in range(steps):
            await asyncio.sleep(0.0005)
        task.cancel()
        await asyncio.wait([task])
        await trips.undo()
        assert task.cancelled() or task.exception() is not None
        for thread in threading.enumerate():
            if "_connection_worker_thread" in thread.name:
                await asyncio.to_thread(thread.join, LONG)
        del trips, task
        gc.collect()
    assert [str(one.message) for one in heard] == []
