"""A consent record as a document: the fields of ISO/IEC TS 27560:2023, read back strictly.

The names follow W3C's DPV guide to 27560. Signers and persons are pseudonymous ids; the signed bytes are the
RFC 8785 form of exactly this document.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from broker.domain.consents import ConsentRecord, EvidenceLevel, NoticeRef, RecordId, Scope, Stance
from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, PersonId, Recipient
from broker.errors import Tampered

SCHEMA = "https://w3id.org/dpv/schema/dpv-27560#record-eu-gdpr"


def document_of(record: ConsentRecord, withdraw_at: str) -> dict[str, Any]:
    """The record as it is signed. `withdraw_at` is the address where the signer can stop (27560: withdrawal method)."""
    scope = record.scope
    recipients = [{"organisation": r.organisation, "role": r.role} for r in scope.recipients]
    return {
        "schemaVersion": SCHEMA,
        "recordId": record.id,
        "serial": record.serial,
        "piiPrincipal": scope.person,
        "notice": {"digest": record.notice.digest, "digestAlgorithm": "SHA-256", "language": record.notice.language},
        "processing": {
            "purpose": scope.purpose,
            "piiCategories": list(scope.section_types),
            "piiControllers": [scope.sender, *dict.fromkeys(r.organisation for r in scope.recipients)],
            "recipients": recipients,
            "storageLocation": "NL",
            "retention": scope.until.isoformat(),
            "jurisdiction": "NL",
            "withdrawalMethod": withdraw_at,
        },
        "parties": [{"role": "sender", "oin": scope.sender, "contact": withdraw_at}],
        "event": {
            "time": record.at.isoformat(),
            "validUntil": scope.until.isoformat(),
            "entity": record.signer,
            "capacity": record.capacity,
            "type": "explicit-consent",
            "state": record.state.value,
        },
        "evidence": record.evidence.name.lower(),
        "handover": record.handover,
    }


def record_from(document: Mapping[str, Any]) -> ConsentRecord:
    """Read a document whose signature was checked. Raises Tampered unless it is exactly such a document."""
    try:
        processing, event = document["processing"], document["event"]
        record = ConsentRecord(
            id=RecordId(document["recordId"]),
            signer=PersonId(event["entity"]),
            capacity=event["capacity"],
            state=Stance(event["state"]),
            scope=Scope(
                sender=Oin(processing["piiControllers"][0]),
                recipients=tuple(Recipient(Oin(r["organisation"]), r["role"]) for r in processing["recipients"]),
                purpose=processing["purpose"],
                section_types=tuple(processing["piiCategories"]),
                person=PersonId(document["piiPrincipal"]),
                until=date.fromisoformat(event["validUntil"]),
            ),
            notice=NoticeRef(document["notice"]["digest"], document["notice"]["language"]),
            evidence=EvidenceLevel[document["evidence"].upper()],
            handover=HandoverId(document["handover"]),
            at=datetime.fromisoformat(event["time"]),
            serial=document["serial"],
        )
        if (
            document_of(record, processing["withdrawalMethod"]) != document
            or record.at.tzinfo is None
            or record.serial < 1
        ):
            raise Tampered
    except (KeyError, TypeError, ValueError, AttributeError, IndexError):
        raise Tampered from None
    return record
