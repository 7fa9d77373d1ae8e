"""Whether somebody may read the very text about themselves before they answer: only where the agreement says so.

The right behind it: AVG 12 and 15, Jeugdwet 7.3.10.

1. The handover is kept, and the section is one of it whose own last day is not over.
2. The section concerns exactly this person and nobody else, and is not shielded from them.
3. The agreement gives this type of section to the person whom it is about (`own_text` in `vocabulary.toml`).
4. By every birth date that anybody stated the person is twelve or older and signs for themselves, and nobody says that
   they are unable to decide.
5. What is `sealed_only` is opened by nobody here, so neither for them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum

from broker.domain.calendar import age, local_day
from broker.domain.handovers import Handover, Section
from broker.domain.parties import Authority, Person, PersonId
from broker.domain.signers import SignerTable, required_signers
from broker.domain.vocabulary import Vocabulary

YOUNGEST = 12
"""Younger than this nobody is asked to read alone, whatever the agreement says (Jeugdwet 7.3.15)."""


class OwnText(StrEnum):
    """What can be done with a text that is somebody's own: read it, or only say that it is sealed."""

    READABLE = "readable"
    SEALED = "sealed"


def own_text(
    reader: Person, handover: Handover, section: Section, words: Vocabulary, table: SignerTable, now: datetime
) -> OwnText | None:
    """What this person may do with the text of one section at `now`. None: as if it were not there."""
    if not handover.kept_at(now) or section not in handover.sections:  # 1
        return None
    if section.over_at(now, must_expire=section.type in words.expiring):  # 1
        return None
    if section.concerns != {reader.id} or reader.id in section.shielded_from:  # 2
        return None
    if section.type not in words.own_text or not _speaks_alone(reader, table, now):  # 3, 4
        return None
    return OwnText.SEALED if section.type in words.sealed_only else OwnText.READABLE  # 5


def family_text(
    reader: PersonId,
    handover: Handover,
    section: Section,
    words: Vocabulary,
    known: tuple[Mapping[PersonId, Person], Sequence[Authority]],
    table: SignerTable,
    now: datetime,
) -> OwnText | None:
    """The same for a text that the agreement gives to whoever has a say about everybody in it: a child and a parent alike.

    A parent reads of a child until the age at which the child decides alone, and of the other parent never.
    """
    if not handover.kept_at(now) or section not in handover.sections or not section.concerns:  # 1
        return None
    if section.over_at(now, must_expire=section.type in words.expiring):  # 1
        return None
    if reader in section.shielded_from or section.type not in words.family_text:  # 2, 3
        return None
    people, authorities = known
    births = people[reader].births if reader in people else frozenset()
    if not births or min(age(birth, local_day(now)) for birth in births) < YOUNGEST:  # 4
        return None
    for person in section.concerns:  # 4
        required = required_signers(people.get(person) or Person(person, frozenset()), authorities, table, now)
        if not required.complete or reader not in required.signers:
            return None
    return OwnText.SEALED if section.type in words.sealed_only else OwnText.READABLE  # 5


def _speaks_alone(reader: Person, table: SignerTable, now: datetime) -> bool:
    """Whether every reading of the facts says that they sign for themselves."""
    ages = [age(birth, local_day(now)) for birth in reader.births]
    grown = all(years >= YOUNGEST and table.rule_for(years).person_signs for years in ages)
    return bool(ages) and grown and reader.judged == {None}
