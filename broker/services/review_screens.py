"""What the pages of the review are given to show: by pseudonyms, reasons in words, never content."""

from dataclasses import dataclass
from datetime import date, datetime

from broker.domain.review import Signal
from broker.errors import Words
from broker.services.officer_screens import EntryRow


@dataclass(frozen=True, slots=True)
class StartScreen:
    """How the review stands. `oldest` is how many days the oldest item waits, None when nothing does.

    `made` and `done` are of the last thirty days, `drawn` and `looked` of the sample of `yesterday`. `doubts` and
    whatever can be opened are for who may review. `checked` is when the log was last checked, and `intact` how it was.
    """

    waiting: int
    oldest: int | None
    made: int
    done: int
    yesterday: date
    drawn: int
    looked: int
    doubts: int
    checked: datetime | None
    intact: bool
    reviews: bool
    checks: bool

    @property
    def done_rate(self) -> int | None:
        """Whole percents, rounded down: a hundred only when everything is done; None when there was nothing."""
        return 100 * self.done // self.made if self.made else None


@dataclass(frozen=True, slots=True)
class ItemRow:
    """One item of the queue. `names` are its reasons in a word or two, heaviest first."""

    id: str
    names: tuple[Words, ...]
    day: date
    organisation: str
    counterpart: str
    lines: int


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """A page of the queue. `next` is the value of `after` for the next page, empty on the last one."""

    rows: tuple[ItemRow, ...]
    next: str
    signal: Signal | None
    signals: tuple[tuple[Signal, Words], ...]


@dataclass(frozen=True, slots=True)
class ItemDetail:
    """One item: why, its lines (`unreadable` are ids of those that cannot be shown), and who signed it off.

    `more`: it has further lines. `yours`: who looks may sign it off. `alike` counts other items of the same professional that wait.
    """

    row: ItemRow
    reasons: tuple[tuple[Words, Words], ...]
    lines: tuple[EntryRow, ...]
    unreadable: tuple[str, ...]
    more: bool
    professional: str
    alike: int
    signed_at: datetime | None
    signed_by: str
    note: str
    yours: bool
