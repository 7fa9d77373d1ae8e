"""A broker stops when it is told to, whatever it is doing."""

import asyncio
import time
from dataclasses import replace
from unittest.mock import patch

import pytest

from broker import background
from broker.errors import BrokerError, Unavailable
from broker.services.erasure import Erasure
from tests.support.world import World, build_broker, started_again


class Deaf(Erasure):
    """Takes the first cancellation for a database that does not answer, and goes on."""

    async def run(self) -> None:
        for _ in range(2):
            try:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    raise Unavailable from None
            except BrokerError:
                continue


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_does_not_hear_the_first_time_is_told_again(world: World) -> None:
    deaf = replace(build_broker(world.broker.settings, world.clock), erasure=Deaf(world.broker.house))
    with patch.object(background, "ASK_AGAIN", 0.1):
        async with asyncio.timeout(20), deaf.running():
            await asyncio.sleep(0)


@pytest.mark.parametrize("moment", [0, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.3])
async def test_it_stops_at_once_at_any_moment(world: World, moment: float) -> None:
    """Also in the first hour's rounds, which begin with the start."""
    async with world.broker.house.storage(writing=False) as reader:
        await reader.organisations.all()
        began = time.monotonic()
        async with asyncio.timeout(20), started_again(world):
            await asyncio.sleep(moment)
        assert time.monotonic() - began < moment + background.ASK_AGAIN + 5
