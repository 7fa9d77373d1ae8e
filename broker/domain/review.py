"""Which entries of the log stand out, why, and in which order somebody looks: every threshold stands here and nowhere else.

- An entry stands out for reasons in words (`Signal`), never for a score alone; it is a question to somebody, no verdict.
- Small things alone are no item: the weights of an entry's signals together must reach `MAKES_ITEM`. What was drawn by
  lot always is one.
- Everything is worked out from the entry itself and from what was read before it, so that it can be worked out again.

Left out: holidays (nothing here knows them, so a holiday on a working day counts as a working day), and an urgent lane:
no fact that is logged today says that a request was urgent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum

from broker.domain.calendar import AMSTERDAM
from broker.errors import Words

REFUSALS, REFUSED_WITHIN = 5, 7
"""So many refusals of one professional within so many days, the day itself included."""
CHILDREN = 10
"""Different children whose handovers one professional asked for, or who was searched for, on one day."""
WIDE, WIDE_PART = 6, 0.8
"""At least so many kinds of sections, and at least this part of what the handover holds."""
OPENS, CLOSES = time(7), time(19)
"""Working hours in Amsterdam, Monday to Friday."""
REMEMBERED = 365
"""After so many days without, a professional reads somebody's handovers for the first time again."""
UNREAD_AFTER = timedelta(days=14)
"""A disclosure that was not acknowledged by then is unread."""
WEAK_RULES = frozenset({"strong-answer-needed"})
"""The rules of the agreement that ask for a surer answer than was given."""
WEAK_GAPS = frozenset({"contact-doubted"})
"""Why a yes was not sure enough, as a decision says it of a signer."""
MAKES_ITEM = 15
LONGEST_NOTE = 300
_HEAVIEST = 9_999


class Signal(StrEnum):
    """One reason to look, heaviest first."""

    UNREADABLE = "unreadable"
    REFUSED_OFTEN = "refused-often"
    MANY_CHILDREN = "many-children"
    WEAK_EVIDENCE = "weak-evidence"
    SHARED_CONTACT = "shared-contact"
    OUTSIDE_HOURS = "outside-hours"
    UNREAD = "unread"
    WIDE = "wide"
    FIRST_ORGANISATION = "first-organisation"
    FIRST_CHILD = "first-child"
    SAMPLE = "sample"


WEIGHTS: dict[Signal, int] = {
    Signal.UNREADABLE: 1000,
    Signal.REFUSED_OFTEN: 50,
    Signal.MANY_CHILDREN: 40,
    Signal.WEAK_EVIDENCE: 30,
    Signal.SHARED_CONTACT: 25,
    Signal.OUTSIDE_HOURS: 20,
    Signal.UNREAD: 15,
    Signal.WIDE: 7,
    Signal.FIRST_ORGANISATION: 4,
    Signal.FIRST_CHILD: 3,
    Signal.SAMPLE: 1,
}
OF_THE_READER = frozenset({Signal.REFUSED_OFTEN, Signal.MANY_CHILDREN})
"""Counted over whatever a professional asked of anybody: not for an officer of one of those who were asked."""
FOR_THE_WHOLE = frozenset({Signal.UNREADABLE, Signal.SAMPLE})
"""Signed off by nobody who looks for one organisation alone: a broken log, and the look that nobody chose."""
LEADING = tuple(s for s, weight in WEIGHTS.items() if weight >= MAKES_ITEM or s is Signal.SAMPLE)
"""Those for which an item can be made: what a queue can be narrowed to."""

NAMES: dict[Signal, Words] = {
    Signal.UNREADABLE: Words("Niet te lezen", "Not readable"),
    Signal.REFUSED_OFTEN: Words("Vaak geweigerd", "Refused often"),
    Signal.MANY_CHILDREN: Words("Veel kinderen op één dag", "Many children on one day"),
    Signal.WEAK_EVIDENCE: Words("Antwoord niet zeker genoeg", "Answer not sure enough"),
    Signal.SHARED_CONTACT: Words("Contact in twijfel", "Contact in doubt"),
    Signal.OUTSIDE_HOURS: Words("Buiten werktijd", "Outside working hours"),
    Signal.UNREAD: Words("Niet bevestigd", "Not acknowledged"),
    Signal.WIDE: Words("Bijna alles", "Nearly everything"),
    Signal.FIRST_ORGANISATION: Words("Nieuwe afzender", "New sender"),
    Signal.FIRST_CHILD: Words("Nieuw kind", "New child"),
    Signal.SAMPLE: Words("Steekproef", "Sample"),
}
"""What each is called."""

REASONS: dict[Signal, Words] = {
    Signal.UNREADABLE: Words(
        "Deze regel van het logboek is niet meer wat er is vastgelegd. Bel meteen de beheerder.",
        "This line of the log is no longer what was logged. Call the operator at once.",
    ),
    Signal.REFUSED_OFTEN: Words(
        f"Deze professional is {REFUSALS} keer of vaker geweigerd binnen {REFUSED_WITHIN} dagen.",
        f"This professional was refused {REFUSALS} times or more within {REFUSED_WITHIN} days.",
    ),
    Signal.MANY_CHILDREN: Words(
        f"Deze professional vroeg of zocht op één dag naar {CHILDREN} kinderen of meer.",
        f"This professional asked or searched for {CHILDREN} children or more on one day.",
    ),
    Signal.WEAK_EVIDENCE: Words(
        "Iemand zei ja, maar niet op een manier die zeker genoeg is voor wat er is gevraagd.",
        "Somebody said yes, but not in a way that is sure enough for what was asked.",
    ),
    Signal.SHARED_CONTACT: Words(
        "Er is een open twijfel over het telefoonnummer of e-mailadres van iemand om wie het gaat.",
        "There is an open doubt about the phone number or e-mail address of somebody whom this is about.",
    ),
    Signal.OUTSIDE_HOURS: Words(
        f"Gevraagd in het weekend, voor {OPENS.hour} uur of na {CLOSES.hour} uur.",
        f"Asked in the weekend, before {OPENS.hour:02}:00 or after {CLOSES.hour}:00.",
    ),
    Signal.UNREAD: Words(
        f"Verstrekt, maar na {UNREAD_AFTER.days} dagen heeft niemand bevestigd dat het is gelezen.",
        f"Disclosed, but after {UNREAD_AFTER.days} days nobody had acknowledged reading it.",
    ),
    Signal.WIDE: Words(
        "Bijna alles wat in de overdracht staat, is gevraagd of verstrekt.",
        "Nearly everything in the handover was asked for or disclosed.",
    ),
    Signal.FIRST_ORGANISATION: Words(
        "Deze professional vraagt voor het eerst in een jaar iets van deze afzender.",
        "This professional asks something of this sender for the first time in a year.",
    ),
    Signal.FIRST_CHILD: Words(
        "Deze professional vraagt voor het eerst in een jaar iets over dit kind.",
        "This professional asks something about this child for the first time in a year.",
    ),
    Signal.SAMPLE: Words(
        "Door loting gekozen uit de verstrekkingen van die dag. Er hoeft niets mee te zijn.",
        "Drawn by lot from the disclosures of that day. Nothing has to be wrong with it.",
    ),
}
"""Why each makes a line stand out, as an officer reads it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one entry says: a request of a professional, or a search. Types are kinds of sections, not their texts."""

    at: datetime
    refused: bool = False
    search: bool = False
    asked: frozenset[str] = frozenset()
    got: frozenset[str] = frozenset()
    there: frozenset[str] = frozenset()
    doubted: bool = False
    weak: bool = False


@dataclass(frozen=True, slots=True)
class Before:
    """What is known of its professional, this very entry included in both counts."""

    refusals: int = 0
    children: int = 0
    new_organisation: bool = False
    new_child: bool = False


def signals_of(request: Request, before: Before) -> frozenset[Signal]:
    """Every reason for which this entry stands out, also those that are too light to make an item alone."""
    holds = {
        Signal.REFUSED_OFTEN: request.refused and before.refusals >= REFUSALS,
        Signal.MANY_CHILDREN: before.children >= CHILDREN,
        Signal.WEAK_EVIDENCE: request.weak,
        Signal.SHARED_CONTACT: request.doubted,
        Signal.OUTSIDE_HOURS: outside_hours(request.at),
        Signal.WIDE: _wide(request.got, request.there) or _wide(request.asked, request.there),
        Signal.FIRST_ORGANISATION: before.new_organisation and not request.search,
        Signal.FIRST_CHILD: before.new_child and not request.search,
    }
    return frozenset(signal for signal, it_does in holds.items() if it_does)


def may_sign_off(looks_for: str | None, asked_by: str, signals: Iterable[Signal]) -> bool:
    """Whether somebody who looks for that organisation (None: for the whole) answers for an item of these signals.

    The organisation that asked answers for what its people do (NEN 7513). The one that was asked sees it, and leaves it open.
    """
    return looks_for is None or (looks_for == asked_by and not FOR_THE_WHOLE & set(signals))


def outside_hours(at: datetime) -> bool:
    """Whether it was weekend, early or late in Amsterdam. The instant must know its zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    there = at.astimezone(AMSTERDAM)
    return there.weekday() >= 5 or not OPENS <= there.time() < CLOSES


def _wide(some: frozenset[str], there: frozenset[str]) -> bool:
    part = some & there
    return len(part) >= WIDE and len(part) >= WIDE_PART * len(there)


def weight_of(signals: Iterable[Signal]) -> int:
    """All of them together, each once."""
    return min(sum(WEIGHTS[signal] for signal in set(signals)), _HEAVIEST)


def makes_item(signals: Iterable[Signal]) -> bool:
    """Whether somebody should look."""
    found = set(signals)
    return Signal.SAMPLE in found or weight_of(found) >= MAKES_ITEM


def ordered(signals: Iterable[Signal]) -> tuple[Signal, ...]:
    """Each once, heaviest first."""
    return tuple(sorted(set(signals), key=lambda signal: (-WEIGHTS[signal], signal.value)))


def lead(signals: Iterable[Signal]) -> Signal:
    """The heaviest: what an item is called after. Raises ValueError for none."""
    found = ordered(signals)
    if not found:
        raise ValueError("nothing stands out")
    return found[0]


def rank(weight: int, since: datetime) -> int:
    """The lowest is looked at first: the heaviest, and of those that weigh the same the oldest."""
    return (_HEAVIEST - weight) * 10**11 + int(since.timestamp())
