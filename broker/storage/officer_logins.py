"""Which login at an identity provider stands for which officer: known by a keyed tag, so that the table names nobody."""

from datetime import datetime

import sqlalchemy as sa

from broker.domain.officers import Acting, OfficerRole
from broker.domain.parties import OfficerId, Oin
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store


class OfficerLogins(Store):
    """See `OfficerLoginStore`."""

    async def invited(self, officer: OfficerId) -> Acting | None:
        """What they would be let in for."""
        c = t.officer.c
        mine = sa.select(c.role, c.organisation).where(
            c.id == officer, c.enrolled_at.is_(None), c.withdrawn_at.is_(None)
        )
        row = await self._one(mine)
        if row is None:
            return None
        try:
            return Acting(officer, OfficerRole(row.role), Oin(row.organisation) if row.organisation else None)
        except ValueError:
            raise Tampered from None

    async def enrol(self, officer: OfficerId, issuer: str, subject: str, now: datetime) -> str:
        """Keep the login and use up the invitation."""
        c = t.officer.c
        fresh = sa.and_(c.id == officer, c.enrolled_at.is_(None), c.withdrawn_at.is_(None), c.invited_until > now)
        if not await self._run(sa.update(t.officer).where(fresh).values(enrolled_at=now)):
            return ""
        tag = self._tag(issuer, subject)
        values = {"tag": tag, "officer": officer, "created_at": now}
        return tag if await self._insert_once(t.officer_login, values) else ""

    async def officer(self, issuer: str, subject: str) -> tuple[OfficerId, str] | None:
        """For whom it stands, and its tag."""
        tag = self._tag(issuer, subject)
        mine = (
            sa.select(t.officer_login.c.officer)
            .join(t.officer, t.officer.c.id == t.officer_login.c.officer)
            .where(t.officer_login.c.tag == tag, t.officer.c.withdrawn_at.is_(None))
        )
        row = await self._one(mine)
        return (OfficerId(row.officer), tag) if row else None

    def _tag(self, issuer: str, subject: str) -> str:
        return self._means.tags.tag("officer-login", issuer, subject)
