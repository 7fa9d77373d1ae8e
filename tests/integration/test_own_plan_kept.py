"""What becomes of a family's own plan besides being read: in proofs and files, when its last day passes, when what named its readers ends."""

import base64
import hashlib
import json
import re
from typing import Any

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from structlog.testing import capture_logs

from broker.crypto.signatures import ed25519_holds
from broker.domain.own_text import OwnText
from broker.errors import Conflict, Invalid, NotAllowed
from broker.services.replay import Outcome
from broker.transparency.bundles import verify_family_bundle
from broker.transparency.canonical import from_base64url
from tests.integration.test_exports import exported
from tests.support.intruder import intruder_in
from tests.support.officers import officer_browser
from tests.support.own_plans import PURPOSE, codes_for_plans, keep_plan, say
from tests.support.surface import rows_of
from tests.support.world import World

TOM, SCHOOL_READER = "tom-to-school", "ib-joris"
SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
MOTHER, FATHER, TOMS = "+31600000011", "mark@family.example", "+31600000013"
TEXT, ABOUT, READERS = "Opa haalt hem op in de Kwartelstraat.", ("Tom",), ("Basisschool",)


async def opened(world: World) -> tuple[str, str]:
    """A plan that everybody said yes to; returns his mother's visit, and its id."""
    await world.push(TOM)
    mother = await world.visit(await world.invite(TOM, "mother"))
    await keep_plan(world.broker, mother, TEXT, ABOUT, READERS)
    for contact in (FATHER, TOMS):
        [code] = await codes_for_plans(world, contact)
        await say(world, code, "yes")
    [plan] = [row.id for row in await rows_of(world, "handover") if row.author]
    return mother, str(plan)


async def read(world: World, plan: str) -> int:
    body = {"handover": plan, "purpose": PURPOSE}
    return (await world.as_professional(SCHOOL_READER, "POST", "/v1/releases", body)).status_code


async def logged(world: World) -> list[Any]:
    """Every line that some officer of the organisation that gave the code would see, and that is about the plan."""
    return [e for e in await world.entries() if SENDER in (e.organisation, e.counterpart) and PURPOSE in str(e.facts)]


async def proof(world: World, visit: str) -> dict[str, Any]:
    await world.settle()
    made = await world.broker.consents.proof(visit)
    assert made is not None
    document: dict[str, Any] = json.loads(made.content)
    assert verify_family_bundle(document, world.broker.ledger.trusted, ed25519_holds).code == 0
    return document


def types_in(document: dict[str, Any], world: World) -> list[str]:
    leaves = (from_base64url(entry["leaf"]) for entry in document["entries"])
    return sorted(world.broker.ledger.read(leaf, ()).type for leaf in leaves)


async def test_what_was_said_about_it_is_in_the_own_proof_of_each_and_in_nobody_else_s(world: World) -> None:
    mother, plan = await opened(world)
    [line] = await world.broker.consents.own_plans(mother) or ()
    await world.broker.consents.plan_text(mother, line.id)
    await world.broker.consents.change_plan(mother, line.id, "Anders.")
    assert await read(world, plan) == 200
    father = await world.visit((await codes_for_plans(world, FATHER))[0])
    mothers, fathers = await proof(world, mother), await proof(world, father)
    everybodys = ["consent:given", "release:permitted"]
    assert types_in(mothers, world) == sorted([*everybodys, "plan:changed", "plan:written", "release:shown"])
    assert types_in(fathers, world) == sorted(everybodys)
    for document in (mothers, fathers):
        assert {o["field"] for e in document["entries"] for o in e["openings"]}.isdisjoint({"handover", "decision"})
    theirs = [
        {o["value"] for e in d["entries"] for o in e["openings"] if o["field"] == "signer"} for d in (mothers, fathers)
    ]
    assert [len(one) for one in theirs] == [1, 1]
    assert theirs[0] != theirs[1]


async def test_after_its_last_day_it_is_gone_and_the_organisation_that_gave_the_code_hears_nothing(
    world: World,
) -> None:
    _mother, plan = await opened(world)
    assert await read(world, plan) == 200
    world.clock.later("P1M")
    assert await read(world, plan) == 200, "the last day counts"
    world.clock.later("P1D")
    assert await read(world, plan) in (403, 404)
    erased = await world.broker.erasure.erase_due()
    assert plan in {due.handover for due in erased.handovers}
    assert erased.failed == 0
    [section] = [row for row in await rows_of(world, "section") if row.handover == plan]
    assert (section.ciphertext, section.wrapped_key) == (None, None)
    assert [e.facts.get("cause") for e in await logged(world)] == []
    events = (await world.as_organisation(SENDER, "GET", "/v1/events")).json()["items"]
    assert plan not in {event["data"]["handover"] for event in events}
    events = (await world.as_organisation(SCHOOL, "GET", "/v1/events")).json()["items"]
    assert "nl.rondom.handover-erased.v1" in {e["type"] for e in events if e["data"]["handover"] == plan}
    code = (await codes_for_plans(world, MOTHER))[0]
    [line] = await world.broker.consents.own_plans(await world.visit(code)) or ()
    assert (line.kept, line.ended) == (False, True)
    with pytest.raises(Conflict):
        await world.broker.consents.plan_text(await world.visit(code), line.id)


async def test_two_weeks_before_its_end_everybody_who_said_yes_hears_that_it_is_erased_then(world: World) -> None:
    await opened(world)
    world.clock.later("P14D")
    assert await world.broker.reminders.remind() == 0
    world.clock.later("P3D")
    assert await world.broker.reminders.remind() == 3
    told = {message["to"]: message["text"] for message in await world.messages("consent-ends")}
    assert set(told) == {MOTHER, FATHER, TOMS}
    assert "a plan of your family" in told[MOTHER], "her language"
    assert "een plan van je gezin" in told[FATHER]
    assert not any(word in text for text in told.values() for word in ("nieuwe code", "new code", "Tom", "Regenboog"))


async def test_it_outlives_the_handover_that_named_its_readers(world: World) -> None:
    _mother, plan = await opened(world)
    code = (await codes_for_plans(world, MOTHER))[0]
    response = await world.as_organisation(SENDER, "DELETE", f"/v1/handovers/{world.handovers[TOM]}")
    assert response.status_code == 204, response.text
    assert await read(world, plan) == 200
    again = await world.visit(code)
    [line] = await world.broker.consents.own_plans(again) or ()
    assert (await world.broker.consents.plan_text(again, line.id)).text == TEXT
    await world.broker.consents.change_plan(again, line.id, "Anders.")
    assert await read(world, plan) == 200
    with pytest.raises(NotAllowed):
        await world.broker.consents.plan_form(again)
    await world.broker.consents.withdraw_plan(again, line.id)
    assert await read(world, plan) in (403, 404)


async def test_nobody_becomes_known_by_a_section_that_is_shielded_from_the_writer(world: World) -> None:
    body, jack = world.body(TOM), next(p for p in world.body("jack-to-gp")["people"] if p["key"] == "jack")
    body["people"].append(jack)
    body["authorities"] += [{**a, "over": "jack"} for a in body["authorities"]]
    body["sections"][0]["concerns"], body["sections"][0]["shieldedFrom"] = ["tom", "jack"], ["father"]
    body["reference"] += "-shielded"
    await world.push(TOM, body)
    mothers = await world.visit(await world.invite(TOM, "mother"))
    with pytest.raises(Invalid) as refused:
        await keep_plan(world.broker, mothers, TEXT, ABOUT, READERS)
    assert [fault.pointer for fault in refused.value.faults] == ["/readers"], "father, who is asked, would hear of it"
    await world.push(TOM)  # from now on that reader is known to father too
    offered = {}
    for who in ("mother", "father"):
        try:
            form = await world.broker.consents.plan_form(await world.visit(await world.invite(TOM, who)))
            offered[who] = {person.name for person in form.persons}
        except NotAllowed:
            offered[who] = set()
    assert "Jack Visser" not in offered["father"]
    assert {"Tom Visser", "Mark Visser"} == offered["father"]
    assert "Jack Visser" in offered["mother"]


async def test_who_is_asked_about_it_does_not_read_it_as_a_text_of_their_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where an agreement lets people read the texts of that type about themselves."""
    await opened(world)
    tom = await world.visit((await codes_for_plans(world, TOMS))[0])
    monkeypatch.setattr("broker.services.own_text.own_text", lambda *_: OwnText.READABLE)
    found = await world.broker.consents.own_texts(tom)
    assert {one.section_type for one in found} >= {"status", "voice-of-the-child"}
    assert "family-plan" not in {one.section_type for one in found}


async def test_who_steals_everything_finds_no_word_of_it_and_no_digest_to_guess_it_by(
    world: World, request: pytest.FixtureRequest
) -> None:
    with capture_logs() as lines:
        mother, plan = await opened(world)
        [line] = await world.broker.consents.own_plans(mother) or ()
        await world.broker.consents.plan_text(mother, line.id)
        await world.broker.consents.change_plan(mother, line.id, f"{TEXT} En oma ook.")
        assert await read(world, plan) == 200
    await world.settle()
    stolen = repr(intruder_in(world, request).contents()).encode() + repr(lines).encode()
    assert plan.encode() in stolen, "there is something to find"
    for text in (TEXT, f"{TEXT} En oma ook.", "Kwartelstraat"):
        raw = text.encode()
        for way in (raw, raw.hex().encode(), base64.b64encode(raw)[:-4], hashlib.sha256(raw).hexdigest().encode()):
            assert way not in stolen


async def test_files_of_the_log_hold_its_lines_with_nobody_of_the_family_in_them_and_decisions_can_be_made_again(
    world: World,
) -> None:
    mother, plan = await opened(world)
    assert await read(world, plan) == 200
    [line] = await world.broker.consents.own_plans(mother) or ()
    await world.broker.consents.change_plan(mother, line.id, "Anders.")
    await world.broker.consents.withdraw_plan(mother, line.id)
    await world.settle()
    entries = await world.entries()
    for kind in ("csv", "fhir", "otel"):
        file = (await exported(world, kind)).decode()
        for event in ("plan:written", "plan:changed", "plan:withdrawn"):
            assert event in file or event.replace(":", ".") in file, (kind, event)
        assert not any(name in file for name in ("Linh", "Tom Visser", "Kwartel", "Anders"))
    csv = (await exported(world, "csv")).decode()
    for event, action in (("written", "C"), ("changed", "U"), ("withdrawn", "D")):
        assert f'"plan:{event}","{action}"' in csv
    for resource in (await exported(world, "fhir")).decode().splitlines():
        AuditEvent.model_validate_json(resource)
        assert '""' not in resource
    async with officer_browser(world) as officer:
        page = await officer.browser.post("/console/disclosures", data={"csrf": officer.csrf, "outcome": "other"})
        for event in ("geschreven", "veranderd", "ingetrokken"):
            assert f"Plan door het gezin {event}" in page.text
        assert not re.search(r"Afzender:\s*<", page.text), "nobody is named as its sender, nor an empty name"
    assert [e.organisation for e in entries if e.type.startswith("plan:")] == [""] * 3
    assert await logged(world) == []
    report = await world.broker.replay.run()
    assert report.findings == []
    assert set(report.counts) == {Outcome.SAME}
