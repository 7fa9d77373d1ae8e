"""The way in and the way out on a real broker in a real Chromium: links that are scanned, a quick exit, counted presses."""

import copy
import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import segno
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect

from broker.cli.families import read_family
from broker.cli.stage import Stage, today
from broker.cli.story import Story
from broker.cli.visitor import Visitor
from broker.client import Client
from broker.settings import EXIT
from tests.e2e.acting import PHONE, choose_language, one_time_code, press
from tests.support.seeing import pages_of, seen_codes

ROOT = Path(__file__).resolve().parents[2]
TOM, SENDER = "tom-to-school", "00000099000000010000"
KEPT = ("visit", "invitation", "consent_record", "signer_receipt", "log_entry", "outbox", "guard_count", "reaction")
LEAVE = "#exit button"


@dataclass
class House:
    """A broker on which one handover was pushed."""

    stage: Stage
    story: Story
    keys: dict[str, Any]
    pushed: int = 0
    person: dict[str, str] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.stage.url

    def rows(self) -> dict[str, list[Any]]:
        """All that opening a link could have changed."""
        with closing(sqlite3.connect(f"file:{self.stage.directory / 'broker.db'}?mode=ro", uri=True)) as database:
            return {table: sorted(map(repr, database.execute(f"SELECT * FROM {table}"))) for table in KEPT}

    def one_question(self) -> str:
        """A code of the mother for a handover with one section: the shortest way to a yes that there is."""
        body = copy.deepcopy(self.story.family["handovers"][TOM]["body"])
        body["sections"] = [s for s in body["sections"] if s["type"] == "status"]
        self.pushed += 1
        body["reference"] = f"{body['reference']}-{self.pushed}"
        with Client(self.url, SENDER, self.keys[SENDER]) as client:
            return str(client.invite(client.push(body)["id"], "mother")["code"])


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    stage = Stage(tmp_path_factory.mktemp("stage"), ROOT / "policies")
    try:
        family = read_family("visser-de-bruin", today())
        keys = stage.prepare(family["organisations"])
        stage.start()
        story = Story(family, keys, stage.url, lambda url: Visitor(url, stage.outbox), stage.later)
        story.push(TOM)
        yield House(stage, story, keys)
    finally:
        stage.stop()


@contextmanager
def phone(browser: Browser, house: House, *, scripts: bool = True) -> Iterator[tuple[BrowserContext, Page]]:
    """A small phone for which the neutral page exists, and nothing else outside."""
    context = browser.new_context(locale="nl-NL", viewport=PHONE, java_script_enabled=scripts)  # type: ignore[arg-type]
    context.route(
        EXIT, lambda route: route.fulfill(body="<title>Weer</title><h1>Het weer</h1>", content_type="text/html")
    )
    page = context.new_page()
    choose_language(page, house.url, "nl")
    try:
        yield context, page
    finally:
        context.close()


def come_in(page: Page, house: House, code: str) -> None:
    """Type the code and the one-time code, key by key."""
    page.goto(house.url)
    page.click("#code")
    page.keyboard.type(code)
    press(page, "main .rd-wide")
    before = set(house.stage.outbox.glob("*.json"))
    press(page, "button[name=contact]")
    page.click("#code")
    page.keyboard.type(one_time_code(house.stage.outbox, before))
    press(page, "main .rd-wide")


def hear(heard: list[Request], request: Request) -> None:
    """A listener may be no method of a list (Playwright marks it)."""
    heard.append(request)


def trail(context: BrowserContext, page: Page) -> list[str]:
    """The addresses that Back and Forward lead to."""
    entries = context.new_cdp_session(page).send("Page.getNavigationHistory")["entries"]
    return [entry["url"] for entry in entries]


# opening


def test_a_scanner_that_runs_scripts_and_follows_every_link_changes_nothing(browser: Browser, house: House) -> None:
    code = house.story.invite(TOM, "tom")
    asked: list[Request] = []
    before = house.rows()
    with phone(browser, house) as (context, page):
        context.on("request", lambda request: hear(asked, request))
        page.goto(f"{house.url}/#{code}", wait_until="networkidle")
        expect(page.locator("#code")).to_have_value(code)
        page.mouse.move(100, 300)
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_timeout(500)
        assert page.url == f"{house.url}/", "nothing was pressed, and the address bar forgot the code"
        todo, done = [page.url], set[str]()
        while todo:
            page.goto(todo.pop(), wait_until="networkidle")
            done.add(page.url)
            for form in page.locator("form").all():
                assert str(form.get_attribute("method")).lower() == "post", "a scanner may submit what is a GET"
            links = page.eval_on_selector_all("a[href]", "all => all.map(one => one.href)")
            todo += [link for link in links if link.startswith(house.url) and link not in done and link not in todo]
        assert {f"{house.url}/", f"{house.url}/#main"} & done
        sent = [f"{one.url.partition('#')[0]} {one.headers} {one.post_data or ''}" for one in asked]
        assert {request.method for request in asked} <= {"GET", "HEAD"}
    assert not [text for text in sent if code in text or code.replace("-", "") in text]
    assert code not in house.stage.log_file.read_text("utf-8")
    assert house.rows() == before
    with phone(browser, house) as (_, page):
        come_in(page, house, code)
        assert page.url == f"{house.url}/questions/1", "the code is as good as new"


def test_the_code_of_a_link_stays_in_no_address_and_survives_another_language(browser: Browser, house: House) -> None:
    code = house.story.invite(TOM, "tom")
    with phone(browser, house) as (context, page):
        page.goto(f"{house.url}/#{code}")
        expect(page.locator("#code")).to_have_value(code)
        page.click("header summary")
        press(page, "#language button[value=en]")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        expect(page.locator("#code")).to_have_value(code)
        press(page, "main .rd-wide")
        assert page.url == f"{house.url}/contact"
        assert not any(code in address for address in trail(context, page))


# leaving


def check_gone(context: BrowserContext, page: Page, house: House, visits: int) -> None:
    """On the neutral page, without a cookie and without a visit; Back shows nobody anything."""
    page.wait_for_url(EXIT)
    assert page.title() == "Weer"
    deadline = time.monotonic() + 10  # with scripts the visit ends in the background, after the page is gone
    while (context.cookies() or len(house.rows()["visit"]) != visits) and time.monotonic() < deadline:
        page.wait_for_timeout(20)
    assert [cookie["name"] for cookie in context.cookies()] == []
    assert len(house.rows()["visit"]) == visits
    page.go_back()
    assert page.url in (f"{house.url}/", EXIT, "about:blank")
    assert "Tom" not in page.content()
    assert "Linh" not in page.content()


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_one_press_leads_away_and_ends_the_visit(browser: Browser, house: House, scripts: bool) -> None:
    code = house.story.invite(TOM, "mother")
    with phone(browser, house, scripts=scripts) as (context, page):
        visits = len(house.rows()["visit"])
        come_in(page, house, code)
        left = page.url
        assert len(house.rows()["visit"]) == visits + 1
        page.click(LEAVE)
        page.wait_for_url(EXIT)
        assert left not in trail(context, page) or not scripts, "this page is replaced"
        check_gone(context, page, house, visits)
        page.goto(left)
        assert page.url == f"{house.url}/", "Forward and typed addresses find no visit either"


def test_the_page_is_blank_before_the_other_one_has_come(browser: Browser, house: House) -> None:
    with phone(browser, house) as (_, page):
        page.add_init_script(
            "addEventListener('pagehide', () => sessionStorage.setItem('left', "
            "[document.documentElement.hidden, document.body.offsetHeight, document.title.trim()]))"
        )
        come_in(page, house, house.story.invite(TOM, "mother"))
        page.click(LEAVE)
        page.wait_for_url(EXIT)
        page.goto(house.url)
        assert page.evaluate("sessionStorage.getItem('left')") == "true,0,"


def test_three_times_shift_leads_away_and_capitals_do_not(browser: Browser, house: House) -> None:
    code = house.story.invite(TOM, "mother")
    with phone(browser, house) as (context, page):
        visits = len(house.rows()["visit"])
        come_in(page, house, code)
        for _ in range(4):
            page.keyboard.press("Shift+A")
        page.keyboard.press("Shift")
        page.keyboard.press("Shift")
        page.keyboard.press("a")
        page.keyboard.press("Shift")
        expect(page.locator("#exit [role=status]")).to_have_text(
            "Druk nog twee keer op Shift om deze pagina te verlaten."
        )
        page.keyboard.press("Shift")
        page.keyboard.press("Shift")
        check_gone(context, page, house, visits)


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_it_leads_away_when_the_visit_is_over_already(browser: Browser, house: House, scripts: bool) -> None:
    with phone(browser, house, scripts=scripts) as (context, page):
        visits = len(house.rows()["visit"])
        come_in(page, house, house.story.invite(TOM, "mother"))
        other = context.new_page()
        other.goto(page.url)
        press(other, "footer button")
        page.click(LEAVE)
        check_gone(context, page, house, visits)


def test_it_stays_in_reach_of_thumb_and_keyboard(browser: Browser, house: House) -> None:
    with phone(browser, house) as (context, page):
        visits = len(house.rows()["visit"])
        come_in(page, house, house.story.invite(TOM, "mother"))
        page.goto(f"{house.url}/mine")
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        button = page.locator(LEAVE)
        expect(button).to_be_in_viewport(ratio=1)
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= 44
        page.goto(f"{house.url}/mine")
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        expect(button).to_be_focused()
        page.keyboard.press("Enter")
        check_gone(context, page, house, visits)


# a receipt on paper


def test_a_receipt_on_paper_is_checked_by_its_square(browser: Browser, house: House) -> None:
    with phone(browser, house) as (_, page):
        come_in(page, house, house.story.invite(TOM, "father"))
        press(page, "button[name=answer][value=yes]")
        while "/questions/" in page.url:
            press(page, "button[name=answer][value=no]")
        press(page, ".rd-answer .rd-wide")
        expect(page.locator("[data-print]")).to_be_visible()
        assert 1 <= pages_of(page.pdf(format="A4")) <= 2
        page.emulate_media(media="print")
        page.set_viewport_size({"width": 794, "height": 1123})
        for gone in (LEAVE, "[data-print]", "button[name=contact]"):
            expect(page.locator(gone).first).to_be_hidden()
        expect(page.locator("main")).to_contain_text("Je zei ja")
        expect(page.locator("main")).to_contain_text("Bel PlusTeam Geldrop-Mierlo")
        expect(page.locator("dd .rd-code").first).to_be_visible()
        links = page.eval_on_selector_all("a[href*='/verify#']", "all => all.map(one => one.href)")
        assert sorted(seen_codes(browser, page)) == sorted(links) != []
        versions = [segno.make(link, error="l", micro=False).version for link in links]
        assert max(int(version) for version in versions) <= 25
    told = []
    for link in links:
        with phone(browser, house) as (context, page):
            page.goto(link)
            expect(page.locator("#verdict")).to_contain_text("Dit bewijs is echt")
            assert page.url == f"{house.url}/verify"
            assert trail(context, page)[-1] == f"{house.url}/verify"
            told += page.locator("#shown h3").all_inner_texts()
            assert "PlusTeam Geldrop-Mierlo" in page.inner_text("#shown")
        with phone(browser, house) as (_, page):
            page.goto(link[:-9] + ("A" if link[-9] != "A" else "B") + link[-8:])
            expect(page.locator("#verdict h2")).to_have_text(re.compile("niet echt|kon niet worden nagegaan"))
    assert set(told) == {"Ja gezegd", "Nee gezegd"}


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no-scripts"])
def test_word_of_a_receipt_is_sent_to_ones_own_phone(browser: Browser, house: House, scripts: bool) -> None:
    with phone(browser, house, scripts=scripts) as (_, page):
        come_in(page, house, house.story.invite(TOM, "father"))
        while "/questions/" in page.url:
            press(page, "button[name=answer][value=no]")
        press(page, ".rd-answer .rd-wide")
        expect(page.locator("[data-print]")).to_be_visible(visible=scripts)
        press(page, "form[action$='/send'] button")
        expect(page.locator("#sent")).to_contain_text("Gestuurd naar m***@***.example")
        expect(page.locator("#sent")).to_be_in_viewport()


# counting


@dataclass
class Counted:
    """Everything that a person does with finger or keys, as the browser hears it: clicks and keys of their own."""

    page: Page
    number: int = 0

    def __post_init__(self) -> None:
        self.page.expose_binding("heard", lambda _, __: self._one())
        self.page.add_init_script(
            "for (const kind of ['click', 'keydown']) "
            "addEventListener(kind, (event) => event.isTrusted && heard(kind), true)"
        )

    def _one(self) -> None:
        self.number += 1


def test_stopping_takes_no_more_than_saying_yes(browser: Browser, house: House) -> None:
    """GDPR article 7(3): as easy to withdraw as to give. Both start where the code is typed."""
    code = house.one_question()
    with phone(browser, house) as (_, page):
        giving = Counted(page)
        come_in(page, house, code)
        start = giving.number
        press(page, "button[name=answer][value=yes]")
        press(page, ".rd-answer .rd-wide")
        assert "/receipt/" in page.url
        expect(page.locator(".rd-lines")).to_contain_text("Je zei ja")
    with phone(browser, house) as (_, page):
        stopping = Counted(page)
        come_in(page, house, code)
        assert (start, stopping.number) == (len(code) + 6 + 5, start), "both codes, and each press on the way in"
        press(page, "button[name=section]")
        assert "/receipt/" in page.url
        expect(page.locator(".rd-lines")).to_contain_text("Je bent hiermee gestopt")
    assert (giving.number, stopping.number) == (start + 2, start + 1)


def test_stopping_all_of_it_or_one_part_is_one_press_also_with_several_parts(browser: Browser, house: House) -> None:
    numbers = {}
    for name, stop in (("all", "button[name=all]"), ("part", "button[name=section]")):
        code = house.story.invite(TOM, "mother")
        with phone(browser, house) as (_, page):
            giving = Counted(page)
            come_in(page, house, code)
            while "/questions/" in page.url:
                press(page, "button[name=answer][value=yes]")
            press(page, ".rd-answer .rd-wide")
        with phone(browser, house) as (_, page):
            stopping = Counted(page)
            come_in(page, house, code)
            start = stopping.number
            press(page, stop)
            assert "/receipt/" in page.url
        assert stopping.number == start + 1
        numbers[name] = (stopping.number, giving.number)
    assert all(stopping <= giving for stopping, giving in numbers.values())
