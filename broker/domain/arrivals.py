"""How far a handover came at each recipient: shut, waiting, collected, read, taken over; of the version in force.

- A correction begins anew: whoever collected the version before has not read this one.
- It says nothing about who at the recipient did it, nor about anybody in the family.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from broker.domain.parties import Recipient

REMIND_AFTER = timedelta(days=3)
"""How long what is open waits before its recipient is reminded, once."""


class Came(StrEnum):
    """How far; each is further than the one before.

    `shut`: nothing of it is open to them. `waiting`: something is, and nobody there asked for it. `collected`: somebody did.
    `read` and `taken-over`: somebody there said so.
    """

    SHUT = "shut"
    WAITING = "waiting"
    COLLECTED = "collected"
    READ = "read"
    TAKEN_OVER = "taken-over"


@dataclass(frozen=True, slots=True)
class Arrival:
    """How far a handover came at one recipient."""

    recipient: Recipient
    came: Came


def arrival(recipient: Recipient, collected: Mapping[Recipient, Came], *, is_open: bool) -> Arrival:
    """What was collected stays collected, also when it was shut since: it did leave."""
    otherwise = Came.WAITING if is_open else Came.SHUT
    return Arrival(recipient, collected.get(recipient, otherwise))
