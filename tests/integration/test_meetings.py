"""A meeting: the very people at the table read what lies on it, until two weeks later, by one question to the family."""

from datetime import timedelta
from typing import Any

import pytest

from tests.promises.attacks import JACK
from tests.support.agreed import (
    DOCTOR,
    JORIS,
    SCHOOL,
    TEAM,
    VDBERG,
    agreed,
    both_say_yes,
    consultation,
    today,
)
from tests.support.world import World

COLLEAGUE = {"sub": "ha-ander", "name": "Een collega", "role": "general-practitioner"}
MINUTES = {
    "type": "minutes",
    "concerns": ["jack"],
    "mediaType": "text/markdown",
    "content": "Wij praten over de ochtenden van Jack.",
}


async def as_colleague(world: World, method: str, path: str, body: Any = None) -> Any:
    return await world._call(await world.token(DOCTOR, COLLEAGUE), method, path, body)


async def held(world: World, **more: Any) -> dict[str, Any]:
    body = consultation(world, agreed(world, "school"), dict(MINUTES), meeting=True, **more)
    await world.push(JACK, body)
    return body


async def test_who_is_named_reads_and_a_colleague_with_the_same_work_does_not(world: World) -> None:
    await held(world)
    await both_say_yes(world)
    for who in (JORIS, VDBERG):
        assert await world.gets(JACK, who, "joint-meeting") == ["agreements", "minutes"]
    asked = {"handover": world.handovers[JACK], "purpose": "joint-meeting"}
    nobody = {"handover": "019a0000-0000-7000-8000-000000000000", "purpose": "joint-meeting"}
    refused, unknown = [await as_colleague(world, "POST", "/v1/releases", body) for body in (asked, nobody)]
    assert (refused.status_code, refused.content) == (404, unknown.content)
    assert (await as_colleague(world, "GET", f"/v1/handovers/{world.handovers[JACK]}")).status_code == 404
    wanted = {"identifier": {"system": "bsn", "value": "999990020"}}
    found = (await world.as_professional(VDBERG, "POST", "/v1/subjects/_search", wanted)).json()["items"]
    assert [one["id"] for one in found] == [world.handovers[JACK]]
    assert (await as_colleague(world, "POST", "/v1/subjects/_search", wanted)).json()["items"] == []
    for box in ("received", "unread"):
        assert (await as_colleague(world, "GET", f"/v1/handovers?box={box}")).json()["items"] == []


async def test_it_ends_two_weeks_after_the_day(world: World) -> None:
    await held(world, on=3)
    await both_say_yes(world)
    world.clock.moved += timedelta(days=17)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == ["agreements", "minutes"]
    world.clock.moved += timedelta(days=1)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == []


async def test_a_yes_to_one_meeting_opens_no_other_and_a_no_closes_every_one(world: World) -> None:
    await held(world)
    await both_say_yes(world)
    first = world.handovers[JACK]
    await held(world)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == []
    await both_say_yes(world)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == ["agreements", "minutes"]
    await world.withdraw(JACK, "mother", ["agreements", "minutes"])
    for handover in (first, world.handovers[JACK]):
        world.handovers[JACK] = handover
        assert await world.gets(JACK, VDBERG, "joint-meeting") == []


async def test_who_said_no_to_one_meeting_is_asked_about_the_next(world: World) -> None:
    async def states() -> dict[str, str]:
        path = f"/v1/handovers/{world.handovers[JACK]}"
        view = (await world.as_organisation(TEAM, "GET", path)).json()
        return {one["person"]: one["state"] for one in view["signers"]}

    await held(world)
    await world.answer(JACK, "mother", {})
    assert await states() == {"mother": "answered", "father": "not-asked"}
    await held(world)
    assert await states() == {"mother": "not-asked", "father": "not-asked"}
    await both_say_yes(world)
    assert await states() == {"mother": "answered", "father": "answered"}


async def test_the_family_is_asked_about_these_people_and_this_day(world: World) -> None:
    await held(world)
    token = await world.visit(await world.invite(JACK, "mother"))
    questions = await world.broker.consents.questionnaire(token, "nl")
    who = questions.questions[0].parts["who"]
    assert "Joris de Wit" in who
    assert "P. van den Berg" in who
    assert "overleg op" in who
    assert "dit overleg" in questions.questions[0].parts["later"]
    assert questions.until == today(world) + timedelta(days=7 + 14)
    parts = await world.broker.consents.reactions(token)
    assert [handover.meeting for handover in parts.handovers] == [today(world) + timedelta(days=7)]
    for name in ("Joris de Wit", "P. van den Berg"):
        assert name not in repr(parts), "who comes is said in the question alone"


async def test_the_minutes_come_as_a_correction_and_the_family_reads_and_answers_them(world: World) -> None:
    body = await held(world)
    await both_say_yes(world)
    body["sections"][1]["content"] = "School belt voortaan."
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(TEAM, "POST", path, body)).status_code == 201
    release = await world.ask(JACK, VDBERG, "joint-meeting", ["minutes"])
    assert release.json()["released"][0]["content"] == "School belt voortaan."
    consents, token = world.broker.consents, await world.visit(world.codes[JACK, "father"])
    line = next(one for one in await consents.own_texts(token) if one.section_type == "minutes")
    assert (await consents.own_text(token, line.id)).texts == ("School belt voortaan.",)


@pytest.mark.parametrize("change", ["joins", "moves"])
async def test_nobody_joins_and_the_day_stays(world: World, change: str) -> None:
    body = await held(world)
    if change == "joins":
        body["meeting"]["attendees"].append(
            {"organisation": DOCTOR, "role": "general-practitioner", "professional": "ha-ander", "name": "Een collega"}
        )
    else:
        body["meeting"]["on"] = (today(world) + timedelta(days=9)).isoformat()
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    refused = await world.as_organisation(TEAM, "POST", path, body)
    assert refused.status_code == 400
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/meeting"]


async def test_who_does_not_come_is_left_out(world: World) -> None:
    body = await held(world)
    await both_say_yes(world)
    body["meeting"]["attendees"].pop()
    body["recipients"].pop()
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(TEAM, "POST", path, body)).status_code == 201
    assert await world.gets(JACK, VDBERG, "joint-meeting") == []
    assert await world.gets(JACK, JORIS, "joint-meeting") == ["agreements", "minutes"]


def too_long(body: dict[str, Any], world: World) -> None:
    body["consentUntil"] = (today(world) + timedelta(days=22)).isoformat()


def other_kind(body: dict[str, Any], _: World) -> None:
    body["kind"] = "referral"


def no_recipient(body: dict[str, Any], _: World) -> None:
    body["meeting"]["attendees"][0]["role"] = "teacher"


def nobody_there(body: dict[str, Any], _: World) -> None:
    body["meeting"]["attendees"].pop()


def long_ago(body: dict[str, Any], world: World) -> None:
    body["meeting"]["on"] = (today(world) - timedelta(days=15)).isoformat()


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (too_long, "/consentUntil"),
        (other_kind, "/kind"),
        (no_recipient, "/meeting/attendees/0"),
        (nobody_there, "/recipients/1"),
        (long_ago, "/meeting/on"),
    ],
)
async def test_what_does_not_fit_is_refused_at_its_place(world: World, wrong: Any, pointer: str) -> None:
    body = consultation(world, meeting=True)
    wrong(body, world)
    refused = await world.as_organisation(TEAM, "POST", "/v1/handovers", body)
    assert refused.status_code == 400, refused.text
    assert pointer in [one["pointer"] for one in refused.json()["errors"]]


async def test_who_sits_at_the_table_sees_who_else_does_and_no_id_of_anybody(world: World) -> None:
    await held(world)
    await both_say_yes(world)
    path = f"/v1/handovers/{world.handovers[JACK]}"
    seen = (await world.as_professional(JORIS, "GET", path)).json()["meeting"]
    assert [one["name"] for one in seen["attendees"]] == ["Joris de Wit", "P. van den Berg"]
    assert {key for one in seen["attendees"] for key in one} == {"organisation", "role", "name"}
    assert seen["attendees"][0]["organisation"] == SCHOOL
    sent = (await world.as_organisation(TEAM, "GET", path)).json()["meeting"]
    assert sent == seen


async def test_an_organisation_sees_that_there_is_a_meeting_and_not_who_sits_there(world: World) -> None:
    await held(world)
    await both_say_yes(world)
    path = f"/v1/handovers/{world.handovers[JACK]}"
    [listed] = [
        one
        for one in (await world.as_organisation(SCHOOL, "GET", "/v1/handovers")).json()["items"]
        if one["id"] == world.handovers[JACK]
    ]
    shown = await world.as_organisation(SCHOOL, "GET", path)
    assert shown.json()["meeting"] == listed["meeting"]
    assert listed["meeting"].keys() == {"on"}
    assert "Joris" not in shown.text
    named = await world.as_professional(JORIS, "GET", path)
    assert named.headers["etag"] != shown.headers["etag"], "what is kept of one answer is not taken for the other"


async def test_the_invitation_to_print_names_the_day(world: World) -> None:
    await held(world)
    path = f"/v1/handovers/{world.handovers[JACK]}/invitations"
    token = await world.token(TEAM)
    sheet = await world.http.post(
        path,
        headers={"Authorization": f"Bearer {token}", "Accept": "text/html"},
        json={"person": "father", "delivery": "paper"},
    )
    assert sheet.status_code == 201
    day = world.broker.house.phrases.day(today(world) + timedelta(days=7), "nl")
    assert f"Het overleg is op {day}" in sheet.text
