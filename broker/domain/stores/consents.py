"""Consent records, notices, invitations and receipts as they are stored: records come back verified."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from broker.domain.consents import ConsentRecord
from broker.domain.handovers import HandoverId
from broker.domain.parties import (
    Oin,
    PersonId,
)


class ConsentStore(Protocol):
    """Signed statements, only ever added to."""

    async def add(self, record: ConsentRecord, statement: str) -> None:
        """Keep one."""

    async def about(self, persons: Iterable[PersonId], sender: Oin, purpose: str) -> tuple[ConsentRecord, ...]:
        """Every record about these persons, this sender and purpose, verified."""

    async def said_by(self, signer: PersonId, sender: Oin) -> tuple[ConsentRecord, ...]:
        """Everything this signer said to this sender, verified, in order. Raises Tampered when one is missing."""

    async def by_signer(self, signer: PersonId) -> tuple[ConsentRecord, ...]:
        """Everything this signer said to anybody, verified."""

    async def keep_notice(self, digest: str, language: str, text: str, now: datetime) -> None:
        """Keep the exact text of a notice, once."""

    async def notice(self, digest: str) -> str | None:
        """The text."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """The consent link of one signer for one handover. The code itself is known by tag only."""

    id: str
    handover: HandoverId
    sender: Oin
    person: PersonId
    answer_until: datetime
    answered: bool


class InvitationStore(Protocol):
    """Invitations and receipts of the family."""

    async def add(self, invitation: Invitation, code: str, now: datetime) -> None:
        """Keep a new one."""

    async def by_code(self, code: str) -> Invitation | None:
        """The one with that code."""

    async def get(self, invitation: str, *, lock: bool = False) -> Invitation | None:
        """By id; with `lock`, nobody else changes it until the commit."""

    async def use_up(self, invitation: str, now: datetime) -> None:
        """It was answered."""

    async def open_for(self, handover: HandoverId, now: datetime) -> frozenset[PersonId]:
        """Who was asked and can still answer."""

    async def first_asked(self, handover: HandoverId) -> datetime | None:
        """When somebody was asked about it for the first time; None when nobody was."""

    async def open_count(self, now: datetime, party: str = "") -> int:
        """How many can still be answered; with `party`, of those that this sender asked."""


class MuteStore(Protocol):
    """Who wants no message when somebody reads something, per sender."""

    async def among(self, persons: Iterable[PersonId], sender: Oin) -> frozenset[PersonId]:
        """Which of them want none."""

    async def change(self, person: PersonId, sender: Oin, now: datetime, *, muted: bool) -> bool:
        """Set it; False when it was so already."""


class ReceiptStore(Protocol):
    """The signers' receipts."""

    async def add(self, receipt: str, signer: PersonId, sender: Oin, statement: str, now: datetime) -> None:
        """Keep one."""

    async def get(self, receipt: str, signer: PersonId, sender: Oin) -> str | None:
        """The statement, if it is this signer's."""

    async def made_at(self, receipt: str, signer: PersonId, sender: Oin) -> datetime | None:
        """When it was made, if it is this signer's."""
