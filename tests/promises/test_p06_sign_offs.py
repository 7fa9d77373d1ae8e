"""P06: nobody agrees for somebody else, with a version that they did not receive, or with one that is not in force.

The rest of what is promised of it stands here too: what was said first and what was corrected first never lie in between (P04),
what lies in the database says nothing (P07), and is believed only as it was signed (P01).
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from broker.asgi import asgi
from broker.domain.calendar import end_of_day, local_day
from broker.domain.events import EventType
from broker.domain.parties import Oin
from broker.domain.rates import Rate
from broker.whole import Broker
from tests.integration.test_corrections import correct, rewritten
from tests.promises.at_home import begins, hand_over, turning
from tests.promises.attacks import GIVEN, JACK, WITHDRAWN, Case, in_the_order_of_commits
from tests.promises.attacks import person as one_of
from tests.promises.test_p04_withdrawal_committed_first_wins import held_up
from tests.support.agreeing import agree, choose, read, said, say, signed, ways
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import NO_SUCH_ID, Recorder, leaks, operational_log, rows_of, told
from tests.support.world import URL, World, build_broker

GP = "ha-vdberg"
ANALYSIS, CARE = "analysis", "carrying-capacity"
CHAYENNE = "start-of-foster-care"
SECRET = "Oom Wim sliep elke nacht op de bank."
AT_ONCE = 6


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


@pytest.fixture
async def other(world: World) -> AsyncIterator[Broker]:
    """A second broker on the same database."""
    broker = build_broker(world.broker.settings, world.clock)
    async with broker.house.storage(writing=False) as work:
        await broker.house.agreements.within(work)  # read and checked now, so that nobody waits for that
    yield broker
    await broker.database.close()


@contextlib.asynccontextmanager
async def through(world: World, broker: Broker) -> AsyncIterator[World]:
    """The same world, spoken to through another broker."""
    transport = httpx.ASGITransport(app=asgi(broker), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
        yield replace(world, broker=broker, http=http)


async def pushed(
    world: World, change: Callable[[dict[str, Any]], object] | None = None
) -> tuple[Case, dict[str, Any], str]:
    """Jack's handover to the family doctor, what the doctor got, and the digest of its analysis."""
    case = await hand_over(world, JACK, change)
    await case.everybody_says_yes()
    release = (await case.ask()).json()
    return case, release, signed(release, ANALYSIS)["digest"]


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["type"].removeprefix("urn:rondom:problem:")


NOT_OPEN, ANOTHER, NOT_FOUND = (403, "sign-off-not-open"), (409, "another-version"), (404, "not-found")


# professionals


async def test_a_refusal_is_logged_and_asking_is_counted_together_with_asking_for_the_text(world: World) -> None:
    world.clock.fixed = world.clock().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    case, release, digest = await pushed(world)
    await case.says("father", "jack", WITHDRAWN, [ANALYSIS])
    house, rate = world.broker.house, world.broker.house.rate_one
    object.__setattr__(house, "rate_one", Rate(4, rate.seconds))
    key = {"Idempotency-Key": '"een-keer"'}
    path, body = f"/v1/releases/{release['id']}/sign-offs", {"digest": digest, "agrees": True}
    answers = [await world.as_professional(GP, "POST", path, body, headers=key) for _ in range(4)]
    assert [code_of(one) for one in answers] == [NOT_OPEN] * 3 + [(429, "rate-limited")]
    object.__setattr__(house, "rate_one", rate)
    await world.settle()
    denied = [one for one in await world.entries() if one.type == EventType.RELEASE_DENIED.value]
    assert len(denied) == 3, "what was not done is not in the log"
    await case.says("father", "jack", GIVEN, [ANALYSIS])
    again = await world.as_professional(GP, "POST", path, body, headers=key)
    assert again.status_code == 201, again.text


async def test_a_refusal_is_logged_also_when_nothing_of_it_is_kept_any_more(world: World) -> None:
    case, release, digest = await pushed(world)
    await the_sender_withdrew(case)
    assert code_of(await say(world, GP, release["id"], digest)) == NOT_OPEN
    await world.settle()
    denied = [one for one in await world.entries() if one.type == EventType.RELEASE_DENIED.value]
    assert len(denied) == 1


async def test_a_release_of_somebody_else_looks_like_one_that_is_not_there(world: World) -> None:
    case, release, digest = await pushed(world)
    oin, _ = world.professional(GP)
    colleague = {"sub": "ha-2", "name": "Ander", "role": "general-practitioner"}
    elsewhere = {"sub": "ha-vdberg", "name": "Zelfde naam", "role": "support-coordinator"}
    tokens = [
        await world.token(*world.professional("ib-joris")),
        await world.token(oin, colleague),
        await world.token("00000099000000020000", elsewhere),
    ]
    for token in tokens:
        for body in ({"digest": digest, "agrees": True}, {"digest": "0" * 64, "agrees": False, "text": "Nee."}):
            pair = [
                told(await world._call(token, "POST", f"/v1/releases/{id_}/sign-offs", body), but=id_)
                for id_ in (release["id"], NO_SUCH_ID)
            ]
            assert pair[0] == pair[1]
            assert pair[0][0] == 404
    another_role = await world.token(oin, {**world.professional(GP)[1], "role": "practice-nurse"})
    mine = {"digest": digest, "agrees": True}
    path = f"/v1/releases/{release['id']}/sign-offs"
    assert (await world._call(another_role, "POST", path, mine)).status_code == 404, "in the role in which it was read"
    assert (await world.as_organisation(oin, "POST", path, mine)).status_code == 403, "a person agrees, no machine"
    assert (await world.as_organisation(world.sender(JACK), "POST", path, mine)).status_code == 403
    assert (await world.http.post(path, json=mine)).status_code == 401
    for reader in (oin, "00000099000000020000", "00000099000000110000"):
        pair = []
        for id_ in (case.handover.id, NO_SUCH_ID):
            pair.append(told(await world.as_organisation(reader, "GET", f"/v1/handovers/{id_}/sign-offs"), but=id_))
        assert pair[0] == pair[1]
        assert pair[0][0] == 404
    assert await rows_of(world, "sign_off") == []


async def test_who_read_another_part_or_another_childs_agrees_with_nothing_else(world: World) -> None:
    case, release, digest = await pushed(world)
    part = (await case.ask(sections=["help-history"])).json()
    assert code_of(await say(world, GP, part["id"], digest)) == ANOTHER
    twin = await hand_over(world, JACK)
    await twin.everybody_says_yes()
    theirs = signed((await twin.ask()).json(), ANALYSIS)["digest"]
    assert code_of(await say(world, GP, release["id"], theirs)) == ANOTHER, "the same words about another child"
    assert await rows_of(world, "sign_off") == []
    assert (await say(world, GP, release["id"], digest)).status_code == 201


async def test_of_two_texts_of_one_type_each_is_agreed_with_by_itself(world: World) -> None:
    def two(body: dict[str, Any]) -> None:
        body["sections"].append({**body["sections"][0], "content": "En hij mist zijn oude buurt."})

    case, release, first = await pushed(world, two)
    second = next(
        one["signOff"]["digest"]
        for one in release["released"]
        if one["type"] == ANALYSIS and one["signOff"]["digest"] != first
    )
    assert (await say(world, GP, release["id"], second, SECRET)).status_code == 201
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(JACK, "mother"))
        one, other = ways((await browser.get("/mine")).text)
        assert "Je bent het ermee eens" in (await choose(browser, one, "agree")).text
        assert "Je bent het ermee eens" not in (await browser.get(other)).text
    found = {
        part["signOff"]["digest"]: [said["agrees"] for said in part["signOff"]["said"]]
        for part in (await case.ask()).json()["released"]
        if part["type"] == ANALYSIS
    }
    assert found == {first: [True], second: [False]}


ENDS: dict[str, tuple[Callable[[Case], Any], tuple[int, str]]] = {}


def end(expected: tuple[int, str]) -> Callable[[Callable[[Case], Any]], Callable[[Case], Any]]:
    def named(happens: Callable[[Case], Any]) -> Callable[[Case], Any]:
        ENDS[happens.__name__] = happens, expected
        return happens

    return named


@end(NOT_OPEN)
async def a_parent_stopped(case: Case) -> None:
    await case.says("father", "jack", WITHDRAWN, [ANALYSIS])


@end(NOT_OPEN)
async def the_sender_withdrew(case: Case) -> None:
    path = f"/v1/handovers/{case.handover.id}"
    assert (await case.world.as_organisation(case.world.sender(JACK), "DELETE", path)).status_code == 204


@end(NOT_OPEN)
async def the_consent_is_over(case: Case) -> None:
    case.world.clock.later("P7M")


@end(NOT_OPEN)
async def it_is_kept_no_longer(case: Case) -> None:
    case.world.clock.later("P242M")


@end(NOT_OPEN)
async def the_sender_was_stopped(case: Case) -> None:
    await case.world.broker.partners.suspend(case.world.sender(JACK), suspended=True)


@end(ANOTHER)
async def it_was_corrected(case: Case) -> None:
    assert (await correct(case, sections=rewritten(case, ANALYSIS, "Anders."))).status_code == 201


@end(ANOTHER)
async def something_else_in_it_was_corrected(case: Case) -> None:
    assert (await correct(case, sections=rewritten(case, "help-history", "Anders."))).status_code == 201


@end(NOT_FOUND)
async def they_are_no_recipient_any_more(case: Case) -> None:
    school = [{"organisation": "00000099000000020000", "role": "support-coordinator"}]
    assert (await correct(case, recipients=school)).status_code == 201


@end(ANOTHER)
async def it_was_shielded_from_a_signer(case: Case) -> None:
    hidden = [{**one, "shieldedFrom": ["father"]} for one in case.body["sections"]]
    assert (await correct(case, sections=hidden)).status_code == 201


@pytest.mark.parametrize("happens", ENDS)
async def test_what_they_may_not_read_now_they_say_nothing_of(world: World, happens: str) -> None:
    case, release, digest = await pushed(world)
    happen, expected = ENDS[happens]
    await happen(case)
    for text in (None, SECRET):
        refused = await say(world, GP, release["id"], digest, text)
        assert code_of(refused) == expected, refused.text
        assert SECRET not in refused.text
    assert await rows_of(world, "sign_off") == []
    assert not [row for row in await rows_of(world, "log_entry") if row.type == "signoff:said"]


async def test_a_stopped_organisation_says_nothing(world: World) -> None:
    _, release, digest = await pushed(world)
    await world.broker.partners.suspend(Oin(world.professional(GP)[0]), suspended=True)
    refused = await say(world, GP, release["id"], digest)
    assert refused.status_code == 401
    assert await rows_of(world, "sign_off") == []


async def test_a_stop_takes_the_words_along_and_a_new_yes_brings_them_back(world: World) -> None:
    case, release, digest = await pushed(world)
    await say(world, GP, release["id"], digest, SECRET)
    await case.says("mother", "jack", WITHDRAWN, [ANALYSIS])
    refused = await case.ask()
    assert refused.status_code == 200
    assert SECRET not in refused.text
    assert digest not in refused.text
    await case.says("mother", "jack")
    assert SECRET in (await case.ask()).text


async def test_words_about_somebody_else_too_do_not_outlive_that(world: World) -> None:
    """Version 1 spoke of mother as well; what was said of it does not leave with a version that speaks of Jack alone."""

    def of_both(body: dict[str, Any]) -> None:
        body["sections"][0]["concerns"] = ["jack", "mother"]

    case = await hand_over(world, JACK, of_both)
    await case.everybody_says_yes()
    await case.says("mother", "mother")
    release = (await case.ask()).json()
    await say(world, GP, release["id"], signed(release, ANALYSIS)["digest"], SECRET)
    alone = [{**one, "concerns": ["jack"]} if one["type"] == ANALYSIS else one for one in case.body["sections"]]
    assert (await correct(case, sections=alone)).status_code == 201
    after = await case.ask()
    assert signed(after.json(), ANALYSIS)["said"] == []
    assert SECRET not in after.text
    assert (await correct(case)).status_code == 201
    assert [one["text"] for one in signed((await case.ask()).json(), ANALYSIS)["said"]] == [SECRET]


async def test_said_many_times_at_once_is_said_once(world: World, other: Broker) -> None:
    _, release, digest = await pushed(world)
    async with through(world, other) as beside:
        answers = await asyncio.gather(
            *(say((world, beside)[n % 2], GP, release["id"], digest, SECRET) for n in range(AT_ONCE))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(await rows_of(world, "sign_off")) == 1
    assert [row.type for row in await rows_of(world, "log_entry")].count("signoff:said") == 1


async def test_what_waits_for_a_correction_is_of_another_version(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, release, digest = await pushed(world)
    async with through(world, other) as beside:
        with held_up(monkeypatch, EventType.HANDOVER_CORRECTED) as (arrived, go_on):
            corrected = asyncio.create_task(correct(case, sections=rewritten(case, ANALYSIS, "Anders.")))
            async with asyncio.timeout(10):
                await arrived.wait()
            late = asyncio.create_task(say(beside, GP, release["id"], digest))
            done, _ = await asyncio.wait({late}, timeout=0.3)
            assert not done, "it would be kept of a version that is being replaced"
            go_on.set()
            assert (await corrected).status_code == 201
            assert code_of(await late) == ANOTHER
    assert signed((await case.ask()).json(), ANALYSIS)["said"] == []


async def test_a_correction_waits_for_a_word_that_is_about_to_be_kept(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, release, digest = await pushed(world)
    async with through(world, other) as beside:
        with held_up(monkeypatch, EventType.SIGN_OFF_SAID) as (arrived, go_on):
            word = asyncio.create_task(say(beside, GP, release["id"], digest))
            async with asyncio.timeout(10):
                await arrived.wait()
            corrected = asyncio.create_task(correct(case, sections=rewritten(case, ANALYSIS, "Anders.")))
            done, _ = await asyncio.wait({corrected}, timeout=0.3)
            assert not done, "the word would be kept behind a version that it was not said of"
            go_on.set()
            assert (await word).status_code == 201
            assert (await corrected).status_code == 201
    [one] = said(signed((await case.ask()).json(), ANALYSIS))
    assert (one["version"], one["current"]) == (1, False)


async def test_a_word_and_a_stop_never_lie_in_between(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    release = (await world.ask(JACK, GP)).json()
    digest = signed(release, ANALYSIS)["digest"]
    async with through(world, other) as beside:
        with held_up(monkeypatch, EventType.CONSENT_WITHDRAWN) as (arrived, go_on):
            stop = asyncio.create_task(world.withdraw(JACK, "mother", [ANALYSIS]))
            async with asyncio.timeout(10):
                await arrived.wait()
            late = asyncio.create_task(say(beside, GP, release["id"], digest, SECRET))
            done, _ = await asyncio.wait({late}, timeout=0.3)
            assert not done, "it would rest on a yes that is being taken back"
            go_on.set()
            await stop
            assert code_of(await late) == NOT_OPEN
    assert await rows_of(world, "sign_off") == []


# the family


def fields_of(page: str) -> dict[str, str]:
    """What every form of the page sends: the secret of the visit, and the version that it is about."""
    return {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in ("csrf", "version")}


async def way_of(world: World, name: str, person: str) -> str:
    """Where somebody can say it first."""
    async with world.browser() as browser:
        await world.come_in(browser, world.codes.get((name, person)) or await world.invite(name, person))
        return ways((await browser.get("/mine")).text)[0]


async def test_who_does_not_sign_for_whom_it_is_about_has_no_such_page(world: World) -> None:
    """Each grandparent of Chayenne answers for themselves: of what one can bear the other says something too, mother nothing."""
    await world.push(CHAYENNE)
    address = await way_of(world, CHAYENNE, "grandmother")
    assert await way_of(world, CHAYENNE, "grandfather") == address, "it is about both of them"
    await hand_over(world, JACK)
    strangers = [(CHAYENNE, "mother"), (CHAYENNE, "chayenne"), (JACK, "mother"), (JACK, "father")]
    for name, person in strangers:
        async with world.browser() as browser:
            await world.come_in(browser, await world.invite(name, person))
            mine = (await browser.get("/mine")).text
            assert address not in mine
            absent = f"/mine/sign-offs/{'0' * 32}"
            pair = [told(await browser.get(path), but=path.rpartition("/")[2]) for path in (address, absent)]
            assert pair[0] == pair[1]
            assert pair[0][0] == 404
            csrf = fields_of(mine)["csrf"]
            for path in (address, absent):
                answer = await browser.post(path, data={"csrf": csrf, "said": "agree", "version": "0" * 64})
                assert answer.status_code == 404
    assert await rows_of(world, "sign_off") == []


async def test_who_is_shielded_from_it_never_hears_that_it_is_there(world: World) -> None:
    case = await hand_over(world, JACK, lambda body: body["sections"][0].update(shieldedFrom=["father"]))
    address = await way_of(world, JACK, "mother")
    await agree(world, JACK, "mother", SECRET)
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(JACK, "father"))
        mine = await browser.get("/mine")
        assert ways(mine.text) == []
        assert "Ben je het eens" not in mine.text
        assert (await browser.get(address)).status_code == 404
    assert case.handover.id == world.handovers[JACK]


async def test_what_is_shielded_later_takes_ones_own_words_of_before_along(world: World) -> None:
    case, _, _ = await pushed(world)
    await agree(world, JACK, "father", SECRET)
    hidden = [{**one, "shieldedFrom": ["father"]} for one in case.body["sections"]]
    assert (await correct(case, sections=hidden)).status_code == 201
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "father"])
        assert SECRET not in (await browser.get("/mine")).text


async def test_of_two_parts_of_which_one_is_shielded_the_other_tells_nothing_of_it(world: World) -> None:
    def two(body: dict[str, Any]) -> None:
        body["sections"].append({**body["sections"][0], "content": "En hij mist zijn oude buurt."})

    case = await hand_over(world, JACK, two)
    await world.invite(JACK, "father")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "father"])
        _, second = ways((await browser.get("/mine")).text)
        assert SECRET in (await choose(browser, second, "differently", SECRET)).text
        hidden = [*case.body["sections"][:-1], {**case.body["sections"][-1], "shieldedFrom": ["father"]}]
        assert (await correct(case, sections=hidden)).status_code == 201
        [first] = ways((await browser.get("/mine")).text)
        assert first != second
        assert SECRET not in (await browser.get(first)).text
        assert (await browser.get(second)).status_code == 404


async def test_what_is_over_is_asked_of_nobody(world: World) -> None:
    today = local_day(world.clock())
    case = await hand_over(world, JACK, lambda body: body["sections"][0].update(expires=today.isoformat()))
    await case.everybody_says_yes()
    release = (await case.ask()).json()
    address = await way_of(world, JACK, "mother")
    world.clock.fixed = end_of_day(today)
    late = await say(world, GP, release["id"], signed(release, ANALYSIS)["digest"])
    assert code_of(late) == NOT_OPEN
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        assert ways((await browser.get("/mine")).text) == []
        assert (await browser.get(address)).status_code == 404


async def test_from_sixteen_the_young_person_says_it_and_a_parent_no_more(world: World) -> None:
    day, facts = turning(16, "jack")

    def nearly(body: dict[str, Any]) -> None:
        one_of(body, "jack").update(facts, contacts=[{"channel": "sms", "value": "+31600000077", "source": "person"}])

    case = await hand_over(world, JACK, nearly)
    await world.answer(JACK, "mother", {})
    address = await way_of(world, JACK, "mother")
    await agree(world, JACK, "mother", SECRET)
    world.clock.fixed = begins(day)
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        mine = (await browser.get("/mine")).text
        assert (ways(mine), SECRET in mine) == ([], False)
        assert (await browser.get(address)).status_code == 404
    await agree(world, JACK, "jack")
    await case.says("jack", "jack", at=world.clock())
    assert said(signed((await case.ask()).json(), ANALYSIS)) == [
        {"by": "family", "capacity": "parental", "agrees": False, "text": SECRET, "version": 1, "current": True},
        {"by": "family", "capacity": "self", "agrees": True, "version": 1, "current": True},
    ], "what was said then was said then"


async def test_whose_contact_is_in_doubt_says_nothing(world: World) -> None:
    """Else a professional who has a parent's phone could agree in their name."""
    await world.push(JACK)
    father = next(one for one in world.body(JACK)["people"] if one["key"] == "father")
    address = await way_of(world, JACK, "father")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "father"])
        fields = {"said": "agree", **fields_of((await browser.get(address)).text)}
        oin, claims = world.professional("ib-joris")
        contact = father["contacts"][0]
        claim = {"email": "email", "sms": "phone_number"}[contact["channel"]]
        await world.token(oin, {**claims, claim: contact["value"]})
        assert (await browser.post(address, data=fields)).status_code == 404
        assert ways((await browser.get("/mine")).text) == []
    assert await rows_of(world, "sign_off") == []


async def test_a_page_of_before_a_correction_keeps_nothing_and_says_so(world: World) -> None:
    case, _, _ = await pushed(world)
    await world.invite(JACK, "mother")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        [address] = ways((await browser.get("/mine")).text)
        old = (await browser.get(address)).text
        fields = fields_of(old)
        assert (await correct(case, sections=rewritten(case, ANALYSIS, "Anders."))).status_code == 201
        for sent in ({"said": "agree"}, {"said": "differently", "text": SECRET}):
            page = await browser.post(address, data={**fields, **sent})
            assert (page.status_code, "Er is een nieuwe versie van deze tekst." in page.text) == (409, True)
        assert await rows_of(world, "sign_off") == []
        page = await choose(browser, address, "agree")
        assert "Je bent het ermee eens" in page.text
    [one] = said(signed((await case.ask()).json(), ANALYSIS))
    assert (one["version"], one["agrees"]) == (2, True)


async def test_a_familys_word_waits_for_a_correction_too(
    world: World, other: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, _, digest = await pushed(world)
    address = await way_of(world, JACK, "mother")
    token, part = await world.visit(world.codes[JACK, "mother"]), address.rpartition("/")[2]
    with held_up(monkeypatch, EventType.HANDOVER_CORRECTED) as (arrived, go_on):
        corrected = asyncio.create_task(correct(case, sections=rewritten(case, ANALYSIS, "Anders.")))
        async with asyncio.timeout(10):
            await arrived.wait()
        late = asyncio.create_task(other.consents.sign(token, part, digest, "", agrees=True))
        done, _ = await asyncio.wait({late}, timeout=0.3)
        assert not done
        go_on.set()
        assert (await corrected).status_code == 201
        [failed] = await asyncio.gather(late, return_exceptions=True)
    assert getattr(failed, "code", "") == "another-version"
    assert await rows_of(world, "sign_off") == []


async def test_a_form_sent_many_times_at_once_is_kept_once(world: World) -> None:
    await pushed(world)
    await world.invite(JACK, "mother")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        [address] = ways((await browser.get("/mine")).text)
        page = (await browser.get(address)).text
        fields = fields_of(page)
        sent = await asyncio.gather(*(browser.post(address, data={**fields, "said": "agree"}) for _ in range(AT_ONCE)))
    assert {page.status_code for page in sent} == {200}
    assert len(await rows_of(world, "sign_off")) == 1


async def test_more_than_twenty_in_an_hour_are_not_taken(world: World) -> None:
    await pushed(world)
    await world.invite(JACK, "mother")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "mother"])
        [address] = ways((await browser.get("/mine")).text)
        page = (await browser.get(address)).text
        fields = fields_of(page)
        for _ in range(20):
            assert (await browser.post(address, data={**fields, "said": "agree"})).status_code == 200
        assert (await browser.post(address, data={**fields, "said": "agree"})).status_code == 429
    assert len(await rows_of(world, "sign_off")) == 1


# what lies in the database


async def test_what_was_said_cannot_be_read_at_rest(world: World, intruder: Intruder) -> None:
    _, release, digest = await pushed(world)
    await say(world, GP, release["id"], digest, SECRET)
    await agree(world, JACK, "mother", SECRET)
    await world.messages()
    await world.settle()
    assert len(await rows_of(world, "sign_off")) == 2
    assert SECRET.encode() not in intruder.stolen()
    assert b"agrees" not in b"".join(bytes(row.statement_sealed) for row in await rows_of(world, "sign_off"))


@pytest.mark.parametrize(
    "edit",
    [
        "statement_sealed = (SELECT statement_sealed FROM sign_off s2 WHERE s2.id <> sign_off.id)",
        "signer = NULL",
        "signer = (SELECT signer FROM sign_off s2 WHERE s2.id <> sign_off.id)",
        "section = (SELECT id FROM section WHERE section.type = 'help-history')",
    ],
)
async def test_a_word_that_was_moved_in_the_database_leaves_nowhere(
    world: World, intruder: Intruder, edit: str
) -> None:
    case, _, _ = await pushed(world)
    await agree(world, JACK, "mother", SECRET)
    await agree(world, JACK, "father")
    kept = next(row.id for row in await rows_of(world, "sign_off") if row.signer == case.people["father"])
    await world.messages()
    await world.settle()
    await asyncio.to_thread(intruder.change, f"UPDATE sign_off SET {edit} WHERE id = ?", kept)
    refused = await case.ask()
    assert code_of(refused) == (500, "tampered")
    assert "Wim" not in refused.text
    assert code_of(await read(world, JACK)) == (500, "tampered")


async def test_a_word_of_another_handover_does_not_open_here(world: World, intruder: Intruder) -> None:
    case, release, digest = await pushed(world)
    await say(world, GP, release["id"], digest, SECRET)
    twin, other_release, other_digest = await pushed(world)
    await say(world, GP, other_release["id"], other_digest)
    await world.messages()
    await world.settle()
    mine = "SELECT statement_sealed FROM sign_off s2 WHERE s2.handover = ?"
    await asyncio.to_thread(
        intruder.change,
        f"UPDATE sign_off SET statement_sealed = ({mine}) WHERE handover = ?",
        case.handover.id,
        twin.handover.id,
    )
    assert code_of(await twin.ask()) == (500, "tampered")


# what is told


async def test_no_person_hears_what_another_person_said(world: World) -> None:
    case, _, _ = await pushed(world)
    for person in ("mother", "father"):
        await world.invite(JACK, person)
    before = await page_of(world, "mother")
    await agree(world, JACK, "father", SECRET)
    assert await page_of(world, "mother") == before
    assert SECRET not in json.dumps(await world.messages())
    view = await world.as_professional(GP, "GET", f"/v1/handovers/{case.handover.id}")
    assert SECRET not in view.text
    assert SECRET not in (await world.http.get("/metrics")).text


SAY_WORDS = {
    "GET /mine/sign-offs/{part}",
    "GET /v1/handovers/{id}/sign-offs",
    "POST /v1/releases",
    "POST /v1/releases/{id}/sign-offs",
}
"""Who said it, the sender, and who may read the section."""


async def test_words_are_said_where_they_must_be_and_nowhere_else(world: World) -> None:
    theirs = "Wij zien een kind dat rust zoekt."
    recorder = Recorder()
    recorder.listen_to(world)
    with operational_log() as stream:
        await world.push(JACK)
        await world.everybody_says_yes(JACK)
        release = (await world.ask(JACK, GP)).json()
        await say(world, GP, release["id"], signed(release, ANALYSIS)["digest"], theirs)
        await agree(world, JACK, "mother", SECRET)
        await read(world, JACK)
        await world.ask(JACK, GP)
        async with world.browser() as browser:
            await world.come_in(browser, world.codes[JACK, "mother"])
            await browser.get("/mine")
        for who in (world.sender(JACK), world.professional(GP)[0]):
            await world.as_organisation(who, "GET", "/v1/events")
            await world.as_organisation(who, "GET", f"/v1/handovers/{world.handovers[JACK]}")
        metrics = (await world.http.get("/metrics")).text
    messages = json.dumps(await world.messages())
    for text in (stream.getvalue().decode(), metrics, messages):
        assert [words for words in (SECRET, theirs) if words in text] == []
    said_by = {
        words: {one.route for one in recorder.heard if words in one.body.decode("utf-8", "replace")}
        for words in (SECRET, theirs)
    }
    assert said_by[SECRET] | said_by[theirs] == SAY_WORDS
    assert "GET /mine/sign-offs/{part}" not in said_by[theirs]
    for exchange in recorder.heard:
        assert leaks(exchange.around, ["Wim"]) == [], exchange.route
        if exchange.route in SAY_WORDS:
            assert exchange.header("cache-control") == "no-store"


async def page_of(world: World, person: str) -> str:
    """The page on which somebody can say it, without what is another at each visit."""
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, person])
        [address] = ways((await browser.get("/mine")).text)
        page = (await browser.get(address)).text
        return page.replace(fields_of(page)["csrf"], "")


async def test_a_denial_is_the_same_whatever_was_said(world: World) -> None:
    case = await hand_over(world, JACK)
    refused = [told(await case.ask(), but=case.handover.id)]
    await agree(world, JACK, "mother", SECRET)
    refused.append(told(await case.ask(), but=case.handover.id))
    await agree(world, JACK, "father")
    refused.append(told(await case.ask(), but=case.handover.id))
    assert refused[0] == refused[1] == refused[2]


async def test_every_word_has_its_line_in_the_log_in_the_order_of_commits(world: World) -> None:
    case, release, digest = await pushed(world)
    await say(world, GP, release["id"], digest)
    await agree(world, JACK, "mother")
    assert (await correct(case, sections=rewritten(case, ANALYSIS, "Anders."))).status_code == 201
    await agree(world, JACK, "mother", SECRET)
    types = [entry.type for _, entry in await in_the_order_of_commits(world)]
    wanted = [one for one in types if one in ("signoff:said", "handover:corrected")]
    assert wanted == ["signoff:said", "signoff:said", "handover:corrected", "signoff:said"]
