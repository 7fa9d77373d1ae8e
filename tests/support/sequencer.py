"""Sequencers in processes of their own, that a test may kill: forked off one process that has everything imported.

`python -m tests.support.sequencer URL KEYS` reads a line for each: the file of its guard. It answers with the process id.
"""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from broker.crypto.keyring import load_keyring
from broker.crypto.signatures import LogSigner, ed25519_holds
from broker.storage.guard_file import GuardFile
from broker.transparency import ledger
from broker.transparency.ledger import Ledger
from tests.factories import Storeroom, a_storeroom

ADDRESS = "https://broker.example/v1/log"


def sequencer(store: Storeroom, guard: Path) -> Ledger:
    """The log of one broker on that database, with its own guard."""
    return Ledger(store.storage, LogSigner(store.keyring), ed25519_holds, ADDRESS, store.clock, GuardFile(guard))


class Nursery:
    """Starts sequencers that never stop by themselves. `kill` is SIGKILL, as from the kernel or a lost machine."""

    def __init__(self, url: str, keys: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.sequencer", url, str(keys)],
            cwd=Path(__file__).resolve().parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(self, guard: Path) -> int:
        """Returns its process id; it begins at once."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{guard}\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    @staticmethod
    def kill(pid: int) -> None:
        """Kill one that is running. Raises ProcessLookupError when it ended by itself."""
        os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """No more are started."""
        self._process.communicate(timeout=20)


@contextlib.contextmanager
def nursery(url: str, keys: Path) -> Iterator[Nursery]:
    """A nursery for a test; what it started is killed by the test."""
    opened = Nursery(url, keys)
    try:
        yield opened
    finally:
        opened.close()


async def _work(log: Ledger) -> None:
    """Without the pauses of `Ledger.run`, and without its patience: an error ends it, and the test hears of that."""
    while True:
        if not await log.step():
            await asyncio.sleep(0.002)


def main(url: str, keys: str) -> None:
    """Fork for every line; what was killed leaves nothing behind."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    keyring = load_keyring(Path(keys))
    ledger.BATCH = 16  # many small steps: more moments to be killed at
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_RDWR), sys.stdout.fileno())
            asyncio.run(_work(sequencer(a_storeroom(url, keyring), Path(line.strip()))))
        print(child, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
