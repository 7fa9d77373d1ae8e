"""`broker push`: the client on the command line."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from broker.client import Client, ClientKey, Refused
from broker.errors import Invalid, Unavailable, Words

_NOBODY = Words(
    "Op dit adres antwoordt geen broker. Er is niets verstuurd.",
    "No broker answers at this address. Check --url, and try again.",
)


def push(
    file: Annotated[Path, typer.Argument(help="The body of a handover, as JSON.")],
    url: Annotated[str, typer.Option(help="The broker's address.")],
    oin: Annotated[str, typer.Option(help="Your OIN.")],
    key: Annotated[Path, typer.Option(help="Your private key (JWK, Ed25519).")],
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


@contextmanager
def towards(url: str, oin: str, key: Path) -> Iterator[Client]:
    """A client of this organisation. What the broker refuses is printed, and ends the command with exit code 2.

    Raises Invalid for a file that is no key, and Unavailable when nobody answers.
    """
    try:
        signing = ClientKey.read(key)
    except ValueError:
        raise Invalid.at(
            "/key", "Dit is geen Ed25519-sleutel in JWK-vorm.", "This is no Ed25519 private key in JWK form."
        ) from None
    try:
        with Client(url, oin, signing, language="en") as client:
            yield client
    except (httpx.HTTPError, httpx.InvalidURL):
        raise Unavailable(_NOBODY) from None
    except Refused as refused:
        typer.echo(f"{refused.problem.get('detail', refused)}", err=True)
        for fault in refused.problem.get("errors", ()):
            typer.echo(f"  {fault['pointer'] or '/'}: {fault['detail']}", err=True)
        raise typer.Exit(2) from None


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
