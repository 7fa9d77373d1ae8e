"""`broker witness`: the small program that a partner runs; it reads none of the broker's settings, keys or files."""

from pathlib import Path
from typing import Annotated

import typer

from broker.witness import house

app = typer.Typer(no_args_is_help=True, help="A witness of somebody else's log, run by a partner.")
_FOLDER = typer.Argument(help="The witness's folder: its key, the logs it knows, and what it has signed.")


@app.command("init")
def init(
    directory: Annotated[Path, _FOLDER],
    name: Annotated[str, typer.Option(help="Its name: an address without https://, such as witness.example/1.")],
) -> None:
    """Make a witness, and print the key that you give to the log's operator and to whoever verifies."""
    key = house.make(directory, name)
    typer.echo(key)
    typer.echo(f"Now put the log's key in {directory / house.LOGS}, and start: broker witness serve", err=True)


@app.command("serve")
def serve(
    directory: Annotated[Path, _FOLDER],
    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.", min=1, max=65535)] = 8081,
    log: Annotated[list[str] | None, typer.Option(help="A log's key, beside those in its file.")] = None,
) -> None:
    """Cosign checkpoints until stopped."""
    house.serve(directory, host, port, log or ())
