"""`broker push`: the client on the command line."""

import json
from pathlib import Path
from typing import Annotated

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
) -> None:
    """Push a handover; prints its id and which sections are open."""
    try:
        body = json.loads(file.read_bytes(), parse_constant=_no_number)
    except (OSError, ValueError, RecursionError):
        raise Invalid.at("", "Dit bestand is geen JSON.", "This file is no JSON.") from None
    try:
        signing = ClientKey.read(key)
    except ValueError:
        raise Invalid.at(
            "/key", "Dit is geen Ed25519-sleutel in JWK-vorm.", "This is no Ed25519 private key in JWK form."
        ) from None
    try:
        with Client(url, oin, signing, language="en") as client:
            typer.echo(json.dumps(client.push(body), indent=1))
    except (httpx.HTTPError, httpx.InvalidURL):
        raise Unavailable(_NOBODY) from None
    except Refused as refused:
        typer.echo(f"{refused.problem.get('detail', refused)}", err=True)
        for fault in refused.problem.get("errors", ()):
            typer.echo(f"  {fault['pointer'] or '/'}: {fault['detail']}", err=True)
        raise typer.Exit(2) from None


def _no_number(_: str) -> None:
    raise ValueError("not a JSON number")
