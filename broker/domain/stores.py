"""What is stored, as small Protocols: one unit of work holds them all, and commits them together or not at all.

- Clear values go in and come out; the adapter encrypts names, birth dates, contacts, identifiers and messages.
- Records come back verified: no adapter returns a ConsentRecord whose signature it did not check.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from broker.domain.consents import ConsentRecord
from broker.domain.events import EncodedEntry, EntryId, EventType, LogEvent, Opening
from broker.domain.handovers import Handover, HandoverId, Section, SectionId
from broker.domain.parties import (
    Authority,
    OfficerId,
    Oin,
    Organisation,
    Person,
    PersonId,
    Professional,
    ProfessionalId,
    Recipient,
)
from broker.domain.ports import Passkey, SealedSection


@dataclass(frozen=True, slots=True)
class Contact:
    """Where somebody can be reached, as one organisation stated it."""

    id: str
    channel: Literal["sms", "email"]
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PersonClaim:
    """What one organisation says about a person."""

    name: str = field(repr=False)
    birth: date = field(repr=False)
    language: str


@dataclass(frozen=True, slots=True)
class AuthorityClaim:
    """What one organisation says about authority, and what it saw as evidence."""

    authority: Authority
    evidence: str = field(repr=False)


class OrganisationStore(Protocol):
    """The partners and their workers."""

    async def add(self, organisation: Organisation, jwks: Sequence[Mapping[str, Any]]) -> None:
        """Add or replace one."""

    async def get(self, oin: str) -> Organisation | None:
        """By OIN."""

    async def jwks(self, oin: str) -> list[dict[str, Any]]:
        """Its public keys."""

    async def all(self) -> Sequence[Organisation]:
        """Every partner, by name."""

    async def professional(self, oin: Oin, external: str, name: str, new_id: ProfessionalId) -> ProfessionalId:
        """The id of that worker, kept from the first time on."""


class PersonStore(Protocol):
    """People, recognised by identifier or by one sender's own reference."""

    async def recognise(
        self, sender: Oin, reference: str, identifiers: Sequence[tuple[str, str]], new_id: PersonId
    ) -> PersonId:
        """The person with one of these; otherwise `new_id`, which then has them."""

    async def by_identifier(self, system: str, value: str) -> PersonId | None:
        """Look up by identifier, through its keyed pseudonym."""

    async def state(
        self,
        person: PersonId,
        by: Oin,
        claim: PersonClaim,
        contacts: Sequence[tuple[Literal["sms", "email"], str]],
        now: datetime,
    ) -> None:
        """Keep what an organisation says, beside what others said."""

    async def claims(self, person: PersonId, by: Oin) -> tuple[PersonClaim | None, Sequence[Contact]]:
        """The latest that this organisation said: facts, and contacts."""

    async def names(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, str]:
        """What this organisation calls these people."""


class AuthorityStore(Protocol):
    """Facts that decide who must sign."""

    async def state(self, claims: Sequence[AuthorityClaim], by: Oin, now: datetime) -> None:
        """Keep what an organisation says about authority, beside what others said."""

    async def facts(self, persons: Iterable[PersonId]) -> tuple[Mapping[PersonId, Person], tuple[Authority, ...]]:
        """These persons as the rules see them, and every authority over any of them."""

    async def hold(self, persons: Iterable[PersonId], *, exclusively: bool) -> None:
        """Lock these people's consents until the commit: shared to release, exclusively to answer."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """A handover as it was pushed: its header, who is who, and each section sealed."""

    handover: Handover
    reference: str = field(repr=False)
    fingerprint: str
    keys: Mapping[str, PersonId] = field(repr=False)
    sealed: Mapping[SectionId, SealedSection] = field(repr=False)


class HandoverStore(Protocol):
    """Handovers and their encrypted sections."""

    async def add(self, pushed: Pushed, now: datetime) -> None:
        """Keep a new one."""

    async def get(self, handover: str) -> Handover | None:
        """The current version's header."""

    async def by_reference(self, sender: Oin, reference: str) -> tuple[HandoverId, str] | None:
        """(id, fingerprint) of what this sender pushed under its reference."""

    async def people(self, handover: HandoverId) -> Mapping[str, PersonId]:
        """Who is who: the keys of the body."""

    async def sealed(self, sections: Sequence[Section]) -> Mapping[SectionId, SealedSection]:
        """The ciphertext of these sections."""


class HandoverLists(Protocol):
    """Lists of handovers, and their end."""

    async def sent(self, sender: Oin, before: str, limit: int) -> Sequence[Handover]:
        """What an organisation pushed, newest first, below the id `before`."""

    async def addressed(self, recipient: Recipient | None, oin: Oin, before: str, limit: int) -> Sequence[Handover]:
        """What is addressed to an organisation (in one role), newest first."""

    async def about(self, subject: PersonId, oin: Oin, role: str) -> Sequence[Handover]:
        """What is about one person and addressed to this role."""

    async def withdraw(self, handover: HandoverId) -> None:
        """End it and destroy its data keys and ciphertext."""


class ConsentStore(Protocol):
    """Signed statements, only ever added to."""

    async def add(self, record: ConsentRecord, statement: str) -> None:
        """Keep one."""

    async def about(self, persons: Iterable[PersonId], sender: Oin, purpose: str) -> tuple[ConsentRecord, ...]:
        """Every record about these persons, this sender and purpose, verified."""

    async def said_by(self, signer: PersonId, sender: Oin) -> tuple[ConsentRecord, ...]:
        """Everything this signer said to this sender, verified, in order. Raises Tampered when one is missing."""

    async def keep_notice(self, digest: str, language: str, text: str, now: datetime) -> None:
        """Keep the exact text of a notice, once."""

    async def notice(self, digest: str) -> str | None:
        """The text."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The consent link of one signer for one handover. The code itself is known by tag only."""

    id: str
    handover: HandoverId
    sender: Oin
    person: PersonId
    answer_until: datetime
    answered: bool


class InvitationStore(Protocol):
    """Invitations and receipts of the family."""

    async def add(self, invitation: Invitation, code: str, now: datetime) -> None:
        """Keep a new one."""

    async def by_code(self, code: str) -> Invitation | None:
        """The one with that code."""

    async def get(self, invitation: str, *, lock: bool = False) -> Invitation | None:
        """By id; with `lock`, nobody else changes it until the commit."""

    async def use_up(self, invitation: str, now: datetime) -> None:
        """It was answered."""

    async def answered_by(self, handover: HandoverId) -> frozenset[PersonId]:
        """Who has answered (not what)."""


class ReceiptStore(Protocol):
    """The signers' receipts."""

    async def add(self, receipt: str, signer: PersonId, sender: Oin, statement: str, now: datetime) -> None:
        """Keep one."""

    async def get(self, receipt: str, signer: PersonId, sender: Oin) -> str | None:
        """The statement, if it is this signer's."""


@dataclass(slots=True)
class Visit:
    """A server-side session. `state` is encrypted at rest; `token` is known by tag only."""

    id: str
    kind: Literal["family", "officer"]
    owner: str
    invitation: str
    stage: str
    language: str
    expires: datetime
    state: dict[str, Any] = field(default_factory=dict, repr=False)


class VisitStore(Protocol):
    """Sessions of people with a browser."""

    async def add(self, visit: Visit, token: str) -> None:
        """Keep a new one."""

    async def by_token(self, token: str, now: datetime, *, lock: bool = False) -> Visit | None:
        """The live one with that token."""

    async def save(self, visit: Visit) -> None:
        """Keep its new stage, language and state."""

    async def end(self, visit: str) -> None:
        """Forget it."""


class Guards(Protocol):
    """Counters and once-only marks, shared by every broker on the same database."""

    async def count(self, bucket: str, window: int, now: datetime) -> int:
        """Count one try in this bucket; returns how many there were in this window of so many seconds."""

    async def once(self, mark: str, expires: datetime) -> bool:
        """True the first time only."""

    async def clean(self, now: datetime) -> None:
        """Forget what has expired."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One release as the family may see it."""

    at: datetime
    organisation: Oin
    role: str
    types: tuple[str, ...]
    handover: HandoverId


class ReleaseStore(Protocol):
    """Releases; the schema refuses one without its log entry."""

    async def add(
        self,
        release: str,
        entry: EntryId,
        handover: HandoverId,
        who: Professional,
        sections: Sequence[Section],
        now: datetime,
    ) -> None:
        """Keep one."""

    async def acknowledge(self, release: str, who: ProfessionalId, now: datetime) -> Literal["now", "before"] | None:
        """Mark it read and taken over; None when it is not theirs."""

    async def of_person(self, person: PersonId, sender: Oin, viewer: PersonId) -> Sequence[Disclosure]:
        """What was read of what this sender wrote about this person, newest first; nothing shielded from the viewer."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """The broker's signature over a log entry."""

    kid: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry as appended: not yet in the tree, already signed."""

    entry: EncodedEntry
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What to look for; empty fields do not narrow. `before` is an entry id, exclusive."""

    owner: str = ""
    organisation: str = ""
    types: tuple[EventType, ...] = ()
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A stored leaf with what belongs to it. `index` is None until it is sequenced."""

    id: EntryId
    leaf: bytes
    leaf_hash: bytes
    receipt: Receipt
    index: int | None


class LogStore(Protocol):
    """The disclosure log: entries are only ever added."""

    async def append(self, event: LogEvent) -> Appended:
        """Add an entry to the log and to the sequencer's queue, in this unit of work."""

    async def search(self, wanted: LogSearch) -> Sequence[StoredEntry]:
        """Newest first."""

    async def get(self, entry: str) -> StoredEntry | None:
        """By id."""

    async def openings(self, entry: EntryId) -> Sequence[Opening]:
        """What is left of its openings (erased ones are gone)."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """The sequenced tree."""

    size: int
    root: bytes


class TreeStore(Protocol):
    """The sequencer's side of the log."""

    async def state(self, *, lock: bool = False) -> TreeState:
        """The tree; with `lock`, this unit of work alone may extend it (the fence)."""

    async def queued(self, limit: int) -> Sequence[StoredEntry]:
        """Entries that wait, from the queue (never by watermark), locked rows skipped by nobody."""

    async def place(self, first: int, entries: Sequence[EntryId], state: TreeState) -> None:
        """Give the entries their places, take them off the queue, keep the new state."""

    async def tiles(self, wanted: Iterable[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """Tile data by (level, n); missing ones are left out."""

    async def keep_tiles(self, tiles: Mapping[tuple[int, int], bytes]) -> None:
        """Keep new and grown tiles."""


class CheckpointStore(Protocol):
    """Published checkpoints."""

    async def latest(self) -> tuple[int, str] | None:
        """(size, note) of the largest."""

    async def keep(self, size: int, note: str, now: datetime) -> None:
        """Keep one."""

    async def index_of(self, entry: EntryId) -> int | None:
        """An entry's place."""

    async def leaves(self, first: int, limit: int) -> Sequence[StoredEntry]:
        """Sequenced entries from a place on, in order."""

    async def waiting(self) -> int:
        """How many entries are not in the tree yet."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to send to one contact. Holds a code at most; never content, never what somebody said."""

    to: str = field(repr=False)
    channel: Literal["sms", "email"]
    kind: str
    language: str
    text: str = field(repr=False)


class OutboxStore(Protocol):
    """Messages that go out after the commit."""

    async def add(self, message: Message, message_id: str, now: datetime) -> None:
        """Queue one."""

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, Message, int]]:
        """(id, message, tries) of what should go out now; locked against other brokers."""

    async def sent(self, message_id: str) -> None:
        """It went out; nothing of it is kept."""

    async def failed(self, message_id: str, again: datetime | None) -> None:
        """It did not; try again then, or give up and forget its text."""


class OfficerStore(Protocol):
    """Privacy officers, their invitations and passkeys."""

    async def invite(self, officer: OfficerId, name: str, code: str, expires: datetime, now: datetime) -> None:
        """A new officer with a one-time invitation."""

    async def enter(self, code: str, now: datetime) -> OfficerId | None:
        """Whose invitation that is, if it is still good."""

    async def enrol(self, officer: OfficerId, passkey: Passkey, now: datetime) -> bool:
        """Add the passkey and use up the invitation; False when it was used before."""

    async def passkey(self, credential: bytes) -> tuple[OfficerId, Passkey] | None:
        """By credential id."""

    async def used(self, passkey: Passkey) -> None:
        """Keep its new count."""


class PolicyStore(Protocol):
    """Every agreement that was ever in force, with its text."""

    async def keep(self, digest: str, texts: Mapping[str, str], now: datetime) -> bool:
        """Keep a set; True when it is new."""

    async def latest(self) -> str | None:
        """The digest that came into force last."""


class UnitOfWork(Protocol):
    """One transaction. Without `commit` everything is undone."""

    @property
    def organisations(self) -> OrganisationStore:
        """See `OrganisationStore`."""

    @property
    def persons(self) -> PersonStore:
        """See `PersonStore`."""

    @property
    def authorities(self) -> AuthorityStore:
        """See `AuthorityStore`."""

    @property
    def handovers(self) -> HandoverStore:
        """See `HandoverStore`."""

    @property
    def lists(self) -> HandoverLists:
        """See `HandoverLists`."""

    @property
    def consents(self) -> ConsentStore:
        """See `ConsentStore`."""

    @property
    def invitations(self) -> InvitationStore:
        """See `InvitationStore`."""

    @property
    def receipts(self) -> ReceiptStore:
        """See `ReceiptStore`."""

    @property
    def visits(self) -> VisitStore:
        """See `VisitStore`."""

    @property
    def guards(self) -> Guards:
        """See `Guards`."""

    @property
    def releases(self) -> ReleaseStore:
        """See `ReleaseStore`."""

    @property
    def log(self) -> LogStore:
        """See `LogStore`."""

    @property
    def tree(self) -> TreeStore:
        """See `TreeStore`."""

    @property
    def checkpoints(self) -> CheckpointStore:
        """See `CheckpointStore`."""

    @property
    def outbox(self) -> OutboxStore:
        """See `OutboxStore`."""

    @property
    def officers(self) -> OfficerStore:
        """See `OfficerStore`."""

    @property
    def policies(self) -> PolicyStore:
        """See `PolicyStore`."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Undo whatever was not committed."""

    async def commit(self) -> None:
        """Make it lasting. Raises Unavailable when that failed."""


class Storage(Protocol):
    """Opens units of work."""

    def __call__(self, *, writing: bool = True) -> UnitOfWork:
        """A new one; reading ones do not hold the write lock and cannot commit."""
