"""The alarm: something at rest was changed, the key to it is gone, or the agreement fails. Nothing about people in it.

It is counted and logged. Whoever turns such an error into an answer, and whoever meets one in the background, lets it be heard here.
"""

from collections.abc import Mapping

import structlog

from broker.errors import BrokerError

KINDS = ("tampered", "key-missing", "policy-error", "agreement-refused")
"""The codes of errors that are alarms."""
_log = structlog.get_logger(__name__)


class Alarms:
    """How often each kind was met since this process began."""

    def __init__(self) -> None:
        self._counts = dict.fromkeys(KINDS, 0)

    @property
    def counts(self) -> Mapping[str, int]:
        """By kind; each kind is there from the beginning."""
        return dict(self._counts)

    def hear(self, error: BrokerError, place: str) -> None:
        """Ring, when this error is an alarm; `place` is a route's template, or who in the broker met it."""
        if error.code in self._counts:
            self._counts[error.code] += 1
            _log.error(f"alarm:{error.code}", route=place)
