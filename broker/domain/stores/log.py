"""The disclosure log as it is stored: entries are only ever added."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from broker.domain.events import EncodedEntry, EntryId, EventType, LogEvent, Opening


@dataclass(frozen=True, slots=True)
class Receipt:
    """The broker's signature over a log entry."""

    kid: str
    signature: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """An entry as appended: not yet in the tree, already signed."""

    entry: EncodedEntry
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What to look for; empty fields do not narrow. `before` is an entry id, exclusive.

    `organisation` and `party` both name an organisation on either side: the one looked for, and the one that looks.
    """

    owner: str = ""
    organisation: str = ""
    party: str = ""
    types: tuple[EventType, ...] = ()
    outcome: str = ""
    since: datetime | None = None
    until: datetime | None = None
    before: str = ""
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Trail:
    """What was logged under one thing: somebody's own key, a client key, or the organisation that acted; exactly one is given.

    `party` is the organisation that looks: nothing is passed in which it takes no part. `before` is an entry id, exclusive.
    """

    owner: str = ""
    client: str = ""
    organisation: str = ""
    party: str = ""
    before: str = ""
    limit: int = 500


@dataclass(frozen=True, slots=True)
class Passed:
    """What can be seen of an entry without opening it."""

    id: EntryId
    at: datetime
    type: str
    organisation: str
    counterpart: str


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A stored leaf with what belongs to it. `index` is None until it is sequenced.

    `copied` is what stands beside the leaf to search by: type, organisation, counterpart, outcome and time.
    """

    id: EntryId
    leaf: bytes
    leaf_hash: bytes
    receipt: Receipt
    index: int | None
    copied: tuple[str, str, str, str, datetime]


class LogStore(Protocol):
    """The disclosure log: entries are only ever added."""

    async def append(self, event: LogEvent) -> Appended:
        """Add an entry to the log and to the sequencer's queue, in this unit of work."""

    async def acquaint(self, owners: Collection[str]) -> None:
        """Get ready for several entries about these: of two who do so at once, none waits for the other crosswise."""

    async def knows(self, owner: str) -> bool:
        """Whether anything was logged under this person's key, and it was not erased."""

    async def search(self, wanted: LogSearch) -> Sequence[StoredEntry]:
        """Newest first."""

    async def of_types(
        self, types: Sequence[EventType], owner: str = "", before: str = "", limit: int = 50
    ) -> Sequence[StoredEntry]:
        """Entries of these types, newest first, with an id below `before`; with `owner`, those that hold something of theirs.

        As fast in a long log as in a short one: for each type its newest, or of the owner's own alone.
        """

    async def rare(self, types: Sequence[EventType], owner: str, limit: int) -> Sequence[StoredEntry]:
        """Entries that hold something of the owner, of types of which there are few in all, newest first.

        As fast for who did very much else as for who did nothing: it is read from the types, not from the owner.
        """

    async def get(self, entry: str) -> StoredEntry | None:
        """By id."""

    async def several(self, entries: Sequence[EntryId]) -> Sequence[StoredEntry]:
        """These, in this order; one that is not there is left out."""

    async def trail(self, wanted: Trail) -> Sequence[Passed]:
        """The next entries of a trail, newest first, never more than its limit.

        Without a party the work is bounded by that alone; with one, by what was logged under that thing.
        """

    async def restored(self) -> datetime | None:
        """When an older copy of the database was last taken for the true one; None when that never was."""

    async def openings(self, entry: EntryId) -> Sequence[Opening]:
        """What is left of its openings (erased ones are gone)."""

    async def openings_of(self, entries: Sequence[EntryId]) -> Mapping[EntryId, Sequence[Opening]]:
        """The same for many entries at once; an entry without any is left out."""

    async def about(self, owner: str, entries: Sequence[EntryId]) -> frozenset[EntryId]:
        """Which of these hold something about this person."""


@dataclass(frozen=True, slots=True)
class TreeState:
    """The sequenced tree."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class TreeSeen:
    """The tree and the newest checkpoint, (size, note), as one statement saw them together."""

    state: TreeState
    newest: tuple[int, str] | None


class TreeStore(Protocol):
    """The sequencer's side of the log."""

    async def seen(self, wanted: Iterable[tuple[int, int]] = ()) -> tuple[TreeSeen, Mapping[tuple[int, int], bytes]]:
        """The tree, the newest checkpoint, and these tiles, in one statement; missing tiles are left out."""

    async def begin(self, limit: int) -> tuple[TreeState, Sequence[StoredEntry]]:
        """The tree, which this unit of work alone may extend from now on (the fence), and the entries that wait then.

        In the order of the queue, never by watermark.
        """

    async def state(self) -> TreeState:
        """The tree as it is now."""

    async def tiles(self, wanted: Iterable[tuple[int, int]]) -> Mapping[tuple[int, int], bytes]:
        """Tile data by (level, n); missing ones are left out."""

    async def extend(
        self,
        first: int,
        entries: Sequence[EntryId],
        state: TreeState,
        grown: Mapping[tuple[int, int], bytes],
    ) -> None:
        """Give the entries their places, take them off the queue, keep new and grown tiles and the new state."""


class CheckpointStore(Protocol):
    """Published checkpoints."""

    async def latest(self) -> tuple[int, str] | None:
        """(size, note) of the largest."""

    async def keep(self, size: int, note: str, now: datetime) -> None:
        """Keep one."""

    async def index_of(self, entry: EntryId) -> int | None:
        """An entry's place."""

    async def leaves(self, first: int, limit: int) -> Sequence[StoredEntry]:
        """Sequenced entries from a place on, in order."""

    async def span(self, since: datetime | None, until: datetime | None) -> tuple[int, int]:
        """The places from the first to after the last entry logged from `since` until before `until`; (0, 0) for none."""

    async def around(self, first: int, end: int) -> tuple[tuple[int, str] | None, tuple[int, str] | None]:
        """(size, note) of the largest that holds nothing from `first` on, and of the smallest that holds all before `end`."""

    async def waiting(self) -> int:
        """How many entries are not in the tree yet."""
