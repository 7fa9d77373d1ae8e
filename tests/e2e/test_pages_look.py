"""The pages as people meet them: a small phone, a desk, no scripts, a slow line, a screen reader."""

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from broker.domain.reactions import ReactionState
from broker.web import Site, install_web
from broker.web.kit.assets import FOLDER
from tests.e2e.acting import DESK, PHONE, check_page, opened, press, with_passkeys
from tests.unit.web.fakes import CODE, MINE_CODE, NOW, ONE_TIME, FakeConsole, FakeFamily, openapi

LANGUAGES = ("nl", "en")
LIMIT = 30_000
Look = Callable[[str], None]


@dataclass
class Served:
    """Our pages on a real port of this machine."""

    url: str
    family: FakeFamily
    console: FakeConsole


@pytest.fixture
def served() -> Iterator[Served]:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    config = uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off")
    server = uvicorn.Server(config)
    socket = config.bind_socket()
    url = f"http://localhost:{socket.getsockname()[1]}"
    served = Served(url, FakeFamily(), FakeConsole())
    install_web(app, served.family, served.console, Site(url, secure=False, demo=True, openapi=openapi))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield served
    server.should_exit = True
    thread.join(5)
    socket.close()


def tour_of_the_family(page: Page, served: Served, look: Look) -> None:
    """Through every page of the family, with every state that looks different."""
    family = served.family
    page.goto(served.url)
    look("start")
    page.fill("#code", "WRONG")
    press(page, "main .rd-wide")
    look("start-wrong")
    page.fill("#code", CODE)
    press(page, "main .rd-wide")
    look("contact")
    press(page, "button[name=contact]")
    look("one-time-code")
    page.fill("#code", "123456")
    press(page, "main .rd-wide")
    look("one-time-code-wrong")
    page.fill("#code", ONE_TIME)
    press(page, "main .rd-wide")
    look("question")
    press(page, "button[value=each]")
    look("recipients")
    page.check("#recipient-2-no")
    press(page, "main .rd-wide")
    look("recipients-missing")
    for choice in ("#recipient-1-yes", "#recipient-3-no"):
        page.check(choice)
    press(page, "main .rd-wide")
    press(page, "button[value=no]")
    page.goto(f"{served.url}/questions/2")
    look("question-again")
    page.goto(f"{served.url}/questions/3")
    press(page, "button[value=yes]")
    look("check")
    page.locator("summary").first.click()
    look("check-open")
    press(page, ".rd-answer .rd-wide")
    look("receipt")
    press(page, "main a.rd-wide")
    look("mine")
    family.logged = False
    press(page, "main a[href='/mine/proof']")
    look("proof-waits")
    family.logged = True
    press(page, "main a[href='/mine']")
    press(page, "a[href$='/correction-request']")
    look("own-words")
    page.fill("#text", "Er staat dinsdag.\n" * 150)
    press(page, "main .rd-wide")
    look("own-words-wrong")
    page.fill("#text", "Er staat dinsdag.\nHet was woensdag, op het Kindervaccinatieprogrammabureau.")
    press(page, "main .rd-wide")
    look("own-words-kept")
    answer = "Wij keken het na. Het was dinsdag."
    family.written = (replace(family.written[0], state=ReactionState.NOT_CORRECTED, answer=answer, answered_at=NOW),)
    press(page, "main a.rd-wide")
    look("mine-answered")
    press(page, "a[href$='/erasure-request']")
    look("ask-to-erase")
    press(page, "main .rd-wide")
    look("asked-to-erase")
    asked, erased = family.written[-1], ReactionState.ERASED
    family.written = (*family.written[:-1], replace(asked, state=erased, answer="Wij wisten alles.", answered_at=NOW))
    press(page, "main a.rd-wide")
    look("mine-erased")
    family.counts = False
    page.reload()
    look("mine-from-16")
    family.counts = True
    press(page, "a[href='/mine/1/recipients']")
    look("stop-for-one")
    page.locator("summary").first.click()
    look("stop-for-one-open")
    page.goto(f"{served.url}/mine")
    press(page, "button[name=messages][value=no]")
    look("mine-without-messages")
    press(page, "button[name=section]")
    look("stopped")
    page.goto(f"{served.url}/receipt/none")
    look("not-there")
    page.goto(f"{served.url}/mine")
    press(page, "footer button")
    look("signed-out")
    page.goto(served.url)
    page.fill("#code", MINE_CODE)
    press(page, "main .rd-wide")
    look("contact-again")
    page.goto(f"{served.url}/docs")
    look("docs")


def tour_of_the_console(page: Page, served: Served, look: Look) -> None:
    """Through every page of the officer."""
    page.goto(f"{served.url}/console")
    look("console-sign-in")
    page.goto(f"{served.url}/console/invitation")
    look("console-invitation")
    page.fill("#code", CODE)
    press(page, "main .rd-wide")
    look("console-passkey")
    served.console.visit()
    page.goto(f"{served.url}/console/disclosures")
    look("console-disclosures")
    page.fill("#identifier", "999990044")
    press(page, ".rd-filter button")
    look("console-search")
    page.fill("#identifier", "12")
    press(page, ".rd-filter button")
    look("console-unknown")
    page.fill("#first-day", "2026-09-02")
    page.fill("#last-day", "2026-09-01")
    press(page, ".rd-filter button")
    look("console-wrong")
    for entry in ("e3", "e2", "e1"):
        page.goto(f"{served.url}/console/disclosures/{entry}")
        look(f"console-entry-{entry}")
    press(page, "main a[href$='/rules']")
    look("console-rules")
    page.goto(f"{served.url}/console/disclosures/e3/rules")
    look("console-rules-erased")
    press(page, "nav a[href='/console/overview']")
    look("console-overview")
    press(page, "nav a[href='/console/queue']")
    look("console-queue")
    for matter in ("m1", "m3", "m4", "m6"):
        page.goto(f"{served.url}/console/queue/{matter}")
        look(f"console-matter-{matter}")
    page.goto(f"{served.url}/console/queue/m2")
    page.fill("#note", " ")
    press(page, "main form button[value=confirmed]")
    look("console-matter-wrong")
    page.fill("#note", "Het is het nummer van de collega die de vader begeleidt.")
    press(page, "main form button[value=confirmed]")
    look("console-matter-settled")
    press(page, "nav a[href='/console/files']")
    look("console-files")
    page.fill("#handover", "unknown")
    press(page, "main form .utrecht-button")
    look("console-files-wrong")
    press(page, "nav a[href='/console/agreement']")
    look("console-agreement")
    press(page, "main a[href='/console/agreement/p1']")
    look("console-proposal")
    press(page, "main a[href$='/effect']")
    look("console-effect")
    press(page, "nav a[href='/console/log']")
    look("console-log")
    press(page, "main form button")
    look("console-log-intact")
    served.console.intact = False
    press(page, "main form button")
    look("console-log-broken")


TOURS = (
    pytest.param(tour_of_the_family, PHONE, id="family"),
    pytest.param(tour_of_the_console, DESK, id="console"),
)
Tour = Callable[[Page, Served, Look], None]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("tour", "size"), TOURS)
def test_every_page_can_be_used_by_everybody(
    browser: Browser,
    served: Served,
    tour: Tour,
    size: dict[str, int],
    language: str,
) -> None:
    looked = []
    with opened(browser, language, size) as page:

        def look(name: str) -> None:
            check_page(page, name, language)
            looked.append(name)

        tour(page, served, look)
    assert len(looked) >= 13


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_family_needs_no_script(browser: Browser, served: Served, language: str) -> None:
    with opened(browser, language, PHONE, java_script_enabled=False) as page:
        tour_of_the_family(page, served, lambda name: expect(page.locator("h1")).to_have_count(1))
    assert [call[0] for call in served.family.calls].count("confirm") == 1


@pytest.mark.parametrize(("tour", "size"), TOURS)
def test_a_page_is_light(browser: Browser, served: Served, tour: Tour, size: dict[str, int]) -> None:
    css = len(gzip.compress((FOLDER / "rondom.css").read_bytes()))
    scripts = sum(len(gzip.compress(path.read_bytes())) for path in FOLDER.glob("*.js"))
    with opened(browser, "nl", size) as page:

        def look(name: str) -> None:
            weight = css + scripts + len(gzip.compress(page.content().encode()))
            assert weight <= LIMIT, f"{name}: {weight} bytes"

        tour(page, served, look)


@pytest.mark.parametrize("size", [{"width": 320, "height": 568}, {"width": 740, "height": 360}])
def test_long_names_do_not_push_the_page_sideways(browser: Browser, served: Served, size: dict[str, int]) -> None:
    served.family.person = "Maria-Magdalena-Wilhelmina-Frederika-Antonia"
    served.family.sender = "Jeugdgezondheidszorgsamenwerkingsverband Groningen-Noord"
    with opened(browser, "nl", size) as page:

        def look(name: str) -> None:
            assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name

        tour_of_the_family(page, served, look)


def test_yes_and_no_are_equally_large_and_look_alike(browser: Browser, served: Served) -> None:
    served.family.visit()
    with opened(browser, "nl", PHONE) as page:
        page.context.add_cookies([{"name": "rondom", "value": "family-token", "url": served.url}])
        page.goto(f"{served.url}/questions/1")
        yes, no = (page.locator(f"button[value={value}]") for value in ("yes", "no"))
        boxes = [box for box in (yes.bounding_box(), no.bounding_box()) if box]
        assert len(boxes) == 2
        assert boxes[0]["width"] == pytest.approx(boxes[1]["width"], abs=0.5)
        assert boxes[0]["height"] == boxes[1]["height"] >= 48
        assert boxes[0]["y"] == boxes[1]["y"]
        style = "element => { const s = getComputedStyle(element); return [s.color, s.backgroundColor, s.fontSize, s.borderColor] }"
        assert yes.evaluate(style) == no.evaluate(style)


def test_an_error_leads_to_its_choice_and_the_keyboard_makes_it(browser: Browser, served: Served) -> None:
    served.family.visit()
    with opened(browser, "nl", PHONE) as page:
        page.context.add_cookies([{"name": "rondom", "value": "family-token", "url": served.url}])
        page.goto(f"{served.url}/questions/1/recipients")
        expect(page.locator("input:checked")).to_have_count(0)
        press(page, "main .rd-wide")
        page.locator("[role=alert] a").nth(2).click()
        expect(page.locator("#recipient-3-yes")).to_be_focused()
        page.keyboard.press("ArrowRight")
        expect(page.locator("#recipient-3-no")).to_be_checked()
        for number in (1, 2):
            page.focus(f"#recipient-{number}-yes")
            page.keyboard.press("Space")
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{served.url}/questions/2")
    assert list(served.family.answers["timeline"].values()) == ["yes", "yes", "no"]  # type: ignore[union-attr]


def test_a_link_fills_the_code_in_and_presses_nothing(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE) as page:
        page.goto(f"{served.url}/#{CODE}")
        expect(page.locator("#code")).to_have_value(CODE)
        page.wait_for_timeout(200)
        assert served.family.calls == []
        page.goto(f"{served.url}/#<b>x</b>")
        expect(page.locator("#code")).to_have_value(CODE)
        page.click("header summary")
        press(page, "header button[value=en]")  # another language keeps the code
        expect(page.locator("#code")).to_have_value(CODE)
        expect(page.locator("html")).to_have_attribute("lang", "en")


def test_everything_can_be_done_with_the_keyboard(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE) as page:
        page.goto(served.url)
        page.keyboard.press("Tab")
        expect(page.locator(".rd-skip")).to_be_in_viewport()
        page.keyboard.press("Enter")
        expect(page.locator("#code")).to_have_value("")
        page.keyboard.press("Tab")
        expect(page.locator("#code")).to_be_focused()
        page.keyboard.type(CODE)
        page.keyboard.press("Enter")
        expect(page).to_have_url(f"{served.url}/contact")


def test_a_passkey_is_made_and_used(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", DESK) as page:
        with_passkeys(page)
        page.goto(f"{served.url}/console/invitation#{CODE}")
        press(page, "main .rd-wide")
        page.click("[data-passkey=create]")
        page.wait_for_url("**/console/disclosures")
        made = json.loads(next(call for call in served.console.calls if call[0] == "register")[1])
        assert set(made["response"]) >= {"clientDataJSON", "attestationObject"}
        press(page, "footer button")
        page.click("[data-passkey=get]")
        page.wait_for_url("**/console/disclosures")
        used = json.loads(next(call for call in served.console.calls if call[0] == "sign_in")[2])
        assert used["id"] == made["id"]
        assert set(used["response"]) >= {"clientDataJSON", "authenticatorData", "signature"}


def test_a_passkey_that_is_refused_is_told(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", DESK) as page:
        device = page.context.new_cdp_session(page)
        device.send("WebAuthn.enable")  # a device without any authenticator
        page.goto(f"{served.url}/console")
        page.evaluate(
            "void (navigator.credentials.get = () => Promise.reject(new DOMException('no', 'NotAllowedError')))"
        )
        page.click("[data-passkey=get]")
        expect(page.locator("#passkey-message")).to_have_text("De passkey is niet gebruikt. Probeer het opnieuw.")
        expect(page.locator("[data-passkey=get]")).to_be_enabled()
