"""The pages of the family's own words: who reads them is said before and after, what was typed is not lost, it stays text."""

import html
import re
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI

from broker.domain.reactions import LONGEST, ReactionState
from broker.errors import NotFound
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CSRF, NOW, SENDER
from tests.unit.web.test_family_pages import HOSTILE, LANGUAGES, form, visible

PART = "/mine/sections/part-timeline"
KINDS = ("reaction", "correction-request")
READERS = {
    "nl": f"Wie dit onderdeel mag lezen, leest ook wat jij schrijft. {SENDER} leest het ook.",
    "en": f"Who may read this part also reads your words. {SENDER} reads them too.",
}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
async def test_the_whole_way_by_links_and_one_form(app: FastAPI, family: FakeFamily, kind: str, language: str) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        mine = (await client.get("/mine")).text
        assert f'href="{PART}/{kind}"' in mine
        page = await client.get(f"{PART}/{kind}")
        assert READERS[language] in visible(page)
        assert 'href="/mine"' in page.text
        assert page.text.count("<script") == 1, "that of the quick exit"
        answer = await client.post(f"{PART}/{kind}", data=form(text="Het was\r\ndinsdag."))
        assert (answer.status_code, answer.headers["location"]) == (303, "/mine/reactions/w1")
        done = await client.get("/mine/reactions/w1")
        assert {"nl": "Klaar. Dit heb je geschreven.", "en": "Done. This is what you wrote."}[language] in visible(done)
        assert READERS[language] in visible(done)
        assert "Het was dinsdag." in visible(done)
        assert "Het was dinsdag." in visible(await client.get("/mine"))
    assert family.calls == [("react", "part-timeline", kind, "Het was\ndinsdag.")]


async def test_a_request_says_that_it_stays_with_the_part(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    assert "Zolang er niets is aangepast" in visible(await client.get(f"{PART}/correction-request"))
    assert "Zolang er niets is aangepast" not in visible(await client.get(f"{PART}/reaction"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "Schrijf eerst iets op."),
        (" \r\n ", "Schrijf eerst iets op."),
        ("x" * (LONGEST + 1), "Dit is te lang."),
        ("Een\x07 bel", "een teken in dat wij niet kunnen bewaren"),
        ("\x07" + "x" * LONGEST, "Dit is te lang."),
        ("x" * LONGEST + "\x07", "een teken in dat wij niet kunnen bewaren"),
    ],
)
async def test_what_cannot_be_kept_is_told_at_the_field_and_stays_in_it(
    client: httpx.AsyncClient, family: FakeFamily, text: str, told: str
) -> None:
    family.visit()
    page = await client.post(f"{PART}/reaction", data=form(text=text))
    assert page.status_code == 400
    assert told in visible(page)
    assert 'aria-describedby="text-error text-help"' in page.text
    kept = page.text.partition("<textarea")[2].partition(">")[2].partition("</textarea>")[0]
    assert html.unescape(kept) == text.strip()
    assert family.calls == []


async def test_a_page_full_of_large_signs_fits_and_more_than_a_form_does_not(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    answer = await client.post(f"{PART}/reaction", data=form(text="🫨" * LONGEST))
    assert answer.status_code == 303
    assert family.calls[-1][3] == "🫨" * LONGEST
    assert (await client.post(f"{PART}/reaction", data=form(text="x" * 40_000))).status_code == 400
    assert (await client.post("/mine/stop", data=form(group="g1", section="x" * 5_000))).status_code == 400
    assert (await client.post("/mine/stop", data=form(group="g1", section="time\nline"))).status_code == 400
    assert len(family.calls) == 1


async def test_too_often_is_told_beside_the_text(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for _ in range(3):
        await client.post(f"{PART}/reaction", data=form(text="Nog eens."))
    page = await client.post(f"{PART}/reaction", data=form(text="En nog eens."))
    assert (page.status_code, page.headers["retry-after"]) == (429, "3600")
    assert "En nog eens.</textarea>" in page.text


async def test_what_is_not_theirs_is_not_there(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for path in ("/mine/sections/part-other/reaction", f"{PART}/answer", f"{PART}/x", "/mine/reactions/w9"):
        assert (await client.get(path)).status_code == 404, path
        if "reactions" not in path:
            assert (await client.post(path, data=form(text="Het was dinsdag."))).status_code == 404, path
    assert family.calls == []


async def test_writing_needs_the_secret_of_the_visit_and_the_one_time_code(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    for csrf in ("", "x", CSRF[:-1]):
        answer = await client.post(f"{PART}/reaction", data={"csrf": csrf, "text": "Het was dinsdag."})
        assert answer.status_code == 403
    for stage, place in (("code", "/contact"), ("sent", "/one-time-code")):
        family.visit(stage)
        for path in (f"{PART}/reaction", "/mine/reactions/w1"):
            assert (await client.get(path)).headers["location"] == place
        answer = await client.post(f"{PART}/reaction", data=form(text="Het was dinsdag."))
        assert answer.headers["location"] == place
    assert family.calls == []


async def test_who_has_nothing_to_write_about_sees_no_word_of_it(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    family.types = ()
    page = visible(await client.get("/mine"))
    assert "Klopt er iets niet" not in page
    assert "Wat je schreef" not in page


@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_state_has_words_and_an_answer_stands_beside_its_request(
    app: FastAPI, family: FakeFamily, language: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        await client.post(f"{PART}/correction-request", data=form(text="Het was dinsdag."))
        (screen,) = family.written
        for state in ReactionState:
            answered = state not in (ReactionState.KEPT, ReactionState.OPEN)
            answer = "Klopt, het was dinsdag." if answered else None
            family.written = (replace(screen, state=state, answer=answer, answered_at=NOW if answered else None),)
            for path in ("/mine", "/mine/reactions/w1"):
                page = await client.get(path)
                assert page.status_code == 200
                assert not re.search(r"(?<![\w-])(kept|not-corrected|corrected|not-erased)(?![\w-])", visible(page))
                assert ("Klopt, het was dinsdag." in visible(page)) is answered


async def test_words_and_answers_stay_text(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.person = family.sender = HOSTILE
    family.visit()
    pages = [await client.post(f"{PART}/reaction", data=form(text=f"</textarea>{HOSTILE}" + "x" * LONGEST))]
    await client.post(f"{PART}/correction-request", data=form(text=f"</textarea>{HOSTILE}"))
    (screen,) = family.written
    family.written = (replace(screen, state=ReactionState.NOT_CORRECTED, answer=HOSTILE, answered_at=NOW),)
    pages += [await client.get(path) for path in ("/mine", "/mine/reactions/w1", f"{PART}/reaction")]
    for page in pages:
        assert "<img" not in page.text
        assert html.escape(HOSTILE)[:8] in page.text
        assert page.text.count("</textarea>") == page.text.count("<textarea")


async def test_the_title_and_the_address_tell_nothing(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for kind in KINDS:
        page = (await client.get(f"{PART}/{kind}")).text
        assert "<title>Jouw eigen woorden – Rondom</title>" in page
    page = (await client.post(f"{PART}/reaction", data=form(text=""))).text
    assert "<title>Fout: Jouw eigen woorden – Rondom</title>" in page


async def test_another_language_leads_back_to_the_same_page(client: httpx.AsyncClient, family: FakeFamily) -> None:
    family.visit()
    for back in (f"{PART}/reaction", "/mine/reactions/w1"):
        answer = await client.post("/language", data=form(language="en", back=back))
        assert answer.headers["location"] == back
    for back in ("/mine/sections/../../console", "/mine/sections/x/reaction/y", "/mine/sections//evil.example"):
        answer = await client.post("/language", data=form(language="en", back=back))
        assert answer.headers["location"] == "/"


async def test_a_part_that_went_meanwhile_is_not_there_any_more(
    client: httpx.AsyncClient, family: FakeFamily, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_: object) -> str:
        raise NotFound

    family.visit()
    monkeypatch.setattr(family, "react", gone)
    page = await client.post(f"{PART}/reaction", data=form(text="Het was dinsdag."))
    assert page.status_code == 404
    assert "niet voor jou" in visible(page)


# asking to erase

WHOLE_PART = "/mine/sections/part-whole/erasure-request"
ASK = {"nl": "Vraag om dit te wissen", "en": "Ask to erase this"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_asking_to_erase_takes_one_form_without_words_and_says_first_what_it_does(
    app: FastAPI, family: FakeFamily, language: str
) -> None:
    family.visit(language=language)
    only = {"nl": f"Alleen {SENDER} leest dit en beslist.", "en": f"Only {SENDER} reads this, and decides."}[language]
    kept = {"nl": "kan het bewaard hebben", "en": "may have kept it"}[language]
    async with browsing(app, language) as client:
        mine = await client.get("/mine")
        assert f'href="{WHOLE_PART}"' in mine.text
        assert ASK[language] in visible(mine)
        page = await client.get(WHOLE_PART)
        assert page.text.count("<script") == 1, "that of the quick exit"
        assert "required" not in page.text.partition("<textarea")[2].partition(">")[0]
        assert READERS[language] not in visible(page), "no reader of a part reads this"
        for told in (ASK[language], only, kept):
            assert told in visible(page)
        answer = await client.post(WHOLE_PART, data=form(text=""))
        assert (answer.status_code, answer.headers["location"]) == (303, "/mine/reactions/w1")
        done = visible(await client.get("/mine/reactions/w1"))
        assert {"nl": "Je vroeg om dit te wissen.", "en": "You asked to erase this."}[language] in done
        assert only in done
    assert family.calls == [("react", "part-whole", "erasure-request", "")]


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_was_erased_says_since_when_and_what_will_happen_no_more(
    app: FastAPI, family: FakeFamily, language: str
) -> None:
    family.visit(language=language)
    async with browsing(app, language) as client:
        await client.post(WHOLE_PART, data=form(text="Ik wil dit niet meer."))
        (screen,) = family.written
        family.written = (replace(screen, state=ReactionState.ERASED, text="", answered_at=NOW),)
        since = {"nl": "Gewist op 21 september 2026, 14:05.", "en": "Erased on 21 September 2026, 14:05."}[language]
        for path in ("/mine", "/mine/reactions/w1"):
            page = await client.get(path)
            assert since in visible(page)
            assert '<p class="rd-words">' not in page.text, "no empty words"
        assert {"nl": "beslist", "en": "decides"}[language] not in visible(page)


async def test_a_part_is_not_erased_and_a_whole_is_not_reacted_to(
    client: httpx.AsyncClient, family: FakeFamily
) -> None:
    family.visit()
    for path in (f"{PART}/erasure-request", "/mine/sections/part-whole/reaction"):
        assert (await client.get(path)).status_code == 404
        assert (await client.post(path, data=form(text="x"))).status_code == 404
    page = await client.post(WHOLE_PART, data=form(text="x" * (LONGEST + 1)))
    assert page.status_code == 400
    assert "Dit is te lang." in visible(page)
