"""An entry and all that belongs to it come into the database together: on PostgreSQL in two statements, past SQLAlchemy.

- Both ways are in the caller's transaction and leave the same rows: the entry, its place in the queue, its openings, and
  whom it is about. `tests/integration/test_storage_log.py` compares them.
- Past SQLAlchemy, errors are still SQLAlchemy's, so that a unit of work says what it always says; values are not quoted.
"""

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.storage import tables as t
from broker.storage.openings import SealedOpening


async def wrapped_keys(connection: AsyncConnection, tags: Sequence[str]) -> dict[str, bytes]:
    """The wrapped keys of these persons, by tag; who has none is left out. Raises SQLAlchemyError."""
    if connection.dialect.name != "postgresql":
        return {row.tag: row.wrapped_key for row in await connection.execute(_KEYS, {"tags": tags})}
    found = await _past(connection, _KEYS_AT_ONCE, {"tags": ",".join(tags)})
    return dict(await found.fetchall())


async def write(
    connection: AsyncConnection, entry: Mapping[str, Any], openings: Sequence[SealedOpening], tags: Sequence[str]
) -> None:
    """Keep an entry, queue it, keep its openings, and that it is about whoever has these tags.

    `entry` has every column of `log_entry`. Raises SQLAlchemyError; then the transaction is lost.
    """
    if connection.dialect.name != "postgresql":
        await write_one_by_one(connection, entry, openings, tags)
        return
    more = {"about": ",".join(tags), "openings": _as_json(openings)}
    await _past(connection, _ALL_AT_ONCE, {**entry, **more})


async def write_one_by_one(
    connection: AsyncConnection, entry: Mapping[str, Any], openings: Sequence[SealedOpening], tags: Sequence[str]
) -> None:
    """See `write`: the plain way, which SQLite has."""
    identity = entry["entry_id"]
    await connection.execute(_ENTRY, entry)
    await connection.execute(_QUEUE, {"entry_id": identity})
    if openings:
        rows = [
            {"entry_id": identity, "position": o.position, "tag": o.tag, "field": o.field, "ciphertext": o.ciphertext}
            for o in openings
        ]
        await connection.execute(_OPENING, rows)
    if tags:
        await connection.execute(_ABOUT, [{"tag": tag, "entry_id": identity} for tag in tags])


async def _past(connection: AsyncConnection, statement: str, values: Mapping[str, Any]) -> Any:
    """Execute on the driver's own connection, in the same transaction. Raises what SQLAlchemy would have raised."""
    inside: Any = connection.sync_connection
    driver = inside.connection.driver_connection
    try:
        return await driver.execute(statement, values)
    except psycopg.Error as error:
        if driver.closed:
            await connection.invalidate()  # the pool must not hand it out again
        raise DBAPIError.instance(None, None, error, psycopg.Error, hide_parameters=True) from None


def _as_json(openings: Sequence[SealedOpening]) -> str:
    """One text is cheaper to hand over than a list for each column."""
    return json.dumps([[o.tag, o.field, o.position, b64encode(o.ciphertext).decode()] for o in openings])


_KEYS = sa.select(t.log_subject_key).where(t.log_subject_key.c.tag.in_(sa.bindparam("tags", expanding=True)))
_ENTRY, _QUEUE = sa.insert(t.log_entry), sa.insert(t.log_queue).inline()
_OPENING, _ABOUT = sa.insert(t.log_opening), sa.insert(t.log_subject_index)

_KEYS_AT_ONCE = "SELECT tag, wrapped_key FROM log_subject_key WHERE tag = ANY(string_to_array(%(tags)s, ','))"
# PostgreSQL does every part of this, read or not, and checks foreign keys when all of it is done (manual, 7.8.4).
_ALL_AT_ONCE = """
WITH entry AS (
    INSERT INTO log_entry (entry_id, leaf, leaf_hash, receipt_kid, receipt_sig, type, organisation, counterpart, outcome,
        created_at)
    VALUES (%(entry_id)s, %(leaf)s, %(leaf_hash)s, %(receipt_kid)s, %(receipt_sig)s, %(type)s, %(organisation)s,
        %(counterpart)s, %(outcome)s, %(created_at)s)),
queued AS (
    INSERT INTO log_queue (entry_id) VALUES (%(entry_id)s)),
about AS (
    INSERT INTO log_subject_index (entry_id, tag)
    SELECT %(entry_id)s, unnest(string_to_array(%(about)s, ',')))
INSERT INTO log_opening (entry_id, tag, field, position, ciphertext)
SELECT %(entry_id)s, o ->> 0, o ->> 1, (o ->> 2)::int, decode(o ->> 3, 'base64')
FROM json_array_elements(%(openings)s::json) AS o
"""
