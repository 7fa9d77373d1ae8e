"""Webhooks and what waits for them, as they are stored: an address, ids, counts and times."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from broker.domain.parties import Oin
from broker.domain.stores.partner_events import PartnerEvent
from broker.domain.webhooks import Outcome, WebhookState


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where one organisation wants its events. `url` is None when what is stored does not open."""

    id: str
    organisation: Oin
    url: str | None = field(repr=False)
    state: WebhookState
    since: datetime


@dataclass(frozen=True, slots=True)
class Queue:
    """How many events wait for one organisation, how many were given up, and since when the oldest waits."""

    waiting: int
    failed: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A delivery that was given up. `status` is that of the last answer; 0 when none came."""

    event: str
    organisation: Oin
    tries: int
    status: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """An event that is being delivered, for the `tries`th time, to this webhook."""

    event: PartnerEvent
    webhook: Webhook
    tries: int


class WebhookStore(Protocol):
    """One address for each organisation that wants one."""

    async def put(self, webhook: Webhook, url: str) -> None:
        """Keep an address, in the place of the one that was there; what waits goes to it."""

    async def get(self, oin: Oin) -> Webhook | None:
        """An organisation's own."""

    async def all(self) -> Sequence[Webhook]:
        """Every one, by organisation."""

    async def remove(self, oin: Oin) -> None:
        """Forget an organisation's address, and what waits for it."""

    async def disable(self, webhook: Webhook, now: datetime) -> None:
        """Send nothing more there, unless another address was registered meanwhile."""


class DeliveryStore(Protocol):
    """Events on their way to a webhook; a row for each, from the commit of the event until it arrived."""

    async def due(self, now: datetime, busy: Collection[Oin], limit: int, each: int) -> bool:
        """Whether there is anything to take."""

    async def take(self, now: datetime, until: datetime, busy: Collection[Oin], limit: int, each: int) -> Sequence[Due]:
        """Take up to `limit` deliveries that are due, and up to `each` of one organisation; none of those that are `busy`.

        Until then nobody else takes them. This counts as a try. Nothing for who is suspended or has no active webhook.
        """

    async def ended(self, due: Due, outcome: Outcome, now: datetime) -> None:
        """What came of a try; nothing changes when somebody else took the delivery meanwhile."""

    async def counts(self, of: Oin | None = None) -> Mapping[Oin, Queue]:
        """What waits and what was given up, by organisation; of one, or of each that has anything."""

    async def dead(self, oin: Oin | None, after: str, limit: int) -> Sequence[DeadLetter]:
        """What was given up, in the order of events' ids, of one organisation or of all."""

    async def revive(self, events: Collection[str], now: datetime) -> int:
        """Try these dead letters again from now on; returns how many there were."""

    async def again(self, oin: Oin, place: int, limit: int, now: datetime) -> Sequence[int]:
        """Queue an organisation's events after that place anew, a page at a time; returns the places of the page."""

    async def forget(self, before: datetime) -> None:
        """Let go of what was queued before then."""
