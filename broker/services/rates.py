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
from limits.aio.storage import Storage as CounterStorage
from limits.aio.strategies import FixedWindowRateLimiter

from broker.domain.parties import Oin
from broker.domain.ports import Clock
from broker.domain.rates import CALLS, ONE, Budget, Rate, RateLimited
from broker.domain.stores import Storage, UnitOfWork
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


class Blocks(CounterStorage):
    """Counters for the `limits` library, of which the database keeps how many blocks were taken."""

    STORAGE_SCHEME = None

    def __init__(self, storage: Storage, clock: Clock, block: int) -> None:
        super().__init__()
        self._storage, self._clock, self._size = storage, clock, block
        self._blocks: dict[str, _Block] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """Errors of ours stay what they are."""
        return ()

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """The number of this call in the window. Raises Unavailable when no block can be taken: then nobody calls."""
        now = self._clock()
        window = int(now.timestamp()) // expiry
        async with self._locks.setdefault(key, asyncio.Lock()):
            block = self._blocks.get(key)
            if block is None or block.window != window or block.given + amount > block.last:
                size = max(self._size, amount)
                async with self._storage() as work:
                    last = await work.guards.take(key, expiry, now, size)
                    await work.commit()
                block = self._blocks[key] = _Block(window, last - size, last, (window + 1) * expiry)
            block.given += amount
            return block.given

    async def get(self, key: str) -> int:
        """The last number that was given here."""
        return self._blocks[key].given if key in self._blocks else 0

    async def get_expiry(self, key: str) -> float:
        """When the window ends, in seconds since 1970."""
        return self._blocks[key].ends if key in self._blocks else 0

    async def check(self) -> bool:
        """Nothing of its own can be out of order."""
        return True

    async def reset(self) -> int | None:
        """Forget every block; the database goes on counting."""
        forgotten = len(self._blocks)
        self._blocks.clear()
        return forgotten

    async def clear(self, key: str) -> None:
        """Forget this one."""
        self._blocks.pop(key, None)


class Rates:
    """What each organisation may still call."""

    def __init__(self, house: House, rate: Rate) -> None:
        self._clock, self._rate = house.clock, rate
        self._item = RateLimitItemPerSecond(rate.calls, rate.seconds, namespace="calls")
        block = max(1, min(LARGEST, rate.calls // BLOCKS))
        self._limiter = FixedWindowRateLimiter(Blocks(house.storage, house.clock, block))

    async def spend(self, oin: Oin) -> Budget:
        """Count one call of an organisation that proved who it is; what is left. Raises RateLimited."""
        allowed = await self._limiter.hit(self._item, oin)
        left = await self._limiter.get_window_stats(self._item, oin)
        seconds = max(1, int(left.reset_time - self._clock().timestamp()))
        budget = Budget("organisation", self._rate, left.remaining, seconds)
        if not allowed:
            raise RateLimited(budget, CALLS)
        return budget


async def check_asked(work: UnitOfWork, house: House, oin: Oin, now: datetime, *asked: str) -> None:
    """Count that this organisation asks about this, in this unit of work. Raises RateLimited: then nothing is kept.

    `asked` is what was asked, not whom it turned out to be: who is not known is counted alike. Others are not counted:
    nobody hears whether somebody else asked, and nobody can keep another one out.
    """
    rate = house.rate_one
    number = await work.guards.take("\n".join(("asked", oin, *asked)), rate.seconds, now, 1)
    if number > rate.calls:
        seconds = rate.seconds - int(now.timestamp()) % rate.seconds
        raise RateLimited(Budget("one", rate, 0, seconds), ONE)
