"""What a signer said as FHIR R4 Consents, for a care system: never more than what counts at that moment.

- A Consent permits only section types for which this record is the signer's latest answer, given and within its period;
  all else in it is denied. The answer of somebody without authority is `proposed`, never `active`.
- It is one person's answer, not a permission to share: others may have to say yes too, and the agreement as well.
- People are pseudonymous ids, without names. It is not signed; the signer's receipt is (`docs/consent-record.md`).
"""

import base64
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

from broker.domain.calendar import local_day, still_in
from broker.domain.consents import SUPPORT, ConsentRecord, Stance, standing_about
from broker.domain.parties import Oin, PersonId

MEDIA_TYPE = "application/fhir+json"
_HL7 = "http://terminology.hl7.org/CodeSystem/"
_AVG = "http://data.europa.eu/eli/reg/2016/679/oj"

Status = Literal["proposed", "active", "rejected", "inactive"]
Words = Callable[[str], str]
"""A word of the agreement in the reader's language."""


def bundle_of(
    records: Sequence[ConsentRecord],
    said: Collection[ConsentRecord],
    now: datetime,
    names: Mapping[Oin, str],
    words: Words,
    own: Collection[str],
) -> dict[str, Any]:
    """A FHIR R4 Bundle (type `collection`) with a Consent for each record, as they count at `now`.

    `said` is everything that this signer said to this sender: what was said later takes away from what was said before.
    `own` are the purposes of families' own plans: a yes to one plan takes nothing away from a yes to another.
    """
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "timestamp": now.isoformat(),
        "entry": [
            {
                "fullUrl": f"urn:uuid:{record.id}",
                "resource": consent_of(record, _latest(record, said, now, own), now, names, words),
            }
            for record in records
        ],
    }


def _latest(
    record: ConsentRecord, said: Iterable[ConsentRecord], now: datetime, own: Collection[str]
) -> tuple[str, ...]:
    """The section types about which the signer said nothing else since, to any of the recipients."""
    said = tuple(said)
    now_said = {
        cell: standing_about(said, record.signer, cell, (), now, record.handover, own).record
        for cell in record.scope.cells()
    }
    overtaken = {cell.section_type for cell, latest in now_said.items() if latest is None or latest.id != record.id}
    return tuple(t for t in record.scope.section_types if t not in overtaken)


def status_of(record: ConsentRecord, latest: Collection[str], now: datetime) -> Status:
    """The state of the Consent (FHIR R4, value set consent-state-codes): whatever no longer counts is `inactive`."""
    if not latest:
        return "inactive"
    match record.state:
        case Stance.GIVEN if still_in(record.scope.until, now):
            return "proposed" if record.capacity == SUPPORT else "active"
        case Stance.REFUSED:
            return "rejected"
        case _:
            return "inactive"


def consent_of(
    record: ConsentRecord, latest: Collection[str], now: datetime, names: Mapping[Oin, str], words: Words
) -> dict[str, Any]:
    """One record as a FHIR R4 Consent. `latest` are the section types about which nothing else was said since."""
    scope, status = record.scope, status_of(record, latest, now)
    permitted = tuple(t for t in scope.section_types if status in ("active", "proposed") and t in latest)
    denied = tuple(t for t in scope.section_types if t not in permitted)
    rules = [
        _rule(record, kind, types, names, words) for kind, types in (("permit", permitted), ("deny", denied)) if types
    ]
    return {
        "resourceType": "Consent",
        "extension": [{"url": "urn:rondom:evidence", "valueCode": record.evidence.name.lower()}],
        "identifier": [{"system": "urn:rondom:consent-record", "value": record.id}],
        "status": status,
        "scope": _concept(f"{_HL7}consentscope", "patient-privacy"),
        "category": [_concept("http://loinc.org", "59284-0"), _concept(f"{_HL7}v3-ActCode", "IDSCL")],
        "patient": _person("Patient", scope.person),
        "dateTime": record.at.isoformat(),
        "performer": [_person("Patient" if record.signer == scope.person else "RelatedPerson", record.signer)],
        "organization": [_organisation(scope.sender, names)],
        "sourceAttachment": {
            "contentType": "text/plain",
            "language": record.notice.language,
            "url": _named(record.notice.digest),
            "title": "Toestemmingsvraag / consent notice",
        },
        "policy": [{"uri": _AVG}],
        "policyRule": _concept(f"{_HL7}v3-ActCode", "OPTIN"),
        # A rule of its own has no type in R4: the base is OPTIN (nothing), the rules below it say what differs.
        "provision": {"period": _period(record), **({"provision": rules} if rules else {})},
    }


def _rule(
    record: ConsentRecord, kind: str, types: Iterable[str], names: Mapping[Oin, str], words: Words
) -> dict[str, Any]:
    scope = record.scope
    actors = [
        {
            "role": {
                "coding": [
                    {"system": f"{_HL7}v3-ParticipationType", "code": "IRCP"},
                    {"system": "urn:rondom:role", "code": recipient.role},
                ],
                "text": words(recipient.role),
            },
            "reference": _organisation(recipient.organisation, names),
        }
        for recipient in scope.recipients
    ]
    return {
        "type": kind,
        "period": _period(record),
        "actor": actors,
        "action": [_concept(f"{_HL7}consentaction", "disclose")],
        "purpose": [{"system": "urn:rondom:purpose", "code": scope.purpose, "display": words(scope.purpose)}],
        "code": [{**_concept("urn:rondom:section-type", t), "text": words(t)} for t in types],
    }


def _concept(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _person(kind: str, person: PersonId) -> dict[str, Any]:
    return {"type": kind, "identifier": {"system": "urn:rondom:person", "value": person}}


def _organisation(oin: Oin, names: Mapping[Oin, str]) -> dict[str, Any]:
    named = {"display": names[oin]} if names.get(oin) else {}
    return {"type": "Organization", "identifier": {"system": "urn:rondom:oin", "value": oin}, **named}


def _period(record: ConsentRecord) -> dict[str, str]:
    """From the answer until the end of the last day; a period never ends before it starts (FHIR R4, per-1)."""
    until = record.scope.until
    start = {"start": record.at.isoformat()} if local_day(record.at) <= until else {}
    return {**start, "end": until.isoformat()}


def _named(digest: str) -> str:
    """The notice by its SHA-256 (RFC 6920, section 3): FHIR R4's own `hash` of an attachment is SHA-1."""
    return "ni:///sha-256;" + base64.urlsafe_b64encode(bytes.fromhex(digest)).decode().rstrip("=")
