"""Through every page of a family on a real broker, as one mother meets them: what is pressed, and what each page is called.

It says where it is by yielding a name; who walks along looks at the page, and then it goes on. It needs no script.
"""

import re
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from fastapi.routing import iter_route_contexts
from playwright.sync_api import Page

from broker.domain.reachability import Reachability
from broker.errors import Conflict, Unavailable
from broker.services.questionnaires import QUESTION_CHANGED
from tests.e2e.acting import press
from tests.support.asking import asked, follow_up
from tests.support.street import Street
from tests.support.world import World
from tests.support.writing import answer

HANDOVER = "start-of-foster-care"
SOMEBODY = "Maria-Magdalena-Wilhelmina-Frederika-Antonia van Chayenne"
FILES = {"/receipt/{receipt_id}/file", "/receipt/{receipt_id}/fhir"}
"""What is answered with a file and never with a page. `/mine/proof` is one or the other."""
AWAY = "/exit"
"""Leads to somebody else's page before anybody reads it; `test_way_in_and_out` goes there."""
PLAN = "Opa haalt haar op woensdag op.\nTante kookt op donderdag, na het Kindervaccinatieprogrammabureau. "
LANGUAGE_OF: dict[str, str] = {}
"""In which language each family was pushed, by the id of its handover."""
TEAM = "00000099000000130000"
TOGETHER = "Chayenne slaapt slecht sinds de verhuizing. Wij denken samen dat zij oma mist."
WORDS = "Er staat dinsdag.\nHet was woensdag, op het Kindervaccinatieprogrammabureau."


def pages_of_families(street: Street) -> set[str]:
    """Every address, as the router has it, at which a family finds a page."""
    return {
        str(context.path)
        for context in iter_route_contexts(street.world.app.routes)
        if "GET" in (context.methods or ())
        and not re.match(
            r"/(v1|console|docs|static|audio|oauth|\.well-known|livez|readyz|metrics)\b", str(context.path)
        )
        and context.path not in {*FILES, AWAY}
    }


def route_of(street: Street, address: str) -> str:
    """The router's own writing of an address."""
    path = address.removeprefix(street.url).partition("#")[0].partition("?")[0]
    found = [
        route
        for route in pages_of_families(street)
        if re.fullmatch(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(route)), path)
    ]
    return min(found, key=lambda route: route.count("{"), default=path)


def a_family(street: Street, language: str) -> tuple[str, str]:
    """A family of its own that speaks this language, with a long name and two ways to be reached.

    Returns the codes of the daughter, who is fifteen, and of the mother.
    """

    async def push() -> tuple[str, str]:
        world = street.world
        body = _own(world.body(HANDOVER), language)
        LANGUAGE_OF[await world.push(HANDOVER, body)] = language
        await world.answer(HANDOVER, "grandfather", {section["type"]: "yes" for section in body["sections"]})
        return await world.invite(HANDOVER, "chayenne"), await world.invite(HANDOVER, "mother")

    return street.do(push())


def _own(body: dict[str, Any], language: str) -> dict[str, Any]:
    """The same with references and numbers that no other family of this broker has."""
    place = 100 + int.from_bytes(language[:2].encode()) % 899
    for person in body["people"]:
        person["reference"] += f"-{language}"
        person.pop("identifiers", None)
        person["language"] = "nl" if language == "no-script" else language
        for contact in person["contacts"]:
            contact["value"] = contact["value"].replace("+316000", f"+316{place}").replace("@", f"-{language}@")
        if person["key"] == "mother":
            person["name"] = SOMEBODY
            person["contacts"].append({"channel": "sms", "value": f"+316{place}00177"})
    if not any(person["key"] == "chayenne" for person in body["people"]):
        return {**body, "reference": f"{body['reference']}-{language}"}
    together = {"type": "analysis", "concerns": ["chayenne"], "mediaType": "text/plain", "content": TOGETHER}
    return {**body, "reference": f"{body['reference']}-{language}", "sections": [*body["sections"], together]}


def walk(page: Page, street: Street, language: str) -> Iterator[str]:
    """All of it. The page has been opened, and is in this language."""
    young, code = a_family(street, language)
    yield from _as_young(page, street, young)
    yield from _come_in(page, street, code)
    yield from _answer(page, street)
    yield from _look_back(page, street)
    yield from _plan(page, street)
    yield from _agree(page, street)
    yield from _write(page, street)
    yield from _stop(page, street)
    yield from _what_fails(page, street)
    press(page, "footer button")
    yield "signed-out"
    page.goto(street.url)
    page.fill("#code", code)
    press(page, "main .rd-wide")
    yield "contact-again"
    yield from _say_how(page, street, language)
    page.goto(f"{street.url}/verify")
    yield "verify"
    yield from _who_takes_part(page, street)


def _say_how(page: Page, street: Street, language: str) -> Iterator[str]:
    page.goto(street.url)
    page.fill("#code", street.do(_asked_how(street.world, language)))
    press(page, "main .rd-wide")
    press(page, "button[name=contact]")
    page.fill("#code", street.do(street.world.one_time_code()))
    press(page, "main .rd-wide")
    yield "check-in"
    press(page, "form[action='/check-in'] .rd-wide")
    yield "check-in-missing"
    page.check("#how-so-so")
    page.fill("#text", WORDS)
    press(page, "form[action='/check-in'] .rd-wide")
    press(page, "button[value=yes]")
    yield "check-with-how"
    page.goto(f"{street.url}/check-in")
    press(page, "form[action='/check-in/stop'] button")
    yield "check-in-stopped"


async def _asked_how(world: World, language: str) -> str:
    """The code of somebody of a family of its own, who is asked a month from now."""
    before = world.clock.moved
    try:
        return await asked(world, _own(follow_up(world), language))
    finally:
        world.clock.moved = before


def _as_young(page: Page, street: Street, code: str) -> Iterator[str]:
    page.goto(street.url)
    page.fill("#code", code)
    press(page, "main .rd-wide")
    press(page, "button[name=contact]")
    page.fill("#code", street.do(street.world.one_time_code()))
    press(page, "main .rd-wide")
    yield "question-young"
    press(page, "form[action$='/text'] button")
    yield "own-text-before"
    press(page, "main a.rd-wide")
    while "/questions/" in page.url:
        press(page, "button[value=yes]")
    press(page, ".rd-answer .rd-wide")
    page.goto(f"{street.url}/mine")
    yield "mine-young"
    press(page, "form[action^='/mine/texts/'] button")
    yield "own-text"
    page.goto(f"{street.url}/mine")
    press(page, "form[action='/mine/lifeline'] button")
    yield "line-of-time"
    press(page, "form[action='/mine/lifeline/correction'] button")
    yield "line-of-time-not-right"
    press(page, "footer button")


def _come_in(page: Page, street: Street, code: str) -> Iterator[str]:
    page.goto(street.url)
    yield "code"
    page.fill("#code", "AAAA-AAAA-AAAA")
    press(page, "main .rd-wide")
    yield "code-wrong"
    clock = street.world.clock
    before = clock.moved
    clock.later("P1Y")
    page.fill("#code", code)
    press(page, "main .rd-wide")
    clock.moved = before
    yield "code-too-old"
    page.fill("#code", code)
    press(page, "main .rd-wide")
    yield "contact"
    press(page, "button[name=contact]")
    yield "one-time-code"
    page.fill("#code", "000000")
    press(page, "main .rd-wide")
    yield "one-time-code-wrong"
    page.fill("#code", street.do(street.world.one_time_code()))
    press(page, "main .rd-wide")


def _answer(page: Page, street: Street) -> Iterator[str]:
    yield "question"
    press(page, "button[value=each]")
    yield "recipients"
    page.check("#recipient-2-no")
    press(page, "main .rd-wide")
    yield "recipients-missing"
    for choice in ("#recipient-1-yes", "#recipient-3-yes"):
        page.check(choice)
    press(page, "main .rd-wide")
    while "/questions/" in page.url:
        press(page, "button[value=yes]")
    page.goto(f"{street.url}/questions/2")
    yield "question-again"
    page.goto(f"{street.url}/check")
    yield "check"
    page.locator("main summary:visible").last.click()
    yield "check-open"
    press(page, ".rd-answer .rd-wide")
    yield "receipt"
    page.goto(f"{street.url}/check")
    yield "answered-already"


def _look_back(page: Page, street: Street) -> Iterator[str]:
    page.goto(f"{street.url}/mine")
    yield "mine"
    street.do(street.world.ask(HANDOVER, "hoop-eva"))
    page.goto(f"{street.url}/mine")
    yield "mine-read"
    press(page, "form[action='/mine/report'] button")
    yield "report"
    with patch.object(street.world.broker.consents, "proof", _nothing_yet):
        page.goto(f"{street.url}/mine/proof")
    yield "proof-waits"


async def _nothing_yet(token: str) -> None:
    return None


def _plan(page: Page, street: Street) -> Iterator[str]:
    page.goto(f"{street.url}/mine/plan")
    yield "plan"
    page.fill("#text", PLAN * 60)
    press(page, "main .rd-wide")
    yield "plan-wrong"
    page.fill("#text", PLAN)
    for choice in ("#person-1", "#reader-1", "#until-1"):
        page.check(choice)
    press(page, "main .rd-wide")
    page.locator("main summary:visible").last.click()
    yield "plan-check"
    changed = Conflict(QUESTION_CHANGED, code="question-changed")
    with patch.object(street.world.broker.consents, "keep_plan", side_effect=changed):
        press(page, ".rd-answer .rd-wide")
    yield "plan-question-changed"
    press(page, "main .rd-wide")
    press(page, ".rd-answer .rd-wide")
    yield "plan-receipt"
    page.goto(f"{street.url}/mine")
    yield "mine-plan"
    press(page, "form[action$='/text'][action^='/mine/plans/'] button")
    yield "plan-text"
    page.fill("#text", PLAN * 60)
    press(page, "main .rd-wide")
    yield "plan-text-wrong"
    page.fill("#text", f"{PLAN} En oma ook.")
    press(page, "main .rd-wide")
    press(page, "form[action$='/stop'][action^='/mine/plans/'] button")
    yield "plan-stop"
    press(page, "button[name=sure]")
    yield "mine-plan-stopped"


def _agree(page: Page, street: Street) -> Iterator[str]:
    """Of a text that was written together: agreeing, seeing it differently, and a new version under one's eyes."""
    page.goto(f"{street.url}/mine")
    press(page, "main a[href^='/mine/sign-offs/']")
    yield "to-agree"
    press(page, "button[name=said][value=agree]")
    yield "agreed"
    press(page, "button[name=said][value=differently]")
    yield "differently"
    page.fill("#text", WORDS * 40)
    press(page, "main .rd-wide")
    yield "differently-wrong"
    page.fill("#text", WORDS)
    press(page, "main .rd-wide")
    yield "seen-differently"
    street.do(_corrected(street))
    press(page, "button[name=said][value=agree]")
    yield "another-version"
    page.goto(f"{street.url}/mine")
    yield "mine-agreeing"


async def _corrected(street: Street) -> None:
    world = street.world
    path = f"/v1/handovers/{world.handovers[HANDOVER]}"
    oin = world.sender(HANDOVER)
    language = LANGUAGE_OF[world.handovers[HANDOVER]]
    body = {**_own(world.body(HANDOVER), language), "consentUntil": "P4M"}
    response = await world.as_organisation(oin, "POST", f"{path}/versions", body)
    assert response.status_code == 201, response.text


def _who_takes_part(page: Page, street: Street) -> Iterator[str]:
    street.do(_reachable(street))
    page.goto(street.url)
    press(page, "main a[href='/partners']")
    yield "partners"
    page.locator("main summary").first.click()
    press(page, "main a[href^='/partners/']")
    yield "partner-kind"


async def _reachable(street: Street) -> None:
    known = Reachability("https://wijkteam.example", "+31881234567", "ma-vr 9:00-17:00", "+31881234568")
    await street.world.broker.partners.reach(TEAM, lambda _: known)


def _write(page: Page, street: Street) -> Iterator[str]:
    page.goto(f"{street.url}/mine")
    press(page, "a[href$='/reaction']")
    yield "own-words"
    page.fill("#text", WORDS * 40)
    press(page, "main .rd-wide")
    yield "own-words-wrong"
    page.fill("#text", WORDS)
    press(page, "main .rd-wide")
    yield "own-words-kept"
    page.goto(f"{street.url}/mine")
    press(page, "a[href$='/correction-request']")
    page.fill("#text", WORDS)
    press(page, "main .rd-wide")
    yield "asked-to-change"
    request = page.url.rpartition("/")[2]
    street.do(answer(street.world, HANDOVER, request, "not-corrected", "Wij keken het na. Het was dinsdag."))
    page.reload()
    yield "asked-to-change-answered"
    page.goto(f"{street.url}/mine")
    press(page, "a[href$='/erasure-request']")
    yield "ask-to-erase"
    press(page, "main .rd-wide")
    yield "asked-to-erase"
    page.goto(f"{street.url}/mine")
    yield "mine-written"


def _stop(page: Page, street: Street) -> Iterator[str]:
    press(page, "a[href$='/recipients']")
    yield "stop-for-one"
    page.locator("main summary:visible").last.click()
    yield "stop-for-one-open"
    page.goto(f"{street.url}/mine")
    press(page, "button[name=messages][value=no]")
    yield "mine-without-messages"
    press(page, "button[name=section]")
    yield "stopped"
    page.goto(f"{street.url}/mine")
    yield "mine-stopped"


def _what_fails(page: Page, street: Street) -> Iterator[str]:
    page.goto(f"{street.url}/receipt/none")
    yield "not-there"
    for name, error in (("does-not-work", Unavailable()), ("went-wrong", RuntimeError("a fault of ours"))):
        with patch.object(street.world.broker.consents, "mine", side_effect=error):
            page.goto(f"{street.url}/mine")
        yield name
    page.goto(f"{street.url}/mine")
