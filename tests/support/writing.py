"""Families that write about a section through the real pages, and their senders that read and answer over HTTP."""

import re
from typing import Any

import httpx

from broker.cli.visitor import form_of
from tests.support.world import World

ERASE = "erasure-request"
WAY = re.compile(r'href="(/mine/sections/[0-9a-f]{32}/([a-z-]+))">[^<]*<span class="rd-unseen">: ([^<]*)</span>')


def ways(world: World, page: str) -> dict[tuple[str, str], str]:
    """Where one can write from the page with what somebody said, by (section type, kind)."""
    types = world.broker.house.agreement().vocabulary.section_types
    by_label = {label: name for name, term in types.items() for label in (term.label.nl, term.label.en)}
    found = [way for way in WAY.findall(page) if way[1] != ERASE]
    return {(by_label[label], kind): address for address, kind, label in found}


def ways_to_erase(page: str) -> dict[str, str]:
    """Where one can ask to erase a whole handover, from the page with what somebody said; by what it is called."""
    return {label: address for address, kind, label in WAY.findall(page) if kind == ERASE}


async def ask_to_erase(world: World, name: str, person: str, text: str = "") -> str:
    """Come in with a code and ask to erase a handover; returns the reaction's id."""
    code = world.codes.get((name, person)) or await world.invite(name, person)
    async with world.browser() as browser:
        await world.come_in(browser, code)
        purpose = world.broker.house.agreement().vocabulary.label(world.body(name)["purpose"])
        found = ways_to_erase((await browser.get("/mine")).text).items()
        address = next(a for label, a in found if label.startswith((purpose.nl, purpose.en)))
        page = await browser.get(address)
        assert page.status_code == 200, page.text
        page = await browser.post(address, data={**form_of(page.text, address), "text": text})
        assert page.url.path.startswith("/mine/reactions/"), page.text
        return page.url.path.removeprefix("/mine/reactions/")


async def send(world: World, browser: httpx.AsyncClient, section: str, kind: str, text: str) -> httpx.Response:
    """Write and send, in a browser of somebody who came in; returns the page after it."""
    address = ways(world, (await browser.get("/mine")).text)[section, kind]
    page = await browser.get(address)
    assert page.status_code == 200, page.text
    return await browser.post(address, data={**form_of(page.text, address), "text": text})


async def write(world: World, name: str, person: str, section: str, text: str, kind: str = "correction-request") -> str:
    """Come in with a code and write; returns the reaction's id."""
    code = world.codes.get((name, person)) or await world.invite(name, person)
    async with world.browser() as browser:
        await world.come_in(browser, code)
        page = await send(world, browser, section, kind, text)
        assert page.url.path.startswith("/mine/reactions/"), page.text
        return page.url.path.removeprefix("/mine/reactions/")


async def read(world: World, name: str, oin: str | None = None) -> httpx.Response:
    """What the sender reads of what was written."""
    path = f"/v1/handovers/{world.handovers[name]}/reactions"
    return await world.as_organisation(oin or world.sender(name), "GET", path)


async def answer(
    world: World, name: str, reaction: str, outcome: str = "not-corrected", explanation: str = "Wij zagen het zo."
) -> httpx.Response:
    """The sender's answer."""
    path = f"/v1/handovers/{world.handovers[name]}/reactions/{reaction}/answer"
    body: dict[str, Any] = {"outcome": outcome, "explanation": explanation}
    return await world.as_organisation(world.sender(name), "POST", path, body)
