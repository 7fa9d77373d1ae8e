"""Who has no say is heard and never counted; who cannot decide does not sign; and each is shown what concerns them."""

import json
from datetime import timedelta
from typing import Any

from broker.storage import tables as t
from tests.promises.attacks import TOM, Case, person, push, rows
from tests.support.world import World, today


def with_grandmother(body: dict[str, Any]) -> None:
    contact = {"channel": "sms", "value": "+31600000777"}
    grandmother = {
        "key": "grandmother",
        "reference": "oma",
        "name": "Oma Visser",
        "birthDate": "1955-03-03",
        "language": "nl",
        "contacts": [contact],
    }
    body["people"].append(grandmother)
    body["supporters"] = [{"supporter": "grandmother", "of": "tom"}]


def unable(key: str, **more: Any) -> Any:
    judged = {"reason": "niet in staat", "assessor": "kinderarts", "review": str(today() + timedelta(days=90)), **more}

    def change(body: dict[str, Any]) -> None:
        person(body, key)["inability"] = judged

    return change


async def signers(case: Case) -> dict[str, tuple[str, bool]]:
    path = f"/v1/handovers/{case.handover.id}"
    view = (await case.world.as_organisation(case.world.sender(case.name), "GET", path)).json()
    return {signer["person"]: (signer["state"], signer["support"]) for signer in view["signers"]}


async def invite_and_answer(case: Case, who: str, says: dict[str, str]) -> None:
    case.world.handovers[case.name] = case.handover.id
    await case.world.answer(case.name, who, says)


async def mine(case: Case, who: str) -> str:
    async with case.world.browser() as browser:
        await case.world.come_in(browser, case.world.codes[case.name, who])
        return (await browser.get("/mine")).text


async def test_a_supporter_is_asked_hears_only_of_the_child_and_is_never_counted(world: World) -> None:
    case = await push(world, TOM, with_grandmother)
    assert (await signers(case))["grandmother"] == ("not-asked", True)
    await invite_and_answer(case, "grandmother", {"status": "yes", "voice-of-the-child": "no"})
    assert (await signers(case))["grandmother"] == ("answered", True)
    records = await rows(world, t.consent_record.select())
    kept = [world.broker.house.notary.read(row.statement) for row in records]
    assert {record.capacity for record in kept} == {"support"}
    asked = {section for record in kept for section in record.scope.section_types}
    alone = {s["type"] for s in case.body["sections"] if s["concerns"] == ["tom"]}
    assert asked == alone, "what speaks of father as well is not hers to hear of"
    assert await case.gets() == []
    await case.everybody_says_yes()
    assert await case.gets() == ["safety-plan", "status", "voice-of-the-child"], "her no stops nothing either"
    logged = [entry for entry in await world.entries() if entry.type.startswith("consent:")]
    assert {entry.personal["capacity"][0] for entry in logged} == {"support"}


async def test_the_question_tells_a_supporter_that_it_does_not_count(world: World) -> None:
    case = await push(world, TOM, with_grandmother)
    await invite_and_answer(case, "grandmother", {"status": "yes", "voice-of-the-child": "yes"})
    await case.says("tom", "tom")
    house = world.broker.house
    async with house.storage(writing=False) as work:
        [record] = await work.consents.said_by(case.people["grandmother"], case.handover.sender)
        text = await work.consents.notice(record.notice.digest)
    assert text is not None
    assert "Het telt niet mee." in text
    own = await push(world, TOM)
    await invite_and_answer(own, "mother", {s["type"]: "yes" for s in own.body["sections"]})
    async with house.storage(writing=False) as work:
        mine = await work.consents.said_by(own.people["mother"], own.handover.sender)
        text = await work.consents.notice(mine[0].notice.digest)
    assert text is not None
    assert "telt niet mee" not in text


async def test_a_supporter_who_gets_authority_must_answer_anew(world: World) -> None:
    case = await push(world, TOM, with_grandmother)
    await invite_and_answer(case, "grandmother", {"status": "yes", "voice-of-the-child": "yes"})
    await case.everybody_says_yes()
    before = await mine(case, "grandmother")
    guardian = {
        "holder": "grandmother",
        "over": "tom",
        "kind": "guardian",
        "since": "2026-01-01",
        "evidence": "beschikking",
    }
    body = {**case.body, "authorities": [*case.body["authorities"], guardian]}
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(world.sender(TOM), "POST", path, body)).status_code == 201
    assert (await signers(case))["grandmother"] == ("new-answer-needed", False)
    assert await case.gets() == []
    assert "Je zei ja" in before
    page = await mine(case, "grandmother")
    assert "Je zei ja" not in page, "it would say that it counts"
    assert "wie beslist is veranderd" in page
    assert "Je hebt nog niet geantwoord" not in page


async def test_somebody_judged_unable_does_not_sign_and_the_holders_alone_do(world: World) -> None:
    case = await push(world, TOM, unable("tom"))
    assert set(await signers(case)) == {"mother", "father"}
    await case.everybody_says_yes(but={("tom", "tom")})
    assert await case.gets() == ["safety-plan", "status", "voice-of-the-child"]
    world.clock.later("P91D")
    assert await case.gets() == [], "the day of review has passed"


async def test_where_another_organisation_says_that_he_can_he_signs_too(world: World) -> None:
    case = await push(world, TOM, unable("tom"))
    await case.everybody_says_yes(but={("tom", "tom")})
    assert await case.gets()
    body = world.body("jack-to-gp")
    body["people"].append({**person(case.body, "tom"), "key": "tom", "reference": "elsewhere", "inability": None})
    assert (await world.as_organisation("00000099000000040000", "POST", "/v1/handovers", body)).status_code == 201
    assert await case.gets() == []
    assert set(await signers(case)) == {"tom", "mother", "father"}
    await case.says("tom", "tom")
    assert await case.gets()


async def test_the_last_word_of_one_organisation_counts(world: World) -> None:
    case = await push(world, TOM, unable("tom"))
    del person(case.body, "tom")["inability"]
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(world.sender(TOM), "POST", path, case.body)).status_code == 201
    assert set(await signers(case)) == {"tom", "mother", "father"}


async def test_a_judgment_is_refused_whole_or_kept_whole(world: World) -> None:
    for wrong in ({"review": "2020-01-01"}, {"review": "2099-01-01"}, {"reason": ""}, {"assessor": None}, {"who": "x"}):
        body = world.body(TOM)
        unable("tom", **wrong)(body)
        response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
        assert response.status_code == 400, wrong
        assert [fault["pointer"] for fault in response.json()["errors"]] == [f"/people/0/inability/{next(iter(wrong))}"]
    assert await rows(world, t.handover.select()) == []
    for wrong_support in ([{"supporter": "nobody", "of": "tom"}], [{"supporter": "tom", "of": "tom"}]):
        body = {**world.body(TOM), "supporters": wrong_support}
        response = await world.as_organisation(world.sender(TOM), "POST", "/v1/handovers", body)
        assert response.status_code == 400


async def test_a_parent_who_is_unable_to_decide_opens_nothing(world: World) -> None:
    case = await push(world, TOM, unable("mother"))
    await case.everybody_says_yes()
    assert await case.gets() == []


async def test_an_answer_that_was_asked_as_support_never_becomes_a_say(world: World) -> None:
    """A mother who was told that her answer does not count, is not counted when her son can no longer decide."""

    def older(body: dict[str, Any]) -> None:
        person(body, "tom")["birthDate"] = str(today().replace(year=today().year - 17, day=1))
        body["supporters"] = [{"supporter": "mother", "of": "tom"}, {"supporter": "father", "of": "tom"}]

    case = await push(world, TOM, older)
    says = {s["type"]: "yes" for s in case.body["sections"]}
    for who in ("mother", "father"):
        await invite_and_answer(case, who, says)
    person(case.body, "tom")["inability"] = {"reason": "x", "assessor": "arts", "review": str(today())}
    path = f"/v1/handovers/{case.handover.id}/versions"
    assert (await world.as_organisation(world.sender(TOM), "POST", path, case.body)).status_code == 201
    assert {state for state, _ in (await signers(case)).values()} == {"new-answer-needed"}
    assert await case.gets() == []


async def test_a_supporter_reads_that_it_does_not_count_and_an_officer_sees_it_apart(world: World) -> None:
    case = await push(world, TOM, with_grandmother)
    await invite_and_answer(case, "grandmother", {"status": "yes", "voice-of-the-child": "yes"})
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "grandmother"])
        page = (await browser.get("/mine")).text
    assert "Wij bewaren wat jij vindt. Het telt niet mee." in page
    assert "vanaf 16" not in page
    await case.everybody_says_yes()
    release = (await case.ask()).json()["id"]
    entry = next(e for e in await world.entries() if e.facts.get("release") == release)
    decision = json.loads(entry.personal["decision"][0])
    signers = {(s["signer"], s["counts"]) for section in decision for s in section["signers"]}
    assert (case.people["grandmother"], False) in signers
    assert {counts for signer, counts in signers if signer != case.people["grandmother"]} == {True}


async def correct(case: Case, **more: Any) -> None:
    path = f"/v1/handovers/{case.handover.id}/versions"
    response = await case.world.as_organisation(case.world.sender(TOM), "POST", path, {**case.body, **more})
    assert response.status_code == 201, response.text


async def test_a_parent_who_is_unable_to_decide_is_not_asked_and_what_opens_later_is_what_was_said_later(
    world: World,
) -> None:
    case = await push(world, TOM, unable("mother"))
    assert set(await signers(case)) == {"tom", "father"}
    path = f"/v1/handovers/{case.handover.id}/invitations"
    invited = {"person": "mother", "delivery": "paper"}
    response = await world.as_organisation(world.sender(TOM), "POST", path, invited)
    assert (response.status_code, response.json()["type"]) == (409, "urn:rondom:problem:nothing-to-ask")


async def test_what_was_said_as_support_never_counts_also_when_the_supporter_had_authority(world: World) -> None:
    """Father of somebody of sixteen: he has authority and no say. He is told so, and facts that change do not change it."""
    sixteen = str(today().replace(day=1, year=today().year - 16))
    supporters = [{"supporter": "father", "of": "tom"}]
    alone = [{**section, "concerns": ["tom"]} for section in world.body(TOM)["sections"]]
    case = await push(
        world, TOM, lambda body: person(body, "tom").update(birthDate=sixteen), supporters=supporters, sections=alone
    )
    assert (await signers(case))["father"] == ("not-asked", True)
    await invite_and_answer(case, "father", {section["type"]: "yes" for section in alone})
    person(case.body, "tom")["birthDate"] = str(today().replace(day=1, year=today().year - 15))
    await correct(case)
    await case.says("tom", "tom")
    await case.says("mother", "tom")
    assert await case.gets() == []
    await case.says("father", "tom")
    assert await case.gets() == ["safety-plan", "status", "voice-of-the-child"]


async def test_a_yes_that_does_not_count_now_can_be_stopped_and_does_not_come_back(world: World) -> None:
    """Mother's authority ended, she stops, and then it is stated to have gone on."""
    ends = str(today() + timedelta(days=1))

    def change(body: dict[str, Any]) -> None:
        body["authorities"][0]["until"] = ends

    case = await push(world, TOM, change)
    await invite_and_answer(case, "mother", {section["type"]: "yes" for section in case.body["sections"]})
    await case.everybody_says_yes(but={("mother", "tom")})
    assert await case.gets() == ["safety-plan", "status", "voice-of-the-child"]
    world.clock.later("P2D")
    await world.withdraw(TOM, "mother", ["status"])
    del case.body["authorities"][0]["until"]
    await correct(case)
    assert await case.gets() == ["safety-plan", "voice-of-the-child"]
