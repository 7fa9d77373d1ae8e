"""A database that was put back to an earlier moment, or swapped for another one, is noticed and served no more.

- What is known from outside the database (the guard) and the newest checkpoint in it must both be extended by the
  tree; a tree that is shorter, or another one, is refused.
- A refusal stays until the broker is started again: somebody has to look first.
- A guard that cannot be read, or that none of the log's own keys signed, refuses as well.

Source: RFC 9162 section 2.1.4; C2SP tlog-witness, where a witness signs nothing that does not extend what it saw.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import structlog

from broker.domain.log_ports import LogGuard
from broker.domain.stores import Asking, Storage, TreeSeen, TreeState, UnitOfWork
from broker.errors import Tampered, Unavailable, Unsafe, Words
from broker.transparency import merkle, tiles
from broker.transparency.checkpoints import Checkpoint

ROLLED_BACK, DAMAGED = "log-rolled-back", "log-guard-damaged"

_OLDER = Words(
    "De database is ouder dan de wacht bij het logboek, of is een andere: er is een kopie teruggezet. Een stop die "
    "iemand daarna gaf kan ontbreken; er wordt niets vrijgegeven. Zie deploy/README, onder Restoring.",
    "The database is older than the log's guard, or is another one: a copy was put back. A stop that somebody gave "
    "since may be missing, so nothing is released. See deploy/README, under Restoring.",
)
_DAMAGED_GUARD = Words(
    "De wacht bij het logboek (BROKER_LOG_GUARD) is beschadigd of van een ander logboek. Zie deploy/README, onder "
    "Restoring.",
    "The log's guard (BROKER_LOG_GUARD) is damaged or belongs to another log. See deploy/README, under Restoring.",
)

NOT_OLDER = Words(
    "De database is niet ouder dan de wacht bij het logboek. Er is niets aan te nemen, en niets veranderd.",
    "The database is not older than the log's guard. There is nothing to accept, and nothing was changed.",
)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Kept:
    """A checkpoint that was checked, with the note that says so."""

    note: str
    checkpoint: Checkpoint

    def is_all_of(self, seen: TreeSeen) -> bool:
        """Whether the tree is exactly what this says, and this is the newest checkpoint."""
        mine = self.checkpoint
        return seen == TreeSeen(TreeState(mine.size, mine.root), (mine.size, self.note))


class Watch:
    """What one broker knows of its log from outside the database, and whether it still believes the database.

    `read` opens a note of this log: see `open_note`. Trees only grow, so what is known is read before the tree is.
    """

    def __init__(self, guard: LogGuard, read: Callable[[str], Checkpoint]) -> None:
        self._guard = guard
        self._read = read
        self._last: Kept | None = None
        self._in_file: str | None = None
        self._stamp: object = None
        self._agreed: tuple[Kept | None, TreeSeen] | None = None
        self.refusal: Unsafe | None = None

    def allow(self) -> None:
        """Pass while the database is believed. Raises Unavailable from the moment that it is not."""
        if self.refusal is not None:
            raise Unavailable

    def refuse(self, error: Unsafe) -> None:
        """Believe the database no longer."""
        self.refusal = self.refusal or error

    async def prepare(self) -> None:
        """Before the start: raises Unsafe when the guard cannot be written."""
        await asyncio.to_thread(self._guard.prepare)

    async def known(self) -> Kept | None:
        """The newest checkpoint that this broker saw, here or before it was started; None when it saw none.

        For whoever goes on to `keep` another: one at a time. Raises Unsafe for a guard that is damaged.
        """
        stamp = self._guard.stamp()  # before it is read: who writes it in between makes another stamp
        self._in_file = await asyncio.to_thread(self._guard.read)
        self._stamp = stamp
        return self._newest(self._in_file)

    async def glance(self) -> Kept | None:
        """`known`, for whoever keeps nothing: the guard is read only when it is another than was read or written last."""
        if self._unchanged():
            return self._last
        return self._newest(await asyncio.to_thread(self._guard.read))

    def _unchanged(self) -> bool:
        return self._stamp is not None and self._guard.stamp() == self._stamp

    def _newest(self, note: str | None) -> Kept | None:
        if note is not None and (self._last is None or note != self._last.note):
            self.learn(self._opened(note))
        return self._last

    def learn(self, kept: Kept) -> None:
        """This one was seen, here or in a database that extends what was known: nothing shorter is believed any more."""
        if self._last is None or kept.checkpoint.size > self._last.checkpoint.size:
            self._last = kept

    def _opened(self, note: str) -> Kept:
        try:
            return Kept(note, self._read(note))
        except Tampered:
            raise Unsafe(_DAMAGED_GUARD, code=DAMAGED) from None

    def agree(self, known: Kept | None, seen: TreeSeen) -> None:
        """What was seen extends what was known; it need not be worked out again while both are the same."""
        self._agreed = known, seen

    def agrees(self, seen: TreeSeen) -> bool:
        """Whether this was seen before and extends what is known now: from memory, and with a look at the guard's stamp.

        False means that it must be worked out.
        """
        if self.refusal is not None or not self._unchanged():
            return False
        return self.same(self._last, seen)

    def same(self, known: Kept | None, seen: TreeSeen) -> bool:
        """Whether the tree is exactly the one of this checkpoint, which is the newest; or was found to extend it before."""
        return (known is not None and known.is_all_of(seen)) or self._agreed == (known, seen)

    async def keep(self, kept: Kept) -> None:
        """Know this one from now on. Raises Unavailable when it could not be written: then it must not be published."""
        if kept.note != self._in_file:
            if self._last is None and self._in_file is None:
                _log.warning("log:guard-made", size=kept.checkpoint.size)
            self._stamp = await asyncio.to_thread(self._guard.keep, kept.note, self._in_file)
        self._in_file = kept.note
        if self._last is None or kept.checkpoint.size >= self._last.checkpoint.size:
            self._last = kept

    async def forget(self) -> int:
        """Take the present tree for the true one, whatever was known. Returns the size that was; 0 when unreadable."""
        try:
            kept = await self.known()
        except Unsafe:
            kept = None
        self._last, self._agreed, self.refusal = None, None, None
        return kept.checkpoint.size if kept else 0


def tiles_to_extend(old: Checkpoint, state: TreeState) -> tuple[tuple[int, int], ...]:
    """The tiles that `check_extends` reads."""
    return tiles.tiles_for_consistency(old.size, state.size) if old.size <= state.size else ()


def check_extends(old: Checkpoint, state: TreeState, data: Mapping[tuple[int, int], bytes]) -> None:
    """Raises Unsafe unless the tree begins with exactly the leaves of the checkpoint, shown by its own tiles."""
    try:
        if old.size <= state.size:
            proof = tiles.consistency_proof(old.size, state.size, data)
            if merkle.verify_consistency(old.size, state.size, old.root, state.root, proof):
                return
    except Tampered:
        pass  # a tile is missing or cut: nothing shows that it extends
    raise Unsafe(_OLDER, code=ROLLED_BACK)


class GuardedStorage:
    """See `Storage`: units of work for as long as `allow` passes; from then on Unavailable, for reading too."""

    def __init__(self, storage: Storage, allow: Callable[[], None]) -> None:
        self._storage = storage
        self._allow = allow

    def __call__(self, *, writing: bool = True) -> UnitOfWork:
        """A new unit of work."""
        self._allow()
        return self._storage(writing=writing)

    def releasing(self, asking: Asking) -> UnitOfWork:
        """One that several releases share."""
        self._allow()
        return self._storage.releasing(asking)

    async def scrub(self, *, thoroughly: bool = False) -> bool:
        """See `Storage`; it discloses nothing, so that it needs no leave."""
        return await self._storage.scrub(thoroughly=thoroughly)
