"""The running log: takes committed entries from the queue into the tree, publishes checkpoints, and checks itself.

- The fence is the lock on the tree's state; any number of brokers may try, one at a time succeeds.
- A batch is believed only when its receipts hold, its leaf hashes are recomputed from the stored bytes, and the new
  root comes out the same in two ways.
- A checkpoint is signed only over what was read back committed and extends what the guard (`guard.py`) knows.
- A receipt is handed out only when the database is not older than what is known from outside it (`looks.py`).

Source: C2SP tlog-checkpoint, tlog-tiles; RFC 9162 section 2.1.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from broker.domain.events import EntryId, Opening
from broker.domain.log_ports import LogCheck, LoggedFacts, LogGuard
from broker.domain.ports import Alarm, Clock, LogSignatures
from broker.domain.stores import Appended, Storage, StoredEntry, TreeSeen, TreeState
from broker.errors import BrokerError, Conflict, NotFound, Tampered, Unsafe
from broker.transparency import merkle, tiles
from broker.transparency.archive import Archive
from broker.transparency.canonical import to_base64url
from broker.transparency.checking import WholeLog, check_root
from broker.transparency.checkpoints import Checkpoint, SignatureCheck, open_note, sign_note, verifier_key
from broker.transparency.entries import decode, opened, searched_by
from broker.transparency.guard import NOT_OLDER, Kept, Watch
from broker.transparency.looks import Looks
from broker.transparency.pace import Pace
from broker.transparency.proofs import InclusionProof
from broker.transparency.verdicts import TrustedKeys, Verdict

BATCH = 512
PAUSE = 0.15
"""Seconds from an entry to the round that takes it in, so that one round serves many."""
HURRIED = 0.05
"""Seconds from one round to the next while somebody waits for a proof."""
_DIGITS = 15
ALARM = 60.0
"""Seconds between two alarms while the database is not believed."""
MOST_WAIT = 1.0
"""Seconds that a receipt waits at most for a checkpoint that covers it, when its reader asked for that."""
ASK_AGAIN = 0.1
"""Seconds after which whoever waits looks whether another broker published."""

_log = structlog.get_logger(__name__)


class Ledger:
    """The log of one broker, or of many on one database.

    `address` is where its public side is; without the scheme it is the log's name (C2SP tlog-checkpoint).
    """

    def __init__(
        self,
        storage: Storage,
        signatures: LogSignatures,
        check: SignatureCheck,
        address: str,
        clock: Clock,
        guard: LogGuard,
        alarm: Alarm = lambda *_: None,
    ) -> None:
        self._storage = storage
        self._signatures = signatures
        self._check = check
        self.origin = address.partition("://")[2]
        self._address = address
        self._clock = clock
        self._alarm = alarm
        self.archive = Archive(storage)
        self._pace = Pace()
        self._placed: TreeState | None = None
        self._published = asyncio.Condition()
        self._publishing = asyncio.Lock()
        self._watch = Watch(guard, self._opened)
        self._looks = Looks(storage, self._watch, self._opened)

    @property
    def trusted(self) -> TrustedKeys:
        """The public keys by which everything here can be checked; to be handed out by another way than the log."""
        return TrustedKeys(self._signatures.receipt_keys(), {self.origin: self._signatures.checkpoint_keys()})

    def verifier_keys(self) -> tuple[str, ...]:
        """The log's keys in the form of C2SP signed-note."""
        return tuple(verifier_key(self.origin, key) for key in self._signatures.checkpoint_keys())

    def _opened(self, note: str) -> Checkpoint:
        return open_note(note, self.origin, self.trusted.logs, self._check)

    @property
    def believed(self) -> bool:
        """Whether the database was not found to be older than the guard, or another one."""
        return self._watch.refusal is None

    def allow(self) -> None:
        """Pass while the database is believed. Raises Unavailable from the moment that it is not."""
        self._watch.allow()

    def kick(self, *, hurry: bool = False) -> None:
        """There is something new in the queue; with `hurry`, somebody waits for its proof."""
        self._pace.wake(hurry=hurry)

    async def called(self) -> bool:
        """For a process in which nothing is sequenced: wait until somebody kicks; whether somebody waits."""
        return await self._pace.called()

    async def run(self) -> None:
        """Sequence and publish until cancelled; a failure is logged and tried again."""
        while True:
            self._pace.begin()
            try:
                placed = await self.step()
            except BrokerError as error:
                refusal = self._watch.refusal
                _log.error("log:rolled-back" if refusal else "log:not-sequenced", code=(refusal or error).code)
                self._alarm(Tampered() if refusal else error, "sequencer")
                await asyncio.sleep(ALARM if refusal else 0)
                placed = 0
            if placed < BATCH:
                await self._pace.rest(PAUSE, HURRIED)

    async def step(self) -> int:
        """One batch and its checkpoint; returns how many entries were placed. Raises Unavailable once not believed."""
        self.allow()
        placed = await self.sequence()
        await self.publish()
        return placed

    async def sequence(self) -> int:
        """Place one batch of the queue in the tree. Raises Tampered when queue, tree or entry is not what it was."""
        async with self._storage() as work:
            state, batch = await work.tree.begin(BATCH)
            if not batch:
                return 0
            hashes = [self._checked(entry) for entry in batch]
            edge = await work.tree.tiles(tiles.frontier(state.size))
            check_root(state, edge)
            grown = tiles.extend(state.size, edge, hashes)
            after = TreeState(grown.size, grown.root)
            check_root(after, {**edge, **grown.tiles})
            await work.tree.extend(state.size, [entry.id for entry in batch], after, grown.tiles)
            await work.commit()
        self._placed = after
        return len(batch)

    def _checked(self, entry: StoredEntry) -> bytes:
        computed = merkle.leaf_hash(entry.leaf)
        if computed != entry.leaf_hash or not self._signatures.receipt_holds(
            entry.receipt.kid, entry.receipt.signature, entry.leaf
        ):
            raise Tampered
        if entry.copied != searched_by(entry.leaf):
            raise Tampered  # whoever searches by a copy that says something else misses the entry
        return computed

    async def heed(self) -> None:
        """At the start: raises Unsafe when the guard cannot be kept, or the tree does not extend what it knows."""
        await self._watch.prepare()
        async with self._publishing:
            _, newest = await self._looks.extended(await self._watch.known())
            if newest is not None:
                await self._watch.keep(newest)

    async def compare(self) -> tuple[int, int]:
        """(the size that the guard knows, or 0 when it is damaged; the size found) of a tree that does not extend it.

        Raises Conflict when it does: then there is nothing to accept; Unsafe when the database is not whole by itself.
        """
        found, _ = await self._looks.extended(None)
        try:
            await self._looks.extended(await self._watch.known())
        except Unsafe:
            return await self._watch.forget(), found.size
        raise Conflict(NOT_OLDER)

    async def accept(self) -> None:
        """Put what waits in the tree, and let the guard know the present tree: the operator's decision, after `compare`."""
        while await self.sequence():
            pass
        async with self._publishing:
            await self._watch.forget()
            await self._conclude(*await self._looks.extended(None))

    async def publish(self) -> None:
        """Sign a checkpoint of the committed tree, unless there is one.

        Raises Unsafe, and stops believing the database, when the tree does not extend what is known from outside it.
        """
        async with self._publishing:
            await self._conclude(*await self._looks.believable(self._placed))

    async def _conclude(self, state: TreeState, newest: Kept | None) -> None:
        """The guard knows the newest checkpoint; where none covers the tree, one is signed."""
        if newest is None:
            await self._sign(state)
        else:
            await self._watch.keep(newest)

    async def _sign(self, state: TreeState) -> None:
        key = self._signatures.checkpoint_keys()[-1]
        checkpoint = Checkpoint(self.origin, state.size, state.root)
        note = sign_note(checkpoint, self.origin, key, self._signatures.sign_checkpoint)
        await self._watch.keep(Kept(note, self._opened(note)))
        async with self._storage() as work:
            await work.checkpoints.keep(state.size, note, self._clock())
            await work.commit()
        async with self._published:
            self._published.notify_all()

    async def receipt(
        self, appended: Appended, owners: frozenset[str], *, wait: float = 0.0, seen: TreeSeen | None = None
    ) -> dict[str, Any]:
        """The receipt of a committed entry; with its inclusion proof if a checkpoint covers it within `wait` seconds.

        It holds the openings that belong to `owners` only. Raises Unavailable when the database is older than the guard:
        without a proof, the tree itself is held against what is known first. That is not needed again for `seen`, what
        the unit of work that committed the entry saw of the tree, together with or after all that it decided on: see
        `agrees`.
        """
        self.kick(hurry=wait > 0)
        proof = await self._wait_for_proof(appended.entry.id, min(wait, MOST_WAIT)) if wait > 0 else None
        if proof is None and not (seen is not None and self.agrees(seen)):
            await self._looks.look()
        self.allow()
        mine = [opening for opening in appended.entry.openings if opening.owner in owners]
        where = f"{self._address}/proofs/{appended.entry.id}"
        return receipt_document(appended, proof, where, mine)

    def agrees(self, seen: TreeSeen) -> bool:
        """Whether a tree that was just seen is the one that is known, or was found to extend it: from memory.

        To be asked after the commit of the unit of work that saw it. False says nothing: then the tree is to be looked
        at. True is as much as such a look, of the database that this unit of work worked on: see decision 42.
        """
        return self._watch.agrees(seen)

    async def _wait_for_proof(self, entry: EntryId, seconds: float) -> str | None:
        """Looked for whenever a checkpoint was published; before, there can hardly be one."""
        proof = None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.believed and proof is None:
                    async with self._published:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(ASK_AGAIN):
                                await self._published.wait()
                    proof = await self.proof(entry)
        return proof

    async def proof(self, entry: EntryId, at: tuple[int, str] | None = None) -> str | None:
        """The inclusion proof of an entry against the latest checkpoint, or the one given; None while none covers it."""
        async with self._storage(writing=False) as work:
            index = await work.checkpoints.index_of(entry)
            latest = None if index is None else at or await work.checkpoints.latest()
            if index is None or latest is None or latest[0] <= index:
                return None
            size, note = latest
            data = await work.tree.tiles(tiles.tiles_for_inclusion(index, size))
        return InclusionProof(index, size, tiles.inclusion_proof(index, size, data), note).text()

    async def proof_of(self, entry: str, at: tuple[int, str] | None = None) -> str:
        """The inclusion proof of an entry, by its id or by its place: see `proof`. Raises NotFound, also while it waits."""
        if entry.isascii() and entry.isdigit() and len(entry) <= _DIGITS and str(int(entry)) == entry:
            async with self._storage(writing=False) as work:
                placed = await work.checkpoints.leaves(int(entry), 1)
            proof = await self.proof(placed[0].id, at) if placed else None
        else:
            proof = await self.proof(EntryId(entry), at)
        if proof is None:
            raise NotFound
        return proof

    async def checkpoint(self) -> str:
        """The latest signed checkpoint. Raises NotFound before the first."""
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
        if latest is None:
            raise NotFound
        return latest[1]

    async def tile(self, path: str) -> bytes:
        """The data of one tile, by its C2SP path. Raises NotFound for what is not (yet) there, or no tile's path."""
        try:
            (level, n), width = tiles.parse_tile_path(path)
        except (ValueError, Tampered):
            raise NotFound from None
        async with self._storage(writing=False) as work:
            data = (await work.tree.tiles([(level, n)])).get((level, n), b"")
        wanted = width * merkle.HASH_BYTES
        if len(data) < wanted:
            raise NotFound
        return data[:wanted]

    async def check(self, *, earlier: str | None = None, tick: Callable[[int], None] = lambda _: None) -> Verdict:
        """Check the whole log against its latest checkpoint: every leaf, every receipt, the tree and its signature.

        With an `earlier` checkpoint that somebody kept, also that the log only grew since. `tick` hears how many
        entries were read. What the queue still holds is not part of it.
        """
        whole = WholeLog(self._storage, self.trusted, self._check, self._checked)
        return await whole.check(earlier, tick)

    async def examine(self, tick: Callable[[int], None] = lambda _: None) -> LogCheck:
        """`check`, as the use cases see it."""
        verdict = await self.check(tick=tick)
        return LogCheck(verdict.ok, verdict.words)

    def read(self, leaf: bytes, openings: Sequence[Opening]) -> LoggedFacts:
        """An entry in words. Raises Tampered when leaf or openings are not what was logged."""
        entry = decode(leaf)
        personal = opened(entry, openings)
        there = {opening.position for opening in openings}
        erased = {name for position, (name, _) in enumerate(entry.personal) if position not in there}
        return LoggedFacts(
            entry.type.value,
            entry.at,
            entry.organisation or "",
            entry.counterpart or "",
            dict(entry.facts),
            personal,
            tuple(sorted(erased)),
            len(entry.personal) - len(there),
        )

    def vouched(self, entry: StoredEntry) -> LoggedFacts:
        """What the broker signed in an entry, its openings left shut. Raises Tampered unless it did."""
        self._checked(entry)
        return self.read(entry.leaf, ())

    async def waiting(self) -> int:
        """How many entries are not in the tree yet."""
        async with self._storage(writing=False) as work:
            return await work.checkpoints.waiting()


def receipt_document(appended: Appended, proof: str | None, where: str, openings: Sequence[Opening]) -> dict[str, Any]:
    """A receipt as others get it: see `verifier.verify_receipt`. `where` is the address of the proof, now or later."""
    return {
        "v": 1,
        "leaf": to_base64url(appended.entry.leaf),
        "receipt": {"kid": appended.receipt.kid, "signature": to_base64url(appended.receipt.signature)},
        "proof": proof,
        "proofAt": where,
        "openings": [{"position": o.position, "field": o.field, "salt": o.salt, "value": o.value} for o in openings],
    }
