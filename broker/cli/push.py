"""`broker push`: the client on the command line."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.towards import Key, OwnOin, Url, towards
from broker.client import Client
from broker.errors import Invalid


def push(
    file: Annotated[Path, typer.Argument(help="The body of a handover, as JSON.")],
    url: Url,
    oin: OwnOin,
    key: Key,
    sealed: Annotated[
        bool, typer.Option("--sealed", help="Seal every section here, so that nobody on the way reads it.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="With --sealed: write the sealed body here first; push that file to repeat.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only try: say who could read what and what misses; nothing is kept.")
    ] = False,
) -> None:
    """Push a handover; prints its id and which sections are open. With --dry-run: what it would come to."""
    if keep is not None and not sealed:
        raise Invalid.at("/keep", "--keep hoort bij --sealed.", "--keep goes with --sealed. Nothing was sent.")
    try:
        body = json.loads(file.read_bytes(), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError):
        raise Invalid.at("", "Dit bestand is geen JSON.", "This file is no JSON.") from None
    with towards(url, oin, key) as client:
        if sealed:
            body = _sealed(client, body, keep)
        send = client.dry_run if dry_run else client.push
        typer.echo(json.dumps(send(body), indent=1))


def _sealed(client: Client, body: Any, keep: Path | None) -> Any:
    """The body sealed, and kept where it is wanted. Raises Invalid for a body that cannot be sealed, or a file that is there."""
    try:
        body = client.seal(body)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        raise Invalid.at(
            "/sections",
            "Om te verzegelen zijn reference, en per onderdeel type, mediaType en passende content nodig.",
            "Sealing needs a reference, and of each section its type, mediaType and content of that type.",
        ) from None
    try:
        if keep is not None:
            descriptor = os.open(keep, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(body, file)
    except OSError:
        raise Invalid.at(
            "/keep",
            "Dit bestand is er al, of kan hier niet.",
            "This file exists, or cannot be here. To repeat, push that file without --sealed.",
        ) from None
    return body


def _no_number(_: str) -> None:
    raise ValueError("not a JSON number")
