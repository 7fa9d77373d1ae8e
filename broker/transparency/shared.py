"""One look is shared by all who wait for one, and is never older than the question: it began after each of them asked."""

import asyncio
from collections.abc import Awaitable, Callable


class Shared:
    """Makes a call for many at once; one at a time is under way, and at most one more is waited for."""

    def __init__(self, call: Callable[[], Awaitable[object]]) -> None:
        self._call = call
        self._under_way: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def __call__(self) -> None:
        """Return when a call that began after this one came to its end. Raises what that call raised.

        Whoever stops waiting stops nobody else.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._under_way))
            self._next.add_done_callback(_heard)
        await asyncio.shield(self._next)

    async def _after(self, before: "asyncio.Task[None] | None") -> None:
        if before is not None:
            await asyncio.wait([before])
        self._under_way, self._next = self._next, None  # from here on it has begun: who asks now is not served by it
        try:
            await self._call()
        finally:
            self._under_way = None


def _heard(task: asyncio.Task[None]) -> None:
    """An error that nobody waits for any more is nobody's."""
    if not task.cancelled():
        task.exception()
