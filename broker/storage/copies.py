"""A copy of the whole database that was checked before it got its name, and put back only where it belongs.

- A copy is made while the broker serves: it is the database of one instant. It never holds a key.
- A copy has mode 0600, never overwrites, and is not there under its name until it is whole and on the disk.
- Putting back refuses what is damaged, no database of Rondom, or of a newer version; and a database in use.
- What was replaced is kept beside it until somebody throws it away.
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from sqlalchemy import Engine, text

from broker.errors import Conflict, Invalid, Unavailable, Unsafe, Words
from broker.storage import migrate, pg_tools
from broker.storage.engine import database_url

Tick = Callable[[int, int], None]
"""Hears how much is done, and of how much."""

PAGES = 512
"""Pages of SQLite that are copied between two ticks."""

_THERE_ALREADY = Words(
    "Er staat al iets onder die naam. Kies een andere; er is niets overschreven.",
    "There is something by that name already. Choose another one; nothing was overwritten.",
)
_NO_PLACE = Words(
    "Daar is niet te schrijven. Kies een map die er is, waar u mag schrijven, met genoeg ruimte.",
    "Nothing can be written there. Choose a folder that is there, where you may write, with room enough.",
)
_NO_COPY = Words(
    "Dit is geen kopie van een database van Rondom, of ze is beschadigd. Er is niets teruggezet.",
    "This is no copy of a database of Rondom, or it is damaged. Nothing was put back.",
)
_NEWER = Words(
    "Deze kopie is van een nieuwere versie van Rondom. Installeer die eerst; er is niets teruggezet.",
    "This copy is of a newer version of Rondom. Install that first; nothing was put back.",
)
_NOT_EMPTY = Words(
    "Er is al een database. Zet --replace erbij om haar te vervangen; er is niets teruggezet.",
    "There is a database already. Add --replace to replace it; nothing was put back.",
)
_IN_USE = Words(
    "De database is in gebruik. Stop eerst elke broker; er is niets teruggezet.",
    "The database is in use. Stop every broker first; nothing was put back.",
)
_KEPT_BEFORE = Words(
    "Naast de database staat nog wat er eerder vervangen is (.replaced). Zet dat weg; er is niets teruggezet.",
    "Beside the database is still what was replaced before (.replaced). Move it away; nothing was put back.",
)


def back_up(address: str, target: Path, tick: Tick) -> int:
    """Copy the database to a new file; returns how many entries its log has.

    Raises Conflict when there is something already, Invalid where nothing can be written, Unsafe for a database that
    is not at this program's version or whose copy is not whole, and Unavailable when it does not answer.
    """
    if os.path.lexists(target):
        raise Conflict(_THERE_ALREADY)
    file = _file_of(address)
    if (file and not Path(file).is_file()) or migrate.version_of(address) not in migrate.versions():
        raise Unsafe(_no_database())
    with _draft(target) as draft:
        if file:
            _copy_pages(file, draft, tick)
            _check_file(draft)
            size = _log_size(draft)
        else:
            pg_tools.dump(address, draft, tick)
            if pg_tools.version_in(draft) is None:
                raise Unavailable
            size = _server_log_size(address)
        _sync(draft)
    return size


def put_back(address: str, source: Path, tick: Tick, *, replace: bool, application: str = "") -> None:
    """Put a copy in the database's place, and bring it to the newest version; grants `application` its rights.

    Raises Invalid for a source that is no copy or of a newer version, Conflict when there is a database and not
    `replace`, or when it is in use, and Unsafe and Unavailable as `migrate.upgrade` does.
    """
    if not source.is_file():
        raise Invalid.at("/source", _NO_COPY.nl, _NO_COPY.en)
    if _file_of(address):
        _put_file_back(Path(_file_of(address)), source, tick, replace=replace)
    else:
        _put_server_back(address, source, tick, replace=replace)
    migrate.upgrade(address, application=application)


def _file_of(address: str) -> str:
    """The file of an embedded database; empty for a server's."""
    url = database_url(address)
    return str(url.database or "") if url.get_backend_name() == "sqlite" else ""


def _no_database() -> Words:
    return Words(
        "Hier is geen database van deze versie van Rondom. Kijk naar BROKER_DATABASE_URL.",
        "There is no database of this version of Rondom here. Look at BROKER_DATABASE_URL.",
    )


@contextlib.contextmanager
def _draft(target: Path) -> Iterator[Path]:
    """A file beside the target that gets its name at the end, or is gone."""
    draft = target.with_name(f".{target.name}.part")
    try:
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600))
        draft.chmod(0o600)
        yield draft
        os.link(draft, target)  # unlike a rename, never over something that came meanwhile
        _sync(target.parent)
    except FileExistsError:
        raise Conflict(_THERE_ALREADY) from None
    except OSError:
        raise Invalid.at("/target", _NO_PLACE.nl, _NO_PLACE.en) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


# SQLite


def _copy_pages(file: str, draft: Path, tick: Tick) -> None:
    """The pages of one instant: an open transaction keeps the view, so a busy database does not make it start again."""
    try:
        with contextlib.closing(_opened(file)) as source, contextlib.closing(sqlite3.connect(draft)) as copy:
            source.execute("BEGIN")
            source.execute("SELECT count(*) FROM log_state").fetchone()
            source.backup(copy, pages=PAGES, progress=lambda _, left, total: tick(total - left, total))
            source.execute("ROLLBACK")
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
    except sqlite3.Error as error:
        raise _sqlite_failed(error) from None


def _sqlite_failed(error: sqlite3.Error) -> Exception:
    if "disk" in str(error) or "full" in str(error):
        return Invalid.at("/target", _NO_PLACE.nl, _NO_PLACE.en)
    return Unavailable()


def _opened(file: str | Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    connection.execute("PRAGMA temp_store=MEMORY")
    return connection


def _check_file(file: Path) -> None:
    """Raises Invalid unless it is a whole database of Rondom, of a version that this program knows."""
    whole, versions = False, []
    try:
        with contextlib.closing(sqlite3.connect(f"{file.resolve().as_uri()}?immutable=1", uri=True)) as copy:
            whole = copy.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]
            whole = whole and not copy.execute("PRAGMA foreign_key_check").fetchall()
            found = {name for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            whole = whole and {"log_state", "log_entry", "log_checkpoint", "handover"} <= found
            versions = copy.execute("SELECT version_num FROM alembic_version").fetchall()
    except sqlite3.Error:
        whole = False
    if not whole or len(versions) != 1:
        raise Invalid.at("/source", _NO_COPY.nl, _NO_COPY.en)
    if versions[0][0] not in migrate.versions():
        raise Invalid.at("/source", _NEWER.nl, _NEWER.en)


def _log_size(file: Path) -> int:
    with contextlib.closing(sqlite3.connect(file)) as copy:
        return int(copy.execute("SELECT size FROM log_state").fetchone()[0])


def _put_file_back(file: Path, source: Path, tick: Tick, *, replace: bool) -> None:
    _check_file(source)
    if file.exists() and not replace:
        raise Conflict(_NOT_EMPTY)
    draft, replaced = file.with_name(f".{file.name}.part"), file.with_name(f"{file.name}.replaced")
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.touch(0o600)
        shutil.copyfile(source, draft)
        _check_file(draft)
        _sync(draft)
        if file.exists():
            if os.path.lexists(replaced):
                raise Conflict(_KEPT_BEFORE)
            _close_down(file)
            file.chmod(0o600)
            file.rename(replaced)
        draft.rename(file)
        _sync(file.parent)
    except OSError:
        raise Invalid.at("/target", _NO_PLACE.nl, _NO_PLACE.en) from None
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
    tick(1, 1)


def _close_down(file: Path) -> None:
    """Bring what stands beside the file into it. Raises Conflict while anybody has it open; a damaged one goes as it is.

    Leaving WAL mode needs the file for oneself alone (SQLite, "Write-Ahead Logging", section 3.1).
    """
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=1, isolation_level=None)) as connection:
            connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Conflict(_IN_USE) from None
    except sqlite3.DatabaseError:
        for end in ("-wal", "-shm", "-journal"):
            file.with_name(file.name + end).unlink(missing_ok=True)


# PostgreSQL


def _put_server_back(address: str, source: Path, tick: Tick, *, replace: bool) -> None:
    version = pg_tools.version_in(source)
    if version is None:
        raise Invalid.at("/source", _NO_COPY.nl, _NO_COPY.en)
    if version not in migrate.versions():
        raise Invalid.at("/source", _NEWER.nl, _NEWER.en)
    with migrate.opened(address) as engine:
        if _others(engine):
            raise Conflict(_IN_USE)
    if migrate.version_of(address) and not replace:
        raise Conflict(_NOT_EMPTY)
    pg_tools.restore(address, source, tick)


def _others(engine: Engine) -> bool:
    """Whether anybody else is connected to this database."""
    with engine.connect() as connection:
        counted = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND usename IS NOT NULL"
        )
        return bool(connection.execute(counted).scalar())


def _server_log_size(address: str) -> int:
    with migrate.opened(address) as engine, engine.connect() as connection:
        return int(connection.execute(text("SELECT size FROM log_state")).scalar() or 0)
