"""What an officer may see of the log, by their role; and what looking leaves behind."""

import sqlalchemy as sa

from broker.domain.officers import OfficerRole
from broker.storage import tables as t
from tests.support.officers import officer_browser
from tests.support.surface import NO_SUCH_ID, rows_of
from tests.support.world import World

TOM, FOSTER = "tom-to-school", "start-of-foster-care"
SENDER, SCHOOL, HOSPITAL = "00000099000000010000", "00000099000000020000", "00000099000000030000"


async def entry_ids(world: World, kind: str) -> list[str]:
    return [row.entry_id for row in await rows_of(world, "log_entry") if row.type == kind]


async def test_what_is_posted_as_a_person_is_never_written_down(world: World) -> None:
    await world.push(TOM)
    async with officer_browser(world) as officer:
        await officer.browser.get("/console/disclosures")
        keys = len(await rows_of(world, "log_subject_key"))
        indexed = {row.tag for row in await rows_of(world, "log_subject_index")}
        for subject in ("Tom de Bruin", NO_SUCH_ID, "999990019", "x" * 64):
            fields = {"csrf": officer.csrf, "subject": subject}
            answer = await officer.browser.post("/console/disclosures", data=fields)
            assert answer.status_code == 200
        assert len(await rows_of(world, "log_subject_key")) == keys
        assert {row.tag for row in await rows_of(world, "log_subject_index")} == indexed


async def test_an_officer_of_one_organisation_sees_its_own_part_and_cannot_guess_at_the_rest(world: World) -> None:
    await world.push(TOM)
    await world.ask(TOM, "ib-joris")
    await world.settle()
    (refused,) = await entry_ids(world, "release:denied")
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=SCHOOL) as own:
        assert f"/console/disclosures/{refused}" in (await own.browser.get("/console/disclosures")).text
        assert (await own.browser.get(f"/console/disclosures/{refused}")).status_code == 200
    stranger = next(row.oin for row in await rows_of(world, "organisation") if row.oin not in (SENDER, SCHOOL))
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=stranger) as other:
        listed = await other.browser.get("/console/disclosures")
        assert listed.status_code == 200
        assert refused not in listed.text
        here = await other.browser.get(f"/console/disclosures/{refused}")
        nowhere = await other.browser.get(f"/console/disclosures/{NO_SUCH_ID}")
        assert here.status_code == nowhere.status_code == 404
        assert here.text == nowhere.text.replace(NO_SUCH_ID, refused)
        assert (await other.browser.get(f"/console/disclosures/{refused}/rules")).status_code == 404
        child = next(p for p in world.body(TOM)["people"] if p["key"] == "tom")
        bsn = child["identifiers"][0]["value"]
        known = await other.browser.post("/console/disclosures", data={"csrf": other.csrf, "identifier": bsn})
        unknown = await other.browser.post("/console/disclosures", data={"csrf": other.csrf, "identifier": "999990093"})
        assert known.text == unknown.text


async def test_a_role_of_one_organisation_without_one_may_do_nothing(world: World) -> None:
    await world.push(TOM)
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=SCHOOL) as officer:
        async with world.broker.database.engine.connect() as connection:
            await connection.execution_options(writing=True)
            await connection.execute(
                sa.update(t.officer).where(t.officer.c.id == officer.officer).values(organisation=None)
            )
            await connection.commit()
        assert (await officer.browser.get("/console/disclosures")).status_code == 500, (
            "the log says otherwise: an alarm"
        )


async def test_opening_a_line_stands_in_the_log_of_whom_it_is_about(world: World) -> None:
    await world.push(TOM)
    await world.ask(TOM, "ib-joris")
    await world.settle()
    (refused,) = await entry_ids(world, "release:denied")
    async with officer_browser(world) as officer:
        await officer.browser.get(f"/console/disclosures/{refused}")
    entries = await world.entries()
    denied = next(e for e in entries if e.type == "release:denied")
    viewed = next(e for e in entries if e.type == "log:viewed")
    assert viewed.personal["subject"] == denied.personal["subject"]
    assert viewed.facts["view"] == "line"
