"""The officer's queue: one row for each doubt, whose tag keeps it from coming back when the same is stated again."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.matters import RAISING, Matter, MatterKind, MatterState
from broker.domain.parties import Oin, PersonId
from broker.storage import tables as t
from broker.storage.rows import Store


class Matters(Store):
    """See `MatterStore`."""

    async def add(self, matter: Matter, same: Sequence[str]) -> bool:
        """The unique tag says whether it is there already."""
        raises = "raises" if matter.raises else ""
        values = {
            "id": matter.id,
            "tag": self._means.tags.tag("matter", matter.kind, matter.person, matter.other, raises, *same),
            "kind": matter.kind,
            "person": matter.person,
            "other": matter.other or None,
            "about": matter.about,
            "organisation": matter.organisation,
            "raises_evidence": matter.raises,
            "state": matter.state,
            "created_at": matter.created_at,
        }
        return await self._insert_once(t.matter, values)

    async def get(self, matter: str, *, lock: bool = False) -> Matter | None:
        """By id, with its note."""
        statement = sa.select(t.matter).where(t.matter.c.id == matter)
        row = await self._one(statement.with_for_update() if lock else statement)
        return self._matter(row) if row else None

    async def waiting(self, limit: int, stated_by: str = "") -> Sequence[Matter]:
        """Ids rise with time."""
        c = t.matter.c
        statement = _stated_by(sa.select(t.matter).where(c.state == MatterState.OPEN), stated_by)
        return [self._matter(row) for row in await self._all(statement.order_by(c.id).limit(limit))]

    async def settled(self, limit: int, stated_by: str = "") -> Sequence[Matter]:
        """Latest settled first."""
        c = t.matter.c
        statement = _stated_by(sa.select(t.matter).where(c.state != MatterState.OPEN), stated_by)
        rows = await self._all(statement.order_by(c.settled_at.desc(), c.id.desc()).limit(limit))
        return [self._matter(row) for row in rows]

    async def count(self, stated_by: str = "") -> int:
        """How many are open."""
        statement = sa.select(sa.func.count().label("n")).select_from(t.matter)
        return int((await self._one(_stated_by(statement.where(t.matter.c.state == MatterState.OPEN), stated_by))).n)

    async def settle(self, matter: str, state: MatterState, note: str, by: str, now: datetime) -> bool:
        """Only from open, once."""
        c = t.matter.c
        values = {"state": state, "note_sealed": self._seal(f"matter:{matter}", note), "settled_at": now}
        statement = sa.update(t.matter).where(c.id == matter, c.state == MatterState.OPEN)
        return await self._run(statement.values(**values, settled_by=by)) == 1

    async def doubted(self, persons: Iterable[PersonId]) -> frozenset[PersonId]:
        """Whichever side of the matter they are on."""
        c, wanted = t.matter.c, tuple(persons)
        rows = await self._all(
            sa.select(c.person, c.other).where(
                c.raises_evidence, c.state.in_(RAISING), sa.or_(c.person.in_(wanted), c.other.in_(wanted))
            )
        )
        return doubted_of(rows, wanted)

    def _matter(self, row: Any) -> Matter:
        return Matter(
            id=row.id,
            kind=MatterKind(row.kind),
            person=PersonId(row.person),
            organisation=Oin(row.organisation),
            created_at=row.created_at,
            other=row.other or "",
            about=row.about,
            raises=row.raises_evidence,
            state=MatterState(row.state),
            note=self._unseal(f"matter:{row.id}", row.note_sealed) if row.note_sealed else "",
            settled_at=row.settled_at,
            settled_by=row.settled_by or "",
        )


def doubted_of(rows: Iterable[Any], wanted: Sequence[PersonId]) -> frozenset[PersonId]:
    """Who of these is on either side of one of these matters."""
    return frozenset(PersonId(who) for row in rows for who in (row.person, row.other) if who in wanted)


def _stated_by(statement: sa.Select[Any], organisation: str) -> sa.Select[Any]:
    return statement.where(t.matter.c.organisation == organisation) if organisation else statement
