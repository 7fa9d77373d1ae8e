"""The folder that the agreement lies in, as something to come back to: whether it changed, and what it holds now."""

import time
from collections.abc import Callable
from pathlib import Path

from broker.domain.ports import AgreementInForce
from broker.pdp.policy_set import files_of

FolderState = tuple[tuple[str, int, int, int, int], ...]


class AgreementFolder:
    """See `broker.domain.ports.AgreementSource`. `load` reads and checks the whole folder."""

    def __init__(self, directory: Path, load: Callable[[Path], AgreementInForce]) -> None:
        self._directory = directory
        self._load = load

    def state(self) -> FolderState:
        """What tells whether a file came, went or changed; never twice the same while files come and go."""
        try:
            stats = [(path.as_posix(), path.stat()) for path in files_of(self._directory)]
        except OSError:
            return (("changing", 0, 0, time.monotonic_ns(), 0),)
        return tuple((name, s.st_ino, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in stats)

    def load(self) -> AgreementInForce:
        """What it holds now, checked whole. Raises Unsafe with every fault."""
        return self._load(self._directory)
