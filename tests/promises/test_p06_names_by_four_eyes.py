"""P06: names leave the console for two officers of the whole who decided it together, of what they decided, for a day."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.calendar import local_day
from broker.domain.events import EventType
from broker.domain.log_ports import LoggedFacts
from broker.domain.motions import NAMES_FOR, MotionKind
from broker.domain.officers import OfficerRole
from broker.domain.presence import ConfirmFirst, Purpose
from broker.errors import BrokerError, Conflict, Invalid, NotAllowed, NotAuthenticated, NotFound, Tampered
from broker.services import names
from broker.services.breach import BreachWanted
from broker.services.motion_screens import Wanted
from broker.services.reporting import ReportWanted
from tests.promises.attacks import JACK, push
from tests.support.failures import refusing
from tests.support.intruder import intruder_in
from tests.support.pairs import Who, officer, rows_of_names, signed
from tests.support.surface import doubt, leaks, nobody_writes, operational_log, personal
from tests.support.world import World

TOM, FOSTER, WHO = "tom-to-school", "start-of-foster-care", "ib-joris"
SENDER, SCHOOL, STRANGER = "00000099000000010000", "00000099000000020000", "00000099000000030000"


async def read_of_tom(world: World) -> None:
    await world.push(TOM)
    for person in ("mother", "father", "tom"):
        await world.answer(TOM, person, {"status": "yes"})
    assert await world.gets(TOM, WHO) == ["status"]


async def logged(world: World, kind: EventType) -> list[LoggedFacts]:
    return [entry for entry in await world.entries() if entry.type == kind]


async def pseudonyms(world: World, name: str = TOM) -> dict[str, str]:
    async with world.broker.house.storage(writing=False) as work:
        return await work.handovers.people(world.handovers[name])


async def reader(world: World) -> str:
    return (await logged(world, EventType.RELEASE_PERMITTED))[0].personal["professional"][0]


async def proposed(world: World, one: Who, value: str = SCHOOL, by: str = "organisation") -> str:
    return await one.proposes_names(by, value, local_day(world.clock()) - timedelta(days=3))


async def taken_files(world: World) -> list[LoggedFacts]:
    return [facts for facts in await logged(world, EventType.LOG_EXPORTED) if facts.facts["format"] == "names"]


async def test_two_officers_get_the_names_of_what_they_decided_and_it_is_logged_first(world: World) -> None:
    await read_of_tom(world)
    body, people = world.body(TOM), await pseudonyms(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one, await reader(world), "professional")
    screen = await world.broker.motions.motion(other.token, motion)
    assert screen.search is not None
    assert (screen.search.people, screen.can_second, screen.takes_until) == (1, True, None)
    await other.seconds(motion)
    for who in (one, other):
        until = (await world.broker.motions.motion(who.token, motion)).takes_until
        assert until is not None
        assert world.clock() < until <= world.clock() + NAMES_FOR
        rows = await who.takes_names(motion)
        told = {person["name"]: person for person in body["people"] if person["key"] in ("mother", "father")}
        tom = next(person for person in body["people"] if person["key"] == "tom")
        assert {row["tell_names"] for row in rows} == set(told)
        for row in rows:
            assert (row["child"], row["names"], row["birth_dates"]) == (people["tom"], tom["name"], tom["birthDate"])
            assert (row["times_read"], row["times_searched"], row["left_out"]) == ("1", "0", "")
            assert row["tell"] == "who holds authority"
            assert told[row["tell_names"]]["contacts"][0]["value"] in row["tell_contacts"]
    files = await taken_files(world)
    assert {facts.personal["officer"][0] for facts in files} == {one.id, other.id}
    for facts in files:
        assert facts.personal["subject"] == [people["tom"]], "it is in the child's own log"
        assert set(facts.personal["concerned"]) == {people["mother"], people["father"]}
        assert (facts.facts["count"], facts.facts["motion"], facts.facts["view"]) == (1, motion, "names")
    for who in ("mother", "tom"):
        assert (await reported(world, one, people["tom"], people[who])) == ["taken", "taken", "read"]
    third = await officer(world)
    rows = (await world.broker.watchers.page(third.token)).rows
    assert [row.about for row in rows if row.label.en == "Took names after a data breach"] == [(people["tom"],)] * 2


async def reported(world: World, who: Who, subject: str, to: str) -> list[str]:
    """The kinds of lines in a report about somebody for a reader, newest first."""
    wanted = ReportWanted(subject=subject, reader=to)
    return [line.kind for line in (await world.broker.reporting.report(who.token, wanted)).lines]


async def test_no_name_stands_in_the_log_and_the_professional_only_as_a_digest(world: World) -> None:
    await read_of_tom(world)
    worker = await reader(world)
    with operational_log() as stream:
        one, other = await officer(world), await officer(world)
        motion = await proposed(world, one, worker, "professional")
        await other.seconds(motion)
        assert await other.takes_names(motion)
        await world.settle()
        said = stream.getvalue()
    assert leaks(said, [*personal(world), worker]) == []
    async with world.broker.house.storage(writing=False) as work:
        found = await work.log.of_types((EventType.MOTION_PROPOSED, EventType.LOG_EXPORTED), limit=10)
    assert len(found) == 2
    for entry in found:
        assert leaks(entry.leaf, [*personal(world), worker, "Een lek."]) == []


async def test_one_officer_alone_gets_nothing_whatever_they_try(world: World) -> None:
    await read_of_tom(world)
    one = await officer(world)
    motion = await proposed(world, one)
    with pytest.raises(Conflict) as refused:
        await one.takes_names(motion)
    assert refused.value.code == "names-not-decided"
    for device in one.devices:
        with pytest.raises(Conflict):
            await one.seconds(motion, device)
    with pytest.raises(Conflict):
        await one.takes_names(motion)
    other, third = await officer(world), await officer(world)
    await other.seconds(motion)
    with pytest.raises(NotAllowed) as refused_third:
        await third.takes_names(motion)
    assert refused_third.value.code == "names-not-yours"
    assert (await world.broker.motions.motion(third.token, motion)).takes_until is None
    assert await taken_files(world) == []


async def test_who_is_no_officer_of_the_whole_proposes_seconds_and_takes_nothing(world: World) -> None:
    await read_of_tom(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    lesser = [await officer(world, OfficerRole.KEEPER), await officer(world, OfficerRole.OF_ORGANISATION, SENDER)]
    for who in lesser:
        for tried in (proposed(world, who), who.seconds(motion), who.takes_names(motion)):
            with pytest.raises(NotAllowed) as refused:
                await tried
            assert refused.value.code == "right-missing"
    await other.seconds(motion)
    for who in lesser:
        with pytest.raises(NotAllowed):
            await who.takes_names(motion)
    assert await taken_files(world) == []


async def test_who_is_withdrawn_gets_nothing_and_nor_does_who_is_left_alone(world: World) -> None:
    await read_of_tom(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    await other.seconds(motion)
    await one.confirms(Purpose.NAMES)
    await world.broker.oversight.withdraw_officer(one.id)
    with pytest.raises(NotAuthenticated):
        await world.broker.names.taken(one.token, motion, lambda words: words.nl)
    with pytest.raises(Conflict) as refused:
        await other.takes_names(motion)
    assert refused.value.code == "names-alone"
    assert await taken_files(world) == []


async def test_after_a_day_there_is_no_file_and_nobody_seconds_it_anymore(world: World) -> None:
    await read_of_tom(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    await other.seconds(motion)
    world.clock.moved += timedelta(hours=7)
    assert await (await signed_in_again(world, one)).takes_names(motion), "within the day"
    world.clock.moved += NAMES_FOR - timedelta(hours=7)
    for who in (one, other):
        again = await signed_in_again(world, who)
        with pytest.raises(Conflict) as refused:
            await again.takes_names(motion)
        assert refused.value.code == "names-over"
        with pytest.raises(Conflict):
            await again.seconds(motion)
    late = await proposed(world, await officer(world))
    world.clock.moved += timedelta(hours=24)
    with pytest.raises(Conflict):
        await (await officer(world)).seconds(late)


async def signed_in_again(world: World, who: Who) -> Who:
    oversight = world.broker.oversight
    token, options = await oversight.sign_in_options("192.0.2.1")
    token, _ = await oversight.sign_in(token, signed(who.devices[0], options), "192.0.2.1")
    return Who(world, who.id, token, who.devices)


async def test_each_file_takes_a_passkey_that_was_used_for_names_and_once(world: World) -> None:
    await read_of_tom(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    await other.seconds(motion)
    take = world.broker.names.taken
    with pytest.raises(ConfirmFirst):
        await take(one.token, motion, lambda words: words.nl)  # what was confirmed to propose is used up
    await other.confirms(Purpose.TAKE_AWAY)
    with pytest.raises(ConfirmFirst) as led:
        await take(other.token, motion, lambda words: words.nl)
    assert led.value.purpose == "names"
    assert await other.takes_names(motion)
    with pytest.raises(ConfirmFirst):
        await take(other.token, motion, lambda words: words.nl)
    assert len(await taken_files(world)) == 1


@pytest.mark.parametrize("table", ["log_entry", "log_queue", "log_opening", "log_subject_index"])
async def test_what_cannot_be_logged_does_not_leave(world: World, table: str) -> None:
    await read_of_tom(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    await other.seconds(motion)
    await world.settle()
    await one.confirms(Purpose.NAMES)
    with refusing(world, table) as refused, pytest.raises(BrokerError):
        await world.broker.names.taken(one.token, motion, lambda words: words.nl)
    assert refused
    assert await taken_files(world) == []
    assert await world.broker.names.taken(one.token, motion, lambda words: words.nl), "the passkey was not used up"
    assert len(await taken_files(world)) == 1


async def test_the_page_asks_two_and_gives_a_file_named_after_the_decision(world: World) -> None:
    await read_of_tom(world)
    one, other = await officer(world), await officer(world)
    fields = {"by": "organisation", "organisation": SCHOOL, "first_day": "2020-01-01", "reason": "Een lek."}
    async with world.browser() as browser:
        browser.follow_redirects = False
        await one.confirms(Purpose.NAMES)
        browser.cookies.set("rondom-console", one.token)
        csrf = await secret_of(world, one)
        unsafe = await browser.post("/console/breach/names", data=fields)
        assert unsafe.status_code == 403
        at = (await browser.post("/console/breach/names", data={**fields, "csrf": csrf})).headers["location"]
        page = await browser.get(at)
        assert "Hoeveel kinderen" in page.text
        early = await browser.post(f"{at}/names", data={"csrf": csrf})
        assert (
            early.headers["location"]
            == f"/console/confirm/names/{at.removeprefix('/console/').replace('/', '~')}~names"
        )
        await other.seconds(at.rpartition("/")[2])
        page = await browser.get(at)
        assert f'action="{at}/names"' in page.text
        await one.confirms(Purpose.NAMES)
        browser.cookies.set("rondom-console", one.token)
        assert (await browser.get(f"{at}/names")).status_code == 404
        made = await browser.post(f"{at}/names", data={"csrf": csrf})
        watchers = await browser.get("/console/watchers")
        seen = [page, watchers, await browser.get("/console/motions"), await browser.get("/console/breach")]
    assert made.headers["content-disposition"] == f'attachment; filename="rondom-namen-{at.rpartition("/")[2]}.csv"'
    assert "no-store" in made.headers["cache-control"]
    assert {row["times_read"] for row in rows_of_names(made.content)} == {"1"}
    assert leaks(made.content, personal(world)), "names are in the file"
    for shown in seen:
        assert leaks(shown.content, personal(world)) == []
    assert "Nam namen mee na een datalek" in watchers.text


async def secret_of(world: World, who: Who) -> str:
    session = await world.broker.oversight.session(who.token)
    assert session is not None
    return session.csrf


async def test_what_is_read_after_it_was_proposed_is_not_in_it(world: World) -> None:
    await read_of_tom(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    assert await world.gets(TOM, WHO) == ["status"]
    case = await push(world, JACK)
    await case.everybody_says_yes()
    await other.seconds(motion)
    assert {row["times_read"] for row in await one.takes_names(motion)} == {"1"}


@pytest.mark.parametrize("attack", ["search", "sealed", "days", "people", "done", "seconder", "again", "kind"])
async def test_with_the_database_in_hand_nobody_gets_other_names(
    world: World, request: pytest.FixtureRequest, attack: str
) -> None:
    await read_of_tom(world)
    intruder = intruder_in(world, request)
    one, other, third = await officer(world), await officer(world), await officer(world)
    motion = await proposed(world, one)
    wider = await proposed(world, one, await reader(world), "professional")
    stop = await one.proposes(MotionKind.SUSPEND, organisation=STRANGER)
    if attack not in ("done", "seconder"):
        await other.seconds(motion)
    expected: type[Exception] = Tampered
    async with nobody_writes(world):
        intruder.disarm()
        if attack == "sealed":  # what the other motion searched, in this one
            sealed = intruder.rows("SELECT said_sealed FROM motion WHERE id = ?", wider)[0][0]
            intruder.change("UPDATE motion SET said_sealed = ? WHERE id = ?", sealed, motion)
        elif attack == "search":  # the entry of another proposal, by the same officer
            intruder.change("DELETE FROM motion WHERE id = ?", wider)
            entry = (
                f"(SELECT entry_id FROM log_entry WHERE type = '{EventType.MOTION_PROPOSED}' ORDER BY 1 DESC LIMIT 1)"
            )
            intruder.change("DELETE FROM motion WHERE id = ?", stop)
            intruder.change(f"UPDATE motion SET entry_id = {entry} WHERE id = ?", motion)
        elif attack in ("done", "seconder"):
            intruder.change(
                "UPDATE motion SET state = 'done', seconded_by = ?, seconded_at = created_at WHERE id = ?",
                third.id, motion,
            )  # fmt: skip
            expected = Conflict
        elif attack == "again":
            intruder.change("UPDATE motion SET state = 'waiting', seconded_by = NULL WHERE id = ?", motion)
            expected = Conflict
        elif attack == "kind":
            intruder.change("UPDATE motion SET kind = 'names' WHERE id = ?", stop)
    if attack in ("days", "people"):
        await change_sealed(world, motion, attack)
    if attack == "again":
        with pytest.raises(Conflict):
            await third.seconds(motion)
        with pytest.raises(NotAllowed):
            await third.takes_names(motion)
        assert await one.takes_names(motion)
        return
    tried = third if attack == "seconder" else one
    with pytest.raises(expected):
        await tried.takes_names(stop if attack == "kind" else motion)
    assert await taken_files(world) == []


async def change_sealed(world: World, motion_id: str, what: str) -> None:
    """As who could seal as the broker does: the row then opens, and still is not what was signed."""
    async with world.broker.house.storage() as work:
        motion = await work.motions.get(motion_id)
        assert motion is not None
        assert motion.search is not None
        other = {"days": {"first_day": motion.search.first_day - timedelta(days=900)}, "people": {"people": 400}}
        await work.motions.save(replace(motion, search=replace(motion.search, **other[what])))  # type: ignore[arg-type]
        await work.commit()


async def test_nobody_nothing_too_much_and_a_bad_form_propose_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await read_of_tom(world)
    one, today = await officer(world), local_day(world.clock())
    with pytest.raises(Conflict) as refused:
        await one.proposes_names("organisation", STRANGER, today)
    assert refused.value.code == "nothing-read"
    await one.confirms(Purpose.NAMES)
    for wanted, reason in (
        (BreachWanted("everything", SCHOOL, today), "Een lek."),
        (BreachWanted("organisation", "", today), "Een lek."),
        (BreachWanted("organisation", SCHOOL), "Een lek."),
        (BreachWanted("organisation", SCHOOL, today), " "),
        (BreachWanted("organisation", SCHOOL, today), "x" * 301),
    ):
        with pytest.raises(Invalid):
            await world.broker.names.propose(one.token, wanted, reason)
    with pytest.raises(Invalid):
        await world.broker.motions.propose(one.token, Wanted(MotionKind.NAMES, "Een lek."))
    monkeypatch.setattr(names, "MOST_PEOPLE", 0)
    with pytest.raises(Conflict) as too_many:
        await proposed(world, one)
    assert too_many.value.code == "too-many-people"
    assert await logged(world, EventType.MOTION_PROPOSED) == []
    other, stop = await officer(world), await one.proposes(MotionKind.SUSPEND, organisation=STRANGER)
    await other.seconds(stop)
    for nothing in (stop, "019a0000-0000-7000-8000-000000000000"):
        with pytest.raises(NotFound):
            await one.takes_names(nothing)


async def test_from_whom_something_is_shielded_is_not_given_and_that_is_said(world: World) -> None:
    body = world.body(TOM)
    body["sections"][0]["shieldedFrom"] = ["father"]
    await world.push(TOM, body)
    number = next(p for p in body["people"] if p["key"] == "tom")["identifiers"][0]
    await world.as_professional(WHO, "POST", "/v1/subjects/_search", {"identifier": number})
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    await other.seconds(motion)
    rows = await one.takes_names(motion)
    names_of = {person["key"]: person for person in body["people"]}
    assert [row["tell_names"] for row in rows] == [names_of["mother"]["name"]]
    assert "Left out: perhaps somebody else" in rows[0]["left_out"]
    text = json.dumps(rows, ensure_ascii=False)
    assert names_of["father"]["name"] not in text
    assert all(contact["value"] not in text for contact in names_of["father"]["contacts"])
    assert "shield" not in text
    people = await pseudonyms(world)
    assert await reported(world, one, people["tom"], people["mother"]) == ["taken"]
    assert await reported(world, one, people["tom"], people["father"]) == []
    [facts] = await taken_files(world)
    assert (await pseudonyms(world))["father"] not in facts.personal["concerned"]


async def test_what_was_read_and_is_shielded_since_is_not_told_to_them(world: World) -> None:
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    hidden = [{**section, "shieldedFrom": ["father"]} for section in case.body["sections"]]
    path = f"/v1/handovers/{case.handover.id}/versions"
    version = {**case.body, "sections": hidden}
    assert (await world.as_organisation(world.sender(JACK), "POST", path, version)).status_code == 201
    one, other = await officer(world), await officer(world)
    [read] = await logged(world, EventType.RELEASE_PERMITTED)
    motion = await proposed(world, one, read.personal["professional"][0], "professional")
    await other.seconds(motion)
    called = {person["key"]: person["name"] for person in case.body["people"]}
    told = [row["tell_names"] for row in await one.takes_names(motion)]
    assert told == [called["mother"]]


async def test_a_contact_in_doubt_is_left_out(world: World) -> None:
    await read_of_tom(world)
    await doubt(world)
    one, other = await officer(world), await officer(world)
    motion = await proposed(world, one)
    await other.seconds(motion)
    father = next(person for person in world.body(TOM)["people"] if person["key"] == "father")
    rows = {row["tell_names"]: row for row in await one.takes_names(motion)}
    assert rows[father["name"]]["tell_contacts"] == ""
    assert "Left out: a contact" in rows[father["name"]]["left_out"]
    assert [row["left_out"] for name, row in rows.items() if name != father["name"]] == [""]


async def test_from_sixteen_the_young_person_is_told_and_before_that_who_holds_authority(world: World) -> None:
    await world.push(FOSTER)
    await world.everybody_says_yes(FOSTER)
    assert await world.gets(FOSTER, "hoop-eva")
    people, [read] = await pseudonyms(world, FOSTER), await logged(world, EventType.RELEASE_PERMITTED)
    since = local_day(world.clock())

    async def told() -> set[tuple[str, str]]:
        one, other = await officer(world), await officer(world)
        motion = await one.proposes_names("professional", read.personal["professional"][0], since)
        await other.seconds(motion)
        rows = [row for row in await one.takes_names(motion) if row["child"] == people["chayenne"]]
        return {(row["tell"], row["tell_names"]) for row in rows}

    before = await told()
    assert before
    assert {tell for tell, _ in before} == {"who holds authority"}
    world.clock.later("P190D")
    chayenne = next(person["name"] for person in world.body(FOSTER)["people"] if person["key"] == "chayenne")
    assert await told() == {("the young person", chayenne)}
