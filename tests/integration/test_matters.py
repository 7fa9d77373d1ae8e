"""What does not fit comes up by itself: shared contacts, professionals' contacts, facts that disagree; and what it does."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from broker.domain.matters import MatterKind
from broker.domain.parties import Oin, PersonId
from broker.services.matters import raise_matter
from broker.storage import tables as t
from tests.promises.attacks import TOM, Case, as_it_is, person, push, rows
from tests.support.officers import officer_browser
from tests.support.world import World

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
ALL = ["safety-plan", "status", "voice-of-the-child"]


async def matters(world: World) -> list[tuple[str, str, bool, str]]:
    """(kind, about, raises, state) of every matter, oldest first."""
    c = t.matter.c
    found = await rows(world, sa.select(c.kind, c.about, c.raises_evidence, c.state).order_by(c.id))
    return [tuple(row) for row in found]


async def whom(world: World) -> list[set[str]]:
    """Between whom each matter is."""
    found = await rows(world, sa.select(t.matter.c.person, t.matter.c.other).order_by(t.matter.c.id))
    return [{row.person, row.other} - {None} for row in found]


async def settle(world: World, outcome: str, note: str = "Gebeld.") -> None:
    """An officer settles the oldest open matter."""
    async with officer_browser(world) as officer:
        page = await officer.browser.get("/console/queue")
        path = next(part for part in page.text.split('"') if part.startswith("/console/queue/"))
        page = await officer.browser.post(path, data={"csrf": officer.csrf, "outcome": outcome, "note": note})
        assert (page.status_code, page.url.path) == (200, path)


def reaches(key: str, *contacts: str, **more: Any) -> Callable[[dict[str, Any]], object]:
    """Change a body: this person is reached there."""
    stated = [{"channel": "email" if "@" in c else "sms", "value": c, **more} for c in contacts]
    return lambda body: person(body, key).update(contacts=stated)


async def again(case: Case, *changes: Callable[[dict[str, Any]], object], sender: str | None = None) -> Case:
    """The same people once more, in another handover."""
    body = {**case.body, "people": [dict(one) for one in case.body["people"]]}
    body["reference"] += "'"
    for change in changes:
        change(body)
    return await as_it_is(case.world, case.name, body, sender=sender)


# what comes up


async def test_two_people_of_one_organisation_with_one_phone_raise_the_evidence(world: World) -> None:
    both = "+31611111111"

    def change(body: dict[str, Any]) -> None:
        body["authorities"] = [a for a in body["authorities"] if a["holder"] == "mother"]
        reaches("mother", both)(body)
        reaches("father", both)(body)

    case = await push(world, TOM, change)
    assert await matters(world) == [("shared-contact", "sms", True, "open")]
    assert await whom(world) == [{case.people["mother"], case.people["father"]}]
    await case.everybody_says_yes()
    assert await case.gets() == []
    await settle(world, "accepted")
    assert await case.gets() == ALL
    assert await matters(world) == [("shared-contact", "sms", True, "accepted")]


async def test_a_confirmed_doubt_goes_on_counting(world: World) -> None:
    case = await push(world, TOM, reaches("mother", "+31611111111"))
    await case.everybody_says_yes()
    assert await case.gets() == ALL
    await again(case, reaches("father", "+31611111111"))
    assert await case.gets() == [], "also for a yes that was given before"
    await settle(world, "confirmed")
    assert await case.gets() == []


async def test_a_contact_that_was_replaced_still_is_the_same_contact(world: World) -> None:
    case = await push(world, TOM, reaches("mother", "Worker@Org.example"))
    case = await again(case, reaches("mother", "linh@real.example"))
    assert await matters(world) == []
    await again(case, reaches("father", "worker+mark@org.example"))
    assert await matters(world) == [("shared-contact", "email", True, "open")]


async def test_two_organisations_records_of_perhaps_one_person_hold_nothing_back(world: World) -> None:
    first = await push(world, TOM, reaches("mother", "+31611111111"))
    await first.everybody_says_yes()

    def elsewhere(body: dict[str, Any]) -> None:
        for one in body["people"]:
            one["reference"] += "-elsewhere"
            one["identifiers"] = []
        reaches("father", "mark@elsewhere.example")(body)
        reaches("tom", "+31622222222")(body)

    second = await again(first, elsewhere, sender=SCHOOL)
    assert second.people["mother"] != first.people["mother"]
    assert await matters(world) == [("shared-contact", "sms", False, "open")]
    assert await first.gets() == ALL


async def test_it_does_hold_back_once_both_may_sign_for_one_person(world: World) -> None:
    first = await push(world, TOM, reaches("mother", "+31611111111"))
    await first.everybody_says_yes()
    school = {"reference": "m-2", "name": "Iemand", "birthDate": "1980-01-01", "language": "nl"}

    def stranger(body: dict[str, Any]) -> None:
        body["people"] = [
            {**school, "key": "someone", "contacts": [{"channel": "sms", "value": "+31611111111"}]},
            {**school, "key": "child", "reference": "c-2", "contacts": []},
        ]
        body.update(subject="child", authorities=[], sections=body["sections"][:1])
        body["sections"] = [{**body["sections"][0], "concerns": ["child"]}]

    def with_authority(body: dict[str, Any]) -> None:
        tom = dict(person(first.body, "tom"), reference="c-3", contacts=[])
        body["people"] = [{**school, "key": "someone", "contacts": []}, tom]
        body["authorities"] = [dict(first.body["authorities"][0], holder="someone", over="tom")]
        body["reference"] += "'"
        body.update(subject="tom", sections=[{**body["sections"][0], "concerns": ["tom"]}])

    other = await again(first, stranger, sender=SCHOOL)
    assert await matters(world) == [("shared-contact", "sms", False, "open")]
    assert await first.gets() == ALL
    await again(other, with_authority, sender=SCHOOL)  # no contact is stated here, only authority
    assert ("shared-contact", "sms", True, "open") in await matters(world)
    assert ("facts-disagree", "authority", False, "open") in await matters(world)


@pytest.mark.parametrize("claim", [{"email": "Joris@School.example"}, {"phone_number": "+31633333333"}])
@pytest.mark.parametrize("professional_first", [True, False])
async def test_a_professionals_contact_as_a_parents(
    world: World, claim: dict[str, str], professional_first: bool
) -> None:
    oin, claims = world.professional("ib-joris")
    (channel,) = ({"email": "email", "phone_number": "sms"}[name] for name in claim)
    fathers = reaches("father", *(value.lower() for value in claim.values()))
    if professional_first:
        await world.token(oin, {**claims, **claim})
        case = await push(world, TOM, fathers)
    else:
        case = await push(world, TOM, fathers)
        await case.everybody_says_yes()
        assert await case.gets() == ALL
        await world.token(oin, {**claims, **claim})
    assert await matters(world) == [("contact-of-professional", channel, True, "open")]
    await case.everybody_says_yes()
    assert await case.gets() == []
    [matter] = await rows(world, sa.select(t.matter))
    assert (matter.person, matter.organisation) == (case.people["father"], SENDER)
    entry = next(e for e in await world.entries() if e.type == "matter:raised")
    assert entry.facts == {}
    assert entry.personal["subject"] == [case.people["father"]]
    assert entry.personal["professional"] == [matter.other]
    assert not any(value in str(entry) for value in claim.values())


async def test_a_professionals_contacts_are_those_stated_last(world: World) -> None:
    oin, claims = world.professional("ib-joris")
    for stated in ({"email": "a@b.example", "phone_number": "+31633333333"}, {"email": "c@d.example"}, {}):
        await world.token(oin, {**claims, **stated})
    assert len(await rows(world, sa.select(t.professional_contact))) == 1
    await push(world, TOM, reaches("father", "+31633333333", "a@b.example"))
    assert await matters(world) == []
    await push(world, TOM, reaches("father", "C+x@d.example"))
    assert [kind for kind, *_ in await matters(world)] == ["contact-of-professional"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"email": "joris"},
        {"email": ""},
        {"email": None},
        {"email": ["joris@school.example"]},
        {"email": "joris@school.example\n"},
        {"email": f"{'j' * 60}@{'s' * 190}.example"},
        {"phone_number": "0612345678"},
        {"phone_number": "+31 6 1234 5678"},
        {"phone_number": 31612345678},
        {"phone_number": "+٣١600000011"},
    ],
)
async def test_a_claim_that_is_no_contact_is_refused(world: World, wrong: dict[str, Any]) -> None:
    oin, claims = world.professional("ib-joris")
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
    form["assertion"] = world.assertion(oin, {**claims, **wrong})
    answer = await world.http.post("/oauth/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    assert "phone_number" in answer.json()["error_description"]
    assert await rows(world, sa.select(t.professional)) == []


async def test_facts_that_disagree_come_up_and_the_strict_reading_counts_meanwhile(world: World) -> None:
    first = await push(world, TOM)
    await first.everybody_says_yes()

    def otherwise(body: dict[str, Any]) -> None:
        body["people"] = [dict(one, reference=f"{one['reference']}-s") for one in body["people"]]
        body["people"] = [dict(one, contacts=[]) for one in body["people"]]
        person(body, "tom")["birthDate"] = "2010-01-01"

    await again(first, otherwise, sender=SCHOOL)
    assert await matters(world) == [
        ("facts-disagree", "birth-date", False, "open"),
        ("facts-disagree", "authority", False, "open"),
    ]
    assert await whom(world) == [{first.people["tom"]}] * 2
    assert await first.gets() == [], "by the school's word two more people must sign"


async def test_organisations_that_agree_raise_nothing(world: World) -> None:
    first = await push(world, TOM)
    same = [
        dict(one, identifiers=[{"system": "bsn", "value": f"99999{n:04}"}])
        for n, one in enumerate(first.body["people"])
    ]
    first = await push(world, TOM, lambda body: body.update(people=same))
    await again(first, sender=SCHOOL)
    assert [kind for kind, *_ in await matters(world) if kind == "facts-disagree"] == []


# once


async def test_the_same_thing_stated_again_does_not_come_back_and_another_contact_does(world: World) -> None:
    shared = [reaches("mother", "+31611111111"), reaches("father", "+31611111111")]
    case = await push(world, TOM, lambda body: [change(body) for change in shared])
    case = await again(case)
    await settle(world, "accepted")
    case = await again(case, reaches("tom", "+31699999999"))
    assert [state for *_, state in await matters(world)] == ["accepted"]
    case = await again(case, reaches("father", "+31622222222"), reaches("mother", "+31622222222"))
    assert [state for *_, state in await matters(world)] == ["accepted", "open"], "another contact of the same two"
    case = await again(case, reaches("tom", "+31611111111"))
    assert [state for *_, state in await matters(world)] == ["accepted", "open", "open", "open"], "with both of them"
    raised = [entry for entry in await world.entries() if entry.type == "matter:raised"]
    assert len(raised) == 4


async def test_a_doubt_of_another_kind_is_raised_once(world: World) -> None:
    case = await push(world, TOM)
    for expected in (True, False):
        async with world.broker.house.storage() as work:
            raised = await raise_matter(
                work,
                world.broker.house,
                MatterKind.INABILITY_STATED,
                PersonId(case.people["tom"]),
                Oin(SENDER),
                now=world.clock(),
                raises=True,
            )
            await work.commit()
        assert raised is expected
    assert await matters(world) == [("inability-stated", "", True, "open")]


async def test_two_pushes_at_the_same_moment_do_not_miss_each_other(world: World) -> None:
    """Each states one of the two; whichever comes second must see the first."""
    for turn in range(5):
        phone = f"+3161111111{turn}"
        bodies = []
        for key in ("mother", "father"):
            body = world.body("jack-to-gp")
            body["reference"] += f"-{turn}-{key}"
            for one in body["people"]:
                one.update(reference=f"{one['reference']}-{turn}-{key}", contacts=[], identifiers=[])
            reaches(key, phone)(body)
            bodies.append(body)
        before = len(await matters(world))
        answers = await asyncio.gather(
            *(world.as_organisation(SENDER, "POST", "/v1/handovers", body) for body in bodies)
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len(await matters(world)) == before + 1, turn


# what is kept, and who hears


async def test_where_a_contact_comes_from_is_kept_as_stated_last(world: World) -> None:
    async def kept() -> list[tuple[str, bool]]:
        c = t.contact.c
        found = await rows(world, sa.select(c.source, c.verified).where(c.person == case.people["mother"]))
        return [tuple(row) for row in found]

    case = await push(world, TOM, reaches("mother", "+31611111111"))
    assert await kept() == [("unknown", False)]
    case = await again(case, reaches("mother", "+31611111111", source="register", verified=True))
    assert await kept() == [("register", True)]
    await again(case, reaches("mother", "+31611111111", source="person"))
    assert await kept() == [("person", False)]


@pytest.mark.parametrize("wrong", [{"source": "rumour"}, {"source": None}, {"verified": "yes"}, {"verified": 1}])
async def test_another_source_is_refused(world: World, wrong: dict[str, Any]) -> None:
    body = world.body(TOM)
    person(body, "mother")["contacts"][0].update(wrong)
    answer = await world.as_organisation(SENDER, "POST", "/v1/handovers", body)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"].startswith("/people/1/contacts/0/")
    assert await rows(world, sa.select(t.contact)) == []


async def test_an_old_contact_still_hears_and_is_never_offered(world: World) -> None:
    """Two organisations know Tom; one replaced his number. All three places hear; codes go to the new one alone."""
    old, new, elsewhere = "+31611111111", "+31622222222", "tom@school.example"
    await world.push(TOM, _with(world.body(TOM), "tom", old))
    await world.push(TOM, _with({**world.body(TOM), "reference": "later"}, "tom", new))
    body = world.body("sander-to-team")
    tom = person(world.body(TOM), "tom")
    body["people"][0] = {**tom, "key": "sander", "reference": "RB-L-78"}
    await world.push("sander-to-team", _with(body, "sander", elsewhere))
    code = await world.invite(TOM, "tom")
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        assert page.url.path == "/contact"
        assert page.text.count('name="contact"') == 1
        assert "22" in page.text
        [(contact,)] = await rows(
            world, sa.select(t.contact.c.id).where(t.contact.c.value_tag == await _tag(world, old))
        )
        fields = {"csrf": page.text.split('name="csrf" value="')[1].split('"')[0], "contact": contact}
        assert (await browser.post("/contact", data=fields)).status_code in (400, 404), "not even when it is asked for"
    await world.answer_on_pages(TOM, "tom", {"status": "yes"}, code)
    assert {message["to"] for message in await world.messages("one-time-code")} == {new}
    heard = sorted(message["to"] for message in await world.messages("answer-kept"))
    assert heard == sorted([old, new, elsewhere])


async def _tag(world: World, value: str) -> str:
    return world.broker.house.tags.tag("contact-value", "sms", value)


def _with(body: dict[str, Any], key: str, *contacts: str) -> dict[str, Any]:
    reaches(key, *contacts)(body)
    return body


# the officer


async def test_settling_is_logged_with_the_officer_and_shown_afterwards(world: World) -> None:
    case = await push(world, TOM, reaches("mother", "+31611111111"))
    await again(case, reaches("father", "+31611111111"))
    async with officer_browser(world) as officer:
        page = await officer.browser.get("/console/queue")
        assert "Beoordelen (1)" in page.text
        path = next(part for part in page.text.split('"') if part.startswith("/console/queue/"))
        page = await officer.browser.get(path)
        assert "telt nu niet" in page.text
        assert case.people["mother"] in page.text
        assert "PlusTeam" in page.text
        for secret in ("+31611111111", "611111111", "Linh", "Mark", "Tom Visser"):
            assert secret not in page.text
        form = {"csrf": officer.csrf, "outcome": "confirmed", "note": "Het is de telefoon van oma."}
        page = await officer.browser.post(path, data=form)
        assert "Het is de telefoon van oma." in page.text
        assert "Beoordelen (1)" not in page.text
        assert (await officer.browser.post(path, data=form)).status_code == 409
        nowhere = "/console/queue/019a0000-0000-7000-8000-000000000000"
        assert (await officer.browser.post(nowhere, data=form)).status_code == 404
        assert (await officer.browser.get(nowhere)).status_code == 404
    [settled] = [entry for entry in await world.entries() if entry.type == "matter:settled"]
    [matter] = await rows(world, sa.select(t.matter))
    assert settled.personal["officer"] == [matter.settled_by]
    assert settled.personal["outcome"] == ["confirmed"]
    assert settled.personal["matter"] == [matter.id]
    assert "oma" not in str(settled)
    assert b"oma" not in bytes(matter.note_sealed)


@pytest.mark.parametrize(
    "wrong",
    [
        {"outcome": "open"},
        {"outcome": ""},
        {"note": ""},
        {"note": "   "},
        {"note": "x" * 301},
        {"note": "a\nb"},
        {"csrf": "x"},
        {"csrf": ""},
    ],
)
async def test_a_form_that_is_not_right_settles_nothing(world: World, wrong: dict[str, str]) -> None:
    case = await push(world, TOM, reaches("mother", "+31611111111"))
    await again(case, reaches("father", "+31611111111"))
    [matter] = await rows(world, sa.select(t.matter))
    async with officer_browser(world) as officer:
        form = {"csrf": officer.csrf, "outcome": "accepted", "note": "Gebeld.", **wrong}
        page = await officer.browser.post(f"/console/queue/{matter.id}", data=form)
        assert page.status_code == (403 if "csrf" in wrong else 400)
    assert await rows(world, sa.select(t.matter)) == [matter]
    assert "matter:settled" not in [entry.type for entry in await world.entries()]
