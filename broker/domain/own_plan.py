"""The family's own plan (Jeugdwet 4.1.2): who may write about whom, until which day, and who else must say yes.

- Somebody writes about whom they decide for at that moment, and about nobody else; one gap in the facts, and nobody does.
- Nothing is chosen beforehand, no day lies further off than the agreement gives the kind, and none renews itself.
- Whoever hears of a plan hears of its readers: a reader is offered only when nobody who is asked is shielded from what
  named that reader.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from broker.domain.calendar import Period, local_day
from broker.domain.drafts import LONGEST_CONSENT
from broker.domain.handovers import Handover
from broker.domain.parties import Authority, Person, PersonId, Recipient
from broker.domain.signers import SignerTable, required_signers
from broker.errors import Fault, Invalid, Words

LONGEST = 4_000
"""Characters in a plan."""
MONTHS = (1, 3, 6, 12)
"""The periods that are offered, as long as the agreement gives them."""
MOST = 5
"""Plans of one person through one sender that are kept at the same time."""


@dataclass(frozen=True, slots=True)
class PlanWish:
    """What somebody filled in: the text, and what they chose by the keys that the form showed."""

    text: str = field(repr=False)
    persons: frozenset[str] = frozenset()
    readers: frozenset[str] = frozenset()
    until: str = ""


def may_write_about(
    writer: PersonId,
    people: Mapping[PersonId, Person],
    authorities: Sequence[Authority],
    table: SignerTable,
    now: datetime,
) -> frozenset[PersonId]:
    """About whom of these: for whom the writer must be asked, where it is known of everybody who must be."""
    needed = {person.id: required_signers(person, authorities, table, now) for person in people.values()}
    return frozenset(person for person, required in needed.items() if required.complete and writer in required.signers)


def others_to_ask(
    writer: PersonId,
    concerned: Collection[PersonId],
    people: Mapping[PersonId, Person],
    authorities: Sequence[Authority],
    table: SignerTable,
    now: datetime,
) -> frozenset[PersonId]:
    """Everybody else who must say yes for somebody whom it concerns."""
    needed = (required_signers(people[person], authorities, table, now).signers for person in concerned)
    return frozenset[PersonId]().union(*needed) - {writer}


def last_days(longest: Period | None, today: date) -> tuple[date, ...]:
    """The days to choose from, both included; without a period of the agreement there is none."""
    if longest is None:
        return ()
    end = min(longest.after(today), LONGEST_CONSENT.after(today))
    return tuple(dict.fromkeys(day for months in MONTHS if (day := Period(months, 0).after(today)) <= end))


def subject_of(concerned: Iterable[PersonId], people: Mapping[PersonId, Person]) -> PersonId:
    """Whom it is about in the header: the youngest of them, by the youngest reading; so the agreement protects most."""
    return min(concerned, key=lambda one: (-max(people[one].births, default=date.min).toordinal(), one))


def readers_in(handovers: Iterable[Handover], asked: Collection[PersonId]) -> Mapping[Recipient, str]:
    """The recipients of these with the basis that their sender stated for them; from what nobody of the `asked` is shielded."""
    found: dict[Recipient, str] = {}
    for handover in handovers:
        if any(section.shielded_from & frozenset(asked) for section in handover.sections):
            continue
        for recipient in handover.recipients:
            if handover.legal_basis.recipient.strip():
                found.setdefault(recipient, handover.legal_basis.recipient)
    return dict(sorted(found.items(), key=lambda one: (one[0].organisation, one[0].role)))


def chosen(
    wish: PlanWish, persons: Mapping[str, PersonId], readers: Mapping[str, Recipient], days: Collection[date]
) -> tuple[frozenset[PersonId], tuple[Recipient, ...], date]:
    """What was chosen, of what could be. Raises Invalid with every fault at once; also for what was not offered."""
    faults = []
    if not wish.persons or not wish.persons <= persons.keys():
        faults.append(Fault("/persons", _ABOUT))
    if not wish.readers or not wish.readers <= readers.keys():
        faults.append(Fault("/readers", _READERS))
    day = next((day for day in days if day.isoformat() == wish.until), None)
    if day is None:
        faults.append(Fault("/until", _UNTIL))
    if faults or day is None:
        raise Invalid(faults)
    return (
        frozenset(persons[key] for key in wish.persons),
        tuple(readers[key] for key in readers if key in wish.readers),
        day,
    )


def on(now: datetime, longest: Period | None) -> tuple[date, ...]:
    """`last_days` from the day of this instant."""
    return last_days(longest, local_day(now))


_ABOUT = Words("Kies over wie je plan gaat.", "Choose whom your plan is about.")
_READERS = Words("Kies wie je plan mag lezen.", "Choose who may read your plan.")
_UNTIL = Words("Kies tot welke dag het mag.", "Choose until which day.")
