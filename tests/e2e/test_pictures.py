"""Every page of the real broker, in both languages: everybody can use it; `make screenshots` keeps a picture of each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.cli.families import read_family
from broker.cli.stage import Stage, today
from broker.cli.story import Story
from tests.e2e.acting import DESK, PHONE, PhoneOfTheFamily, check_page, opened, press, with_passkeys

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.screenshots


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path, ROOT / "policies")
    yield stage
    stage.stop()


@pytest.mark.parametrize("language", ["nl", "en"])
def test_every_page_of_the_real_broker(
    browser: Browser, stage: Stage, picture: Callable[..., None], language: str
) -> None:
    family = read_family("visser-de-bruin", today())
    keys = stage.prepare(family["organisations"])
    stage.start()
    seen: set[str] = set()

    def look(page: Page, name: str) -> None:
        if name not in seen:
            seen.add(name)
            check_page(page, name, language)
            picture(page, f"{name}-{language}")

    def visitor(url: str) -> PhoneOfTheFamily:
        return PhoneOfTheFamily(browser, url, stage.outbox, language, look=look)

    story = Story(family, keys, stage.url, visitor, stage.later)
    assert all(step.right for step in story.play())
    with opened(browser, language, PHONE) as page:
        page.goto(stage.url)
        page.fill("#code", "AAAA-AAAA-AAAA")
        press(page, "main .rd-wide")
        look(page, "code-wrong")
    with visitor(stage.url).visit(story.codes["tom-to-school", "tom"]) as page:
        page.goto(f"{stage.url}/receipt/none")
        look(page, "not-there")
        expect(page.locator("main")).to_contain_text({"nl": "niet voor jou", "en": "not for you"}[language])
        page.goto(f"{stage.url}/mine")
    code = stage.run("officers", "invite", "Privacy officer").split()[-1]
    with opened(browser, language, DESK) as page:
        with_passkeys(page)
        page.goto(f"{stage.url}/console")
        look(page, "console-sign-in")
        page.goto(f"{stage.url}/console/invitation#{code}")
        look(page, "console-invitation")
        press(page, "main .rd-wide")
        look(page, "console-passkey")
        page.click("[data-passkey]")
        page.wait_for_url("**/console/disclosures")
        look(page, "console-disclosures")
        places = {"denied": 0, "denied-not-a-recipient": 3, "partly": 4}
        links = [str(link.get_attribute("href")) for link in page.locator("tbody time").locator("xpath=..").all()]
        for name, place in places.items():
            page.goto(f"{stage.url}{links[place]}")
            look(page, f"console-entry-{name}")
        page.goto(f"{stage.url}/console/disclosures")
        page.select_option("#outcome", "permitted")
        press(page, ".rd-filter button")
        look(page, "console-searched")
        press(page, "tbody a")
        look(page, "console-entry-permitted")
        page.goto(f"{stage.url}/console/disclosures")
        page.select_option("#outcome", "other")
        press(page, ".rd-filter button")
        look(page, "console-other-events")
        press(page, "tr:has(.rd-icon--yes) a")
        look(page, "console-entry-consent")
        page.goto(f"{stage.url}/console/log")
        look(page, "console-log")
        press(page, "main form button")
        look(page, "console-log-checked")
        page.goto(f"{stage.url}/console/disclosures/none")
        look(page, "console-not-there")
