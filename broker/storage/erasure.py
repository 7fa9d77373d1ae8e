"""Erasing rows: a handover's contents and all that is known of a person. What must stay as proof is not touched here.

Of a handover a tombstone stays, of a person an id; log lines, releases and signed records refer to them by it alone.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.calendar import local_day
from broker.domain.erasure import Contents, Trace
from broker.domain.handovers import ENDED, HandoverId, HandoverState
from broker.domain.parties import Oin, PersonId
from broker.domain.reactions import ReactionKind
from broker.storage import tables as t
from broker.storage.folding import Folds
from broker.storage.reactions import Reactions
from broker.storage.rows import Store

PAGE = 200
_KEPT = sa.select(t.handover.c.id).where(t.handover.c.erased_at.is_(None))
_OVER = (t.handover_supporter.c.supporter, t.handover_supporter.c.person)
GONE = "erased"
"""What stands where the keyed fingerprint of a body was: with the key it could confirm a guess of the text."""


class Erasure(Store):
    """See `ErasureStore`."""

    async def due(self, today: date, after: str, limit: int) -> Sequence[Contents]:
        """Ended with contents, or past the last day."""
        c = t.handover.c
        over = sa.or_(c.retain_until < today, c.state.in_([state.value for state in ENDED]))
        wanted = _contents().where(c.erased_at.is_(None), over, c.id > after).order_by(c.id).limit(limit)
        return [_read(row) for row in await self._all(wanted)]

    async def contents(self, handover: str) -> Contents | None:
        """Locked, after its doors; read again after whoever held it before."""
        c, door = t.handover.c, t.invitation.c
        doors = door.handover == handover
        await self._lock_doors(t.visit.c.invitation.in_(sa.select(door.id).where(doors)), doors)
        row = await self._one(_contents().where(c.id == handover, c.erased_at.is_(None)).with_for_update())
        return _read(row) if row else None

    async def empty(self, handover: HandoverId, now: datetime) -> None:
        """Everything but the sections, which the handovers' own store destroys."""
        c = t.handover.c
        blank = {"sender": "", "recipient": ""}
        sealed = self._seal_json(f"handover:{handover}:basis", blank)
        await self._run(sa.update(t.handover).where(c.id == handover).values(basis_sealed=sealed))
        await self._run(sa.delete(t.handover_person).where(t.handover_person.c.handover == handover))
        versions = sa.update(t.handover_version).where(t.handover_version.c.handover == handover)
        await self._run(versions.values(fingerprint=GONE))
        await self._close_doors(handover, now)
        await Reactions(self._connection, self._means).erase(handover, now)
        await self._run(sa.delete(t.outbox).where(t.outbox.c.handover == handover))
        await self._run(sa.delete(t.retry).where(t.retry.c.handover == handover))

    async def _close_doors(self, handover: HandoverId, now: datetime) -> None:
        """Open invitations go, with every visit by one. Who asked to erase keeps a way in, to see that it was done.

        An invitation that was answered asks nothing any more: it stays a way in to see and stop what was said.
        """
        c = t.invitation.c
        still_open = sa.and_(c.handover == handover, c.answered_at.is_(None))
        doors = sa.select(c.id).where(still_open)
        await self._run(sa.delete(t.visit).where(t.visit.c.kind == "family", t.visit.c.invitation.in_(doors)))
        r = t.reaction.c
        asked = sa.select(r.author).where(r.handover == handover, r.kind == ReactionKind.ERASURE_REQUEST.value)
        await self._run(sa.update(t.invitation).where(still_open, c.person.in_(asked)).values(answered_at=now))
        await self._run(sa.delete(t.invitation).where(still_open))

    async def unneeded(self, persons: Collection[PersonId] | None = None) -> Sequence[Trace]:
        """Page by page, in the order of ids."""
        c = t.person.c
        wanted = sa.select(c.id).where(c.erased_at.is_(None), c.id.not_in(_involved(_KEPT)))
        if persons is not None:
            wanted = wanted.where(c.id.in_(tuple(persons)))
        found: list[Trace] = []
        ids = [PersonId(row.id) for row in await self._all(wanted.order_by(c.id))]
        for first in range(0, len(ids), PAGE):
            found += await self._traces(ids[first : first + PAGE])
        return found

    async def _traces(self, persons: Sequence[PersonId]) -> list[Trace]:
        tags = {self._subject_tag(person): person for person in persons}
        last: dict[str, datetime] = {}
        ended = _had_to_do_with(persons)
        stated = _latest(t.person_claim.c.person, t.person_claim.c.stated_at, persons)
        i = t.log_subject_index.c
        logged = (
            sa.select(i.tag.label("who"), sa.func.max(t.log_entry.c.created_at).label("at"))
            .join(t.log_entry, t.log_entry.c.entry_id == i.entry_id)
            .where(i.tag.in_(list(tags)))
            .group_by(i.tag)
        )
        for statement in (ended, stated, logged):
            for row in await self._all(statement):
                who = tags.get(row.who, row.who)
                last[who] = max(row.at, last.get(who, row.at))
        return [Trace(person, local_day(last[person]) if person in last else date.min) for person in persons]

    def _subject_tag(self, owner: str) -> str:
        return self._means.tags.tag("log-subject", owner)

    async def held_by(self, persons: Collection[PersonId]) -> Sequence[tuple[PersonId, PersonId]]:
        """Each once."""
        c = t.authority.c
        rows = await self._all(sa.select(c.holder, c.over).where(c.holder.in_(tuple(persons))).distinct())
        return [(PersonId(row.holder), PersonId(row.over)) for row in rows]

    async def lock(self, persons: Collection[PersonId]) -> None:
        """Row locks in the order of ids, doors first; on SQLite the writer's lock does it."""
        wanted = tuple(persons)
        await self._lock_doors(t.visit.c.owner.in_(wanted), t.invitation.c.person.in_(wanted))
        c = t.person.c
        await self._all(sa.select(c.id).where(c.id.in_(tuple(persons))).order_by(c.id).with_for_update())

    async def _lock_doors(self, visits: sa.ColumnElement[bool], invitations: sa.ColumnElement[bool]) -> None:
        """Visits, then invitations, then the rest: in that order whoever answers locks them, so nobody waits crosswise."""
        for table, which in ((t.visit, visits), (t.invitation, invitations)):
            await self._all(sa.select(table.c.id).where(which).order_by(table.c.id).with_for_update())

    async def forget(self, person: PersonId, now: datetime) -> int:
        """Rows that only speak of them are deleted; the row of the person itself becomes an id."""
        tag = self._subject_tag(person)
        await self._run(sa.delete(t.visit).where(t.visit.c.kind == "family", t.visit.c.owner == person))
        for column in (
            t.person_claim.c.person,
            t.contact.c.person,
            t.person_tag.c.person,
            t.authority.c.over,
            t.authority.c.holder,
            t.signer_passkey.c.person,
            t.mute.c.person,
            t.invitation.c.person,
            t.signer_receipt.c.signer,
            t.reaction.c.author,
            t.log_subject_index.c.tag,
        ):
            value = tag if column.table is t.log_subject_index else person
            await self._run(sa.delete(column.table).where(column == value))
        await Folds(self._connection, self._means).unfold(person)
        openings = await self._run(sa.delete(t.log_opening).where(t.log_opening.c.tag == tag))
        await self._run(sa.delete(t.log_subject_key).where(t.log_subject_key.c.tag == tag))
        await self._run(sa.update(t.person).where(t.person.c.id == person).values(facts_tag=None, erased_at=now))
        await self._settle_doubts(person)
        await self._off_the_review(person)
        return openings

    async def _off_the_review(self, person: PersonId) -> None:
        """An item stays as long as its lines do, without a tag of theirs and without what was noted about it."""
        tag, line, off = self._means.tags.tag("review-about", person), t.review_line.c, t.review_sign_off.c
        mine = sa.select(line.key, line.part).where(line.person == tag)
        noted = sa.update(t.review_sign_off).where(sa.tuple_(off.key, off.part).in_(mine))
        await self._run(noted.values(note_sealed=None))
        await self._run(sa.update(t.review_line).where(line.person == tag).values(person=None))
        await self._run(sa.delete(t.review_known).where(t.review_known.c.about == tag))

    async def _settle_doubts(self, person: PersonId) -> None:
        """A doubt stays, without its note, as long as it is about somebody else who is known."""
        c, known = t.matter.c, sa.select(t.person.c.id).where(t.person.c.erased_at.is_(None))
        about = sa.or_(c.person == person, c.other == person)
        nobody = sa.and_(c.person.not_in(known), sa.or_(c.other.is_(None), c.other.not_in(known)))
        await self._run(sa.delete(t.matter).where(about, nobody))
        await self._run(sa.update(t.matter).where(about).values(note_sealed=None))


def _contents() -> sa.Select[Any]:
    c = t.handover.c
    return sa.select(c.id, c.version, c.sender, c.subject, c.purpose, c.state, c.retain_until)


def _read(row: Any) -> Contents:
    return Contents(
        HandoverId(row.id),
        row.version,
        Oin(row.sender),
        PersonId(row.subject),
        row.purpose,
        HandoverState(row.state),
        row.retain_until,
    )


def _ties(handovers: sa.Select[Any]) -> list[sa.Select[Any]]:
    """(who, handover) of everybody who has something to do with these, in whatever way."""
    h, part = t.handover.c, t.section_person.c
    subjects = sa.select(h.subject.label("who"), h.id.label("handover")).where(h.id.in_(handovers))
    sections = (
        sa.select(part.person.label("who"), t.section.c.handover.label("handover"))
        .join(t.section, t.section.c.id == part.section)
        .where(t.section.c.handover.in_(handovers))
    )
    spoken_of = sa.union(subjects, sections).subquery()
    signers = sa.select(t.authority.c.holder.label("who"), spoken_of.c.handover.label("handover")).join(
        spoken_of, spoken_of.c.who == t.authority.c.over
    )
    body, support = t.handover_person.c, t.handover_supporter.c
    named = sa.select(body.person.label("who"), body.handover).where(body.handover.in_(handovers))
    supporters = [
        sa.select(column.label("who"), support.handover).where(support.handover.in_(handovers)) for column in _OVER
    ]
    return [subjects, sections, signers, named, *supporters]


def _involved(handovers: sa.Select[Any]) -> sa.Select[Any]:
    every = sa.union(*_ties(handovers)).subquery()
    return sa.select(every.c.who)


def _had_to_do_with(persons: Sequence[PersonId]) -> sa.Select[Any]:
    """When the last handover that had to do with each of these ended."""
    ended = sa.select(t.handover.c.id).where(t.handover.c.erased_at.is_not(None))
    every = sa.union(*_ties(ended)).subquery()
    joined = sa.select(every.c.who, sa.func.max(t.handover.c.erased_at).label("at"))
    joined = joined.join(t.handover, t.handover.c.id == every.c.handover)
    return joined.where(every.c.who.in_(list(persons))).group_by(every.c.who)


def _latest(who: Any, at: Any, persons: Sequence[PersonId]) -> sa.Select[Any]:
    return sa.select(who.label("who"), sa.func.max(at).label("at")).where(who.in_(list(persons))).group_by(who)
