"""Consent records, notices, invitations and the signers' receipts.

A record leaves this module only through its signature: what was edited in the database does not come back.
"""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Any, cast

import sqlalchemy as sa

from broker.domain.consents import ConsentRecord
from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import Invitation
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store

_SIGNED = ("id", "serial", "signer", "person", "sender", "purpose", "handover", "notice")
"""The columns that repeat what a statement says, so that it can be found; they are believed only when they agree."""
_repeated = attrgetter(*_SIGNED)


def _signed(record: ConsentRecord) -> tuple[str | int, ...]:
    scope = record.scope
    return (
        record.id,
        record.serial,
        record.signer,
        scope.person,
        scope.sender,
        scope.purpose,
        record.handover,
        record.notice.digest,
    )


class Consents(Store):
    """See `ConsentStore`."""

    async def add(self, record: ConsentRecord, statement: str) -> None:
        """Keep one. A serial that this signer used before is a Conflict."""
        columns = dict(zip(_SIGNED, _signed(record), strict=True))
        await self._run(sa.insert(t.consent_record).values(**columns, statement=statement))

    async def about(self, persons: Iterable[PersonId], sender: Oin, purpose: str) -> tuple[ConsentRecord, ...]:
        """Every record about these persons, this sender and purpose, verified."""
        c = t.consent_record.c
        return await self._records(sa.and_(c.person.in_(tuple(persons)), c.sender == sender, c.purpose == purpose))

    async def said_by(self, signer: PersonId, sender: Oin) -> tuple[ConsentRecord, ...]:
        """Everything this signer said to this sender, verified, in order. Raises Tampered when one is missing."""
        c = t.consent_record.c
        records = await self._records(sa.and_(c.signer == signer, c.sender == sender))
        if [record.serial for record in records] != list(range(1, len(records) + 1)):
            raise Tampered
        return records

    async def by_signer(self, signer: PersonId) -> tuple[ConsentRecord, ...]:
        """Everything this signer said to anybody, verified."""
        return await self._records(t.consent_record.c.signer == signer)

    async def _records(self, wanted: sa.ColumnElement[bool]) -> tuple[ConsentRecord, ...]:
        c = t.consent_record.c
        rows = await self._all(sa.select(t.consent_record).where(wanted).order_by(c.signer, c.serial))
        return tuple(self._read(row) for row in rows)

    def _read(self, row: Any) -> ConsentRecord:
        record = self._means.notary.read(row.statement)
        if _repeated(row) != _signed(record):  # a genuine statement in another's row
            raise Tampered
        return record

    async def keep_notice(self, digest: str, language: str, text: str, now: datetime) -> None:
        """Keep the exact text of a notice, once."""
        sealed = self._seal(f"notice:{digest}", text)
        values = {"digest": digest, "language": language, "text_sealed": sealed, "created_at": now}
        await self._insert_once(t.notice, values)

    async def notice(self, digest: str) -> str | None:
        """The text."""
        row = await self._one(sa.select(t.notice.c.text_sealed).where(t.notice.c.digest == digest))
        return self._unseal(f"notice:{digest}", row.text_sealed) if row else None


class Invitations(Store):
    """See `InvitationStore`."""

    async def add(self, invitation: Invitation, code: str, now: datetime) -> None:
        """Keep a new one."""
        values = {
            "id": invitation.id,
            "handover": invitation.handover,
            "person": invitation.person,
            "code_tag": self._means.tags.code_tag("invitation", code),
            "created_at": now,
            "answer_until": invitation.answer_until,
            "answered_at": None,
        }
        await self._run(sa.insert(t.invitation).values(values))

    async def by_code(self, code: str) -> Invitation | None:
        """The one with that code."""
        tag = self._means.tags.code_tag("invitation", code)
        return await self._find(t.invitation.c.code_tag == tag, lock=False)

    async def get(self, invitation: str, *, lock: bool = False) -> Invitation | None:
        """By id; with `lock`, nobody else changes it until the commit."""
        return await self._find(t.invitation.c.id == invitation, lock=lock)

    async def _find(self, wanted: sa.ColumnElement[bool], *, lock: bool) -> Invitation | None:
        joined = sa.select(t.invitation, t.handover.c.sender).join(
            t.handover, t.handover.c.id == t.invitation.c.handover
        )
        statement = joined.where(wanted)
        row = await self._one(statement.with_for_update(of=t.invitation) if lock else statement)
        if row is None:
            return None
        return Invitation(
            row.id,
            HandoverId(row.handover),
            Oin(row.sender),
            PersonId(row.person),
            row.answer_until,
            row.answered_at is not None,
        )

    async def use_up(self, invitation: str, now: datetime) -> None:
        """It was answered."""
        await self._run(sa.update(t.invitation).where(t.invitation.c.id == invitation).values(answered_at=now))

    async def open_for(self, handover: HandoverId, now: datetime) -> frozenset[PersonId]:
        """Who was asked and can still answer."""
        c = t.invitation.c
        still_open = sa.and_(c.handover == handover, c.answered_at.is_(None), c.answer_until > now)
        rows = await self._all(sa.select(c.person).where(still_open).distinct())
        return frozenset(PersonId(row.person) for row in rows)

    async def first_asked(self, handover: HandoverId) -> datetime | None:
        """By the index on the handover."""
        c = t.invitation.c
        row = await self._one(sa.select(sa.func.min(c.created_at).label("first")).where(c.handover == handover))
        return cast(datetime | None, row.first)

    async def open_count(self, now: datetime, party: str = "") -> int:
        """Found by the index on what was not answered; with `party`, of handovers that this sender pushed."""
        c, h = t.invitation.c, t.handover.c
        wanted = sa.select(sa.func.count()).select_from(t.invitation)
        if party:
            wanted = wanted.join(t.handover, h.id == c.handover).where(h.sender == party, h.author.is_(None))
        return int((await self._one(wanted.where(c.answered_at.is_(None), c.answer_until > now)))[0])


class Mutes(Store):
    """See `MuteStore`."""

    async def among(self, persons: Iterable[PersonId], sender: Oin) -> frozenset[PersonId]:
        """Which of them want none."""
        c = t.mute.c
        rows = await self._all(sa.select(c.person).where(c.person.in_(tuple(persons)), c.sender == sender))
        return frozenset(PersonId(row.person) for row in rows)

    async def change(self, person: PersonId, sender: Oin, now: datetime, *, muted: bool) -> bool:
        """Set it; False when it was so already."""
        if muted:
            return await self._insert_once(t.mute, {"person": person, "sender": sender, "created_at": now})
        c = t.mute.c
        return await self._run(sa.delete(t.mute).where(c.person == person, c.sender == sender)) > 0


class Receipts(Store):
    """See `ReceiptStore`."""

    async def add(self, receipt: str, signer: PersonId, sender: Oin, statement: str, now: datetime) -> None:
        """Keep one."""
        values = {
            "id": receipt,
            "signer": signer,
            "sender": sender,
            "statement_sealed": self._seal(f"receipt:{receipt}", statement),
            "created_at": now,
        }
        await self._run(sa.insert(t.signer_receipt).values(values))

    async def get(self, receipt: str, signer: PersonId, sender: Oin) -> str | None:
        """The statement, if it is this signer's."""
        c = t.signer_receipt.c
        row = await self._one(
            sa.select(c.statement_sealed).where(c.id == receipt, c.signer == signer, c.sender == sender)
        )
        return self._unseal(f"receipt:{receipt}", row.statement_sealed) if row else None

    async def made_at(self, receipt: str, signer: PersonId, sender: Oin) -> datetime | None:
        """When it was made, if it is this signer's."""
        c = t.signer_receipt.c
        row = await self._one(sa.select(c.created_at).where(c.id == receipt, c.signer == signer, c.sender == sender))
        return row.created_at if row else None
