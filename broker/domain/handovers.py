"""A handover: what one organisation writes about people so that others can go on helping them."""

import json
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType

from broker.domain.calendar import still_in
from broker.domain.parties import Oin, PersonId, Recipient

HandoverId = NewType("HandoverId", str)
SectionId = NewType("SectionId", str)


class HandoverState(StrEnum):
    """`active` may be asked for; a suspended one (by an officer) never releases, nor does one that ended.

    It ends withdrawn by its sender, expired when its retention was over, or erased because the family asked.
    """

    ACTIVE = "active"
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
    """The header of one version. `consent_until` and `retain_until` are last days, both included."""

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

    def addressed_to(self, organisation: Oin, role: str) -> bool:
        """Whether this organisation, in this role, is a recipient."""
        return Recipient(organisation, role) in self.recipients

    def kept_at(self, now: datetime) -> bool:
        """Whether it is still active and within its retention period."""
        return self.state is HandoverState.ACTIVE and still_in(self.retain_until, now)

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
    """Whether it is what its media type says: text in UTF-8, or an object or a list in JSON (RFC 8259), each name once."""
    try:
        text = content.body.decode()
        return content.media_type != "application/json" or isinstance(
            json.loads(text, parse_constant=_no_number, parse_float=_finite, object_pairs_hook=_named_once), dict | list
        )
    except (ValueError, RecursionError):
        return False


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
