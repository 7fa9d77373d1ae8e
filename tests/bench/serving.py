"""Servers in processes of their own: ours as `broker serve` starts it, and what stands beside it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil

from broker.cli.stage import Stage, free_port
from broker.crypto.assertions import make_assertion
from tests.bench import floors
from tests.bench import naive as obvious
from tests.bench.floors import Plan
from tests.bench.ground import RATES, Ground
from tests.bench.load import Order
from tests.support.world import GUARD, JWT_BEARER, URL

ROOT = Path(__file__).resolve().parents[2]
TOKEN_SECONDS = 200
STARTS = 60
"""Seconds that a server may take to start."""


@dataclass
class Server:
    """One way, in one or more processes behind as many ports."""

    name: str
    ground: Ground
    processes: Sequence[psutil.Process]
    ports: Sequence[int]
    path: str
    tokens: "Tokens | None" = None
    """Where its callers get theirs; None when it wants none."""
    waiting: Callable[[], tuple[int, int, int]] | None = None
    """What it still has to do behind its answers; None when there is nothing."""

    def order(self, connections: int, seconds: float) -> Order:
        """A turn for it."""
        tokens = self.tokens.now() if self.tokens else ()
        bodies = [json.dumps({"handover": each, "purpose": self.ground.purpose}) for each in self.ground.handovers]
        return Order(tuple(self.ports), connections, seconds, self.path, tokens, bodies)

    def ready(self) -> None:
        """Wait until every process of it listens. Raises RuntimeError."""
        for process, port in zip(self.processes, self.ports, strict=True):
            _await(process, port)

    def cpu(self) -> float:
        """Seconds of CPU that its processes and their children took until now, without those of the database."""
        every = [one for process in self.processes for one in (process, *process.children(recursive=True))]
        return sum(sum(process.cpu_times()[:2]) for process in every)


@dataclass
class Tokens:
    """Real ones of every professional, from a broker at this port; new ones in time."""

    ground: Ground
    port: int
    _held: tuple[str, ...] = field(default=(), repr=False)
    _until: float = 0.0

    def now(self) -> tuple[str, ...]:
        """Tokens that will hold for a turn."""
        if time.monotonic() > self._until:
            self._held = tuple(self._new(claims) for claims in self.ground.professionals)
            self._until = time.monotonic() + TOKEN_SECONDS
        return self._held

    def _new(self, claims: dict[str, str]) -> str:
        said, key = {"iss": self.ground.organisation, "aud": URL, **claims}, self.ground.key
        form = {"grant_type": JWT_BEARER, "assertion": make_assertion(key.private, key.kid, said)}
        answer = httpx.post(f"http://127.0.0.1:{self.port}/oauth/token", data=form, timeout=20)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


@contextlib.contextmanager
def ours(ground: Ground, processes: int) -> Iterator[Server]:
    """`broker serve`, on one database with one guard, each process on its own port behind the one public address.

    On PostgreSQL what works in the background does so in a process beside each, as it is meant for who is asked a lot.
    """
    settings = {**RATES, "BROKER_PUBLIC_URL": URL, "BROKER_LOG_GUARD": str(ground.directory / GUARD)}
    settings |= {"BROKER_BACKGROUND": "apart"} if ground.server else {}
    stages = [
        Stage(ground.directory, ROOT / "policies", free_port(), ground.database_url, dict(settings))
        for _ in range(processes)
    ]
    with contextlib.ExitStack() as held:
        for stage in stages:
            stage.start()
            held.callback(stage.stop)
        running = [psutil.Process(stage.pid) for stage in stages]
        ports = [stage.port for stage in stages]
        yield Server("ours", ground, running, ports, "/v1/releases", Tokens(ground, ports[0]), ground.ours.waiting)


@contextlib.contextmanager
def floor(way: str, ground: Ground, plan: Plan, processes: int) -> Iterator[Server]:
    """One of `tests.bench.floors`."""
    environment = {**os.environ, "FLOOR": json.dumps(asdict(plan))}
    with started((floors.__name__, way), environment, processes) as (running, ports):
        yield Server(way, ground, running, ports, floors.PATH)


@contextlib.contextmanager
def naive(ground: Ground, tokens: Tokens, processes: int) -> Iterator[Server]:
    """`tests.bench.naive`, for callers with tokens of ours."""
    plan = obvious.Plan(ground.naive_url, str(ground.directory / "keys"), str(ROOT / "policies"), URL)
    environment = {**os.environ, "NAIVE": json.dumps(asdict(plan))}
    with started((obvious.__name__,), environment, processes) as (running, ports):
        yield Server("naive", ground, running, ports, obvious.PATH, tokens)


@contextlib.contextmanager
def started(
    module: tuple[str, ...], environment: dict[str, str], processes: int
) -> Iterator[tuple[list[psutil.Process], list[int]]]:
    """So many processes of this module with these arguments, and the ports that it is given last; not waited for yet."""
    ports = [free_port() for _ in range(processes)]
    made: list[subprocess.Popen[Any]] = []
    try:
        for port in ports:
            command = [sys.executable, "-m", *module, str(port)]
            made.append(subprocess.Popen(command, env=environment, cwd=ROOT))
        yield [psutil.Process(process.pid) for process in made], ports
    finally:
        for process in made:
            process.terminate()
        for process in made:
            process.wait(20)


def end_with_us() -> None:
    """From now on, who ends this process with SIGTERM ends what it started too: each part is put away as after a fault."""

    def end(*_: object) -> None:
        for child in psutil.Process().children():
            child.terminate()
        raise SystemExit(128 + signal.SIGTERM)

    signal.signal(signal.SIGTERM, end)


def _await(process: psutil.Process, port: int) -> None:
    deadline = time.monotonic() + STARTS
    while time.monotonic() < deadline and process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError("a server did not start")
