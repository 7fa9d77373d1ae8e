"""P09: a denial tells its recipient no more than it may: not who, not what, not even that there is something.

"The same" means here: the same status, the same bytes and the same headers.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

import httpx
import pytest

from broker.cli.visitor import form_of, forms_of
from broker.domain.channels import channels_for
from broker.domain.parties import Oin, Professional, ProfessionalId
from broker.services.releasing import DECOYS_TO
from tests.support.officers import officer_browser
from tests.support.surface import NO_SUCH_ID, doubt, leaks, personal, rows_of, settled, told
from tests.support.world import World, today
from tests.support.writing import answer as answer_it
from tests.support.writing import read, ways, write

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
TOM, JACK = "tom-to-school", "jack-to-gp"
YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes"}
FAMILY = ("mother", "father", "tom")
READER, PURPOSE = "ib-joris", "education-support"


async def releases_asked(world: World) -> list[dict[str, Any]]:
    """The leaves of every request for a release, oldest first."""
    rows = sorted(await rows_of(world, "log_entry"), key=lambda row: row.entry_id)
    return [json.loads(row.leaf) for row in rows if row.type.startswith("release:")]


def shape(leaf: Mapping[str, Any]) -> tuple[int, list[str]]:
    """What can be seen of a leaf without its openings, but its outcome: its size, and which fields it commits to."""
    plain = {**leaf, "type": "", "facts": {**leaf["facts"], "outcome": "", "release": ""}}
    return len(json.dumps(plain)), [commitment["field"] for commitment in leaf["personal"]]


# one denial for every reason


@pytest.mark.parametrize("who", FAMILY)
async def test_unanswered_refused_withdrawn_and_expired_are_one_and_the_same(world: World, who: str) -> None:
    async def everything_the_reader_sees() -> list[tuple[int, bytes, list[tuple[str, str]]]]:
        here = world.handovers[TOM]
        body = {"identifier": {"system": "bsn", "value": "999990019"}}
        return [
            told(await world.ask(TOM, READER)),
            told(await world.ask(TOM, READER, PURPOSE, ["status"])),
            told(await world.ask(TOM, READER, PURPOSE, ["safety-plan", "parent-health", "medication"])),
            told(await world.as_professional(READER, "GET", f"/v1/handovers/{here}"), but=here),
            told(await world.as_professional(READER, "GET", "/v1/handovers")),
            told(await world.as_organisation(SCHOOL, "GET", "/v1/handovers?box=received")),
            told(await world.as_professional(READER, "POST", "/v1/subjects/_search", body)),
        ]

    seen: dict[str, list[tuple[int, bytes, list[tuple[str, str]]]]] = {}
    body = {**world.body(TOM), "consentUntil": "P9M"}
    await world.push(TOM, body)
    seen["nobody answered"] = await everything_the_reader_sees()
    for person in FAMILY:
        if person != who:
            await world.answer(TOM, person, YES)
    seen["this one did not answer"] = await everything_the_reader_sees()
    await world.answer(TOM, who, {})
    seen["refused"] = await everything_the_reader_sees()
    await world.answer(TOM, who, YES)
    assert await world.gets(TOM, READER) == sorted(YES), "the answer of this one is what it turns on"
    await world.withdraw(TOM, who, list(YES))
    seen["withdrawn"] = await everything_the_reader_sees()
    # An earlier handover of the same scope, with a shorter time: this one's yes to it ends before the others' do.
    long = world.handovers[TOM]
    await world.push(TOM, {**body, "reference": "short", "consentUntil": "P1M"})
    await world.answer(TOM, who, YES)
    world.handovers[TOM] = long
    assert await world.gets(TOM, READER) == sorted(YES)
    world.clock.later("P1M1D")
    seen["expired"] = await everything_the_reader_sees()
    first = seen["nobody answered"]
    assert [status for status, _, _ in first] == [403, 403, 403, 404, 200, 200, 200]
    for reason, same in seen.items():
        assert same == first, reason
    # Not even the log's leaves differ, in size or in the number of their digests.
    asked = [leaf for leaf in await releases_asked(world) if leaf["type"] == "release:denied"]
    assert len(asked) == 15
    assert len({str(shape(leaf)) for leaf in asked}) == 1


async def test_a_doubt_about_a_contact_looks_like_any_other_missing_consent(world: World) -> None:
    """Everybody said yes, and father's contact turns out to be a professional's; before that, he had not answered."""
    seen = {}
    await world.push(TOM)
    for person in ("mother", "tom"):
        await world.answer(TOM, person, YES)
    seen["father did not answer"] = await _all_that_is_told(world)
    await world.answer(TOM, "father", YES)
    assert await world.gets(TOM, READER) == sorted(YES)
    await doubt(world, TOM, "nov-sara")
    seen["his contact is in doubt"] = await _all_that_is_told(world)
    await _settle(world, "confirmed")
    seen["and it was wrong"] = await _all_that_is_told(world)
    first = seen["father did not answer"]
    assert [status for status, _, _ in first] == [403, 403, 404, 200, 200]
    for reason, same in seen.items():
        assert same == first, reason
    denied = [leaf for leaf in await releases_asked(world) if leaf["type"] == "release:denied"]
    assert len(denied) == 6
    assert len({str(shape(leaf)) for leaf in denied}) == 1
    for leaf in [json.loads(row.leaf) for row in await rows_of(world, "log_entry") if row.type.startswith("matter:")]:
        assert leaf["facts"] == {}, "what the doubt is about is not to be read in the log without its openings"


async def _settle(world: World, outcome: str) -> None:
    [matter] = await rows_of(world, "matter")
    async with officer_browser(world) as officer:
        fields = {"csrf": officer.csrf, "outcome": outcome, "note": "Gebeld."}
        assert (await officer.browser.post(f"/console/queue/{matter.id}", data=fields)).status_code == 200


async def _all_that_is_told(world: World) -> list[tuple[int, bytes, list[tuple[str, str]]]]:
    here, body = world.handovers[TOM], {"identifier": {"system": "bsn", "value": "999990019"}}
    return [
        told(await world.ask(TOM, READER, PURPOSE)),
        told(await world.ask(TOM, READER, PURPOSE, ["safety-plan"])),
        told(await world.as_professional(READER, "GET", f"/v1/handovers/{here}"), but=here),
        told(await world.as_organisation(SCHOOL, "GET", "/v1/handovers?box=received")),
        told(await world.as_professional(READER, "POST", "/v1/subjects/_search", body)),
    ]


async def test_one_type_denied_tells_nothing_of_who_stands_in_the_way(world: World) -> None:
    """Father alone refuses the safety plan, then Tom alone, then both: what is released with it looks the same."""
    await world.push(TOM)
    said = dict.fromkeys(FAMILY, "")
    seen = set()
    for refusers in (("father",), ("tom",), ("tom", "mother")):
        for person in FAMILY:
            says = "no" if person in refusers else "yes"
            if said[person] != says:
                await world.answer(TOM, person, {**YES, "safety-plan": says})
                said[person] = says
        answer = (await world.ask(TOM, READER)).json()
        assert [part["type"] for part in answer["released"]] == ["status", "voice-of-the-child"]
        seen.add(json.dumps(answer["withheld"]))
    assert len(seen) == 1


async def test_a_denial_names_nobody_and_no_number_of_people(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "father", {})
    for language in ("nl", "en"):
        token = await world.token(*world.professional(READER))
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        body = {"handover": world.handovers[TOM], "purpose": PURPOSE}
        answer = await world.http.post("/v1/releases", json=body, headers=headers)
        assert answer.status_code == 403
        assert leaks(answer.text, [*personal(world), *FAMILY, "vader", "moeder", "ouder", "parent"]) == []
        assert set(answer.json()) == {"type", "title", "status", "detail", "withheld"}
        for withheld in answer.json()["withheld"]:
            assert set(withheld) == {"type", "reasons"}
            assert [set(reason) for reason in withheld["reasons"]] == [
                {"code", "message", "nextStep", "useOtherChannel"}
            ]
        for row in await rows_of(world, "person"):
            assert row.id not in answer.text


async def test_a_denial_by_age_or_missing_authority_looks_like_one_by_refusal(world: World) -> None:
    """Nobody to ask, and somebody who said no, are the same to who asks."""
    await world.push(TOM)
    await world.answer(TOM, "father", {})
    refused = told(await world.ask(TOM, READER))
    alone = {**world.body(TOM), "reference": "alone", "authorities": []}
    for person in alone["people"]:
        person["reference"] += "-alone"
        person["identifiers"] = []
    await world.push(TOM, alone)
    assert told(await world.ask(TOM, READER)) == refused


# the other way


NO_CONSENT = "consent-not-complete"


def other_ways(answer: httpx.Response) -> dict[str, set[str]]:
    """What was named, as JSON, for each reason that was given."""
    found: dict[str, set[str]] = {}
    for withheld in answer.json()["withheld"]:
        for reason in withheld["reasons"]:
            found.setdefault(reason["code"], set()).add(json.dumps(reason["useOtherChannel"]))
    return found


def agreed(world: World, sender: str, recipient: str, purpose: str) -> set[str]:
    """What the agreement has for these kinds and this purpose."""
    named = channels_for(world.broker.house.agreement().channels, sender, recipient, purpose)
    assert named
    return {json.dumps([{"id": c.id, "article": c.article, "call": c.call.en, "contact": c.contact} for c in named])}


def orphaned(body: dict[str, Any], reference: str) -> dict[str, Any]:
    """The same about a family that nobody knows, without anybody who holds authority."""
    for person in body["people"]:
        person["reference"] += f"-{reference}"
        person["identifiers"] = []
    return {**body, "reference": reference, "authorities": []}


async def test_the_same_channels_whatever_stands_in_the_way(world: World) -> None:
    """Unanswered, refused, withdrawn, shielded, too old an answer, nobody to ask: the way out tells them not apart."""
    same = {NO_CONSENT: agreed(world, "neighbourhood-team", "school", PURPOSE)}
    seen = {}
    await world.push(TOM)
    seen["nobody answered"] = await world.ask(TOM, READER)
    await world.answer(TOM, "father", {})
    seen["refused"] = await world.ask(TOM, READER)
    for person in FAMILY:
        await world.answer(TOM, person, {"status": "yes"})
    seen["partly"] = await world.ask(TOM, READER)
    assert seen["partly"].status_code == 200
    await world.withdraw(TOM, "tom", ["status"])
    seen["withdrawn"] = await world.ask(TOM, READER)
    for person in FAMILY:
        await world.answer(TOM, person, YES)
    world.clock.later("P6M1D")
    await world.push(TOM, {**world.body(TOM), "reference": "later"})
    seen["expired"] = await world.ask(TOM, READER)
    await world.push(TOM, shielded_body(world) | {"reference": "shielded"})
    seen["shielded"] = await world.ask(TOM, READER)
    for person in FAMILY:
        await walk(world, person)
    seen["only what is shielded"] = await world.ask(TOM, READER)
    assert [part["type"] for part in seen["only what is shielded"].json()["withheld"]] == ["safety-plan"]
    await world.push(TOM, orphaned(world.body(TOM), "nobody-to-ask"))
    seen["nobody to ask"] = await world.ask(TOM, READER)
    for reason, answer in seen.items():
        assert other_ways(answer) == same, reason
        # Nothing is released over it: a section that names another way is not among what left.
        out = answer.json()
        refused = {part["type"] for part in out["withheld"]}
        assert refused
        assert not refused & {part["type"] for part in out.get("released", ())}, reason


async def test_another_kind_of_recipient_hears_what_the_agreement_has_for_it(world: World) -> None:
    await world.push("jack-to-gp")
    body = world.body("jack-to-gp")
    kinds = {o["oin"]: o["kind"] for family in world.families.values() for o in family["organisations"]}
    [recipient] = {part["organisation"] for part in body["recipients"]}
    sender = kinds[world.sender("jack-to-gp")]
    expected = agreed(world, sender, kinds[recipient], body["purpose"])
    assert other_ways(await world.ask("jack-to-gp", "ha-vdberg")) == {NO_CONSENT: expected}


async def test_the_channels_are_named_in_the_language_of_who_asks(world: World) -> None:
    await world.push(TOM)
    token = await world.token(*world.professional(READER))
    body = {"handover": world.handovers[TOM], "purpose": PURPOSE}
    answers = {}
    for language in ("nl", "en"):
        headers = {"Authorization": f"Bearer {token}", "Accept-Language": language}
        answers[language] = await world.http.post("/v1/releases", json=body, headers=headers)
    for language, sentence in (("nl", "Bel meteen 112."), ("en", "Call 112 at once.")):
        assert sentence in answers[language].text
        assert "0800-2000" in answers[language].text
    assert "at once" not in answers["nl"].text


async def test_no_other_reason_names_a_channel(world: World) -> None:
    """Not in the agreement, another purpose, not there, no longer shared, not addressed, unknown: no way is named."""
    await world.push(TOM)
    none = {json.dumps([])}
    assert other_ways(await world.ask(TOM, READER, "health-care")) == {"other-purpose": none}
    mixed = other_ways(await world.ask(TOM, READER, PURPOSE, ["status", PRESENT, ABSENT, "no-such-type"]))
    assert mixed == {NO_CONSENT: agreed(world, "neighbourhood-team", "school", PURPOSE), "no-such-section": none}
    here, known = world.handovers[TOM], await world.ask(TOM, "ha-vdberg")
    world.handovers[TOM] = NO_SUCH_ID
    unknown = await world.ask(TOM, READER)
    for answer in (known, unknown):
        assert answer.status_code == 404
        assert leaks(answer.text, ["useOtherChannel", "withheld", "112", "0800-2000"]) == []
    guardian = {**world.body(TOM), "reference": "guardian"}
    guardian["recipients"] = [{"organisation": SCHOOL, "role": "family-guardian"}]
    await world.push(TOM, guardian)
    token = await world.token(SCHOOL, {"sub": "g", "name": "G", "role": "family-guardian"})
    sent = {"handover": world.handovers[TOM], "purpose": PURPOSE}
    assert other_ways(await world._call(token, "POST", "/v1/releases", sent)) == {"not-in-agreement": none}
    world.handovers[TOM] = here
    await world.as_organisation(SENDER, "DELETE", f"/v1/handovers/{here}")
    assert other_ways(await world.ask(TOM, READER)) == {"no-longer-kept": none}


# what the agreement does not give


ABSENT = "medication"
PRESENT = "parent-health"
"""Tom's handover holds a parent's health, which the agreement never gives to a school, and no medication."""


def as_if(text: bytes, section_type: str) -> bytes:
    return text.replace(section_type.encode(), b"*type*")


async def test_a_type_that_the_agreement_withholds_is_never_mentioned(world: World) -> None:
    await world.push(TOM)
    for turn in ("nobody answered", "everybody said yes"):
        for purpose in (PURPOSE, "health-care", "nonsense"):
            answer = await world.ask(TOM, READER, purpose)
            assert PRESENT not in answer.text, (turn, purpose)
        for answer in (
            await world.as_professional(READER, "GET", f"/v1/handovers/{world.handovers[TOM]}"),
            await world.as_organisation(SCHOOL, "GET", f"/v1/handovers/{world.handovers[TOM]}"),
            await world.as_professional(READER, "GET", "/v1/handovers"),
        ):
            assert PRESENT not in answer.text, turn
        await world.everybody_says_yes(TOM)


async def test_asked_for_by_name_a_withheld_type_looks_the_same_whether_it_is_there(world: World) -> None:
    await world.push(TOM)

    async def pair(purpose: str, others: Iterable[str]) -> list[tuple[int, bytes]]:
        found = []
        for wanted in (PRESENT, ABSENT, "no-such-type"):
            answer = await world.ask(TOM, READER, purpose, [*others, wanted])
            body = answer.json()
            for own in ("id", "receipt"):
                body.pop(own, None)
            found.append((answer.status_code, as_if(json.dumps(body).encode(), wanted)))
        return found

    async def compare(moment: str) -> None:
        for purpose in (PURPOSE, "health-care"):
            for others in ((), ("status", "safety-plan"), ("education",)):
                there, absent, unknown = await pair(purpose, others)
                assert there == absent == unknown, (moment, purpose, others)

    await compare("nobody answered")
    await world.everybody_says_yes(TOM)
    await compare("everybody said yes")
    world.clock.later("P6M1D")
    await compare("consent expired")
    await world.as_organisation(SENDER, "DELETE", f"/v1/handovers/{world.handovers[TOM]}")
    await compare("withdrawn by the sender")


async def test_a_role_to_which_nothing_is_given_hears_the_same_of_any_handover(world: World) -> None:
    bodies = []
    for types in (
        ("parent-health",),
        ("parent-health", "safety-plan"),
        ("parent-health", "voice-of-the-child", "status"),
    ):
        body = world.body(TOM)
        body["reference"] = "-".join(types)
        body["sections"] = [section for section in body["sections"] if section["type"] in types]
        body["recipients"] = [{"organisation": SCHOOL, "role": "family-guardian"}]
        await world.push(TOM, body)
        token = await world.token(SCHOOL, {"sub": "g", "name": "G", "role": "family-guardian"})
        sent = {"handover": world.handovers[TOM], "purpose": PURPOSE}
        bodies.append(told(await world._call(token, "POST", "/v1/releases", sent)))
    assert bodies[0] == bodies[1] == bodies[2]
    assert bodies[0][0] == 403


# between the parents


async def test_one_parents_pages_never_show_the_others_answer(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as asked, world.browser() as answered, world.browser() as outside:
        await world.come_in(asked, await world.invite(TOM, "mother"))
        await world.answer(TOM, "mother", YES)
        await world.come_in(answered, world.codes[TOM, "mother"])
        await outside.post("/code", data={"code": world.codes[TOM, "mother"]})
        [receipt] = [f"/receipt/{row.id}" for row in await rows_of(world, "signer_receipt")]
        pages = [
            (outside, "/contact"),
            (answered, "/mine"),
            (answered, receipt),
            (answered, f"{receipt}/file"),
            *((asked, f"/questions/{position}") for position in (1, 2, 3)),
        ]
        view = f"/v1/handovers/{world.handovers[TOM]}"

        async def look() -> list[tuple[int, bytes, list[tuple[str, str]]]]:
            return [told(await browser.get(path)) for browser, path in pages]

        before = await look()
        assert {status for status, _, _ in before} == {200}
        for says in ({}, YES, {"status": "yes"}):
            await world.answer(TOM, "father", says)
            await world.ask(TOM, READER)
            assert await look() == before, says
        await world.withdraw(TOM, "father", ["status"])
        await world.ask(TOM, READER)
        assert await look() == before, "withdrawn"
        text = "".join(content.decode() for _, content, _ in before)
        assert leaks(text, ["Mark", "Mark Visser", "mark@family.example", "vader", "father"]) == []
        assert (await world.as_organisation(SENDER, "GET", view)).status_code == 200


async def test_who_does_not_sign_any_more_hears_of_no_newer_recipient(world: World) -> None:
    """A new recipient may be where the other parent has gone: it is for who signs now, and for nobody of before."""
    body = world.body(JACK)
    [father] = [authority for authority in body["authorities"] if authority["holder"] == "father"]
    father["until"] = (today() + timedelta(days=5)).isoformat()
    await world.push(JACK, body)
    for signer in ("mother", "father"):
        await world.answer(JACK, signer, {"analysis": "yes", "help-history": "yes"})
    world.clock.later("P10D")
    world.tokens.clear()
    [newer] = [r for r in world.body(TOM)["recipients"] if r not in body["recipients"]]
    corrected = {**body, "recipients": [*body["recipients"], newer]}
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(world.sender(JACK), "POST", path, corrected)).status_code == 201
    names = {o["oin"]: o["name"] for family in world.families.values() for o in family["organisations"]}

    async def reads(signer: str) -> str:
        async with world.browser() as browser:
            await world.come_in(browser, world.codes[JACK, signer])
            page = await browser.get("/mine")
            links = set(re.findall(r'href="(/mine/[^"]*)"', page.text))
            return "".join([page.text, *[(await browser.get(link)).text for link in sorted(links)]])

    older, new = names[body["recipients"][0]["organisation"]], names[newer["organisation"]]
    mother, former = await reads("mother"), await reads("father")
    assert older in mother
    assert new in mother
    assert older in former, "what they answered themselves stays theirs to read"
    assert new not in former


async def test_a_signers_receipt_holds_only_what_they_said_themselves(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "father", {"status": "yes"})
    fathers = {row.id for row in await rows_of(world, "consent_record")}
    path = await world.answer(TOM, "mother", YES)
    mothers = {row.id for row in await rows_of(world, "consent_record")} - fathers
    async with world.browser() as mother:
        await world.come_in(mother, world.codes[TOM, "mother"])
        document = (await mother.get(f"{path}/file")).text
    async with world.broker.house.storage(writing=False) as work:
        people = await work.handovers.people(world.handovers[TOM])  # type: ignore[arg-type]
    text = document + "".join(_opened(document))
    assert people["mother"] in text
    assert all(record in text for record in mothers)
    assert people["father"] not in text
    assert not any(record in text for record in fathers)
    assert leaks(text, ["Mark", "Mark Visser", "mark@family.example", "+31600000013"]) == []


def _opened(document: str) -> list[str]:
    """Every part of a signed document that is base64url, as text."""
    parts = []
    for part in re.findall(r"[A-Za-z0-9_-]{40,}", document):
        try:
            parts.append(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)).decode())
        except ValueError:
            continue
    return [*parts, *(more for part in parts for more in _opened(part))]


async def test_the_messages_to_one_parent_do_not_depend_on_the_other(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", YES)
    before = await world.messages()
    await world.answer(TOM, "father", {})
    await world.ask(TOM, READER)
    new = (await world.messages())[len(before) :]
    assert {message["to"] for message in new} == {"mark@family.example"}


# shielding


def shielded_body(world: World) -> dict[str, Any]:
    """Tom's handover with a safety plan about Tom that father may not know of."""
    body = world.body(TOM)
    body["sections"] = [section for section in body["sections"] if section["type"] != "parent-health"]
    plan = next(section for section in body["sections"] if section["type"] == "safety-plan")
    plan |= {"concerns": ["tom"], "shieldedFrom": ["father"], "content": "Bij gevaar gaat Tom naar oma in Best."}
    return body


def without_plan(body: dict[str, Any]) -> dict[str, Any]:
    sections = [section for section in body["sections"] if section["type"] != "safety-plan"]
    return {**body, "reference": "without", "sections": sections}


def stripped(page: str) -> str:
    """What a page says, without the secrets of its visit, the moment, and the signed entries of its own receipt."""
    page = re.sub(r'(name="csrf" value|data-csrf)="[^"]*"', "", page)
    page = re.sub(r"/mine/sections/[0-9a-f]{32}/", "", page)
    page = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|\b\d{1,2}[.:]\d{2}\b", "", page)
    return re.sub(
        r'/verify#[^"]*|data:image/[^"]*|\b[0-9A-F]{4}-[0-9A-F]{4}\b|<span class="rd-code">\w+…</span>', "", page
    )


async def walk(world: World, person: str) -> list[str]:
    """Every page of somebody who is asked, says yes to all, and looks back."""
    pages: list[str] = []
    async with world.browser() as browser:
        page = await world.come_in(browser, await world.invite(TOM, person))
        while page.url.path.startswith("/questions/"):
            pages.append(page.text)
            fields = form_of(page.text, page.url.path)
            page = await browser.post(page.url.path, data={**fields, "answer": "yes"})
        pages.append(page.text)
        page = await browser.post("/check", data=form_of(page.text, "/check"))
        pages += [page.text, (await browser.get("/mine")).text]
    return [stripped(page) for page in pages]


async def test_who_is_shielded_sees_the_pages_of_a_handover_without_that_section(world: World) -> None:
    body = shielded_body(world)
    await world.push(TOM, body)
    with_plan = await walk(world, "father")
    mothers = await walk(world, "mother")
    assert not any("eiligheidsplan" in page for page in with_plan), "neither by name nor in the notice"
    assert any("eiligheidsplan" in page for page in mothers)
    # The same man in a family that has no such section: other people, so that nothing was said before.
    body = without_plan(body)
    for person in body["people"]:
        person["reference"] += "-x"
        person["identifiers"] = []
    await world.push(TOM, body)
    assert await walk(world, "father") == with_plan


async def test_who_is_shielded_cannot_ask_for_the_question_by_hand(world: World) -> None:
    await world.push(TOM, shielded_body(world))
    async with world.browser() as father:
        page = await world.come_in(father, await world.invite(TOM, "father"))
        fields = form_of(page.text, "/questions/1")
        for position in ("1", "2", "3"):
            form = {**fields, "section": "safety-plan", "answer": "yes"}
            answer = await father.post(f"/questions/{position}", data=form)
            assert answer.status_code in (404, 409)
            absent = await father.post(f"/questions/{position}", data={**form, "section": "medication"})
            assert told(answer) == told(absent), "like a section that is not there"


async def test_a_shielded_section_is_denied_like_any_other_and_stays_out_of_the_lists(world: World) -> None:
    await world.push(TOM, shielded_body(world))
    before = (await world.ask(TOM, READER)).json()["withheld"]
    for person in FAMILY:
        await walk(world, person)
    answer = (await world.ask(TOM, READER)).json()
    assert [part["type"] for part in answer["released"]] == ["status", "voice-of-the-child"]
    assert answer["withheld"] == [part for part in before if part["type"] == "safety-plan"]
    view = (await world.as_professional(READER, "GET", f"/v1/handovers/{world.handovers[TOM]}")).json()
    assert [section["type"] for section in view["sections"]] == ["status", "voice-of-the-child"]


async def test_what_was_read_of_a_shielded_section_is_not_in_the_shielded_ones_overview(world: World) -> None:
    """Father gets authority only after the shielded plan was released; his own list of readings still leaves it out."""
    body = shielded_body(world)
    body["authorities"] = [authority for authority in body["authorities"] if authority["holder"] == "mother"]
    await world.push(TOM, body)
    for person in ("mother", "tom"):
        await walk(world, person)
    assert await world.gets(TOM, READER) == sorted(YES)
    later = without_plan({**world.body(TOM)})
    later["sections"] = [section for section in later["sections"] if section["type"] == "status"]
    await world.push(TOM, later)
    fathers = (await walk(world, "father"))[-1]
    mothers = (await walk(world, "mother"))[-1]
    assert "Basisschool De Regenboog" in fathers
    assert "Joris Maas" not in fathers + mothers
    assert "eiligheidsplan" in mothers
    assert "eiligheidsplan" not in fathers


# receipts and leaves


async def test_a_recipients_receipt_opens_nothing_but_their_own_role(world: World) -> None:
    await world.push(TOM)
    for person in FAMILY:
        await world.answer(TOM, person, {**YES, **({"safety-plan": "no"} if person == "father" else {})})
    answer = (await world.ask(TOM, READER)).json()
    receipt = answer["receipt"]
    [opened] = {(o["field"], o["value"]) for o in receipt["openings"] if o["field"] == "role"}
    assert opened == ("role", "support-coordinator")
    assert {opening["field"] for opening in receipt["openings"]} == {"professional", "role"}
    professionals = {row.id for row in await rows_of(world, "professional")}
    assert {o["value"] for o in receipt["openings"] if o["field"] == "professional"} <= professionals
    leaf = base64.urlsafe_b64decode(receipt["leaf"] + "==").decode()
    text = leaf + json.dumps(receipt)
    for table in ("person", "handover", "section", "consent_record"):
        for row in await rows_of(world, table):
            assert row.id not in text, table
    assert leaks(text, personal(world)) == []
    assert leaks(leaf, [*YES, "parent-health", "refused", "given", "unanswered"]) == []
    assert set(json.loads(leaf)["facts"]) == {*("release", "outcome", "purpose", "handoverKind", "policy", "client")}
    assert {o["position"] for o in receipt["openings"]} <= {0, 1}


async def test_a_leaf_is_the_same_size_denied_partly_or_permitted(world: World) -> None:
    """One person more or less concerned, one refusal more or less: a leaf's size and its number of digests stay."""
    await world.push(TOM)
    sections = [None, ["status"], ["safety-plan"], ["status", "parent-health"], ["medication"]]
    for _ in range(2):
        for wanted in sections:
            await world.ask(TOM, READER, PURPOSE, wanted)
        await world.everybody_says_yes(TOM)
    await world.answer(TOM, "father", {"status": "yes"})
    for wanted in sections:
        await world.ask(TOM, READER, PURPOSE, wanted)
    leaves = await releases_asked(world)
    assert {leaf["facts"]["outcome"] for leaf in leaves} == {"denied", "partly", "permitted"}
    shapes = {str(shape(leaf)) for leaf in leaves}
    assert len(shapes) == 1
    assert len(leaves[0]["personal"]) == DECOYS_TO
    digests = [commitment["digest"] for leaf in leaves for commitment in leaf["personal"]]
    assert len(digests) == len(set(digests)), "equal values, decoys among them, do not show"


# the family's own words


async def test_a_denial_says_nothing_of_what_a_family_wrote(world: World) -> None:
    """Nothing, one and many reactions, answered or not: the same denial, the same views, the same size of leaf."""
    await world.push(TOM)
    await world.answer(TOM, "mother", YES)
    here = f"/v1/handovers/{world.handovers[TOM]}"

    async def heard() -> list[tuple[int, bytes, list[tuple[str, str]]]]:
        return [
            told(await world.ask(TOM, READER)),
            told(await world.ask(TOM, READER, sections=["status"])),
            told(await world.ask(TOM, READER, sections=["parent-health"])),
            told(await world.ask(TOM, READER, purpose="health-care")),
            told(await world.as_professional(READER, "GET", here)),
            told(await world.as_professional(READER, "GET", "/v1/handovers")),
            told(await world.as_organisation(SCHOOL, "GET", f"{here}/reactions"), but=world.handovers[TOM]),
        ]

    before = await heard()
    request = await write(world, TOM, "mother", "status", "Het was dinsdag.")
    assert await heard() == before
    await write(world, TOM, "mother", "status", "Tom wil rust.", "reaction")
    await write(world, TOM, "father", "parent-health", "Ik ben gestopt.")
    assert await heard() == before
    await answer_it(world, TOM, request)
    assert await heard() == before
    assert len({str(shape(leaf)) for leaf in await releases_asked(world) if leaf["facts"]["purpose"] == PURPOSE}) == 1


async def test_words_about_what_is_withheld_stay_with_it(world: World) -> None:
    await world.push(TOM)
    for person in FAMILY:
        await world.answer(TOM, person, {"status": "yes"})
    before = (await world.ask(TOM, READER)).json()
    await write(world, TOM, "mother", "safety-plan", "Oom Wim woont daar niet meer.")
    await write(world, TOM, "father", "parent-health", "Ik ben gestopt.", "reaction")
    after = (await world.ask(TOM, READER)).json()
    assert (after["released"], after["withheld"]) == (before["released"], before["withheld"])
    await write(world, TOM, "tom", "status", "Het was dinsdag.")
    (released,) = (await world.ask(TOM, READER)).json()["released"]
    assert [r["text"] for r in released["reactions"]] == ["Het was dinsdag."]
    sizes = {str(shape(leaf)) for leaf in await releases_asked(world)}
    assert len(sizes) == 1, "nor does a leaf tell how many words left"


async def test_what_mother_writes_about_a_plan_that_father_may_not_know_of_reaches_him_nowhere(world: World) -> None:
    await world.push(TOM, shielded_body(world))
    await world.answer(TOM, "father", YES)
    async with world.browser() as father:
        await world.come_in(father, world.codes[TOM, "father"])
        before = stripped((await father.get("/mine")).text)
        messages = await world.messages()
        request = await write(world, TOM, "mother", "safety-plan", "Oma woont nu in Son.")
        await answer_it(world, TOM, request)
        page = (await father.get("/mine")).text
        assert stripped(page) == before
        assert {section for section, _ in ways(world, page)} == {"status", "voice-of-the-child"}
        tag = world.broker.house.tags.tag("part", world.handovers[TOM], "safety-plan")[:32]
        for kind in ("reaction", "correction-request"):
            closed = told(await father.get(f"/mine/sections/{tag}/{kind}"), but=tag)
            assert closed == told(await father.get(f"/mine/sections/{'0' * 32}/{kind}"), but="0" * 32)
        closed = told(await father.get(f"/mine/reactions/{request}"), but=request)
        assert closed == told(await father.get(f"/mine/reactions/{NO_SUCH_ID}"), but=NO_SUCH_ID)
    to_father = [m for m in await world.messages() if m not in messages and m["to"] == "mark@family.example"]
    assert to_father == []


async def test_what_the_sender_reads_does_not_depend_on_who_said_yes_or_no(world: World) -> None:
    heard = []
    for says, fresh in ((YES, "-1"), ({}, "-2")):
        body = world.body(TOM)
        body["reference"] += fresh
        for person in body["people"]:
            person["reference"] += fresh
            person["identifiers"] = []
        world.codes.clear()
        await world.push(TOM, body)
        for person in ("mother", "father"):
            await world.answer(TOM, person, says)
        await write(world, TOM, "mother", "status", "Het was dinsdag.")
        items = (await read(world, TOM)).json()["items"]
        heard.append([{k: v for k, v in item.items() if k not in ("id", "at")} for item in items])
    assert heard[0] == heard[1]


# the sender


async def test_the_senders_view_shows_who_answered_and_never_what(world: World) -> None:
    """While something is still open for other reasons, a yes and a no look the same to the sender."""
    await world.push(TOM)
    here = f"/v1/handovers/{world.handovers[TOM]}"

    async def views() -> list[tuple[int, bytes, list[tuple[str, str]]]]:
        return [
            told(await world.as_organisation(SENDER, "GET", here)),
            told(await world.as_organisation(SENDER, "GET", "/v1/handovers?box=sent")),
            told(await world.as_organisation(SENDER, "POST", "/v1/handovers", world.body(TOM))),
        ]

    nobody = await views()
    seen = []
    for says in ({}, YES, {"status": "yes"}):
        await world.answer(TOM, "mother", says)
        seen.append(await views())
    await world.withdraw(TOM, "mother", ["status"])
    seen.append(await views())
    assert seen[0] == seen[1] == seen[2] == seen[3]
    assert seen[0] != nobody
    view = json.loads(seen[0][0][1])
    assert {s["person"]: s["answered"] for s in view["signers"]} == {"father": False, "mother": True, "tom": False}
    assert {frozenset(s) for s in view["signers"]} == {
        frozenset({"person", "answered", "state", "support", "canBeReached"})
    }
    assert leaks(seen[0][0][1], personal(world)) == [], "names come back to nobody, not even who sent them"


async def test_a_recipient_sees_no_signers_and_nothing_that_is_closed(world: World) -> None:
    await world.push(TOM)
    for person in FAMILY:
        await world.answer(TOM, person, {"status": "yes"})
    for call, who in ((world.as_professional, READER), (world.as_organisation, SCHOOL)):
        view = (await call(who, "GET", f"/v1/handovers/{world.handovers[TOM]}")).json()
        assert "signers" not in view
        assert view["sections"] == [{"type": "status", "open": True}]
        listed = (await call(who, "GET", "/v1/handovers")).json()["items"]
        assert listed == [view]


async def test_pages_of_a_list_give_away_no_handover_that_is_closed(world: World) -> None:
    """With more addressed handovers than fit on a page, and one that is open behind them."""
    body = world.body("sander-to-team")
    await world.push("sander-to-team", body)
    await world.everybody_says_yes("sander-to-team")
    opened, hidden = world.handovers["sander-to-team"], set()
    for number in range(30):
        other = {**body, "reference": f"R{number}", "purpose": "follow-up"}
        await world.push("sander-to-team", other)
        hidden.add(world.handovers["sander-to-team"])
    seen, text, after = [], "", ""
    for _ in range(5):
        page = await world.as_professional("pt-anneke", "GET", f"/v1/handovers?after={after}")
        text += page.text
        seen += [item["id"] for item in page.json()["items"]]
        after = page.json().get("next", "")
        if not after:
            break
    assert seen == [opened]
    assert not any(other in text for other in hidden)
    assert '"next"' not in text, "not even that there is more"


async def test_the_pages_of_a_list_hold_each_open_handover_once(world: World) -> None:
    body = world.body("sander-to-team")
    pushed = []
    for number in range(27):
        purpose = "follow-up" if number % 9 == 0 else "coordination"
        await world.push("sander-to-team", {**body, "reference": f"R{number}", "purpose": purpose})
        if purpose == "coordination":
            pushed.append(world.handovers["sander-to-team"])
    await world.everybody_says_yes("sander-to-team")  # one answer covers the later and earlier ones of the same scope
    list_of = world.broker.boxes.received
    worker = Professional(ProfessionalId("somebody"), Oin("00000099000000010000"), "family-worker")
    first, after = await list_of(worker.organisation, worker, "", 10)
    second, after = await list_of(worker.organisation, worker, after, 10)
    third, end = await list_of(worker.organisation, worker, after, 10)
    assert [len(first), len(second), len(third), end] == [10, 10, 4, ""]
    assert [view.handover.id for view in (*first, *second, *third)] == pushed[::-1]


async def test_a_search_that_finds_what_is_closed_finds_nothing(world: World) -> None:
    known = {"identifier": {"system": "bsn", "value": "999990019"}}
    unknown = {"identifier": {"system": "bsn", "value": "123456782"}}
    await world.push(TOM)
    nothing = told(await world.as_professional(READER, "POST", "/v1/subjects/_search", unknown))
    for says in (None, {}, YES):
        if says is not None:
            await world.answer(TOM, "mother", says)
        assert told(await world.as_professional(READER, "POST", "/v1/subjects/_search", known)) == nothing
    await settled(world)
    rows = [json.loads(row.leaf) for row in await rows_of(world, "log_entry") if row.type == "subject:searched"]
    assert {tuple(row["facts"]) for row in rows} == {("client",)}, (
        "by which key they came, and nothing of what was found"
    )
    assert NO_SUCH_ID not in json.dumps(rows)


async def _stop_forms(browser: httpx.AsyncClient) -> list[dict[str, str]]:
    return [fields for address, fields, _ in forms_of((await browser.get("/mine")).text) if address == "/mine/stop"]


async def test_a_parent_cannot_stop_what_only_the_other_said_yes_to(world: World) -> None:
    await world.push(TOM)
    await world.answer(TOM, "mother", {})
    async with world.browser() as mother:
        await world.come_in(mother, world.codes[TOM, "mother"])
        before = told(await mother.post("/mine/stop", data={**(await _stop_forms(mother))[0], "section": "status"}))
        await world.answer(TOM, "father", YES)
        after = told(await mother.post("/mine/stop", data={**(await _stop_forms(mother))[0], "section": "status"}))
    assert before == after, "refused in the same words, whatever the other said"
    assert before[0] == 409
