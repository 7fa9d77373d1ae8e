"""Every page of the console on a real broker, in both languages: an officer can read and use it; `make screenshots` keeps a picture."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.routing import iter_route_contexts
from playwright.sync_api import Browser, Page

from broker.domain.review import REFUSALS
from tests.e2e.acting import DESK, check_page, opened, press, with_passkeys
from tests.e2e.test_every_page import opened_street
from tests.support.agreements import propose
from tests.support.devices_of_officers import second_device
from tests.support.quarters import CORRECTED, NO, PUSHED, STOPPED, YES, complete, happened, in_region, last_quarter
from tests.support.street import Street
from tests.support.world import World

TOM, FOSTER = "tom-to-school", "start-of-foster-care"
pytestmark = pytest.mark.screenshots
BY_LOGIN = {"/console/login/{}/return", "/console/signed-in", "/console/login-refused/{}"}
"""On the way to and from another site: seen in `test_officer_login.py`."""
FILES = {"/console/indicators/{}/file"}
"""What is answered with a file and never with a page."""


async def a_story(world: World) -> None:
    """A quarter that is over; requests that were given, partly given and refused; a doubt; another agreement that is proposed."""
    await a_quarter(world)
    body = world.body(TOM)
    father, tom = body["people"][2], body["people"][0]
    tom["contacts"] = [{"channel": "sms", "value": "+31600000011"}]  # his mother's as well: a doubt
    assert father["key"] == "father"
    await world.push(TOM, body)
    await world.push(FOSTER, world.body(FOSTER) | {"urgency": "PT48H"})
    for _ in range(3):
        await world.ask(TOM, "ib-joris")
    await world.everybody_says_yes(TOM)
    await world.everybody_says_yes(FOSTER)
    await world.ask(FOSTER, "hoop-eva")
    await world.withdraw(FOSTER, "mother", ["timeline"])
    await world.ask(FOSTER, "hoop-eva")
    for _ in range(REFUSALS):
        await world.ask(FOSTER, "sg-karin")
    await propose(world)
    await world.settle()


async def a_quarter(world: World) -> None:
    """Enough to show most of it, and too little of one kind."""
    every = ("00000099000000010000", "00000099000000020000", "00000099000000110000", "00000099000000120000")
    await in_region(world, dict(zip(every, ("Utrecht", "Utrecht", "Dordrecht", "Dordrecht"), strict=True)))
    usual = (YES, NO, STOPPED, CORRECTED, complete(0), complete(5), complete(9), complete(40))
    kinds = {"referral": 8, "feedback-to-school": 6, "inform-gp": 3}
    many = [(one, kind, PUSHED, number) for one in every for kind, number in kinds.items()]
    many += [(one, kind, what, 7) for one in every for kind in kinds for what in usual]
    await happened(world, last_quarter(world), [*many, (every[0], "move", PUSHED, 1)])


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    with opened_street(tmp_path_factory.mktemp("street"), sqlite_template, world_keys) as opened:
        opened.do(a_story(opened.world))
        yield opened


async def _child(world: World) -> str:
    """The number of somebody about whom something was read."""
    return next(p for p in world.body(FOSTER)["people"] if p["key"] == "chayenne")["identifiers"][0]["value"]


def _ask_report(page: Page, number: str) -> None:
    page.fill("#identifier", number)
    press(page, "main form .utrecht-button")


def _ask_breach(page: Page, _: str) -> None:
    page.check("input[value=organisation]")
    page.select_option("#organisation", index=2)
    page.fill("#first-day", "2020-01-01")
    press(page, "main form .utrecht-button")


def walk(page: Page, street: Street) -> Iterator[str]:
    """Through all of it, from an invitation on."""
    yield from _come_in(page, street)
    yield from _look_at_lines(page, street)
    yield from _ask_about_people(page, street)
    yield from _review(page, street)
    yield from _look_at_the_agreement(page, street)
    yield from _check(page, street)
    yield from walk_in_pairs(page, street)
    page.goto(f"{street.url}/console/disclosures/none")
    yield "not-there"


def _come_in(page: Page, street: Street) -> Iterator[str]:
    code = street.do(street.world.broker.oversight.invite("Privacy officer"))
    page.goto(f"{street.url}/console")
    yield "sign-in"
    page.goto(f"{street.url}/console/invitation#{code}")
    yield "invitation"
    press(page, "main .rd-wide")
    yield "passkey"
    page.click("[data-passkey]")
    page.wait_for_url("**/console/start")
    yield "start"


def _look_at_lines(page: Page, street: Street) -> Iterator[str]:
    press(page, "nav a[href='/console/disclosures']")
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
    page.goto(f"{street.url}/console/disclosures")
    for pressed, name in (("fold", "lines-of-a-row"), ("reader", "by-professional"), ("subject", "by-person")):
        press(page, f"tbody button[name='{pressed}']")
        yield name
    for place, pressed in (("days", "last_day"), ("organisations", "organisation")):
        press(page, f"nav a[href='/console/{place}']")
        yield place
        press(page, f"tbody button[name='{pressed}']")
        yield f"{place}-opened"


def _ask_about_people(page: Page, street: Street) -> Iterator[str]:
    subject = street.do(_child(street.world))
    for place, fill in (("report", _ask_report), ("breach", _ask_breach)):
        press(page, f"nav a[href='/console/{place}']")
        yield place
        fill(page, subject)
        yield f"{place}-made"
    press(page, "form[action='/console/breach/notice'] button")
    yield "breach-notice"


def _review(page: Page, street: Street) -> Iterator[str]:
    page.goto(f"{street.url}/console/review")
    yield "review"
    yield from an_item(page)
    press(page, "nav a[href='/console/queue']")
    yield "queue"
    press(page, "tbody a")
    yield "matter"
    press(page, "nav a[href='/console/urgent']")
    yield "urgent"


def _look_at_the_agreement(page: Page, street: Street) -> Iterator[str]:
    press(page, "nav a[href='/console/agreement']")
    yield "agreement"
    press(page, "main a[href^='/console/agreement/']")
    yield "proposal"
    press(page, "main a[href$='/effect']")
    yield "effect"
    press(page, "nav a[href='/console/overview']")
    yield "overview"


def _check(page: Page, street: Street) -> Iterator[str]:
    press(page, "nav a[href='/console/log']")
    yield "log"
    press(page, "main form button")
    yield "log-checked"
    press(page, "nav a[href='/console/files']")
    yield "files"
    press(page, "nav a[href='/console/watchers']")
    yield "watchers"
    press(page, "main form button[name=officer]")
    yield "watchers-of-one"
    page.goto(f"{street.url}/console/pictures")
    yield "pictures"
    page.locator("main summary").first.click()
    yield "pictures-table"
    for period in ("weeks", "months", "days"):
        press(page, f"main a[href='/console/pictures/{period}']")
        yield f"pictures-{period}"
    press(page, "nav a[href='/console/indicators']")
    yield "indicators"
    for table in page.locator("main summary").all()[:4]:
        table.click()
    yield "indicators-tables"
    press(page, "main nav a[href^='/console/indicators/']")
    yield "indicators-of-a-quarter"


def _template_of(path: str) -> str:
    """An address with a hole for each id."""
    path = re.sub(
        r"(?<=/indicators/)[0-9]{4}-Q[1-4]|[0-9a-f]{32}-\d+|[0-9a-f]{8}-[0-9a-f-]{27,}|(?<=/pictures/)[a-z]+",
        "{}",
        path,
    )
    return re.sub(r"(/console/confirm)/[^/]+/[^/]+", r"\1/{}/{}", path)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_an_officer_can_read_every_page(
    lived_in: Street, browser: Browser, picture: Callable[..., None], language: str
) -> None:
    visited = set()
    with opened(browser, language, DESK) as page:
        with_passkeys(page)
        for name in walk(page, lived_in):
            visited.add(_template_of(page.url.removeprefix(lived_in.url).partition("#")[0]))
            check_page(page, name, language)
            picture(page, f"console-{name}-{language}")
    there = {
        re.sub(r"\{\w+\}", "{}", str(context.path))
        for context in iter_route_contexts(lived_in.world.app.routes)
        if "GET" in (context.methods or ()) and str(context.path).startswith("/console")
    }
    assert there - visited == BY_LOGIN | FILES


def an_item(page: Page) -> Iterator[str]:
    """One item of the review: without a note it is not signed off, with one it is."""
    press(page, "tbody a")
    yield "review-item"
    page.fill("#note", " ")
    press(page, "main form[action*='/review/'] button")
    yield "review-item-refused"
    page.fill("#note", "Gebeld met de school.")
    press(page, "main form[action*='/review/'] button")
    yield "review-item-signed-off"


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
    page.select_option("#organisation", index=1)
    page.fill("#reason", "Een lek.")
    press(page, "button[value=suspend]")
    yield "motion"
    press(page, "main a[href='/console/motions']")
    yield "motions"
    yield from _names(page, street)


def _names(page: Page, street: Street) -> Iterator[str]:
    """What is proposed of a breach; another confirms it, and the file can be taken."""
    page.goto(f"{street.url}/console/breach")
    _ask_breach(page, "")
    yield "breach-to-be-told"
    press(page, "main a[href='/console/confirm/names/breach']")
    yield "confirm-names"
    page.click("[data-passkey]")
    page.wait_for_url("**/console/breach")
    _ask_breach(page, "")
    page.fill("#reason", "Een lek.")
    press(page, "form[action='/console/breach/names'] button")
    yield "names-proposed"
    motion = page.url.rpartition("/")[2]
    _second_elsewhere(page, street, motion)
    page.reload()
    yield "names-decided"
    press(page, "main a[href^='/console/confirm/names/']")
    page.click("[data-passkey]")
    page.wait_for_url(f"**/console/motions/{motion}")
    yield "names-confirmed"
    with page.expect_download() as saved:
        page.click("form[action$='/names'] button")
    assert motion in saved.value.suggested_filename


def _second_elsewhere(page: Page, street: Street, motion: str) -> None:
    """Another officer, in a browser of their own."""
    browser = page.context.browser
    assert browser is not None
    with opened(browser, "nl", DESK) as other:
        with_passkeys(other)
        for _ in _come_in(other, street):
            pass
        street.do(second_device(street.world, street.do(_newest_officer(street.world))))
        other.goto(f"{street.url}/console/motions/{motion}")
        other.click("[data-passkey]")
        other.locator("[data-passkey]").wait_for(state="detached")


async def _newest_officer(world: World) -> str:
    async with world.broker.house.storage(writing=False) as work:
        return str((await work.officers.all())[-1].id)
