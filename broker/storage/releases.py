"""Releases, each tied to its log entry by the schema."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import sqlalchemy as sa

from broker.domain.events import EntryId
from broker.domain.handovers import HandoverId, Section
from broker.domain.parties import Oin, PersonId, Professional, ProfessionalId
from broker.domain.stores import Disclosure
from broker.storage import tables as t
from broker.storage.rows import Store


class Releases(Store):
    """See `ReleaseStore`."""

    async def add(
        self,
        release: str,
        entry: EntryId,
        handover: HandoverId,
        who: Professional,
        sections: Sequence[Section],
        now: datetime,
    ) -> None:
        """Keep one."""
        values = {
            "id": release,
            "entry_id": entry,
            "handover": handover,
            "professional": who.id,
            "organisation": who.organisation,
            "role": who.role,
            "created_at": now,
            "acknowledged_at": None,
        }
        await self._run(sa.insert(t.release).values(values))
        await self._run(
            sa.insert(t.release_section), [{"release": release, "section": section.id} for section in sections]
        )

    async def acknowledge(self, release: str, who: ProfessionalId, now: datetime) -> Literal["now", "before"] | None:
        """Mark it read and taken over; None when it is not theirs."""
        mine = sa.and_(t.release.c.id == release, t.release.c.professional == who)
        row = await self._one(sa.select(t.release.c.acknowledged_at).where(mine).with_for_update())
        if row is None:
            return None
        if row.acknowledged_at is not None:
            return "before"
        await self._run(sa.update(t.release).where(mine).values(acknowledged_at=now))
        return "now"

    async def of_person(self, person: PersonId, sender: Oin, viewer: PersonId) -> Sequence[Disclosure]:
        """What was read of what this sender wrote about this person, newest first; without what is shielded from the viewer."""
        about = sa.and_(t.section_person.c.person == person, t.section_person.c.concerned)
        shield = t.section_person.alias("shield")
        alike = t.section.alias("alike")  # in any version: what is shielded now was never theirs to hear of
        shielded = sa.exists().where(
            alike.c.id == shield.c.section,
            alike.c.handover == t.section.c.handover,
            alike.c.type == t.section.c.type,
            shield.c.person == viewer,
            shield.c.shielded,
        )
        statement = (
            sa.select(
                t.release.c.id,
                t.release.c.entry_id,
                t.release.c.created_at,
                t.release.c.organisation,
                t.release.c.role,
                t.release.c.handover,
                t.section.c.type,
                (t.section.c.version < t.handover.c.version).label("corrected"),
            )
            .join(t.release_section, t.release_section.c.release == t.release.c.id)
            .join(t.section, t.section.c.id == t.release_section.c.section)
            .join(t.section_person, sa.and_(t.section_person.c.section == t.section.c.id, about))
            .join(t.handover, t.handover.c.id == t.release.c.handover)
            .where(t.handover.c.sender == sender, ~shielded)
            .order_by(t.release.c.id.desc(), t.section.c.position)
        )
        found: dict[str, Disclosure] = {}
        for row in await self._all(statement):
            before = found[row.id].types if row.id in found else ()
            types = before if row.type in before else (*before, row.type)
            found[row.id] = Disclosure(
                row.created_at,
                Oin(row.organisation),
                row.role,
                types,
                HandoverId(row.handover),
                bool(row.corrected),
                EntryId(row.entry_id),
            )
        return list(found.values())
