"""Whatever is sent in is either free of faults or told every one of them, at its place; nothing makes the reader fall."""

import copy
import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.domain.calendar import Period
from broker.domain.draft_faults import faults_of
from broker.domain.drafts import LONGEST_CONSENT, LONGEST_RETENTION, consent_until, last_day
from broker.domain.vocabulary import Kind
from broker.errors import Words
from tests.factories import DOCTOR, SCHOOL, SENDER, TODAY, a_body, a_vocabulary

VOCABULARY = a_vocabulary()
KNOWN = {SENDER: "school", SCHOOL: "school", DOCTOR: "gp"}
NAMES = [
    *a_body(), *a_body()["people"][0], *a_body()["sections"][0], *a_body()["authorities"][0], "until", "shieldedFrom",
    "organisation", "role",
]  # fmt: skip
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["P1M", "P999Y9999M99999D", "P", "9999-12-31", "0001-01-01", "2026-06-15", "child", SCHOOL])
    | st.sampled_from(["application/json", "text/plain", "status", "education-support", "\ud800"])
)
ANYTHING = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner),
    max_leaves=8,
)
LIKE_A_BODY = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(a_body(), ANYTHING),
        "people": st.lists(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4), max_size=3),
        "sections": st.lists(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4), max_size=3),
        "recipients": st.lists(st.dictionaries(st.sampled_from(["organisation", "role"]), ANYTHING), max_size=3),
        "authorities": st.lists(st.dictionaries(st.sampled_from(NAMES), ANYTHING, max_size=4), max_size=3),
    },
)


def faults(body, today: date = TODAY) -> list[str]:
    return [fault.pointer for fault in faults_of(body, VOCABULARY, KNOWN, today)]


@settings(max_examples=200)
@given(ANYTHING | LIKE_A_BODY)
def test_no_json_value_makes_it_fall(value):
    for fault in faults_of(value, VOCABULARY, KNOWN, TODAY):
        assert fault.pointer.startswith("/")
        assert fault.words.nl
        assert fault.words.en


@given(st.sampled_from(sorted(a_body())), ANYTHING)
def test_no_value_in_any_field_makes_it_fall(name, value):
    faults(a_body(**{name: value}))


def test_nesting_as_deep_as_a_body_may_be_does_not_make_it_fall():
    deep = json.loads("[" * 30 + "]" * 30)
    for name in a_body():
        faults(a_body(**{name: deep}))
        faults(a_body(**{name: [{"key": deep, "organisation": deep, "role": deep, "concerns": [deep]}] * 2}))


def test_a_whole_body_has_no_fault():
    assert faults(a_body()) == []


def planted() -> dict[str, tuple]:
    """Each fault: where it must be told, and how to make it."""
    return {
        "/kind": ("kind", "nonsense"),
        "/purpose": ("purpose", "nonsense"),
        "/subject": ("subject", "nobody"),
        "/consentUntil": ("consentUntil", "P13M"),
        "/retainUntil": ("retainUntil", "tomorrow"),
        "/recipients/0/organisation": ("recipients", 0, "organisation", "00000099000000099999"),
        "/recipients/0/role": ("recipients", 0, "role", "nonsense"),
        "/people/1/reference": ("people", 1, "reference", "p-1"),
        "/people/0/birthDate": ("people", 0, "birthDate", (TODAY + timedelta(days=1)).isoformat()),
        "/authorities/0/over": ("authorities", 0, "over", "nobody"),
        "/sections/0/type": ("sections", 0, "type", "nonsense"),
        "/sections/0/concerns/0": ("sections", 0, "concerns", ["nobody"]),
        "/sections/0/shieldedFrom/0": ("sections", 0, "shieldedFrom", ["nobody"]),
        "/sections/0/content": ("sections", 0, "content", {"text": 1}),
    }


def plant(body, path):
    *inside, name, value = path
    for key in inside:
        body = body[key]
    body[name] = value


@given(st.sets(st.sampled_from(sorted(planted()))))
def test_every_fault_is_told_at_once_and_nothing_else(wrong):
    body = copy.deepcopy(a_body())
    for pointer in wrong:
        plant(body, planted()[pointer])
    assert sorted(faults(body)) == sorted(wrong)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"people": [{"key": "a"}, {"key": "a"}], "subject": "a", "authorities": [], "sections": []}, "/people/1/key"),
        ({"recipients": [{"organisation": SCHOOL, "role": "support-coordinator"}] * 2}, "/recipients/1"),
        ({"authorities": [{"holder": "child", "over": "child"}]}, "/authorities/0/holder"),
        ({"authorities": [{"holder": "nobody", "over": "child"}]}, "/authorities/0/holder"),
        (
            {"authorities": [{"holder": "mother", "over": "child", "since": "2026-01-02", "until": "2026-01-01"}]},
            "/authorities/0/until",
        ),
        ({"sections": [{"mediaType": "application/json", "content": "text"}]}, "/sections/0/content"),
        ({"sections": [{"mediaType": "text/markdown", "content": []}]}, "/sections/0/content"),
        ({"people": [{"key": "child", "birthDate": "1899-12-31"}, {"key": "mother"}]}, "/people/0/birthDate"),
    ],
)
def test_what_contradicts_itself_is_told_at_its_place(change, pointer):
    assert faults(a_body(**change)) == [pointer]


def test_an_organisation_that_takes_no_part_is_no_recipient():
    body = a_body(recipients=[{"organisation": DOCTOR, "role": "general-practitioner"}])
    assert faults(body) == []
    assert [f.pointer for f in faults_of(body, VOCABULARY, {SCHOOL: "school"}, TODAY)] == ["/recipients/0/organisation"]


@pytest.mark.parametrize(
    ("consent", "retain", "pointers"),
    [
        ("P12M", "P240M", []),
        ("2027-06-15", "P20Y", []),
        ("2027-06-16", "P20Y", ["/consentUntil"]),
        ("P12M1D", "P20Y", ["/consentUntil"]),
        ("P12M", "P20Y1D", ["/retainUntil"]),
        ("2026-06-15", "2026-06-15", []),
        ("2026-06-14", "2026-06-15", ["/consentUntil"]),
        ("2026-06-15", "2026-06-14", ["/retainUntil", "/retainUntil"]),
        ("P6M", "P5M", ["/retainUntil"]),
        ("P9999M", "P999Y9999M", ["/consentUntil", "/retainUntil"]),
        ("", "P", ["/consentUntil", "/retainUntil"]),
    ],
)
def test_consent_lasts_a_year_at_most_and_is_kept_at_least_as_long(consent, retain, pointers):
    assert faults(a_body(consentUntil=consent, retainUntil=retain)) == pointers


def without_a_day(consent: Period | None, **more: Any) -> list[str]:
    kind = Kind("feedback-to-school", Words("B", "b"), Words("b", "b"), consent=consent)
    words = replace(VOCABULARY, handover_kinds={kind.id: kind})
    body = a_body(**more)
    del body["consentUntil"]
    return [fault.pointer for fault in faults_of(body, words, {SCHOOL: "school"}, TODAY)]


def test_without_a_day_consent_lasts_as_long_as_the_agreement_says_for_its_kind():
    words = replace(
        VOCABULARY,
        handover_kinds={
            "long": Kind("long", Words("L", "l"), Words("l", "l"), consent=Period(9, 0)),
            "none": Kind("none", Words("N", "n"), Words("n", "n")),
        },
    )
    assert consent_until(None, "long", words, TODAY) == Period(9, 0).after(TODAY)
    assert consent_until("P3M", "long", words, TODAY) == Period(3, 0).after(TODAY)
    assert consent_until(None, "none", words, TODAY) is None
    assert consent_until(None, "lost", words, TODAY) is None


def test_a_day_is_asked_for_where_the_agreement_names_no_period():
    assert without_a_day(Period(6, 0)) == []
    assert without_a_day(None) == ["/consentUntil"]
    assert without_a_day(Period(6, 0), kind="lost") == ["/kind"]


def test_what_is_kept_shorter_than_the_usual_period_is_a_fault():
    assert without_a_day(Period(6, 0), retainUntil="P5M") == ["/retainUntil"]


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_a_year_from_any_day_is_allowed_and_a_day_more_is_not(today):
    last = LONGEST_CONSENT.after(today)
    people = [{"key": "child"}, {"key": "mother"}]
    body = a_body(consentUntil=last.isoformat(), people=people)
    assert faults(body, today) == []
    assert faults({**body, "consentUntil": (last + timedelta(days=1)).isoformat()}, today) == ["/consentUntil"]
    assert LONGEST_RETENTION.after(today) >= last


def test_a_day_is_a_date_or_a_period_from_today():
    assert last_day("P1M", TODAY) == date(2026, 7, 15)
    assert last_day("2026-12-31", TODAY) == date(2026, 12, 31)
    for wrong in ("P", "PT1H", "31-12-2026", "", "tomorrow"):
        with pytest.raises(ValueError):
            last_day(wrong, TODAY)


def test_a_fault_never_repeats_what_was_sent():
    secret = "Noor van Dijk"
    body = a_body(kind=secret, purpose=secret, subject=secret, consentUntil=secret, retainUntil=secret)
    body["people"][0].update(key=secret, birthDate=secret)
    body["recipients"][0] = {"organisation": secret, "role": secret}
    body["sections"][0].update(type=secret, concerns=[secret + "x"], shieldedFrom=[secret + "y"])
    found = list(faults_of(body, VOCABULARY, KNOWN, TODAY))
    assert len(found) > 6
    assert all(secret not in f"{fault.pointer}{fault.words}" for fault in found)
