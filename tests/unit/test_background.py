"""What works in the background in a process of its own is rung by those that answer, and nothing that is rung is lost."""

import asyncio
from collections import Counter
from functools import partial

from broker.background import ENTRY, HURRY, MESSAGE, Bell, end, heed, pass_on
from broker.transparency.pace import Pace


async def test_whoever_heeds_hears_everything_that_was_rung_before_and_since() -> None:
    bell, heard, enough = Bell(), Counter[bytes](), asyncio.Event()

    def kick(what: bytes) -> None:
        heard[what] += 1
        if set(heard) == {ENTRY, HURRY, MESSAGE}:
            enough.set()

    try:
        bell.ring(ENTRY)  # nobody listens yet
        task = asyncio.create_task(heed(bell, {what: partial(kick, what) for what in (ENTRY, HURRY, MESSAGE)}))
        await asyncio.sleep(0)
        bell.ring(MESSAGE)
        bell.ring(HURRY)
        async with asyncio.timeout(5):
            await enough.wait()
        await end([task])
    finally:
        bell.close()


async def test_a_full_pipe_holds_nobody_up_and_is_heard() -> None:
    bell = Bell()
    try:
        for _ in range(200_000):  # more than any pipe holds
            bell.ring(ENTRY)
        async with asyncio.timeout(5):
            assert await bell.heard() == {ENTRY}
    finally:
        bell.close()


async def test_who_hears_nobody_waits_and_can_be_told_to_end() -> None:
    bell = Bell()
    try:
        task = asyncio.create_task(heed(bell, {}))
        await asyncio.sleep(0)
        assert not task.done()
        async with asyncio.timeout(5):
            await end([task])
        assert task.cancelled()
    finally:
        bell.close()


async def test_calls_are_passed_on_each_with_its_hurry() -> None:
    bell, pace = Bell(), Pace()
    try:
        task = asyncio.create_task(pass_on(bell, pace.called, lambda hurried: HURRY if hurried else ENTRY))
        async with asyncio.timeout(5):
            pace.wake()
            assert await bell.heard() == {ENTRY}
            pace.wake(hurry=True)
            assert await bell.heard() == {HURRY}
            pace.wake()
            assert await bell.heard() == {ENTRY}
            await end([task])
    finally:
        bell.close()
