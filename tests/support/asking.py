"""A school that keeps an eye on how things go with Sander, who is seventeen and decides alone; asked over the API alone."""

import re
from datetime import timedelta
from typing import Any

import httpx

from broker.cli.visitor import form_of
from tests.support.world import World

CODE = re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b")
SANDER, BASE, TEAM = "sander", "sander-to-team", "00000099000000010000"


def follow_up(world: World) -> dict[str, Any]:
    """A handover for checking that things stay well, of a school with a neighbourhood team."""
    whole = world.body(BASE)
    whole |= {"purpose": "follow-up", "kind": "end-of-support", "consentUntil": "P12M"}
    whole["sections"][0]["type"] = "status"
    return whole


def path(world: World) -> str:
    """Where its watch is."""
    return f"/v1/handovers/{world.handovers[BASE]}/long-watch"


async def watch(world: World, every: str = "P1M", people: tuple[str, ...] = (SANDER,)) -> httpx.Response:
    """Begin or change it."""
    wanted = {"every": every, "people": list(people)}
    return await world.as_organisation(world.sender(BASE), "PUT", path(world), wanted)


async def a_month_later(world: World) -> int:
    """The next round after a month. Returns how many were asked."""
    world.clock.later("P1M")
    world.clock.moved += timedelta(days=1)
    return await world.broker.long_watches.ask_due()


async def codes(world: World) -> list[str]:
    """The codes of the questions, oldest first."""
    return [CODE.findall(one["text"])[-1] for one in await world.messages("check-in")]


async def asked(world: World, body: dict[str, Any] | None = None) -> str:
    """Pushed, watched, and asked for the first time. Returns the code."""
    await world.push(BASE, body or follow_up(world))
    answer = await watch(world)
    assert answer.status_code == 200, answer.text
    assert await a_month_later(world) >= 1
    return (await codes(world))[-1]


async def question(world: World) -> str:
    """The handover of the last question."""
    answer = await world.as_organisation(world.sender(BASE), "GET", path(world))
    assert answer.status_code == 200, answer.text
    [one] = answer.json()["people"]
    return str(one["handover"])


async def say(world: World, code: str, how: str = "well", words: str = "", yes: str = "yes") -> httpx.Response:
    """Answer on the pages; returns the page with the receipt."""
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        assert page.url.path == "/check-in", page.text
        page = await browser.post("/check-in", data={**form_of(page.text, "/check-in"), "how": how, "text": words})
        assert page.url.path == "/questions/1", page.text
        page = await browser.post("/questions/1", data={**form_of(page.text, "/questions/1"), "answer": yes})
        assert page.url.path == "/check", page.text
        return await browser.post("/check", data=form_of(page.text, "/check"))


async def read(world: World, handover: str, who: str = "pt-anneke") -> httpx.Response:
    """A family worker of the team asks for it."""
    return await world.as_professional(who, "POST", "/v1/releases", {"handover": handover, "purpose": "follow-up"})
