"""An organisation's signing keys at an address of its own: fetched, kept for a while, never asked more than is needed.

1. What was fetched counts for five minutes. A key that was taken out stops counting within that time.
2. A key that is not there makes the address be asked anew, at most once a minute: a new key counts at once.
3. When the address does not answer, what it said last counts for one hour at most, and it is asked again every ten seconds.
4. When it answers with anything but a set of public keys, nothing counts: somebody put it there.

A key that is there and fresh is given without waiting for anybody. Each broker keeps its own, of so many organisations.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from broker.domain.assertions import AssertionFault, AssertionRefused
from broker.domain.outbound import Answered, Outside, Sent
from broker.errors import Unavailable

KEPT = 300.0
AGAIN = 60.0
PAUSE = 10.0
STALE = 3600.0
"""Seconds: see above, in that order (after a fault, how soon again)."""
LARGEST = 65_536
"""Bytes of a document."""
REMEMBERED = 512
"""Addresses that are kept; the one that was not used for longest goes."""
_log = structlog.get_logger(__name__)
Jwks = Sequence[dict[str, Any]]


@dataclass(slots=True)
class _Known:
    """What is remembered of one address. Times are of a clock that only goes forward."""

    keys: Jwks | None = None
    fetched: float = -math.inf
    asked: float = -math.inf
    missed: float = -math.inf
    fault: AssertionFault = AssertionFault.KEYS_UNREACHABLE
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def has(self, kid: str) -> bool:
        return self.keys is not None and any(key["kid"] == kid for key in self.keys)


class KeyAddresses:
    """Fetches keys. `read` takes the keys out of a document, and raises ValueError."""

    def __init__(self, outside: Outside, read: Callable[[bytes], Jwks], seconds: Callable[[], float]) -> None:
        self._outside = outside
        self._read = read
        self._seconds = seconds
        self._known: OrderedDict[tuple[str, str], _Known] = OrderedDict()

    async def keys(self, oin: str, address: str, kid: str) -> Jwks:
        """The keys of an organisation, with the one of this id when it is published. Raises AssertionRefused."""
        known = self._remembered(oin, address)
        if self._fresh(known) and known.has(kid):
            return known.keys or ()
        async with known.asking:
            now = self._seconds()
            if not self._fresh(known) and now - known.asked >= PAUSE:  # 1, 3
                await self._ask(known, address)
            elif self._fresh(known) and not known.has(kid) and now - known.missed >= AGAIN:  # 2
                known.missed = now
                await self._ask(known, address)
            if known.keys is None or self._seconds() - known.fetched >= STALE:  # 3
                raise AssertionRefused(known.fault)
            return known.keys

    def _remembered(self, oin: str, address: str) -> _Known:
        known = self._known.setdefault((oin, address), _Known())
        self._known.move_to_end((oin, address))
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return known

    def _fresh(self, known: _Known) -> bool:
        return known.keys is not None and self._seconds() - known.fetched < KEPT  # 1

    async def _ask(self, known: _Known, address: str) -> None:
        known.asked = began = self._seconds()
        try:
            answered: Answered | None = await self._outside(Sent(address), LARGEST)
        except Unavailable:
            answered = None
        if answered is None or answered.status == 429 or answered.status >= 500:
            known.fault = AssertionFault.KEYS_UNREACHABLE
            _log.warning("keys:not-fetched", code=known.fault.value)
            return
        try:
            if answered.status != 200:
                raise ValueError("no keys there")
            known.keys, known.fetched = self._read(answered.body), began
        except (ValueError, RecursionError):  # 4
            known.keys, known.fault = None, AssertionFault.KEYS_REFUSED
            _log.warning("keys:not-fetched", code=known.fault.value)
