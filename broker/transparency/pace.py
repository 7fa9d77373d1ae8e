"""Paces rounds of work: while entries come in one round serves many, and whoever waits is served soon.

A round costs the same for one entry as for a hundred, so the first of a few entries waits for those behind it.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable

IDLE = 1.0
"""Seconds between two rounds while nobody says that there is something to do: another broker may have left it."""


class Pace:
    """The pauses of one worker."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._wake = asyncio.Event()
        self._hurry = asyncio.Event()
        self._began = -IDLE

    def wake(self, *, hurry: bool = False) -> None:
        """There is something to do; with `hurry`, somebody waits for it."""
        self._wake.set()
        if hurry:
            self._hurry.set()

    async def called(self) -> bool:
        """Wait for a call, and take it; whether somebody waits for it."""
        await self._wake.wait()
        hurried = self._hurry.is_set()
        self._wake.clear()
        self._hurry.clear()
        return hurried

    def begin(self) -> None:
        """A round begins: it serves whoever called until now."""
        self._wake.clear()
        self._hurry.clear()
        self._began = self._monotonic()

    async def rest(self, pause: float, hurried: float) -> None:
        """Until the next round should begin.

        That is after IDLE seconds without a call; `pause` seconds after a call otherwise; and as soon as somebody waits,
        but `hurried` seconds after the last one began at the earliest.
        """
        if not await _happens(self._wake, IDLE):
            return
        if await _happens(self._hurry, pause):
            await asyncio.sleep(max(0.0, self._began + hurried - self._monotonic()))


async def _happens(event: asyncio.Event, seconds: float) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()
