"""What a family is shown: the answers of its use cases, ready for a page.

Everything here was already checked: a page only lays it out. Names of people appear here, never on an officer's screens.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from broker.domain.consents import Stance
from broker.domain.reactions import ReactionKind, ReactionState
from broker.errors import Words


@dataclass(frozen=True, slots=True)
class ContactChoice:
    """Where a one-time code can be sent: `masked` shows enough to recognise it, not enough to use it."""

    id: str
    channel: Literal["sms", "email"]
    masked: str


@dataclass(frozen=True, slots=True)
class FamilySession:
    """One visit. `csrf` goes into every form. `stage` is `code` until the one-time code was right."""

    id: str
    csrf: str
    stage: Literal["code", "sent", "verified"]
    language: str
    purpose: Literal["answer", "mine"]
    sender: str
    contacts: tuple[ContactChoice, ...]
    sent_to: ContactChoice | None
    tells_how: bool = False
    """Whether they are asked how things go, before anything else."""
    told_how: bool = False
    """Whether they said so in this visit."""


Weight = Literal["counts", "alone", "support", "changed"]
"""What an answer weighs: it counts; the young person decides alone now; it is kept as support; authority changed since."""


@dataclass(frozen=True, slots=True)
class SaidLine:
    """What the signer said about one section type, and for whom.

    `recipients` holds those that it was said about, and is empty when these are all that stand above it. `lapsed`: a yes
    under an authority that changed since; it counts for nothing now, and can be stopped so that it never counts again.
    """

    section_type: str
    label: Words
    stance: Stance
    persons: tuple[str, ...]
    until: date
    weight: Weight
    recipients: tuple[Words, ...] = ()
    lapsed: bool = False

    @property
    def runs(self) -> bool:
        """Whether there is a yes to stop."""
        return self.stance is Stance.GIVEN or self.lapsed

    @property
    def counts(self) -> bool:
        """Whether it counts."""
        return self.weight == "counts"


@dataclass(frozen=True, slots=True)
class SaidGroup:
    """What was said about sharing by one sender with these recipients for one purpose. `id` goes into the stop form.

    `alone` holds, in the order of the recipients, the id by which that one alone can be stopped. `own`: it is about what
    the family wrote itself.
    """

    id: str
    sender: str
    recipients: tuple[Words, ...]
    purpose: Words
    lines: tuple[SaidLine, ...]
    alone: tuple[str, ...] = ()
    own: bool = False

    @property
    def running(self) -> tuple[str, ...]:
        """The section types to which the person still says yes."""
        return tuple(dict.fromkeys(line.section_type for line in self.lines if line.runs))


@dataclass(frozen=True, slots=True)
class ReadLine:
    """One disclosure: who read which section types, and when; whether the text was corrected since."""

    at: datetime
    organisation: str
    role: Words
    sections: tuple[Words, ...]
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Mine:
    """Everything that the person said to this sender, and who read what. `messages`: whether they hear of each reading.

    `asked_no_more`: they stopped its questions how things go.
    """

    name: str
    sender: str
    groups: tuple[SaidGroup, ...]
    readings: tuple[ReadLine, ...]
    messages: bool = True
    asked_no_more: bool = False


@dataclass(frozen=True, slots=True)
class PartScreen:
    """A part of a handover that somebody may write about. `id` says nothing by itself."""

    id: str
    label: Words
    persons: tuple[str, ...]
    sender: str


@dataclass(frozen=True, slots=True)
class HandoverParts:
    """The parts of one handover that concern those for whom the person signs.

    `whole` is the handover itself, which they can ask to erase; there may be no part left for whom only signed once.
    `meeting` is its day, where it is one.
    """

    day: date
    recipients: tuple[Words, ...]
    purpose: Words
    parts: tuple[PartScreen, ...]
    whole: PartScreen
    meeting: date | None = None


@dataclass(frozen=True, slots=True)
class ReactionScreen:
    """Something that the person wrote. `answer` is the sender's, None before there is one, and where it has no words."""

    id: str
    kind: ReactionKind
    label: Words
    text: str
    at: datetime
    state: ReactionState
    sender: str
    answer: str | None
    answered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reactions:
    """What a person may write about, and what they wrote, newest first."""

    handovers: tuple[HandoverParts, ...]
    written: tuple[ReactionScreen, ...]


@dataclass(frozen=True, slots=True)
class OwnSignOff:
    """What the person said of one version: whether they agree, or their own words."""

    agrees: bool
    text: str
    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class OthersSignOff:
    """Whether an organisation agrees with the version in force; what it wrote is for who reads the section."""

    who: Words
    agrees: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class SignOffScreen:
    """A part of which the person can say whether they agree. `id` says nothing by itself.

    `digest` names the version that is in force, and `code` is enough of it to compare by eye. `said` is what the person said
    of it, None for nothing; `before` is what they said earlier, of this version or of others, newest first.
    """

    id: str
    label: Words
    persons: tuple[str, ...]
    sender: str
    version: int
    digest: str
    code: str
    said: OwnSignOff | None
    before: tuple[OwnSignOff, ...]
    others: tuple[OthersSignOff, ...]


@dataclass(frozen=True, slots=True)
class ReceiptScreen:
    """The signer's own copy. `document` is the file that can be checked offline.

    `number` is what people call it by. Each of `pockets` goes into a QR on paper; `texts` are the digests of what was
    shown. `sent_to` is where word of it was sent in this visit. `own`: it is about what the family wrote itself.
    """

    id: str
    at: datetime
    sender: str
    recipients: tuple[Words, ...]
    purpose: Words
    until: date
    lines: tuple[SaidLine, ...]
    document: bytes
    number: str = ""
    pockets: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    sent_to: ContactChoice | None = None
    own: bool = False


@dataclass(frozen=True, slots=True)
class CareFile:
    """The same answers for a care system: a FHIR R4 Bundle, and the moment of the answers for the file's name."""

    at: datetime
    media_type: str
    content: bytes
