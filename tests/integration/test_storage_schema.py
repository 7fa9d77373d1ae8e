"""The database itself refuses to rewrite history, and its migrated form is exactly the one that the program knows."""

from collections.abc import AsyncIterator, Iterator

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.engine import make_url

from broker.domain.consents import ConsentRecord
from broker.domain.events import EventType, LogEvent
from broker.domain.parties import OfficerId
from broker.domain.stores import Approval, InForce, Proposal, Refusal
from broker.errors import Conflict, Unavailable, Unsafe
from broker.storage import migrate
from broker.storage import tables as t
from tests.factories import (
    NOW,
    SENDER,
    Storeroom,
    a_record,
    a_storeroom,
    born,
    with_handover,
    with_partners,
    with_people,
)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    yield store
    await store.database.close()


@pytest.fixture
def owner(database_url: str, request: pytest.FixtureRequest) -> Iterator[sa.Engine]:
    """A connection that may do everything the schema's owner may."""
    if database_url.startswith("sqlite"):
        engine = sa.create_engine(database_url)
    else:
        request.getfixturevalue("postgres_server")
        engine = sa.create_engine(
            make_url(database_url).set(username="broker_owner", password="broker_owner-test"), poolclass=sa.NullPool
        )
    yield engine
    engine.dispose()


async def filled(store: Storeroom) -> ConsentRecord:
    """One row in every insert-only table."""
    await with_partners(store)
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    record = a_record(people["mother"], id="r-1", handover=handover.id, person=people["child"])
    async with store.storage() as work:
        await work.consents.keep_notice(record.notice.digest, "nl", "Mag dit?", NOW)
        await work.consents.add(record, store.means.notary.sign(record))
        await work.policies.keep("d" * 64, {"a": "b"}, NOW)
        logged = await work.log.append(LogEvent(EventType.POLICY_ACTIVATED, NOW))
        await work.policies.put_in_force(InForce(1, "d" * 64, NOW, logged.entry.id))
        await work.policies.propose(Proposal("p-1", "d" * 64, 1, True, NOW, "x", NOW, logged.entry.id))
        await work.officers.invite(OfficerId("o-1"), "Anna", "CODE", NOW, NOW)
        await work.policies.approve(Approval("p-1", 1, OfficerId("o-1"), NOW, logged.entry.id))
        await work.commit()
    while await store.ledger().step():
        pass
    async with store.storage() as work:
        await work.witnesses.keep("w.example+00000000", 1, "a line", NOW)
        await work.witnesses.refuse(Refusal("w.example+00000000", 1, 2, NOW))
        await work.commit()
    return record


async def test_no_row_of_history_changes_or_goes_not_even_for_the_owner(store, owner):
    await filled(store)
    for table in t.INSERT_ONLY:
        found = t.metadata.tables[table]
        column = next(c.name for c in found.columns if isinstance(c.type, sa.String | sa.LargeBinary))
        statements = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]
        statements += [] if store.sqlite else [f"TRUNCATE {table} CASCADE"]
        with owner.connect() as connection:
            before = connection.execute(sa.select(found)).all()
            assert before
            connection.rollback()
            for statement in statements:
                with pytest.raises(sa.exc.DBAPIError, match="only ever inserted into"):
                    connection.execute(sa.text(statement))
                connection.rollback()
            assert connection.execute(sa.select(found)).all() == before


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no roles
async def test_the_brokers_own_role_may_only_read_and_insert_there(store):
    await filled(store)
    address = make_url(store.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(address, autocommit=True) as broker:
        for table in t.INSERT_ONLY:
            column = t.metadata.tables[table].columns.keys()[0]
            for statement in (
                f"UPDATE {table} SET {column} = {column}",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"ALTER TABLE {table} DISABLE TRIGGER ALL",
                f"DROP TABLE {table}",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    broker.execute(statement)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has no roles
async def test_the_brokers_role_may_use_every_other_table_and_truncate_none(store):
    rights = (
        "SELECT table_name, array_agg(privilege_type::text ORDER BY privilege_type)"
        " FROM information_schema.role_table_grants WHERE grantee = 'broker_app' GROUP BY table_name"
    )
    async with store.storage(writing=False) as work:
        found = {name: set(given) for name, given in (await work._connection.execute(sa.text(rights))).all()}
    for table in t.metadata.tables:
        expected = {"SELECT", "INSERT"} | (set() if table in t.INSERT_ONLY else {"UPDATE", "DELETE"})
        assert found.pop(table) == expected
    assert found == {"alembic_version": {"SELECT"}}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)  # PostgreSQL has no REPLACE
async def test_a_row_of_history_cannot_be_replaced(store):
    """SQLite's REPLACE deletes without asking, unless triggers are told to be recursive."""
    await filled(store)

    async def replace() -> None:
        async with store.storage() as work:
            await work._connection.execute(
                sa.text("REPLACE INTO notice SELECT digest, language, x'00', created_at FROM notice")
            )
            await work.commit()

    with pytest.raises((Conflict, Unavailable)):
        await replace()
    async with store.storage(writing=False) as work:
        assert await work.consents.notice("0" * 64) == "Mag dit?"


def test_the_migrated_database_is_what_the_tables_say(owner):
    with owner.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, t.metadata) == []
        assert context.get_current_revision() == migrate.newest()


def test_every_table_is_migrated_with_all_its_keys_and_indexes(owner):
    inspector = sa.inspect(owner)
    for name, table in t.metadata.tables.items():
        assert {i["name"] for i in inspector.get_indexes(name) if not i.get("duplicates_constraint")} == {
            index.name for index in table.indexes
        }
        uniques = {c.name for c in table.constraints if isinstance(c, sa.UniqueConstraint)}
        assert {u["name"] for u in inspector.get_unique_constraints(name)} == uniques
        assert {tuple(f["constrained_columns"]) for f in inspector.get_foreign_keys(name)} == {
            tuple(c.column_keys) for c in table.foreign_key_constraints
        }
        nullable = {c["name"]: c["nullable"] for c in inspector.get_columns(name)}
        assert nullable == {c.name: bool(c.nullable) for c in table.columns}


def test_upgrading_again_changes_nothing_and_says_the_version(database_url, owner):
    if database_url.startswith("sqlite"):
        assert migrate.upgrade(database_url) == migrate.newest()
    assert migrate.version_of(database_url) == migrate.newest()


def test_an_empty_database_has_no_version(tmp_path):
    assert migrate.version_of(f"sqlite:///{tmp_path / 'new.db'}") == ""


def test_a_database_that_does_not_answer_is_unavailable(tmp_path):
    for address in ("postgresql://x:secret@127.0.0.1:1/x", f"sqlite:///{tmp_path}"):
        for ask in (migrate.version_of, migrate.upgrade):
            with pytest.raises(Unavailable) as gone:
                ask(address)
            assert "secret" not in f"{gone.value!r}{gone.value.words}"


def test_a_file_that_is_no_database_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "broken.db"
    path.write_bytes(b"this is no database" * 500)
    for ask in (migrate.version_of, migrate.upgrade):
        with pytest.raises(Unavailable):
            ask(f"sqlite:///{path}")


def test_a_role_that_may_not_change_the_schema_cannot_upgrade_and_hears_so(postgres_server):
    empty = postgres_server.create_database()
    try:
        with pytest.raises(Unsafe, match="BROKER_OWNER_DATABASE_URL"):
            migrate.upgrade(empty.app_url)
        with pytest.raises(Unsafe, match="role"):
            migrate.upgrade(empty.owner_url, application=empty.app_url.replace("broker_app", "nobody_there"))
        assert migrate.version_of(empty.owner_url) == ""
    finally:
        postgres_server.drop(empty)


async def test_a_release_without_its_log_entry_is_refused_by_the_schema(store):
    await with_partners(store)
    people = await with_people(store, child=born(8))
    handover = await with_handover(store, people)

    async def release(entry: str) -> None:
        async with store.storage() as work:
            who = await work.organisations.professional(SENDER, "ab-12", "A. Bakker", "pro-1")
            values = {
                "id": "rel-1",
                "entry_id": entry,
                "handover": handover.id,
                "professional": who,
                "organisation": SENDER,
                "role": "r",
                "created_at": NOW,
            }
            await work._connection.execute(sa.insert(t.release).values(values))
            await work.commit()

    for entry in ("no-such-entry", None):
        with pytest.raises(Conflict):
            await release(entry)


def test_what_says_who_somebody_is_lies_sealed_or_tagged_only():
    """Every column is a word of the agreement, an id, a time, a count, a digest, a sentence about the log, or sealed."""
    plain = {c.name for table in t.metadata.tables.values() for c in table.columns if isinstance(c.type, sa.Text)}
    assert plain == {
        *("line", "jwks", "jwks_url", "sealing_key", "statement", "note", "texts", "section_types", "persons"),
        *("words", "signals", "places", "reachability"),
    }
    binary = {
        c.name for table in t.metadata.tables.values() for c in table.columns if isinstance(c.type, sa.LargeBinary)
    }
    sealed = {name for name in binary if name.endswith("_sealed")}
    assert binary - sealed == {
        "ciphertext", "wrapped_key", "leaf", "leaf_hash", "receipt_sig", "data", "root", "credential", "public_key", "mark",
    }  # fmt: skip
    names = {c.name for table in t.metadata.tables.values() for c in table.columns}
    assert not names & {"bsn", "birth", "birth_date", "email", "phone", "contact_value"}
