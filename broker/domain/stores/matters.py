"""Doubts and what they come from: contacts that several people have, and an officer's queue."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from broker.domain.matters import Matter, MatterState, SameContact
from broker.domain.parties import Authority, Oin, PersonId, ProfessionalId


class ContactStore(Protocol):
    """Contacts compared by their keyed tags; none is ever opened here."""

    async def hold(self, contacts: Iterable[tuple[str, str]]) -> None:
        """Lock these (channel, value) until the commit: who states the same one waits, and then sees it stated."""

    async def shared(self, persons: Iterable[PersonId]) -> Sequence[SameContact]:
        """Every contact that one of these people and another person ever had, whoever stated it."""

    async def of_professionals(
        self, persons: Iterable[PersonId] = (), professional: ProfessionalId | None = None
    ) -> Sequence[SameContact]:
        """Every contact of these people that is a professional's, or of anybody that is this professional's."""

    async def keep(self, professional: ProfessionalId, contacts: Iterable[tuple[str, str]]) -> bool:
        """The professional's contacts are these from now on; False when they were so already."""

    async def authorities_of(self, persons: Iterable[PersonId]) -> Sequence[tuple[Oin, Authority]]:
        """All authority that any of these people holds or is under, with the organisation that stated it."""


class MatterStore(Protocol):
    """The officer's queue."""

    async def add(self, matter: Matter, same: Sequence[str]) -> bool:
        """Keep one; False when a matter of the same kind, people and `same` is there, in whatever state."""

    async def get(self, matter: str, *, lock: bool = False) -> Matter | None:
        """By id."""

    async def waiting(self, limit: int, stated_by: str = "") -> Sequence[Matter]:
        """Open ones, oldest first; with `stated_by`, of that organisation alone."""

    async def settled(self, limit: int, stated_by: str = "") -> Sequence[Matter]:
        """Settled ones, latest settled first."""

    async def count(self, stated_by: str = "") -> int:
        """How many are open."""

    async def settle(self, matter: str, state: MatterState, note: str, by: str, now: datetime) -> bool:
        """Settle an open one; False when it was settled before."""

    async def doubted(self, persons: Iterable[PersonId]) -> frozenset[PersonId]:
        """Who of these has an open or confirmed matter that raises the evidence needed."""
