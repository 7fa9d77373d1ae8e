"""What is shortened stays apart; a family is told in its own words; the officer's facts have names."""

import httpx
import pytest
from fastapi import FastAPI

from broker.errors import Invalid, NotFound, Unavailable
from broker.web.kit.pages import TOLD_TO_FAMILY, short, start
from tests.unit.web.conftest import browsing
from tests.unit.web.fake_console import FakeConsole
from tests.unit.web.fakes import FakeFamily


def test_ids_of_the_same_moment_stay_apart_when_shortened() -> None:
    one, other = "01a20048-9f29-7210-b272-e13355abcfc3", "01a20048-9f29-7210-b272-0d1f5ba1cd02"
    assert short(one) == "…55abcfc3"
    assert short(one) != short(other)


def test_digests_and_short_words_keep_their_beginning() -> None:
    assert short("9c1f04" * 10) == "9c1f049c…"
    assert short("Officer 1") == "Officer 1"


def test_a_label_starts_with_a_capital() -> None:
    assert [start(text) for text in ("hulp op school", "GGZ", "")] == ["Hulp op school", "GGZ", ""]


def test_the_words_for_a_family_speak_to_a_family() -> None:
    assert set(TOLD_TO_FAMILY) == {NotFound.words, Invalid.words, Unavailable.words}
    for words in TOLD_TO_FAMILY.values():
        assert not {"u", "uw", "vrijgegeven", "released"} & set(
            f"{words.nl} {words.en}".lower().replace(".", "").split()
        )


@pytest.mark.parametrize(("language", "told"), [("nl", "niet voor jou"), ("en", "not for you")])
async def test_what_is_not_there_is_told_to_a_family_in_its_own_words(
    app: FastAPI, family: FakeFamily, language: str, told: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        answer = await client.get("/receipt/none")
    assert answer.status_code == 404
    assert told in answer.text
    assert "voor u bestemd" not in answer.text


async def test_an_officer_is_told_as_before(client: httpx.AsyncClient, console: FakeConsole) -> None:
    console.visit()
    assert "niet voor u bestemd" in (await client.get("/console/disclosures/none")).text


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("handover", "h1", "Overdracht"),
        ("concerned", "p1", "Gaat ook over persoon"),
        ("evidence", "code", "Code van de uitnodiging en een eenmalige code"),
        ("state", "suspended", "Geschorst"),
        ("outcome", "not-intact", "Klopt niet"),
        ("something-new", "x", "something-new"),
    ],
)
async def test_logged_facts_have_names(
    client: httpx.AsyncClient, console: FakeConsole, name: str, value: str, shown: str
) -> None:
    console.visit()
    console.extra = {name: value}
    assert f">{shown}<" in (await client.get("/console/disclosures/e3")).text
