"""What two officers decide together about officers, organisations and names, and the very bytes that the second one signs.

- A motion is proposed by one and seconded by another, within a day; nobody does both.
- Stopping an organisation is safe, so one officer may do it at once, for that day; starting it again always takes two.
- Names of those whom a breach affects leave for exactly the search that was proposed, and for a day after it was seconded.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from broker.domain.events import Fact
from broker.domain.officers import OfficerRole
from broker.domain.parties import OfficerId, Oin

OPEN_FOR = timedelta(hours=24)
"""How long somebody can second it, and how long what one officer stopped stays so."""
NAMES_FOR = timedelta(hours=24)
"""How long after it was seconded the two who decided it can take the names."""
MOST_PEOPLE = 500
"""Of how many children at most one decision gives the names."""
LONGEST_REASON = 300
LONGEST_NAME = 100


class MotionKind(StrEnum):
    """What is to be done."""

    INVITE = "invite-officer"
    WITHDRAW = "withdraw-officer"
    SUSPEND = "suspend"
    LIFT = "lift"
    NAMES = "names"
    """The names of those whom a breach affects, for who has to tell them."""


class MotionState(StrEnum):
    """Where a motion stands."""

    WAITING = "waiting"
    PROVISIONAL = "provisional"
    """Done by one, until the day is over or somebody seconds it."""
    DONE = "done"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Search:
    """Whose reading names are asked of: as in `BreachWanted`, both days included; `people` is how many children that was about."""

    by: str
    value: str = field(repr=False)
    first_day: date
    last_day: date
    people: int

    def facts(self) -> dict[str, Fact]:
        """What a log entry says of it to everybody; the value is in it too, as a salted digest."""
        days = {"first_day": self.first_day.isoformat(), "last_day": self.last_day.isoformat()}
        return {"search": self.by, **days, "people": self.people}


@dataclass(frozen=True, slots=True)
class Motion:
    """One motion. `entry` is the log entry that says so; name, reason and code are kept sealed, and not in the log.

    `provisional`: what it asks was done at once. `made` is the officer that it let in, with the invitation's `code`.
    """

    id: str
    kind: MotionKind
    state: MotionState
    by: OfficerId
    at: datetime
    entry: str = ""
    organisation: Oin | None = None
    officer: OfficerId | None = None
    role: OfficerRole | None = None
    provisional: bool = False
    name: str = field(default="", repr=False)
    reason: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    seconded_by: OfficerId | None = None
    seconded_at: datetime | None = None
    made: OfficerId | None = None
    search: Search | None = None

    @property
    def ends(self) -> datetime:
        """From then on it can not be seconded."""
        return self.at + OPEN_FOR

    def stands(self, now: datetime) -> MotionState:
        """Where it stands at a moment: what nobody seconded in time has lapsed."""
        open_still = self.state in (MotionState.WAITING, MotionState.PROVISIONAL)
        return MotionState.LAPSED if open_still and now >= self.ends else self.state

    def half(self, officer: OfficerId) -> str:
        """Who proposed and who seconded get half of the code each: neither can come in with it as somebody else."""
        plain = self.code.replace("-", "")
        middle = len(plain) // 2
        if officer == self.by:
            return plain[:middle]
        return plain[middle:] if officer == self.seconded_by else ""

    def facts(self) -> dict[str, Fact]:
        """What its log entry says to everybody who reads the leaf."""
        return {
            "motion": self.id,
            "kind": self.kind.value,
            "for": self.organisation or "",
            "role": self.role.value if self.role else "",
            "provisional": "yes" if self.provisional else "no",
            "ends": self.ends.isoformat(),
            **(self.search.facts() if self.search else {}),
        }


def challenge(motion: Motion, leaf_hash: bytes, officer: str, nonce: bytes) -> bytes:
    """SHA-256 of what is seconded: the logged motion, what is sealed of it, who seconds it, and our nonce.

    Each value is a netstring (`length:bytes,`), so no two different answers have the same challenge.
    """
    said = hashlib.sha256(b"rondom motion 1\n")
    values: list[str | bytes] = [motion.id, leaf_hash, motion.name, motion.reason, officer, nonce]
    if motion.search:
        values += [*map(str, motion.search.facts().values()), motion.search.value]
    for value in values:
        raw = value.encode() if isinstance(value, str) else value
        said.update(b"%d:%b," % (len(raw), raw))
    return said.digest()
