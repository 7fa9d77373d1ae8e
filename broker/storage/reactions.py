"""What families wrote: sealed, and bound to handover, section type, author and version, so that it opens nowhere else.

The sender's answer is bound to the state that it led to: a request does not become `corrected` by an edit of the row.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, PersonId
from broker.domain.reactions import BEGINS, Reaction, ReactionId, ReactionKind, ReactionState
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store


class Reactions(Store):
    """See `ReactionStore`."""

    async def add(self, reaction: Reaction) -> None:
        """Keep a new one."""
        values = {
            "id": reaction.id,
            "handover": reaction.handover,
            "section_type": reaction.section_type,
            "persons": json.dumps(sorted(reaction.persons)),
            "author": reaction.author,
            "capacity": reaction.capacity,
            "kind": reaction.kind.value,
            "version": reaction.version,
            "text_sealed": self._seal(_context(reaction), reaction.text),
            "state": reaction.state.value,
            "created_at": reaction.at,
        }
        await self._run(sa.insert(t.reaction).values(values))

    async def of_handover(self, handover: HandoverId) -> tuple[Reaction, ...]:
        """Everything that was written about a handover."""
        return await self._read(sa.select(t.reaction).where(t.reaction.c.handover == handover))

    async def by_author(self, author: PersonId, sender: Oin) -> tuple[Reaction, ...]:
        """Everything that one person wrote about what this sender wrote."""
        written = sa.select(t.reaction).join(t.handover, t.handover.c.id == t.reaction.c.handover)
        return await self._read(written.where(t.reaction.c.author == author, t.handover.c.sender == sender))

    async def get(self, reaction: str, *, lock: bool = False) -> Reaction | None:
        """By id; with `lock`, nobody else changes it until the commit."""
        statement = sa.select(t.reaction).where(t.reaction.c.id == reaction)
        found = await self._read(statement.with_for_update() if lock else statement)
        return found[0] if found else None

    async def _read(self, statement: sa.Select[Any]) -> tuple[Reaction, ...]:
        return self.opened(await self._all(statement.order_by(t.reaction.c.id)))

    def opened(self, rows: Iterable[Any]) -> tuple[Reaction, ...]:
        """These rows in words. Raises Tampered."""
        return tuple(map(self._opened, rows))

    def _opened(self, row: Any) -> Reaction:
        found = _header(row)
        answered = row.answer_sealed is not None
        if answered is (found.state is BEGINS[found.kind]):  # a state that no answer led to
            raise Tampered
        answer = self._unseal(_answer_context(found, found.state), row.answer_sealed) if answered else None
        return replace(found, text=self._unseal(_context(found), row.text_sealed), answer=answer)

    async def answer(self, reaction: Reaction, state: ReactionState, explanation: str, now: datetime) -> None:
        """Keep the sender's answer."""
        sealed = self._seal(_answer_context(reaction, state), explanation)
        values = {"state": state.value, "answer_sealed": sealed, "answered_at": now}
        await self._run(sa.update(t.reaction).where(t.reaction.c.id == reaction.id).values(values))

    async def erase(self, handover: HandoverId, now: datetime) -> None:
        """Nothing that was written about a handover stays; a request to erase it that was met stays, without its words.

        A request that was open is met now: what it asked for happened, whatever the reason.
        """
        c = t.reaction.c
        for row in await self._all(sa.select(t.reaction).where(c.handover == handover).with_for_update()):
            values = self._met(row, now)
            this = c.id == row.id
            statement = (
                sa.update(t.reaction).where(this).values(values) if values else sa.delete(t.reaction).where(this)
            )
            await self._run(statement)

    def _met(self, row: Any, now: datetime) -> dict[str, Any] | None:
        """What stays of one reaction; None when nothing does."""
        kept = (ReactionState.OPEN.value, ReactionState.ERASED.value)
        if row.kind != ReactionKind.ERASURE_REQUEST.value or row.state not in kept:
            return None
        try:
            found = _header(row)
        except Tampered:
            return None
        values: dict[str, Any] = {"text_sealed": self._seal(_context(found), "")}
        if row.state == ReactionState.OPEN.value:
            answer = self._seal(_answer_context(found, ReactionState.ERASED), "")
            values |= {"state": ReactionState.ERASED.value, "answer_sealed": answer, "answered_at": now}
        return values

    async def concerning(self, signer: PersonId, sender: Oin) -> Sequence[tuple[HandoverId, datetime]]:
        """This sender's handovers that may concern the person or somebody under their authority, newest first."""
        who = t.section_person.c
        theirs = sa.select(t.authority.c.over).where(t.authority.c.holder == signer)
        about = (
            sa.select(t.section.c.handover)
            .join(t.section_person, who.section == t.section.c.id)
            .where(who.concerned, sa.or_(who.person == signer, who.person.in_(theirs)))
        )
        c = t.handover.c
        found = sa.select(c.id, c.created_at).where(c.sender == sender, c.id.in_(about)).order_by(c.id.desc())
        return [(HandoverId(row.id), row.created_at) for row in await self._all(found)]


def _header(row: Any) -> Reaction:
    """A row without its words. Raises Tampered for what was never written."""
    try:
        return Reaction(
            id=ReactionId(row.id),
            handover=HandoverId(row.handover),
            section_type=row.section_type,
            persons=frozenset(map(PersonId, json.loads(row.persons))),
            author=PersonId(row.author),
            capacity=row.capacity,
            kind=ReactionKind(row.kind),
            version=row.version,
            text="",
            at=row.created_at,
            state=ReactionState(row.state),
            answered_at=row.answered_at,
        )
    except (ValueError, TypeError):
        raise Tampered from None


def _context(reaction: Reaction) -> str:
    """The place of one reaction: all that is told of it beside its words."""
    place = (
        reaction.id,
        reaction.handover,
        reaction.section_type,
        sorted(reaction.persons),
        reaction.author,
        reaction.capacity,
        reaction.kind.value,
        reaction.version,
        reaction.at.astimezone(UTC).isoformat(),
    )
    return f"reaction:{json.dumps(place)}"


def _answer_context(reaction: Reaction, state: ReactionState) -> str:
    return f"{_context(reaction)}:{state.value}"
