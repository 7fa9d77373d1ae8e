"""Every committed entry comes into the tree exactly once, whoever sequences; nothing that was not committed does."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import LogSearch, TreeSeen, TreeState
from broker.errors import Conflict, NotFound, Tampered, Unavailable
from broker.storage import tables as t
from broker.storage.appending import write, write_one_by_one
from broker.storage.openings import SealedOpening, how_many
from broker.storage.unit_of_work import SqlStorage
from broker.transparency import ledger as module
from broker.transparency.merkle import leaf_hash, root_of
from tests.factories import NOW, SCHOOL, SENDER, Storeroom, a_keyring, a_storeroom


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    yield store
    await store.database.close()


def an_event(number: int = 0, **more) -> LogEvent:
    given = {
        "type": EventType.RELEASE_DENIED,
        "at": NOW + timedelta(seconds=number),
        "organisation": SCHOOL,
        "counterpart": SENDER,
        "facts": {"outcome": "denied", "number": number},
        "personal": (Personal("person-1", "subject", "person-1"), Personal("pro-1", "professional", "pro-1")),
        **more,
    }
    return LogEvent(**given)


async def append(store: Storeroom, *events: LogEvent, commit: bool = True) -> list:
    async with store.storage() as work:
        appended = [await work.log.append(event) for event in events]
        if commit:
            await work.commit()
    return appended


async def sequenced(store: Storeroom) -> list[str]:
    async with store.storage(writing=False) as work:
        rows = (await work._connection.execute(sa.select(t.log_index).order_by(t.log_index.c.leaf_index))).all()
    assert [row.leaf_index for row in rows] == list(range(len(rows)))
    return [row.entry_id for row in rows]


async def run_dry(*ledgers) -> None:
    while any(await asyncio.gather(*(ledger.step() for ledger in ledgers))):
        pass


async def test_an_entry_is_there_with_its_queue_row_and_receipt_or_not_at_all(store):
    await append(store, an_event(), commit=False)
    (appended,) = await append(store, an_event())
    ledger = store.ledger()
    assert await ledger.waiting() == 1
    async with store.storage(writing=False) as work:
        entry = await work.log.get(appended.entry.id)
        assert await work.log.get("no-such") is None
    assert (entry.leaf, entry.leaf_hash, entry.index) == (appended.entry.leaf, leaf_hash(entry.leaf), None)
    assert store.means.signatures.receipt_holds(entry.receipt.kid, entry.receipt.signature, entry.leaf)


WHOLE = ("log_entry", "log_queue", "log_opening", "log_subject_index")


async def rows_of(store: Storeroom, entry: str) -> dict[str, list[tuple]]:
    """All that was written of an entry, without its id and its place in the queue."""
    found = {}
    async with store.storage(writing=False) as work:
        for name in WHOLE:
            table = t.metadata.tables[name]
            columns = [column for column in table.c if column.name not in ("entry_id", "seq")] or [sa.literal(1)]
            wanted = sa.select(*columns).where(table.c.entry_id == entry)
            found[name] = sorted(map(tuple, (await work._connection.execute(wanted)).all()))
    return found


ODD = ['a "quoted" \\ one', "twee, regels\n{}[]", "çà ☕ \U0001f600", "NULL", "", "'; --"]


@pytest.mark.parametrize("count", [0, 1, len(ODD)])
async def test_both_ways_of_writing_an_entry_leave_the_same_rows(store, count):
    written = store.means.encode(an_event(), "unused")
    entry = {
        "leaf": written.leaf,
        "leaf_hash": written.leaf_hash,
        "receipt_kid": "k" * 43,
        "receipt_sig": bytes(range(64)),
        "type": "release:denied",
        "organisation": "",
        "counterpart": SENDER,
        "outcome": ODD[0],
        "created_at": NOW.astimezone(ZoneInfo("Europe/Amsterdam")),
    }
    tags = [f"{n:064x}" for n in range(min(count, 2))]
    openings = [
        SealedOpening(n, tags[n % len(tags)], field, bytes([n, 0, 255, 92, 39])) for n, field in enumerate(ODD[:count])
    ]
    ways = {"one": write, "two": write_one_by_one}
    async with store.storage() as work:
        for identity, way in ways.items():
            await way(work._connection, {"entry_id": identity, **entry}, openings, tags)
        await work.commit()
    one, two = [await rows_of(store, identity) for identity in ways]
    assert one == two
    assert [len(one[name]) for name in WHOLE] == [1, 1, count, len(tags)]


@pytest.mark.parametrize("table", [*WHOLE, "log_subject_key"])
async def test_when_the_database_refuses_any_part_nothing_is_written(store, table, request):
    """A trigger in the database itself, which does not know how its INSERT came in."""
    await append(store, an_event())
    event = an_event(1, personal=(Personal("person-2", "subject", "person-2"),))
    if store.sqlite:
        make = f"CREATE TRIGGER disk_full BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'disk full'); END"
        async with store.storage() as work:
            await work._connection.execute(sa.text(make))
            await work.commit()
    else:
        with request.getfixturevalue("postgres_server").admin(sa.make_url(store.url).database) as admin:
            admin.execute(
                "CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'full' USING ERRCODE = '53100'; END $$"
            )
            admin.execute(
                f"CREATE TRIGGER disk_full BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION disk_full()"
            )
    before = await counted(store)
    with pytest.raises((Unavailable, Conflict)):
        await append(store, event)
    assert await counted(store) == before


async def counted(store: Storeroom) -> list[int]:
    async with store.storage(writing=False) as work:
        tables = [t.metadata.tables[name] for name in (*WHOLE, "log_subject_key")]
        every = [await work._connection.execute(sa.select(sa.func.count()).select_from(table)) for table in tables]
    return [found.scalar_one() for found in every]


async def test_an_id_that_is_taken_is_a_conflict(store):
    (appended,) = await append(store, an_event())
    means = replace(store.means, ids=lambda: appended.entry.id)
    with pytest.raises(Conflict):
        await append(replace(store, storage=SqlStorage(store.database, means)), an_event(1))


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("at", ["log_subject_key", "log_entry"])
async def test_a_connection_that_is_lost_while_appending_is_unavailable_and_the_next_works(
    store, at, postgres_server, monkeypatch
):
    await append(store, an_event())
    execute = psycopg.AsyncConnection.execute

    async def cut(connection, statement, *given, **more):
        if at in statement:
            with postgres_server.admin() as admin:
                admin.execute("SELECT pg_terminate_backend(%s, 10000)", [connection.info.backend_pid])
        return await execute(connection, statement, *given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncConnection, "execute", cut)
        with pytest.raises(Unavailable):
            await append(store, an_event(1))
    await append(store, an_event(2))
    assert await store.ledger().waiting() == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_an_entry_with_openings_takes_two_statements(store, monkeypatch):
    await append(store, an_event())  # keys of the people are there
    said = []
    execute = psycopg.AsyncCursor.execute

    async def heard(cursor, statement, *given, **more):
        said.append(str(statement).split()[0])
        return await execute(cursor, statement, *given, **more)

    monkeypatch.setattr(psycopg.AsyncCursor, "execute", heard)
    async with store.storage() as work:
        said.clear()
        await work.log.append(an_event(1))
        assert said == ["SELECT", "WITH"]


async def test_openings_are_kept_apart_and_open_the_leaf(store):
    (appended,) = await append(store, an_event())
    async with store.storage(writing=False) as work:
        openings = await work.log.openings(appended.entry.id)
        stored = (await work._connection.execute(sa.select(t.log_opening))).all()
    facts = store.ledger().read(appended.entry.leaf, openings)
    assert facts.personal == {"subject": ["person-1"], "professional": ["pro-1"]}
    assert b"person-1" not in appended.entry.leaf
    assert b"pro-1" not in appended.entry.leaf
    assert "person-1" not in repr([tuple(row) for row in stored])


async def test_a_person_whose_key_is_destroyed_is_gone_from_the_log_and_the_log_still_holds(store):
    (appended,) = await append(store, an_event())
    await run_dry(store.ledger())
    async with store.storage() as work:
        tag = store.means.tags.tag("log-subject", "person-1")
        await work._connection.execute(sa.delete(t.log_subject_key).where(t.log_subject_key.c.tag == tag))
        await work.commit()
    async with store.storage(writing=False) as work:
        openings = await work.log.openings(appended.entry.id)
    assert store.ledger().read(appended.entry.leaf, openings).personal == {"professional": ["pro-1"]}
    assert (await store.ledger().check()).ok


async def test_one_key_per_person_also_when_many_entries_come_at_once(store):
    await asyncio.gather(*(append(store, an_event(n)) for n in range(8)))
    async with store.storage(writing=False) as work:
        assert len((await work._connection.execute(sa.select(t.log_subject_key))).all()) == 2
        found = await work.log.search(LogSearch(owner="person-1"))
        assert len(found) == 8
        for entry in found:
            assert len(await work.log.openings(entry.id)) == 2


async def test_a_changed_or_moved_opening_is_tampered(store):
    one, two = await append(store, an_event(1), an_event(2))
    async with store.storage() as work:
        c = t.log_opening.c
        other = (
            (await work._connection.execute(sa.select(c.ciphertext).where(c.entry_id == two.entry.id)))
            .scalars()
            .first()
        )
        await work._connection.execute(
            sa.update(t.log_opening).where(c.entry_id == one.entry.id, c.position == 0).values(ciphertext=other)
        )
        with pytest.raises(Tampered):
            await work.log.openings(one.entry.id)


RELEASED = an_event(
    3,
    personal=(
        Personal("pro-1", "professional", "pro-1"),
        Personal("pro-1", "role", "teacher"),
        Personal("child", "subject", "child"),
        Personal("child", "decision", '[{"told": "é😀"}]'),
        Personal("sister", "concerned", "sister"),
        *[Personal("child", "concerned", "")] * 4,
    ),
)
VALUES = {
    "professional": ["pro-1"], "role": ["teacher"], "subject": ["child"], "decision": ['[{"told": "é😀"}]'],
    "concerned": ["sister", "", "", "", ""],
}  # fmt: skip


async def openings_in(store, entry: str) -> list:
    async with store.storage(writing=False) as work:
        c = t.log_opening.c
        found = sa.select(t.log_opening).where(c.entry_id == entry).order_by(c.position)
        return list((await work._connection.execute(found)).all())


def tag_of(store, owner: str) -> str:
    return store.means.tags.tag("log-subject", owner)


async def as_before(store, entry: str) -> None:
    """The openings of an entry as they were written once: a row for each."""
    means = store.means
    async with store.storage() as work:
        keys = {row.tag: row.wrapped_key for row in await work._connection.execute(sa.select(t.log_subject_key))}
        packed, opened = await openings_in(store, entry), {o.position: o for o in await work.log.openings(entry)}
        await work._connection.execute(sa.delete(t.log_opening).where(t.log_opening.c.entry_id == entry))
        owners = {n: one.owner for n, one in enumerate(RELEASED.personal)}
        assert len(packed) < len(opened) == len(owners)
        for position, opening in opened.items():
            tag = tag_of(store, owners[position])
            key = await means.opened_keys.open(means.subject_keys, tag, keys[tag])
            clear = json.dumps([opening.salt, opening.value], ensure_ascii=False).encode()
            sealed = means.subject_keys.seal_with(key, f"{entry}:{position}", clear)
            row = {"entry_id": entry, "position": position, "tag": tag, "field": opening.field, "ciphertext": sealed}
            await work._connection.execute(sa.insert(t.log_opening).values(row))
        await work.commit()


async def test_an_owner_has_one_row_in_an_entry_whatever_is_in_it(store):
    (appended,) = await append(store, RELEASED)
    rows = await openings_in(store, appended.entry.id)
    whose = [("pro-1", 0, "2"), ("child", 2, "6"), ("sister", 4, "1")]
    assert [(row.tag, row.position, row.field) for row in rows] == [(tag_of(store, o), at, n) for o, at, n in whose]
    async with store.storage(writing=False) as work:
        openings = await work.log.openings(appended.entry.id)
    assert [opening.position for opening in openings] == list(range(9))
    assert store.ledger().read(appended.entry.leaf, openings).personal == VALUES


async def test_rows_of_before_are_read_beside_those_of_now(store):
    old, new = [one.entry for one in await append(store, RELEASED, RELEASED)]
    await as_before(store, old.id)
    assert len(await openings_in(store, old.id)) == 9
    async with store.storage(writing=False) as work:
        found = await work.log.openings_of([new.id, old.id])
    for entry in (old, new):
        assert store.ledger().read(entry.leaf, found[entry.id]).personal == VALUES


async def test_whoever_is_erased_goes_out_of_either_form_and_is_counted(store):
    old, new = [one.entry for one in await append(store, RELEASED, RELEASED)]
    await as_before(store, old.id)
    async with store.storage() as work:
        assert await work.erasure.forget(PersonId("child"), NOW) == 12
        await work.commit()
        found = await work.log.openings_of([new.id, old.id])
    left = {"professional": ["pro-1"], "role": ["teacher"], "concerned": ["sister"]}
    for entry in (old, new):
        read = store.ledger().read(entry.leaf, found[entry.id])
        assert (read.personal, read.gone) == (left, 6)


MOVED = {
    "another number": {"field": "5"},
    "no number": {"field": "decision"},
    "no number that is written": {"field": "02"},
    "another place": {"position": 7},
    "another entry": {"entry_id": "other"},
    "another owner": {"tag": "sister"},
    "cut short": {"ciphertext": -1},
}
MOVED_BEFORE = {**MOVED, "a number": {"field": "1"}, "a word": {"field": "role"}}
for of_now_only in ("no number", "another number", "no number that is written"):
    MOVED_BEFORE.pop(of_now_only)


@pytest.mark.parametrize(
    ("change", "before"),
    [*((change, False) for change in MOVED.values()), *((change, True) for change in MOVED_BEFORE.values())],
    ids=[*MOVED, *(f"{name}, of before" for name in MOVED_BEFORE)],
)
async def test_openings_open_where_they_belong_and_in_their_own_form(store, change, before):
    entry, other = [one.entry for one in await append(store, RELEASED, an_event(personal=()))]
    if before:
        await as_before(store, entry.id)
    row = next(r for r in await openings_in(store, entry.id) if r.position == 2)
    wrong = {"entry_id": other.id, "tag": tag_of(store, "sister"), "ciphertext": row.ciphertext[:-1]}
    values = {name: wrong.get(name, value) for name, value in change.items()}
    c = t.log_opening.c
    async with store.storage() as work:
        await work._connection.execute(
            sa.delete(t.log_opening).where(c.entry_id == entry.id, c.position == values.get("position"))
        )
        mine = sa.update(t.log_opening).where(c.entry_id == entry.id, c.position == 2)
        assert (await work._connection.execute(mine.values(values))).rowcount == 1
        await work.commit()
        holder = other if "entry_id" in change else entry
        with pytest.raises(Tampered):
            store.ledger().read(holder.leaf, await work.log.openings(holder.id))


@pytest.mark.parametrize(
    ("field", "number"),
    [("1", 1), ("11", 11), ("9999", 9999), ("subject", 1), ("", 1), ("0", 1), ("٣", 1), ("9" * 9, 1)],
)
def test_a_row_holds_as_many_as_it_says_or_one(field, number):
    assert how_many(field) == number


async def test_search_narrows_by_each_field_and_pages_newest_first(store):
    events = [
        an_event(1),
        an_event(2, type=EventType.RELEASE_PERMITTED, facts={"outcome": "permitted"}),
        an_event(3, organisation=Oin("00000099000000090000"), counterpart=None, personal=()),
        an_event(4, personal=(Personal("person-2", "subject", "person-2"),)),
    ]
    ids = [a.entry.id for a in await append(store, *events)]

    async def found(**wanted) -> list[int]:
        async with store.storage(writing=False) as work:
            return [ids.index(entry.id) + 1 for entry in await work.log.search(LogSearch(**wanted))]

    assert await found() == [4, 3, 2, 1]
    assert await found(limit=2) == [4, 3]
    assert await found(before=ids[2]) == [2, 1]
    assert await found(owner="person-1") == [2, 1]
    assert await found(owner="person-2") == [4]
    assert await found(owner="person-9") == []
    assert await found(organisation=SENDER) == [4, 2, 1]
    assert await found(organisation="00000099000000090000") == [3]
    assert await found(types=(EventType.RELEASE_PERMITTED,)) == [2]
    assert await found(outcome="denied") == [4, 3, 1]
    assert await found(since=NOW + timedelta(seconds=3)) == [4, 3]
    assert await found(until=NOW + timedelta(seconds=3)) == [2, 1]


async def test_before_the_first_entry_there_is_nothing_to_prove(store):
    with pytest.raises(NotFound):
        await store.ledger().checkpoint()
    assert await sequenced(store) == []


async def test_entries_of_many_writers_all_come_into_the_tree_once(store):
    ledger = store.ledger()
    running = asyncio.create_task(ledger.run())
    appended = await asyncio.gather(*(append(store, an_event(n), an_event(n + 100)) for n in range(30)))
    async with asyncio.timeout(20):
        while await ledger.waiting():
            ledger.kick()
            await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await ledger.step()
    order = await sequenced(store)
    assert sorted(order) == sorted(a.entry.id for pair in appended for a in pair)
    await whole(store, order)


async def whole(store: Storeroom, order: list[str]) -> None:
    """The log checks out, and its root is that of the leaves in this order, computed another way."""
    verdict = await store.ledger().check()
    assert verdict.ok, verdict.sentence
    async with store.storage(writing=False) as work:
        rows = {row.entry_id: row.leaf for row in (await work._connection.execute(sa.select(t.log_entry))).all()}
        state = await work.tree.state()
        latest = await work.checkpoints.latest()
    assert state.size == len(order) == latest[0]
    assert state.root == root_of([leaf_hash(rows[entry]) for entry in order])


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer: nobody commits late
async def test_an_entry_that_commits_late_is_not_passed_over(store):
    """The transaction that began first commits last: its place in the queue lies below what was sequenced already."""
    ledger = store.ledger()
    async with store.storage() as late:
        slow = await late.log.append(an_event(1, personal=()))
        (quick,) = await append(store, an_event(2, personal=()))
        await run_dry(ledger)
        assert await sequenced(store) == [quick.entry.id]
        await late.commit()
    await run_dry(ledger)
    assert await sequenced(store) == [quick.entry.id, slow.entry.id]


async def test_two_ledgers_on_one_database_race_and_place_each_entry_once(store):
    keyring = store.keyring
    other = a_storeroom(store.url, keyring) if not store.sqlite else store
    ledgers = [store.ledger(), other.ledger(), store.ledger()]

    async def write(number: int) -> list:
        done = []
        for n in range(6):
            done += await append(store if n % 2 else other, an_event(100 * number + n))
            await asyncio.sleep(0)
        return done

    async def drain(ledger) -> None:
        for _ in range(40):
            await ledger.step()
            await asyncio.sleep(0.002)

    found = await asyncio.gather(*(write(n) for n in range(6)), *(drain(ledger) for ledger in ledgers))
    await run_dry(*ledgers)
    order = await sequenced(store)
    assert sorted(order) == sorted(a.entry.id for done in found[:6] for a in done)
    await whole(store, order)
    if other is not store:
        await other.database.close()


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(st.sampled_from(["write", "undo", "step", "sequence", "publish", "cancel"]), max_size=14),
    st.sampled_from([1, 2, 3]),
)
def test_in_whatever_order_things_happen_the_tree_is_what_was_committed(
    tmp_path_factory, sqlite_template, steps, batch
):
    from tests.support.sqlite import copied_sqlite

    async def play() -> None:
        store = a_storeroom(copied_sqlite(sqlite_template, tmp_path_factory.mktemp("log")), KEYS)
        ledger, committed = store.ledger(), []
        for number, step in enumerate(steps):
            if step == "write":
                committed += [a.entry.id for a in await append(store, an_event(number, personal=()))]
            elif step == "undo":
                await append(store, an_event(number, personal=()), commit=False)
            elif step == "cancel":
                task = asyncio.create_task(ledger.step())
                await asyncio.sleep(0.001 * (number % 3))
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            else:
                await getattr(ledger, step)()
        await run_dry(ledger)
        assert await sequenced(store) == committed
        if committed:
            await whole(store, committed)
        await store.database.close()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BATCH", batch)
        asyncio.run(play())


KEYS = a_keyring()


async def test_a_changed_entry_is_never_sequenced(store):
    (appended,) = await append(store, an_event())
    forged = an_event(9)
    async with store.storage() as work:
        other = store.means.encode(forged, appended.entry.id)
        values = {
            "entry_id": "forged",
            "leaf": other.leaf,
            "leaf_hash": other.leaf_hash,
            "receipt_kid": appended.receipt.kid,
            "receipt_sig": appended.receipt.signature,
            "type": "release:denied",
            "organisation": "",
            "counterpart": "",
            "outcome": "",
            "created_at": NOW,
        }
        await work._connection.execute(sa.insert(t.log_entry).values(values))
        await work._connection.execute(sa.insert(t.log_queue).values(entry_id="forged"))
        await work.commit()
    with pytest.raises(Tampered):
        await store.ledger().step()
    assert await sequenced(store) == []


async def test_a_tree_that_was_changed_is_not_extended(store):
    await append(store, *[an_event(n, personal=()) for n in range(3)])
    await run_dry(store.ledger())
    async with store.storage() as work:
        await work._connection.execute(sa.update(t.log_state).values(root=b"\1" * 32))
        await work.commit()
    await append(store, an_event(4))
    with pytest.raises(Tampered):
        await store.ledger().step()
    assert len(await sequenced(store)) == 3


async def test_the_first_checkpoint_of_a_size_stays(store):
    async with store.storage() as work:
        await work.checkpoints.keep(5, "first", NOW)
        await work.checkpoints.keep(5, "second", NOW)
        await work.checkpoints.keep(3, "smaller", NOW)
        assert await work.checkpoints.latest() == (5, "first")
        assert await work.checkpoints.index_of("nothing") is None


async def test_tiles_grow_and_missing_ones_are_left_out(store):
    first, second = await append(store, an_event(1), an_event(2))
    async with store.storage() as work:
        state, _ = await work.tree.begin(1)
        grown = TreeState(1, b"1" * 32)
        await work.tree.extend(0, [first.entry.id], grown, {(0, 0): b"a" * 32, (0, 1): b"b" * 32})
        assert state.size == 0
        assert await work.tree.begin(5) == (grown, [await the_entry(work, second)])
        await work.tree.extend(1, [second.entry.id], TreeState(2, b"2" * 32), {(0, 0): b"a" * 32 + b"c" * 32})
        both = {(0, 0): b"a" * 32 + b"c" * 32, (0, 1): b"b" * 32}
        assert await work.tree.tiles([(0, 0), (0, 1), (1, 0)]) == both
        assert await work.tree.tiles([]) == {}
        seen, there = await work.tree.seen([(0, 1), (1, 0), (0, 0)])
        assert (seen, there) == (TreeSeen(TreeState(2, b"2" * 32), None), both)
        await work.checkpoints.keep(1, "older", NOW)
        await work.checkpoints.keep(2, "newest", NOW)
        assert await work.tree.seen([(3, 3)]) == (TreeSeen(TreeState(2, b"2" * 32), (2, "newest")), {})
        assert await work.tree.seen() == (TreeSeen(TreeState(2, b"2" * 32), (2, "newest")), {})


async def the_entry(work, appended):
    [entry] = await work.log.several([appended.entry.id])
    return entry


TREE = (t.log_index, t.log_queue, t.log_tile, t.log_state)


async def test_both_ways_to_extend_the_tree_leave_the_same_rows(store):
    appended = await append(store, *[an_event(n) for n in range(4)])
    ids, grown = [one.entry.id for one in appended], {(0, 0): b"a" * 64, (1, 0): b"b" * 32}
    found = []
    for way in ("extend", "extend_step_by_step"):
        async with store.storage() as work:
            extend = getattr(work.tree, way)
            await extend(0, ids[2:0:-1], TreeState(2, b"r" * 32), {(0, 0): b"a" * 32})
            await extend(2, ids[3:], TreeState(3, b"s" * 32), grown)
            rows = [(await work._connection.execute(sa.select(table))).all() for table in TREE]
            found.append([sorted(map(tuple, each)) for each in rows])  # and it is undone
    assert found[0] == found[1]
    assert [len(each) for each in found[0]] == [3, 1, 2, 1]


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer: nobody waits inside
async def test_who_waited_for_the_fence_sees_what_is_left_of_the_queue(store):
    """The statement that takes the fence began before somebody else placed an entry: it would be placed twice."""
    first, second = await append(store, an_event(1), an_event(2))
    async with store.storage() as before:
        await before.tree.begin(1)
        late = asyncio.create_task(begun(store))
        await waits_for_a_lock(store)
        await before.tree.extend(0, [first.entry.id], TreeState(1, b"1" * 32), {(0, 0): b"a" * 32})
        await before.commit()
    state, ids = await late
    assert state == TreeState(1, b"1" * 32)
    assert ids == [second.entry.id]


async def begun(store):
    async with store.storage() as work:
        state, entries = await work.tree.begin(5)
        return state, [entry.id for entry in entries]


async def waits_for_a_lock(store):
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    async with asyncio.timeout(20), store.database.engine.connect() as connection:
        while not (await connection.execute(waiting)).scalar_one():  # noqa: ASYNC110 - a lock tells nobody
            await asyncio.sleep(0.01)


async def test_a_place_that_is_missing_in_the_log_is_tampered(store):
    await append(store, *[an_event(n, personal=()) for n in range(3)])
    await run_dry(store.ledger())
    async with store.storage(writing=False) as work:
        assert [entry.index for entry in await work.checkpoints.leaves(1, 5)] == [1, 2]
        assert await work.checkpoints.leaves(3, 5) == []
