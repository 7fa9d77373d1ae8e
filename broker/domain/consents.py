"""Consent: what a signer said, for which cells, and what that means at one instant.

- For each cell a signer's *latest* record counts, by the order in which records were committed.
- No choice means no: refused, withdrawn, expired and unanswered all deny.
- A yes counts in the capacity in which it was said: under an authority that was in force then and still is. What somebody
  without authority says is kept as support and never counts.
- A record never covers more than its own scope, nor a day longer than its period.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from operator import attrgetter
from typing import NewType

from broker.domain.calendar import local_day, still_in
from broker.domain.handovers import Handover, HandoverId, Section
from broker.domain.long_watch import CHECK_IN
from broker.domain.meetings import PURPOSE as MEETING
from broker.domain.parties import Authority, Oin, PersonId, Recipient
from broker.domain.passkeys import Confirmation
from broker.errors import Conflict, Words

RecordId = NewType("RecordId", str)


_serial = attrgetter("serial")
SUPPORT = "support"
"""The capacity of somebody who was asked what they think, without having a say."""


class Event(StrEnum):
    """What moves a consent: a signer says something; the sender asks; days pass; the facts change."""

    ASK = "ask"
    GIVE = "give"
    REFUSE = "refuse"
    WITHDRAW = "withdraw"
    EXPIRE = "expire"
    CHANGE = "change"


SAID = frozenset({Event.GIVE, Event.REFUSE, Event.WITHDRAW})
"""What a signer can say; the rest happens by itself and makes no record."""


class Stance(StrEnum):
    """Where a signer stands on one cell. Only `given` is a yes.

    `needs-new-signature`: there is an answer, but authority changed since. A birthday, a new recipient, a wider scope are
    other signers or other cells: those are unanswered.
    """

    UNANSWERED = "unanswered"
    ASKED = "asked"
    GIVEN = "given"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    NEEDS_NEW = "needs-new-signature"


_MAY_ANSWER = (Stance.UNANSWERED, Stance.ASKED, Stance.GIVEN, Stance.REFUSED, Stance.WITHDRAWN, Stance.EXPIRED)
TRANSITIONS: dict[tuple[Stance, Event], Stance] = {
    (Stance.UNANSWERED, Event.ASK): Stance.ASKED,
    **{(stance, Event.GIVE): Stance.GIVEN for stance in (*_MAY_ANSWER, Stance.NEEDS_NEW)},
    **{(stance, Event.REFUSE): Stance.REFUSED for stance in (*_MAY_ANSWER, Stance.NEEDS_NEW)},
    (Stance.GIVEN, Event.WITHDRAW): Stance.WITHDRAWN,
    (Stance.NEEDS_NEW, Event.WITHDRAW): Stance.WITHDRAWN,
    (Stance.GIVEN, Event.EXPIRE): Stance.EXPIRED,
    (Stance.GIVEN, Event.CHANGE): Stance.NEEDS_NEW,
    (Stance.REFUSED, Event.CHANGE): Stance.NEEDS_NEW,
    (Stance.WITHDRAWN, Event.CHANGE): Stance.NEEDS_NEW,
    (Stance.EXPIRED, Event.CHANGE): Stance.NEEDS_NEW,
}
"""From where a signer stands, what may happen, and where they stand then. What is not listed cannot happen."""


class EvidenceLevel(IntEnum):
    """How sure we are that it was this person who answered; higher is surer."""

    NONE = 0
    CODE = 1
    PASSKEY = 2
    OIDC = 3


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """The smallest thing one can say yes or no to."""

    sender: Oin
    organisation: Oin
    role: str
    purpose: str
    section_type: str
    person: PersonId


@dataclass(frozen=True, slots=True)
class Scope:
    """What a record is about: sender x recipients x purpose x section types x person concerned x period."""

    sender: Oin
    recipients: tuple[Recipient, ...]
    purpose: str
    section_types: tuple[str, ...]
    person: PersonId
    until: date

    def cells(self) -> Iterator[Cell]:
        """Every cell that the scope expands into."""
        for recipient in self.recipients:
            for section_type in self.section_types:
                yield Cell(self.sender, recipient.organisation, recipient.role, self.purpose, section_type, self.person)

    def covers(self, cell: Cell) -> bool:
        """Whether the cell is one of them."""
        return (
            cell.sender == self.sender
            and cell.purpose == self.purpose
            and cell.person == self.person
            and cell.section_type in self.section_types
            and Recipient(cell.organisation, cell.role) in self.recipients
        )


@dataclass(frozen=True, slots=True)
class NoticeRef:
    """The exact text that the signer saw: its SHA-256 (hexadecimal) and its language (BCP 47)."""

    digest: str
    language: str


@dataclass(frozen=True, slots=True)
class ConsentRecord:
    """A signed, immutable statement by one signer. Holding one means that its signature was checked.

    `capacity` is `self`, the kind of authority, or `support`. `serial` counts the signer's statements to this sender, from 1; it is
    part of what is signed, so that the order in which things were said cannot be changed in the database. `confirmation` is
    there when, and only when, the evidence is a passkey.
    """

    id: RecordId
    signer: PersonId
    capacity: str
    state: Stance
    scope: Scope
    notice: NoticeRef
    evidence: EvidenceLevel
    handover: HandoverId
    at: datetime
    serial: int = 0
    confirmation: Confirmation | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A signer's stance on one cell, with the record that it rests on."""

    stance: Stance
    record: ConsentRecord | None = None


def counts(record: ConsentRecord, authorities: Iterable[Authority], now: datetime) -> bool:
    """Whether what was said still has the capacity that it was said in.

    For oneself: always. For somebody else: some authority that is in force at `now` was in force on the day it was said.
    """
    person = record.scope.person
    if record.signer == person:
        return record.capacity == "self"
    said_on = local_day(record.at)
    return record.capacity != SUPPORT and any(
        a.holder == record.signer and a.over == person and a.since <= said_on and a.holds_at(now) for a in authorities
    )


def counting_for(record: ConsentRecord, cell: Cell, handover: Handover) -> bool:
    """Whether a record says something about this cell of this handover.

    A yes to a meeting was said about that meeting, one to how somebody said it goes about those words, and one to what a
    family wrote itself about that very plan: it counts for no other one. A no counts for every one.
    """
    if record.state is Stance.GIVEN and of_another_question(record, handover):
        return False
    return record.scope.covers(cell)


def of_another_question(record: ConsentRecord, handover: Handover) -> bool:
    """Whether it was said about a meeting, a plan of a family's own, or how somebody said it goes, and not about this one."""
    own = handover.author is not None  # nothing else has the purpose of a plan, and so its cells
    bound = own or record.scope.purpose == MEETING or CHECK_IN in record.scope.section_types
    return bound and record.handover != handover.id


def standing(
    records: Iterable[ConsentRecord],
    signer: PersonId,
    cell: Cell,
    authorities: Iterable[Authority],
    now: datetime,
    handover: Handover | None = None,
) -> Standing:
    """The signer's stance on the cell at `now`: the latest record that covers it, and no record means unanswered.

    With `handover` the stance for that one, by the records that count for it.
    """
    covering = (r for r in records if (counting_for(r, cell, handover) if handover else r.scope.covers(cell)))
    return latest_of(covering, signer, authorities, now)


def standing_about(
    records: Iterable[ConsentRecord],
    signer: PersonId,
    cell: Cell,
    authorities: Iterable[Authority],
    now: datetime,
    handover: HandoverId,
    own: Collection[str],
) -> Standing:
    """The stance for one handover of which no more is known than its id; `own` are the purposes of families' own plans."""
    bound = cell.purpose == MEETING or cell.purpose in own or cell.section_type == CHECK_IN
    covering = (
        r
        for r in records
        if r.scope.covers(cell) and not (bound and r.state is Stance.GIVEN and r.handover != handover)
    )
    return latest_of(covering, signer, authorities, now)


def standing_at_most(
    records: Iterable[ConsentRecord],
    signer: PersonId,
    cell: Cell,
    authorities: Collection[Authority],
    now: datetime,
    own: Collection[str],
) -> Standing:
    """The stance for whichever handover it allows most and longest: what a signer is shown, and can stop.

    A yes to one meeting or plan does not end when one to another does. One whose authority changed since comes after one
    that counts: facts stated later may bring it back.
    """
    mine = [r for r in records if r.signer == signer and r.scope.covers(cell)]
    abouts = {r.handover for r in mine if r.state is Stance.GIVEN}
    found = (standing_about(mine, signer, cell, authorities, now, one, own) for one in abouts)
    given = [
        (one.stance is Stance.GIVEN, one.record.scope.until, one.record.serial, one)
        for one in found
        if one.record is not None and one.record.state is Stance.GIVEN and still_in(one.record.scope.until, now)
    ]
    return max(given)[-1] if given else latest_of(mine, signer, authorities, now)


def latest_of(
    covering: Iterable[ConsentRecord], signer: PersonId, authorities: Iterable[Authority], now: datetime
) -> Standing:
    """The same, of the records that cover one cell."""
    latest = max((r for r in covering if r.signer == signer), key=_serial, default=None)
    if latest is None:
        return Standing(Stance.UNANSWERED)
    stance = latest.state
    if stance is Stance.GIVEN and not still_in(latest.scope.until, now):
        stance = next_stance(stance, Event.EXPIRE)
    if not counts(latest, authorities, now):
        stance = next_stance(stance, Event.CHANGE)
    return Standing(stance, latest)


def cell_of(handover: Handover, recipient: Recipient, section: Section, person: PersonId) -> Cell:
    """The cell in which consent for this section and this person must lie."""
    return Cell(handover.sender, recipient.organisation, recipient.role, handover.purpose, section.type, person)


def next_stance(current: Stance, event: Event) -> Stance:
    """Where `event` leads from `current`. Raises Conflict when it cannot happen there."""
    try:
        return TRANSITIONS[current, event]
    except KeyError:
        raise Conflict(
            Words(
                "Dit kan nu niet meer: er is niets om te stoppen.",
                "This is not possible now: there is nothing to stop.",
            ),
            code="nothing-to-withdraw",
        ) from None


def answered(
    template: ConsentRecord, said: Mapping[Cell, Event], current: Mapping[Cell, Stance]
) -> tuple[ConsentRecord, ...]:
    """As few records as say exactly this: one per resulting state and set of recipients, with all types it goes for.

    The records together cover the cells of `said`, each once, and no other. `template` carries sender, purpose, person and period, which the cells share; its id is left for the caller to
    replace. `current` holds the signer's stance on each cell. Raises Conflict for what cannot be said from there.
    """
    about: dict[tuple[str, Stance], list[Recipient]] = {}
    for cell, event in said.items():
        state = next_stance(current[cell], event)
        about.setdefault((cell.section_type, state), []).append(Recipient(cell.organisation, cell.role))
    alike: dict[tuple[Stance, tuple[Recipient, ...]], list[str]] = {}
    for (section_type, state), recipients in about.items():
        alike.setdefault((state, tuple(recipients)), []).append(section_type)
    return tuple(
        replace(
            template,
            state=state,
            scope=replace(template.scope, recipients=recipients, section_types=tuple(section_types)),
        )
        for (state, recipients), section_types in alike.items()
    )
