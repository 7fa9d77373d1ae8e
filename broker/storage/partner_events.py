"""What organisations are told, and what became of what they received."""

import json
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.domain.consents import Scope
from broker.domain.handovers import ENDED, HandoverId, HandoverState
from broker.domain.parties import Oin, Recipient
from broker.domain.stores import PartnerEvent, PartnerEventType, Received, ReleaseStatus
from broker.storage import tables as t
from broker.storage.rows import Means, Store
from broker.storage.webhooks import Deliveries, event_of


class PartnerEvents(Store):
    """See `PartnerEventStore`.

    Whoever reads sees an event once it has its place, and places are given in the order of commits: an id says when an
    event was made, and what was made first may be committed last.
    """

    def __init__(self, connection: AsyncConnection, means: Means) -> None:
        super().__init__(connection, means)
        self._added: dict[str, list[str]] = {}

    async def add(self, event: PartnerEvent) -> None:
        """Keep one; it gets its place when the unit of work commits."""
        self._added.setdefault(event.organisation, []).append(event.id)
        values = {
            "id": event.id,
            "organisation": event.organisation,
            "type": event.type.value,
            "handover": event.handover,
            "release": event.release,
            "version": event.version,
            "section_types": json.dumps(event.types),
            "created_at": event.at,
        }
        await self._run(sa.insert(t.partner_event).values(values))

    async def take_places(self) -> None:
        """Last of all before the commit: whoever else tells the same organisation waits until then. Queued for its webhook too.

        Organisations in their order, so that two never wait for each other.
        """
        c = t.partner_event.c
        for oin, ids in sorted(self._added.items()):
            insert = self._insert_into(t.partner_feed).values(organisation=oin, last=len(ids))
            more = {"last": t.partner_feed.c.last + len(ids)}
            upsert = insert.on_conflict_do_update(index_elements=["organisation"], set_=more)
            last = (await self._connection.execute(upsert.returning(t.partner_feed.c.last))).scalar_one()
            for place, event in enumerate(ids, last - len(ids) + 1):
                await self._run(sa.update(t.partner_event).where(c.id == event).values(place=place))
            await Deliveries(self._connection, self._means).queue(Oin(oin), ids)
        self._added = {}

    async def after(self, oin: Oin, event: str, limit: int) -> Sequence[PartnerEvent] | None:
        """An organisation's own, in the order of commits, after that one; None when that one is not theirs."""
        place = await self.place_of(oin, event) if event else 0
        if place is None:
            return None
        c = t.partner_event.c
        mine = sa.select(t.partner_event).where(c.organisation == oin)
        rows = await self._all(mine.where(c.place > place).order_by(c.place).limit(limit))
        return [event_of(row) for row in rows]

    async def place_of(self, oin: Oin, event: str) -> int | None:
        """Where an event comes among what an organisation is told; None when it was not told to them."""
        c = t.partner_event.c
        row = await self._one(sa.select(c.place).where(c.organisation == oin, c.id == event))
        return int(row.place) if row is not None and row.place is not None else None

    async def readers(self, handover: HandoverId) -> Sequence[Received]:
        """Every release of a handover, of any version."""
        rows = await self._all(sa.select(t.release).where(t.release.c.handover == handover).order_by(t.release.c.id))
        return [_received(row) for row in rows]

    async def received(self, scope: Scope) -> Sequence[tuple[Received, int, tuple[str, ...]]]:
        """Releases of what the scope speaks of, with version and the types of it that nobody was told to stop using."""
        statement = (
            sa.select(t.release, t.section.c.type, t.section.c.version)
            .join(t.release_section, t.release_section.c.release == t.release.c.id)
            .join(t.section, t.section.c.id == t.release_section.c.section)
            .join(t.section_person, t.section_person.c.section == t.section.c.id)
            .join(t.handover, t.handover.c.id == t.release.c.handover)
            .where(
                t.section_person.c.person == scope.person,
                t.section_person.c.concerned,
                t.section.c.type.in_(scope.section_types),
                t.handover.c.sender == scope.sender,
                t.handover.c.purpose == scope.purpose,
            )
            .order_by(t.release.c.id, t.section.c.position)
        )
        found: dict[str, tuple[Received, int, list[str]]] = {}
        for row in await self._all(statement):
            if Recipient(Oin(row.organisation), row.role) in scope.recipients:
                types = found.setdefault(row.id, (_received(row), row.version, []))[2]
                types += [row.type] if row.type not in types else []
        told = await self._told(found)
        left = [(r, v, tuple(one for one in types if one not in told.get(r.id, ()))) for r, v, types in found.values()]
        return [(received, version, types) for received, version, types in left if types]

    async def spoken_of(self, scope: Scope) -> Sequence[HandoverId]:
        """The sender's handovers that are kept and say something that the scope speaks of, in the order of ids."""
        statement = (
            sa.select(t.handover.c.id)
            .join(t.section, t.section.c.handover == t.handover.c.id)
            .join(t.section_person, t.section_person.c.section == t.section.c.id)
            .where(
                t.section.c.version == t.handover.c.version,
                t.section.c.type.in_(scope.section_types),
                t.section_person.c.person == scope.person,
                t.section_person.c.concerned,
                t.handover.c.sender == scope.sender,
                t.handover.c.purpose == scope.purpose,
                t.handover.c.state.not_in([state.value for state in ENDED]),
            )
        )
        return [HandoverId(row.id) for row in await self._all(statement.distinct().order_by(t.handover.c.id))]

    async def _told(self, releases: Any) -> dict[str, set[str]]:
        """What nobody may use any more, by release."""
        c = t.partner_event.c
        stop = sa.select(c.release, c.section_types).where(
            c.release.in_(list(releases)), c.type == PartnerEventType.STOP_USING.value
        )
        told: dict[str, set[str]] = {}
        for row in await self._all(stop):
            told.setdefault(row.release, set()).update(json.loads(row.section_types))
        return told

    async def status(self, release: str) -> ReleaseStatus | None:
        """What became of one."""
        row = await self._one(
            sa.select(t.release, t.handover.c.state, t.handover.c.version)
            .join(t.handover, t.handover.c.id == t.release.c.handover)
            .where(t.release.c.id == release)
        )
        if row is None:
            return None
        sections = await self._all(
            sa.select(t.section.c.type, t.section.c.version)
            .join(t.release_section, t.release_section.c.section == t.section.c.id)
            .where(t.release_section.c.release == release)
            .order_by(t.section.c.position)
        )
        version = max(section.version for section in sections)
        told = await self._told([release])
        return ReleaseStatus(
            id=row.id,
            handover=HandoverId(row.handover),
            organisation=Oin(row.organisation),
            role=row.role,
            at=row.created_at,
            version=version,
            types=tuple(dict.fromkeys(section.type for section in sections)),
            corrected=row.version > version,
            withdrawn=row.state == HandoverState.WITHDRAWN.value,
            erased=row.state in (HandoverState.EXPIRED.value, HandoverState.ERASED.value),
            stop_using=tuple(sorted(told.get(release, ()))),
            acknowledged=row.acknowledged_at is not None,
        )


def _received(row: Any) -> Received:
    return Received(row.id, HandoverId(row.handover), Oin(row.organisation), row.role)
