"""The family's pages: the notice word for word, equal choices, one press to stop, the same in every language."""

import html
import re
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.consents import Stance
from broker.domain.notices import PARTS
from broker.errors import Conflict, Words
from broker.services.screens import ContactChoice, FamilySession, Weight
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CODE, CSRF, MINE_CODE, ONE_TIME, SENDER, notice

LANGUAGES = ("nl", "en")
HOSTILE = "<img src=x onerror=alert(1)>\"'&"


def visible(page: httpx.Response) -> str:
    """The text of a page as somebody reads it, spaces folded."""
    body = page.text.partition("<main")[2].partition("</main>")[0]
    text = re.sub(r"<[^>]+>", " ", f"<main{body}")
    return " ".join(html.unescape(text).split())


def form(**fields: str) -> dict[str, str]:
    return {"csrf": CSRF, **fields}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_whole_way_works_with_forms_alone(app: FastAPI, family: FakeFamily, language: str) -> None:
    async with browsing(app, language) as client:
        assert f'lang="{language}"' in (await client.get("/")).text
        answer = await client.post("/code", data={"code": f" {CODE} "})
        assert (answer.status_code, answer.headers["location"]) == (303, "/contact")
        assert "06 ** ** ** 11" in visible(await client.get("/contact"))
        answer = await client.post("/contact", data=form(contact="c1"))
        assert answer.headers["location"] == "/one-time-code"
        page = await client.get("/one-time-code")
        assert 'autocomplete="one-time-code"' in page.text
        assert 'inputmode="numeric"' in page.text
        answer = await client.post("/one-time-code", data=form(code=" 482 913 "))
        assert answer.headers["location"] == "/questions/1"
        for position, (type_, say) in enumerate(zip(family.types, ("yes", "no", "yes"), strict=True), 1):
            assert f'value="{type_}"' in (await client.get(f"/questions/{position}")).text
            answer = await client.post(f"/questions/{position}", data=form(section=type_, shown=language, answer=say))
            assert answer.headers["location"] == (f"/questions/{position + 1}" if position < 3 else "/check")
        assert family.said == {}
        assert (await client.get("/check")).status_code == 200
        answer = await client.post("/check", data=form(shown=language))
        assert answer.headers["location"] == "/receipt/r1"
        assert (await client.get("/receipt/r1")).status_code == 200
        assert family.calls[0] == ("enter", CODE, "127.0.0.1", language)
        assert family.calls[-1] == ("confirm", language)
        assert family.said == {"timeline": "given", "roles-and-tasks": "refused", "safety-plan": "given"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_notice_is_shown_word_for_word_and_in_order(app: FastAPI, family: FakeFamily, language: str) -> None:
    family.visit(language=language)
    family.answers = dict.fromkeys(family.types, "no")
    async with browsing(app, language) as client:
        pages = [visible(await client.get(f"/questions/{n}")) for n in (1, 2, 3)]
        check = visible(await client.get("/check"))
    for type_, page in zip(family.types, pages, strict=True):
        place = 0
        shown = notice(type_, language, family.person)
        for part in filter(shown.__contains__, PARTS):
            text = shown[part]
            found = page.find(text, place)
            assert found >= 0, part
            place = found + len(text)
            assert text in check


async def test_yes_and_no_are_the_same_button_twice(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    page = (await client.get("/questions/1")).text
    buttons = re.findall(r'<button class="([^"]*)" name="answer" value="(yes|no)">', page)
    assert [value for _, value in buttons] == ["yes", "no"]
    assert buttons[0][0] == buttons[1][0]
    assert "checked" not in page
    assert "autofocus" not in page


async def test_the_answer_lands_on_the_question_and_the_language_that_were_shown(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit(language="nl")
    answer = await client.post("/questions/1", data=form(section="safety-plan", shown="nl", answer="yes"))
    assert answer.status_code == 409
    for wrong in ({"answer": "maybe"}, {"answer": ""}, {"shown": "xx"}, {"shown": ""}):
        fields = form(section="timeline", shown="nl", answer="yes") | wrong
        assert (await client.post("/questions/1", data=fields)).status_code == 400
    assert (await client.post("/check", data=form())).status_code == 400
    assert family.calls == []
    await client.post("/questions/1", data=form(section="timeline", shown="en", answer="yes"))
    assert family.calls == [("choose", "timeline", "yes", "en")]


async def test_positions_that_do_not_exist_are_not_there(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for position in ("0", "4", "01", "-1", "x", "1.0", "%C2%B9"):
        assert (await client.get(f"/questions/{position}")).status_code == 404


async def test_changing_an_answer_goes_back_to_the_check(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    family.answers = dict.fromkeys(family.types, "yes")
    assert 'href="/check"' in (await client.get("/questions/2")).text
    answer = await client.post("/questions/2", data=form(section="roles-and-tasks", shown="nl", answer="no"))
    assert answer.headers["location"] == "/check"


async def test_the_check_waits_for_every_answer(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    family.answers = {"timeline": "yes", "safety-plan": "no"}
    assert (await client.get("/check")).headers["location"] == "/questions/2"
    answer = await client.post("/questions/3", data=form(section="safety-plan", shown="nl", answer="no"))
    assert answer.headers["location"] == "/questions/2"


@pytest.mark.parametrize(
    ("stage", "purpose", "place"),
    [
        ("code", "answer", "/contact"),
        ("sent", "answer", "/one-time-code"),
        ("verified", "answer", None),
        ("verified", "mine", None),
    ],
)
async def test_nobody_sees_a_question_before_the_one_time_code(
    client: httpx.AsyncClient, family: FakeFamily, stage: str, purpose: str, place: str | None
) -> None:
    family.visit(stage, purpose)
    family.answers = dict.fromkeys(family.types, "yes")
    for path in ("/questions/1", "/check", "/mine", "/receipt/r1", "/receipt/r1/file", "/receipt/r1/fhir"):
        answer = await client.get(path)
        if place:
            assert (answer.status_code, answer.headers["location"]) == (303, place)
            assert not answer.text
    for path, fields in (
        ("/questions/1", form(section="timeline", shown="nl", answer="yes")),
        ("/check", form(shown="nl")),
        ("/mine/stop", form(group="g1", section="timeline")),
        ("/mine/messages", form(messages="no")),
    ):
        answer = await client.post(path, data=fields)
        if place:
            assert answer.headers["location"] == place
    if place:
        assert family.calls == []


async def test_without_a_visit_one_starts_again(client: httpx.AsyncClient, family: FakeFamily) -> None:
    for path in ("/contact", "/one-time-code", "/questions/1", "/check", "/mine", "/receipt/r1"):
        answer = await client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    for path in ("/contact", "/one-time-code", "/questions/1", "/check", "/mine/stop", "/mine/messages", "/sign-out"):
        answer = await client.post(path, data=form())
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert "Je bezoek is afgelopen" in visible(await client.get("/"))
    client.cookies.clear()
    assert "Je bezoek is afgelopen" not in visible(await client.get("/"))


async def test_a_wrong_code_is_told_at_the_field_and_stays_there(client: httpx.AsyncClient, family: FakeFamily) -> None:
    answer = await client.post("/code", data={"code": "WRONG-CODE"})
    assert answer.status_code == 404
    assert 'value="WRONG-CODE"' in answer.text
    assert 'aria-describedby="code-error code-help"' in answer.text
    assert "Deze code kennen wij niet" in visible(answer)
    assert "set-cookie" not in answer.headers
    assert (await client.post("/code", data={"code": " "})).status_code == 400


async def test_a_code_copied_with_odd_spaces_is_taken_as_it_is(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await client.post("/code", data={"code": "\u00a0K7QD\u00a09MFX\u200b "})
    assert family.calls == [("enter", "K7QD\u00a09MFX\u200b", "127.0.0.1", "nl")]


async def test_a_wrong_one_time_code_is_told_and_not_repeated(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit("sent")
    answer = await client.post("/one-time-code", data=form(code="123456"))
    assert answer.status_code == 403
    assert "Deze code klopt niet" in visible(answer)
    assert "123456" not in answer.text
    answer = await client.post("/one-time-code", data=form(code="000000"))
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "300")
    assert (await client.post("/one-time-code", data=form())).status_code == 400


async def test_one_contact_is_one_press_and_none_is_a_call(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.contacts = (ContactChoice("c1", "sms", "06 ** ** ** 11"),)
    family.visit("code")
    assert (await client.get("/contact")).text.count('name="contact"') == 1
    family.contacts = ()
    family.visit("code")
    assert f"Bel {SENDER}" in visible(await client.get("/contact"))
    assert (await client.post("/contact", data=form(contact="c1"))).status_code == 400
    assert (await client.get("/one-time-code")).headers["location"] == "/contact"


async def test_a_code_that_answered_already_leads_to_what_was_said(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    await client.post("/code", data={"code": MINE_CODE})
    assert "al antwoord gegeven" in visible(await client.get("/contact"))
    await client.post("/contact", data=form(contact="c1"))
    answer = await client.post("/one-time-code", data=form(code=ONE_TIME))
    assert answer.headers["location"] == "/mine"
    assert "dit heb je gezegd" in visible(await client.get("/mine"))
    for path in ("/questions/1", "/check"):
        assert (await client.get(path)).headers["location"] == "/mine"
    answer = await client.post("/questions/1", data=form(section="timeline", shown="nl", answer="yes"))
    assert answer.headers["location"] == "/mine"


async def test_the_second_confirmation_is_refused_with_a_way_on(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    family.answers = dict.fromkeys(family.types, "yes")
    await client.post("/check", data=form(shown="nl"))
    answer = await client.post("/check", data=form(shown="nl"))
    assert answer.status_code == 409
    assert 'href="/mine"' in answer.text
    assert len(family.receipts) == 1


async def _answered(family: FakeFamily, language: str = "nl") -> None:
    family.visit(language=language)
    family.answers = {"timeline": "yes", "roles-and-tasks": "no", "safety-plan": "yes"}
    await family.confirm("family-token", language)
    family.calls.clear()


async def test_stopping_is_one_press_for_one_or_for_all(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await _answered(family)
    page = (await client.get("/mine")).text
    assert re.findall(r'name="section" value="([^"]+)"', page) == ["timeline", "safety-plan"]
    assert page.count('name="all"') == 1
    answer = await client.post("/mine/stop", data=form(group="g1", section="timeline"))
    assert answer.headers["location"] == "/receipt/r2"
    assert "Je bent gestopt" in visible(await client.get("/receipt/r2"))
    await client.post("/mine/stop", data=form(group="g1", all="yes"))
    assert family.calls == [
        ("withdraw", "g1", ("timeline",), "nl"),
        ("withdraw", "g1", ("safety-plan",), "nl"),
    ]
    page = (await client.get("/mine")).text
    assert 'name="section"' not in page
    assert 'name="all"' not in page


async def test_what_cannot_be_stopped_is_refused(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await _answered(family)
    assert (await client.post("/mine/stop", data=form(group="g2", all="yes"))).status_code == 404
    assert (await client.post("/mine/stop", data=form(group="g1"))).status_code == 400
    assert (await client.post("/mine/stop", data=form(group="g1", section="other"))).status_code == 404


async def test_messages_about_reading_can_be_turned_off_and_on(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for said, shown in (("no", "Nu staat het op: nee."), ("yes", "Nu staat het op: ja.")):
        answer = await client.post("/mine/messages", data=form(messages=said))
        assert (answer.status_code, answer.headers["location"]) == (303, "/mine#messages")
        assert f"Wil je een bericht als iemand iets leest? {shown}" in visible(await client.get("/mine"))
    assert family.calls == [("want_messages", False), ("want_messages", True)]
    for wrong in ({}, {"messages": ""}, {"messages": "on"}):
        assert (await client.post("/mine/messages", data=form(**wrong))).status_code == 400
    assert len(family.calls) == 2


@pytest.mark.parametrize(
    ("weight", "words"),
    [
        ("counts", []),
        ("alone", ["beslist de jongere alleen"]),
        ("support", ["Het telt niet mee"]),
        ("changed", ["wie beslist is veranderd"]),
    ],
)
async def test_why_an_answer_does_not_count_is_said_once(
    client: httpx.AsyncClient, family: FakeFamily, weight: Weight, words: list[str]
) -> None:
    everything = ("beslist de jongere alleen", "Het telt niet mee", "wie beslist is veranderd")
    family.weight = weight
    await _answered(family)
    page = visible(await client.get("/mine"))
    assert [text for text in everything if text in page] == words
    assert sum(page.count(text) for text in words) == len(words)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_answer_that_no_longer_counts_says_so(app: FastAPI, family: FakeFamily, language: str) -> None:
    family.weight = "alone"
    await _answered(family, language)
    told = {"nl": "vanaf 16 jaar beslist de jongere alleen", "en": "from 16 the young person decides alone"}
    async with browsing(app, language) as client:
        assert visible(await client.get("/mine")).count(told[language]) == 1
        receipt = family.receipts["r1"]
        mixed = (replace(receipt.lines[0], weight="counts"), *receipt.lines[1:])
        family.receipts["r1"] = replace(receipt, lines=mixed)
        assert visible(await client.get("/receipt/r1")).count(told[language]) == 2


async def test_every_stance_has_words(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await _answered(family)
    for stance in Stance:
        family.said["timeline"] = stance
        page = await client.get("/mine")
        assert page.status_code == 200
        assert str(stance) not in visible(page)


async def test_the_receipt_is_a_file_to_keep(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await _answered(family)
    answer = await client.get("/receipt/r1/file")
    assert answer.content == family.receipts["r1"].document
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["content-disposition"] == 'attachment; filename="rondom-antwoorden-2026-09-21.json"'
    for path in ("/receipt/r9", "/receipt/r9/file", "/receipt/r9/fhir"):
        assert (await client.get(path)).status_code == 404


async def test_the_receipt_is_also_there_for_a_care_system(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await _answered(family)
    page = await client.get("/receipt/r1")
    assert "Opslaan voor een zorgsysteem (FHIR)" in visible(page)
    assert 'href="/receipt/r1/fhir"' in page.text
    answer = await client.get("/receipt/r1/fhir")
    assert answer.json() == {"resourceType": "Bundle"}
    assert answer.headers["content-type"] == "application/fhir+json"
    assert answer.headers["content-disposition"] == 'attachment; filename="rondom-antwoorden-fhir-2026-09-21.json"'
    assert answer.headers["cache-control"] == "no-store"


async def test_hostile_names_stay_text(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.person = family.sender = HOSTILE
    family.contacts = (ContactChoice("c1", "email", HOSTILE),)
    pages = []
    for stage in ("code", "sent"):
        family.visit(stage)
        pages.append(await client.get("/contact" if stage == "code" else "/one-time-code"))
    family.visit()
    family.answers = dict.fromkeys(family.types, "yes")
    pages += [await client.get("/questions/1"), await client.get("/check")]
    await _answered(family)
    pages += [await client.get("/mine"), await client.get("/receipt/r1")]
    pages.append(await client.post("/code", data={"code": HOSTILE}))
    for page in pages:
        assert "<img" not in page.text.replace('<img class="rd-qr" src="data:', "")
        assert html.escape(HOSTILE)[:8] in page.text
        assert not re.search(r"\sstyle=|\son\w+=(?![^<>]*&)|<style|<script(?! src=\"/static/)", page.text)


async def test_the_title_in_the_browsers_history_tells_nothing(client: httpx.AsyncClient, family: FakeFamily) -> None:
    await _answered(family)
    for path in ("/mine", "/receipt/r1"):
        title = (await client.get(path)).text.partition("<title>")[2].partition("</title>")[0]
        assert family.person not in title
        assert SENDER not in title
    family.said.clear()
    family.visit()
    page = (await client.get("/questions/1")).text
    assert "<title>Vraag 1 van 3 – Rondom</title>" in page


async def test_another_language_is_one_press_and_stays(app: FastAPI, family: FakeFamily) -> None:
    async with browsing(app, "nl") as client:
        client.cookies.clear()
        answer = await client.post("/language", data={"language": "en", "back": "/"})
        assert answer.headers["location"] == "/"
        assert 'lang="en"' in (await client.get("/")).text
    family.visit(language="nl")
    async with browsing(app, "nl") as client:
        assert 'lang="nl"' in (await client.get("/questions/1")).text
        answer = await client.post("/language", data=form(language="en", back="/questions/1"))
        assert answer.headers["location"] == "/questions/1"
        assert family.calls == [("set_language", "en")]
        assert 'lang="en"' in (await client.get("/questions/1")).text
        assert (await client.post("/language", data=form(language="fr"))).status_code == 400


async def test_a_language_form_leads_nowhere_else(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for back in (
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "/v1/x",
        "/mine/stop",
        "/mine\n",
        "/console",
    ):
        answer = await client.post("/language", data=form(language="en", back=back))
        assert answer.headers["location"] == "/" if answer.status_code == 303 else answer.status_code == 400


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("en-GB,en;q=0.9,nl;q=0.8", "en"),
        ("nl", "nl"),
        ("fr,de", "nl"),
        ("", "nl"),
        ("en;q=0", "nl"),
        (";;q=x,,en", "en"),
        ("nl;q=0.1,en;q=0.2", "en"),
    ],
)
async def test_the_browsers_language_is_the_first_guess(app: FastAPI, header: str, language: str) -> None:
    async with browsing(app, header) as client:
        answer = await client.get("/")
    assert answer.headers["content-language"] == language


async def test_signing_out_ends_the_visit(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    answer = await client.post("/sign-out", data=form())
    assert answer.headers["location"] == "/signed-out"
    assert "Max-Age=0" in answer.headers["set-cookie"]
    assert family.calls == [("leave",)]
    assert "uitgelogd" in visible(await client.get("/signed-out"))


async def test_who_comes_back_can_go_on(client: httpx.AsyncClient, family: FakeFamily) -> None:
    for stage, place in (("code", "/contact"), ("sent", "/one-time-code"), ("verified", "/questions/1")):
        family.visit(stage)
        assert f'href="{place}"' in (await client.get("/")).text
    for path in ("/contact", "/one-time-code"):
        assert (await client.get(path)).headers["location"] == "/questions/1"


async def test_a_refusal_while_a_code_is_sent_is_told_in_place(
    client: httpx.AsyncClient, family: FakeFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(token: str, contact_id: str) -> FamilySession:
        raise Conflict(Words("Dat lukt nu niet.", "Not now."))

    family.visit("code")
    monkeypatch.setattr(family, "send_code", refuse)
    answer = await client.post("/contact", data=form(contact="c1"))
    assert answer.status_code == 409
    assert "Dat lukt nu niet." in visible(answer)
    assert 'name="contact"' in answer.text
