"""What the use cases need from the outside, as small Protocols; adapters are put in by `broker.app`.

Cryptography, the agreement, time and chance. What must be stored is in `broker.domain.stores`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Protocol

from broker.domain.channels import Channel
from broker.domain.consents import ConsentRecord
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.domain.differences import Difference
from broker.domain.explanations import Explanation
from broker.domain.handovers import Handover, Section
from broker.domain.notices import NoticeTemplate
from broker.domain.overview import Overview
from broker.domain.parties import Oin
from broker.domain.sign_offs import SignOff
from broker.domain.signers import SignerTable
from broker.domain.vocabulary import Vocabulary
from broker.errors import BrokerError, Words


@dataclass(frozen=True, slots=True)
class SectionPlace:
    """Where a ciphertext belongs, and under which header; it opens nowhere else.

    The header (`type`, `media_type` and `people`: whom it concerns, from whom it is shielded) is what consent and
    agreement decide about: with another type, or about other people, in the database, the text does not open.
    """

    handover: str
    version: int
    section: str
    sender: str
    type: str
    media_type: str
    people: str


def place_of(handover: Handover, section: Section) -> SectionPlace:
    """The place of a section in this version of its handover."""
    people = json.dumps([sorted(section.concerns), sorted(section.shielded_from)])
    return SectionPlace(
        handover.id, handover.version, section.id, handover.sender, section.type, section.media_type, people
    )


@dataclass(frozen=True, slots=True)
class DeliveredSection:
    """What a sender sealed itself: the ciphertext, its key sealed to an intake key of ours, and that key's id."""

    kid: str
    key: bytes = field(repr=False)
    ciphertext: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SealedSection:
    """A section at rest: its ciphertext, its own key wrapped, the id of the key that wraps it, the reference's mark."""

    ciphertext: bytes = field(repr=False)
    wrapped_key: bytes = field(repr=False)
    kid: str
    mark: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ForRecipient:
    """To whom a section goes sealed: an organisation's public key, its OIN, and the release that it belongs to."""

    sealing_key: Mapping[str, Any] = field(repr=False)
    recipient: str
    release: str


class SectionVault(Protocol):
    """Keeps sections encrypted, each under a key of its own."""

    @property
    def remote(self) -> bool:
        """Whether a call may wait for another machine; then it goes through `House.aside`."""

    def seal(self, place: SectionPlace, reference: str, clear: bytes) -> SealedSection:
        """Encrypt for one place."""

    def accept(self, place: SectionPlace, reference: str, delivered: DeliveredSection) -> SealedSection:
        """Take in what its sender sealed, unopened. Raises Invalid unless it was sealed for us and this place."""

    def open(self, place: SectionPlace, sealed: SealedSection) -> bytes | None:
        """Decrypt at that place; None when its sender did not seal it as what it says it is. Raises Tampered anywhere else."""

    def pass_on(self, place: SectionPlace, sealed: SealedSection, to: ForRecipient) -> bytes:
        """Its key, sealed to a recipient's; the content stays closed. Raises Tampered anywhere else."""

    def intake_keys(self) -> tuple[Mapping[str, Any], ...]:
        """The public keys to seal to, as JWKs; the one to use is first."""


class SubjectKeys(Protocol):
    """Keys per person, under which the openings of their log entries are kept; destroying one erases them all."""

    @property
    def remote(self) -> bool:
        """Whether making or unwrapping one may wait for another machine."""

    def new_subject_key(self, key_id: str) -> tuple[bytes, bytes]:
        """(clear, wrapped)."""

    def open_subject_key(self, key_id: str, wrapped: bytes) -> bytes:
        """Unwrap. Raises Tampered."""

    def seal_with(self, key: bytes, context: str, clear: bytes) -> bytes:
        """Encrypt under that key for one context."""

    def open_with(self, key: bytes, context: str, sealed: bytes) -> bytes:
        """Decrypt. Raises Tampered."""


class Rewrapping(Protocol):
    """Puts data keys under the current wrapping key, without touching what they encrypt."""

    def wrapping_kid(self) -> str:
        """The id of the current wrapping key."""

    def rewrap(self, place: SectionPlace, sealed: SealedSection) -> SealedSection:
        """A section's key. Raises Tampered and Unavailable."""

    def rewrap_subject_key(self, key_id: str, wrapped: bytes) -> bytes:
        """A person's log key. Raises Tampered and Unavailable."""


class FieldSeal(Protocol):
    """Encrypts single values in rows."""

    def seal(self, context: str, clear: str) -> bytes:
        """Encrypt for one context."""

    def open(self, context: str, sealed: bytes) -> str:
        """Decrypt. Raises Tampered."""


class Tagger(Protocol):
    """Keyed tags, to look up what must not be stored in clear."""

    def tag(self, use: str, *values: str) -> str:
        """A tag of an identifier or reference."""

    def code_tag(self, use: str, *values: str) -> str:
        """A tag of a code or token."""


class CodeMaker(Protocol):
    """Random codes and tokens."""

    def invitation(self) -> str:
        """For paper and QR."""

    def one_time(self) -> str:
        """For a phone."""

    def token(self) -> str:
        """For a cookie."""

    def normal(self, typed: str) -> str:
        """What somebody typed, in the form in which it is tagged."""


class Notary(Protocol):
    """Signs consent records and receipts; reads records back through the signature."""

    def digest(self, record: ConsentRecord, names: Mapping[Oin, str] = ...) -> str:
        """What a signer's device signs of that statement."""

    def sign(self, record: ConsentRecord, names: Mapping[Oin, str] = ...) -> str:
        """The signed statement; `names` of the organisations go into it. Raises Tampered for a passkey that did not sign it."""

    def read(self, statement: str) -> ConsentRecord:
        """The record. Raises Tampered unless the signature holds."""

    def sign_off(self, said: SignOff) -> str:
        """What a party says of a version, as a signed statement."""

    def read_sign_off(self, statement: str) -> SignOff:
        """The inverse. Raises Tampered unless the signature holds."""

    def public_keys(self) -> dict[str, bytes]:
        """The keys that records and receipts are verified with, by id."""

    def receipt(self, document: Mapping[str, Any]) -> str:
        """A signed receipt."""


class LogSignatures(Protocol):
    """Signatures on log entries and checkpoints."""

    def receipt(self, leaf: bytes) -> tuple[str, bytes]:
        """(key id, signature) over a leaf."""

    def receipt_holds(self, kid: str, signature: bytes, leaf: bytes) -> bool:
        """Whether it is ours."""

    def receipt_keys(self) -> dict[str, bytes]:
        """Public keys of receipts, by id."""

    def checkpoint_keys(self) -> tuple[bytes, ...]:
        """Public keys of the log, the current one last."""

    def sign_checkpoint(self, body: bytes) -> bytes:
        """Sign a checkpoint."""


class Agreement(Protocol):
    """The policy in force: words, signers, channels, notices and decisions, all of one digest."""

    @property
    def digest(self) -> str:
        """SHA-256 of everything in `policies/`."""

    @property
    def vocabulary(self) -> Vocabulary:
        """Its words."""

    @property
    def signers(self) -> SignerTable:
        """Its age table."""

    @property
    def channels(self) -> tuple[Channel, ...]:
        """The ways outside this broker that a refusal for lack of consent may name."""

    def decide(self, question: PolicyQuestion) -> Ruling:
        """Its answer; any error is a denial."""

    def title(self, rule: str) -> Words:
        """What a rule says, for people."""

    def widens(self, before: Any) -> bool:
        """Whether it could give something that another one does not."""


class Texts(Protocol):
    """The agreement's texts."""

    @property
    def notices(self) -> Mapping[str, NoticeTemplate]:
        """The consent notice, by language."""

    @property
    def texts(self) -> Mapping[str, str]:
        """Every file of the set, by path."""


class Explained(Protocol):
    """The agreement, for people to look into."""

    def overview(self) -> Overview:
        """Who may read what, for everything that can be asked. Takes seconds the first time. Raises Unavailable."""

    def explain(self, question: PolicyQuestion) -> Explanation:
        """Why it answers as it does, rule by rule; for an officer only. Raises Unavailable."""

    def compared(self, before: Any) -> Difference:
        """What it gives that another one does not, and the other way round. Takes seconds. Raises Unavailable."""

    def another(self, texts: Mapping[str, str]) -> "AgreementInForce":
        """The agreement of these texts, checked as strictly. Raises Unsafe."""


class AgreementInForce(Agreement, Texts, Explained, Protocol):
    """All sides of the agreement."""


class AgreementSource(Protocol):
    """Where an agreement comes from: something that changes, and is read whole."""

    def state(self) -> Any:
        """What tells whether it changed."""

    def load(self) -> AgreementInForce:
        """What it holds now, checked whole. Raises Unsafe with every fault."""


class Alarm(Protocol):
    """Hears of what was met at rest and is not what was put there."""

    def __call__(self, error: BrokerError, place: str, /) -> None:
        """Ring when this error is an alarm; `place` names who met it, never anybody's data."""


class Phrases(Protocol):
    """What the languages of families need beside the agreement: texts of ours, days, lists, what is filled in.

    What is missing in a language is Dutch: somebody nearby can read it out.
    """

    def direction(self, language: str) -> str:
        """`ltr` or `rtl`, as pages write it."""

    def words(self, words: Words, language: str) -> str:
        """A text in that language."""

    def fill(self, words: Words, language: str, **values: object) -> str:
        """A message with these values in its braces, which read right in whichever direction the language runs."""

    def day(self, day: date, language: str) -> str:
        """A day in words: `21 mei 2027`."""

    def listed(self, items: Sequence[str], language: str) -> str:
        """`a, b en c`."""

    def apart(self, value: str, language: str) -> str:
        """A value that somebody else wrote, as it stands within a text: it never turns the text around it."""


class Clock(Protocol):
    """The time, read once per decision."""

    def __call__(self) -> datetime:
        """Now, in UTC."""


class Ids(Protocol):
    """Fresh ids, rising with time (RFC 9562 version 7)."""

    def __call__(self) -> str:
        """A new id."""


class AssertionCheck(Protocol):
    """Verifies what organisations sign."""

    def issuer(self, assertion: str) -> str:
        """Who says to have made it, unverified. Raises AssertionRefused."""

    def verify(
        self, assertion: str, jwks: Sequence[dict[str, Any]], audiences: tuple[str, ...], now: datetime
    ) -> dict[str, Any]:
        """Its claims. Raises AssertionRefused."""

    def key_of(self, assertion: str) -> str:
        """The id of the key that it says to be signed with, empty for none. Raises AssertionRefused."""

    def published(self, document: bytes) -> list[dict[str, Any]]:
        """The public keys in what an organisation publishes at its address. Raises ValueError."""


@dataclass(frozen=True, slots=True)
class Passkey:
    """A registered credential of an officer, or of a signer."""

    credential: bytes
    public_key: bytes = field(repr=False)
    count: int


class Passkeys(Protocol):
    """The WebAuthn ceremonies (W3C Web Authentication Level 3)."""

    def creation(self, officer: str, label: str, challenge: bytes, known: tuple[bytes, ...]) -> str:
        """Options for registering, as JSON."""

    def created(self, credential: str, challenge: bytes) -> Passkey:
        """The verified new passkey. Raises NotAllowed."""

    def request(self, challenge: bytes, allowed: tuple[bytes, ...] = ()) -> str:
        """Options for signing, as JSON: with any passkey of this site, or with one of those allowed."""

    def creation_for_signer(self, handle: bytes, challenge: bytes, known: tuple[bytes, ...]) -> str:
        """Options for registering a signer's, as JSON: nothing in it says whose."""

    def answer(self, credential: str) -> tuple[str, str, str]:
        """What a device made: client data, authenticator data and signature, as base64url. Raises NotAllowed."""

    def credential_id(self, credential: str) -> bytes:
        """Which passkey an answer says to come from. Raises NotAllowed."""

    def signed(self, credential: str, challenge: bytes, passkey: Passkey) -> Passkey:
        """The passkey with its new count, once the answer verified. Raises NotAllowed."""


class WebhookSignatures(Protocol):
    """Signatures on what is sent to organisations."""

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The header `webhook-signature` (Standard Webhooks). Raises Unavailable without a key."""

    def public_keys(self) -> tuple[Mapping[str, Any], ...]:
        """What they are verified with, newest first."""
