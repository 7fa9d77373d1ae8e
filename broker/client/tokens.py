"""Access tokens: fetched when needed, kept while they are good, for one identity each.

Several threads may ask at once: one of them fetches, the others wait for it and get the same token.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MARGIN = 30
"""Seconds before its end at which a token is used no longer."""


@dataclass(frozen=True)
class Token:
    """An access token. Never prints."""

    value: str = field(repr=False)
    ends: float
    """When it is used no longer, by `time.monotonic`."""

    @classmethod
    def lasting(cls, value: str, seconds: float) -> "Token":
        """A token that was given just now."""
        return cls(value, time.monotonic() + seconds - MARGIN)


@dataclass
class _Place:
    """Where one identity's token lies; whoever fetches it holds the lock."""

    fetching: threading.Lock = field(default_factory=threading.Lock)
    token: Token | None = None


class TokenStore:
    """The tokens of one client, by identity."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._places: dict[str, _Place] = {}

    def get(self, identity: str, fetch: Callable[[], Token]) -> str:
        """The token of this identity; `fetch` is called when there is none that is good. Passes on what `fetch` raises."""
        with self._guard:
            place = self._places.setdefault(identity, _Place())
        with place.fetching:
            if place.token is None or place.token.ends <= time.monotonic():
                place.token = fetch()
            return place.token.value

    def drop(self, identity: str, value: str) -> None:
        """Forget this token, unless it was replaced already: the broker takes it no longer."""
        with self._guard:
            place = self._places.setdefault(identity, _Place())
        with place.fetching:
            if place.token is not None and place.token.value == value:
                place.token = None
