"""Who watches, and what each of them may do: a right that is not named here nobody has.

Source: NEN 7513 (who may read the log, and that reading it is logged); AVG art. 24 and 39.
"""

from dataclasses import dataclass
from enum import StrEnum

from broker.domain.parties import OfficerId, Oin
from broker.errors import NotAllowed, Words


class OfficerRole(StrEnum):
    """What somebody was let in as."""

    OFFICER = "officer"
    """The privacy officer of the whole: sees every line, and decides."""
    OF_ORGANISATION = "organisation-officer"
    """The privacy officer of one organisation: sees the lines in which that organisation takes part, and no others."""
    KEEPER = "log-keeper"
    """Keeps the log: sees that it is whole and how much there is, never about whom."""


class Right(StrEnum):
    """One thing that can be done in the console. Every use case asks for exactly one."""

    READ_LOG = "read-log"
    """Lines of the log by pseudonyms, and why each came out as it did."""
    READ_PERSON = "read-person"
    """All that was logged about one person, or one reader: the report and what a breach touches."""
    REVIEW = "review"
    """See what stands out and what is in doubt, and sign off the first."""
    SETTLE = "settle"
    """Settle a doubt: it changes what a yes must rest on, so nobody does it about their own organisation alone."""
    TAKE_AWAY = "take-away"
    """Take a part of the log away as a file."""
    AGREEMENT = "agreement"
    """Weigh and approve another agreement."""
    READ_AGREEMENT = "read-agreement"
    """Who may read what by the agreement in force."""
    COUNT = "count"
    """Numbers and pictures: how many, never about whom."""
    CHECK_LOG = "check-log"
    """Whether the log is whole, who witnessed it, the age of keys."""
    WATCH = "watch"
    """What other officers looked at."""
    MANAGE = "manage"
    """Who is an officer, and which organisations take part: always two of them."""


RIGHTS: dict[OfficerRole, frozenset[Right]] = {
    OfficerRole.OFFICER: frozenset(Right),
    OfficerRole.OF_ORGANISATION: frozenset(
        {Right.READ_LOG, Right.READ_PERSON, Right.REVIEW, Right.READ_AGREEMENT, Right.COUNT}
    ),
    OfficerRole.KEEPER: frozenset({Right.COUNT, Right.CHECK_LOG, Right.READ_AGREEMENT}),
}


def need(rights: frozenset[Right], right: Right) -> None:
    """Pass when that right is among these. Raises NotAllowed."""
    if right not in rights:
        raise NotAllowed(_NOT_YOURS, code="right-missing")


@dataclass(frozen=True, slots=True)
class Acting:
    """An officer at work. `organisation` is the only one whose lines they see; None for everybody's."""

    officer: OfficerId
    role: OfficerRole
    organisation: Oin | None = None

    @property
    def rights(self) -> frozenset[Right]:
        """What they may do: nothing, for an officer of one organisation of whom it is not known which."""
        if (self.role is OfficerRole.OF_ORGANISATION) != (self.organisation is not None):
            return frozenset()
        return RIGHTS[self.role]

    def need(self, right: Right) -> None:
        """Pass with that right. Raises NotAllowed without."""
        need(self.rights, right)

    @property
    def party(self) -> str:
        """The organisation that must take part in whatever they see; empty when that may be any."""
        return self.organisation or ""

    def sees(self, *parties: str | None) -> bool:
        """Whether they may see something in which these organisations take part."""
        return self.organisation is None or self.organisation in parties


_NOT_YOURS = Words(
    "Dit hoort niet bij uw taak. Vraag een privacy officer van het geheel.",
    "This is not part of your task. Ask a privacy officer of the whole.",
)
