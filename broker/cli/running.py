"""One use case from the command line: a broker is put together, used once, and closed."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from broker.app import build, prepare_database
from broker.errors import BrokerError
from broker.settings import read_settings
from broker.whole import Broker

_Result = TypeVar("_Result")


def use(work: Callable[[Broker], Awaitable[_Result]]) -> _Result:
    """Run one use case with the settings of the environment."""
    settings = read_settings()
    prepare_database(settings)

    async def once() -> _Result:
        broker = build(settings, patience=0)
        try:
            with contextlib.suppress(BrokerError):  # what needs it will say so; a repair must not
                await broker.agreements.know()
            return await work(broker)
        finally:
            await broker.database.close()

    return asyncio.run(once())
