"""What the commands of an organisation share: the client, the options that it needs, and what goes wrong in a sentence."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from broker.client import Client, ClientKey, ClientSealingKey, NotOpened, Refused, Unreachable
from broker.errors import Invalid, Unavailable, Words

Url = Annotated[str, typer.Option(help="The broker's address.")]
OwnOin = Annotated[str, typer.Option(help="Your OIN.")]
Key = Annotated[Path, typer.Option(help="Your private key (JWK: Ed25519, P-256 or RSA).")]

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_NOBODY = Words(
    "Op dit adres antwoordt geen broker. Er is niets verstuurd.",
    "No broker answers at this address. Check --url, and try again.",
)

_NO_BROKER = "What answers at this address is no broker, or stands before one (status {}). Check --url, and try again."


def plain(text: object) -> str:
    """Somebody's text for a terminal: nothing in it moves the cursor, changes a colour or turns the direction."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", str(text))


@contextmanager
def towards(url: str, oin: str, key: Path, opens_with: list[Path] | None = None) -> Iterator[Client]:
    """A client of this organisation. What the broker refuses is printed, and ends the command with exit code 2.

    Raises Invalid for a file that is no key, and Unavailable when nobody answers.
    """
    signing = _signing(key)
    opening = [_opening(path) for path in opens_with or ()]
    try:
        with Client(url, oin, signing, opens_with=opening, language="en", retries=2) as client:
            yield client
    except Unreachable:
        raise Unavailable(_NOBODY) from None
    except Refused as refused:
        typer.echo(plain(refused.detail or _NO_BROKER.format(refused.status)), err=True)
        for fault in refused.faults:
            typer.echo(plain(f"  {fault.get('pointer') or '/'}: {fault.get('detail', '')}"), err=True)
        raise typer.Exit(2) from None
    except NotOpened as broken:
        typer.echo(plain(broken), err=True)
        raise typer.Exit(2) from None


def _signing(path: Path) -> ClientKey:
    try:
        return ClientKey.read(path)
    except ValueError:
        raise Invalid.at(
            "/key",
            "Dit is geen eigen sleutel in JWK-vorm (Ed25519, P-256 of RSA). Maak er een met: broker client-keys",
            "This is no private key in JWK form (Ed25519, P-256 or RSA). Make one with: broker client-keys",
        ) from None


def _opening(path: Path) -> ClientSealingKey:
    try:
        return ClientSealingKey.read(path)
    except ValueError:
        raise Invalid.at(
            "/opens-with",
            "Dit is geen eigen sleutel om te openen.",
            "This is no private sealing key. See: broker client-keys",
        ) from None
