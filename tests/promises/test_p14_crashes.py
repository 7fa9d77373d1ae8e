"""P14: brokers killed, databases stopped, disks full, wires cut, a few times each; `make crash` does the same at length."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.crash import halves, kills
from tests.crash.after import look
from tests.crash.kills import Result
from tests.crash.load import under_load
from tests.crash.notes import Notes
from tests.crash.site import opened

pytestmark = pytest.mark.slow

FEW: dict[str, Callable[[], Awaitable[Result]]] = {
    "broker killed, SQLite": lambda: kills.kill("sqlite", 2),
    "broker killed, PostgreSQL": lambda: kills.kill("postgresql", 2),
    "one of two workers killed": lambda: kills.kill_worker(2),
    "one of two brokers killed": lambda: kills.kill_one_of_two(2),
    "PostgreSQL crashes": lambda: kills.database_stopped(2, "immediate"),
    "PostgreSQL restarts": lambda: kills.database_stopped(1, "fast"),
    "PostgreSQL stops slowly": lambda: kills.database_stopped(1, "slow"),
    "connections ended": lambda: kills.backends(1, "terminate"),
    "statements cancelled": lambda: kills.backends(1, "cancel"),
    "disk of the operational log full": lambda: kills.log_disk_full(1),
    "disk full": lambda: kills.disk_full(1),
    "files may not grow": lambda: kills.disk_full(1, limited=True),
    "the wire swallows everything": lambda: kills.network(1, "hole"),
    "the wire resets": lambda: kills.network(1, "reset"),
    "the wire is slow": lambda: kills.network(1, "slow"),
    "commands killed, SQLite": lambda: halves.half_done("sqlite", 17),
    "commands killed, PostgreSQL": lambda: halves.half_done("postgresql", 17),
}


@pytest.mark.parametrize("crash", FEW)
async def test_nothing_acknowledged_is_lost_and_nothing_is_half_done(crash: str) -> None:
    result = await FEW[crash]()
    assert not result.faults
    assert result.times
    unasked = result.name.startswith("half-done")  # there nobody asks for anything while something is killed
    assert result.notes.promises >= (halves.BEFORE + halves.AFTER if unasked else result.times + 1)


async def test_what_is_lost_or_unlogged_would_be_found() -> None:
    """Whoever looks must be able to see it: things are taken away behind the broker, and acknowledged that never were."""
    with opened("sqlite") as site:
        await asyncio.to_thread(site.start)
        notes = Notes()
        async with asyncio.timeout(60), under_load(site, notes):
            await kills._served(notes, 0.0, 12)
            while not notes.receipts:  # noqa: ASYNC110  whoever asks for a release with its proof comes by now and then
                await asyncio.sleep(0.02)
        assert not (await look(site, notes)).faults
        notes.pushed["never"] = "never"
        notes.released.add("never")
        notes.acknowledged.add("never")
        notes.kept.add("never")
        notes.stops += 1000
        notes.receipts.append({**notes.receipts[0], "leaf": notes.receipts[0]["leaf"][:-4] + "AAAA"})
        found = await look(site, notes)
        lost = {
            "a push",
            "a release",
            "an acknowledgement",
            "an answer of the family",
            "a withdrawal of consent",
            "a message",
        }
        assert set(found.lost) == lost
        assert found.unlogged == ["a release"]
        assert any(fault.startswith("a receipt: ") for fault in found.wrong)
