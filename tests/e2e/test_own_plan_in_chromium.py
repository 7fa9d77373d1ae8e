"""A family's own plan on both families, with a real Chromium on a small phone: written, asked about, read, changed, stopped.

One family with scripts, the other without, and by keyboard alone where something is filled in.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.domain.officers import OfficerRole
from tests.e2e.acting import DESK, PHONE, check_frame, check_page, choose_language, opened, press
from tests.support.officers import officer_browser
from tests.support.own_plans import PURPOSE, SECTION, codes_for_plans
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street
from tests.support.surface import rows_of

pytestmark = pytest.mark.screenshots
FOCUSED = "() => document.activeElement.matches(':focus-visible')"


@dataclass(frozen=True)
class Tale:
    """Who writes what about whom and for whom, and who must say yes as well; `sees` reads it, `not_chosen` does not."""

    handover: str
    writer: str
    about: str
    reader: str
    sees: str
    not_chosen: str
    others: tuple[str, ...]
    language: str
    scripts: bool
    text: str
    later: str


TALES = (
    Tale(
        handover="tom-to-school",
        writer="mother",
        about="Tom Visser",
        reader="Basisschool De Regenboog",
        sees="ib-joris",
        not_chosen="ha-vdberg",
        others=("mark@family.example", "+31600000013"),
        language="nl",
        scripts=True,
        text="Opa haalt Tom op woensdag op. Tante Bea kookt op donderdag.",
        later="Opa haalt Tom op dinsdag op. Dat is beter.",
    ),
    Tale(
        handover="start-of-foster-care",
        writer="chayenne",
        about="Chayenne",
        reader="Wijkteam Dordrecht",
        sees="wt-fatima",
        not_chosen="hoop-eva",
        others=("moeder@family.example",),
        language="en",
        scripts=False,
        text="Ik slaap bij oma. Op zaterdag ga ik naar dansen.\nOma belt als het niet gaat.",
        later="Ik slaap bij oma. Op zondag ga ik naar dansen.",
    ),
)


@pytest.fixture
def lived(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    copied_sqlite(sqlite_template, tmp_path)
    with street(tmp_path, tmp_path / "broker.db", world_keys) as found:
        yield found


@dataclass
class Phone:
    """Somebody's phone in one visit; every page is looked at, at both widths."""

    page: Page
    street: Street
    tale: Tale
    picture: Callable[..., None]

    def see(self, name: str) -> None:
        for size, width in ((DESK, "1280"), (PHONE, "360")):
            self.page.set_viewport_size(size)  # type: ignore[arg-type]
            if self.tale.scripts:
                check_page(self.page, name, self.tale.language)
            else:
                check_frame(self.page, name, self.tale.language)
            self.picture(self.page, f"own-plan-{name}-{self.tale.language}-{width}")

    def come_in(self, code: str) -> None:
        self.page.goto(self.street.url)
        self.page.fill("#code", code)
        press(self.page, "main .rd-wide")
        press(self.page, "button[name=contact]")
        self.page.fill("#code", self.street.do(self.street.world.one_time_code()))
        press(self.page, "main .rd-wide")

    def go(self, path: str) -> None:
        self.page.goto(f"{self.street.url}{path}")

    def tab_to(self, selector: str) -> None:
        """With the tab key alone, as somebody does who has no mouse."""
        wanted = self.page.locator(selector)
        for _ in range(60):
            self.page.keyboard.press("Tab")
            if wanted.evaluate("one => one === document.activeElement"):
                assert self.page.evaluate(FOCUSED), "what has focus shows it"
                return
        raise AssertionError(f"the tab key does not come to {selector}")

    def write(self, text: str) -> None:
        """From the page with what they said to the receipt, by keyboard alone."""
        self.go("/mine")
        with self.page.expect_navigation():
            self.tab_to("a.rd-wide[href='/mine/plan']")
            self.page.keyboard.press("Enter")
        self.see("empty")
        assert self.page.locator("input:checked").count() == 0, "nothing is chosen beforehand"
        self.tab_to("#text")
        self.page.keyboard.insert_text(text)
        for label in (self.tale.about, self.tale.reader):
            self.tab_to(f"#{self.page.locator('label', has_text=label).first.get_attribute('for')}")
            self.page.keyboard.press("Space")
        self.tab_to("#until-1")
        self.page.keyboard.press("Space")
        with self.page.expect_navigation():
            self.tab_to("main .rd-wide")
            self.page.keyboard.press("Enter")
        expect(self.page.locator("main .rd-words[data-aloud]")).to_have_text(text)
        self.see("check")
        with self.page.expect_navigation():
            self.tab_to("form[action='/mine/plan/keep'] button")
            self.page.keyboard.press("Enter")
        assert "/receipt/" in self.page.url
        expect(self.page.locator("main")).not_to_contain_text(text[:20])
        self.see("receipt")

    def answer(self) -> None:
        """Yes to what is asked about the plan."""
        while "/questions/" in self.page.url:
            self.see("question")
            expect(self.page.locator("main")).not_to_contain_text(self.tale.text[:20])
            press(self.page, "button[value=yes]")
        press(self.page, ".rd-answer .rd-wide")
        assert "/receipt/" in self.page.url

    def read_again(self) -> None:
        """Their own text, in a field to change it."""
        self.go("/mine")
        press(self.page, "form[action^='/mine/plans/'][action$='/text'] button")


@contextmanager
def phone(browser: Browser, lived: Street, tale: Tale, picture: Callable[..., None]) -> Iterator[Phone]:
    with opened(browser, tale.language, PHONE, java_script_enabled=tale.scripts) as page:
        choose_language(page, lived.url, tale.language)
        yield Phone(page, lived, tale, picture)


def read(lived: Street, tale: Tale, identity: str = "") -> tuple[int, str]:
    """What a professional gets of the only plan there is: (status, all of the answer)."""

    async def ask() -> tuple[int, str]:
        world = lived.world
        body = {"handover": await the_plan(lived), "purpose": PURPOSE}
        answer = await world.as_professional(identity or tale.sees, "POST", "/v1/releases", body)
        return answer.status_code, answer.text

    return lived.do(ask())


async def the_plan(lived: Street) -> str:
    """Its id, as only the database has it."""
    [plan] = [row.id for row in await rows_of(lived.world, "handover") if row.author]
    return str(plan)


def boxes(lived: Street, tale: Tale, box: str) -> list[dict[str, Any]]:
    """What the reader finds among what it received, or what the organisation that gave the code finds among what it sent."""

    async def listed() -> list[dict[str, Any]]:
        world, path = lived.world, f"/v1/handovers?box={box}"
        answer = (
            await world.as_professional(tale.sees, "GET", path)
            if box == "received"
            else await world.as_organisation(world.sender(tale.handover), "GET", path)
        )
        return [one for one in answer.json()["items"] if one["purpose"] == PURPOSE]

    return lived.do(listed())


def lines(lived: Street, *types: str, organisation: str = "") -> list[str]:
    """The headings of these lines of the log: for the privacy officer of everything, or for the one of an organisation."""

    async def pages() -> list[str]:
        world, found = lived.world, []
        await world.settle()
        role = OfficerRole.OF_ORGANISATION if organisation else OfficerRole.OFFICER
        async with officer_browser(world, role=role, organisation=organisation) as officer:
            for row in await rows_of(world, "log_entry"):
                if row.type in types:
                    page = await officer.browser.get(f"/console/disclosures/{row.entry_id}")
                    assert page.status_code in (200, 404), page.text
                    heading = re.search(r"<h1[^>]*>([^<]*)</h1>", page.text)
                    assert heading
                    found += [heading[1].strip()] if page.status_code == 200 else []
        return found

    return lived.do(pages())


@pytest.mark.slow
@pytest.mark.parametrize("tale", TALES, ids=lambda tale: tale.handover)
def test_a_family_writes_a_plan_and_decides_who_reads_it(
    browser: Browser, lived: Street, picture: Callable[..., None], tale: Tale
) -> None:
    world = lived.world
    lived.do(world.push(tale.handover))
    code = lived.do(world.invite(tale.handover, tale.writer))

    with phone(browser, lived, tale, picture) as writer:
        writer.come_in(code)
        writer.write(tale.text)
    assert boxes(lived, tale, "received") == []
    assert read(lived, tale)[0] in (403, 404), "the others have not answered"

    for contact in tale.others:
        assert read(lived, tale)[0] in (403, 404)
        with phone(browser, lived, tale, picture) as other:
            [asked] = lived.do(codes_for_plans(world, contact))
            other.come_in(asked)
            other.answer()
            other.go("/mine")
            expect(other.page.locator("form[action^='/mine/plans/']")).to_have_count(0)
            expect(other.page.locator("body")).not_to_contain_text(tale.text[:20])

    [item] = boxes(lived, tale, "received")
    assert boxes(lived, tale, "sent") == [], "who gave the code does not see it"
    status, answer = read(lived, tale)
    assert status == 200
    assert tale.text.replace("\n", "\\n") in answer
    assert read(lived, tale, tale.not_chosen)[0] == 404

    with phone(browser, lived, tale, picture) as writer:
        writer.come_in(code)
        writer.go("/mine")
        expect(writer.page.locator("section[aria-labelledby=own-plans] article")).to_contain_text(tale.reader)
        writer.see("read-by")
        writer.read_again()
        assert writer.page.input_value("#text") == tale.text
        writer.see("change")
        writer.page.fill("#text", tale.later)
        press(writer.page, "main .rd-wide")
        writer.see("changed")
    assert tale.later in read(lived, tale)[1]
    assert item["id"] == lived.do(the_plan(lived)), "the same plan under another text"

    gave, logged = world.sender(tale.handover), ("plan:written", "plan:changed", "release:shown", "release:permitted")
    assert len(lines(lived, *logged)) == 5, "written, shown again, changed, and read twice"
    assert lines(lived, *logged, organisation=gave) == []
    assert len(lines(lived, *logged, organisation=world.professional(tale.sees)[0])) == 2, "what its own people read"

    with phone(browser, lived, tale, picture) as writer:
        writer.come_in(code)
        writer.go("/mine")
        press(writer.page, "form[action^='/mine/plans/'][action$='/stop'] button")
        writer.see("stop")
        assert read(lived, tale)[0] == 200, "nothing is erased before the second press"
        press(writer.page, "button[name=sure]")
        writer.see("stopped")
        expect(writer.page.locator("form[action^='/mine/plans/']")).to_have_count(0)
    status, answer = read(lived, tale)
    assert status in (403, 404)
    assert tale.later not in answer
    assert boxes(lived, tale, "received") == []
    assert len(lines(lived, "plan:withdrawn", "handover:erased")) == 2
    assert lines(lived, "plan:withdrawn", "handover:erased", organisation=gave) == []


def test_a_stranger_opens_changes_and_stops_nothing(
    browser: Browser, lived: Street, picture: Callable[..., None]
) -> None:
    mine, theirs = TALES
    for tale in TALES:
        lived.do(lived.world.push(tale.handover))
    with phone(browser, lived, mine, picture) as writer:
        writer.come_in(lived.do(lived.world.invite(mine.handover, mine.writer)))
        writer.write(mine.text)
        writer.go("/mine")
        form = writer.page.locator("form[action^='/mine/plans/'][action$='/text']")
        address = str(form.get_attribute("action")).removesuffix("/text")
    before = lived.do(_row(lived))
    with phone(browser, lived, theirs, picture) as stranger:
        stranger.come_in(lived.do(lived.world.invite(theirs.handover, "mother")))
        for way in ("", "/text", "/stop"):
            stranger.go("/mine/plan")
            for choice in ("#person-1", "#reader-1", "#until-1"):
                stranger.page.check(choice)
            stranger.page.fill("#text", "Anders.")
            stranger.page.locator("form[action='/mine/plan']").evaluate(f"form => form.action = '{address}{way}'")
            press(stranger.page, "main .rd-wide")
            expect(stranger.page.locator("body")).not_to_contain_text(mine.text[:20])
            expect(stranger.page.locator("#text")).to_have_count(0)
        stranger.go(address)
        assert stranger.page.url.endswith("/mine#own-plans"), "looking at its address only leads back"
        expect(stranger.page.locator("form[action^='/mine/plans/']")).to_have_count(0)
    assert lived.do(_row(lived)) == before


async def _row(lived: Street) -> Any:
    [row] = [row for row in await rows_of(lived.world, "handover") if row.author]
    return row


def test_the_question_about_a_plan_names_section_and_writer_s_family_and_no_organisation_as_its_sender(
    browser: Browser, lived: Street, picture: Callable[..., None]
) -> None:
    tale = TALES[0]
    lived.do(lived.world.push(tale.handover))
    with phone(browser, lived, tale, picture) as writer:
        writer.come_in(lived.do(lived.world.invite(tale.handover, tale.writer)))
        writer.write(tale.text)
        expect(writer.page.locator(".rd-facts dd").first).to_have_text("Iemand uit het gezin")
    with phone(browser, lived, tale, picture) as other:
        other.come_in(lived.do(codes_for_plans(lived.world, tale.others[0]))[0])
        expect(other.page.locator("input[name=section]")).to_have_value(SECTION)
        expect(other.page.locator("main .rd-part").first).not_to_contain_text("PlusTeam")
        expect(other.page.locator("main")).to_contain_text("Iemand uit het gezin schreef dit zelf")
