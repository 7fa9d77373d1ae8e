"""A correction takes the place of what was wrong: the old text is gone, who read it is told, and what was said stays said."""

import asyncio
import json
from typing import Any

import httpx
import pytest

from broker.cli.visitor import form_of
from broker.domain.events import EventType, LogEvent
from broker.storage import tables as t
from broker.storage.log import Log
from tests.promises.attacks import JACK, TOM, WITHDRAWN, Case, push, rows
from tests.support.surface import NO_SUCH_ID
from tests.support.surface import told as told_by
from tests.support.world import URL, World

SCHOOL = "00000099000000020000"


async def correct(case: Case, **more: Any) -> httpx.Response:
    path = f"/v1/handovers/{case.handover.id}/versions"
    return await case.world.as_organisation(case.world.sender(case.name), "POST", path, {**case.body, **more})


def rewritten(case: Case, section_type: str, text: str) -> list[dict[str, Any]]:
    return [
        {**section, "mediaType": "text/plain", "content": text} if section["type"] == section_type else section
        for section in case.body["sections"]
    ]


async def told(world: World, oin: str, after: str = "") -> list[dict[str, Any]]:
    response = await world.as_organisation(oin, "GET", f"/v1/events?after={after}")
    assert response.status_code == 200, response.text
    items: list[dict[str, Any]] = response.json()["items"]
    return items


async def test_the_new_text_leaves_the_old_one_is_destroyed_and_its_reader_is_told(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    first = (await case.ask()).json()
    assert await told(world, SCHOOL) == []
    status = (await world.as_professional("ib-joris", "GET", f"/v1/releases/{first['id']}")).json()
    assert (status["version"], status["corrected"], status["acknowledged"]) == (1, False, False)
    response = await correct(case, sections=rewritten(case, "status", "Nu staat het er goed."))
    assert (response.status_code, response.json()["version"]) == (201, 2)
    second = (await case.ask()).json()
    texts = {part["type"]: part["content"] for part in second["released"]}
    assert texts["status"] == "Nu staat het er goed."
    assert set(texts) == {part["type"] for part in first["released"]}, "what was said goes on counting"
    [event] = await told(world, SCHOOL)
    assert event["type"] == "nl.rondom.handover-corrected.v1"
    assert event["data"] == {"handover": case.handover.id, "release": first["id"], "version": 2, "sectionTypes": []}
    assert (event["specversion"], event["source"]) == ("1.0", URL)
    status = (await world.as_professional("ib-joris", "GET", f"/v1/releases/{first['id']}")).json()
    assert (status["version"], status["corrected"]) == (1, True)
    status = (await world.as_professional("ib-joris", "GET", f"/v1/releases/{second['id']}")).json()
    assert (status["version"], status["corrected"]) == (2, False)
    sections = await rows(world, t.section.select().where(t.section.c.handover == case.handover.id))
    assert all((row.ciphertext is None) == (row.wrapped_key is None) == (row.version == 1) for row in sections)


async def test_the_same_correction_again_answers_as_the_first_time(world: World) -> None:
    case = await push(world, TOM)
    sections = rewritten(case, "status", "Anders.")
    once, again = await correct(case, sections=sections), await correct(case, sections=sections)
    assert once.json() == again.json()
    assert again.json()["version"] == 2
    unchanged = await correct(case)
    assert unchanged.json()["version"] == 3, "back to what it said first is a correction too"
    pushed_again = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", case.body)
    assert pushed_again.status_code == 201
    assert pushed_again.json()["id"] == case.handover.id


@pytest.mark.parametrize(
    ("field", "other"),
    [("reference", "another"), ("purpose", "coordination"), ("kind", "inform-gp"), ("subject", "mother")],
)
async def test_what_consent_was_asked_for_stays_what_it_was(world: World, field: str, other: str) -> None:
    case = await push(world, TOM)
    response = await correct(case, **{field: other})
    assert response.status_code == 400
    assert [fault["pointer"] for fault in response.json()["errors"]] == [f"/{field}"]
    view = await world.as_organisation(world.sender(TOM), "GET", f"/v1/handovers/{case.handover.id}")
    assert view.json()["version"] == 1


async def test_nobody_else_corrects_it_and_what_was_withdrawn_stays_so(world: World) -> None:
    case = await push(world, TOM)
    path = f"/v1/handovers/{case.handover.id}/versions"
    for oin in (SCHOOL, "00000099000000040000"):
        assert (await world.as_organisation(oin, "POST", path, case.body)).status_code == 404
    assert (await world.as_professional("ib-joris", "POST", path, case.body)).status_code == 403
    assert (await world.http.post(path, json=case.body)).status_code == 401
    await world.as_organisation(world.sender(TOM), "DELETE", f"/v1/handovers/{case.handover.id}")
    response = await correct(case, sections=rewritten(case, "status", "x"))
    assert (response.status_code, response.json()["type"]) == (409, "urn:rondom:problem:handover-withdrawn")


async def test_a_new_recipient_needs_new_answers_and_one_who_is_left_out_gets_nothing(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    view = (await world.as_organisation(world.sender(TOM), "GET", f"/v1/handovers/{case.handover.id}")).json()
    assert {signer["state"] for signer in view["signers"]} == {"answered"}
    recipients = [{"organisation": SCHOOL, "role": "teacher"}]
    changed = (await correct(case, recipients=recipients)).json()
    assert {signer["state"] for signer in changed["signers"]} == {"not-asked"}
    assert (await case.ask()).status_code == 404
    both = (await correct(case, recipients=[*case.body["recipients"], *recipients])).json()
    assert {signer["state"] for signer in both["signers"]} == {"new-answer-needed"}
    assert sorted(part["type"] for part in (await case.ask()).json()["released"])


async def test_what_a_correction_shields_is_gone_from_what_was_read_before(world: World) -> None:
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    everything = world.broker.house
    hidden = [{**section, "shieldedFrom": ["father"]} for section in case.body["sections"]]
    async with everything.storage(writing=False) as work:
        before = await work.releases.of_person(case.people["jack"], case.handover.sender, case.people["father"])
    assert (await correct(case, sections=hidden)).status_code == 201
    async with everything.storage(writing=False) as work:
        after = await work.releases.of_person(case.people["jack"], case.handover.sender, case.people["father"])
        mothers = await work.releases.of_person(case.people["jack"], case.handover.sender, case.people["mother"])
    assert [before[0].corrected, mothers[0].corrected] == [False, True]
    assert after == []
    assert (await case.ask()).status_code == 403, "he cannot be asked, so consent cannot be complete"


async def test_who_read_it_hears_that_it_was_withdrawn(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    release = (await case.ask()).json()["id"]
    await world.as_organisation(world.sender(TOM), "DELETE", f"/v1/handovers/{case.handover.id}")
    assert [event["type"] for event in await told(world, SCHOOL)] == ["nl.rondom.handover-withdrawn.v1"]
    assert (await world.as_professional("ib-joris", "GET", f"/v1/releases/{release}")).json()["withdrawn"]
    assert await told(world, world.sender(TOM)) == []


async def test_events_come_once_each_and_only_to_whom_they_are_for(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    releases = [(await case.ask()).json()["id"] for _ in range(2)]
    assert (await correct(case, sections=rewritten(case, "status", "x"))).status_code == 201
    events = await told(world, SCHOOL)
    assert [event["data"]["release"] for event in events] == releases
    assert [event["id"] for event in await told(world, SCHOOL, events[0]["id"])] == [events[1]["id"]]
    assert await told(world, "00000099000000040000") == []
    assert (await world.as_professional("ib-joris", "GET", "/v1/events")).status_code == 403
    for who in ("ha-vdberg",):
        assert (await world.as_professional(who, "GET", f"/v1/releases/{releases[0]}")).status_code == 404
    assert (await world.as_organisation(SCHOOL, "GET", f"/v1/releases/{releases[0]}")).status_code == 200


async def test_a_withdrawal_tells_its_readers_to_stop_without_saying_who(world: World) -> None:
    await world.push("tom-to-school")
    await world.everybody_says_yes("tom-to-school")
    release = (await world.ask("tom-to-school", "ib-joris")).json()["id"]
    await world.withdraw("tom-to-school", "mother", ["status"])
    [event] = await told(world, SCHOOL)
    assert event["type"] == "nl.rondom.stop-using.v1"
    assert event["data"]["sectionTypes"] == ["status"]
    assert set(event["data"]) == {"handover", "release", "version", "sectionTypes"}
    people = await rows(world, t.person.select())
    assert not any(str(person.id) in json.dumps(event) for person in people)
    status = (await world.as_professional("ib-joris", "GET", f"/v1/releases/{release}")).json()
    assert status["stopUsing"] == ["status"]
    await world.withdraw("tom-to-school", "tom", ["status"])
    assert len(await told(world, SCHOOL)) == 1, "it was told already"


async def test_a_withdrawal_that_does_not_count_tells_nobody(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    world.clock.later("P3Y")
    async with world.broker.house.storage() as work:
        from broker.services.partner_events import tell_to_stop

        record = case.record("mother", "tom", WITHDRAWN, ["status"])
        await tell_to_stop(work, world.broker.house, [record], world.clock())
        await work.commit()
    assert await told(world, SCHOOL) == []


async def test_what_was_chosen_on_the_old_text_is_no_answer_to_the_new_one(world: World) -> None:
    case = await push(world, TOM)
    world.handovers[TOM] = case.handover.id
    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        while page.url.path.startswith("/questions/"):
            page = await browser.post(page.url.path, data={**form_of(page.text, page.url.path), "answer": "yes"})
        assert page.url.path == "/check"
        sent = form_of(page.text, "/check")
        assert (await correct(case, sections=rewritten(case, "status", "Anders."))).status_code == 201
        page = await browser.post("/check", data=sent)
        assert page.status_code == 409
        assert await rows(world, t.consent_record.select()) == []
        assert (await browser.get("/check")).url.path == "/questions/1"


async def test_an_answer_waits_for_a_correction_that_is_about_to_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await push(world, TOM)
    world.handovers[TOM] = case.handover.id
    genuine, arrived, go_on = Log.append, asyncio.Event(), asyncio.Event()

    async def append(log: Log, event: LogEvent) -> Any:
        appended = await genuine(log, event)
        if event.type is EventType.HANDOVER_CORRECTED:
            arrived.set()
            await go_on.wait()
        return appended

    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        while page.url.path.startswith("/questions/"):
            page = await browser.post(page.url.path, data={**form_of(page.text, page.url.path), "answer": "yes"})
        sent = form_of(page.text, "/check")
        await world.token(world.sender(TOM))
        monkeypatch.setattr(Log, "append", append)
        recipients = [*case.body["recipients"], {"organisation": SCHOOL, "role": "teacher"}]
        correcting = asyncio.create_task(correct(case, recipients=recipients))
        async with asyncio.timeout(10):
            await arrived.wait()
        answering = asyncio.create_task(browser.post("/check", data=sent))
        await asyncio.sleep(0.15)
        go_on.set()
        assert (await correcting).status_code == 201
        assert (await answering).status_code == 409, "the text that it was chosen on is no longer the text"
    assert await rows(world, t.consent_record.select()) == []


async def test_a_release_of_others_and_one_that_is_not_there_answer_alike(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    release = (await case.ask()).json()["id"]
    for who in ("ha-vdberg", "sg-karin"):
        theirs = await world.as_professional(who, "GET", f"/v1/releases/{release}")
        nobodys = await world.as_professional(who, "GET", f"/v1/releases/{NO_SUCH_ID}")
        assert theirs.status_code == 404
        assert told_by(theirs, but=release) == told_by(nobodys, but=NO_SUCH_ID)
