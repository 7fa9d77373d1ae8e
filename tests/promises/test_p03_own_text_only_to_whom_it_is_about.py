"""P01, P03 and P05 for somebody's own text: only to the person whom it is about, only by a press, only once it is logged.

Tom is thirteen. `status` and `voice-of-the-child` are about him alone, and the agreement gives both types to whom they are
about; the safety plan is about his father too, and `parent-health` about his father alone.
"""

import asyncio
import base64
import json
import re
import sys
from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import httpx
import pytest
from structlog.testing import capture_logs

from broker.cli.visitor import form_of
from broker.domain.events import EventType
from broker.domain.vocabulary import Vocabulary
from broker.errors import Conflict, NotAuthenticated, NotFound, TooMany
from broker.services.own_text import MOST_IN_AN_HOUR
from broker.storage.unit_of_work import SqlUnitOfWork
from tests.promises.attacks import TOM, Case, as_it_is, push, texts_in
from tests.support.failures import refusing
from tests.support.surface import changed, dump, leaks, operational_log
from tests.support.world import World

STATUS = "Tom heeft elke week een gesprek"
SHOWN = EventType.RELEASE_SHOWN.value


async def pushed(world: World, change: Callable[[dict[str, Any]], object] | None = None) -> Case:
    case = await push(world, TOM, change)
    world.handovers[TOM] = case.handover.id
    return case


async def token_of(world: World, person: str) -> str:
    return await world.visit(await world.invite(TOM, person))


async def offered(world: World, token: str) -> set[str]:
    return {line.section_type for line in await world.broker.consents.own_texts(token)}


def id_of(world: World, case: Case, section_type: str) -> str:
    """The id that a forger could not guess: even who knows it gets nothing that is not theirs."""
    return world.broker.house.tags.tag("own-text", case.handover.id, section_type)[:32]


async def shown(world: World) -> list[Any]:
    return [entry for entry in await world.entries() if entry.type == SHOWN]


async def assert_nothing(world: World, token: str, case: Case, section_type: str = "status") -> None:
    before = len(await shown(world))
    with pytest.raises(NotFound):
        await world.broker.consents.own_text(token, id_of(world, case, section_type))
    assert section_type not in await offered(world, token)
    assert len(await shown(world)) == before


def section(body: dict[str, Any], section_type: str) -> dict[str, Any]:
    found: dict[str, Any] = next(s for s in body["sections"] if s["type"] == section_type)
    return found


# what is given


async def test_tom_reads_what_is_about_him_and_the_log_says_so(world: World) -> None:
    case = await pushed(world)
    async with world.browser() as browser:
        question = await world.come_in(browser, await world.invite(TOM, "tom"))
        assert STATUS not in question.text
        address = f"{question.url.path}/text"
        page = await browser.post(address, data=form_of(question.text, address))
    assert page.status_code == 200
    [text] = texts_in(section(case.body, "status")["content"])
    assert text in page.text
    assert page.headers["cache-control"] == "no-store"
    sender = next(
        o["name"] for f in world.families.values() for o in f["organisations"] if o["oin"] == case.handover.sender
    )
    assert f"{sender} schreef dit." in page.text
    [entry] = await shown(world)
    assert entry.personal["signer"] == [case.people["tom"]] == entry.personal["subject"]
    assert [json.loads(types) for types in entry.personal["types"]] == [["status"]]
    assert entry.facts == {"purpose": "education-support", "policy": world.broker.house.agreement().digest}
    assert text not in repr(entry)


async def test_only_types_that_the_agreement_gives_and_that_are_about_him_alone_are_offered(world: World) -> None:
    await pushed(world)
    assert await offered(world, await token_of(world, "tom")) == {"status", "voice-of-the-child"}
    assert await offered(world, await token_of(world, "mother")) == set()
    assert await offered(world, await token_of(world, "father")) == set()


async def test_it_is_there_too_after_a_no_and_in_the_proof_of_who_read(world: World) -> None:
    case = await pushed(world)
    await world.answer(TOM, "tom", {})
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "tom"])
        mine = await browser.get("/mine")
        address = f"/mine/texts/{id_of(world, case, 'status')}"
        page = await browser.post(address, data=form_of(mine.text, address))
        assert STATUS in page.text
        [way] = re.findall(r'href="(/mine/sections/[0-9a-f]{32}/correction-request)"', page.text)
        asked = await browser.get(way)
        assert (asked.status_code, STATUS in asked.text) == (200, False)
        await world.settle()
        proof = (await browser.get("/mine/proof")).json()
    assert SHOWN in [json.loads(base64.b64decode(entry["leaf"]))["type"] for entry in proof["entries"]]


# what is not


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda body: section(body, "status")["concerns"].append("father"), id="about two people"),
        pytest.param(lambda body: section(body, "status").update(concerns=["father"]), id="about somebody else"),
        pytest.param(lambda body: section(body, "status").update(shieldedFrom=["tom"]), id="shielded from him"),
        pytest.param(
            lambda body: next(p for p in body["people"] if p["key"] == "tom").update(birthDate="2019-01-01"),
            id="seven years old",
        ),
    ],
)
async def test_what_is_not_for_him_is_not_there(world: World, change: Callable[[dict[str, Any]], object]) -> None:
    case = await pushed(world, change)
    async with world.broker.house.storage(writing=False) as work:
        signers = await work.handovers.people(case.handover.id)
    assert signers["tom"] == case.people["tom"]
    try:
        token = await token_of(world, "tom")
    except AssertionError:  # a child of seven is not asked at all
        token = await token_of(world, "mother")
    await assert_nothing(world, token, case)


async def test_another_persons_text_does_not_open_with_its_own_id(world: World) -> None:
    case = await pushed(world)
    for person in ("mother", "father"):
        await assert_nothing(world, await token_of(world, person), case)
    for section_type in ("parent-health", "safety-plan"):
        await assert_nothing(world, await token_of(world, "tom"), case, section_type)


async def test_another_senders_text_does_not_open(world: World) -> None:
    """Tom comes in with a code of this sender; the same Tom is known to another one, who wrote about him too."""
    case = await pushed(world)
    body = json.loads(json.dumps(case.body))
    body["reference"] += "-other"
    body["recipients"] = [{"organisation": str(case.handover.sender), "role": "family-worker"}]
    other = next(o for o in world.keys if o != case.handover.sender)
    response = await world.as_organisation(other, "POST", "/v1/handovers", body)
    assert response.status_code == 201, response.text
    token = await token_of(world, "tom")
    theirs = world.broker.house.tags.tag("own-text", response.json()["id"], "status")[:32]
    with pytest.raises(NotFound):
        await world.broker.consents.own_text(token, theirs)
    assert {line.id for line in await world.broker.consents.own_texts(token)} == {
        id_of(world, case, "status"),
        id_of(world, case, "voice-of-the-child"),
    }


async def test_nothing_is_left_to_read_after_its_sender_withdrew(world: World) -> None:
    """Another handover about the same Tom stays, so that he still has a way in."""
    case = await pushed(world)
    stays = await as_it_is(world, TOM, {**case.body, "reference": f"{case.body['reference']}-2"})
    world.handovers[TOM] = stays.handover.id
    token = await token_of(world, "tom")
    assert len(await world.broker.consents.own_texts(token)) == 4
    answer = await world.as_organisation(world.sender(TOM), "DELETE", f"/v1/handovers/{case.handover.id}")
    assert answer.status_code in (200, 204)
    with pytest.raises(NotFound):
        await world.broker.consents.own_text(token, id_of(world, case, "status"))
    assert {line.id for line in await world.broker.consents.own_texts(token)} == {
        id_of(world, stays, "status"),
        id_of(world, stays, "voice-of-the-child"),
    }


async def test_who_did_not_type_the_one_time_code_reads_nothing(world: World) -> None:
    case = await pushed(world)
    token, _ = await world.broker.consents.enter(await world.invite(TOM, "tom"), "192.0.2.7", "nl")
    with pytest.raises(NotAuthenticated):
        await world.broker.consents.own_text(token, id_of(world, case, "status"))
    with pytest.raises(NotAuthenticated):
        await world.broker.consents.own_texts(token)


async def test_whose_contact_is_doubted_reads_nothing(world: World) -> None:
    """The number of Tom turns out to be a professional's: whoever has the phone is perhaps not Tom."""
    case = await pushed(world)
    token = await token_of(world, "tom")
    assert await offered(world, token)
    contact = next(p for p in case.body["people"] if p["key"] == "tom")["contacts"][0]
    name = {"sms": "phone_number", "email": "email"}[contact["channel"]]
    oin, claims = world.professional("ib-joris")
    await world.token(oin, {**claims, name: contact["value"]})
    await assert_nothing(world, token, case)


async def test_what_may_only_be_sealed_is_told_and_not_opened(world: World) -> None:
    case = await pushed(world)
    token = await token_of(world, "tom")
    with patch.object(Vocabulary, "sealed_only", frozenset({"status"})):
        lines = {line.section_type: line.sealed for line in await world.broker.consents.own_texts(token)}
        assert lines == {"status": True, "voice-of-the-child": False}
        with pytest.raises(Conflict) as refused:
            await world.broker.consents.own_text(token, id_of(world, case, "status"))
        assert refused.value.code == "sealed-text"
    assert await shown(world) == []


async def test_no_more_than_twenty_in_an_hour(world: World) -> None:
    case = await pushed(world)
    token = await token_of(world, "tom")
    for _ in range(MOST_IN_AN_HOUR):
        await world.broker.consents.own_text(token, id_of(world, case, "status"))
    with pytest.raises(TooMany):
        await world.broker.consents.own_text(token, id_of(world, case, "status"))
    assert len(await shown(world)) == MOST_IN_AN_HOUR


# no log, no text


async def test_without_its_log_entry_nothing_is_shown(world: World) -> None:
    await pushed(world)
    async with world.browser() as browser:
        question = await world.come_in(browser, await world.invite(TOM, "tom"))
        address = f"{question.url.path}/text"
        form = form_of(question.text, address)
        with refusing(world, "log_entry") as refused, capture_logs():
            page = await browser.post(address, data=form)
        assert refused
        assert page.status_code == 503
        assert STATUS not in page.text
        assert await shown(world) == []
        assert STATUS in (await browser.post(address, data=form)).text


async def test_the_text_is_not_given_before_the_commit_is_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case = await pushed(world)
    token = await token_of(world, "tom")
    arrived, go_on, genuine = asyncio.Event(), asyncio.Event(), SqlUnitOfWork.commit

    async def commit(work: SqlUnitOfWork) -> None:
        if sys._getframe(1).f_code.co_name == "own_text":
            arrived.set()
            await go_on.wait()
        await genuine(work)

    monkeypatch.setattr(SqlUnitOfWork, "commit", commit)
    asking = asyncio.create_task(world.broker.consents.own_text(token, id_of(world, case, "status")))
    async with asyncio.timeout(10):
        await arrived.wait()
    await asyncio.sleep(0.05)
    assert not asking.done()
    assert await shown(world) == []
    go_on.set()
    assert STATUS in (await asking).texts[0]
    assert len(await shown(world)) == 1


# opening changes nothing, and nothing leaks


async def test_looking_at_its_address_opens_nothing_and_changes_nothing(world: World) -> None:
    case = await pushed(world)
    async with world.browser() as browser:
        question = await world.come_in(browser, await world.invite(TOM, "tom"))
        before = await dump(world)
        for path in (f"{question.url.path}/text", f"/mine/texts/{id_of(world, case, 'status')}"):
            for method in ("GET", "HEAD"):
                page = await browser.request(method, path)
                assert STATUS not in page.text
        assert changed(before, await dump(world)) == set()


async def test_a_forged_press_is_refused(world: World) -> None:
    await pushed(world)
    async with world.browser() as browser:
        question = await world.come_in(browser, await world.invite(TOM, "tom"))
        address = f"{question.url.path}/text"
        form = form_of(question.text, address)
        elsewhere = await browser.post(address, data=form, headers={"Origin": "https://elsewhere.example"})
        without = await browser.post(address, data={**form, "csrf": "x"})
    assert {elsewhere.status_code, without.status_code} == {403}
    assert STATUS not in elsewhere.text + without.text
    assert await shown(world) == []


async def test_the_text_stands_on_the_page_and_nowhere_else(world: World) -> None:
    case = await pushed(
        world, lambda body: section(body, "status").update(content="<img src=x onerror=alert(1)> Uniek.")
    )
    responses: list[httpx.Response] = []
    with operational_log() as log:
        async with world.browser() as browser:
            question = await world.come_in(browser, await world.invite(TOM, "tom"))
            address = f"{question.url.path}/text"
            responses.append(await browser.post(address, data=form_of(question.text, address)))
        said = log.getvalue()
    [page] = responses
    assert "&lt;img src=x onerror=alert(1)&gt; Uniek." in page.text
    assert "<img" not in page.text
    assert leaks(said, ["Uniek"]) == []
    assert leaks(repr(await dump(world)), ["Uniek"]) == []
    assert case.handover.id not in page.text
    assert len(await shown(world)) == 1
