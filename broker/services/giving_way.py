"""What may wait gives way to requests while this process is busy with them, and never for long.

Busy is measured by what everybody feels: a short pause that ends late, because the loop had other things to do.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

LOOK = 0.02
"""Seconds of the short pause."""
LATE = 0.005
"""Seconds by which it may end late while nothing much is going on."""
PATIENCE = 3.0
"""Seconds after which it is done all the same: a busy hour must not put it off for an hour."""


class GivingWay:
    """Waits for a quiet moment."""

    def __init__(
        self,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._monotonic = monotonic

    async def __call__(self) -> None:
        """Return in the next quiet moment, and within PATIENCE seconds (and one look) in any case."""
        began = now = self._monotonic()
        while now - began < PATIENCE:
            await self._sleep(LOOK)
            before, now = now, self._monotonic()
            if now - before - LOOK <= LATE:
                return
