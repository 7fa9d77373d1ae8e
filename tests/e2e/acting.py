"""People with a real Chromium: a family member with a phone, an officer with a passkey; and what any page must be."""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, CDPSession, Page

from broker.cli.visitor import Says

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
LOCALES = {"nl": "nl-NL", "en": "en-GB"}
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
_QUESTION = re.compile(r"/questions/(\d+)$")
Look = Callable[[Page, str], None]


def nothing(page: Page, name: str) -> None:
    """Look at nothing."""


@contextmanager
def opened(browser: Browser, language: str, size: dict[str, int], **options: Any) -> Iterator[Page]:
    """A page in a fresh browser, with everything that it complains about or fetches elsewhere made an error."""
    context = browser.new_context(locale=LOCALES[language], viewport=size, **options)  # type: ignore[arg-type]
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda m: None if "Failed to load resource" in m.text else complaints.append(m.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda r: None if r.url.startswith("http://localhost:") else complaints.append(r.url))
    try:
        yield page
        assert complaints == []
    finally:
        context.close()


def choose_language(page: Page, url: str, language: str) -> None:
    """As if somebody had chosen it there before; else the pages go on in the person's own language."""
    page.context.add_cookies([{"name": "rondom-language", "value": language, "url": url}])


def press(page: Page, selector: str) -> None:
    """Press the first such button or link, and wait for the page after it."""
    with page.expect_navigation():
        page.locator(selector).first.click()


def check_page(page: Page, name: str, language: str) -> None:
    """Everybody can use it (axe), it fits, it has one heading, and it is in the language of the reader."""
    found = Axe().run(page, options=RULES).response["violations"]
    told = [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in found]
    assert told == [], f"{name}: {json.dumps(told, indent=1)}"
    check_frame(page, name, language)


def check_frame(page: Page, name: str, language: str) -> None:
    """As `check_page`, without the script that axe is: also where a browser runs none."""
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), name
    assert page.locator("html").get_attribute("lang") == language, name
    assert page.locator("h1").count() == 1, name


class PhoneOfTheFamily:
    """Goes through the pages on a small phone, for `broker.cli.story.Story`. Each visit is a fresh browser.

    With scripts it opens the link (`/#CODE`), as a QR does; without, it types the code. `addresses` holds every address
    that the broker was asked for, `receipts` the files that were saved, and `texts` every question as it stood on the screen.
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        outbox: Path,
        language: str = "nl",
        *,
        scripts: bool = True,
        look: Look = nothing,
    ) -> None:
        self._browser = browser
        self._url = url
        self._outbox = outbox
        self._language = language
        self._scripts = scripts
        self._look = look
        self.addresses: list[str] = []
        self.receipts: list[bytes] = []
        self.texts: list[str] = []

    @contextmanager
    def visit(self, code: str) -> Iterator[Page]:
        """Come in with a code and a one-time code; leave at the end."""
        with opened(self._browser, self._language, PHONE, java_script_enabled=self._scripts) as page:
            choose_language(page, self._url, self._language)
            page.on("request", lambda request: self.addresses.append(request.url))
            self._come_in(page, code)
            yield page
            press(page, "footer button")
            assert page.url == f"{self._url}/signed-out"

    def _see(self, page: Page, name: str) -> None:
        check_frame(page, name, self._language)
        self._look(page, name)

    def _come_in(self, page: Page, code: str) -> None:
        page.goto(f"{self._url}/#{code}" if self._scripts else self._url)
        if not self._scripts:
            page.fill("#code", code)
        assert page.input_value("#code") == code
        self._see(page, "code")
        press(page, "main .rd-wide")
        assert page.url == f"{self._url}/contact", page.url
        self._see(page, "contact")
        before = set(self._outbox.glob("*.json"))
        press(page, "button[name=contact]")
        self._see(page, "one-time-code")
        page.fill("#code", one_time_code(self._outbox, before))
        press(page, "main .rd-wide")

    def answer(self, code: str, says: Says) -> None:
        """Answer every question; what `says` does not name is answered with no."""
        asked: dict[str, str | Mapping[str, str]] = {}
        answers: list[str] = []
        with self.visit(code) as page:
            while found := _QUESTION.search(page.url):
                section = str(page.locator("input[name=section]").get_attribute("value"))
                asked[section] = says.get(section, "no")
                self._see(page, f"question-{found[1]}")
                self.texts += page.locator("h1, .rd-part p").all_inner_texts()
                answers += self._choose(page, asked[section], f"recipients-{found[1]}")
            assert page.url == f"{self._url}/check", page.url
            self._see(page, "check")
            press(page, ".rd-answer .rd-wide")
            assert "/receipt/" in page.url, page.url
            self._see(page, "receipt")
            said = [page.locator(f".rd-lines .rd-badge:has-text('{word}')").count() for word in self._words()]
            assert said == [answers.count("yes"), answers.count("no")]
            self._save(page)
            press(page, "main a.rd-wide")
            self._see(page, "mine")
        assert set(says) <= set(asked), f"not asked about {set(says) - set(asked)}"

    def _choose(self, page: Page, said: str | Mapping[str, str], name: str) -> list[str]:
        """Returns the different answers that were given: the receipt has a line for each."""
        if isinstance(said, str):
            press(page, f"button[value={said}]")
            return [said]
        press(page, "button[value=each]")
        self._see(page, name)
        keys = [str(radio.get_attribute("name")) for radio in page.locator("input[type=radio][value=no]").all()]
        chosen = {key: said.get(key, "no") for key in keys}
        for key, answer in chosen.items():
            page.check(f"input[name='{key}'][value={answer}]")
        press(page, "main .rd-wide")
        return sorted(set(chosen.values()))

    def withdraw(self, code: str, types: list[str]) -> None:
        """Stop sharing these section types: come in again with the same code, one press each."""
        with self.visit(code) as page:
            for section in types:
                page.goto(f"{self._url}/mine")
                self._see(page, "mine-before")
                press(page, f"button[name=section][value={section}]")
                assert "/receipt/" in page.url, page.url
                self._see(page, "stopped")
            press(page, "main a.rd-wide")
            self._see(page, "mine-after")

    def _words(self) -> tuple[str, str]:
        return ("Je zei ja", "Je zei nee") if self._language == "nl" else ("You said yes", "You said no")

    def _save(self, page: Page) -> None:
        with page.expect_download() as saved:
            page.click("a[download][href$='/file']")
        self.receipts.append(Path(saved.value.path()).read_bytes())


def one_time_code(outbox: Path, before: set[Path]) -> str:
    """The code in the message that came after those of `before`."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for path in set(outbox.glob("*.json")) - before:
            message = json.loads(path.read_text(encoding="utf-8"))
            if message["kind"] == "one-time-code":
                return str(re.findall(r"\b(\d{6})\b", message["text"])[0])
        time.sleep(0.02)
    raise AssertionError("no one-time code arrived")


def with_passkeys(page: Page) -> CDPSession:
    """Give the browser a device that keeps passkeys and always finds its owner's finger on it."""
    device = page.context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "internal",
                "hasResidentKey": True,
                "hasUserVerification": True,
                "isUserVerified": True,
            }
        },
    )
    return device


def lines_of(page: Page) -> list[str]:
    """The lines of the log on a page of the console: a row that stands for several counts as often as it says."""
    rows = page.locator("tbody tr").all_inner_texts()
    times = (re.search(r"\b(\d+) (?:keer|times)\b", row) for row in rows)
    return [row for row, found in zip(rows, times, strict=True) for _ in range(int(found[1]) if found else 1)]
