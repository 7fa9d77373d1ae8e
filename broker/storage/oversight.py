"""Privacy officers with their passkeys, and every agreement that was ever in force."""

import json
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from broker.domain.parties import OfficerId
from broker.domain.ports import Passkey
from broker.domain.stores import InForce
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store


class Officers(Store):
    """See `OfficerStore`."""

    async def invite(self, officer: OfficerId, name: str, code: str, expires: datetime, now: datetime) -> None:
        """A new officer with a one-time invitation."""
        values = {
            "id": officer,
            "name_sealed": self._seal(f"officer:{officer}", name),
            "code_tag": self._means.tags.code_tag("officer", code),
            "invited_until": expires,
            "enrolled_at": None,
        }
        await self._run(sa.insert(t.officer).values(values))

    async def enter(self, code: str, now: datetime) -> OfficerId | None:
        """Whose invitation that is, if it is still good."""
        c = t.officer.c
        tag = self._means.tags.code_tag("officer", code)
        row = await self._one(sa.select(c.id).where(c.code_tag == tag, c.invited_until > now, c.enrolled_at.is_(None)))
        return OfficerId(row.id) if row else None

    async def enrol(self, officer: OfficerId, passkey: Passkey, now: datetime) -> bool:
        """Add the passkey and use up the invitation; False when it was used before."""
        c = t.officer.c
        fresh = sa.and_(c.id == officer, c.enrolled_at.is_(None))
        if not await self._run(sa.update(t.officer).where(fresh).values(enrolled_at=now)):
            return False
        values = {
            "credential": passkey.credential,
            "officer": officer,
            "public_key": passkey.public_key,
            "count": passkey.count,
            "created_at": now,
        }
        return await self._insert_once(t.passkey, values)

    async def passkey(self, credential: bytes) -> tuple[OfficerId, Passkey] | None:
        """By credential id."""
        row = await self._one(sa.select(t.passkey).where(t.passkey.c.credential == credential))
        return (OfficerId(row.officer), Passkey(row.credential, row.public_key, row.count)) if row else None

    async def used(self, passkey: Passkey) -> None:
        """Keep its new count."""
        mine = t.passkey.c.credential == passkey.credential
        await self._run(sa.update(t.passkey).where(mine).values(count=passkey.count))


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

    async def in_force(self) -> InForce | None:
        """The one with the highest number; None before the first."""
        row = await self._one(sa.select(t.policy_in_force).order_by(t.policy_in_force.c.number.desc()).limit(1))
        return InForce(row.number, row.digest, row.since, row.entry_id) if row else None
