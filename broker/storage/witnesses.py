"""What witnesses said of the log's checkpoints: rows that are only ever added."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from broker.domain.stores.witnesses import CosignedNote, Refusal
from broker.storage import tables as t
from broker.storage.rows import Store


class Witnesses(Store):
    """See `WitnessStore`."""

    async def last(self, witness: str) -> int | None:
        """The largest size that it cosigned; None for none."""
        c = t.log_cosignature.c
        row = await self._one(sa.select(sa.func.max(c.size)).where(c.witness == witness))
        return None if row is None or row[0] is None else int(row[0])

    async def latest(self, witness: str) -> tuple[int, datetime] | None:
        """The largest size that it cosigned, and when."""
        c = t.log_cosignature.c
        mine = sa.select(c.size, c.created_at).where(c.witness == witness).order_by(c.size.desc()).limit(1)
        row = await self._one(mine)
        return (int(row.size), row.created_at) if row else None

    async def keep(self, witness: str, size: int, line: str, now: datetime) -> None:
        """Keep a cosignature; the first for a size stays."""
        values = {"size": size, "witness": witness, "line": line, "created_at": now}
        await self._insert_once(t.log_cosignature, values)

    async def of(self, size: int) -> Sequence[str]:
        """The lines under one checkpoint."""
        c = t.log_cosignature.c
        return [row.line for row in await self._all(sa.select(c.line).where(c.size == size).order_by(c.witness))]

    async def cosigned(self, fewest: int, below: int, limit: int) -> Sequence[CosignedNote]:
        """Checkpoints smaller than `below` with at least so many cosignatures, largest first."""
        c, count = t.log_cosignature.c, sa.func.count()
        sizes = (
            sa.select(c.size)
            .where(c.size < below)
            .group_by(c.size)
            .having(count >= fewest)
            .order_by(c.size.desc())
            .limit(limit)
        )
        wanted = [row.size for row in await self._all(sizes)]
        notes = sa.select(t.log_checkpoint.c.size, t.log_checkpoint.c.note).where(t.log_checkpoint.c.size.in_(wanted))
        texts = {row.size: row.note for row in await self._all(notes)}
        return [CosignedNote(size, texts[size], tuple(await self.of(size))) for size in wanted if size in texts]

    async def refuse(self, refusal: Refusal) -> None:
        """Keep a refusal, unless one of that witness stands already."""
        if any(standing.witness == refusal.witness for standing in await self.refusals()):
            return
        values = {
            "witness": refusal.witness,
            "theirs": refusal.theirs,
            "size": refusal.size,
            "created_at": refusal.at,
        }
        await self._insert_once(t.log_refusal, values)

    async def refusals(self) -> Sequence[Refusal]:
        """Those that stand: of witnesses that cosigned nothing since. Oldest first."""
        r, c = t.log_refusal.c, t.log_cosignature.c
        since = sa.exists().where(c.witness == r.witness, c.created_at > r.created_at)
        rows = await self._all(sa.select(t.log_refusal).where(~since).order_by(r.created_at, r.witness))
        return [Refusal(row.witness, row.size, row.theirs, row.created_at) for row in rows]
