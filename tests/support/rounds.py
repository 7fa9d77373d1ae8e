"""The work that comes back every hour, as far as a test must know when it began."""

import asyncio

import sqlalchemy as sa

from broker.app import Broker
from broker.services.rounds import HOUR
from broker.storage import tables as t

ROUNDS = ("erasure", "reminders", "sampling", "motions")


async def first_rounds(broker: Broker, hour: int) -> None:
    """Wait until the rounds of the hour in which this broker started have begun: what they mark is no change of a test's."""
    hours = {hour, hour_of(broker)}
    marks = [broker.house.tags.code_tag("once", f"{name}:{at}") for name in ROUNDS for at in hours]
    begun = sa.select(sa.func.count()).where(t.guard_once.c.mark.in_(marks))
    async with asyncio.timeout(60):
        while True:
            async with broker.database.engine.connect() as connection:
                await connection.execution_options(writing=False)
                if (await connection.execute(begun)).scalar_one() >= len(ROUNDS):
                    return
            await asyncio.sleep(0.01)


def hour_of(broker: Broker) -> int:
    """The hour that rounds are marked with."""
    return int(broker.house.clock().timestamp()) // HOUR
