"""Whoever is told of a release is told the same of each release of a timeline: the family, their pages, senders and readers."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.promises.attacks import WITHDRAWN, Case
from tests.support.lifelines import FOSTER, MENTAL, NAME, PURPOSE, READER, SCHOOL, TEAM, Girl, timeline
from tests.support.world import World

TYPES = ["timeline", "help-history"]


@dataclass
class Read:
    """A girl about whom three wrote, one of them twice; each of it was read once by the same professional."""

    girl: Girl
    cases: list[Case]
    releases: Mapping[str, str] = field(default_factory=dict)
    """By handover."""

    @property
    def world(self) -> World:
        return self.girl.world

    async def told(self) -> dict[str, Any]:
        """All that anybody was told, with names in the place of ids and numbers."""
        return {
            "messages": await self._messages(),
            "arrivals": await self._arrivals(),
            "who read what": {signer: await self._readings(signer) for signer in ("chayenne", "mother")},
        }

    async def _messages(self) -> set[tuple[str, str, str]]:
        names = {self.girl.phone: "chayenne", self.girl.mail: "mother"}
        every = [m for m in await self.world.messages("was-read") if m["to"] in names]
        return {(names[m["to"]], m["text"], m["language"]) for m in every}

    async def _arrivals(self) -> list[tuple[str, str]]:
        found = []
        for case in self.cases:
            sender = case.handover.sender
            seen = await self.world.as_organisation(sender, "GET", f"/v1/handovers/{case.handover.id}")
            found += [(sender, one["state"]) for one in seen.json()["arrivals"]]
        return found

    async def _readings(self, signer: str) -> Counter[tuple[str, str, tuple[str, ...], bool]]:
        self.world.handovers[NAME] = self.cases[0].handover.id
        token = await self.world.visit(await self.world.invite(NAME, signer))
        mine = await self.world.broker.consents.mine(token, "en")
        return Counter(
            (one.organisation, one.role.en, tuple(w.en for w in one.sections), one.corrected) for one in mine.readings
        )

    async def events(self, kind: str, oin: str) -> Counter[tuple[str, str]]:
        """(release, handover) of each that this organisation was told of them."""
        items = (await self.world.as_organisation(oin, "GET", "/v1/events?limit=200")).json()["items"]
        mine = {case.handover.id for case in self.cases}
        every = [e["data"] for e in items if e["type"] == f"nl.rondom.{kind}.v1" and e["data"]["handover"] in mine]
        return Counter((one.get("release", ""), one["handover"]) for one in every)


async def written(world: World) -> Read:
    girl = Girl(world)
    senders = (FOSTER, FOSTER, MENTAL, SCHOOL)
    return Read(girl, [await girl.written(one, timeline((f"201{n}", "Iets."))) for n, one in enumerate(senders)])


async def one_by_one(world: World) -> Read:
    read = await written(world)
    found = {}
    for case in read.cases:
        body = {"handover": case.handover.id, "purpose": PURPOSE, "sections": TYPES}
        answer = await world.as_professional(READER, "POST", "/v1/releases", body)
        found[case.handover.id] = answer.json()["id"]
    return Read(read.girl, read.cases, found)


async def at_once(world: World) -> Read:
    read = await written(world)
    answer = (await read.girl.asked()).json()
    return Read(read.girl, read.cases, {one["handover"]: one["id"] for one in answer["releases"]})


async def test_reading_many_at_once_is_told_as_reading_each_of_them(world: World) -> None:
    each, every = await one_by_one(world), await at_once(world)
    assert every.releases.keys() == {case.handover.id for case in every.cases}
    expected = await each.told()
    assert await every.told() == expected
    assert len(expected["messages"]) == 2
    assert {state for _, state in expected["arrivals"]} == {"collected"}
    assert [sum(lines.values()) for lines in expected["who read what"].values()] == [2, 2], "of this sender"
    unread = (await world.as_professional(READER, "GET", "/v1/handovers?box=unread")).json()["items"]
    assert unread == []


async def test_a_correction_of_one_of_them_shows_with_that_one_alone(world: World) -> None:
    each, every = await one_by_one(world), await at_once(world)
    for read in (each, every):
        case = read.cases[1]
        body = {**case.body, "sections": [timeline(("2019", "Iets anders."))]}
        path = f"/v1/handovers/{case.handover.id}/versions"
        assert (await world.as_organisation(FOSTER, "POST", path, body)).status_code == 201
        assert await read.events("handover-corrected", TEAM) == {(read.releases[case.handover.id], case.handover.id): 1}
    expected = await each.told()
    assert await every.told() == expected
    assert sorted(corrected for *_, corrected in expected["who read what"]["mother"]) == [False, True]


@pytest.mark.parametrize("way", [one_by_one, at_once])
async def test_who_read_is_told_of_each_that_ends_or_is_stopped_and_can_take_each_over(world: World, way: Any) -> None:
    read = await way(world)
    ids = dict(read.releases)
    first, second, mental, school = [case.handover.id for case in read.cases]
    for release in ids.values():
        answer = await world.as_professional(READER, "POST", f"/v1/releases/{release}/acknowledgement")
        assert answer.status_code == 204
    assert await read.events("handover-acknowledged", FOSTER) == {("", first): 1, ("", second): 1}
    assert (await world.as_organisation(SCHOOL, "DELETE", f"/v1/handovers/{school}")).status_code == 204
    assert await read.events("handover-withdrawn", TEAM) == {(ids[school], school): 1}
    token = await visit(read, "mother")
    mine = await world.broker.consents.mine(token, "en")
    await world.broker.consents.withdraw(token, mine.groups[0].id, ("timeline",), "en")
    assert await read.events("stop-using", TEAM) == {(ids[first], first): 1, (ids[second], second): 1}
    assert (ids[mental], mental) not in await read.events("stop-using", TEAM)


async def visit(read: Read, signer: str) -> str:
    read.world.handovers[NAME] = read.cases[0].handover.id
    return await read.world.visit(await read.world.invite(NAME, signer))


async def test_who_wants_no_messages_about_one_sender_hears_of_the_others(world: World) -> None:
    read = await written(world)
    await world.broker.consents.want_messages(await visit(read, "chayenne"), wanted=False)
    await read.girl.asked()
    assert {to for to, *_ in await read._messages()} == {"chayenne", "mother"}
    alone = Girl(world)
    case = await alone.written(FOSTER, timeline(("2018", "Iets.")))
    only = Read(alone, [case])
    await world.broker.consents.want_messages(await visit(only, "chayenne"), wanted=False)
    await alone.asked()
    assert {to for to, *_ in await only._messages()} == {"mother"}


async def test_nobody_hears_who_only_said_no(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2018", "Iets.")))
    no = await girl.written(MENTAL, timeline(("2019", "Anders.")))
    await no.says("mother", "chayenne", WITHDRAWN)
    await girl.asked()
    assert len(await world.messages("was-read")) == 2, "of what was open; and what was closed adds nothing"
