"""Urgent handovers as they are stored: until when, how far the rounds are; and whom to call after hours."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin
from broker.domain.urgency import Step


@dataclass(frozen=True, slots=True)
class AfterHours:
    """Where somebody of an organisation is reached outside office hours: a telephone that is answered, and a mail address."""

    phone: str = field(repr=False)
    mail: str | None = field(default=None, repr=False)


class UrgencyStore(Protocol):
    """Lanes, and after-hours contacts."""

    async def begin(self, handover: HandoverId, look_at: datetime) -> None:
        """A handover is urgent from now on; once."""

    async def step(self, handover: HandoverId) -> Step | None:
        """What the rounds did so far; None for a handover that is not urgent."""

    async def due(self, now: datetime, limit: int) -> Sequence[HandoverId]:
        """Handovers whose moment has come, the longest waiting first."""

    async def go_on(self, handover: HandoverId, before: Step, step: Step, look_at: datetime | None) -> bool:
        """From one step to the next, to be looked at again then. False when somebody else was first."""

    async def latest(self, before: str, limit: int, *, sender: str = "", recipient: str = "") -> Sequence[HandoverId]:
        """Urgent handovers that have not ended, newest first, below the id `before`.

        With `sender` those that it sent; with `recipient` those of others that are addressed to it, and may be open.
        """

    async def put_contact(self, organisation: Oin, contact: AfterHours | None) -> None:
        """Keep whom to call; None: nobody."""

    async def contact(self, organisation: Oin) -> AfterHours | None:
        """Whom to call, as the operator last registered. Raises Tampered."""
