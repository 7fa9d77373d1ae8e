"""What one decision rested on, written so that the same decision can be made again years later: promise P11.

- It names people, records and statements by pseudonym, id and tag; the facts themselves and the texts are kept elsewhere.
- It is a personal value of the log entry: committed to by the leaf, encrypted under the subject's key, erased with it.
- What is read back is exactly what was written, or Tampered.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from broker.domain.consents import RecordId
from broker.domain.handovers import Handover, HandoverId, HandoverState, LegalBasis, Section, SectionId, Support
from broker.domain.meetings import Attendee, Meeting
from broker.domain.parties import Oin, Organisation, PersonId, Professional, ProfessionalId, Recipient
from broker.domain.releases import ReleaseRequest, Situation
from broker.errors import Tampered

VERSION = 1
_WRITER = json.JSONEncoder(check_circular=False, sort_keys=True, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Basis:
    """A request and everything that was known at that instant, save facts and records, which are named only."""

    request: ReleaseRequest
    handover: Handover
    sender: Organisation
    recipient: Organisation
    statements: Mapping[PersonId, tuple[str, ...]]
    records: frozenset[RecordId]
    doubted: frozenset[PersonId]
    restored: datetime | None
    at: datetime


def basis_text(request: ReleaseRequest, situation: Situation, now: datetime) -> str:
    """The basis of a decision, as it is logged."""
    who = request.professional
    document = {
        "v": VERSION,
        "at": now.astimezone(UTC).isoformat(),
        "request": {
            "professional": who.id,
            "organisation": who.organisation,
            "role": who.role,
            "purpose": request.purpose,
            "types": None if request.types is None else list(request.types),
        },
        "handover": _handover(situation.handover),
        "sender": _organisation(situation.sender),
        "recipient": _organisation(situation.recipient),
        "statements": {person: list(lines) for person, lines in situation.statements.items()},
        "records": sorted(record.id for record in situation.records),
        "doubted": sorted(situation.doubted),
        "restored": situation.restored.astimezone(UTC).isoformat() if situation.restored else None,
    }
    return _WRITER.encode(document)


def read_basis(text: str) -> Basis:
    """The basis again. Raises Tampered for what `basis_text` would not have written."""
    try:
        document = json.loads(text)
        if document["v"] != VERSION:
            raise Tampered
        asked, handover = document["request"], _read_handover(document["handover"])
        who = Professional(ProfessionalId(asked["professional"]), Oin(asked["organisation"]), asked["role"])
        types = None if asked["types"] is None else tuple(asked["types"])
        return Basis(
            request=ReleaseRequest(who, handover.id, asked["purpose"], types),
            handover=handover,
            sender=_read_organisation(document["sender"]),
            recipient=_read_organisation(document["recipient"]),
            statements={PersonId(p): tuple(map(str, lines)) for p, lines in document["statements"].items()},
            records=frozenset(map(RecordId, document["records"])),
            doubted=frozenset(map(PersonId, document["doubted"])),
            restored=datetime.fromisoformat(document["restored"]) if document["restored"] else None,
            at=datetime.fromisoformat(document["at"]),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Tampered from None


def digest_of(statements: Mapping[PersonId, tuple[str, ...]]) -> dict[str, str]:
    """For each person the SHA-256 of what was stated about them."""
    return {person: hashlib.sha256("\n".join(lines).encode()).hexdigest() for person, lines in statements.items()}


def _organisation(o: Organisation) -> dict[str, Any]:
    """Without its name; of its sealing key, that it has one."""
    return {"oin": o.oin, "kind": o.kind, "suspended": o.suspended, "sealed": o.sealing_key is not None}


def _read_organisation(o: Mapping[str, Any]) -> Organisation:
    return Organisation(Oin(o["oin"]), "", o["kind"], o["suspended"], "{}" if o["sealed"] else None)


def _handover(h: Handover) -> dict[str, Any]:
    """The header; of the legal bases, which are free text, whether they were stated. Of a meeting, without names."""
    return {
        **_meeting(h.meeting),
        **({"author": h.author} if h.author else {}),
        "id": h.id,
        "version": h.version,
        "sender": h.sender,
        "kind": h.kind,
        "purpose": h.purpose,
        "subject": h.subject,
        "recipients": [[r.organisation, r.role] for r in h.recipients],
        "sections": [_section(s) for s in h.sections],
        "bases": [bool(h.legal_basis.sender.strip()), bool(h.legal_basis.recipient.strip())],
        "discussed": h.discussed_with_family,
        "consentUntil": h.consent_until.isoformat(),
        "retainUntil": h.retain_until.isoformat(),
        "state": h.state.value,
        "supporters": sorted([s.supporter, s.person] for s in h.supporters),
    }


def _section(s: Section) -> list[Any]:
    """Its last day stands there when it has one; what it was made with decides nothing."""
    said = [s.id, s.type, s.media_type, sorted(s.concerns), sorted(s.shielded_from)]
    return [*said, s.expires.isoformat()] if s.expires else said


def _read_section(said: list[Any]) -> Section:
    section, kind, media, about, hidden, *expires = said
    if len(expires) > 1:
        raise Tampered
    return Section(
        SectionId(section),
        kind,
        frozenset(map(PersonId, about)),
        media,
        frozenset(map(PersonId, hidden)),
        date.fromisoformat(expires[0]) if expires else None,
    )


def _meeting(meeting: Meeting | None) -> dict[str, Any]:
    if meeting is None:
        return {}
    return {"meeting": [meeting.on.isoformat(), [[a.organisation, a.role, a.professional] for a in meeting.attendees]]}


def _read_handover(h: Mapping[str, Any]) -> Handover:
    sender, recipient = h["bases"]
    on, table = h.get("meeting", ("", ()))
    attendees = tuple(Attendee(Oin(oin), role, ProfessionalId(who), "") for oin, role, who in table)
    return Handover(
        id=HandoverId(h["id"]),
        version=h["version"],
        sender=Oin(h["sender"]),
        kind=h["kind"],
        purpose=h["purpose"],
        language="",
        subject=PersonId(h["subject"]),
        recipients=tuple(Recipient(Oin(organisation), role) for organisation, role in h["recipients"]),
        sections=tuple(map(_read_section, h["sections"])),
        legal_basis=LegalBasis("stated" if sender else "", "stated" if recipient else ""),
        discussed_with_family=h["discussed"],
        consent_until=date.fromisoformat(h["consentUntil"]),
        retain_until=date.fromisoformat(h["retainUntil"]),
        state=HandoverState(h["state"]),
        supporters=frozenset(Support(PersonId(supporter), PersonId(person)) for supporter, person in h["supporters"]),
        author=PersonId(h["author"]) if h.get("author") else None,
        meeting=Meeting(date.fromisoformat(on), attendees) if on else None,
    )
