"""A section with a last day of its own leaves until that day ends in the Netherlands, and never after it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.domain.basis import basis_text, read_basis
from broker.domain.calendar import Period, end_of_day, local_day
from broker.domain.consents import Stance
from broker.domain.decisions import Finding, Ruling, Told
from broker.domain.expiry import faults_of_expiry
from broker.domain.handovers import Section
from broker.domain.own_text import own_text
from broker.domain.releases import decide
from broker.domain.vocabulary import Vocabulary
from broker.errors import Tampered
from tests.factories import (
    CHILD,
    MOTHER,
    NOW,
    PERMIT,
    TABLE,
    TODAY,
    a_handover,
    a_person,
    a_request,
    a_section,
    a_situation,
    a_vocabulary,
    born,
)

STATUS = "status"
YEAR = Period(12, 0)
DAYS = st.dates(date(2024, 1, 1), date(2032, 12, 31))
A_MOMENT = timedelta(microseconds=1)
YES = (Finding(CHILD, MOTHER, Stance.GIVEN),)
NO_RULE = Ruling(False, (), "d")


def told(section: Section, now: datetime, *expiring: str) -> Told | None:
    """What a recipient hears of a section to which everybody says yes."""
    handover = a_handover(section, retain_until=date(2199, 1, 1), consent_until=date(2199, 1, 1))
    situation = replace(a_situation(handover, []), expiring=frozenset(expiring))
    [decided] = decide(a_request(), situation, {section: YES}, {section: PERMIT}, now).sections
    return decided.told


@given(day=DAYS, seconds=st.integers(-200_000, 200_000))
@example(date(2026, 3, 28), 0)
@example(date(2026, 3, 29), 0)  # 23 hours
@example(date(2026, 10, 25), 0)  # 25 hours
@example(date(2028, 2, 29), -1)
def test_it_leaves_exactly_until_its_day_ends(day: date, seconds: int) -> None:
    now = end_of_day(day) + timedelta(seconds=seconds)
    assert told(a_section(STATUS, expires=day), now) == (None if local_day(now) <= day else Told.EXPIRED)
    assert told(a_section(STATUS, expires=day), end_of_day(day) - A_MOMENT) is None
    assert told(a_section(STATUS, expires=day), end_of_day(day)) is Told.EXPIRED


@pytest.mark.parametrize(
    ("day", "over"),
    [
        (date(2026, 3, 29), datetime(2026, 3, 29, 22, 0, tzinfo=UTC)),
        (date(2026, 3, 28), datetime(2026, 3, 28, 23, 0, tzinfo=UTC)),
        (date(2026, 10, 25), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
        (date(2026, 10, 24), datetime(2026, 10, 24, 22, 0, tzinfo=UTC)),
    ],
)
def test_across_clock_changes(day: date, over: datetime) -> None:
    assert told(a_section(STATUS, expires=day), over - A_MOMENT) is None
    assert told(a_section(STATUS, expires=day), over) is Told.EXPIRED


def test_a_type_that_must_have_a_day_and_has_none_never_leaves() -> None:
    assert told(a_section(STATUS), NOW) is None
    assert told(a_section(STATUS), NOW, "timeline") is None
    assert told(a_section(STATUS), NOW, STATUS) is Told.EXPIRED
    assert told(a_section(STATUS, expires=TODAY), NOW, STATUS) is None


def test_consent_and_agreement_still_decide_before_its_day() -> None:
    section = a_section(STATUS, expires=TODAY)
    handover = a_handover(section)
    situation = a_situation(handover, [])
    no_yes = decide(a_request(), situation, {section: ()}, {section: PERMIT}, NOW)
    assert [one.told for one in no_yes.sections] == [Told.NO_CONSENT]
    no_rule = decide(a_request(), situation, {section: YES}, {section: NO_RULE}, NOW)
    assert [one.told for one in no_rule.sections] == [Told.NOT_AGREED]
    late = decide(a_request(), situation, {section: ()}, {section: NO_RULE}, end_of_day(TODAY))
    assert [one.told for one in late.sections] == [Told.NOT_AGREED], "its existence is not told to whom it is not for"


def test_somebodys_own_text_goes_no_further_than_its_day() -> None:
    words = a_vocabulary()
    mine = {**words.section_types, STATUS: replace(words.section_types[STATUS], own_text=True)}
    section = a_section(STATUS, expires=TODAY)
    handover, reader = a_handover(section), a_person(CHILD, born(13))
    shown = replace(words, section_types=mine)
    assert own_text(reader, handover, section, shown, TABLE, NOW)
    assert own_text(reader, handover, section, shown, TABLE, end_of_day(TODAY)) is None


def test_a_logged_basis_keeps_the_day_and_not_the_words() -> None:
    section = a_section(STATUS, expires=TODAY, instrument="ARIJ", assessed_on=TODAY)
    text = basis_text(a_request(), a_situation(a_handover(section), []), NOW)
    assert "ARIJ" not in text
    [again] = read_basis(text).handover.sections
    assert (again.expires, again.instrument, again.assessed_on) == (TODAY, "", None)
    [plain] = read_basis(basis_text(a_request(), a_situation(a_handover(a_section(STATUS)), []), NOW)).handover.sections
    assert plain.expires is None
    with pytest.raises(Tampered):
        read_basis(text.replace('"2026-06-15"]', '"2026-06-15","2027-06-15"]'))


# what a body may say


def words(expires: Period | None = YEAR) -> Vocabulary:
    vocabulary = a_vocabulary()
    types = vocabulary.section_types
    return replace(vocabulary, section_types={**types, STATUS: replace(types[STATUS], expires=expires)})


WHOLE = {"type": STATUS, "expires": "2027-06-15", "instrument": "ARIJ", "assessedOn": "2026-06-15"}


def wrong(said: Mapping[str, Any], vocabulary: Vocabulary | None = None) -> list[str]:
    return [fault.pointer for fault in faults_of_expiry("/sections/0", said, vocabulary or words(), TODAY)]


@pytest.mark.parametrize(
    ("said", "pointers"),
    [
        ({}, []),
        ({"expires": "2026-06-15"}, []),
        ({"expires": "2027-06-16"}, ["expires"]),
        ({"expires": "2026-06-14"}, ["expires"]),
        ({"assessedOn": "2026-06-16"}, ["assessedOn"]),
        ({"assessedOn": "1899-12-31"}, ["assessedOn"]),
        ({"assessedOn": "2026-01-15"}, ["expires"]),
        ({"assessedOn": "2026-01-15", "expires": "2027-01-15"}, []),
        ({"assessedOn": "2026-01-15", "expires": "2027-01-16"}, ["expires"]),
        ({"expires": None}, ["expires"]),
        ({"expires": None, "instrument": None, "assessedOn": None}, ["expires", "instrument", "assessedOn"]),
        ({"expires": 5, "assessedOn": "soon"}, []),  # for the reader of the body to name
    ],
)
def test_where_it_is_demanded(said: dict[str, Any], pointers: list[str]) -> None:
    assert wrong({**WHOLE, **said}) == [f"/sections/0/{name}" for name in pointers]


def test_elsewhere_each_part_is_free_but_no_day_is_past_or_absurd() -> None:
    free = words(None)
    assert wrong({"type": STATUS}, free) == []
    assert wrong({"type": STATUS, "instrument": "x"}, free) == []
    assert wrong({"type": STATUS, "expires": "2046-06-15"}, free) == []
    assert wrong({"type": STATUS, "expires": "2046-06-16"}, free) == ["/sections/0/expires"]
    assert wrong({"type": STATUS, "expires": "2026-06-14"}, free) == ["/sections/0/expires"]
    assert wrong({"type": "no-such-type", "expires": "2026-06-14"}, free) == ["/sections/0/expires"]


@given(a=st.integers(0, 40), b=st.integers(0, 100), c=st.integers(0, 40), d=st.integers(0, 100), day=DAYS)
def test_a_period_within_another_never_ends_later(a: int, b: int, c: int, d: int, day: date) -> None:
    if Period(a, b).within(Period(c, d)):
        assert Period(a, b).after(day) <= Period(c, d).after(day)


def test_periods_that_are_plainly_within() -> None:
    assert Period(6, 0).within(YEAR)
    assert YEAR.within(YEAR)
    assert not Period(12, 1).within(YEAR)
    assert Period(0, 28).within(Period(1, 0))
    assert not Period(0, 29).within(Period(1, 0))
