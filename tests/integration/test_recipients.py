"""Yes to one recipient and no to another, over HTTP: each gets its own, and learns nothing of the other's."""

import json
from typing import Any

import pytest

from broker.cli.visitor import form_of, forms_of
from broker.crypto.keyring import KeyPurpose
from broker.crypto.signatures import (
    RECEIPT_TYPE,
    RECORD_TYPE,
    ed25519_holds,
    verify_family_receipt,
    verify_statement,
)
from broker.domain.consents import ConsentRecord, Stance
from broker.domain.parties import Oin, Recipient
from broker.domain.records import record_from
from broker.errors import Invalid
from broker.services.mine import Group
from broker.services.questionnaires import Shown
from broker.transparency.verifier import verify_receipt
from tests.promises.attacks import Case, only, push
from tests.support.surface import changed, dump, rows_of, told
from tests.support.world import World

CHAYENNE = "start-of-foster-care"
DE_HOOP, WIJKTEAM = "00000099000000120000", "00000099000000130000"
PSYCHOLOGIST, THERAPIST, WORKER = f"{DE_HOOP}/psychologist", f"{DE_HOOP}/system-therapist", f"{WIJKTEAM}/family-worker"
EVA, SEM, FATIMA = "hoop-eva", "hoop-sem", "wt-fatima"
HERS = ("timeline", "roles-and-tasks", "safety-plan")
YES = dict.fromkeys(HERS, "yes")
ALL_HERS = sorted(HERS)


async def mother_said_yes(world: World) -> None:
    """All that then counts is what Chayenne says; she is 15."""
    await world.push(CHAYENNE)
    await world.answer(CHAYENNE, "mother", YES)


async def records_of(world: World, since: int = 0) -> list[ConsentRecord]:
    """What was signed, oldest first, after the first so many."""
    rows = sorted(await rows_of(world, "consent_record"), key=lambda row: row.id)
    return [world.broker.house.notary.read(row.statement) for row in rows][since:]


def one(key: str) -> tuple[Recipient, ...]:
    organisation, _, role = key.partition("/")
    return (Recipient(Oin(organisation), role),)


def id_of(key: str, purpose: str = "coordination") -> str:
    """How the stop form names one recipient."""
    return Group(one(key), purpose, ()).id


async def stop_for(world: World, person: str, key: str, **fields: str) -> Any:
    """Come in again, go to the page per recipient, and press its stop button. Returns the receipt's page."""
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[CHAYENNE, person])
        page = await browser.get("/mine/1/recipients")
        form = next(f for a, f, _ in forms_of(page.text) if a == "/mine/stop" and f.get("recipient") == id_of(key))
        page = await browser.post("/mine/stop", data={**form, **(fields or {"all": "yes"})})
        assert page.url.path.startswith("/receipt/"), page.text
        return page


# answering


async def test_one_recipient_gets_it_and_the_other_is_refused(world: World) -> None:
    await mother_said_yes(world)
    before = len(await records_of(world))
    page = await world.answer_on_pages(
        CHAYENNE, "chayenne", {**YES, "timeline": {PSYCHOLOGIST: "yes", THERAPIST: "no"}}
    )
    assert await world.gets(CHAYENNE, EVA) == ALL_HERS
    assert await world.gets(CHAYENNE, SEM) == ["roles-and-tasks", "safety-plan"]
    assert await world.gets(CHAYENNE, FATIMA) == ["roles-and-tasks", "safety-plan"], "not named is no"
    said = {(r.state, r.scope.recipients, r.scope.section_types) for r in await records_of(world, before)}
    everybody = (*one(PSYCHOLOGIST), *one(THERAPIST), *one(WORKER))
    assert said == {
        (Stance.GIVEN, one(PSYCHOLOGIST), ("timeline",)),
        (Stance.REFUSED, (*one(THERAPIST), *one(WORKER)), ("timeline",)),
        (Stance.GIVEN, everybody, ("roles-and-tasks", "safety-plan")),
    }
    receipt = page.text.partition("<main")[2]
    first, second, _ = receipt.split("<h3", 3)[1:]
    assert "Je zei ja" in first
    assert "psycholoog" in first
    assert "Wijkteam Dordrecht" not in first
    assert "Je zei nee" in second
    assert "Wijkteam Dordrecht" in second


async def test_one_answer_for_all_makes_the_records_that_it_always_made(world: World) -> None:
    await world.push(CHAYENNE)
    await world.answer(CHAYENNE, "chayenne", {"timeline": "yes", "safety-plan": "yes"})
    await world.answer(CHAYENNE, "mother", {**YES, "timeline": dict.fromkeys((PSYCHOLOGIST, THERAPIST, WORKER), "yes")})
    everybody = (*one(PSYCHOLOGIST), *one(THERAPIST), *one(WORKER))
    records = await records_of(world)
    assert [(r.state, r.scope.section_types) for r in records[:2]] == [
        (Stance.GIVEN, ("timeline", "safety-plan")),
        (Stance.REFUSED, ("roles-and-tasks",)),
    ]
    assert sorted((r.state, r.scope.section_types) for r in records[2:]) == [
        (Stance.GIVEN, HERS),
        (Stance.REFUSED, ("parent-health",)),
    ], "yes to each is yes to all"
    assert {r.scope.recipients for r in records} == {everybody}


async def test_neither_recipient_learns_of_the_others_answer(world: World) -> None:
    """What the refused one sees is the same whether the other was told yes or no; and the other way round."""

    async def seen_by(identity: str) -> list[Any]:
        here = world.handovers[CHAYENNE]
        body = {"identifier": {"system": "bsn", "value": "999990044"}}
        return [
            told(await world.as_professional(identity, "GET", f"/v1/handovers/{here}"), but=here),
            told(await world.as_professional(identity, "GET", "/v1/handovers"), but=here),
            told(await world.as_professional(identity, "POST", "/v1/subjects/_search", body), but=here),
        ]

    async def refused(identity: str) -> list[Any]:
        return [told(await world.ask(CHAYENNE, identity)), *await seen_by(identity)]

    await mother_said_yes(world)
    nobody = await refused(FATIMA)
    await world.answer(CHAYENNE, "chayenne", {t: {PSYCHOLOGIST: "yes"} for t in HERS})
    assert await world.gets(CHAYENNE, EVA) == ALL_HERS
    assert await refused(FATIMA) == nobody
    eva_alone = await seen_by(EVA)
    for view in eva_alone[0][1], eva_alone[1][1]:
        assert b'"open"' in view
    await world.answer(CHAYENNE, "chayenne", {t: {PSYCHOLOGIST: "yes", WORKER: "yes"} for t in HERS})
    assert await world.gets(CHAYENNE, FATIMA) == ALL_HERS
    assert await seen_by(EVA) == eva_alone
    await world.answer(CHAYENNE, "chayenne", {})
    assert await refused(FATIMA) == nobody


async def test_a_later_answer_for_each_replaces_what_was_said_before(world: World) -> None:
    await mother_said_yes(world)
    await world.answer(CHAYENNE, "chayenne", YES)
    assert await world.gets(CHAYENNE, FATIMA) == ALL_HERS
    await world.answer(CHAYENNE, "chayenne", {**YES, "safety-plan": {PSYCHOLOGIST: "yes", THERAPIST: "yes"}})
    assert await world.gets(CHAYENNE, FATIMA) == ["roles-and-tasks", "timeline"]
    assert await world.gets(CHAYENNE, SEM) == ALL_HERS
    await world.answer(CHAYENNE, "chayenne", {"safety-plan": {WORKER: "yes"}})
    assert await world.gets(CHAYENNE, FATIMA) == ["safety-plan"]
    assert await world.gets(CHAYENNE, EVA) == []


async def test_the_question_for_several_says_so_and_that_is_in_the_text_that_is_kept(world: World) -> None:
    await world.push(CHAYENNE)
    await world.push("tom-to-school")
    for name, person, there in ((CHAYENNE, "chayenne", True), ("tom-to-school", "tom", False)):
        async with world.browser() as browser:
            page = await world.come_in(browser, await world.invite(name, person))
            assert ("Je mag voor elke organisatie apart kiezen." in page.text) == there, "in words for who is young"
            assert ('value="each"' in page.text) == there
    await world.answer(CHAYENNE, "mother", {"timeline": {WORKER: "yes"}})
    (digest,) = {record.notice.digest for record in await records_of(world)}
    async with world.broker.house.storage(writing=False) as work:
        text = await work.consents.notice(digest)
    assert text.count("Je mag per organisatie kiezen.") == 4, "once in each question"


async def test_the_use_case_itself_takes_no_choice_about_others(world: World) -> None:
    """Whatever page it is called by."""
    await world.push(CHAYENNE)
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(CHAYENNE, "chayenne"))
        choose, token = world.broker.consents.choose, browser.cookies["rondom"]
        questions = await world.broker.consents.questionnaire(token, "nl")
        [shown] = [
            Shown(str(q.position), "timeline", questions.text)
            for q in questions.questions
            if q.section_type == "timeline"
        ]
        every: dict[str, Any] = dict.fromkeys((PSYCHOLOGIST, THERAPIST, WORKER), "yes")
        before = await dump(world)
        for wrong in ({}, {PSYCHOLOGIST: "yes"}, {**every, "x/y": "yes"}, {**every, WORKER: "maybe"}, "maybe", "each"):
            with pytest.raises(Invalid):
                await choose(token, shown, wrong, "nl")  # type: ignore[arg-type]
        assert changed(before, await dump(world)) == set()
        await choose(token, shown, every, "nl")
        assert changed(before, await dump(world)) == {"visit"}


async def test_a_choice_about_other_recipients_than_these_is_none(world: World) -> None:
    """The draft of a visit is held against the handover once more at the last press."""
    await world.push(CHAYENNE)
    house = world.broker.house
    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(CHAYENNE, "chayenne"))
        while page.url.path.startswith("/questions/"):
            page = await browser.post(page.url.path, data={**form_of(page.text, page.url.path), "answer": "yes"})
        form = form_of(page.text, "/check")
        async with house.storage() as work:
            visit, _, _ = await world.broker.consents._verified(work, browser.cookies["rondom"], lock=True)
            each = visit.state["answers"]["timeline"]["each"]
            each[f"{DE_HOOP}/family-worker"] = each.pop(PSYCHOLOGIST)
            await work.visits.save(visit)
            await work.commit()
        before = await dump(world)
        assert (await browser.post("/check", data=form)).status_code == 409
        assert changed(before, await dump(world)) == set()
        assert (await browser.get("/check")).url.path == "/questions/1", "asked again"


# stopping


async def test_stopping_for_one_recipient_leaves_the_others(world: World) -> None:
    await mother_said_yes(world)
    await world.answer(CHAYENNE, "chayenne", YES)
    page = await stop_for(world, "chayenne", WORKER)
    assert "Wijkteam Dordrecht" in page.text
    assert "De Hoop" not in page.text.partition("<main")[2]
    assert await world.gets(CHAYENNE, FATIMA) == []
    assert await world.gets(CHAYENNE, EVA) == await world.gets(CHAYENNE, SEM) == ALL_HERS
    last = (await records_of(world))[-1]
    assert (last.state, last.scope.recipients, last.scope.section_types) == (Stance.WITHDRAWN, one(WORKER), HERS)


async def test_stopping_one_part_for_one_recipient_leaves_all_the_rest(world: World) -> None:
    await mother_said_yes(world)
    await world.answer(CHAYENNE, "chayenne", YES)
    await stop_for(world, "chayenne", PSYCHOLOGIST, section="safety-plan")
    assert await world.gets(CHAYENNE, EVA) == ["roles-and-tasks", "timeline"]
    assert await world.gets(CHAYENNE, SEM) == await world.gets(CHAYENNE, FATIMA) == ALL_HERS


async def test_a_page_that_stood_open_still_stops_the_one_that_it_names(world: World) -> None:
    """After the first stop the others are another group; a button pressed on the old page means what it says."""
    await mother_said_yes(world)
    await world.answer(CHAYENNE, "chayenne", YES)
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[CHAYENNE, "chayenne"])
        old = [fields for a, fields, _ in forms_of((await browser.get("/mine/1/recipients")).text) if a == "/mine/stop"]
        assert [fields["recipient"] for fields in old] == [id_of(PSYCHOLOGIST), id_of(THERAPIST), id_of(WORKER)]
        for fields in old[:2]:
            page = await browser.post("/mine/stop", data={**fields, "all": "yes"})
            assert page.url.path.startswith("/receipt/")
        again = await browser.post("/mine/stop", data={**old[0], "all": "yes"})
        assert again.status_code == 409, "stopping counts once"
    assert await world.gets(CHAYENNE, EVA) == await world.gets(CHAYENNE, SEM) == []
    assert await world.gets(CHAYENNE, FATIMA) == ALL_HERS


async def test_who_was_answered_apart_is_stopped_apart(world: World) -> None:
    await mother_said_yes(world)
    await world.answer(CHAYENNE, "chayenne", {**YES, "timeline": {PSYCHOLOGIST: "yes"}})
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[CHAYENNE, "chayenne"])
        page = await browser.get("/mine")
        stops = [fields for address, fields, _ in forms_of(page.text) if address == "/mine/stop"]
        assert len(stops) == 2
        assert stops[0]["group"] == id_of(PSYCHOLOGIST)
        page = await browser.post("/mine/stop", data={**stops[1], "all": "yes"})
        assert page.url.path.startswith("/receipt/")
    assert await world.gets(CHAYENNE, EVA) == ALL_HERS
    assert await world.gets(CHAYENNE, FATIMA) == await world.gets(CHAYENNE, SEM) == []


async def test_stopping_everything_stays_one_press(world: World) -> None:
    await mother_said_yes(world)
    await world.answer(CHAYENNE, "chayenne", YES)
    async with world.browser() as browser:
        page = await world.come_in(browser, world.codes[CHAYENNE, "chayenne"])
        fields = form_of(page.text, "/mine/stop")
        await browser.post("/mine/stop", data={**fields, "all": "yes"})
        assert (await browser.get("/mine/1/recipients")).url.path == "/mine", "nothing runs"
    for identity in (EVA, SEM, FATIMA):
        assert await world.gets(CHAYENNE, identity) == []


# hard case 7

FIVE = ("timeline", "roles-and-tasks", "analysis", "help-history", "safety-plan")
THREE = sorted(("timeline", "roles-and-tasks", "safety-plan"))


async def five_sections(world: World) -> Case:
    """Chayenne's handover with five sections about her, to which her mother says yes."""

    def change(body: dict[str, Any]) -> None:
        text = {"mediaType": "text/markdown", "concerns": ["chayenne"]}
        kept = [section for section in body["sections"] if section["type"] in HERS]
        more = [{**text, "type": t, "content": f"Dit is een verzonnen tekst van de soort {t}."} for t in FIVE[2:4]]
        body["sections"] = kept + more

    case = await push(world, CHAYENNE, change)
    world.handovers[CHAYENNE] = case.handover.id
    await world.answer(CHAYENNE, "mother", dict.fromkeys(FIVE, "yes"))
    return case


def records_in(world: World, file: bytes) -> list[ConsentRecord]:
    """What a signer's saved receipt holds, once it was checked with nothing but the broker's public key."""
    trusted = {key.kid: key.public_raw for key in world.broker.house.notary._keyring.all(KeyPurpose.RECORDS)}
    receipt = json.loads(file)["receipt"]
    statements = verify_statement(trusted, RECEIPT_TYPE, receipt)["records"]
    assert verify_family_receipt(trusted, receipt) == len(statements)
    return [record_from(verify_statement(trusted, RECORD_TYPE, statement)) for statement in statements]


@pytest.mark.parametrize("how", ["answering again", "stopping two", "stopping two for one recipient"])
async def test_narrowed_from_five_to_three_the_next_release_has_three_and_old_receipts_stay_true(
    world: World, how: str
) -> None:
    await five_sections(world)
    page = await world.answer_on_pages(CHAYENNE, "chayenne", dict.fromkeys(FIVE, "yes"))
    first = await world.ask(CHAYENNE, EVA)
    assert sorted(part["type"] for part in first.json()["released"]) == sorted(FIVE)
    await world.settle()
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[CHAYENNE, "chayenne"])
        old = (await browser.get(f"{page.url.path}/file")).content

    if how == "answering again":
        await world.answer(CHAYENNE, "chayenne", dict.fromkeys(THREE, "yes"))
    elif how == "stopping two":
        await world.withdraw(CHAYENNE, "chayenne", list(FIVE[2:4]))
    else:
        for section in FIVE[2:4]:
            await stop_for_found(world, PSYCHOLOGIST, section)

    second = await world.ask(CHAYENNE, EVA)
    assert sorted(part["type"] for part in second.json()["released"]) == THREE
    everybody_elses = sorted(FIVE) if how.endswith("recipient") else THREE
    assert await world.gets(CHAYENNE, SEM) == everybody_elses
    await world.settle()

    async with world.browser() as browser:
        await world.come_in(browser, world.codes[CHAYENNE, "chayenne"])
        assert (await browser.get(f"{page.url.path}/file")).content == old
    (record,) = records_in(world, old)
    assert (record.state, set(record.scope.section_types)) == (Stance.GIVEN, set(FIVE))
    assert len(record.scope.recipients) == 3
    for release in (first, second):
        assert verify_receipt(release.json()["receipt"], world.broker.ledger.trusted, ed25519_holds).code == 0


async def stop_for_found(world: World, key: str, section: str) -> None:
    """Stop one part for one recipient, on whatever page it stands now."""
    async with world.browser() as browser:
        page = await world.come_in(browser, world.codes[CHAYENNE, "chayenne"])
        form = form_of(page.text, "/mine/stop")
        page = await browser.post(
            "/mine/stop", data={"csrf": form["csrf"], "recipient": id_of(key), "section": section}
        )
        assert page.url.path.startswith("/receipt/")


async def test_a_record_for_one_recipient_opens_nothing_to_the_other(world: World) -> None:
    """The same on the records themselves, as an answer per recipient leaves them."""
    case = await push(world, CHAYENNE)
    await case.says("mother", "chayenne")
    await case.says("chayenne", "chayenne", types=["timeline"], recipients=only(DE_HOOP, "psychologist"))
    await case.says("chayenne", "chayenne", Stance.REFUSED, ["timeline"], recipients=only(WIJKTEAM, "family-worker"))
    assert await case.gets(EVA) == ["timeline"]
    assert await case.gets(SEM) == await case.gets(FATIMA) == []
