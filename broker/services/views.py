"""A handover as its sender or a recipient may see it: who has answered, never what; what is open, never what is closed."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, Protocol

from broker.domain.calendar import still_in
from broker.domain.consents import ConsentRecord, Stance, cell_of, standing
from broker.domain.handovers import Handover, Section
from broker.domain.notices import Asked, asked_of
from broker.domain.parties import Authority, PersonId, Recipient
from broker.domain.releases import precedes
from broker.domain.stores import UnitOfWork
from broker.errors import BrokerError, Words
from broker.services.facts import open_sections
from broker.services.house import House
from broker.services.reactions import disputed_sections

FORM = "1"
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
    """One section: whether it is open to any recipient, and for its sender alone whether the family disputes it."""

    type: str
    open: bool
    disputed: bool | None = None


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
    """A handover as its sender or a recipient may see it. `tag` stands for all that it says."""

    handover: Handover
    sections: tuple[SectionState, ...]
    signers: tuple[SignerState, ...]
    tag: str = ""


class Expected(Protocol):
    """What a caller saw when it decided to change something."""

    def matches(self, tag: str) -> bool:
        """Whether this is still it."""


def _tagged(house: House, view: HandoverView) -> HandoverView:
    """With a keyed tag of all that it says: another when anything of it is another. The same at every broker."""
    h = view.handover
    header = [h.id, h.version, h.kind, h.purpose, h.sender, h.state.value, h.consent_until.isoformat()]
    sections = [[section.type, section.open, section.disputed] for section in view.sections]
    signers = [[one.person, one.state, one.support, one.can_be_reached] for one in view.signers]
    tag = house.tags.tag("view", FORM, json.dumps([header, sections, signers]))[:32]
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
    sections = tuple(SectionState(section.type, section in anywhere, section in wrong) for section in handover.sections)
    return _tagged(house, HandoverView(handover, sections, await _signers(work, house, handover, now)))


async def seen_by_recipient(
    work: UnitOfWork, house: House, handover: Handover, recipients: tuple[Recipient, ...], now: datetime
) -> HandoverView | None:
    """What is open to these recipients; None when nothing is."""
    opened = await open_sections(work, handover, recipients, house.agreement(), now)
    anywhere = frozenset[Section]().union(*opened.values())
    sections = tuple(SectionState(s.type, open=True) for s in handover.sections if s in anywhere)
    return _tagged(house, HandoverView(handover, sections, ())) if sections else None


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
                where = standing(records, signer, cell, authorities, now)
                if where.record is None:
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
