"""`broker folds`: what the console looks lines up in, worked out anew from the log.

Exit codes: 0 done, 2 not possible.
"""

import asyncio
import sys

import typer

from broker.cli.running import use
from broker.services.folding import Folding
from broker.whole import Broker

app = typer.Typer(no_args_is_help=True, help="What the console looks lines up in; the log itself is not touched.")
WAIT = 0.5
"""Seconds until looking again whether another broker, which is at it, got further."""


@app.callback()
def folds() -> None:
    """A group of one, so that `rebuild` is named."""


@app.command("rebuild")
def rebuild() -> None:
    """Forget which lines read the same, and read the whole log again. The console goes on meanwhile, line by line."""
    total = use(lambda broker: read_again(broker, Folding.name, "folding"))
    typer.echo(f"Rebuilt from {total} entries of the log.")


async def read_again(broker: Broker, name: str, label: str) -> int:
    """Forget what this follower of the log worked out, and have it read the whole log again. Returns how many entries."""
    following, names = broker.following, (name,)
    await following.begin_anew(names)
    total = await following.behind(names)
    left = total
    with typer.progressbar(length=total, label=label, file=sys.stderr, hidden=not sys.stderr.isatty()) as bar:
        while left:
            if not await following.step():
                await asyncio.sleep(WAIT)
            now = min(left, await following.behind(names))
            bar.update(left - now)
            left = now
    return total
