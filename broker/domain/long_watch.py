"""A long watch: now and then the family is asked whether things still go well, and chooses itself who reads the answer.

- An answer is a handover of its own, with one section that its author wrote; consent opens it, recipient by recipient, as
  any other. Until it was answered it releases nothing, whatever was said before.
- Nothing renews itself: each time is a new question, and a new answer.
- Whoever is asked can say that they want to be asked no more; that holds.
"""

from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum
from typing import Literal

from broker.domain.calendar import AMSTERDAM, Period, local_day
from broker.domain.handovers import HandoverId
from broker.domain.parties import PersonId

CHECK_IN, KIND = "check-in", "how-it-goes"
"""The section type of an answer, and the kind of handover that holds one: only a family writes these."""
MEDIA_TYPE = "text/plain"
EVERY = ("P2W", "P1M", "P3M", "P6M")
"""How often can be asked: every two weeks, each month, each three months, each half year."""
HOUR = time(10)
"""At what time of the day somebody is asked, in the Netherlands."""


class How(StrEnum):
    """What can be answered, beside own words."""

    WELL = "well"
    SO_SO = "so-so"
    NOT_WELL = "not-well"


@dataclass(frozen=True, slots=True)
class Watched:
    """Somebody who is asked now and then: with which handover last, whether they answered it, and want it no more."""

    person: PersonId
    asked: HandoverId | None = None
    answered: bool = False
    stopped: bool = False

    @property
    def state(self) -> Literal["waiting", "asked", "answered", "stopped"]:
        """How it stands; never what was said."""
        if self.stopped:
            return "stopped"
        return "waiting" if self.asked is None else "answered" if self.answered else "asked"


@dataclass(frozen=True, slots=True)
class LongWatch:
    """Who is asked how often, next when; it hangs on a handover and ends with it."""

    handover: HandoverId
    every: str
    next_at: datetime
    people: tuple[Watched, ...]


def next_moment(every: str, now: datetime) -> datetime:
    """One period from today, at a decent hour. Raises ValueError for a period that is none of `EVERY`."""
    if every not in EVERY:
        raise ValueError("not a period that can be chosen")
    return datetime.combine(Period.parse(every).after(local_day(now)), HOUR, AMSTERDAM).astimezone(now.tzinfo)
