"""Who takes part: organisations of the agreement, their professionals, and the people that handovers speak about."""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NewType

from broker.domain.calendar import local_day

Oin = NewType("Oin", str)
"""Organisatie-identificatienummer: 20 digits (Logius)."""
PersonId = NewType("PersonId", str)
ProfessionalId = NewType("ProfessionalId", str)
OfficerId = NewType("OfficerId", str)

AuthorityKind = Literal["parental", "guardian"]
"""`parental`: ouderlijk gezag (BW 1:245); `guardian`: voogdij (BW 1:279 and on)."""


PHONE = r"^\+[1-9][0-9]{7,14}$"
"""A telephone number in E.164 form."""
MAIL = r"^[^@\s\x00-\x1f\"<>]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,}$"
"""A mail address, stricter than RFC 5321."""

ContactSource = Literal["person", "register", "other-organisation", "professional", "unknown"]
"""From whom an organisation has a contact."""


@dataclass(frozen=True, slots=True)
class StatedContact:
    """Where somebody can be reached, as an organisation states it; `verified`: it says that it checked."""

    channel: Literal["sms", "email"]
    value: str = field(repr=False)
    source: ContactSource = "unknown"
    verified: bool = False


@dataclass(frozen=True, slots=True)
class Organisation:
    """A partner in the agreement. A suspended one gets and brings nothing."""

    oin: Oin
    name: str
    kind: str
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Professional:
    """A person working for an organisation in one role, vouched for by that organisation."""

    id: ProfessionalId
    organisation: Oin
    role: str


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a handover is addressed to: an organisation and a role in it, never one named worker."""

    organisation: Oin
    role: str


@dataclass(frozen=True, slots=True)
class Inability:
    """A person was judged unable to decide (*wilsonbekwaam*; BW 7:465, Jeugdwet 7.3.15), until the review date."""

    reason: str
    assessor: str
    review: date


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules need to know of somebody: nothing that says who it is.

    `births` holds every birth date that some organisation stated. They should agree; where they do not,
    every rule reads the stricter one.
    """

    id: PersonId
    births: frozenset[date]
    inability: Inability | None = None


@dataclass(frozen=True, slots=True)
class Authority:
    """*Gezag* or *voogdij* of `holder` over a child, from `since` until the end of `until` (open when None)."""

    holder: PersonId
    over: PersonId
    kind: AuthorityKind
    since: date
    until: date | None = None

    def holds_at(self, now: datetime) -> bool:
        """Whether it is in force on the day of `now`."""
        today = local_day(now)
        return self.since <= today and (self.until is None or today <= self.until)
