"""Seven languages on the real broker: who gets which, what is stored of it, and that an answer stays with its own text."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest

from broker.cli.visitor import form_of
from broker.domain.calendar import birthday, local_day
from broker.domain.directions import TURNING
from broker.errors import Conflict
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import load_texts
from broker.services.questionnaires import Questionnaire, Shown
from broker.web.kit.texts import OWN_NAMES
from tests.support.agreements import decide_with
from tests.support.world import ROOT, URL, World

TOM, READER = "tom-to-school", "ib-joris"
MOTHERS = "+31600000011"
RLO = "\u202e"


def people_of(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {person["key"]: person for person in body["people"]}


async def pushed(world: World, **changes: Mapping[str, str]) -> None:
    """Tom's handover, with other facts of some people."""
    body = world.body(TOM)
    for key, facts in changes.items():
        people_of(body)[key].update(facts)
    await world.push(TOM, body)


def nobodys_browser(world: World, language: str) -> httpx.AsyncClient:
    """A browser in which nobody chose a language."""
    browser = world.browser(language)
    browser.cookies.clear()
    return browser


def opening(page: httpx.Response) -> str:
    return re.findall(r"<html[^>]*>", page.text)[0]


def parts_of(questions: Questionnaire) -> list[str]:
    return [text for question in questions.questions for text in question.parts.values()]


async def test_a_person_is_written_to_and_welcomed_in_their_own_language(world: World) -> None:
    await pushed(world, mother={"language": "ar"})
    path = f"/v1/handovers/{world.handovers[TOM]}/invitations"
    answer = await world.as_organisation(world.sender(TOM), "POST", path, {"person": "mother", "delivery": "message"})
    assert answer.status_code == 201
    [invited] = await world.messages("invitation")
    assert invited["language"] == "ar"
    link = re.findall(r"https?://\S+", invited["text"])[0]
    code = link.partition("#")[2]
    assert re.fullmatch(r"[A-Z0-9-]+", code), "no invisible mark is part of the link"
    assert f"\u200e{code}" in invited["text"], "a code reads from the left"
    async with nobodys_browser(world, "nl") as browser:
        assert 'lang="nl" dir="ltr"' in opening(await browser.get("/"))
        page = await world.come_in(browser, code)
        assert page.url.path == "/questions/1"
        assert 'lang="ar" dir="rtl"' in opening(page)
    [sent] = await world.messages("one-time-code")
    assert sent["language"] == "ar"
    assert re.search("[\u0600-\u06ff]{3}", sent["text"])
    async with world.browser("nl") as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        assert 'lang="nl" dir="ltr"' in opening(page), "who chose a language keeps it"


async def test_every_message_of_a_family_comes_in_each_language(world: World) -> None:
    await pushed(world, mother={"language": "ti"}, father={"language": "uk"}, tom={"language": "pl"})
    await world.everybody_says_yes(TOM)
    assert await world.gets(TOM, READER)
    written = {"ti": "[\u1200-\u137f]{2}", "uk": "[\u0400-\u04ff]{3}", "pl": "[ąćęłńóśźż]"}
    for kind in ("answer-kept", "was-read"):
        sent = {message["language"]: message["text"] for message in await world.messages(kind)}
        assert set(sent) == set(written)
        for language, script in written.items():
            assert re.search(script, sent[language])
            assert URL in sent[language]
            assert "{" not in sent[language]


@pytest.mark.parametrize("language", ["ar", "ti"])
async def test_the_record_keeps_the_very_text_in_the_language_that_was_shown(world: World, language: str) -> None:
    await pushed(world)
    code, consents = await world.invite(TOM, "mother"), world.broker.consents
    async with world.browser(language) as browser:
        page = await world.come_in(browser, code)
        fields = form_of(page.text, "/questions/1")
        assert fields["shown"] == language
        shown = await consents.questionnaire(browser.cookies["rondom"], language)
        while page.url.path.startswith("/questions/"):
            page = await browser.post(page.url.path, data={**form_of(page.text, page.url.path), "answer": "yes"})
        page = await browser.post("/check", data=form_of(page.text, "/check"))
        assert page.url.path.startswith("/receipt/")
    house = world.broker.house
    async with house.storage(writing=False) as work:
        invitation = await work.invitations.by_code(house.codes.normal(code))
        assert invitation is not None
        records = await work.consents.said_by(invitation.person, invitation.sender)
        assert records
        for record in records:
            text = await work.consents.notice(record.notice.digest)
            assert text is not None
            assert (record.notice.language, text.split()[0]) == (language, language)
            assert hashlib.sha256(text.encode()).hexdigest() == record.notice.digest == fields["text"]
            assert all(part in text for part in parts_of(shown))
            assert all(question.dutch["title"] not in text for question in shown.questions)


async def test_an_answer_never_lands_on_the_text_of_another_language(world: World) -> None:
    await pushed(world)
    consents, token = world.broker.consents, await world.visit(await world.invite(TOM, "mother"))
    texts = {code: await consents.questionnaire(token, code) for code in OWN_NAMES}
    assert len({text.text for text in texts.values()}) == len(OWN_NAMES)
    section = texts["nl"].questions[0].section_type
    for of in OWN_NAMES:
        for said in OWN_NAMES:
            shown = Shown("1", section, texts[of].text)
            if of == said:
                await consents.choose(token, shown, "yes", said)
            else:
                with pytest.raises(Conflict, match="question has changed"):
                    await consents.choose(token, shown, "yes", said)


async def test_after_another_language_was_chosen_the_page_that_was_open_still_answers_its_own_text(
    world: World,
) -> None:
    await pushed(world)
    async with world.browser("pl") as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        old = form_of(page.text, "/questions/1")
        csrf = {"csrf": old["csrf"], "language": "uk", "back": "/questions/1"}
        page = await browser.post("/language", data=csrf)
        assert (page.url.path, 'lang="uk"' in opening(page)) == ("/questions/1", True)
        mixed = {**old, "shown": "uk", "answer": "yes"}
        assert (await browser.post("/questions/1", data=mixed)).status_code == 409
        assert (await browser.post("/questions/1", data={**old, "answer": "yes"})).status_code == 200


async def test_beside_a_translation_stands_the_dutch_text_and_that_nobody_checked_it(world: World) -> None:
    await pushed(world)
    code = await world.invite(TOM, "mother")
    pages = {}
    async with world.browser() as browser:
        page = await world.come_in(browser, code)
        for language in OWN_NAMES:
            fields = {"csrf": form_of(page.text, "/questions/1")["csrf"], "language": language, "back": "/questions/1"}
            page = await browser.post("/language", data=fields)
            pages[language] = page.text
    dutch = re.sub(r"<[^>]*>", "", re.findall(r"<h1[^>]*>(.*?)</h1>", pages["nl"])[0])
    assert "In het Nederlands" not in pages["nl"]
    for language, text in pages.items():
        if language != "nl":
            beside = text.partition('<summary lang="nl" dir="ltr">In het Nederlands</summary>')[2]
            assert dutch in beside.partition("</details>")[0], language
    unchecked = "Nobody whose own language this is"
    assert unchecked not in pages["en"]
    assert "ana dili Türkçe olan" in pages["tr"]


# --- a young person -------------------------------------------------------------------------------


def born(world: World, years: int, days: int = 0) -> dict[str, str]:
    """Turns that age so many days from now."""
    return {"birthDate": birthday(local_day(world.clock()) + timedelta(days=days), -years).isoformat()}


@pytest.mark.parametrize(("years", "days", "young"), [(12, 0, True), (16, 1, True), (16, 0, False), (14, 30, True)])
async def test_from_the_twelfth_to_the_sixteenth_birthday_the_text_is_for_a_young_person(
    world: World, years: int, days: int, young: bool
) -> None:
    await pushed(world, tom=born(world, years, days))
    consents = world.broker.consents
    token = await world.visit(await world.invite(TOM, "tom"))
    for language in OWN_NAMES:
        notice = world.broker.house.agreement().notices[language]
        questions = await consents.questionnaire(token, language)
        title = questions.questions[0].parts["no"]
        assert title == (notice.child.get("no", notice.parts["no"]) if young else notice.parts["no"])
        if language in ("nl", "en"):
            assert (title == notice.child["no"]) is young


async def test_who_signs_for_a_child_reads_the_text_for_everybody(world: World) -> None:
    await pushed(world)
    questions = await world.broker.consents.questionnaire(await world.visit(await world.invite(TOM, "mother")), "nl")
    assert questions.questions[0].parts["no"] == world.broker.house.agreement().notices["nl"].parts["no"]


async def test_a_child_under_twelve_is_asked_nothing(world: World) -> None:
    await pushed(world, tom=born(world, 12, 1))
    path = f"/v1/handovers/{world.handovers[TOM]}/invitations"
    answer = await world.as_organisation(world.sender(TOM), "POST", path, {"person": "tom", "delivery": "paper"})
    assert answer.status_code == 409


async def test_the_variant_is_named_in_what_is_stored_and_turns_at_midnight(world: World) -> None:
    now = datetime.now(UTC)
    world.clock.fixed = datetime(now.year, now.month, now.day, 22, 50, tzinfo=UTC) - timedelta(
        hours=1 if local_day(datetime(now.year, now.month, now.day, 22, 50, tzinfo=UTC)) != now.date() else 0
    )
    today: date = local_day(world.clock.fixed)
    await pushed(world, tom={"birthDate": birthday(today + timedelta(days=1), -16).isoformat()})
    consents, token = world.broker.consents, await world.visit(await world.invite(TOM, "tom"))
    before = await consents.questionnaire(token, "nl")
    first = before.questions[0]
    await consents.choose(token, Shown("1", first.section_type, before.text), "yes", "nl")
    world.clock.fixed += timedelta(minutes=20)
    assert local_day(world.clock.fixed) == today + timedelta(days=1)
    after = await consents.questionnaire(token, "nl")
    assert after.text != before.text
    assert "You" not in after.questions[0].parts["no"]
    with pytest.raises(Conflict):
        await consents.choose(token, Shown("1", first.section_type, before.text), "yes", "nl")
    house = world.broker.house
    async with house.storage() as work:
        visit = await work.visits.by_token(token, house.clock())
        assert visit is not None
        [kept] = visit.state["texts"].values()
    assert kept["text"].startswith("nl 3 child\n")


# --- attacks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["ar", "nl"])
async def test_a_name_cannot_turn_the_text_around_it(world: World, language: str) -> None:
    await pushed(world, tom={"name": f"Tom{RLO}\u2066 \u2069aan allen"})
    async with world.browser(language) as browser:
        page = await world.come_in(browser, await world.invite(TOM, "mother"))
        assert RLO not in page.text
        questions = await world.broker.consents.questionnaire(browser.cookies["rondom"], language)
        said = questions.questions[0].parts["what"]
        assert ("\u2068Tom aan allen\u2069" if language == "ar" else "Tom aan allen") in said
        assert set(said) & TURNING == (set("\u2068\u2069") if language == "ar" else set())
        for _ in questions.questions:
            page = await browser.post(page.url.path, data={**form_of(page.text, page.url.path), "answer": "no"})
        page = await browser.post("/check", data=form_of(page.text, "/check"))
        for path in (page.url.path, "/mine"):
            assert RLO not in (await browser.get(path)).text


@pytest.mark.parametrize("cookie", ["../../x", "nl/../ar", "xx", "AR", "", "ar;", "%2e%2e"])
async def test_a_language_cookie_that_is_none_counts_for_nothing(world: World, cookie: str) -> None:
    async with nobodys_browser(world, "tr") as browser:
        page = await browser.get("/", headers={"Cookie": f"rondom-language={cookie}"})
        assert page.status_code == 200
        assert 'lang="tr" dir="ltr"' in opening(page) or cookie == "ar;"
        assert (await browser.post("/language", data={"language": cookie, "back": "/"})).status_code == 400


async def test_the_console_is_in_the_languages_of_the_office(world: World) -> None:
    async with world.browser("ar") as browser:
        assert 'lang="nl" dir="ltr"' in opening(await browser.get("/console"))
        answer = await browser.post("/console/language", data={"language": "ar", "back": "/console"})
        assert answer.status_code == 400


async def test_a_push_names_a_language_that_families_are_written_to_in(world: World) -> None:
    body = world.body(TOM)
    for language in (*OWN_NAMES, "fr", "ar-SY", "AR", "", None, "tr\n"):
        people_of(body)["mother"]["language"] = language
        path = "/v1/handovers?dryRun=true"
        answer = await world.as_organisation(world.sender(TOM), "POST", path, body)
        assert answer.status_code == (200 if language in OWN_NAMES else 400), language
        if language not in OWN_NAMES:
            [fault] = answer.json()["errors"]
            assert fault["pointer"] == "/people/1/language"


async def test_an_agreement_without_further_languages_works_and_shows_its_dutch_as_dutch(world: World) -> None:
    shipped = {
        path.relative_to(ROOT / "policies").as_posix(): path.read_text("utf-8")
        for path in (ROOT / "policies").rglob("*.*")
        if path.is_file()
    }
    own = {path: text for path, text in shipped.items() if not path.startswith("words/")}
    own = {path: text for path, text in own.items() if not path.startswith("notices/") or path[8:10] in ("nl", "en")}
    decide_with(world, LoadedAgreement(load_texts(own), world.broker.alarms.hear))
    await pushed(world, mother={"language": "tr"})
    code = await world.invite(TOM, "mother")
    async with nobodys_browser(world, "en") as browser:
        assert 'lang="en"' in opening(await world.come_in(browser, code)), "the agreement has no Turkish"
    async with world.browser("tr") as browser:
        page = await world.come_in(browser, code)
        assert '<h1 class="utrecht-heading-1" lang="nl" dir="ltr">' in page.text
        for _ in range(3):
            page = await browser.post(page.url.path, data={**form_of(page.text, page.url.path), "answer": "no"})
        assert '<span lang="nl" dir="ltr">' in page.text
    [*_, sent] = await world.messages("one-time-code")
    assert sent["language"] == "nl"
