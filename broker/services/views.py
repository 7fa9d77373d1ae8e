"""A handover as its sender or a recipient may see it: who has answered, never what; what is open, never what is closed."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Literal, Protocol

from broker.domain.arrivals import Arrival, arrival
from broker.domain.calendar import still_in
from broker.domain.completeness import Completeness, completeness_of
from broker.domain.consents import ConsentRecord, Stance, cell_of, of_another_question, standing
from broker.domain.handovers import Handover, Section
from broker.domain.notices import Asked, asked_of
from broker.domain.parties import Authority, PersonId, Recipient
from broker.domain.releases import precedes
from broker.domain.stores import UnitOfWork
from broker.domain.tasks import Task
from broker.domain.urgency import Progress, UrgentState, progress_of, state_of
from broker.errors import BrokerError, Words
from broker.services.facts import open_sections
from broker.services.house import House
from broker.services.reactions import disputed_sections

FORM = "3"
"""Of the answers that a view is written as: another form, other tags."""


class ChangedSince(BrokerError):
    """The caller asked to change what it saw, and that is no longer what is there (RFC 9110 section 13.1.1)."""

    code = "changed-since"
    words = Words(
        "Dit is veranderd sinds u keek. Er is niets gedaan. Haal het opnieuw op, en besluit dan.",
        "This changed since you looked. Nothing was done. Fetch it again, then decide.",
    )


@dataclass(frozen=True, slots=True)
class SectionState:
    """One section: whether it is open to any recipient, its own last day, and for its sender alone whether it is disputed."""

    type: str
    open: bool
    disputed: bool | None = None
    expires: date | None = None


@dataclass(frozen=True, slots=True)
class SignerState:
    """One person who is asked, by the sender's own key: whether they answered, never what.

    `new-answer-needed`: there is an answer, and it is not enough any more: its period is over whatever it said, authority
    changed, or something was added. `support` is an answer that is kept and does not count.
    """

    person: str = field(repr=False)
    state: Literal["not-asked", "asked", "answered", "new-answer-needed"]
    support: bool
    can_be_reached: bool

    @property
    def answered(self) -> bool:
        """Whether nothing more is needed of them."""
        return self.state == "answered"


@dataclass(frozen=True, slots=True)
class HandoverView:
    """A handover as its sender or a recipient may see it. `tag` stands for all that it says.

    `completeness`, `arrivals`, `urgent` and `keys` (what the sender calls whom, of owners of tasks) are there for its sender
    only: what is missing, how far it came at each recipient, and how far an urgent one is. Of `tasks`, those of sections that
    are open to a role that received such a text. `table`: who sits at a meeting is named, for its sender and those who do.
    """

    handover: Handover
    sections: tuple[SectionState, ...]
    signers: tuple[SignerState, ...]
    tag: str = ""
    completeness: Completeness | None = None
    arrivals: tuple[Arrival, ...] = ()
    tasks: tuple[Task, ...] = ()
    keys: Mapping[PersonId, str] = field(default_factory=dict, repr=False)
    urgent: UrgentState | None = None
    table: bool = False


class Expected(Protocol):
    """What a caller saw when it decided to change something."""

    def matches(self, tag: str) -> bool:
        """Whether this is still it."""


def _tagged(house: House, view: HandoverView) -> HandoverView:
    """With a keyed tag of all that it says: another when anything of it is another. The same at every broker."""
    h = view.handover
    header = [h.id, h.version, h.kind, h.purpose, h.sender, h.state.value, h.consent_until.isoformat()]
    sections = [[one.type, one.open, one.disputed, str(one.expires)] for one in view.sections]
    signers = [[one.person, one.state, one.support, one.can_be_reached] for one in view.signers]
    held = view.completeness
    advice = held and [held.missing, held.usual, [[one.organisation, one.role] for one in held.unusual]]
    came = [[one.recipient.organisation, one.recipient.role, one.came] for one in view.arrivals]
    tasks = [[one.id, str(one.owner), one.due.isoformat(), one.status, len(one.history)] for one in view.tasks]
    lane = view.urgent and [view.urgent.progress, view.urgent.step, view.urgent.late]
    urgent = [h.urgency and h.urgency.until.isoformat(), lane]
    said = [header, sections, signers, advice, came, tasks, urgent, view.table]
    tag = house.tags.tag("view", FORM, json.dumps(said))[:32]
    return replace(view, tag=tag)


async def check_unchanged(
    work: UnitOfWork, house: House, handover: Handover, expected: Expected | None, now: datetime
) -> None:
    """Raises ChangedSince unless the sender would see now what it says that it saw. The handover is locked already."""
    if expected and not expected.matches((await seen_by_sender(work, house, handover, now)).tag):
        raise ChangedSince


async def seen_by_sender(work: UnitOfWork, house: House, handover: Handover, now: datetime) -> HandoverView:
    """Everything that its sender may know."""
    opened = await open_sections(work, handover, handover.recipients, house.agreement(), now)
    anywhere = frozenset[Section]().union(*opened.values())
    wrong = await disputed_sections(work, handover)
    sections = tuple(SectionState(s.type, s in anywhere, s in wrong, s.expires) for s in handover.sections)
    signers, arrivals = await _signers(work, house, handover, now), await _arrivals(work, handover, opened)
    tasks = tuple(await work.tasks.of_handover(handover.id))
    view = HandoverView(
        handover,
        sections,
        signers,
        completeness=completeness_of(handover, house.agreement().vocabulary),
        arrivals=arrivals,
        tasks=tasks,
        keys=await _keys_of(work, handover, tasks),
        urgent=await _urgent(work, handover, signers, arrivals, now),
        table=True,
    )
    return _tagged(house, view)


async def _arrivals(
    work: UnitOfWork, handover: Handover, opened: Mapping[Recipient, Collection[Section]]
) -> tuple[Arrival, ...]:
    collected = await work.arrivals.collected(handover)
    return tuple(arrival(one, collected, is_open=bool(opened[one])) for one in handover.recipients)


async def _urgent(
    work: UnitOfWork,
    handover: Handover,
    signers: Iterable[SignerState],
    arrivals: tuple[Arrival, ...],
    now: datetime,
) -> UrgentState | None:
    step = await work.urgency.step(handover.id) if handover.urgency else None
    if handover.urgency is None or step is None:
        return None
    return state_of(handover.urgency, _progress(signers, arrivals), step, now)


def _progress(signers: Iterable[SignerState], arrivals: tuple[Arrival, ...]) -> Progress:
    return progress_of(arrivals, answered=all(one.answered for one in signers if not one.support))


async def progress_now(work: UnitOfWork, house: House, handover: Handover, now: datetime) -> Progress:
    """How far an urgent handover is. Raises Tampered and PolicyFailed."""
    opened = await open_sections(work, handover, handover.recipients, house.agreement(), now)
    signers = await _signers(work, house, handover, now)
    return _progress(signers, await _arrivals(work, handover, opened))


async def seen_by_recipient(
    work: UnitOfWork,
    house: House,
    handover: Handover,
    recipients: tuple[Recipient, ...],
    now: datetime,
    *,
    named: bool,
) -> HandoverView | None:
    """What is open to these recipients; None when nothing is. `named`: to a professional for whom it is meant."""
    opened = await open_sections(work, handover, recipients, house.agreement(), now)
    anywhere = frozenset[Section]().union(*opened.values())
    sections = tuple(SectionState(s.type, open=True, expires=s.expires) for s in handover.sections if s in anywhere)
    if not sections:
        return None
    tasks = await _tasks_of(work, handover, opened)
    return _tagged(house, HandoverView(handover, sections, (), tasks=tasks, table=named))


async def _tasks_of(
    work: UnitOfWork, handover: Handover, opened: Mapping[Recipient, Collection[Section]]
) -> tuple[Task, ...]:
    """Those of what is open to a role that a text of this type was released to: only who asked for it knows of them."""
    every = await work.tasks.of_handover(handover.id)
    if not every:
        return ()
    seen = {section.id for one in opened if await work.tasks.received(handover.id, one) for section in opened[one]}
    return tuple(one for one in every if one.section in seen)


async def _keys_of(work: UnitOfWork, handover: Handover, tasks: Iterable[Task]) -> Mapping[PersonId, str]:
    owners = {one.owner for one in tasks if not isinstance(one.owner, Recipient)}
    if not owners:
        return {}
    return {person: key for key, person in (await work.handovers.people(handover.id)).items() if person in owners}


async def _signers(work: UnitOfWork, house: House, handover: Handover, now: datetime) -> tuple[SignerState, ...]:
    concerned = handover.concerned()
    people, authorities = await work.authorities.facts(concerned)
    records = await work.consents.about(concerned, handover.sender, handover.purpose)
    invited, restored = await work.invitations.open_for(handover.id, now), await work.log.restored()
    states = []
    for key, person in (await work.handovers.people(handover.id)).items():
        asked = asked_of(person, handover, people, authorities, house.agreement().signers, now)
        if asked:
            said = tuple(_said(person, handover, asked, records, authorities, now, restored))
            support = all(set(one.persons) <= set(one.supported) for one in asked)
            _, contacts = await work.persons.claims(person, handover.sender)
            states.append(SignerState(key, _state(said, asked=person in invited), support, bool(contacts)))
    return tuple(sorted(states, key=lambda state: state.person))


def _said(
    signer: PersonId,
    handover: Handover,
    asked: Iterable[Asked],
    records: tuple[ConsentRecord, ...],
    authorities: tuple[Authority, ...],
    now: datetime,
    restored: datetime | None,
) -> Iterable[Literal["nothing", "good", "over"]]:
    """For each cell that the signer is asked about: whether there is an answer, and whether it is still one."""
    types = {one.section_type: one for one in asked}
    for section in handover.sections:
        for person in set(types[section.type].persons) & section.concerns if section.type in types else ():
            for recipient in handover.recipients:
                cell = cell_of(handover, recipient, section, person)
                where = standing(records, signer, cell, authorities, now, handover)
                if where.record is None or of_another_question(where.record, handover):
                    yield "nothing"
                elif person in types[section.type].supported:
                    yield "good"
                else:
                    over = where.stance is Stance.NEEDS_NEW or not still_in(where.record.scope.until, now)
                    yield "over" if over or precedes(where, restored) else "good"


def _state(
    said: tuple[Literal["nothing", "good", "over"], ...], *, asked: bool
) -> Literal["not-asked", "asked", "answered", "new-answer-needed"]:
    if all(one == "good" for one in said):
        return "answered"
    if all(one == "nothing" for one in said):
        return "asked" if asked else "not-asked"
    return "new-answer-needed"
