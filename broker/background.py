"""What works in the background of a broker: kept going until it is told to end, and then really ended.

It may work in a process of its own, beside those that answer: then these ring it.
"""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal, Protocol, TypeVar

import structlog

_log = structlog.get_logger(__name__)
Part = Literal["whole", "answering", "background"]
"""What a process does of a broker: all of it, all but what works in the background, or only that."""
BEGIN_AGAIN = 5.0
"""Seconds until what works in the background begins again, when it ended by itself."""
ASK_AGAIN = 2.0
"""Seconds until what works in the background is told again to end."""


async def kept_going(work: Callable[[], Awaitable[None]]) -> None:
    """Do this until cancelled. What it did not foresee is logged by its place, and it begins again after a while."""
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  one fault must not end what works in the background
            _log.error("background:failed", exc_info=error)
        await asyncio.sleep(BEGIN_AGAIN)


async def end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel them, again and again: an error on the way out of a cancelled call can hide that it was cancelled."""
    while pending := [task for task in tasks if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=ASK_AGAIN)
    await asyncio.gather(*tasks, return_exceptions=True)


ENTRY, HURRY, MESSAGE, EVENT = b"e", b"h", b"m", b"w"
"""What is rung: an entry waits for the tree, somebody waits for its proof; a message waits, an event does."""
_Said = TypeVar("_Said")


class Bell:
    """A pipe that was made before the processes were forked: those that answer ring, the one in the background hears.

    What is rung is a single byte, which says what there is to do. Nobody waits: when the pipe is full, it is heard anyhow.
    """

    def __init__(self) -> None:
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def ring(self, what: bytes) -> None:
        """Let it be known; lost when nobody will ever hear it."""
        with contextlib.suppress(BlockingIOError, BrokenPipeError):
            os.write(self._in, what)

    async def heard(self) -> frozenset[bytes]:
        """Wait until somebody rings; everything that was rung since the last time."""
        rung, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(self._out, rung.set)
        try:
            await rung.wait()
            return frozenset(bytes([what]) for what in os.read(self._out, 65_536))
        except BlockingIOError:
            return frozenset()
        finally:
            loop.remove_reader(self._out)

    def close(self) -> None:
        """Nobody rings or hears any more."""
        for end_of_it in (self._in, self._out):
            os.close(end_of_it)


class Log(Protocol):
    """What is rung for entries."""

    def kick(self, *, hurry: bool = False) -> None:
        """There is an entry; with `hurry`, somebody waits for its proof."""

    async def called(self) -> bool:
        """Wait until somebody kicks; whether somebody waits."""


class Sender(Protocol):
    """What is rung for messages, or for events."""

    def kick(self) -> None:
        """There is something to send."""

    async def called(self) -> None:
        """Wait until somebody kicks."""


def between(
    bell: Bell, part: Part, log: Log, messages: Sender, events: Sender
) -> Iterator[Callable[[], Awaitable[None]]]:
    """What keeps going so that a kick in a process that answers is one in that which works in the background."""
    if part == "background":
        kicks: dict[bytes, Callable[[], None]] = {ENTRY: log.kick, HURRY: partial(log.kick, hurry=True)}
        yield partial(heed, bell, kicks | {MESSAGE: messages.kick, EVENT: events.kick})
    else:
        yield partial(pass_on, bell, log.called, lambda hurried: HURRY if hurried else ENTRY)
        yield partial(pass_on, bell, messages.called, lambda _: MESSAGE)
        yield partial(pass_on, bell, events.called, lambda _: EVENT)


async def heed(bell: Bell, kicks: Mapping[bytes, Callable[[], None]]) -> None:
    """Begin with what those who answer have rung, until cancelled."""
    while True:
        for what in await bell.heard():
            kicks[what]()


async def pass_on(bell: Bell, called: Callable[[], Awaitable[_Said]], rung: Callable[[_Said], bytes]) -> None:
    """Ring for every call that is heard here, until cancelled."""
    while True:
        bell.ring(rung(await called()))
