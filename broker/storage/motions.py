"""What officers propose to each other: name, reason, code and what is searched sealed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.motions import Motion, MotionKind, MotionState, Search
from broker.domain.officers import OfficerRole
from broker.domain.parties import OfficerId, Oin
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store

_OPEN = (MotionState.WAITING.value, MotionState.PROVISIONAL.value)


class Motions(Store):
    """See `MotionStore`."""

    async def add(self, motion: Motion) -> None:
        """Keep a new one."""
        values = {
            "id": motion.id,
            "kind": motion.kind.value,
            "organisation": motion.organisation,
            "officer": motion.officer,
            "role": motion.role.value if motion.role else None,
            "provisional": motion.provisional,
            "proposed_by": motion.by,
            "created_at": motion.at,
            "entry_id": motion.entry,
            **self._changing(motion),
        }
        await self._run(sa.insert(t.motion).values(values))

    def _changing(self, motion: Motion) -> dict[str, Any]:
        said: dict[str, Any] = {"name": motion.name, "reason": motion.reason, "code": motion.code}
        if motion.search:
            said["search"] = {**motion.search.facts(), "value": motion.search.value}
        return {
            "state": motion.state.value,
            "said_sealed": self._seal_json(f"motion:{motion.id}", said),
            "seconded_by": motion.seconded_by,
            "seconded_at": motion.seconded_at,
            "made": motion.made,
        }

    def _motion(self, row: Any) -> Motion:
        said = self._unseal_json(f"motion:{row.id}", row.said_sealed)
        try:
            return Motion(
                id=row.id,
                kind=MotionKind(row.kind),
                state=MotionState(row.state),
                by=OfficerId(row.proposed_by),
                at=row.created_at,
                entry=row.entry_id,
                organisation=Oin(row.organisation) if row.organisation else None,
                officer=OfficerId(row.officer) if row.officer else None,
                role=OfficerRole(row.role) if row.role else None,
                provisional=row.provisional,
                name=said["name"],
                reason=said["reason"],
                code=said["code"],
                seconded_by=OfficerId(row.seconded_by) if row.seconded_by else None,
                seconded_at=row.seconded_at,
                made=OfficerId(row.made) if row.made else None,
                search=_search(said["search"]) if "search" in said else None,
            )
        except ValueError:
            raise Tampered from None

    async def get(self, motion_id: str, *, lock: bool = False) -> Motion | None:
        """By id."""
        mine = sa.select(t.motion).where(t.motion.c.id == motion_id)
        row = await self._one(mine.with_for_update() if lock else mine)
        return self._motion(row) if row else None

    async def latest(self, limit: int) -> Sequence[Motion]:
        """Newest first."""
        return [
            self._motion(row)
            for row in await self._all(sa.select(t.motion).order_by(t.motion.c.id.desc()).limit(limit))
        ]

    async def waiting(self, officer: OfficerId, since: datetime) -> int:
        """How many wait for this officer."""
        c = t.motion.c
        theirs = (c.state.in_(_OPEN), c.created_at > since, c.proposed_by != officer)
        row = await self._one(sa.select(sa.func.count().label("number")).select_from(t.motion).where(*theirs))
        return int(row.number) if row else 0

    async def over(self, before: datetime) -> Sequence[Motion]:
        """What is waiting or provisional and was proposed before then."""
        c = t.motion.c
        wanted = sa.select(t.motion).where(c.state.in_(_OPEN), c.created_at <= before).order_by(c.id)
        return [self._motion(row) for row in await self._all(wanted)]

    async def save(self, motion: Motion) -> None:
        """Keep what changed."""
        await self._run(sa.update(t.motion).where(t.motion.c.id == motion.id).values(self._changing(motion)))


def _search(said: Mapping[str, Any]) -> Search:
    first, last = (date.fromisoformat(said[day]) for day in ("first_day", "last_day"))
    return Search(said["search"], said["value"], first, last, said["people"])
