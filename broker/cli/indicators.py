"""`broker indicators`: how handing over goes, in counts of a quarter, as CSV; nothing in it is about a person.

Exit codes: 0 done, 2 refused or not possible: also for a quarter that is not over, or not counted to its end.
"""

import sys
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.folds import read_again
from broker.cli.running import use
from broker.domain.indicators import Quarter
from broker.errors import Invalid
from broker.services.indicators import csv_of
from broker.services.measuring import Measuring
from broker.whole import Broker


def indicators(
    quarter: Annotated[str, typer.Option(help="Such as 2026-Q3; without one, the latest that is over.")] = "",
    organisation: Annotated[str, typer.Option(help="With the own part of this organisation (OIN).")] = "",
    out: Annotated[Path | None, typer.Option(help="The file; without one, standard output.")] = None,
    anew: Annotated[bool, typer.Option("--anew", help="Count the whole log again first.")] = False,
) -> None:
    """Write the indicators of a quarter. What is under five, and what would give it away, is left out."""
    try:
        wanted = Quarter.parse(quarter) if quarter else None
    except ValueError:
        raise Invalid.at(
            "/quarter", "Dit is geen kwartaal, zoals 2026-Q3.", "This is not a quarter, such as 2026-Q3."
        ) from None

    async def work(broker: Broker) -> bytes:
        while await broker.ledger.step():  # what was committed last gets its place first
            pass
        if anew:
            await read_again(broker, Measuring.name, "counting")
        while await broker.following.step():
            pass
        return csv_of(await broker.indicators.of(organisation, wanted))

    made = use(work)
    if out:
        out.write_bytes(made)
    else:
        sys.stdout.buffer.write(made)
