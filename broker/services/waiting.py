"""How long whoever was refused waits before trying again."""

import secrets

from broker.errors import BrokerError, TooMany, Unavailable

SOONEST, LATEST = 2, 8
"""Seconds after which what does not work now may be tried again."""


def seconds_until_later() -> int:
    """SOONEST to LATEST, another number each time, so that not everybody comes back at once."""
    return SOONEST + secrets.randbelow(LATEST - SOONEST + 1)


def seconds_to_wait(error: BrokerError | None) -> int | None:
    """For who tried too often, and for what does not work now; None for any other refusal."""
    if isinstance(error, TooMany):
        return error.retry_after
    return seconds_until_later() if isinstance(error, Unavailable) else None
