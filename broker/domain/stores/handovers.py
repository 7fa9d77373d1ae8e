"""Handovers and releases as they are stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, Protocol

from broker.domain.events import EntryId
from broker.domain.handovers import Handover, HandoverId, HandoverState, Section, SectionId
from broker.domain.parties import (
    Oin,
    PersonId,
    Professional,
    ProfessionalId,
    Recipient,
)
from broker.domain.ports import SealedSection
from broker.domain.reminders import Running

Lock = Literal["", "shared", "exclusive"]


NO_ENTRY = EntryId("")


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

    async def replace(self, pushed: Pushed, now: datetime) -> None:
        """Put a new version in the place of the one in force, whose data keys and ciphertext are destroyed."""

    async def fill(self, handover: HandoverId, section: SectionId, box: SealedSection) -> None:
        """Put what a family wrote in the place of nothing: it was asked, and is active from now on."""

    async def get(self, handover: str, *, lock: Lock = "") -> Handover | None:
        """The current version's header. Locked `shared` it stays as it is until the commit, `exclusive` for others too."""

    async def by_reference(self, sender: Oin, reference: str) -> HandoverId | None:
        """What this sender pushed under its reference."""

    async def fingerprints(self, handover: HandoverId) -> Sequence[str]:
        """Of the body of each version, in order."""

    async def people(self, handover: HandoverId) -> Mapping[str, PersonId]:
        """Who is who: the keys of the body."""

    async def sealed(self, sections: Sequence[Section]) -> Mapping[SectionId, SealedSection]:
        """The ciphertext of these sections."""


class HandoverLists(Protocol):
    """Lists of handovers, and their end."""

    async def sent(self, sender: Oin, before: str, limit: int) -> Sequence[Handover]:
        """What an organisation pushed, newest first, below the id `before`; nothing that a family wrote itself."""

    async def written_by(self, author: PersonId, sender: Oin) -> Sequence[tuple[Handover, datetime]]:
        """What this person wrote themselves, coming in through this sender, and since when: what is kept first, newest first.

        Of what was erased only the newest.
        """

    async def addressed(
        self, recipient: Recipient | None, oin: Oin, before: str, limit: int, *, uncollected: bool = False
    ) -> Sequence[Handover]:
        """What is addressed to an organisation (in one role) and may be open: newest first, below the id `before`.

        Left out is what surely is closed: it ended, or nobody ever answered its sender for its purpose. With
        `uncollected` so is what was released, in the version in force, to each of these roles of it.
        """

    async def about(self, subject: PersonId, oin: Oin, role: str) -> Sequence[Handover]:
        """What is about one person and addressed to this role."""

    async def written(self, handovers: Collection[HandoverId]) -> Mapping[HandoverId, datetime]:
        """When the version in force of each came in."""

    async def running(self, today: date, after: Running | None, limit: int) -> Sequence[Running]:
        """Active handovers of which a consent may still run on that day, after that one; what ends first comes first."""

    async def withdraw(self, handover: HandoverId, state: HandoverState, now: datetime) -> None:
        """End it in that state and destroy its data keys and ciphertext."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One release as the family may see it."""

    at: datetime
    organisation: Oin
    role: str
    types: tuple[str, ...]
    handover: HandoverId
    corrected: bool = False
    entry: EntryId = NO_ENTRY
    purpose: str = ""
    persons: tuple[PersonId, ...] = ()
    """Whom of those who were asked for it was about."""


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

    async def acknowledge(
        self, release: str, who: ProfessionalId, now: datetime, *, taken_over: bool
    ) -> Literal["now", "before"] | None:
        """Mark it read, and with `taken_over` taken over; None when it is not theirs, `before` when it was already."""

    async def received(self, release: str, who: ProfessionalId) -> tuple[HandoverId, frozenset[SectionId]] | None:
        """Of which handover it was, and the very sections of it; None when it is not theirs."""

    async def of_person(self, person: PersonId, sender: Oin, viewer: PersonId) -> Sequence[Disclosure]:
        """What was read of what this sender wrote about this person, newest first; nothing shielded from the viewer."""

    async def of_persons(
        self, persons: Collection[PersonId], sender: Oin, viewer: PersonId, before: str, limit: int
    ) -> Sequence[Disclosure]:
        """The same about any of these, below the entry `before`, never more than that many."""

    async def of_entries(
        self, entries: Sequence[EntryId], person: PersonId, viewer: PersonId
    ) -> Mapping[EntryId, Disclosure]:
        """What was read about this person in these entries; nothing shielded from the viewer."""

    async def hidden(self, handovers: Collection[str], person: PersonId, viewer: PersonId) -> Mapping[str, bool]:
        """Of these handovers, those that say something about this person: whether anything in any version was shielded from the viewer."""

    async def hides_from(self, person: PersonId) -> bool:
        """Whether anything was ever shielded from this person."""
