"""Counts of each month, worked out from the log; and what is kept on the way to them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

from broker.domain.handovers import HandoverId
from broker.domain.indicators import Counted


@dataclass(frozen=True, slots=True)
class AwaitedReading:
    """A release that nobody acknowledged yet: until when that counts as in time, for whom it is counted, and who received it."""

    release: str
    due: date
    organisation: str
    region: str
    kind: str
    recipient: str


class IndicatorStore(Protocol):
    """What the indicators are made of. Nothing in it is about a person."""

    async def regions(self, organisations: Collection[str]) -> Mapping[str, str]:
        """The region of each that has one, as the log said last."""

    async def place(self, regions: Mapping[str, str]) -> None:
        """These organisations are in these regions from now on."""

    async def add(self, counts: Mapping[Counted, int]) -> None:
        """Count more."""

    async def between(self, first: date, last: date) -> Mapping[Counted, int]:
        """The counts of those months, by their first days."""

    async def span(self) -> tuple[date | None, date | None]:
        """The first month of which anything is counted, and the latest that an entry showed to be read."""

    async def await_reading(self, releases: Sequence[AwaitedReading]) -> None:
        """These were released, and wait to be acknowledged."""

    async def awaited(self, releases: Collection[str]) -> Sequence[AwaitedReading]:
        """Those of these releases that still wait."""

    async def overdue(self, before: date) -> Sequence[AwaitedReading]:
        """All that wait and were due before that day."""

    async def no_longer_awaited(self, releases: Collection[str]) -> None:
        """What became of these is counted."""

    async def complete(self, handover: HandoverId, now: datetime) -> bool:
        """Everybody has said yes to it. False when they had before: it is so for the first time once. Not forgotten."""

    async def forget(self) -> None:
        """Begin anew."""
