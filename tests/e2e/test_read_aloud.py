"""Pages read aloud: exactly the words that are shown, in their order, by a voice of the device or a recording of ours."""

import hashlib
import threading
import time
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page, expect

from broker.domain.consents import Stance
from broker.web import Site, install_web
from broker.web.kit.recordings import Recordings
from tests.e2e.acting import PHONE, check_page, opened, press
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fakes import FakeFamily

VOICE = """(voices) => {
  const said = (window.said = []);
  let now = null;
  window.SpeechSynthesisUtterance = class { constructor(text) { this.text = text; } };
  const speech = {
    getVoices: () => voices,
    addEventListener: () => {},
    cancel: () => { now = null; },
    speak: (one) => {
      now = one;
      said.push({ text: one.text, lang: one.lang, voice: one.voice.name });
      if (window.mute) return;
      setTimeout(() => { if (now === one) one.onend(); }, 0);
    },
  };
  Object.defineProperty(window, "speechSynthesis", { value: speech });
}"""
DUTCH = '{ name: "Femke", lang: "nl-NL", localService: true }'
MARKED = """() => [...document.querySelectorAll("[data-aloud]")].filter((part) => part.getClientRects().length)
  .map((part) => part.textContent.replace(/\\s+/g, " ").trim())"""
NO_IS_FINE = "Nee zeggen mag."
LINE = "/mine/lifeline"


@dataclass
class Served:
    """Pages on a real port, with recordings in a folder, or without."""

    url: str
    family: FakeFamily
    folder: Path
    recorded: bool


def wav(path: Path, seconds: float = 0.2) -> bytes:
    """A small real recording of silence."""
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(b"\0\0" * int(8000 * seconds))
    return path.read_bytes()


def name_of(sentence: str) -> str:
    return hashlib.sha256(sentence.encode()).hexdigest()


@pytest.fixture(scope="module", params=[True, False], ids=["recordings", "no-recordings"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("audio")
    wav(folder / "nl" / f"{name_of(NO_IS_FINE)}.wav")
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error", ws="none", lifespan="off"))
    socket = server.config.bind_socket()
    url = f"http://localhost:{socket.getsockname()[1]}"
    served = Served(url, FakeFamily().visit(), folder, request.param)
    site = Site(url, secure=False, recordings=Recordings(folder if request.param else None))
    install_web(app, served.family, console_services(FakeConsole()), site)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield served
    server.should_exit = True
    thread.join(5)
    socket.close()


def come(
    page: Page, served: Served, path: str = "/questions/1", voices: str = f"[{DUTCH}]", mute: bool = False
) -> None:
    """Open a page of a family that has answered as far as that page needs."""
    family, after = served.family, path in ("/receipt/r1", "/mine", LINE)
    family.visit(purpose="mine" if after else "answer")
    family.answers, family.receipts = dict.fromkeys(family.types, "no"), {}
    family.said = dict.fromkeys(family.types, Stance.GIVEN) if after else {}
    if after:
        family._receipt(family.types)
    page.set_default_timeout(8_000)
    page.add_init_script(f"window.mute = {str(mute).lower()}; ({VOICE})({voices})")
    page.context.add_cookies([{"name": "rondom", "value": "family-token", "url": served.url}])
    if path == LINE:  # looking opens nothing: a press does
        page.goto(f"{served.url}/mine")
        press(page, f"form[action='{LINE}'] button")
    else:
        page.goto(served.url + path)


@pytest.mark.parametrize(
    "path", ["/questions/1", "/questions/1/recipients", "/check", "/receipt/r1", "/mine", "/mine/plan", LINE]
)
def test_what_is_said_is_what_is_shown_in_its_order(browser: Browser, served: Served, path: str) -> None:
    with opened(browser, "nl", PHONE) as page:
        come(page, served, path)
        page.evaluate(
            "void (window.said0 = window.said, HTMLMediaElement.prototype.play = function () {"
            " const part = [...document.querySelectorAll('[data-aloud^=\"/audio/\"]')].find((one) => this.src.endsWith(one.dataset.aloud));"
            " window.said.push({ text: part.textContent }); setTimeout(() => this.onended(), 0); return Promise.resolve(); })"
        )
        shown = page.evaluate(MARKED)
        page.get_by_role("button", name="Lees voor").click()
        expect(page.locator("#aloud [role=status]")).to_have_text("Alles is voorgelezen.")
        assert [one["text"] for one in page.evaluate("window.said")] == shown
        assert len(shown) >= 3
        assert (
            page.locator("h1").inner_text().split()
            == " ".join(shown).split()[: len(page.locator("h1").inner_text().split())]
        )
        assert {one.get("lang", "nl-NL") for one in page.evaluate("window.said")} == {"nl-NL"}
        expect(page.get_by_role("button", name="Lees voor")).to_be_visible()


def test_every_word_of_the_question_is_said(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE) as page:
        come(page, served)
        whole = page.evaluate(
            "() => [document.querySelector('h1'), ...document.querySelectorAll('.rd-notice p')].map((one) => one.textContent).join(' ')"
        )
        notice = page.evaluate(
            "() => [...document.querySelectorAll('h1 [data-aloud], .rd-notice [data-aloud]')].map((one) => one.textContent).join(' ')"
        )
        assert whole.split() == notice.split()


def test_without_a_voice_of_this_device_or_a_recording_there_is_no_button(browser: Browser, served: Served) -> None:
    far = '[{ name: "Far", lang: "nl-NL", localService: false }, { name: "Other", lang: "en-GB", localService: true }]'
    for voices in ("[]", far):
        with opened(browser, "nl", PHONE) as page:
            come(page, served, voices=voices)
            expect(page.locator("#aloud")).to_be_visible(visible=served.recorded)
            if served.recorded:
                expect(page.locator("#aloud")).to_contain_text("Niet alles kan worden voorgelezen.")


def test_without_scripts_there_is_no_button(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE, java_script_enabled=False) as page:
        page.context.add_cookies([{"name": "rondom", "value": "family-token", "url": served.url}])
        served.family.visit()
        page.goto(f"{served.url}/questions/1")
        expect(page.locator("#aloud")).to_be_hidden()


def test_it_pauses_goes_on_and_stops_with_the_keyboard_alone(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE) as page:
        come(page, served, mute=True)
        told, now = page.locator("#aloud [role=status]"), page.locator(".rd-said-now")
        page.locator("#aloud button").first.focus()
        page.keyboard.press("Enter")
        expect(now).to_have_count(1)
        expect(now).to_have_text(page.locator("h1 [data-aloud]").first.inner_text())
        check_page(page, "reading", "nl")
        expect(page.locator("#aloud button:focus")).to_have_text("Pauze")
        page.keyboard.press("Enter")
        expect(told).to_have_text("Het voorlezen staat stil.")
        expect(page.locator("#aloud button:focus")).to_have_text("Lees verder")
        page.keyboard.press("Enter")
        said = page.evaluate("window.said.map((one) => one.text)")
        assert said[0] == said[1], "it goes on with the sentence that it was in"
        page.keyboard.press("Tab")
        expect(page.locator("#aloud button:focus")).to_have_text("Stop met voorlezen")
        page.keyboard.press("Enter")
        expect(told).to_have_text("Het voorlezen is gestopt.")
        expect(now).to_have_count(0)
        expect(page.locator("#aloud button:focus")).to_have_text("Lees voor")
        page.keyboard.press("Enter")
        expect(now).to_have_count(1)
        page.keyboard.press("Escape")
        expect(now).to_have_count(0)


def test_it_stops_when_the_page_is_left(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE) as page:
        come(page, served, mute=True)
        page.get_by_role("button", name="Lees voor").click()
        page.evaluate(
            "window.cancelled = 0; const old = speechSynthesis.cancel; speechSynthesis.cancel = () => { cancelled += 1; old(); }"
        )
        page.evaluate(
            "Object.defineProperty(document, 'hidden', { value: true, configurable: true }); document.dispatchEvent(new Event('visibilitychange'))"
        )
        expect(page.locator(".rd-said-now")).to_have_count(0)
        assert page.evaluate("cancelled") >= 1
        page.get_by_role("button", name="Lees voor").click()
        before = page.evaluate("cancelled")
        page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
        assert page.evaluate("cancelled") > before
        expect(page.locator(".rd-said-now")).to_have_count(0)


def test_who_wants_no_movement_gets_none(browser: Browser, served: Served) -> None:
    for motion, behaviour in (("reduce", "auto"), ("no-preference", "smooth")):
        with opened(browser, "nl", PHONE) as page:
            page.emulate_media(reduced_motion=motion)  # type: ignore[arg-type]
            come(page, served, mute=True)
            page.evaluate("Element.prototype.scrollIntoView = function (how) { if (how) window.how = how.behavior; }")
            page.get_by_role("button", name="Lees voor").click()
            assert page.evaluate("window.how") == behaviour


def test_a_recording_is_played_for_exactly_its_sentence(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE) as page:
        come(page, served)
        marked = page.locator('[data-aloud^="/audio/"]')
        if not served.recorded:
            expect(marked).to_have_count(0)
            assert "media-src" not in page.request.get(served.url).headers["content-security-policy"]
            return
        expect(marked).to_have_text([NO_IS_FINE])
        assert "media-src 'self'" in page.request.get(served.url).headers["content-security-policy"]
        page.evaluate(
            "() => { window.played = []; const play = HTMLMediaElement.prototype.play; HTMLMediaElement.prototype.play = function () {"
            " const here = { src: new URL(this.src).pathname, after: window.said.length }; window.played.push(here);"
            " this.addEventListener('playing', () => { here.seconds = this.duration; }); return play.call(this); } }"
        )
        page.get_by_role("button", name="Lees voor").click()
        expect(page.locator("#aloud [role=status]")).to_have_text("Alles is voorgelezen.", timeout=10_000)
        [played] = page.evaluate("window.played")
        shown, said = page.evaluate(MARKED), page.evaluate("window.said.map((one) => one.text)")
        assert played["src"] == f"/audio/nl/{name_of(NO_IS_FINE)}.wav"
        assert played["seconds"] == pytest.approx(0.2, abs=0.05)
        assert said == [sentence for sentence in shown if sentence != NO_IS_FINE]
        assert played["after"] == shown.index(NO_IS_FINE)


def test_a_recording_that_does_not_play_is_said_instead(browser: Browser, served: Served) -> None:
    with opened(browser, "nl", PHONE) as page:
        page.route("**/audio/**", lambda route: route.fulfill(status=404))
        come(page, served)
        page.get_by_role("button", name="Lees voor").click()
        expect(page.locator("#aloud [role=status]")).to_have_text("Alles is voorgelezen.", timeout=10_000)
        assert page.evaluate("window.said.map((one) => one.text)") == page.evaluate(MARKED)


def test_a_recording_is_served_whole_and_in_parts_and_only_with_the_setting(served: Served) -> None:
    file = served.folder / "nl" / f"{name_of(NO_IS_FINE)}.wav"
    request = Request(f"{served.url}/audio/nl/{file.name}", headers={"Range": "bytes=0-3"})
    if not served.recorded:
        with pytest.raises(HTTPError, match="404") as refused:
            urlopen(request)
        refused.value.close()
        return
    with urlopen(request) as answer:
        assert (answer.status, answer.read()) == (206, file.read_bytes()[:4])
        assert answer.headers["Content-Type"] == "audio/wav"
        assert answer.headers["Cache-Control"] == "public, max-age=86400"
