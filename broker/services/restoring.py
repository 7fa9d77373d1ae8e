"""An older copy of the database becomes the true one only by somebody's decision, and that stands in the log.

From that moment no yes from before it counts: a stop that came after it may have been lost with the newer database
(`broker.domain.releases`).
"""

from enum import StrEnum

from broker.domain.events import EventType, LogEvent
from broker.services.house import House


class Cause(StrEnum):
    """Why an older copy was put back. Closed words: what is logged can never be about a person."""

    LOST = "lost"
    DAMAGED = "damaged"
    MISTAKE = "mistake"
    ATTACK = "attack"
    EXERCISE = "exercise"


async def log_restored(house: House, cause: Cause, known: int, found: int) -> None:
    """Log that a log of `found` entries is taken for the true one, where `known` were known (0: that is not known)."""
    facts = {"cause": cause.value, "known": known, "found": found}
    async with house.storage() as work:
        await work.log.append(LogEvent(EventType.LOG_RESTORED, house.clock(), facts=facts))
        await work.commit()
    house.log.kick()
