"""A real broker for a story: its own process, its own directory, keys and database; gone when the story is over."""

import asyncio
import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from broker.app import build
from broker.cli.keys import make_all
from broker.client import ClientKey
from broker.domain.parties import Oin, Organisation
from broker.errors import Unavailable, Words
from broker.settings import read_settings


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(slots=True)
class Stage:
    """A directory with keys, database and outbox, and the broker that uses them."""

    directory: Path
    policies: Path
    port: int = field(default_factory=free_port)
    database_url: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    serves: tuple[str, ...] = ("broker", "serve")
    """The module that serves, with its arguments."""
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The public address."""
        return f"http://localhost:{self.port}"

    @property
    def outbox(self) -> Path:
        """Where messages to the family arrive."""
        return self.directory / "outbox"

    @property
    def log_file(self) -> Path:
        """The broker's operational log."""
        return self.directory / "broker.log"

    def environment(self) -> dict[str, str]:
        """The settings of this broker."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
        return kept | {
            "BROKER_MODE": "demo",
            "BROKER_DATABASE_URL": self.database_url or f"sqlite:///{self.directory / 'broker.db'}",
            "BROKER_KEYS": str(self.directory / "keys"),
            "BROKER_POLICIES": str(self.policies),
            "BROKER_PUBLIC_URL": self.url,
            "BROKER_OUTBOX": f"file:{self.outbox}",
            "BROKER_LOG_GUARD": str(self.directory / "log-guard"),
            "BROKER_HOST": "127.0.0.1",
            "BROKER_PORT": str(self.port),
            **self.extra,
        }

    def prepare(self, organisations: list[dict[str, Any]]) -> dict[str, ClientKey]:
        """Make keys, database and partners. Returns each partner's client key."""
        make_all(self.directory / "keys", demo=True)
        self.outbox.mkdir(mode=0o700, exist_ok=True)
        self.run("db", "upgrade")
        keys = {organisation["oin"]: ClientKey.new() for organisation in organisations}
        for oin, key in keys.items():
            key.write(self.directory / f"{oin}.jwk.json")
        with ThreadPoolExecutor(1) as alone:  # a caller may have a loop of its own in this thread
            alone.submit(asyncio.run, self._admit(organisations, keys)).result()
        return keys

    async def _admit(self, organisations: list[dict[str, Any]], keys: dict[str, ClientKey]) -> None:
        """What `broker organisations add` does, for all of them at once: a process each would take seconds each."""
        broker = build(read_settings(self.environment()))
        try:
            for found in organisations:
                partner = Organisation(Oin(found["oin"]), found["name"], found["kind"])
                await broker.partners.add(partner, [keys[found["oin"]].public_jwk()])
        finally:
            await broker.database.close()

    def run(self, *arguments: str) -> str:
        """Run one `broker` command with these settings; returns what it printed. Raises Unavailable when it failed."""
        command = [sys.executable, "-m", "broker", *arguments]
        done = subprocess.run(  # noqa: S603 - our own command line
            command, env=self.environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise Unavailable(Words(done.stderr.strip(), done.stderr.strip()))
        return done.stdout.strip()

    def start(self) -> None:
        """Start the broker and wait until it is ready."""
        with self.log_file.open("ab") as log:
            command = [sys.executable, "-m", *self.serves]
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                command, env=self.environment(), stdout=log, stderr=log
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/readyz", timeout=2).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        self.stop()
        raise Unavailable(Words("De broker startte niet; zie broker.log.", "The broker did not start; see broker.log."))

    def stop(self) -> None:
        """Stop the broker."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def later(self, period: str) -> str:
        """Start again with the clock moved on; returns the address."""
        self.stop()
        self.extra["BROKER_CLOCK_OFFSET"] = period
        self.start()
        return self.url

    @property
    def pid(self) -> int:
        """The broker's process. Raises Unavailable when it does not run."""
        if self._process is None:
            raise Unavailable(Words("De broker draait niet.", "The broker does not run."))
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the broker is there."""
        return self._process is not None and self._process.poll() is None


def today() -> date:
    """The day that ages count from."""
    return date.today()  # noqa: DTZ011 - the day on the wall
