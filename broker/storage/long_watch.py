"""Long watches, by their handover and by the moment of their next question."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa

from broker.domain.handovers import HandoverId, HandoverState
from broker.domain.long_watch import LongWatch, Watched
from broker.domain.parties import Oin, PersonId
from broker.storage import tables as t
from broker.storage.rows import Store, replacing


class LongWatches(Store):
    """See `LongWatchStore`."""

    async def put(self, handover: HandoverId, every: str, next_at: datetime, people: Collection[PersonId]) -> None:
        """The watch first: its people refer to it."""
        row = {"handover": handover, "every": every, "next_at": next_at}
        await self._put_all(t.long_watch, [row], keys=["handover"], grown=replacing("every", "next_at"))
        p = t.long_watch_person.c
        await self._run(sa.update(t.long_watch_person).where(p.handover == handover).values(current=False))
        rows = [{"handover": handover, "person": one, "current": True} for one in sorted(people)]
        await self._put_all(t.long_watch_person, rows, keys=["handover", "person"], grown=replacing("current"))

    async def get(self, handover: HandoverId) -> LongWatch | None:
        """With who is asked now, in the order of ids."""
        w, p, h, s = t.long_watch.c, t.long_watch_person.c, t.handover.c, t.long_watch_stop.c
        row = await self._one(sa.select(t.long_watch).where(w.handover == handover))
        if row is None or row.next_at is None:
            return None
        stopped = sa.exists().where(h.id == p.handover, s.person == p.person, s.sender == h.sender)
        people = await self._all(
            sa.select(t.long_watch_person, stopped.label("stopped"))
            .where(p.handover == handover, p.current)
            .order_by(p.person)
        )
        watched = [
            Watched(PersonId(r.person), HandoverId(r.asked) if r.asked else None, r.answered_at is not None, r.stopped)
            for r in people
        ]
        return LongWatch(handover, row.every, row.next_at, tuple(watched))

    async def due(self, now: datetime, limit: int) -> Sequence[HandoverId]:
        """By the index on the moment."""
        c = t.long_watch.c
        rows = await self._all(
            sa.select(c.handover).where(c.next_at <= now).order_by(c.next_at, c.handover).limit(limit)
        )
        return [HandoverId(row.handover) for row in rows]

    async def go_on(self, handover: HandoverId, before: datetime, next_at: datetime) -> bool:
        """Whoever changes the moment asks."""
        c = t.long_watch.c
        mine = sa.and_(c.handover == handover, c.next_at == before)
        return await self._run(sa.update(t.long_watch).where(mine).values(next_at=next_at)) == 1

    async def ask(self, handover: HandoverId, person: PersonId, check_in: HandoverId) -> None:
        """In the row of the person."""
        p = t.long_watch_person.c
        mine = sa.and_(p.handover == handover, p.person == person)
        await self._run(sa.update(t.long_watch_person).where(mine).values(asked=check_in, answered_at=None))

    async def was_asked(self, check_in: HandoverId, person: PersonId) -> bool:
        """By the question."""
        p = t.long_watch_person.c
        return await self._one(sa.select(p.handover).where(p.asked == check_in, p.person == person)) is not None

    async def stops(self, persons: Iterable[PersonId], sender: Oin) -> frozenset[PersonId]:
        """By the key."""
        c = t.long_watch_stop.c
        rows = await self._all(sa.select(c.person).where(c.person.in_(tuple(persons)), c.sender == sender))
        return frozenset(PersonId(row.person) for row in rows)

    async def change(self, person: PersonId, sender: Oin, now: datetime, *, stopped: bool) -> bool:
        """A row is a stop."""
        if stopped:
            return await self._insert_once(t.long_watch_stop, {"person": person, "sender": sender, "created_at": now})
        c = t.long_watch_stop.c
        return await self._run(sa.delete(t.long_watch_stop).where(c.person == person, c.sender == sender)) > 0

    async def answered(self, check_in: HandoverId, now: datetime) -> None:
        """By the question."""
        p = t.long_watch_person.c
        await self._run(sa.update(t.long_watch_person).where(p.asked == check_in).values(answered_at=now))

    async def waiting(self, handover: HandoverId) -> Sequence[tuple[PersonId, HandoverId]]:
        """In the order of ids, so that nobody who closes them waits crosswise."""
        p, h = t.long_watch_person.c, t.handover.c
        mine = sa.select(p.person, p.asked).join(t.handover, h.id == p.asked)
        mine = mine.where(p.handover == handover, h.state == HandoverState.ASKED.value).order_by(p.asked)
        return [(PersonId(row.person), HandoverId(row.asked)) for row in await self._all(mine)]

    async def put_out(self, handover: HandoverId) -> None:
        """Its moment never comes, and nobody in it is asked."""
        p, w = t.long_watch_person.c, t.long_watch.c
        await self._run(sa.update(t.long_watch_person).where(p.handover == handover).values(current=False))
        await self._run(sa.update(t.long_watch).where(w.handover == handover).values(next_at=None))

    async def end(self, handover: HandoverId) -> None:
        """People first."""
        await self._run(sa.delete(t.long_watch_person).where(t.long_watch_person.c.handover == handover))
        await self._run(sa.delete(t.long_watch).where(t.long_watch.c.handover == handover))
