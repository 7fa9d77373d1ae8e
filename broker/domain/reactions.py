"""What a family itself says: a reaction to a section, a request to correct it, or to erase the whole handover.

- A reaction goes where its section goes, and nowhere else; who wrote it is told as a capacity, never as a name.
- A request to correct that was not met stays with every later version; one that was met stays with the text that it
  was about. What is disputed stays attached.
- A request to erase is between family and sender: it goes with no section.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NewType

from broker.domain.handovers import HandoverId, Section
from broker.domain.notices import capacity
from broker.domain.parties import Authority, PersonId
from broker.errors import Conflict, Fault, Invalid, Words

ReactionId = NewType("ReactionId", str)
LONGEST = 2_000
"""Characters in what somebody writes, or answers."""


class ReactionKind(StrEnum):
    """What a family can write."""

    REACTION = "reaction"
    CORRECTION_REQUEST = "correction-request"
    ERASURE_REQUEST = "erasure-request"


class ReactionState(StrEnum):
    """A reaction is `kept` and asks nothing; a request is open until the sender has answered it, once."""

    KEPT = "kept"
    OPEN = "open"
    CORRECTED = "corrected"
    NOT_CORRECTED = "not-corrected"
    ERASED = "erased"
    NOT_ERASED = "not-erased"


class Outcome(StrEnum):
    """What a sender can answer."""

    CORRECTED = "corrected"
    NOT_CORRECTED = "not-corrected"
    ERASED = "erased"
    NOT_ERASED = "not-erased"


WHOLE = "*"
"""What a request to erase is about, where others name a section type."""
BEGINS = {
    ReactionKind.REACTION: ReactionState.KEPT,
    ReactionKind.CORRECTION_REQUEST: ReactionState.OPEN,
    ReactionKind.ERASURE_REQUEST: ReactionState.OPEN,
}
TRANSITIONS: dict[tuple[ReactionKind, ReactionState, Outcome], ReactionState] = {
    (ReactionKind.CORRECTION_REQUEST, ReactionState.OPEN, Outcome.CORRECTED): ReactionState.CORRECTED,
    (ReactionKind.CORRECTION_REQUEST, ReactionState.OPEN, Outcome.NOT_CORRECTED): ReactionState.NOT_CORRECTED,
    (ReactionKind.ERASURE_REQUEST, ReactionState.OPEN, Outcome.ERASED): ReactionState.ERASED,
    (ReactionKind.ERASURE_REQUEST, ReactionState.OPEN, Outcome.NOT_ERASED): ReactionState.NOT_ERASED,
}
"""What is not listed cannot be answered: a reaction never, a request once, and only with what it asked for."""


@dataclass(frozen=True, slots=True)
class Reaction:
    """What one person wrote about a section type of one handover, for the `persons` for whom they signed then.

    `capacity` is `self` or the kind of authority; `version` is the version that they wrote it about.
    """

    id: ReactionId
    handover: HandoverId
    section_type: str
    persons: frozenset[PersonId]
    author: PersonId
    capacity: str
    kind: ReactionKind
    version: int
    text: str = field(repr=False)
    at: datetime
    state: ReactionState
    answer: str | None = field(default=None, repr=False)
    answered_at: datetime | None = None


def next_state(kind: ReactionKind, state: ReactionState, outcome: Outcome) -> ReactionState:
    """Where an answer leads.

    Raises Conflict for a reaction and for a request that was answered already, Invalid for an answer to another kind
    of request.
    """
    try:
        return TRANSITIONS[kind, state, outcome]
    except KeyError:
        if state is ReactionState.KEPT:
            raise Conflict(_ASKS_NOTHING, code="nothing-to-answer") from None
        if state is ReactionState.OPEN:
            raise Invalid((Fault("/outcome", _OTHER_REQUEST),)) from None
        raise Conflict(_ANSWERED, code="reaction-answered") from None


def attached(reactions: Iterable[Reaction], section: Section, version: int) -> tuple[Reaction, ...]:
    """What goes with this section of this version: about its type, and about somebody whom it concerns.

    A request that was met stays with the version that it was about (`corrected` alone changes no text), and goes
    with no later one.
    """
    return tuple(
        r
        for r in reactions
        if r.kind is not ReactionKind.ERASURE_REQUEST
        and r.section_type == section.type
        and r.persons & section.concerns
        and (r.state is not ReactionState.CORRECTED or version <= r.version)
    )


def disputed(reactions: Iterable[Reaction]) -> bool:
    """Whether somebody asked for a correction that is open or was not made."""
    return any(r.state in (ReactionState.OPEN, ReactionState.NOT_CORRECTED) for r in reactions)


def speaks_as(
    author: PersonId, persons: Iterable[PersonId], subject: PersonId, authorities: Sequence[Authority], now: datetime
) -> str:
    """The author's capacity: towards the subject if they sign for the subject, else as themselves, else towards another."""
    for_whom = sorted(persons, key=lambda person: (person != subject, person != author, person))
    return capacity(author, for_whom[0], authorities, now)


def plain(text: str, *, needed: bool = True, longest: int = LONGEST, too_long: Words | None = None) -> str:
    """What was typed, with every line break alike and nothing around it. Raises Invalid with every fault.

    `too_long` is told of what has more than `longest` signs.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    faults = tuple(_faults(text, needed=needed, longest=longest, too_long=too_long or _LONG))
    if faults:
        raise Invalid(faults)
    return text


def _faults(text: str, *, needed: bool, longest: int, too_long: Words) -> Iterator[Fault]:
    if needed and not text:
        yield Fault("/text", _EMPTY)
    if len(text) > longest:
        yield Fault("/text", too_long)
    if any(sign not in "\n\t" and unicodedata.category(sign) in ("Cc", "Cs") for sign in text):
        yield Fault("/text", _STRANGE)


_EMPTY = Words("Schrijf eerst iets op.", "Write something first.")
_LONG = Words(
    "Dit is te lang. Maak het korter: hoogstens 2000 tekens.", "This is too long. Make it shorter: 2,000 signs at most."
)
_STRANGE = Words(
    "Hier staat een teken in dat wij niet kunnen bewaren. Typ de tekst opnieuw.",
    "This holds a sign that we cannot keep. Type the text again.",
)
_ANSWERED = Words("Dit verzoek is al beantwoord.", "This request was answered already.")
_OTHER_REQUEST = Words(
    "Dit past niet bij wat er is gevraagd: antwoord op een verzoek om wissen met erased of not-erased, en op een "
    "verzoek om correctie met corrected of not-corrected.",
    "This does not fit what was asked: answer a request to erase with erased or not-erased, and a correction request "
    "with corrected or not-corrected.",
)
_ASKS_NOTHING = Words(
    "Dit is een reactie, geen verzoek: er valt niets te beantwoorden.",
    "This is a reaction, not a request: there is nothing to answer.",
)
