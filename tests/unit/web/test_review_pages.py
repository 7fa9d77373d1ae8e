"""The pages of the review: numbers first, reasons in words, a note to sign off with, and nothing of the address repeated."""

from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from broker.web import Site, install_web
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fake_review import ITEMS, START, FakeReview
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.test_family_pages import HOSTILE, LANGUAGES, form

ITEM = "/console/review/items/i1"


@pytest.fixture
def review() -> FakeReview:
    return FakeReview()


@pytest.fixture
def app(family: FakeFamily, console: FakeConsole, review: FakeReview, site: Site) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    console.visit()
    install_web(app, family, replace(console_services(console), reviewing=review), site)
    return app


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_page_is_there_in_every_language(app: FastAPI, review: FakeReview, language: str) -> None:
    review.signed["i2"] = HOSTILE
    async with browsing(app, language) as client:
        for path in ("/console/start", "/console/review", *(f"/console/review/items/{name}" for name in ITEMS)):
            page = await client.get(path)
            assert page.status_code == 200
            assert f'<html lang="{language}"' in page.text
            assert page.text.count("<h1") == 1
            assert "<script>" not in page.text


async def test_the_first_page_says_how_it_stands(client: httpx.AsyncClient) -> None:
    assert (await client.get("/console")).headers["location"] == "/console/start"
    page = (await client.get("/console/start")).text
    assert "12 dagen" in page
    assert "30 van 40, 75 procent" in page
    assert "1 van 3 afgetekend" in page
    assert 'name="signal" value="sample"' in page
    assert 'href="/console/queue"' in page


async def test_who_may_not_review_sees_numbers_without_ways_in(client: httpx.AsyncClient, review: FakeReview) -> None:
    review.screen = replace(START, reviews=False, checks=False, oldest=0, checked=None, made=0, done=0)
    main = (await client.get("/console/start")).text.partition("<main")[2]
    for part in ("/console/review", "/console/queue", "/console/log"):
        assert f'href="{part}' not in main
    for words in ("Sinds vandaag", "Nog nooit", "Er viel niets op"):
        assert words in main


async def test_a_log_that_is_not_intact_is_said_in_words(client: httpx.AsyncClient, review: FakeReview) -> None:
    review.screen = replace(START, intact=False)
    assert "<strong>Klopt niet</strong>" in (await client.get("/console/start")).text


async def test_the_queue_is_narrowed_by_a_reason_that_exists(client: httpx.AsyncClient, review: FakeReview) -> None:
    page = (await client.post("/console/review", data=form(signal="sample"))).text
    assert 'value="sample" selected' in page
    assert "/console/review/items/i2" in page
    assert "/console/review/items/i1" not in page
    review.following = "i9"
    page = (await client.post("/console/review", data=form(signal="sample", after="i1"))).text
    assert 'name="after" value="i9"' in page
    assert review.calls[-1] == ("queue", "sample", "i1")
    assert "Er zijn er meer" in (await client.get(ITEM)).text


async def test_nothing_that_was_sent_is_repeated(client: httpx.AsyncClient, review: FakeReview) -> None:
    page = await client.post("/console/review", data=form(signal="zebra", after="giraffe"))
    assert page.status_code == 200
    assert "zebra" not in page.text
    assert "giraffe" not in page.text
    await client.post("/console/review", data=form(signal=HOSTILE, after="\u202e"))
    assert review.calls[-1] == ("queue", "", "")


async def test_an_item_says_why_and_leads_to_its_lines(client: httpx.AsyncClient) -> None:
    page = (await client.get(ITEM)).text
    assert "5 keer of vaker geweigerd" in page
    assert "in het weekend" in page
    assert 'href="/console/disclosures/e3"' in page
    assert 'name="note"' in page
    assert "e9" in (await client.get("/console/review/items/i0")).text


async def test_signing_off_takes_a_note_and_happens_once(client: httpx.AsyncClient, review: FakeReview) -> None:
    empty = await client.post(ITEM, data=form(note=""))
    assert empty.status_code == 400
    assert "Schrijf kort op" in empty.text
    assert review.signed == {}
    done = await client.post(ITEM, data=form(note="Gebeld: spoed."))
    assert (done.status_code, done.headers["location"]) == (303, ITEM)
    page = (await client.get(ITEM)).text
    assert "Gebeld: spoed." in page
    assert 'name="note"' not in page
    again = await client.post(ITEM, data=form(note="Nog eens."))
    assert again.status_code == 409
    assert review.signed == {"i1": "Gebeld: spoed."}


async def test_without_the_secret_of_the_visit_nothing_is_signed_off(
    client: httpx.AsyncClient, review: FakeReview
) -> None:
    assert (await client.post(ITEM, data={"note": "x"})).status_code == 403
    assert review.acts == []


async def test_without_a_sign_in_or_the_right_nothing_is_shown(
    client: httpx.AsyncClient, console: FakeConsole, review: FakeReview
) -> None:
    review.refuses = True
    for path in ("/console/start", "/console/review", ITEM):
        assert (await client.get(path)).status_code == 403
    assert (await client.post(ITEM, data=form(note="x"))).status_code == 403
    assert (await client.get("/console/review/items/none")).status_code == 403
    console.visit("invited")
    for path in ("/console/start", "/console/review", ITEM):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console")
    assert (await client.post(ITEM, data=form(note="x"))).headers["location"] == "/console"
    assert review.signed == {}


async def test_what_waits_stands_in_the_navigation(client: httpx.AsyncClient, console: FakeConsole) -> None:
    assert console.current is not None
    console.current = replace(console.current, open_items=7, open_matters=2, open_motions=1, open_proposals=3)
    page = (await client.get("/console/review")).text
    assert "Wat opvalt (7)" in page
    assert "Twijfels (2)" in page
    assert "Beoordelen (9)" in page
    assert "Beheer (1)" in page
    assert "Afspraken (3)" in page
    start = (await client.get("/console/start")).text
    assert start.index("Wacht op u") < start.index('id="review"')
    assert "1 besluit wacht op een tweede officer" in start
    assert "3 voorstellen voor afspraken wachten op uw goedkeuring" in start
    console.current = replace(console.current, open_motions=0, open_proposals=0)
    assert "Wacht op u" not in (await client.get("/console/start")).text
