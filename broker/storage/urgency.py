"""Urgent handovers: the moments at which somebody looks; and whom to call after hours, sealed."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from broker.domain.handovers import ENDED, HandoverId
from broker.domain.parties import Oin
from broker.domain.stores.urgency import AfterHours
from broker.domain.urgency import Step
from broker.storage import tables as t
from broker.storage.handovers import answered
from broker.storage.rows import Store, replacing


class Urgencies(Store):
    """See `UrgencyStore`."""

    async def begin(self, handover: HandoverId, look_at: datetime) -> None:
        """One row for a handover, for good."""
        row = {"handover": handover, "step": Step.ASKED.value, "look_at": look_at}
        await self._insert_once(t.handover_urgency, row)

    async def step(self, handover: HandoverId) -> Step | None:
        """By the handover."""
        c = t.handover_urgency.c
        row = await self._one(sa.select(c.step).where(c.handover == handover))
        return Step(row.step) if row else None

    async def due(self, now: datetime, limit: int) -> Sequence[HandoverId]:
        """By the index on the moment."""
        c = t.handover_urgency.c
        rows = await self._all(
            sa.select(c.handover).where(c.look_at <= now).order_by(c.look_at, c.handover).limit(limit)
        )
        return [HandoverId(row.handover) for row in rows]

    async def go_on(self, handover: HandoverId, before: Step, step: Step, look_at: datetime | None) -> bool:
        """Whoever changes the row from `before` does the step."""
        c = t.handover_urgency.c
        mine = sa.and_(c.handover == handover, c.step == before.value, c.look_at.is_not(None))
        changed = sa.update(t.handover_urgency).where(mine).values(step=step.value, look_at=look_at)
        return await self._run(changed) == 1

    async def latest(self, before: str, limit: int, *, sender: str = "", recipient: str = "") -> Sequence[HandoverId]:
        """Ids are in the order of time. What nobody ever answered is open to no recipient."""
        h, u, to = t.handover.c, t.handover_urgency.c, t.handover_recipient.c
        wanted = sa.select(h.id).join(t.handover_urgency, u.handover == h.id)
        wanted = wanted.where(h.state.not_in([state.value for state in ENDED]))
        if sender:
            wanted = wanted.where(h.sender == sender)
        if recipient:
            received = sa.select(to.handover).where(to.organisation == recipient)
            wanted = wanted.where(h.id.in_(received), h.sender != recipient, answered())
        if before:
            wanted = wanted.where(h.id < before)
        rows = await self._all(wanted.order_by(h.id.desc()).limit(limit))
        return [HandoverId(row.id) for row in rows]

    async def put_contact(self, organisation: Oin, contact: AfterHours | None) -> None:
        """Sealed to its organisation's place: a contact of somebody else's does not open there."""
        if contact is None:
            await self._run(sa.delete(t.after_hours).where(t.after_hours.c.organisation == organisation))
            return
        said = {"phone": contact.phone, **({"mail": contact.mail} if contact.mail else {})}
        statement = self._insert_into(t.after_hours).values(
            organisation=organisation, contact_sealed=self._seal_json(_place(organisation), said)
        )
        new = {name: change(statement) for name, change in replacing("contact_sealed").items()}
        await self._run(statement.on_conflict_do_update(index_elements=["organisation"], set_=new))

    async def contact(self, organisation: Oin) -> AfterHours | None:
        """Opened."""
        c = t.after_hours.c
        row = await self._one(sa.select(c.contact_sealed).where(c.organisation == organisation))
        if row is None:
            return None
        said = self._unseal_json(_place(organisation), row.contact_sealed)
        return AfterHours(said["phone"], said.get("mail"))


def _place(organisation: Oin) -> str:
    return f"organisation:{organisation}:after-hours"
