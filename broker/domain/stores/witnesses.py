"""What witnesses said of the log's checkpoints, as it is stored: only ever added to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CosignedNote:
    """A checkpoint as the log signed it, and the lines that witnesses added; *not checked* since they were stored."""

    size: int
    note: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A witness would not cosign the checkpoint of `size` entries: it had cosigned `theirs` that do not fit it.

    `witness` is the name and id of its key.
    """

    witness: str
    size: int
    theirs: int
    at: datetime


class WitnessStore(Protocol):
    """Cosignatures and refusals, by the name and id of a witness's key."""

    async def last(self, witness: str) -> int | None:
        """The largest size that it cosigned; None for none."""

    async def latest(self, witness: str) -> tuple[int, datetime] | None:
        """The largest size that it cosigned, and when; None for none."""

    async def keep(self, witness: str, size: int, line: str, now: datetime) -> None:
        """Keep a cosignature; the first for a size stays."""

    async def of(self, size: int) -> Sequence[str]:
        """The lines under one checkpoint."""

    async def cosigned(self, fewest: int, below: int, limit: int) -> Sequence[CosignedNote]:
        """Checkpoints smaller than `below` with at least so many cosignatures, largest first."""

    async def refuse(self, refusal: Refusal) -> None:
        """Keep a refusal, unless one of that witness stands already."""

    async def refusals(self) -> Sequence[Refusal]:
        """Those that stand: of witnesses that cosigned nothing since. Oldest first."""
