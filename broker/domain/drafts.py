"""A handover on its way in: what is said in it, before anything of it is stored."""

from dataclasses import dataclass, field
from datetime import date

from broker.domain import meetings
from broker.domain.calendar import Period
from broker.domain.parties import AuthorityKind, Oin, Recipient, StatedContact
from broker.domain.ports import DeliveredSection
from broker.domain.vocabulary import Vocabulary

LONGEST_CONSENT = Period(12, 0)
"""A consent lasts at most twelve months."""
LONGEST_RETENTION = Period(240, 0)
"""Twenty years (Jeugdwet 7.3.8)."""


LONGEST_JUDGMENT = Period(24, 0)
"""A judgment that somebody cannot decide is looked at again within two years."""


@dataclass(frozen=True, slots=True)
class DraftInability:
    """That somebody was judged unable to decide: why, by whom, and when that is looked at again."""

    reason: str = field(repr=False)
    assessor: str = field(repr=False)
    review: date = field(repr=False)


@dataclass(frozen=True, slots=True)
class DraftPerson:
    """Somebody that the body speaks about; `key` only ties its parts together."""

    key: str = field(repr=False)
    reference: str = field(repr=False)
    name: str = field(repr=False)
    birth: date = field(repr=False)
    language: str
    identifiers: tuple[tuple[str, str], ...] = field(repr=False)
    contacts: tuple[StatedContact, ...] = field(repr=False)
    inability: DraftInability | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class DraftAuthority:
    """Authority between two keys."""

    holder: str = field(repr=False)
    over: str = field(repr=False)
    kind: AuthorityKind
    since: date
    until: date | None
    evidence: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DraftTask:
    """Something that was agreed: the id that its text has, whose it is (a recipient, or a key), and by which day."""

    id: str
    owner: Recipient | str = field(repr=False)
    due: date


@dataclass(frozen=True, slots=True)
class DraftAttendee:
    """Somebody at the table, by the id that their own organisation signs for them."""

    organisation: Oin
    role: str
    professional: str = field(repr=False)
    name: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class DraftMeeting:
    """The day of a meeting, and who comes."""

    on: date
    attendees: tuple[DraftAttendee, ...]


@dataclass(frozen=True, slots=True)
class DraftSection:
    """One section, in clear or sealed by its sender; what is clear lives no longer than the request."""

    type: str
    concerns: tuple[str, ...] = field(repr=False)
    shielded_from: tuple[str, ...] = field(repr=False)
    media_type: str
    content: bytes | DeliveredSection = field(repr=False)
    expires: date | None = None
    instrument: str = field(default="", repr=False)
    assessed_on: date | None = field(default=None, repr=False)
    tasks: tuple[DraftTask, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """A whole body, well-formed and free of faults."""

    reference: str = field(repr=False)
    kind: str
    purpose: str
    language: str
    sender_basis: str
    recipient_basis: str
    discussed_with_family: bool
    subject: str = field(repr=False)
    people: tuple[DraftPerson, ...] = field(repr=False)
    authorities: tuple[DraftAuthority, ...] = field(repr=False)
    recipients: tuple[Recipient, ...]
    sections: tuple[DraftSection, ...] = field(repr=False)
    consent_until: date
    retain_until: date
    canonical: str = field(repr=False)
    supporters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    meeting: DraftMeeting | None = None
    urgent_hours: int | None = None


def last_day(text: str, today: date) -> date:
    """A date (2027-01-31, no other writing of ISO 8601), or a period from today. Raises ValueError."""
    if text.startswith("P"):
        return Period.parse(text).after(today)
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError("not a date such as 2027-01-31")
    return day


def consent_until(
    stated: str | None, kind: str, vocabulary: Vocabulary, today: date, meeting: date | None = None
) -> date | None:
    """The last day of consent: as stated, or when nothing is, as long as the agreement says for this kind. None: neither.

    For a meeting on a day, when nothing is stated: until two weeks after it. Raises ValueError and OverflowError as
    `last_day` does.
    """
    if stated is not None:
        return last_day(stated, today)
    if meeting is not None:
        return meeting + meetings.AFTERWARDS
    known = vocabulary.handover_kinds.get(kind)
    return known.consent.after(today) if known and known.consent else None
