"""What was examined of the log, and which alarms rang: the last result of each kind, and what is under way. About nobody."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from broker.errors import Words


class ExaminationKind(StrEnum):
    """What can be examined."""

    LOG = "log"
    """Every entry, receipt and the tree."""
    REPLAY = "replay"
    """Every decision made again."""


class Came(StrEnum):
    """What came of an examination."""

    INTACT = "intact"
    NOT_INTACT = "not-intact"
    UNCHECKED = "unchecked"


@dataclass(frozen=True, slots=True)
class Examined:
    """The last result. `by` is an officer's pseudonym, empty for the machine itself; nothing in `words` is about anybody."""

    kind: ExaminationKind
    at: datetime
    came: Came
    words: Words
    by: str = ""


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An examination that is going on: how many entries of how many were read."""

    began: datetime
    done: int
    total: int


class CheckStore(Protocol):
    """One row for each kind of examination, and how often each alarm rang on each day."""

    async def result(self, kind: ExaminationKind) -> Examined | None:
        """The last one; None before the first."""

    async def under_way(self, kind: ExaminationKind, heard_since: datetime) -> UnderWay | None:
        """The one that is going on, of which something was heard since then."""

    async def begin(self, kind: ExaminationKind, run: str, total: int, now: datetime, heard_since: datetime) -> bool:
        """Begin one; False when another is going on, of which something was heard since then."""

    async def progress(self, kind: ExaminationKind, run: str, done: int, now: datetime) -> None:
        """It came so far. Nothing for one that is not going on any more."""

    async def end(self, kind: ExaminationKind, run: str) -> None:
        """It is over, with or without a result."""

    async def keep(self, result: Examined) -> None:
        """The result in the place of the one before."""

    async def ring(self, day: date, alarms: Mapping[str, int]) -> None:
        """These alarms rang so often more on that day."""

    async def rang(self, first: date) -> Mapping[tuple[date, str], int]:
        """How often each rang on each day from that one on."""
