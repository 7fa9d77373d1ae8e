"""P01: no section leaves without a verified, current consent of every required signer of every person it concerns."""

from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from broker.domain.consents import Stance
from tests.promises.attacks import (
    ALL,
    GIVEN,
    JACK,
    NEEDED,
    REFUSED,
    TOM,
    WITHDRAWN,
    Case,
    as_it_is,
    assert_only,
    only,
    person,
    push,
)
from tests.support.world import World, today

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
SCHOOL, TEAM, GP = "00000099000000020000", "00000099000000010000", "00000099000000040000"


EACH = [(name, one) for name, needed in NEEDED.items() for one in needed]


def without(name: str, signer: str, about: str) -> list[str]:
    """What is still open when this one answer is no yes: nothing that concerns that person."""
    if name == JACK or about == "tom":
        return []
    return ["status", "voice-of-the-child"]


# --- each required signer, each way of not saying yes -------------------------------------------


async def test_nobody_answered_or_all_but_one(world: World) -> None:
    for name, missing in EACH:
        case = await push(world, name)
        assert await case.gets() == []
        await case.everybody_says_yes(but=[missing])
        assert await case.gets() == without(name, *missing), missing
        await case.says(*missing)
        assert await case.gets() == ALL[name], "with the last yes everything opens, so it was that one that was missed"


async def test_one_signer_says_no_after_all_said_yes(world: World) -> None:
    cases = {name: await push(world, name) for name in (TOM, JACK)}
    for name, case in cases.items():
        await case.everybody_says_yes()
        assert await case.gets() == ALL[name]
    for (name, one), state in product(EACH, (REFUSED, WITHDRAWN)):
        await cases[name].says(*one, state)
        assert await cases[name].gets() == without(name, *one), (one, state)
        await cases[name].says(*one)
    assert await cases[name].gets() == ALL[name]


async def test_a_no_to_one_section_closes_that_section_only(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    await case.says("tom", "tom", REFUSED, ["voice-of-the-child"])
    assert await case.gets() == ["safety-plan", "status"]
    assert await case.gets(sections=["voice-of-the-child"]) == []
    await case.says("father", "father", WITHDRAWN, ["safety-plan"])
    assert await case.gets() == ["status"]


async def test_a_yes_and_a_no_at_the_same_instant_count_in_the_order_of_commits(world: World) -> None:
    world.clock.fixed = datetime.now(UTC)
    case = await push(world, JACK)
    await case.everybody_says_yes()
    await case.says("father", "jack", WITHDRAWN)
    assert await case.gets() == []
    await case.says("father", "jack")
    assert await case.gets() == ALL[JACK]


# --- current: the last day, to the second, also when the clocks change ---------------------------


def last_sunday(month: int) -> date:
    """The next last Sunday of that month, when the clocks change (Directive 2000/84/EC)."""
    for year in (today().year, today().year + 1):
        day = date(year, month, 31)
        day -= timedelta(days=(day.weekday() + 1) % 7)
        if day > today() + timedelta(days=1):
            return day
    raise AssertionError


async def test_an_expired_consent_at_midnight_in_the_netherlands(world: World) -> None:
    for until in (today() + timedelta(days=1), last_sunday(3), last_sunday(10)):
        world.clock.fixed = None
        await assert_it_ends_with(world, until)


async def assert_it_ends_with(world: World, until: date) -> None:
    born = {"birthDate": f"{today().year - 9}-06-01"}  # Jack stays under twelve
    case = await push(world, JACK, lambda body: person(body, "jack").update(born), consentUntil=until.isoformat())
    await case.everybody_says_yes()
    midnight = datetime(until.year, until.month, until.day, tzinfo=AMSTERDAM) + timedelta(days=1)  # wall-clock time
    for moment, open_then in (
        (midnight - timedelta(minutes=1), ALL[JACK]),
        (midnight - timedelta(microseconds=1), ALL[JACK]),
        (midnight, []),
        (midnight + timedelta(minutes=1), []),
    ):
        world.clock.fixed = moment.astimezone(UTC)
        assert await case.gets() == open_then, moment
    for signer, about in NEEDED[JACK]:
        assert await case.gets() == []
        await case.says(signer, about, until=until + timedelta(days=1))
    assert await case.gets() == ALL[JACK], "a new yes, with a new end, opens it again"


async def test_one_signer_gave_it_for_a_shorter_time(world: World) -> None:
    cases = {one: await push(world, TOM) for one in NEEDED[TOM]}
    for one, case in cases.items():
        await case.everybody_says_yes(but=[one])
        await case.says(*one, until=today())
        assert await case.gets() == ALL[TOM]
    world.clock.moved += timedelta(days=1)
    for one, case in cases.items():
        assert await case.gets() == without(TOM, *one)


# --- in scope: a yes is for this sender, recipient, role, purpose, type, person ------------------

OUT_OF_SCOPE = {
    "another purpose": {"purpose": "health-care"},
    "another role": {"recipients": only(SCHOOL, "teacher")},
    "another organisation": {"recipients": only(GP, "support-coordinator")},
    "nobody": {"recipients": ()},
    "another sender": {"sender": GP},
    "another type": {"types": ["education", "parent-health"]},
    "no type": {"types": []},
}


async def test_a_yes_out_of_scope(world: World) -> None:
    for one in NEEDED[TOM]:
        case = await push(world, TOM)
        await case.everybody_says_yes(but=[one])
        for what, scope in OUT_OF_SCOPE.items():
            await case.says(*one, **scope)
            assert await case.gets() == without(TOM, *one), (one, what)
        await case.says(*one)
        assert await case.gets() == ALL[TOM]


async def test_a_yes_for_another_person(world: World) -> None:
    for signer, about in NEEDED[TOM]:
        case = await push(world, TOM)
        await case.everybody_says_yes(but=[(signer, about)])
        for other in {"tom", "mother", "father"} - {about}:
            if (signer, other) not in NEEDED[TOM]:
                await case.says(signer, other)
        assert await case.gets() == without(TOM, signer, about)


async def test_somebody_else_says_yes_in_their_place(world: World) -> None:
    """A parent for the other parent, a child for a parent, a parent for the child of thirteen."""
    for signer, about in NEEDED[TOM]:
        case = await push(world, TOM)
        await case.everybody_says_yes(but=[(signer, about)])
        for other in {"tom", "mother", "father"} - {signer}:
            await case.says(other, about)
        assert await case.gets() == without(TOM, signer, about)


async def test_a_request_for_another_purpose(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert await case.gets(purpose="coordination") == []
    assert await case.gets(purpose="health-care") == []
    assert await case.gets() == ALL[TOM]


async def test_a_later_handover_with_more_in_it(world: World) -> None:
    """What was said covers a later handover of the same scope, and nothing that it adds."""
    case = await push(world, TOM)
    await case.everybody_says_yes()

    async def later(what: str, **changes: object) -> Case:
        return await as_it_is(world, TOM, {**case.body, "reference": what, **changes})

    same = await later("the same")
    assert await same.gets() == ALL[TOM]
    strengths = {**case.body["sections"][0], "type": "strengths", "content": "Tom kan goed tekenen."}
    wider = await later("another type", sections=[*case.body["sections"], strengths])
    assert await wider.gets() == ALL[TOM]
    assert await wider.gets(sections=["strengths"]) == []
    about_mother = {**case.body["sections"][0], "concerns": ["tom", "mother"]}
    assert await (await later("another person", sections=[about_mother])).gets() == []
    role = [{"organisation": SCHOOL, "role": "teacher"}]
    teacher = await later("another role", recipients=[*case.body["recipients"], *role])
    assert await teacher.gets() == ALL[TOM]
    token = await world.token(SCHOOL, {"sub": "t-1", "name": "Juf Noor", "role": "teacher"})
    ask = {"handover": teacher.handover.id, "purpose": case.body["purpose"]}
    response = await world.http.post("/v1/releases", json=ask, headers={"Authorization": f"Bearer {token}"})
    assert (response.status_code, response.json()["withheld"][0]["reasons"][0]["code"]) == (403, "consent-not-complete")
    assert_only(teacher, response)


# --- who must say yes ----------------------------------------------------------------------------


async def test_a_child_without_anybody_with_authority_on_record(world: World) -> None:
    case = await push(world, JACK, authorities=[])
    for signer in ("jack", "mother", "father"):
        await case.says(signer, "jack")
    assert await case.gets() == []


async def test_authority_that_does_not_hold_today_counts_for_nothing(world: World) -> None:
    yesterday, tomorrow = ((today() + timedelta(days=days)).isoformat() for days in (-1, 1))
    for days in ({"until": yesterday}, {"since": tomorrow}):

        def change(body: dict[str, Any], days: dict[str, str] = days) -> None:
            for authority in body["authorities"]:
                authority.update(days)

        case = await push(world, JACK, change)
        await case.everybody_says_yes()
        assert await case.gets() == [], days


async def test_a_second_parent_who_becomes_known_later_is_asked_too(world: World) -> None:
    case = await push(world, JACK, lambda body: body["authorities"].pop())
    await case.says("mother", "jack")
    assert await case.gets() == ALL[JACK]
    both = {**world.body(JACK), "people": case.body["people"], "reference": "both"}
    again = await as_it_is(world, JACK, both)
    assert await case.gets() == [], "also what was pushed before"
    assert await again.gets() == []
    await case.says("father", "jack")
    assert await case.gets() == await again.gets() == ALL[JACK]


async def test_organisations_disagree_about_an_age(world: World) -> None:
    """Nine for one, sixteen for another: the signers of both readings."""
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert await case.gets() == ALL[JACK]
    older = {**person(case.body, "jack"), "birthDate": f"{today().year - 17}-01-01", "reference": "other"}
    other = {**world.body("sander-to-team"), "people": [older], "subject": "jack", "authorities": []}
    other["sections"][0]["concerns"] = ["jack"]
    await as_it_is(world, "sander-to-team", other)
    assert await case.gets() == [], "the youth of sixteen must say yes as well"
    await case.says("jack", "jack")
    assert await case.gets() == ALL[JACK]
    await case.says("father", "jack", REFUSED)
    assert await case.gets() == [], "and the parents of the boy of nine still must"


async def test_a_section_shielded_from_somebody_who_must_be_asked(world: World) -> None:
    case = await push(world, JACK, lambda body: body["sections"][0].update(shieldedFrom=["father"]))
    await case.everybody_says_yes()
    assert await case.gets() == ["help-history"]


async def test_grandparents_cannot_be_asked_for_what_they_do_not_sign(world: World) -> None:
    name = "start-of-foster-care"
    case = await push(world, name)
    for who in ("grandfather", "grandmother"):
        await case.says(who, "chayenne")
        await case.says(who, "mother")
    await case.says("chayenne", "chayenne")
    await case.says("mother", "mother")
    assert await case.gets("hoop-eva") == ["parent-health"]
    alone = await push(world, name, lambda body: body["sections"].pop(2))  # nothing that concerns them
    path = f"/v1/handovers/{alone.handover.id}/invitations"
    for who in ("grandfather", "grandmother"):
        body = {"person": who, "delivery": "paper"}
        response = await world.as_organisation(world.sender(name), "POST", path, body)
        assert (response.status_code, response.json()["type"]) == (409, "urn:rondom:problem:nothing-to-ask")


async def test_the_pages_ask_a_grandparent_only_about_themselves(world: World) -> None:
    name = "start-of-foster-care"
    await world.push(name)
    every = {section["type"]: "yes" for section in world.body(name)["sections"]}
    await world.answer(name, "grandfather", every)
    await world.answer(name, "grandmother", every)
    await world.answer(name, "chayenne", every)
    assert await world.gets(name, "hoop-eva") == ["carrying-capacity"]
    await world.answer(name, "mother", every)
    await world.withdraw(name, "grandmother", ["carrying-capacity"])
    assert await world.gets(name, "hoop-eva") == ["parent-health", "roles-and-tasks", "safety-plan", "timeline"]


# --- birthdays -----------------------------------------------------------------------------------


def midnight_before(day: date) -> datetime:
    """When that day begins in the Netherlands."""
    return datetime(day.year, day.month, day.day, tzinfo=AMSTERDAM).astimezone(UTC)


def turning(years: int, name: str) -> tuple[date, dict[str, str]]:
    """A birthday in twenty days, and the birth date that goes with it."""
    day = today() + timedelta(days=20)
    if (day.month, day.day) == (2, 29):
        day += timedelta(days=1)
    return day, {"key": name, "birthDate": day.replace(year=day.year - years).isoformat()}


async def test_the_twelfth_birthday_stops_it_until_the_child_says_yes_too(world: World) -> None:
    day, born = turning(12, "jack")
    case = await push(world, JACK, lambda body: person(body, "jack").update(born))
    await case.everybody_says_yes()
    world.clock.fixed = midnight_before(day) - timedelta(seconds=1)
    assert await case.gets() == ALL[JACK]
    world.clock.fixed = midnight_before(day)
    assert await case.gets() == []
    await case.says("jack", "jack")
    assert await case.gets() == ALL[JACK]
    await case.says("father", "jack", REFUSED)
    assert await case.gets() == [], "the child alone does not decide yet"


async def test_the_sixteenth_birthday_with_a_yes_of_the_parents_only(world: World) -> None:
    for youth in (None, REFUSED, WITHDRAWN):
        world.clock.fixed = None
        await assert_the_youth_must_say_yes(world, youth)


async def assert_the_youth_must_say_yes(world: World, youth: Stance | None) -> None:
    day, born = turning(16, "tom")
    case = await push(world, TOM, lambda body: person(body, "tom").update(born))
    await case.everybody_says_yes(but=[] if youth else [("tom", "tom")])
    if youth:
        await case.says("tom", "tom", youth)
    for moment in (midnight_before(day) - timedelta(seconds=1), midnight_before(day)):
        world.clock.fixed = moment
        assert await case.gets() == []
    await case.says("tom", "tom")
    assert await case.gets() == ALL[TOM]


async def test_from_sixteen_a_parent_neither_blocks_nor_opens(world: World) -> None:
    day, born = turning(16, "tom")
    case = await push(world, TOM, lambda body: person(body, "tom").update(born))
    await case.everybody_says_yes(but=[("mother", "tom"), ("father", "tom")])
    await case.says("father", "tom", REFUSED)
    world.clock.fixed = midnight_before(day) - timedelta(seconds=1)
    assert await case.gets() == []
    world.clock.fixed = midnight_before(day)
    assert await case.gets() == ALL[TOM]
    await case.says("mother", "tom", WITHDRAWN)
    assert await case.gets() == ALL[TOM]
    await case.says("tom", "tom", WITHDRAWN)
    await case.says("mother", "tom", GIVEN)
    assert await case.gets() == [], "nor can parents give it in the youth's place"
