"""What was agreed: who has it, by which day and how far it is, in clear words of the agreement; what it is lies elsewhere."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.handovers import HandoverId, SectionId
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.tasks import ENDED, SECTION_TYPE, Change, Owner, StatedTask, Status, Task, TaskId, remind_at
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store


class Tasks(Store):
    """See `TaskStore`."""

    async def state(self, handover: HandoverId, tasks: Sequence[StatedTask], now: datetime) -> None:
        """In the order of ids, so that no two writers wait crosswise."""
        c = t.task.c
        known = {row.id: row for row in await self._all(sa.select(t.task).where(c.handover == handover))}
        gone = sorted(known.keys() - {one.id for one in tasks})
        if gone:
            over = sa.update(t.task).where(c.handover == handover, c.id.in_(gone))
            await self._run(over.values(section=None, remind_at=None, organisation=None, role=None, person=None))
        for one in sorted(tasks, key=lambda one: one.id):
            values: dict[str, Any] = {"section": one.section, "due": one.due, **_columns(one.owner)}
            before = known.get(one.id)
            if before is None:
                new = {"handover": handover, "id": one.id, "status": Status.OPEN.value, "remind_at": remind_at(one.due)}
                await self._run(sa.insert(t.task).values({**values, **new}))
                continue
            again = (before.due, before.organisation, before.role, before.person) != (
                one.due,
                *_columns(one.owner).values(),
            )
            if (again or before.section is None) and Status(before.status) not in ENDED:
                values["remind_at"] = remind_at(one.due)
            await self._run(sa.update(t.task).where(c.handover == handover, c.id == one.id).values(values))

    async def of_handover(self, handover: HandoverId) -> Sequence[Task]:
        """By day, and then by id."""
        c = t.task.c
        mine = sa.select(t.task).where(c.handover == handover, c.section.is_not(None)).order_by(c.due, c.id)
        rows = await self._all(mine)
        if not rows:
            return ()
        h = t.task_change.c
        changes = await self._all(sa.select(t.task_change).where(h.handover == handover).order_by(h.created_at, h.id))
        return [_task(row, (one for one in changes if one.task == row.id)) for row in rows]

    async def get(self, handover: HandoverId, task: str) -> Task | None:
        """Locked before its history is read."""
        c, h = t.task.c, t.task_change.c
        this = sa.select(t.task).where(c.handover == handover, c.id == task, c.section.is_not(None))
        row = await self._one(this.with_for_update())
        if row is None:
            return None
        changes = sa.select(t.task_change).where(h.handover == handover, h.task == task)
        return _task(row, await self._all(changes.order_by(h.created_at, h.id)))

    async def change(self, task: Task, change: Change) -> None:
        """The state, and a row of its history."""
        c, again = t.task.c, remind_at(task.due)
        values: dict[str, Any] = {"status": change.status.value}
        if change.status in ENDED:
            values["remind_at"] = None
        elif task.status in ENDED:
            values["remind_at"] = again if again > change.at else None
        await self._run(sa.update(t.task).where(c.handover == task.handover, c.id == task.id).values(values))
        row = {
            "id": self._means.ids(),
            "handover": task.handover,
            "task": task.id,
            "status": change.status.value,
            "organisation": change.by.organisation if change.by else None,
            "role": change.by.role if change.by else None,
            "created_at": change.at,
        }
        await self._run(sa.insert(t.task_change).values(row))

    async def received(self, handover: HandoverId, who: Recipient) -> bool:
        """In whatever version."""
        r, part, s = t.release.c, t.release_section.c, t.section.c
        parts = t.release_section.join(t.section, s.id == part.section)
        left = sa.exists().select_from(parts).where(part.release == r.id, s.type == SECTION_TYPE).correlate(t.release)
        mine = (r.handover == handover, r.organisation == who.organisation, r.role == who.role)
        return await self._one(sa.select(r.id).where(*mine, left).limit(1)) is not None

    async def owned_by(self, person: PersonId, sender: Oin) -> Sequence[HandoverId]:
        """Newest first, by the index on the person."""
        c = t.task.c
        mine = sa.select(c.handover).where(c.person == person, c.section.is_not(None)).distinct()
        wanted = sa.select(t.handover.c.id).where(t.handover.c.id.in_(mine), t.handover.c.sender == sender)
        return [HandoverId(row.id) for row in await self._all(wanted.order_by(t.handover.c.id.desc()))]

    async def due(self, now: datetime, limit: int) -> Sequence[tuple[HandoverId, TaskId]]:
        """By the index on the moment."""
        c = t.task.c
        wanted = sa.select(c.handover, c.id).where(c.remind_at <= now).order_by(c.remind_at, c.handover, c.id)
        return [(HandoverId(row.handover), TaskId(row.id)) for row in await self._all(wanted.limit(limit))]

    async def reminded(self, handover: HandoverId, task: TaskId) -> bool:
        """The moment goes."""
        c = t.task.c
        over = sa.update(t.task).where(c.handover == handover, c.id == task, c.remind_at.is_not(None))
        return await self._run(over.values(remind_at=None)) == 1

    async def erase(self, handover: HandoverId) -> None:
        """The history first: it refers to the tasks."""
        for table in (t.task_change, t.task):
            await self._run(sa.delete(table).where(table.c.handover == handover))


def _columns(owner: Owner) -> dict[str, str | None]:
    if isinstance(owner, Recipient):
        return {"organisation": owner.organisation, "role": owner.role, "person": None}
    return {"organisation": None, "role": None, "person": owner}


def _task(row: Any, changes: Iterable[Any]) -> Task:
    """Raises Tampered for one that nobody has, or that two have."""
    if (row.person is None) is (row.organisation is None):
        raise Tampered
    return Task(
        TaskId(row.id),
        HandoverId(row.handover),
        SectionId(row.section),
        PersonId(row.person) if row.person is not None else Recipient(Oin(row.organisation), row.role),
        row.due,
        Status(row.status),
        tuple(
            Change(
                Status(one.status),
                one.created_at,
                Recipient(Oin(one.organisation), one.role) if one.organisation is not None else None,
            )
            for one in changes
        ),
    )
