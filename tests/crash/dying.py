"""`python -m tests.crash.dying STEP COMMAND...`: a `broker` command, again and again, each time killed at a later moment.

- Before and after each commit, each file put in place, each fsync, and before each statement that writes, and after each table that
  PostgreSQL's own tools did: there SIGKILL strikes. Every STEPth of those moments has its turn; at the end the command comes to its end once, undisturbed.
- Each time is a process of its own, forked from one that read the modules already.
- `guard` is no command of the broker: it puts the queue in the tree and signs, as the sequencer does.

Prints how often it was killed; exit code 1 when it ends with an error, 2 when it never ends.
"""

import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from broker.app import build
from broker.cli.main import main
from broker.settings import read_settings
from broker.storage import pg_tools
from broker.storage.unit_of_work import SqlUnitOfWork

MOST = 1000
_CHANGES = re.compile(r"\s*(INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|GRANT|VACUUM|PRAGMA wal)", re.IGNORECASE)


class Countdown:
    """To the moment."""

    def __init__(self, moments: int) -> None:
        self.left = moments

    def moment(self) -> None:
        """One that counts."""
        self.left -= 1
        if not self.left:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same work, with a moment before it and one after it."""

        def counted(*arguments: Any, **options: Any) -> Any:
            self.moment()
            done = work(*arguments, **options)
            self.moment()
            return done

        return counted


def arm(countdown: Countdown) -> None:
    """Every moment that counts counts from now on, in this process alone."""
    commit = SqlUnitOfWork.commit

    async def counted(work: SqlUnitOfWork) -> None:
        countdown.moment()
        await commit(work)
        countdown.moment()

    SqlUnitOfWork.commit = counted  # type: ignore[method-assign, assignment]
    os.fsync = countdown.around(os.fsync)
    for name in ("replace", "rename", "unlink"):
        setattr(Path, name, countdown.around(getattr(Path, name)))

    run = pg_tools._run

    def counted_run(name: str, address: str, arguments: list[str], tick: Callable[[int, int], None]) -> None:
        def counted_tick(done: int, total: int) -> None:
            countdown.moment()
            tick(done, total)

        run(name, address, arguments, counted_tick)

    pg_tools._run = counted_run

    def statement(_c: Any, _cursor: Any, text: str, *_: Any) -> None:
        if _CHANGES.match(text):
            countdown.moment()

    event.listen(Engine, "before_cursor_execute", statement)


async def guard() -> None:
    """One batch and its checkpoint, after some more entries."""
    broker = build(read_settings())
    try:
        await broker.ledger.heed()
        await broker.ledger.step()
    finally:
        await broker.database.close()


def attempt(moment: int, arguments: list[str]) -> int:
    """In a process of its own; returns how that ended, as `os.waitstatus_to_exitcode` says."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    arm(Countdown(moment))
    if arguments == ["guard"]:
        asyncio.run(guard())
    else:
        sys.argv = ["broker", *arguments]
        main()
    os._exit(0)


def again_and_again(step: int, arguments: list[str]) -> int:
    """See the module; returns the exit code."""
    for kills, moment in enumerate(range(1, MOST, step)):
        ended = attempt(moment, arguments)
        if ended != -signal.SIGKILL:
            sys.stdout.write(f"\n{kills}\n")
            return 1 if ended else 0
    return 2


if __name__ == "__main__":
    sys.exit(again_and_again(int(sys.argv[1]), sys.argv[2:]))
