"""Both families: one must be helped within a day, the other is asked for a long time how things go; API, pages, console."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.acting import press
from tests.e2e.test_every_page import opened_street, phone
from tests.promises.attacks import READER, TOM
from tests.support.officers import let_in, signed_in
from tests.support.street import Street

FOSTER, FATIMA = "start-of-foster-care", "wt-fatima"
CODE = re.compile(r"\b[A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}\b")
ON_CALL = "+31600000900"


@pytest.fixture
def opened(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    with opened_street(tmp_path, sqlite_template, world_keys) as street:
        yield street


def codes(street: Street, kind: str) -> dict[str, str]:
    """The newest code at each contact."""
    messages = street.do(street.world.messages(kind))
    return {one["to"]: CODE.findall(one["text"])[-1] for one in messages}


def come_in(page: Page, street: Street, code: str) -> None:
    page.goto(street.url)
    page.fill("#code", code)
    press(page, "main .rd-wide")
    press(page, "button[name=contact]")
    page.fill("#code", street.do(street.world.one_time_code()))
    press(page, "main .rd-wide")


def say_yes(page: Page) -> None:
    while "/questions/" in page.url:
        press(page, "button[value=yes]")
    press(page, ".rd-answer .rd-wide")
    assert "/receipt/" in page.url


def sign_out(page: Page) -> None:
    press(page, "footer button")


def lane(street: Street) -> dict[str, Any]:
    world = street.world
    path = f"/v1/handovers/{world.handovers[TOM]}"
    found: dict[str, Any] = street.do(world.as_organisation(world.sender(TOM), "GET", path)).json()["urgency"]
    return found


def shown_to_officer(page: Page, street: Street) -> Page:
    async def token() -> str:
        return (await signed_in(street.world.broker, await let_in(street.world.broker)))[0]

    page.context.add_cookies([{"name": "rondom-console", "value": street.do(token()), "url": street.url}])
    page.goto(f"{street.url}/console/urgent")
    return page


def test_a_family_that_must_be_helped_within_a_day(opened: Street, browser: Browser) -> None:
    world = opened.world
    opened.do(world.broker.partners.call_after_hours(world.sender(TOM), ON_CALL, None))
    opened.do(world.push(TOM, world.body(TOM) | {"urgency": "PT24H"}))
    sent = codes(opened, "invitation")
    assert set(sent) == {"+31600000013", "+31600000011", "linh@family.example", "mark@family.example"}
    with phone(browser, "nl") as page:
        for contact in ("+31600000011", "+31600000013"):
            come_in(page, opened, sent[contact])
            say_yes(page)
            sign_out(page)
        refused = opened.do(world.ask(TOM, READER[TOM]))
        assert refused.status_code == 403
        assert ON_CALL in refused.text
        world.clock.moved += timedelta(hours=19)
        assert opened.do(world.broker.urgent.escalate()) == 1
        assert [one["to"] for one in opened.do(world.messages("urgent-escalation"))] == [ON_CALL]
        assert lane(opened)["escalated"] == "near"
        expect(shown_to_officer(page, opened).locator("main tbody")).to_contain_text("Wacht op antwoorden")
        come_in(page, opened, sent["mark@family.example"])
        say_yes(page)
        release = opened.do(world.ask(TOM, READER[TOM]))
        assert release.status_code == 200
        path = f"/v1/releases/{release.json()['id']}/acknowledgement"
        opened.do(world.as_professional(READER[TOM], "POST", path, {"state": "taken-over"}))
        assert (lane(opened)["state"], lane(opened)["late"]) == ("done", False)
        expect(shown_to_officer(page, opened).locator("main tbody")).to_contain_text("Ontvangen")
    world.clock.moved += timedelta(hours=19)
    assert opened.do(world.broker.urgent.escalate()) == 0


def test_a_family_that_is_asked_how_things_go(opened: Street, browser: Browser) -> None:
    world = opened.world
    body = world.body(FOSTER) | {"purpose": "follow-up", "kind": "end-of-support"}
    opened.do(world.push(FOSTER, body))
    path = f"/v1/handovers/{world.handovers[FOSTER]}/long-watch"

    def watched(method: str = "GET", wanted: Any = None) -> dict[str, Any]:
        answer = opened.do(world.as_organisation(world.sender(FOSTER), method, path, wanted))
        assert answer.status_code == 200, answer.text
        [one] = answer.json()["people"]
        return dict(one)

    def reads() -> int:
        wanted = {"handover": watched()["handover"], "purpose": "follow-up"}
        return int(opened.do(world.as_professional(FATIMA, "POST", "/v1/releases", wanted)).status_code)

    def asked() -> str:
        world.clock.later("P1M")
        world.clock.moved += timedelta(days=1)
        opened.do(world.broker.long_watches.ask_due())
        return codes(opened, "check-in")["moeder@family.example"]

    assert watched("PUT", {"every": "P1M", "people": ["mother"]})["state"] == "waiting"
    with phone(browser, "nl") as page:
        come_in(page, opened, asked())
        expect(page).to_have_url(re.compile("/check-in$"))
        page.check("#how-well")
        press(page, "form[action='/check-in'] .rd-wide")
        assert reads() == 403
        say_yes(page)
        assert reads() == 200
        sign_out(page)
        come_in(page, opened, asked())
        assert reads() == 403, "a new question: what was said before opens nothing of it"
        press(page, "form[action='/check-in/stop'] button")
        expect(page).to_have_url(re.compile("/check-in/stopped$"))
    assert watched()["state"] == "stopped"
    before = len(opened.do(world.messages("check-in")))
    asked()
    assert len(opened.do(world.messages("check-in"))) == before
