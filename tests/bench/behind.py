"""What a release wakes behind itself, per entry, by how many entries one round takes: the log's sequencer, its followers, the courier.

Beside each stands a round of a single entry. What is counted is the CPU of this process, and statements; nobody waits for
any of it. The entry is that of a release, thirteen values about people; `statements` are those past BEGIN and COMMIT.
"""

import contextlib
import json
import secrets
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from broker import observability
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.stores import Message
from broker.notifications.courier import Courier
from broker.services.counting import Counting
from broker.services.folding import Folding
from broker.services.following import Following
from broker.services.releasing import DECOYS_TO
from broker.services.watching import Watching
from broker.storage import migrate
from broker.transparency.ledger import Ledger
from tests.bench.measure import Effort, Result
from tests.bench.releases import NAMES, Nowhere
from tests.factories import SCHOOL, SENDER, Storeroom, a_storeroom
from tests.support.postgres import shared_server
from tests.support.sqlite import copied_sqlite, migrated_sqlite

MATTER = "Behind a release: per entry, by how many are done at once, beside one at a time"
SIZES, TINY_SIZES = (1, 16, 256), (1, 2)
TURNS = {1: 16, 2: 1, 16: 4, 256: 1}
"""How often each size is done in one round."""
CHILDREN, PROFESSIONALS = 512, 64


async def run(effort: Effort) -> list[Result]:
    """Each worker on each database."""
    observability.set_up(stream=Nowhere())
    found: list[Result] = []
    for database in ("sqlite",) if effort.tiny else ("sqlite", "postgresql"):
        async with _a_store(database) as store:
            for name, worker in _workers(store).items():
                found += await _measured(effort, f"{name}_{database}", f"{NAMES[database]}, {name}", worker)
    return found


@dataclass
class Spent:
    """CPU seconds and statements, per entry."""

    cpu: list[float] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Worker:
    """`ready` puts so many entries in its way; `work` does all of them."""

    ready: Callable[[int], Awaitable[None]]
    work: Callable[[], Awaitable[None]]


async def _measured(effort: Effort, name: str, what: str, worker: Worker) -> list[Result]:
    sizes = TINY_SIZES if effort.tiny else SIZES
    spent = {size: Spent() for size in sizes}
    for turn in range(effort.rounds + 1):
        for size in sizes:
            cpu = statements = 0.0
            for _ in range(TURNS[size]):
                await worker.ready(size)
                with counted() as count:
                    began = time.process_time()
                    await worker.work()
                    cpu += time.process_time() - began
                statements += count()
            if turn:  # the first warms up
                spent[size].cpu.append(cpu / TURNS[size] / size)
                spent[size].statements.append(statements / TURNS[size] / size)
    return list(_results(name, what, spent))


def _results(name: str, what: str, spent: dict[int, Spent]) -> Iterator[Result]:
    first = spent[min(spent)]
    for size, one in spent.items():
        if size > min(spent):
            ratio = median(a / b for a, b in zip(one.cpu, first.cpu, strict=True))
            cpu, beside = median(one.cpu) * 1e3, median(first.cpu) * 1e3
            yield Result(f"behind_{name}_{size}", f"{what}, {size}: CPU", ratio, cpu, beside, "ms")
            done, by_one = median(one.statements), median(first.statements)
            yield Result(
                f"behind_{name}_{size}_statements", f"{what}, {size}: statements", done / by_one, done, by_one, ""
            )


@contextlib.contextmanager
def counted() -> Iterator[Callable[[], int]]:
    """How many statements go to any database meanwhile."""
    seen: list[None] = []

    def one(*_: Any) -> None:
        seen.append(None)

    event.listen(Engine, "before_cursor_execute", one)
    try:
        yield lambda: len(seen)
    finally:
        event.remove(Engine, "before_cursor_execute", one)


@contextlib.asynccontextmanager
async def _a_store(database: str) -> AsyncIterator[Storeroom]:
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="rondom-bench-")))
        if database == "sqlite":
            url = copied_sqlite(migrated_sqlite(folder), folder)
        else:
            urls = held.enter_context(shared_server(f"bench-{secrets.token_hex(6)}")).create_database()
            migrate.upgrade(urls.owner_url, application=urls.app_url)
            url = urls.app_url
        store = a_storeroom(url)
        try:
            yield store
        finally:
            await store.database.close()


class Numbers:
    """Everybody's next number."""

    def __init__(self) -> None:
        self.last = 0

    def __call__(self) -> int:
        """One that nobody had."""
        self.last += 1
        return self.last


def _workers(store: Storeroom) -> dict[str, Worker]:
    number = Numbers()
    return {**_of_the_log(store, number), "courier": _courier(store, number)}


def _of_the_log(store: Storeroom, number: Numbers) -> dict[str, Worker]:
    ledger = store.ledger()
    house: Any = SimpleNamespace(storage=store.storage, log=ledger, clock=store.clock)
    following = Following(house, (Counting(), Folding(), Watching(house)))

    async def append(count: int) -> None:
        async with store.storage() as work:
            for _ in range(count):
                await work.log.append(an_event(store, number()))
            await work.commit()

    async def in_the_tree(count: int) -> None:
        await append(count)
        await _all_of(ledger)

    async def follow() -> None:
        while await following.step():
            pass

    return {"sequencer": Worker(append, lambda: _all_of(ledger)), "followers": Worker(in_the_tree, follow)}


def _courier(store: Storeroom, number: Numbers) -> Worker:
    courier = Courier(store.storage, Silent(), store.clock)

    async def post(count: int) -> None:
        async with store.storage() as work:
            for _ in range(count):
                message = Message("+31600000001", "sms", "was-read", "nl", "Er is iets gelezen over je kind.")
                await work.outbox.add(message, f"m-{number():09}", store.clock())
            await work.commit()

    async def send() -> None:
        while await courier.step():
            pass

    return Worker(post, send)


async def _all_of(ledger: Ledger) -> None:
    while await ledger.step():
        pass


class Silent:
    """Takes every message and keeps none."""

    async def send(self, message_id: str, message: Message) -> None:
        """Forget it."""


def an_event(store: Storeroom, number: int) -> LogEvent:
    """What a release of two sections says, with what it rested on, as `broker.services.releasing` writes it."""
    child, who = f"child-{number * 7 % CHILDREN:04}", f"reader-{number * 3 % PROFESSIONALS:03}"
    yes = {
        "person": child,
        "signer": f"{child}-m",
        "stance": "given",
        "record": secrets.token_hex(16),
        "gap": "",
        "counts": True,
    }
    decision = [
        {
            "section": secrets.token_hex(18),
            "type": name,
            "told": "",
            "rules": [f"read-{name}"],
            "errors": 0,
            "reactions": [],
            "signers": [yes],
        }
        for name in ("status", "safety-plan")
    ]
    basis = {
        "request": {"types": ["status", "safety-plan"]},
        "handover": {"sections": [[part["section"], part["type"]] for part in decision]},
        "facts": [secrets.token_hex(32) for _ in range(8)],
    }
    personal = [
        Personal(who, "professional", who),
        Personal(who, "role", "support-coordinator"),
        Personal(child, "subject", child),
        Personal(child, "handover", secrets.token_hex(18)),
        Personal(child, "decision", json.dumps(decision, sort_keys=True)),
        Personal(child, "basis", json.dumps(basis)),
    ]
    personal += [Personal(child, "concerned", "")] * (DECOYS_TO - len(personal))
    facts = {
        "release": secrets.token_hex(18),
        "outcome": "permitted",
        "purpose": "care",
        "policy": secrets.token_hex(32),
    }
    return LogEvent(EventType.RELEASE_PERMITTED, store.clock(), SCHOOL, SENDER, facts, tuple(personal))
