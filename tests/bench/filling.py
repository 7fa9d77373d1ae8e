"""A log of many entries at once: real leaves, hashes and tiles, and a checkpoint that the broker itself signs over them.

What no proof rests on is left out: the receipts are no signatures, and nobody is named, so that nothing has openings.
"""

import contextlib
import secrets
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import islice
from typing import Any

import typer
from sqlalchemy.engine import make_url

from broker.app import new_id
from broker.domain.events import EventType, LogEvent
from broker.transparency import merkle, tiles
from broker.transparency.entries import encode
from broker.transparency.ledger import Ledger
from tests.factories import NOW, Storeroom
from tests.support.postgres import PostgresServer

BATCH = 1 << 14
TABLES = {
    "log_entry": "entry_id, leaf, leaf_hash, receipt_kid, receipt_sig, type, organisation, counterpart, outcome, created_at",
    "log_index": "leaf_index, entry_id",
    "log_tile": "level, n, data",
    "log_subject_key": "tag, wrapped_key",
    "log_opening": "entry_id, position, tag, field, ciphertext",
    "log_subject_index": "tag, entry_id",
    "log_fold": "id, key, day, kind, type, organisation, counterpart, actor, entries, first, last",
    "log_fold_entry": "fold, entry_id",
    "log_fold_about": "fold, tag, acted, kind, day, last",
    "log_daily": "day, type, organisation, counterpart, outcome, reason, entries",
    "log_follower": "name, next",
}
Rows = list[tuple[Any, ...]]
Put = Callable[[str, Rows], None]


async def filled(store: Storeroom, size: int, server: PostgresServer | None = None) -> tuple[Ledger, Sequence[str]]:
    """Put so many entries in an empty log. Returns its ledger, which has published them, and their ids in order."""
    made, ids = rows(), list[str]()
    tree, kept = tiles.extend(0, {}, []), dict[tuple[int, int], bytes]()
    with taking_in(store, server) as (put, run), typer.progressbar(length=size, label=f"A log of {size:,}") as bar:
        while tree.size < size:
            batch = list(islice(made, min(BATCH, size - tree.size)))
            put("log_entry", batch)
            put("log_index", [(place, row[0]) for place, row in enumerate(batch, tree.size)])
            tree = tiles.extend(tree.size, kept, [row[2] for row in batch])
            kept |= tree.tiles
            ids += [row[0] for row in batch]
            bar.update(len(batch))
        put("log_tile", [(level, n, data) for (level, n), data in kept.items()])
        root = f"decode('{tree.root.hex()}', 'hex')" if server else f"x'{tree.root.hex()}'"
        run(f"UPDATE log_state SET size = {tree.size}, root = {root}")
    ledger = store.ledger()
    await ledger.publish()
    return ledger, ids


def rows() -> Iterator[tuple[Any, ...]]:
    """Rows of the log, each with an id of its own in the leaf that it was encoded with."""
    event = LogEvent(EventType.LOG_CHECKED, NOW, facts={"outcome": "genuine"})
    mark = new_id()
    before, _, after = encode(event, mark, lambda: b"").leaf.partition(mark.encode())
    signature = secrets.token_bytes(64)
    while True:
        identity = new_id()
        leaf = before + identity.encode() + after
        hashed = merkle.leaf_hash(leaf)
        yield identity, leaf, hashed, "bench", signature, event.type.value, "", "", "genuine", NOW


@contextlib.contextmanager
def taking_in(store: Storeroom, server: PostgresServer | None) -> Iterator[tuple[Put, Callable[[str], object]]]:
    """The database's own way of taking in much; foreign keys are not asked for what comes from one hand."""
    if server is None:
        with contextlib.closing(sqlite3.connect(str(make_url(store.url).database))) as lite:

            def insert(table: str, rows: Rows) -> None:
                if not rows:
                    return
                holders = ", ".join("?" * len(rows[0]))
                plain = [tuple(map(_plain, row)) for row in rows]
                lite.executemany(f"INSERT INTO {table} ({TABLES[table]}) VALUES ({holders})", plain)

            yield insert, lite.execute
            lite.commit()
        return
    with server.admin(str(make_url(store.url).database)) as admin:
        admin.execute("SET session_replication_role = replica")

        def copy(table: str, rows: Rows) -> None:
            with admin.cursor().copy(f"COPY {table} ({TABLES[table]}) FROM STDIN") as into:
                for row in rows:
                    into.write_row(row)

        yield copy, admin.execute
        admin.execute("VACUUM ANALYZE")


def _plain(value: Any) -> Any:
    """As SQLite keeps it: moments in UTC without their zone."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
    return value.isoformat() if isinstance(value, date) else value
