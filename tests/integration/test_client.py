"""The client against the real application: what its types promise is what comes, and what it tries again happens once."""

import asyncio
import json
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from broker.client import Client, ClientKey, ClientSealingKey, Refused, seal_body
from broker.crypto import sealing
from broker.domain.parties import Oin, Organisation
from tests.promises.attacks import as_it_is, registered
from tests.support.bridge import Bridge, aside, client_of
from tests.support.lifelines import FOSTER, MENTAL, NAME, PURPOSE, READER, SIGNERS, TEAM, Girl, section, timeline
from tests.support.world import URL, World

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
JORIS = ("ib-joris", "Joris Maas", "support-coordinator")
SHARED = ["status", "voice-of-the-child"]


async def answered(world: World, client: Client) -> str:
    """A handover of which everybody gave two parts."""
    pushed = await aside(lambda: client.push(world.body("tom-to-school")))
    world.handovers["tom-to-school"] = pushed["id"]
    for person in ("mother", "father", "tom"):
        await world.answer("tom-to-school", person, dict.fromkeys(SHARED, "yes"))
    return pushed["id"]


async def test_a_handover_goes_all_the_way(world: World) -> None:
    with client_of(world, SENDER) as sender, client_of(world, SCHOOL) as school:
        body, joris = world.body("tom-to-school"), school.as_professional(*JORIS)
        tried = await aside(lambda: sender.dry_run(body))
        assert {person["person"] for person in tried["asked"]} == {"tom", "mother", "father"}
        handover = await answered(world, sender)
        assert (await aside(lambda: sender.push(body)))["id"] == handover
        state = await aside(lambda: sender.handover(handover))
        assert {signer["state"] for signer in state["signers"]} == {"answered"}
        assert [h["id"] for h in await aside(lambda: list(sender.every_handover("sent")))] == [handover]

        assert [h["id"] for h in await aside(lambda: list(joris.every_received()))] == [handover]
        found = await aside(lambda: joris.search(body["people"][0]["identifiers"][0]["value"]))
        assert [h["id"] for h in found["items"]] == [handover]
        release = await aside(lambda: joris.ask(handover, "education-support"))
        assert sorted(section["type"] for section in release["released"]) == SHARED
        assert release["withheld"][0]["reasons"][0]["nextStep"]
        await aside(lambda: joris.acknowledge(release["id"]))
        assert (await aside(lambda: joris.status(release["id"])))["acknowledged"] is True

        _, tag = await aside(lambda: sender.handover_and_tag(handover))
        changed = {**body, "discussedWithFamily": False}
        corrected = await aside(lambda: sender.correct(handover, changed, if_match=tag))
        assert (corrected["id"], corrected["version"]) == (handover, 2)
        with pytest.raises(Refused) as stale:
            await aside(lambda: sender.withdraw(handover, if_match=tag))
        assert stale.value.status == 412
        assert await aside(lambda: sender.reactions(handover)) == []
        await aside(lambda: sender.withdraw(handover))
        events = await aside(lambda: list(school.every_event()))
        assert events[-1]["type"] == "nl.rondom.handover-withdrawn.v1"
        assert await aside(lambda: list(school.every_event(events[-1]["id"]))) == []
        with pytest.raises(Refused) as gone:
            await aside(lambda: joris.ask(handover, "education-support"))
        assert gone.value.status in (403, 404)


async def test_a_code_a_sheet_and_the_directory(world: World) -> None:
    with client_of(world, SENDER) as sender:
        handover = (await aside(lambda: sender.push(world.body("tom-to-school"))))["id"]
        assert len((await aside(lambda: sender.invite(handover, "mother")))["code"]) == 14
        assert (await aside(lambda: sender.sheet(handover, "tom"))).startswith("<!doctype html>")
        with pytest.raises(Refused) as nobody:
            await aside(lambda: sender.sheet(handover, "nobody"))
        assert nobody.value.detail
        assert {o["oin"] for o in await aside(sender.organisations)} == set(world.keys)
        assert len((await aside(sender.vocabulary))["sectionTypes"]) > 20
        agreement = await aside(sender.agreement)
        assert agreement["digest"] == world.broker.partners.agreement().digest
        assert (await aside(sender.sealing_keys))[0]["kty"] == "AKP"


async def test_every_fault_and_every_reason_comes_as_it_is(world: World) -> None:
    with client_of(world, SENDER, language="en") as sender, client_of(world, SCHOOL, language="en") as school:
        body = {**world.body("tom-to-school"), "kind": "nonsense", "subject": "nobody"}
        with pytest.raises(Refused) as refused:
            await aside(lambda: sender.push(body))
        assert (refused.value.status, refused.value.code) == (400, "invalid-input")
        assert {fault["pointer"] for fault in refused.value.faults} == {"/kind", "/subject"}
        handover = (await aside(lambda: sender.push(world.body("tom-to-school"))))["id"]
        with pytest.raises(Refused) as denied:
            await aside(lambda: school.as_professional(*JORIS).ask(handover, "education-support"))
        assert denied.value.status == 403
        assert denied.value.withheld[0]["reasons"][0]["message"]


async def test_without_a_webhook_there_is_none_and_an_address_that_is_none_is_refused(world: World) -> None:
    with client_of(world, SENDER) as sender:
        with pytest.raises(Refused) as none:
            await aside(sender.webhook)
        assert none.value.status == 404
        with pytest.raises(Refused) as refused:
            await aside(lambda: sender.register_webhook("https://127.0.0.1/x"))
        assert refused.value.status == 400
        await aside(sender.remove_webhook)
        assert await aside(sender.webhook_keys)


async def test_a_key_of_another_kind_is_a_key(world: World) -> None:
    for number, algorithm in enumerate(("ES256", "PS256"), 50):
        oin, key = f"000000990000000{number}000", ClientKey.new(algorithm)
        await world.broker.partners.add(Organisation(Oin(oin), "Wijkteam", "neighbourhood-team"), [key.public_jwk()])
        with Client(URL, oin, key, transport=Bridge(world)) as client:
            assert await aside(client.handovers) == {"items": []}


async def test_with_bound_tokens_everything_goes_on_and_a_stolen_one_is_of_no_use(world: World) -> None:
    with client_of(world, SENDER, dpop=True) as sender, client_of(world, SCHOOL, dpop=True) as school:
        handover = await answered(world, sender)
        release = await aside(lambda: school.as_professional(*JORIS).ask(handover, "education-support"))
        assert len(release["released"]) == 2
        assert [h["id"] for h in await aside(lambda: list(sender.every_handover("sent")))] == [handover]
        stolen = await aside(sender.token)
    for scheme in ("Bearer", "DPoP"):
        answer = await world.http.get("/v1/handovers", headers={"Authorization": f"{scheme} {stolen}"})
        assert answer.status_code == 401


class CutOff(httpx.BaseTransport):
    """The broker does what it was asked, and the answer never comes: of the first try of every call that changes something."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._seen: set[str] = set()
        self.lost = 0
        self.first: Any = None
        """The last answer that was lost."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._bridge.handle_request(request)
        key = request.headers.get("Idempotency-Key", "")
        if key and key not in self._seen:
            self._seen.add(key)
            self.lost += 1
            self.first = json.loads(answer.content)
            raise httpx.ReadError("cut off")
        return answer


async def test_an_answer_that_is_lost_makes_nothing_twice(world: World) -> None:
    lossy = CutOff(Bridge(world))
    with Client(URL, SENDER, world.keys[SENDER], transport=lossy) as sender:
        pushed = await aside(lambda: sender.push(world.body("tom-to-school")))
        assert lossy.lost == 1
        assert [h["id"] for h in await aside(lambda: list(sender.every_handover("sent")))] == [pushed["id"]]
        made = await aside(lambda: sender.invite(pushed["id"], "mother"))
        assert lossy.lost == 2
        assert lossy.first["code"] == made["code"]
    with Client(URL, SCHOOL, world.keys[SCHOOL], transport=lossy) as school, pytest.raises(Refused) as denied:
        await aside(lambda: school.as_professional(*JORIS).ask(pushed["id"], "education-support"))
    assert denied.value.status == 403
    pushed_events = [entry for entry in await world.entries() if entry.type == "handover:pushed"]
    assert len(pushed_events) == 1


async def test_many_threads_push_and_look_at_once(world: World) -> None:
    def one(number: int) -> Any:
        body = {**world.body("tom-to-school"), "reference": f"at-once-{number}"}
        return client.push(body)["id"]

    with client_of(world, SENDER) as client:
        ids = await asyncio.gather(*(asyncio.to_thread(one, number) for number in range(8)))
        assert {h["id"] for h in await aside(lambda: list(client.every_handover("sent")))} == set(ids)
    assert len(set(ids)) == 8


async def test_a_list_of_more_than_one_page_comes_whole_and_in_order(world: World) -> None:
    with client_of(world, SENDER) as client:
        ids = []
        for number in range(27):
            body = {**world.body("tom-to-school"), "reference": f"page-{number}"}
            ids.append((await aside(lambda body=body: client.push(body)))["id"])
        assert [h["id"] for h in await aside(lambda: list(client.every_handover("sent")))] == ids[::-1]


async def test_a_timeline_comes_opened_and_whoever_seals_wrongly_closes_nothing_of_others(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, timeline(("2018", "Naar opa en oma.")), section("Een tekst.", "help-history"))
    right = sealing.seal_content

    def wrong(key: bytes, about: sealing.About, clear: bytes) -> bytes:
        return right(key, replace(about, mark=bytes(32)) if about.type == "timeline" else about, clear)

    intake = (await world.as_organisation(MENTAL, "GET", "/v1/sealing-keys")).json()["keys"][0]
    body = girl.body(timeline(("2019", "Intake.")), section("Ook een tekst.", "help-history"))
    with patch("broker.client.sealing.seal_content", wrong):
        body = seal_body(body, MENTAL, intake)
    case = await as_it_is(world, NAME, body, sender=MENTAL)
    for signer in SIGNERS:
        await case.says(signer, "chayenne")
    await registered(world, TEAM, key := ClientSealingKey.new())
    _, who = world.professional(READER)
    with client_of(world, TEAM, opens_with=[key]) as team:
        fatima = team.as_professional(who["sub"], who["name"], who["role"])
        found = await aside(lambda: fatima.timeline(girl.bsn, PURPOSE))
    assert [(one["source"]["organisation"], one["content"]) for one in found["opened"]] == [
        (FOSTER, {"entries": [{"from": "2018", "what": "Naar opa en oma."}]}),
        (FOSTER, "Een tekst."),
    ]
    assert [one["source"]["organisation"] for one in found["sealed"]] == [MENTAL, MENTAL], "nothing of that release"
    assert len(found["releases"]) == 2
