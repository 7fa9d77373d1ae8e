"""P01: who must say yes rests on facts that cannot be edited, left out or put in, in the database, without the request failing.

Each attack would have opened something; each time the genuine row, put back, opens or closes as before.
"""

from collections.abc import Callable

import pytest

from tests.promises.attacks import ALL, JACK, TOM, Case, person, push
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import nobody_writes
from tests.support.world import World

Attack = Callable[[Intruder, Case], None]


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


def father_has_no_authority(intruder: Intruder, case: Case) -> None:
    intruder.change("DELETE FROM authority WHERE holder = ?", case.people["father"])


def his_authority_has_ended(intruder: Intruder, case: Case) -> None:
    intruder.change("UPDATE authority SET until = '2020-01-01' WHERE holder = ?", case.people["father"])


def his_authority_is_over_somebody_else(intruder: Intruder, case: Case) -> None:
    mother, father = case.people["mother"], case.people["father"]
    intruder.change("UPDATE authority SET over = ? WHERE holder = ?", mother, father)


def it_is_mothers_twice(intruder: Intruder, case: Case) -> None:
    mother, father = case.people["mother"], case.people["father"]
    intruder.change("UPDATE authority SET holder = ? WHERE holder = ?", mother, father)


def it_is_a_kind_that_nobody_knows(intruder: Intruder, case: Case) -> None:
    intruder.change("UPDATE authority SET kind = 'mentorship' WHERE holder = ?", case.people["father"])


def nothing_is_known_as_a_whole(intruder: Intruder, case: Case) -> None:
    father_has_no_authority(intruder, case)
    intruder.change("UPDATE person SET facts_tag = NULL WHERE id = ?", case.people["jack"])


def mothers_facts_stand_in_for_jacks(intruder: Intruder, case: Case) -> None:
    """Her birth date would make him an adult who decides alone."""
    jack, mother = case.people["jack"], case.people["mother"]
    intruder.change("UPDATE person_claim SET person = ? WHERE person = ?", jack, mother)


def his_birth_date_is_gone(intruder: Intruder, case: Case) -> None:
    intruder.change("DELETE FROM person_claim WHERE person = ?", case.people["jack"])


ATTACKS: tuple[Attack, ...] = (
    father_has_no_authority,
    his_authority_has_ended,
    his_authority_is_over_somebody_else,
    it_is_mothers_twice,
    it_is_a_kind_that_nobody_knows,
    nothing_is_known_as_a_whole,
    mothers_facts_stand_in_for_jacks,
    his_birth_date_is_gone,
)


async def test_no_change_to_what_is_known_of_a_child_opens_anything(world: World, intruder: Intruder) -> None:
    case = await push(world, JACK)
    await case.says("mother", "jack")
    assert await case.gets() == []
    tables = ("authority", "person_claim", "person")
    for attack in ATTACKS:
        async with nobody_writes(world):
            before = {table: intruder.rows(f"SELECT * FROM {table}") for table in tables}
            attack(intruder, case)
        response = await case.ask()
        assert response.status_code == 500, attack.__name__
        assert response.json()["type"] == "urn:rondom:problem:tampered", attack.__name__
        async with nobody_writes(world):
            intruder.put_back(before)
        assert (await case.ask()).status_code == 403, attack.__name__
    await case.says("father", "jack")
    assert await case.gets() == ALL[JACK]


async def test_nor_does_taking_away_that_a_parent_is_unable_to_decide(world: World, intruder: Intruder) -> None:
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert await case.gets() == ALL[JACK]
    body = case.body
    person(body, "mother")["inability"] = {"reason": "x", "assessor": "arts", "review": "2027-06-01"}
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(world.sender(JACK), "POST", path, body)).status_code == 201
    assert await case.gets() == [], "nobody knows who may sign in her place"
    async with nobody_writes(world):
        later = intruder.rows(
            "SELECT id FROM person_claim WHERE person = ? ORDER BY stated_at DESC", case.people["mother"]
        )
        intruder.change("DELETE FROM person_claim WHERE id = ?", later[0][0])
    assert (await case.ask()).status_code == 500


async def test_an_older_statement_cannot_be_made_the_latest(world: World, intruder: Intruder) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    person(case.body, "tom")["inability"] = {"reason": "x", "assessor": "arts", "review": "2027-06-01"}
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(world.sender(TOM), "POST", path, case.body)).status_code == 201
    tom = case.people["tom"]
    async with nobody_writes(world):
        intruder.change("UPDATE person_claim SET stated_at = '2020-01-01 00:00:00.000000' WHERE person = ?", tom)
    assert (await case.ask()).status_code == 500


async def test_fathers_code_does_not_go_to_mothers_phone(world: World, intruder: Intruder) -> None:
    case = await push(world, JACK)
    world.handovers[JACK] = case.handover.id
    code = await world.invite(JACK, "father")
    mother, father = case.people["mother"], case.people["father"]
    async with nobody_writes(world):
        before = {"contact": intruder.rows("SELECT * FROM contact")}
        intruder.change("DELETE FROM contact WHERE person = ?", father)
        intruder.change("UPDATE contact SET person = ? WHERE person = ?", father, mother)
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        assert page.status_code == 500
    assert await world.messages("one-time-code") == []
    async with nobody_writes(world):
        intruder.put_back(before)
    async with world.browser() as browser:
        assert (await browser.post("/code", data={"code": code})).url.path == "/contact"
