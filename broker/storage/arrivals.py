"""How far handovers came: worked out from their releases; and the moments at which somebody looks again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.arrivals import Came
from broker.domain.handovers import Handover, HandoverId
from broker.domain.parties import Oin, Recipient
from broker.storage import tables as t
from broker.storage.rows import Store, replacing


class Arrivals(Store):
    """See `ArrivalStore`."""

    async def collected(self, handover: Handover) -> Mapping[Recipient, Came]:
        """The furthest of all releases of the version in force."""
        c = t.release.c
        rows = await self._all(
            sa.select(c.organisation, c.role, sa.func.max(c.acknowledged_at), sa.func.max(c.taken_over_at))
            .where(c.handover == handover.id, of_version(handover.version))
            .group_by(c.organisation, c.role)
        )
        return {
            Recipient(Oin(organisation), role): Came.TAKEN_OVER if taken else Came.READ if read else Came.COLLECTED
            for organisation, role, read, taken in rows
        }

    async def look_again(self, handover: HandoverId, at: datetime) -> None:
        """One row for a handover."""
        row = {"handover": handover, "look_at": at}
        await self._put_all(t.handover_waiting, [row], keys=["handover"], grown=replacing("look_at"))

    async def due(self, now: datetime, limit: int) -> Sequence[HandoverId]:
        """By the index on the moment."""
        c = t.handover_waiting.c
        rows = await self._all(
            sa.select(c.handover).where(c.look_at <= now).order_by(c.look_at, c.handover).limit(limit)
        )
        return [HandoverId(row.handover) for row in rows]

    async def looked_at(self, handover: HandoverId) -> bool:
        """The row goes."""
        c = t.handover_waiting.c
        gone = sa.delete(t.handover_waiting).where(c.handover == handover)
        return await self._run(gone) == 1


def of_version(version: int | sa.ScalarSelect[Any]) -> sa.ColumnElement[bool]:
    """Whether a release gave something of this version of its handover."""
    part, section = t.release_section.c, t.section.c
    return sa.exists().where(part.release == t.release.c.id, section.id == part.section, section.version == version)
