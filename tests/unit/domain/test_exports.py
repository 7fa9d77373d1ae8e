"""Each format against what was written down by hand: permitted, partly, denied, a yes, a stop, an officer's search."""

import json
from datetime import UTC, datetime

import pytest
from fhir.resources.R4B.auditevent import AuditEvent
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.audit_events import DISCLOSURE, audit_event_of
from broker.domain.events import Opening
from broker.domain.exports import COLUMNS, Line, _cell, line_of, row_of
from broker.domain.log_ports import LoggedFacts
from broker.domain.traces import otlp_of, span_of

AT = datetime(2026, 6, 15, 12, 0, 0, 123000, tzinfo=UTC)


def section(kind, told=""):
    signers = [{"person": "child", "signer": "mother", "stance": "given", "record": "rec-1", "gap": "", "counts": True}]
    return {"section": "s", "type": kind, "told": told, "rules": ["rule-1"], "signers": signers}


def line(event, personal=None, facts=None, erased=(), organisation="oin-school", counterpart="oin-team"):
    logged = LoggedFacts(event, AT, organisation, counterpart, facts or {}, personal or {})
    return Line("entry-1", 4, logged, erased, "digest", "rondom.example/v1/log")


def release(event, outcome, *sections):
    who = {"professional": ["prof-1"], "role": ["teacher"], "subject": ["child"], "handover": ["h-1"]}
    decision = {"decision": [json.dumps(sections)], "concerned": ["brother", ""]}
    facts = {"release": "r-1", "outcome": outcome, "purpose": "education-support", "policy": "abc"}
    return line(event, {**who, **decision}, facts)


RELEASED = {
    "place": "4", "entry": "entry-1", "at": "2026-06-15T12:00:00.123Z", "event": "release:permitted", "action": "R",
    "outcome": "permitted", "organisation": "oin-school", "user": "prof-1", "user_kind": "professional",
    "role": "teacher", "purpose": "education-support", "subject": "child", "concerned": "brother",
    "custodian": "oin-team", "handover": "h-1", "released": "status", "consents": "rec-1", "rules": "rule-1",
    "agreement": "abc", "system": "rondom.example/v1/log", "other": "release=r-1",
}  # fmt: skip
SIGNED = {
    "signer": ["mother"],
    "subject": ["child"],
    "record": ["rec-1"],
    "types": ['["status"]'],
    "capacity": ["parental"],
}
ANSWER = {
    "place": "4", "entry": "entry-1", "at": "2026-06-15T12:00:00.123Z", "event": "consent:given", "action": "C",
    "organisation": "oin-team", "user": "mother", "user_kind": "signer", "purpose": "p", "subject": "child",
    "released": "status", "consents": "rec-1", "evidence": "code", "system": "rondom.example/v1/log",
    "other": "capacity=parental",
}  # fmt: skip
SEARCH = {
    "place": "4", "entry": "entry-1", "at": "2026-06-15T12:00:00.123Z", "event": "log:searched", "action": "E",
    "user": "officer-1", "user_kind": "officer", "subject": "child", "system": "rondom.example/v1/log",
}  # fmt: skip
SAID = {"purpose": "p", "evidence": "code"}
PERMITTED = release("release:permitted", "permitted", section("status"))
DENIED = release("release:denied", "denied", section("status", "no-consent"))
CASES = [
    (PERMITTED, RELEASED),
    (
        release("release:permitted", "partly", section("status"), section("timeline", "no-consent")),
        {**RELEASED, "outcome": "partly", "withheld": "timeline", "reason": "no-consent"},
    ),
    (
        DENIED,
        {**RELEASED, "event": "release:denied", "outcome": "denied", "released": "", "withheld": "status",
         "reason": "no-consent"},
    ),
    (line("consent:given", SIGNED, SAID, organisation="oin-team", counterpart=""), ANSWER),
    (
        line("consent:withdrawn", SIGNED, SAID, organisation="oin-team", counterpart=""),
        {**ANSWER, "event": "consent:withdrawn", "action": "U", "released": "", "withheld": "status"},
    ),
    (line("log:searched", {"officer": ["officer-1"], "subject": ["child"]}, organisation="", counterpart=""), SEARCH),
]  # fmt: skip


@pytest.mark.parametrize(("logged", "expected"), CASES)
def test_a_row_says_what_was_logged(logged, expected):
    assert row_of(logged).decode() == ",".join(f'"{expected.get(name, "")}"' for name in COLUMNS) + "\r\n"


@pytest.mark.parametrize("logged", [case for case, _ in CASES])
def test_every_audit_event_is_valid_and_only_a_disclosure_claims_the_pattern(logged):
    made = audit_event_of(logged)
    AuditEvent.model_validate_json(json.dumps(made))
    assert ("meta" in made) == (logged.facts.type == "release:permitted")
    assert made["outcome"] == ("4" if logged.facts.type == "release:denied" else "0")


def test_a_disclosure_has_what_balp_asks_for():
    made = audit_event_of(PERMITTED)
    assert made["meta"]["profile"] == [DISCLOSURE]
    assert (made["type"]["code"], made["action"]) == ("110106", "R")
    assert "disclose" in [subtype["code"] for subtype in made["subtype"]]
    source, recipient, custodian, user = made["agent"]
    assert source["who"] == made["source"]["observer"]
    assert [a["type"]["coding"][0]["code"] for a in (source, recipient, custodian)] == ["110153", "110152", "159541003"]
    assert source["network"]
    assert recipient["network"]
    assert user["who"]["identifier"]["value"] == "prof-1"
    assert len(made["entity"]) >= 2
    assert "meta" not in audit_event_of(line("release:permitted", {}, {}, ("subject",)))


@pytest.mark.parametrize("logged", [case for case, _ in CASES])
def test_no_person_is_in_a_span(logged):
    text = otlp_of(logged).decode()
    for name in ("child", "mother", "brother", "prof-1", "officer-1", "h-1", "rec-1"):
        assert f'"{name}"' not in text
    span = span_of(logged)
    assert (len(span["traceId"]), len(span["spanId"]), span["startTimeUnixNano"]) == (32, 16, "1781524800123000000")
    assert span["status"] == {"code": 0}
    assert {a["key"] for a in span["attributes"]} == {
        "dpl.core.processing_activity_id", "dpl.core.data_subject_id", "dpl.core.data_subject_id_type",
    }  # fmt: skip


@given(st.text())
def test_no_cell_is_a_formula(text):
    cell = _cell(text)
    assert cell[1:].lstrip()[:1] not in {"=", "+", "-", "@"}
    assert cell[1:-1].replace('""', "").count('"') == 0


def test_what_was_erased_is_named():
    leaf = json.dumps({"personal": [{"field": "role", "digest": "a"}, {"field": "subject", "digest": "b"}]}).encode()
    made = line_of("e", 0, leaf, PERMITTED.facts, [Opening(0, "", "role", "s", "teacher")], "x")
    assert (made.erased, made.subject_digest) == (("subject",), "b")
