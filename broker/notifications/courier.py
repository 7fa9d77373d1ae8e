"""Carries messages from the outbox to the sender: at least once, with growing pauses, never one that was not committed.

A message that cannot be delivered for a day is given up and its text forgotten.
"""

import asyncio
import contextlib
from datetime import timedelta

import structlog

from broker.domain.ports import Clock
from broker.domain.stores import Message, Storage
from broker.errors import BrokerError
from broker.notifications.senders import Sender

MOST_TRIES = 12
_log = structlog.get_logger(__name__)


class Courier:
    """Sends what is due."""

    def __init__(self, storage: Storage, sender: Sender, clock: Clock) -> None:
        self._storage = storage
        self._sender = sender
        self._clock = clock
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
                sent = 0
            if not sent:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(5.0):
                        await self._wake.wait()
            self._wake.clear()

    async def step(self) -> int:
        """Send a handful; returns how many were tried. Rows stay locked while they are being sent."""
        async with self._storage(writing=False) as work:
            if not await work.outbox.due(self._clock(), 1):
                return 0
        async with self._storage() as work:
            due = await work.outbox.due(self._clock(), 5)
            for message_id, message, tries in due:
                if await self._try(message_id, message):
                    await work.outbox.sent(message_id)
                else:
                    last = tries + 1 >= MOST_TRIES
                    pause = timedelta(seconds=min(5 * 2**tries, 4 * 3600))
                    await work.outbox.failed(message_id, None if last else self._clock() + pause)
            await work.commit()
        return len(due)

    async def _try(self, message_id: str, message: Message) -> bool:
        try:
            await self._sender.send(message_id, message)
        except OSError:
            _log.warning("outbox:not-sent", message=message_id, kind=message.kind)
            return False
        return True
