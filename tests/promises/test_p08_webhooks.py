"""P08: what is sent to a webhook is told to that organisation alone, says nothing about people, and goes nowhere else."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from broker.crypto.keyring import KeyPurpose
from broker.domain.consents import Stance
from broker.domain.outbound import Answered, Sent
from broker.domain.parties import Oin
from broker.domain.stores import PartnerEvent, PartnerEventType, Webhook
from broker.domain.webhooks import KEPT, PAUSES, Outcome, WebhookState
from broker.notifications.outside import Outside
from broker.notifications.webhooks import HANDFUL, SENDING
from broker.services.recording import keep
from broker.storage import tables as t
from tests.integration.test_told_in_order import GP, SCHOOL, SENDER, events_for, released, tell
from tests.promises.at_home import at_home, events, hand_over, stop
from tests.promises.attacks import GIVEN, NOTICE, NOTICE_DIGEST, REFUSED, TOM, WITHDRAWN, Case, push, rows
from tests.support.partner_server import Partner, answering, partner
from tests.support.surface import leaks, operational_log, personal, rows_of
from tests.support.world import World, started_again

YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes"}


@asynccontextmanager
async def partners(world: World, *oins: str) -> AsyncIterator[list[Partner]]:
    """Each of these organisations has a server, and registered it."""
    keys = (await world.http.get("/v1/webhook-keys")).json()["keys"]
    async with AsyncExitStack() as stack:
        found = [await stack.enter_async_context(partner(keys)) for _ in oins]
        for oin, one in zip(oins, found, strict=True):
            assert (await register(world, oin, one.url)).status_code == 200
        yield found
        for oin in oins:  # nothing is sent to who listens no more
            await world.as_organisation(oin, "DELETE", "/v1/webhook")
        await sent(world)


async def register(world: World, oin: str, url: str) -> Any:
    return await world.as_organisation(oin, "PUT", "/v1/webhook", {"url": url})


async def sent(world: World) -> None:
    """Wait until whatever may go now was tried."""
    await world.broker.webhook_courier.step()


async def queue(world: World) -> list[Any]:
    return await rows_of(world, "webhook_delivery")


async def tell_one(world: World, *oins: str) -> list[PartnerEvent]:
    made = await events_for(world, oins)
    await tell(world, *made)
    return made


# what is told


async def test_what_is_sent_is_what_is_fetched_and_comes_once(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        await released(world)
        await tell_one(world, SCHOOL, SCHOOL)
        await sent(world)
        fetched = await events(world, SCHOOL)
        assert len(fetched) == 2
        assert sorted(school.events, key=lambda e: int(e["sequence"])) == fetched
        assert [e["sequence"] for e in fetched] == ["1", "2"]
        assert await queue(world) == []
        for message in school.heard:
            assert message.line == "POST /rondom HTTP/1.1"
            assert message.headers["content-type"].startswith("application/cloudevents+json")
            assert message.headers["webhook-id"] == message.event["id"]


async def test_a_sender_hears_that_it_was_taken_over_once_and_not_by_whom(world: World) -> None:
    await released(world)
    release = (await rows(world, t.release.select()))[0].id
    async with partners(world, SENDER) as [sender]:
        for _ in range(2):
            path = f"/v1/releases/{release}/acknowledgement"
            assert (await world.as_professional("ib-joris", "POST", path)).status_code < 300
        await sent(world)
        [event] = [e for e in sender.events if e["type"] == "nl.rondom.handover-acknowledged.v1"]
        [row] = await rows(world, t.release.select())
        assert event["data"] == {"handover": row.handover, "version": 1, "sectionTypes": []}
        assert leaks(json.dumps(event), [release, SCHOOL, "ib-joris", *personal(world)]) == []


def changes(told: Sequence[dict[str, Any]]) -> list[str]:
    return [e["data"]["handover"] for e in told if e["type"] == "nl.rondom.consent-changed.v1"]


async def test_a_sender_hears_that_something_opened_or_closed_and_not_by_whom_or_what(world: World) -> None:
    await hand_over(world, TOM)
    handover = world.handovers[TOM]

    async def count() -> int:
        told = await events(world, SENDER)
        assert all(set(e["data"]) == {"handover", "version", "sectionTypes"} for e in told)
        assert changes(told) == [handover] * len(told)
        return len(told)

    for person in ("tom", "mother"):
        await world.answer(TOM, person, YES)
        assert await count() == 0, "nothing is open yet"
    await world.answer(TOM, "father", YES)
    assert await count() == 1
    async with at_home(world, TOM, "mother") as browser:
        await stop(browser, "status")
        assert await count() == 2
    async with at_home(world, TOM, "father") as browser:
        await stop(browser, "status")
        assert await count() == 2, "it was closed already: that somebody else changed their mind too is not told"


async def test_two_who_together_open_something_at_the_same_moment_are_told_of_once(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes(but=[("mother", "tom"), ("father", "tom")])
    await asyncio.gather(world_keeps(world, case, "mother"), world_keeps(world, case, "father"))
    assert changes(await events(world, SENDER)) == [case.handover.id]


async def world_keeps(world: World, case: Case, signer: str, state: Stance = GIVEN) -> None:
    """The very thing that the pages do with an answer, letting others go first at each step."""
    house = world.broker.house
    async with house.storage() as work:
        await work.authorities.hold({case.people[signer]}, exclusively=True)
        await work.consents.keep_notice(NOTICE_DIGEST, "nl", NOTICE, house.clock())
        await asyncio.sleep(0)
        record = case.record(signer, "tom", state)
        await keep(work, house, case.people[signer], case.handover.sender, (record,), house.clock())
        await asyncio.sleep(0)
        await work.commit()


async def test_an_answer_that_opens_and_closes_nothing_is_not_told(world: World) -> None:
    case = await push(world, TOM)
    for state in (REFUSED, GIVEN, WITHDRAWN):
        await world_keeps(world, case, "father", state)
    assert await events(world, SENDER) == []


# to whom


async def test_nobody_else_is_told(world: World) -> None:
    async with partners(world, SCHOOL, GP) as [school, gp]:
        await released(world)
        mine, theirs = await tell_one(world, SCHOOL, GP)
        await sent(world)
        assert [e["id"] for e in school.events] == [mine.id]
        assert [e["id"] for e in gp.events] == [theirs.id]
        for one, oin in ((school, SCHOOL), (gp, GP)):
            assert {message.event["organisation"] for message in one.heard} == {oin}, "also that it was asked for"


async def test_nobody_sees_or_changes_another_ones_webhook(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        assert (await world.as_organisation(GP, "GET", "/v1/webhook")).status_code == 404
        assert (await world.as_organisation(GP, "DELETE", "/v1/webhook")).status_code == 204
        assert (await world.as_professional("ib-joris", "GET", "/v1/webhook")).status_code == 403
        assert (await world.as_professional("ib-joris", "DELETE", "/v1/webhook")).status_code == 403
        answered = await world.as_organisation(SCHOOL, "GET", "/v1/webhook")
        assert (answered.json()["url"], answered.json()["state"]) == (school.url, "active")


async def test_nothing_personal_in_the_queue_in_requests_and_in_the_operational_log(world: World) -> None:
    with operational_log() as log:
        async with partners(world, SENDER, SCHOOL) as found:
            for one in found:
                one.answer = answering(500, body=b"stack trace of a stranger")
            case = await hand_over(world, TOM)
            for person in ("tom", "mother", "father"):
                await world.answer(TOM, person, YES)
            await world.ask(TOM, "ib-joris")
            async with at_home(world, TOM, "mother") as browser:
                await stop(browser, "status")
            await sent(world)
            kept = repr(await queue(world)) + repr(await rows_of(world, "webhook"))
            said = b"".join(message.body + repr(message.headers).encode() for one in found for message in one.heard)
            assert {e["type"] for one in found for e in one.events} == {
                "nl.rondom.consent-changed.v1",
                "nl.rondom.stop-using.v1",
            }
            secrets = [*personal(world), *case.people.values(), "stack trace", "ib-joris"]
            for text in (kept, said, log.getvalue()):
                assert leaks(text, secrets) == []
            for one in found:
                assert one.url not in log.getvalue().decode()
                assert one.url not in kept, "an address may hold a secret: it is sealed"
            assert b"webhook:not-sent" in log.getvalue()


# where to


@pytest.mark.parametrize(
    "url",
    ["http://partner.example/x", "ftp://x.example", "https://", "x", "https://u:p@x.example/", "https://x.example/#a"],
)
async def test_an_address_that_cannot_be_called_is_refused_and_changes_nothing(world: World, url: str) -> None:
    refused = await register(world, SCHOOL, url)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/url")
    assert (await world.as_organisation(SCHOOL, "GET", "/v1/webhook")).status_code == 404


async def test_an_address_that_does_not_prove_itself_changes_nothing(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        keys = (await world.http.get("/v1/webhook-keys")).json()["keys"]
        async with partner(keys) as other:
            other.proves = False
            answers = {
                "2xx": answering(200, body=b"welcome"),
                "header": answering(200, "Webhook-Challenge: another"),
                "404": answering(404),
                "302": answering(302, f"Location: {school.url}"),
            }
            for answer in answers.values():
                other.answer = answer
                refused = await register(world, SCHOOL, other.url)
                assert refused.status_code == 400, refused.text
                assert "welcome" not in refused.text
            assert len(other.heard) == len(answers)
        gone = await register(world, SCHOOL, other.url)
        assert gone.status_code == 400
        assert len(school.heard) == 1, "a redirect is not followed"
        assert (await world.as_organisation(SCHOOL, "GET", "/v1/webhook")).json()["url"] == school.url


async def test_checks_are_counted(world: World) -> None:
    codes = {(await register(world, SCHOOL, "http://127.0.0.1:9/x")).status_code for _ in range(21)}
    assert codes == {400, 429}


async def test_a_name_that_later_leads_into_a_private_network_is_never_called(world: World) -> None:
    """Registered while it was a public one; afterwards the name says this machine, where something else listens."""
    keys = (await world.http.get("/v1/webhook-keys")).json()["keys"]
    looked: list[str] = []

    async def rebound(host: str, _port: int) -> Sequence[str]:
        looked.append(host)
        return ["127.0.0.1"]

    async with partner(keys) as inside:
        guarded = Outside(lookup=rebound)
        courier = world.broker.webhook_courier
        before, courier._outside = courier._outside, guarded
        try:
            await released(world)
            url = inside.url.replace("127.0.0.1", "partner.example").replace("http:", "https:")
            await registered_before(world, SCHOOL, url)
            await tell_one(world, SCHOOL)
            await sent(world)
        finally:
            courier._outside = before
        assert looked == ["partner.example"]
        assert inside.heard == []
        [row] = await queue(world)
        assert (row.tries, row.status) == (1, 0)


async def registered_before(world: World, oin: str, url: str) -> None:
    """An address that proved itself some other day."""
    house = world.broker.house
    async with house.storage() as work:
        await work.webhooks.put(Webhook(house.ids(), Oin(oin), url, WebhookState.ACTIVE, house.clock()), url)
        await work.commit()


# at least once, and not for ever


async def test_what_is_not_committed_is_not_sent(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        await released(world)
        [event] = await events_for(world, [SCHOOL])
        async with world.broker.house.storage() as work:
            await work.partner_events.add(event)
            await work.partner_events.take_places()  # type: ignore[attr-defined] # all but the commit
        await sent(world)
        assert (school.events, await queue(world)) == ([], [])


async def test_a_broker_that_dies_after_the_commit_or_while_sending_leaves_it_to_the_next(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        await released(world)
        deaf = world.broker.webhook_courier
        async with deaf._taking:  # the first broker takes nothing up any more
            [event] = await tell_one(world, SCHOOL)
            assert [row.event for row in await queue(world)] == [event.id], "it waits as soon as it is committed"
            async with world.broker.house.storage() as work:  # one takes it, and is killed
                now = world.clock()
                assert await work.deliveries.take(now, now + SENDING, (), 10, 10)
                await work.commit()
            async with started_again(world) as again:
                await sent(again)
                assert school.events == [], "for a while it is left to whoever took it"
                world.clock.moved += SENDING
                await sent(again)
                assert [e["id"] for e in school.events] == [event.id]
        assert await queue(world) == []


async def test_brokers_beside_each_other_send_each_event_once(world: World) -> None:
    async with partners(world, SCHOOL, GP) as found, started_again(world) as second:
        await released(world)
        made = await tell_one(world, *[SCHOOL, GP] * 12)
        await asyncio.gather(sent(world), sent(second))
        async with asyncio.timeout(60):
            while await queue(world):
                await asyncio.gather(sent(world), sent(second))
        assert sorted(e["id"] for one in found for e in one.events) == sorted(event.id for event in made)


async def test_a_partner_that_is_slow_holds_up_nobody_else_and_is_sent_a_handful(world: World) -> None:
    async with partners(world, SCHOOL, GP) as [slow, quick]:
        await released(world)
        slow.hold.clear()
        await tell_one(world, *[SCHOOL] * (2 * HANDFUL), *[GP] * (2 * HANDFUL))
        trying = asyncio.create_task(sent(world))
        async with asyncio.timeout(30):
            while len(quick.events) < 2 * HANDFUL:
                quick.waiting.clear()
                await quick.waiting.wait()
        assert len(slow.events) == HANDFUL
        slow.hold.set()
        await trying
        assert len(slow.events) == 2 * HANDFUL


async def test_retries_stop_and_what_was_given_up_is_sent_when_asked(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        await released(world)
        school.answer = answering(500)
        [event] = await tell_one(world, SCHOOL)
        for tries in range(1, len(PAUSES) + 2):
            await sent(world)
            assert len(school.events) == tries
            await sent(world)
            assert len(school.events) == tries, "not before its pause is over"
            world.clock.moved += timedelta(hours=25)
        world.clock.moved += timedelta(days=1)
        await sent(world)
        assert len(school.events) == len(PAUSES) + 1
        [letter] = await world.broker.webhooks.failed()
        assert (letter.event, letter.organisation, letter.status) == (event.id, SCHOOL, 500)
        about = (await world.as_organisation(SCHOOL, "GET", "/v1/webhook")).json()
        assert (about["waiting"], about["failed"]) == (0, 1)
        school.answer = answering(200)
        assert await world.broker.webhooks.replay(Oin(GP)) == 0
        assert await world.broker.webhooks.replay() == 1
        await sent(world)
        assert (await queue(world), len(school.events)) == ([], len(PAUSES) + 2)


async def test_everything_from_an_event_on_is_sent_again_to_its_organisation(world: World) -> None:
    async with partners(world, SCHOOL, GP) as [school, gp]:
        await released(world)
        made = await tell_one(world, SCHOOL, SCHOOL, SCHOOL, GP)
        await sent(world)
        school.heard.clear()
        gp.heard.clear()
        assert await world.broker.webhooks.replay_from(Oin(SCHOOL), made[1].id) == 2
        await sent(world)
        assert sorted(e["id"] for e in school.events) == sorted(event.id for event in made[1:3])
        assert gp.events == []


async def test_gone_disables_the_address_until_it_is_registered_again(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        await released(world)
        school.answer = answering(410)
        await tell_one(world, SCHOOL)
        await sent(world)
        assert (await world.as_organisation(SCHOOL, "GET", "/v1/webhook")).json()["state"] == "disabled"
        await tell_one(world, SCHOOL)
        await sent(world)
        assert len(school.events) == 1
        school.answer = answering(204)
        assert (await register(world, SCHOOL, school.url)).json()["state"] == "active"
        await tell_one(world, SCHOOL)
        await sent(world)
        assert len(school.events) == 2


async def test_who_is_suspended_gets_nothing_until_that_is_over_and_not_for_ever(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        await released(world)
        await world.broker.partners.suspend(SCHOOL, suspended=True)
        [event] = await tell_one(world, SCHOOL)
        await sent(world)
        assert school.events == []
        await world.broker.partners.suspend(SCHOOL, suspended=False)
        await sent(world)
        assert [e["id"] for e in school.events] == [event.id]
        await world.broker.partners.suspend(SCHOOL, suspended=True)
        await tell_one(world, SCHOOL)
        world.clock.moved += KEPT + timedelta(minutes=1)
        await world.broker.webhook_courier.forget()
        await world.broker.partners.suspend(SCHOOL, suspended=False)
        await sent(world)
        assert len(school.events) == 1
        assert len(await events(world, SCHOOL)) == 2, "fetching has everything"


async def test_of_an_answer_only_the_status_counts_and_an_endless_one_is_none(world: World) -> None:
    async with partners(world, SCHOOL) as [school]:
        await released(world)
        school.answer = answering(200, body=b"x" * 20_000)
        await tell_one(world, SCHOOL)
        await sent(world)
        assert [row.status for row in await queue(world)] == [0]


async def test_without_a_key_for_webhooks_a_broker_works_and_says_what_to_do(world: World) -> None:
    keyring = world.broker.webhooks._signatures._keyring  # type: ignore[attr-defined] # the keyring of the broker
    known = dict(keyring._known)
    keyring._known = {**known, KeyPurpose.WEBHOOKS: {}}
    refused = await register(world, SCHOOL, "http://127.0.0.1:9/x")
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:rondom:problem:no-webhook-key")
    assert "broker keys init --missing" in refused.json()["detail"]
    assert (await world.http.get("/v1/webhook-keys")).json() == {"keys": []}
    assert (await world.as_organisation(SCHOOL, "GET", "/v1/events")).status_code == 200


async def test_a_later_try_has_the_same_id_and_a_moment_of_its_own(world: World) -> None:
    seen: list[Sent] = []

    async def listening(request: Sent, _most: int) -> Answered:
        seen.append(request)
        return Answered(503, b"")

    courier = world.broker.webhook_courier
    courier._outside = listening  # type: ignore[assignment] # `accepts` is not asked here
    await released(world)
    await registered_before(world, SCHOOL, "https://partner.example/x")
    [event] = await tell_one(world, SCHOOL)
    await sent(world)
    world.clock.moved += timedelta(hours=1)
    await sent(world)
    assert [one.headers["webhook-id"] for one in seen] == [event.id] * 2
    assert seen[0].content == seen[1].content
    assert PartnerEventType.CORRECTED.value in (seen[0].content or b"").decode()


async def test_who_took_too_long_changes_nothing_for_who_took_it_after(world: World) -> None:
    await released(world)
    async with world.broker.webhook_courier._taking:
        await registered_before(world, SCHOOL, "https://partner.example/x")
        [event] = await tell_one(world, SCHOOL)
        now = world.clock()
        for moment, outcome in ((now, None), (now + SENDING, "late"), (now + SENDING, "again")):
            async with world.broker.house.storage() as work:
                if outcome is None:
                    [first] = await work.deliveries.take(moment, moment + SENDING, (), 1, 1)
                elif outcome == "late":
                    [second] = await work.deliveries.take(moment, moment + SENDING, (), 1, 1)
                    arrived = Outcome(arrived=True, again=None, gone=False, status=204)
                    await work.deliveries.ended(first, arrived, moment)
                else:
                    assert await work.deliveries.take(moment, moment + SENDING, (), 1, 1) == []
                await work.commit()
        [row] = await queue(world)
        assert (row.event, row.tries, second.tries) == (event.id, 2, 2)
