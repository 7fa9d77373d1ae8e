"""`broker theme`: a municipality's look is checked before a broker starts with it, and an example to begin from."""

from pathlib import Path
from typing import Annotated

import typer

from broker.errors import Invalid, Unavailable, Words
from broker.web.theme.municipal import example, read_theme

app = typer.Typer(no_args_is_help=True, help="The look of a municipality: colours, corners, font, logo.")


@app.command("check")
def check(file: Annotated[Path, typer.Argument(help="The file that BROKER_THEME will name.")]) -> None:
    """Say everything that is wrong with a theme, in Dutch and English. Exits 1 when something is."""
    try:
        content = file.read_bytes()
    except OSError:
        raise Unavailable(Words("Dit bestand is niet te lezen.", "This file cannot be read.")) from None
    try:
        theme = read_theme(content)
    except Invalid as error:
        for fault in error.faults:
            typer.echo(f"{fault.words.nl}\n{fault.words.en}")
        raise typer.Exit(1) from None
    typer.echo(f"The theme is right: {len(theme.css)} bytes, readable in light and in dark.")


@app.command("example")
def show() -> None:
    """Print a theme with every property that can be set, and what each is for."""
    typer.echo(example(), nl=False)
