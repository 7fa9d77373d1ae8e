"""What one person can write a plan about and to whom, worked out at one instant, and what they filled in put to that.

- Whom they do not decide for, or of whom it is not known who decides, is not there to choose; so is a reader whom the
  agreement does not give it to.
- Somebody who must say yes and cannot be reached is a fault, whatever they said before: so that nothing of it is told.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from broker.domain.calendar import local_day
from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.domain.handovers import Handover, HandoverId, LegalBasis, Section, SectionId
from broker.domain.notices import Asked, answers_as_child, asked_of
from broker.domain.own_plan import (
    LONGEST,
    MOST,
    PlanWish,
    chosen,
    may_write_about,
    on,
    others_to_ask,
    readers_in,
    subject_of,
)
from broker.domain.parties import Authority, Oin, Organisation, Person, PersonId, Recipient
from broker.domain.ports import AgreementInForce
from broker.domain.reactions import plain
from broker.domain.signers import youngest_band
from broker.domain.stores import Invitation, UnitOfWork, Visit
from broker.domain.vocabulary import Kind
from broker.errors import Conflict, Fault, Invalid, NotAllowed, Words
from broker.services.house import House
from broker.services.invitations import ANSWER_WITHIN
from broker.services.mine import recipient_words
from broker.services.notices import DUTCH, Told, compose_for
from broker.services.plan_screens import PlanDraft, PlanForm, PlanPerson, PlanReader

MEDIA_TYPE = "text/plain"


@dataclass(frozen=True, slots=True)
class Desk:
    """What one person can write about and to whom, at one instant."""

    writer: PersonId
    sender: Organisation
    kind: Kind
    agreement: AgreementInForce
    people: Mapping[PersonId, Person]
    authorities: tuple[Authority, ...]
    about: frozenset[PersonId]
    asked: tuple[Handover, ...]
    """The handovers that they were asked about."""
    partners: Mapping[Oin, Organisation]
    names: Mapping[PersonId, str]
    now: datetime

    def others(self, concerned: Collection[PersonId]) -> frozenset[PersonId]:
        """Who else must say yes."""
        return others_to_ask(self.writer, concerned, self.people, self.authorities, self.agreement.signers, self.now)

    def readers(self, concerned: Collection[PersonId]) -> Mapping[Recipient, str]:
        """Who could read a plan about these, with the basis stated for each."""
        found = readers_in(self.asked, self.others(concerned) | {self.writer})
        return {one: basis for one, basis in found.items() if self._agreed(one, concerned)}

    def offered(self) -> Mapping[Recipient, str]:
        """Who could read one about somebody."""
        found: dict[Recipient, str] = {}
        for person in sorted(self.about):
            found |= self.readers({person})
        return dict(sorted(found.items(), key=lambda one: (one[0].organisation, one[0].role)))

    def _agreed(self, recipient: Recipient, concerned: Collection[PersonId]) -> bool:
        partner = self.partners.get(recipient.organisation)
        subject = self.people[subject_of(concerned, self.people)]
        return (
            partner is not None
            and not partner.suspended
            and self.agreement.decide(
                PolicyQuestion(
                    sender_kind=self.sender.kind,
                    recipient_kind=partner.kind,
                    role=recipient.role,
                    purpose=self.kind.family_purpose,
                    handover_kind=self.kind.id,
                    section_type=self.kind.required[0],
                    age_band=youngest_band(subject, self.agreement.signers, self.now),
                    evidence=EvidenceLevel.CODE,
                    discussed_with_family=True,
                    sender_basis=True,
                    recipient_basis=True,
                    concerns_others=len(concerned) > 1,
                )
            ).permitted
        )


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan that could be kept: its header, who else is asked, and the text of the question about it."""

    handover: Handover
    text: str = field(repr=False)
    others: frozenset[PersonId]
    told: Told


async def desk_of(
    work: UnitOfWork, house: House, invitation: Invitation, now: datetime, plan: Handover | None = None
) -> Desk:
    """Gather it. Raises NotAllowed when they can write nothing now, with what to do.

    To change a `plan` that is kept nobody needs to be offered: its readers stay, also when what named them is over.
    """
    agreement = house.agreement()
    kind, writer = agreement.vocabulary.own_plan, invitation.person
    sender = await work.organisations.get(invitation.sender)
    if kind is None or not agreed(agreement) or sender is None or sender.suspended:
        raise NotAllowed(_NOT_AGREED, code="own-plan-impossible")
    if await work.matters.doubted({writer}):
        raise NotAllowed(_NOT_NOW, code="own-plan-impossible")
    asked = await _asked_about(work, house, invitation, now)
    concerned = frozenset[PersonId]({writer}).union(
        plan.concerned() if plan else (), *(_known_to(writer, handover) for handover in asked)
    )
    people, authorities = await work.authorities.facts(concerned)
    mine = may_write_about(writer, people, authorities, agreement.signers, now)
    everybody = mine | {a.holder for a in authorities}
    desk = Desk(
        writer=writer,
        sender=sender,
        kind=kind,
        agreement=agreement,
        people=people,
        authorities=tuple(authorities),
        about=mine,
        asked=asked,
        partners={one.oin: one for one in await work.organisations.all()},
        names=await work.persons.names(everybody, invitation.sender),
        now=now,
    )
    if not mine or not (plan or desk.offered()):
        raise NotAllowed(_NOT_NOW, code="own-plan-impossible")
    return desk


def _known_to(writer: PersonId, handover: Handover) -> frozenset[PersonId]:
    """Whom it is about, as far as the writer may know: nobody becomes known by a section that is shielded from them."""
    seen = (section.concerns for section in handover.sections if writer not in section.shielded_from)
    return frozenset[PersonId]().union(*seen)


async def _asked_about(work: UnitOfWork, house: House, invitation: Invitation, now: datetime) -> tuple[Handover, ...]:
    """This sender's own handovers about which the person is asked now, having a say."""
    found: list[Handover] = []
    for handover_id, _ in await work.reactions.concerning(invitation.person, invitation.sender):
        handover = await work.handovers.get(handover_id)
        if handover is None or handover.author is not None or not handover.kept_at(now):
            continue
        people, authorities = await work.authorities.facts(handover.concerned())
        table = house.agreement().signers
        asked = asked_of(invitation.person, handover, people, authorities, table, now)
        if any(one.signing.persons for one in asked):
            found.append(handover)
    return tuple(found)


def agreed(agreement: AgreementInForce) -> bool:
    """Whether the agreement knows a plan of the family's own, and has words to ask about one."""
    return agreement.vocabulary.own_plan is not None and bool(agreement.notices[DUTCH].family)


def form_of(house: House, desk: Desk, visit: Visit) -> PlanForm:
    """What the form shows."""
    label = desk.agreement.vocabulary.label
    persons = tuple(
        PlanPerson(key, desk.names.get(person, ""), yourself=person == desk.writer)
        for key, person in _person_keys(house, desk, visit).items()
    )
    readers = tuple(
        PlanReader(key, desk.partners[one.organisation].name, label(one.role))
        for key, one in _reader_keys(desk.offered()).items()
    )
    return PlanForm(persons, readers, on(desk.now, desk.kind.consent), LONGEST)


def _person_keys(house: House, desk: Desk, visit: Visit) -> Mapping[str, PersonId]:
    """How the form of this visit says who: in the order of names, the writer last."""
    ordered = sorted(desk.about, key=lambda one: (one == desk.writer, desk.names.get(one, ""), one))
    return {house.tags.code_tag("own-plan", visit.id, person)[:16]: person for person in ordered}


async def planned_of(
    work: UnitOfWork, house: House, desk: Desk, visit: Visit, wish: PlanWish, language: str
) -> Planned:
    """The plan as it would be kept. Raises Invalid with every fault."""
    text, faults = "", list[Fault]()
    try:
        text = plan_words(wish.text)
    except Invalid as wrong:
        faults += wrong.faults
    try:
        concerned, readers, until = chosen(
            wish, _person_keys(house, desk, visit), _reader_keys(desk.offered()), on(desk.now, desk.kind.consent)
        )
    except Invalid as wrong:
        raise Invalid([*faults, *wrong.faults]) from None
    others, possible = desk.others(concerned), desk.readers(concerned)
    if not set(readers) <= possible.keys():
        faults.append(Fault("/readers", _NOT_THIS_READER))
    if await _unreachable(work, desk, others):
        faults.append(Fault("/persons", _NOT_EVERYBODY))
    if faults:
        raise Invalid(faults)
    if len(await kept_by(work, desk.writer, desk.sender.oin, desk.now)) >= MOST:
        raise Conflict(_TOO_MANY, code="too-many-plans")
    handover = _header(house, desk, concerned, {one: possible[one] for one in readers}, until, visit.language)
    asked = (Asked(desk.kind.required[0], tuple(sorted(concerned))),)
    told = await compose_for(
        work,
        house,
        {oin: one.name for oin, one in desk.partners.items()},
        handover,
        desk.writer,
        asked,
        language,
        child=answers_as_child(desk.people.get(desk.writer), asked, desk.now),
    )
    return Planned(handover, text, others, told)


async def _unreachable(work: UnitOfWork, desk: Desk, others: Collection[PersonId]) -> bool:
    """Whether somebody who must say yes cannot be asked: whatever they said before, so that nothing of it is told."""
    if await work.matters.doubted(others):
        return True
    return any([not (await work.persons.claims(person, desk.sender.oin))[1] for person in sorted(others)])


async def kept_by(work: UnitOfWork, writer: PersonId, sender: Oin, now: datetime) -> tuple[Handover, ...]:
    """The plans of theirs that are kept."""
    written = await work.lists.written_by(writer, sender)
    return tuple(handover for handover, _ in written if handover.kept_at(now))


def _header(
    house: House,
    desk: Desk,
    concerned: frozenset[PersonId],
    readers: Mapping[Recipient, str],
    until: date,
    language: str,
) -> Handover:
    section = Section(SectionId(house.ids()), desk.kind.required[0], concerned, MEDIA_TYPE)
    return Handover(
        id=HandoverId(house.ids()),
        version=1,
        sender=desk.sender.oin,
        kind=desk.kind.id,
        purpose=desk.kind.family_purpose,
        language=language,
        subject=subject_of(concerned, desk.people),
        recipients=tuple(readers),
        sections=(section,),
        legal_basis=LegalBasis(_BASIS, "; ".join(sorted(set(readers.values())))),
        discussed_with_family=True,
        consent_until=until,
        retain_until=until,
        author=desk.writer,
    )


def draft_of(house: House, desk: Desk, planned: Planned, visit: Visit, wish: PlanWish) -> PlanDraft:
    """What the page before keeping shows."""
    keys, handover = _person_keys(house, desk, visit), planned.handover
    notice, dutch = planned.told.notice, planned.told.dutch
    partners = {oin: one.name for oin, one in desk.partners.items()}
    return PlanDraft(
        wish=wish,
        text=planned.text,
        persons=tuple(
            PlanPerson(key, desk.names.get(person, ""), yourself=person == desk.writer)
            for key, person in keys.items()
            if person in handover.concerned()
        ),
        readers=tuple(recipient_words(one, partners, desk.agreement.vocabulary) for one in handover.recipients),
        until=handover.consent_until,
        others=tuple(desk.names.get(person, "") for person in sorted(planned.others)),
        answer_until=local_day(desk.now + ANSWER_WITHIN),
        parts=notice.questions[0].parts,
        language=notice.language,
        dutch=dutch.questions[0].parts if dutch else {},
        reviewed=planned.told.reviewed,
        digest=notice.ref.digest,
    )


def plan_words(text: str) -> str:
    """What was typed, plain. Raises Invalid with every fault."""
    return plain(text, longest=LONGEST, too_long=_LONG)


def _reader_keys(readers: Mapping[Recipient, str]) -> Mapping[str, Recipient]:
    return {f"{one.organisation}/{one.role}": one for one in readers}


_BASIS = "AVG 6(1)(a)"
_LONG = Words(
    "Dit is te lang. Maak het korter: hoogstens 4000 tekens.", "This is too long. Make it shorter: 4,000 signs at most."
)
_NOT_AGREED = Words(
    "Een eigen plan schrijven kan hier niet. Wil je het toch? Vraag het aan degene van wie je de code kreeg.",
    "You cannot write a plan of your own here. Do you want to? Ask the person who gave you the code.",
)
_NOT_NOW = Words(
    "Je kunt nu geen eigen plan schrijven. Wij weten niet zeker wie mag beslissen, of wie het mag lezen. "
    "Bel degene van wie je de code kreeg.",
    "You cannot write a plan of your own now. We do not know for sure who decides, or who may read it. "
    "Call the person who gave you the code.",
)
_NOT_THIS_READER = Words(
    "Iemand die je koos, mag dit plan niet lezen. Kies anders.",
    "Somebody whom you chose may not read this plan. Choose otherwise.",
)
_NOT_EVERYBODY = Words(
    "Iemand anders moet ook ja zeggen, en die kunnen wij niet bereiken. Bel degene van wie je de code kreeg.",
    "Somebody else must say yes as well, and we cannot reach them. Call the person who gave you the code.",
)
_TOO_MANY = Words(
    "Je hebt al vijf plannen. Verander er een, of stop er een.",
    "You have five plans already. Change one, or stop one.",
)
