"""Made-up families: the same ones each time, nobody's number, and in every situation exactly what it is named after."""

import json
from datetime import date, timedelta

import pytest

from broker.cli.families import NAMES, read_family
from broker.cli.families.making import (
    CHILDREN,
    SITUATIONS,
    MadeFamily,
    bsn_for_tests,
    demo_organisations,
    elfproef,
    make_families,
)
from broker.domain.calendar import age

DAYS = (date(2026, 11, 23), date(2028, 2, 28), date(2028, 2, 29), date(2027, 3, 1), date(2026, 12, 31))
EVERY = len(SITUATIONS)


def made(count: int = EVERY, seed: int = 1, day: date = DAYS[0]) -> list[MadeFamily]:
    return list(make_families(count, seed, day))


def people(family: MadeFamily) -> dict[str, dict]:
    return {person["key"]: person for person in family.body["people"]}


def test_the_same_seed_makes_the_same_families_whatever_the_count() -> None:
    assert made(40) == made(60)[:40]
    assert made(20, seed=2) != made(20)
    assert [f.body["reference"] for f in made(20, seed=2)] != [f.body["reference"] for f in made(20)]


def test_each_situation_comes_in_turn() -> None:
    assert [family.situation for family in made()] == list(SITUATIONS)
    assert made(EVERY + 1)[-1].situation == made()[0].situation
    assert {"split-custody", "guardianship", "shielded-section", "siblings", "turns-12-today"} <= set(SITUATIONS)
    assert len({family.file_name for family in made(60)}) == 60


@pytest.mark.parametrize("day", DAYS)
def test_birthdays_lie_where_they_are_said_to_lie(day: date) -> None:
    found = {family.situation: family for family in made(day=day)}
    for years in (12, 16):
        for when, offset in (("yesterday", -1), ("today", 0), ("tomorrow", 1)):
            birth = date.fromisoformat(people(found[f"turns-{years}-{when}"])["child"]["birthDate"])
            turned = day + timedelta(days=offset)
            assert age(birth, turned) == years, (when, birth)
            assert age(birth, turned - timedelta(days=1)) == years - 1, (when, birth)


def test_situations_are_what_they_are_called() -> None:
    for seed in range(20):
        found = {family.situation: family for family in made(seed=seed)}
        ages = {
            key: age(date.fromisoformat(person["birthDate"]), DAYS[0])
            for key, person in people(found["siblings"]).items()
        }
        assert ages["sibling"] < 12 <= ages["child"]
        assert {a["over"] for a in found["siblings"].body["authorities"]} == {"child", "sibling"}
        assert [a["kind"] for a in found["guardianship"].body["authorities"]] == ["guardian"]
        assert len(found["split-custody"].body["authorities"]) == 2
        assert len(found["one-parent-with-authority"].body["authorities"]) == 1
        assert any(section.get("shieldedFrom") for section in found["shielded-section"].body["sections"])
        assert found["nobody-on-record"].body["authorities"] == []


def test_no_number_is_anybodys() -> None:
    families = made(1000)
    numbers = [i["value"] for f in families for p in people(f).values() for i in p.get("identifiers", ())]
    assert len(numbers) == len(set(numbers))
    assert 400 < len(numbers) <= len(bsn_for_tests())
    assert all(value.startswith("99999") and elfproef(int(value)) for value in numbers)
    taken = {
        i["value"]
        for name in NAMES
        for handover in read_family(name, DAYS[0])["handovers"].values()
        for person in handover["body"]["people"]
        for i in person.get("identifiers", ())
    }
    assert all(elfproef(int(value)) for value in taken)
    assert not taken & set(numbers)
    contacts = [c["value"] for f in families for p in people(f).values() for c in p["contacts"]]
    assert all(value.startswith("+3160") or value.endswith("@family.example") for value in contacts)
    assert len(set(contacts)) == len(contacts)
    most = max(sum("identifiers" in person for person in people(family).values()) for family in families)
    assert most == CHILDREN


def test_the_check_of_eleven_is_that_check() -> None:
    assert elfproef(999990019)
    assert elfproef(111222333)
    assert not elfproef(999990018)
    assert not elfproef(123456789)


def test_senders_and_recipients_are_test_organisations() -> None:
    known = {each["oin"] for each in demo_organisations()}
    assert all(oin.startswith("00000099") for oin in known)
    for family in made():
        assert {family.sender, *(r["organisation"] for r in family.body["recipients"])} <= known
        json.dumps(family.body)
