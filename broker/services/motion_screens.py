"""What the pages about officers, organisations and motions are given to show. Names of officers only for who may manage."""

from dataclasses import dataclass, field
from datetime import datetime

from broker.domain.events import EventType
from broker.domain.motions import MotionKind, MotionState, Search
from broker.domain.officers import OfficerRole
from broker.domain.parties import OfficerId, Organisation
from broker.domain.stores import OfficerRow


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody wants to propose, as it came from the form."""

    kind: MotionKind
    reason: str = field(repr=False)
    organisation: str = ""
    officer: str = ""
    role: OfficerRole | None = None
    name: str = field(default="", repr=False)
    at_once: bool = False
    search: Search | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class OfficersScreen:
    """Every officer, and who is looking; the organisations are for the form."""

    own: OfficerId
    officers: tuple[OfficerRow, ...]
    organisations: tuple[Organisation, ...]


@dataclass(frozen=True, slots=True)
class PartnersScreen:
    """Every organisation."""

    organisations: tuple[Organisation, ...]


@dataclass(frozen=True, slots=True)
class MotionRow:
    """One motion in a list. `officer` is whom it is about, by pseudonym."""

    id: str
    kind: MotionKind
    state: MotionState
    organisation: str
    officer: str
    role: OfficerRole | None
    by: str
    seconded_by: str
    at: datetime
    ends: datetime
    provisional: bool


@dataclass(frozen=True, slots=True)
class MotionScreen:
    """One motion. `half` is this officer's half of the code for whom it let in, until that is used.

    `search` is of whose reading names are asked, `partner` the name of the organisation that it is about, if it is about
    one. `takes_until` is until when this officer can take the names; None for who can not.
    """

    row: MotionRow
    reason: str
    name: str
    can_second: bool
    half: str = field(default="", repr=False)
    search: Search | None = field(default=None, repr=False)
    partner: str = ""
    takes_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """Something that was changed, from the log. `by` says how: `operator`, `motion` or `lapse`; empty before that was kept."""

    entry: str
    at: datetime
    type: EventType
    organisation: str
    officer: str
    state: str
    by: str
    motion: str
