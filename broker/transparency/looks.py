"""The tree in the database is held against what is known from outside it: before it is signed, and for every release.

- What was just seen and found to extend what is known need not be worked out again: while neither changed, a look is one
  statement, or none for whoever saw the tree in their own unit of work.
- Many who wait for a look share one that began after they asked (`shared.py`).
"""

from collections.abc import Callable

from broker.domain.stores import Storage, TreeSeen, TreeState
from broker.errors import Unsafe
from broker.transparency import tiles
from broker.transparency.checking import check_root
from broker.transparency.checkpoints import Checkpoint
from broker.transparency.guard import Kept, Watch, check_extends, tiles_to_extend
from broker.transparency.shared import Shared


def _is_known(known: Kept | None, seen: TreeSeen) -> bool:
    return known is not None and known.is_all_of(seen)


class Looks:
    """See the module; `read` opens a note of this log."""

    def __init__(self, storage: Storage, watch: Watch, read: Callable[[str], Checkpoint]) -> None:
        self._storage = storage
        self._watch = watch
        self._read = read
        self.look = Shared(self._look)
        """Hold the tree against what is known, once, for all who wait; after it `Watch.allow` says what came out."""

    async def believable(self, expected: TreeState | None) -> tuple[TreeState, Kept | None]:
        """See `extended`, for what is known from outside; raises Unsafe, and stops believing, when it is not.

        For whoever signs or keeps what comes out: one at a time.
        """
        try:
            return await self.extended(await self._watch.known(), expected)
        except Unsafe as error:
            self._watch.refuse(error)
            raise

    async def _look(self) -> None:
        try:
            known = await self._watch.glance()
            seen, newest = await self._worked_out(known, None, unless=self._watch.same)
        except Unsafe as error:
            self._watch.refuse(error)
            return
        self._watch.agree(known, seen)
        if newest is not None:
            self._watch.learn(newest)

    async def extended(self, known: Kept | None, expected: TreeState | None = None) -> tuple[TreeState, Kept | None]:
        """The tree, which extends what is known and the newest checkpoint; and that one, if it covers the whole tree.

        `expected` is what the tree may have become, so that all that it takes is read in one trip. Raises Unsafe when it
        does not extend them, Tampered when the newest checkpoint or the tree is damaged.
        """
        seen, newest = await self._worked_out(known, expected)
        covers = newest is not None and newest.checkpoint.size == seen.state.size
        return seen.state, newest if covers else None

    async def _worked_out(
        self,
        known: Kept | None,
        expected: TreeState | None,
        unless: Callable[[Kept | None, TreeSeen], bool] = _is_known,
    ) -> tuple[TreeSeen, Kept | None]:
        """What was seen, and the newest checkpoint; nothing is worked out, nor the newest opened, for what is the same.

        `known` was read first: meanwhile the tree can only grow.
        """
        likely: set[tiles.TileId] = set()
        if expected is not None:
            likely.update(tiles.frontier(expected.size))
            if known is not None:
                likely.update(tiles_to_extend(known.checkpoint, expected))
        async with self._storage(writing=False) as work:
            seen, there = await work.tree.seen(likely)
            if unless(known, seen):
                return seen, known
            newest = self._newest(known, seen)
            olds = [kept.checkpoint for kept in dict.fromkeys((known, newest)) if kept is not None]
            needed = {tile for old in olds for tile in tiles_to_extend(old, seen.state)}
            more = sorted((needed | set(tiles.frontier(seen.state.size))) - likely)
            data = {**there, **(await work.tree.tiles(more) if more else {})}
        for old in olds:
            check_extends(old, seen.state, data)
        check_root(seen.state, data)
        return seen, newest

    def _newest(self, known: Kept | None, seen: TreeSeen) -> Kept | None:
        if seen.newest is None:
            return None
        if known is not None and seen.newest == (known.checkpoint.size, known.note):
            return known
        return Kept(seen.newest[1], self._read(seen.newest[1]))
