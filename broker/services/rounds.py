"""Work that comes back every hour, and is done once by any number of brokers on one database.

The hour is a mark in the database: whoever sets it does the round. What breaks off is an alarm, and is tried again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import structlog

from broker.errors import BrokerError
from broker.services.house import House

HOUR = 3600
SOON = 60
"""Seconds until a round that broke off is tried again; whose mark was set already, waits for the next hour."""
_log = structlog.get_logger(__name__)


async def every_hour(name: str, round_of: Callable[[], Awaitable[object]]) -> None:
    """Do a round now and every hour until cancelled; an error of ours is logged under the name, and tried again soon."""
    while True:
        try:
            await round_of()
        except BrokerError as error:
            _log.error(f"{name}:broke-off", code=error.code)
            await asyncio.sleep(SOON)
            continue
        await asyncio.sleep(HOUR)


async def is_ours(house: House, name: str, now: datetime) -> bool:
    """Whether the round of this hour falls to this broker: no other one began it."""
    async with house.storage() as work:
        ours = await work.guards.once(f"{name}:{int(now.timestamp()) // HOUR}", now + timedelta(days=1))
        await work.commit()
    return ours
