"""What the page with checks is given to show: a line for each thing that was looked at, and how it came out."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from broker.domain.stores.checks import UnderWay
from broker.errors import Words


class Mark(StrEnum):
    """How something came out. A page shows it as a word and a sign; colour comes after those."""

    GOOD = "good"
    ATTENTION = "attention"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class CheckRow:
    """One thing: what it is, how it is, since when; `by` is an officer's pseudonym, if one did it."""

    what: Words
    mark: Mark
    says: Words
    at: datetime | None = None
    by: str = ""
    more: str = ""


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key by its id: what it is for, how many days old, and whether it is due."""

    purpose: Words
    kid: str
    created: datetime
    days: int
    mark: Mark
    says: Words


@dataclass(frozen=True, slots=True)
class ChecksScreen:
    """All of it. `whole` is the line of `rows` about the whole log. `running` is a check of the whole log that is going on; `root` and `checkpoint` are for keeping."""

    whole: CheckRow
    rows: tuple[CheckRow, ...]
    keys: tuple[KeyRow, ...]
    running: UnderWay | None
    size: int
    waiting: int
    root: str
    checkpoint: str
