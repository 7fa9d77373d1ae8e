"""`broker db backup` and `broker db restore`: a copy of the database while it serves, and putting one back.

A copy holds no key: without the keys nothing in it can be opened, and with them everything. Keep the two apart.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from broker.settings import database_addresses
from broker.storage import copies


def backup(
    target: Annotated[Path, typer.Argument(help="The copy to make; there must be nothing by that name.")],
) -> None:
    """Copy the database of this moment, also while the broker serves, and check the copy."""
    address, _ = database_addresses()
    with _progress("copying") as tick:
        size = copies.back_up(address, target, tick)
    typer.echo(
        f"The copy is whole: the log in it has {size} entries. It holds no keys, and is of no use without them. Keep it "
        "apart from the keys and from the log's guard."
    )


def restore(
    source: Annotated[Path, typer.Argument(help="A copy that `broker db backup` made.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace the database that there is; a file is kept as .replaced.")
    ] = False,
) -> None:
    """Put a copy back, with every broker stopped; on PostgreSQL as the database's owner."""
    address, application = database_addresses()
    with _progress("putting back") as tick:
        copies.put_back(address, source, tick, replace=replace, application=application)
    typer.echo(
        "The copy was put back. Now check it: broker audit verify. When the log's guard knows of later entries the "
        "broker does not start: see deploy/README.md, under Restoring. Sections need the wrapping keys of the copy's day: of a "
        "key that was retired since, nothing opens any more."
    )


@contextmanager
def _progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar that hears how much is done, and of how much."""
    with typer.progressbar(length=100, label=label) as bar:
        yield lambda done, total: bar.update(100 * done // max(total, 1) - bar.pos)
