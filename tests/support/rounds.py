"""The work that comes back every hour, as far as a test must know when its first round is over."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from unittest.mock import patch

from broker.services.rounds import every_hour

ROUNDS = ("erasure", "reminders", "arrivals", "tasks", "urgent", "long_watches", "sampling", "motions")


@contextlib.asynccontextmanager
async def first_rounds() -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """For a broker that is started inside: wait until its first rounds are over. What they write is no change of a test's."""
    over = {name: asyncio.Event() for name in ROUNDS}

    async def noted(name: str, round_of: Callable[[], Awaitable[object]]) -> None:
        async def once() -> object:
            try:
                return await round_of()
            finally:
                over[name].set()

        await every_hour(name, once)

    async def wait() -> None:
        async with asyncio.timeout(120):
            for event in over.values():
                await event.wait()

    with contextlib.ExitStack() as patched:
        for name in ROUNDS:
            patched.enter_context(patch(f"broker.services.{name}.every_hour", noted))
        yield wait
