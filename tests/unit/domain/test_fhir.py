"""What goes to a care system is valid FHIR R4 and permits no more than what the signer says yes to at that moment.

`fhir.resources` has no R4 (4.0.1) of its own any more; its R4B (4.3.0) is used, in which Consent and Bundle are those
of R4. What that library does not check (value sets, invariants) is written out here.
"""

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.consent import Consent
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.consents import EvidenceLevel, NoticeRef, RecordId, Stance
from broker.domain.fhir import bundle_of, consent_of, status_of
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.records import STATES
from tests.factories import CHILD, DOCTOR, GRANNY, MOTHER, NOW, SCHOOL, SENDER, TO_DOCTOR, TO_SCHOOL, TODAY, a_record

NAMES = {SENDER: "Wijkteam Zuid", SCHOOL: "De Regenboog", DOCTOR: "Huisartsen Noord"}
WORD = st.from_regex(r"[a-z][a-z-]{0,20}", fullmatch=True)
ID = st.uuids().map(str)
OIN = st.from_regex(r"[0-9]{20}", fullmatch=True).map(Oin)
DAYS = st.dates(date(2020, 1, 1), date(2040, 1, 1))
RECORDS = st.builds(
    a_record,
    ID.map(PersonId),
    st.sampled_from(list(STATES)),
    st.integers(1, 2**31),
    id=ID.map(RecordId),
    capacity=st.sampled_from(["self", "parental", "guardian", "mentorship", "curatorship", "support"]),
    notice=st.builds(NoticeRef, st.from_regex(r"[0-9a-f]{64}", fullmatch=True), st.sampled_from(["nl", "en"])),
    evidence=st.sampled_from(EvidenceLevel),
    at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - with a zone
    sender=OIN,
    recipients=st.lists(st.builds(Recipient, OIN, WORD), min_size=1, max_size=3, unique=True).map(tuple),
    purpose=WORD,
    section_types=st.lists(WORD, min_size=1, max_size=4, unique=True).map(tuple),
    person=ID.map(PersonId),
    until=DAYS,
)
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2041, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


OWN = frozenset({"knowing-the-plan"})


def words(word: str) -> str:
    return f"the {word}"


def bundle(*records, said=None, now=NOW):
    return bundle_of(records, records if said is None else said, now, NAMES, words, OWN)


def types(consent, kind):
    """The section types that a Consent permits, or denies."""
    return [
        code["coding"][0]["code"]
        for rule in consent["provision"].get("provision", ())
        if rule["type"] == kind
        for code in rule["code"]
    ]


@given(st.lists(RECORDS, min_size=1, max_size=2), MOMENTS)
def test_whatever_was_said_it_is_valid_fhir(records, now):
    made = bundle_of(records, records, now, {}, words, OWN)
    text = json.dumps(made)
    parsed = Bundle.model_validate_json(text)
    assert json.loads(parsed.model_dump_json()) == json.loads(text.replace("+00:00", "Z")), (
        "nothing is lost, and nothing is unknown"
    )
    assert [type(entry.resource) for entry in parsed.entry] == [Consent] * len(records)
    for entry in made["entry"]:
        beyond_the_library(entry["resource"])


def beyond_the_library(consent):
    """Consent in R4: its required value sets and invariants."""
    assert consent["status"] in {"draft", "proposed", "active", "rejected", "inactive", "entered-in-error"}
    assert consent.get("policy") or consent.get("policyRule"), "ppc-1"
    scope = consent["scope"]["coding"][0]["code"]
    assert scope == "patient-privacy"
    assert consent.get("patient"), "ppc-2"
    assert DATE_TIME.fullmatch(consent["dateTime"])
    root = consent["provision"]
    assert "type" not in root, "not permitted in the root rule"
    for rule in root["provision"]:
        assert rule["type"] in {"permit", "deny"}, "required in every rule below it"
        assert all(actor["role"] and actor["reference"] for actor in rule["actor"])
        start, end = rule["period"].get("start"), rule["period"]["end"]
        assert start is None or start[:10] <= end, "per-1"


@given(RECORDS, MOMENTS)
def test_only_a_yes_within_its_period_permits(record, now):
    [entry] = bundle(record, now=now)["entry"]
    consent = entry["resource"]
    yes = record.state is Stance.GIVEN and consent["status"] in ("active", "proposed")
    assert types(consent, "permit") == (list(record.scope.section_types) if yes else [])
    assert types(consent, "deny") == ([] if yes else list(record.scope.section_types))


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (Stance.GIVEN, "active"),
        (Stance.REFUSED, "rejected"),
        (Stance.WITHDRAWN, "inactive"),
        (Stance.EXPIRED, "inactive"),
        (Stance.UNANSWERED, "inactive"),
    ],
)
def test_a_state_becomes_a_status(state, status):
    assert status_of(a_record(state=state), ("status",), NOW) == status


def test_a_yes_ends_with_its_last_day():
    record = a_record(until=TODAY)
    last = datetime(2026, 6, 15, 21, 59, 59, tzinfo=UTC)  # 23:59:59 in Amsterdam
    assert bundle(record, now=last)["entry"][0]["resource"]["status"] == "active"
    [entry] = bundle(record, now=last + timedelta(seconds=1))["entry"]
    assert entry["resource"]["status"] == "inactive"
    assert types(entry["resource"], "permit") == []


def test_what_was_stopped_since_is_not_permitted_in_an_older_receipt():
    given_ = a_record(section_types=("status", "timeline", "safety-plan"), recipients=(TO_SCHOOL, TO_DOCTOR))
    stopped = a_record(
        state=Stance.WITHDRAWN, serial=2, section_types=("timeline",), recipients=(TO_SCHOOL,)
    )  # for one of the two
    [entry] = bundle(given_, said=(given_, stopped))["entry"]
    assert entry["resource"]["status"] == "active"
    assert types(entry["resource"], "permit") == ["status", "safety-plan"]
    assert types(entry["resource"], "deny") == ["timeline"]


def test_an_answer_that_was_replaced_as_a_whole_is_inactive():
    before, after = a_record(state=Stance.REFUSED), a_record(serial=2)
    statuses = [entry["resource"]["status"] for entry in bundle(before, after)["entry"]]
    assert statuses == ["inactive", "active"]


def test_the_answer_of_somebody_without_authority_is_never_active():
    record = a_record(GRANNY, capacity="support")
    [entry] = bundle(record)["entry"]
    assert entry["resource"]["status"] == "proposed"
    refused = replace(record, state=Stance.REFUSED)
    assert bundle(refused)["entry"][0]["resource"]["status"] == "rejected"


def test_a_record_that_is_not_among_what_was_said_permits_nothing():
    [entry] = bundle(a_record(), said=())["entry"]
    assert entry["resource"]["status"] == "inactive"
    assert types(entry["resource"], "permit") == []


def test_a_consent_reads_like_its_record():
    digest = hashlib.sha256(b"the notice").hexdigest()
    record = a_record(section_types=("status",), recipients=(TO_SCHOOL,), notice=NoticeRef(digest, "en"))
    consent = consent_of(record, ("status",), NOW, NAMES, words)
    assert consent["identifier"][0]["value"] == record.id
    assert consent["patient"] == {
        "type": "Patient",
        "identifier": {"system": "urn:rondom:person", "value": CHILD},
    }
    assert consent["performer"][0]["type"] == "RelatedPerson"
    assert consent["performer"][0]["identifier"]["value"] == MOTHER
    assert consent["organization"][0]["display"] == "Wijkteam Zuid"
    assert consent["provision"]["period"]["end"] == record.scope.until.isoformat()
    [rule] = consent["provision"]["provision"]
    assert rule["actor"][0]["reference"]["display"] == "De Regenboog"
    assert rule["actor"][0]["role"]["text"] == "the support-coordinator"
    assert rule["purpose"][0]["code"] == "education-support"
    named = consent["sourceAttachment"]["url"].removeprefix("ni:///sha-256;")
    assert base64.urlsafe_b64decode(named + "=").hex() == digest
    assert "hash" not in consent["sourceAttachment"], "in FHIR R4 that is SHA-1"


def test_who_answers_for_themselves_is_the_patient():
    consent = consent_of(a_record(CHILD, capacity="self"), ("status",), NOW, NAMES, words)
    assert consent["performer"][0]["type"] == "Patient"


def test_a_partner_without_a_name_has_none():
    consent = consent_of(a_record(), ("status",), NOW, {}, words)
    assert "display" not in consent["organization"][0]
