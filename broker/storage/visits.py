"""Sessions, counters and once-only marks: shared by every broker on the same database."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from broker.domain.ports import Tagger
from broker.domain.stores import ASTRAY, Visit
from broker.storage import tables as t
from broker.storage.rows import Store


class Visits(Store):
    """See `VisitStore`."""

    async def add(self, visit: Visit, token: str) -> None:
        """Keep a new one."""
        values = {
            "id": visit.id,
            "token_tag": self._means.tags.code_tag("visit", token),
            "kind": visit.kind,
            "owner": visit.owner,
            "invitation": visit.invitation,
            **self._changing(visit),
        }
        await self._run(sa.insert(t.visit).values(values))

    def _changing(self, visit: Visit) -> dict[str, Any]:
        return {
            "stage": visit.stage,
            "language": visit.language,
            "expires": visit.expires,
            "state_sealed": self._seal_json(f"visit:{visit.id}", visit.state),
        }

    async def by_token(self, token: str, now: datetime, *, lock: bool = False) -> Visit | None:
        """The live one with that token."""
        tag = self._means.tags.code_tag("visit", token)
        statement = sa.select(t.visit).where(t.visit.c.token_tag == tag, t.visit.c.expires > now)
        row = await self._one(statement.with_for_update() if lock else statement)
        return self._visit(row) if row else None

    def _visit(self, row: Any) -> Visit:
        state = self._unseal_json(f"visit:{row.id}", row.state_sealed)
        return Visit(row.id, row.kind, row.owner, row.invitation, row.stage, row.language, row.expires, state)

    async def save(self, visit: Visit) -> None:
        """Keep its new stage, language and state."""
        await self._run(sa.update(t.visit).where(t.visit.c.id == visit.id).values(self._changing(visit)))

    async def prolong(self, visit: str, expires: datetime) -> None:
        """It goes on until then; its state is not written, so what another request took out of it stays out."""
        await self._run(sa.update(t.visit).where(t.visit.c.id == visit).values(expires=expires))

    async def renew(self, visit: str, token: str) -> None:
        """From now on it is known by this token."""
        tag = self._means.tags.code_tag("visit", token)
        await self._run(sa.update(t.visit).where(t.visit.c.id == visit).values(token_tag=tag))

    async def of(self, kind: Literal["family", "officer"], owner: str, now: datetime) -> Sequence[Visit]:
        """The live ones of somebody, oldest first."""
        c = t.visit.c
        mine = sa.select(t.visit).where(c.owner == owner, c.kind == kind, c.expires > now).order_by(c.id)
        return [self._visit(row) for row in await self._all(mine)]

    async def end(self, visit: str) -> None:
        """Forget it."""
        await self._run(sa.delete(t.visit).where(t.visit.c.id == visit))


class GuardRows(Store):
    """See `Guards`."""

    async def count(self, bucket: str, window: int, now: datetime) -> int:
        """Count one try in this bucket; returns how many there were in this window of so many seconds."""
        return await self._count(t.guard_count, bucket, window, now, 1)

    async def take(self, bucket: str, window: int, now: datetime, calls: int) -> int:
        """Take so many calls out of this window of so many seconds; returns the number of the last one, from 1 on."""
        return await self._count(t.rate_count, bucket, window, now, calls)

    async def _count(self, table: sa.Table, bucket: str, window: int, now: datetime, more: int) -> int:
        start = int(now.timestamp()) // window
        tag = self.bucket(bucket)
        values = {"bucket": tag, "window_start": start, "tries": more, "expires": now + timedelta(seconds=2 * window)}
        statement = (
            self._insert_into(table)
            .values(values)
            .on_conflict_do_update(
                index_elements=[table.c.bucket, table.c.window_start], set_={"tries": table.c.tries + more}
            )
            .returning(table.c.tries)
        )
        return int((await self._connection.execute(statement)).scalar_one())

    def bucket(self, name: str) -> str:
        """What a counter is known by."""
        return self.bucket_of(self._means.tags, name)

    @staticmethod
    def bucket_of(tags: Tagger, name: str) -> str:
        """The same, for who has no connection."""
        return tags.code_tag("bucket", name)

    async def once(self, mark: str, expires: datetime) -> bool:
        """True the first time only."""
        tag = self._means.tags.code_tag("once", mark)
        return await self._insert_once(t.guard_once, {"mark": tag, "expires": expires})

    async def clean(self, now: datetime) -> None:
        """Forget what has expired; counts and marks once it has been so for `ASTRAY`."""
        for table in (t.retry, t.visit):
            await self._run(sa.delete(table).where(table.c.expires <= now))
        for table in (t.guard_count, t.guard_once, t.rate_count):
            await self._run(sa.delete(table).where(table.c.expires <= now - ASTRAY))
