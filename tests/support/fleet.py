"""Several real brokers on one PostgreSQL, with a family whose sections may be released: for whoever stops, kills and starts them.

Everything is as in production but the network: `broker serve` in processes of their own, each with its own guard.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from broker.cli.stage import free_port
from broker.crypto.signatures import ed25519_holds
from broker.storage import migrate
from broker.transparency.verdicts import TrustedKeys
from broker.transparency.verifier import verify_receipt
from tests.promises.attacks import READER, TOM, push, with_strangers
from tests.support.world import CLIENT_ASSERTION, GUARD, JWT_BEARER, ROOT, URL, World, make_keys, open_world

SOON = 60.0
"""Seconds within which a broker starts and stops."""


@dataclass
class Member:
    """One broker: its settings, its process."""

    name: str
    environment: dict[str, str]
    port: int
    folder: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens itself."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """Its operational log."""
        return self.folder / f"{self.name}.log"

    def launch(self, **more: str) -> None:
        """Start the process; it is not ready yet."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "broker", "serve"], env={**self.environment, **more}, stdout=log, stderr=log
            )

    async def start(self, **more: str) -> None:
        """Start it, and wait until it is ready."""
        self.launch(**more)
        await self.ready()

    async def ready(self) -> None:
        """Raises TimeoutError when that takes too long, RuntimeError when it ended."""
        async with asyncio.timeout(SOON), httpx.AsyncClient() as http:
            while await status(http, f"{self.url}/readyz") != 200:
                if self.process is None or self.process.poll() is not None:
                    raise RuntimeError(f"{self.name} ended: {self.log.read_text()[-800:]}")
                await asyncio.sleep(0.1)

    async def ended(self) -> int:
        """Wait until the process is gone; its exit code."""
        process = self.process
        assert process is not None
        self.process = None
        return await asyncio.to_thread(process.wait, SOON)

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)


async def until(holds: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait until it holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.02)


async def status(http: httpx.AsyncClient, address: str) -> int:
    """The status of a GET; 0 when nobody answers."""
    try:
        return (await http.get(address, timeout=5)).status_code
    except httpx.TransportError:
        return 0


@dataclass
class Fleet:
    """The brokers, and what a caller needs to ask them something."""

    members: list[Member]
    world: World
    """With keys and families; its broker is over."""
    ask: dict[str, Any]
    pushed: str
    trusted: TrustedKeys
    tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    def faults(self) -> list[str]:
        """What the brokers logged of anything that nobody thought of, and of data that was not as it must be."""
        return [
            line[-3000:]
            for member in self.members
            for line in member.log.read_text().splitlines()
            if "api:failed" in line or "alarm:" in line
        ]

    async def token(self, http: httpx.AsyncClient, who: str) -> str:
        """A token of the sender or the reader, good for a while."""
        known, ends = self.tokens.get(who, ("", 0.0))
        if time.monotonic() < ends:
            return known
        if who == "sender":
            oin = self.world.sender(TOM)
            asked = {
                "grant_type": "client_credentials",
                "client_assertion_type": CLIENT_ASSERTION,
                "client_assertion": self.world.assertion(oin, {"sub": oin}),
            }
        else:
            oin, claims = self.world.professional(READER[TOM])
            asked = {"grant_type": JWT_BEARER, "assertion": self.world.assertion(oin, claims)}
        answer = await http.post("/oauth/token", data=asked)
        answer.raise_for_status()
        self.tokens[who] = answer.json()["access_token"], time.monotonic() + 200
        return self.tokens[who][0]


@contextlib.asynccontextmanager
async def fleet(
    folder: Path,
    owner_url: str,
    app_url: str,
    many: int = 2,
    more: Mapping[str, str] | None = None,
    addresses: Sequence[str] = (),
) -> AsyncIterator[Fleet]:
    """Brokers that are ready, on a database that is made new; gone in the end. `more` are settings beside the usual ones.

    So `many`, unless each has an address of the database of its own.
    """
    migrate.upgrade(owner_url, application=app_url)
    keys = make_keys(folder)
    async with open_world(folder, "postgresql", app_url, keys) as world:
        case = await push(world, TOM)
        await case.everybody_says_yes()
        await world.settle()
        trusted = world.broker.ledger.trusted
    rates = {"BROKER_RATE_ORGANISATION": "1000000/minute", "BROKER_RATE_ONE": "1000000/hour"}
    members = []
    for number, database in enumerate(addresses or (app_url,) * many):
        guard, port = folder / f"guard-{number}" / "checkpoint", free_port()
        guard.parent.mkdir()
        guard.write_bytes((folder / GUARD).read_bytes())
        environment = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")} | {
            "BROKER_MODE": "demo",
            "BROKER_DATABASE_URL": database,
            "BROKER_KEYS": str(keys),
            "BROKER_POLICIES": str(ROOT / "policies"),
            "BROKER_PUBLIC_URL": URL,
            "BROKER_OUTBOX": f"file:{folder / 'outbox'}",
            "BROKER_LOG_GUARD": str(guard),
            "BROKER_PORT": str(port),
            **rates,
            **(more or {}),
        }
        members.append(Member(f"broker{number + 1}", environment, port, folder))
    ask = {"handover": case.handover.id, "purpose": case.body["purpose"]}
    try:
        await asyncio.gather(*(member.start() for member in members))
        yield Fleet(members, world, ask, case.handover.id, trusted)
    finally:
        for member in members:
            if member.process is not None:
                member.process.kill()
                member.process.wait(SOON)


@dataclass
class Heard:
    """What callers were told: by status, and everything that was acknowledged. `seconds` of each answer of 200."""

    statuses: Counter[str] = field(default_factory=Counter)
    receipts: list[dict[str, Any]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    answered: list[tuple[float, str, int, str]] = field(default_factory=list)
    """(when it was answered, of what kind, with which status, at which address)"""
    strange: list[str] = field(default_factory=list)

    def add(self, kind: str, code: int, began: float, text: str = "", address: str = "") -> None:
        """One answer; 0 is none."""
        now = time.monotonic()
        self.statuses[f"{kind} {code}"] += 1
        self.answered.append((now, kind, code, address))
        if code in (200, 201):
            self.seconds.append(now - began)
        elif text:
            self.strange.append(f"{kind} {code} {text[:200]}")

    def failed(self) -> dict[str, int]:
        """What was not answered with success."""
        return {name: count for name, count in self.statuses.items() if name.split()[1] not in ("200", "201")}

    def released(self, address: str, since: float = 0.0) -> list[float]:
        """When releases succeeded there."""
        good = ("release", 200, address)
        return [at for at, *about in self.answered if tuple(about) == good and at >= since]

    def silence(self, address: str, since: float) -> float:
        """The longest time without a successful release there, from `since` on, in seconds."""
        good = self.released(address, since)
        return max((after - before for before, after in zip([since, *good], good, strict=False)), default=float("inf"))


class Callers:
    """People who go on asking until told to stop, each over connections of their own."""

    def __init__(self, fleet: Fleet, addresses: list[str], heard: Heard, *, verify: Any = True) -> None:
        self._fleet = fleet
        self._addresses = addresses
        self._heard = heard
        self._verify = verify
        self._stopped = False

    @contextlib.asynccontextmanager
    async def at_work(self, readers: int, senders: int, pause: float = 0.02) -> AsyncIterator[None]:
        """So many of each, inside the block."""
        tasks = [asyncio.create_task(self._read(number, pause)) for number in range(readers)]
        tasks += [asyncio.create_task(self._send(number, pause)) for number in range(senders)]
        try:
            yield
        finally:
            self._stopped = True
            await asyncio.gather(*tasks)

    def _client(self, number: int) -> httpx.AsyncClient:
        address = self._addresses[number % len(self._addresses)]
        return httpx.AsyncClient(base_url=address, timeout=40, verify=self._verify)

    async def _read(self, number: int, pause: float) -> None:
        """Releases; every other one with an Idempotency-Key, and now and then looking only."""
        async with self._client(number) as http:
            turn = 0
            while not self._stopped:
                turn += 1
                key = {"Idempotency-Key": f"reader-{number}-{turn}"} if turn % 2 else {}
                answer = await self._told(http, "release", "reader", "POST", "/v1/releases", self._fleet.ask, key)
                if answer is not None and answer.status_code == 200:
                    self._heard.receipts.append(answer.json()["receipt"])
                await asyncio.sleep(pause)

    async def _send(self, number: int, pause: float) -> None:
        """Pushes without a key, and looking at what was pushed."""
        async with self._client(number) as http:
            while not self._stopped:
                body = with_strangers(self._fleet.world.body(TOM))
                await self._told(http, "push", "sender", "POST", "/v1/handovers", body, {})
                for _ in range(4):
                    await self._told(http, "look", "sender", "GET", f"/v1/handovers/{self._fleet.pushed}", None, {})
                    await asyncio.sleep(pause)

    async def _told(
        self, http: httpx.AsyncClient, kind: str, who: str, method: str, path: str, body: Any, key: dict[str, str]
    ) -> httpx.Response | None:
        began = time.monotonic()
        try:
            headers = {"Authorization": f"Bearer {await self._fleet.token(http, who)}", **key}
            answer = await http.request(method, path, headers=headers, json=body)
        except httpx.HTTPStatusError as error:
            self._heard.add("token", error.response.status_code, began, error.response.text)
            self._check_retry_after(error.response)
            await asyncio.sleep(0.2)
            return None
        except httpx.TransportError as error:
            self._heard.add(kind, 0, began, type(error).__name__)
            await asyncio.sleep(0.2)
            return None
        self._heard.add(kind, answer.status_code, began, answer.text, str(http.base_url).rstrip("/"))
        self._check_retry_after(answer)
        if not answer.is_success:
            await asyncio.sleep(0.2)
        return answer

    def _check_retry_after(self, answer: httpx.Response) -> None:
        if answer.status_code == 503 and not answer.headers.get("Retry-After", "").isdigit():
            self._heard.statuses["503-without 503"] += 1


async def all_kept(fleet: Fleet, address: str, heard: Heard) -> int:
    """How many receipts were given; each is checked against the log as it is now. Raises VerificationFailed for one that is lost."""
    async with httpx.AsyncClient(base_url=address, timeout=40) as http:
        for number, receipt in enumerate(heard.receipts):
            where = receipt["proofAt"].partition("/v1/")[2]
            await until(lambda where=where: _is_there(http, f"/v1/{where}"), SOON)  # type: ignore[misc]
            again = {**receipt, "proof": (await http.get(f"/v1/{where}")).text}
            verdict = verify_receipt(again, fleet.trusted, ed25519_holds)
            if not verdict.ok:
                raise AssertionError(f"receipt {number} does not hold any more: {verdict.words.en}")
    return len(heard.receipts)


async def _is_there(http: httpx.AsyncClient, path: str) -> bool:
    return (await http.get(path)).status_code == 200
