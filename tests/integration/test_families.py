"""Both families come out exactly as their files say, on both databases, over HTTP and the pages without scripts."""

import pytest

from tests.support.world import World


@pytest.mark.parametrize("name", ["visser-de-bruin", "chayenne"])
async def test_each_step_gets_exactly_what_the_file_says(world: World, name: str) -> None:
    asked = 0
    for number, step in enumerate(world.families[name]["steps"], 1):
        if "push" in step:
            await world.push(step["push"])
        elif "answer" in step:
            answer = step["answer"]
            await world.answer(answer["handover"], answer["who"], answer["says"])
        elif "withdraw" in step:
            withdrawal = step["withdraw"]
            await world.withdraw(withdrawal["handover"], withdrawal["who"], withdrawal["types"])
        elif "later" in step:
            world.clock.later(step["later"])
        else:
            ask = step["ask"]
            got = await world.gets(ask["handover"], ask["by"], ask["purpose"])
            assert got == sorted(step["gets"]), (number, step["because"])
            asked += 1
    assert asked >= 5
