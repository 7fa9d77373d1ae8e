"""P9: the organisation through which a family came in sees neither its plan nor that there is one; nobody else opens it."""

from datetime import timedelta

import pytest

from broker.cli.visitor import form_of
from broker.domain.calendar import local_day
from broker.errors import Invalid, NotAllowed, Tampered
from broker.services.replay import Outcome
from tests.support.intruder import intruder_in
from tests.support.own_plans import (
    PURPOSE,
    SECTION,
    codes_for_plans,
    days,
    filled,
    keep_plan,
    plans_on,
    say,
    write_plan,
)
from tests.support.surface import doubt, nobody_writes, rows_of
from tests.support.world import World

TOM, SCHOOL_READER = "tom-to-school", "ib-joris"
SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
FATHER, TOMS = "mark@family.example", "+31600000013"
TEXT = "Opa haalt Tom op woensdag op. Alleen wij weten dit."


async def written(world: World) -> str:
    """A plan by Tom's mother for school; returns its id."""
    await world.push(TOM)
    code = await world.invite(TOM, "mother")
    async with world.browser() as browser:
        await world.come_in(browser, code)
        page = await write_plan(browser, TEXT, ["Tom"], ["Basisschool"])
        assert page.url.path.startswith("/receipt/"), page.text
    [plan] = [row.id for row in await rows_of(world, "handover") if row.author]
    return str(plan)


async def opened(world: World) -> str:
    plan = await written(world)
    for contact in (FATHER, TOMS):
        [code] = await codes_for_plans(world, contact)
        await say(world, code, "yes")
    return plan


async def ask(world: World, plan: str, identity: str = SCHOOL_READER) -> int:
    body = {"handover": plan, "purpose": PURPOSE}
    return (await world.as_professional(identity, "POST", "/v1/releases", body)).status_code


async def test_its_organisation_is_told_nothing_of_it_anywhere(world: World) -> None:
    plan = await opened(world)
    assert await ask(world, plan) == 200
    nothing = f"/v1/handovers/{'0' * 8}-0000-7000-8000-{'0' * 12}"
    for method, path, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("GET", "/reactions", None),
        ("POST", "/versions", world.body(TOM)),
        ("POST", "/invitations", {"person": "1", "delivery": "paper"}),
        ("POST", "/invitations", {"person": "tom", "delivery": "paper"}),
    ):
        told = await world.as_organisation(SENDER, method, f"/v1/handovers/{plan}{path}", body)
        unknown = await world.as_organisation(SENDER, method, f"{nothing}{path}", body)
        assert (told.status_code, told.json()) == (404, unknown.json()), (method, path)
    for box in ("sent", "received", "unread"):
        assert plan not in (await world.as_organisation(SENDER, "GET", f"/v1/handovers?box={box}")).text
    events = (await world.as_organisation(SENDER, "GET", "/v1/events")).text
    assert plan not in events, "neither that it opened, nor that it was read"
    assert await ask(world, plan, "pt-anneke") in (403, 404)
    view = (await world.as_organisation(SENDER, "GET", f"/v1/handovers/{world.handovers[TOM]}")).json()
    states = {signer["person"]: signer["state"] for signer in view["signers"]}
    assert states == {"tom": "not-asked", "mother": "asked", "father": "not-asked"}, (
        "a yes for the plan is no answer here"
    )


async def test_the_officer_of_its_organisation_finds_no_line_of_it(world: World) -> None:
    plan = await opened(world)
    assert await ask(world, plan) == 200
    mine = [entry for entry in await rows_of(world, "log_entry") if SENDER in (entry.organisation, entry.counterpart)]
    assert {entry.type for entry in mine} <= {"handover:pushed", "invitation:made", "organisation:changed"}
    assert [entry.type for entry in mine].count("invitation:made") == 1, "mother's own, for what the organisation sent"
    every = {entry.type for entry in await rows_of(world, "log_entry")}
    assert {"plan:written", "consent:given", "release:permitted"} <= every


async def test_an_organisation_cannot_push_under_its_kind_or_purpose(world: World) -> None:
    body = world.body(TOM)
    for change in ({"kind": "own-plan"}, {"purpose": PURPOSE}, {"kind": "own-plan", "purpose": PURPOSE}):
        response = await world.as_organisation(SENDER, "POST", "/v1/handovers", {**body, **change})
        assert response.status_code in (400, 422), response.text
        assert {f"/{name}" for name in change} <= {fault["pointer"] for fault in response.json()["errors"]}


async def test_writing_releases_nothing_and_one_no_is_enough(world: World) -> None:
    plan = await written(world)
    assert await ask(world, plan) in (403, 404)
    [fathers], [toms] = await codes_for_plans(world, FATHER), await codes_for_plans(world, TOMS)
    await say(world, toms, "yes")
    assert await ask(world, plan) in (403, 404)
    await say(world, fathers, "no")
    assert await ask(world, plan) in (403, 404)


async def test_who_said_no_to_a_plan_and_writes_one_opens_their_own_alone(world: World) -> None:
    hers = await written(world)
    [fathers], [toms] = await codes_for_plans(world, FATHER), await codes_for_plans(world, TOMS)
    await say(world, toms, "yes")
    await say(world, fathers, "no")
    father = await world.visit(fathers)
    await keep_plan(world.broker, father, "Van vader.", ("Tom",), ("Basisschool",))
    assert await ask(world, hers) in (403, 404), "he said no to hers, and nothing else about it since"
    [his] = [str(row.id) for row in await rows_of(world, "handover") if row.author and row.id != hers]
    assert await ask(world, his) in (403, 404), "what she and Tom said about hers is no yes to his"
    for contact in ("+31600000011", TOMS):
        await say(world, (await codes_for_plans(world, contact))[-1], "yes")
    assert await ask(world, his) == 200
    assert await ask(world, hers) in (403, 404)
    report = await world.broker.replay.run()
    assert (report.findings, set(report.counts)) == ([], {Outcome.SAME})


async def test_nobody_but_its_writer_opens_changes_or_stops_it(world: World) -> None:
    await opened(world)
    fathers = (await codes_for_plans(world, FATHER))[0]
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        [address] = plans_on((await browser.get("/mine")).text)
    async with world.browser() as browser:
        await world.come_in(browser, fathers)
        mine = (await browser.get("/mine")).text
        assert plans_on(mine) == []
        assert TEXT not in mine
        secret = {"csrf": form_of(mine, "/mine/report")["csrf"]}
        for path, fields in (("", {"text": "Anders."}), ("/text", {}), ("/stop", {}), ("/stop", {"sure": "yes"})):
            answer = await browser.post(f"/mine/plans/{address}{path}", data={**secret, **fields})
            assert answer.status_code == 404
            assert TEXT not in answer.text
    [row] = [row for row in await rows_of(world, "handover") if row.author]
    assert (row.state, row.version) == ("active", 1)


async def test_what_was_not_offered_is_refused(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "mother")
    async with world.browser() as browser:
        await world.come_in(browser, code)
        form = (await browser.get("/mine/plan")).text
        assert "Mark" not in form, "mother does not decide for father"
        good = filled(form, TEXT, ["Tom"], ["Basisschool"], days(form)[0])
        for spoiled in (
            {**good, "reader 00000099000000030000/addiction-counsellor": "yes"},
            {**good, "person 0000000000000000": "yes"},
            {**good, "until": "2199-01-01"},
            {**good, "text": " "},
            {**good, "text": "x" * 4_001},
            {name: value for name, value in good.items() if not name.startswith("reader ")},
        ):
            for path in ("/mine/plan", "/mine/plan/keep"):
                page = await browser.post(path, data={**spoiled, "digest": "0" * 64})
                assert not page.url.path.startswith("/receipt/")
        page = await browser.post("/mine/plan/keep", data={**good, "digest": "0" * 64})
        assert not page.url.path.startswith("/receipt/"), "another text than was shown"
    assert not [row for row in await rows_of(world, "handover") if row.author]
    assert await rows_of(world, "consent_record") == []


async def test_stopped_it_is_gone_with_its_key_and_readers_are_told(world: World) -> None:
    plan = await opened(world)
    assert await ask(world, plan) == 200
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        mine = (await browser.get("/mine")).text
        [address] = plans_on(mine)
        asked = await browser.post(f"/mine/plans/{address}/stop", data=form_of(mine, f"/mine/plans/{address}/stop"))
        assert plans_on(asked.text) == [address], "the first press only asks"
        assert await ask(world, plan) == 200
        for _ in range(2):
            fields = {**form_of(mine, f"/mine/plans/{address}/stop"), "sure": "yes"}
            assert (await browser.post(f"/mine/plans/{address}/stop", data=fields)).url.path == "/mine"
    assert await ask(world, plan) in (403, 404)
    [section] = [row for row in await rows_of(world, "section") if row.handover == plan]
    assert (section.type, section.ciphertext, section.wrapped_key) == (SECTION, None, None)
    events = (await world.as_organisation(SCHOOL, "GET", "/v1/events")).json()["items"]
    told = {event["type"] for event in events if event["data"]["handover"] == plan}
    assert "nl.rondom.handover-withdrawn.v1" in told
    assert plan not in (await world.as_organisation(SENDER, "GET", "/v1/handovers?box=sent")).text, "nor its tombstone"


async def own_mail(world: World) -> None:
    """Tom's family, of whose father a professional turns out to have the contact, is known; nothing is written yet."""
    await world.push(TOM)
    for who in ("mother", "father"):
        await world.invite(TOM, who)
    await doubt(world)


async def test_a_contact_in_doubt_writes_nothing_and_is_asked_nothing(world: World) -> None:
    await own_mail(world)
    plans = world.broker.consents
    with pytest.raises(NotAllowed):
        await plans.plan_form(await world.visit(world.codes[TOM, "father"]))
    mother = await world.visit(world.codes[TOM, "mother"])
    with pytest.raises(Invalid) as refused:
        await keep_plan(world.broker, mother, TEXT, ("Tom",), ("Basisschool",))
    assert [fault.pointer for fault in refused.value.faults] == ["/persons"], "father would be asked at that contact"
    assert not [row for row in await rows_of(world, "handover") if row.author]
    assert await codes_for_plans(world, FATHER) == []


async def test_a_contact_that_comes_in_doubt_reads_its_plan_no_more_and_can_still_stop_it(world: World) -> None:
    await world.push(TOM)
    plans, father = world.broker.consents, await world.visit(await world.invite(TOM, "father"))
    await keep_plan(world.broker, father, TEXT, ("Tom",), ("Basisschool",))
    await doubt(world)
    [line] = await plans.own_plans(father) or ()
    with pytest.raises(NotAllowed):
        await plans.plan_text(father, line.id)
    with pytest.raises(NotAllowed):
        await plans.change_plan(father, line.id, "Anders.")
    await plans.withdraw_plan(father, line.id)
    [section] = [row for row in await rows_of(world, "section") if row.type == SECTION]
    assert section.ciphertext is None


async def test_who_must_say_yes_and_cannot_be_reached_is_a_fault_whatever_was_chosen(world: World) -> None:
    body = world.body(TOM)
    next(person for person in body["people"] if person["key"] == "father")["contacts"] = []
    await world.push(TOM, body)
    mother = await world.visit(await world.invite(TOM, "mother"))
    with pytest.raises(Invalid) as refused:
        await keep_plan(world.broker, mother, TEXT, ("Tom",), ("Basisschool",))
    assert [fault.pointer for fault in refused.value.faults] == ["/persons"]
    receipt = await keep_plan(world.broker, mother, "Over mij alleen.", ("Linh",), ("Basisschool",))
    assert receipt, "about herself she decides alone"


async def test_who_decides_no_more_can_only_stop(world: World) -> None:
    body = world.body(TOM)
    [hers] = [authority for authority in body["authorities"] if authority["holder"] == "mother"]
    hers["until"] = str(local_day(world.clock()) + timedelta(days=10))
    await world.push(TOM, body)
    mother, plans = await world.visit(await world.invite(TOM, "mother")), world.broker.consents
    await keep_plan(world.broker, mother, TEXT, ("Tom",), ("Basisschool",))
    [line] = await plans.own_plans(mother) or ()
    assert (await plans.plan_text(mother, line.id)).text == TEXT
    world.clock.later("P11D")
    mother = await world.visit((await codes_for_plans(world, "+31600000011"))[0])
    with pytest.raises(NotAllowed):
        await plans.plan_text(mother, line.id)
    with pytest.raises(NotAllowed):
        await plans.change_plan(mother, line.id, "Anders.")
    await plans.withdraw_plan(mother, line.id)
    [line] = await plans.own_plans(mother) or ()
    assert line.ended


@pytest.mark.parametrize("new", ["father", "nobody"])
async def test_nobody_becomes_its_writer_and_it_becomes_no_organisation_s_by_an_edit_of_the_table(
    world: World, request: pytest.FixtureRequest, new: str
) -> None:
    plan = await opened(world)
    father = await world.visit((await codes_for_plans(world, FATHER))[0])
    async with world.broker.house.storage(writing=False) as work:
        visit = await work.visits.by_token(father, world.clock())
    assert visit is not None
    intruder = intruder_in(world, request)
    async with nobody_writes(world):
        intruder.disarm()
        intruder.change(
            "UPDATE handover SET author = ? WHERE author IS NOT NULL", visit.owner if new == "father" else None
        )
    assert await ask(world, plan) == 500, "an alarm, and nothing leaves"
    assert (await world.as_organisation(SENDER, "GET", f"/v1/handovers/{plan}")).status_code in (404, 500)
    with pytest.raises(Tampered):
        await world.broker.consents.own_plans(father) if new == "father" else await _read_it(world, plan)


async def _read_it(world: World, plan: str) -> None:
    async with world.broker.house.storage(writing=False) as work:
        await work.handovers.get(plan)
