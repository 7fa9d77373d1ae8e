"""The page on which somebody agrees or sees it differently: two alike choices, of one version; what was typed stays text."""

import html
import re

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.reactions import LONGEST
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF, DIGEST, OTHERS, SENDER
from tests.unit.web.test_family_pages import HOSTILE, LANGUAGES, form, visible

PART = "/mine/sign-offs/part-timeline"
PART_SECTION = {"/mine": 'id="sign-offs"', PART: "</h1>"}
"""Behind what a page says of the part."""
AGREE = {"version": DIGEST, "said": "agree"}
DIFFERS = {"version": DIGEST, "said": "differently"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_whole_way_without_a_script(app: FastAPI, family: FakeFamily, language: str) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        mine = (await client.get("/mine")).text
        assert f'href="{PART}"' in mine
        assert f'action="{PART}"' not in mine, "nobody chooses before they came to the page that says what it is"
        assert 'href="#sign-offs"' in mine
        page = await client.get(PART)
        assert f'action="{PART}"' in page.text
        assert SENDER in visible(page)
        assert "3f9a 21bc" in visible(page)
        assert page.text.count("<script") == 2, "that of the quick exit, and the one that reads aloud"
        writing = await client.post(PART, data=form(**DIFFERS))
        assert (writing.status_code, "<textarea" in writing.text) == (200, True)
        assert family.calls == [], "nothing is kept before there are words"
        answer = await client.post(PART, data=form(**DIFFERS, text="Het was\r\nlater."))
        assert (answer.status_code, answer.headers["location"]) == (303, PART)
        assert "Het was later." in visible(await client.get(PART))
        assert (await client.post(PART, data=form(**AGREE))).status_code == 303
        page = await client.get(PART)
        assert "Het was later." in visible(page), "what was said before stays"
    assert family.calls == [
        ("sign", "part-timeline", False, "Het was\nlater."),
        ("sign", "part-timeline", True, ""),
    ]


async def test_both_choices_look_alike_and_none_is_chosen_beforehand(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    page = (await client.get(PART)).text
    buttons = re.findall(r'<button class="([^"]*)" name="said" value="(\w+)">', page)
    assert [value for _, value in buttons] == ["agree", "differently"]
    assert len({look for look, _ in buttons}) == 1
    assert "Beide antwoorden zijn goed." in page
    mine = (await client.get("/mine")).text
    assert mine.partition('id="sign-offs"')[2].partition("</section>")[0].count("utrecht-button--") == 1
    assert "checked" not in page + mine


async def test_both_answers_look_alike_when_they_were_given(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    looks = set()
    for said in (AGREE, {**DIFFERS, "text": "Het was later."}):
        await client.post(PART, data=form(**said))
        for path in ("/mine", PART):
            [look, *_] = re.findall(
                r'<span class="(rd-badge[^"]*)">', (await client.get(path)).text.split(PART_SECTION[path])[1]
            )
            looks.add(look)
    assert looks == {"rd-badge"}


async def test_what_organisations_say_is_shown_after_one_s_own_answer(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    [other, *_] = OTHERS
    before = await client.get(PART)
    assert other.who.nl not in before.text
    assert "nadat je hebt gekozen" in before.text
    await client.post(PART, data=form(**AGREE))
    after = await client.get(PART)
    assert other.who.nl in after.text
    assert "nadat je hebt gekozen" not in after.text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Schrijf eerst iets op."),
        ("x" * (LONGEST + 1), "Dit is te lang."),
        ("Een\x07 bel", "een teken in dat wij niet kunnen bewaren"),
    ],
)
async def test_what_cannot_be_kept_is_told_at_the_field_and_stays_in_it(
    client: httpx.AsyncClient, family: FakeFamily, text: str, told: str
) -> None:
    family.visit()
    page = await client.post(PART, data=form(**DIFFERS, text=text))
    assert page.status_code == 400
    assert told in visible(page)
    kept = page.text.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]
    assert html.unescape(kept) == text.strip()
    assert family.calls == []


@pytest.mark.parametrize("version", ["", "0" * 64, DIGEST.upper(), DIGEST + "0", "x"])
@pytest.mark.parametrize(
    "said",
    [
        {"said": "agree"},
        {"said": "differently"},
        {"said": "differently", "text": "Nee."},
        {"said": "differently", "text": ""},
    ],
)
async def test_of_another_version_nothing_is_kept_and_the_new_one_is_shown(
    client: httpx.AsyncClient, family: FakeFamily, version: str, said: dict[str, str]
) -> None:
    family.visit()
    page = await client.post(PART, data=form(**said, version=version))
    assert page.status_code == 409
    assert "Er is een nieuwe versie van deze tekst." in visible(page)
    assert "<textarea" not in page.text, "nobody writes about a text that they did not see"
    assert f'name="version" value="{DIGEST}"' in page.text
    assert (family.calls, family.agreed) == ([], ())


@pytest.mark.parametrize("said", ["", "yes", "AGREE", "agree differently"])
async def test_another_choice_is_none(client: httpx.AsyncClient, family: FakeFamily, said: str) -> None:
    family.visit()
    page = await client.post(PART, data=form(version=DIGEST, said=said, text="Nee."))
    assert page.status_code == 400
    assert family.calls == []


async def test_who_agrees_writes_nothing(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    assert (await client.post(PART, data=form(**AGREE, text="Ja, maar."))).status_code == 400
    assert family.calls == []


async def test_too_often_is_told_and_what_was_typed_stays(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for _ in range(3):
        await client.post(PART, data=form(**AGREE))
    page = await client.post(PART, data=form(**DIFFERS, text="En nog eens."))
    assert (page.status_code, page.headers["retry-after"]) == (429, "3600")
    assert "En nog eens.</textarea>" in page.text


async def test_what_is_not_theirs_is_not_there(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    assert (await client.get("/mine/sign-offs/part-other")).status_code == 404
    assert (await client.post("/mine/sign-offs/part-other", data=form(**AGREE))).status_code == 404
    family.types = ()
    assert "Ben je het eens" not in visible(await client.get("/mine"))
    assert family.calls == []


async def test_it_needs_the_secret_of_the_visit_and_the_one_time_code(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    for csrf in ("", "x", CSRF[:-1]):
        assert (await client.post(PART, data={"csrf": csrf, **AGREE})).status_code == 403
    for stage, place in (("code", "/contact"), ("sent", "/one-time-code")):
        family.visit(stage)
        assert (await client.get(PART)).headers["location"] == place
        assert (await client.post(PART, data=form(**AGREE))).headers["location"] == place
    assert family.calls == []


async def test_words_stay_text(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.person = family.sender = HOSTILE
    family.visit()
    pages = [await client.post(PART, data=form(**DIFFERS, text=f"</textarea>{HOSTILE}" + "x" * LONGEST))]
    await client.post(PART, data=form(**DIFFERS, text=f"</textarea>{HOSTILE}"))
    pages += [await client.get(path) for path in ("/mine", PART)]
    for page in pages:
        assert "<img" not in page.text
        assert html.escape(HOSTILE)[:8] in page.text


async def test_another_language_comes_back_to_the_same_page(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    answer = await client.post("/language", data=form(language="en", back=PART))
    assert answer.headers["location"] == PART
