"""Whatever a family can read, on a page or in a message, is there in every language, with the same things filled in."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from broker.domain.directions import TURNING
from broker.web.kit.site import AT_WORK, Site
from broker.web.kit.texts import LOCALE, OWN_NAMES, catalogue, texts

WEB = Path(LOCALE).parent
BROKER = WEB.parent
POLICIES = BROKER.parent / "policies"
LANGUAGES = Site("https://rondom.example").languages
TRANSLATED = tuple(code for code in LANGUAGES if code not in AT_WORK)
SAYS_TO_FAMILIES = (
    "errors.py",
    "api/sheet.py",
    "domain/consents.py",
    "domain/reactions.py",
    "notifications/senders.py",
    *(
        f"services/{name}.py"
        for name in (
            "confirming",
            "consents",
            "doorway",
            "hearing",
            "invitations",
            "notices",
            "own_passkeys",
            "own_text",
            "questionnaires",
            "reactions",
            "receipts",
            "recording",
            "reminders",
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
