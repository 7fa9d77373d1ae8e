"""What was agreed to be done: whose it is, by which day, and how far it is. What it is stands in the ciphertext, not here.

- Whose it is: an organisation in a role, or somebody of the family; nobody else says how far it is.
- An id is a random one of the sender's: it ties a line in the text to its state, and says nothing.
- Each change is kept: what it became, when, and which organisation in which role said so; or that the family did.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NewType

from broker.domain.calendar import end_of_day
from broker.domain.handovers import HandoverId, SectionId
from broker.domain.parties import PersonId, Recipient
from broker.errors import Conflict, Words

TaskId = NewType("TaskId", str)
Owner = Recipient | PersonId
SECTION_TYPE = "agreements"
"""The type of section in which the text of tasks stands."""
MOST = 100
"""Tasks of one section."""
_MORNING = timedelta(hours=9)


class Status(StrEnum):
    """How far it is. `dropped`: it is no longer going to be done."""

    OPEN = "open"
    UNDER_WAY = "under-way"
    DONE = "done"
    DROPPED = "dropped"


ENDED = frozenset({Status.DONE, Status.DROPPED})
"""Of these nobody is reminded."""
TRANSITIONS: dict[Status, frozenset[Status]] = {
    Status.OPEN: frozenset({Status.UNDER_WAY, Status.DONE, Status.DROPPED}),
    Status.UNDER_WAY: frozenset({Status.OPEN, Status.DONE, Status.DROPPED}),
    Status.DONE: frozenset({Status.UNDER_WAY}),
    Status.DROPPED: frozenset({Status.OPEN}),
}
"""To where each leads. What ended can only be taken up again."""


@dataclass(frozen=True, slots=True)
class StatedTask:
    """A task as the version in force states it, tied to the section in which its text stands."""

    id: TaskId
    section: SectionId
    owner: Owner
    due: date


@dataclass(frozen=True, slots=True)
class Change:
    """That it became this, and when. `by` is None when somebody of the family said so."""

    status: Status
    at: datetime
    by: Recipient | None


@dataclass(frozen=True, slots=True)
class Task:
    """A task with its state, and every change of it, the first one first."""

    id: TaskId
    handover: HandoverId
    section: SectionId
    owner: Owner
    due: date
    status: Status = Status.OPEN
    history: tuple[Change, ...] = ()


def check_step(current: Status, wanted: Status) -> None:
    """Raises Conflict when it cannot become that from where it is."""
    if wanted not in TRANSITIONS[current]:
        raise Conflict(_NOT_FROM_HERE, code="task-status")


def remind_at(due: date) -> datetime:
    """The morning of the day by which it is due, about nine in the Netherlands."""
    return end_of_day(due - timedelta(days=1)) + _MORNING


_NOT_FROM_HERE = Words(
    "Dit kan nu niet. Wat klaar is of niet doorgaat, kan alleen opnieuw beginnen.",
    "This is not possible now. What is done or dropped can only be taken up again.",
)
