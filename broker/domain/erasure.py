"""What is to be erased on a day, and why: of a handover its contents, of a person all that is known.

- Contents go at once with whatever ends a handover; nothing waits for a decision of anybody after that.
- A person goes when no kept handover has anything to do with them and the log may be forgotten; before that, an
  organisation that withdraws cannot wipe out the evidence of what it disclosed.
- Who holds authority over somebody still known stays: forgetting them would take away a needed signature.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from broker.domain.calendar import Period
from broker.domain.handovers import ENDED, HandoverId, HandoverState
from broker.domain.parties import Oin, PersonId

LOG_KEPT = Period.parse("P5Y")
"""How long a log line stays readable, from the moment at which it is written (Stcrt. 2019, 38007, on article 5(2) of the
Besluit elektronische gegevensverwerking door zorgaanbieders; NEN 7513). For a lawyer to check: decision 18."""


class Cause(StrEnum):
    """Why something is erased. The last is of people only."""

    WITHDRAWN = "withdrawn"
    RETENTION_OVER = "retention-over"
    FAMILY_ASKED = "family-asked"
    LOG_TIME_OVER = "log-time-over"


ENDS: Mapping[Cause, HandoverState] = {
    Cause.WITHDRAWN: HandoverState.WITHDRAWN,
    Cause.RETENTION_OVER: HandoverState.EXPIRED,
    Cause.FAMILY_ASKED: HandoverState.ERASED,
}
"""What a handover has become after its contents were erased."""
_CAUSES = {state: cause for cause, state in ENDS.items()}


@dataclass(frozen=True, slots=True)
class Contents:
    """A handover whose contents are still there. Nothing in it is encrypted, so nothing damaged keeps it from going.

    `author` is who of a family wrote it; nobody for what its sender pushed.
    """

    id: HandoverId
    version: int
    sender: Oin
    subject: PersonId
    purpose: str
    state: HandoverState
    retain_until: date
    author: PersonId | None = None


@dataclass(frozen=True, order=True, slots=True)
class Noted:
    """A day on which somebody was certainly still needed."""

    day: date
    person: PersonId


@dataclass(frozen=True, slots=True)
class Due:
    """One handover that is to be erased; `overdue` are the days since its last day, 0 when that has not passed."""

    handover: HandoverId
    cause: Cause
    overdue: int


def due(contents: Contents, today: date) -> Due | None:
    """Whether and why the contents go today: its retention is over, or it ended before and the contents are still there."""
    if contents.state in ENDED:
        cause = _CAUSES[contents.state]
    elif contents.retain_until < today:
        cause = Cause.RETENTION_OVER
    else:
        return None
    return Due(contents.id, cause, max(0, (today - contents.retain_until).days))


@dataclass(frozen=True, slots=True)
class Trace:
    """A person of whom no kept handover speaks, and the last day on which something happened to them.

    That is the last of: the end of a handover that had to do with them, a statement about them, a log line of theirs.
    """

    person: PersonId
    last: date


def log_may_go(trace: Trace, today: date) -> bool:
    """Whether the time for which the log stays readable has passed; its last day is included."""
    return LOG_KEPT.after(trace.last) < today


def may_go(free: Collection[PersonId], held: Iterable[tuple[PersonId, PersonId]]) -> frozenset[PersonId]:
    """Who of these can be forgotten together. `held` are (holder, over) of every authority that one of them holds.

    Whoever holds authority over somebody who stays, stays too.
    """
    pairs, going = tuple(held), frozenset(free)
    while staying := {holder for holder, over in pairs if holder in going and over not in going}:
        going -= staying
    return going


def together(going: Collection[PersonId], held: Iterable[tuple[PersonId, PersonId]]) -> tuple[frozenset[PersonId], ...]:
    """These people in groups that authority ties together: a group is forgotten as a whole or not at all."""
    groups: dict[PersonId, frozenset[PersonId]] = {person: frozenset({person}) for person in going}
    for holder, over in held:
        if holder in groups and over in groups:
            merged = groups[holder] | groups[over]
            groups.update(dict.fromkeys(merged, merged))
    return tuple(sorted(set(groups.values()), key=sorted))
