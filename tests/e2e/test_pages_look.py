"""The pages as people meet them: what an officer sees, and how a family presses, types and goes wrong.

Every page of a family, and what all of them must be, is in `test_every_page`.
"""

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

from broker.web import Site, install_web
from broker.web.kit.assets import FOLDER
from tests.e2e.acting import DESK, PHONE, check_frame, check_page, opened, press, with_passkeys
from tests.e2e.looking import Eyes
from tests.unit.web.fake_checks import BROKEN, RUNNING
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fakes import FakeFamily, openapi
from tests.unit.web.family_words import CODE

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
    install_web(
        app, served.family, console_services(served.console), Site(url, secure=False, demo=True, openapi=openapi)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield served
    server.should_exit = True
    thread.join(5)
    socket.close()


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
    page.goto(f"{served.url}/console/overview")
    look("console-overview")
    page.goto(f"{served.url}/console/queue")
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
    page.goto(f"{served.url}/console/files")
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
    served.console.found = BROKEN
    press(page, "main form button")
    look("console-log-broken")
    served.console.checks = replace(served.console.checks, running=RUNNING)
    page.goto(f"{served.url}/console/log")
    look("console-log-running")
    page.goto(f"{served.url}/console/watchers")
    look("console-watchers")
    page.goto(f"{served.url}/console/pictures")
    look("console-pictures")
    for summary in page.locator("main summary").all():
        summary.click()
    look("console-pictures-tables")


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_officer_can_read_and_use_every_page(browser: Browser, served: Served, language: str) -> None:
    css = sum(len(gzip.compress(path.read_bytes())) for path in FOLDER.glob("*.css"))
    scripts = sum(len(gzip.compress(path.read_bytes())) for path in FOLDER.glob("*.js"))
    looked = []
    with opened(browser, language, DESK) as page:
        eyes = Eyes(page, language)

        def look(name: str) -> None:
            check_page(page, name, language)
            page.set_viewport_size(PHONE)  # type: ignore[arg-type]
            check_frame(page, f"{name}, on a phone", language)
            page.set_viewport_size(DESK)  # type: ignore[arg-type]
            weight = css + scripts + len(gzip.compress(page.content().encode()))
            assert weight <= LIMIT, f"{name}: {weight} bytes"
            if language == LANGUAGES[0]:
                eyes.dark(name)
            looked.append(name)

        tour_of_the_console(page, served, look)
        page.goto(f"{served.url}/docs")
        look("docs")
        assert eyes.complaints == []
    assert len(looked) >= 13


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
        page.wait_for_url("**/console/start")
        made = json.loads(next(call for call in served.console.calls if call[0] == "register")[1])
        assert set(made["response"]) >= {"clientDataJSON", "attestationObject"}
        press(page, "footer button")
        page.click("[data-passkey=get]")
        page.wait_for_url("**/console/start")
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
