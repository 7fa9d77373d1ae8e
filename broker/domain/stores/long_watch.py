"""Long watches as they are stored: which handover, how often, next when, whom."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from broker.domain.handovers import HandoverId
from broker.domain.long_watch import LongWatch
from broker.domain.parties import Oin, PersonId


class LongWatchStore(Protocol):
    """One watch at most for a handover."""

    async def put(self, handover: HandoverId, every: str, next_at: datetime, people: Collection[PersonId]) -> None:
        """Begin one, or change it: from now on these people are asked, but for who wants no questions of its sender."""

    async def get(self, handover: HandoverId) -> LongWatch | None:
        """The watch of a handover."""

    async def due(self, now: datetime, limit: int) -> Sequence[HandoverId]:
        """Watches whose moment has come, the longest waiting first."""

    async def go_on(self, handover: HandoverId, before: datetime, next_at: datetime) -> bool:
        """From one moment to the next. False when somebody else was first."""

    async def ask(self, handover: HandoverId, person: PersonId, check_in: HandoverId) -> None:
        """The last question that somebody got."""

    async def was_asked(self, check_in: HandoverId, person: PersonId) -> bool:
        """Whether that is the last question that this person got with some handover."""

    async def stops(self, persons: Iterable[PersonId], sender: Oin) -> frozenset[PersonId]:
        """Which of them want no questions of this sender, with whatever handover."""

    async def change(self, person: PersonId, sender: Oin, now: datetime, *, stopped: bool) -> bool:
        """Whether this sender may ask them; False when it was so already."""

    async def answered(self, check_in: HandoverId, now: datetime) -> None:
        """Whoever got that question answered it."""

    async def waiting(self, handover: HandoverId) -> Sequence[tuple[PersonId, HandoverId]]:
        """The questions of a watch that wait for an answer, with who got them; also of who is asked no more."""

    async def put_out(self, handover: HandoverId) -> None:
        """Nobody is asked any more."""

    async def end(self, handover: HandoverId) -> None:
        """Forget it, with everybody in it."""
