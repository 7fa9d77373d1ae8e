"""What the clients of a site write down: everything that was acknowledged to them, and everything that was not right."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from broker.services.waiting import LATEST, SOONEST

EXPECTED = frozenset({200, 201, 204, 303, 403, 404, 409, 503})
LONGEST = 60.0
"""Seconds after which an answer counts as none."""


@dataclass
class Notes:
    """One run's."""

    pushed: dict[str, str] = field(default_factory=dict)
    """Acknowledged pushes: reference to id."""
    withdrawn: set[str] = field(default_factory=set)
    """Handovers whose withdrawal was acknowledged."""
    ending: set[str] = field(default_factory=set)
    """Handovers whose withdrawal was asked."""
    receipts: list[dict[str, Any]] = field(default_factory=list)
    released: set[str] = field(default_factory=set)
    acknowledged: set[str] = field(default_factory=set)
    """Releases whose acknowledgement was acknowledged."""
    kept: set[str] = field(default_factory=set)
    """Receipts that the family was shown, for a yes and for a stop."""
    answers: int = 0
    stops: int = 0
    """Withdrawals of consent that were acknowledged."""
    statuses: Counter[int] = field(default_factory=Counter)
    cut: int = 0
    """Requests that got no answer at all."""
    uncertain: int = 0
    faults: list[str] = field(default_factory=list)
    slowest: float = 0.0
    slowest_refusal: float = 0.0
    served: list[float] = field(default_factory=list)
    """When something was written for somebody, by the monotonic clock."""
    log_entries: int = 0

    @property
    def promises(self) -> int:
        """How much was acknowledged in all."""
        kinds = (self.pushed, self.withdrawn, self.receipts, self.acknowledged)
        return sum(len(kind) for kind in kinds) + self.answers + self.stops

    def heard(self, response: httpx.Response, began: float) -> None:
        """An answer of the API or a page came."""
        status, took = response.status_code, time.monotonic() - began
        self.statuses[status] += 1
        self.slowest = max(self.slowest, took)
        place = f"{response.request.method} {response.request.url.path.split('/')[1:3]}"
        if status not in EXPECTED:
            self.faults.append(f"{place}: {status} {response.text[:300]}")
        if status != 503:
            return
        self.slowest_refusal = max(self.slowest_refusal, took)
        later = response.headers.get("retry-after", "")
        if not (later.isdigit() and SOONEST <= int(later) <= LATEST):
            self.faults.append(f"{place}: 503 with Retry-After {later!r}")
        kind = response.headers["content-type"]
        if kind.startswith("application/problem+json"):
            said = response.json()
            self.uncertain += said["type"].endswith(":outcome-unknown")
            if said["status"] != 503 or response.headers["content-language"] not in ("nl", "en"):
                self.faults.append(f"{place}: a problem that is none")
        elif not (kind.startswith("text/html") and "<h1" in response.text) and "readyz" not in place:
            self.faults.append(f"{place}: 503 as {kind}")

    def worked(self) -> None:
        """Something was acknowledged now."""
        self.served.append(time.monotonic())

    def again_after(self, moment: float) -> float:
        """Seconds from that moment to the first thing that was acknowledged after it."""
        return min((at - moment for at in self.served if at >= moment), default=float("inf"))
