"""P06: how things go is said by nobody but the family; being urgent, or being asked again, opens nothing.

No organisation, professional, officer or stranger can write an answer, shorten the way to one, or read one that its author
did not let them read; nor does the watch, the lane or the clock.
"""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from broker.cli.visitor import form_of
from broker.domain.handovers import HandoverState
from broker.domain.officers import OfficerRole
from broker.domain.ports import place_of
from broker.services.questionnaires import Shown
from tests.promises.attacks import READER, TOM
from tests.support.asking import BASE, SANDER, a_month_later, asked, codes, follow_up, path, question, read, say, watch
from tests.support.officers import officer_browser
from tests.support.surface import NO_SUCH_ID, changed, dump
from tests.support.world import World

TYPES = ["status", "voice-of-the-child", "safety-plan", "parent-health"]
LOUD = "Ik wil dat niemand dit leest."
_HALF_A_DAY = timedelta(hours=12)


# nobody else writes it


@pytest.mark.parametrize("how", ["type", "kind", "both", "sealed"])
async def test_no_organisation_puts_words_into_a_familys_mouth(world: World, how: str) -> None:
    body = follow_up(world)
    if how in ("kind", "both"):
        body["kind"] = "how-it-goes"
    if how in ("type", "both", "sealed"):
        body["sections"][0]["type"] = "check-in"
    if how == "sealed":
        del body["sections"][0]["content"]
        body["sections"][0]["sealed"] = {"format": "rondom-sealed-1", "kid": "x", "key": "AAAA", "ciphertext": "A" * 60}
    await world.token(world.sender(BASE))
    before = await dump(world)
    for address in ("/v1/handovers", "/v1/handovers?dryRun=true"):
        answer = await world.as_organisation(world.sender(BASE), "POST", address, body)
        assert answer.status_code == 400
        pointers = {error["pointer"].removeprefix("#") for error in answer.json()["errors"]}
        assert pointers & {"/kind", "/sections/0/type"}
    assert changed(before, await dump(world)) == set()


async def test_a_question_and_its_answer_cannot_be_corrected_by_who_asked(world: World) -> None:
    code = await asked(world)
    handover, sender = await question(world), world.sender(BASE)
    for answered in (False, True):
        if answered:
            await say(world, code, words=LOUD)
        whole = await world.as_organisation(sender, "GET", f"/v1/handovers/{handover}")
        for body in (follow_up(world), follow_up(world) | {"reference": f"check-in:{handover}"}):
            refused = await world.as_organisation(sender, "POST", f"/v1/handovers/{handover}/versions", body)
            assert refused.status_code == 400
        assert (await world.as_organisation(sender, "GET", f"/v1/handovers/{handover}")).text == whole.text


async def test_strangers_and_other_roles_find_no_watch(world: World) -> None:
    await asked(world)
    handover = world.handovers[BASE]
    wanted = {"every": "P2W", "people": [SANDER]}
    strangers = ["00000099000000040000", "00000099000000010000"]
    for identity in (handover, NO_SUCH_ID, await question(world)):
        for oin in strangers:
            for method, body in (("GET", None), ("PUT", wanted), ("DELETE", None)):
                answer = await world.as_organisation(oin, method, f"/v1/handovers/{identity}/long-watch", body)
                assert answer.status_code == 404, (oin, method, identity)
                assert "every" not in answer.text
    for who in ("ib-joris", "pt-anneke"):
        for method, body in (("GET", None), ("PUT", wanted), ("DELETE", None)):
            answer = await world.as_professional(who, method, path(world), body)
            assert answer.status_code == 403, (who, method)
    seen = await world.as_organisation(world.sender(BASE), "GET", path(world))
    assert (seen.json()["every"], len(seen.json()["people"])) == ("P1M", 1)


async def test_an_officer_reads_and_answers_nothing_of_it(world: World) -> None:
    await asked(world)
    async with officer_browser(world) as officer:
        for address in ("/check-in", "/questions/1", "/mine"):
            page = await officer.browser.get(address)
            assert page.url.path in ("/", address)
            assert SANDER not in page.text.lower()
        for address in ("/check-in", "/check-in/stop"):
            answer = await officer.browser.post(address, data={"csrf": officer.csrf, "how": "well"})
            assert answer.url.path in ("/", address)
    people = (await world.as_organisation(world.sender(BASE), "GET", path(world))).json()["people"]
    assert [one["state"] for one in people] == ["asked"]


# nothing of it opens by itself


async def test_before_the_one_time_code_nothing_can_be_said_or_stopped(world: World) -> None:
    code = await asked(world)
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        fields = {key: value for key, value in form_of(page.text, "/contact").items() if key == "csrf"}
        for address in ("/check-in", "/check-in/stop"):
            answer = await browser.post(address, data={**fields, "how": "well"})
            assert answer.url.path == "/contact"
    people = (await world.as_organisation(world.sender(BASE), "GET", path(world))).json()["people"]
    assert [one["state"] for one in people] == ["asked"]


async def test_a_form_without_its_secret_says_and_stops_nothing(world: World) -> None:
    code = await asked(world)
    async with world.browser() as browser:
        await world.come_in(browser, code)
        for address in ("/check-in", "/check-in/stop"):
            assert (await browser.post(address, data={"how": "well"})).status_code >= 400
        assert (await browser.get("/questions/1")).url.path == "/check-in"


async def test_what_was_said_lies_nowhere_until_somebody_may_read_it(world: World) -> None:
    code = await asked(world)
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        data = {**form_of(page.text, "/check-in"), "how": "not-well", "text": LOUD}
        await browser.post("/check-in", data=data)
        assert LOUD not in str(await dump(world))
        page = await browser.post(
            "/questions/1", data={**form_of((await browser.get("/questions/1")).text, "/questions/1"), "answer": "no"}
        )
        await browser.post("/check", data=form_of(page.text, "/check"))
    async with world.broker.house.storage(writing=False) as work:
        handover = await work.handovers.get(await question(world))
        assert handover is not None
        assert handover.state is HandoverState.ASKED
        [section] = handover.sections
        [box] = (await work.handovers.sealed(handover.sections)).values()
    assert world.broker.house.vault.open(place_of(handover, section), box) == b"{}", "still the nothing of before"


async def test_withdrawn_and_expired_answers_are_shut_as_any_other(world: World) -> None:
    code = await asked(world)
    handover = await question(world)
    await say(world, code, words=LOUD)
    assert (await read(world, handover)).status_code == 200
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        assert page.url.path == "/mine", "answered: to look and to stop"
        form = form_of(page.text, "/mine/stop")
        await browser.post("/mine/stop", data={**form, "section": "check-in"})
    assert (await read(world, handover)).status_code == 403
    assert await a_month_later(world) == 1
    await say(world, (await codes(world))[-1])
    second = await question(world)
    assert (await read(world, second)).status_code == 200
    world.clock.later("P12M")
    assert (await read(world, second)).status_code == 403


async def test_answering_twice_at_once_counts_once(world: World) -> None:
    code = await asked(world)
    tokens = [await world.visit(code) for _ in range(2)]
    consents = world.broker.consents
    for token in tokens:
        await consents.say_how(token, "well", "")
        questions = await consents.questionnaire(token, "nl")
        [one] = questions.questions
        await consents.choose(
            token, Shown("1", one.section_type, questions.text), {r.key: "yes" for r in one.recipients}, "nl"
        )
    came = await asyncio.gather(*(consents.confirm(token, "nl") for token in tokens), return_exceptions=True)
    assert sum(isinstance(one, str) for one in came) == 1
    types = Counter(row.type for row in await world.entries())
    assert (types["watch:answered"], types["consent:given"]) == (1, 1)


# the lane


@pytest.mark.parametrize("says", ["nothing", "no", "one-yes"])
async def test_an_urgent_handover_gives_no_more_than_any_other_at_any_moment(world: World, says: str) -> None:
    await world.push(TOM, world.body(TOM) | {"urgency": "PT24H"})
    for signer in {"nothing": (), "no": ("tom", "mother", "father"), "one-yes": ("mother",)}[says]:
        await world.answer(TOM, signer, dict.fromkeys(TYPES, "yes") if says == "one-yes" else {})
    for _ in range(4):
        world.clock.moved += _HALF_A_DAY
        await world.broker.urgent.escalate()
        refused = await world.ask(TOM, READER[TOM])
        assert refused.status_code == 403
        assert "released" not in refused.json()


async def test_a_refusal_of_an_urgent_one_reads_the_same_whatever_was_answered(world: World) -> None:
    await world.push(TOM, world.body(TOM) | {"urgency": "PT48H"})
    said = []
    for signer in ("", "tom", "mother", "father"):
        if signer:
            await world.answer(TOM, signer, {})
        said.append((await world.ask(TOM, READER[TOM])).json()["withheld"])
    assert said == [said[0]] * 4


async def test_nobody_but_its_sender_sees_how_far_an_urgent_one_is(world: World) -> None:
    identity = await world.push(TOM, world.body(TOM) | {"urgency": "PT24H"})
    school = world.body(TOM)["recipients"][0]["organisation"]
    for oin in (school, "00000099000000040000"):
        assert (await world.as_organisation(oin, "GET", f"/v1/handovers/{identity}")).status_code == 404
        page = await world.as_organisation(oin, "GET", "/v1/handovers?box=urgent")
        assert page.json()["items"] == []
    await world.everybody_says_yes(TOM)
    seen = await world.as_organisation(school, "GET", f"/v1/handovers/{identity}")
    assert seen.json()["urgency"].keys() == {"within", "until"}


async def test_an_officer_of_a_recipient_sees_nothing_of_an_urgent_one_that_is_closed_and_no_other_recipient(
    world: World,
) -> None:
    body = world.body(TOM) | {"urgency": "PT24H"}
    [school, *_] = {one["organisation"] for one in body["recipients"]}
    other = "00000099000000130000"
    body["recipients"] = [*body["recipients"], {"organisation": other, "role": "family-worker"}]
    nothing = [await urgent_page(world, oin) for oin in (school, other)]
    assert all("Er is nu niets met spoed." in page for page in nothing)
    await world.push(TOM, body)
    async with world.broker.house.storage(writing=False) as work:
        known = {str(one.oin): one.name for one in await work.organisations.all()}
    names = [known[oin] for oin in (world.sender(TOM), school, other)]
    whole = await urgent_page(world, world.sender(TOM))
    assert all(name in whole for name in names)
    for signer in ("tom", "mother", "father"):
        assert [await urgent_page(world, oin) for oin in (school, other)] == nothing
        await world.answer(TOM, signer, {})
    assert [await urgent_page(world, oin) for oin in (school, other)] == nothing
    await world.everybody_says_yes(TOM)
    page = await urgent_page(world, school)
    assert names[0] in page
    assert names[2] not in page
    assert await urgent_page(world, "00000099000000040000") == nothing[0]


async def urgent_page(world: World, organisation: str) -> str:
    """What the page says to an officer of that organisation."""
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=organisation) as officer:
        page = await officer.browser.get("/console/urgent")
        assert page.status_code == 200
    return page.text.partition("<main")[2].partition("</main>")[0]


async def test_a_watch_that_its_sender_begins_twice_at_once_asks_once(world: World) -> None:
    await world.push(BASE, follow_up(world))
    answers = await asyncio.gather(watch(world), watch(world), watch(world, "P3M"))
    assert {answer.status_code for answer in answers} <= {200, 503}
    world.clock.later("P4M")
    assert await world.broker.long_watches.ask_due() == 1
