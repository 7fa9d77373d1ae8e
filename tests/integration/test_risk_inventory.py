"""A list of worries grows old: its sender says when, and after that day it is given to nobody, however much was agreed."""

import asyncio
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from broker.domain.calendar import Period, end_of_day, local_day
from broker.domain.decisions import Told
from broker.domain.events import EventType
from broker.services.explaining import explain_logged
from tests.integration.test_corrections import correct
from tests.integration.test_storage_together import READERS, assert_same
from tests.promises.attacks import TOM, WITHDRAWN, Case, entries, in_the_order_of_commits, push
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import NO_SUCH_ID
from tests.support.world import World

SANDER, ANNEKE = "sander-to-team", "pt-anneke"
RISK = "risk-inventory"
TEXT = "Er is vaak ruzie als Sander erbij is. Dat staat in vraag 7."
INSTRUMENT = "Taxatielijst 2.1"


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


def in_force(world: World) -> date:
    return local_day(world.clock())


def an_inventory(day: date | None, assessed: date | None, **more: Any) -> dict[str, Any]:
    said = {
        "type": RISK,
        "concerns": ["sander"],
        "mediaType": "text/plain",
        "content": TEXT,
        "instrument": INSTRUMENT,
        "expires": day and day.isoformat(),
        "assessedOn": assessed and assessed.isoformat(),
        **more,
    }
    return {name: value for name, value in said.items() if value is not None}


def as_risk(body: dict[str, Any], *sections: dict[str, Any]) -> None:
    """The school's handover about Sander, who is 17, as one about safety."""
    body.update(purpose="safety", kind="urgent-safety", discussedWithFamily=True, sections=list(sections))


async def pushed(world: World, days: int = 30, *more: dict[str, Any]) -> tuple[Case, date]:
    """Pushed, with everybody's yes: his own."""
    today = in_force(world)
    day = today + timedelta(days=days)
    case = await push(world, SANDER, lambda body: as_risk(body, an_inventory(day, today), *more))
    await case.says("sander", "sander")
    return case, day


async def view(case: Case) -> dict[str, Any]:
    path = f"/v1/handovers/{case.handover.id}"
    response = await case.world.as_organisation(case.world.sender(SANDER), "GET", path)
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def why(response: httpx.Response) -> dict[str, list[str]]:
    return {one["type"]: [reason["code"] for reason in one["reasons"]] for one in response.json()["withheld"]}


async def test_it_leaves_with_its_instrument_and_days_until_its_last_instant_and_never_after(world: World) -> None:
    case, day = await pushed(world)
    [section] = (await view(case))["sections"]
    assert (section["type"], section["open"], section["expires"]) == (RISK, True, day.isoformat())
    world.clock.fixed = end_of_day(day) - timedelta(microseconds=1)
    response = await case.ask(ANNEKE)
    [released] = response.json()["released"]
    assert (released["content"], released["instrument"], released["expires"]) == (TEXT, INSTRUMENT, day.isoformat())
    assert released["assessedOn"] == (day - timedelta(days=30)).isoformat()
    world.clock.fixed = end_of_day(day)
    refused = await case.ask(ANNEKE)
    assert (refused.status_code, why(refused)) == (403, {RISK: ["expired"]})
    assert TEXT not in refused.text
    assert "useOtherChannel" in refused.json()["withheld"][0]["reasons"][0]
    assert why(await case.ask(ANNEKE, sections=[RISK])) == {RISK: ["expired"]}
    [section] = (await view(case))["sections"]
    assert (section["open"], section["expires"]) == (False, day.isoformat())
    seen = await world.as_professional(ANNEKE, "GET", f"/v1/handovers/{case.handover.id}")
    assert seen.status_code == 404, "nothing is open, so there is nothing"
    listed = await world.as_professional(ANNEKE, "GET", "/v1/handovers?box=received")
    assert listed.json()["items"] == []
    assert await case.gets(ANNEKE, "coordination") == [], "another purpose says what it always says"


async def test_the_rest_of_the_handover_leaves_on(world: World) -> None:
    today = in_force(world)
    other = {"type": "timeline", "concerns": ["sander"], "mediaType": "text/plain", "content": "2024: nieuwe school."}
    case, day = await pushed(world, 3, other)
    assert case.handover.sections[1].expires is None
    world.clock.fixed = end_of_day(day)
    response = await case.ask(ANNEKE)
    assert [one["type"] for one in response.json()["released"]] == ["timeline"]
    assert "expires" not in response.json()["released"][0]
    assert why(response) == {RISK: ["expired"]}
    assert today < day


async def test_a_correction_with_a_new_day_opens_it_again_and_no_way_round_that(world: World) -> None:
    case, day = await pushed(world, 3)
    world.clock.fixed = end_of_day(day)
    today = in_force(world)
    sender = world.sender(SANDER)
    path = f"/v1/handovers/{case.handover.id}/versions"
    same = await world.as_organisation(sender, "POST", path, {**case.body, "language": "en"})
    assert (same.status_code, [f["pointer"] for f in same.json()["errors"]]) == (400, ["/sections/0/expires"])
    early = day - timedelta(days=3)
    longer = an_inventory(Period(12, 0).after(early) + timedelta(days=1), early)
    body = {**case.body, "sections": [longer]}
    response = await world.as_organisation(sender, "POST", path, body)
    assert [f["pointer"] for f in response.json()["errors"]] == ["/sections/0/expires"], "from the day it was filled in"
    anew = an_inventory(today + timedelta(days=5), today, content="Opnieuw ingevuld: het gaat nu beter.")
    response = await world.as_organisation(sender, "POST", path, {**case.body, "sections": [anew]})
    assert response.status_code == 201, response.text
    response = await case.ask(ANNEKE)
    assert [one["content"] for one in response.json()["released"]] == ["Opnieuw ingevuld: het gaat nu beter."]
    await case.says("sander", "sander", WITHDRAWN)
    assert why(await case.ask(ANNEKE)) == {RISK: ["consent-not-complete"]}


@pytest.mark.parametrize("days", [-1, 366, 400])
async def test_a_day_that_does_not_fit_is_refused_with_all_other_faults(world: World, days: int) -> None:
    today = in_force(world)
    day = today + timedelta(days=days) if days != 366 else Period(12, 0).after(today) + timedelta(days=1)
    body = world.body(SANDER)
    as_risk(body, an_inventory(day, today, concerns=["nobody"]), an_inventory(None, None, instrument=None))
    for more in ("", "?dryRun=true"):
        response = await world.as_organisation(world.sender(SANDER), "POST", f"/v1/handovers{more}", body)
        assert response.status_code == 400, response.text
        assert {f["pointer"] for f in response.json()["errors"]} >= {
            "/sections/0/expires",
            "/sections/0/concerns/0",
            "/sections/1/expires",
            "/sections/1/instrument",
            "/sections/1/assessedOn",
        }


async def test_a_dry_run_says_who_could_read_it(world: World) -> None:
    today = in_force(world)
    body = world.body(SANDER)
    as_risk(body, an_inventory(today, today))
    response = await world.as_organisation(world.sender(SANDER), "POST", "/v1/handovers?dryRun=true", body)
    assert response.status_code == 200, response.text
    assert [reader["couldRead"] for reader in response.json()["sections"][0]["readers"]] == [True]


async def test_the_log_says_why_and_every_decision_can_be_made_again(world: World) -> None:
    today = in_force(world)
    day = today + timedelta(days=3)
    body = world.body(SANDER)
    as_risk(body, an_inventory(day, today))
    await world.push(SANDER, body)
    await world.invite(SANDER, "sander")
    await world.answer(SANDER, "sander", {RISK: "yes"}, world.codes[SANDER, "sander"])
    assert await world.gets(SANDER, ANNEKE, "safety") == [RISK]
    world.clock.fixed = end_of_day(day)
    assert await world.gets(SANDER, ANNEKE, "safety") == []
    [denied] = [
        entry for _, entry in await in_the_order_of_commits(world) if entry.type == EventType.RELEASE_DENIED.value
    ]
    [decided] = denied.personal["decision"]
    assert f'"told": "{Told.EXPIRED.value}"' in decided
    assert TEXT not in str(denied)
    assert INSTRUMENT not in str(denied), "what it was made with is not written into the log"
    world.clock.fixed = end_of_day(day) + timedelta(days=800)
    report = await world.broker.replay.run()
    assert report.findings == []
    assert report.intact
    [number] = await entries(world, "release:denied")
    [rules] = await explain_logged(world.broker.house, number)
    assert rules.explanation.ruling.permitted, "the agreement gives it: the day is what kept it"


async def test_its_day_cannot_be_moved_nor_taken_away_in_the_database(world: World, intruder: Intruder) -> None:
    case, day = await pushed(world, 3)
    other, _ = await pushed(world, 300)
    [ours], [theirs] = (
        intruder.rows("SELECT header_sealed FROM section WHERE handover = ?", one.handover.id) for one in (case, other)
    )
    assert INSTRUMENT.encode() not in bytes(ours[0])
    world.clock.fixed = end_of_day(day)
    await asyncio.to_thread(
        intruder.change, "UPDATE section SET header_sealed = ? WHERE handover = ?", bytes(theirs[0]), case.handover.id
    )
    response = await case.ask(ANNEKE)
    assert response.status_code == 500, "a day that belongs elsewhere"
    assert TEXT not in response.text
    await asyncio.to_thread(
        intruder.change, "UPDATE section SET header_sealed = NULL WHERE handover = ?", case.handover.id
    )
    assert why(await case.ask(ANNEKE)) == {RISK: ["expired"]}, "no day is no release"


async def test_the_same_facts_together_as_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    case, day = await pushed(world)
    monkeypatch.setitem(READERS, SANDER, ANNEKE)
    found = await assert_same(case)
    [section] = found["handover"].sections
    assert (section.expires, section.instrument) == (day, INSTRUMENT)
    assert found["situation"].expiring == {RISK}


async def test_any_section_may_have_a_day(world: World) -> None:
    today = in_force(world)
    tom = await push(world, TOM)
    sections = [{**one, "expires": today.isoformat()} for one in tom.body["sections"][:1]]
    assert (await correct(tom, sections=sections + tom.body["sections"][1:])).status_code == 201
    await tom.everybody_says_yes()
    world.clock.fixed = end_of_day(today)
    response = await tom.ask()
    assert {one["type"] for one in response.json()["released"]} == {"voice-of-the-child", "safety-plan"}
    assert why(response) == {"status": ["expired"]}


async def test_an_unknown_handover_says_nothing_of_days(world: World) -> None:
    body = {"handover": NO_SUCH_ID, "purpose": "safety"}
    response = await world.as_professional(ANNEKE, "POST", "/v1/releases", body)
    assert response.status_code == 404
    assert "expired" not in response.text


async def test_what_it_was_made_with_goes_with_the_contents(world: World, intruder: Intruder) -> None:
    case, _ = await pushed(world)
    path = f"/v1/handovers/{case.handover.id}"
    assert (await world.as_organisation(world.sender(SANDER), "DELETE", path)).status_code == 204
    assert intruder.rows("SELECT header_sealed FROM section WHERE handover = ?", case.handover.id) == [(None,)]
