"""Sessions, guards and keys of requests, shared by every broker on the same database."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol

from broker.domain.retries import Attempt, Earlier

ASTRAY = timedelta(hours=25)
"""So far a machine's clock may run ahead for a while, and be put right, without a count or a mark being forgotten by it."""


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

    async def take(self, bucket: str, window: int, now: datetime, calls: int) -> int:
        """Take so many calls out of this window of so many seconds; returns the number of the last one, from 1 on."""

    async def once(self, mark: str, expires: datetime) -> bool:
        """True the first time only."""

    async def clean(self, now: datetime) -> None:
        """Forget what has expired; counts and marks once it has been so for `ASTRAY`."""


class RetryStore(Protocol):
    """Requests that their callers named with a key, for as long as `KEPT_FOR`: once for all brokers on the database."""

    async def begin(self, attempt: Attempt, now: datetime) -> Earlier | None:
        """Take the key for this unit of work; None the first time. It is kept only if this is committed.

        Raises KeyUsedOtherwise for another request under this key, and Conflict while the first is still running.
        """

    async def tie(self, attempt: Attempt, handover: str, answer: str = "") -> None:
        """The key goes when this handover's contents are erased: its tag of what was asked could confirm a guess of them.

        `answer` is what of an answer cannot be made again; it is kept sealed.
        """
