"""What a witness has cosigned: on the disk before anybody hears of it, and never replaced by less.

- One file, replaced whole: written beside it, synced, renamed, and the folder synced. Whoever kills the process at any
  moment leaves the state before or the state after.
- One process at a time: the lock lies beside the file and goes with the process that holds it.
- A file that is missing or damaged is no fresh start: a witness that forgot would cosign a fork.
"""

import fcntl
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from broker.errors import Conflict, Tampered, Unavailable, Unsafe, Words
from broker.transparency.canonical import canonical, parse_canonical
from broker.transparency.checkpoints import Checkpoint, parse_checkpoint, parse_note

STATE, LOCK, NEW = "state.json", "lock", "state.new"
VERSION = 1

_MISSING = Words(
    "De getuige weet niet meer wat hij heeft ondertekend: het bestand is weg of beschadigd. Zet geen kopie terug: "
    "maak een nieuwe getuige, met een nieuwe sleutel.",
    "The witness does not know any more what it signed: the file is gone or damaged. Do not put a copy back: make a "
    "new witness, with a new key.",
)
_LOCKED = Words(
    "Deze getuige draait al. Er is niets gestart.",
    "This witness is running already. Nothing was started.",
)
_THERE = Words(
    "Er is hier al een getuige. Er is niets veranderd.",
    "There is a witness here already. Nothing was changed.",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """The longest tree of a log that was cosigned: its note as the log signed it, and the one cosignature of it."""

    note: str
    line: str
    time: int

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says."""
        return parse_checkpoint(parse_note(self.note).body)


class Memory:
    """The state of one witness, held alone until `close`."""

    def __init__(self, directory: Path, own: Callable[[Seen], bool] = lambda _: True) -> None:
        """Raises Conflict when another process has it, Unsafe when it is missing or damaged.

        `own` says whether the witness itself cosigned what is remembered; what it did not is damage.
        """
        self._directory = directory
        self._lock = _locked(directory)
        self._broken = False
        try:
            self._seen = dict(_read(directory / STATE))
            if not all(map(own, self._seen.values())):
                raise Unsafe(_MISSING)
        except BaseException:
            self.close()
            raise

    @staticmethod
    def make(directory: Path) -> None:
        """An empty one. Raises Conflict when there is one already."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if (directory / STATE).exists():
            raise Conflict(_THERE)
        _write(directory, {})

    def of(self, origin: str) -> Seen | None:
        """What was seen of a log; None when nothing was. Raises Unavailable once the disk failed."""
        if self._broken:
            raise Unavailable
        return self._seen.get(origin)

    def keep(self, origin: str, seen: Seen) -> None:
        """Know this from now on: it is on the disk when this returns.

        Raises Unavailable when it could not be written; nothing is known then about what the disk holds, so nothing
        more is answered until somebody starts the witness again.
        """
        if self._broken:
            raise Unavailable
        after = {**self._seen, origin: seen}
        try:
            _write(self._directory, after)
        except OSError:
            self._broken = True
            raise Unavailable from None
        self._seen = after

    def close(self) -> None:
        """Let go of the lock."""
        os.close(self._lock)


def _locked(directory: Path) -> int:
    try:
        descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        raise Unsafe(_MISSING) from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise Conflict(_LOCKED) from None
    return descriptor


def _write(directory: Path, seen: Mapping[str, Seen]) -> None:
    logs = {origin: {"note": one.note, "line": one.line, "time": one.time} for origin, one in seen.items()}
    data = canonical({"v": VERSION, "logs": logs})
    descriptor = os.open(directory / NEW, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(directory / NEW, directory / STATE)  # noqa: PTH105 - beside the other calls of the system
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _read(path: Path) -> Mapping[str, Seen]:
    try:
        document = parse_canonical(path.read_bytes())
        if not isinstance(document, dict) or document.keys() != {"v", "logs"} or document["v"] != VERSION:
            raise ValueError("another form")
        return {origin: _seen(origin, one) for origin, one in document["logs"].items()}
    except (OSError, Tampered, ValueError, TypeError, AttributeError, KeyError):
        raise Unsafe(_MISSING) from None


def _seen(origin: str, one: dict[str, object]) -> Seen:
    note, line, time = one["note"], one["line"], one["time"]
    if not (
        isinstance(note, str) and isinstance(line, str) and type(time) is int and one.keys() == {"note", "line", "time"}
    ):
        raise ValueError("another form")
    seen = Seen(note, line, time)
    if seen.checkpoint.origin != origin:
        raise ValueError("of another log")
    return seen
