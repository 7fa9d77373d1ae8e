"""Who must say yes for a person, at one instant: the age table of `policies/signers.toml`, read strictly.

- Nobody on record who may sign is never a yes: `Required.gap` then says why.
- Where facts disagree, the signers of every reading are required.
- A person unable to decide does not sign; the holders of authority do (Jeugdwet 7.3.15, BW 7:465).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from broker.domain.calendar import age, local_day
from broker.domain.parties import Authority, Person, PersonId


@dataclass(frozen=True, slots=True)
class SignerRule:
    """One row: from this age on, until the next row's, the person signs and/or every holder of authority signs."""

    from_age: int
    person_signs: bool
    authority_signs: bool
    articles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SignerTable:
    """The rows in order of age. Raises ValueError unless they start at 0, rise, and always name somebody."""

    rules: tuple[SignerRule, ...]

    def __post_init__(self) -> None:
        if not self.rules or self.rules[0].from_age != 0:
            raise ValueError("the first row of the signer table must start at age 0")
        if any(later.from_age <= earlier.from_age for earlier, later in pairwise(self.rules)):
            raise ValueError("the ages of the signer table must rise")
        if not all(rule.person_signs or rule.authority_signs for rule in self.rules):
            raise ValueError("every row of the signer table must name who signs")

    def rule_for(self, years: int) -> SignerRule:
        """The row for that age; somebody not yet born falls under the first."""
        return [rule for rule in self.rules if rule.from_age <= max(years, 0)][-1]

    def band(self, years: int) -> str:
        """The age band as a word for the policy: `0-11`, `12-15`, `16+`."""
        rule = self.rule_for(years)
        later = [other.from_age for other in self.rules if other.from_age > rule.from_age]
        return f"{rule.from_age}-{later[0] - 1}" if later else f"{rule.from_age}+"


class Gap(StrEnum):
    """Why nobody, or not everybody, can be asked."""

    NO_AUTHORITY = "no-authority-on-record"
    NO_BIRTH = "no-birth-date-on-record"
    REVIEW_OVERDUE = "inability-review-overdue"
    CONTACT_DOUBTED = "contact-doubted"


@dataclass(frozen=True, slots=True)
class Required:
    """Who must consent for one person at one instant. With a gap nothing may be released."""

    signers: frozenset[PersonId]
    gap: Gap | None = None

    @property
    def complete(self) -> bool:
        """Whether there is somebody to ask, and nobody is missing."""
        return self.gap is None and bool(self.signers)


def holders(person: PersonId, authorities: Iterable[Authority], now: datetime) -> frozenset[PersonId]:
    """Everybody who holds authority over the person at `now`."""
    return frozenset(a.holder for a in authorities if a.over == person and a.holds_at(now))


def required_signers(person: Person, authorities: Sequence[Authority], table: SignerTable, now: datetime) -> Required:
    """Who must consent for `person` at `now` (Jeugdwet 7.3.4, 7.3.5, 7.3.11; BW 7:457, 7:465; UAVG 5)."""
    if not person.births:
        return Required(frozenset(), Gap.NO_BIRTH)
    holding = holders(person.id, authorities, now)
    signers: set[PersonId] = set()
    gap: Gap | None = None
    for birth in person.births:
        rule = table.rule_for(age(birth, local_day(now)))
        unable = person.inability is not None
        if unable and person.inability is not None and person.inability.review < local_day(now):
            gap = Gap.REVIEW_OVERDUE
        if rule.person_signs and not unable:
            signers.add(person.id)
        if rule.authority_signs or unable:
            signers |= holding
            if not holding:
                gap = Gap.NO_AUTHORITY
    return Required(frozenset(signers), gap)


def youngest_band(person: Person, table: SignerTable, now: datetime) -> str:
    """The band of the youngest stated age: the reading that protects most. Empty when no birth date is known."""
    if not person.births:
        return ""
    return table.band(age(max(person.births), local_day(now)))
