"""Rows 14, 15 and 25 of what practice asks for, on a real broker: two families with a phone, and those who help them over the API.

What was written together is signed off (14), a list of worries grows old (15), and everybody sees who takes part (25).
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from broker.domain.calendar import end_of_day, local_day
from broker.domain.parties import Oin
from broker.domain.reachability import Reachability
from tests.e2e.acting import DESK, PHONE, check_page, choose_language, opened, press
from tests.support.agreeing import said, say, signed
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

JACK, CHAYENNE, SANDER = "jack-to-gp", "start-of-foster-care", "sander-to-team"
GP, PSYCHOLOGIST, TEAM = "ha-vdberg", "hoop-eva", "pt-anneke"
HIS_WORDS = "Jack slaapt bij mij wel goed."
HER_WORDS = "Ik kan het wel aan, met één weekend rust in de maand."
THEIR_WORDS = "Wij denken dat het meer rust vraagt."


@pytest.fixture
def lived_in(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    copied_sqlite(sqlite_template, tmp_path)
    with street(tmp_path, tmp_path / "broker.db", world_keys) as opened_street:
        yield opened_street


def come_in(page: Page, there: Street, name: str, person: str) -> None:
    """With a code on paper and one on the phone, to the page with what they said."""
    world = there.world
    code = world.codes.get((name, person)) or there.do(world.invite(name, person))
    choose_language(page, there.url, "nl")
    page.goto(there.url)
    page.fill("#code", code)
    press(page, "main .rd-wide")
    press(page, "button[name=contact]")
    page.fill("#code", there.do(world.one_time_code()))
    press(page, "main .rd-wide")
    page.goto(f"{there.url}/mine")


def ask(there: Street, name: str, who: str) -> dict[str, Any]:
    response = there.do(there.world.ask(name, who))
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scripts", [True, False])
def test_each_party_signs_off_one_version_on_the_two_families(
    lived_in: Street, browser: Browser, picture: Callable[..., None], scripts: bool
) -> None:
    world = lived_in.world
    lived_in.do(world.push(JACK))
    lived_in.do(world.everybody_says_yes(JACK))
    body = world.body(CHAYENNE)
    lived_in.do(world.push(CHAYENNE, body))
    lived_in.do(world.everybody_says_yes(CHAYENNE))
    release = ask(lived_in, JACK, GP)
    lived_in.do(say(world, GP, release["id"], signed(release, "analysis")["digest"]))

    with opened(browser, "nl", PHONE, java_script_enabled=scripts) as page:
        come_in(page, lived_in, JACK, "father")
        press(page, "#sign-offs ~ * a")
        expect(page.locator("main")).not_to_contain_text("Is het ermee eens")
        boxes = [page.locator(f"main button[value={value}]").bounding_box() for value in ("agree", "differently")]
        assert boxes[0] is not None
        assert boxes[1] is not None
        assert (boxes[0]["width"], boxes[0]["height"]) == (boxes[1]["width"], boxes[1]["height"])
        press(page, "button[name=said][value=differently]")
        page.fill("#text", HIS_WORDS)
        press(page, "main .rd-wide")
        expect(page.locator("main")).to_contain_text(HIS_WORDS)
        expect(page.locator("main")).to_contain_text("Is het ermee eens")
        if scripts:
            check_page(page, "sign-off of a father", "nl")
            picture(page, "sign-off-of-a-father-nl")
            page.set_viewport_size(DESK)  # type: ignore[arg-type]
            check_page(page, "sign-off of a father, wide", "nl")
            picture(page, "sign-off-of-a-father-wide-nl")
            page.goto(f"{lived_in.url}/mine")
            check_page(page, "what a father said, wide", "nl")
            picture(page, "mine-of-a-father-wide-nl")
    assert [(one["by"], one["agrees"]) for one in said(signed(ask(lived_in, JACK, GP), "analysis"))] == [
        ("organisation", True),
        ("family", False),
    ]

    with opened(browser, "nl", PHONE, java_script_enabled=scripts) as page:
        come_in(page, lived_in, CHAYENNE, "grandmother")
        press(page, "#sign-offs ~ * a")
        press(page, "button[name=said][value=agree]")
        expect(page.locator("main")).to_contain_text("Je bent het ermee eens")
        press(page, "button[name=said][value=differently]")
        page.fill("#text", HER_WORDS)
        press(page, "main .rd-wide")
        expect(page.locator("main")).to_contain_text(HER_WORDS)
        release = ask(lived_in, CHAYENNE, PSYCHOLOGIST)
        found = signed(release, "carrying-capacity")
        assert [(one["capacity"], one["text"]) for one in said(found)] == [("self", HER_WORDS)]
        lived_in.do(say(world, PSYCHOLOGIST, release["id"], found["digest"], THEIR_WORDS))
        page.reload()
        expect(page.locator("main")).to_contain_text("Ziet het anders. Je kunt vragen wat ze schreven.")
        expect(page.locator("main")).not_to_contain_text(THEIR_WORDS)
        path = f"/v1/handovers/{world.handovers[CHAYENNE]}/versions"
        corrected = lived_in.do(
            world.as_organisation(world.sender(CHAYENNE), "POST", path, {**body, "consentUntil": "P4M"})
        )
        assert corrected.status_code == 201, corrected.text
        press(page, "button[name=said][value=agree]")
        expect(page.locator("[role=alert]")).to_contain_text("Er is een nieuwe versie van deze tekst.")
        press(page, "button[name=said][value=agree]")
        expect(page.locator("main")).to_contain_text("Je bent het ermee eens")
        expect(page.locator("main")).to_contain_text(HER_WORDS)
    again = said(signed(ask(lived_in, CHAYENNE, PSYCHOLOGIST), "carrying-capacity"))
    assert [(one["version"], one["current"], one["agrees"]) for one in again] == [
        (1, False, False),
        (1, False, False),
        (2, True, True),
    ]


@pytest.mark.slow
def test_a_list_of_worries_is_read_until_its_last_day(lived_in: Street, browser: Browser) -> None:
    world = lived_in.world
    today = local_day(world.clock())
    day = today + timedelta(days=3)
    body = world.body(SANDER)
    worries = {
        "type": "risk-inventory",
        "concerns": ["sander"],
        "mediaType": "text/plain",
        "content": "Er is vaak ruzie. Dat staat in vraag 7.",
        "instrument": "Taxatielijst 2.1",
        "assessedOn": today.isoformat(),
        "expires": day.isoformat(),
    }
    body.update(purpose="safety", kind="urgent-safety", discussedWithFamily=True, sections=[worries])
    lived_in.do(world.push(SANDER, body))
    with opened(browser, "nl", PHONE) as page:
        come_in(page, lived_in, SANDER, "sander")
        page.goto(f"{lived_in.url}/questions/1")
        check_page(page, "question about worries", "nl")
        press(page, "button[value=yes]")
        press(page, ".rd-answer .rd-wide")
        assert "/receipt/" in page.url
        released = lived_in.do(world.ask(SANDER, TEAM, "safety")).json()["released"]
        assert [(one["instrument"], one["expires"]) for one in released] == [("Taxatielijst 2.1", day.isoformat())]
        world.clock.moved += end_of_day(day) - world.clock()
        refused = lived_in.do(world.ask(SANDER, TEAM, "safety"))
        reasons = [reason["code"] for one in refused.json()["withheld"] for reason in one["reasons"]]
        assert (refused.status_code, reasons) == (403, ["expired"])
        come_in(page, lived_in, SANDER, "sander")
        expect(page.locator("#readings ~ .rd-cards > li")).to_have_count(1)


@pytest.mark.slow
@pytest.mark.parametrize("size", [PHONE, DESK], ids=["360", "1280"])
def test_everybody_sees_who_takes_part_without_a_code(
    lived_in: Street, browser: Browser, picture: Callable[..., None], size: dict[str, int]
) -> None:
    oin = Oin(lived_in.world.professional(GP)[0])
    known = Reachability("https://huisarts.example", "078 123 45 67", "ma-vr 8:00-17:00", "078 123 45 68")
    lived_in.do(lived_in.world.broker.partners.reach(oin, lambda _: known))
    with opened(browser, "nl", size) as page:
        choose_language(page, lived_in.url, "nl")
        page.goto(lived_in.url)
        press(page, "main a[href='/partners']")
        check_page(page, "partners", "nl")
        card = page.locator("main .rd-cards > li", has=page.locator("a[href='tel:0781234568']"))
        expect(card).to_have_count(1)
        numbers = card.locator("a[href^='tel:']").all_inner_texts()
        assert numbers == ["078 123 45 68", "078 123 45 67"], "what cannot wait comes first"
        picture(page, f"partners-{size['width']}-nl")
        card.locator("summary").click()
        press(page, "main a[href='/partners/gp']")
        check_page(page, "what a family doctor may receive", "nl")
        expect(page.locator("main")).to_contain_text("Wat er aan de hand is")
        picture(page, f"partner-kind-{size['width']}-nl")
        assert page.context.cookies(lived_in.url) == [
            one for one in page.context.cookies(lived_in.url) if one["name"] == "rondom-language"
        ], "nobody is remembered"
