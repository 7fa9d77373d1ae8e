"""What is to be erased as it is stored, and erasing it: after the commit no row of it is there."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Protocol

from broker.domain.erasure import Contents, Noted, Trace
from broker.domain.handovers import HandoverId
from broker.domain.parties import PersonId


class ErasureStore(Protocol):
    """Erasing. Leaves of the log and signed records are never touched."""

    async def due(self, today: date, after: str, limit: int) -> Sequence[Contents]:
        """Handovers with contents that should not be there on that day, above the id `after`, in the order of ids."""

    async def contents(self, handover: str) -> Contents | None:
        """One handover, locked until the commit; None when its contents were erased already, or it is not there.

        Ask for it before the handover is locked in another way: who is answering about it is waited for first.
        """

    async def empty(self, handover: HandoverId, now: datetime) -> None:
        """Erase what is there beside the sections (`HandoverLists.withdraw` destroys those).

        That is: what families wrote about it, the stated basis, the body's keys of people and its fingerprints, open
        invitations with their visits, and messages about it that wait.
        """

    async def unsure(self, until: date, after: Noted | None, limit: int) -> Sequence[Noted]:
        """Who is not known to have been needed after that day, by the day that is noted and the id, from `after` on."""

    async def unneeded(self, persons: Collection[PersonId]) -> Sequence[Trace]:
        """Who of these no kept handover has anything to do with, with the last day on which something happened."""

    async def needed(self, persons: Sequence[PersonId], today: date) -> None:
        """Note of each of these the last day of which it is certain, whatever happens, that they were still needed."""

    async def held_by(self, persons: Collection[PersonId]) -> Sequence[tuple[PersonId, PersonId]]:
        """(holder, over) of every authority that was ever stated of one of these as its holder."""

    async def lock(self, persons: Collection[PersonId]) -> None:
        """Nobody states anything about these people, answers for them or releases on it until the commit."""

    async def forget(self, person: PersonId, now: datetime) -> int:
        """Erase all that is known of a person, with the openings of their log lines. Returns how many openings went."""
