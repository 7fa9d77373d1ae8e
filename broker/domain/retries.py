"""A request that its caller named with a key of its own, so that it can be sent again without being done twice.

Source: draft-ietf-httpapi-idempotency-key-header-07, section 2.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from broker.errors import BrokerError, Conflict, Words

KEPT_FOR = timedelta(hours=24)
"""How long a key is known (section 2.3)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Who asks to do what, under which key, and exactly what was asked: a key of another caller is another key."""

    caller: str
    operation: str
    key: str = field(repr=False)
    request: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Earlier:
    """The same request was done before. `answer` is what was kept of its answer; empty when it is made again."""

    answer: str = field(default="", repr=False)


class KeyUsedOtherwise(BrokerError):
    """The key belongs to another request of this caller (section 2.7); nothing was done."""

    code = "key-used-otherwise"
    words = Words(
        "Deze Idempotency-Key hoort bij een ander verzoek van u. Er is niets gedaan. Gebruik een nieuwe sleutel.",
        "This Idempotency-Key belongs to another request of yours. Nothing was done. Use a new key.",
    )


def still_running() -> Conflict:
    """The first request with this key has not ended (section 2.7)."""
    return Conflict(
        Words(
            "Uw eerste verzoek met deze Idempotency-Key loopt nog. Wacht even, en stuur het dan opnieuw.",
            "Your first request with this Idempotency-Key is still running. Wait a moment, then send it again.",
        ),
        code="still-running",
    )
