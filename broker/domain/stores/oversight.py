"""Messages to send, officers, and the agreements that were ever in force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from broker.domain.parties import (
    OfficerId,
)
from broker.domain.ports import Passkey


@dataclass(frozen=True, slots=True)
class Message:
    """Something to send to one contact. Holds a code at most; never content, never what somebody said."""

    to: str = field(repr=False)
    channel: Literal["sms", "email"]
    kind: str
    language: str
    text: str = field(repr=False)


class OutboxStore(Protocol):
    """Messages that go out after the commit."""

    async def add(self, message: Message, message_id: str, now: datetime) -> None:
        """Queue one."""

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, Message, int]]:
        """(id, message, tries) of what should go out now; locked against other brokers."""

    async def sent(self, message_id: str) -> None:
        """It went out; nothing of it is kept."""

    async def failed(self, message_id: str, again: datetime | None) -> None:
        """It did not; try again then, or give up and forget its text."""


class OfficerStore(Protocol):
    """Privacy officers, their invitations and passkeys."""

    async def invite(self, officer: OfficerId, name: str, code: str, expires: datetime, now: datetime) -> None:
        """A new officer with a one-time invitation."""

    async def enter(self, code: str, now: datetime) -> OfficerId | None:
        """Whose invitation that is, if it is still good."""

    async def enrol(self, officer: OfficerId, passkey: Passkey, now: datetime) -> bool:
        """Add the passkey and use up the invitation; False when it was used before."""

    async def passkey(self, credential: bytes) -> tuple[OfficerId, Passkey] | None:
        """By credential id."""

    async def used(self, passkey: Passkey) -> None:
        """Keep its new count."""


class PolicyStore(Protocol):
    """Every agreement that was ever in force, with its text."""

    async def keep(self, digest: str, texts: Mapping[str, str], now: datetime) -> bool:
        """Keep a set; True when it is new."""

    async def latest(self) -> str | None:
        """The digest that came into force last."""
