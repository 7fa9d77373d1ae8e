"""Whatever a family can read, on a page or in a message, is there in every language, with the same things filled in."""

import ast
import re
import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from fastapi import FastAPI

from broker.domain.directions import TURNING
from broker.errors import Words
from broker.web.kit.pages import start
from broker.web.kit.phrases import Phrases
from broker.web.kit.site import AT_WORK, Site
from broker.web.kit.texts import LOCALE, OWN_NAMES, catalogue, texts
from tests.unit.web.conftest import browsing
from tests.unit.web.fakes import FakeFamily
from tests.unit.web.family_words import CODE

WEB = Path(LOCALE).parent
BROKER = WEB.parent
POLICIES = BROKER.parent / "policies"
LANGUAGES = Site("https://rondom.example").languages
TRANSLATED = tuple(code for code in LANGUAGES if code not in AT_WORK)
SAYS_TO_FAMILIES = (
    "errors.py",
    "api/sheet.py",
    "domain/consents.py",
    "domain/own_plan.py",
    "domain/reactions.py",
    "domain/sign_offs.py",
    "domain/tasks.py",
    "notifications/senders.py",
    *(
        f"services/{name}.py"
        for name in (
            "check_ins",
            "confirming",
            "consents",
            "doorway",
            "hearing",
            "invitations",
            "notices",
            "own_passkeys",
            "own_plan",
            "own_sign_offs",
            "own_tasks",
            "own_text",
            "plan_desk",
            "plan_keeping",
            "questionnaires",
            "reactions",
            "receipts",
            "recording",
            "reminders",
            "tasks",
            "telling",
        )
    ),
    *(f"web/consent/{path.name}" for path in sorted((WEB / "consent").glob("*.py"))),
    *(f"web/kit/{name}.py" for name in ("forms", "language", "pages")),
)
"""The modules whose `Words` can reach a page or a message of a family."""
HOLE = re.compile(r"\{\w*\}|%\(\w+\)s")


def _texts_of_pages() -> set[str]:
    found = extract_from_dir(
        str(WEB),
        [("consent/**.py", "python"), ("consent/templates/**.html", "jinja2"), ("kit/templates/**.html", "jinja2")],
        {
            "**/templates/**.html": {"extensions": "jinja2.ext.i18n"},
            "consent/templates/**.html": {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "lstrip_blocks": "true"},
            "kit/templates/**.html": {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "lstrip_blocks": "true"},
        },
    )  # fmt: skip
    used: set[str] = set()
    for file, _, message, _, _ in found:
        if file != "kit/templates/reference.html":
            used |= {message} if isinstance(message, str) else set(message)
    return used


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _words_of(path: Path) -> Iterator[str]:
    """The English of each `Words("..", "..")` and each `Invalid.at("..", "..", "..")`."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        named, given = ast.unparse(node.func), node.args
        place = {"Words": 1, "Invalid.at": 2}.get(named)
        if place is not None and len(given) > place:
            english = _literal(given[place])
            if english is not None:
                yield english


def _said() -> set[str]:
    return {english for name in SAYS_TO_FAMILIES for english in _words_of(BROKER / name)}


def _messages(language: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for message in catalogue(language):
        if isinstance(message.id, str):
            pairs[message.id] = str(message.string)
        else:
            assert len(message.string) == 2, message.id
            pairs.update(zip(message.id, message.string, strict=True))
    return {source: text for source, text in pairs.items() if source}


def test_every_language_of_families_has_a_catalogue_a_name_a_notice_and_words() -> None:
    assert set(LANGUAGES) == {folder.name for folder in LOCALE.iterdir() if folder.is_dir()} == set(OWN_NAMES)
    assert {path.stem for path in (POLICIES / "notices").glob("*.toml")} == set(LANGUAGES)
    assert {path.stem for path in (POLICIES / "words").glob("*.toml")} == set(TRANSLATED)
    assert tuple(OWN_NAMES) == LANGUAGES
    assert Site("https://rondom.example").languages_of("console") == AT_WORK


@pytest.mark.parametrize("language", TRANSLATED)
def test_nothing_that_a_family_can_read_is_missing_or_left_over(language: str) -> None:
    pages, said = _texts_of_pages(), _said()
    assert len(pages) > 150
    assert len(said) > 45
    messages, needed = _messages(language), pages | said
    assert sorted(needed - set(messages)) == []
    assert sorted(set(messages) - needed) == []
    for source, text in messages.items():
        assert text.strip(), source
        assert sorted(HOLE.findall(text)) == sorted(HOLE.findall(source)), source
        assert not TURNING & set(text), source
        assert "<" not in text, source


@pytest.mark.parametrize("language", TRANSLATED)
def test_who_reviewed_a_language_is_written_in_its_file(language: str) -> None:
    text = (LOCALE / language / "LC_MESSAGES" / "messages.po").read_text("utf-8")
    assert re.search(r'^"X-Reviewed: (no|yes, by .+, \d{4}-\d\d-\d\d)\\n"$', text, re.MULTILINE)
    notice = tomllib.loads((POLICIES / "notices" / f"{language}.toml").read_text("utf-8"))
    assert isinstance(notice["review"]["reviewed"], bool)


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_translation_is_written_in_the_script_of_its_language(language: str) -> None:
    scripts = {
        "ar": "\u0600-\u06ff",
        "uk": "\u0400-\u04ff",
        "ti": "\u1200-\u137f",
        "tr": "a-zçğıöşü",
        "pl": "a-ząćęłńóśźż",
    }
    own = re.compile(f"[{scripts[language]}]", re.IGNORECASE)
    names = {"rondom-answers", "rondom-proof", "rondom-check"}
    assert [s for s, text in _messages(language).items() if s not in names and not own.search(text)] == []
    same = {source for source, text in _messages(language).items() if source == text} - names
    assert len(same) < 5, same


def test_numbers_take_the_form_that_is_written_for_them() -> None:
    minutes = ("Try again in %(num)s minute.", "Try again in %(num)s minutes.")
    assert texts("nl").ngettext(*minutes, 1) == "Probeer het over %(num)s minuut opnieuw."
    assert texts("en").ngettext(*minutes, 2) == minutes[1]
    for language in TRANSLATED:
        for number in (1, 2, 5):
            assert "%(num)s" in texts(language).ngettext(*minutes, number)


# --- pages ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_switch_names_each_other_language_in_its_own_words(app: FastAPI, language: str) -> None:
    async with browsing(app, language) as client:
        page = (await client.get("/")).text
    assert re.findall(r"<html[^>]*>", page) == [
        f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}" class="rd-family">'
    ]
    offered = re.findall(r'name="language" value="(..)" lang="(..)" dir="(...)">([^<]+)<', page)
    others = [code for code in LANGUAGES if code != language]
    assert offered == [(code, code, "rtl" if code == "ar" else "ltr", OWN_NAMES[code]) for code in others]
    assert re.search(rf"<summary[^>]*>.*{OWN_NAMES[language]}</summary>", page)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("ar-SY,en;q=0.5", "ar"),
        ("uk-UA", "uk"),
        ("ti-ER,ti;q=0.9", "ti"),
        ("so,tr;q=0.4,en;q=0.3", "tr"),
        ("pl;q=0.1,en;q=0.2", "en"),
        ("so", "nl"),
        ("", "nl"),
    ],
)
async def test_a_browser_is_answered_in_the_language_that_it_asks_for(app: FastAPI, asked: str, shown: str) -> None:
    async with browsing(app, asked) as client:
        answer = await client.get("/signed-out")
        console = await client.get("/console")
    assert answer.headers["content-language"] == shown
    assert console.headers["content-language"] in AT_WORK


async def test_after_the_code_a_visit_is_in_the_persons_own_language_unless_one_was_chosen(
    app: FastAPI, family: FakeFamily
) -> None:
    family.speaks = "ti"
    async with browsing(app, "en") as client:
        await client.post("/code", data={"code": CODE})
        assert family.calls[-1][-1] == "ti"
        assert (await client.get("/contact")).headers["content-language"] == "ti"
    family.current = None
    async with browsing(app, "en") as client:
        await client.post("/language", data={"language": "pl", "back": "/"})
        await client.post("/code", data={"code": CODE})
    assert family.calls[-1][-1] == "pl"


async def test_a_visit_in_a_language_that_the_pages_do_not_have_is_in_that_of_the_browser(
    app: FastAPI, family: FakeFamily
) -> None:
    family.visit("code", language="fr")
    async with browsing(app, "pl") as client:
        assert (await client.get("/contact")).headers["content-language"] == "pl"


async def test_where_a_page_runs_from_the_right_codes_names_and_days_stand_apart(
    app: FastAPI, family: FakeFamily
) -> None:
    family.visit("sent", language="ar")
    async with browsing(app, "ar") as client:
        assert '<bdi dir="ltr">06 ** ** ** 11</bdi>' in (await client.get("/one-time-code")).text
        family.visit(language="ar")
        family.answers = dict.fromkeys(family.types, "yes")
        page = (await client.get("/check")).text
        assert "<bdi>20 سبتمبر 2027</bdi>" in page
        assert page.count('<span lang="nl" dir="ltr">Tijdlijn</span>') == 3, "no Arabic for it here: Dutch, and marked"
        assert 'dir="ltr"' in re.findall(r'<input[^>]*id="code"[^>]*>', (await client.get("/")).text)[0]
    family.visit(language="en")
    async with browsing(app, "en") as client:
        assert "<bdi>20 September" not in (await client.get("/check")).text


async def test_a_label_in_another_language_keeps_its_mark_at_the_start_of_a_line() -> None:
    marked = texts("tr").marked(Words("hulp <b>op school", "support"))
    assert start(marked) == '<span lang="nl" dir="ltr">Hulp &lt;b&gt;op school</span>'
    assert start(texts("nl").marked(Words("hulp", "support"))) == "Hulp"


def test_messages_are_dutch_and_english_as_they_were_and_turn_nothing_elsewhere() -> None:
    code = Words("Je code is {code}.", "Your code is {code}.")
    phrases = Phrases()
    assert phrases.fill(code, "nl", code="123456") == "Je code is 123456."
    assert phrases.fill(code, "en", code="{x}") == "Your code is {x}."
    assert phrases.fill(code, "ar", code="2A-1") == "Je code is \u200e2A-1.", "no such text in Arabic: Dutch"
    assert phrases.fill(code, "fr", code="1") == "Your code is 1."
    assert phrases.listed(["a", "b", "c"], "nl") == "a, b en c"
    assert phrases.listed(["a", "b", "c"], "en") == "a, b and c"
    assert (phrases.day(date(2027, 5, 1), "nl"), phrases.day(date(2027, 5, 1), "en")) == ("1 mei 2027", "1 May 2027")
    assert (phrases.apart("A\u202eB", "nl"), phrases.apart("A\u202eB", "ar")) == ("AB", "\u2068AB\u2069")
    assert phrases.apart("", "ar") == ""
