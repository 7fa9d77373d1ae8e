"""Sending to an organisation's webhook: when a delivery is tried again, and when it is given up. Pure.

- A try that failed is followed by a pause that grows, with a fifth of chance on top, so that many do not come back at once.
- `Retry-After` (RFC 9110 section 10.2.3) makes a pause longer, never shorter, and never longer than LONGEST_PAUSE.
- After the last of PAUSES the delivery is a dead letter: kept, shown, and sent again only when somebody asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

PAUSES = (
    timedelta(seconds=5),
    timedelta(minutes=1),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=9),
    timedelta(hours=12),
    timedelta(hours=16),
    timedelta(hours=20),
)
"""Between the first try and the last: sixty-five hours, and with all the chance that there can be, 77."""
SPREAD = 0.2
LONGEST_PAUSE = timedelta(hours=24)
KEPT = timedelta(days=30)
"""How long an event waits for a partner that is suspended or was given up; after that `GET /v1/events` still has it."""
GONE = 410


class WebhookState(StrEnum):
    """Whether events are sent to an address; `disabled` when it answered that it is gone."""

    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a delivery after a try: it arrived, or goes out again `again`, or is given up."""

    arrived: bool
    again: datetime | None
    gone: bool
    status: int


def outcome(tries: int, status: int, headers: Mapping[str, str], now: datetime, chance: float) -> Outcome:
    """What follows from the answer to the `tries`th try. `status` is 0 when none came; `chance` is from 0 up to 1.

    The names of `headers` are in lower case.
    """
    if 200 <= status < 300:
        return Outcome(arrived=True, again=None, gone=False, status=status)
    if status == GONE or tries > len(PAUSES):
        return Outcome(arrived=False, again=None, gone=status == GONE, status=status)
    pause = PAUSES[tries - 1] * (1 + SPREAD * chance)
    asked = min(_asked(headers.get("retry-after", ""), now), LONGEST_PAUSE)
    return Outcome(arrived=False, again=now + max(pause, asked), gone=False, status=status)


def _asked(text: str, now: datetime) -> timedelta:
    """What `Retry-After` asks for; nothing when it is not understood."""
    if text.isascii() and text.isdigit():
        return timedelta(seconds=int(text)) if len(text) < 9 else LONGEST_PAUSE
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return timedelta()
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
