"""P09: indicators tell nobody about somebody: not strangers, not partners that know their own part, not two answers beside each other."""

import csv
import io
from typing import Any

import pytest

from broker.domain.officers import OfficerRole
from tests.promises.attacks import READER, TOM
from tests.support.officers import officer_browser
from tests.support.quarters import NO, PUSHED, YES, complete, happened, in_region, last_quarter
from tests.support.surface import leaks, personal
from tests.support.world import World

SENDER, SCHOOL, GP = "00000099000000010000", "00000099000000020000", "00000099000000030000"
REGIONS = {SENDER: "Utrecht", SCHOOL: "Utrecht", GP: "Zeist"}
Number = tuple[str, str, str, str, str, bool]


async def lived_in(world: World) -> str:
    """Much in one region and little in the other; returns the quarter."""
    quarter = last_quarter(world)
    await in_region(world, REGIONS)
    many = [(SENDER, "move", PUSHED, 12), (SCHOOL, "move", PUSHED, 9), (GP, "move", PUSHED, 1)]
    many += [(SENDER, "move", YES, 20), (SENDER, "move", NO, 1), (SCHOOL, "move", YES, 15), (SCHOOL, "move", NO, 6)]
    many += [(SENDER, "referral", PUSHED, 7), (SCHOOL, "referral", PUSHED, 8), (GP, "referral", PUSHED, 6)]
    many += [(SENDER, "move", complete(3), 9), (SCHOOL, "move", complete(30), 9)]
    await happened(world, quarter, many)
    return quarter.text


async def numbers(world: World, organisation: str, query: str = "") -> dict[Number, int | None]:
    answer = await world.as_organisation(organisation, "GET", f"/v1/indicators{query}")
    assert answer.status_code == 200, answer.text
    names = ("indicator", "measure", "month", "kind", "region")
    items: list[dict[str, Any]] = answer.json()["items"]
    return {(*(item.get(name, "") for name in names), item["own"]): item.get("value") for item in items}  # type: ignore[misc]


async def test_everybody_gets_the_same_whole_and_nobody_the_part_of_another(world: World) -> None:
    quarter = await lived_in(world)
    answers = {one: await numbers(world, one, f"?quarter={quarter}") for one in REGIONS}
    wholes = [{key: value for key, value in found.items() if not key[-1]} for found in answers.values()]
    assert wholes[0] == wholes[1] == wholes[2]
    for kind, parts in {"move": (36, 27, 3), "referral": (21, 24, 18)}.items():
        own = [answers[one]["handovers", "pushed", "", kind, "", True] for one in (SENDER, SCHOOL, GP)]
        assert all(value in (None, part) for value, part in zip(own, parts, strict=True)), own
    assert answers[GP]["handovers", "pushed", "", "move", "", True] is None
    assert any(value is not None for key, value in answers[SENDER].items() if key[-1])
    assert all(value is None or value >= 5 for found in answers.values() for value in found.values())


async def test_no_two_answers_beside_each_other_give_a_number_under_five(world: World) -> None:
    """All moves are 66: without Utrecht there would be three in Zeist, and without the sender and the school too."""
    await lived_in(world)
    found = await numbers(world, SENDER)
    moves = {
        key[4]: value for key, value in found.items() if key[:4] == ("handovers", "pushed", "", "move") and not key[5]
    }
    assert moves["Zeist"] is None
    assert moves[""] is None or moves["Utrecht"] is None
    answers = {
        key[1]: value for key, value in found.items() if key[0] == "answers" and key[2:] == ("", "move", "", True)
    }
    assert answers == {"yes": None, "no": None}, (
        "three said no, and how many yes there were would tell it with the total"
    )


async def test_strangers_get_nothing(world: World) -> None:
    quarter = await lived_in(world)
    for path in ("/v1/indicators", f"/v1/indicators?quarter={quarter}"):
        assert (await world.http.get(path)).status_code == 401
        assert (await world.as_professional(READER[TOM], "GET", path)).status_code == 403
    async with world.browser() as browser:
        for path in ("/console/indicators", f"/console/indicators/{quarter}", f"/console/indicators/{quarter}/file"):
            answer = await browser.get(path, follow_redirects=False)
            assert answer.status_code in (303, 401), path
            assert "Zeist" not in answer.text


@pytest.mark.parametrize(
    ("quarter", "status"),
    [("2026-Q5", 400), ("x", 400), ("2026-Q1%00", 400), ("0000-Q1", 400), ("1999-Q1", 404), ("9999-Q4", 404)],
)
async def test_another_quarter_is_refused_or_not_there(world: World, quarter: str, status: int) -> None:
    await lived_in(world)
    answer = await world.as_organisation(SENDER, "GET", f"/v1/indicators?quarter={quarter}")
    assert answer.status_code == status, answer.text


async def test_the_quarter_that_goes_on_is_not_there_so_that_no_day_can_be_taken_from_the_next(world: World) -> None:
    quarter = await lived_in(world)
    before = await numbers(world, SENDER)
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await world.settle()
    assert await numbers(world, SENDER) == before
    listed = (await world.as_organisation(SENDER, "GET", "/v1/indicators")).json()["quarters"]
    assert listed[0] == quarter


async def test_an_officer_of_one_organisation_gets_on_page_and_file_what_that_organisation_gets(world: World) -> None:
    quarter = await lived_in(world)
    await world.push(TOM)
    told = await numbers(world, SCHOOL)
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=SCHOOL) as officer:
        page = await officer.browser.get(f"/console/indicators/{quarter}")
        file = await officer.browser.get(f"/console/indicators/{quarter}/file")
        assert (await officer.browser.get("/console/indicators/1999-Q1")).status_code == 404
    assert (page.status_code, file.status_code) == (200, 200)
    for answer in (page, file):
        assert leaks(answer.content, personal(world)) == []
    rows = list(csv.DictReader(io.StringIO(file.text)))
    names = ("indicator", "measure", "month", "kind", "region")
    got = {(*(row[name] for name in names), row["part"] == "own"): row["value"] for row in rows}
    assert got == {key: "" if value is None else str(value) for key, value in told.items()}
    assert {row["quarter"] for row in rows} == {quarter}
