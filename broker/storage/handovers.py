"""Handovers and their sections: headers in clear words of the agreement, texts as ciphertext only."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.handovers import ENDED, Handover, HandoverId, HandoverState, LegalBasis, Section, SectionId, Support
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.ports import SealedSection
from broker.domain.reminders import Running
from broker.domain.stores import Lock, Pushed
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store


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
        basis = {"sender": h.legal_basis.sender, "recipient": h.legal_basis.recipient}
        return {
            "version": h.version,
            "language": h.language,
            "basis_sealed": self._seal_json(f"handover:{h.id}:basis", basis),
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
        found = {
            SectionId(r.id): SealedSection(r.ciphertext, r.wrapped_key, r.kid, r.mark)
            for r in rows
            if None not in (r.ciphertext, r.wrapped_key, r.kid, r.mark)
        }
        if len(found) != len(sections):
            raise Tampered
        return found

    async def sent(self, sender: Oin, before: str, limit: int) -> Sequence[Handover]:
        """What an organisation pushed, newest first, below the id `before`."""
        statement = sa.select(t.handover).where(t.handover.c.sender == sender)
        return await self._load(_page(statement, before, limit))

    async def addressed(self, recipient: Recipient | None, oin: Oin, before: str, limit: int) -> Sequence[Handover]:
        """What is addressed to an organisation (in one role), has not ended, and was answered for somebody in it."""
        mine = sa.select(t.handover_recipient.c.handover).where(t.handover_recipient.c.organisation == oin)
        if recipient is not None:
            mine = mine.where(t.handover_recipient.c.role == recipient.role)
        wanted = t.handover.c.id.in_(mine), t.handover.c.state.not_in([state.value for state in ENDED]), _answered()
        return await self._load(_page(sa.select(t.handover).where(*wanted), before, limit))

    async def about(self, subject: PersonId, oin: Oin, role: str) -> Sequence[Handover]:
        """What is about one person and addressed to this role."""
        mine = sa.select(t.handover_recipient.c.handover).where(
            t.handover_recipient.c.organisation == oin, t.handover_recipient.c.role == role
        )
        statement = sa.select(t.handover).where(t.handover.c.subject == subject, t.handover.c.id.in_(mine))
        return await self._load(statement.order_by(t.handover.c.id.desc()))

    async def running(self, today: date, after: str, limit: int) -> Sequence[Running]:
        """Active handovers of which a consent may still run on that day, oldest first, above the id `after`."""
        c = t.handover.c
        on = sa.and_(c.state == HandoverState.ACTIVE.value, c.consent_until >= today, c.retain_until >= today)
        rows = await self._all(
            sa.select(c.id, c.sender, c.purpose, c.consent_until).where(on, c.id > after).order_by(c.id).limit(limit)
        )
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
        await self._run(gone.values(ciphertext=None, wrapped_key=None, kid=None, mark=None))

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
        basis = self._unseal_json(f"handover:{row.id}:basis", row.basis_sealed)
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
        )

    async def _recipients(self, ids: Sequence[str]) -> dict[str, list[Recipient]]:
        found: dict[str, list[Recipient]] = {}
        statement = sa.select(t.handover_recipient).where(t.handover_recipient.c.handover.in_(ids))
        for row in await self._all(
            statement.order_by(t.handover_recipient.c.organisation, t.handover_recipient.c.role)
        ):
            found.setdefault(row.handover, []).append(Recipient(Oin(row.organisation), row.role))
        return found

    async def _supporters(self, ids: Sequence[str]) -> dict[str, list[Support]]:
        found: dict[str, list[Support]] = {}
        c = t.handover_supporter.c
        for row in await self._all(sa.select(t.handover_supporter).where(c.handover.in_(ids))):
            found.setdefault(row.handover, []).append(Support(PersonId(row.supporter), PersonId(row.person)))
        return found

    async def _sections(self, ids: Sequence[str]) -> dict[str, list[Section]]:
        current = sa.select(
            t.section.c.id, t.section.c.handover, t.section.c.position, t.section.c.type, t.section.c.media_type
        ).join(
            t.handover, sa.and_(t.handover.c.id == t.section.c.handover, t.handover.c.version == t.section.c.version)
        )
        rows = await self._all(current.where(t.section.c.handover.in_(ids)).order_by(t.section.c.position))
        people = await self._all(
            sa.select(t.section_person).where(t.section_person.c.section.in_([row.id for row in rows]))
        )
        concerns: dict[str, set[PersonId]] = {}
        shielded: dict[str, set[PersonId]] = {}
        for row in people:
            if row.concerned:
                concerns.setdefault(row.section, set()).add(PersonId(row.person))
            if row.shielded:
                shielded.setdefault(row.section, set()).add(PersonId(row.person))
        found: dict[str, list[Section]] = {}
        for row in rows:
            section = Section(
                SectionId(row.id),
                row.type,
                frozenset(concerns.get(row.id, ())),
                row.media_type,
                frozenset(shielded.get(row.id, ())),
            )
            found.setdefault(row.handover, []).append(section)
        return found


def _answered() -> sa.Exists:
    """A record about somebody whom a section concerns, of this sender and for this purpose: nothing opens without one."""
    h, s, p, c = t.handover.c, t.section.c, t.section_person.c, t.consent_record.c
    about = sa.and_(c.person == p.person, c.sender == h.sender, c.purpose == h.purpose)
    sections = t.section.join(t.section_person, p.section == s.id).join(t.consent_record, about)
    return sa.exists().select_from(sections).where(s.handover == h.id, p.concerned).correlate(t.handover)


def _page(statement: sa.Select[Any], before: str, limit: int) -> sa.Select[Any]:
    if before:
        statement = statement.where(t.handover.c.id < before)
    return statement.order_by(t.handover.c.id.desc()).limit(limit)
