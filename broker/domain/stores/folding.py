"""Lines of the log that read the same and are of one day, kept together: where to look, never what to believe."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from broker.domain.events import EntryId, EventType
from broker.domain.stores.log import StoredEntry

REQUESTS = (EventType.RELEASE_PERMITTED, EventType.RELEASE_DENIED)
ASKED = ("permitted", "partly", "denied")
OTHER = "other"
KINDS = (*ASKED, OTHER)


def kind_of(event: str, outcome: str) -> str:
    """How a request came out, by the kinds that an officer looks for; `other` for whatever was no request."""
    if event not in REQUESTS:
        return OTHER
    if outcome in ASKED:
        return outcome
    return "permitted" if event == EventType.RELEASE_PERMITTED else "denied"


@dataclass(frozen=True, slots=True)
class Foldable:
    """A line to be kept. `actor` did it, by id; empty for nobody.

    Lines with the same of everything, about the same people, are folded. `same` is what else their rows show; None for a
    line that is folded with no other.
    """

    entry: EntryId
    day: date
    kind: str
    type: str
    organisation: str
    counterpart: str
    actor: str = ""
    same: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """So many lines of one day. `first` and `last` are entries of the log."""

    id: str
    day: date
    entries: int
    first: EntryId
    last: EntryId


@dataclass(frozen=True, slots=True)
class FoldSearch:
    """What to look for, newest first; empty fields do not narrow.

    `organisation` and `party` name an organisation on either side, `person` whom a line is about, and `reader` who did it. With a
    party, a search for a person is not found by whom it was about.
    `before` is the day and the last entry of the fold after which to go on.
    """

    kinds: tuple[str, ...] = KINDS
    organisation: str = ""
    party: str = ""
    person: str = ""
    reader: str = ""
    first: date | None = None
    last: date | None = None
    before: tuple[date, str] | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Waiting:
    """Lines that are in no fold yet, newest first, each with its place; `next` is where to go on, None at their end."""

    lines: tuple[tuple[int, StoredEntry], ...]
    next: int | None = None


class FoldStore(Protocol):
    """Folds of the log's lines."""

    async def add(self, lines: Sequence[Foldable]) -> None:
        """Keep lines, each in its fold. Called by one follower at a time."""

    async def plain(self, entries: Sequence[EntryId]) -> Sequence[Foldable]:
        """Lines that cannot be read, each to be kept alone, by what stands beside their leaves."""

    async def search(self, wanted: FoldSearch) -> Sequence[Fold]:
        """Newest first."""

    async def lines(self, fold: str, before: str, limit: int) -> Sequence[EntryId]:
        """The entries of one fold, newest first; `before` is an entry, exclusive."""

    async def queued(self, wanted: FoldSearch, before: int | None, limit: int) -> Waiting:
        """Lines that wait for their place in the tree, a bounded look at a time; places are those of the queue."""

    async def unfolded(self, wanted: FoldSearch, before: int | None, limit: int) -> Waiting:
        """Lines of the tree that are in no fold yet, a bounded look at a time; places are those of the tree."""

    async def behind(self) -> int:
        """How many entries of the log are in no fold yet."""

    async def forget(self) -> None:
        """Begin anew."""
