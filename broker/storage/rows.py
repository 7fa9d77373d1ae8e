"""Small shared means of the stores: what a unit of work hands to each of them, and inserts that may already be there."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.domain.ports import FieldSeal, Ids, LogSignatures, Notary, SubjectKeys, Tagger
from broker.storage.subject_keys import OpenedKeys


@dataclass(frozen=True, slots=True)
class Means:
    """What the stores need beside the connection, put in by the composition root."""

    fields: FieldSeal
    tags: Tagger
    notary: Notary
    subject_keys: SubjectKeys
    signatures: LogSignatures
    encode: Any
    ids: Ids
    opened_keys: OpenedKeys = field(default_factory=OpenedKeys)


class Store:
    """A store on one open transaction."""

    def __init__(self, connection: AsyncConnection, means: Means) -> None:
        self._connection = connection
        self._means = means

    async def _insert_once(self, table: sa.Table, values: Mapping[str, Any]) -> bool:
        """Insert unless a unique value is taken; True when the row is new.

        The row itself must come back: after an INSERT, psycopg's row count is -1 whether there is a row or not.
        """
        statement = self._insert_into(table).values(dict(values)).on_conflict_do_nothing().returning(sa.literal(1))
        return (await self._connection.execute(statement)).first() is not None

    def _insert_into(self, table: sa.Table) -> Any:
        """An INSERT that can say what is to be done with a row that is there already."""
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        return insert(table)

    async def _one(self, statement: sa.Select[Any]) -> Any:
        return (await self._connection.execute(statement)).one_or_none()

    async def _all(self, statement: sa.Select[Any]) -> Any:
        return (await self._connection.execute(statement)).all()

    async def _run(self, statement: sa.Executable, values: Any = None) -> int:
        result = await self._connection.execute(statement, values)
        return int(getattr(result, "rowcount", 0))

    def _seal(self, context: str, value: str) -> bytes:
        return self._means.fields.seal(context, value)

    def _unseal(self, context: str, sealed: bytes) -> str:
        return self._means.fields.open(context, sealed)

    def _seal_json(self, context: str, value: Any) -> bytes:
        return self._seal(context, json.dumps(value, ensure_ascii=False, separators=(",", ":")))

    def _unseal_json(self, context: str, sealed: bytes) -> Any:
        return json.loads(self._unseal(context, sealed))
