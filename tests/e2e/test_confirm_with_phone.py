"""Two parents confirm with their own phones on a real broker: a report that a code does not open leaves, and only then."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.cli.families import NAMES, read_family
from broker.cli.stage import Stage, today
from broker.cli.story import Story
from broker.cli.visitor import Visitor
from tests.e2e.acting import DESK, PHONE, check_page, choose_language, one_time_code, opened, press, with_passkeys

ROOT = Path(__file__).resolve().parents[2]
REPORT, MAKER, DOCTOR = "jack-to-gp", "00000099000000120000", "ha-vdberg"
SECTIONS = ("diagnostic-report", "help-history")
STEP = {"ask": {"handover": REPORT, "by": DOCTOR, "purpose": "health-care"}}


@dataclass
class Home:
    """A broker with a report about a child of nine, to which nobody said anything yet."""

    stage: Stage
    story: Story

    def gets(self, *types: str) -> bool:
        """Whether the family doctor gets exactly these."""
        return self.story._ask({**STEP, "gets": sorted(types)}).right

    def answered(self, who: str) -> str:
        """Say yes by code; returns the code."""
        code = self.story.invite(REPORT, who)
        visitor = Visitor(self.stage.url, self.stage.outbox)
        visitor.answer(code, dict.fromkeys(SECTIONS, "yes"))
        visitor.close()
        return code


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    stage = Stage(tmp_path_factory.mktemp("stage"), ROOT / "policies")
    try:
        families = [read_family(name, today()) for name in NAMES]
        family = next(f for f in families if REPORT in f["handovers"])
        partners = [o for f in families for o in f["organisations"]]
        keys = stage.prepare(partners)
        stage.start()
        handover = family["handovers"][REPORT]
        handover["sender"] = MAKER
        handover["body"]["sections"][0] |= {"type": SECTIONS[0], "content": "Jack is onderzocht."}
        story = Story(
            {**family, "organisations": partners}, keys, stage.url, lambda url: Visitor(url, stage.outbox), stage.later
        )
        story.push(REPORT)
        yield Home(stage, story)
    finally:
        stage.stop()


def come_in(page: Page, home: Home, code: str, language: str = "nl") -> None:
    """With a code and a one-time code."""
    choose_language(page, home.stage.url, language)
    page.goto(f"{home.stage.url}/#{code}")
    press(page, "main .rd-wide")
    before = set(home.stage.outbox.glob("*.json"))
    press(page, "button[name=contact]")
    page.fill("#code", one_time_code(home.stage.outbox, before))
    press(page, "main .rd-wide")


def answer(page: Page, home: Home, who: str, language: str = "nl") -> None:
    """Come in and say yes to all of it, up to the receipt."""
    come_in(page, home, home.story.invite(REPORT, who), language)
    while "/questions/" in page.url:
        press(page, "button[value=yes]")
    press(page, ".rd-answer .rd-wide")
    assert "/receipt/" in page.url


def add(page: Page) -> None:
    page.click("[data-passkey=create]:visible")
    page.wait_for_selector("[data-passkey=get]")
    gone_to = page.evaluate("performance.getEntriesByType('navigation')[0].type")
    assert gone_to == "navigate", "what is loaded again may show its top, and not the place to go on"


def confirm(page: Page) -> None:
    before = page.url.partition("#")[0]
    page.click("[data-passkey=get]")
    page.wait_for_url(lambda url: "/receipt/" in url and url.partition("#")[0] != before)


def test_both_parents_confirm_and_the_report_is_released(browser: Browser, home: Home) -> None:
    assert home.gets()
    with opened(browser, "nl", PHONE) as mother, opened(browser, "en", DESK) as father:
        for page, who, language in ((mother, "mother", "nl"), (father, "father", "en")):
            with_passkeys(page)
            answer(page, home, who, language)
            assert page.locator("#confirm").count() == 1
            check_page(page, f"needed-{who}", language)
            add(page)
            expect(page.locator("#confirm")).to_be_in_viewport()
            check_page(page, f"added-{who}", language)
            page.locator("section[aria-labelledby=confirm] summary").click()
            check_page(page, f"other-phone-{who}", language)
            page.locator("section[aria-labelledby=confirm] details [data-passkey=create]").click()
            expect(page.locator("#passkey-message")).not_to_be_empty()
            expect(page.locator("#passkey-message")).to_have_text(
                "Dit toestel is al toegevoegd. Druk op de andere knop."
                if language == "nl"
                else "This device was added already. Press the other button."
            )
            assert home.gets(*(SECTIONS[1:] if who == "father" else ()))
            confirm(page)
            check_page(page, f"done-{who}", language)
            assert page.locator("[data-passkey]").count() == 0
            press(page, "main a.rd-wide")
            check_page(page, f"mine-{who}", language)
            assert page.locator("#devices").count() == 1
        assert home.gets(*SECTIONS)
        # taking the phone away changes no answer; stopping needs no phone
        press(mother, "form[action='/mine/devices/stop'] button")
        assert mother.locator("#devices").count() == 0
        assert home.gets(*SECTIONS)
    with opened(browser, "nl", PHONE, java_script_enabled=False) as plain:
        plain.goto(home.stage.url)
        plain.fill("#code", home.story.codes[REPORT, "mother"])
        press(plain, "main .rd-wide")
        before = set(home.stage.outbox.glob("*.json"))
        press(plain, "button[name=contact]")
        plain.fill("#code", one_time_code(home.stage.outbox, before))
        press(plain, "main .rd-wide")
        press(plain, "button[name=section][value=diagnostic-report]")
        assert home.gets(*SECTIONS[1:])
    sent = [json.loads(path.read_text()) for path in home.stage.outbox.glob("*.json")]
    assert len([m for m in sent if m["kind"] == "passkey-enrolled"]) == 2
    assert len([m for m in sent if m["kind"] == "passkey-stopped"]) == 1
    home.stage.run("audit", "replay")  # it fails when a decision does not come out the same


def test_only_the_page_that_asks_may_ask_a_device(browser: Browser, home: Home) -> None:
    with opened(browser, "nl", PHONE) as page:
        with_passkeys(page)
        answer(page, home, "mother")
        seen = {}
        page.on(
            "response", lambda answer: seen.update({answer.url.partition("//")[2].partition("/")[2]: answer.headers})
        )
        page.reload()
        receipt = page.url
        page.goto(f"{home.stage.url}/mine")
        here = seen[receipt.partition("//")[2].partition("/")[2]]
        assert "connect-src 'self'" in here["content-security-policy"]
        assert "publickey-credentials-get=(self)" in here["permissions-policy"]
        assert "publickey" not in seen["mine"]["permissions-policy"]


def test_a_second_phone_is_added_on_the_page_that_the_first_came_to(browser: Browser, home: Home) -> None:
    with opened(browser, "nl", PHONE) as page:
        first = with_passkeys(page)
        answer(page, home, "mother")
        add(page)
        expect(page.locator("#confirm")).to_be_in_viewport()
        before = page.url
        first.send("WebAuthn.disable")
        with_passkeys(page)
        page.locator("section[aria-labelledby=confirm] summary").click()
        with page.expect_navigation(wait_until="load"):
            page.locator("section[aria-labelledby=confirm] details [data-passkey=create]").click()
        assert page.url != before, "the same address again would only move"
        assert page.evaluate("performance.getEntriesByType('navigation')[0].type") == "navigate"
        expect(page.locator("#confirm")).to_be_in_viewport()
        page.goto(f"{home.stage.url}/mine")
        stop = "form[action='/mine/devices/stop'] button"
        assert page.locator(stop).count() == 2
        press(page, stop)
        press(page, stop)
        assert page.locator("#devices").count() == 0


def test_whatever_goes_wrong_is_said_and_changes_nothing(browser: Browser, home: Home) -> None:
    with opened(browser, "nl", PHONE) as page:
        with_passkeys(page)
        answer(page, home, "mother")
        message = page.locator("#passkey-message")

        def told(script: str, button: str, text: str) -> None:
            page.evaluate(script)
            page.click(f"[data-passkey={button}]:visible")
            expect(message).to_have_text(text)
            expect(page.locator(f"[data-passkey={button}]").first).to_be_enabled()

        no = "Het is niet gelukt, of je bent gestopt. Er is niets veranderd. Je kunt het opnieuw proberen."
        nowhere = "Dit kan niet op dit toestel. Je antwoord telt zoals het is. Probeer het op een andere telefoon."
        fails = "void (navigator.credentials.{} = () => Promise.reject(new DOMException('no', '{}')))"
        told(fails.format("create", "NotAllowedError"), "create", no)
        told(fails.format("create", "NotSupportedError"), "create", nowhere)
        told("window.PublicKeyCredential = undefined", "create", nowhere)
        page.reload()
        add(page)
        told(fails.format("get", "NotAllowedError"), "get", no)
        check_page(page, "cancelled", "nl")
        page.reload()
        # another tab stops while the device is asked
        page.evaluate(
            "async () => { const get = navigator.credentials.get.bind(navigator.credentials);"
            "navigator.credentials.get = async (options) => { const made = await get(options);"
            "const page = new DOMParser().parseFromString(await (await fetch('/mine')).text(), 'text/html');"
            "const form = new URLSearchParams(new FormData(page.querySelector(\"form[action='/mine/stop']:has([value=diagnostic-report])\")));"
            "form.set('section', 'diagnostic-report'); await fetch('/mine/stop', {method: 'POST', body: form});"
            "return made; }; }"
        )
        page.click("[data-passkey=get]")
        expect(message).to_have_text(
            "Je antwoord is intussen veranderd. Er is niets bevestigd. Kijk bij wat je hebt gezegd."
        )


def test_without_scripts_the_page_says_what_is_missing(browser: Browser, home: Home) -> None:
    with opened(browser, "nl", PHONE, java_script_enabled=False) as page:
        page.goto(home.stage.url)
        page.fill("#code", home.story.invite(REPORT, "father"))
        press(page, "main .rd-wide")
        before = set(home.stage.outbox.glob("*.json"))
        press(page, "button[name=contact]")
        page.fill("#code", one_time_code(home.stage.outbox, before))
        press(page, "main .rd-wide")
        while "/questions/" in page.url:
            press(page, "button[value=yes]")
        press(page, ".rd-answer .rd-wide")
        expect(page.locator("noscript").or_(page.locator(".rd-message")).first).to_be_attached()
        assert "heeft je browser JavaScript nodig. De rest werkt zonder." in page.content()
