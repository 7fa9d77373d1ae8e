"""One answer for all recipients, or one for each: nothing chosen beforehand, nothing kept until all are chosen."""

import re
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import ALONE, ASKED, CSRF
from tests.unit.web.test_family_pages import HOSTILE, LANGUAGES, visible

KEYS = [recipient.key for recipient in ASKED]
PLACE = "/questions/1/recipients"


def form(**fields: str) -> dict[str, str]:
    return {"csrf": CSRF, "section": "timeline", "shown": "nl", **fields}


def checked(page: httpx.Response) -> dict[str, str]:
    """What is chosen on the page."""
    radios = re.findall(r'<input type="radio"[^>]*name="([^"]+)" value="(yes|no)"( checked)?>', page.text)
    assert len(radios) == 2 * len(KEYS)
    return {name: value for name, value, on in radios if on}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_with_several_recipients_the_page_says_for_whom_yes_and_no_are(
    app: FastAPI, family: FakeFamily, language: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        page = await client.get("/questions/1")
        told = {"nl": ("voor allemaal", "Ik kies per organisatie"), "en": ("for all of them", "I choose for each")}
        assert visible(page).count(told[language][0]) == 2
        assert told[language][1] in visible(page)
        assert re.findall(r'name="answer" value="(\w+)"', page.text) == ["yes", "no", "each"]
        family.asked = ASKED[:1]
        page = await client.get("/questions/1")
        assert told[language][0] not in visible(page)
        assert re.findall(r'name="answer" value="(\w+)"', page.text) == ["yes", "no"]


async def test_choosing_per_organisation_is_a_page_and_keeps_nothing_yet(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    answer = await client.post("/questions/1", data=form(answer="each"))
    assert (answer.status_code, answer.headers["location"]) == (303, PLACE)
    page = await client.get(PLACE)
    assert checked(page) == {}
    assert page.text.count("<fieldset") == page.text.count("<legend ") == len(KEYS)
    for recipient in ASKED:
        assert f"{recipient.organisation} {recipient.role.nl}" in visible(page)
    assert 'href="/questions/1"' in page.text, "the way back"
    assert "<title>Vraag 1 van 3 – Rondom</title>" in page.text
    assert family.calls == []


async def test_an_answer_for_each_is_kept_and_shown_for_each(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    chosen = dict(zip(KEYS, ("yes", "no", "yes"), strict=True))
    answer = await client.post(PLACE, data=form(**chosen))
    assert answer.headers["location"] == "/questions/2"
    assert family.calls == [("choose", "timeline", chosen, "nl")]
    assert "Je koos per organisatie." in visible(await client.get("/questions/1"))
    assert checked(await client.get(PLACE)) == chosen
    for position, section in ((2, "roles-and-tasks"), (3, "safety-plan")):
        await client.post(f"/questions/{position}", data=form(section=section, answer="no"))
    check = visible(await client.get("/check"))
    assert "Ja: De Hoop GGZ (psycholoog) Nee: De Hoop GGZ (systeemtherapeut) Ja: Wijkteam Dordrecht" in check
    assert check.count("Nee, dit mogen zij niet lezen") == 2
    page = await client.post("/check", data={"csrf": CSRF, "shown": "nl"})
    receipt = visible(await client.get(page.headers["location"]))
    assert re.search(r"Je zei ja psycholoog bij De Hoop GGZ gezinswerker bij Wijkteam", receipt)
    assert re.search(r"Je zei nee systeemtherapeut bij De Hoop GGZ Gaat over", receipt)


async def test_one_answer_for_all_stands_on_the_page_per_recipient_too(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    family.answers = {"timeline": "no"}
    assert checked(await client.get(PLACE)) == dict.fromkeys(KEYS, "no")
    family.answers = {"timeline": dict.fromkeys(KEYS, "yes")}
    assert "Je koos: ja." in visible(await client.get("/questions/1")), "the same for each is one answer"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_missing_choice_is_told_at_its_place_and_keeps_what_was_chosen(
    app: FastAPI, family: FakeFamily, language: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        page = await client.post(PLACE, data=form(shown=language) | {KEYS[1]: "yes"})
        assert page.status_code == 400
        assert page.text.count('role="alert"') == 1
        assert re.findall(r'href="#(recipient-\d-yes)"', page.text) == ["recipient-1-yes", "recipient-3-yes"]
        for number in (1, 3):
            assert f'id="recipient-{number}-yes"' in page.text
            assert f'aria-describedby="recipient-{number}-error"' in page.text
            assert f'id="recipient-{number}-error"' in page.text
        assert 'id="recipient-2-error"' not in page.text
        assert checked(page) == {KEYS[1]: "yes"}
        assert {"nl": "nog niets opgeslagen", "en": "Nothing was saved yet"}[language] in visible(page)
        assert {"nl": "<title>Fout: ", "en": "<title>Error: "}[language] in page.text
        page = await client.post(PLACE, data=form(shown=language))
        assert checked(page) == {}
        page = await client.post(PLACE, data=form(shown=language) | dict.fromkeys(KEYS[:2], "no"))
        asked = {"nl": 1, "en": 2}[language]
        assert visible(page).count("De Hoop GGZ (") == asked, (
            "only in the question itself, and in the Dutch one beside it"
        )
    assert family.calls == []
    assert family.answers == {}


async def test_what_was_not_asked_is_refused_and_keeps_nothing(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    every = dict.fromkeys(KEYS, "yes")
    for wrong, status in (
        ({"00000099000000990000/psychologist": "yes"}, 409),
        ({"/1": "yes"}, 409),
        ({"section": "safety-plan"}, 409),
        ({KEYS[0]: "maybe"}, 400),
        ({KEYS[0]: ""}, 400),
        ({"shown": "xx"}, 400),
    ):
        answer = await client.post(PLACE, data=form(**every) | wrong)
        assert answer.status_code == status, wrong
    for place in ("/questions/0/recipients", "/questions/4/recipients", "/questions/x/recipients"):
        assert (await client.get(place)).status_code == 404
        assert (await client.post(place, data=form(**every))).status_code == 404
    assert family.calls == []


async def test_with_one_recipient_there_is_nothing_to_choose_between(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    family.asked = ASKED[:1]
    assert (await client.get(PLACE)).headers["location"] == "/questions/1"
    assert (await client.post("/questions/1", data=form(answer="each"))).status_code == 400
    assert family.calls == []


async def test_who_answered_already_sees_what_was_said(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit(purpose="mine")
    assert (await client.get(PLACE)).headers["location"] == "/mine"
    assert (await client.post(PLACE, data=form())).headers["location"] == "/mine"
    family.visit("code")
    assert (await client.get(PLACE)).headers["location"] == "/contact"
    assert (await client.get("/mine/1/recipients")).headers["location"] == "/contact"


async def test_another_language_stays_on_the_page(client: httpx.AsyncClient, family: FakeFamily) -> None:
    for back in (PLACE, "/mine/1/recipients"):
        family.visit()
        answer = await client.post("/language", data={"csrf": CSRF, "language": "en", "back": back})
        assert answer.headers["location"] == back


async def answered(family: FakeFamily, said: str = "yes") -> None:
    family.visit()
    family.answers = {"timeline": said, "roles-and-tasks": "no", "safety-plan": said}  # type: ignore[dict-item]
    await family.confirm("family-token", "nl")
    family.calls.clear()


async def test_stopping_for_one_is_two_presses_and_for_all_still_one(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    await answered(family)
    page = await client.get("/mine")
    assert page.text.count('name="all"') == 1
    assert page.text.count('href="/mine/1/recipients"') == 1
    page = await client.get("/mine/1/recipients")
    assert page.text.count('action="/mine/stop"') == page.text.count('name="all"') == 3
    assert tuple(re.findall(r'name="recipient" value="([^"]+)"', page.text)) == ALONE
    assert re.findall(r'name="section" value="([^"]+)"', page.text) == ["timeline", "safety-plan"] * 3
    answer = await client.post("/mine/stop", data={"csrf": CSRF, "recipient": ALONE[1], "all": "yes"})
    assert answer.headers["location"].startswith("/receipt/")
    await client.post("/mine/stop", data={"csrf": CSRF, "recipient": ALONE[2], "group": "g1", "section": "timeline"})
    assert family.calls == [
        ("withdraw", ALONE[1], ("timeline", "safety-plan"), "nl"),
        ("withdraw", ALONE[2], ("timeline",), "nl"),
    ], "the narrower one counts"


async def test_where_nothing_runs_there_is_nobody_to_choose(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await answered(family, "no")
    assert "/mine/1/recipients" not in (await client.get("/mine")).text
    for place in ("1", "0", "2", "x", "-1"):
        assert (await client.get(f"/mine/{place}/recipients")).headers["location"] == "/mine"


async def test_hostile_names_stay_text(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    family.asked = tuple(replace(recipient, organisation=HOSTILE) for recipient in ASKED)
    for page in (await client.get(PLACE), await client.post(PLACE, data=form())):
        assert "<img" not in page.text
        assert "&lt;img" in page.text
