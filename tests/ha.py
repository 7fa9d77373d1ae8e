"""`python -m tests.ha`: PostgreSQL on three machines (`deploy/ha`), two brokers under load, and a primary that is lost.

1. The primary is killed, with its Patroni: a standby takes over, the brokers follow, nothing that was acknowledged is lost.
2. The primary goes on, but its Patroni is killed, so that it does not hear that another took over: it confirms nothing more.
3. A copy that is behind is promoted by hand: the broker refuses it.

One broker reaches the database through HAProxy, the other by a list of machines. Exit code 1 when something is not so.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import typer

from tests.support.fleet import SOON, Callers, Fleet, Heard, all_kept, fleet, status, until
from tests.support.measured import show
from tests.support.world import ROOT

RUN = ROOT / "deploy/ha/run.sh"
NET, PORT = "127.0.78", "15432"
FAILOVER = 90.0
"""Seconds within which a release must succeed again."""
NAMES = ("a", "b", "c")


@dataclass(frozen=True)
class Cluster:
    """The machines."""

    home: Path

    @property
    def environment(self) -> dict[str, str]:
        """For `run.sh`."""
        return {**os.environ, "RONDOM_HA": str(self.home), "RONDOM_HA_NET": NET, "RONDOM_HA_PORT": PORT}

    async def run(self, *arguments: str) -> str:
        """What `run.sh` says. Raises subprocess.CalledProcessError."""
        done = await asyncio.to_thread(
            subprocess.run, [str(RUN), *arguments], env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return str(done.stdout).strip()

    def through_proxy(self, role: str) -> str:
        """The one address, which HAProxy keeps at the primary."""
        return f"postgresql+psycopg://{role}@{NET}.10:{PORT}/rondom?passfile={self.home / role}.pgpass"

    def by_list(self, role: str) -> str:
        """Every machine; libpq takes the one that may be written to."""
        hosts = "&".join(f"host={NET}.{number}:{PORT}" for number in (1, 2, 3))
        return f"postgresql+psycopg://{role}@/rondom?{hosts}&target_session_attrs=read-write&passfile={self.home / role}.pgpass"

    def kill(self, machine: str, *, postgres: bool) -> None:
        """SIGKILL to its Patroni, and to its PostgreSQL when asked."""
        pids = [int((self.home / f"run/patroni-{machine}.pid").read_text())]
        if postgres:
            postmaster = int((self.home / machine / "data/postmaster.pid").read_text().split()[0])
            pids += [postmaster, *(child.pid for child in psutil.Process(postmaster).children())]
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def is_other(self, machine: str) -> bool:
        """Whether there is a primary, and it is not this one."""
        with contextlib.suppress(subprocess.CalledProcessError):
            return await self.run("primary") != machine
        return False

    async def primary(self) -> str:
        """Its name, once there is one."""
        found: list[str] = []

        async def one() -> bool:
            with contextlib.suppress(subprocess.CalledProcessError):
                found.append(await self.run("primary"))
            return bool(found)

        await until(one, SOON)
        return found[0]


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """Machines that are up; gone in the end."""
    made = Cluster(Path(tempfile.gettempdir()) / f"rondom-ha-{os.getpid()}")
    try:
        await made.run("up")
        yield made
    finally:
        await made.run("down")


@dataclass
class Outage:
    """One time that something could not be released: for how long at each broker, in seconds."""

    heard: Heard
    seconds: tuple[float, ...]


async def through(brokers: Fleet, fail: Callable[[], Any], steps: Callable[[Heard], Any]) -> Outage:
    """Let callers go on at both brokers while it fails and something is done about it, until both release again."""
    heard, addresses = Heard(), [member.url for member in brokers.members]
    async with Callers(brokers, addresses, heard).at_work(readers=4, senders=2, pause=0.1):
        await until(lambda: _at_work(heard, addresses, 0.0), SOON)
        began = time.monotonic()
        fail()
        await steps(heard)
        again = time.monotonic()
        await until(lambda: _at_work(heard, addresses, again), FAILOVER)
    return Outage(heard, tuple(heard.silence(address, began) for address in addresses))


async def _at_work(heard: Heard, addresses: Sequence[str], since: float, many: int = 4) -> bool:
    return all(len(heard.released(address, since)) >= many for address in addresses)


def only_503(brokers: Fleet, heard: Heard) -> None:
    """Whoever got no answer was told 503, and when to come back. Raises AssertionError."""
    strange = {name: count for name, count in heard.failed().items() if name.split()[1] != "503" or "without" in name}
    assert not strange, (strange, brokers.faults())


async def guards_hold(brokers: Fleet) -> None:
    """The log extends what each broker's guard knows: nobody signed a fork. Raises subprocess.CalledProcessError."""
    for member in brokers.members:
        command = [
            sys.executable,
            "-m",
            "broker",
            "audit",
            "verify",
            "--earlier",
            member.environment["BROKER_LOG_GUARD"],
        ]
        await asyncio.to_thread(subprocess.run, command, env=member.environment, check=True, capture_output=True)


async def primary_lost(machines: Cluster, brokers: Fleet) -> Outage:
    """1: see above."""
    lost = await machines.primary()

    async def follow(_heard: Heard) -> None:
        await until(lambda: machines.is_other(lost), FAILOVER)

    outage = await through(brokers, lambda: machines.kill(lost, postgres=True), follow)
    await nothing_lost(brokers, outage.heard)
    await machines.run("start", lost)
    await machines.run("up")  # waits until it is a standby again
    return outage


async def primary_unaware(machines: Cluster, brokers: Fleet) -> Outage:
    """2: the broker behind HAProxy follows; the other one has the old primary in its list until that is stopped."""
    old = await machines.primary()
    by_proxy = brokers.members[0].url

    async def follow(heard: Heard) -> None:
        await until(lambda: machines.is_other(old), FAILOVER)
        since = time.monotonic()
        await until(lambda: _at_work(heard, [by_proxy], since), FAILOVER)
        assert _thinks_it_is(machines, old), "the old one does not know"
        machines.kill(old, postgres=True)

    outage = await through(brokers, lambda: machines.kill(old, postgres=False), follow)
    await nothing_lost(brokers, outage.heard)
    await machines.run("start", old)
    await machines.run("up")
    return outage


async def nothing_lost(brokers: Fleet, heard: Heard) -> None:
    """Every refusal was a 503, every receipt holds at each broker, and the log extends what every guard knows."""
    only_503(brokers, heard)
    for member in brokers.members:
        await all_kept(brokers, member.url, heard)
    await guards_hold(brokers)


def _thinks_it_is(machines: Cluster, machine: str) -> bool:
    secret = (machines.home / "secrets/postgres").read_text()
    address = f"{NET}.{NAMES.index(machine) + 1}"
    with psycopg.connect(host=address, port=PORT, user="postgres", password=secret, autocommit=True) as old:
        return old.execute("SELECT pg_is_in_recovery()").fetchone() == (False,)


async def older_refused(machines: Cluster, brokers: Fleet) -> str:
    """3: what the broker said."""
    late, binaries = machines.home / "late", Path(_postgres_programs())
    secret = (machines.home / "secrets/replicator").read_text()
    user: Any = "postgres" if os.getuid() == 0 else None

    def tool(*command: str) -> None:
        environment = {**os.environ, "PGPASSWORD": secret, "LC_ALL": "C.UTF-8"}
        quiet = subprocess.DEVNULL
        subprocess.run(command, check=True, user=user, env=environment, cwd="/", stdout=quiet, stderr=quiet)

    copy = ["-h", f"{NET}.10", "-p", PORT, "-U", "replicator", "-D", str(late), "--checkpoint=fast", "-X", "stream"]
    await asyncio.to_thread(tool, str(binaries / "pg_basebackup"), *copy)
    heard = Heard()
    async with Callers(brokers, [member.url for member in brokers.members], heard).at_work(2, 0):
        await until(lambda: _at_work(heard, [member.url for member in brokers.members], 0.0), SOON)  # it is behind now
    await all_kept(brokers, brokers.members[0].url, heard)
    await asyncio.gather(*(_told_of_all(member.url) for member in brokers.members))
    for member in brokers.members:
        member.tell(signal.SIGTERM)
        await member.ended()
    (late / "standby.signal").touch()
    if os.getuid() == 0:
        shutil.chown(late / "standby.signal", "postgres", "postgres")
    options = f"-c listen_addresses={NET}.4 -c port={PORT} -c unix_socket_directories='' -c primary_conninfo=''"
    control = [str(binaries / "pg_ctl"), "-D", str(late), "-w"]
    await asyncio.to_thread(tool, *control, "-l", str(machines.home / "log/late.log"), "-o", options, "start")
    try:
        await asyncio.to_thread(tool, *control, "promote")
        member = brokers.members[0]
        address = machines.through_proxy("broker_app").replace(f"{NET}.10", f"{NET}.4")
        command = [sys.executable, "-m", "broker", "serve"]
        done = await asyncio.to_thread(
            subprocess.run,
            command,
            env={**member.environment, "BROKER_DATABASE_URL": address},
            capture_output=True,
            text=True,
            timeout=SOON,
        )
        assert done.returncode, "it served"
        assert "older than the log's guard" in done.stderr, done.stderr[-500:]
        for member in brokers.members:
            await member.start()  # and the true one is served as before
        return str(done.stderr).strip()
    finally:
        await asyncio.to_thread(tool, *control, "-m", "immediate", "stop")


async def _told_of_all(address: str) -> None:
    """Wait until it is ready, which it is with everything in the log."""
    async with httpx.AsyncClient() as http:
        assert await status(http, f"{address}/readyz") == 200


def _postgres_programs() -> str:
    return str(max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda found: float(found.parent.name)))


async def everything(folder: Path) -> dict[str, str]:
    """All three; what is to be shown of them."""
    async with cluster() as machines:
        addresses = (machines.through_proxy("broker_app"), machines.by_list("broker_app"))
        owner = machines.through_proxy("broker_owner")
        async with fleet(folder, owner, addresses[0], addresses=addresses) as brokers:
            lost = await primary_lost(machines, brokers)
            typer.echo(f"primary lost: {lost.seconds} s, {dict(lost.heard.statuses)}")
            unaware = await primary_unaware(machines, brokers)
            typer.echo(f"primary unaware: {unaware.seconds} s, {dict(unaware.heard.statuses)}")
            typer.echo(await older_refused(machines, brokers))
    acknowledged = len(lost.heard.receipts) + len(unaware.heard.receipts)
    refused = sum(count for outage in (lost, unaware) for count in outage.heard.failed().values())
    return {
        "primary killed with its Patroni: no release, through HAProxy": f"{lost.seconds[0]:.0f} s",
        "the same, by a list of machines": f"{lost.seconds[1]:.0f} s",
        "only the Patroni of the primary killed: no release, through HAProxy": f"{unaware.seconds[0]:.0f} s",
        "acknowledged releases in both, each checked against the log afterwards": f"{acknowledged}, none lost",
        "requests meanwhile without success, each a 503 with `Retry-After`": str(refused),
        "a copy that was behind, promoted by hand": "refused",
    }


def main() -> int:
    """Returns 0; whatever is not so raises."""
    with tempfile.TemporaryDirectory(prefix="rondom-ha-brokers-") as folder:
        show("failover", asyncio.run(everything(Path(folder))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
