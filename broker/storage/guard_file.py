"""The log's guard as a file outside the database: whole or not at all, and readable by its owner alone.

It is written beside its place, brought to the disk and put in place with one rename (POSIX rename is atomic); a lock
keeps brokers that share it from putting an older one over a newer.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from broker.errors import Unavailable, Unsafe, Words


class GuardFile:
    """See `LogGuard`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def prepare(self) -> None:
        """Make its folder where there is none. Raises Unsafe when nothing can be written there."""
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                self._write("", self._beside)
                self._beside.unlink()
        except OSError:
            raise Unsafe(
                Words(
                    "De wacht bij het logboek is niet te schrijven. Laat BROKER_LOG_GUARD een bestand noemen in een map "
                    "van de broker zelf, buiten de database.",
                    "The log's guard cannot be written. Let BROKER_LOG_GUARD name a file in a folder of the broker's "
                    "own, outside the database.",
                )
            ) from None

    def read(self) -> str | None:
        """What it holds; None when it is not there. Raises Unsafe when it cannot be read."""
        try:
            return self._path.read_bytes().decode(errors="replace")
        except FileNotFoundError:
            return None
        except OSError:
            raise Unsafe(
                Words(
                    "De wacht bij het logboek is niet te lezen. Kijk naar BROKER_LOG_GUARD en wie dat bestand mag lezen.",
                    "The log's guard cannot be read. Look at BROKER_LOG_GUARD and at who may read that file.",
                )
            ) from None

    def stamp(self) -> object:
        """Which file it is and when it changed: each writing makes another file."""
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino, found.st_ctime_ns, found.st_mtime_ns, found.st_size

    def keep(self, note: str, instead_of: str | None) -> object:
        """Put it in the place of what was read; whatever came there since stays. Raises Unavailable."""
        try:
            with self._locked():
                if self.read() != instead_of:
                    return None
                self._write(note, self._beside)
                self._beside.replace(self._path)
                _sync_folder(self._path.parent)
                return self.stamp()  # while nobody else may write it
        except (OSError, Unsafe):
            raise Unavailable from None

    @property
    def _beside(self) -> Path:
        return self._path.with_name(f"{self._path.name}.new")

    @contextmanager
    def _locked(self) -> Iterator[None]:
        lock = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    @staticmethod
    def _write(text: str, path: Path) -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
