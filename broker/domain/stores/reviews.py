"""What stands out, as items for somebody to sign off; what that is worked out from; and the days' samples.

Persons and professionals go in by their ids and are kept as keyed tags only, which nothing turns back.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from broker.domain.parties import OfficerId
from broker.domain.review import Signal


@dataclass(frozen=True, slots=True)
class Raised:
    """An entry that stands out.

    Those of one professional between the same two, for the same reason on one day, are one item; one that is `apart` is
    an item of its own.
    """

    entry: str
    at: datetime
    day: date
    signals: frozenset[Signal]
    organisation: str = ""
    counterpart: str = ""
    professional: str = ""
    person: str = ""
    apart: bool = False


@dataclass(frozen=True, slots=True)
class SignedOff:
    """Who looked at an item, when, and what they wrote; the note is empty once a person in it was erased."""

    at: datetime
    officer: OfficerId
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """Something to look at. `signals` are all its reasons, heaviest first; `since` is when its oldest line was logged."""

    id: str
    signals: tuple[Signal, ...]
    weight: int
    day: date
    organisation: str
    counterpart: str
    lines: int
    since: datetime
    waiting: bool


class ReviewStore(Protocol):
    """The items. A sign-off covers the lines there were: more of the same on that day is a new item."""

    async def put(self, raised: Sequence[Raised]) -> None:
        """Fold these entries into their items, in this order; an entry that is in its item already changes nothing."""

    async def forget(self) -> None:
        """Begin anew: no item is left but those of samples. What was signed off stays so when it comes back."""

    async def waiting(
        self, limit: int, signal: Signal | None = None, party: str = "", after: str = ""
    ) -> Sequence[Item]:
        """Those that nobody signed off, first what comes first; from the one behind the item `after` on."""

    async def count(self, party: str = "", most: int = 1000) -> int:
        """How many wait, counted up to `most`."""

    async def oldest(self, party: str = "") -> date | None:
        """The first day of which something waits."""

    async def get(self, item: str, *, lock: bool = False) -> Item | None:
        """By id."""

    async def lines(self, item: str, limit: int, after: str = "") -> Sequence[str]:
        """The entries of an item, by id, oldest first."""

    async def signed_off(self, item: str) -> SignedOff | None:
        """Who signed it off, if anybody did."""

    async def sign_off(self, item: str, officer: OfficerId, note: str, now: datetime) -> bool:
        """Sign off what it holds now; False when it does not wait any more."""

    async def alike(self, item: str, party: str = "") -> int:
        """How many other items of the same professional wait; counted up to 100."""

    async def by_day(self, first: date, last: date, party: str = "") -> Mapping[date, tuple[int, int]]:
        """(items made, of which signed off) of each of those days that has any."""

    async def samples(self, day: date, party: str = "") -> tuple[int, int]:
        """(lines drawn of that day, of which signed off)."""


@dataclass(frozen=True, slots=True)
class Known:
    """When a professional last had to do with somebody: `seen` in whatever way, `asked` by a request."""

    seen: date
    asked: date | None = None


Pair = tuple[str, str]
"""A professional; and a person, or an organisation."""
Count = tuple[str, str, date]
"""A professional, what is counted, and the day."""


class WatchStore(Protocol):
    """What must be known to see that an entry stands out: no more of it than the longest threshold looks back."""

    async def known(self, pairs: Collection[Pair]) -> Mapping[Pair, Known]:
        """What is known of these pairs."""

    async def keep_known(self, known: Mapping[Pair, Known]) -> None:
        """Keep it in the place of what was known."""

    async def counted(self, professionals: Collection[str], since: date) -> Mapping[Count, int]:
        """The counts of these professionals from that day on."""

    async def keep_counted(self, counts: Mapping[Count, int]) -> None:
        """Keep them in the place of the counts that were there."""

    async def disclosed(self, releases: Mapping[str, tuple[str, date]]) -> None:
        """These were disclosed: for each its entry, and the last day on which it may still be acknowledged in time."""

    async def acknowledged(self, releases: Iterable[str]) -> None:
        """These were."""

    async def overdue(self, day: date, limit: int) -> Sequence[tuple[str, date]]:
        """(entry, its last day) of those that nobody acknowledged before that day; each is handed out once."""

    async def clean(self, known_since: date, counted_since: date) -> None:
        """Forget what is older."""

    async def forget(self) -> None:
        """Begin anew."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """A day's sample: from `disclosures` lines, by a seed made with the checkpoint of `size` entries."""

    day: date
    size: int
    seed: str
    disclosures: int
    places: tuple[int, ...]


class DrawingStore(Protocol):
    """The samples of the days."""

    async def of(self, day: date) -> Drawing | None:
        """The sample of that day."""

    async def keep(self, drawing: Drawing, now: datetime) -> bool:
        """Keep one; False when that day has one."""

    async def unplaced(self, until: datetime) -> bool:
        """Whether an entry from before that moment is not in the tree yet."""

    async def disclosures(self, since: datetime, until: datetime) -> Mapping[int, str]:
        """The entries by which something was disclosed from `since` until before `until`, by their places."""
