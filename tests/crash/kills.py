"""Brokers that are killed, PostgreSQL that is stopped, disks that are full, wires that are cut: each, again and again."""

import asyncio
import contextlib
import os
import secrets
import shutil
import signal
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import httpx
import psutil

from tests.crash.after import look
from tests.crash.load import Load, under_load
from tests.crash.notes import LONGEST, Notes
from tests.crash.site import Kind, Site, opened

BACK = 120.0
"""Seconds in which everybody must be served again."""
AWAY = 4.0
"""Seconds that something stays away."""
WORKERS = 2
ENOUGH = threading.Event()
"""Once it is set no more crashes follow, and what was found so far is told."""
BEAT = 0.03
"""Seconds between two connections that are ended."""


@dataclass
class Result:
    """What came of one kind of crash."""

    name: str
    what: str
    times: int
    notes: Notes
    lost: list[str]
    unlogged: list[str]
    wrong: list[str]
    again: list[float] = field(default_factory=list)
    """Seconds, each time, from when everything was there again to the first thing that was acknowledged."""

    @property
    def faults(self) -> list[str]:
        """Everything that is not as it must be."""
        return [*self.lost, *self.unlogged, *self.wrong]

    def row(self) -> dict[str, object]:
        """As it is kept and shown."""
        return {
            "what": self.what,
            "times": self.times,
            "acknowledged": self.notes.promises,
            "lost": len(self.lost),
            "unlogged": len(self.unlogged),
            "wrong": self.wrong[:5],
            "refused": self.notes.statuses[503],
            "unknown": self.notes.uncertain,
            "cut": self.notes.cut,
            "slowest refusal": round(self.notes.slowest_refusal, 2),
            "again": round(statistics.median(self.again), 2) if self.again else None,
            "longest": round(max(self.again), 2) if self.again else None,
        }


KNOWN = ("unavailable", "outcome-unknown")

Crash = Callable[[Site, Load], Awaitable[float]]
"""Does it once; returns the moment from which everything was there again."""


async def crashed(
    name: str, what: str, site: Site, times: int, crash: Crash, *, messages: bool, notes: Notes | None = None
) -> Result:
    """Start the site, put load on it, do it so many times (or until somebody interrupts), and look at what is left."""
    notes = notes or Notes()
    for which in range(len(site.stages)):
        await asyncio.to_thread(site.start, which)
    again: list[float] = []
    async with under_load(site, notes) as load:
        for _ in range(times):
            if ENOUGH.is_set():
                break
            await _served(notes, time.monotonic(), 4)
            await asyncio.sleep(secrets.randbelow(300) / 1000)
            moment = await crash(site, load)
            await _served(notes, moment)
            again.append(notes.again_after(moment))
        await _served(notes, time.monotonic(), 4)
    found = await look(site, notes, messages=messages)
    wrong = [*found.wrong, *_surprises(site)]
    return Result(name, what, len(again), notes, found.lost, found.unlogged, wrong, again)


def _surprises(site: Site) -> Iterator[str]:
    """What nobody in the broker had thought of, by its own log."""
    for stage in {stage.log_file: stage for stage in site.stages}.values():
        for line in stage.log_file.read_text(encoding="utf-8").splitlines():
            if "ClientDisconnect" in line:  # a client of ours that was told to stop
                continue
            refused = ":refused" in line and not any(f'"{code}"' in line for code in KNOWN)
            if ":failed" in line or "Traceback" in line or refused:
                yield line[:1500]


async def _served(notes: Notes, since: float, often: int = 1) -> None:
    """Wait until somebody was served, so often. What does not come back, is a fault."""
    until = time.monotonic() + BACK
    while sum(at >= since for at in notes.served) < often:
        if time.monotonic() > until:
            notes.faults.append(f"nobody was served again in {BACK:.0f} seconds")
            return
        await asyncio.sleep(0.02)


# a. and b. -----------------------------------------------------------------------------------------------------------


async def kill(kind: Kind, times: int, *, messages: bool = False) -> Result:
    """The broker is killed and started again, on a port where its clients still call."""

    async def crash(site: Site, _: Load) -> float:
        site.kill()
        await asyncio.to_thread(site.start)
        return time.monotonic()

    with opened(kind) as site:
        return await crashed(
            f"kill-{kind}", f"broker killed (kill -9), {_on(kind)}", site, times, crash, messages=messages
        )


async def kill_worker(times: int, *, messages: bool = False) -> Result:
    """One of two workers of a broker is killed; its parent starts another, and the one that is left goes on."""

    async def crash(site: Site, load: Load) -> float:
        parent, moment = psutil.Process(site.stages[0].pid), time.monotonic()
        before = {child.pid for child in parent.children()}
        os.kill(secrets.choice(sorted(before)), signal.SIGKILL)
        await _served(load.notes, moment, 3)
        until = time.monotonic() + BACK
        while len({child.pid for child in parent.children()}) < WORKERS:
            if time.monotonic() > until:
                load.notes.faults.append("the worker was not replaced")
                break
            await asyncio.sleep(0.05)
        return moment

    with opened("postgresql", BROKER_WORKERS=str(WORKERS)) as site:
        what = "one of two workers killed (kill -9), PostgreSQL"
        return await crashed("kill-worker", what, site, times, crash, messages=messages)


async def kill_one_of_two(times: int, *, messages: bool = False) -> Result:
    """One of two brokers is killed; the other goes on meanwhile."""
    turn = iter(range(10**9))

    async def crash(site: Site, load: Load) -> float:
        which, moment = next(turn) % 2, time.monotonic()
        site.kill(which)
        await _served(load.notes, moment, 3)  # by the one that is left
        left = load.notes.again_after(moment)
        await asyncio.to_thread(site.start, which)
        return moment if left < BACK else time.monotonic()

    with opened("postgresql", brokers=2) as site:
        what = "one of two brokers killed, PostgreSQL"
        return await crashed("kill-one-of-two", what, site, times, crash, messages=messages)


# c. ------------------------------------------------------------------------------------------------------------------


async def database_stopped(times: int, mode: str, *, messages: bool = False) -> Result:
    """PostgreSQL stops (`immediate` is its crash, `fast` a restart, `slow` waits for who is connected) and starts."""

    async def crash(site: Site, load: Load) -> float:
        assert site.server is not None
        if mode == "slow":
            smart = asyncio.create_task(asyncio.to_thread(_smart, site))
            await asyncio.sleep(AWAY)
            await asyncio.to_thread(site.server.stop, "fast")
            await smart
        else:
            await asyncio.to_thread(site.server.stop, mode)
        await _says_so(site, load.notes)
        await asyncio.sleep(AWAY)
        await asyncio.to_thread(site.server._server.ensure_postgres_running)
        return time.monotonic()

    said = {
        "immediate": "crashed (stop -m immediate)",
        "fast": "restarted",
        "slow": "stopped slowly, nobody new let in",
    }
    with opened("postgresql") as site:
        return await crashed(f"database-{mode}", f"PostgreSQL {said[mode]}", site, times, crash, messages=messages)


def _smart(site: Site) -> None:
    with contextlib.suppress(subprocess.CalledProcessError):  # somebody stopped it at once meanwhile
        assert site.server is not None
        site.server._pg_ctl("-m", "smart", "-t", "30", "-w", "stop")


async def _says_so(site: Site, notes: Notes) -> None:
    """While there is no database: not ready, and a page that says so, within seconds."""
    async with httpx.AsyncClient(base_url=site.public_url, timeout=LONGEST) as http:
        for method, path in (("GET", "/readyz"), ("POST", "/code"), ("GET", "/v1/log/checkpoint"), ("GET", "/livez")):
            began = time.monotonic()
            try:
                response = await http.request(
                    method,
                    path,
                    data={"code": "ABCDE-ABCDE-ABCDE"} if method == "POST" else None,
                    headers={"Origin": site.public_url, "Accept-Language": "nl"},
                )
            except httpx.HTTPError:
                notes.faults.append(f"{path}: no answer without the database")
                continue
            notes.heard(response, began)
            if response.status_code != (200 if path == "/livez" else 503):
                notes.faults.append(f"{path}: {response.status_code} without the database")


async def backends(times: int, how: Literal["terminate", "cancel"], *, messages: bool = False) -> Result:
    """PostgreSQL ends connections (as a failover or an administrator does) or statements, one by one, at any moment of theirs."""

    async def crash(site: Site, _: Load) -> float:
        until = time.monotonic() + AWAY
        await asyncio.to_thread(_strike, site, how, until)
        return time.monotonic()

    said = {"terminate": "connections ended", "cancel": "statements cancelled"}
    with opened("postgresql") as site:
        what = f"{said[how]} at random, PostgreSQL"
        return await crashed(f"backends-{how}", what, site, times, crash, messages=messages)


def _strike(site: Site, how: str, until: float) -> None:
    """Every few moments one of the brokers' connections, and preferably one that is at work."""
    assert site.server is not None
    struck = "SELECT pg_{}_backend(pid) FROM pg_stat_activity WHERE usename = 'broker_app' ORDER BY (state = 'idle'), random() LIMIT 1"
    with site.server.admin() as admin:
        while time.monotonic() < until:
            admin.execute(struck.format(how))
            time.sleep(BEAT)


# d. ------------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path | None]:
    """A file system of its own with little room; None where one may not be mounted."""
    place = Path(tempfile.mkdtemp(prefix="rondom-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0700", "tmpfs", place], capture_output=True, check=False
    )
    try:
        yield place if mounted.returncode == 0 else None
    finally:
        if mounted.returncode == 0:
            subprocess.run(["umount", "-l", place], check=True)
        shutil.rmtree(place, ignore_errors=True)


async def disk_full(times: int, *, messages: bool = False, limited: bool = False) -> Result:
    """The disk under SQLite is full, and has room again. Without the right to mount one, files may not grow instead."""
    with small_disk(64) as disk:
        if disk is None or limited:
            with opened("sqlite") as site:
                what = "files may not grow (RLIMIT_FSIZE), SQLite"
                return await crashed("disk-limit", what, site, times, _files_limited, messages=messages)

        async def fill(_: Site, load: Load) -> float:
            filler = disk / "filler"
            await asyncio.to_thread(_fill, filler)
            await _refused(load.notes)
            await asyncio.sleep(AWAY)
            filler.unlink()
            return time.monotonic()

        with opened("sqlite", directory=disk) as site:
            return await crashed("disk-full", "disk full (tmpfs), SQLite", site, times, fill, messages=messages)


async def log_disk_full(times: int, *, messages: bool = False) -> Result:
    """The disk under the operational log is full: what cannot be written there is left out, and everybody is served as before."""
    with small_disk(8) as disk:
        if disk is None:
            raise PermissionError("mounting a small disk needs root")

        async def fill(_: Site, load: Load) -> float:
            filler = disk / "filler"
            await asyncio.to_thread(_fill, filler)
            moment = time.monotonic()
            await _served(load.notes, moment, 6)
            filler.unlink()
            return moment

        with opened("postgresql") as site:
            (site.directory / "broker.log").symlink_to(disk / "broker.log")
            what = "disk of the operational log full (tmpfs), PostgreSQL"
            return await crashed("log-disk-full", what, site, times, fill, messages=messages)


def _fill(path: Path) -> None:
    with path.open("ab", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            for size in (1 << 16, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))
            break


async def _files_limited(site: Site, load: Load) -> float:
    process = psutil.Process(site.stages[0].pid)
    process.rlimit(psutil.RLIMIT_FSIZE, (4096, psutil.RLIM_INFINITY))
    await _refused(load.notes)
    await asyncio.sleep(AWAY)
    process.rlimit(psutil.RLIMIT_FSIZE, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))
    return time.monotonic()


async def _refused(notes: Notes) -> None:
    """Wait until somebody was refused for it: otherwise nothing was tried."""
    before, until = notes.statuses[503], time.monotonic() + BACK
    while notes.statuses[503] == before:
        if time.monotonic() > until:
            notes.faults.append("nobody was refused, so that nothing was tried")
            return
        await asyncio.sleep(0.02)


# e. ------------------------------------------------------------------------------------------------------------------


async def network(times: int, how: str, *, messages: bool = False) -> Result:
    """The wire to PostgreSQL swallows everything, resets, or is slow; and is as before."""

    async def crash(site: Site, load: Load) -> float:
        assert site.proxy is not None
        site.proxy.become(how)  # type: ignore[arg-type]
        if how == "slow":
            await asyncio.sleep(2 * AWAY)
        else:
            await _refused(load.notes)
            await _says_so(site, load.notes)
            await asyncio.sleep(AWAY)
        site.proxy.become("open")
        return time.monotonic()

    said = {"hole": "swallows everything", "reset": "resets", "slow": "is slow (0.4 s each way)"}
    with opened("postgresql", proxied=True) as site:
        what = f"wire to PostgreSQL {said[how]}"
        return await crashed(f"network-{how}", what, site, times, crash, messages=messages)


def _on(kind: Kind) -> str:
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[kind]
