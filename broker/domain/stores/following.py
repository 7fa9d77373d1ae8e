"""What is worked out from the log behind the tree, and could be worked out again at any time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DailyKey:
    """What is counted together. `reason` is why a request was refused, in whole or in part; empty otherwise."""

    day: date
    type: str
    organisation: str
    counterpart: str
    outcome: str
    reason: str


class FollowerStore(Protocol):
    """How far each follower of the log came."""

    async def hold(self, names: Sequence[str], *, wait: bool = False) -> Mapping[str, int] | None:
        """The place that each reads next, locked until the commit; None when another broker is at it, unless we `wait`."""

    async def advance(self, names: Sequence[str], place: int) -> None:
        """These read from that place on the next time."""

    async def behind(self, names: Sequence[str]) -> int:
        """How many entries of the tree the last of them has not read yet."""


class DailyStore(Protocol):
    """How much of what happened on each day (in Amsterdam). Nothing in it is about a person."""

    async def add(self, counts: Mapping[DailyKey, int]) -> None:
        """Count more."""

    async def between(self, first: date, last: date, party: str = "") -> Mapping[DailyKey, int]:
        """The counts of those days, both included; with `party`, of that organisation on either side alone."""

    async def first_day(self) -> date | None:
        """The first day of which anything is counted; None before that."""

    async def by_day(self, first: date, last: date, party: str = "") -> Mapping[tuple[date, str, str], int]:
        """The same counts, summed by (day, type, outcome)."""

    async def by_organisation(
        self, first: date, last: date, party: str = ""
    ) -> Mapping[tuple[str, str, str, str], int]:
        """The same counts, summed by (organisation, counterpart, type, outcome)."""

    async def forget(self) -> None:
        """Begin anew."""
