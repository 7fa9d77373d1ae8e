"""Handovers and their sections: headers in clear words of the agreement, texts as ciphertext only."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.handovers import ENDED, Handover, HandoverId, HandoverState, LegalBasis, Section, SectionId, Support
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.ports import SealedSection
from broker.domain.reminders import Running
from broker.domain.stores import Lock, Pushed
from broker.domain.urgency import Urgency
from broker.storage import tables as t
from broker.storage.arrivals import of_version
from broker.storage.handover_rows import (
    SectionHeader,
    basis_place,
    boxes_of,
    kept_meeting,
    meeting_of,
    recipients_of,
    sections_of,
    supporters_of,
)
from broker.storage.rows import Store

WRITTEN = 30
"""Plans of one person that are read at a time: all that are kept, which are few, and the newest of those that ended."""


class Handovers(Store):
    """See `HandoverStore` and `HandoverLists`."""

    async def add(self, pushed: Pushed, now: datetime) -> None:
        """Keep a new one."""
        h = pushed.handover
        values = {
            "id": h.id,
            "sender": h.sender,
            "reference_tag": self._means.tags.tag("handover", h.sender, pushed.reference),
            "kind": h.kind,
            "purpose": h.purpose,
            "subject": h.subject,
            "state": h.state.value,
            "created_at": now,
            "author": h.author,
            "urgent_hours": h.urgency.hours if h.urgency else None,
            "urgent_until": h.urgency.until if h.urgency else None,
            **self._may_change(h),
        }
        await self._run(sa.insert(t.handover).values(values))
        await self._add_version(pushed, now)

    async def replace(self, pushed: Pushed, now: datetime) -> None:
        """Put a new version in the place of the one in force, whose data keys and ciphertext are destroyed."""
        h = pushed.handover
        await self._run(sa.update(t.handover).where(t.handover.c.id == h.id).values(self._may_change(h)))
        for table in (t.handover_recipient, t.handover_person, t.handover_supporter):
            await self._run(sa.delete(table).where(table.c.handover == h.id))
        await self._destroy(h.id)
        await self._add_version(pushed, now)

    def _may_change(self, h: Handover) -> dict[str, Any]:
        """What a correction may change of the header."""
        basis = {"sender": h.legal_basis.sender, "recipient": h.legal_basis.recipient, **kept_meeting(h.meeting)}
        return {
            "version": h.version,
            "language": h.language,
            "basis_sealed": self._seal_json(basis_place(h.id, h.author), basis),
            "discussed_with_family": h.discussed_with_family,
            "consent_until": h.consent_until,
            "retain_until": h.retain_until,
        }

    async def _add_version(self, pushed: Pushed, now: datetime) -> None:
        h = pushed.handover
        version = {"handover": h.id, "version": h.version, "fingerprint": pushed.fingerprint, "created_at": now}
        await self._run(sa.insert(t.handover_version).values(version))
        if h.supporters:
            rows = [{"handover": h.id, "supporter": s.supporter, "person": s.person} for s in sorted(h.supporters)]
            await self._run(sa.insert(t.handover_supporter), rows)
        await self._run(
            sa.insert(t.handover_recipient),
            [{"handover": h.id, "organisation": r.organisation, "role": r.role} for r in h.recipients],
        )
        await self._run(
            sa.insert(t.handover_person),
            [
                {"handover": h.id, "person": person, "key_sealed": self._seal(f"handover:{h.id}:{person}", key)}
                for key, person in pushed.keys.items()
            ],
        )
        await self._add_sections(h, pushed.sealed)

    async def _add_sections(self, handover: Handover, sealed: Mapping[SectionId, SealedSection]) -> None:
        people = []
        for position, section in enumerate(handover.sections):
            box = sealed[section.id]
            values = {
                "id": section.id,
                "handover": handover.id,
                "version": handover.version,
                "position": position,
                "type": section.type,
                "media_type": section.media_type,
                "ciphertext": box.ciphertext,
                "wrapped_key": box.wrapped_key,
                "kid": box.kid,
                "mark": box.mark,
                "header_sealed": self._sealed_header(section),
            }
            await self._run(sa.insert(t.section).values(values))
            people += [
                {
                    "section": section.id,
                    "person": person,
                    "concerned": person in section.concerns,
                    "shielded": person in section.shielded_from,
                }
                for person in section.concerns | section.shielded_from
            ]
        await self._run(sa.insert(t.section_person), people)

    async def fill(self, handover: HandoverId, section: SectionId, box: SealedSection) -> None:
        """The section as it is now, and the state, in the caller's transaction."""
        sealed = {"ciphertext": box.ciphertext, "wrapped_key": box.wrapped_key, "kid": box.kid, "mark": box.mark}
        await self._run(sa.update(t.section).where(t.section.c.id == section).values(**sealed))
        active = sa.update(t.handover).where(t.handover.c.id == handover)
        await self._run(active.values(state=HandoverState.ACTIVE.value))

    async def get(self, handover: str, *, lock: Lock = "") -> Handover | None:
        """The current version's header. Locked `shared` it stays as it is until the commit, `exclusive` for others too.

        Who only names it in a row of theirs waits for neither (PostgreSQL, FOR NO KEY UPDATE): a family that stops
        something holds its people first, and who changes a handover holds them last.
        """
        statement = sa.select(t.handover).where(t.handover.c.id == handover)
        locked = statement.with_for_update(read=lock == "shared", key_share=lock == "exclusive")
        found = await self._load(locked if lock else statement)
        return found[0] if found else None

    async def by_reference(self, sender: Oin, reference: str) -> HandoverId | None:
        """What this sender pushed under its reference."""
        tag = self._means.tags.tag("handover", sender, reference)
        row = await self._one(sa.select(t.handover.c.id).where(t.handover.c.reference_tag == tag))
        return HandoverId(row.id) if row else None

    async def fingerprints(self, handover: HandoverId) -> Sequence[str]:
        """Of the body of each version, in order."""
        c = t.handover_version.c
        rows = await self._all(sa.select(c.fingerprint).where(c.handover == handover).order_by(c.version))
        return [row.fingerprint for row in rows]

    async def people(self, handover: HandoverId) -> Mapping[str, PersonId]:
        """Who is who: the keys of the body."""
        rows = await self._all(sa.select(t.handover_person).where(t.handover_person.c.handover == handover))
        return {self._unseal(f"handover:{handover}:{r.person}", r.key_sealed): PersonId(r.person) for r in rows}

    async def sealed(self, sections: Sequence[Section]) -> Mapping[SectionId, SealedSection]:
        """The ciphertext of these sections. Raises Tampered when one is not there."""
        rows = await self._all(
            sa.select(
                t.section.c.id, t.section.c.ciphertext, t.section.c.wrapped_key, t.section.c.kid, t.section.c.mark
            ).where(t.section.c.id.in_([section.id for section in sections]))
        )
        return boxes_of(rows, sections)

    async def sent(self, sender: Oin, before: str, limit: int) -> Sequence[Handover]:
        """What an organisation pushed, newest first, below the id `before`."""
        c = t.handover.c
        statement = sa.select(t.handover).where(c.sender == sender, c.author.is_(None))
        return await self._load(_page(statement, before, limit))

    async def written_by(self, author: PersonId, sender: Oin) -> Sequence[tuple[Handover, datetime]]:
        """By the index on the author."""
        c = t.handover.c
        mine = sa.select(t.handover).where(c.author == author, c.sender == sender)
        mine = mine.order_by(c.erased_at.is_(None).desc(), c.id.desc()).limit(WRITTEN)
        since = {row.id: row.created_at for row in await self._all(mine)}
        return [(handover, since[handover.id]) for handover in await self._load(mine)]

    async def addressed(
        self, recipient: Recipient | None, oin: Oin, before: str, limit: int, *, uncollected: bool = False
    ) -> Sequence[Handover]:
        """What is addressed to an organisation (in one role), has not ended, and was answered for somebody in it."""
        mine = sa.select(t.handover_recipient.c.handover).where(t.handover_recipient.c.organisation == oin)
        if recipient is not None:
            mine = mine.where(t.handover_recipient.c.role == recipient.role)
        if uncollected:
            mine = mine.where(~_collected())
        wanted = t.handover.c.id.in_(mine), t.handover.c.state.not_in([state.value for state in ENDED]), answered()
        return await self._load(_page(sa.select(t.handover).where(*wanted), before, limit))

    async def about(self, subject: PersonId, oin: Oin, role: str) -> Sequence[Handover]:
        """What is about one person, addressed to this role, and was answered for somebody in it."""
        mine = sa.select(t.handover_recipient.c.handover).where(
            t.handover_recipient.c.organisation == oin, t.handover_recipient.c.role == role
        )
        statement = sa.select(t.handover).where(t.handover.c.subject == subject, t.handover.c.id.in_(mine), answered())
        return await self._load(statement.order_by(t.handover.c.id.desc()))

    async def written(self, handovers: Collection[HandoverId]) -> Mapping[HandoverId, datetime]:
        """When the version in force of each came in."""
        h, c = t.handover.c, t.handover_version.c
        mine = sa.select(c.handover, c.created_at).join(t.handover, sa.and_(h.id == c.handover, h.version == c.version))
        rows = await self._all(mine.where(c.handover.in_(list(handovers))))
        return {HandoverId(row.handover): row.created_at for row in rows}

    async def running(self, today: date, after: Running | None, limit: int) -> Sequence[Running]:
        """By the index on state and last day, in its order: what no longer runs is not passed by."""
        rows = await self._all(running_on(today, after, limit))
        ids = [row.id for row in rows]
        recipients, sections = await self._recipients(ids), await self._sections(ids)
        return [
            Running(
                HandoverId(row.id),
                Oin(row.sender),
                row.purpose,
                row.consent_until,
                tuple(recipients.get(row.id, ())),
                tuple(sections.get(row.id, ())),
            )
            for row in rows
        ]

    async def withdraw(self, handover: HandoverId, state: HandoverState, now: datetime) -> None:
        """End it in that state and destroy its data keys and ciphertext."""
        ended = sa.update(t.handover).where(t.handover.c.id == handover)
        await self._run(ended.values(state=state.value, erased_at=now))
        await self._destroy(handover)

    async def _destroy(self, handover: HandoverId) -> None:
        gone = sa.update(t.section).where(t.section.c.handover == handover)
        await self._run(gone.values(ciphertext=None, wrapped_key=None, kid=None, mark=None, header_sealed=None))

    async def _load(self, statement: sa.Select[Any]) -> list[Handover]:
        rows = await self._all(statement)
        ids = [row.id for row in rows]
        recipients = await self._recipients(ids)
        sections = await self._sections(ids)
        supporters = await self._supporters(ids)
        return [
            self._handover(row, recipients.get(row.id, ()), sections.get(row.id, ()), supporters.get(row.id, ()))
            for row in rows
        ]

    def _handover(
        self, row: Any, recipients: Iterable[Recipient], sections: Iterable[Section], supporters: Iterable[Support]
    ) -> Handover:
        basis = self._unseal_json(basis_place(row.id, row.author), row.basis_sealed)
        return Handover(
            id=HandoverId(row.id),
            version=row.version,
            sender=Oin(row.sender),
            kind=row.kind,
            purpose=row.purpose,
            language=row.language,
            subject=PersonId(row.subject),
            recipients=tuple(recipients),
            sections=tuple(sections),
            legal_basis=LegalBasis(basis["sender"], basis["recipient"]),
            discussed_with_family=row.discussed_with_family,
            consent_until=row.consent_until,
            retain_until=row.retain_until,
            state=HandoverState(row.state),
            supporters=frozenset(supporters),
            author=PersonId(row.author) if row.author else None,
            meeting=meeting_of(basis.get("meeting")),
            urgency=Urgency(row.urgent_hours, row.urgent_until) if row.urgent_hours else None,
        )

    async def _recipients(self, ids: Sequence[str]) -> dict[str, list[Recipient]]:
        mine = sa.select(t.handover_recipient).where(t.handover_recipient.c.handover.in_(ids))
        return recipients_of(
            await self._all(mine.order_by(t.handover_recipient.c.organisation, t.handover_recipient.c.role))
        )

    async def _supporters(self, ids: Sequence[str]) -> dict[str, list[Support]]:
        c = t.handover_supporter.c
        return supporters_of(await self._all(sa.select(t.handover_supporter).where(c.handover.in_(ids))))

    async def _sections(self, ids: Sequence[str]) -> dict[str, list[Section]]:
        c = t.section.c
        current = sa.select(c.id, c.handover, c.position, c.type, c.media_type, c.header_sealed).join(
            t.handover, sa.and_(t.handover.c.id == c.handover, t.handover.c.version == c.version)
        )
        rows = await self._all(current.where(t.section.c.handover.in_(ids)).order_by(t.section.c.position))
        people = await self._all(
            sa.select(t.section_person).where(t.section_person.c.section.in_([row.id for row in rows]))
        )
        return sections_of(rows, people, self._header)

    def _sealed_header(self, section: Section) -> bytes | None:
        """What a section comes from and until when it holds, sealed together: no day is moved without its key."""
        if section.expires is None and section.assessed_on is None and not section.instrument:
            return None
        said = [section.instrument, *(day and day.isoformat() for day in (section.assessed_on, section.expires))]
        return self._seal_json(f"section:{section.id}:header", said)

    def _header(self, row: Any) -> SectionHeader:
        """The same again; an empty one for a section that has none. Raises Tampered."""
        if row.header_sealed is None:
            return SectionHeader()
        instrument, *days = self._unseal_json(f"section:{row.id}:header", row.header_sealed)
        return SectionHeader(instrument, *(day and date.fromisoformat(day) for day in days))


def running_on(today: date, after: Running | None, limit: int) -> sa.Select[Any]:
    """Headers of active handovers of which a consent may still run on that day; what ends first comes first."""
    c = t.handover.c
    on = sa.and_(c.state == HandoverState.ACTIVE.value, c.consent_until >= today, c.retain_until >= today)
    wanted = sa.select(c.id, c.sender, c.purpose, c.consent_until).where(on)
    if after is not None:
        wanted = wanted.where(sa.tuple_(c.consent_until, c.id) > sa.tuple_(after.consent_until, after.id))
    return wanted.order_by(c.consent_until, c.id).limit(limit)


def answered() -> sa.Exists:
    """A record about somebody whom a section concerns, of this sender and for this purpose: nothing opens without one."""
    h, s, p, c = t.handover.c, t.section.c, t.section_person.c, t.consent_record.c
    about = sa.and_(c.person == p.person, c.sender == h.sender, c.purpose == h.purpose)
    sections = t.section.join(t.section_person, p.section == s.id).join(t.consent_record, about)
    return sa.exists().select_from(sections).where(s.handover == h.id, p.concerned).correlate(t.handover)


def _collected() -> sa.ColumnElement[bool]:
    """Whether the version in force was released to a recipient."""
    to, release = t.handover_recipient.c, t.release.c
    whole = sa.select(t.handover.c.version).where(t.handover.c.id == to.handover).correlate(t.handover_recipient)
    return sa.exists().where(
        release.handover == to.handover,
        release.organisation == to.organisation,
        release.role == to.role,
        of_version(whole.scalar_subquery()),
    )


def _page(statement: sa.Select[Any], before: str, limit: int) -> sa.Select[Any]:
    if before:
        statement = statement.where(t.handover.c.id < before)
    return statement.order_by(t.handover.c.id.desc()).limit(limit)
