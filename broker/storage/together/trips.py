"""What a database must be able to do for releases that go together."""

from collections.abc import Sequence
from typing import Protocol

from broker.storage.together.reading import Asked, Facts
from broker.storage.together.rows import Rows


class NotReached(Exception):
    """It did not work, and nothing of it was kept: each release may be tried by itself."""


class NoAnswer(NotReached):
    """The same, and whoever tries it alone would only wait once more."""


class CommitUnknown(Exception):
    """Nobody can say whether it was kept; nothing may be handed out, and nothing tried again by itself."""


class Trips(Protocol):
    """One transaction at a time. Whatever raises has ended it."""

    async def begin(self, asked: Sequence[Asked], tags: Sequence[str]) -> Facts:
        """Begin; lock what must not change, count the asking, and read, with the log keys of these. Raises NotReached."""

    async def keys(self, tags: Sequence[str]) -> dict[str, bytes]:
        """The wrapped log keys of those of them that have one. Raises NotReached."""

    async def commit(self, rows: Rows) -> None:
        """Write and commit. Raises NotReached, CommitUnknown."""

    async def end(self) -> None:
        """End it without keeping anything. Raises nothing."""

    async def undo(self) -> None:
        """The same, whatever state it is in; the next one begins afresh. Raises nothing."""
