"""The ground under the tests is what it says: a broker's role without power, copies of a template, a browser cut off."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.browser import NoBrowser, chromium_path
from tests.support.postgres import APP_ROLE, DatabaseUrls, PostgresServer, libpq_url


@pytest.fixture
def database(postgres_server: PostgresServer) -> Iterator[DatabaseUrls]:
    database = postgres_server.create_database()
    yield database
    postgres_server.drop(database)


async def test_the_brokers_role_has_no_power_and_owns_nothing(database):
    async with await psycopg.AsyncConnection.connect(libpq_url(database.app_url)) as connection:
        role = await connection.execute(
            "SELECT current_user, rolsuper, rolcreatedb, rolcreaterole, rolbypassrls FROM pg_roles"
            " WHERE rolname = current_user"
        )
        assert await role.fetchone() == (APP_ROLE, False, False, False, False)
        owner = await connection.execute(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        )
        assert await owner.fetchone() != (APP_ROLE,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute("CREATE TABLE mine (id int)")


def test_the_brokers_role_reads_nothing_that_it_was_not_granted(database):
    with psycopg.connect(libpq_url(database.owner_url)) as owner:
        owner.execute("CREATE TABLE log_entry (id int)")
    with psycopg.connect(libpq_url(database.app_url)) as broker, pytest.raises(psycopg.errors.InsufficientPrivilege):
        broker.execute("SELECT * FROM log_entry")


def test_a_wrong_password_does_not_open_the_database(database):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(libpq_url(database.app_url).replace(f"{APP_ROLE}-test", "wrong"))


def test_a_template_is_migrated_once_and_its_copies_keep_owner_and_grants(postgres_server):
    made = []

    def migrate(database: DatabaseUrls) -> None:
        made.append(database)
        with psycopg.connect(libpq_url(database.owner_url)) as owner:
            owner.execute("CREATE TABLE entry (id int)")
            owner.execute("GRANT SELECT, INSERT ON entry TO broker_app")

    name = f"template_{id(made):x}"
    copies = [postgres_server.create_database(postgres_server.make_template(name, migrate)) for _ in range(2)]
    try:
        assert len(made) == 1
        with psycopg.connect(libpq_url(copies[0].app_url)) as first:
            first.execute("INSERT INTO entry VALUES (1)")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                first.execute("DELETE FROM entry")
        with psycopg.connect(libpq_url(copies[1].app_url)) as second:
            assert second.execute("SELECT count(*) FROM entry").fetchone() == (0,)
    finally:
        for copy in copies:
            postgres_server.drop(copy)


def test_a_template_whose_migration_fails_is_not_kept(postgres_server):
    def broken(database: DatabaseUrls) -> None:
        raise ValueError("does not migrate")

    for _ in range(2):
        with pytest.raises(ValueError, match="does not migrate"):
            postgres_server.make_template("template_broken", broken)


def test_what_was_committed_survives_a_crash_of_the_server(own_postgres_server):
    database = own_postgres_server.create_database()
    with psycopg.connect(libpq_url(database.owner_url)) as owner:
        owner.execute("CREATE TABLE entry AS SELECT 'kept' AS words")
    own_postgres_server.restart("immediate")
    with psycopg.connect(libpq_url(database.owner_url)) as owner:
        assert owner.execute("SELECT words FROM entry").fetchone() == ("kept",)
    assert b"kept" in own_postgres_server.dump(database)


def test_a_browser_that_cannot_be_run_is_an_error_with_advice(monkeypatch, tmp_path: Path):
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "chromium"))
    with pytest.raises(NoBrowser, match="CHROMIUM"):
        chromium_path()


def test_the_browser_reaches_nothing_but_this_machine(page):
    failed = []
    page.on("requestfailed", lambda request: failed.append(request.failure))
    page.set_content('<img src="http://elsewhere.example/pixel.png">')
    page.wait_for_load_state("networkidle")
    assert failed == ["net::ERR_NAME_NOT_RESOLVED"]
