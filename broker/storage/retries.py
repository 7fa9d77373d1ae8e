"""Keys that callers gave their requests: known by tag only, taken in the unit of work of what they are for."""

from datetime import datetime

import sqlalchemy as sa

from broker.domain.retries import KEPT_FOR, Attempt, Earlier, KeyUsedOtherwise, still_running
from broker.storage import tables as t
from broker.storage.rows import Store


class Retries(Store):
    """See `RetryStore`."""

    async def begin(self, attempt: Attempt, now: datetime) -> Earlier | None:
        """None the first time. On SQLite the writers' queue lets the second wait until the first has ended."""
        mark, c = self._mark(attempt), t.retry.c
        if self._connection.dialect.name == "postgresql":
            held = sa.select(sa.func.pg_try_advisory_xact_lock(int.from_bytes(bytes.fromhex(mark[:16]), signed=True)))
            if not (await self._connection.execute(held)).scalar_one():
                raise still_running()
        await self._run(sa.delete(t.retry).where(c.mark == mark, c.expires <= now))
        asked = self._means.tags.code_tag("retry-asked", mark, attempt.request)
        if await self._insert_once(t.retry, {"mark": mark, "fingerprint": asked, "expires": now + KEPT_FOR}):
            return None
        row = await self._one(sa.select(t.retry).where(c.mark == mark))
        if row is None or row.fingerprint != asked:
            raise KeyUsedOtherwise
        return Earlier(self._unseal(f"retry:{mark}", row.answer_sealed) if row.answer_sealed else "")

    async def tie(self, attempt: Attempt, handover: str, answer: str = "") -> None:
        """The answer is sealed and bound to its key."""
        mark = self._mark(attempt)
        kept = {"handover": handover, "answer_sealed": self._seal(f"retry:{mark}", answer) if answer else None}
        await self._run(sa.update(t.retry).where(t.retry.c.mark == mark).values(kept))

    def _mark(self, attempt: Attempt) -> str:
        return self._means.tags.code_tag("retry", attempt.caller, attempt.operation, attempt.key)
