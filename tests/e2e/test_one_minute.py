"""What an officer must be able to answer within a minute, from the first page after signing in: counted in acts.

An act is a press of a button or a link, or a field that is filled. How many each took is printed (`pytest -rP`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.acting import DESK, check_page, opened, press, with_passkeys
from tests.e2e.test_every_page import opened_street
from tests.support.street import Street
from tests.support.world import World, today

TOM = "999990019"
SCHOOL = "Basisschool De Regenboog"


async def the_story(world: World) -> None:
    """All that a family's file tells, through the use cases behind the pages."""
    for step in world.families["visser-de-bruin"]["steps"]:
        if "push" in step:
            await world.push(step["push"])
        elif "answer" in step:
            await world.answer(step["answer"]["handover"], step["answer"]["who"], step["answer"]["says"])
        elif "withdraw" in step:
            await world.withdraw(step["withdraw"]["handover"], step["withdraw"]["who"], step["withdraw"]["types"])
        elif "later" in step:
            world.clock.later(step["later"])
        else:
            await world.ask(step["ask"]["handover"], step["ask"]["by"], step["ask"]["purpose"])
    await world.settle()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    with opened_street(tmp_path_factory.mktemp("street"), sqlite_template, world_keys) as opened:
        opened.do(the_story(opened.world))
        yield opened


@dataclass
class Officer:
    """Somebody at the first page of the console, whose acts are counted."""

    page: Page
    url: str
    acts: list[str] = field(default_factory=list)

    def presses(self, selector: str) -> None:
        """A button or a link."""
        self.acts.append(selector)
        press(self.page, selector)

    def fills(self, selector: str, text: str) -> None:
        """A field."""
        self.acts.append(selector)
        self.page.fill(selector, text)

    def again(self) -> None:
        """Back at the first page, with nothing counted yet."""
        self.page.goto(f"{self.url}/console/start")
        self.acts.clear()

    def took(self, question: str, most: int) -> None:
        """At most so many acts; says how many."""
        print(f"{question}: {len(self.acts)} acts")
        assert 0 < len(self.acts) <= most, self.acts


def signed_in(page: Page, street: Street) -> Officer:
    """By invitation, with a new passkey; that is not counted."""
    with_passkeys(page)
    code = street.do(street.world.broker.oversight.invite("Privacy officer"))
    page.goto(f"{street.url}/console/invitation#{code}")
    press(page, "main .rd-wide")
    page.click("[data-passkey]")
    page.wait_for_url("**/console/start")
    return Officer(page, street.url)


def test_four_questions_within_a_minute(lived_in: Street, browser: Browser) -> None:
    with opened(browser, "nl", DESK) as page:
        officer = signed_in(page, lived_in)
        main = page.locator("main")

        officer.again()
        officer.presses("nav a[href='/console/disclosures']")
        officer.fills("#identifier", TOM)
        officer.fills("#first-day", (today() - timedelta(days=7)).isoformat())
        officer.presses(".rd-filter button")
        got = page.locator("tbody tr", has_text="Deels vrijgegeven")
        expect(got).to_have_count(1)
        expect(got).to_contain_text(SCHOOL)
        officer.took("Who read Tom's handover last week?", 4)

        officer.acts.clear()
        officer.presses("tbody tr:has-text('Deels vrijgegeven') a")
        expect(main).to_contain_text("Ja gezegd")
        expect(main).to_contain_text("school-support-coordinator")
        check_page(page, "why", "nl")
        officer.took("Why was it allowed? (from the line)", 2)

        officer.again()
        officer.presses("nav a[href='/console/disclosures']")
        officer.presses("nav a[href='/console/pictures']")
        repeated = page.locator("#repeated ~ .rd-scroll tbody tr", has_text=SCHOOL)
        expect(repeated.first).to_contain_text("Niet iedereen die toestemming moet geven, heeft ja gezegd.")
        check_page(page, "numbers", "nl")
        officer.took("Which refusals repeat?", 2)

        officer.again()
        officer.presses("nav a[href='/console/log']")
        officer.presses("main form button")
        expect(page.locator(".utrecht-alert--ok")).to_contain_text("Het logboek klopt")
        check_page(page, "checks", "nl")
        officer.took("Is the log intact?", 3)
