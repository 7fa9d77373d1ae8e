"""`broker keys`: make, list, rotate, rewrap and retire the broker's own keys. A key is never printed."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.running import use
from broker.crypto.keyring import KeyPurpose, load_keyring, make_key, read_keys, state_of, write_key
from broker.domain.keys import KeyStore
from broker.errors import Conflict, Words
from broker.services.keys import Rewrapped
from broker.settings import keys_directory
from broker.whole import Broker

app = typer.Typer(no_args_is_help=True, help="The broker's own keys.")


def make_all(directory: Path, *, demo: bool = False) -> int:
    """Make a key for every purpose. Raises Conflict when there are keys already."""
    if directory.is_dir() and any(directory.glob("*.*.json")):
        raise Conflict(
            Words(
                "Er zijn al sleutels. Er is niets veranderd. Wat ontbreekt, maakt: broker keys init --missing",
                "There are keys already. Nothing was changed. What is missing is made by: broker keys init --missing",
            )
        )
    return _make(directory, list(KeyPurpose), demo=demo)


def make_missing(directory: Path, *, demo: bool = False) -> list[KeyPurpose]:
    """Make a key for every purpose that has none to work with. Raises Unsafe for a damaged key."""
    there = {key.purpose for key in read_keys(directory) if key.usable} if directory.is_dir() else set()
    missing = [purpose for purpose in KeyPurpose if purpose not in there]
    _make(directory, missing, demo=demo)
    return missing


def _make(directory: Path, purposes: list[KeyPurpose], *, demo: bool) -> int:
    now = datetime.now(UTC)
    for purpose in purposes:
        write_key(directory, make_key(purpose, now, demo=demo))
    return len(purposes)


@app.command("init")
def init(
    demo: Annotated[bool, typer.Option(help="Keys for a demonstration; refused in production.")] = False,
    missing: Annotated[bool, typer.Option("--missing", help="Only what an existing folder does not have.")] = False,
) -> None:
    """Make a key for every purpose, readable by you alone."""
    if missing:
        made = make_missing(keys_directory(), demo=demo)
        typer.echo(f"{len(made)} keys made{': ' if made else ''}{', '.join(made)}.")
        return
    count = make_all(keys_directory(), demo=demo)
    typer.echo(f"{count} keys made. Keep a copy in a safe place: without them nothing can be opened.")


@app.command("list")
def listed(
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    usage: Annotated[bool, typer.Option("--usage", help="Ask the database what hangs on each wrapping key.")] = False,
) -> None:
    """Show purpose, id, age, store and state of every key; never the key."""
    keyring = load_keyring(keys_directory())
    counts: Mapping[str, int] = use(lambda broker: broker.keys.usage()) if usage else {}
    rows = [
        {
            "purpose": purpose.value,
            "kid": key.kid,
            "created": key.created.isoformat(),
            "current": key is keyring.current(purpose),
            "state": state_of(key, keyring.current(purpose)).value,
            "store": key.store.value,
            "demo": key.demo,
            **({"dataKeys": counts.get(key.kid, 0)} if usage and purpose is KeyPurpose.WRAPPING else {}),
        }
        for purpose in KeyPurpose
        for key in keyring.all(purpose)
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        count = f"  {row['dataKeys']} data keys" if "dataKeys" in row else ""
        typer.echo(f"{row['purpose']:<12} {row['kid']}  {row['created']:.10}  {row['store']:<7} {row['state']}{count}")


@app.command("rotate")
def rotate(
    purposes: Annotated[list[KeyPurpose] | None, typer.Argument(help="Which; without any, all that can be.")] = None,
    store: Annotated[
        KeyStore | None, typer.Option(help="Where a new wrapping key lives; without it, where the current one does.")
    ] = None,
) -> None:
    """Make new keys that do all new work from now on; older ones go on opening and verifying."""
    for key in use(lambda broker: broker.keys.rotate(purposes or (), store)):
        typer.echo(f"{key.purpose:<12} {key.kid}  {key.store}")


@app.command("rewrap")
def rewrap() -> None:
    """Put every data key under the current wrapping key; may be stopped and run again at any time."""
    try:
        done = use(_rewrap)
    except (KeyboardInterrupt, asyncio.CancelledError):
        typer.echo("Stopped. What was done stays done; run it again for the rest.", err=True)
        raise typer.Exit(2) from None
    typer.echo(f"{done.moved} data keys moved.")
    for identity in done.failed:
        typer.echo(f"cannot be opened: {identity}", err=True)
    raise typer.Exit(1 if done.failed else 0)


async def _rewrap(broker: Broker) -> Rewrapped:
    total = await broker.keys.left()
    with typer.progressbar(length=total, label="rewrapping", hidden=total < 100) as bar:
        return await broker.keys.rewrap(bar.update)


# One id in 64 begins with a dash (RFC 7638, section 3): it is an id all the same.
@app.command("retire", context_settings={"ignore_unknown_options": True})
def retire(
    kid: Annotated[str, typer.Argument(help="The key's id, from `broker keys list`.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say whether it may be done.")] = False,
) -> None:
    """Destroy a key that nobody uses any more; of a signing key the public half stays, for verifying."""
    left = use(lambda broker: broker.keys.retire(kid, dry_run=dry_run))
    typer.echo("It can be retired. Nothing was changed." if dry_run else "It is retired.")
    if left is not None:
        typer.echo(left.en, err=True)
