"""An urgent handover: everybody is asked at once, somebody is called in time, and nothing opens that consent does not open."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from broker.domain.indicators import measures_of
from broker.domain.officers import OfficerRole
from broker.errors import Tampered
from broker.services import urgent_screens
from broker.services.urgent_screens import UrgentScreen
from broker.storage import tables as t
from broker.storage.handovers import Handovers
from tests.promises.attacks import READER, TOM
from tests.support.officers import let_in, signed_in
from tests.support.world import World

JORIS = READER[TOM]
TYPES = ["status", "voice-of-the-child", "safety-plan", "parent-health"]
PHONE, MAIL = "+31600000900", "dienst@team.example"
NEAR, PASSED = timedelta(hours=18), timedelta(hours=24)
TICK = timedelta(minutes=1)


def later(world: World, much: timedelta) -> None:
    world.clock.moved += much


def urgent(world: World, within: str = "PT24H") -> dict[str, Any]:
    return {**world.body(TOM), "urgency": within}


async def push(world: World, within: str = "PT24H") -> str:
    return await world.push(TOM, urgent(world, within))


async def lane(world: World) -> dict[str, Any]:
    seen = await world.as_organisation(world.sender(TOM), "GET", f"/v1/handovers/{world.handovers[TOM]}")
    found: dict[str, Any] = seen.json()["urgency"]
    return found


async def told(world: World, oin: str) -> list[str]:
    events = (await world.as_organisation(oin, "GET", "/v1/events")).json()["items"]
    return [event["type"].removeprefix("nl.rondom.").removesuffix(".v1") for event in events]


async def asked(world: World) -> list[dict[str, Any]]:
    return [one for one in await world.messages("invitation") if "haast" in one["text"] or "urgent" in one["text"]]


async def called(world: World) -> list[dict[str, Any]]:
    return await world.messages("urgent-escalation")


def school(world: World) -> str:
    return str(world.body(TOM)["recipients"][0]["organisation"])


async def test_everybody_is_asked_at_once_over_every_contact_they_have(world: World) -> None:
    await push(world)
    stated = [c["value"] for person in world.body(TOM)["people"] for c in person.get("contacts", [])]
    messages = await asked(world)
    assert sorted(one["to"] for one in messages) == sorted(stated)
    codes = {one["to"]: re.findall(r"code ([A-Z0-9-]+)", one["text"]) for one in messages}
    assert codes["+31600000011"] == codes["linh@family.example"] != codes["mark@family.example"]
    seen = await world.as_organisation(world.sender(TOM), "GET", f"/v1/handovers/{world.handovers[TOM]}")
    assert {one["state"] for one in seen.json()["signers"]} == {"asked"}
    assert [row.type for row in await world.entries()].count("invitation:made") == 3


async def test_a_code_that_came_so_answers_as_any_other(world: World) -> None:
    await push(world)
    [message] = [one for one in await asked(world) if one["to"] == "mark@family.example"]
    [code] = re.findall(r"code ([A-Z0-9-]+)", message["text"])
    await world.answer(TOM, "father", dict.fromkeys(TYPES, "yes"), code=code)
    assert (await lane(world))["state"] == "waiting-for-answers"


async def test_the_same_push_again_asks_nobody_again(world: World) -> None:
    await push(world)
    before = len(await world.messages())
    again = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", urgent(world))
    assert again.status_code == 201
    assert len(await world.messages()) == before


async def test_a_plain_handover_asks_nobody_and_is_in_no_lane(world: World) -> None:
    await world.push(TOM)
    assert await world.messages() == []
    seen = await world.as_organisation(world.sender(TOM), "GET", f"/v1/handovers/{world.handovers[TOM]}")
    assert "urgency" not in seen.json()
    later(world, PASSED + TICK)
    assert await world.broker.urgent.escalate() == 0
    page = await world.as_organisation(world.sender(TOM), "GET", "/v1/handovers?box=urgent")
    assert page.json()["items"] == []


@pytest.mark.parametrize("odd", ["PT12H", "P1D", "PT72H", "", 24, ["PT24H"], {"within": "PT24H"}])
async def test_another_period_is_a_fault_and_nothing_is_kept(world: World, odd: Any) -> None:
    answer = await world.as_organisation(
        world.sender(TOM), "POST", "/v1/handovers", {**world.body(TOM), "urgency": odd}
    )
    assert answer.status_code == 400
    assert "/urgency" in [error["pointer"].removeprefix("#") for error in answer.json()["errors"]]
    assert await world.messages() == []


async def test_the_sender_sees_how_far_it_is_and_a_recipient_until_when(world: World) -> None:
    await push(world)
    found = await lane(world)
    assert (found["within"], found["state"], found["late"]) == ("PT24H", "waiting-for-answers", False)
    assert "escalated" not in found
    await world.everybody_says_yes(TOM)
    assert (await lane(world))["state"] == "waiting-for-recipients"
    page = await world.as_professional(JORIS, "GET", "/v1/handovers?box=unread")
    assert page.json()["items"][0]["urgency"] == {"within": "PT24H", "until": found["until"]}
    release = (await world.ask(TOM, JORIS)).json()["id"]
    assert (await lane(world))["state"] == "waiting-for-recipients"
    await world.as_professional(JORIS, "POST", f"/v1/releases/{release}/acknowledgement", {"state": "read"})
    assert (await lane(world))["state"] == "done"
    later(world, PASSED + TICK)
    assert not (await lane(world))["late"]
    assert await world.broker.urgent.escalate() == 0
    assert await called(world) == []


async def test_who_has_it_already_is_called_by_nobody_and_no_list_says_so(world: World) -> None:
    await world.broker.partners.call_after_hours(world.sender(TOM), PHONE, MAIL)
    await push(world)
    await world.everybody_says_yes(TOM)
    for one in world.body(TOM)["recipients"]:
        assert one["organisation"] == school(world)
    release = (await world.ask(TOM, JORIS)).json()["id"]
    await world.as_professional(JORIS, "POST", f"/v1/releases/{release}/acknowledgement", {"state": "read"})
    for much in (NEAR + TICK, PASSED - NEAR, timedelta(days=2)):
        later(world, much)
        assert await world.broker.urgent.escalate() == 0
    found = await lane(world)
    assert (found["state"], found["late"], found.get("escalated")) == ("done", False, None)
    assert await called(world) == []


async def test_recipients_are_asked_to_acknowledge_as_soon_as_it_opens_and_again_near_the_end(world: World) -> None:
    await push(world)
    assert await told(world, school(world)) == []
    await world.everybody_says_yes(TOM)
    assert set(await told(world, school(world))) == {"acknowledgement-asked"}
    before = len(await told(world, school(world)))
    await world.ask(TOM, JORIS)
    later(world, NEAR + TICK)
    assert await world.broker.urgent.escalate() == 1
    assert len(await told(world, school(world))) == before + 1


async def test_what_is_open_already_when_it_is_pushed_asks_for_acknowledgement_at_once(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    body = {**urgent(world), "reference": "tom-again"}
    answer = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
    assert answer.json()["urgency"]["state"] == "waiting-for-recipients"
    assert "acknowledgement-asked" in await told(world, school(world))


async def test_what_cannot_be_read_when_it_is_looked_at_is_looked_at_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def damaged(*_: object, **__: object) -> None:
        raise Tampered

    await push(world)
    later(world, NEAR + TICK)
    with monkeypatch.context() as broken:
        broken.setattr(Handovers, "get", damaged)
        assert await world.broker.urgent.escalate() == 0
    assert await world.broker.urgent.escalate() == 0, "not at once"
    later(world, timedelta(hours=1))
    assert await world.broker.urgent.escalate() == 1
    assert (await lane(world))["escalated"] == "near"


async def test_it_escalates_once_when_it_is_near_and_once_when_it_has_passed(world: World) -> None:
    await world.broker.partners.call_after_hours(world.sender(TOM), PHONE, MAIL)
    await push(world)
    later(world, NEAR - TICK)
    assert await world.broker.urgent.escalate() == 0
    later(world, 2 * TICK)
    assert [await world.broker.urgent.escalate(), await world.broker.urgent.escalate()] == [1, 0]
    assert (await lane(world))["escalated"] == "near"
    assert sorted(one["to"] for one in await called(world)) == [PHONE, MAIL]
    later(world, PASSED - NEAR)
    assert [await world.broker.urgent.escalate(), await world.broker.urgent.escalate()] == [1, 0]
    found = await lane(world)
    assert (found["escalated"], found["late"]) == ("passed", True)
    assert len(await called(world)) == 4
    assert await told(world, world.sender(TOM)) == ["urgent-deadline-near", "urgent-deadline-passed"]
    assert await told(world, school(world)) == []
    logged = [row for row in await world.entries() if row.type == "urgent:escalated"]
    assert [row.facts["change"] for row in logged] == ["passed", "near"]


@pytest.mark.parametrize(
    ("after", "round_first", "counted"),
    [
        (TICK, False, ["in-time"]),
        (PASSED - TICK, False, ["in-time"]),
        (PASSED + TICK, False, ["late"]),
        (PASSED + TICK, True, ["late"]),
        (None, True, ["late"]),
    ],
)
async def test_the_log_counts_each_once_as_in_time_or_late(
    world: World, after: timedelta | None, *, round_first: bool, counted: list[str]
) -> None:
    await push(world)
    later(world, after or PASSED + TICK)
    if round_first:
        assert await world.broker.urgent.escalate() == 1
    if after is not None:
        await world.everybody_says_yes(TOM)
    later(world, PASSED + TICK)
    await world.broker.urgent.escalate()
    found = [one for entry in await world.entries() for one in measures_of(entry)]
    assert [one for one in found if one in ("in-time", "late")] == counted


async def test_two_brokers_at_the_same_moment_escalate_once(world: World) -> None:
    await world.broker.partners.call_after_hours(world.sender(TOM), PHONE, None)
    await push(world)
    later(world, NEAR + TICK)
    assert sum(await asyncio.gather(*(world.broker.urgent.escalate() for _ in range(4)))) == 1
    assert len(await called(world)) == 1


async def test_who_slept_through_both_moments_escalates_once(world: World) -> None:
    await push(world, "PT48H")
    later(world, timedelta(days=5))
    assert await world.broker.urgent.escalate() == 1
    assert await world.broker.urgent.escalate() == 0
    assert await told(world, world.sender(TOM)) == ["urgent-deadline-passed"]


async def test_what_is_said_to_who_is_called_names_nothing_and_nobody(world: World) -> None:
    await world.broker.partners.call_after_hours(world.sender(TOM), PHONE, MAIL)
    identity = await push(world)
    later(world, PASSED + TICK)
    await world.broker.urgent.escalate()
    for message in await called(world):
        assert "0800-2000" in message["text"]
        assert "112" in message["text"]
        body = world.body(TOM)
        for word in (identity, body["reference"], *(one["name"] for one in body["people"]), "Tom", "school"):
            assert word not in message["text"]


async def test_a_withdrawn_one_escalates_no_more(world: World) -> None:
    identity = await push(world)
    await world.as_organisation(world.sender(TOM), "DELETE", f"/v1/handovers/{identity}")
    later(world, PASSED + TICK)
    assert await world.broker.urgent.escalate() == 0
    assert "urgent-deadline-passed" not in await told(world, world.sender(TOM))


async def test_a_correction_stays_as_urgent_as_it_was_and_asks_only_who_was_not_asked(world: World) -> None:
    await push(world)
    until, before = (await lane(world))["until"], len(await asked(world))
    path = f"/v1/handovers/{world.handovers[TOM]}/versions"
    later(world, timedelta(hours=2))
    for odd in (world.body(TOM), urgent(world, "PT48H")):
        odd["sections"][0]["content"] = "Anders."
        refused = await world.as_organisation(world.sender(TOM), "POST", path, odd)
        assert refused.status_code == 400
        assert [error["pointer"].removeprefix("#") for error in refused.json()["errors"]] == ["/urgency"]
    body = urgent(world)
    body["sections"][0]["content"] = "Anders."
    assert (await world.as_organisation(world.sender(TOM), "POST", path, body)).status_code == 201
    assert (await lane(world))["until"] == until
    assert len(await asked(world)) == before


async def test_the_list_of_what_is_urgent_is_the_senders_own(world: World) -> None:
    identity = await push(world)
    page = await world.as_organisation(world.sender(TOM), "GET", "/v1/handovers?box=urgent")
    assert [one["id"] for one in page.json()["items"]] == [identity]
    other = await world.as_organisation(school(world), "GET", "/v1/handovers?box=urgent")
    assert other.json()["items"] == []
    assert (await world.as_professional(JORIS, "GET", "/v1/handovers?box=urgent")).status_code == 403


async def test_a_refusal_names_the_telephone_of_the_sender_first(world: World) -> None:
    await push(world)
    for contact in (None, PHONE):
        if contact:
            await world.broker.partners.call_after_hours(world.sender(TOM), contact, None)
        refused = await world.ask(TOM, JORIS)
        assert refused.status_code == 403
        for one in refused.json()["withheld"]:
            ways = one["reasons"][0]["useOtherChannel"]
            assert [way["id"] for way in ways][:3] == ["after-hours", "emergency", "veilig-thuis"]
            assert ways[0].get("contact") == contact
    english = await world.ask(TOM, JORIS, headers={"Accept-Language": "en"})
    assert "This handover is urgent." in english.json()["withheld"][0]["reasons"][0]["useOtherChannel"][0]["call"]


async def test_a_refusal_of_a_plain_one_names_no_after_hours_telephone(world: World) -> None:
    await world.broker.partners.call_after_hours(world.sender(TOM), PHONE, None)
    await world.push(TOM)
    assert PHONE not in (await world.ask(TOM, JORIS)).text


@pytest.mark.parametrize("which", ["unanswered", "refused", "withdrawn"])
async def test_after_the_deadline_nothing_opens_by_itself(world: World, which: str) -> None:
    await push(world)
    if which == "refused":
        for signer in ("tom", "mother", "father"):
            await world.answer(TOM, signer, {})
    if which == "withdrawn":
        await world.everybody_says_yes(TOM)
        for signer in ("tom", "mother", "father"):
            await world.withdraw(TOM, signer, TYPES)
    for _ in range(3):
        later(world, PASSED + TICK)
        await world.broker.urgent.escalate()
        assert await world.gets(TOM, JORIS) == []


async def test_a_stolen_table_says_nothing_of_whom_is_called(world: World) -> None:
    await world.broker.partners.call_after_hours(world.sender(TOM), PHONE, MAIL)
    async with world.broker.database.engine.connect() as connection:
        rows = (await connection.execute(sa.select(t.after_hours))).all()
    assert len(rows) == 1
    assert PHONE.encode() not in rows[0].contact_sealed
    assert MAIL.encode() not in rows[0].contact_sealed


async def screen(world: World, organisation: str = "") -> Any:
    role = OfficerRole.OF_ORGANISATION if organisation else OfficerRole.OFFICER
    token, _ = await signed_in(world.broker, await let_in(world.broker, role, organisation))
    return await world.broker.urgent_now.screen(token)


async def test_an_officer_sees_what_is_urgent_and_how_far_it_is_and_the_look_is_logged(world: World) -> None:
    assert (await screen(world)).rows == ()
    await push(world)
    later(world, PASSED + TICK)
    await world.broker.urgent.escalate()
    [row] = (await screen(world)).rows
    assert (row.hours, row.label.en, row.late) == (24, "Waits for answers", True)
    assert row.escalated is not None
    body = world.body(TOM)
    assert not any(person["name"] in str(row) or person["key"] in str(row) for person in body["people"])
    looks = [entry for entry in await world.entries() if entry.type == "log:searched"]
    assert [look.facts["view"] for look in looks] == ["urgent", "urgent"]


OTHER = "00000099000000130000"


def to_another_too(world: World) -> dict[str, Any]:
    body = urgent(world)
    return {**body, "recipients": [*body["recipients"], {"organisation": OTHER, "role": "family-worker"}]}


async def test_an_officer_of_its_sender_sees_how_far_it_is_and_of_a_recipient_nothing_that_is_closed(
    world: World,
) -> None:
    await world.push(TOM, to_another_too(world))
    for oin, seen in ((world.sender(TOM), 1), (school(world), 0), (OTHER, 0), ("00000099000000040000", 0)):
        assert len((await screen(world, oin)).rows) == seen, oin
    for signer in ("tom", "mother", "father"):  # everybody answered, and it is shut: that is nobody's but the sender's
        await world.answer(TOM, signer, {})
    assert (await screen(world, world.sender(TOM))).rows[0].label.en == "Everybody answered, not open everywhere"
    for oin in (school(world), OTHER):
        assert await screen(world, oin) == UrgentScreen((), more=False)


async def test_of_what_is_open_to_it_an_officer_of_a_recipient_sees_from_whom_and_until_when(world: World) -> None:
    await world.push(TOM, to_another_too(world))
    until = (await lane(world))["until"]
    await world.everybody_says_yes(TOM)
    later(world, PASSED + TICK)
    await world.broker.urgent.escalate()
    [whole] = (await screen(world)).rows
    [row] = (await screen(world, school(world))).rows
    assert (len(whole.recipients), whole.late, whole.escalated is None) == (2, True, False)
    assert row.recipients == tuple(name for name in whole.recipients if name in row.recipients)
    assert len(row.recipients) == 1
    assert (row.sender, row.hours) == (whole.sender, 24)
    assert row.until == datetime.fromisoformat(until)
    assert (row.label.en, row.late, row.escalated) == ("Open to your organisation", False, None)
    for signer in ("tom", "mother", "father"):
        await world.withdraw(TOM, signer, TYPES)
    assert (await screen(world, school(world))).rows == ()


async def test_how_many_are_closed_is_in_no_number(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urgent_screens, "SHOWN", 1)
    monkeypatch.setattr(urgent_screens, "LOOKED_AT", 2)
    for number in range(3):
        answer = await world.as_organisation(
            world.sender(TOM), "POST", "/v1/handovers", {**urgent(world), "reference": f"tom-{number}"}
        )
        assert answer.status_code == 201
        world.handovers[TOM] = answer.json()["id"]
    assert (await screen(world, world.sender(TOM))).more
    for signer in ("tom", "mother", "father"):
        await world.answer(TOM, signer, {})
    assert await screen(world, school(world)) == UrgentScreen((), more=False)


async def test_what_is_late_comes_first_and_then_the_newest(world: World) -> None:
    await push(world)
    until = [(await lane(world))["until"]]
    later(world, PASSED)
    for number in range(2):
        answer = await world.as_organisation(
            world.sender(TOM), "POST", "/v1/handovers", {**urgent(world), "reference": f"tom-{number}"}
        )
        until.append(answer.json()["urgency"]["until"])
        later(world, TICK)
    found = (await screen(world)).rows
    assert [row.until for row in found] == [datetime.fromisoformat(until[at]) for at in (0, 2, 1)]
    assert [row.late for row in found] == [True, False, False]
