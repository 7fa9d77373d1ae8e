"""`broker client-keys` and `broker open`: an organisation's own keys, and what was sealed to them."""

import json
from pathlib import Path
from typing import Annotated

import typer

from broker.client import ClientKey, ClientSealingKey, NotOpened, open_release
from broker.errors import Conflict, Invalid, Words


def client_keys(directory: Annotated[Path, typer.Argument(help="Where; made when it is not there.")]) -> None:
    """Make an organisation's two keys: one to sign with, one to which the broker seals. Never overwrites.

    The files *.public.json are for the broker's operator; the files *.private.json never leave your machine.
    """
    keys: dict[str, ClientKey | ClientSealingKey] = {"signing": ClientKey.new(), "sealing": ClientSealingKey.new()}
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any((directory / f"{name}.{half}.json").exists() for name in keys for half in ("private", "public")):
            raise FileExistsError
        for name, key in keys.items():
            key.write(directory / f"{name}.private.json")
            public = json.dumps(key.public_jwk(), indent=1)
            (directory / f"{name}.public.json").write_text(f"{public}\n", encoding="utf-8")
    except OSError:
        raise Conflict(_THERE) from None
    typer.echo(
        f"Made in {directory}. Give both *.public.json to the broker's operator; keep *.private.json to yourself."
    )


def open_sealed(
    file: Annotated[Path, typer.Argument(help="The answer to a request for a release, as JSON.")],
    oin: Annotated[str, typer.Option(help="Your OIN.")],
    key: Annotated[list[Path], typer.Option(help="Your private sealing key; may be given more than once.")],
) -> None:
    """Open what was sealed to you; prints the release with its content."""
    try:
        keys = [ClientSealingKey.read(path) for path in key]
    except ValueError:
        raise Invalid.at(
            "/key", "Dit is geen eigen sleutel om te openen.", "This is no private sealing key. See: broker client-keys"
        ) from None
    try:
        release = json.loads(file.read_bytes())
        typer.echo(json.dumps(open_release(release, oin, keys), ensure_ascii=False, indent=1))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise Invalid.at("", "Dit bestand is geen antwoord op een verzoek.", "This file is no release.") from None
    except NotOpened as broken:
        typer.echo(str(broken), err=True)
        raise typer.Exit(1) from None


_THERE = Words(
    "Hier zijn al sleutels, of hier kan niet worden geschreven. Er is niets veranderd.",
    "There are keys here already, or nothing can be written here. Nothing was changed.",
)
