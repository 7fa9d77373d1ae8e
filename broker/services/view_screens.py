"""The views of the log, ready for a page: lines by pseudonyms and counts, never content."""

from dataclasses import dataclass
from datetime import date, datetime

from broker.errors import Words
from broker.services.officer_screens import EntryRow


@dataclass(frozen=True, slots=True)
class LineRow:
    """A line, or `times` lines of one day that read the same, of which `row` is the newest and `since` the first's time.

    `fold` opens them. `reader`: whether a professional did it, everything of whom can be asked for.
    """

    row: EntryRow
    why: Words | None = None
    times: int = 1
    since: datetime | None = None
    fold: str = ""
    reader: bool = False


@dataclass(frozen=True, slots=True)
class Lag:
    """The broker still works on many lines; `lines` says on how many, and is zero where that is not to be known."""

    lines: int


@dataclass(frozen=True, slots=True)
class LinesPage:
    """A page of lines, newest first. `next` is the value of `before` for the next page, empty on the last one.

    `person` and `reader` are whom it is about, when the officer may know them; `unknown`, that they are nobody here.
    """

    rows: tuple[LineRow, ...]
    next: str = ""
    organisations: tuple[tuple[str, str], ...] = ()
    unknown: bool = False
    person: str = ""
    reader: str = ""
    lag: Lag | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many requests came out how, and how much else there was."""

    permitted: int = 0
    partly: int = 0
    denied: int = 0
    other: int = 0

    @property
    def every(self) -> int:
        """All of it."""
        return self.permitted + self.partly + self.denied + self.other


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day (in Amsterdam)."""

    day: date
    counts: Counts


@dataclass(frozen=True, slots=True)
class DaysPage:
    """Days one after the other, newest first. `next` is the value of `before` for the next page."""

    rows: tuple[DayRow, ...]
    next: date | None = None
    lag: Lag | None = None


@dataclass(frozen=True, slots=True)
class OrganisationRow:
    """One organisation: what it asked for or did itself, and what others did with what it sent."""

    oin: str
    name: str
    own: Counts
    others: Counts


@dataclass(frozen=True, slots=True)
class OrganisationsPage:
    """Organisations by name. `next` is the value of `after` for the next page."""

    rows: tuple[OrganisationRow, ...]
    next: str = ""
    lag: Lag | None = None
