"""`make bench`, `make bench ONLY=sealing`: measures, writes the page, its pictures and `var/bench.json`; says what broke a promise."""

import asyncio
import sys
from importlib import import_module

import typer

from tests.bench import MATTERS
from tests.bench.measure import Effort
from tests.bench.page import keep, show
from tests.bench.serving import end_with_us


def main(only: list[str]) -> int:
    """Returns 1 when something that was promised is not so, 2 for a matter that there is not."""
    unknown = sorted(set(only) - set(MATTERS))
    if unknown:
        typer.echo(f"There is no bench {', '.join(unknown)}; there are: {', '.join(MATTERS)}", err=True)
        return 2
    broken: list[str] = []
    with typer.progressbar([name for name in MATTERS if not only or name in only], label="Measuring") as names:
        for name in names:
            matter = import_module(f"tests.bench.{name}")
            results = asyncio.run(matter.run(Effort()))
            keep(results)
            show(name, matter.MATTER, results)
            broken += [f"{r.name}: {r.ratio:.2f}x, promised {r.promised}x" for r in results if r.broken]
    for line in broken:
        typer.echo(line, err=True)
    typer.echo("docs/performance.md, docs/performance/ and var/bench.json are written.")
    return 1 if broken else 0


if __name__ == "__main__":
    end_with_us()
    sys.exit(main(sys.argv[1:]))
