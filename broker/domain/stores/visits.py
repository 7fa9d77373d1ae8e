"""Sessions and guards, shared by every broker on the same database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol


@dataclass(slots=True)
class Visit:
    """A server-side session. `state` is encrypted at rest; `token` is known by tag only."""

    id: str
    kind: Literal["family", "officer", "login"]
    owner: str
    invitation: str
    stage: str
    language: str
    expires: datetime
    state: dict[str, Any] = field(default_factory=dict, repr=False)


class VisitStore(Protocol):
    """Sessions of people with a browser."""

    async def add(self, visit: Visit, token: str) -> None:
        """Keep a new one."""

    async def by_token(self, token: str, now: datetime, *, lock: bool = False) -> Visit | None:
        """The live one with that token."""

    async def save(self, visit: Visit) -> None:
        """Keep its new stage, language and state."""

    async def prolong(self, visit: str, expires: datetime) -> None:
        """It goes on until then; nothing else of it changes."""

    async def renew(self, visit: str, token: str) -> None:
        """From now on it is known by this token, and no longer by the one before."""

    async def of(self, kind: Literal["family", "officer"], owner: str, now: datetime) -> Sequence[Visit]:
        """The live ones of somebody, oldest first."""

    async def end(self, visit: str) -> None:
        """Forget it."""


class Guards(Protocol):
    """Counters and once-only marks, shared by every broker on the same database."""

    async def count(self, bucket: str, window: int, now: datetime) -> int:
        """Count one try in this bucket; returns how many there were in this window of so many seconds."""

    async def once(self, mark: str, expires: datetime) -> bool:
        """True the first time only."""

    async def clean(self, now: datetime) -> None:
        """Forget what has expired."""
