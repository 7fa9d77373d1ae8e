"""Carries messages from the outbox to the sender: at least once, with growing pauses, never one that was not committed.

- No transaction is open while a mail server takes its time: messages are first taken, a handful at once and for a while,
  by this courier.
- Whatever goes wrong with one message, the others go on.
- What went out is forgotten within a moment, also while others of the same handful still wait for their server: only what
  was sent in that moment goes out twice when the courier is killed.
- A message that cannot be delivered for most of a day is given up and its text forgotten.
"""

import asyncio
import contextlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from broker.domain.ports import Alarm, Clock
from broker.domain.stores import Storage, Taken
from broker.errors import BrokerError, Tampered
from broker.notifications.senders import Sender

MOST_TRIES = 12
HANDFUL = 100
"""Messages that are taken at once."""
AT_A_TIME = 5
"""Of which so many are with the sender at one time."""
PATIENCE = timedelta(seconds=5)
"""How long a message that was taken waits for its turn; after that it is given back untried: it may be erased meanwhile."""
SENDING = timedelta(minutes=3) + PATIENCE
"""How long messages are left to the courier that took them; after that they were lost on the way, and go out again."""
MOMENT = 1.0
"""Seconds after which what went out is forgotten without waiting for the rest of the handful."""
PAUSE = 0.1
"""Seconds from one handful to the next while messages come in, so that one serves many; the first goes out at once."""
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Outcome:
    """What became of messages that were taken."""

    gone: list[str] = field(default_factory=list)
    later: dict[str, datetime] = field(default_factory=dict)
    untried: list[str] = field(default_factory=list)


class Courier:
    """Sends what is due."""

    def __init__(self, storage: Storage, sender: Sender, clock: Clock, alarm: Alarm = lambda *_: None) -> None:
        self._storage = storage
        self._sender = sender
        self._clock = clock
        self._alarm = alarm
        self._wake = asyncio.Event()

    def kick(self) -> None:
        """There may be something to send."""
        self._wake.set()

    async def called(self) -> None:
        """For a process in which nothing is sent: wait until somebody kicks."""
        await self._wake.wait()
        self._wake.clear()

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._wake.clear()
            try:
                tried = await self.step()
            except BrokerError as error:
                _log.error("outbox:not-read", code=error.code)
                self._alarm(error, "courier")
                tried = 0
            if tried:
                await asyncio.sleep(PAUSE)
            if tried < HANDFUL:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(5.0):
                        await self._wake.wait()

    async def step(self) -> int:
        """Send a handful; returns how many were taken."""
        began = time.monotonic()
        async with self._storage() as work:
            now = self._clock()
            handful = await work.outbox.take(now, now + SENDING, HANDFUL)
            if handful:
                await work.commit()
        tried: list[tuple[Taken, bool | None]] = []
        turns = iter(handful)
        left = {asyncio.create_task(self._some(turns, began, tried)) for _ in handful[:AT_A_TIME]}
        try:
            while left:
                done, left = await asyncio.wait(left, timeout=MOMENT)
                outcomes, tried[:] = tuple(tried), ()
                await self._finish(outcomes)
                for task in done:
                    task.result()
        finally:
            await _ended(left)
        return len(handful)

    async def _some(self, turns: Iterator[Taken], began: float, tried: list[tuple[Taken, bool | None]]) -> None:
        """Those whose turn comes while the others of AT_A_TIME are at theirs."""
        for taken in turns:
            sent = await self._one(began, taken)
            tried.append((taken, sent))

    async def _one(self, began: float, taken: Taken) -> bool | None:
        """Whether it went out; None when it was not tried, because its turn came too late."""
        if taken.message is None:
            self._alarm(Tampered(), "courier")
            return False
        if time.monotonic() - began > PATIENCE.total_seconds():
            return None
        try:
            await self._sender.send(taken.id, taken.message)
        except (OSError, ValueError, LookupError):  # an address or a kind that the sender can do nothing with
            return False
        return True

    async def _finish(self, tried: Sequence[tuple[Taken, bool | None]]) -> None:
        """Forget what went out or is given up, and put off the rest: one unit of work."""
        if not tried:
            return
        outcome, now = _Outcome(), self._clock()
        for taken, sent in tried:
            if sent is None:
                outcome.untried.append(taken.id)
            elif sent or taken.tries + 1 >= MOST_TRIES:
                outcome.gone.append(taken.id)
            else:
                outcome.later[taken.id] = now + timedelta(seconds=min(5 * 2**taken.tries, 4 * 3600))
        async with self._storage() as work:
            await work.outbox.forget(outcome.gone)
            await work.outbox.again(outcome.later)
            await work.outbox.give_back(outcome.untried, now)
            await work.commit()
        for taken, sent in tried:
            if sent is False:
                _log.warning("outbox:not-sent", message=taken.id)


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Nothing goes on sending for a courier that was stopped, or that could not keep what became of its messages."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
