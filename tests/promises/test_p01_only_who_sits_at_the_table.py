"""P01 for meetings: nobody reads what lies on the table but the very people the family was asked about, and only then."""

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from broker.services.replay import Outcome
from broker.storage import tables as t
from tests.promises.attacks import JACK
from tests.support.agreed import DOCTOR, JORIS, SCHOOL, TEAM, VDBERG, agreed, both_say_yes, consultation
from tests.support.surface import rows_of
from tests.support.world import World

GETS = ["agreements"]


async def held(world: World, **more: Any) -> dict[str, Any]:
    body = consultation(world, agreed(world, "school"), meeting=True, **more)
    await world.push(JACK, body)
    return body


async def asks(world: World, oin: str, claims: dict[str, str]) -> int:
    token = await world.token(oin, claims)
    body = {"handover": world.handovers[JACK], "purpose": "joint-meeting"}
    return int((await world._call(token, "POST", "/v1/releases", body)).status_code)


async def test_the_same_work_the_same_name_or_another_organisation_is_not_enough(world: World) -> None:
    await held(world)
    await both_say_yes(world)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == GETS
    doctor = {"sub": VDBERG, "name": "P. van den Berg", "role": "general-practitioner"}
    assert await asks(world, DOCTOR, {**doctor, "sub": "ha-ander"}) == 404, "a colleague who took the name"
    assert await asks(world, DOCTOR, {**doctor, "role": "practice-nurse"}) == 404, "the same person in another role"
    assert await asks(world, TEAM, doctor) == 404, "the same id and role at another organisation"
    assert await asks(world, SCHOOL, {"sub": VDBERG, "name": "x", "role": "support-coordinator"}) == 404
    assert await asks(world, DOCTOR, {**doctor, "name": "Nu anders geheten"}) == 200


async def test_a_sender_cannot_change_what_a_partners_worker_is_called(world: World) -> None:
    await world.token(*world.professional(VDBERG))
    known = {row.id: row.name_sealed for row in await rows_of(world, "professional")}
    await held(world)
    now = {row.id: row.name_sealed for row in await rows_of(world, "professional")}
    assert {one: now[one] for one in known} == known


async def test_who_sits_there_is_not_readable_at_rest_and_cannot_be_edited_there(world: World) -> None:
    await held(world)
    row = next(row for row in await rows_of(world, "handover") if row.id == world.handovers[JACK])
    named = {one.id for one in await rows_of(world, "professional")}
    assert len(named) == 2
    for table in ("handover", "handover_recipient", "handover_version", "section"):
        stored = repr(await rows_of(world, table))
        assert not any(one in stored for one in (*named, "Joris de Wit", "van den Berg")), table
    await world.push("tom-to-school")
    other = next(one for one in await rows_of(world, "handover") if one.id == world.handovers["tom-to-school"])
    await both_say_yes(world)
    async with world.broker.database.engine.begin() as connection:
        await connection.execution_options(writing=True)
        c = t.handover.c
        await connection.execute(sa.update(t.handover).where(c.id == row.id).values(basis_sealed=other.basis_sealed))
    colleague = {"sub": "ha-ander", "name": "Een collega", "role": "general-practitioner"}
    assert await asks(world, DOCTOR, colleague) >= 400


async def test_who_was_left_out_since_gets_nothing(world: World) -> None:
    body = await held(world)
    body["meeting"]["attendees"].append({**body["recipients"][1], "professional": "ha-ander", "name": "Een collega"})
    body["reference"] += "-b"
    await world.push(JACK, body)
    await both_say_yes(world)
    colleague = {"sub": "ha-ander", "name": "Een collega", "role": "general-practitioner"}
    assert await asks(world, DOCTOR, colleague) == 200
    body["meeting"]["attendees"].pop()
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(TEAM, "POST", path, body)).status_code == 201
    assert await asks(world, DOCTOR, colleague) == 404
    assert await world.gets(JACK, VDBERG, "joint-meeting") == GETS


@pytest.mark.parametrize("days", [1, 60])
async def test_an_old_yes_opens_no_new_meeting(world: World, days: int) -> None:
    await held(world)
    await both_say_yes(world)
    world.clock.moved += timedelta(days=days)
    await held(world)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == []
    body = consultation(world, agreed(world, "school"))
    await world.push(JACK, body)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == [], "nor one without names"


async def test_many_ask_at_once_and_each_gets_what_is_theirs(world: World) -> None:
    await held(world)
    await both_say_yes(world)
    people = [
        (DOCTOR, {"sub": one, "name": one, "role": "general-practitioner"}) for one in (VDBERG, "ha-1", "ha-2", "ha-3")
    ]
    for oin, claims in people:
        await world.token(oin, claims)
    answers = await asyncio.gather(*(asks(world, oin, claims) for oin, claims in people * 3))
    assert Counter(answers) == {200: 3, 404: 9}


async def test_what_was_decided_can_be_decided_again(world: World) -> None:
    await held(world)
    assert await world.gets(JACK, VDBERG, "joint-meeting") == []
    await both_say_yes(world)
    assert await world.gets(JACK, JORIS, "joint-meeting") == GETS
    await world.settle()
    report = await world.broker.replay.run()
    assert report.intact
    assert report.counts[Outcome.SAME] == 2
