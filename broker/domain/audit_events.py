"""A line of the log as a FHIR R4 AuditEvent: a disclosure follows IHE BALP's pattern, and claims it only when it does.

- A disclosure with a known subject: `IHE.BasicAudit.PrivacyDisclosure.Source`. All else is a plain AuditEvent.
- People are identifiers, never names; what was erased is not there, and makes the pattern be claimed no more.

Source: HL7 FHIR R4 AuditEvent; IHE ITI BALP 1.1.
"""

import json
from collections.abc import Mapping
from typing import Any

from broker.domain.exports import Line

MEDIA_TYPE = "application/fhir+ndjson"
DISCLOSURE = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PrivacyDisclosure.Source"
_DCM, _HL7 = "http://dicom.nema.org/resources/ontology/DCM", "http://terminology.hl7.org/CodeSystem/"
_TYPES: Mapping[str, tuple[str, str]] = {
    "release:permitted": (_DCM, "110106"),  # Export
    "release:denied": (_DCM, "110106"),
    "release:shown": (_DCM, "110106"),
    "subject:searched": (_DCM, "110112"),  # Query
    "officer:signed-in": (_DCM, "110114"),  # User Authentication
    "log:searched": (_DCM, "110101"),  # Audit Log Used
    "log:viewed": (_DCM, "110101"),
    "log:checked": (_DCM, "110101"),
    "log:exported": (_DCM, "110101"),
}
_OBJECT = (f"{_HL7}audit-event-type", "object")


def ndjson_of(line: Line) -> bytes:
    """The resource on one line."""
    return json.dumps(audit_event_of(line), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def audit_event_of(line: Line) -> dict[str, Any]:
    """The AuditEvent. Outcome 0 is success, 4 a refusal (FHIR R4, audit-event-outcome)."""
    disclosed = line.facts.type == "release:permitted"
    subject = line.first("subject")
    pattern = disclosed and subject
    subtypes = [{"system": "urn:rondom:event", "code": line.facts.type}]
    if disclosed:
        subtypes.append({"system": f"{_HL7}iso-21089-lifecycle", "code": "disclose"})
    purpose, reason = line.fact("purpose"), line.fact("reason") or line.fact("outcome")
    system, code = _TYPES.get(line.facts.type, _OBJECT)
    return {
        "resourceType": "AuditEvent",
        "id": line.id,
        **({"meta": {"profile": [DISCLOSURE]}} if pattern else {}),
        "type": {"system": system, "code": code},
        "subtype": subtypes,
        "action": line.action,
        "recorded": line.facts.at.isoformat(),
        "outcome": "4" if line.facts.type == "release:denied" else "0",
        **({"outcomeDesc": reason} if reason else {}),
        **({"purposeOfEvent": [_concept("urn:rondom:purpose", purpose)]} if purpose else {}),
        "agent": _agents(line, disclosed=disclosed),
        "source": {"site": line.system, "observer": _broker(line), "type": [_source_type()]},
        **({"entity": entities} if (entities := _entities(line, subject)) else {}),
    }


def _agents(line: Line, *, disclosed: bool) -> list[dict[str, Any]]:
    user, kind = line.user
    agents: list[dict[str, Any]] = []
    if disclosed:
        agents.append(
            {
                "type": _concept(_DCM, "110153"),  # Source Role ID
                "who": _broker(line),
                "requestor": False,
                "network": {"address": f"https://{line.system}", "type": "5"},
            }
        )
        agents.append(
            {
                "type": _concept(_DCM, "110152"),  # Destination Role ID
                "who": _organisation(line.facts.organisation),
                "requestor": False,
                "network": {"address": f"urn:rondom:oin:{line.facts.organisation}", "type": "5"},
            }
        )
        agents.append(
            {
                "type": _concept("http://snomed.info/sct", "159541003"),  # who keeps the record
                # of what a family wrote itself no organisation keeps the record
                "who": _organisation(line.facts.counterpart) if line.facts.counterpart else _broker(line),
                "requestor": False,
            }
        )
    if user:
        role = line.first("role")
        agents.append(
            {
                "who": _identified(f"urn:rondom:{kind}", user),
                **({"role": [_concept("urn:rondom:role", role)]} if role else {}),
                **({"policy": [f"urn:rondom:agreement:{line.fact('policy')}"]} if line.fact("policy") else {}),
                "requestor": True,
            }
        )
    elif line.facts.organisation:
        agents.append({"who": _organisation(line.facts.organisation), "requestor": True})
    return agents or [{"who": _broker(line), "requestor": True}]


def _entities(line: Line, subject: str) -> list[dict[str, Any]]:
    entities: list[dict[str, Any]] = []
    if subject:
        entities.append(_person(subject, "1", "Patient"))
    entities += [_person(person, "12", "Resource") for person in line.every("concerned")]
    if handover := line.first("handover"):
        details = [{"type": s["told"] or "released", "valueString": s["type"]} for s in line.decision]
        entities.append(
            {
                "what": _identified("urn:rondom:handover", handover),
                "type": {"system": f"{_HL7}audit-entity-type", "code": "2"},
                "role": {"system": f"{_HL7}object-role", "code": "3", "display": "Report"},
                **({"detail": details} if details else {}),
            }
        )
    for record in line.consents:
        entities.append(
            {
                "what": _identified("urn:rondom:consent-record", record),
                "type": {"system": "http://hl7.org/fhir/resource-types", "code": "Consent"},
            }
        )
    return entities


def _person(person: str, role: str, display: str) -> dict[str, Any]:
    return {
        "what": {"type": "Patient", **_identified("urn:rondom:person", person)},
        "type": {"system": f"{_HL7}audit-entity-type", "code": "1"},
        "role": {"system": f"{_HL7}object-role", "code": role, "display": display},
    }


def _broker(line: Line) -> dict[str, Any]:
    return _identified("urn:rondom:log", line.system)


def _organisation(oin: str) -> dict[str, Any]:
    return _identified("urn:rondom:oin", oin or "unknown")


def _identified(system: str, value: str) -> dict[str, Any]:
    return {"identifier": {"system": system, "value": value}}


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _source_type() -> dict[str, str]:
    return {"system": f"{_HL7}security-source-type", "code": "4"}
