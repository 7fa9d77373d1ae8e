"""`broker invite`: a code for one person, on a sheet to print, on this screen, or in a message to that person."""

import io
import os
from pathlib import Path
from typing import Annotated

import segno
import typer

from broker.cli.towards import Key, OwnOin, Url, towards
from broker.errors import Invalid


def invite(
    handover: Annotated[str, typer.Argument(help="The id of a handover that you pushed.")],
    person: Annotated[str, typer.Argument(help="Whom to invite: the key in the handover's body, such as mother.")],
    url: Url,
    oin: OwnOin,
    key: Key,
    sheet: Annotated[
        Path | None, typer.Option(help="Write the sheet to this file (HTML), to print and hand over.")
    ] = None,
    show: Annotated[
        bool, typer.Option("--show", help="Show the QR and the code here, for the person beside you.")
    ] = False,
    message: Annotated[bool, typer.Option("--message", help="Send it to the person's own phone or e-mail.")] = False,
) -> None:
    """Invite one person to answer. A code answers nothing by itself: a second one goes to the person's own contact."""
    if [sheet is not None, show, message].count(True) != 1:
        raise Invalid.at(
            "/sheet",
            "Kies één van --sheet BESTAND, --show of --message. Er is niets gemaakt.",
            "Choose one of --sheet FILE, --show or --message. Nothing was made.",
        )
    if sheet is not None:
        _write(sheet, handover, person, url, oin, key)
        return
    with towards(url, oin, key) as client:
        made = client.invite(handover, person, "message" if message else "paper")
    if message:
        typer.echo(f"Sent to the person's own contact. It can be answered until {made['answerUntil']}.")
        return
    drawn = io.StringIO()
    segno.make(made["link"], error="m").terminal(drawn, compact=True)
    typer.echo(f"{drawn.getvalue()}\n{url}\n{made['code']}\nIt can be answered until {made['answerUntil']}.")


def _write(file: Path, handover: str, person: str, url: str, oin: str, key: Path) -> None:
    """The sheet in a new file that only its owner can read; the file is there before the code is made. Raises Invalid."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError:
        raise Invalid.at(
            "/sheet",
            "Dit bestand is er al, of kan hier niet. Er is niets gemaakt.",
            "This file exists, or cannot be here. Choose another one; nothing was made.",
        ) from None
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened, towards(url, oin, key) as client:
            opened.write(client.sheet(handover, person))
    except BaseException:
        file.unlink()
        raise
    typer.echo(f"Written to {file}. Print it, hand it over, and delete the file: the code is in it.")
