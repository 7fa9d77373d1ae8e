"""How far handovers came, and which of them wait to be collected."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from broker.domain.arrivals import Came
from broker.domain.handovers import Handover, HandoverId
from broker.domain.parties import Recipient


class ArrivalStore(Protocol):
    """Arrivals, from the releases that were made; and when to look whether something still waits."""

    async def collected(self, handover: Handover) -> Mapping[Recipient, Came]:
        """The furthest that any release of the version in force came, by who received it."""

    async def look_again(self, handover: HandoverId, at: datetime) -> None:
        """Look then whether it was collected; one such moment for a handover, the latest that was said."""

    async def due(self, now: datetime, limit: int) -> Sequence[HandoverId]:
        """Handovers whose moment has come, the longest waiting first."""

    async def looked_at(self, handover: HandoverId) -> bool:
        """Its moment is over. False when somebody else was first."""
