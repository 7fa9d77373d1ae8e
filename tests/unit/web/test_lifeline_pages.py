"""The page with somebody's own line of time: a picture and a list that say the same, and with each entry a way to correct it."""

import re
import unicodedata
from html import unescape
from urllib.parse import urlencode

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st

from broker.cli.visitor import forms_of
from broker.domain.forms.timeline import LONGEST, Moment
from broker.services.own_lifeline import LifelineEntry, LifelineScreen, LifelineText
from broker.web.consent.lifeline import LONGEST_QUOTE, MOST_DRAWN, quoted
from broker.web.kit.forms import FORM_LIMIT
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF, SENDER

CORRECTION = "/mine/lifeline/correction"


def has(family: FakeFamily, monkeypatch: pytest.MonkeyPatch, *whats: str, texts: tuple[str, ...] = ()) -> None:
    """The family's line of time has these entries, one in each year, and these texts; each can be corrected."""
    entries = tuple(LifelineEntry(Moment.parse(str(1950 + n)), None, what, f"part-{n}") for n, what in enumerate(whats))

    async def lifeline(_token: str) -> LifelineScreen:
        return LifelineScreen(SENDER, entries, tuple(LifelineText(text, "part-t") for text in texts), sealed=False)

    monkeypatch.setattr(family, "lifeline", lifeline)
    family.visit(purpose="mine")


async def shown(client: httpx.AsyncClient) -> str:
    page = await client.post("/mine/lifeline", data={"csrf": CSRF})
    assert page.status_code == 200
    return page.text


async def test_a_picture_and_a_list_say_the_same_and_the_picture_says_so(
    family: FakeFamily, client: httpx.AsyncClient
) -> None:
    family.visit(purpose="mine")
    page = await shown(client)
    [svg] = re.findall(r"<svg class=\"rd-chart\".*?</svg>", page, re.DOTALL)
    assert 'role="img" aria-label="Jouw tijdlijn"' in svg
    assert "<title>Jouw tijdlijn</title><desc>" in svg
    assert (svg.count("<rect"), svg.count("<circle")) == (1, 1), "of the second nobody says how long it took"
    assert page.count('<li class="rd-card rd-row">') == 2
    assert re.findall(r">(\d)</text>", svg) == re.findall(r"<h2[^>]*>(\d)\. ", page) == ["1", "2"]
    assert page.index(svg) < page.index('<ol class="rd-cards">')
    assert "1. 2018 – 2024" in page
    assert "2. maart 2025" in page
    assert "Verhuisd &lt;b&gt;naar&lt;/b&gt; oma." in page
    assert "Zonder dag." in page
    assert "zit op slot" in page
    assert f"Bel {SENDER}" in page


async def test_from_the_right_the_picture_is_turned_and_what_is_dutch_says_so(app: FastAPI, family: FakeFamily) -> None:
    pages = {}
    for language in ("nl", "ar"):
        family.visit(purpose="mine", language=language)
        async with browsing(app, language) as client:
            pages[language] = await shown(client)
    anchors = {language: set(re.findall(r'text-anchor="(\w+)"', page)) for language, page in pages.items()}
    assert anchors == {"nl": {"start"}, "ar": {"end"}}
    assert re.findall(r'<p class="rd-words"([^>]*)>', pages["nl"]) == [' dir="auto" data-aloud'] * 3
    assert re.findall(r'<p class="rd-words"([^>]*)>', pages["ar"]) == [' dir="auto" lang="nl" data-aloud'] * 3


async def test_who_has_no_say_in_an_entry_has_no_button_there(family: FakeFamily, client: httpx.AsyncClient) -> None:
    family.visit(purpose="mine")
    found = [fields["part"] for address, fields, _ in forms_of(await shown(client)) if address == CORRECTION]
    assert found == ["part-1", "part-2"]


@pytest.mark.parametrize("number", [1, MOST_DRAWN, MOST_DRAWN + 1])
async def test_of_more_than_anybody_can_see_there_is_a_list_alone(
    family: FakeFamily, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    has(family, monkeypatch, *(f"Wat {n}." for n in range(number)))
    page = await shown(client)
    assert page.count('<li class="rd-card rd-row">') == number
    assert ("rd-chart" in page) == (number <= MOST_DRAWN)


async def test_without_a_day_there_is_nothing_to_draw(
    family: FakeFamily, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    has(family, monkeypatch, texts=("Een tekst.",))
    page = await shown(client)
    assert "Een tekst." in page
    assert "rd-chart" not in page
    assert "<ol" not in page.partition("<main")[2].partition("</main")[0]


@pytest.mark.parametrize(
    "what",
    [
        "Eerst dit.\nEn toen dat.\r\n\tEn dat.",
        "ነ" * LONGEST,
        "😀" * LONGEST,
        "\u202eomgekeerd\u202c en \x07 een bel",
        "\x00\ue000 privé",
        '"><script>alert(1)</script>',
    ],
)
async def test_whatever_an_entry_says_the_button_beside_it_works(
    family: FakeFamily, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    has(family, monkeypatch, what, texts=(what * 3,))
    page = await shown(client)
    assert "<script>alert" not in page
    forms = [fields for address, fields, _ in forms_of(page) if address == CORRECTION]
    assert len(forms) == 2
    for fields in forms:
        asked = await client.post(CORRECTION, data={**fields, "part": "part-timeline"})
        assert asked.status_code == 200, asked.text
        assert f"“{fields['quote']}”" in unescape(asked.text)
        assert "<script>alert" not in asked.text


@given(st.text(st.characters(), max_size=400) | st.text(st.characters(), max_size=3).map(lambda text: text * 200))
def test_a_quote_is_one_short_line_that_every_form_takes(text: str) -> None:
    quote = quoted(text)
    assert len(quote) <= LONGEST_QUOTE
    assert quoted(quote) == quote
    assert not {unicodedata.category(sign) for sign in quote} & {"Cc", "Cn", "Co", "Cs", "Zl", "Zp"}
    assert len(urlencode({"csrf": "x" * 43, "part": "x" * 32, "quote": quote})) <= FORM_LIMIT
    if text.isprintable() and len(text) <= LONGEST_QUOTE:
        assert quote == " ".join(text.split()), "nothing of it is lost"
