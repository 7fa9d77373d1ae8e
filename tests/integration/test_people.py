"""On the real broker, over HTTP: what a report shows to whom, what a breach shows of one access, and a family's own report."""

import json
import re
from datetime import timedelta

import pytest

from broker.cli.visitor import form_of
from broker.crypto.signatures import ed25519_holds
from broker.domain.calendar import local_day
from broker.domain.events import EventType
from broker.domain.officers import OfficerRole
from broker.domain.stores import LogSearch, Trail
from broker.services.lines import actor_of
from broker.transparency.bundles import verify_family_bundle
from tests.support.officers import OfficerBrowser, officer_browser
from tests.support.surface import leaks, personal
from tests.support.world import World

TOM, SEVERAL, WHO = "tom-to-school", "start-of-foster-care", "ib-joris"
SENDER, SCHOOL, STRANGER = "00000099000000010000", "00000099000000020000", "00000099000000030000"


async def ask(officer: OfficerBrowser, path: str, **fields: str):
    fields = {"for" if name == "for_" else name: value for name, value in fields.items()}
    return await officer.browser.post(path, data={"csrf": officer.csrf, **fields})


async def person_in(world: World, who: str, name: str = TOM) -> str:
    async with world.broker.house.storage(writing=False) as work:
        return (await work.handovers.people(world.handovers[name]))[who]


async def read_once(world: World) -> None:
    await world.push(TOM)
    for person in ("mother", "father", "tom"):
        await world.answer(TOM, person, {"status": "yes"})
    assert await world.gets(TOM, WHO) == ["status"]


async def report(world: World, officer: OfficerBrowser, subject: str, reader: str = "", **more: str) -> str:
    fields = {"subject": subject, "for": "authority" if reader else "own", "reader": reader, **more}
    return (await ask(officer, "/console/report", **fields)).text


async def test_a_report_says_who_read_what_why_and_is_logged(world: World) -> None:
    await read_once(world)
    tom, mother = await person_in(world, "tom"), await person_in(world, "mother")
    async with officer_browser(world) as officer:
        page = await report(world, officer, tom, mother)
    for said in ("gelezen", "Iedereen die ja moest zeggen"):
        assert said in page
    professional = world.broker  # the pseudonym is the one that the log has
    async with professional.house.storage(writing=False) as work:
        entries = await work.log.search(LogSearch(types=(EventType.LOG_SEARCHED,), limit=9))
        facts = [world.broker.ledger.read(e.leaf, await work.log.openings(e.id)) for e in entries]
        released = await work.log.search(LogSearch(types=(EventType.RELEASE_PERMITTED,), limit=9))
        read = world.broker.ledger.read(released[0].leaf, await work.log.openings(released[0].id))
    assert (facts[0].facts["view"], facts[0].personal["subject"], facts[0].personal["reader"]) == (
        "report",
        [tom],
        [mother],
    )
    assert read.personal["professional"][0] in page
    assert leaks(page.encode(), personal(world)) == []


async def test_a_report_is_found_by_bsn_in_the_body_alone(world: World) -> None:
    body = world.body(TOM)
    await read_once(world)
    known = [p for p in body["people"] if p.get("identifiers")]
    assert known, "somebody of whom the BSN is stated"
    child = next(p for p in known if p["key"] == "tom")
    number = child["identifiers"][0]["value"]
    async with officer_browser(world) as officer:
        answer = await ask(officer, "/console/report", identifier=number, for_="own")
        unknown = await ask(officer, "/console/report", identifier="999999990", for_="own")
    assert number not in answer.text
    assert (await person_in(world, "tom")) in answer.text
    assert unknown.status_code == 400


async def test_a_report_is_made_for_who_decides_and_for_nobody_else(world: World) -> None:
    await read_once(world)
    people = {who: await person_in(world, who) for who in ("tom", "mother", "father")}
    async with officer_browser(world) as officer:
        for subject, reader, made in (
            ("tom", "mother", True),
            ("tom", "father", True),
            ("mother", "tom", False),
            ("mother", "father", False),
        ):
            answer = await ask(
                officer, "/console/report", subject=people[subject], reader=people[reader], for_="authority"
            )
            assert answer.status_code == (200 if made else 400), (subject, reader)
        answer = await ask(officer, "/console/report", subject="019a0000-0000-7000-8000-000000000000", for_="own")
        assert answer.status_code == 400


async def test_what_one_access_read_is_found_by_worker_organisation_and_key(world: World) -> None:
    await read_once(world)
    assert await world.gets(TOM, WHO) == ["status"]
    await world.settle()
    today = local_day(world.clock()).isoformat()
    async with world.broker.house.storage(writing=False) as work:
        entry = (await work.log.search(LogSearch(types=(EventType.RELEASE_PERMITTED,), limit=1)))[0]
        facts = world.broker.ledger.read(entry.leaf, await work.log.openings(entry.id))
    kid, worker, tom = facts.facts["client"], facts.personal["professional"][0], await person_in(world, "tom")
    assert isinstance(kid, str)
    by = {"client": kid, "professional": worker, "organisation": SCHOOL}
    async with officer_browser(world) as officer:
        for kind, value in by.items():
            asked = {"by": kind, kind: value, "first_day": today}
            page = (await ask(officer, "/console/breach", **asked)).text
            assert f"/console/disclosures/{entry.id}" in page, kind
            notice = (await ask(officer, "/console/breach/notice", **asked)).text
            assert tom in notice
            saved = (await ask(officer, "/console/breach/notice", **asked, save="1")).text
            assert tom not in saved
            assert "ongeveer 2" in saved, "what was read twice is about one child"
            assert "over wie is gelezen of gezocht: ongeveer 1\r\n" in saved
        later = (local_day(world.clock()) + timedelta(days=1)).isoformat()
        for wrong in (
            {"by": "client", "client": "another", "first_day": today},
            {"by": "professional", "professional": tom, "first_day": today},
            {"by": "client", "client": kid, "first_day": later},
            {"by": "organisation", "organisation": STRANGER, "first_day": today},
        ):
            assert entry.id not in (await ask(officer, "/console/breach", **wrong)).text, wrong
        made = await ask(officer, "/console/breach/file", by="client", client=kid, first_day=today)
        bad = await ask(officer, "/console/breach", by="client")
    document = json.loads(made.content)
    verdict = verify_family_bundle(document, world.broker.ledger.trusted, ed25519_holds)
    assert verdict.code == 0, verdict.sentence
    assert len(document["entries"]) == 2
    assert "basis" not in {o["field"] for o in document["entries"][0]["openings"]}
    assert leaks(made.content, personal(world)) == []
    assert bad.status_code == 400


async def test_every_look_into_a_breach_says_what_was_looked_into_and_that_the_officer_did_it(world: World) -> None:
    await read_once(world)
    await world.settle()
    today = local_day(world.clock()).isoformat()
    worker = next(e for e in await world.entries() if e.type == EventType.RELEASE_PERMITTED).personal["professional"][0]
    async with officer_browser(world) as officer:
        for page in ("/console/breach", "/console/breach/notice"):
            for value, sought in ((worker, [worker]), ("0" * 8 + worker[8:], None)):
                await ask(officer, page, by="professional", professional=value, first_day=today)
                look = (await world.entries(1))[0]
                assert (look.facts["view"], look.personal.get("sought")) == ("breach", sought), (page, value)
                assert actor_of(look) == look.personal["officer"][0]


async def test_a_file_is_logged_and_only_for_who_may_take_away(world: World) -> None:
    await read_once(world)
    await world.settle()
    asked = {"by": "organisation", "organisation": SCHOOL, "first_day": local_day(world.clock()).isoformat()}

    async def exports() -> int:
        async with world.broker.house.storage(writing=False) as work:
            return len(await work.log.search(LogSearch(types=(EventType.LOG_EXPORTED,), limit=9)))

    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=SCHOOL) as officer:
        assert (await ask(officer, "/console/breach", **asked)).status_code == 200
        assert (await ask(officer, "/console/breach/file", **asked)).status_code == 403
    async with officer_browser(world, role=OfficerRole.KEEPER) as officer:
        for path in ("/console/report", "/console/breach", "/console/breach/notice", "/console/breach/file"):
            answer = await ask(officer, path, **asked, identifier="999990044", for_="own")
            assert answer.status_code == 403, path
    assert await exports() == 0
    async with officer_browser(world) as officer:
        assert (await ask(officer, "/console/breach/file", **asked)).status_code == 200
    assert await exports() == 1


async def test_an_officer_of_one_organisation_sees_their_own_part_alone(world: World) -> None:
    await read_once(world)
    tom = await person_in(world, "tom")
    today = local_day(world.clock()).isoformat()
    seen = {}
    for organisation in (SENDER, SCHOOL, STRANGER):
        async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=organisation) as officer:
            answer = await ask(officer, "/console/report", subject=tom, for_="authority", reader=tom)
            mother = await person_in(world, "mother")
            made = await ask(officer, "/console/report", subject=tom, for_="authority", reader=mother)
            breach = await ask(officer, "/console/breach", by="organisation", organisation=SCHOOL, first_day=today)
            nobody = await ask(officer, "/console/report", subject="x", for_="own")
            seen[organisation] = (made.status_code, len(re.findall(r"/console/disclosures/[0-9a-f-]{36}", breach.text)))
            if organisation == STRANGER:
                assert re.sub(r'value="[^"]*"', "", made.text.split("<form", 1)[0]) == re.sub(
                    r'value="[^"]*"', "", nobody.text.split("<form", 1)[0]
                ), "somebody unknown and somebody of others are alike"
            del answer
    assert seen == {SENDER: (200, 1), SCHOOL: (200, 1), STRANGER: (400, 0)}


async def test_a_family_gets_what_its_page_shows_and_nothing_more(world: World) -> None:
    await read_once(world)
    await world.ask(TOM, "nov-sara")
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        mine = (await browser.get("/mine")).text
        fields = form_of(mine, "/mine/report")
        page = await browser.post("/mine/report", data=fields)
        assert page.status_code == 200
        readings = mine.partition('id="readings"')[2].partition("</section>")[0]
        assert readings.count("rd-reading") == page.text.count("rd-reading") == 1
        older = await browser.post("/mine/report", data={**fields, "before": "0"})
    assert "rd-reading" not in older.text
    async with world.broker.house.storage(writing=False) as work:
        entries = await work.log.search(LogSearch(types=(EventType.LOG_SEARCHED,), limit=9))
        facts = [world.broker.ledger.read(e.leaf, await work.log.openings(e.id)) for e in entries]
    assert [f.facts["view"] for f in facts] == ["own-report", "own-report"]
    assert (facts[0].organisation, facts[0].counterpart) == ("", ""), "that somebody looked is not for who wrote it"
    assert facts[0].personal["signer"] == [await person_in(world, "mother")]


async def test_a_trail_is_read_page_by_page_back_in_time(world: World) -> None:
    await read_once(world)
    for _ in range(4):
        assert await world.gets(TOM, WHO) == ["status"]
    tom = await person_in(world, "tom")
    async with world.broker.house.storage(writing=False) as work:
        every = [e.id for e in await work.log.trail(Trail(owner=tom))]
        before, found = "", []
        while batch := await work.log.trail(Trail(owner=tom, before=before, limit=2)):
            assert len(batch) <= 2
            found += [entry.id for entry in batch]
            before = batch[-1].id
        assert found == every == sorted(every, reverse=True)
        assert [e.id for e in await work.log.several(every)] == every
        assert await work.log.trail(Trail(client="no-such-key")) == []


async def test_a_notice_counts_nobody_of_a_part_that_was_withheld(world: World) -> None:
    body = world.body(SEVERAL)
    await world.push(SEVERAL)
    people = [person["key"] for person in body["people"]]
    for person in people:
        await world.answer(SEVERAL, person, {"timeline": "yes"})
    assert await world.gets(SEVERAL, "hoop-eva") == ["timeline"]
    reader = world.professional("hoop-eva")[0]
    asked = {"by": "organisation", "organisation": reader, "first_day": local_day(world.clock()).isoformat()}

    async def others() -> str:
        async with officer_browser(world) as officer:
            saved = (await ask(officer, "/console/breach/notice", **asked, save="1")).text
        return next(line.partition(": ")[2] for line in saved.splitlines() if "Andere gezinsleden" in line)

    assert await others() == "ongeveer 0"
    await world.everybody_says_yes(SEVERAL)
    left = await world.gets(SEVERAL, "hoop-eva")
    about = {key for part in body["sections"] if part["type"] in left for key in part["concerns"]} - {"chayenne"}
    assert about, "a part about others leaves"
    assert await others() == f"ongeveer {len(about)}"


async def test_a_number_that_is_not_whole_or_nobodys_is_no_all_clear(world: World) -> None:
    await read_once(world)
    await world.settle()
    today = local_day(world.clock()).isoformat()
    tom = await person_in(world, "tom")
    async with world.broker.house.storage(writing=False) as work:
        entry = (await work.log.search(LogSearch(types=(EventType.RELEASE_PERMITTED,), limit=1)))[0]
        facts = world.broker.ledger.read(entry.leaf, await work.log.openings(entry.id))
    worker = facts.personal["professional"][0]
    later = (local_day(world.clock()) + timedelta(days=1)).isoformat()
    async with officer_browser(world) as officer:
        line = (await officer.browser.get(f"/console/disclosures/{entry.id}")).text
        assert f'name="professional" value="{worker}"' in line, "one press fills the form"
        filled = await ask(officer, "/console/breach", fill="1", by="professional", professional=worker)
        assert filled.status_code == 200
        assert f'value="{worker}"' in filled.text
        assert 'id="found"' not in filled.text, "nothing is searched before the day is chosen"
        nobody = "019a0000-0000-7000-8000-000000000000"
        for by, value, said in (
            ("professional", worker[:8], "geen heel nummer van een professional"),
            ("client", "a key", "geen heel nummer van een sleutel"),
            ("professional", nobody, "komt niet voor in het logboek"),
            ("client", "another", "komt niet voor in het logboek"),
            ("client", "sha256:" + "0" * 64, "komt niet voor in het logboek"),
            ("professional", tom, "niet van een professional"),
        ):
            asked = {"by": by, by: value, "first_day": today}
            page = await ask(officer, "/console/breach", **asked)
            assert said in page.text, (by, value)
            assert "Er zijn geen regels bij" not in page.text
            assert "/console/breach/notice" not in page.text, "no numbers of nobody"
            for path in ("/console/breach/notice", "/console/breach/file"):
                answer = await ask(officer, path, **asked)
                assert answer.status_code in (400, 409), path
                assert said in answer.text
        known = await ask(officer, "/console/breach", by="professional", professional=worker, first_day=later)
    assert "Er zijn geen regels bij" in known.text
    assert "Klopt het?" not in known.text


@pytest.mark.parametrize("days", [0, 3])
async def test_days_bound_a_report(world: World, days: int) -> None:
    await read_once(world)
    world.clock.later(f"P{days}D")
    world.tokens.clear()
    tom, mother = await person_in(world, "tom"), await person_in(world, "mother")
    today = local_day(world.clock()).isoformat()
    async with officer_browser(world) as officer:
        since = await report(world, officer, tom, mother, first_day=today)
        until = await report(world, officer, tom, mother, last_day=today)
    assert ("rd-report-line" in since) is (days == 0)
    assert "rd-report-line" in until
