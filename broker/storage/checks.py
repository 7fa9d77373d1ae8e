"""Examinations and alarms: a row for each kind, so that the last result is read at once however long the log is."""

import json
from collections.abc import Mapping
from datetime import date, datetime

import sqlalchemy as sa

from broker.domain.stores.checks import Came, ExaminationKind, Examined, UnderWay
from broker.errors import Words
from broker.storage import tables as t
from broker.storage.rows import Store


class Checks(Store):
    """See `CheckStore`."""

    async def result(self, kind: ExaminationKind) -> Examined | None:
        """The last one; None before the first."""
        c = t.examination.c
        row = await self._one(sa.select(t.examination).where(c.kind == kind.value, c.result_at.is_not(None)))
        if row is None:
            return None
        nl, en = json.loads(row.words)
        return Examined(kind, row.result_at, Came(row.outcome), Words(nl, en), row.result_by or "")

    async def under_way(self, kind: ExaminationKind, heard_since: datetime) -> UnderWay | None:
        """The one that is going on; one of which nothing was heard for long has died."""
        c = t.examination.c
        alive = sa.and_(c.kind == kind.value, c.run.is_not(None), c.heard_at >= heard_since)
        row = await self._one(sa.select(c.began_at, c.done, c.total).where(alive))
        return UnderWay(row.began_at, int(row.done), int(row.total)) if row else None

    async def begin(self, kind: ExaminationKind, run: str, total: int, now: datetime, heard_since: datetime) -> bool:
        """Begin one, unless another is alive: of two that try at one moment, the row lets one."""
        await self._insert_once(t.examination, {"kind": kind.value, "done": 0, "total": 0})
        c = t.examination.c
        free = sa.or_(c.run.is_(None), c.heard_at < heard_since)
        begun = {"run": run, "began_at": now, "heard_at": now, "done": 0, "total": total}
        return await self._run(sa.update(t.examination).where(c.kind == kind.value, free).values(**begun)) == 1

    async def progress(self, kind: ExaminationKind, run: str, done: int, now: datetime) -> None:
        """It came so far."""
        c = t.examination.c
        mine = sa.and_(c.kind == kind.value, c.run == run)
        await self._run(sa.update(t.examination).where(mine).values(done=done, heard_at=now))

    async def end(self, kind: ExaminationKind, run: str) -> None:
        """It is over."""
        c = t.examination.c
        await self._run(sa.update(t.examination).where(c.kind == kind.value, c.run == run).values(run=None))

    async def keep(self, result: Examined) -> None:
        """The result in the place of the one before, unless that one is newer."""
        values = {
            "result_at": result.at,
            "result_by": result.by or None,
            "outcome": result.came.value,
            "words": json.dumps([result.words.nl, result.words.en], ensure_ascii=False),
        }
        await self._insert_once(t.examination, {"kind": result.kind.value, "done": 0, "total": 0})
        c = t.examination.c
        older = sa.or_(c.result_at.is_(None), c.result_at <= result.at)
        await self._run(sa.update(t.examination).where(c.kind == result.kind.value, older).values(**values))

    async def ring(self, day: date, alarms: Mapping[str, int]) -> None:
        """Count more."""
        insert = self._insert_into(t.alarm_day)
        more = {"rang": t.alarm_day.c.rang + insert.excluded.rang}
        rows = [{"day": day, "kind": kind, "rang": number} for kind, number in sorted(alarms.items()) if number]
        if rows:
            await self._run(insert.on_conflict_do_update(index_elements=["day", "kind"], set_=more), rows)

    async def rang(self, first: date) -> Mapping[tuple[date, str], int]:
        """How often each rang on each day from that one on."""
        c = t.alarm_day.c
        wanted = sa.select(t.alarm_day).where(c.day >= first).order_by(c.day, c.kind)
        return {(row.day, row.kind): int(row.rang) for row in await self._all(wanted)}
