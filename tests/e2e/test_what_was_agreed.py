"""Both families with what was agreed: a meeting about Jack, and what Chayenne does herself, through API and pages in Chromium."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.web import Site
from tests.e2e.acting import LOCALES, PHONE, press
from tests.e2e.looking import watched
from tests.promises.attacks import JACK
from tests.support.agreed import JORIS, OWNERS, SCHOOL, SECRET, TEAM, agreed, consultation, say, task_of, told
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

LANGUAGES = Site("http://localhost").languages
PICTURED = {"nl", "en", "ar"}
FOSTER_CARE, CHAYENNE = "00000099000000110000", "start-of-foster-care"
MINUTES = {
    "type": "minutes",
    "concerns": ["jack"],
    "mediaType": "text/plain",
    "content": "De school en de huisarts komen. Wij praten over de ochtenden.",
}
pytestmark = pytest.mark.screenshots


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    copied_sqlite(sqlite_template, folder)
    with street(folder, folder / "broker.db", world_keys) as opened:
        yield opened


@contextmanager
def phone(browser: Browser, language: str) -> Iterator[Page]:
    context = browser.new_context(locale=LOCALES.get(language, language), viewport=PHONE)  # type: ignore[arg-type]
    try:
        yield context.new_page()
    finally:
        context.close()


def as_own(body: dict[str, Any], language: str) -> dict[str, Any]:
    """The same about a family that no other test of this broker has, and that speaks this language."""
    place = 100 + int.from_bytes(language[:2].encode()) % 899
    for person in body["people"]:
        person["reference"] += f"-{language}"
        person["language"] = language
        person.pop("identifiers", None)
        for contact in person.get("contacts", ()):
            contact["value"] = contact["value"].replace("+316000", f"+316{place}").replace("@", f"-{language}@")
    return {**body, "reference": str(uuid.uuid4())}


def come_in(page: Page, lived_in: Street, code: str) -> None:
    page.goto(lived_in.url)
    page.fill("#code", code)
    press(page, "main .rd-wide")
    press(page, "button[name=contact]")
    page.fill("#code", lived_in.do(lived_in.world.one_time_code()))
    press(page, "main .rd-wide")


def say_yes(page: Page) -> None:
    while "/questions/" in page.url:
        press(page, "button[value=yes]")
    press(page, ".rd-answer .rd-wide")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_meeting_from_the_invitation_to_the_minutes(
    lived_in: Street, browser: Browser, picture: Callable[..., None], language: str
) -> None:
    world = lived_in.world
    body = as_own(consultation(world, agreed(world, "mother", "school", "team"), dict(MINUTES), meeting=True), language)
    lived_in.do(world.push(JACK, body))
    lived_in.do(world.answer(JACK, "father", {"agreements": "yes", "minutes": "yes"}))

    def kept(name: str) -> None:
        eyes.everything(name)
        if language in PICTURED:
            picture(page, f"{name}-{language}")

    with phone(browser, language) as page, watched(page, language) as eyes:
        come_in(page, lived_in, lived_in.do(world.invite(JACK, "mother")))
        expect(page.locator("main")).to_contain_text("Joris de Wit")
        kept("question-of-a-meeting")
        say_yes(page)
        assert lived_in.do(world.gets(JACK, JORIS, "joint-meeting")) == ["agreements", "minutes"]
        done = lived_in.do(say(world, JORIS, task_of(body, "school"), "done"))
        assert done.status_code == 200, done.text
        page.goto(f"{lived_in.url}/mine")
        expect(page.locator("#tasks")).to_have_count(1)
        expect(page.locator("form[action^='/mine/tasks/']")).to_have_count(1)
        kept("agreed")
        press(page, "button[name=status][value=done]")
        expect(page.locator("button[name=status]")).to_have_count(1)
        kept("agreed-and-done")
        tasks = lived_in.do(world.as_organisation(TEAM, "GET", f"/v1/handovers/{world.handovers[JACK]}")).json()[
            "tasks"
        ]
        assert {one["owner"].get("person", one["owner"].get("organisation")): one["status"] for one in tasks} == {
            "mother": "done",
            SCHOOL: "done",
            TEAM: "open",
        }
        body["sections"][1]["content"] = "Besluit: de school belt voortaan."
        path = f"/v1/handovers/{world.handovers[JACK]}/versions"
        assert lived_in.do(world.as_organisation(TEAM, "POST", path, body)).status_code == 201
        page.goto(f"{lived_in.url}/mine")
        expect(page.locator("form[action^='/mine/texts/'] button")).to_have_count(2)
        page.locator("form[action^='/mine/texts/'] button").last.click()
        page.wait_for_load_state()
        expect(page.locator("main")).to_contain_text("Besluit: de school belt voortaan.")
        kept("minutes")


def test_chayenne_does_what_was_agreed_with_her_and_is_reminded(lived_in: Street, browser: Browser) -> None:
    world = lived_in.world
    section = agreed(world, "mother", about="chayenne", days=2)
    section["tasks"][0]["owner"] = {"person": "chayenne"}
    body = as_own(world.body(CHAYENNE), "nl")
    body["sections"].append(section)
    lived_in.do(world.push(CHAYENNE, body))
    for who in ("mother", "grandfather", "grandmother"):
        lived_in.do(world.answer(CHAYENNE, who, {one["type"]: "yes" for one in body["sections"]}))
    with phone(browser, "nl") as page:
        come_in(page, lived_in, lived_in.do(world.invite(CHAYENNE, "chayenne")))
        say_yes(page)
        before = world.clock.moved
        world.clock.moved += timedelta(days=3)
        try:
            assert lived_in.do(world.broker.tasks.remind()) >= 1
            message = lived_in.do(world.messages("task-due"))[-1]
        finally:
            world.clock.moved = before
        assert SECRET not in message["text"]
        page.goto(f"{lived_in.url}/mine")
        press(page, "button[name=status][value='under-way']")
        expect(page.locator("main")).to_contain_text("Iemand is ermee bezig")
        for text in (SECRET, *OWNERS):
            expect(page.locator(f"section[aria-labelledby=tasks]:has-text('{text}')")).to_have_count(0)
    assert lived_in.do(told(world, FOSTER_CARE, "task-changed"))
