"""What the hard cases share: families and professionals who act over HTTP alone, and exactly what they are told."""

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import httpx

from broker.cli.visitor import Says, answered, form_of, forms_of
from broker.domain.calendar import AMSTERDAM
from tests.promises.attacks import Case, push
from tests.support.surface import told
from tests.support.world import World, today

All = tuple[int, bytes, list[tuple[str, str]]]
"""Everything that one answer tells: status, body, headers."""

NO_CONSENT = ("consent-not-complete", "Not everybody who must consent has said yes.")
NOTHING_RELEASED = "Nothing was released. Below is why, and what you can do."
NOT_YOURS = "This does not exist, or it is not meant for you."
TRY_AGAIN = "This does not work right now. Nothing was released. Try again later."


async def hand_over(
    world: World, name: str, change: Callable[[dict[str, Any]], object] | None = None, **more: Any
) -> Case:
    """Push one of the families' handovers as a family that nobody has seen before."""
    case = await push(world, name, change, **more)
    world.handovers[name] = case.handover.id
    return case


@contextlib.asynccontextmanager
async def at_home(world: World, name: str, person: str, says: Says | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """The browser of somebody who came in, and stays: answers with a new code, or without `says` looks back with the old."""
    code = world.codes[name, person] if says is None else await world.invite(name, person)
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        if says is not None:
            while page.url.path.startswith("/questions/"):
                page = await browser.post(page.url.path, data=answered(page.text, page.url.path, says))
            page = await browser.post("/check", data=form_of(page.text, "/check"))
            assert page.url.path.startswith("/receipt/"), page.text
        yield browser


async def looks(browser: httpx.AsyncClient) -> All:
    """All that the page with what somebody said tells: `/mine`."""
    return told(await browser.get("/mine"))


async def stop_form(browser: httpx.AsyncClient, section: str) -> dict[str, str]:
    """What is sent to stop one section type."""
    for address, fields, buttons in forms_of((await browser.get("/mine")).text):
        if address == "/mine/stop" and ("section", section) in buttons:
            return {**fields, "section": section}
    raise AssertionError(f"there is nothing to stop about {section}")


async def stop(browser: httpx.AsyncClient, section: str) -> httpx.Response:
    """Stop one section type; returns the receipt's page."""
    page = await browser.post("/mine/stop", data=await stop_form(browser, section))
    assert page.url.path.startswith("/receipt/"), page.text
    return page


def got(response: httpx.Response) -> list[str]:
    """What a professional got: the section types, sorted. Not for a refusal."""
    assert response.status_code == 200, response.text
    return sorted(section["type"] for section in response.json()["released"])


def withheld(response: httpx.Response) -> dict[str, tuple[str, str]]:
    """What was announced as not released: by section type, the code and its words."""
    found = {}
    for item in response.json()["withheld"]:
        [reason] = item["reasons"]
        found[item["type"]] = (reason["code"], reason["message"])
    return found


def assert_refused(response: httpx.Response, types: Iterable[str], reason: tuple[str, str] = NO_CONSENT) -> None:
    """Nothing at all was released, for this reason, said in exactly these words about these section types."""
    assert response.status_code == 403, response.text
    problem = response.json()
    assert problem["type"] == "urn:rondom:problem:release-denied"
    assert problem["detail"] == NOTHING_RELEASED
    assert set(problem) == {"type", "title", "status", "detail", "withheld"}
    assert withheld(response) == dict.fromkeys(types, reason)


def assert_not_yours(response: httpx.Response) -> None:
    """It does not exist, or it is for others."""
    assert (response.status_code, response.json()["detail"]) == (404, NOT_YOURS), response.text


def assert_try_again(response: httpx.Response) -> None:
    """Something does not work; nothing came out."""
    assert (response.status_code, response.json()["type"]) == (503, "urn:rondom:problem:unavailable"), response.text
    assert response.json()["detail"] == TRY_AGAIN
    assert set(response.json()) == {"type", "title", "status", "detail"}


async def events(world: World, oin: str) -> list[dict[str, Any]]:
    """What an organisation was told, oldest first."""
    response = await world.as_organisation(oin, "GET", "/v1/events")
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def signers(world: World, name: str) -> dict[str, str]:
    """What the sender sees of those who answer: that they did, never what."""
    path = f"/v1/handovers/{world.handovers[name]}"
    view = (await world.as_organisation(world.sender(name), "GET", path)).json()
    return {signer["person"]: signer["state"] for signer in view["signers"]}


def reasons(entry: Any) -> list[dict[str, Any]]:
    """What an officer may read of a decision, section by section."""
    found: list[dict[str, Any]] = json.loads(entry.personal["decision"][0])
    return found


async def last(world: World, kind: str) -> Any:
    """The newest entry of the log of one kind."""
    return next(entry for entry in await world.entries() if entry.type == kind)


def begins(day: date) -> datetime:
    """The first instant of a day in Europe/Amsterdam."""
    return datetime(day.year, day.month, day.day, tzinfo=AMSTERDAM)


def turning(years: int, person: str) -> tuple[date, Mapping[str, str]]:
    """A birthday in twenty days, inside every consent period, and the birth date that goes with it."""
    day = today() + timedelta(days=20)
    if (day.month, day.day) == (2, 29):
        day += timedelta(days=1)
    return day, {"key": person, "birthDate": day.replace(year=day.year - years).isoformat()}
