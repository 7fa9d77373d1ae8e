"""Checks, watchers and numbers: signs with words, pseudonyms, tables behind pictures; nothing is said by colour alone."""

import re
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.officers import Right
from broker.errors import Words
from broker.services.pictures import Period
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_checks import BROKEN, CHECKS, OFFICER, RUNNING
from tests.unit.web.fake_console import FakeConsole
from tests.unit.web.fake_indicators import PARTY
from tests.unit.web.test_family_pages import HOSTILE, LANGUAGES, form, visible


async def test_each_line_says_how_it_is_in_words_and_a_sign(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/log")
    text = visible(page)
    for expected in ("In orde", "Kijk hiernaar", "Fout", "Ondertekent het logboek", "400", "1842"):
        assert expected in text
    for sign in re.findall(r'<span class="rd-badge[^>]*>(.*?)</span>', page.text):
        assert sign.startswith("<svg"), "never by colour alone"
        assert sign.rpartition("</svg>")[2].strip()


async def test_pressing_the_button_checks_and_leads_back_to_the_page(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    assert "Het logboek klopte" not in visible(await client.get("/console/log"))
    answer = await client.post("/console/log/check", data=form())
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/log")
    assert console.calls == [("check_log",)]
    page = await client.get("/console/log")
    assert "Het logboek klopte: van de regels van toen" in visible(page)
    assert "Wat er sindsdien bij kwam, is nog niet nagekeken." in visible(page)
    assert f'title="{OFFICER}"' in page.text
    console.found = BROKEN
    await client.post("/console/log/check", data=form())
    broken = await client.get("/console/log")
    assert "Het logboek klopt niet" in visible(broken)
    assert 'role="alert"' in broken.text


async def test_a_check_that_is_going_on_shows_how_far_it_is_and_cannot_be_begun_twice(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    console.checks = replace(CHECKS, running=RUNNING)
    page = await client.get("/console/log")
    assert "512 van 1842" in visible(page)
    assert 'action="/console/log/check"' not in page.text


async def test_keys_that_cannot_be_read_are_said_to_be(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    console.checks = replace(CHECKS, keys=())
    assert "De sleutels zijn niet te lezen" in visible(await client.get("/console/log"))


async def test_watchers_show_looks_by_pseudonym_and_can_be_narrowed(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    text = visible(await client.get("/console/watchers"))
    for expected in ("12 keer sinds", "Opende een regel", "De broker zelf", "Klopt niet"):
        assert expected in text
    page = await client.post("/console/watchers", data=form(officer=OFFICER))
    assert "De broker zelf" not in visible(page)
    assert OFFICER in page.text
    await client.post("/console/watchers", data=form(officer=OFFICER, before="e6"))
    await client.post("/console/watchers", data=form(officer="x' OR 1=1"))
    assert console.looked == [
        ("watchers", "", ""),
        ("watchers", OFFICER, ""),
        ("watchers", OFFICER, "e6"),
        ("watchers", "-", ""),
    ]


async def test_pictures_have_their_numbers_behind_them(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    page = await client.get("/console/pictures")
    assert page.text.count('role="img"') == 3, "and nothing is drawn of nothing"
    assert page.text.count("<details") == 3
    assert "style=" not in page.text
    assert "Niets in deze periode." in visible(page)
    assert "De Hoop GGZ" in visible(page)
    for period in Period:
        assert (await client.get(f"/console/pictures/{period.value}")).status_code == 200
        assert console.looked[-1] == ("pictures", period)
    assert (await client.get("/console/pictures/years")).status_code == 404


@pytest.mark.parametrize("language", LANGUAGES)
async def test_words_of_the_log_stay_text(app: FastAPI, console: FakeConsole, language: str) -> None:
    words = Words(HOSTILE, HOSTILE)
    console.visit()
    console.checks = replace(CHECKS, rows=(replace(CHECKS.whole, what=words, says=words, more=HOSTILE),))
    console.watched = replace(
        console.watched, rows=(replace(console.watched.rows[0], officer=HOSTILE, about=(HOSTILE,), label=words),)
    )
    chart, amounts = console.pictures.charts[0], console.pictures.amounts[0]
    console.pictures = replace(
        console.pictures,
        charts=(replace(chart, title=words, parts=(words,) * 3),),
        amounts=(replace(amounts, title=words, rows=((words, 3),)),),
        repeated=(replace(console.pictures.repeated[0], organisation=HOSTILE, counterpart=HOSTILE, reason=words),),
    )
    async with browsing(app, language) as client:
        for path in ("/console/log", "/console/watchers", "/console/pictures"):
            assert "<img" not in (await client.get(path)).text


async def test_nobody_is_led_to_what_is_not_theirs(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.rights = frozenset({Right.COUNT})
    console.visit()
    page = (await client.get("/console/pictures")).text
    assert 'href="/console/pictures"' in page
    assert 'href="/console/watchers"' not in page
    assert 'href="/console/log"' not in page


async def test_indicators_show_what_may_be_shown_and_a_dash_for_the_rest(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.visit()
    page = await client.get("/console/indicators")
    said = visible(page)
    assert "Vraag om hulp van een ander" in said
    assert "Utrecht" in said
    assert "–" in said
    assert "Uw organisatie" not in said
    assert page.text.count('role="img"') >= 2
    assert re.search(r"/charts[^/\"]*\.css", page.text), "without it a picture fills the page, and so do its words"
    assert "style=" not in page.text
    assert (await client.get("/console/indicators/2026-Q3")).text.count("<table") == page.text.count("<table")
    for wrong in ("2026-Q4", "2026", "2026-Q3x", "2026-q3"):
        assert (await client.get(f"/console/indicators/{wrong}")).status_code == 404


async def test_an_officer_of_one_organisation_sees_its_part_beside_the_whole(
    client: httpx.AsyncClient, console: FakeConsole
) -> None:
    console.party = PARTY
    console.visit()
    assert "Uw organisatie" in visible(await client.get("/console/indicators"))


async def test_indicators_as_a_file_hold_what_the_page_shows(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    file = await client.get("/console/indicators/2026-Q3/file")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert "2026-Q3.csv" in file.headers["content-disposition"]
    head, *rows = file.text.splitlines()
    assert head == '"quarter","indicator","measure","month","kind","region","part","value"'
    values = [row.rpartition(",")[2].strip('"') for row in rows]
    assert "" in values
    assert all(int(value) >= 5 for value in values if value)


async def test_before_a_quarter_is_over_there_is_none(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.indicators = None
    console.visit()
    assert "nog geen kwartaal" in visible(await client.get("/console/indicators"))
