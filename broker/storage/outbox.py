"""Messages that wait to be sent: encrypted until then, gone after."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
import structlog

from broker.domain.stores import Message, Taken
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
        if rows := self._rows(messages, now, handover):
            await self._run(sa.insert(t.outbox), rows)

    def _rows(self, messages: Mapping[str, Message], now: datetime, handover: str) -> list[dict[str, Any]]:
        return [
            {
                "id": message_id,
                "message_sealed": self._sealed(message_id, message),
                "handover": handover or None,
                "tries": 0,
                "next_try_at": now,
            }
            for message_id, message in messages.items()
        ]

    def _sealed(self, message_id: str, message: Message) -> bytes:
        body = {
            "to": message.to,
            "channel": message.channel,
            "kind": message.kind,
            "language": message.language,
            "text": message.text,
        }
        return self._seal_json(f"outbox:{message_id}", body)

    async def take(self, now: datetime, until: datetime, limit: int) -> Sequence[Taken]:
        """One statement; rows that another broker is taking are left to it. Oldest first."""
        rows = (await self._connection.execute(_TAKING, {"now": now, "until": until, "most": limit})).all()
        taken = [Taken(row.id, self._opened(row.id, row.message_sealed), row.tries - 1) for row in rows]
        return sorted(taken, key=lambda one: one.id)

    def _opened(self, message_id: str, sealed: bytes) -> Message | None:
        try:
            return Message(**self._unseal_json(f"outbox:{message_id}", sealed))
        except Tampered as error:
            _log.error("outbox:not-opened", message=message_id, code=error.code)
            return None

    async def again(self, later: Mapping[str, datetime]) -> None:
        """They did not go out; each is tried again then."""
        c = t.outbox.c
        statement = sa.update(t.outbox).where(c.id == sa.bindparam("which")).values(next_try_at=sa.bindparam("at"))
        if later:
            await self._run(statement, [{"which": which, "at": at} for which, at in later.items()])

    async def give_back(self, messages: Collection[str], now: datetime) -> None:
        """They were not tried after all."""
        c = t.outbox.c
        if messages:
            back = sa.update(t.outbox).where(self._among(c.id, messages)).values(tries=c.tries - 1, next_try_at=now)
            await self._run(back)

    async def forget(self, messages: Collection[str]) -> None:
        """They went out, or were given up; nothing of them is kept."""
        if messages:
            await self._run(sa.delete(t.outbox).where(self._among(t.outbox.c.id, messages)))


def _taking() -> Any:
    c = t.outbox.c
    first = sa.select(c.id).where(c.next_try_at <= sa.bindparam("now")).order_by(c.id).limit(sa.bindparam("most"))
    due = first.with_for_update(skip_locked=True).cte("due")
    taking = sa.update(t.outbox).where(c.id.in_(sa.select(due.c.id)))
    return taking.values(tries=c.tries + 1, next_try_at=sa.bindparam("until")).returning(
        c.id, c.message_sealed, c.tries
    )


_TAKING = _taking()
