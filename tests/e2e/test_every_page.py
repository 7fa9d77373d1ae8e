"""Every page of a family, in every language of the site, at two widths: everybody can read it, use it and afford it.

A page that is not visited fails the test, so that a new page comes with a step in `tests.e2e.walking`.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.web import Site
from tests.e2e.acting import LOCALES, PHONE
from tests.e2e.looking import watched
from tests.e2e.walking import pages_of_families, route_of, walk
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

LANGUAGES = Site("http://localhost").languages
PICTURED = {"nl", "en", "ar"}
THEME = Path(__file__).parent / "theme-of-waterdijk.css"
"""The look of Waterdijk, a municipality that does not exist."""
pytestmark = pytest.mark.screenshots


@contextmanager
def opened_street(folder: Path, template: Path, keys: Path, **settings: str) -> Iterator[Street]:
    copied_sqlite(template, folder)
    with street(folder, folder / "broker.db", keys, settings) as opened:
        yield opened


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    with opened_street(tmp_path_factory.mktemp("street"), sqlite_template, world_keys) as opened:
        yield opened


@contextmanager
def phone(browser: Browser, language: str, **options: Any) -> Iterator[Page]:
    context = browser.new_context(locale=LOCALES.get(language, language), viewport=PHONE, **options)  # type: ignore[arg-type]
    try:
        yield context.new_page()
    finally:
        context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_everybody_can_read_and_use_every_page(
    lived_in: Street, browser: Browser, picture: Callable[..., None], language: str
) -> None:
    visited = set()
    with phone(browser, language) as page, watched(page, language) as eyes:
        for name in walk(page, lived_in, language):
            visited.add(route_of(lived_in, page.url))
            eyes.everything(name)
            if language == LANGUAGES[0]:
                eyes.dark(name)
            if language in PICTURED:
                picture(page, f"{name}-{language}")
    assert pages_of_families(lived_in) - visited == set()


def test_no_page_needs_a_script(lived_in: Street, browser: Browser) -> None:
    with phone(browser, "nl", java_script_enabled=False) as page, watched(page, "nl"):
        visited = set()
        for name in walk(page, lived_in, "no-script"):
            visited.add(route_of(lived_in, page.url))
            expect(page.locator("h1"), name).to_have_count(1)
    assert pages_of_families(lived_in) - visited == set()


def test_a_municipality_s_look_can_be_read_on_every_page(
    tmp_path: Path, sqlite_template: Path, world_keys: Path, browser: Browser
) -> None:
    look = str(THEME)
    with (
        opened_street(tmp_path, sqlite_template, world_keys, BROKER_THEME=look) as themed,
        phone(browser, "nl") as page,
        watched(page, "nl") as eyes,
    ):
        for name in walk(page, themed, "nl"):
            eyes.colours(name)
            eyes.dark(name)
            if name == "question":
                expect(page.locator("header.rd-header")).to_have_css("background-color", "rgb(91, 26, 74)")
                expect(page.locator("main .rd-choice").first).to_have_css("border-radius", "0px")
