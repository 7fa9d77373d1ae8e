"""`make crash`, `python -m tests.crash kill-sqlite --times 5`: crashes, and says what they left; 1 when that is anything."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Annotated, Any

import typer

from tests.crash import halves, kills
from tests.crash.kills import ENOUGH, Result
from tests.crash.page import keep, show
from tests.crash.soak import soak

Run = Callable[[int], Coroutine[Any, Any, Result]]
CRASHES: dict[str, tuple[int, Run]] = {
    "kill-postgresql": (100, partial(kills.kill, "postgresql", messages=True)),
    "kill-sqlite": (100, partial(kills.kill, "sqlite", messages=True)),
    "kill-worker": (100, partial(kills.kill_worker, messages=True)),
    "kill-one-of-two": (50, partial(kills.kill_one_of_two, messages=True)),
    "database-immediate": (20, partial(kills.database_stopped, mode="immediate")),
    "database-fast": (10, partial(kills.database_stopped, mode="fast")),
    "database-slow": (5, partial(kills.database_stopped, mode="slow")),
    "backends-terminate": (10, partial(kills.backends, how="terminate")),
    "backends-cancel": (10, partial(kills.backends, how="cancel")),
    "disk-full": (10, kills.disk_full),
    "log-disk-full": (10, kills.log_disk_full),
    "disk-limit": (10, partial(kills.disk_full, limited=True)),
    "network-hole": (10, partial(kills.network, how="hole")),
    "network-reset": (10, partial(kills.network, how="reset")),
    "network-slow": (5, partial(kills.network, how="slow")),
    "half-done-sqlite": (1, lambda step: halves.half_done("sqlite", step)),
    "half-done-postgresql": (1, lambda step: halves.half_done("postgresql", step)),
}
"""How often by itself, and what; for `half-done` every how-manieth moment."""


def crash(
    only: Annotated[list[str] | None, typer.Argument(help=", ".join(CRASHES))] = None,
    times: Annotated[int, typer.Option(help="How often; without it, as often as the table says.")] = 0,
    minutes: Annotated[float, typer.Option(help="Of `soak`.")] = 5,
    database: Annotated[str, typer.Option(help="Of `soak`: postgresql or sqlite.")] = "postgresql",
    *,
    write: Annotated[bool, typer.Option(help="Write the results into docs/performance.md.")] = True,
) -> None:
    """Crash, look, and write down what was left. `soak` is only done when it is named."""
    unknown = sorted(set(only or ()) - {*CRASHES, "soak"})
    if unknown:
        typer.echo(f"There is no crash {', '.join(unknown)}; there are: {', '.join([*CRASHES, 'soak'])}", err=True)
        raise typer.Exit(2)
    signal.signal(signal.SIGINT, lambda *_: ENOUGH.set())  # Ctrl+C: enough of this one, and of those after it
    broken = 0
    for name, (often, run) in CRASHES.items():
        if (only and name not in only) or ENOUGH.is_set():
            continue
        result = asyncio.run(run(times or often))
        if write:
            show(keep(result.name, result.row()))
        broken += _told(result.what, result.row(), result.faults)
    if only and "soak" in only:
        measured, faults = asyncio.run(soak("sqlite" if database == "sqlite" else "postgresql", minutes))
        if write:
            show(keep(f"soak-{database}", measured))
        broken += _told("soak", measured, faults)
    raise typer.Exit(1 if broken else 0)


def _told(what: str, row: dict[str, Any], faults: list[str]) -> int:
    typer.echo(f"{what}: {row}")
    for fault in faults:
        typer.echo(f"  {fault}", err=True)
    return len(faults)


if __name__ == "__main__":
    typer.run(crash)
