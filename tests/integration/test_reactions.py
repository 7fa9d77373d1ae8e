"""From a family's words to the reader of the section, and back with an answer: over HTTP and the real pages."""

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa

from broker.domain.calendar import Period
from broker.domain.reactions import attached
from broker.storage import tables as t
from tests.support.surface import NO_SUCH_ID, rows_of
from tests.support.world import World, today
from tests.support.writing import answer, read, send, ways, write

TOM, SCHOOL_READER = "tom-to-school", "ib-joris"
SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
WRONG = "Het gesprek was op dinsdag, niet elke week."
OTHERWISE = "Ik vind dat Tom vooral rust nodig heeft."


def csrf_of(page: str) -> dict[str, str]:
    return dict(re.findall(r'name="(csrf)" value="([^"]*)"', page))


async def released(world: World) -> dict[str, Any]:
    response = await world.ask(TOM, SCHOOL_READER)
    assert response.status_code == 200, response.text
    return {section["type"]: section for section in response.json()["released"]}


async def mine(world: World, person: str, name: str = TOM) -> str:
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[name, person])
        return (await browser.get("/mine")).text


async def test_words_leave_with_their_section_and_come_back_answered(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    quiet = await released(world)
    assert all((s["disputed"], s["reactions"]) == (False, []) for s in quiet.values())
    await write(world, TOM, "mother", "status", OTHERWISE, "reaction")
    request = await write(world, TOM, "tom", "status", WRONG)
    told = await released(world)
    assert told["voice-of-the-child"] == quiet["voice-of-the-child"]
    status = told["status"]
    assert status["disputed"] is True
    assert [{k: v for k, v in r.items() if k != "at"} for r in status["reactions"]] == [
        {"kind": "reaction", "capacity": "parental", "text": OTHERWISE, "state": "kept", "answer": None},
        {"kind": "correction-request", "capacity": "self", "text": WRONG, "state": "open", "answer": None},
    ]
    assert not re.search("Linh|Tom Visser", json.dumps(status["reactions"]))

    view = (await world.as_organisation(SENDER, "GET", f"/v1/handovers/{world.handovers[TOM]}")).json()
    assert {s["type"]: s["disputed"] for s in view["sections"]} == {
        "status": True,
        "voice-of-the-child": False,
        "safety-plan": False,
        "parent-health": False,
    }
    listed = (await read(world, TOM)).json()["items"]
    assert [set(item) for item in listed] == [{"id", "type", "kind", "capacity", "version", "text", "at", "state"}] * 2
    assert [item["text"] for item in listed] == [OTHERWISE, WRONG]
    assert listed[1]["id"] == request

    before = len(await world.messages("reaction-answered"))
    answered = await answer(world, TOM, request, "not-corrected", "Wij spraken Tom elke week.")
    assert (answered.status_code, answered.json()["state"]) == (200, "not-corrected")
    status = (await released(world))["status"]
    assert status["disputed"] is True, "what is not corrected stays disputed"
    assert (status["reactions"][1]["state"], status["reactions"][1]["answer"]) == (
        "not-corrected",
        "Wij spraken Tom elke week.",
    )
    (message,) = (await world.messages("reaction-answered"))[before:]
    assert message["to"] == "+31600000013"
    assert message["text"] == "Er is een antwoord op wat je schreef. Kijk op http://localhost:8080 met je code."
    assert "Wij spraken Tom elke week." in await mine(world, "tom")
    assert "Wij spraken Tom elke week." not in await mine(world, "mother")
    assert WRONG not in await mine(world, "mother"), "one's own words only"


async def test_what_was_corrected_stays_with_its_own_version_and_goes_with_no_later_one(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    request = await write(world, TOM, "mother", "status", WRONG)
    kept = await write(world, TOM, "mother", "status", OTHERWISE, "reaction")
    assert (await answer(world, TOM, request, "corrected", "Aangepast.")).json()["state"] == "corrected"
    status = (await released(world))["status"]
    assert status["disputed"] is False
    assert [r["state"] for r in status["reactions"]] == ["corrected", "kept"]
    await next_version(world)
    async with world.broker.house.storage(writing=False) as work:
        handover = await work.handovers.get(world.handovers[TOM])
        assert handover is not None
        written = await work.reactions.of_handover(handover.id)
        (section,) = (s for s in handover.sections if s.type == "status")
        assert [r.id for r in attached(written, section, handover.version)] == [kept]


async def next_version(world: World) -> None:
    """The same headers as a second version: what a correction leaves of a handover."""
    async with world.broker.house.storage() as work:
        connection = work._connection  # type: ignore[attr-defined]
        await connection.execute(sa.update(t.handover).values(version=2))
        await connection.execute(sa.update(t.section).values(version=2))
        await work.commit()


async def test_an_answer_is_given_once_and_only_to_a_request_of_that_handover(world: World) -> None:
    await world.push(TOM)
    await world.push("jack-to-gp")
    kept = await write(world, TOM, "mother", "status", OTHERWISE, "reaction")
    request = await write(world, TOM, "mother", "status", WRONG)
    refused = await answer(world, TOM, kept)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rondom:problem:nothing-to-answer")
    assert (await answer(world, "jack-to-gp", request)).status_code == 404
    assert (await answer(world, TOM, NO_SUCH_ID)).status_code == 404
    for oin in (SCHOOL, "00000099000000030000"):
        path = f"/v1/handovers/{world.handovers[TOM]}/reactions"
        assert (await read(world, TOM, oin)).status_code == 404
        body = {"outcome": "corrected", "explanation": "x"}
        assert (await world.as_organisation(oin, "POST", f"{path}/{request}/answer", body)).status_code == 404
    assert (await world.as_professional("pt-anneke", "GET", path)).status_code == 403
    assert (await answer(world, TOM, request)).status_code == 200
    for outcome in ("corrected", "not-corrected"):
        again = await answer(world, TOM, request, outcome)
        assert (again.status_code, again.json()["type"]) == (409, "urn:rondom:problem:reaction-answered")
    assert len(await world.messages("reaction-answered")) == 1


async def test_whoever_must_sign_can_write_whatever_they_answered_and_nobody_else(world: World) -> None:
    body = world.body(TOM)
    await world.push(TOM, body)
    await world.answer(TOM, "mother", {"status": "yes"})
    await world.answer(TOM, "father", {})
    for person in ("mother", "father", "tom"):
        code = world.codes.get((TOM, person)) or await world.invite(TOM, person)
        async with world.browser() as browser:
            await world.come_in(browser, code)
            found = {section for section, _ in ways(world, (await browser.get("/mine")).text)}
            alone = {"father": {"parent-health"}}.get(person, set())
            assert found == {"status", "voice-of-the-child", "safety-plan"} | alone
            page = await send(world, browser, "status", "correction-request", WRONG)
            assert page.url.path.startswith("/mine/reactions/")
    shown = [
        {k: v for k, v in item.items() if k not in ("id", "at")} for item in (await read(world, TOM)).json()["items"]
    ]
    assert shown[0] == shown[1], "a parent who said yes and one who said no write alike"
    assert shown[2] == {**shown[0], "capacity": "self"}


async def test_from_sixteen_a_parent_reads_their_own_words_back_but_no_new_answer(world: World) -> None:
    body = world.body(TOM)
    young = next(person for person in body["people"] if person["key"] == "tom")
    birthday = Period.parse("P2M").after(today()).replace(day=1)
    young["birthDate"] = birthday.replace(year=birthday.year - 16).isoformat()
    await world.push(TOM, body)
    await world.answer(TOM, "mother", {})
    request = await write(world, TOM, "mother", "status", WRONG)
    await world.answer(TOM, "tom", {"status": "yes"})
    world.clock.later("P4M")
    page = await mine(world, "mother")
    assert WRONG in page
    assert ways(world, page) == {}
    before = await world.messages("reaction-answered")
    assert (await answer(world, TOM, request, explanation="Nieuws over Tom.")).status_code == 200
    assert await world.messages("reaction-answered") == before
    assert "Nieuws over Tom." not in await mine(world, "mother")
    status = (await released(world))["status"]
    assert status["disputed"] is True, "it stays attached all the same"
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        old = f"/mine/reactions/{request}"
        assert "Nieuws over Tom." not in (await browser.get(old)).text


@pytest.mark.parametrize("end", ["withdrawn", "over"])
async def test_nobody_writes_about_a_handover_that_has_ended(world: World, end: str) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", {})
    await write(world, TOM, "mother", "status", WRONG)
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        address = ways(world, (await browser.get("/mine")).text)["status", "reaction"]
        page = await browser.get(address)
        fields = csrf_of(page.text)
        if end == "withdrawn":
            await world.as_organisation(SENDER, "DELETE", f"/v1/handovers/{world.handovers[TOM]}")
        else:
            world.clock.later("P13M")
            await world.come_in(browser, world.codes[TOM, "mother"])
            page = await browser.get("/mine")
            fields = csrf_of(page.text)
        assert (await browser.get(address)).status_code == 404
        assert (await browser.post(address, data={**fields, "text": OTHERWISE})).status_code == 404
        page = await browser.get("/mine")
        assert ways(world, page.text) == {}
        assert (WRONG in page.text) is (end == "over"), "what was written can be read back until it is erased"
    assert len(await rows_of(world, "reaction")) == (end == "over")


async def test_who_is_shielded_later_does_not_see_even_their_own_words_of_before(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "father", {})
    request = await write(world, TOM, "father", "safety-plan", WRONG)
    async with world.broker.house.storage() as work:
        handover = await work.handovers.get(world.handovers[TOM])
        assert handover is not None
        people = await work.handovers.people(handover.id)
        (plan,) = (s for s in handover.sections if s.type == "safety-plan")
        c = t.section_person.c
        theirs = sa.and_(c.section == plan.id, c.person == people["father"])
        await work._connection.execute(sa.update(t.section_person).where(theirs).values(shielded=True))  # type: ignore[attr-defined]
        await work.commit()
    assert (await answer(world, TOM, request)).status_code == 200
    assert await world.messages("reaction-answered") == []
    page = await mine(world, "father")
    assert WRONG not in page
    assert not {address for (section, _), address in ways(world, page).items() if section == "safety-plan"}
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "father"])
        assert (await browser.get(f"/mine/reactions/{request}")).status_code == 404


async def test_the_log_names_what_left_and_holds_no_word(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    request = await write(world, TOM, "tom", "status", WRONG)
    await read(world, TOM)
    await answer(world, TOM, request)
    await released(world)
    entries = await world.entries()
    by_type = {entry.type: entry for entry in reversed(entries)}
    decision = {s["type"]: s for s in json.loads(by_type["release:permitted"].personal["decision"][0])}
    assert decision["status"]["reactions"] == [request]
    assert decision["safety-plan"]["reactions"] == decision["parent-health"]["reactions"] == []
    subject = by_type["handover:pushed"].personal["subject"]
    for event in ("reaction:written", "reaction:read", "reaction:answered"):
        assert by_type[event].personal["subject"] == subject
        assert set(by_type[event].facts) == {"purpose"}
    assert by_type["reaction:written"].personal["signer"] == subject
    assert by_type["reaction:written"].personal["reaction"] == [request]
    assert by_type["reaction:read"].personal["reactions"] == [json.dumps([request])]
    assert not any("dinsdag" in repr(entry) or "Wij zagen" in repr(entry) for entry in entries)


async def test_writing_meets_a_limit_for_each_person(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(TOM, "mother"))
        for number in range(20):
            page = await send(world, browser, "status", "reaction", f"{number} {OTHERWISE}")
            assert page.url.path.startswith("/mine/reactions/")
        refused = await send(world, browser, "status", "reaction", f"20 {OTHERWISE}")
        assert refused.status_code == 429
        assert f"20 {OTHERWISE}</textarea>" in refused.text
    assert len(await rows_of(world, "reaction")) == 20
    await write(world, TOM, "father", "status", OTHERWISE, "reaction")


async def test_a_supporter_writes_about_themselves_and_not_about_whom_they_support(world: World) -> None:
    # From sixteen a parent can be asked what they think; what the family writes stays with whoever must sign.
    body = world.body(TOM)
    next(p for p in body["people"] if p["key"] == "tom")["birthDate"] = str(Period(12 * 17, 0).before(today()))
    body["supporters"] = [{"supporter": who, "of": "tom"} for who in ("mother", "father")]
    await world.push(TOM, body)
    for who, theirs in (("mother", set[str]()), ("father", {"safety-plan", "parent-health"})):
        async with world.browser() as browser:
            await world.come_in(browser, await world.invite(TOM, who))
            assert {section for section, _ in ways(world, (await browser.get("/mine")).text)} == theirs
    await write(world, TOM, "father", "safety-plan", OTHERWISE, "reaction")
    async with world.broker.house.storage(writing=False) as work:
        people = await work.handovers.people((await work.handovers.get(world.handovers[TOM])).id)  # type: ignore[union-attr]
        [reaction] = await work.reactions.by_author(people["father"], SENDER)  # type: ignore[arg-type]
    assert (reaction.persons, reaction.capacity) == (frozenset({people["father"]}), "self")
