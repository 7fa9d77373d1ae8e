"""Every page of a family, in every language of the site, at two widths: everybody can read it, use it and afford it.

A page that is not visited fails the test, so that a new page comes with a step in `tests.e2e.walking`.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from broker.web import Site
from tests.e2e.acting import LOCALES, PHONE
from tests.e2e.looking import watched
from tests.e2e.walking import pages_of_families, route_of, walk
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

LANGUAGES = Site("http://localhost").languages
PICTURED = {"nl", "en", "ar"}
pytestmark = pytest.mark.screenshots


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    folder = tmp_path_factory.mktemp("street")
    copied_sqlite(sqlite_template, folder)
    with street(folder, folder / "broker.db", world_keys) as opened:
        yield opened


@pytest.mark.parametrize("language", LANGUAGES)
def test_everybody_can_read_and_use_every_page(
    lived_in: Street, browser: Browser, picture: Callable[..., None], language: str
) -> None:
    context = browser.new_context(locale=LOCALES.get(language, language), viewport=PHONE)  # type: ignore[arg-type]
    try:
        page, visited = context.new_page(), set()
        with watched(page, language) as eyes:
            for name in walk(page, lived_in, language):
                print("AT", name, flush=True); visited.add(route_of(lived_in, page.url))
                eyes.everything(name)
                if language == LANGUAGES[0]:
                    eyes.dark(name)
                if language in PICTURED and "SCREENSHOTS" in os.environ:
                    picture(page, f"{name}-{language}")
        assert pages_of_families(lived_in) - visited == set()
    finally:
        context.close()
