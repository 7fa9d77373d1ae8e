"""The page with somebody's own text: only after a press, plain, kept nowhere, with a way back."""

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.consents import Stance
from broker.domain.handovers import Content, readable
from broker.services.own_text import plain_text
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF, SENDER

TEXT = "2023: &lt;b&gt;een zus erbij&lt;/b&gt;."


@pytest.mark.parametrize(("language", "words"), [("nl", f"{SENDER} schreef dit."), ("en", f"{SENDER} wrote this.")])
async def test_a_press_shows_the_text_and_from_whom_it_is(
    app: FastAPI, family: FakeFamily, language: str, words: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        question = await client.get("/questions/1")
        assert 'action="/questions/1/text"' in question.text
        assert TEXT not in question.text
        page = await client.post("/questions/1/text", data={"csrf": CSRF})
    assert page.status_code == 200
    assert TEXT in page.text
    assert words in page.text
    assert page.text.count('href="/questions/1"') == 2
    assert page.headers["cache-control"] == "no-store"
    assert family.calls == [("own_text", "text-timeline")]


async def test_a_sealed_text_has_no_button_and_another_persons_not_even_a_word(
    family: FakeFamily, client: httpx.AsyncClient
) -> None:
    family.visit()
    sealed, other = await client.get("/questions/2"), await client.get("/questions/3")
    assert "zit op slot" in sealed.text
    assert "/questions/2/text" not in sealed.text
    for page in (await client.post("/questions/2/text", data={"csrf": CSRF}), other):
        assert TEXT not in page.text
    assert "own-text" not in other.text
    assert (await client.post("/questions/3/text", data={"csrf": CSRF})).status_code == 404
    assert family.calls == []


async def test_looking_leads_back(family: FakeFamily, client: httpx.AsyncClient) -> None:
    family.visit()
    assert (await client.get("/questions/1/text")).headers["location"] == "/questions/1"
    assert (await client.get("/mine/texts/text-timeline")).headers["location"] == "/mine"
    assert family.calls == []


async def test_from_what_somebody_said_too(family: FakeFamily, client: httpx.AsyncClient) -> None:
    family.visit(purpose="mine")
    family.said = dict.fromkeys(family.types, Stance.GIVEN)
    mine = await client.get("/mine")
    assert mine.text.count('action="/mine/texts/') == 1
    page = await client.post("/mine/texts/text-timeline", data={"csrf": CSRF})
    assert TEXT in page.text
    assert (await client.post("/mine/texts/text-safety-plan", data={"csrf": CSRF})).status_code == 404
    back = await client.post("/questions/1/text", data={"csrf": CSRF})
    assert back.headers["location"] == "/mine"


@pytest.mark.parametrize("body", ['{"note": "A", "note": "B"}', '[{"a": {"b": 1, "b": 2}}]'])
def test_a_text_that_two_readers_would_read_otherwise_is_no_json(body: str) -> None:
    assert not readable(Content("application/json", body.encode()))
    assert readable(
        Content("application/json", body.replace('"note": "B"', '"other": "B"').replace(', "b": 2', "").encode())
    )


def test_json_is_written_as_lines_for_people() -> None:
    timeline = '{"entries": [{"from": "2011", "what": "Woont bij moeder."}, {"from": "2018", "until": "2024", "what": "Bij oma."}]}'
    assert plain_text(Content("application/json", timeline.encode())).split("\n") == [
        "– 2011: Woont bij moeder.",
        "– 2018 – 2024: Bij oma.",
    ]
    body = '{"entries": [{"from": "2011", "what": "Woont bij moeder."}, "los", [1, {"a": "b"}]], "klaar": true, "leeg": []}'
    assert plain_text(Content("application/json", body.encode())).split("\n") == [
        "entries:",
        "– 2011: Woont bij moeder.",
        "– los",
        "– 1",
        "– b",
        "klaar: true",
        "leeg: []",
    ]
    assert plain_text(Content("text/markdown", "# Zó".encode())) == "# Zó"
