"""Both families' lines through time, with a real Chromium: what several wrote is one line for who takes over, and one for the girl.

Chayenne of fifteen sees hers, and asks to correct it; whoever helps her reads it with her words. Jack of nine is too young
for a page of his own: what a doctor reads about him opens and closes with what his parents say.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.acting import DESK, PHONE, check_page, choose_language, opened, press
from tests.promises.attacks import Case, as_it_is
from tests.support.lifelines import FOSTER, MENTAL, TEAM, listed, timeline
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

CHAYENNE, JACK = "start-of-foster-care", "jack-to-gp"
WORKER, DOCTOR = "wt-fatima", "ha-vdberg"
LINE = "form[action='/mine/lifeline'] button"
WRONG = "form[action='/mine/lifeline/correction'] button"
pytestmark = pytest.mark.screenshots


@pytest.fixture
def ours(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    copied_sqlite(sqlite_template, tmp_path)
    with street(tmp_path, tmp_path / "broker.db", world_keys) as found:
        yield found


def number_of(street: Street, name: str, person: str) -> dict[str, str]:
    """By what a recipient knows this person."""
    [known] = [one for one in street.world.body(name)["people"] if one["key"] == person]
    identifier: dict[str, str] = known["identifiers"][0]
    return identifier


def asked(street: Street, who: str, what: str, name: str, person: str) -> dict[str, Any]:
    """What somebody gets who asks about this person."""
    body = {"identifier": number_of(street, name, person), "purpose": street.world.body(name)["purpose"]}
    answer = street.do(street.world.as_professional(who, "POST", f"/v1/{what}", body))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def whats(found: dict[str, Any]) -> list[tuple[str | None, str, str]]:
    return [(one.get("from"), one["what"], one["source"]["organisation"]) for one in found["entries"]]


def come_in(page: Page, street: Street, code: str, language: str = "nl") -> None:
    """As far as the page behind the one-time code."""
    choose_language(page, street.url, language)
    page.goto(f"{street.url}/#{code}")
    press(page, "main .rd-wide")
    press(page, "button[name=contact]")
    page.fill("#code", street.do(street.world.one_time_code()))
    press(page, "main .rd-wide")


def says_yes(page: Page) -> None:
    """To every question, to the receipt."""
    while "/questions/" in page.url:
        press(page, "button[value=yes]")
    press(page, ".rd-answer .rd-wide")


async def written_by_two(street: Street) -> Case:
    """What the foster care wrote, as the family's story has it; and what mental health care wrote, to which both said yes."""
    world = street.world
    body = world.body(CHAYENNE)
    [mother] = [one for one in body["people"] if one["key"] == "mother"]
    mother["identifiers"] = [{"system": "bsn", "value": "999990093"}]  # else she is somebody else to each of them
    await world.push(CHAYENNE, body)
    eva = {"organisation": MENTAL, "role": "psychologist", "since": "2025-06-02", "coordinator": True}
    waits = {"name": "Kinderkliniek", "role": "psychologist", "since": "2026-02", "waitsFor": "Een eerste gesprek."}
    body |= {
        "reference": "behandeling",
        "recipients": [{"organisation": TEAM, "role": "family-worker"}],
        "sections": [timeline(("2025-06-02", "Intake."), ("2019-09", "Naar de brugklas.")), listed(eva, waits)],
    }
    case = await as_it_is(world, CHAYENNE, body, sender=MENTAL)
    for one in needed(body):
        await case.says(one, "chayenne")
    return case


def needed(body: dict[str, Any]) -> set[str]:
    """Who must say yes for the girl of fifteen."""
    return {"chayenne", *(one["holder"] for one in body["authorities"] if one["over"] == "chayenne")}


def look(page: Page, picture: Callable[..., None], language: str) -> None:
    """At both widths; everybody can use it. The small one is pictured with every page (`test_every_page`)."""
    for size in (DESK, PHONE):
        page.set_viewport_size(size)  # type: ignore[arg-type]
        check_page(page, "line-of-time", language)
        if size is DESK:
            picture(page, f"line-of-time-wide-{language}")


def test_chayennes_line_of_time(browser: Browser, ours: Street, picture: Callable[..., None]) -> None:
    case = ours.do(written_by_two(ours))
    body = ours.world.body(CHAYENNE)
    for one in needed(body) - {"chayenne"}:
        ours.do(ours.world.answer(CHAYENNE, one, {section["type"]: "yes" for section in body["sections"]}))
    before = whats(asked(ours, WORKER, "timelines", CHAYENNE, "chayenne"))
    assert before == [("2019-09", "Naar de brugklas.", MENTAL), ("2025-06-02", "Intake.", MENTAL)], (
        "she has not answered"
    )
    code = ours.do(ours.world.invite(CHAYENNE, "chayenne"))
    with opened(browser, "nl", PHONE) as page:
        come_in(page, ours, code)
        says_yes(page)
        assert [one[0] for one in whats(asked(ours, WORKER, "timelines", CHAYENNE, "chayenne"))] == [
            "2011",
            "2018",
            "2019-09",
            "2025-03",
            "2025-06-02",
        ]
        page.goto(f"{ours.url}/mine")
        press(page, LINE)
        expect(page.get_by_role("listitem").filter(has=page.locator("h2"))).to_have_count(3)
        drawn = page.get_by_role("img", name="Jouw tijdlijn")
        expect(drawn).to_be_visible()
        assert drawn.locator("rect, circle").count() == 3, "one for each line of the list"
        assert drawn.locator("circle").count() == 2, "of these nobody wrote how long they took"
        marks = [drawn.locator("text").nth(i).text_content() for i in range(drawn.locator("text").count())]
        assert [mark for mark in marks if mark in ("1", "2", "3")] == ["1", "2", "3"]
        begins = "one => one.getBoundingClientRect().left"
        edges = {page.locator(one).first.evaluate(begins) for one in ("main h1", ".rd-cards > li")}
        assert len(edges) == 1, "the list begins where everything begins"
        headings = page.locator(".rd-cards h2").all_inner_texts()
        assert [re.match(r"\d", heading)[0] for heading in headings] == ["1", "2", "3"]  # type: ignore[index] # they match
        assert "2018 – 2024" in headings[1]
        assert "Intake." not in page.locator("main").inner_text(), "what another organisation wrote is asked for there"
        look(page, picture, "nl")
        page.locator(WRONG).nth(1).click()
        expect(page.locator("#text")).to_have_value(re.compile("^“2018: Woont bij opa en oma"))
        page.locator("#text").press("End")
        page.fill("#text", page.locator("#text").input_value() + "Het was 2017.")
        press(page, "main .rd-wide")
        assert "/mine/reactions/" in page.url
        press(page, "footer button")
    with opened(browser, "en", PHONE) as page:
        come_in(page, ours, code, "ar")
        page.goto(f"{ours.url}/mine")
        press(page, LINE)
        look(page, picture, "ar")
    entries = asked(ours, WORKER, "timelines", CHAYENNE, "chayenne")["entries"]
    assert {(one["source"]["organisation"], one["disputed"]) for one in entries} == {(FOSTER, True), (MENTAL, False)}
    [told] = {reaction["text"] for one in entries for reaction in one["reactions"]}
    assert told.endswith("Het was 2017.")
    eva, clinic = asked(ours, WORKER, "involvements", CHAYENNE, "chayenne")["involvements"]
    assert (eva["coordinator"], clinic["waitsFor"]) == ("is", "Een eerste gesprek.")
    ended = ours.do(ours.world.as_organisation(MENTAL, "DELETE", f"/v1/handovers/{case.handover.id}"))
    assert ended.status_code == 204
    assert {one[2] for one in whats(asked(ours, WORKER, "timelines", CHAYENNE, "chayenne"))} == {FOSTER}
    assert asked(ours, WORKER, "involvements", CHAYENNE, "chayenne")["involvements"] == []


def test_what_a_doctor_reads_about_jack_is_what_both_parents_leave_open(browser: Browser, ours: Street) -> None:
    ours.do(ours.world.push(JACK))
    body = ours.world.body(JACK)
    [history] = [section["content"] for section in body["sections"] if section["type"] == "help-history"]
    assert asked(ours, DOCTOR, "timelines", JACK, "jack")["entries"] == []
    ours.do(ours.world.answer(JACK, "father", {section["type"]: "yes" for section in body["sections"]}))
    assert asked(ours, DOCTOR, "timelines", JACK, "jack")["entries"] == []
    code = ours.do(ours.world.invite(JACK, "mother"))
    with opened(browser, "nl", PHONE) as page:
        come_in(page, ours, code)
        says_yes(page)
        [entry] = asked(ours, DOCTOR, "timelines", JACK, "jack")["entries"]
        assert (entry.get("from"), entry["what"]) == (None, history)
        page.goto(f"{ours.url}/mine")
        expect(page.locator(LINE)).to_have_count(0)
        expect(page.get_by_text("huisarts", exact=False).first).to_be_visible()
        while page.locator("button[name=section]").count():
            press(page, "button[name=section]")
            page.goto(f"{ours.url}/mine")
        press(page, "footer button")
    assert asked(ours, DOCTOR, "timelines", JACK, "jack")["entries"] == []
