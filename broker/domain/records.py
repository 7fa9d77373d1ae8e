"""A consent record as a document: ISO/IEC TS 27560:2023 in the terms of W3C's DPV, read back strictly.

- The JSON is JSON-LD 1.1 once `contexts/consent-record-1.jsonld` is supplied for CONTEXT; that file holds the terms.
- Signers and persons are pseudonymous ids; no name, birth date or content of a person is ever in a record.
- What a signer's device signed stands in `event.confirmation`, and nowhere when they answered with a code.
- The signed bytes are the RFC 8785 form of exactly this document. `docs/consent-record.md` explains field by field.
"""

from collections.abc import Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from broker.domain.consents import ConsentRecord, EvidenceLevel, NoticeRef, RecordId, Scope, Stance
from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.passkeys import Confirmation
from broker.errors import Tampered

SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"
CONTEXT = "urn:rondom:context:consent-record:1"
"""The same in every record, wherever the broker stands: what a record means does not hang on an address."""
CONSENT_TYPE = "ExplicitlyExpressedConsent"
STATES = {
    Stance.GIVEN: "ConsentGiven",
    Stance.REFUSED: "ConsentRefused",
    Stance.WITHDRAWN: "ConsentWithdrawn",
}
"""What can be said, as a status of consent in DPV. Nothing else is ever signed, or read."""
_STANCES = {state: stance for stance, state in STATES.items()}
_OIN, _PERSON = "oin:", "person:"
UNNAMED: Mapping[Oin, str] = MappingProxyType({})
"""No names: every organisation is called by its number."""


def document_of(record: ConsentRecord, withdraw_at: str, names: Mapping[Oin, str] = UNNAMED) -> dict[str, Any]:
    """The record as it is signed.

    `withdraw_at` is the address where the signer can stop (27560: withdrawal method). `names` are the organisations'
    names at that moment (27560: party name); one that is not known is called by its number.
    """
    scope = record.scope
    organisations = list(dict.fromkeys((scope.sender, *(r.organisation for r in scope.recipients))))
    return {
        "@context": CONTEXT,
        "type": "ConsentRecord",
        "schemaVersion": SCHEMA,
        "recordId": record.id,
        "serial": record.serial,
        "handover": record.handover,
        "piiPrincipal": {"id": _PERSON + scope.person, "type": "DataSubject"},
        "notice": {
            "type": "ConsentNotice",
            "digest": record.notice.digest,
            "digestAlgorithm": "SHA-256",
            "language": record.notice.language,
        },
        "processing": _processing(scope, organisations, withdraw_at),
        "parties": [_party(oin, scope.sender, withdraw_at, names) for oin in organisations],
        "event": {
            "state": STATES[record.state],
            "consentType": CONSENT_TYPE,
            "time": record.at.isoformat(),
            "duration": _until(scope.until),
            "entity": {"identifier": _PERSON + record.signer, "capacity": record.capacity},
            "evidence": record.evidence.name.lower(),
            **({"confirmation": _confirmation(record.confirmation)} if record.confirmation else {}),
        },
    }


def unconfirmed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document as a device signs its digest: all of it but the confirmation itself."""
    event = {name: value for name, value in document["event"].items() if name != "confirmation"}
    return {**document, "event": event}


def _confirmation(said: Confirmation) -> dict[str, Any]:
    return {
        "type": "WebAuthnAssertion",
        "credential": said.credential,
        "publicKey": said.public_key,
        "covers": list(said.covers),
        "keys": list(said.keys),
        "nonce": said.nonce,
        "clientDataJSON": said.client_data,
        "authenticatorData": said.authenticator_data,
        "signature": said.signature,
    }


def _processing(scope: Scope, organisations: list[Oin], withdraw_at: str) -> dict[str, Any]:
    return {
        "type": "Process",
        "purpose": scope.purpose,
        "legalBasis": CONSENT_TYPE,
        "operations": ["Store", "Share"],
        "piiCategories": [{"type": "SensitivePersonalData", "sectionType": t} for t in scope.section_types],
        "piiControllers": [_OIN + oin for oin in organisations],
        "recipients": [
            {"type": "Recipient", "organisation": _OIN + r.organisation, "role": r.role} for r in scope.recipients
        ],
        "storageLocation": {"type": "StorageLocation", "location": "NL"},
        "retention": {"type": "StorageDuration", "duration": _until(scope.until)},
        "jurisdiction": "NL",
        "withdrawalMethod": {"type": "WithdrawConsent", "exercisedAt": withdraw_at},
        "privacyRights": [{"type": ["DataSubjectRight", "eu-gdpr:A7-3"], "exercisedAt": withdraw_at}],
    }


def _party(oin: Oin, sender: Oin, contact: str, names: Mapping[Oin, str]) -> dict[str, Any]:
    part = "DataSource" if oin == sender else "Recipient"
    return {
        "id": _OIN + oin,
        "type": ["DataController", part],
        "name": names.get(oin) or oin,
        "contact": contact,
    }


def _until(day: date) -> dict[str, str]:
    """A period that holds until the end of this day."""
    return {"type": "UntilTimeDuration", "until": day.isoformat()}


def record_from(document: Mapping[str, Any]) -> ConsentRecord:
    """Read a document whose signature was checked. Raises Tampered unless it is exactly such a document."""
    try:
        record = _record(document)
        withdraw_at = document["processing"]["withdrawalMethod"]["exercisedAt"]
        again = document_of(record, withdraw_at, names_in(document))
        if again != document or record.at.tzinfo is None or record.serial < 1:
            raise Tampered
        if (record.evidence is EvidenceLevel.PASSKEY) is not (record.confirmation is not None):
            raise Tampered
        if record.evidence is EvidenceLevel.OIDC:  # nothing here could show that there was a login
            raise Tampered
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise Tampered from None
    return record


def names_in(document: Mapping[str, Any]) -> dict[Oin, str]:
    """What the organisations were called when the record was made. Raises TypeError for what is no name."""
    found = {}
    for party in document["parties"]:
        if not isinstance(party["name"], str):
            raise TypeError
        found[Oin(party["id"].removeprefix(_OIN))] = party["name"]
    return found


def _record(document: Mapping[str, Any]) -> ConsentRecord:
    processing, event = document["processing"], document["event"]
    return ConsentRecord(
        id=RecordId(document["recordId"]),
        signer=PersonId(event["entity"]["identifier"].removeprefix(_PERSON)),
        capacity=event["entity"]["capacity"],
        state=_STANCES[event["state"]],
        scope=Scope(
            sender=Oin(processing["piiControllers"][0].removeprefix(_OIN)),
            recipients=tuple(
                Recipient(Oin(r["organisation"].removeprefix(_OIN)), r["role"]) for r in processing["recipients"]
            ),
            purpose=processing["purpose"],
            section_types=tuple(category["sectionType"] for category in processing["piiCategories"]),
            person=PersonId(document["piiPrincipal"]["id"].removeprefix(_PERSON)),
            until=date.fromisoformat(event["duration"]["until"]),
        ),
        notice=NoticeRef(document["notice"]["digest"], document["notice"]["language"]),
        evidence=EvidenceLevel[event["evidence"].upper()],
        handover=HandoverId(document["handover"]),
        at=datetime.fromisoformat(event["time"]),
        serial=document["serial"],
        confirmation=_read_confirmation(event["confirmation"]) if "confirmation" in event else None,
    )


def _read_confirmation(said: Mapping[str, Any]) -> Confirmation:
    return Confirmation(
        credential=said["credential"],
        public_key=said["publicKey"],
        covers=tuple(said["covers"]),
        keys=tuple(said["keys"]),
        nonce=said["nonce"],
        client_data=said["clientDataJSON"],
        authenticator_data=said["authenticatorData"],
        signature=said["signature"],
    )
