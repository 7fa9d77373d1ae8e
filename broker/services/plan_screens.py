"""A family's own plan, ready for a page: what can be chosen, the draft once more, and what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from broker.domain.own_plan import PlanWish
from broker.errors import Words
from broker.services.screens import ReadLine


@dataclass(frozen=True, slots=True)
class PlanPerson:
    """Somebody whom a plan can be about; `key` says who in the form of one visit."""

    key: str
    name: str
    yourself: bool = False


@dataclass(frozen=True, slots=True)
class PlanReader:
    """Somebody who could read it."""

    key: str
    organisation: str
    role: Words


@dataclass(frozen=True, slots=True)
class PlanForm:
    """What can be chosen; nothing is. `days` are last days, `longest` is a number of signs."""

    persons: tuple[PlanPerson, ...]
    readers: tuple[PlanReader, ...]
    days: tuple[date, ...]
    longest: int


@dataclass(frozen=True, slots=True)
class PlanDraft:
    """A plan before it is kept: all of it, and the exact question that the writer says yes to.

    `others` are those who must say yes as well, until `answer_until`. `parts`, `language`, `dutch` and `reviewed` are as in a
    `QuestionScreen`; `digest` is that of the question.
    """

    wish: PlanWish
    text: str = field(repr=False)
    persons: tuple[PlanPerson, ...]
    readers: tuple[Words, ...]
    until: date
    others: tuple[str, ...]
    answer_until: date
    parts: Mapping[str, str]
    language: str
    dutch: Mapping[str, str]
    reviewed: bool
    digest: str


@dataclass(frozen=True, slots=True)
class PlanText:
    """The writer's own text again. `id` says nothing."""

    id: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PlanLine:
    """One plan of the person's own: for whom, for how long, and who read it. Never what anybody else answered.

    `kept`: it can be read, with everybody's yes. One that is neither kept nor `ended` is on hold.
    """

    id: str
    day: date
    until: date
    version: int
    persons: tuple[str, ...]
    readers: tuple[Words, ...]
    ended: bool
    kept: bool
    readings: tuple[ReadLine, ...]
