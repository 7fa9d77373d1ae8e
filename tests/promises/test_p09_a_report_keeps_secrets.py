"""P09: nobody learns through a report what they may not know: another's answer, what is shielded, who looked for a child."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.calendar import local_day
from broker.domain.consents import Stance
from broker.domain.events import EventType
from broker.domain.officers import OfficerRole
from broker.errors import Invalid, TooMany
from broker.services import breach, reporting
from broker.services.breach import BreachWanted
from broker.services.lines import decision_of
from broker.services.officer_screens import EntryFilter
from broker.services.reporting import ReportWanted
from tests.promises.attacks import JACK, TOM, push
from tests.support.devices import DOCTOR, REPORT, member, push_report
from tests.support.officers import officer_browser
from tests.support.surface import leaks, personal, rows_of
from tests.support.world import World

SEVERAL = "start-of-foster-care"
SCHOOL = "00000099000000020000"
UNKNOWN = "999990019"
STRANGER, READER = "nov-sara", "ib-joris"
KINDS = ("gelezen", "gevraagd, en geweigerd", "op BSN gezocht")


async def told_in(world: World, subject: str, reader: str) -> list[str] | None:
    """The kinds of lines of a report for this reader, newest first; None when there is none for them."""
    async with officer_browser(world) as officer:
        own = subject == reader
        fields = {"csrf": officer.csrf, "subject": subject, "for": "own" if own else "authority", "reader": reader}
        today = local_day(world.clock()) + timedelta(days=1)
        answer = await officer.browser.post("/console/report", data={**fields, "last_day": today.isoformat()})
    if answer.status_code == 400:
        return None
    assert answer.status_code == 200
    assert leaks(answer.content, personal(world)) == []
    return [
        next(kind for kind in KINDS if kind in line)
        for line in re.findall(r"<h2 class=\"utrecht-heading-3\">.*?</h2>", answer.text)
    ]


@pytest.mark.parametrize("other", ["father", "tom"])
async def test_a_refusal_never_shows_what_somebody_else_answered(world: World, other: str) -> None:
    case = await push(world, TOM)
    people = case.people
    seen = {}
    await case.everybody_says_yes(but=[(other, "tom")])
    assert (await case.ask()).status_code == 403
    seen["not answered"] = [await told_in(world, people["tom"], people[who]) for who in ("mother", "father", "tom")]
    await case.says(other, "tom", Stance.REFUSED)
    assert (await case.ask()).status_code == 403
    seen["refused"] = [await told_in(world, people["tom"], people[who]) for who in ("mother", "father", "tom")]
    assert seen == {"not answered": [[], [], []], "refused": [[], [], []]}
    await case.ask(STRANGER)
    assert await told_in(world, people["tom"], people["mother"]) == ["gevraagd, en geweigerd"], (
        "nobody's answer is in it"
    )


async def test_what_is_shielded_is_in_no_report_for_them_nor_is_a_refusal_beside_it(world: World) -> None:
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    jack, mother, father = (case.people[who] for who in ("jack", "mother", "father"))
    assert await told_in(world, jack, father) == ["gelezen"]
    hidden = [{**section, "shieldedFrom": ["father"]} for section in case.body["sections"]]
    version = {**case.body, "sections": hidden}
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(world.sender(JACK), "POST", path, version)).status_code == 201
    assert (await case.ask()).status_code == 403
    await case.ask(STRANGER)
    assert await told_in(world, jack, father) == []
    assert await told_in(world, jack, mother) == ["gevraagd, en geweigerd", "gelezen"]


async def test_a_parent_hears_of_no_search_and_a_child_of_nothing_about_a_parent(world: World) -> None:
    case = await push(world, TOM)
    number = next(p for p in case.body["people"] if p["key"] == "tom")["identifiers"][0]
    await world.as_professional(READER, "POST", "/v1/subjects/_search", {"identifier": number})
    tom, mother = case.people["tom"], case.people["mother"]
    assert await told_in(world, tom, mother) == []
    assert await told_in(world, tom, tom) == ["op BSN gezocht"]
    assert await told_in(world, mother, tom) is None
    assert await told_in(world, mother, case.people["father"]) is None


async def test_at_sixteen_a_report_is_for_the_young_person_alone(world: World) -> None:
    await world.push(SEVERAL)
    await world.everybody_says_yes(SEVERAL)
    assert await world.gets(SEVERAL, "hoop-eva")
    async with world.broker.house.storage(writing=False) as work:
        people = await work.handovers.people(world.handovers[SEVERAL])
    parents = [who for who in people.values() if await told_in(world, people["chayenne"], who)]
    assert len(parents) > 1
    world.clock.later("P190D")
    world.tokens.clear()
    after = [who for who in people.values() if await told_in(world, people["chayenne"], who) is not None]
    assert after == [people["chayenne"]]


async def test_the_rules_of_a_reading_are_never_those_of_a_section_that_was_withheld(world: World) -> None:
    one = {**world.body("jack-to-gp")["sections"][0], "type": "diagnostic-report"}
    await push_report(world, sections=[one, {**one, "concerns": [*one.get("concerns", ["jack"]), "father"]}])
    for who in ("mother", "father"):
        async with member(world, who, says={"diagnostic-report": "yes"}) as family:
            await family.enrol()
            await family.confirm()
    asked = {"handover": world.handovers[REPORT], "purpose": world.body("jack-to-gp")["purpose"]}
    assert (await world.as_professional(DOCTOR, "POST", "/v1/releases", asked)).status_code == 200
    [logged] = [e for e in await world.entries() if e.type == EventType.RELEASE_PERMITTED]
    given, withheld = sorted(decision_of(logged), key=lambda section: section["told"])
    assert (given["told"], bool(withheld["told"])) == ("", True)
    title = world.broker.house.agreement().title
    async with world.broker.house.storage(writing=False) as work:
        people = await work.handovers.people(world.handovers[REPORT])
    async with officer_browser(world) as officer:
        wanted = ReportWanted(subject=people["jack"], reader=people["mother"])
        made = await world.broker.reporting.report(officer.token, wanted)
    assert [line.rules for line in made.lines] == [tuple(map(title, given["rules"]))]
    assert set(withheld["rules"]) - set(given["rules"])


async def test_no_place_to_go_on_tells_of_a_line_between_others(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (breach, reporting):
        monkeypatch.setattr(module, "SPAN", 1)
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    logged = await rows_of(world, "log_entry")
    theirs = {entry.entry_id for entry in logged if SCHOOL not in (entry.organisation, entry.counterpart)}
    since = local_day(world.clock()) - timedelta(days=3)
    async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=SCHOOL) as officer:
        for partner in await rows_of(world, "organisation"):
            if partner.oin == SCHOOL:
                continue
            page = await world.broker.breach.touched(officer.token, BreachWanted("organisation", partner.oin, since))
            assert not page.following or page.following not in theirs, partner.name
            told = await world.broker.breach.affected(officer.token, BreachWanted("organisation", partner.oin, since))
            assert not told.more, "how much others did is not theirs to know"


async def test_an_officer_of_one_organisation_walks_all_its_own_lines(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (breach, reporting):
        monkeypatch.setattr(module, "SPAN", 1)
    case = await push(world, JACK)
    await case.everybody_says_yes()
    await case.ask()
    await case.ask()
    reads = {e.entry_id: e for e in await rows_of(world, "log_entry") if e.type == EventType.RELEASE_PERMITTED}
    [(reader, sender)] = {(e.organisation, e.counterpart) for e in reads.values()}
    since, walked = local_day(world.clock()) - timedelta(days=3), dict[str, list[str]]()
    for organisation in (reader, sender):
        async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=organisation) as officer:
            found, before, steps = walked.setdefault(organisation, []), "", 0
            while (before or not steps) and steps < 50:
                wanted = BreachWanted("organisation", reader, since, None, before)
                page = await world.broker.breach.touched(officer.token, wanted)
                found += [row.id for row in page.rows]
                before, steps = page.following, steps + 1
    assert {who: sorted(found) for who, found in walked.items()} == dict.fromkeys((reader, sender), sorted(reads))


async def test_an_officer_of_one_organisation_never_learns_whether_a_bsn_is_known(world: World) -> None:
    case = await push(world, JACK)
    known = next(p for p in case.body["people"] if p["key"] == "jack")["identifiers"][0]
    unknown = {**known, "value": UNKNOWN}
    jack = case.people["jack"]
    for number in (known, unknown, known, unknown):
        assert (await world.as_professional(READER, "POST", "/v1/subjects/_search", {"identifier": number})).is_success
    for behind in (True, False):
        if not behind:
            await world.settle()
        async with officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=SCHOOL) as officer:
            told: dict[str, list[object]] = {known["value"]: [], unknown["value"]: []}
            for value, seen in told.items():
                with pytest.raises(Invalid) as refused:
                    await world.broker.reporting.report(officer.token, ReportWanted(identifier=value))
                seen += [fault.pointer for fault in refused.value.faults]
                for outcome in ("", "other"):
                    page = await world.broker.viewing.lines(
                        officer.token, EntryFilter(identifier=value, outcome=outcome)
                    )
                    seen += [replace(page, lag=None)]
            assert told[known["value"]] == told[unknown["value"]]
            page = await world.broker.viewing.lines(officer.token, EntryFilter(outcome="other"))
            rows = [line for line in page.rows if line.row.type == EventType.SUBJECT_SEARCHED]
            assert [(line.row.subject, line.times) for line in rows] == [("", 1)] * 4
            for line in rows:
                detail = await world.broker.oversight.entry(officer.token, line.row.id)
                assert jack not in repr(detail)
                assert detail.leaf == "", "a leaf names the fields that it has"
            since = local_day(world.clock())
            asked = BreachWanted("organisation", SCHOOL, since)
            assert jack not in repr(await world.broker.breach.touched(officer.token, asked))
            assert not (await world.broker.breach.affected(officer.token, asked)).children
    async with officer_browser(world) as officer:
        page = await world.broker.viewing.lines(officer.token, EntryFilter(identifier=known["value"], outcome="other"))
        assert [line.row.subject for line in page.rows if line.row.type == EventType.SUBJECT_SEARCHED] == [jack] * 2


async def test_trying_who_is_known_is_logged_and_ends(world: World) -> None:
    case = await push(world, JACK)
    number = next(p for p in case.body["people"] if p["key"] == "jack")["identifiers"][0]["value"]
    async with officer_browser(world) as officer:
        for value in (number, UNKNOWN):
            with pytest.raises(Invalid):
                await world.broker.reporting.report(officer.token, ReportWanted(identifier=value, reader="nobody"))
        logged = [entry for entry in await world.entries() if entry.facts.get("view") == "report"]
        assert [entry.personal.get("subject") for entry in logged] == [None, [case.people["jack"]]]
        assert all(entry.personal["officer"] for entry in logged)
        for _ in range(58):
            with pytest.raises(Invalid):
                await world.broker.reporting.report(officer.token, ReportWanted(identifier=UNKNOWN))
        with pytest.raises(TooMany):
            await world.broker.reporting.report(officer.token, ReportWanted(identifier=UNKNOWN))
