"""The running log: takes committed entries from the queue into the tree, publishes checkpoints, and checks itself.

- The fence is the lock on the tree's state; any number of brokers may try, one at a time succeeds.
- A batch is believed only when its receipts hold, its leaf hashes are recomputed from the stored bytes, and the new
  root comes out the same in two ways.
- A checkpoint is signed only over what was read back committed.

Source: C2SP tlog-checkpoint, tlog-tiles; RFC 9162 section 2.1.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import structlog

from broker.domain.events import EntryId, Opening
from broker.domain.ports import Clock, LogCheck, LoggedFacts, LogSignatures
from broker.domain.stores import Appended, Storage, StoredEntry, TreeState
from broker.errors import BrokerError, NotFound, Tampered, Words
from broker.transparency import merkle, tiles
from broker.transparency.archive import Archive
from broker.transparency.canonical import to_base64url
from broker.transparency.checkpoints import Checkpoint, SignatureCheck, open_note, sign_note, verifier_key
from broker.transparency.entries import decode, opened
from broker.transparency.proofs import InclusionProof
from broker.transparency.verifier import TrustedKeys, Verdict, verify_log

BATCH = 512
PAUSE = 0.02
"""Seconds between two batches while entries come in."""
_DIGITS = 15
WAIT = 0.25
"""Seconds that a release waits at most for a checkpoint that covers it (`log.md` rule 6)."""

_EMPTY = Words("Het logboek is nog leeg.", "The log is still empty.")
_NO_CHECKPOINT = Words(
    "Het logboek heeft regels en nog geen controlepunt; het is niet nagegaan.",
    "The log has entries and no checkpoint yet, so it could not be checked.",
)
_ALL_GONE = Words(
    "Het logboek is teruggedraaid: er is geen enkel controlepunt meer, en u hebt er een.",
    "The log was rolled back: it has no checkpoint any more, and you hold one.",
)
_OTHER_TREE = Words(
    "De regels kloppen, maar de boom waar bewijzen van gemaakt worden is beschadigd of veranderd.",
    "The entries hold, but the tree that proofs are made of is damaged or was changed.",
)

_log = structlog.get_logger(__name__)


class Ledger:
    """The log of one broker, or of many on one database.

    `address` is where its public side is; without the scheme it is the log's name (C2SP tlog-checkpoint).
    """

    def __init__(
        self, storage: Storage, signatures: LogSignatures, check: SignatureCheck, address: str, clock: Clock
    ) -> None:
        self._storage = storage
        self._signatures = signatures
        self._check = check
        self.origin = address.partition("://")[2]
        self._address = address
        self._clock = clock
        self.archive = Archive(storage)
        self._wake = asyncio.Event()
        self._published = asyncio.Condition()

    @property
    def trusted(self) -> TrustedKeys:
        """The public keys by which everything here can be checked; to be handed out by another way than the log."""
        return TrustedKeys(self._signatures.receipt_keys(), {self.origin: self._signatures.checkpoint_keys()})

    def verifier_keys(self) -> tuple[str, ...]:
        """The log's keys in the form of C2SP signed-note."""
        return tuple(verifier_key(self.origin, key) for key in self._signatures.checkpoint_keys())

    def kick(self) -> None:
        """There is something new in the queue."""
        self._wake.set()

    async def run(self) -> None:
        """Sequence and publish until cancelled; a failure is logged and tried again."""
        while True:
            try:
                more = await self.step()
            except BrokerError as error:
                _log.error("log:not-sequenced", code=error.code)
                more = 0
            self._wake.clear()
            if more < BATCH:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await self._wake.wait()
                await asyncio.sleep(PAUSE if more else 0)

    async def step(self) -> int:
        """One batch and its checkpoint; returns how many entries were placed."""
        placed = await self.sequence()
        await self.publish()
        return placed

    async def sequence(self) -> int:
        """Place one batch of the queue in the tree. Raises Tampered when queue, tree or entry is not what it was."""
        async with self._storage() as work:
            state = await work.tree.state(lock=True)
            batch = await work.tree.queued(BATCH)
            if not batch:
                return 0
            hashes = [self._checked(entry) for entry in batch]
            edge = await work.tree.tiles(tiles.frontier(state.size))
            _check_root(state, edge)
            grown = tiles.extend(state.size, edge, hashes)
            after = TreeState(grown.size, grown.root)
            _check_root(after, {**edge, **grown.tiles})
            await work.tree.keep_tiles(grown.tiles)
            await work.tree.place(state.size, [entry.id for entry in batch], after)
            await work.commit()
        return len(batch)

    def _checked(self, entry: StoredEntry) -> bytes:
        computed = merkle.leaf_hash(entry.leaf)
        if computed != entry.leaf_hash or not self._signatures.receipt_holds(
            entry.receipt.kid, entry.receipt.signature, entry.leaf
        ):
            raise Tampered
        return computed

    async def publish(self) -> None:
        """Sign a checkpoint of the committed tree, unless there is one."""
        async with self._storage(writing=False) as work:
            state = await work.tree.state()
            latest = await work.checkpoints.latest()
            if latest is not None and latest[0] >= state.size:
                return
            _check_root(state, await work.tree.tiles(tiles.frontier(state.size)))
        key = self._signatures.checkpoint_keys()[-1]
        checkpoint = Checkpoint(self.origin, state.size, state.root)
        note = sign_note(checkpoint, self.origin, key, self._signatures.sign_checkpoint)
        open_note(note, self.origin, self.trusted.logs, self._check)
        async with self._storage() as work:
            await work.checkpoints.keep(state.size, note, self._clock())
            await work.commit()
        async with self._published:
            self._published.notify_all()

    async def receipt(self, appended: Appended, owners: frozenset[str]) -> dict[str, Any]:
        """The receipt of a committed entry, with its inclusion proof if a checkpoint covers it within WAIT seconds.

        It holds the openings that belong to `owners` and no others.
        """
        self.kick()
        proof = await self._wait_for_proof(appended.entry.id)
        mine = [opening for opening in appended.entry.openings if opening.owner in owners]
        where = f"{self._address}/proofs/{appended.entry.id}"
        return receipt_document(appended, proof, where, mine)

    async def _wait_for_proof(self, entry: EntryId) -> str | None:
        try:
            async with asyncio.timeout(WAIT):
                while (proof := await self.proof(entry)) is None:
                    async with self._published:
                        with contextlib.suppress(TimeoutError):
                            async with asyncio.timeout(WAIT / 5):
                                await self._published.wait()
        except TimeoutError:
            return None
        return proof

    async def proof(self, entry: EntryId) -> str | None:
        """The inclusion proof of an entry against the latest checkpoint; None while none covers it."""
        async with self._storage(writing=False) as work:
            index = await work.checkpoints.index_of(entry)
            latest = await work.checkpoints.latest()
            if index is None or latest is None or latest[0] <= index:
                return None
            size, note = latest
            data = await work.tree.tiles(tiles.tiles_for_inclusion(index, size))
        return InclusionProof(index, size, tiles.inclusion_proof(index, size, data), note).text()

    async def proof_of(self, entry: str) -> str:
        """The inclusion proof of an entry, by its id or by its place. Raises NotFound, also while it waits."""
        if entry.isascii() and entry.isdigit() and len(entry) <= _DIGITS and str(int(entry)) == entry:
            async with self._storage(writing=False) as work:
                placed = await work.checkpoints.leaves(int(entry), 1)
            proof = await self.proof(placed[0].id) if placed else None
        else:
            proof = await self.proof(EntryId(entry))
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
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            entries = (await work.tree.state()).size + await work.checkpoints.waiting()
        if latest is None:
            return _without_checkpoint(entries, earlier)
        leaves = []
        try:
            async for entry in self._entries(latest[0]):
                self._checked(entry)
                leaves.append(entry.leaf)
                tick(len(leaves))
        except Tampered:
            return Verdict(_broken(len(leaves)), 1)
        verdict = verify_log(latest[1], leaves, earlier, self.trusted, self._check)
        return Verdict(_OTHER_TREE, 1) if verdict.ok and not await self._tree_fits(leaves) else verdict

    async def _tree_fits(self, leaves: Sequence[bytes]) -> bool:
        """Whether the stored tree begins with exactly these leaves, and fits its own root; it may have grown since."""
        grown = tiles.extend(0, {}, [merkle.leaf_hash(leaf) for leaf in leaves])
        wanted = sorted(grown.tiles)
        try:
            async with self._storage(writing=False) as work:
                state = await work.tree.state()
                _check_root(state, await work.tree.tiles(tiles.frontier(state.size)))
                for first in range(0, len(wanted), BATCH):
                    stored = await work.tree.tiles(wanted[first : first + BATCH])
                    for tile in wanted[first : first + BATCH]:
                        if not stored.get(tile, b"").startswith(grown.tiles[tile]):
                            return False
        except Tampered:
            return False
        return state.size >= grown.size

    async def examine(self) -> LogCheck:
        """`check`, as the use cases see it."""
        verdict = await self.check()
        return LogCheck(verdict.ok, verdict.words)

    def read(self, leaf: bytes, openings: Sequence[Opening]) -> LoggedFacts:
        """An entry in words. Raises Tampered when leaf or openings are not what was logged."""
        entry = decode(leaf)
        personal = opened(entry, openings)
        return LoggedFacts(
            entry.type.value,
            entry.at,
            entry.organisation or "",
            entry.counterpart or "",
            dict(entry.facts),
            personal,
        )

    async def _entries(self, size: int) -> AsyncIterator[StoredEntry]:
        for first in range(0, size, BATCH):
            async with self._storage(writing=False) as work:
                for entry in await work.checkpoints.leaves(first, min(BATCH, size - first)):
                    yield entry

    async def waiting(self) -> int:
        """How many entries are not in the tree yet."""
        async with self._storage(writing=False) as work:
            return await work.checkpoints.waiting()


def _without_checkpoint(entries: int, earlier: str | None) -> Verdict:
    if earlier is not None:
        return Verdict(_ALL_GONE, 1)
    return Verdict(_NO_CHECKPOINT, 2) if entries else Verdict(_EMPTY, 0)


def _broken(about: int) -> Words:
    return Words(
        f"Het logboek is niet meer wat het was: vanaf regel {about} is iets veranderd of weg.",
        f"The log is no longer what it was: from entry {about} on something was changed or is gone.",
    )


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


def _check_root(state: TreeState, data: Mapping[tuple[int, int], bytes]) -> None:
    if tiles.root(state.size, data) != state.root:
        raise Tampered
