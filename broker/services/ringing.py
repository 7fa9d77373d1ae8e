"""Alarms outlive the process that heard them: once a minute what rang is added to the counts of the day."""

import asyncio
from collections import Counter

import structlog

from broker.domain.calendar import local_day
from broker.errors import BrokerError
from broker.services.alarms import Alarms
from broker.services.house import House

PAUSE = 60.0
_log = structlog.get_logger(__name__)


class Ringing:
    """What one broker heard, kept where every officer sees it."""

    def __init__(self, house: House, alarms: Alarms) -> None:
        self._house = house
        self._alarms = alarms
        self._kept: Counter[str] = Counter()

    async def run(self) -> None:
        """Keep until cancelled; what could not be kept is tried again."""
        while True:
            await asyncio.sleep(PAUSE)
            try:
                await self.keep()
            except BrokerError as error:
                _log.error("ringing:not-kept", code=error.code)

    async def keep(self) -> None:
        """Keep what rang since the last time. Raises Unavailable, and then it waits."""
        counts = Counter(self._alarms.counts)
        new = counts - self._kept
        if not new:
            return
        async with self._house.storage() as work:
            await work.checks.ring(local_day(self._house.clock()), new)
            await work.commit()
        self._kept = counts
