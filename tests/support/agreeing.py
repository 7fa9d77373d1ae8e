"""Parties that say whether they agree with a section: professionals over HTTP, families through the real pages."""

import re
from typing import Any

import httpx

from broker.cli.visitor import form_of
from tests.support.world import World

WAY = re.compile(r'utrecht-button--secondary-action" href="(/mine/sign-offs/[0-9a-f]{32})"')
WHO = {"by", "capacity", "organisation", "role", "agrees", "text", "version", "current"}


def signed(release: dict[str, Any], section: str) -> dict[str, Any]:
    """What leaves with one section of a release about who agrees."""
    return next(one["signOff"] for one in release["released"] if one["type"] == section)


def said(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Who said what, without the moment and the digest."""
    return [{name: value for name, value in one.items() if name in WHO} for one in found["said"]]


async def say(
    world: World, identity: str, release: str, digest: str, text: str | None = None, **more: Any
) -> httpx.Response:
    """A professional agrees, or with a text sees it differently."""
    body = {"digest": digest, "agrees": text is None, **({} if text is None else {"text": text}), **more}
    return await world.as_professional(identity, "POST", f"/v1/releases/{release}/sign-offs", body)


def ways(page: str) -> list[str]:
    """Where somebody can say whether they agree, from the page with what they said."""
    return list(dict.fromkeys(WAY.findall(page)))


async def choose(browser: httpx.AsyncClient, address: str, choice: str, text: str | None = None) -> httpx.Response:
    """Press one of the two, and when asked write and send; returns the page after it."""
    page = await browser.get(address)
    assert page.status_code == 200, page.text
    page = await browser.post(address, data={**form_of(page.text, address), "said": choice})
    if choice == "differently":
        assert page.status_code == 200, page.text
        page = await browser.post(address, data={**form_of(page.text, address), "text": text or ""})
    return page


async def agree(world: World, name: str, person: str, text: str | None = None) -> httpx.Response:
    """Come in with a code and say of the first text there is that one agrees, or with a text that not."""
    code = world.codes.get((name, person)) or await world.invite(name, person)
    async with world.browser() as browser:
        await world.come_in(browser, code)
        [address, *_] = ways((await browser.get("/mine")).text)
        return await choose(browser, address, "agree" if text is None else "differently", text)


async def read(world: World, name: str, oin: str | None = None) -> httpx.Response:
    """What the sender reads of who agrees."""
    path = f"/v1/handovers/{world.handovers[name]}/sign-offs"
    return await world.as_organisation(oin or world.sender(name), "GET", path)
