"""`broker folds`: what the console looks lines up in, worked out anew from the log.

Exit codes: 0 done, 2 not possible.
"""

import asyncio

import typer

from broker.app import Broker
from broker.cli.running import use
from broker.services.folding import Folding

app = typer.Typer(no_args_is_help=True, help="What the console looks lines up in; the log itself is not touched.")
WAIT = 0.5
"""Seconds until looking again whether another broker, which is at it, got further."""


@app.callback()
def folds() -> None:
    """A group of one, so that `rebuild` is named."""


@app.command("rebuild")
def rebuild() -> None:
    """Forget which lines read the same, and read the whole log again. The console goes on meanwhile, line by line."""
    typer.echo(f"Rebuilt from {use(_rebuild)} entries of the log.")


async def _rebuild(broker: Broker) -> int:
    following, names = broker.following, (Folding.name,)
    await following.begin_anew(names)
    total = await following.behind(names)
    left = total
    with typer.progressbar(length=total, label="folding") as bar:
        while left:
            if not await following.step():
                await asyncio.sleep(WAIT)
            now = min(left, await following.behind(names))
            bar.update(left - now)
            left = now
    return total
