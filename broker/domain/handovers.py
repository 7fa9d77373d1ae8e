"""A handover: what one organisation writes about people so that others can go on helping them."""

import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from broker.domain.calendar import still_in
from broker.domain.meetings import Meeting
from broker.domain.parties import Oin, PersonId, Professional, ProfessionalId, Recipient
from broker.domain.urgency import Urgency

HandoverId = NewType("HandoverId", str)
SectionId = NewType("SectionId", str)
DEEPEST = 32
"""Lists and objects within each other in JSON; no body that comes in clear is nested more deeply."""
_HALF = re.compile("[\ud800-\udfff]")


class HandoverState(StrEnum):
    """`active` may be asked for; a suspended one (by an officer) never releases, nor does one that ended.

    `asked`: a question of a long watch that its family did not answer yet; there is nothing in it, and it never releases.

    It ends withdrawn by its sender, expired when its retention was over, or erased because the family asked.
    """

    ACTIVE = "active"
    ASKED = "asked"
    SUSPENDED = "suspended"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    ERASED = "erased"


ENDED = frozenset({HandoverState.WITHDRAWN, HandoverState.EXPIRED, HandoverState.ERASED})
"""What is left of these is a tombstone: log lines and releases refer to it, and there is nothing in it."""


@dataclass(frozen=True, slots=True)
class Section:
    """The header of one part: what type it is and every person that it speaks about. The text is elsewhere, encrypted."""

    id: SectionId
    type: str
    concerns: frozenset[PersonId]
    media_type: str
    shielded_from: frozenset[PersonId] = frozenset()
    expires: date | None = None
    """The last day on which it may be given to anybody; None: as long as the handover is kept."""
    instrument: str = field(default="", repr=False)
    """The list of questions or the method that it comes from, in its sender's words."""
    assessed_on: date | None = field(default=None, repr=False)
    """The day on which that was filled in."""

    def over_at(self, now: datetime, *, must_expire: bool = False) -> bool:
        """Whether its day has passed; of a type that `must_expire`, also when it has none."""
        return must_expire if self.expires is None else not still_in(self.expires, now)


@dataclass(frozen=True, slots=True)
class LegalBasis:
    """The AVG basis that each side states for itself; consent never repairs a missing one (AVG 6)."""

    sender: str
    recipient: str


@dataclass(frozen=True, slots=True, order=True)
class Support:
    """Somebody without authority whom the sender asks what they think about what is shared of `person`."""

    supporter: PersonId
    person: PersonId


@dataclass(frozen=True, slots=True)
class Handover:
    """The header of one version. `consent_until` and `retain_until` are last days, both included.

    What a family wrote itself has an `author`. Its `sender` is the organisation through which they came in: consent is
    given in its cells, and it has no other part in it.
    An urgent one stays so in every version, until the same moment.
    """

    id: HandoverId
    version: int
    sender: Oin
    kind: str
    purpose: str
    language: str
    subject: PersonId
    recipients: tuple[Recipient, ...]
    sections: tuple[Section, ...]
    legal_basis: LegalBasis
    discussed_with_family: bool
    consent_until: date
    retain_until: date
    state: HandoverState = HandoverState.ACTIVE
    supporters: frozenset[Support] = frozenset()
    author: PersonId | None = None
    meeting: Meeting | None = None
    urgency: Urgency | None = None

    @property
    def pushed_by(self) -> Oin | None:
        """The organisation whose own it is: which may look, change, hear of it. None of what a family wrote itself."""
        return self.sender if self.author is None else None

    def addressed_to(self, organisation: Oin, role: str) -> bool:
        """Whether this organisation, in this role, is a recipient."""
        return Recipient(organisation, role) in self.recipients

    def meant_for(self, who: Professional) -> bool:
        """Whether this professional is one whom it is for: in a role that it is addressed to; of a meeting, named at the table."""
        named = self.meeting is None or self.meeting.attended_by(who)
        return named and self.addressed_to(who.organisation, who.role)

    def somebody_of(self, recipient: Recipient) -> Professional:
        """Somebody whom it is for in this role, to work out what they would get: of a meeting, one who is named."""
        named = self.meeting.attendees if self.meeting else ()
        who = next((one.professional for one in named if one.recipient == recipient), ProfessionalId(""))
        return Professional(who, recipient.organisation, recipient.role)

    def kept_at(self, now: datetime) -> bool:
        """Whether it is still active and within its retention period."""
        return self.state is HandoverState.ACTIVE and still_in(self.retain_until, now)

    def asks(self, person: PersonId, now: datetime) -> bool:
        """Whether it may ask this person: it is kept; or it waits for their own words, and then nobody else's are wanted."""
        waits = self.state is HandoverState.ASKED and person == self.subject
        return (self.state is HandoverState.ACTIVE or waits) and still_in(self.retain_until, now)

    def concerned(self) -> frozenset[PersonId]:
        """Every person that some section speaks about."""
        return frozenset().union(*(section.concerns for section in self.sections))


@dataclass(frozen=True, slots=True)
class Content:
    """The clear text of one section, on its way in or out. Never stored, never logged, never printed."""

    media_type: str
    body: bytes

    def __repr__(self) -> str:
        return f"Content({self.media_type}, {len(self.body)} bytes)"


def readable(content: Content) -> bool:
    """Whether it is what its media type says: text in UTF-8, or an object or a list in JSON (RFC 8259).

    Of JSON each name stands there once, every text is one (no half of a surrogate pair, RFC 7493 section 2.1), and it is
    nested no deeper than DEEPEST: whoever takes it apart after this can write it down again.
    """
    try:
        text = content.body.decode()
        if content.media_type != "application/json":
            return True
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_named_once)
        return isinstance(value, dict | list) and _is_whole(value, DEEPEST)
    except (ValueError, RecursionError):
        return False


def _is_whole(value: object, deeper: int) -> bool:
    if isinstance(value, str):
        return _HALF.search(value) is None
    if not isinstance(value, dict | list):
        return True
    inside = [*value, *value.values()] if isinstance(value, dict) else value
    return deeper > 0 and all(_is_whole(one, deeper - 1) for one in inside)


def _named_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """One reader would see the first of two with the same name, and another one the last."""
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("a name stands there twice")
    return dict(pairs)


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("too large a number")
    return value


def _no_number(_: str) -> None:
    raise ValueError("not a JSON number")


@dataclass(frozen=True, slots=True)
class SealedContent:
    """A section as it leaves sealed: the ciphertext as it lies here, its key sealed to the recipient's key `kid`.

    `sender` and `mark` are what the ciphertext is bound to, beside the section's type and media type.
    """

    media_type: str
    kid: str
    key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)
    sender: Oin
    mark: bytes = field(repr=False)
