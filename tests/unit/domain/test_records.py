"""A signed document is read back as exactly the record that was signed, or not at all."""

import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.consents import EvidenceLevel, NoticeRef, RecordId
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.passkeys import Confirmation
from broker.domain.records import STATES, document_of, names_in, record_from
from broker.errors import Tampered
from tests.factories import SCHOOL, SENDER, a_record

AT = "https://broker.example/mine"
NAMES = {SENDER: "Wijkteam Zuid", SCHOOL: "De Regenboog"}
DOCUMENT = document_of(a_record(section_types=("status", "timeline")), AT, NAMES)
TEXT = st.text(max_size=8)
RECORDS = st.builds(
    a_record,
    TEXT.map(PersonId),
    st.sampled_from(list(STATES)),
    st.integers(1, 2**40),
    id=TEXT.map(RecordId),
    capacity=TEXT,
    notice=st.builds(NoticeRef, TEXT, TEXT),
    evidence=st.sampled_from([EvidenceLevel.NONE, EvidenceLevel.CODE]),
    at=st.integers(-(10**9), 10**10).map(lambda s: datetime.fromtimestamp(s, UTC) + timedelta(microseconds=s % 10**6)),
    sender=TEXT.map(Oin),
    recipients=st.lists(st.builds(Recipient, TEXT.map(Oin), TEXT), max_size=3).map(tuple),
    purpose=TEXT,
    section_types=st.lists(TEXT, max_size=3).map(tuple),
    person=TEXT.map(PersonId),
    until=st.dates(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


def places(value, path=()):
    """Every place in a document."""
    yield path
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        yield from places(item, (*path, key))


PLACES = [path for path in places(DOCUMENT) if path]
FREE = {
    ("recordId",),
    ("serial",),
    ("handover",),
    ("piiPrincipal", "id"),
    ("notice", "digest"),
    ("notice", "language"),
    ("processing", "purpose"),
    ("processing", "piiCategories", 0, "sectionType"),
    ("processing", "piiCategories", 1, "sectionType"),
    ("processing", "recipients", 0, "role"),
    ("parties", 0, "name"),
    ("parties", 1, "name"),
    ("event", "time"),
    ("event", "state"),
    ("event", "entity", "identifier"),
    ("event", "entity", "capacity"),
    ("event", "evidence"),
}
"""What a record says once; everything else is fixed, or said twice."""
TOGETHER = {("processing", "piiCategories"), ("processing", "piiCategories", 0), ("processing", "piiCategories", 1)}
"""Lists of which a part may stand elsewhere, or not at all."""


def changed(path, value):
    document = copy.deepcopy(DOCUMENT)
    inside = document
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return document


LISTS = st.lists(TEXT, max_size=3).map(tuple)
CONFIRMED = st.builds(
    lambda record, confirmation: replace(record, evidence=EvidenceLevel.PASSKEY, confirmation=confirmation),
    RECORDS,
    st.builds(Confirmation, TEXT, TEXT, LISTS, LISTS, TEXT, TEXT, TEXT, TEXT),
)


@given(RECORDS | CONFIRMED, st.dictionaries(st.sampled_from([SENDER, SCHOOL]), TEXT))
def test_a_record_comes_back_as_it_was(record, names):
    assert record_from(document_of(record, AT, names)) == record


@given(st.sampled_from([p for p in PLACES if p not in FREE | TOGETHER]), JSON)
def test_what_is_fixed_or_said_twice_cannot_be_changed(path, value):
    document = changed(path, value)
    if document == DOCUMENT:
        return
    with pytest.raises(Tampered):
        record_from(document)


@given(st.sampled_from(PLACES), JSON)
def test_whatever_is_put_anywhere_is_another_record_or_tampered(path, value):
    document = changed(path, value)
    try:
        record = record_from(document)
    except Tampered:
        return
    assert document_of(record, AT, names_in(document)) == document
    same = record == record_from(DOCUMENT) and names_in(document) == NAMES
    assert same == (document == DOCUMENT)


@pytest.mark.parametrize("path", [p for p in PLACES if isinstance(p[-1], str)])
def test_a_missing_field_is_tampered(path):
    document = copy.deepcopy(DOCUMENT)
    inside = document
    for key in path[:-1]:
        inside = inside[key]
    del inside[path[-1]]
    with pytest.raises(Tampered):
        record_from(document)


@pytest.mark.parametrize("path", [path for path in places(DOCUMENT) if isinstance(path[-1] if path else "", str | int)])
def test_a_field_too_many_is_tampered(path):
    document = copy.deepcopy(DOCUMENT)
    inside = document
    for key in path:
        inside = inside[key]
    if isinstance(inside, dict):
        inside["more"] = 1
        with pytest.raises(Tampered):
            record_from(document)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("event", "time"), "2026-06-14T12:00:00"),
        (("event", "time"), "2026-06-14T12:00:00Z"),
        (("event", "time"), "2026-06-14 12:00:00+00:00"),
        (("event", "duration", "until"), "20261212"),
        (("event", "state"), "CONSENTGIVEN"),
        (("event", "state"), "given"),
        (("event", "state"), "ConsentUnknown"),
        (("event", "entity", "identifier"), "mother"),
        (("event", "evidence"), "CODE"),
        (("event", "evidence"), "certain"),
        (("piiPrincipal", "id"), "child"),
        (("parties", 0, "name"), ""),
        (("parties", 0, "name"), None),
        (("parties", 0, "id"), SCHOOL),
        (("parties",), DOCUMENT["parties"][::-1]),
        (("parties",), DOCUMENT["parties"][:1]),
        (("serial",), 0),
        (("serial",), -1),
        (("serial",), "1"),
        (("serial",), None),
        (("processing", "recipients"), {}),
        (("processing", "piiControllers"), []),
        (("processing", "piiCategories"), ["status", "timeline"]),
        (("processing", "privacyRights"), []),
        (("@context",), "https://broker.example/v1/contexts/consent-record-1.jsonld"),
        (("schemaVersion",), "1"),
    ],
)
def test_another_writing_of_the_same_is_tampered(path, value):
    with pytest.raises(Tampered):
        record_from(changed(path, value))


def test_what_is_no_document_is_tampered():
    for nothing in (None, [], "x", 1, {}):
        with pytest.raises(Tampered):
            record_from(nothing)


def test_a_record_says_when_with_its_zone_whatever_the_zone():
    there = datetime(2026, 6, 14, 14, tzinfo=timezone(timedelta(hours=2)))
    assert record_from(document_of(a_record(at=there), AT)).at == there
    naive = a_record(at=datetime(2026, 6, 14, 14))  # noqa: DTZ001 - that is the point
    with pytest.raises(Tampered):
        record_from(document_of(naive, AT))


def test_a_capacity_of_tomorrow_is_kept_as_it_was_said():
    for capacity in ("self", "parental", "guardian", "mentorship", "curatorship", "support", "something-new"):
        record = a_record(capacity=capacity)
        assert record_from(document_of(record, AT)) == record


def test_an_organisation_without_a_name_is_called_by_its_number():
    assert [party["name"] for party in document_of(a_record(), AT)["parties"]] == [SENDER, SCHOOL]


def test_an_organisation_that_sends_to_itself_is_one_party():
    document = document_of(a_record(recipients=(Recipient(SENDER, "family-worker"),)), AT)
    assert [party["id"] for party in document["parties"]] == [f"oin:{SENDER}"]


def test_a_record_of_the_older_shape_is_not_read():
    older = {
        "schemaVersion": DOCUMENT["schemaVersion"],
        "recordId": "r",
        "serial": 1,
        "piiPrincipal": "child",
        "notice": {"digest": "0" * 64, "digestAlgorithm": "SHA-256", "language": "nl"},
        "processing": {"purpose": "education-support", "piiCategories": ["status"], "piiControllers": [SENDER]},
        "parties": [],
        "event": {"state": "given"},
    }
    with pytest.raises(Tampered):
        record_from(older)
