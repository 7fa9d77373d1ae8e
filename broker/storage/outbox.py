"""Messages that wait to be sent: encrypted until then, gone after."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import sqlalchemy as sa
import structlog

from broker.domain.stores import Message
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store

_log = structlog.get_logger(__name__)


class Outbox(Store):
    """See `OutboxStore`."""

    async def add(self, message: Message, message_id: str, now: datetime, *, handover: str = "") -> None:
        """Queue one."""
        await self._queue({message_id: message}, now, handover)

    async def add_all(self, messages: Mapping[str, Message], now: datetime) -> None:
        """Queue several at once, by id."""
        await self._queue(messages, now, "")

    async def _queue(self, messages: Mapping[str, Message], now: datetime, handover: str) -> None:
        rows = [
            {
                "id": message_id,
                "message_sealed": self._sealed(message_id, message),
                "handover": handover or None,
                "tries": 0,
                "next_try_at": now,
            }
            for message_id, message in messages.items()
        ]
        if rows:
            await self._run(sa.insert(t.outbox), rows)

    def _sealed(self, message_id: str, message: Message) -> bytes:
        body = {
            "to": message.to,
            "channel": message.channel,
            "kind": message.kind,
            "language": message.language,
            "text": message.text,
        }
        return self._seal_json(f"outbox:{message_id}", body)

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[str, Message | None, int]]:
        """What should go out now; rows that another broker is taking are left to it."""
        c = t.outbox.c
        statement = sa.select(t.outbox).where(c.next_try_at <= now).order_by(c.id).limit(limit)
        rows = await self._all(statement.with_for_update(skip_locked=True))
        return [(row.id, self._opened(row.id, row.message_sealed), row.tries) for row in rows]

    def _opened(self, message_id: str, sealed: bytes) -> Message | None:
        try:
            return Message(**self._unseal_json(f"outbox:{message_id}", sealed))
        except Tampered as error:
            _log.error("outbox:not-opened", message=message_id, code=error.code)
            return None

    async def take(self, message_id: str, until: datetime) -> None:
        """It is being sent: until then nobody else takes it up. This is one try."""
        c = t.outbox.c
        await self._run(sa.update(t.outbox).where(c.id == message_id).values(tries=c.tries + 1, next_try_at=until))

    async def again(self, message_id: str, at: datetime) -> None:
        """It did not go out; try again then."""
        await self._run(sa.update(t.outbox).where(t.outbox.c.id == message_id).values(next_try_at=at))

    async def forget(self, message_id: str) -> None:
        """It went out, or was given up; nothing of it is kept."""
        await self._run(sa.delete(t.outbox).where(t.outbox.c.id == message_id))
