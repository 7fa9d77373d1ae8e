"""Where organisations want their events sent, and what is on its way there.

A delivery's row is made in the unit of work of its event and goes when it arrived. Who sends it takes it for a while, with
its row locked (`SKIP LOCKED`): of any number of brokers one sends it at a time, and what a broker that died had taken comes
free by itself.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin
from broker.domain.stores import DeadLetter, Due, PartnerEvent, PartnerEventType, Queue, Webhook
from broker.domain.webhooks import Outcome, WebhookState
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store

_log = structlog.get_logger(__name__)


class Webhooks(Store):
    """See `WebhookStore`."""

    async def put(self, webhook: Webhook, url: str) -> None:
        """Keep an address, in the place of the one that was there; what waits goes to it."""
        values = {
            "id": webhook.id,
            "url_sealed": self._seal(f"webhook:{webhook.id}", url),
            "state": webhook.state.value,
            "since": webhook.since,
        }
        insert = self._insert_into(t.webhook).values(organisation=webhook.organisation, **values)
        await self._run(insert.on_conflict_do_update(index_elements=["organisation"], set_=values))

    async def get(self, oin: Oin) -> Webhook | None:
        """An organisation's own."""
        row = await self._one(sa.select(t.webhook).where(t.webhook.c.organisation == oin))
        return self._webhook(row) if row else None

    async def all(self) -> Sequence[Webhook]:
        """Every one, by organisation."""
        return [self._webhook(row) for row in await self._all(sa.select(t.webhook).order_by(t.webhook.c.organisation))]

    async def remove(self, oin: Oin) -> None:
        """Forget an organisation's address, and what waits for it."""
        await self._run(sa.delete(t.webhook).where(t.webhook.c.organisation == oin))
        await self._run(sa.delete(t.webhook_delivery).where(t.webhook_delivery.c.organisation == oin))

    async def disable(self, webhook: Webhook, now: datetime) -> None:
        """Send nothing more there, unless another address was registered meanwhile."""
        values = {"state": WebhookState.DISABLED.value, "since": now}
        await self._run(sa.update(t.webhook).where(t.webhook.c.id == webhook.id).values(values))

    def _webhook(self, row: Any) -> Webhook:
        try:
            url = self._unseal(f"webhook:{row.id}", row.url_sealed)
        except Tampered as error:
            _log.error("webhook:not-opened", code=error.code)
            url = None
        return Webhook(row.id, Oin(row.organisation), url, WebhookState(row.state), row.since)


class Deliveries(Webhooks):
    """See `DeliveryStore`."""

    async def queue(self, oin: Oin, events: Collection[str]) -> None:
        """Queue events of one organisation that were just told, if it has an active webhook."""
        e, w = t.partner_event.c, t.webhook.c
        wanted = (
            sa.select(e.id, e.organisation, sa.literal(0), e.created_at, e.created_at)
            .join(t.webhook, w.organisation == e.organisation)
            .where(e.organisation == oin, e.id.in_(list(events)), w.state == WebhookState.ACTIVE.value)
        )
        names = ["event", "organisation", "tries", "next_try_at", "queued_at"]
        await self._run(sa.insert(t.webhook_delivery).from_select(names, wanted))

    async def due(self, now: datetime, busy: Collection[Oin], limit: int, each: int) -> bool:
        """Whether there is anything to take."""
        return bool(await self._all(_due(now, busy, 1, each)))

    async def take(self, now: datetime, until: datetime, busy: Collection[Oin], limit: int, each: int) -> Sequence[Due]:
        """Take deliveries that are due."""
        c = t.webhook_delivery.c
        locked = _due(now, busy, limit, each).with_for_update(skip_locked=True, of=t.webhook_delivery)
        rows = await self._all(locked)
        if not rows:
            return []
        ids = [row.event for row in rows]
        await self._run(
            sa.update(t.webhook_delivery).where(c.event.in_(ids)).values(tries=c.tries + 1, next_try_at=until)
        )
        e = t.partner_event.c
        events = {row.id: row for row in await self._all(sa.select(t.partner_event).where(e.id.in_(ids)))}
        webhooks = {webhook.organisation: webhook for webhook in await self.all()}
        return [
            Due(event_of(events[row.event]), webhooks[Oin(row.organisation)], row.tries + 1)
            for row in rows
            if row.organisation in webhooks
        ]

    async def ended(self, due: Due, outcome: Outcome, now: datetime) -> None:
        """What came of a try; nothing changes when somebody else took the delivery meanwhile."""
        c = t.webhook_delivery.c
        ours = sa.and_(c.event == due.event.id, c.tries == due.tries, c.dead_at.is_(None))
        if outcome.arrived:
            await self._run(sa.delete(t.webhook_delivery).where(ours))
            return
        after: dict[str, Any] = {"next_try_at": outcome.again} if outcome.again else {"dead_at": now}
        await self._run(sa.update(t.webhook_delivery).where(ours).values(status=outcome.status, **after))
        if outcome.gone:
            await self.disable(due.webhook, now)

    async def counts(self, of: Oin | None = None) -> Mapping[Oin, Queue]:
        """What waits and what was given up, by organisation; of one, or of each that has anything."""
        c = t.webhook_delivery.c
        alive = c.dead_at.is_(None)
        statement = sa.select(
            c.organisation,
            sa.func.count().filter(alive).label("waiting"),
            sa.func.count().filter(~alive).label("failed"),
            sa.func.min(c.queued_at).filter(alive).label("oldest"),
        ).group_by(c.organisation)
        statement = statement if of is None else statement.where(c.organisation == of)
        return {Oin(r.organisation): Queue(r.waiting, r.failed, r.oldest) for r in await self._all(statement)}

    async def dead(self, oin: Oin | None, after: str, limit: int) -> Sequence[DeadLetter]:
        """What was given up, in the order of events' ids, of one organisation or of all."""
        c = t.webhook_delivery.c
        wanted = sa.select(t.webhook_delivery).where(c.dead_at.is_not(None), c.event > after)
        rows = await self._all((wanted.where(c.organisation == oin) if oin else wanted).order_by(c.event).limit(limit))
        return [DeadLetter(r.event, Oin(r.organisation), r.tries, r.status or 0, r.dead_at) for r in rows]

    async def revive(self, events: Collection[str], now: datetime) -> int:
        """Try these dead letters again from now on; returns how many there were."""
        c = t.webhook_delivery.c
        dead = sa.and_(c.event.in_(list(events)), c.dead_at.is_not(None))
        revived = sa.update(t.webhook_delivery).where(dead).values(_fresh(now)).returning(c.event)
        return len((await self._connection.execute(revived)).all())

    async def again(self, oin: Oin, place: int, limit: int, now: datetime) -> Sequence[int]:
        """Queue an organisation's events after that place anew, a page at a time; returns the places of the page."""
        e = t.partner_event.c
        page = sa.select(e.id, e.place).where(e.organisation == oin, e.place > place).order_by(e.place).limit(limit)
        rows = await self._all(page)
        for row in rows:
            insert = self._insert_into(t.webhook_delivery).values(event=row.id, organisation=oin, **_fresh(now))
            await self._run(insert.on_conflict_do_update(index_elements=["event"], set_=_fresh(now)))
        return [row.place for row in rows]

    async def forget(self, before: datetime) -> None:
        """Let go of what was queued before then."""
        await self._run(sa.delete(t.webhook_delivery).where(t.webhook_delivery.c.queued_at < before))


def _fresh(now: datetime) -> dict[str, Any]:
    return {"tries": 0, "status": None, "next_try_at": now, "dead_at": None, "queued_at": now}


def _due(now: datetime, busy: Collection[Oin], limit: int, each: int) -> sa.Select[Any]:
    """What may go now: of each organisation that is neither suspended nor busy the first ones, and the oldest of them all."""
    c, w, o = t.webhook_delivery.c, t.webhook.c, t.organisation.c
    free = sa.and_(c.dead_at.is_(None), c.next_try_at <= now)
    rank = sa.func.row_number().over(partition_by=c.organisation, order_by=[c.next_try_at, c.event]).label("rank")
    ranked = (
        sa.select(c.event, rank)
        .join(t.webhook, w.organisation == c.organisation)
        .join(t.organisation, o.oin == c.organisation)
        .where(free, w.state == WebhookState.ACTIVE.value, ~o.suspended, c.organisation.not_in(list(busy)))
        .subquery()
    )
    first = sa.select(ranked.c.event).where(ranked.c.rank <= each)
    chosen = sa.select(c.event, c.organisation, c.tries).where(free, c.event.in_(first))
    return chosen.order_by(c.next_try_at, c.event).limit(limit)


def event_of(row: Any) -> PartnerEvent:
    """What a row of `partner_event` tells."""
    return PartnerEvent(
        row.id,
        Oin(row.organisation),
        PartnerEventType(row.type),
        HandoverId(row.handover),
        row.release,
        row.version,
        tuple(json.loads(row.section_types)),
        row.created_at,
        row.place or 0,
    )
