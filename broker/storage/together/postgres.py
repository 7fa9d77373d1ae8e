"""The trips on PostgreSQL: past SQLAlchemy, on a connection that is kept for them and knows their statements.

1. Begin; lock handovers and persons, passing over what somebody else holds; count the asking. After that, and so with a
   younger snapshot (READ COMMITTED, manual 13.2.1): read every fact, the ciphertexts, and log keys that can be foreseen.
2. The log keys of others whom the entries will be about, if there are any.
3. Every row in one statement; then COMMIT, believed as `broker.storage.commits` says.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, timedelta
from typing import Any

import orjson
import psycopg
from psycopg.pq.abc import PGresult
from sqlalchemy.ext.asyncio import AsyncEngine

from broker.storage.patience import bounds
from broker.storage.together.known import Knowing, texts
from broker.storage.together.looks import CONTENTS, KEYS, LOOKS, converted, converters, day, instant
from broker.storage.together.reading import CONTENT_ROW, Asked, Facts, rows_of
from broker.storage.together.rows import COLUMNS, Rows
from broker.storage.together.trips import CommitUnknown, NoAnswer, NotReached

LOCK_WAIT = "500ms"
"""How long a batch waits for a lock that it cannot pass over, before each release goes its own way."""


SESSION = (
    f"-c timezone=UTC -c lock_timeout={LOCK_WAIT} "
    "-c plan_cache_mode=force_generic_plan -c jit=off -c enable_seqscan=off"
)
"""These statements are planned once, and by index whatever the tables hold by then."""


def _raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


_KINDS = {"bytes": _raw, "instant": instant, "date": day}
_CHANGES = {name: converters(look, _KINDS) for name, look in LOOKS.items()}


_SETS = {
    "handovers": "= ANY($1)",
    "oins": "= ANY($2)",
    "tags": "= ANY($1)",
    "concerned": "= ANY(sets.concerned)",
    "persons": "= ANY(sets.persons)",
    "senders": "= ANY(sets.senders)",
    "handover": "h",
    "section": "s",
    "section_person": "sp",
}


def _around(lock: str = "") -> str:
    """The sets, worked out once; as ARRAYs they are always looked up by index."""
    return f"""
WITH h AS MATERIALIZED (SELECT * FROM handover WHERE id {_SETS["handovers"]}{lock}),
s AS MATERIALIZED (SELECT section.* FROM section JOIN h ON h.id = section.handover AND h.version = section.version),
sp AS MATERIALIZED (SELECT * FROM section_person WHERE section = ANY(ARRAY(SELECT id FROM s))),
c AS MATERIALIZED (SELECT subject AS id FROM h UNION ALL SELECT person FROM sp WHERE concerned),
sets AS MATERIALIZED (SELECT ARRAY(SELECT sender FROM h) AS senders, ARRAY(SELECT id FROM c) AS concerned, ARRAY(
    SELECT id FROM c UNION ALL SELECT holder FROM authority WHERE "over" = ANY(ARRAY(SELECT id FROM c))) AS persons)"""  # noqa: S608


_LOCK = f"""{_around(" FOR SHARE SKIP LOCKED")},
l AS MATERIALIZED (SELECT id FROM person WHERE id = ANY(ARRAY(SELECT unnest(persons) FROM sets)) FOR SHARE SKIP LOCKED),
r AS (INSERT INTO rate_count (bucket, window_start, tries, expires)
    SELECT * FROM json_to_recordset($2::json)
        AS asked (bucket text, window_start bigint, tries int, expires timestamptz) ORDER BY bucket
    ON CONFLICT (bucket, window_start) DO UPDATE SET tries = rate_count.tries + excluded.tries
    RETURNING bucket, window_start, tries)
SELECT json_build_array(
    (SELECT coalesce(json_agg(id), '[]') FROM (SELECT id FROM h UNION ALL SELECT id FROM l) AS held),
    (SELECT coalesce(json_agg(json_build_array(bucket, window_start, tries)), '[]') FROM r))::text
"""  # noqa: S608


def _asked(name: str) -> str:
    look = LOOKS[name]
    columns = ", ".join(look.columns)
    return f"(SELECT coalesce(json_agg(json_build_array({columns})), '[]') FROM {look.rest.format(**_SETS)})"  # noqa: S608


*_BESIDE, _LONG = CONTENTS.columns
*_BESIDE_CHANGES, _ = converters(CONTENTS, _KINDS)
_FACTS = f"""{_around()}
SELECT json_build_array(
    {", ".join(map(_asked, LOOKS))})::text, NULL::bytea FROM sets
UNION ALL SELECT json_build_array({", ".join(_BESIDE)})::text, {_LONG} FROM {CONTENTS.rest.format(**_SETS)}"""  # noqa: S608
"""First all facts; behind them a row for each content, which travels best as it is."""
_KEYS = KEYS.statement(_SETS)


def _inserted(table: str) -> str:
    number, columns = list(COLUMNS).index(table) + 1, COLUMNS[table]
    typed = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    rows = f"json_to_recordset(${number}::json) AS kept ({typed})"
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM {rows}"  # noqa: S608


# PostgreSQL does every part of this, read or not, and checks foreign keys when all of it is done (manual, 7.8.4).
*_FIRST, _LAST = COLUMNS
_WRITE = "WITH " + ",\n".join(f"{table}_row AS ({_inserted(table)})" for table in _FIRST) + "\n" + _inserted(_LAST)


_STATEMENTS = {
    "begin": "BEGIN",
    "lock": _LOCK,
    "facts": _FACTS,
    "keys": _KEYS,
    "write": _WRITE,
    "commit": "COMMIT",
    "rollback": "ROLLBACK",
}


class Trips:
    """One transaction at a time, on one connection of its own. See `broker.storage.together.trips.Trips`."""

    def __init__(self, engine: AsyncEngine, patience: float = 0) -> None:
        self._engine = engine
        self._patience = patience
        self._connection: Knowing | None = None

    async def begin(self, asked: Sequence[Asked], tags: Sequence[str]) -> Facts:
        """Lock, count and read, with the log keys of these. Raises NotReached; then nothing is open."""
        handovers, oins = texts(one.handover for one in asked), texts(one.organisation for one in asked)
        try:
            connection = await self._connected()
            _, locked, read, keys = await connection.ask(
                ("begin", ()),
                ("lock", (handovers, _counters(asked))),
                ("facts", (handovers, oins)),
                ("keys", (texts(tags),)),
            )
        except (psycopg.Error, OSError) as error:
            raise (await self._lost(error)) from None
        except BaseException:
            await self.undo()
            raise
        ((held, counted),) = (orjson.loads(found) for (found,) in _rows(locked))
        (facts, _), *contents = ((orjson.loads(found), body) for found, body in _rows(read))
        rows = {name: rows_of(name, converted(found, _CHANGES[name])) for name, found in zip(LOOKS, facts, strict=True)}
        bodies = [CONTENT_ROW(*row, body) for found, body in contents for row in converted([found], _BESIDE_CHANGES)]
        numbers = {f"{bucket}:{start}": number for bucket, start, number in counted}
        return Facts(rows, {body.id: body for body in bodies}, frozenset(held), numbers, _wrapped(keys))

    async def keys(self, tags: Sequence[str]) -> dict[str, bytes]:
        """The wrapped keys of these. Raises NotReached; then nothing is open."""
        try:
            (found,) = await self._open().ask(("keys", (texts(tags),)))
        except (psycopg.Error, OSError) as error:
            raise (await self._lost(error)) from None
        return _wrapped(found)

    async def commit(self, rows: Rows) -> None:
        """Write and commit. Raises NotReached when nothing of it was kept, CommitUnknown when that is not known."""
        values = [
            _json([dict(zip(columns, row, strict=True)) for row in rows.of[name]]) for name, columns in COLUMNS.items()
        ]
        connection = self._open()
        try:
            async with connection.committing():
                _, ended = await connection.ask(("write", values), ("commit", ()))
        except Exception as error:  # noqa: BLE001 - whatever it was, it may have been kept by then
            await self.undo()
            refused = isinstance(error, psycopg.Error) and _refused(error)
            raise (NotReached if refused else CommitUnknown)(_code(error)) from None
        except BaseException:
            await self.undo()
            raise
        if ended.command_status != b"COMMIT":
            raise NotReached(str(ended.command_status))

    async def _lost(self, error: Exception) -> NotReached:
        """What to raise for an error before anything was kept; nothing is open any more."""
        silent = isinstance(error, TimeoutError | psycopg.errors.ConnectionTimeout)
        silent = silent or (self._connection is not None and self._connection.gave_up)
        await self.undo()
        return (NoAnswer if silent else NotReached)(_code(error))

    async def undo(self) -> None:
        """Nothing is open any more: the connection goes, and with it whatever was not committed."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.pgconn.finish()

    async def end(self) -> None:
        """Nobody had anything to keep: undo, and keep the connection."""
        try:
            await self._open().ask(("rollback", ()))
        except (psycopg.Error, OSError, NotReached):
            await self.undo()

    def _open(self) -> Knowing:
        """The connection whose transaction this is. Raises NotReached when it went, and everything with it."""
        if self._connection is None or self._connection.closed:
            raise NotReached("connection")
        return self._connection

    async def _connected(self) -> Knowing:
        if self._connection is None or self._connection.closed:
            _, options = self._engine.dialect.create_connect_args(self._engine.url)
            limits = bounds({}, self._patience)
            asked = {**limits, **options, "options": f"{limits['options']} {SESSION}"}
            self._connection = await asyncio.wait_for(Knowing.within(self._patience, **asked, autocommit=True), 6)
            await self._connection.learn(_STATEMENTS)
        return self._connection


def _code(error: Exception) -> str:
    """What may be logged of it: the SQLSTATE, or the kind of error."""
    return getattr(error, "sqlstate", None) or type(error).__name__


def _refused(error: psycopg.Error) -> bool:
    """Whether the server itself said that it did not do it, and was not just going away (manual, appendix A)."""
    if isinstance(error, psycopg.errors.PipelineAborted):
        return True
    return error.sqlstate is not None and not error.sqlstate.startswith(("08", "57P", "58", "XX"))


def _rows(result: PGresult) -> list[list[Any]]:
    """Every value as bytes."""
    columns = range(result.nfields)
    return [[result.get_value(row, column) for column in columns] for row in range(result.ntuples)]


def _wrapped(keys: PGresult) -> dict[str, bytes]:
    return {tag.decode(): wrapped for tag, wrapped in _rows(keys)}


def _json(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """For `json_to_recordset`."""
    return orjson.dumps(rows, default=_hexadecimal)


def _hexadecimal(raw: bytes) -> str:
    return f"\\x{raw.hex()}"


def _counters(asked: Sequence[Asked]) -> bytes:
    calls: dict[tuple[str, int], int] = {}
    expires = {}
    for one in asked:
        counter = (one.bucket, int(one.now.timestamp()) // one.window)
        calls[counter] = calls.get(counter, 0) + 1
        expires[counter] = one.now.astimezone(UTC) + timedelta(seconds=2 * one.window)
    names = ("bucket", "window_start", "tries", "expires")
    return _json([dict(zip(names, (*counter, calls[counter], expires[counter]), strict=True)) for counter in calls])
