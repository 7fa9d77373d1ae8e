"""Carries events to organisations' webhooks: at least once, signed, with growing pauses, never one that was not committed.

- No transaction is open while a partner takes its time: a delivery is first taken, for a while, by this broker.
- A partner is sent a handful at a time, and the next when all of those ended: one that is slow holds up itself alone.
- Of an answer only the status and `Retry-After` are looked at; its body is neither read into anything nor kept.
- `webhook-timestamp` is the machine's own time: others hold it beside their clocks.
"""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import timedelta

import structlog

from broker.domain.cloud_events import cloud_event, signed
from broker.domain.outbound import Outside
from broker.domain.parties import Oin
from broker.domain.ports import Alarm, Clock, WebhookSignatures
from broker.domain.stores import Due, Storage
from broker.domain.webhooks import KEPT, outcome
from broker.errors import BrokerError, Tampered, Unavailable

AT_ONCE = 32
"""Requests under way, of one broker."""
HANDFUL = 4
"""Of these to one partner."""
LOOK_EVERY = 2.0
"""Seconds between two looks at what is due."""
SENDING = timedelta(minutes=2)
"""How long a delivery is left to the broker that took it; longer than a request can last (see `Outside`)."""
LARGEST_ANSWER = 16_384
_log = structlog.get_logger(__name__)


class WebhookCourier:
    """Sends what is due."""

    def __init__(
        self,
        storage: Storage,
        outside: Outside,
        signatures: WebhookSignatures,
        clock: Clock,
        machine: Clock,
        source: str,
        chance: Callable[[], float],
        alarm: Alarm = lambda *_: None,
    ) -> None:
        self._storage = storage
        self._outside = outside
        self._signatures = signatures
        self._clock = clock
        self._machine = machine
        self._source = source
        self._chance = chance
        self._alarm = alarm
        self._wake = asyncio.Event()
        self._taking = asyncio.Lock()
        self._under_way: dict[asyncio.Task[None], Oin] = {}

    def kick(self) -> None:
        """There may be something to send."""
        self._wake.set()

    async def called(self) -> None:
        """For a process in which nothing is sent: wait until somebody kicks."""
        await self._wake.wait()
        self._wake.clear()

    async def run(self) -> None:
        """Send until cancelled."""
        try:
            while True:
                if not await self._begin_safely():
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_EVERY):
                            await self._wake.wait()
                self._wake.clear()
        finally:
            tasks = list(self._under_way)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def step(self) -> int:
        """Send all that is due now, and wait until it ended; returns how many were tried."""
        tried = 0
        while True:
            waited_for = bool(self._under_way)  # whose partner could be sent more, once they ended
            tried += (begun := await self._begin())
            if self._under_way:
                await asyncio.wait(list(self._under_way), return_when=asyncio.FIRST_COMPLETED)
            elif not begun and not waited_for:
                return tried

    async def forget(self) -> None:
        """Let go of what waited too long."""
        async with self._storage() as work:
            await work.deliveries.forget(self._clock() - KEPT)
            await work.commit()

    async def _begin_safely(self) -> int:
        try:
            return await self._begin()
        except BrokerError as error:
            _log.error("webhooks:not-read", code=error.code)
            self._alarm(error, "webhooks")
            return 0

    async def _begin(self) -> int:
        """Take what may go, and send each on its own; returns how many."""
        async with self._taking:
            taken = await self._take()
            for due in taken:
                task = asyncio.create_task(self._deliver(due))
                self._under_way[task] = due.event.organisation
                task.add_done_callback(self._done)
        return len(taken)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._under_way.pop(task, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("webhooks:failed", exc_info=error)  # what was taken comes free after SENDING
        self._wake.set()

    async def _take(self) -> tuple[Due, ...]:
        room, busy = AT_ONCE - len(self._under_way), frozenset(self._under_way.values())
        if room <= 0 or not self._signatures.public_keys():
            return ()
        async with self._storage(writing=False) as work:
            if not await work.deliveries.due(self._clock(), busy, room, HANDFUL):
                return ()
        async with self._storage() as work:
            now = self._clock()
            taken = await work.deliveries.take(now, now + SENDING, busy, room, HANDFUL)
            await work.commit()
        return tuple(taken)

    async def _deliver(self, due: Due) -> None:
        status, headers = 0, {}
        if due.webhook.url is None:
            self._alarm(Tampered(), "webhooks")
        else:
            document = cloud_event(due.event, self._source)
            with contextlib.suppress(Unavailable):
                request = signed(due.webhook.url, document, self._signatures, self._machine())
                answered = await self._outside(request, LARGEST_ANSWER)
                status, headers = answered.status, dict(answered.headers)
        now = self._clock()
        came = outcome(due.tries, status, headers, now, self._chance())
        try:
            async with self._storage() as work:
                await work.deliveries.ended(due, came, now)
                await work.commit()
        except BrokerError as error:
            _log.error("webhooks:not-kept", code=error.code)
            self._alarm(error, "webhooks")
        if not came.arrived:
            _log.warning(
                "webhook:given-up" if came.again is None else "webhook:not-sent", message=due.event.id, status=status
            )
