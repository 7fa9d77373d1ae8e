"""Releases, each tied to its log entry by the schema."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa

from broker.domain.events import EntryId
from broker.domain.handovers import HandoverId, Section, SectionId
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
        row, parts = rows_of(release, entry, handover, who, sections, now)
        await self._run(sa.insert(t.release).values(row))
        await self._run(sa.insert(t.release_section), parts)

    async def acknowledge(
        self, release: str, who: ProfessionalId, now: datetime, *, taken_over: bool
    ) -> Literal["now", "before"] | None:
        """Mark it read, and with `taken_over` taken over; None when it is not theirs."""
        c = t.release.c
        mine = sa.and_(c.id == release, c.professional == who)
        row = await self._one(sa.select(c.acknowledged_at, c.taken_over_at).where(mine).with_for_update())
        if row is None:
            return None
        said = {"acknowledged_at": now, **({"taken_over_at": now} if taken_over else {})}
        new = {name: at for name, at in said.items() if getattr(row, name) is None}
        if not new:
            return "before"
        await self._run(sa.update(t.release).where(mine).values(new))
        return "now"

    async def received(self, release: str, who: ProfessionalId) -> tuple[HandoverId, frozenset[SectionId]] | None:
        """Of which handover it was, and the very sections of it; None when it is not theirs."""
        c, part = t.release.c, t.release_section.c
        row = await self._one(sa.select(c.handover).where(c.id == release, c.professional == who))
        if row is None:
            return None
        parts = await self._all(sa.select(part.section).where(part.release == release))
        return HandoverId(row.handover), frozenset(SectionId(one.section) for one in parts)

    async def of_person(self, person: PersonId, sender: Oin, viewer: PersonId) -> Sequence[Disclosure]:
        """What was read of what this sender wrote about this person, newest first; without what is shielded from the viewer."""
        rows = await self._all(_ordered(_read([person], viewer).where(t.handover.c.sender == sender)))
        return _disclosures(rows)

    async def of_persons(
        self, persons: Collection[PersonId], sender: Oin, viewer: PersonId, before: str, limit: int
    ) -> Sequence[Disclosure]:
        """The same about any of these, below an entry, never more than that many."""
        mine = _read(persons, viewer).where(t.handover.c.sender == sender)
        if before:
            mine = mine.where(t.release.c.entry_id < before)
        newest = mine.with_only_columns(t.release.c.entry_id).distinct().order_by(t.release.c.entry_id.desc())
        entries = [row.entry_id for row in await self._all(newest.limit(limit))]
        return _disclosures(await self._all(_ordered(mine.where(t.release.c.entry_id.in_(entries)))))

    async def of_entries(
        self, entries: Sequence[EntryId], person: PersonId, viewer: PersonId
    ) -> Mapping[EntryId, Disclosure]:
        """What was read about this person in these entries; nothing shielded from the viewer."""
        mine = _read([person], viewer).where(t.release.c.entry_id.in_(list(entries)))
        return {disclosure.entry: disclosure for disclosure in _disclosures(await self._all(_ordered(mine)))}

    async def hidden(self, handovers: Collection[str], person: PersonId, viewer: PersonId) -> Mapping[str, bool]:
        """Of these, those that say something about this person: whether anything was ever shielded from the viewer."""
        of, p = t.section.c.handover, t.section_person.c
        every = sa.select(of).join(t.section_person, p.section == t.section.c.id).where(of.in_(list(handovers)))
        about = await self._all(every.where(p.person == person, p.concerned).distinct())
        shielded = {row.handover for row in await self._all(every.where(p.person == viewer, p.shielded).distinct())}
        return {row.handover: row.handover in shielded for row in about}

    async def hides_from(self, person: PersonId) -> bool:
        """Whether anything was ever shielded from this person."""
        p = t.section_person.c
        return await self._one(sa.select(p.section).where(p.person == person, p.shielded).limit(1)) is not None


def rows_of(
    release: str, entry: EntryId, handover: HandoverId, who: Professional, sections: Sequence[Section], now: datetime
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A release as its row, and a row for each of its sections."""
    row = {
        "id": release,
        "entry_id": entry,
        "handover": handover,
        "professional": who.id,
        "organisation": who.organisation,
        "role": who.role,
        "created_at": now,
        "acknowledged_at": None,
    }
    return row, [{"release": release, "section": section.id} for section in sections]


def _read(persons: Collection[PersonId], viewer: PersonId) -> sa.Select[Any]:
    """Every section about these persons that left, once for each; without what is shielded from the viewer."""
    about = sa.and_(t.section_person.c.person.in_(list(persons)), t.section_person.c.concerned)
    shield = t.section_person.alias("shield")
    alike = t.section.alias("alike")  # in any version: what is shielded now was never theirs to hear of
    shielded = sa.exists().where(
        alike.c.id == shield.c.section,
        alike.c.handover == t.section.c.handover,
        alike.c.type == t.section.c.type,
        shield.c.person == viewer,
        shield.c.shielded,
    )
    return (
        sa.select(
            t.release.c.id,
            t.release.c.entry_id,
            t.release.c.created_at,
            t.release.c.organisation,
            t.release.c.role,
            t.release.c.handover,
            t.handover.c.purpose,
            t.section.c.type,
            t.section_person.c.person,
            (t.section.c.version < t.handover.c.version).label("corrected"),
        )
        .join(t.release_section, t.release_section.c.release == t.release.c.id)
        .join(t.section, t.section.c.id == t.release_section.c.section)
        .join(t.section_person, sa.and_(t.section_person.c.section == t.section.c.id, about))
        .join(t.handover, t.handover.c.id == t.release.c.handover)
        .where(~shielded)
    )


def _ordered(statement: sa.Select[Any]) -> sa.Select[Any]:
    return statement.order_by(t.release.c.id.desc(), t.section.c.position, t.section_person.c.person)


def _disclosures(rows: Iterable[Any]) -> list[Disclosure]:
    """One for each release, in the order of the rows."""
    found: dict[str, Disclosure] = {}
    for row in rows:
        known = found.get(row.id)
        types = dict.fromkeys((*(known.types if known else ()), row.type))
        persons = dict.fromkeys((*(known.persons if known else ()), PersonId(row.person)))
        found[row.id] = Disclosure(
            row.created_at,
            Oin(row.organisation),
            row.role,
            tuple(types),
            HandoverId(row.handover),
            bool(row.corrected),
            EntryId(row.entry_id),
            row.purpose,
            tuple(persons),
        )
    return list(found.values())
