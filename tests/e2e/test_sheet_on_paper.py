"""The sheet that a worker hands over, as it comes out of a printer: one page, a square that a phone reads, and nobody's name."""

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser

from broker.api.sheet import sheet_of
from broker.services.invitations import Invited
from broker.web.kit.phrases import Phrases
from broker.web.kit.site import Site
from tests.e2e.acting import check_frame
from tests.support.seeing import pages_of, seen_codes

CODE = "K7QD-9MFX-2TRA"
ADDRESS = "https://toestemming-jeugdhulp.gemeente-voorbeeld.example"
UNTIL = datetime(2026, 12, 22, 15, 47, tzinfo=UTC)


def invited(language: str) -> Invited:
    return Invited("019a", CODE, f"{ADDRESS}/#{CODE}", UNTIL, language)


@pytest.mark.parametrize("language", Site(ADDRESS).languages)
def test_it_is_one_page_and_its_square_is_the_link(browser: Browser, language: str) -> None:
    asked: list[str] = []
    with browser.new_context(viewport={"width": 794, "height": 1123}) as context:
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_content(sheet_of(invited(language), ADDRESS, Phrases()))
        check_frame(page, "sheet", language)
        assert pages_of(page.pdf(prefer_css_page_size=True)) == 1
        page.emulate_media(media="print")
        assert seen_codes(browser, page) == [f"{ADDRESS}/#{CODE}"]
        square = page.locator("svg[role=img]").bounding_box()
        assert square is not None
        assert square["width"] >= 74 / 25.4 * 96 - 1, "large: a phone reads it from a table"
        text = page.inner_text("body")
        assert CODE in text
        assert ADDRESS.removeprefix("https://") in text
        assert Phrases().day(UNTIL.date(), language) in text
        assert page.locator("ol > li svg").count() == 3
        assert "Voor wie dit blad geeft" in text
        page.set_viewport_size({"width": 360, "height": 740})
        page.emulate_media(media="screen")
        check_frame(page, "sheet on a phone", language)
    assert asked == [], "nothing comes from elsewhere"


def test_it_says_the_same_in_dutch_below_another_language() -> None:
    english, dutch = (sheet_of(invited(language), ADDRESS, Phrases()) for language in ("en", "nl"))
    assert "Nee mag altijd." in english.partition('class="dutch"')[2]
    assert "You may always say no." in english.partition('class="dutch"')[0]
    assert dutch.count("Nee mag altijd.") == 1


def test_nothing_in_it_runs_and_there_is_no_address_to_follow() -> None:
    text = sheet_of(invited("nl"), ADDRESS, Phrases())
    assert not re.search(r"<script|<a |href=|src=|\son[a-z]+=|url\(|http-equiv", text)


def test_without_a_code_there_is_no_sheet() -> None:
    with pytest.raises(ValueError, match="no code"):
        sheet_of(Invited("019a", None, None, UNTIL), ADDRESS, Phrases())
