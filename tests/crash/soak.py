"""Mixed load for minutes, with tokens that are hardly used: whatever grows with each of them shows."""

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import psutil

from tests.crash.after import look
from tests.crash.load import under_load
from tests.crash.notes import Notes
from tests.crash.site import Kind, Site, opened

WARM = 0.3
"""The part of the time after which nothing may grow any more, but by the bounds below."""
MORE_MEMORY, MORE_FILES, MORE_CONNECTIONS, MORE_THREADS = 1.15, 6, 6, 6
"""Memory as a factor; the others as a number: a pool and its threads come and go with the load."""


@dataclass(frozen=True)
class Size:
    """How much a broker holds at one moment."""

    memory: float
    files: int
    connections: int
    threads: int
    asked: int
    """Requests until then, of everybody."""


def size_of(site: Site, notes: Notes) -> Size:
    """Now. Megabytes for the memory."""
    process = psutil.Process(site.stages[0].pid)
    sockets = process.net_connections("unix") if site.kind == "postgresql" else []
    to_database = sum("PGSQL" in str(found.raddr) for found in sockets)
    if site.server is not None:
        with site.server.admin() as admin:
            found = admin.execute("SELECT count(*) FROM pg_stat_activity WHERE usename = 'broker_app'").fetchone()
            to_database = found[0] if found else 0
    return Size(
        round(process.memory_info().rss / 1_000_000, 1),
        process.num_fds(),
        to_database,
        process.num_threads(),
        sum(notes.statuses.values()),
    )


async def soak(kind: Kind, minutes: float) -> tuple[dict[str, Any], list[str]]:
    """(what was measured, what is not as it must be)."""
    notes, sizes = Notes(), []
    with opened(kind) as site:
        await asyncio.to_thread(site.start)
        async with under_load(site, notes, token_life=0.5, breath=0.01):
            began = time.monotonic()
            while time.monotonic() < began + minutes * 60:
                await asyncio.sleep(minutes * 60 / 40)
                sizes.append(await asyncio.to_thread(size_of, site, notes))
        found = await look(site, notes)
    rest = sizes[int(len(sizes) * WARM) :]
    first, last = rest[: max(len(rest) // 4, 1)], rest[-max(len(rest) // 4, 1) :]
    faults = list(found.faults)
    measured: dict[str, Any] = {
        "minutes": minutes,
        "database": kind,
        "served": len(notes.served),
    }
    for name, more in (("files", MORE_FILES), ("connections", MORE_CONNECTIONS), ("threads", MORE_THREADS)):
        before, after = (max(getattr(size, name) for size in part) for part in (first, last))
        measured[name] = [before, after]
        if after > before + more:
            faults.append(f"{name} grew from {before} to {after}")
    before, after = (max(size.memory for size in part) for part in (first, last))
    measured["memory"] = [before, after]
    measured["requests"] = sizes[-1].asked
    thousands = (last[-1].asked - first[-1].asked) / 1000
    measured["kilobytes per thousand"] = round((after - before) * 1000 / thousands, 1) if thousands else None
    if after > before * MORE_MEMORY:
        faults.append(f"memory grew from {before} to {after} MB")
    return measured, faults
