"""`broker audit sample`: draw a day's sample again, from the leaves of the log and a signed checkpoint alone.

Exit codes: 0 drawn, and the same as the broker drew if it did; 1 another sample than the broker drew; 2 not to be drawn.
"""

import json
from datetime import datetime
from typing import Annotated, Any

import typer

from broker.cli.running import use
from broker.errors import Conflict
from broker.services.sampling import DrawnAgain


def sample(
    day: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="A day that is over, in Amsterdam.")],
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Draw a day's sample again, and print how: checkpoint, seed, and the lines that were drawn."""
    try:
        again = use(lambda broker: broker.sampling.again(day.date()))
    except Conflict as error:
        typer.echo(error.words.en, err=True)
        raise typer.Exit(2) from None
    if as_json:
        typer.echo(json.dumps(_document(again)))
    else:
        _say(again)
    raise typer.Exit(1 if again.same is False else 0)


def _document(again: DrawnAgain) -> dict[str, Any]:
    drawing = again.drawing
    return {
        "day": drawing.day.isoformat(),
        "checkpoint": again.note,
        "seed": drawing.seed,
        "disclosures": drawing.disclosures,
        "drawn": [{"place": place, "entry": entry} for place, entry in again.entries],
        "same": again.same,
    }


def _say(again: DrawnAgain) -> None:
    drawing = again.drawing
    typer.echo(f"Day:          {drawing.day}")
    typer.echo(f"Checkpoint:   of {drawing.size} entries\n\n{again.note}")
    typer.echo(f"Seed:         {drawing.seed}  (SHA-256 of that note, and the day)")
    typer.echo(f"Disclosures:  {drawing.disclosures}")
    for place, entry in again.entries:
        typer.echo(f"Drawn:        place {place}, entry {entry}")
    typer.echo(_SAME[again.same])


_SAME = {
    None: "The broker did not draw this day.",
    True: "The broker drew the same.",
    False: "THE BROKER DREW ANOTHER SAMPLE THAN THIS.",
}
