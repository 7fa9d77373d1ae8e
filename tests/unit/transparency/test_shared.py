"""A look that is shared began after everybody asked who is served by it; and whoever leaves takes nobody along."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Tampered
from broker.transparency.shared import Shared


class Calls:
    """Calls that end when they are told to; `began` counts them."""

    def __init__(self) -> None:
        self.began = 0
        self.at_once = 0
        self.most_at_once = 0
        self.ends: list[asyncio.Future[None]] = []

    async def __call__(self) -> None:
        self.began += 1
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.ends.append(asyncio.get_running_loop().create_future())
        try:
            await self.ends[-1]
        finally:
            self.at_once -= 1


async def turns(count: int = 5) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_who_asks_while_a_call_is_under_way_gets_the_next_one():
    calls = Calls()
    shared = Shared(calls)
    first = asyncio.create_task(shared())
    await turns()
    late = [asyncio.create_task(shared()) for _ in range(3)]
    await turns()
    assert calls.began == 1
    calls.ends[0].set_result(None)
    await turns()
    assert first.done()
    assert not any(one.done() for one in late), "that call began before they asked"
    assert calls.began == 2
    calls.ends[1].set_result(None)
    await asyncio.gather(*late)
    assert (calls.began, calls.most_at_once) == (2, 1)


async def test_who_asks_at_the_same_time_shares_one_call():
    calls = Calls()
    shared = Shared(calls)
    asked = [asyncio.create_task(shared()) for _ in range(10)]
    await turns()
    calls.ends[0].set_result(None)
    await asyncio.gather(*asked)
    assert calls.began == 1


async def test_an_error_is_everybodys_and_the_next_call_is_made_anew():
    calls = Calls()
    shared = Shared(calls)
    asked = [asyncio.create_task(shared()) for _ in range(2)]
    await turns()
    calls.ends[0].set_exception(Tampered())
    for one in asked:
        with pytest.raises(Tampered):
            await one
    again = asyncio.create_task(shared())
    await turns()
    calls.ends[1].set_result(None)
    await again


async def test_whoever_stops_waiting_stops_nobody_else():
    calls = Calls()
    shared = Shared(calls)
    leaves, stays = (asyncio.create_task(shared()) for _ in range(2))
    await turns()
    leaves.cancel()
    await turns()
    assert not stays.done()
    calls.ends[0].set_result(None)
    await stays
    assert leaves.cancelled()


@given(st.lists(st.sampled_from(["ask", "end", "fail", "leave", "turn"]), max_size=40))
def test_in_whatever_order_nobody_is_served_by_a_call_that_began_before_they_asked(steps):
    async def play() -> None:
        calls = Calls()
        shared = Shared(calls)
        asked: list[tuple[asyncio.Task[None], int]] = []
        served: list[tuple[int, int]] = []

        async def one(began: int) -> None:
            try:
                await shared()
            finally:
                served.append((began, sum(end.done() for end in calls.ends)))

        for step in [*steps, *["turn", "end"] * (len(steps) + 2)]:
            if step == "ask":
                asked.append((asyncio.create_task(one(calls.began)), calls.began))
                await asyncio.sleep(0)
            elif step == "leave" and asked:
                asked[-1][0].cancel()
            elif step == "turn":
                await turns()
            elif calls.ends and not calls.ends[-1].done():
                if step == "end":
                    calls.ends[-1].set_result(None)
                elif step == "fail":
                    calls.ends[-1].set_exception(Tampered())
        await turns()
        results = await asyncio.gather(*(task for task, _ in asked), return_exceptions=True)
        left = sum(isinstance(result, asyncio.CancelledError) for result in results)
        assert calls.most_at_once <= 1
        assert sum(ended > began for began, ended in served) >= len(asked) - left

    asyncio.run(play())
