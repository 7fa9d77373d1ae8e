"""Rounds are paced: many are served by one, whoever waits is served soon, and nobody is forgotten."""

import asyncio

import pytest

from broker.transparency import pace as module
from broker.transparency.pace import Pace

LONG = 3600.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", LONG)


async def resting(pace: Pace, pause: float, hurried: float) -> "asyncio.Task[None]":
    task = asyncio.create_task(pace.rest(pause, hurried))
    for _ in range(5):
        await asyncio.sleep(0)
    return task


async def ended(task: "asyncio.Task[None]") -> None:
    async with asyncio.timeout(5):
        await task


async def test_nobody_calls_and_a_round_comes_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE", 0.01)
    pace = Pace()
    pace.begin()
    await ended(await resting(pace, LONG, LONG))


async def test_a_call_is_waited_for_and_then_those_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace()
    pace.begin()
    task = await resting(pace, 0.01, LONG)
    assert not task.done()
    pace.wake()
    await ended(task)


async def test_a_call_in_the_middle_of_a_round_is_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    pace = Pace()
    pace.begin()
    pace.wake()
    await ended(await resting(pace, 0.01, LONG))
    pace.begin()
    task = await resting(pace, 0.0, 0.0)
    assert not task.done(), "the round that began served it"
    task.cancel()


async def test_who_waits_after_idleness_is_served_at_once() -> None:
    pace = Pace(lambda: now)
    now = 0.0
    pace.begin()
    now = 100.0
    task = await resting(pace, LONG, 50.0)
    pace.wake(hurry=True)
    await ended(task)


async def test_who_waits_ends_the_pause_that_began_for_somebody_who_does_not() -> None:
    pace = Pace(lambda: now)
    now = 0.0
    pace.begin()
    now = 100.0
    task = await resting(pace, LONG, 50.0)
    pace.wake()
    for _ in range(5):
        await asyncio.sleep(0)
    assert not task.done()
    pace.wake(hurry=True)
    await ended(task)


async def test_many_who_wait_share_rounds_too(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await real(0)

    pace = Pace(lambda: now)
    now = 100.0
    pace.begin()
    now = 100.25
    pace.wake(hurry=True)
    monkeypatch.setattr(module.asyncio, "sleep", sleep)
    await pace.rest(LONG, 1.0)
    assert slept == [0.75], "not before a whole `hurried` after the last one began"
