"""Who agrees with which version of a section, as it is stored: signed, and sealed as a whole."""

from typing import Protocol

from broker.domain.handovers import HandoverId
from broker.domain.sign_offs import SignOff


class SignOffStore(Protocol):
    """What parties said; it leaves only through its signature."""

    async def add(self, said: SignOff) -> str:
        """Sign and keep a new one. Returns the signed statement."""

    async def of_handover(self, handover: HandoverId) -> tuple[SignOff, ...]:
        """Everything that was said about a handover, in all its versions, oldest first. Raises Tampered."""
