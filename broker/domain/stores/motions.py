"""What officers propose to each other, as it is stored."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from broker.domain.motions import Motion
from broker.domain.parties import OfficerId


class MotionStore(Protocol):
    """Motions; what counts of them is what the log says."""

    async def add(self, motion: Motion) -> None:
        """Keep a new one; its entry is in the log already."""

    async def get(self, motion_id: str, *, lock: bool = False) -> Motion | None:
        """By id; with `lock`, until the commit."""

    async def latest(self, limit: int) -> Sequence[Motion]:
        """Newest first."""

    async def waiting(self, officer: OfficerId, since: datetime) -> int:
        """How many still wait that were proposed after then, by another than this officer."""

    async def over(self, before: datetime) -> Sequence[Motion]:
        """What is waiting or provisional and was proposed before then."""

    async def save(self, motion: Motion) -> None:
        """Keep its new state, who seconded it and what came of it."""
