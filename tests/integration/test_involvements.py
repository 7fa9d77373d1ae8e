"""Who is involved: only those whose listing the family consented to, one coordinator by their yes, and never a flag."""

from typing import Any

import pytest

from broker.client import seal_body
from tests.promises.attacks import WITHDRAWN, Case, as_it_is, entries
from tests.support.lifelines import FOSTER, MENTAL, NAME, SCHOOL, TEAM, Girl, listed, section, someone, timeline
from tests.support.surface import told
from tests.support.world import World

RUBEN: dict[str, Any] = {
    "organisation": FOSTER,
    "role": "foster-care-supervisor",
    "since": "2025-03",
    "contact": {"name": "Ruben Hoek", "phone": "+31 20 123 45 67"},
}
FLAGS = ["risk", "riskLevel", "flag", "worries", "priority", "reported", "note"]
EVA: dict[str, Any] = {"organisation": MENTAL, "role": "psychologist", "since": "2025-06-02"}


async def listing(girl: Girl) -> list[dict[str, Any]]:
    answer = await girl.asked("involvements")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["involvements"]
    return found


async def coordinators(girl: Girl) -> dict[str, str]:
    """By who wrote it."""
    return {one["source"]["organisation"]: one["coordinator"] for one in await listing(girl) if "coordinator" in one}


async def test_everybody_who_is_open_is_listed_with_whom_to_call(world: World) -> None:
    girl = Girl(world)
    waiting = {"name": "Kinderkliniek", "role": "psychologist", "since": "2026-02", "waitsFor": "Een eerste gesprek."}
    bridge = {"bridge": {"name": "Fatima Ouali", "phone": "020-555 00 00"}}
    weeks = {"until": "2026-12", "handsBackTo": {"organisation": TEAM}, "task": "Houdt het tien weken bij."}
    await girl.written(FOSTER, listed({**RUBEN, **weeks}, {**waiting, **bridge}))
    await girl.written(MENTAL, listed(EVA), timeline(("2018", "Iets anders.")))
    await girl.written(SCHOOL, section("Juf Karin, elke dag.", "involved-organisations"))
    answer = (await girl.asked("involvements")).json()
    names = {o["oin"]: o["name"] for o in world.families["chayenne"]["organisations"]}
    first, second, third = answer["involvements"]
    assert first["party"] == {"organisation": FOSTER, "name": names[FOSTER]}
    assert first["contact"] == RUBEN["contact"]
    assert (first["until"], first["task"]) == ("2026-12", "Houdt het tien weken bij.")
    assert first["handsBackTo"] == {"organisation": TEAM, "name": names[TEAM]}
    assert second["party"] == {"organisation": MENTAL, "name": names[MENTAL]}
    assert second["source"]["organisation"] == MENTAL
    assert third["party"] == {"name": "Kinderkliniek"}
    assert (third["waitsFor"], third["bridge"]["name"]) == ("Een eerste gesprek.", "Fatima Ouali")
    assert [(one["text"], one["source"]["organisation"]) for one in answer["texts"]] == [
        ("Juf Karin, elke dag.", SCHOOL)
    ]
    assert "Iets anders" not in str(answer)
    assert len(answer["releases"]) == 3


async def test_who_is_not_consented_to_is_not_listed_and_empty_is_empty(world: World) -> None:
    girl = Girl(world)
    nobody = told(await girl.asked("involvements"))
    case = await girl.push(FOSTER, listed(RUBEN))
    await girl.written(MENTAL, timeline(("2018", "Geen lijst.")))
    assert told(await girl.asked("involvements")) == nobody
    await case.says("chayenne", "chayenne")
    assert told(await girl.asked("involvements")) == nobody, "her mother did not answer"
    await case.says("mother", "chayenne")
    assert len(await listing(girl)) == 1
    await case.says("chayenne", "chayenne", WITHDRAWN)
    assert told(await girl.asked("involvements")) == nobody
    assert len(await entries(world, "release:permitted", "release:denied")) == 1


async def test_one_coordinator_changed_by_everybodys_yes(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, listed({**RUBEN, "coordinator": True}))
    assert await coordinators(girl) == {FOSTER: "is"}
    later = await girl.push(MENTAL, listed({**EVA, "coordinator": True}))
    await later.says("mother", "chayenne")
    assert await coordinators(girl) == {FOSTER: "is"}, "one yes of two opens nothing"
    await later.says("chayenne", "chayenne")
    assert await coordinators(girl) == {FOSTER: "was", MENTAL: "is"}
    await later.says("chayenne", "chayenne", WITHDRAWN)
    assert await coordinators(girl) == {FOSTER: "is"}, "what was taken back is not there"


async def test_a_later_handover_under_the_same_yes_only_proposes(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, listed({**RUBEN, "coordinator": True}))
    second = await girl.push(FOSTER, listed({**EVA, "coordinator": True}))
    assert [one.get("coordinator") for one in await listing(girl)] == ["is", "proposed"]
    await said_to_both(second)
    assert [one.get("coordinator") for one in await listing(girl)] == ["was", "is"]


async def test_a_correction_changes_no_coordinator_before_everybody_answered_again(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, listed({**RUBEN, "coordinator": True}))
    later = await girl.written(MENTAL, listed(EVA))
    assert await coordinators(girl) == {FOSTER: "is"}
    body = {**later.body, "sections": [listed({**EVA, "coordinator": True})]}
    path = f"/v1/handovers/{later.handover.id}/versions"
    assert (await world.as_organisation(MENTAL, "POST", path, body)).status_code == 201
    assert await coordinators(girl) == {FOSTER: "is", MENTAL: "proposed"}
    await later.says("mother", "chayenne")
    assert await coordinators(girl) == {FOSTER: "is", MENTAL: "proposed"}
    await later.says("chayenne", "chayenne")
    assert await coordinators(girl) == {FOSTER: "was", MENTAL: "is"}


async def test_a_later_yes_to_another_list_of_the_same_sender_leaves_who_was_agreed_to(world: World) -> None:
    girl = Girl(world)
    await girl.written(FOSTER, listed({**RUBEN, "coordinator": True}))
    await girl.written(FOSTER, listed(EVA))
    assert [one.get("coordinator") for one in await listing(girl)] == ["is", None]


async def test_who_puts_somebody_else_in_ones_own_list_has_proposed_them(world: World) -> None:
    girl = Girl(world)
    case = await girl.written(FOSTER, listed({**RUBEN, "coordinator": True}, EVA))
    body = {**case.body, "sections": [listed(RUBEN, {**EVA, "coordinator": True})]}
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(FOSTER, "POST", path, body)).status_code == 201
    assert await coordinators(girl) == {FOSTER: "proposed"}
    await said_to_both(case)
    assert await coordinators(girl) == {FOSTER: "is"}


async def said_to_both(case: Case) -> None:
    for signer in ("mother", "chayenne"):
        await case.says(signer, "chayenne")


@pytest.mark.parametrize(
    ("entry", "pointer"),
    [
        *(({**RUBEN, flag: "high"}, "") for flag in FLAGS),
        *(({**RUBEN, "contact": {**RUBEN["contact"], flag: "high"}}, "/contact") for flag in FLAGS),
        *(({**RUBEN, "bridge": {**RUBEN["contact"], flag: "high"}}, "/bridge") for flag in FLAGS),
        *(({**RUBEN, "until": "2027", "handsBackTo": {"name": "Team", flag: True}}, "/handsBackTo") for flag in FLAGS),
        ({**RUBEN, "role": "wizard"}, "/role"),
        ({**RUBEN, "role": ""}, "/role"),
        ({**RUBEN, "organisation": "00000099000000999999"}, "/organisation"),
        ({**RUBEN, "contact": {"name": "Ruben"}}, "/contact"),
    ],
)
async def test_what_does_not_fit_the_form_or_the_agreement_is_refused(
    world: World, entry: dict[str, Any], pointer: str
) -> None:
    body = Girl(world).body(listed(RUBEN, entry))
    answer = await world.as_organisation(FOSTER, "POST", "/v1/handovers", body)
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [f"/sections/0/content/involvements/1{pointer}"]


@pytest.mark.parametrize("flag", FLAGS)
async def test_a_flag_about_a_family_has_no_place_anywhere_and_nothing_of_it_is_kept(world: World, flag: str) -> None:
    girl = Girl(world)
    body = girl.body(section({"involvements": [RUBEN], flag: "high"}, "involved-organisations"))
    answer = await world.as_organisation(FOSTER, "POST", "/v1/handovers", body)
    assert answer.status_code == 400
    assert [fault["pointer"] for fault in answer.json()["errors"]] == ["/sections/0/content"]
    assert await entries(world, "handover:pushed") == []


async def test_a_flag_that_came_in_sealed_is_no_involvement(world: World) -> None:
    """Nobody could look at it: it stands there as the text that it is, and makes nobody a coordinator."""
    girl = Girl(world)
    flagged = {"involvements": [{**RUBEN, "coordinator": True, "risk": "high"}]}
    body = girl.body(section(flagged, "involved-organisations"))
    key = (await world.as_organisation(FOSTER, "GET", "/v1/sealing-keys")).json()["keys"][0]
    case = await as_it_is(world, NAME, seal_body(body, FOSTER, key), sender=FOSTER)
    await said_to_both(case)
    answer = (await girl.asked("involvements")).json()
    assert answer["involvements"] == []
    assert len(answer["texts"]) == 1


async def test_a_partner_and_a_somebody_of_the_agreement_are_taken(world: World) -> None:
    await Girl(world).push(FOSTER, listed(someone(), {"name": "De judoclub", "role": "teacher", "since": "2024"}))
