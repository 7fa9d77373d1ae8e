"""Who agrees with which version of a section: a signed statement, sealed, and bound to its row.

A row says in clear which handover and section it is about and, of a family, who said it; what they said is in the seal.
"""

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from broker.domain.handovers import HandoverId
from broker.domain.sign_offs import SignOff
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store


class SignOffs(Store):
    """See `SignOffStore`."""

    async def add(self, said: SignOff) -> str:
        """Sign and keep a new one. Returns the signed statement."""
        statement = self._means.notary.sign_off(said)
        values = {
            "id": said.id,
            "handover": said.handover,
            "section": said.section,
            "signer": said.signer if said.by_family else None,
            "statement_sealed": self._seal(_context(said.id, said.handover), statement),
        }
        await self._run(sa.insert(t.sign_off).values(values))
        return statement

    async def of_handover(self, handover: HandoverId) -> tuple[SignOff, ...]:
        """Everything that was said about a handover, in all its versions, oldest first. Raises Tampered."""
        mine = sa.select(t.sign_off).where(t.sign_off.c.handover == handover)
        return self.opened(await self._all(mine.order_by(t.sign_off.c.id)))

    def opened(self, rows: Iterable[Any]) -> tuple[SignOff, ...]:
        """These rows in words. Raises Tampered."""
        return tuple(map(self._opened, rows))

    def _opened(self, row: Any) -> SignOff:
        statement = self._unseal(_context(row.id, row.handover), row.statement_sealed)
        said = self._means.notary.read_sign_off(statement)
        stands = (said.id, said.handover, said.section, said.signer if said.by_family else None)
        if stands != (row.id, row.handover, row.section, row.signer):
            raise Tampered
        return said

    async def erase(self, handover: HandoverId) -> None:
        """Nothing that was said about a handover stays."""
        await self._run(sa.delete(t.sign_off).where(t.sign_off.c.handover == handover))


def _context(sign_off: str, handover: str) -> str:
    return f"sign-off:{sign_off}:{handover}"
