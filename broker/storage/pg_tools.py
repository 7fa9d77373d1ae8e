"""PostgreSQL's own `pg_dump` and `pg_restore`, found on the PATH: the password is never on their command line.

A restore happens in one transaction: whatever goes wrong, the database is as it was.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from psycopg.conninfo import make_conninfo
from sqlalchemy.engine import make_url

from broker.errors import Unavailable, Unsafe, Words
from broker.storage import tables

_MINE = {"log_state", "log_entry", "log_checkpoint", "handover", "alembic_version"}
_VERSION = re.compile(r"^COPY \S*alembic_version \(version_num\) FROM stdin;\n([^\n\\]+)\n", re.MULTILINE)
_TABLE_DONE = re.compile(r"dumping contents of table|processing data for table")


def dump(address: str, target: Path, tick: Callable[[int, int], None]) -> None:
    """Write the whole database of one instant to a file, in pg_dump's custom format. Raises Unsafe, Unavailable."""
    _run("pg_dump", address, ["--format=custom", "--no-owner", "--no-privileges", f"--file={target}"], tick)


def restore(address: str, source: Path, tick: Callable[[int, int], None]) -> None:
    """Replace what the database holds by what the file holds, all or nothing. Raises Unsafe, Unavailable."""
    options = ["--clean", "--if-exists", "--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges"]
    _run("pg_restore", address, [*options, str(source)], tick)


def version_in(source: Path) -> str | None:
    """The version of the database that a dump is of; None when it is no whole dump of one of Rondom's."""
    listed = _read(["--list", str(source)])
    found = set(re.findall(r" TABLE DATA \S+ (\S+) ", listed or ""))
    if not found >= _MINE:
        return None
    held = _read(["--data-only", "--table=alembic_version", "--file=-", str(source)])
    version = _VERSION.search(held or "")
    whole = version is not None and _read(["--file=/dev/null", str(source)]) is not None
    return version[1] if version is not None and whole else None


def _read(arguments: list[str]) -> str | None:
    command = [_tool("pg_restore"), *arguments]
    done = subprocess.run(  # noqa: S603 - a list, no shell
        command, capture_output=True, text=True, errors="replace", check=False
    )
    return done.stdout if done.returncode == 0 else None


def _tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        raise Unsafe(
            Words(
                f"{name} is niet gevonden. Installeer de gereedschappen van PostgreSQL en zet hun map in PATH.",
                f"{name} was not found. Install PostgreSQL's client tools and put their folder in PATH.",
            )
        )
    return found


def _run(name: str, address: str, arguments: list[str], tick: Callable[[int, int], None]) -> None:
    url = make_url(address)
    where = {"host": url.host, "port": url.port, "user": url.username, "dbname": url.database, **url.query}
    named = make_conninfo("", **{key: str(value) for key, value in where.items() if value and key != "password"})
    environment = {**os.environ, **({"PGPASSWORD": str(url.password)} if url.password else {})}
    command = [_tool(name), "--verbose", "--no-password", f"--dbname={named}", *arguments]
    last = ""
    done, total = 0, len(tables.metadata.tables) + 1
    with subprocess.Popen(  # noqa: S603 - a list, no shell
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    ) as running:
        for line in running.stderr or ():
            if _TABLE_DONE.search(line):
                done = min(done + 1, total)
                tick(done, total)
            if " error: " in line and not last:
                last = line
    tick(total, total)
    if running.returncode:
        raise _refused(name, last)


def _refused(name: str, said: str) -> Exception:
    """In our words: what the tool says may quote names, addresses and rows."""
    if any(words in said for words in ("permission denied", "must be owner", "lack SELECT privilege")):
        return Unsafe(
            Words(
                f"{name} mag dit niet. Zet BROKER_OWNER_DATABASE_URL op de eigenaar van de database.",
                f"{name} may not do this. Set BROKER_OWNER_DATABASE_URL to the database's owner.",
            )
        )
    if "server version" in said or "unsupported version" in said:
        return Unsafe(
            Words(
                f"{name} is ouder dan de database. Installeer de versie die bij de database hoort.",
                f"{name} is older than the database. Install the version that belongs to the database.",
            )
        )
    if "connection to server" in said or "password" in said:
        return Unavailable(
            Words(
                f"{name} bereikt de database niet. Kijk naar het adres, het wachtwoord en de server.",
                f"{name} does not reach the database. Look at the address, the password and the server.",
            )
        )
    return Unavailable(
        Words(
            f"{name} is niet gelukt. De database is niet veranderd. Kijk in het logboek van PostgreSQL.",
            f"{name} did not work. The database was not changed. Look in PostgreSQL's own log.",
        )
    )
