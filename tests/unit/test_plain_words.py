"""Texts for families are short and in everyday words; a text that is not is refused, with its place."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _loaded() -> ModuleType:
    spec = importlib.util.spec_from_file_location("plain_words", ROOT / ".ci" / "plain_words.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


plain = _loaded()


def faults(text: str, **reviewed: dict[str, str]) -> list[str]:
    return list(plain.check([plain.Text("here", text)], {"hard": {"indien": "als"}, **reviewed}))


def test_all_that_families_read_passes(capsys: pytest.CaptureFixture[str]) -> None:
    assert plain.main() == 0, capsys.readouterr().err


def test_the_texts_that_families_read_are_among_those_that_are_looked_at() -> None:
    found = {text.words: text.where for text in plain.texts()}
    for words in (
        "Nee zeggen mag. De hulp gaat gewoon door. Kies je niets, dan telt dat als nee.",  # the question
        "Lees wat er over jou staat",  # a page
        "Vraag hieronder een nieuwe code.",  # a refusal
        "Mag je dit niet meer lezen?",  # none: stands nowhere
        "Hierin staat welke hulp er eerder was, van wie en wanneer.",  # the agreement
        "Dit is te lang.",  # a form
    ):
        assert (words in found) == ("niet meer lezen?" not in words), words
    assert len(found) > 300


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (
            "Je krijgt een bericht als iemand iets leest en dat kan elke dag zijn of ook een keer in de nacht.",
            "words in",
        ),
        ("Wij doen dit op basis van een vigerende grondslagverklaring.", "few people"),
        ("Dit is een bewaartermijnoverschrijding.", "few people"),
        ("Bel ons, bijv. op maandag.", "abbreviation"),
        ("Dat mag o.a. op school.", "abbreviation"),
        ("Dat zegt de AVG.", "abbreviation"),
        ("Indien je wilt, bel je ons.", "offices"),
        ("De tekst wordt bewaard. Daarna wordt de tekst gelezen.", "passive"),
        ("De tekst wordt gelezen als er wordt gebeld.", "passive"),
    ],
)
def test_a_bad_text_is_refused_with_its_place(words: str, what: str) -> None:
    found = faults(words)
    assert any(what in fault for fault in found), found
    assert all(fault.startswith("here: ") for fault in found)


@pytest.mark.parametrize(
    "words",
    [
        "Je mag nee zeggen. De hulp gaat gewoon door.",
        "De schooldokter belt je huisarts.",
        "%(sender)s schreef dit. Wie mag het lezen? Alleen {recipients}.",
        "De tekst wordt gelezen. Daarna bel je ons. Dan wordt het stil.",
    ],
)
def test_a_plain_text_passes(words: str) -> None:
    assert faults(words) == []


def test_what_people_looked_at_passes_and_what_nothing_needs_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert faults("Een pufje.") != []
    assert faults("Een pufje.", words={"pufje": "known"}) == []
    listed = tmp_path / "plain_words.toml"
    listed.write_text(plain.REVIEWED.read_text("utf-8").replace("[names]", 'kwispelstaart = "why"\n[names]'), "utf-8")
    monkeypatch.setattr(plain, "REVIEWED", listed)
    assert plain.main() == 1
    assert "words.kwispelstaart is not needed any more" in capsys.readouterr().err


def test_nothing_of_the_frequency_list_is_in_this_project() -> None:
    assert not [path for path in ROOT.glob("[!.]*/**/*.msgpack*") if "site-packages" not in path.parts]
