"""Every text is there in every language, with the same things filled in."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.forms.timeline import Moment
from broker.web.kit.site import AT_WORK
from broker.web.kit.texts import LOCALE, OWN_NAMES, catalogue, texts

WEB = Path(LOCALE).parent
LANGUAGES = sorted(AT_WORK)


def _used() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(
        str(WEB),
        [("**.py", "python"), ("**/templates/**.html", "jinja2")],
        {"**/templates/**.html": {"extensions": "jinja2.ext.i18n", "trim_blocks": "true", "lstrip_blocks": "true"}},
    )
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}


def _holes(text: str) -> set[str]:
    return set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_and_no_other(language: str) -> None:
    messages = {
        message.id if isinstance(message.id, str) else tuple(message.id): message
        for message in catalogue(language)
        if message.id
    }
    used = _used()
    assert len(used) > 100
    assert set(messages) == used
    for source, message in messages.items():
        sources = (source,) if isinstance(source, str) else source
        strings = (message.string,) if isinstance(message.string, str) else tuple(message.string or ())
        assert not message.fuzzy, source
        assert len(strings) == len(sources), source
        for one, text in zip(sources, strings, strict=True):
            assert text.strip(), one
            assert _holes(text) == _holes(one), one


def test_dutch_differs_from_english() -> None:
    same = [m.id for m in catalogue("nl") if m.id and m.id == m.string]
    assert set(same) <= {
        "BSN",
        "Website",
        "Console",
        "Officers",
        "Parameters",
        "Passkeys",
        "Privacy officers",
        "Professional",
        "Status",
        "Stop",
        "Type",
    }


def test_dates_and_lists_are_written_as_the_language_writes_them() -> None:
    night = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # the night the clocks go forward
    assert texts("nl").moment(night) == "29 maart 2026, 00:30"
    assert texts("ar").moment(night) == "29 مارس 2026، 00:30"
    assert texts("nl").day(date(2027, 9, 20)) == "20 september 2027"
    assert texts("en").day(date(2027, 9, 20)) == "20 September 2027"
    assert texts("nl").listed(["a", "b", "c"]) == "a, b en c"
    assert texts("en").listed(["a", "b"]) == "a and b"
    assert texts("en").listed(["a", "b", "c"]) == "a, b and c"
    assert texts("nl").ngettext(*next(m.id for m in catalogue("nl") if isinstance(m.id, tuple | list)), 1)


def test_a_language_names_itself() -> None:
    assert [texts(language).name for language in LANGUAGES] == ["English", "Nederlands"]


MOMENTS = st.one_of(
    st.integers(1900, 2199).map(str),
    st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(lambda day: day.isoformat()[:7]),
    st.dates(date(1900, 1, 1), date(2199, 12, 31)).map(date.isoformat),
).map(Moment.parse)
FAMILIES = sorted(OWN_NAMES)


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("nl", ["2025", "maart 2025", "12 maart 2025"]),
        ("en", ["2025", "March 2025", "12 March 2025"]),
        ("tr", ["2025", "Mart 2025", "12 Mart 2025"]),
        ("pl", ["2025", "marzec 2025", "12 marca 2025"]),
        ("uk", ["2025", "березень 2025", "12 березня 2025"]),
        ("ar", ["2025", "مارس 2025", "12 مارس 2025"]),
        ("ti", ["2025", "መጋቢት 2025", "12 መጋቢት 2025"]),
    ],
)
def test_a_moment_is_written_as_exactly_as_somebody_knows_it(language: str, written: list[str]) -> None:
    assert [texts(language).exactly(Moment.parse(text)) for text in ("2025", "2025-03", "2025-03-12")] == written
    assert language in FAMILIES


@given(MOMENTS, MOMENTS, st.sampled_from(FAMILIES))
def test_two_moments_are_never_written_alike_and_none_more_exactly_than_it_is(
    one: Moment, other: Moment, language: str
) -> None:
    written = texts(language).exactly(one)
    assert (written == texts(language).exactly(other)) == (one == other)
    day = [str(one.first.day)] if one.text.count("-") == 2 else []
    assert re.findall(r"\d+", written) == [*day, str(one.first.year)]
    assert bool(re.search(r"[^\d\s]", written)) == ("-" in one.text), "a month only where one is known"
