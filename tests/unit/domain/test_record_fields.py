"""A consent record holds every field that ISO/IEC TS 27560:2023 demands, in the terms that W3C's DPV gives them.

The table is for reading: clause of 27560, where the field stands in our document, the DPV term, an example. The terms
are worked out from our own context by `expand` below, a small reading of JSON-LD 1.1 that knows only what we use.
"""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from broker.domain import records
from broker.domain.consents import Stance
from broker.domain.records import CONTEXT, STATES, document_of
from tests.factories import FATHER, MOTHER, SCHOOL, SENDER, a_record

FILE = Path(records.__file__).parent / "contexts" / "consent-record-1.jsonld"
DEFINED = json.loads(FILE.read_text("utf-8"))["@context"]
AT = "https://broker.example/mine"
RECORD = a_record(
    MOTHER, at=datetime(2026, 6, 14, 12, tzinfo=UTC), section_types=("status", "timeline"), capacity="parental"
)
DOCUMENT = document_of(RECORD, AT, {SENDER: "Wijkteam Zuid", SCHOOL: "De Regenboog"})
DPV, DCT, OURS = "https://w3id.org/dpv#", "http://purl.org/dc/terms/", "urn:rondom:"

# clause, field of 27560, where, DPV (or Dublin Core) property, what stands there
MANDATORY = [
    ("6.3", "schema version", "schemaVersion", DCT + "conformsTo", records.SCHEMA),
    ("6.3", "record id", "recordId", DCT + "identifier", "r-mother-1"),
    ("6.3", "PII principal id", "piiPrincipal.id", DPV + "hasDataSubject", "person:child"),
    ("6.3.4.1", "privacy notice", "notice.digest", DPV + "hasNotice", "0" * 64),
    ("6.3.4.2", "language", "notice.language", DCT + "language", "nl"),
    ("6.3.4.3", "purpose", "processing.purpose", DPV + "hasPurpose", "education-support"),
    ("6.3.4.6", "lawful basis", "processing.legalBasis", DPV + "hasLegalBasis", "ExplicitlyExpressedConsent"),
    ("6.3.4.7", "PII information", "processing.piiCategories.0.type", DPV + "hasPersonalData", "SensitivePersonalData"),
    ("6.3.4.8", "PII controllers", "processing.piiControllers.0", DPV + "hasDataController", f"oin:{SENDER}"),
    ("6.3.4.10", "processing method", "processing.operations.1", DPV + "hasProcessing", "Share"),
    ("6.3.4.11", "storage location", "processing.storageLocation.location", DPV + "hasStorageCondition", "NL"),
    ("6.3.4.12", "retention period", "processing.retention.duration.until", DPV + "hasStorageCondition", "2026-12-12"),
    ("6.3.4.16", "jurisdiction", "processing.jurisdiction", DPV + "hasJurisdiction", "NL"),
    ("6.3.4.17", "recipient", "processing.recipients.0.organisation", DPV + "hasRecipient", f"oin:{SCHOOL}"),
    ("6.3.4.18", "withdrawal method", "processing.withdrawalMethod.exercisedAt", DPV + "hasConsentControl", AT),
    ("6.3.4.19", "privacy rights", "processing.privacyRights.0.exercisedAt", DPV + "hasRight", AT),
    ("6.3.5.1", "PII type", "processing.piiCategories.0.sectionType", OURS + "term:sectionType", "status"),
    ("6.3.6", "party id", "parties.0.id", DPV + "hasEntity", f"oin:{SENDER}"),
    ("6.3.6.6", "party name", "parties.0.name", DPV + "hasName", "Wijkteam Zuid"),
    ("6.3.6.7", "party role", "parties.0.type.0", DPV + "hasEntity", "DataController"),
    ("6.3.6.8", "party contact", "parties.0.contact", DPV + "hasContact", AT),
    ("6.3.6.9", "party type", "parties.1.type.1", DPV + "hasEntity", "Recipient"),
    ("6.3.7.1", "event time", "event.time", DPV + "isIndicatedAtTime", "2026-06-14T12:00:00+00:00"),
    ("6.3.7.2", "validity duration", "event.duration.until", DPV + "hasDuration", "2026-12-12"),
    ("6.3.7.3", "entity id", "event.entity.identifier", DPV + "isIndicatedBy", "person:mother"),
    ("6.3.7.3", "capacity", "event.entity.capacity", DPV + "hasRelationWithDataSubject", "parental"),
    ("6.3.7.4", "event type", "event.consentType", DPV + "hasLegalBasis", "ExplicitlyExpressedConsent"),
    ("6.3.7.6", "event state", "event.state", DPV + "hasConsentStatus", "ConsentGiven"),
]
"""`lawful basis`, `processing method` and `privacy rights` are optional in 27560 and demanded by the AVG (GDPR)."""
NOT_HELD = {"party address"}
"""Mandatory in 27560, and not in the record: the broker knows no postal addresses (docs/consent-record.md)."""


@pytest.mark.parametrize(("clause", "field", "where", "term", "example"), MANDATORY, ids=lambda x: str(x)[:30])
def test_every_mandatory_field_is_there(clause: str, field: str, where: str, term: str, example: str) -> None:
    value: Any = DOCUMENT
    terms = []
    for step in where.split("."):
        value = value[int(step)] if step.isdigit() else value[step]
        if not step.isdigit():
            terms.append(iri(step, DEFINED))
    assert value == example, (clause, field)
    assert term in terms, (clause, field)


def test_what_is_not_held_is_said() -> None:
    page = (Path(records.__file__).parents[2] / "docs/consent-record.md").read_text("utf-8")
    held = {field for _, field, *_ in MANDATORY}
    assert not held & NOT_HELD
    for field in held | NOT_HELD:
        assert field in page.lower() or field in page, field


def test_the_page_names_every_field_and_the_address_of_the_context() -> None:
    page = (Path(records.__file__).parents[2] / "docs/consent-record.md").read_text("utf-8")
    for _, _, where, *_ in MANDATORY:
        assert f"`{re.sub(r'[.][0-9]+', '[]', where)}`" in page, where
    for name in (CONTEXT, records.SCHEMA, "/v1/contexts/consent-record-1.jsonld"):
        assert name in page


# --- JSON-LD ----------------------------------------------------------------------------------------------------------


def iri(name: str, defined: dict[str, Any]) -> str:
    """What a term or a compact IRI stands for (JSON-LD 1.1, 5.2); empty for what the context does not define."""
    if name.startswith("@"):
        return name
    meaning = defined.get(name)
    if meaning is None:
        prefix, colon, rest = name.partition(":")
        if colon and prefix in defined:
            return iri(prefix, defined) + rest
        return name if colon else defined.get("@vocab", "") and defined["@vocab"] + name
    name = meaning["@id"] if isinstance(meaning, dict) else meaning
    return iri(name, {key: value for key, value in defined.items() if key != name})


def value_of(item: Any, term: Any) -> Any:
    """One scalar, by the type that its term gives it."""
    kind = term.get("@type") if isinstance(term, dict) else None
    if kind == "@vocab":
        scoped = term["@context"][-1]
        assert term["@context"][0] is None, "a word of an agreement must not be able to mean a term of ours"
        return {"@id": iri(item, scoped)}
    if kind == "@id":
        return {"@id": iri(item, DEFINED)}
    return {"@value": item, **({"@type": iri(kind, DEFINED)} if kind else {})}


def expand(node: dict[str, Any]) -> dict[str, Any]:
    """A node with every key and every name written out. Raises AssertionError for what the context does not define."""
    found: dict[str, Any] = {}
    for key, value in node.items():
        if key == "@context":
            continue
        name = iri(key, DEFINED)
        assert name, f"the context does not define {key}"
        items = value if isinstance(value, list) else [value]
        if name == "@id":
            found[name] = iri(value, DEFINED)
        elif name == "@type":
            assert all(item in DEFINED or item.startswith("eu-gdpr:") for item in items), items
            found.setdefault(name, []).extend(iri(item, DEFINED) for item in items)
        else:
            wide = [expand(item) if isinstance(item, dict) else value_of(item, DEFINED[key]) for item in items]
            found.setdefault(name, []).extend(wide)
    return found


def test_a_record_is_json_ld_once_our_context_is_supplied() -> None:
    """The same as an independent processor made of it."""
    wide = expand(DOCUMENT)
    [process], [event], [notice] = wide[DPV + "hasProcess"], wide[DPV + "hasConsentStatus"], wide[DPV + "hasNotice"]
    assert wide["@type"] == [DPV + "ConsentRecord"]
    assert wide[DCT + "conformsTo"] == [{"@id": "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"}]
    assert wide[DPV + "hasDataSubject"] == [{"@id": OURS + "person:child", "@type": [DPV + "DataSubject"]}]
    assert notice["@type"] == [DPV + "ConsentNotice"]
    assert process[DPV + "hasPurpose"] == [{"@id": OURS + "purpose:education-support"}]
    assert process[DPV + "hasProcessing"] == [{"@id": DPV + "Store"}, {"@id": DPV + "Share"}]
    assert process[DPV + "hasJurisdiction"] == [{"@id": "https://w3id.org/dpv/loc#NL"}]
    assert len(process[DPV + "hasStorageCondition"]) == 2
    assert process[DPV + "hasRight"][0]["@type"][1] == "https://w3id.org/dpv/legal/eu/gdpr#A7-3"
    assert event["@type"] == [DPV + "ConsentGiven"]
    assert event[DPV + "hasLegalBasis"] == [{"@id": DPV + "ExplicitlyExpressedConsent"}]
    [entity] = event[DPV + "isIndicatedBy"]
    assert entity[DPV + "hasRelationWithDataSubject"] == [{"@id": DPV + "ParentOfDataSubject"}]
    assert entity[DCT + "identifier"] == [{"@id": OURS + "person:mother"}]
    assert {party["@id"] for party in wide[DPV + "hasEntity"]} == {f"{OURS}oin:{SENDER}", f"{OURS}oin:{SCHOOL}"}


@pytest.mark.parametrize("stance", STATES)
def test_every_state_is_a_status_of_consent_in_dpv(stance: Stance) -> None:
    wide = expand(document_of(a_record(FATHER, stance), AT))
    assert wide[DPV + "hasConsentStatus"][0]["@type"] == [DPV + STATES[stance]]


def test_a_capacity_that_dpv_does_not_know_keeps_a_name_of_its_own() -> None:
    wide = expand(document_of(a_record(capacity="support"), AT))
    [entity] = wide[DPV + "hasConsentStatus"][0][DPV + "isIndicatedBy"]
    assert entity[DPV + "hasRelationWithDataSubject"] == [{"@id": OURS + "capacity:support"}]


def test_the_context_defines_nothing_that_no_record_uses() -> None:
    used = set(re.findall(r"[\w-]+", json.dumps([document_of(a_record(state=s), AT) for s in STATES])))
    prefixes = {"dct", "dpv", "eu-gdpr", "loc", "rdf", "xsd", "rondom", "oin", "person"}
    assert {term for term in DEFINED if not term.startswith("@")} - prefixes <= used


def test_the_context_points_at_no_address_but_vocabularies() -> None:
    known = ("https://w3id.org/dpv", "http://purl.org/dc/terms/", "http://www.w3.org/", "urn:rondom:")
    for address in re.findall(r'"(\w+:[^"]*[/#:])"', FILE.read_text("utf-8")):
        assert address.startswith(known), address
    assert CONTEXT == "urn:rondom:context:consent-record:1"
