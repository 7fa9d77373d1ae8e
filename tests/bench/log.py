"""The disclosure log: an append beside a plain INSERT, a proof in a large log beside a small one, and what checking costs.

What is appended is the entry of a release, thirteen values about people, in the unit of work of the product. Power loss
is no accident here: PostgreSQL waits for its disk as in production, and so does SQLite. The sequencer stands still.
"""

import asyncio
import contextlib
import itertools
import json
import secrets
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import sqlalchemy as sa
import typer

from broker import observability
from broker.crypto.signatures import LogSigner, ed25519_holds
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.log_ports import Selection
from broker.services.releasing import DECOYS_TO
from broker.storage import migrate
from broker.storage import tables as t
from broker.transparency.bundles import verify_bundle
from broker.transparency.checkpoints import Checkpoint, sign_note
from broker.transparency.ledger import Ledger
from broker.transparency.merkle import leaf_hash, root_of
from broker.transparency.proofs import check_proof, parse_proof
from broker.transparency.verdicts import TrustedKeys
from broker.transparency.verifier import verify_log
from tests.bench.filling import filled, rows
from tests.bench.measure import Effort, Result, Way, compare, compare_work
from tests.bench.releases import Nowhere
from tests.factories import NOW, SCHOOL, SENDER, Storeroom, a_keyring, a_storeroom
from tests.support.postgres import APP_ROLE, PostgresServer, shared_server
from tests.support.sqlite import copied_sqlite, migrated_sqlite

MATTER = "The log: what it costs beside what it is compared to"
WRITERS = 32
AT_LEAST = 0.6
"""Of what a plain INSERT does in the same time."""
SIZES, TINY_SIZES = (1_000, 10_000, 100_000, 1_000_000), (300, 600)
CHECKED, SECONDS = 10_000, 1.5
"""Entries that are checked in about a second, and what "about" may be."""
PLAIN = t.log_entry.to_metadata(sa.MetaData(), name="plain_entry")
for _named in (PLAIN.primary_key, *PLAIN.indexes):
    _named.name = f"plain_{_named.name}"


async def run(effort: Effort) -> list[Result]:
    """Appending, proving, checking; tiny is on SQLite alone."""
    observability.set_up(stream=Nowhere())
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="rondom-bench-")))
        server = None if effort.tiny else held.enter_context(shared_server(f"bench-{secrets.token_hex(6)}"))
        if server is not None:
            server.make_durable()
        makers = Makers(folder, server)
        found = await _appending(effort, makers)
        found += await _growing(effort, makers)
        return found + await _checking(effort, makers)


@dataclass
class Makers:
    """Makes storerooms on fresh databases, with a table to compare with."""

    folder: Path
    server: PostgresServer | None

    @contextlib.asynccontextmanager
    async def open(self, *, sqlite: bool) -> AsyncIterator[tuple[Storeroom, PostgresServer | None]]:
        """One, until the end of the block."""
        server = None if sqlite else self.server
        if server is None:
            place = self.folder / secrets.token_hex(4)
            place.mkdir()
            owner = url = copied_sqlite(migrated_sqlite(place), place)
        else:
            urls = server.create_database()
            migrate.upgrade(urls.owner_url, application=urls.app_url)
            owner, url = urls.owner_url, urls.app_url
        engine = sa.create_engine(owner)
        with engine.begin() as connection:
            PLAIN.create(connection)
            if server is not None:
                connection.execute(sa.text(f"GRANT INSERT ON {PLAIN.name} TO {APP_ROLE}"))
        engine.dispose()
        store = a_storeroom(url, pool_size=WRITERS)
        try:
            yield store, server
        finally:
            await store.database.close()


# --- appending -------------------------------------------------------------------------------------


async def _appending(effort: Effort, makers: Makers) -> list[Result]:
    found = []
    for name, sqlite in (("sqlite", True),) if effort.tiny else (("sqlite", True), ("pg", False)):
        async with makers.open(sqlite=sqlite) as (store, _):
            ratio, a, b = await _compared(effort, _append(store), _insert(store), 2 if sqlite else 16)
        what = f"append, {WRITERS} writers, {'SQLite' if sqlite else 'PostgreSQL'}"
        most = None if sqlite else 1 / AT_LEAST
        found.append(Result(f"log_append_vs_insert_{name}_c{WRITERS}", what, ratio, 1 / a, 1 / b, "per s", most))
    return found


Job = Callable[[], Awaitable[object]]


async def _compared(effort: Effort, ours: Job, floor: Job, times: int) -> tuple[float, float, float]:
    """By the time until all writers have done so many: (ratio, seconds per entry of ours, of the floor)."""
    each = WRITERS * (1 if effort.tiny else times)
    once = replace(effort, calls=1)
    ways = Way(lambda: _writers(ours, each)), Way(lambda: _writers(floor, each))
    ratio, a, b = (await compare_work(once, *ways))["wall"]
    return ratio, a / each, b / each


async def _writers(job: Job, each: int) -> None:
    left = iter(range(each))

    async def write() -> None:
        for _ in left:
            await job()

    await asyncio.gather(*(write() for _ in range(WRITERS)))


def _append(store: Storeroom) -> Job:
    events = itertools.cycle([_event(number) for number in range(256)])

    async def append() -> None:
        async with store.storage() as work:
            await work.log.append(next(events))
            await work.commit()

    return append


def _insert(store: Storeroom) -> Job:
    """One row with the columns and the indexes of an entry, and with as many bytes as entry and openings have together."""
    entry = store.means.encode(_event(0), store.means.ids())
    openings = sum(len(o.salt) + len(o.value) + 40 for o in entry.openings)
    values = {
        "leaf": entry.leaf + secrets.token_bytes(openings),
        "leaf_hash": entry.leaf_hash,
        "receipt_kid": "k" * 43,
        "receipt_sig": secrets.token_bytes(64),
        "type": EventType.RELEASE_PERMITTED.value,
        "organisation": SCHOOL,
        "counterpart": SENDER,
        "outcome": "permitted",
    }

    async def insert() -> None:
        async with store.database.writers or contextlib.nullcontext(), store.database.engine.begin() as connection:
            row = {"entry_id": store.means.ids(), "created_at": NOW, **values}
            await connection.execute(sa.insert(PLAIN).values(row))

    return insert


def _event(number: int) -> LogEvent:
    """What a release says of two sections and of three people; there are 64 children and 8 professionals."""
    child, who = f"person-{number % 64:04d}", f"professional-{number % 8}"
    section = {"section": secrets.token_hex(18), "type": "status", "told": "", "rules": ["read-status"], "errors": 0}
    basis = {"asked": ["status", "safety-plan"], "facts": [secrets.token_hex(32) for _ in range(8)]}
    personal = [
        Personal(who, "professional", who),
        Personal(who, "role", "support-coordinator"),
        Personal(child, "subject", child),
        Personal(child, "handover", secrets.token_hex(18)),
        Personal(child, "decision", json.dumps([section, section])),
        Personal(child, "basis", json.dumps(basis)),
        Personal(f"{child}-sister", "concerned", f"{child}-sister"),
    ]
    personal += [Personal(child, "concerned", "")] * (DECOYS_TO - len(personal))
    facts = {
        "release": secrets.token_hex(18),
        "outcome": "permitted",
        "purpose": "care",
        "policy": secrets.token_hex(32),
    }
    return LogEvent(EventType.RELEASE_PERMITTED, NOW, SCHOOL, SENDER, facts, tuple(personal))


# --- proving, and how all of it grows ----------------------------------------------------------------


async def _growing(effort: Effort, makers: Makers) -> list[Result]:
    """Each size beside the smallest, and what was promised of the largest two."""
    sizes = TINY_SIZES if effort.tiny else SIZES
    async with contextlib.AsyncExitStack() as held:
        jobs: dict[int, tuple[Job, Job]] = {}
        for size in sizes:
            store, server = await held.enter_async_context(makers.open(sqlite=effort.tiny))
            ledger, ids = await filled(store, size, server)
            jobs[size] = (await _proving(store, ledger, ids), _append(store))
        found = [await _proof(effort, jobs[sizes[-1]][0], jobs[sizes[-2]][0], sizes[-1], sizes[-2])]
        smallest, *larger = sizes
        proofs = [(await compare_work(effort, Way(jobs[size][0]), Way(jobs[smallest][0])))["wall"] for size in larger]
        appends = [await _compared(effort, jobs[size][1], jobs[smallest][1], 4) for size in larger]
    return [*found, *_grown("a proof", sizes, proofs), *_grown("an append", sizes, appends)]


async def _proof(effort: Effort, large: Job, small: Job, size: int, beside: int) -> Result:
    ratio, a, b = (await compare_work(replace(effort, calls=effort.calls * 5), Way(large), Way(small)))["wall"]
    what = f"proof, {size:,} entries beside {beside:,}"
    return Result("proof_1e6_vs_1e5", what, ratio, a * 1e3, b * 1e3, "ms", 2.0)


def _grown(series: str, sizes: Sequence[int], measured: Sequence[tuple[float, float, float]]) -> Iterator[Result]:
    """A point for each size; the smallest is what the others were measured beside."""
    smallest, name = measured[0][2], f"log_{series.replace(' ', '_')}_at"
    for size, (ratio, a, b) in zip(sizes, [(1.0, smallest, smallest), *measured], strict=True):
        what = f"{series}, {size:,} beside {sizes[0]:,}"
        yield Result(f"{name}_{size}", what, ratio, a * 1e3, b * 1e3, "ms", series=series, size=size)


async def _proving(store: Storeroom, ledger: Ledger, ids: Sequence[str]) -> Job:
    """The proof of an entry that nobody asked for just before; the first one is checked to the end."""

    async def prove() -> str:
        text = await ledger.proof(secrets.choice(ids))
        assert text is not None
        return text

    place = secrets.randbelow(len(ids))
    async with store.storage(writing=False) as work:
        [entry] = await work.checkpoints.leaves(place, 1)
    proof = parse_proof(await ledger.proof(entry.id) or "")
    assert (entry.id, proof.index, proof.size) == (ids[place], place, len(ids))
    check_proof(leaf_hash(entry.leaf), proof, ledger.origin, ledger.trusted.logs, ed25519_holds)
    return prove


# --- checking ----------------------------------------------------------------------------------------


async def _checking(effort: Effort, makers: Makers) -> list[Result]:
    """The leaves alone; and the log with every receipt and opening, which costs a signature each to begin with."""
    count, fewer = (20, replace(effort, rounds=1)) if effort.tiny else (CHECKED, replace(effort, rounds=2, calls=1))
    async with makers.open(sqlite=effort.tiny) as (store, _):
        ledger = await _appended(store, count)
        async with store.storage(writing=False) as work:
            entries = await work.checkpoints.leaves(0, count)
        note, leaves, trusted = await ledger.checkpoint(), [entry.leaf for entry in entries], ledger.trusted
        keys = trusted.receipts
        packed = BytesIO(
            b"".join([piece async for piece in ledger.archive.packed((0, count), Selection(), lambda _: None)])
        )

        def only_leaves() -> None:
            assert verify_log(note, leaves, None, trusted, ed25519_holds).ok

        def bundle() -> None:
            assert verify_bundle(packed, trusted, ed25519_holds).ok

        def signatures() -> None:
            assert all(ed25519_holds(keys[e.receipt.kid], e.receipt.signature, e.leaf) for e in entries)

        async def whole() -> None:
            assert (await ledger.check()).ok

        async def signatures_too() -> None:
            signatures()

        _, taken, _ = compare(effort, only_leaves, lambda: [leaf_hash(leaf) for leaf in leaves])
        leaves_alone = Result("log_verify_10000", f"{count:,} leaves, beside a second", taken, taken, 1.0, "s", SECONDS)
        ours, floor = f"{count:,} entries, beside their signatures", "s"
        checks = (await compare_work(fewer, Way(whole), Way(signatures_too)))["wall"]
        bundles = compare(replace(fewer, seconds=0), bundle, signatures)
    return [
        leaves_alone,
        Result("log_check_10000", f"the log, {ours}", *checks, floor),
        Result("log_bundle_10000", f"a bundle, {ours}", *bundles, floor),
        *_leaves_growing(effort),
    ]


async def _appended(store: Storeroom, count: int) -> Ledger:
    """A log of entries that are genuine in everything."""
    ledger, events = store.ledger(), (_event(number) for number in range(count))
    with typer.progressbar(length=count, label=f"Writing {count:,} entries") as bar:
        while batch := list(itertools.islice(events, 500)):
            async with store.storage() as work:
                for event in batch:
                    await work.log.append(event)
                await work.commit()
            bar.update(len(batch))
    while await ledger.step():
        pass
    return ledger


def _leaves_growing(effort: Effort) -> Iterator[Result]:
    """Checking leaves alone; the largest size would only take long."""
    sizes = TINY_SIZES if effort.tiny else SIZES[:-1]
    jobs = {size: _of_leaves(size) for size in sizes}
    found = [compare(effort, jobs[size], jobs[sizes[0]]) for size in sizes[1:]]
    return _grown("checking leaves", sizes, found)


def _of_leaves(size: int) -> Callable[[], object]:
    signer, origin = LogSigner(a_keyring()), "broker.example/v1/log"
    leaves = [row[1] for row in itertools.islice(rows(), size)]
    checkpoint = Checkpoint(origin, size, root_of(map(leaf_hash, leaves)))
    key = signer.checkpoint_keys()[-1]
    note, trusted = sign_note(checkpoint, origin, key, signer.sign_checkpoint), TrustedKeys({}, {origin: key})

    def check() -> None:
        assert verify_log(note, leaves, None, trusted, ed25519_holds).ok

    return check
