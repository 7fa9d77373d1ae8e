"""Who must say yes for a person, at one instant: the age table of `policies/signers.toml`, read strictly.

- Nobody on record who may sign is never a yes: `Required.gap` then says why.
- Where facts disagree, the signers of every reading are required.
- A person unable to decide does not sign; the holders of authority do (Jeugdwet 7.3.15, BW 7:465).
- Authority counts only at the ages that the table gives its kind: *gezag* ends at 18 (BW 1:233).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import pairwise

from broker.domain.calendar import age, local_day
from broker.domain.parties import Authority, Inability, Person, PersonId


@dataclass(frozen=True, slots=True)
class SignerRule:
    """One row: from this age on, until the next row's, the person signs and/or every holder of authority signs."""

    from_age: int
    person_signs: bool
    authority_signs: bool
    articles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuthorityRule:
    """A kind of authority, and the ages of the person at which it can be held: from `from_age` until before `until_age`."""

    kind: str
    from_age: int
    until_age: int | None
    articles: tuple[str, ...]

    def holds_for(self, years: int) -> bool:
        """Whether it can be held over somebody of that age; somebody not yet born counts as 0."""
        return self.from_age <= max(years, 0) and (self.until_age is None or years < self.until_age)


@dataclass(frozen=True, slots=True)
class SignerTable:
    """The rows in order of age, and the kinds of authority.

    Raises ValueError unless the rows start at 0, rise, and always name somebody, and each kind stands there once, with
    ages that can be. A kind that is not there is nobody's.
    """

    rules: tuple[SignerRule, ...]
    authorities: tuple[AuthorityRule, ...] = ()

    def __post_init__(self) -> None:
        kinds = [rule.kind for rule in self.authorities]
        if len(set(kinds)) != len(kinds):
            raise ValueError("each kind of authority must stand in the signer table once")
        if any(rule.until_age is not None and rule.until_age <= rule.from_age for rule in self.authorities):
            raise ValueError("a kind of authority must end after it begins")
        if not self.rules or self.rules[0].from_age != 0:
            raise ValueError("the first row of the signer table must start at age 0")
        if any(later.from_age <= earlier.from_age for earlier, later in pairwise(self.rules)):
            raise ValueError("the ages of the signer table must rise")
        if not all(rule.person_signs or rule.authority_signs for rule in self.rules):
            raise ValueError("every row of the signer table must name who signs")

    def rule_for(self, years: int) -> SignerRule:
        """The row for that age; somebody not yet born falls under the first."""
        return [rule for rule in self.rules if rule.from_age <= max(years, 0)][-1]

    def known(self, kind: str, years: int) -> bool:
        """Whether authority of that kind can be held over somebody of that age."""
        return any(rule.kind == kind and rule.holds_for(years) for rule in self.authorities)

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
    HOLDER_UNABLE = "holder-of-authority-unable"
    CONTACT_DOUBTED = "contact-doubted"
    BEFORE_RESTORE = "said-before-restore"


@dataclass(frozen=True, slots=True)
class Required:
    """Who must consent for one person at one instant. With a gap nothing may be released."""

    signers: frozenset[PersonId]
    gap: Gap | None = None

    @property
    def complete(self) -> bool:
        """Whether there is somebody to ask, and nobody is missing."""
        return self.gap is None and bool(self.signers)


def holders(
    person: PersonId, authorities: Iterable[Authority], table: SignerTable, years: int, now: datetime
) -> tuple[Authority, ...]:
    """Every authority over the person that is in force at `now` and can be held over somebody of that age."""
    return tuple(a for a in authorities if a.over == person and a.holds_at(now) and table.known(a.kind, years))


def required_signers(person: Person, authorities: Sequence[Authority], table: SignerTable, now: datetime) -> Required:
    """Who must consent for `person` at `now` (Jeugdwet 7.3.4, 7.3.5, 7.3.11, 7.3.15; BW 7:457, 7:465; UAVG 5).

    Where facts disagree, the signers of every reading together, and the gap of any.
    """
    if not person.births or not person.judged:
        return Required(frozenset(), Gap.NO_BIRTH)
    today = local_day(now)
    readings = [
        _one_reading(person.id, age(birth, today), judged, authorities, table, now)
        for birth in sorted(person.births)
        for judged in person.judged
    ]
    if len(readings) == 1:
        return readings[0]
    gaps = sorted(reading.gap for reading in readings if reading.gap is not None)
    return Required(frozenset().union(*(reading.signers for reading in readings)), gaps[0] if gaps else None)


def _one_reading(
    person: PersonId,
    years: int,
    judged: Inability | None,
    authorities: Sequence[Authority],
    table: SignerTable,
    now: datetime,
) -> Required:
    rule = table.rule_for(years)
    signers: set[PersonId] = set()
    gap: Gap | None = None
    if rule.person_signs and judged is None:
        signers.add(person)
    if rule.authority_signs or judged is not None:
        holding = holders(person, authorities, table, years, now)
        signers |= {authority.holder for authority in holding if authority.holder_able}
        if not holding:
            gap = Gap.NO_AUTHORITY
        elif not all(authority.holder_able for authority in holding):
            gap = Gap.HOLDER_UNABLE
    if judged is not None and judged.review < local_day(now):
        gap = Gap.REVIEW_OVERDUE
    return Required(frozenset(signers), gap)


def youngest_band(person: Person, table: SignerTable, now: datetime) -> str:
    """The band of the youngest stated age: the reading that protects most. Empty when no birth date is known."""
    if not person.births:
        return ""
    return table.band(age(max(person.births), local_day(now)))
