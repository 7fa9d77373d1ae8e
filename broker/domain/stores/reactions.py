"""What families wrote about sections, as it is stored: the words sealed, and bound to what they are about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, PersonId
from broker.domain.reactions import Reaction, ReactionState


class ReactionStore(Protocol):
    """Reactions and correction requests, oldest first."""

    async def add(self, reaction: Reaction) -> None:
        """Keep a new one."""

    async def of_handover(self, handover: HandoverId) -> tuple[Reaction, ...]:
        """Everything that was written about a handover."""

    async def by_author(self, author: PersonId, sender: Oin) -> tuple[Reaction, ...]:
        """Everything that one person wrote about what this sender wrote."""

    async def get(self, reaction: str, *, lock: bool = False) -> Reaction | None:
        """By id; with `lock`, nobody else changes it until the commit."""

    async def answer(self, reaction: Reaction, state: ReactionState, explanation: str, now: datetime) -> None:
        """Keep the sender's answer."""

    async def concerning(self, signer: PersonId, sender: Oin) -> Sequence[tuple[HandoverId, datetime]]:
        """This sender's handovers that may concern the person or somebody under their authority, newest first; and since when.

        May, not does: whether they sign is for the rules to say.
        """
