"""What may wait gives way to requests, and is done all the same."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from broker.services import following as module
from broker.services.following import Following
from broker.services.giving_way import LATE, LOOK, PATIENCE, GivingWay


class Loop:
    """Time that passes in pauses only; each ends so many seconds late, and the last for ever."""

    def __init__(self, late: Iterable[float]) -> None:
        self.late = list(late)
        self.now = 1000.0
        self.looks = 0

    async def sleep(self, seconds: float) -> None:
        self.looks += 1
        self.now += seconds + (self.late.pop(0) if len(self.late) > 1 else self.late[0])

    def giving_way(self) -> GivingWay:
        return GivingWay(self.sleep, lambda: self.now)


@pytest.mark.parametrize(("late", "looks"), [([0.0], 1), ([LATE / 2], 1), ([1.0, 0.0], 2), ([0.1, 0.1, 0.1, 0.0], 4)])
async def test_it_waits_for_the_first_quiet_moment(late: list[float], looks: int) -> None:
    loop = Loop(late)
    await loop.giving_way()()
    assert loop.looks == looks


@pytest.mark.parametrize("late", [2 * LATE, 0.5, 60.0])
async def test_however_busy_it_gets_its_turn(late: float) -> None:
    loop = Loop([late])
    began = loop.now
    await loop.giving_way()()
    assert PATIENCE <= loop.now - began < PATIENCE + LOOK + late + 0.001


async def test_followers_give_way_before_every_round_and_rest_when_all_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    found = iter([module.BATCH, module.BATCH, 3, 0])
    real = asyncio.sleep

    async def way() -> None:
        said.append("way")

    async def step() -> int:
        said.append(next(found))
        return int(said[-1])

    async def sleep(seconds: float) -> None:
        said.append(seconds)
        await real(0)
        if len(said) == 10:
            raise asyncio.CancelledError

    following = Following(None, (), give_way=way)  # type: ignore[arg-type] # no round is made
    monkeypatch.setattr(following, "step", step)
    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await following.run()
    assert said == ["way", module.BATCH, "way", module.BATCH, "way", 3, module.PAUSE, "way", 0, module.PAUSE]
