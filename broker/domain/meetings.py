"""A meeting about a family: on which day, and who sits at the table; nobody else reads what lies on it.

- Narrower than an organisation and a role: the very professional who is named, and not a colleague with the same work.
- What is asked of the family is asked for these people and this meeting alone. It ends two weeks after the day at the latest.
- A correction may leave out who does not come; who joins needs another meeting, for which the family is asked anew.
- Who they are is kept sealed, with the header of its handover.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from broker.domain.parties import Oin, Professional, ProfessionalId, Recipient
from broker.errors import Fault, Words

KIND = "team-consultation"
"""The kind of handover that a meeting is."""
PURPOSE = "joint-meeting"
"""The purpose of one. A yes for it counts for the handover that it was said about, and for no other."""
AFTERWARDS = timedelta(days=14)
"""How long after the day those who sat at the table may read: long enough for the minutes and what the family says of them."""
MOST = 20
"""Who can sit at one table."""


@dataclass(frozen=True, slots=True)
class Attendee:
    """One professional at the table. `name` is what the family is told, as the sender wrote it."""

    organisation: Oin
    role: str
    professional: ProfessionalId
    name: str = field(repr=False)

    @property
    def recipient(self) -> Recipient:
        """The organisation and role that they come for."""
        return Recipient(self.organisation, self.role)


@dataclass(frozen=True, slots=True)
class Meeting:
    """The day, and everybody at the table."""

    on: date
    attendees: tuple[Attendee, ...]

    def attended_by(self, who: Professional) -> bool:
        """Whether this professional is named, for this organisation and in this role."""
        return any(
            (one.recipient, one.professional) == (Recipient(who.organisation, who.role), who.id)
            for one in self.attendees
        )

    def named(self, recipient: Recipient) -> tuple[str, ...]:
        """Who comes for this organisation in this role, by name."""
        return tuple(one.name for one in self.attendees if one.recipient == recipient)

    def within(self, before: "Meeting") -> bool:
        """Whether it is the same meeting, with nobody at the table who was not there before."""
        known = {(one.recipient, one.professional) for one in before.attendees}
        return self.on == before.on and {(one.recipient, one.professional) for one in self.attendees} <= known

    @property
    def until(self) -> date:
        """The last day on which what lies on the table may be read."""
        return self.on + AFTERWARDS


def faults_of(body: Mapping[str, Any], until: date | None) -> Iterator[Fault]:
    """Everything that is wrong with the meeting of a body; `until` is the last day of consent, where that is known.

    Parts of the wrong shape are passed over.
    """
    meeting = body.get("meeting")
    if not isinstance(meeting, dict):
        return
    for name, word in (("kind", KIND), ("purpose", PURPOSE)):
        if isinstance(body.get(name), str) and body[name] != word:
            yield Fault(
                f"/{name}", Words(f"Bij een overleg hoort {name} {word}.", f"A meeting goes with {name} {word}.")
            )
    yield from _table(meeting.get("attendees"), body.get("recipients"))
    on = day_of(body)
    if on is not None and until is not None and until > on + AFTERWARDS:
        yield Fault("/consentUntil", _TOO_LONG)


def day_of(body: Mapping[str, Any]) -> date | None:
    """The day of the meeting of a body, where it names one that can be counted on from."""
    meeting = body.get("meeting")
    on = meeting.get("on") if isinstance(meeting, dict) else None
    try:
        day = date.fromisoformat(on) if isinstance(on, str) else None
    except ValueError:
        return None
    return day if day is not None and day.year < date.max.year else None


def _table(attendees: Any, recipients: Any) -> Iterator[Fault]:
    if not isinstance(attendees, list) or not isinstance(recipients, list):
        return
    to = [_place(one) for one in recipients]
    named: set[tuple[Any, ...]] = set()
    for position, one in enumerate(attendees):
        place, who = _place(one), one.get("professional") if isinstance(one, dict) else None
        if place is None:
            continue
        if place not in to:
            yield Fault(f"/meeting/attendees/{position}", _NO_RECIPIENT)
        if (*place, who) in named:
            yield Fault(f"/meeting/attendees/{position}", _TWICE)
        named.add((*place, who))
    there = {_place(one) for one in attendees}
    for position, place in enumerate(to):
        if place is not None and place not in there:
            yield Fault(f"/recipients/{position}", _NOBODY)


def _place(one: Any) -> tuple[str, str] | None:
    if (
        not isinstance(one, dict)
        or not isinstance(one.get("organisation"), str)
        or not isinstance(one.get("role"), str)
    ):
        return None
    return one["organisation"], one["role"]


_TOO_LONG = Words(
    "Bij een overleg duurt de toestemming hoogstens tot 14 dagen na de dag van het overleg.",
    "For a meeting consent lasts at most until 14 days after the day of the meeting.",
)
_NO_RECIPIENT = Words(
    "Deze organisatie en rol staan niet bij recipients.", "This organisation and role are not among the recipients."
)
_NOBODY = Words(
    "Bij het overleg zit niemand van deze ontvanger. Noem iemand, of haal de ontvanger weg.",
    "Nobody of this recipient is at the meeting. Name somebody, or leave out the recipient.",
)
_TWICE = Words("Deze deelnemer staat er al.", "This attendee is there already.")
