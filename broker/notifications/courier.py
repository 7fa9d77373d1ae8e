"""Carries messages from the outbox to the sender: at least once, with growing pauses, never one that was not committed.

- No transaction is open while a mail server takes its time: a message is first taken, for a while, by this courier.
- Whatever goes wrong with one message, the others go on.
- A message that cannot be delivered for most of a day is given up and its text forgotten.
"""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from broker.domain.ports import Alarm, Clock
from broker.domain.stores import Message, Storage
from broker.errors import BrokerError, Tampered
from broker.notifications.senders import Sender

MOST_TRIES = 12
HANDFUL = 5
SENDING = timedelta(minutes=3)
"""How long a message is left to the courier that took it; after that it was lost on the way, and goes out again."""
_log = structlog.get_logger(__name__)


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

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            try:
                sent = await self.step()
            except BrokerError as error:
                _log.error("outbox:not-read", code=error.code)
                self._alarm(error, "courier")
                sent = 0
            if not sent:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(5.0):
                        await self._wake.wait()
            self._wake.clear()

    async def step(self) -> int:
        """Send a handful; returns how many were tried."""
        tried = 0
        while tried < HANDFUL and (taken := await self._take()) is not None:
            message_id, message, tries = taken
            if message is None:
                self._alarm(Tampered(), "courier")
            await self._finish(message_id, tries, sent=message is not None and await self._try(message_id, message))
            tried += 1
        return tried

    async def _take(self) -> tuple[str, Message | None, int] | None:
        async with self._storage(writing=False) as work:
            if not await work.outbox.due(self._clock(), 1):
                return None
        async with self._storage() as work:
            due = await work.outbox.due(self._clock(), 1)
            for message_id, _, _ in due:
                await work.outbox.take(message_id, self._clock() + SENDING)
            await work.commit()
        return due[0] if due else None

    async def _finish(self, message_id: str, tries: int, *, sent: bool) -> None:
        pause = timedelta(seconds=min(5 * 2**tries, 4 * 3600))
        async with self._storage() as work:
            if sent or tries + 1 >= MOST_TRIES:
                await work.outbox.forget(message_id)
            else:
                await work.outbox.again(message_id, self._clock() + pause)
            await work.commit()
        if not sent:
            _log.warning("outbox:not-sent", message=message_id)

    async def _try(self, message_id: str, message: Message) -> bool:
        try:
            await self._sender.send(message_id, message)
        except (OSError, ValueError, LookupError):  # an address or a kind that the sender can do nothing with
            return False
        return True
