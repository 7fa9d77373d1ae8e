"""The schema's versions: brings a database to the newest one, and says whether it is there.

On PostgreSQL the owner migrates and the application gets a role of its own that can neither change the schema nor
touch a row of the insert-only tables.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DatabaseError, OperationalError, ProgrammingError

from broker.errors import Unavailable, Unsafe, Words
from broker.storage import tables
from broker.storage.engine import _begin_sqlite, _prepare_sqlite, database_url
from broker.storage.patience import CONNECTING

_NOT_ALLOWED = Words(
    "De database weigert dit. Zet BROKER_OWNER_DATABASE_URL op haar eigenaar, en maak eerst de rol van de broker.",
    "The database refuses this. Set BROKER_OWNER_DATABASE_URL to its owner, and first make the broker's role.",
)


def _config(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def _sync_engine(address: str) -> Engine:
    url = database_url(address)
    if url.get_backend_name() == "sqlite":
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        engine = create_engine(url.set(drivername="sqlite"), hide_parameters=True)
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    bounded = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECTING}
    return create_engine(url, hide_parameters=True, connect_args=bounded)


@contextlib.contextmanager
def opened(address: str) -> Iterator[Engine]:
    """Its engine, until the end of the block.

    Raises Unavailable for a database that is not there, or is none, and Unsafe where a role may not do this or is not
    there.
    """
    try:
        engine = _sync_engine(address)
        try:
            yield engine
        finally:
            engine.dispose()
    except (OperationalError, OSError):
        raise Unavailable from None
    except ProgrammingError:
        raise Unsafe(_NOT_ALLOWED) from None
    except DatabaseError as error:
        if "not a database" not in str(error.orig):
            raise
        raise Unavailable from None


def upgrade(address: str, *, application: str = "") -> str:
    """Bring the database to the newest version; give the role of the `application` address its rights.

    Returns the version. Raises Unavailable when the database does not answer.
    """
    with opened(address) as engine, engine.begin() as connection:
        command.upgrade(_config(connection), "head")
        if application and connection.dialect.name == "postgresql":
            _grant(connection, make_url(application).username or "")
        return MigrationContext.configure(connection).get_current_revision() or ""


def newest() -> str:
    """The version that this program needs."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return ScriptDirectory.from_config(config).get_current_head() or ""


def versions() -> frozenset[str]:
    """Every version that this program knows."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return frozenset(script.revision for script in ScriptDirectory.from_config(config).walk_revisions())


def version_of(address: str) -> str:
    """The version that a database has; empty when it has none. Raises Unavailable."""
    with opened(address) as engine, engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def _grant(connection: Connection, role: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(role)
    schema = connection.dialect.identifier_preparer.quote(
        str(connection.execute(text("SELECT current_schema()")).scalar())
    )
    connection.execute(text(f"GRANT USAGE ON SCHEMA {schema} TO {quoted}"))
    for table in tables.metadata.sorted_tables:
        rights = "SELECT, INSERT" if table.name in tables.INSERT_ONLY else "SELECT, INSERT, UPDATE, DELETE"
        connection.execute(text(f"GRANT {rights} ON {table.name} TO {quoted}"))
    connection.execute(text(f"GRANT SELECT ON alembic_version TO {quoted}"))
    connection.execute(text(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}"))
