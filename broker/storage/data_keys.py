"""Wrapped data keys by the key that wraps them: counted, found, and replaced by compare-and-set under the row's lock."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from broker.domain.handovers import HandoverId, SectionId
from broker.domain.ports import SealedSection
from broker.storage import tables as t
from broker.storage.rows import Store


class DataKeys(Store):
    """See `DataKeyStore`."""

    async def counts(self) -> Mapping[str, int]:
        """How many data keys hang on each wrapping key."""
        kid = t.section.c.kid
        sections = await self._all(sa.select(kid, sa.func.count()).where(kid.is_not(None)).group_by(kid))
        found = {row[0]: int(row[1]) for row in sections}
        wrapped = t.log_subject_key.c.wrapped_key
        head = sa.func.substr(wrapped, 1, _KID + 1, type_=sa.LargeBinary())
        grouped: Any = sa.select(head, sa.func.count()).group_by(head)
        for prefix, count in await self._all(grouped):
            name = bytes(prefix).partition(b".")[0].decode(errors="replace")
            found[name] = found.get(name, 0) + int(count)
        return found

    async def handovers_not_under(self, kid: str, after: str, limit: int) -> Sequence[HandoverId]:
        """Handovers with a section under another key."""
        c = t.section.c
        wanted = sa.select(c.handover).where(c.kid.is_not(None), c.kid != kid, c.handover > after).distinct()
        return [HandoverId(row.handover) for row in await self._all(wanted.order_by(c.handover).limit(limit))]

    async def sections_not_under(self, kid: str, handover: HandoverId) -> Mapping[SectionId, SealedSection]:
        """Its sections under another key."""
        c = t.section.c
        wanted = sa.select(c.id, c.ciphertext, c.wrapped_key, c.kid, c.mark).where(
            c.handover == handover, c.kid.is_not(None), c.kid != kid
        )
        rows = await self._all(wanted.order_by(c.id))
        return {
            SectionId(r.id): SealedSection(r.ciphertext or b"", r.wrapped_key or b"", r.kid, r.mark or b"")
            for r in rows
        }

    async def rewrap_section(self, section: SectionId, old: SealedSection, new: SealedSection) -> bool:
        """Replace a section's wrapped key."""
        c = t.section.c
        same = sa.and_(c.id == section, c.kid == old.kid, c.wrapped_key == old.wrapped_key)
        changed = sa.update(t.section).where(same).values(wrapped_key=new.wrapped_key, kid=new.kid).returning(c.id)
        return (await self._connection.execute(changed)).first() is not None

    async def persons_not_under(self, kid: str, after: str, limit: int) -> Sequence[tuple[str, bytes]]:
        """Persons' log keys under another key."""
        c = t.log_subject_key.c
        wanted = sa.select(c.tag, c.wrapped_key).where(~_under(c.wrapped_key, kid), c.tag > after)
        return [(row.tag, row.wrapped_key) for row in await self._all(wanted.order_by(c.tag).limit(limit))]

    async def rewrap_person(self, tag: str, old: bytes, new: bytes) -> bool:
        """Replace a person's wrapped key."""
        c = t.log_subject_key.c
        same = sa.and_(c.tag == tag, c.wrapped_key == old)
        changed = sa.update(t.log_subject_key).where(same).values(wrapped_key=new).returning(c.tag)
        return (await self._connection.execute(changed)).first() is not None

    async def fields_under(self, kid: str) -> int:
        """How many values are encrypted under a field key: every column of every table whose name ends in `_sealed`."""
        total = 0
        for table in t.metadata.sorted_tables:
            for column in table.c:
                if column.name.endswith("_sealed"):
                    wanted = sa.select(sa.func.count()).select_from(table).where(_under(column, kid))
                    total += int((await self._one(wanted))[0])
        return total


_KID = 43
"""Signs of a key's id: 32 bytes in base64url."""


def _under(column: sa.Column[bytes], kid: str) -> sa.ColumnElement[bool]:
    """Whether a value begins with `kid.`."""
    prefix = f"{kid}.".encode()
    return sa.func.substr(column, 1, len(prefix), type_=sa.LargeBinary()) == sa.literal(prefix, sa.LargeBinary())
