"""What people are shown: the answers of the family's and the officer's use cases, ready for a page.

- Everything here was already checked: a page only lays it out.
- Names of people appear on the family's own screens, never on the officer's.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from broker.domain.consents import Stance
from broker.domain.officers import Right
from broker.domain.presence import ENOUGH, Purpose
from broker.domain.reactions import ReactionKind, ReactionState
from broker.errors import Words

Outcome = Literal["accepted", "confirmed"]


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

    `alone` holds, in the order of the recipients, the id by which that one alone can be stopped.
    """

    id: str
    sender: str
    recipients: tuple[Words, ...]
    purpose: Words
    lines: tuple[SaidLine, ...]
    alone: tuple[str, ...] = ()

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
    """Everything that the person said to this sender, and who read what. `messages`: whether they hear of each reading."""

    name: str
    sender: str
    groups: tuple[SaidGroup, ...]
    readings: tuple[ReadLine, ...]
    messages: bool = True


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
    """

    day: date
    recipients: tuple[Words, ...]
    purpose: Words
    parts: tuple[PartScreen, ...]
    whole: PartScreen


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
class ReceiptScreen:
    """The signer's own copy. `document` is the file that can be checked offline.

    `number` is what people call it by. Each of `pockets` goes into a QR on paper; `texts` are the digests of what was
    shown. `sent_to` is where word of it was sent in this visit.
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


@dataclass(frozen=True, slots=True)
class CareFile:
    """The same answers for a care system: a FHIR R4 Bundle, and the moment of the answers for the file's name."""

    at: datetime
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class LoginWay:
    """An identity provider with which an officer can sign in: its id in addresses, and its name on the button."""

    id: str
    name: Words


@dataclass(frozen=True, slots=True)
class OfficerSession:
    """A privacy officer who signed in with a passkey.

    `open_matters` and `open_items`: how many doubts, and things that stand out, wait for an officer. `open_motions` and
    `open_proposals`: how many decisions and agreements wait for this one, as the second or as one of two.
    `passkeys`: how many are theirs. `confirmed`: what they used one again for in the last minutes.
    `agreement_refused`: a changed agreement could not be put in force. `rights` says which pages are theirs, and
    `organisation` names the only one whose part they see.
    """

    id: str
    csrf: str
    officer: str
    stage: Literal["invited", "signed-in"]
    open_matters: int = 0
    agreement_refused: bool = False
    rights: frozenset[Right] = frozenset(Right)
    organisation: str = ""
    open_items: int = 0
    open_motions: int = 0
    open_proposals: int = 0
    passkeys: int = ENOUGH
    confirmed: frozenset[Purpose] = frozenset()


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What an officer looks for. `identifier` (a BSN) only ever travels in a form's body.

    `subject` is whom a line is about, and `reader` the professional who did it. With `fold`, the lines of that one alone.
    """

    identifier: str = ""
    subject: str = ""
    reader: str = ""
    fold: str = ""
    organisation: str = ""
    outcome: str = ""
    first_day: date | None = None
    last_day: date | None = None
    before: str = ""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One line of the log, by pseudonyms. `index` is its place in the tree, None while it waits to be sequenced.

    `professional` is who did it: the professional, the officer, or the signer of an answer. `released` and `withheld`
    are what was said yes and no to, by the decision on a request or by the signer. `erased` names what is not there any
    more: `subject`, `actor` and `sections`.
    """

    id: str
    at: datetime
    type: str
    label: Words
    outcome: Literal["permitted", "partly", "denied", "other"]
    organisation: str
    counterpart: str
    role: Words | None
    purpose: Words | None
    professional: str
    subject: str
    released: tuple[Words, ...]
    withheld: tuple[Words, ...]
    index: int | None
    erased: frozenset[str] = frozenset()
    by_family: bool = False
    """Whether somebody of a family did it themselves."""


@dataclass(frozen=True, slots=True)
class SignerWhy:
    """How one required signer stood: pseudonyms, the stance, the record; `gap` says why nobody could be asked."""

    person: str
    signer: str
    stance: Stance
    record: str
    gap: str
    counts: bool = True


@dataclass(frozen=True, slots=True)
class SectionWhy:
    """Why one section was or was not released. `rules` are (id, title) of the rules that decided."""

    section_type: str
    label: Words
    permitted: bool
    reason: Words | None
    rules: tuple[tuple[str, Words], ...]
    signers: tuple[SignerWhy, ...]


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One entry in full; never content, never a person's name.

    `reason` says why a request was refused as a whole. `fields` are the other logged facts, name and value.
    """

    row: EntryRow
    reason: Words | None
    sections: tuple[SectionWhy, ...]
    policy_digest: str
    fields: tuple[tuple[str, str], ...]
    leaf: str
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class MatterRow:
    """One doubt, by pseudonyms: never a contact, never a name. `other` is a person, or a professional by its kind."""

    id: str
    kind: str
    reason: Words
    person: str
    other: str
    organisation: str
    since: datetime
    holds_back: bool
    state: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The oldest open matters out of `open`, and the latest settled ones."""

    waiting: tuple[MatterRow, ...]
    settled: tuple[MatterRow, ...]
    open: int


@dataclass(frozen=True, slots=True)
class MatterDetail:
    """One matter, with what to do next; once settled, by whom and why."""

    row: MatterRow
    next_steps: tuple[Words, ...]
    note: str
    settled_at: datetime | None
    settled_by: str
