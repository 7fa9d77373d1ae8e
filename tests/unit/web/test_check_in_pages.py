"""The question how things go: equal answers, own words, a way out; before it nothing else, after it who may read."""

import httpx
import pytest
from fastapi import FastAPI

from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF
from tests.unit.web.test_family_languages import LANGUAGES

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def asked(family: FakeFamily) -> FakeFamily:
    """Somebody who came in to say how things go."""
    family.how = ("", "")
    return family.visit()


@pytest.mark.parametrize("language", LANGUAGES)
async def test_it_is_asked_in_every_language_with_three_equal_answers(
    app: FastAPI, asked: FakeFamily, language: str
) -> None:
    asked.visit(language=language)
    async with browsing(app, language) as client:
        page = await client.get("/check-in")
    assert page.status_code == 200
    assert f'<html lang="{language}"' in page.text
    assert page.text.count('type="radio"') == page.text.count('class="rd-radio"') == 3
    assert "checked" not in page.text
    assert 'action="/check-in/stop"' in page.text
    first, _, rest = page.text.partition("</h1>")[2].partition("</p>")
    assert rest.lstrip().startswith('<div class="utrecht-alert'), "before all that can be answered"
    danger = rest.partition("<form")[0]
    for number in ("112", "0800-2000"):
        link = f'<a class="utrecht-link" href="tel:{number.replace("-", "")}"><bdi class="rd-whole" dir="ltr">{number}</bdi></a>'
        assert link in danger, "it is dialled, and reads from left to right in every language"
    assert danger.count("rd-whole") == page.text.count("rd-whole") == 2
    assert "Stichting Timon" in first
    assert asked.calls == []


async def test_nothing_else_comes_first(asked: FakeFamily, client: httpx.AsyncClient) -> None:
    for path in ("/questions/1", "/questions/1/recipients", "/check"):
        assert (await client.get(path)).headers["location"] == "/check-in"
    assert asked.calls == []


async def test_an_answer_leads_to_who_may_read_it_and_stands_on_the_check(
    asked: FakeFamily, client: httpx.AsyncClient
) -> None:
    said = await client.post("/check-in", data={"csrf": CSRF, "how": "so-so", "text": HOSTILE})
    assert (said.status_code, said.headers["location"]) == (303, "/questions/1")
    assert asked.calls == [("say_how", "so-so", HOSTILE)]
    assert (await client.get("/questions/1")).status_code == 200
    asked.answers = dict.fromkeys(asked.types, "yes")
    check = await client.get("/check")
    assert "Het gaat een beetje" in check.text
    assert 'href="/check-in"' in check.text
    assert HOSTILE not in check.text
    again = await client.get("/check-in")
    assert again.text.count("checked") == 1
    assert HOSTILE not in again.text


async def test_without_an_answer_the_page_says_what_is_missing_and_keeps_what_was_typed(
    asked: FakeFamily, client: httpx.AsyncClient
) -> None:
    page = await client.post("/check-in", data={"csrf": CSRF, "text": "Wat ik al typte."})
    assert page.status_code == 400
    assert "Kies hoe het gaat." in page.text
    assert "Wat ik al typte." in page.text
    assert asked.calls == []


async def test_one_press_and_nobody_asks_again(asked: FakeFamily, client: httpx.AsyncClient) -> None:
    stopped = await client.post("/check-in/stop", data={"csrf": CSRF})
    assert (stopped.status_code, stopped.headers["location"]) == (303, "/check-in/stopped")
    assert asked.calls == [("stop_check_ins",)]
    page = await client.get("/check-in/stopped")
    assert "Wij vragen je dit niet meer" in page.text
    assert "Je hebt niets gezegd" not in page.text, "they may have, another time"


async def test_who_stopped_it_can_let_them_ask_again(family: FakeFamily, client: httpx.AsyncClient) -> None:
    family.visit(purpose="mine")
    assert "/mine/check-ins" not in (await client.get("/mine")).text
    family.asked_no_more = True
    assert "vraagt je niet meer hoe het gaat" in (await client.get("/mine")).text
    assert (await client.post("/mine/check-ins", data={"csrf": "0" * 32})).status_code == 403
    assert family.calls == []
    again = await client.post("/mine/check-ins", data={"csrf": CSRF})
    assert (again.status_code, again.headers["location"]) == (303, "/mine#messages")
    assert family.calls == [("allow_check_ins",)]
    assert "/mine/check-ins" not in (await client.get("/mine")).text


@pytest.mark.parametrize("path", ["/check-in", "/check-in/stop"])
async def test_a_form_of_somebody_else_says_nothing(asked: FakeFamily, client: httpx.AsyncClient, path: str) -> None:
    answer = await client.post(path, data={"csrf": "0" * 32, "how": "well"})
    assert answer.status_code >= 400
    assert asked.calls == []


async def test_who_is_not_asked_that_is_led_to_their_questions(family: FakeFamily, client: httpx.AsyncClient) -> None:
    family.visit()
    assert (await client.get("/check-in")).headers["location"] == "/questions/1"
    assert (await client.post("/check-in", data={"csrf": CSRF, "how": "well"})).headers["location"] == "/questions/1"
    family.visit(purpose="mine")
    assert (await client.post("/check-in/stop", data={"csrf": CSRF})).headers["location"] == "/mine"
    assert family.calls == []
