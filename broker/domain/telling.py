"""Who is told that something was read: whoever said the yes that it rests on, and the young person whom it is about.

- Nobody hears of a section that is shielded from them, not even that something was read.
- Everybody hears once, however many sections left together.
- A child hears nothing before the age at which it would be asked: where birth dates disagree, the youngest counts.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum

from broker.domain.calendar import age, local_day
from broker.domain.consents import Stance
from broker.domain.decisions import SectionDecision
from broker.domain.parties import Person, PersonId
from broker.domain.signers import SignerTable


class Why(StrEnum):
    """Why somebody is told: they said yes to it, or it is about them without their having to say so."""

    SAID_YES = "said-yes"
    ABOUT_THEM = "about-them"


_FIRST = tuple(Why)
"""Who has more than one reason is told the first."""


def first(one: Why | None, other: Why) -> Why:
    """Of two reasons to tell somebody, the one that they are told."""
    return other if one is None else min(one, other, key=_FIRST.index)


def old_enough(person: Person, table: SignerTable, now: datetime) -> bool:
    """Whether every stated birth date makes them old enough to be asked. Somebody without a birth date is not."""
    asked_from = min((rule.from_age for rule in table.rules if rule.person_signs), default=None)
    if asked_from is None or not person.births:
        return False
    return age(max(person.births), local_day(now)) >= asked_from


def told_of(
    released: Iterable[SectionDecision], people: Mapping[PersonId, Person], table: SignerTable, now: datetime
) -> Mapping[PersonId, Why]:
    """Who is told of these released sections, each person once, and why."""
    told: dict[PersonId, Why] = {}
    for decision in released:
        signed = {f.signer for f in decision.findings if f.signer and f.counts and f.stance is Stance.GIVEN}
        about = {p for p in decision.section.concerns if p in people and old_enough(people[p], table, now)}
        for person in (signed | about) - decision.section.shielded_from:
            why = Why.SAID_YES if person in signed else Why.ABOUT_THEM
            told[person] = first(told.get(person), why)
    return told
