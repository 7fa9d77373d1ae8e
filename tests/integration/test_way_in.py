"""The way in and a receipt to take along, over HTTP: what is told of a code that does not work, and what leaves the house."""

import re
from datetime import timedelta
from typing import Any

import httpx

from broker.cli.visitor import form_of, forms_of
from broker.crypto.signatures import ed25519_holds
from broker.services.doorway import _one_time_text
from broker.transparency.pocket import unpacked, verify_pocket
from broker.web.kit.phrases import Phrases
from broker.web.kit.site import Site
from tests.promises.test_p05_opening_changes_nothing import has_sent, other
from tests.support.surface import NO_SUCH_ID, changed, dump, leaks, personal, rows_of
from tests.support.world import URL, World

TOM = "tom-to-school"
YES = {"status": "yes", "voice-of-the-child": "no", "safety-plan": "yes"}
SHEET = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def typed(world: World, code: str, language: str = "nl") -> httpx.Response:
    async with world.browser(language) as browser:
        return await browser.post("/code", data={"code": code})


async def sheet(world: World, person: str, *, delivery: str = "paper", accept: str = SHEET["Accept"]) -> httpx.Response:
    sender = world.sender(TOM)
    headers = {"Authorization": f"Bearer {await world.token(sender)}", "Accept": accept}
    body = {"person": person, "delivery": delivery}
    return await world.http.post(f"/v1/handovers/{world.handovers[TOM]}/invitations", headers=headers, json=body)


# the sheet


async def test_a_worker_gets_the_sheet_from_the_same_call(world: World) -> None:
    await world.push(TOM)
    answer = await sheet(world, "mother")
    assert answer.status_code == 201
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    [code] = set(re.findall(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", answer.text))
    partners = [o["name"] for family in world.families.values() for o in family["organisations"]]
    assert leaks(answer.text, [*personal(world), *partners, world.handovers[TOM], *world.keys]) == []
    assert (await typed(world, code)).url.path == "/contact", "the code on it works"


async def test_json_stays_json_and_a_sheet_is_for_paper(world: World) -> None:
    await world.push(TOM)
    for accept in ("*/*", "application/json", "application/json, text/html;q=0.5", "text/plain", "text/html;q=x", ""):
        answer = await sheet(world, "mother", accept=accept)
        assert answer.status_code == 201
        assert set(answer.json()) == {"id", "code", "link", "qr", "answerUntil"}, accept
    before = await dump(world)
    refused = await sheet(world, "mother", delivery="message")
    assert refused.status_code == 400
    assert refused.headers["content-type"] == "application/problem+json"
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/delivery"]
    assert changed(before, await dump(world)) == set(), "no invitation, and no message"


# codes that do not work


async def test_each_code_that_opens_nothing_says_why_and_what_to_do(world: World) -> None:
    await world.push(TOM)
    unknown = await typed(world, "AAAA-BBBB-2222")
    assert (unknown.status_code, "kennen wij niet" in unknown.text, "Bel degene" in unknown.text) == (404, True, True)
    code, used, late = [await world.invite(TOM, person) for person in ("tom", "mother", "father")]
    await world.answer(TOM, "mother", YES, used)
    again = await typed(world, used)
    assert again.url.path == "/contact"
    assert "Je hebt met deze code al antwoord gegeven" in again.text
    world.clock.moved += timedelta(days=30)
    old = await typed(world, late)
    assert (old.status_code, "te oud" in old.text, "Vraag een nieuwe" in old.text) == (409, True, True)
    world.clock.moved -= timedelta(days=30)
    await world.as_organisation(world.sender(TOM), "DELETE", f"/v1/handovers/{world.handovers[TOM]}")
    withdrawn = await typed(world, code)
    assert withdrawn.status_code == 404, "an invitation that was taken back leaves nothing behind"
    assert "misschien ingetrokken" in withdrawn.text
    assert (await typed(world, used)).url.path == "/contact", "looking and stopping goes on"
    for page in (unknown, again, old, withdrawn):
        assert leaks(page.text, personal(world)) == [], "nobody's name before the one-time code"


async def test_a_handover_that_ended_by_itself_asks_nothing_any_more(world: World) -> None:
    body = world.body(TOM)
    body["consentUntil"] = body["retainUntil"] = (world.clock() + timedelta(days=7)).date().isoformat()
    await world.push(TOM, body)
    code = await world.invite(TOM, "tom")
    world.clock.moved += timedelta(days=9)
    page = await typed(world, code)
    assert page.status_code in (404, 409)
    assert "niet meer nodig" in page.text or "misschien ingetrokken" in page.text


async def test_a_one_time_code_says_whether_it_is_wrong_old_or_tried_too_often(world: World) -> None:
    world.clock.moved += timedelta(seconds=3600 - world.clock().timestamp() % 3600)  # tries are counted by the hour
    await world.push(TOM)
    async with world.browser() as browser:
        form = await has_sent(world, browser, await world.invite(TOM, "tom"))
        right = await world.one_time_code()
        wrong = await browser.post("/one-time-code", data={**form, "code": other(right)})
        assert (wrong.status_code, "Deze code klopt niet. Kijk in het laatste bericht" in wrong.text) == (403, True)
        world.clock.moved += timedelta(minutes=10)
        for code in (right, other(right)):
            old = await browser.post("/one-time-code", data={**form, "code": code})
            assert (old.status_code, "hij werkte tien minuten" in old.text) == (403, True), "old says nothing of right"
        for _ in range(3):
            often = await browser.post("/one-time-code", data={**form, "code": right})
        assert (often.status_code, "vijf keer een verkeerde code" in often.text) == (429, True)
        page = await browser.get("/one-time-code")
        again, buttons = next((f, b) for a, f, b in forms_of(page.text) if a == "/contact")
        statuses = [await browser.post("/contact", data={**again, "contact": buttons[0][1]}) for _ in range(5)]
        assert "Wij stuurden al vijf codes" in statuses[-1].text
        assert statuses[-1].status_code == 429


async def test_who_tries_many_codes_hears_how_long_to_wait(world: World) -> None:
    async with world.browser() as browser:
        for number in range(61):
            page = await browser.post("/code", data={"code": f"AAAA-BBBB-{number:04d}"})
    assert (page.status_code, "Wacht tien minuten" in page.text) == (429, True)


async def test_a_name_is_shown_after_the_one_time_code_and_not_before(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "mother")
    name = next(person["name"] for person in world.body(TOM)["people"] if person["key"] == "mother")
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        assert "Is deze code niet voor jou?" in page.text
        assert leaks(page.text, personal(world)) == []
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        assert f"Dit is voor {name}. Ben jij dat niet?" in page.text
        assert "Ben jij dat niet?" not in (await browser.get("/questions/2")).text


def test_the_message_binds_the_code_to_our_host_alone() -> None:
    """WICG origin-bound one-time codes: the last line is `@host #code`, the host without scheme, port or path."""
    for address, host in (("https://rondom.example", "rondom.example"), ("http://localhost:8080", "localhost")):
        for language in Site(address).languages:
            text = _one_time_text(Phrases(), language, "012345", address, "sms")
            *told, empty, last = text.split("\n")
            assert last == f"@{host} #012345"
            assert empty == ""
            assert told
            assert re.fullmatch(r"@[a-z0-9.-]+ #[0-9]{6}", last)
            assert "@" not in _one_time_text(Phrases(), language, "012345", address, "email")


# a receipt to take along


async def answered(world: World, browser: httpx.AsyncClient, person: str) -> str:
    """Come in with a code that was used to answer; returns the address of the receipt."""
    receipt = await world.answer(TOM, person, YES)
    await world.come_in(browser, world.codes[TOM, person])
    return receipt


async def test_the_squares_hold_what_the_broker_signed_and_nobody(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser:
        page = (await browser.get(await answered(world, browser, "mother"))).text
    pockets = list(re.findall(r'href="/verify#([^"]*)"', page))
    trusted = world.broker.ledger.trusted
    entries = [receipt for pocket in pockets for receipt in unpacked(pocket)]
    records = list(await rows_of(world, "consent_record"))
    assert len(entries) == len(records) >= 2
    secrets = [*personal(world), *(row.id for row in records), *(row.signer for row in records)]
    for pocket in pockets:
        assert verify_pocket(pocket, trusted, ed25519_holds).ok
        assert leaks(str([_opened(one) for one in unpacked(pocket)]), secrets) == []
    number = re.search(r">([0-9A-F]{4}-[0-9A-F]{4})</bdi>", page)
    assert number is not None


def _opened(receipt: dict[str, Any]) -> bytes:
    from broker.transparency.canonical import from_base64url

    return from_base64url(receipt["leaf"])


async def test_word_of_a_receipt_names_nobody_and_goes_to_ones_own_contact_alone(world: World) -> None:
    await world.push(TOM)
    async with world.browser() as browser, world.browser() as stranger:
        receipt = await answered(world, browser, "mother")
        theirs = await answered(world, stranger, "father")
        page = await browser.get(receipt)
        form = form_of(page.text, f"{receipt}/send")
        mine = [b[1] for a, _, bs in forms_of(page.text) if a == f"{receipt}/send" for b in bs]
        others = [b[1] for a, _, bs in forms_of((await stranger.get(theirs)).text) if a == f"{theirs}/send" for b in bs]
        before = await dump(world)
        for address, contact in (
            (receipt, others[0]),
            (receipt, ""),
            (theirs, mine[0]),
            (f"/receipt/{NO_SUCH_ID}", mine[0]),
        ):
            refused = await browser.post(f"{address}/send", data={**form, "contact": contact})
            assert refused.status_code in (404, 429), (address, contact)
        assert changed(before, await dump(world)) == {"guard_count"}
        done = await browser.post(f"{receipt}/send", data={**form, "contact": mine[0]})
        assert "Gestuurd naar" in done.text
        often = await browser.post(f"{receipt}/send", data={**form, "contact": mine[0]})
        assert (often.status_code, "al vijf keer" in often.text) == (429, True)
    [message] = await world.messages("receipt")
    known = next(person for person in world.body(TOM)["people"] if person["key"] == "mother")
    assert message["to"] in {contact["value"] for contact in known["contacts"]}
    partners = [o["name"] for family in world.families.values() for o in family["organisations"]]
    vocabulary = world.broker.house.agreement().vocabulary
    labels = [label for term in vocabulary.section_types.values() for label in (term.label.nl, term.label.en)]
    codes = [*world.codes.values(), *world.handovers.values(), receipt.removeprefix("/receipt/")]
    assert leaks(message["text"], [*personal(world), *partners, *labels, *codes]) == []
    number = re.search(r">([0-9A-F]{4}-[0-9A-F]{4})</bdi>", page.text)
    assert number is not None
    assert number[1] in message["text"]
    assert URL in message["text"]
    assert "/verify" not in message["text"], "the proof says with which organisation"
