"""P01, attacked: a yes that was asked for as an opinion, or on a question about fewer people, is made to count."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from broker.cli.visitor import answered, form_of
from broker.services.consents import Consents
from broker.storage import tables as t
from tests.promises.attacks import TOM, Case, as_it_is, person, push, rows
from tests.support.world import World, today


def sixteen_with_mother_as_supporter(body: dict[str, Any]) -> None:
    person(body, "tom")["birthDate"] = str(today().replace(day=1) - timedelta(days=365 * 16 + 60))
    body["supporters"] = [{"supporter": "mother", "of": "tom"}]


def grandmother_as_supporter(body: dict[str, Any]) -> None:
    contact = {"channel": "sms", "value": "+31600000777"}
    body["people"].append(
        {
            "key": "grandmother",
            "reference": "oma-visser",
            "name": "Oma Visser",
            "birthDate": "1955-03-03",
            "language": "nl",
            "contacts": [contact],
        }
    )
    body["supporters"] = [{"supporter": "grandmother", "of": "tom"}]
    body["sections"] = [section for section in body["sections"] if section["concerns"] == ["tom"]]


def with_guardian(body: dict[str, Any]) -> dict[str, Any]:
    claim = {"holder": "grandmother", "over": "tom", "kind": "guardian", "since": "2026-01-01", "evidence": "x"}
    return {**body, "authorities": [*body["authorities"], claim]}


async def correct(case: Case, body: dict[str, Any]) -> None:
    path = f"/v1/handovers/{case.handover.id}/versions"
    response = await case.world.as_organisation(case.world.sender(case.name), "POST", path, body)
    assert response.status_code == 201, response.text


async def capacities(world: World) -> set[str]:
    records = await rows(world, t.consent_record.select())
    return {world.broker.house.notary.read(row.statement).capacity for row in records}


async def to_the_last_page(case: Case, who: str, browser: httpx.AsyncClient) -> httpx.Response:
    case.world.handovers[case.name] = case.handover.id
    page = await case.world.come_in(browser, await case.world.invite(case.name, who))
    every = {section["type"]: "yes" for section in case.body["sections"]}
    while page.url.path.startswith("/questions/"):
        page = await browser.post(page.url.path, data=answered(page.text, page.url.path, every))
    assert page.url.path == "/check", page.text
    return page


async def test_a_parents_opinion_about_a_youth_of_sixteen_does_not_become_a_yes(world: World) -> None:
    # She was told that it does not count. Later he is judged unable, and then she is one of those who must sign.
    case = await push(world, TOM, sixteen_with_mother_as_supporter)
    world.handovers[TOM] = case.handover.id
    await world.answer(TOM, "mother", {"status": "yes", "voice-of-the-child": "yes"})
    assert await capacities(world) == {"support"}
    judged = {"reason": "niet in staat", "assessor": "kinderarts", "review": str(today() + timedelta(days=90))}
    person(case.body, "tom")["inability"] = judged
    await correct(case, case.body)
    await case.says("father", "tom")
    assert await case.gets() == []
    await case.says("mother", "tom")
    assert await case.gets() == ["status", "voice-of-the-child"]


async def test_a_choice_made_on_another_question_is_not_confirmed(world: World) -> None:
    # Between choosing and confirming, another handover states that she is the guardian: the text said otherwise.
    case = await push(world, TOM, grandmother_as_supporter)
    async with world.browser() as browser:
        page = await to_the_last_page(case, "grandmother", browser)
        await as_it_is(world, TOM, {**with_guardian(case.body), "reference": "another", "supporters": []})
        page = await browser.post("/check", data=form_of(page.text, "/check"))
    assert not page.url.path.startswith("/receipt/")
    assert await capacities(world) == set()


async def test_the_question_that_is_asked_then_can_be_answered(world: World) -> None:
    case = await push(world, TOM, grandmother_as_supporter)
    async with world.browser() as browser:
        await to_the_last_page(case, "grandmother", browser)
        await as_it_is(world, TOM, {**with_guardian(case.body), "reference": "another", "supporters": []})
        page = await browser.get("/questions/1")
        every = {section["type"]: "yes" for section in case.body["sections"]}
        while page.url.path.startswith("/questions/"):
            page = await browser.post(page.url.path, data=answered(page.text, page.url.path, every))
        page = await browser.post("/check", data=form_of(page.text, "/check"))
    assert page.url.path.startswith("/receipt/"), page.text
    assert await capacities(world) == {"guardian"}


async def test_a_yes_on_a_page_that_stood_open_is_none_to_who_was_added_since(world: World) -> None:
    case = await push(world, TOM)
    world.handovers[TOM] = case.handover.id
    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        added = {"organisation": case.body["recipients"][0]["organisation"], "role": "teacher"}
        await correct(case, {**case.body, "recipients": [*case.body["recipients"], added]})
        every = {section["type"]: "yes" for section in case.body["sections"]}
        pressed = await browser.post(page.url.path, data=answered(page.text, page.url.path, every))
        assert pressed.status_code == 409
        assert "De vraag is veranderd." in pressed.text
        assert "rd-said" not in (await browser.get("/questions/1")).text
        assert (await browser.get("/check")).url.path == "/questions/1", "nothing was kept"


async def test_an_answer_never_lands_on_a_text_that_comes_while_it_is_on_its_way(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await push(world, TOM)
    world.handovers[TOM] = case.handover.id
    choose = Consents.choose
    other = {**case.body, "consentUntil": str(today() + timedelta(days=60))}

    async def choose_a_little_later(*arguments: Any) -> Any:
        monkeypatch.setattr(Consents, "choose", choose)
        await correct(case, other)
        return await choose(*arguments)

    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        says = answered(page.text, page.url.path, {"status": "yes"})
        monkeypatch.setattr(Consents, "choose", choose_a_little_later)
        assert (await browser.post(page.url.path, data=says)).status_code == 409
        async with world.broker.house.storage(writing=False) as work:
            visit = await work.visits.by_token(browser.cookies["rondom"], world.clock())
            assert visit is not None
            assert not visit.state.get("answers")


async def test_the_form_of_one_question_answers_no_other(world: World) -> None:
    await push(world, TOM)
    [world.handovers[TOM]] = {row.id for row in await rows(world, t.handover.select())}
    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        assert page.url.path == "/questions/1"
        says = answered(page.text, page.url.path, {"status": "yes"})
        for changed, status in (
            ({"section": "voice-of-the-child"}, 409),
            ({"section": "timeline"}, 409),
            ({"text": "0" * 64}, 409),
            ({"text": ""}, 409),
            ({"answer": "maybe"}, 400),
        ):
            assert (await browser.post("/questions/1", data={**says, **changed})).status_code == status, changed
        assert (await browser.post("/questions/2", data=says)).status_code == 409
        for nowhere in ("/questions/9", "/questions/0", "/questions/x", "/questions/01"):
            assert (await browser.post(nowhere, data=says)).status_code == 404, nowhere
        assert (await browser.post("/questions/1", data=says)).status_code == 200
