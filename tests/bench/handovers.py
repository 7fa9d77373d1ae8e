"""Many handovers at once: some that the broker itself was given and had answered, and copies of those with ids of their own.

Of the real ones everything holds: tags, seals, signatures, answers, releases. A copy has a row wherever the real one has, as
many bytes in it, and a place of its own in every index; what is sealed in it opens only in the place that it was copied from,
so no use case is asked about a copy. One in ten has ended. The log is filled beside them, with an entry for each handover.
"""

import contextlib
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from broker.crypto.keyring import load_keyring
from broker.storage import migrate
from broker.storage import tables as t
from broker.storage.tables.base import Instant
from tests.bench.filling import taking_in
from tests.bench.lines import ORGANISATIONS, YEARS, Street, filled_with_lines
from tests.factories import Storeroom, a_storeroom
from tests.promises.attacks import TOM, Case, push
from tests.support.postgres import PostgresServer
from tests.support.sqlite import copied_sqlite, migrated_sqlite
from tests.support.world import World, make_keys, open_world

STEP = 20_000
"""Copies that come in with one statement for each table."""
OF = {
    "person": "SELECT x.*, p.handover AS sample FROM person x JOIN handover_person p ON p.person = x.id",
    "person_tag": "SELECT x.*, p.handover AS sample FROM person_tag x JOIN handover_person p ON p.person = x.person",
    "person_claim": "SELECT x.*, p.handover AS sample FROM person_claim x JOIN handover_person p ON p.person = x.person",
    "contact": "SELECT x.*, p.handover AS sample FROM contact x JOIN handover_person p ON p.person = x.person",
    "authority": "SELECT x.*, p.handover AS sample FROM authority x JOIN handover_person p ON p.person = x.over",
    "handover": "SELECT x.*, x.id AS sample FROM handover x",
    "handover_version": "SELECT x.*, x.handover AS sample FROM handover_version x",
    "handover_recipient": "SELECT x.*, x.handover AS sample FROM handover_recipient x",
    "handover_person": "SELECT x.*, x.handover AS sample FROM handover_person x",
    "section": "SELECT x.*, x.handover AS sample FROM section x",
    "section_person": "SELECT x.*, s.handover AS sample FROM section_person x JOIN section s ON s.id = x.section",
    "invitation": "SELECT x.*, x.handover AS sample FROM invitation x",
    "consent_record": "SELECT x.*, x.handover AS sample FROM consent_record x",
    "signer_receipt": "SELECT x.*, p.handover AS sample FROM signer_receipt x JOIN handover_person p ON p.person = x.signer",
    "release": "SELECT x.*, x.handover AS sample FROM release x",
    "release_section": "SELECT x.*, r.handover AS sample FROM release_section x JOIN release r ON r.id = x.release",
    "partner_event": "SELECT x.*, x.handover AS sample FROM partner_event x",
}
"""What belongs to a handover, in the order in which it refers to each other: the rows that are copied, and of which one."""
KEPT = {("release", "professional")}
"""Ids of what is not copied."""
RECIPIENTS = ("handover_recipient", "release", "partner_event")
"""Where the organisation is the one that receives; elsewhere it is the sender."""
LONG = (("consent_record", "statement"), ("signer_receipt", "statement_sealed"))
BEGINNING = 200
ID, TAG, OIN = 36, 64, 20


@dataclass(frozen=True, slots=True)
class Grown:
    """A broker on a database of that many handovers, and those of them of which everything holds."""

    world: World
    real: tuple[Case, ...]
    street: Street
    bytes_of: dict[str, int]
    """On PostgreSQL, with indexes: what each table came to."""


@contextlib.asynccontextmanager
async def grown(
    database: str, size: int, server: PostgresServer | None, real: int, *, lean: bool = True
) -> AsyncIterator[Grown]:
    """So many handovers with all that belongs to them, and as many entries in the log; the broker runs on it.

    `lean`: of receipts and statements, most of the bytes and not in the rows themselves, copies have the beginning only.
    """
    with contextlib.ExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="rondom-bench-")))
        if server is None:
            url = copied_sqlite(migrated_sqlite(directory), directory)
        else:
            urls = server.create_database()
            held.callback(server.drop, urls)
            migrate.upgrade(urls.owner_url, application=urls.app_url)
            url = urls.app_url
        keys = make_keys(directory)
        store = a_storeroom(url, load_keyring(keys))
        try:
            now = datetime.now(UTC)
            street = await filled_with_lines(store, size, now, server)
            async with open_world(directory, database, url, keys) as world:
                await world.settle()
                cases = [await answered(world) for _ in range(real)]
                await world.settle()
                copied(store, size - real, [case.handover.id for case in cases], now, server, lean=lean)
                yield Grown(world, tuple(cases), street, sizes(url, server) if server else {})
        finally:
            await store.database.close()


async def answered(world: World) -> Case:
    """A handover that was pushed, answered by everybody who must, and read once."""
    case = await push(world, TOM)
    world.handovers[TOM] = case.handover.id
    await world.everybody_says_yes(TOM)
    response = await case.ask()
    assert response.status_code == 200, response.text
    return case


def copied(
    store: Storeroom, number: int, samples: list[str], now: datetime, server: PostgresServer | None, *, lean: bool
) -> None:
    """Copy the samples in turns until there are so many copies, spread over the years until now."""
    with taking_in(store, server) as (_, run), typer.progressbar(length=number, label=f"{number:,} handovers") as bar:
        for statement in _preparing(samples, lean=lean):
            run(statement)
        for first in range(0, number, STEP):
            last = min(first + STEP, number)
            for statement in _copying(first, last, number, len(samples), now, server):
                run(statement)
            bar.update(last - first)
        for statement in _ended(server):
            run(statement)
        if server is None:
            run("ANALYZE")


def _preparing(samples: list[str], *, lean: bool) -> Iterator[str]:
    yield "CREATE TEMPORARY TABLE sample (place INTEGER PRIMARY KEY, id TEXT)"
    values = ", ".join(f"({place}, '{identity}')" for place, identity in enumerate(samples))
    yield f"INSERT INTO sample VALUES {values}"
    for table, rows in OF.items():
        yield f"CREATE TEMPORARY TABLE of_{table} AS SELECT w.* FROM ({rows}) w JOIN sample ON sample.id = w.sample"
    for table, column in LONG if lean else ():
        yield f"UPDATE of_{table} SET {column} = substr({column}, 1, {BEGINNING})"


def _copying(
    first: int, last: int, number: int, samples: int, now: datetime, server: PostgresServer | None
) -> Iterator[str]:
    """A copy has the number `n`; its ids begin with its time, and go on as those of the sample do."""
    milliseconds = int(YEARS.total_seconds() * 1000) // max(number, 1)
    since = int((now - YEARS).timestamp() * 1000)
    if server is not None:
        counted = f"SELECT n, {since} + n::bigint * {milliseconds} AS ms FROM generate_series({first}, {last - 1}) n"
        stamp = "lpad(to_hex(ms), 12, '0')"
        at = "to_timestamp(ms / 1000.0)"
        day = "(to_timestamp(ms / 1000.0))::date"
        half, years, past = f"least({day} + 180, current_date - 1)", f"{day} + 3650", day
    else:
        counted = (
            f"WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last - 1}) "
            f"SELECT n, {since} + n * {milliseconds} AS ms FROM s"
        )
        stamp = "printf('%012x', ms)"
        at = "strftime('%Y-%m-%d %H:%M:%f', ms / 1000.0, 'unixepoch') || '000'"
        half = "min(date(ms / 1000.0, 'unixepoch', '+180 days'), date('now', '-1 day'))"
        years, past = "date(ms / 1000.0, 'unixepoch', '+3650 days')", "date(ms / 1000.0, 'unixepoch')"
    head = f"substr({stamp}, 1, 8) || '-' || substr({stamp}, 9, 4)"
    yield "DROP TABLE IF EXISTS copy"
    yield (
        f"CREATE TEMPORARY TABLE copy AS SELECT n, {head} AS head, {at} AS at, {past} AS day, {half} AS half, "
        f"{years} AS years, {_oin('n')} AS sender, {_oin('n + 7')} AS recipient, sample.id AS sample FROM ({counted}) c JOIN sample ON sample.place = c.n % {samples}"
    )
    for table in OF:
        columns = t.metadata.tables[table].columns
        values = ", ".join(_value(table, column, server) for column in columns)
        names = ", ".join(f'"{column.name}"' for column in columns)
        join = ""
        if table == "release":
            join = "JOIN log_index i ON i.leaf_index = copy.n"
        yield (
            f'INSERT INTO "{table}" ({names}) SELECT {values} FROM copy JOIN of_{table} w ON w.sample = copy.sample '
            f"{join} ORDER BY copy.n"
        )


_RELEASE = "(SELECT min(r.id) FROM of_release r WHERE r.sample = copy.sample)"


def _value(table: str, column: Any, server: PostgresServer | None) -> str:
    """What a column of a copy is."""
    name = f'w."{column.name}"'
    special = {
        ("release", "entry_id"): "i.entry_id",
        ("partner_event", "place"): f"copy.n * 10 + {name}",
        ("handover", "consent_until"): "copy.half",
        ("handover", "retain_until"): "copy.years",
        ("handover", "erased_at"): "CASE WHEN copy.n % 10 = 0 THEN copy.at END" if server else name,
        ("handover", "state"): "CASE WHEN copy.n % 10 = 0 THEN 'withdrawn' ELSE w.state END",
        ("handover", "reference_tag"): _tag(name, server),
        ("contact", "value_tag"): _tag(name, server),
        ("partner_event", "release"): f"copy.head || substr({_RELEASE}, 14)",
        ("person", "needed_on"): "copy.day",
    }
    if (table, column.name) in special:
        return special[table, column.name]
    if isinstance(column.type, Instant):
        return f"CASE WHEN {name} IS NULL THEN NULL ELSE copy.at END"
    length = getattr(column.type, "length", None)
    if length == OIN:
        return "copy.recipient" if table in RECIPIENTS else "copy.sender"
    if length == ID and (table, column.name) not in KEPT:
        return f"copy.head || substr({name}, 14)"
    if length == TAG and column.unique:
        return _tag(name, server)
    if table == "person_tag" and column.name == "tag":
        return _tag(name, server)
    return name


def _oin(number: str) -> str:
    """One of the organisations of the log's street."""
    first = ORGANISATIONS[0]
    return f"'{first[:14]}' || ({int(first[14:])} + ({number}) % {len(ORGANISATIONS)})"


def _tag(name: str, server: PostgresServer | None) -> str:
    """Another of the same length."""
    if server is not None:
        return f"substr(md5({name} || copy.n) || md5(copy.n || {name}), 1, length({name}))"
    return f"substr(lower(hex(randomblob(32))), 1, length({name}))"


def _ended(server: PostgresServer | None) -> Iterator[str]:
    """What belongs to those that ended."""
    over = "(SELECT id FROM handover WHERE state = 'withdrawn' AND erased_at IS NULL)"
    if server is None:
        yield f"UPDATE handover SET erased_at = created_at WHERE id IN {over}"
    gone = "(SELECT id FROM handover WHERE state = 'withdrawn')"
    yield f"UPDATE section SET ciphertext = NULL, wrapped_key = NULL, kid = NULL, mark = NULL WHERE handover IN {gone}"
    yield f"DELETE FROM handover_person WHERE handover IN {gone}"


def sizes(url: str, server: PostgresServer) -> dict[str, int]:
    """Bytes of each table, with its indexes and what lies beside it."""
    from sqlalchemy.engine import make_url

    with server.admin(str(make_url(url).database)) as admin:
        found = admin.execute(
            "SELECT relname, pg_total_relation_size(oid) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        return dict(found.fetchall())
