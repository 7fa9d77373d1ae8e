"""What organisations are told, as it is stored: ids, types and times."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from broker.domain.consents import Scope
from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin


class PartnerEventType(StrEnum):
    """What can be told: to who received something; some to who sent it; and that something waits or is due, to whom it is open."""

    CORRECTED = "handover-corrected"
    WITHDRAWN = "handover-withdrawn"
    ERASED = "handover-erased"
    STOP_USING = "stop-using"
    ACKNOWLEDGED = "handover-acknowledged"
    CONSENT_CHANGED = "consent-changed"
    UNREAD = "handover-unread"
    TASK_DUE = "task-due"
    TASK_CHANGED = "task-changed"
    ACKNOWLEDGE = "acknowledgement-asked"
    CONSENT_ENDS = "consent-ends"
    URGENT_NEAR = "urgent-deadline-near"
    URGENT_PASSED = "urgent-deadline-passed"


@dataclass(frozen=True, slots=True)
class PartnerEvent:
    """One thing told to one organisation. `types` is empty when all of the release is meant.

    A sender is told of a handover, without a `release`. `place` says where it comes among what this organisation is told;
    it has none before the commit.
    """

    id: str
    organisation: Oin
    type: PartnerEventType
    handover: HandoverId
    release: str | None
    version: int
    types: tuple[str, ...]
    at: datetime
    place: int = 0


@dataclass(frozen=True, slots=True)
class Received:
    """A release as it was made."""

    id: str
    handover: HandoverId
    organisation: Oin
    role: str


@dataclass(frozen=True, slots=True)
class ReleaseStatus:
    """What became of a release: the version that left, whether a newer one is in force, and what may be used no longer."""

    id: str
    handover: HandoverId
    organisation: Oin
    role: str
    at: datetime
    version: int
    types: tuple[str, ...]
    corrected: bool
    withdrawn: bool
    erased: bool
    stop_using: tuple[str, ...]
    acknowledged: bool


class PartnerEventStore(Protocol):
    """Messages to organisations; only ever added to."""

    async def add(self, event: PartnerEvent) -> None:
        """Keep one."""

    async def after(self, oin: Oin, event: str, limit: int) -> Sequence[PartnerEvent] | None:
        """An organisation's own after that one (from the first on when empty), in the order in which they were committed.

        Whoever reads on after the last one that they saw misses none. None when that one was not told to them.
        """

    async def place_of(self, oin: Oin, event: str) -> int | None:
        """Where an event comes among what an organisation is told; None when it was not told to them."""

    async def readers(self, handover: HandoverId) -> Sequence[Received]:
        """Every release of a handover, of any version."""

    async def received(self, scope: Scope) -> Sequence[tuple[Received, int, tuple[str, ...]]]:
        """Releases of what the scope speaks of, with version and the types of it that nobody was told to stop using."""

    async def spoken_of(self, scope: Scope) -> Sequence[HandoverId]:
        """The sender's handovers that are kept and say something that the scope speaks of, in the order of ids."""

    async def status(self, release: str) -> ReleaseStatus | None:
        """What became of one."""
