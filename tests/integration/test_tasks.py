"""What was agreed: its owner says how far it is, and is reminded of it without a word of what it is."""

import json
from datetime import timedelta
from typing import Any

import pytest

from broker.domain.events import EventType
from tests.promises.attacks import JACK
from tests.support.agreed import (
    ANNEKE,
    JORIS,
    SCHOOL,
    SECRET,
    TEAM,
    VDBERG,
    agreed,
    both_say_yes,
    consultation,
    say,
    task_of,
    told,
)
from tests.support.world import World


async def seen(world: World, who: str = "") -> list[dict[str, Any]]:
    path = f"/v1/handovers/{world.handovers[JACK]}"
    answer = await (world.as_professional(who, "GET", path) if who else world.as_organisation(TEAM, "GET", path))
    assert answer.status_code == 200, answer.text
    return list(answer.json().get("tasks", ()))


async def agreed_and_read(world: World, **more: Any) -> dict[str, Any]:
    body = consultation(world, agreed(world, "school", "team", "mother", **more))
    await world.push(JACK, body)
    await both_say_yes(world)
    for who in (JORIS, VDBERG):
        assert (await world.ask(JACK, who, "joint-meeting")).status_code == 200
    return body


async def test_its_owner_says_how_far_it_is_and_everybody_who_may_read_it_sees_that(world: World) -> None:
    body = await agreed_and_read(world)
    task = task_of(body, "school")
    answer = await say(world, JORIS, task, "under-way")
    assert answer.status_code == 200, answer.text
    assert (await say(world, JORIS, task, "done")).status_code == 200
    for who in ("", JORIS, VDBERG):
        found = next(one for one in await seen(world, who) if one["id"] == task)
        assert (found["status"], [one["status"] for one in found["history"]]) == ("done", ["under-way", "done"])
        assert found["history"][0]["by"] == {"organisation": SCHOOL, "role": "support-coordinator"}
    assert len(await told(world, TEAM, "task-changed")) == 2
    logged = [one for one in await world.entries() if one.type == EventType.TASK_CHANGED.value]
    assert [one.facts["state"] for one in logged] == ["done", "under-way"]


async def test_what_ended_can_only_be_taken_up_again_and_the_same_again_changes_nothing(world: World) -> None:
    task = task_of(await agreed_and_read(world), "school")
    assert (await say(world, JORIS, task, "done")).status_code == 200
    assert (await say(world, JORIS, task, "done")).status_code == 200
    refused = await say(world, JORIS, task, "dropped")
    assert (refused.status_code, refused.json()["type"].rpartition(":")[2]) == (409, "task-status")
    assert (await say(world, JORIS, task, "under-way")).status_code == 200
    found = next(one for one in await seen(world) if one["id"] == task)
    assert [one["status"] for one in found["history"]] == ["done", "under-way"]


async def test_whoever_wrote_it_says_so_of_their_own(world: World) -> None:
    body = consultation(world)
    await world.push(JACK, body)
    assert (await say(world, ANNEKE, task_of(body, "team"), "done")).status_code == 200
    assert (await say(world, ANNEKE, task_of(body, "school"), "done")).status_code == 404
    assert await told(world, TEAM, "task-changed") == []


async def test_only_the_sender_reads_whose_it_is_in_the_family(world: World) -> None:
    await agreed_and_read(world)
    mine = [one["owner"] for one in await seen(world) if one["owner"]["family"]]
    theirs = [one["owner"] for one in await seen(world, JORIS) if one["owner"]["family"]]
    assert (mine, theirs) == ([{"family": True, "person": "mother"}], [{"family": True}])


async def test_the_owner_is_reminded_once_on_the_day_without_content(world: World) -> None:
    await agreed_and_read(world, days=3)
    assert await world.broker.tasks.remind() == 0
    world.clock.moved += timedelta(days=4)
    assert await world.broker.tasks.remind() == 3
    assert await world.broker.tasks.remind() == 0
    for organisation in (SCHOOL, TEAM):
        (event,) = await told(world, organisation, "task-due")
        assert event["data"]["handover"] == world.handovers[JACK]
        assert event["data"]["sectionTypes"] == []
        assert SECRET not in json.dumps(event)
    (message,) = await world.messages("task-due")
    assert "afgesproken" in message["text"] or "agreed" in message["text"]
    assert not any(word in message["text"] for word in ("Jack", "Joris", "school", "PlusTeam"))


async def test_whose_contact_is_in_doubt_is_not_reminded(world: World) -> None:
    await agreed_and_read(world, days=3)
    mother = next(one for one in world.body(JACK)["people"] if one["key"] == "mother")
    oin, claims = world.professional(JORIS)
    for contact in mother["contacts"]:
        claim = {"email": "email", "sms": "phone_number"}[contact["channel"]]
        await world.token(oin, {**claims, claim: contact["value"]})
    world.clock.moved += timedelta(days=4)
    assert await world.broker.tasks.remind() == 1, "whoever wrote it; nothing of it is open to the school any more"
    assert await world.messages("task-due") == []


async def test_of_what_is_done_nobody_is_reminded(world: World) -> None:
    body = await agreed_and_read(world, days=3)
    await say(world, JORIS, task_of(body, "school"), "done")
    world.clock.moved += timedelta(days=4)
    assert await world.broker.tasks.remind() == 2
    assert await told(world, SCHOOL, "task-due") == []


async def test_who_never_read_it_or_may_not_any_more_is_not_reminded(world: World) -> None:
    body = consultation(world, agreed(world, "school", "mother", days=3))
    await world.push(JACK, body)
    world.clock.moved += timedelta(days=4)
    assert await world.broker.tasks.remind() == 0
    assert await told(world, SCHOOL, "task-due") == []
    assert await world.messages("task-due") == []


async def test_a_correction_keeps_what_was_said_and_forgets_what_is_no_task_any_more(world: World) -> None:
    body = await agreed_and_read(world)
    task = task_of(body, "school")
    await say(world, JORIS, task, "under-way")
    gone = task_of(body, "team")
    section = body["sections"][0]
    section["tasks"] = [one for one in section["tasks"] if one["id"] != gone]
    section["content"]["agreements"] = [one for one in section["content"]["agreements"] if one["id"] != gone]
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(TEAM, "POST", path, body)).status_code == 201
    found = {one["id"]: one for one in await seen(world)}
    assert found[task]["status"] == "under-way"
    assert gone not in found
    assert (await say(world, ANNEKE, gone, "done")).status_code == 404


def other_day(body: dict[str, Any]) -> None:
    body["sections"][0]["tasks"][0]["due"] = "2031-01-01"


def readable_id(body: dict[str, Any]) -> None:
    body["sections"][0]["tasks"][0]["id"] = "belt-elke-maandag"


def no_reader(body: dict[str, Any]) -> None:
    body["sections"][0]["tasks"][0]["owner"] = {"organisation": SCHOOL, "role": "teacher"}


def shielded(body: dict[str, Any]) -> None:
    body["sections"][0]["shieldedFrom"] = ["mother"]


def both(body: dict[str, Any]) -> None:
    body["sections"][0]["tasks"][0]["owner"]["person"] = "mother"


def as_text(body: dict[str, Any]) -> None:
    body["sections"][0] |= {"mediaType": "text/plain", "content": "Joris belt."}


def untold(body: dict[str, Any]) -> None:
    del body["sections"][0]["tasks"][0]


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        (other_day, "/sections/0/tasks/0/due"),
        (readable_id, "/sections/0/tasks/0/id"),
        (no_reader, "/sections/0/tasks/0/owner"),
        (shielded, "/sections/0/tasks/2/owner/person"),
        (both, "/sections/0/tasks/0/owner"),
        (as_text, "/sections/0/tasks"),
        (untold, "/sections/0/content/agreements/0/id"),
    ],
)
async def test_what_does_not_fit_is_refused_at_its_place(world: World, wrong: Any, pointer: str) -> None:
    body = consultation(world)
    wrong(body)
    refused = await world.as_organisation(TEAM, "POST", "/v1/handovers", body)
    assert refused.status_code == 400, refused.text
    assert pointer in [one["pointer"] for one in refused.json()["errors"]]


async def test_a_mother_sees_what_was_agreed_and_says_how_far_hers_is(world: World) -> None:
    body = await agreed_and_read(world)
    await say(world, JORIS, task_of(body, "school"), "under-way")
    consents, token = world.broker.consents, await world.visit(world.codes[JACK, "mother"])
    own, *others = await consents.tasks(token)
    assert (own.own, own.by, own.status.value) == (True, None, "open")
    assert [one.own for one in others] == [False, False]
    await consents.change_task(token, own.id, own.steps[-2])
    own = (await consents.tasks(token))[0]
    assert (own.status.value, [one.by for one in own.history]) == ("done", [None])
    found = next(one for one in await seen(world) if one["owner"]["family"])
    assert [(one["status"], one.get("by")) for one in found["history"]] == [("done", None)]
    assert len(await told(world, TEAM, "task-changed")) == 2


async def test_a_mother_reads_the_text_and_that_is_logged(world: World) -> None:
    await agreed_and_read(world)
    consents, token = world.broker.consents, await world.visit(world.codes[JACK, "mother"])
    (line,) = await consents.own_texts(token)
    text = await consents.own_text(token, line.id)
    assert SECRET in text.texts[0]
    assert next(iter(await world.entries())).type == EventType.RELEASE_SHOWN.value
