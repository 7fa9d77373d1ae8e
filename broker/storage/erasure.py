"""Erasing rows: a handover's contents and all that is known of a person. What must stay as proof is not touched here.

Of a handover a tombstone stays, of a person an id; log lines, releases and signed records refer to them by it alone.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.calendar import local_day
from broker.domain.erasure import Contents, Noted, Trace
from broker.domain.handovers import ENDED, HandoverId, HandoverState
from broker.domain.parties import Oin, PersonId
from broker.domain.reactions import ReactionKind
from broker.storage import tables as t
from broker.storage.folding import Folds
from broker.storage.handover_rows import basis_place
from broker.storage.long_watch import LongWatches
from broker.storage.openings import how_many
from broker.storage.reactions import Reactions
from broker.storage.rows import Store
from broker.storage.sign_offs import SignOffs
from broker.storage.tasks import Tasks

PAGE = 200
_OVER = (t.handover_supporter.c.supporter, t.handover_supporter.c.person)
GONE = "erased"
"""What stands where the keyed fingerprint of a body was: with the key it could confirm a guess of the text."""


class Erasure(Store):
    """See `ErasureStore`."""

    async def due(self, today: date, after: str, limit: int) -> Sequence[Contents]:
        """Ended with contents, or past the last day: each found by an index of its own."""
        wanted = _contents().where(t.handover.c.id.in_(over_on(today)), t.handover.c.id > after)
        return [_read(row) for row in await self._all(wanted.order_by(t.handover.c.id).limit(limit))]

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
        row = await self._one(sa.select(c.author).where(c.id == handover))
        blank = {"sender": "", "recipient": ""}
        sealed = self._seal_json(basis_place(handover, row.author if row else None), blank)
        await self._run(sa.update(t.handover).where(c.id == handover).values(basis_sealed=sealed))
        await self._run(sa.delete(t.handover_person).where(t.handover_person.c.handover == handover))
        versions = sa.update(t.handover_version).where(t.handover_version.c.handover == handover)
        await self._run(versions.values(fingerprint=GONE))
        await LongWatches(self._connection, self._means).end(handover)
        await self._close_doors(handover, now)
        await Reactions(self._connection, self._means).erase(handover, now)
        await SignOffs(self._connection, self._means).erase(handover)
        await Tasks(self._connection, self._means).erase(handover)
        await self._run(sa.delete(t.handover_complete).where(t.handover_complete.c.handover == handover))
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

    async def unsure(self, until: date, after: Noted | None, limit: int) -> Sequence[Noted]:
        """In the order of the index on the day that is noted: in that of ids, PostgreSQL may look through everybody."""
        return [Noted(row.needed_on, PersonId(row.id)) for row in await self._all(unsure_until(until, after, limit))]

    async def unneeded(self, persons: Collection[PersonId]) -> Sequence[Trace]:
        """In the order of ids."""
        wanted, found = sorted(persons), list[Trace]()
        for first in range(0, len(wanted), PAGE):
            found += await self._traces(wanted[first : first + PAGE])
        return found

    async def _traces(self, persons: Sequence[PersonId]) -> list[Trace]:
        tied = {row.who: row for row in await self._all(ties_of(persons))}
        free = [person for person in persons if person not in tied or not tied[person].kept]
        last = await self._last(free, {person: tied[person].at for person in free if person in tied})
        return [Trace(person, last.get(person, date.min)) for person in free]

    async def _last(self, persons: Sequence[PersonId], ended: Mapping[PersonId, datetime]) -> Mapping[PersonId, date]:
        """The last of: what had to do with them ended, something was stated, a line was logged."""
        if not persons:
            return {}
        tags = {self._subject_tag(person): person for person in persons}
        last = dict(ended)
        stated = _latest(t.person_claim.c.person, t.person_claim.c.stated_at, persons)
        i = t.log_subject_index.c
        logged = (
            sa.select(i.tag.label("who"), sa.func.max(t.log_entry.c.created_at).label("at"))
            .join(t.log_entry, t.log_entry.c.entry_id == i.entry_id)
            .where(i.tag.in_(list(tags)))
            .group_by(i.tag)
        )
        for statement in (stated, logged):
            for row in await self._all(statement):
                who = tags.get(row.who, PersonId(row.who))
                last[who] = max(row.at, last.get(who, row.at))
        return {person: local_day(at) for person, at in last.items()}

    async def needed(self, persons: Sequence[PersonId], today: date) -> None:
        """Only what stays known counts: a correction, or the end of a handover, takes away who is named in a body.

        Rows are changed in the order of ids, as everybody locks people.
        """
        tied = {row.who: row for row in await self._all(ties_of(persons, lasting=True))}
        ended = {PersonId(who): row.at for who, row in tied.items() if not row.kept}
        last = await self._last([one for one in persons if one not in tied or one in ended], ended)
        days = [
            {"one": person, "day": last.get(person, date.min) if person not in tied or person in ended else today}
            for person in sorted(persons)
        ]
        mine = sa.and_(t.person.c.id == sa.bindparam("one"), t.person.c.erased_at.is_(None))
        if days:
            await self._run(sa.update(t.person).where(mine).values(needed_on=sa.bindparam("day")), days)

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
        gone = sa.delete(t.log_opening).where(openings_under(tag)).returning(t.log_opening.c.field)
        openings = sum([how_many(row.field) for row in await self._connection.execute(gone)])
        for column in (
            t.person_claim.c.person,
            t.contact.c.person,
            t.person_tag.c.person,
            t.authority.c.over,
            t.authority.c.holder,
            t.signer_passkey.c.person,
            t.mute.c.person,
            t.long_watch_person.c.person,
            t.long_watch_stop.c.person,
            t.invitation.c.person,
            t.signer_receipt.c.signer,
            t.reaction.c.author,
            t.sign_off.c.signer,
            t.log_subject_index.c.tag,
        ):
            value = tag if column.table is t.log_subject_index else person
            await self._run(sa.delete(column.table).where(column == value))
        await Folds(self._connection, self._means).unfold(person)
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
        c = t.matter.c
        about = sa.or_(c.person == person, c.other == person)
        nobody = sa.and_(~_known(c.person), ~_known(c.other))
        await self._run(sa.delete(t.matter).where(about, nobody))
        await self._run(sa.update(t.matter).where(about).values(note_sealed=None))


def _known(person: sa.ColumnElement[Any]) -> sa.Exists:
    p = t.person.c
    return sa.exists().where(p.id == person, p.erased_at.is_(None))


def openings_under(tag: str) -> sa.ColumnElement[bool]:
    """Found by the index of whom an entry is about, which has everybody of whom it holds something."""
    i = t.log_subject_index.c
    return sa.and_(t.log_opening.c.tag == tag, t.log_opening.c.entry_id.in_(sa.select(i.entry_id).where(i.tag == tag)))


def _contents() -> sa.Select[Any]:
    c = t.handover.c
    return sa.select(c.id, c.version, c.sender, c.subject, c.purpose, c.state, c.retain_until, c.author)


def _read(row: Any) -> Contents:
    return Contents(
        HandoverId(row.id),
        row.version,
        Oin(row.sender),
        PersonId(row.subject),
        row.purpose,
        HandoverState(row.state),
        row.retain_until,
        PersonId(row.author) if row.author else None,
    )


def over_on(today: date) -> sa.Select[Any]:
    """Ids of handovers whose contents should not be there on that day."""
    c = t.handover.c
    past = sa.select(c.id).where(c.erased_at.is_(None), c.retain_until < today)
    ended = sa.select(c.id).where(c.erased_at.is_(None), c.state.in_([state.value for state in ENDED]))
    both = sa.union(past, ended).subquery()
    return sa.select(both.c.id)


def unsure_until(until: date, after: Noted | None, limit: int) -> sa.Select[Any]:
    """People who are not known to have been needed after that day, those first who were not looked at for longest."""
    c = t.person.c
    wanted = sa.select(c.id, c.needed_on).where(c.erased_at.is_(None), c.needed_on <= until)
    if after is not None:
        place = sa.tuple_(sa.literal(after.day, c.needed_on.type), sa.literal(after.person, c.id.type))
        wanted = wanted.where(sa.tuple_(c.needed_on, c.id) > place)
    return wanted.order_by(c.needed_on, c.id).limit(limit)


def ties_of(persons: Sequence[PersonId], *, lasting: bool = False) -> sa.Select[Any]:
    """Whoever of these has something to do with a handover, in whatever way: is one kept, and when did the last end.

    With `lasting`, only in the ways that stay known as long as the people do.
    """
    h, part, body = t.handover.c, t.section_person.c, t.handover_person.c
    holder, over, wanted = t.authority.c.holder, t.authority.c.over, list(persons)
    sections = t.section_person.join(t.section, t.section.c.id == part.section)
    stay = [
        sa.select(h.subject.label("who"), h.id.label("handover")).where(h.subject.in_(wanted)),
        sa.select(h.author, h.id).where(h.author.in_(wanted)),
        sa.select(part.person, t.section.c.handover).select_from(sections).where(part.person.in_(wanted)),
        sa.select(holder, h.id).join(t.handover, h.subject == over).where(holder.in_(wanted)),
        sa.select(holder, t.section.c.handover)
        .select_from(sections.join(t.authority, part.person == over))
        .where(holder.in_(wanted)),
    ]
    go = [sa.select(column, column.table.c.handover).where(column.in_(wanted)) for column in (body.person, *_OVER)]
    every = sa.union_all(*stay, *(() if lasting else go)).subquery()
    kept = sa.func.max(sa.case((h.erased_at.is_(None), 1), else_=0))
    found = sa.select(every.c.who, kept.label("kept"), sa.func.max(h.erased_at).label("at"))
    return found.join(t.handover, h.id == every.c.handover).group_by(every.c.who)


def _latest(who: Any, at: Any, persons: Sequence[PersonId]) -> sa.Select[Any]:
    return sa.select(who.label("who"), sa.func.max(at).label("at")).where(who.in_(list(persons))).group_by(who)
