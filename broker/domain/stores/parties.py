"""Organisations, people and authority as they are stored: what each organisation stated, side by side."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, Protocol

from broker.domain.parties import (
    Authority,
    ContactSource,
    Oin,
    Organisation,
    Person,
    PersonId,
    ProfessionalId,
    StatedContact,
)
from broker.domain.passkeys import Enrolled, OwnPasskey
from broker.domain.ports import Passkey


@dataclass(frozen=True, slots=True)
class Contact:
    """Where somebody can be reached, as one organisation stated it."""

    id: str
    channel: Literal["sms", "email"]
    value: str = field(repr=False)
    source: ContactSource = "unknown"
    verified: bool = False


@dataclass(frozen=True, slots=True)
class StatedInability:
    """That a person was judged unable to decide: why, by whom, and until when that may be relied on."""

    reason: str = field(repr=False)
    assessor: str = field(repr=False)
    review: date = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reach:
    """How to write to somebody: the first contact that an organisation last stated, and the language."""

    contact: Contact
    language: str


@dataclass(frozen=True, slots=True)
class PersonClaim:
    """What one organisation says about a person."""

    name: str = field(repr=False)
    birth: date = field(repr=False)
    language: str
    inability: StatedInability | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class AuthorityClaim:
    """What one organisation says about authority, and what it saw as evidence."""

    authority: Authority
    evidence: str = field(repr=False)


class OrganisationStore(Protocol):
    """The partners and their workers."""

    async def add(self, organisation: Organisation, jwks: Sequence[Mapping[str, Any]]) -> None:
        """Add or replace one."""

    async def get(self, oin: str, *, lock: bool = False) -> Organisation | None:
        """By OIN; with `lock`, nobody else changes it until the commit."""

    async def jwks(self, oin: str) -> list[dict[str, Any]]:
        """Its public keys."""

    async def all(self) -> Sequence[Organisation]:
        """Every partner, by name."""

    async def professional(self, oin: Oin, external: str, name: str, new_id: ProfessionalId) -> ProfessionalId:
        """The id of that worker, kept from the first time on."""

    async def expected(self, oin: Oin, external: str, new_id: ProfessionalId) -> ProfessionalId:
        """The id that this worker has, or will have: somebody else names them, so nothing is changed of who is known."""


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
        contacts: Sequence[StatedContact],
        now: datetime,
    ) -> None:
        """Keep what an organisation says, beside what others said."""

    async def claims(self, person: PersonId, by: Oin) -> tuple[PersonClaim | None, Sequence[Contact]]:
        """The latest that this organisation said: facts, and contacts."""

    async def contacts(self, person: PersonId) -> Sequence[Contact]:
        """Every way to reach them that anybody stated, each once: who answers in their name is heard at all of them."""

    async def reach(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, Reach]:
        """For each of them the first contact of `claims`, in one look; who has none is left out."""

    async def names(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, str]:
        """What this organisation calls these people."""


Statements = tuple[str, ...]
"""Everything that is stated about one person, a line for each statement: keyed tags and times, which tell nothing."""


@dataclass(frozen=True, slots=True)
class KnownFacts:
    """Persons as the rules see them, authority over them, and for everybody whose facts were read statements and passkeys."""

    people: Mapping[PersonId, Person]
    authorities: tuple[Authority, ...]
    statements: Mapping[PersonId, Statements]
    passkeys: Mapping[PersonId, tuple[Enrolled, ...]] = field(default_factory=dict)


class SignerPasskeyStore(Protocol):
    """Passkeys of signers, only ever added to; part of what is known of a person (`AuthorityStore.seal`)."""

    async def enrol(self, person: PersonId, passkey: Passkey, handle: bytes, now: datetime) -> bool:
        """Keep a new one; False when that credential is somebody's already."""

    async def stop(self, person: PersonId, passkey: OwnPasskey, now: datetime) -> bool:
        """It is in use no more; False when it was not already."""

    async def of(self, person: PersonId) -> tuple[OwnPasskey, ...]:
        """All that were ever made for this person, oldest first. Raises Tampered."""


class AuthorityStore(Protocol):
    """Facts that decide who must sign."""

    async def state(self, claims: Sequence[AuthorityClaim], by: Oin, now: datetime) -> None:
        """Keep what an organisation says about authority, beside what others said."""

    async def facts(self, persons: Iterable[PersonId]) -> tuple[Mapping[PersonId, Person], tuple[Authority, ...]]:
        """These persons as the rules see them, and every authority over any of them.

        Raises Tampered when what was stated about one of them is not what was sealed: nothing was left out or put in.
        """

    async def known(self, persons: Iterable[PersonId]) -> KnownFacts:
        """`facts`, with the statements that they come from. Raises Tampered."""

    async def known_then(self, persons: Iterable[PersonId], statements: Mapping[PersonId, Statements]) -> KnownFacts:
        """What `known` gave when these were the statements.

        Raises NotFound when somebody's facts were erased since, and Tampered when one of them is not there any more.
        """

    async def holders(self, persons: Iterable[PersonId]) -> frozenset[PersonId]:
        """Whoever was ever stated to hold authority over any of them: no signer of theirs is anybody else."""

    async def seal(self, persons: Iterable[PersonId]) -> Mapping[PersonId, Statements]:
        """What is stated about these persons now is the whole of it. Returns that."""

    async def hold(self, persons: Iterable[PersonId], *, exclusively: bool) -> None:
        """Lock these people's consents until the commit: shared to release, exclusively to answer.

        Raises Conflict when one of them, to be held exclusively, was erased meanwhile.
        """
