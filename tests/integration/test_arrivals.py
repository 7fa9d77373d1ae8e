"""How far a handover came: the sender sees it of each recipient, and who has something waiting is reminded once, without content."""

from datetime import timedelta
from typing import Any

import pytest

from broker.domain.arrivals import REMIND_AFTER
from tests.promises.attacks import READER, TOM
from tests.support.lifelines import FOSTER, MENTAL, PURPOSE, SCHOOL, Girl, timeline
from tests.support.lifelines import READER as FATIMA
from tests.support.world import World

JORIS, PARENTS = READER[TOM], ("mother", "father")
TYPES = ["status", "voice-of-the-child", "safety-plan", "parent-health"]


def later(world: World, much: timedelta) -> None:
    world.clock.moved += much


async def came(world: World) -> list[str]:
    seen = await world.as_organisation(world.sender(TOM), "GET", f"/v1/handovers/{world.handovers[TOM]}")
    return [one["state"] for one in seen.json()["arrivals"]]


async def unread(world: World, who: str = JORIS) -> list[str]:
    page = await world.as_professional(who, "GET", "/v1/handovers?box=unread")
    assert page.status_code == 200, page.text
    return [one["id"] for one in page.json()["items"]]


async def reminded(world: World) -> list[dict[str, Any]]:
    school = world.body(TOM)["recipients"][0]["organisation"]
    events = (await world.as_organisation(school, "GET", "/v1/events")).json()["items"]
    return [event for event in events if event["type"] == "nl.rondom.handover-unread.v1"]


async def acknowledged(world: World, release: str, body: Any = None) -> int:
    answer = await world.as_professional(JORIS, "POST", f"/v1/releases/{release}/acknowledgement", body)
    return answer.status_code


async def test_it_goes_from_shut_to_taken_over_and_a_correction_begins_anew(world: World) -> None:
    await world.push(TOM)
    assert await came(world) == ["shut"]
    assert await unread(world) == []
    await world.everybody_says_yes(TOM)
    assert await came(world) == ["waiting"]
    assert await unread(world) == [world.handovers[TOM]]
    release = (await world.ask(TOM, JORIS)).json()["id"]
    assert await came(world) == ["collected"]
    assert await unread(world) == []
    assert await acknowledged(world, release, {"state": "read"}) == 204
    assert await came(world) == ["read"]
    assert await acknowledged(world, release, {"state": "taken-over"}) == 204
    assert await acknowledged(world, release, {"state": "read"}) == 204
    assert await came(world) == ["taken-over"]
    body = world.body(TOM)
    body["sections"][0]["content"] = "Anders."
    path = f"/v1/handovers/{world.handovers[TOM]}/versions"
    assert (await world.as_organisation(world.sender(TOM), "POST", path, body)).status_code == 201
    assert await came(world) == ["waiting"]
    assert await unread(world) == [world.handovers[TOM]]


async def test_of_many_those_are_unread_of_which_nobody_has_the_version_in_force(world: World) -> None:
    girl = Girl(world)
    cases = [await girl.written(sender, timeline(("2018", "Iets."))) for sender in (FOSTER, MENTAL, SCHOOL)]
    first, second, third = [case.handover.id for case in cases]

    async def reads(handover: str) -> None:
        asked = {"handover": handover, "purpose": PURPOSE}
        assert (await world.as_professional(FATIMA, "POST", "/v1/releases", asked)).status_code == 200

    assert await unread(world, FATIMA) == [third, second, first]
    await reads(second)
    assert await unread(world, FATIMA) == [third, first]
    body = {**cases[1].body, "sections": [timeline(("2019", "Iets anders."))]}
    assert (await world.as_organisation(MENTAL, "POST", f"/v1/handovers/{second}/versions", body)).status_code == 201
    await reads(first)
    assert await unread(world, FATIMA) == [third, second]
    await reads(second)
    assert await unread(world, FATIMA) == [third]


async def test_without_a_body_it_is_read_and_taken_over(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    assert await acknowledged(world, (await world.ask(TOM, JORIS)).json()["id"]) == 204
    assert await came(world) == ["taken-over"]


@pytest.mark.parametrize("body", [{"state": "lost"}, {}, [], {"state": "read", "by": "me"}])
async def test_another_word_than_these_two_acknowledges_nothing(world: World, body: Any) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    release = (await world.ask(TOM, JORIS)).json()["id"]
    assert await acknowledged(world, release, body) == 400
    assert await came(world) == ["collected"]


async def test_what_was_collected_stays_collected_when_it_is_shut(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await world.ask(TOM, JORIS)
    await world.withdraw(TOM, "mother", TYPES)
    assert await came(world) == ["collected"]
    assert await unread(world) == []


async def test_a_recipient_is_reminded_once_of_what_lies_there(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    later(world, REMIND_AFTER - timedelta(minutes=1))
    assert await world.broker.arrivals.remind() == 0
    later(world, timedelta(minutes=2))
    assert await world.broker.arrivals.remind() == 1
    assert await world.broker.arrivals.remind() == 0
    [event] = await reminded(world)
    assert event["data"]["handover"] == world.handovers[TOM]
    assert event["data"].get("release") is None
    assert "sections" not in event["data"] or not event["data"]["sections"]


async def test_nobody_is_reminded_of_what_was_collected_or_shut_meanwhile(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await world.ask(TOM, JORIS)
    later(world, REMIND_AFTER + timedelta(minutes=1))
    assert await world.broker.arrivals.remind() == 0
    assert await reminded(world) == []


async def test_nobody_is_reminded_of_what_a_family_stopped(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    for parent in PARENTS:
        await world.withdraw(TOM, parent, TYPES)
    later(world, REMIND_AFTER + timedelta(minutes=1))
    assert await world.broker.arrivals.remind() == 0


async def test_what_is_closed_is_in_nobodys_list(world: World) -> None:
    await world.push(TOM)
    later(world, REMIND_AFTER + timedelta(minutes=1))
    assert await world.broker.arrivals.remind() == 0
    assert await unread(world) == []
