"""What the console looks up is worked out behind the log's tree, entry by entry, and can be worked out again.

- A follower gets every entry of the tree once, in the order of the tree; what it keeps commits together with how far it
  came. Any number of brokers may try; one at a time does it.
- What followers keep is never proof, and nothing is released on it: a page that shows an entry reads the entry itself.
- It gives way to requests, a few seconds at most, and takes what came meanwhile in one round (a batch at most).
- An entry that is not what was logged is handed over as unreadable: following goes on, and the operator hears of it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import structlog

from broker.domain.log_ports import LoggedFacts
from broker.domain.ports import Alarm
from broker.domain.stores import StoredEntry, UnitOfWork
from broker.errors import BrokerError, Tampered
from broker.services.giving_way import GivingWay
from broker.services.house import House

BATCH = 256
PAUSE = 2.0
"""Seconds between two looks at whether the tree grew, so that one round takes many entries."""
AT_ONCE = 16
"""Entries that are read without letting anybody else have a turn."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Line:
    """An entry at its place in the tree; `facts` is None when it is not what was logged."""

    id: str
    index: int
    facts: LoggedFacts | None


class Follower(Protocol):
    """Works something out from the log."""

    @property
    def name(self) -> str:
        """By which its place is kept."""

    async def take(self, work: UnitOfWork, lines: Sequence[Line]) -> None:
        """Add what these entries say, in this unit of work."""

    async def forget(self, work: UnitOfWork) -> None:
        """Begin anew: nothing of what was worked out is left."""


class Following:
    """All followers of the log."""

    def __init__(
        self,
        house: House,
        followers: Sequence[Follower],
        alarm: Alarm = lambda *_: None,
        give_way: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._house = house
        self._give_way = give_way or GivingWay()
        self._followers = tuple(followers)
        self._names = tuple(follower.name for follower in followers)
        self._alarm = alarm

    async def run(self) -> None:
        """Follow until cancelled; a failure is logged and tried again."""
        while True:
            await self._give_way()
            try:
                taken = await self.step()
            except BrokerError as error:
                _log.error("following:broke-off", code=error.code)
                self._alarm(error, "following")
                taken = 0
            if taken < BATCH:
                await asyncio.sleep(PAUSE)

    async def step(self) -> int:
        """Hand on the next entries, at most a batch; returns how many. Zero when another broker is at it."""
        async with self._house.storage(writing=False) as work:
            if not await work.followers.behind(self._names):
                return 0
        async with self._house.storage() as work:
            places = await work.followers.hold(self._names)
            if places is None:
                return 0
            first = min(places.values())
            ahead = [place - first for place in places.values() if place > first]
            lines = await self._lines(work, first, min([BATCH, *ahead]))
            if not lines:
                return 0
            taking = [follower for follower in self._followers if places[follower.name] == first]
            for follower in taking:
                await follower.take(work, lines)
            await work.followers.advance([follower.name for follower in taking], first + len(lines))
            await work.commit()
        return len(lines)

    async def _lines(self, work: UnitOfWork, first: int, limit: int) -> list[Line]:
        found = await work.checkpoints.leaves(first, limit)
        try:
            openings = await work.log.openings_of([entry.id for entry in found])
            read: list[LoggedFacts | None] = []
            for place, entry in enumerate(found, 1):
                read.append(self._house.log.read(entry.leaf, openings.get(entry.id, ())))
                if not place % AT_ONCE:
                    await asyncio.sleep(0)
        except Tampered as error:
            self._alarm(error, "following")
            read = [await self._readable(work, entry) for entry in found]
        return [Line(entry.id, first + at, facts) for at, (entry, facts) in enumerate(zip(found, read, strict=True))]

    async def _readable(self, work: UnitOfWork, entry: StoredEntry) -> LoggedFacts | None:
        try:
            return self._house.log.read(entry.leaf, await work.log.openings(entry.id))
        except Tampered:
            return None

    async def begin_anew(self, names: Sequence[str] = ()) -> None:
        """Forget what these followers (all of them, without names) worked out; they read the log from its first entry."""
        wanted = [follower for follower in self._followers if not names or follower.name in names]
        async with self._house.storage() as work:
            await work.followers.hold(self._names, wait=True)
            for follower in wanted:
                await follower.forget(work)
            await work.followers.advance([follower.name for follower in wanted], 0)
            await work.commit()

    async def behind(self, names: Sequence[str] = ()) -> int:
        """How many entries of the tree the slowest of these (of all, without names) has not read yet."""
        async with self._house.storage(writing=False) as work:
            return await work.followers.behind(tuple(names) or self._names)
