"""What the use cases ask of the disclosure log: reading it, checking it, and what the outside is shown of it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from broker.errors import Words


@dataclass(frozen=True, slots=True)
class LoggedFacts:
    """A log entry read back: its clear facts, and what its openings say, by field."""

    type: str
    at: datetime
    organisation: str
    counterpart: str
    facts: Mapping[str, Any]
    personal: Mapping[str, list[str]]
    erased: tuple[str, ...] = ()
    """The fields of which a value was logged that nothing opens any more."""
    gone: int = 0
    """How many values that are."""


@dataclass(frozen=True, slots=True)
class LogCheck:
    """The result of checking the log: whether it is intact, in one sentence."""

    intact: bool
    words: Words


@dataclass(frozen=True, slots=True)
class Selection:
    """Which entries: from `since` until before `until`, both in UTC; of `person` only, by pseudonym, if given.

    With `naming`, only those in which a personal field has one of these values: (field, value).
    """

    since: datetime | None = None
    until: datetime | None = None
    person: str = ""
    naming: frozenset[tuple[str, str]] = frozenset()


class LogArchive(Protocol):
    """The log read back for outsiders."""

    def entries(self, span: tuple[int, int], selection: Selection) -> AsyncIterator[tuple[Any, Sequence[Any] | None]]:
        """Each entry of these places with its openings; None instead for one that was not selected."""

    def packed(self, span: tuple[int, int], selection: Selection, tick: Callable[[int], None]) -> AsyncIterator[bytes]:
        """An officer's bundle of these places, piece by piece. Raises NotFound when no checkpoint covers them."""

    async def proven(self, entries: Sequence[tuple[Any, Sequence[Any]]]) -> dict[str, Any]:
        """A family's bundle of these entries, with these openings of each."""

    def pocket(self, entries: Sequence[Any]) -> tuple[str, ...]:
        """These entries as receipts for paper, each for one QR; nothing personal is in them but digests."""


class DisclosureLog(Protocol):
    """The running log, as the use cases see it."""

    @property
    def archive(self) -> LogArchive:
        """The same, read back for outsiders."""

    def kick(self) -> None:
        """There is something new."""

    async def receipt(
        self, appended: Any, owners: frozenset[str], *, wait: float = 0.0, seen: Any = None
    ) -> dict[str, Any]:
        """The receipt of a committed entry, with the openings of these owners only.

        With its inclusion proof if there is one within `wait` seconds. `seen` is the tree as the entry's own unit of
        work saw it, if it looked. Raises Unavailable when the database is older than what is known from outside it.
        """

    async def checkpoint(self) -> str:
        """The latest signed checkpoint. Raises NotFound."""

    async def examine(self, tick: Callable[[int], None] = lambda _: None) -> LogCheck:
        """Check the whole log; `tick` hears how many entries were read."""

    def read(self, leaf: bytes, openings: Any) -> LoggedFacts:
        """An entry in words. Raises Tampered when leaf or openings are not what was logged."""

    def vouched(self, entry: Any) -> LoggedFacts:
        """What the broker signed in an entry, its openings left shut. Raises Tampered unless it did."""


class LogGuard(Protocol):
    """The last checkpoint of the log that this broker saw or signed, kept outside the database."""

    def prepare(self) -> None:
        """Before the start. Raises Unsafe when nothing can be kept."""

    def read(self) -> str | None:
        """The signed note, *not checked*; None when there is none. Raises Unsafe when it cannot be read."""

    def stamp(self) -> object:
        """What is another thing as soon as another note is kept, whoever keeps it: quick to find out. None when unsure."""

    def keep(self, note: str, instead_of: str | None) -> object:
        """Keep a note in the place of the one that was read, unless another came since. Raises Unavailable.

        Returns the stamp of that note; None when another came.
        """


class CosignedLog(Protocol):
    """What witnesses added to the public side of the log."""

    async def checkpoint(self) -> str:
        """The latest signed checkpoint with its cosignatures so far. Raises NotFound."""

    async def cosigned(self) -> tuple[int, str]:
        """(size, note) of the newest checkpoint that enough witnesses cosigned. Raises NotFound."""


class LogTiles(Protocol):
    """The public side of the log: hashes only."""

    async def checkpoint(self) -> str:
        """The latest signed checkpoint. Raises NotFound."""

    async def tile(self, path: str) -> bytes:
        """One tile. Raises NotFound."""

    async def proof_of(self, entry: str, at: tuple[int, str] | None = None) -> str:
        """An inclusion proof against the latest checkpoint, or the one given (size, note). Raises NotFound."""

    def verifier_keys(self) -> tuple[str, ...]:
        """The log's keys."""

    @property
    def believed(self) -> bool:
        """Whether the database was not found to be older than the log's guard."""
