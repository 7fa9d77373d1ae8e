"""What rows of handovers and their sections say, read and written."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from broker.domain.handovers import Section, SectionId, Support
from broker.domain.meetings import Attendee, Meeting
from broker.domain.parties import Oin, PersonId, ProfessionalId, Recipient
from broker.domain.ports import SealedSection
from broker.errors import Tampered


@dataclass(frozen=True, slots=True)
class SectionHeader:
    """What a section's own header says in words and days."""

    instrument: str = field(default="", repr=False)
    assessed_on: date | None = None
    expires: date | None = None


def basis_place(handover: str, author: str | None) -> str:
    """Where the sealed basis belongs. With another author in the row it does not open: nobody becomes the writer by an edit."""
    return f"handover:{handover}:basis:{author}" if author else f"handover:{handover}:basis"


def kept_meeting(meeting: Meeting | None) -> dict[str, Any]:
    """Sealed with the bases: nobody takes a name away from the table, or adds one, in the database."""
    if meeting is None:
        return {}
    table = [[one.organisation, one.role, one.professional, one.name] for one in meeting.attendees]
    return {"meeting": {"on": meeting.on.isoformat(), "attendees": table}}


def meeting_of(kept: Any) -> Meeting | None:
    """The same again."""
    if kept is None:
        return None
    attendees = (Attendee(Oin(oin), role, ProfessionalId(who), name) for oin, role, who, name in kept["attendees"])
    return Meeting(date.fromisoformat(kept["on"]), tuple(attendees))


def boxes_of(rows: Iterable[Any], sections: Sequence[Section]) -> Mapping[SectionId, SealedSection]:
    """What the rows hold of these sections. Raises Tampered when one is not there."""
    found = {
        SectionId(r.id): SealedSection(r.ciphertext, r.wrapped_key, r.kid, r.mark)
        for r in rows
        if None not in (r.ciphertext, r.wrapped_key, r.kid, r.mark)
    }
    if len(found) != len(sections):
        raise Tampered
    return found


def recipients_of(rows: Iterable[Any]) -> dict[str, list[Recipient]]:
    """By handover, in the order of the rows."""
    found: dict[str, list[Recipient]] = {}
    for row in rows:
        found.setdefault(row.handover, []).append(Recipient(Oin(row.organisation), row.role))
    return found


def supporters_of(rows: Iterable[Any]) -> dict[str, list[Support]]:
    """By handover."""
    found: dict[str, list[Support]] = {}
    for row in rows:
        found.setdefault(row.handover, []).append(Support(PersonId(row.supporter), PersonId(row.person)))
    return found


def sections_of(
    rows: Iterable[Any], people: Iterable[Any], header: Callable[[Any], SectionHeader]
) -> dict[str, list[Section]]:
    """By handover, in the order of the rows; `people` says whom each concerns, and from whom it is shielded.

    `header` opens what is sealed in a row. Raises what it raises.
    """
    concerns: dict[str, set[PersonId]] = {}
    shielded: dict[str, set[PersonId]] = {}
    for row in people:
        if row.concerned:
            concerns.setdefault(row.section, set()).add(PersonId(row.person))
        if row.shielded:
            shielded.setdefault(row.section, set()).add(PersonId(row.person))
    found: dict[str, list[Section]] = {}
    for row in rows:
        said = header(row)
        section = Section(
            SectionId(row.id),
            row.type,
            frozenset(concerns.get(row.id, ())),
            row.media_type,
            frozenset(shielded.get(row.id, ())),
            said.expires,
            said.instrument,
            said.assessed_on,
        )
        found.setdefault(row.handover, []).append(section)
    return found
