"""Small shared means of the stores: what a unit of work hands to each of them, and inserts that may already be there."""

import json
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from typing import Any, Generic, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.domain.parties import Organisation
from broker.domain.ports import FieldSeal, Ids, LogSignatures, Notary, SubjectKeys, Tagger
from broker.storage.subject_keys import OpenedKeys

_Known = TypeVar("_Known")


class Remembered(Generic[_Known]):
    """A bounded memory of what was made of rows, under every value that it was made of; what came first goes first.

    Only for what a row alone says, and what is nobody's secret: whether a row is still there, and the latest, is asked
    of the database each time.
    """

    def __init__(self, most: int = 1024) -> None:
        self._most = most
        self._kept: dict[Hashable, _Known] = {}

    def get(self, values: Hashable) -> _Known | None:
        """What was made of exactly these."""
        return self._kept.get(values)

    def keep(self, values: Hashable, known: _Known) -> _Known:
        """Remember it."""
        self._kept[values] = known
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return known


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
    partners: Remembered[Organisation] = field(default_factory=Remembered)


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

    async def _put_all(
        self,
        table: sa.Table,
        rows: Sequence[Mapping[str, Any]],
        *,
        keys: Sequence[str] = (),
        grown: Mapping[str, Callable[[Any], Any]] | None = None,
    ) -> None:
        """Insert many rows with the same columns; where `keys` are taken the row is `grown`, or stays as it is.

        On PostgreSQL in one statement with one value, in the order of the rows; each row and value of its own costs more.
        """
        if not rows:
            return
        insert = self._insert_into(table)
        given = None
        if self._connection.dialect.name == "postgresql":
            given = as_given([table.c[name] for name in rows[0]])
            insert = insert.from_select(list(rows[0]), sa.select(given), include_defaults=False)
        if grown:
            insert = insert.on_conflict_do_update(
                index_elements=list(keys), set_={name: change(insert) for name, change in grown.items()}
            )
        elif keys:
            insert = insert.on_conflict_do_nothing(index_elements=list(keys))
        await self._run(insert, list(rows) if given is None else {GIVEN: as_text(rows)})

    def _insert_into(self, table: sa.Table) -> Any:
        """An INSERT that can say what is to be done with a row that is there already."""
        insert = postgresql.insert if self._connection.dialect.name == "postgresql" else sqlite.insert
        return insert(table)

    def _among(self, column: sa.Column[Any], values: Collection[Any]) -> sa.ColumnElement[bool]:
        """That a column holds one of these; for many, which PostgreSQL gets as one value: it is one statement for any number."""
        if self._connection.dialect.name != "postgresql":
            return column.in_(list(values))
        return column == sa.any_(sa.literal(list(values), postgresql.ARRAY(column.type)))

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
        return self._seal(context, _COMPACT.encode(value))

    def _unseal_json(self, context: str, sealed: bytes) -> Any:
        return json.loads(self._unseal(context, sealed))


GIVEN = "given"
_COMPACT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def as_given(columns: Sequence[sa.Column[Any]]) -> sa.FromClause:
    """Rows with these columns, from the one value `GIVEN`, which is `as_text` of them (PostgreSQL)."""
    text = sa.cast(sa.bindparam(GIVEN, type_=sa.Text), postgresql.JSON)
    plain = [sa.column(column.name, column.type) for column in columns]
    return sa.func.json_to_recordset(text).table_valued(*plain).render_derived(name=GIVEN, with_types=True)


def as_text(rows: Sequence[Mapping[str, Any]]) -> str:
    """As JSON, dates and times as in RFC 3339. Raises TypeError for bytes."""
    return json.dumps([dict(row) for row in rows], default=_as_text)


def _as_text(value: object) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(type(value).__name__)


def replacing(*names: str) -> dict[str, Callable[[Any], Any]]:
    """For `grown`: in these columns, what comes takes the place of what was there."""
    return {name: partial(_new, name) for name in names}


def _new(name: str, insert: Any) -> Any:
    return insert.excluded[name]
