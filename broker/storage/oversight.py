"""Privacy officers with their passkeys, and every agreement that was ever in force."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.officers import Acting, OfficerRole
from broker.domain.parties import OfficerId, Oin
from broker.domain.ports import Passkey
from broker.domain.stores import Approval, InForce, OfficerPasskey, OfficerRow, Proposal
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store


class Officers(Store):
    """See `OfficerStore`."""

    async def invite(
        self,
        officer: OfficerId,
        name: str,
        code: str,
        expires: datetime,
        now: datetime,
        *,
        role: OfficerRole = OfficerRole.OFFICER,
        organisation: Oin | None = None,
    ) -> None:
        """A new officer with a one-time invitation."""
        values = {
            "id": officer,
            "name_sealed": self._seal(f"officer:{officer}", name),
            "role": role.value,
            "organisation": organisation,
            "code_tag": self._means.tags.code_tag("officer", code),
            "invited_until": expires,
            "enrolled_at": None,
        }
        await self._run(sa.insert(t.officer).values(values))

    async def enter(self, code: str, now: datetime) -> OfficerId | None:
        """Whose invitation that is, if it is still good."""
        c = t.officer.c
        tag = self._means.tags.code_tag("officer", code)
        row = await self._one(
            sa.select(c.id).where(
                c.code_tag == tag, c.invited_until > now, c.enrolled_at.is_(None), c.withdrawn_at.is_(None)
            )
        )
        return OfficerId(row.id) if row else None

    async def enrol(self, officer: OfficerId, passkey: Passkey, now: datetime) -> bool:
        """Add the passkey and use up the invitation; False when it was used before."""
        c = t.officer.c
        fresh = sa.and_(c.id == officer, c.enrolled_at.is_(None), c.withdrawn_at.is_(None))
        if not await self._run(sa.update(t.officer).where(fresh).values(enrolled_at=now)):
            return False
        return await self.add_passkey(officer, passkey, now)

    async def add_passkey(self, officer: OfficerId, passkey: Passkey, now: datetime) -> bool:
        """One more; a credential belongs to one officer."""
        values = {
            "credential": passkey.credential,
            "officer": officer,
            "public_key": passkey.public_key,
            "count": passkey.count,
            "created_at": now,
        }
        return await self._insert_once(t.passkey, values)

    async def passkeys(self, officer: OfficerId) -> Sequence[OfficerPasskey]:
        """All of one officer, oldest first."""
        c = t.passkey.c
        rows = await self._all(sa.select(t.passkey).where(c.officer == officer).order_by(c.created_at, c.credential))
        return [OfficerPasskey(Passkey(r.credential, r.public_key, r.count), r.created_at, r.used_at) for r in rows]

    async def remove_passkey(self, officer: OfficerId, credential: bytes) -> bool:
        """It is theirs no more."""
        c = t.passkey.c
        return bool(await self._run(sa.delete(t.passkey).where(c.officer == officer, c.credential == credential)))

    async def passkey(self, credential: bytes) -> tuple[OfficerId, Passkey] | None:
        """By credential id."""
        mine = sa.select(t.passkey).join(t.officer, t.officer.c.id == t.passkey.c.officer)
        good = sa.and_(t.passkey.c.credential == credential, t.officer.c.withdrawn_at.is_(None))
        row = await self._one(mine.where(good))
        return (OfficerId(row.officer), Passkey(row.credential, row.public_key, row.count)) if row else None

    async def used(self, passkey: Passkey, now: datetime) -> None:
        """Keep its new count, and when that was."""
        mine = t.passkey.c.credential == passkey.credential
        await self._run(sa.update(t.passkey).where(mine).values(count=passkey.count, used_at=now))

    async def all(self) -> Sequence[OfficerRow]:
        """Every officer, by id."""
        own = t.passkey.c
        kept = sa.select(own.officer, sa.func.count().label("many"), sa.func.max(own.used_at).label("seen"))
        keys = kept.group_by(own.officer).subquery()
        every = sa.select(t.officer, keys.c.many, keys.c.seen).outerjoin(keys, keys.c.officer == t.officer.c.id)
        rows = await self._all(every.order_by(t.officer.c.id))
        return [
            OfficerRow(
                OfficerId(row.id),
                self._unseal(f"officer:{row.id}", row.name_sealed),
                row.enrolled_at is not None,
                row.withdrawn_at is not None,
                OfficerRole(row.role),
                Oin(row.organisation) if row.organisation else None,
                row.many or 0,
                row.seen,
            )
            for row in rows
        ]

    async def acting(self, officer: OfficerId) -> Acting | None:
        """What they may do. Raises Tampered for a role that there is not."""
        c = t.officer.c
        mine = sa.select(c.role, c.organisation).where(
            c.id == officer, c.enrolled_at.is_not(None), c.withdrawn_at.is_(None)
        )
        row = await self._one(mine)
        if row is None:
            return None
        try:
            return Acting(officer, OfficerRole(row.role), Oin(row.organisation) if row.organisation else None)
        except ValueError:
            raise Tampered from None

    async def active(self, officer: OfficerId, *, lock: bool = False) -> bool:
        """Whether they were let in, and are still an officer."""
        c = t.officer.c
        mine = sa.select(c.id).where(c.id == officer, c.enrolled_at.is_not(None), c.withdrawn_at.is_(None))
        return await self._one(mine.with_for_update() if lock else mine) is not None

    async def withdraw(self, officer: OfficerId, now: datetime) -> bool:
        """They are no officer any more: no invitation, no passkey, no login and no visit of theirs is good."""
        c = t.officer.c
        there = sa.and_(c.id == officer, c.withdrawn_at.is_(None))
        if not await self._run(sa.update(t.officer).where(there).values(withdrawn_at=now)):
            return False
        await self._run(sa.delete(t.visit).where(t.visit.c.kind == "officer", t.visit.c.owner == officer))
        await self._run(sa.delete(t.officer_login).where(t.officer_login.c.officer == officer))
        await self._run(sa.delete(t.passkey).where(t.passkey.c.officer == officer))
        return True


class Policies(Store):
    """See `PolicyStore`."""

    async def keep(self, digest: str, texts: Mapping[str, str], now: datetime) -> None:
        """Keep a set's text, unless it is there already."""
        values = {"digest": digest, "texts": json.dumps(dict(texts)), "first_at": now}
        await self._insert_once(t.policy_set, values)

    async def put_in_force(self, it: InForce) -> None:
        """From the commit on, this is the last one."""
        values = {"number": it.number, "digest": it.digest, "since": it.since, "entry_id": it.entry}
        await self._run(sa.insert(t.policy_in_force).values(values))

    async def texts(self, digest: str) -> Mapping[str, str] | None:
        """The text of a set, as it is stored: its digest is for the reader to compare."""
        row = await self._one(sa.select(t.policy_set.c.texts).where(t.policy_set.c.digest == digest))
        try:
            return {str(path): str(text) for path, text in json.loads(row.texts).items()} if row else None
        except (ValueError, AttributeError):
            raise Tampered from None

    async def propose(self, proposal: Proposal) -> None:
        """Keep a proposal; its text is kept already."""
        values = {
            "id": proposal.id,
            "digest": proposal.digest,
            "instead_of": proposal.instead_of,
            "wider": proposal.wider,
            "starts_at": proposal.starts,
            "reason_sealed": self._seal(f"proposal:{proposal.id}", proposal.reason),
            "created_at": proposal.at,
            "entry_id": proposal.entry,
        }
        await self._run(sa.insert(t.policy_proposal).values(values))

    def _proposal(self, row: Any) -> Proposal:
        reason = self._unseal(f"proposal:{row.id}", row.reason_sealed)
        return Proposal(
            row.id, row.digest, row.instead_of, row.wider, row.starts_at, reason, row.created_at, row.entry_id
        )

    async def proposal(self, proposal_id: str) -> Proposal | None:
        """By id."""
        row = await self._one(sa.select(t.policy_proposal).where(t.policy_proposal.c.id == proposal_id))
        return self._proposal(row) if row else None

    async def proposals(self, limit: int) -> Sequence[Proposal]:
        """Newest first."""
        c = t.policy_proposal.c
        return [
            self._proposal(row)
            for row in await self._all(sa.select(t.policy_proposal).order_by(c.id.desc()).limit(limit))
        ]

    async def waiting(self, officer: OfficerId, needed: int) -> int:
        """How many wait for this officer."""
        p, a, o = t.policy_proposal.c, t.policy_approval.c, t.officer.c
        current = sa.select(sa.func.max(t.policy_in_force.c.number)).scalar_subquery()
        given = sa.select(sa.func.count()).select_from(t.policy_approval.join(t.officer, o.id == a.officer))
        given = given.where(a.proposal == p.id, o.withdrawn_at.is_(None))
        mine = sa.exists().where(a.proposal == p.id, a.officer == officer)
        theirs = (p.instead_of == current, given.scalar_subquery() < needed, ~mine)
        row = await self._one(sa.select(sa.func.count().label("number")).select_from(t.policy_proposal).where(*theirs))
        return int(row.number) if row else 0

    async def approve(self, approval: Approval) -> None:
        """Keep an approval."""
        values = {
            "proposal": approval.proposal,
            "number": approval.number,
            "officer": approval.officer,
            "created_at": approval.at,
            "entry_id": approval.entry,
        }
        await self._run(sa.insert(t.policy_approval).values(values))

    async def approvals(self, proposal_id: str) -> Sequence[Approval]:
        """Of one proposal, in their order."""
        c = t.policy_approval.c
        rows = await self._all(sa.select(t.policy_approval).where(c.proposal == proposal_id).order_by(c.number))
        return [Approval(r.proposal, r.number, OfficerId(r.officer), r.created_at, r.entry_id) for r in rows]

    async def history(self, limit: int) -> Sequence[InForce]:
        """What was put in force, newest first."""
        c = t.policy_in_force.c
        rows = await self._all(sa.select(t.policy_in_force).order_by(c.number.desc()).limit(limit))
        return [in_force_of(row) for row in rows]

    async def in_force(self) -> InForce | None:
        """The one with the highest number; None before the first."""
        row = await self._one(sa.select(t.policy_in_force).order_by(t.policy_in_force.c.number.desc()).limit(1))
        return in_force_of(row) if row else None


def in_force_of(row: Any) -> InForce:
    """What a row says was put in force."""
    return InForce(row.number, row.digest, row.since, row.entry_id)
