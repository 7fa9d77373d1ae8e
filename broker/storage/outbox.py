"""Messages that wait to be sent: encrypted until then, gone after."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from broker.domain.stores import Message
from broker.storage import tables as t
from broker.storage.rows import Store


class Outbox(Store):
    """See `OutboxStore`."""

    async def add(self, message: Message, message_id: str, now: datetime) -> None:
        """Queue one."""
        body = {
            "to": message.to,
            "channel": message.channel,
            "kind": message.kind,
            "language": message.language,
            "text": message.text,
        }
        sealed = self._seal_json(f"outbox:{message_id}", body)
        await self._run(sa.insert(t.outbox).values(id=message_id, message_sealed=sealed, tries=0, next_try_at=now))

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, Message, int]]:
        """What should go out now; rows that another broker is sending are left to it."""
        c = t.outbox.c
        statement = sa.select(t.outbox).where(c.next_try_at <= now).order_by(c.id).limit(limit)
        rows = await self._all(statement.with_for_update(skip_locked=True))
        return [
            (row.id, Message(**self._unseal_json(f"outbox:{row.id}", row.message_sealed)), row.tries) for row in rows
        ]

    async def sent(self, message_id: str) -> None:
        """It went out; nothing of it is kept."""
        await self._run(sa.delete(t.outbox).where(t.outbox.c.id == message_id))

    async def failed(self, message_id: str, again: datetime | None) -> None:
        """It did not; try again then, or give up and forget its text."""
        if again is None:
            await self.sent(message_id)
            return
        c = t.outbox.c
        await self._run(sa.update(t.outbox).where(c.id == message_id).values(tries=c.tries + 1, next_try_at=again))
