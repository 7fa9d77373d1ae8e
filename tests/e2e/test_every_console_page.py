"""Every page of the console on a real broker, in both languages: an officer can read and use it; `make screenshots` keeps a picture."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Browser, Page

from tests.e2e.acting import DESK, check_page, opened, press, with_passkeys
from tests.e2e.test_every_page import opened_street
from tests.support.agreements import propose
from tests.support.devices_of_officers import second_device
from tests.support.street import Street
from tests.support.world import World

TOM, FOSTER = "tom-to-school", "start-of-foster-care"
pytestmark = pytest.mark.screenshots


async def a_story(world: World) -> None:
    """Requests that were given, partly given and refused; a doubt; another agreement that is proposed."""
    body = world.body(TOM)
    father, tom = body["people"][2], body["people"][0]
    tom["contacts"] = [{"channel": "sms", "value": "+31600000011"}]  # his mother's as well: a doubt
    assert father["key"] == "father"
    await world.push(TOM, body)
    await world.push(FOSTER)
    await world.ask(TOM, "ib-joris")
    await world.everybody_says_yes(TOM)
    await world.everybody_says_yes(FOSTER)
    await world.ask(FOSTER, "hoop-eva")
    await world.withdraw(FOSTER, "mother", ["timeline"])
    await world.ask(FOSTER, "hoop-eva")
    await world.ask(FOSTER, "sg-karin")
    await propose(world)
    await world.settle()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    with opened_street(tmp_path_factory.mktemp("street"), sqlite_template, world_keys) as opened:
        opened.do(a_story(opened.world))
        yield opened


def walk(page: Page, street: Street) -> Iterator[str]:
    """Through all of it, from an invitation on."""
    code = street.do(street.world.broker.oversight.invite("Privacy officer"))
    page.goto(f"{street.url}/console")
    yield "sign-in"
    page.goto(f"{street.url}/console/invitation#{code}")
    yield "invitation"
    press(page, "main .rd-wide")
    yield "passkey"
    page.click("[data-passkey]")
    page.wait_for_url("**/console/disclosures")
    yield "disclosures"
    for outcome in ("denied", "partly", "permitted", "other"):
        page.goto(f"{street.url}/console/disclosures")
        page.select_option("#outcome", outcome)
        press(page, ".rd-filter button")
        yield f"searched-{outcome}"
        press(page, "tbody time >> xpath=..")
        yield f"entry-{outcome}"
        if outcome == "partly":
            press(page, "main a[href$='/rules']")
            yield "rules"
    for place in ("overview", "queue", "files", "agreement", "log"):
        page.goto(f"{street.url}/console/{place}")
        yield place
        if place == "queue":
            press(page, "tbody a")
            yield "matter"
        if place == "agreement":
            press(page, "main a[href^='/console/agreement/']")
            yield "proposal"
            press(page, "main a[href$='/effect']")
            yield "effect"
        if place == "log":
            press(page, "main form button")
            yield "log-checked"
    yield from walk_in_pairs(page, street)
    page.goto(f"{street.url}/console/disclosures/none")
    yield "not-there"


def walk_in_pairs(page: Page, street: Street) -> Iterator[str]:
    """A second passkey, and what is proposed to another officer."""
    press(page, "footer a[href='/console/own']")
    yield "own"
    press(page, "main a[href^='/console/confirm/']")
    yield "confirm"
    page.click("[data-passkey]")
    page.wait_for_url("**/console/own")
    yield "own-confirmed"
    officer = street.do(_newest_officer(street.world))
    street.do(second_device(street.world, officer))
    for place in ("officers", "partners"):
        page.goto(f"{street.url}/console/{place}")
        yield place
    press(page, "main a[href^='/console/confirm/']")
    page.click("[data-passkey]")
    page.wait_for_url("**/console/partners")
    page.fill("#reason", "Een lek.")
    press(page, "button[value=suspend]")
    yield "motion"
    press(page, "main a[href='/console/motions']")
    yield "motions"


async def _newest_officer(world: World) -> str:
    async with world.broker.house.storage(writing=False) as work:
        return str((await work.officers.all())[-1].id)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_officer_can_read_every_page(
    lived_in: Street, browser: Browser, picture: Callable[..., None], language: str
) -> None:
    visited = set()
    with opened(browser, language, DESK) as page:
        with_passkeys(page)
        for name in walk(page, lived_in):
            at = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27,}", "{}", page.url.removeprefix(lived_in.url).split("#")[0])
            visited.add(re.sub(r"(/console/confirm)/[^/]+/[^/]+", r"\1/{}/{}", at))
            check_page(page, name, language)
            picture(page, f"console-{name}-{language}")
    there = {
        re.sub(r"\{\w+\}", "{}", str(context.path))
        for context in iter_route_contexts(lived_in.world.app.routes)
        if "GET" in (context.methods or ()) and str(context.path).startswith("/console")
    }
    assert there - visited == set()
