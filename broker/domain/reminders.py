"""What people are reminded of: a yes that ends soon, and a birthday after which others decide.

- A range of days, never one day: what was missed while nothing ran is still said, until it is too late to matter.
- The ages come from the signer table. A child hears nothing before the age at which it would be asked.
- Nobody is reminded of what is shielded from them, nor hears of a handover here for the first time: who never answered
  this sender about this person gets no reminder, whatever somebody else said.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from broker.domain.calendar import age, birthday, local_day
from broker.domain.consents import Cell, ConsentRecord, Stance, standing_about
from broker.domain.handovers import HandoverId, Section
from broker.domain.parties import Authority, Oin, Person, PersonId, Recipient
from broker.domain.signers import SignerRule, SignerTable, holders, required_signers
from broker.domain.telling import old_enough

BEFORE_THE_END = timedelta(days=14)
BEFORE_A_BIRTHDAY = timedelta(days=30)


class Topic(StrEnum):
    """What a reminder says. After a birthday the young person decides `too`, or `alone`."""

    CONSENT_ENDS = "consent-ends"
    PLAN_ENDS = "plan-ends"
    YOU_TOO = "you-decide-too"
    YOU_ALONE = "you-decide-alone"
    CHILD_TOO = "child-decides-too"
    CHILD_ALONE = "child-decides-alone"


@dataclass(frozen=True, slots=True)
class Running:
    """What matters here of a handover that is still active: nothing in it is encrypted, so nothing in it can fail."""

    id: HandoverId
    sender: Oin
    purpose: str
    consent_until: date
    recipients: tuple[Recipient, ...]
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, order=True)
class Reminder:
    """One message to one person. `about` is the handover whose yes ends, or the person whose birthday it is.

    `day` is the last day of the yes, or the birthday; `years` the age then, 0 for a yes.
    """

    to: PersonId
    sender: Oin
    topic: Topic
    about: str
    day: date
    years: int = 0

    @property
    def mark(self) -> str:
        """What makes it the same reminder tomorrow. A birthday is told once, also where birth dates disagree."""
        what = self.years or self.day.isoformat()
        return f"reminder:{self.topic}:{self.to}:{self.about}:{self.sender}:{what}"


def reminders(
    person: Person,
    running: Sequence[Running],
    authorities: Sequence[Authority],
    records: Sequence[ConsentRecord],
    table: SignerTable,
    now: datetime,
    own: Collection[str],
) -> frozenset[Reminder]:
    """What is to be said at `now` about one person: `running` are handovers of one sender for one purpose.

    `own` are the purposes of families' own plans.
    """
    found: set[Reminder] = set()
    for handover in running:
        if local_day(now) > handover.consent_until:
            continue
        sections = [section for section in handover.sections if person.id in section.concerns]
        found.update(_ending(person, handover, sections, authorities, records, table, now, own))
        found.update(_birthdays(person, handover, sections, authorities, records, table, now))
    return frozenset(found)


def _ending(
    person: Person,
    handover: Running,
    sections: Iterable[Section],
    authorities: Sequence[Authority],
    records: Sequence[ConsentRecord],
    table: SignerTable,
    now: datetime,
    own: Collection[str],
) -> Iterator[Reminder]:
    """For each yes that counts now and ends soon: one for its signer, whatever number of cells it covers."""
    last = local_day(now) + BEFORE_THE_END
    if all(record.scope.until > last for record in records):  # nearly always
        return
    for signer in required_signers(person, authorities, table, now).signers:
        for section in sections:
            if signer in section.shielded_from:
                continue
            for to in handover.recipients:
                cell = Cell(handover.sender, to.organisation, to.role, handover.purpose, section.type, person.id)
                where = standing_about(records, signer, cell, authorities, now, handover.id, own)
                if where.stance is Stance.GIVEN and where.record is not None and where.record.scope.until <= last:
                    record = where.record
                    topic = Topic.CONSENT_ENDS
                    yield Reminder(signer, handover.sender, topic, record.handover, record.scope.until)


def _birthdays(
    person: Person,
    handover: Running,
    sections: Sequence[Section],
    authorities: Sequence[Authority],
    records: Sequence[ConsentRecord],
    table: SignerTable,
    now: datetime,
) -> Iterator[Reminder]:
    today = local_day(now)
    answered = {record.signer for record in records if record.scope.person == person.id}
    ages = {age(birth, today) for birth in person.births}
    told = {one.holder for years in ages for one in holders(person.id, authorities, table, years, now)} - {person.id}
    if old_enough(person, table, now):
        told.add(person.id)
    sees = {one for one in told & answered if any(one not in section.shielded_from for section in sections)}
    for rule, topics in _turns(table):
        if not _comes_to_decide(person, topics):
            continue
        days = [day for birth in person.births if today < (day := birthday(birth, rule.from_age))]
        soon = [day for day in days if day <= today + BEFORE_A_BIRTHDAY]
        for one in sees if soon else ():
            topic = topics[0] if one == person.id else topics[1]
            yield Reminder(one, handover.sender, topic, person.id, min(soon), rule.from_age)


def _comes_to_decide(person: Person, topics: tuple[Topic, Topic]) -> bool:
    """Whether that birthday changes who decides: nobody who is unable to comes to, and alone only who is so undisputed."""
    return person.judged == {None} if Topic.YOU_ALONE in topics else None in person.judged


def _turns(table: SignerTable) -> Iterator[tuple[SignerRule, tuple[Topic, Topic]]]:
    """The rows at which the young person comes to decide, with what is then said to them, and to who holds authority."""
    for before, rule in pairwise(table.rules):
        if (before.person_signs, before.authority_signs) == (rule.person_signs, rule.authority_signs):
            continue
        if rule.person_signs and rule.authority_signs:
            yield rule, (Topic.YOU_TOO, Topic.CHILD_TOO)
        elif rule.person_signs:
            yield rule, (Topic.YOU_ALONE, Topic.CHILD_ALONE)
