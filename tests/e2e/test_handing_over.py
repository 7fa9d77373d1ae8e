"""Handing over as teamwork, for both families: the API for those who work, a real Chromium for those it is about.

Complete or not before and after; what is withheld is said without what is in it; a successor reads on, nobody elsewhere does.
"""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from broker.domain.arrivals import REMIND_AFTER
from tests.e2e.acting import PHONE, choose_language, opened, press
from tests.e2e.test_every_page import opened_street
from tests.support.street import Street
from tests.support.world import World

REFERRAL, TO_GP, FOSTER = "sander-to-team", "jack-to-gp", "start-of-foster-care"
UNREAD = "nl.rondom.handover-unread.v1"


@pytest.fixture
def town(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    with opened_street(tmp_path / "street", sqlite_template, world_keys) as found:
        yield found


@pytest.fixture(autouse=True)
def _street_folder(tmp_path: Path) -> None:
    (tmp_path / "street").mkdir()


def answered(browser: Browser, town: Street, name: str, person: str, no: frozenset[str] = frozenset()) -> None:
    """Somebody answers on a phone: no to these section types, and yes to all others."""
    code = town.do(town.world.invite(name, person))
    with opened(browser, "nl", PHONE) as page:
        choose_language(page, town.url, "nl")
        page.goto(town.url)
        page.fill("#code", code)
        press(page, "main .rd-wide")
        press(page, "button[name=contact]")
        page.fill("#code", town.do(town.world.one_time_code()))
        press(page, "main .rd-wide")
        while "/questions/" in page.url:
            section = page.locator("input[name=section]").get_attribute("value")
            press(page, f"button[value={'no' if section in no else 'yes'}]")
        press(page, ".rd-answer .rd-wide")
        assert "/receipt/" in page.url


async def view(world: World, name: str) -> dict[str, Any]:
    """As its sender sees it."""
    answer = await world.as_organisation(world.sender(name), "GET", f"/v1/handovers/{world.handovers[name]}")
    found: dict[str, Any] = answer.json()
    return found


async def called(world: World, who: tuple[str, dict[str, str]], method: str, path: str, body: Any = None) -> Any:
    """(status, body) of what a professional of an organisation asks, whoever that is."""
    answer = await world._call(await world.token(*who), method, path, body)
    return answer.status_code, answer.json() if answer.content else None


async def asked(world: World, name: str, who: tuple[str, dict[str, str]]) -> Any:
    body = {"handover": world.handovers[name], "purpose": world.body(name)["purpose"]}
    return await called(world, who, "POST", "/v1/releases", body)


def other(who: tuple[str, dict[str, str]], name: str, oin: str = "") -> tuple[str, dict[str, str]]:
    """Somebody else in the same role, at the same organisation or at another."""
    return oin or who[0], {**who[1], "sub": name, "name": name}


def signers(found: dict[str, Any]) -> list[str]:
    return [signer["person"] for signer in found["signers"] if signer["canBeReached"]]


def test_a_school_sees_what_a_referral_lacks_before_and_after_and_adds_it(browser: Browser, town: Street) -> None:
    world = town.world
    body = world.body(REFERRAL)
    assert body["discussedWithFamily"] is False, "the school says so itself"

    async def pushed() -> list[dict[str, Any]]:
        sender = world.sender(REFERRAL)
        tried = await world.as_organisation(sender, "POST", "/v1/handovers?dryRun=true", body)
        await world.push(REFERRAL, body)
        before = (await view(world, REFERRAL))["completeness"]
        like = body["sections"][0]
        more = [{**like, "type": kind} for kind in before["missing"]]
        fuller = {**body, "discussedWithFamily": True, "sections": [*body["sections"], *more]}
        path = f"/v1/handovers/{world.handovers[REFERRAL]}/versions"
        assert (await world.as_organisation(sender, "POST", path, fuller)).status_code == 201
        return [tried.json()["completeness"], before, (await view(world, REFERRAL))["completeness"]]

    tried, before, after = town.do(pushed())
    assert tried == before
    assert (before["complete"], after["complete"], after["missing"]) == (False, True, [])
    assert "analysis" in before["missing"]
    for person in signers(town.do(view(world, REFERRAL))):
        answered(browser, town, REFERRAL, person)
    assert [one["state"] for one in town.do(view(world, REFERRAL))["arrivals"]] == ["waiting"]


def test_a_gp_is_told_reminded_and_says_it_was_read_and_a_colleague_reads_on(browser: Browser, town: Street) -> None:
    world = town.world
    doctor = world.professional("ha-vdberg")
    deputy, elsewhere = other(doctor, "ha-waarnemer"), other(doctor, "ha-vdberg", world.sender(REFERRAL))
    town.do(world.push(TO_GP))
    assert town.do(asked(world, TO_GP, doctor))[0] == 403
    for person in signers(town.do(view(world, TO_GP))):
        answered(browser, town, TO_GP, person)
    handover = world.handovers[TO_GP]

    async def unread() -> list[str]:
        return [one["id"] for one in (await called(world, deputy, "GET", "/v1/handovers?box=unread"))[1]["items"]]

    async def reminded() -> list[str]:
        world.clock.moved += REMIND_AFTER + timedelta(minutes=1)
        await world.broker.arrivals.remind()
        events = (await world.as_organisation(doctor[0], "GET", "/v1/events")).json()["items"]
        return [event["data"]["handover"] for event in events if event["type"] == UNREAD]

    assert town.do(unread()) == [handover]
    assert town.do(reminded()) == [handover]
    invited = len([entry for entry in town.do(world.entries()) if entry.type == "invitation:made"])
    status, release = town.do(asked(world, TO_GP, doctor))
    assert (status, town.do(unread())) == (200, [])
    path = f"/v1/releases/{release['id']}/acknowledgement"
    assert town.do(called(world, doctor, "POST", path, {"state": "read"}))[0] == 204
    assert [one["state"] for one in town.do(view(world, TO_GP))["arrivals"]] == ["read"]
    status, again = town.do(asked(world, TO_GP, deputy))
    assert status == 200
    own = f"/v1/releases/{again['id']}/acknowledgement"
    assert town.do(called(world, deputy, "POST", own, {"state": "taken-over"}))[0] == 204
    assert [one["state"] for one in town.do(view(world, TO_GP))["arrivals"]] == ["taken-over"]
    assert [one["type"] for one in again["released"]] == [one["type"] for one in release["released"]]
    assert len([e for e in town.do(world.entries()) if e.type == "invitation:made"]) == invited, (
        "nobody was asked again"
    )
    assert town.do(asked(world, TO_GP, elsewhere))[0] == 404
    assert town.do(called(world, elsewhere, "POST", path, {"state": "read"}))[0] == 404
    assert town.do(called(world, elsewhere, "GET", f"/v1/handovers/{handover}"))[0] == 404


def test_whoever_takes_over_foster_care_hears_that_something_is_withheld_and_not_what(
    browser: Browser, town: Street
) -> None:
    world = town.world
    eva = world.professional("hoop-eva")
    town.do(world.push(FOSTER))
    for person in signers(town.do(view(world, FOSTER))):
        answered(browser, town, FOSTER, person, frozenset({"timeline"}) if person == "mother" else frozenset())
    status, release = town.do(asked(world, FOSTER, other(eva, "hoop-opvolger")))
    assert status == 200
    withheld = {one["type"]: one for one in release["withheld"]}
    assert [reason["code"] for reason in withheld["timeline"]["reasons"]] == ["consent-not-complete"]
    assert "timeline" not in {one["type"] for one in release["released"]}
    told = str(release["withheld"])
    texts = [section["content"] for section in world.body(FOSTER)["sections"] if section["type"] == "timeline"]
    assert not [text for text in texts if isinstance(text, str) and text[:20] in told]
    assert "completeness" not in release
    states = {(one["organisation"], one["role"]): one["state"] for one in town.do(view(world, FOSTER))["arrivals"]}
    assert states[eva[0], "psychologist"] == "collected"
    assert states[eva[0], "system-therapist"] in ("waiting", "shut"), "another role has not read it"
