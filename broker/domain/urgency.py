"""An urgent handover: who must say yes is asked at once, and somebody is called when it does not come through in time.

- It changes who is asked when and who is called; never who must say yes, and never what is released. After the deadline
  nothing opens by itself.
- How far it is, is worked out from answers and arrivals, and says nothing of who answered what.
- Two moments matter after the beginning: when the deadline is near, and when it has passed. Each escalates once.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from broker.domain.arrivals import Arrival, Came

HOURS: dict[str, int] = {"PT24H": 24, "PT48H": 48}
"""The periods that can be chosen, as ISO 8601 durations: so many hours, also when the clock is moved on the way."""
NEAR = 4
"""The deadline is near in the last part of this many: six of 24 hours, twelve of 48."""


class Step(StrEnum):
    """What the rounds did so far: asked at once, escalated because the deadline was near, and because it had passed."""

    ASKED = "asked"
    NEAR = "near"
    PASSED = "passed"


class Progress(StrEnum):
    """How far it is. `shut`: everybody answered, and to some recipient nothing is open: it is time to call."""

    ANSWERS = "waiting-for-answers"
    SHUT = "shut"
    RECIPIENTS = "waiting-for-recipients"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Urgency:
    """Within how many hours, and until when exactly."""

    hours: int
    until: datetime

    @property
    def within(self) -> str:
        """As an ISO 8601 duration."""
        return f"PT{self.hours}H"

    @property
    def near(self) -> datetime:
        """From when on the deadline is near."""
        return self.until - timedelta(hours=self.hours) / NEAR


@dataclass(frozen=True, slots=True)
class UrgentState:
    """How far an urgent handover is at one moment; `step` is the last escalation that was sent."""

    urgency: Urgency
    progress: Progress
    step: Step
    late: bool


def begun(hours: int, now: datetime) -> Urgency:
    """A lane that begins now."""
    return Urgency(hours, now + timedelta(hours=hours))


def progress_of(arrivals: Collection[Arrival], *, answered: bool) -> Progress:
    """`answered`: everybody who is asked has said something. With nobody to hand over to it is shut."""
    if arrivals and all(one.came in (Came.READ, Came.TAKEN_OVER) for one in arrivals):
        return Progress.DONE
    if arrivals and all(one.came is not Came.SHUT for one in arrivals):
        return Progress.RECIPIENTS
    return Progress.SHUT if answered else Progress.ANSWERS


def state_of(urgency: Urgency, progress: Progress, step: Step, now: datetime) -> UrgentState:
    """What is done is not late: when it was done does not matter any more."""
    return UrgentState(urgency, progress, step, late=now >= urgency.until and progress is not Progress.DONE)


def reached(urgency: Urgency, step: Step, now: datetime) -> Step:
    """How far the rounds should be at `now`. Whoever slept through both moments escalates once, for the later one."""
    if now >= urgency.until:
        return Step.PASSED
    return Step.NEAR if now >= urgency.near and step is Step.ASKED else step


def next_look(urgency: Urgency, step: Step) -> datetime | None:
    """When there is something to look at again; None when that is over."""
    return {Step.ASKED: urgency.near, Step.NEAR: urgency.until, Step.PASSED: None}[step]


def waiting_for(arrivals: Iterable[Arrival]) -> tuple[Arrival, ...]:
    """The recipients to whom something is open and who did not acknowledge it."""
    return tuple(one for one in arrivals if one.came in (Came.WAITING, Came.COLLECTED))
