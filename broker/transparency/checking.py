"""The whole log, read back from the database and checked entry by entry: what `broker audit verify` says of its own log.

- Every leaf and receipt is checked by itself, and the root of all of them against the signed checkpoint.
- The tree that proofs are made of must hold exactly these leaves: a log can be whole while its tree is not.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

from broker.domain.stores import Storage, StoredEntry, TreeState
from broker.errors import Tampered, Words
from broker.transparency import tiles
from broker.transparency.checkpoints import SignatureCheck
from broker.transparency.verdicts import TrustedKeys, Verdict
from broker.transparency.verifier import verify_hashes

PAGE = 512
"""Entries or tiles that are in memory at one time, beside the leaf hashes."""
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


class WholeLog:
    """The log in one database. `checked` returns an entry's leaf hash, or raises Tampered when the entry is not genuine."""

    def __init__(
        self,
        storage: Storage,
        trusted: TrustedKeys,
        check: SignatureCheck,
        checked: Callable[[StoredEntry], bytes],
    ) -> None:
        self._storage = storage
        self._trusted = trusted
        self._check = check
        self._checked = checked

    async def check(self, earlier: str | None, tick: Callable[[int], None]) -> Verdict:
        """See `Ledger.check`."""
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            entries = (await work.tree.state()).size + await work.checkpoints.waiting()
        if latest is None:
            return _without_checkpoint(entries, earlier)
        hashes: list[bytes] = []
        try:
            async for entry in self._entries(latest[0]):
                hashes.append(self._checked(entry))
                tick(len(hashes))
        except Tampered:
            return Verdict(_broken(len(hashes)), 1)
        # In a thread: at a million entries this takes seconds, and a broker that checks itself serves others meanwhile.
        verdict = await asyncio.to_thread(verify_hashes, latest[1], hashes, earlier, self._trusted, self._check)
        return Verdict(_OTHER_TREE, 1) if verdict.ok and not await self._tree_fits(hashes) else verdict

    async def _tree_fits(self, hashes: Sequence[bytes]) -> bool:
        """Whether the stored tree begins with exactly these leaves, and fits its own root; it may have grown since."""
        grown = await asyncio.to_thread(tiles.extend, 0, {}, hashes)
        wanted = sorted(grown.tiles)
        try:
            async with self._storage(writing=False) as work:
                state = await work.tree.state()
                check_root(state, await work.tree.tiles(tiles.frontier(state.size)))
                for first in range(0, len(wanted), PAGE):
                    stored = await work.tree.tiles(wanted[first : first + PAGE])
                    for tile in wanted[first : first + PAGE]:
                        if not stored.get(tile, b"").startswith(grown.tiles[tile]):
                            return False
        except Tampered:
            return False
        return state.size >= grown.size

    async def _entries(self, size: int) -> AsyncIterator[StoredEntry]:
        for first in range(0, size, PAGE):
            async with self._storage(writing=False) as work:
                for entry in await work.checkpoints.leaves(first, min(PAGE, size - first)):
                    yield entry


def check_root(state: TreeState, data: Mapping[tuple[int, int], bytes]) -> None:
    """Raises Tampered when these tiles, which are the edge of the tree, have another root than the tree says."""
    if tiles.root(state.size, data) != state.root:
        raise Tampered


def _without_checkpoint(entries: int, earlier: str | None) -> Verdict:
    if earlier is not None:
        return Verdict(_ALL_GONE, 1)
    return Verdict(_NO_CHECKPOINT, 2) if entries else Verdict(_EMPTY, 0)


def _broken(about: int) -> Words:
    return Words(
        f"Het logboek is niet meer wat het was: vanaf regel {about} is iets veranderd of weg.",
        f"The log is no longer what it was: from entry {about} on something was changed or is gone.",
    )
