"""`broker keys`: make and list the broker's own keys. A key is never printed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from broker.crypto.keyring import KeyPurpose, load_keyring, make_key, write_key
from broker.errors import Conflict, Words
from broker.settings import keys_directory

app = typer.Typer(no_args_is_help=True, help="The broker's own keys.")


def make_all(directory: Path, *, demo: bool = False) -> int:
    """Make a key for every purpose. Raises Conflict when there are keys already."""
    if directory.is_dir() and any(directory.glob("*.*.json")):
        raise Conflict(
            Words(
                "Er zijn al sleutels. Er is niets veranderd.",
                "There are keys already. Nothing was changed.",
            )
        )
    now = datetime.now(UTC)
    for purpose in KeyPurpose:
        write_key(directory, make_key(purpose, now, demo=demo))
    return len(KeyPurpose)


@app.command("init")
def init(demo: Annotated[bool, typer.Option(help="Keys for a demonstration; refused in production.")] = False) -> None:
    """Make a key for every purpose, readable by you alone."""
    count = make_all(keys_directory(), demo=demo)
    typer.echo(f"{count} keys made. Keep a copy in a safe place: without them nothing can be opened.")


@app.command("list")
def listed(as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False) -> None:
    """Show purpose, id and age of every key; never the key."""
    keyring = load_keyring(keys_directory())
    rows = [
        {
            "purpose": purpose.value,
            "kid": key.kid,
            "created": key.created.isoformat(),
            "current": key is keyring.current(purpose),
            "demo": key.demo,
        }
        for purpose in KeyPurpose
        for key in keyring.all(purpose)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        mark = "in use" if row["current"] else "older"
        typer.echo(f"{row['purpose']:<12} {row['kid']}  {row['created']:.10}  {mark}")
