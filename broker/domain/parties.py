"""Who takes part: organisations of the agreement, their professionals, and the people that handovers speak about."""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NewType

from broker.domain.calendar import local_day
from broker.domain.reachability import Reachability

Oin = NewType("Oin", str)
"""Organisatie-identificatienummer: 20 digits (Logius)."""
PersonId = NewType("PersonId", str)
ProfessionalId = NewType("ProfessionalId", str)
OfficerId = NewType("OfficerId", str)

AuthorityKind = Literal["parental", "guardian", "curatorship", "mentorship"]
"""`parental`: ouderlijk gezag (BW 1:245); `guardian`: voogdij (BW 1:280); for adults `curatorship`: curatele (BW 1:378)
and `mentorship`: mentorschap (BW 1:450). Which ages each belongs to is in `policies/signers.toml`."""


PHONE = r"^\+[1-9][0-9]{7,14}$"
"""A telephone number in E.164 form."""
MAIL = r"^[^@\s\x00-\x1f\"<>]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,}$"
"""A mail address, stricter than RFC 5321."""
_KID = re.compile(r"[A-Za-z0-9_-]{1,64}")

ContactSource = Literal["person", "register", "other-organisation", "professional", "unknown"]
"""From whom an organisation has a contact."""


@dataclass(frozen=True, slots=True)
class StatedContact:
    """Where somebody can be reached, as an organisation states it; `verified`: it says that it checked."""

    channel: Literal["sms", "email"]
    value: str = field(repr=False)
    source: ContactSource = "unknown"
    verified: bool = False


LONGEST_REGION = 80
"""Characters."""


@dataclass(frozen=True, slots=True)
class Organisation:
    """A partner in the agreement. A suspended one gets and brings nothing.

    `sealing_key` is the public key, as JSON, to which what it gets is sealed; without one it gets plain text over TLS.
    `jwks_url` is the address of its signing keys, where those are not registered one by one. With `bound_tokens` it gets
    no token, and uses none, that is not bound to a key or a certificate. `reachability` is what it made known to everybody.
    `region` is the municipality or region that it works for, as indicators are counted by; empty when nobody said.
    """

    oin: Oin
    name: str
    kind: str
    suspended: bool = False
    sealing_key: str | None = None
    jwks_url: str | None = None
    bound_tokens: bool = False
    reachability: Reachability = field(default_factory=Reachability)
    region: str = ""


def is_region(text: str) -> bool:
    """Whether this can be the name of a municipality or region: one short line; also nothing at all."""
    return text.isprintable() and text == text.strip() and len(text) <= LONGEST_REGION


@dataclass(frozen=True, slots=True)
class Professional:
    """A person working for an organisation in one role, vouched for by that organisation.

    `client` is the id of the organisation's key that vouched, as the log names it: no part of who somebody is.
    """

    id: ProfessionalId
    organisation: Oin
    role: str
    client: str = field(default="", compare=False)

    @property
    def vouched(self) -> dict[str, str]:
        """What a log entry says of that key; nothing when none is known."""
        return {"client": self.client} if self.client else {}


def client_key(kid: str) -> str:
    """A client key's id as the log names it: itself, or its SHA-256 where an organisation chose something like a text."""
    if _KID.fullmatch(kid):
        return kid
    return "sha256:" + hashlib.sha256(kid.encode(errors="replace")).hexdigest() if kid else ""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a handover is addressed to: an organisation and a role in it, never one named worker."""

    organisation: Oin
    role: str


@dataclass(frozen=True, slots=True)
class Inability:
    """A person was judged unable to decide (*wilsonbekwaam*; BW 7:465, Jeugdwet 7.3.15), until the review date.

    Why and by whom is kept, sealed, with the statement of it; no rule looks at that.
    """

    review: date


@dataclass(frozen=True, slots=True)
class Person:
    """What the rules need to know of somebody: nothing that says who it is.

    `births` holds every birth date that some organisation stated, `judged` what each of them last said of the person's
    ability (None: able to decide). They should agree; where they do not, the signers of every reading are required.
    """

    id: PersonId
    births: frozenset[date]
    judged: frozenset[Inability | None] = frozenset({None})


@dataclass(frozen=True, slots=True)
class Authority:
    """Authority of `holder` over a person, from `since` until the end of `until` (open when None).

    `holder_able` is false when some organisation last stated that the holder is unable to decide: then nobody knows who
    may sign in their place (BW 1:253r), and nothing rests on their word.
    """

    holder: PersonId
    over: PersonId
    kind: AuthorityKind
    since: date
    until: date | None = None
    holder_able: bool = True

    def holds_at(self, now: datetime) -> bool:
        """Whether it is in force on the day of `now`."""
        today = local_day(now)
        return self.since <= today and (self.until is None or today <= self.until)
