"""How often organisations may call: counted over all brokers on the database, written once for many calls.

- A broker takes numbers out of the window in blocks, from a counter in the database, and hands them out from memory: no
  number is given twice, so all brokers together never let more calls through than the rate.
- What a broker took and did not use is lost for that window: with several brokers a call may be refused up to one
  block for each other broker early. A block is a fiftieth of the rate.
- Asking about one person is counted in the unit of work of the asking itself, exactly, by what was asked: known or not.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime

from limits import RateLimitItemPerSecond

from broker.domain.parties import Oin
from broker.domain.rates import CALLS, ONE, Budget, Rate, RateLimited
from broker.domain.stores import UnitOfWork
from broker.services.house import House

BLOCKS = 50
"""Into so many blocks a rate is divided, unless blocks would be larger than LARGEST."""
LARGEST = 100


@dataclass(slots=True)
class _Block:
    """Numbers of one window that are this broker's: those after `given`, up to `last`."""

    window: int
    given: int
    last: int
    ends: int


class Rates:
    """What each organisation may still call."""

    def __init__(self, house: House, rate: Rate) -> None:
        self._storage, self._clock, self._rate = house.storage, house.clock, rate
        self._item = RateLimitItemPerSecond(rate.calls, rate.seconds, namespace="calls")
        self._size = max(1, min(LARGEST, rate.calls // BLOCKS))
        self._blocks: dict[Oin, _Block] = {}
        self._locks: dict[Oin, asyncio.Lock] = {}

    async def spend(self, oin: Oin) -> Budget:
        """Count one call of an organisation that proved who it is; what is left.

        Raises RateLimited, and Unavailable when no number can be taken: then nobody calls.
        """
        now = self._clock()
        block = self._within(oin, now) or await self._take(oin, now)
        block.given += 1
        left = max(0, self._rate.calls - block.given)
        budget = Budget("organisation", self._rate, left, max(1, int(block.ends - now.timestamp())))
        if block.given > self._rate.calls:
            raise RateLimited(budget, CALLS)
        return budget

    def _within(self, oin: Oin, now: datetime) -> _Block | None:
        """The block of this window, when a number is left in it."""
        block = self._blocks.get(oin)
        if block is None or block.given >= block.last or block.window != self._window(now):
            return None
        return block

    async def _take(self, oin: Oin, now: datetime) -> _Block:
        """A block in which a number is left: a fresh one, unless somebody else who waited took it meanwhile."""
        async with self._locks.setdefault(oin, asyncio.Lock()):
            block = self._within(oin, now)
            if block is None:
                key, seconds, window = self._item.key_for(oin), self._rate.seconds, self._window(now)
                async with self._storage() as work:
                    last = await work.guards.take(key, seconds, now, self._size)
                    await work.commit()
                block = _Block(window, last - self._size, last, (window + 1) * seconds)
                self._blocks[oin] = block
            return block

    def _window(self, now: datetime) -> int:
        return int(now.timestamp()) // self._rate.seconds


async def check_asked(work: UnitOfWork, house: House, oin: Oin, now: datetime, *asked: str) -> None:
    """Count that this organisation asks about this, in this unit of work. Raises RateLimited: then nothing is kept.

    `asked` is what was asked, not whom it turned out to be: who is not known is counted alike. Others are not counted:
    nobody hears whether somebody else asked, and nobody can keep another one out.
    """
    rate = house.rate_one
    number = await work.guards.take(counter_of(oin, *asked), rate.seconds, now, 1)
    if number > rate.calls:
        seconds = rate.seconds - int(now.timestamp()) % rate.seconds
        raise RateLimited(Budget("one", rate, 0, seconds), ONE)


def counter_of(oin: Oin, *asked: str) -> str:
    """What such asking is counted by."""
    return "\n".join(("asked", oin, *asked))
