"""What a handover of its kind should hold: told to its sender before and after pushing, and to nobody else."""

from typing import Any

from broker.domain.calendar import Period, local_day
from tests.promises.attacks import JACK, TOM, push
from tests.support.world import World

SANDER = "sander-to-team"
Body = dict[str, Any]


async def tried(world: World, name: str, body: Body) -> Body:
    response = await world.as_organisation(world.sender(name), "POST", "/v1/handovers?dryRun=true", body)
    assert response.status_code == 200, response.text
    found: Body = response.json()
    return found


async def test_every_kind_tells_what_it_should_hold_and_for_how_long_consent_is_asked(world: World) -> None:
    words = (await world.as_organisation(world.sender(TOM), "GET", "/v1/vocabulary")).json()
    kinds = {kind["id"]: kind for kind in words["handoverKinds"]}
    assert kinds["inform-gp"]["required"] == ["analysis"]
    assert "help-history" in kinds["inform-gp"]["usual"]
    assert kinds["inform-gp"]["recipients"] == ["general-practitioner", "practice-nurse"]
    assert kinds["inform-gp"]["consent"] == "P3M"
    assert {kind["explain"]["nl"].endswith((".", "?")) for kind in kinds.values()} == {True}


async def test_its_sender_sees_what_is_missing_before_and_after_pushing(world: World) -> None:
    body = world.body(SANDER)
    foreseen = (await tried(world, SANDER, body))["completeness"]
    assert foreseen["complete"] is False
    assert foreseen["missing"] == ["analysis", "voice-of-the-child"]
    assert "education" not in foreseen["usual"]
    assert foreseen["unusualRecipients"] == []
    pushed = await world.as_organisation(world.sender(SANDER), "POST", "/v1/handovers", body)
    assert pushed.status_code == 201, pushed.text
    assert pushed.json()["completeness"] == foreseen
    listed = (await world.as_organisation(world.sender(SANDER), "GET", "/v1/handovers?box=sent")).json()
    assert [one["completeness"] for one in listed["items"]] == [foreseen]


async def test_a_correction_that_completes_it_is_complete(world: World) -> None:
    body = world.body(SANDER)
    pushed = await world.as_organisation(world.sender(SANDER), "POST", "/v1/handovers", body)
    like = body["sections"][0]
    more = [{**like, "type": kind} for kind in pushed.json()["completeness"]["missing"]]
    fuller = {**body, "sections": [*body["sections"], *more]}
    path = f"/v1/handovers/{pushed.json()['id']}/versions"
    corrected = await world.as_organisation(world.sender(SANDER), "POST", path, fuller)
    assert corrected.status_code == 201, corrected.text
    assert corrected.json()["completeness"]["complete"] is True
    assert corrected.headers["etag"] != pushed.headers["etag"]


async def test_a_recipient_in_another_role_than_usual_is_named_and_not_refused(world: World) -> None:
    body = world.body(JACK)
    other = {"organisation": world.body(TOM)["recipients"][0]["organisation"], "role": "support-coordinator"}
    body["recipients"] = [*body["recipients"], other]
    pushed = await world.as_organisation(world.sender(JACK), "POST", "/v1/handovers", body)
    assert pushed.status_code == 201, pushed.text
    assert pushed.json()["completeness"]["unusualRecipients"] == [other]


async def test_what_is_missing_is_for_nobody_else(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    seen = await world.as_professional("ib-joris", "GET", f"/v1/handovers/{case.handover.id}")
    assert seen.status_code == 200, seen.text
    assert "completeness" not in seen.json()
    released = await case.ask()
    assert "completeness" not in released.text


async def test_without_a_day_consent_is_asked_for_as_long_as_the_agreement_says(world: World) -> None:
    body = world.body(TOM)
    del body["consentUntil"]
    pushed = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
    assert pushed.status_code == 201, pushed.text
    usual = world.broker.house.agreement().vocabulary.handover_kinds["feedback-to-school"].consent
    assert usual == Period(6, 0)
    assert pushed.json()["consentUntil"] == usual.after(local_day(world.clock())).isoformat()
    again = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
    assert again.json()["id"] == pushed.json()["id"]
