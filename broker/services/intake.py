"""What comes in: the people of a body recognised, what is stated about them kept and sealed, each section encrypted."""

from collections.abc import Mapping
from datetime import datetime

from broker.domain.drafts import Draft, DraftPerson
from broker.domain.handovers import Handover, HandoverId, LegalBasis, Section, SectionId, Support
from broker.domain.matters import MatterKind
from broker.domain.meetings import Attendee, Meeting
from broker.domain.parties import Authority, Oin, PersonId, ProfessionalId, Recipient
from broker.domain.ports import SealedSection, place_of
from broker.domain.stores import AuthorityClaim, PersonClaim, StatedInability, Statements, UnitOfWork
from broker.domain.tasks import StatedTask, TaskId
from broker.domain.urgency import Urgency
from broker.errors import Fault, Invalid
from broker.services.house import House
from broker.services.matters import doubt_people, raise_matter


async def recognise(
    work: UnitOfWork, house: House, sender: Oin, draft: Draft, now: datetime
) -> tuple[dict[str, PersonId], Mapping[PersonId, Statements]]:
    """Who is who, by the keys of the body, and all that is stated about them now.

    What it states about them is kept beside what others stated.

    1. Everybody is recognised, or new; nobody twice.
    2. They are locked: who releases meanwhile goes first or sees all of it.
    3. What is stated is kept, and sealed as the whole of what is known.
    4. It is compared with what others stated; what an officer should look at goes into their queue.
    """
    keys: dict[str, PersonId] = {}
    await work.contacts.hold((c.channel, c.value) for person in draft.people for c in person.contacts)
    for person in draft.people:  # 1
        known = await work.persons.recognise(sender, person.reference, person.identifiers, PersonId(house.ids()))
        if known in keys.values():
            raise Invalid.at("/people", "Twee personen zijn dezelfde.", "Two of the people are one and the same.")
        keys[person.key] = known
    await work.authorities.hold(keys.values(), exclusively=True)  # 2
    for person in draft.people:  # 3
        await work.persons.state(keys[person.key], sender, _claim(person), person.contacts, now)
    claims = [
        AuthorityClaim(Authority(keys[a.holder], keys[a.over], a.kind, a.since, a.until), a.evidence)
        for a in draft.authorities
    ]
    await work.authorities.state(claims, sender, now)
    stated = await work.authorities.seal(keys.values())
    await doubt_people(work, house, keys.values(), sender, now)  # 4
    for person in draft.people:
        if person.inability is not None:
            await raise_matter(work, house, MatterKind.INABILITY_STATED, keys[person.key], sender, now=now)
    return keys, stated


def _claim(person: DraftPerson) -> PersonClaim:
    judged = person.inability
    stated = StatedInability(judged.reason, judged.assessor, judged.review) if judged else None
    return PersonClaim(person.name, person.birth, person.language, stated)


async def meeting_of(work: UnitOfWork, house: House, draft: Draft) -> Meeting | None:
    """The meeting, with everybody at the table by the id that they have here or will have."""
    if draft.meeting is None:
        return None
    table = []
    for one in draft.meeting.attendees:
        new = ProfessionalId(house.ids())
        who = await work.organisations.expected(one.organisation, one.professional, new)
        table.append(Attendee(one.organisation, one.role, who, one.name))
    return Meeting(draft.meeting.on, tuple(table))


def tasks_of(handover: Handover, draft: Draft, keys: Mapping[str, PersonId]) -> tuple[StatedTask, ...]:
    """What was agreed, tied to the sections of this version."""
    return tuple(
        StatedTask(
            TaskId(one.id), section.id, one.owner if isinstance(one.owner, Recipient) else keys[one.owner], one.due
        )
        for section, part in zip(handover.sections, draft.sections, strict=True)
        for one in part.tasks
    )


async def sealed_handover(
    house: House,
    sender: Oin,
    draft: Draft,
    keys: Mapping[str, PersonId],
    meeting: Meeting | None = None,
    *,
    corrects: Handover | None = None,
    urgency: Urgency | None = None,
) -> tuple[Handover, dict[SectionId, SealedSection]]:
    """The header, and each section encrypted at its place; a new handover, urgent or not, or the next version of one."""
    sections = tuple(
        Section(
            SectionId(house.ids()),
            part.type,
            frozenset(keys[key] for key in part.concerns),
            part.media_type,
            frozenset(keys[key] for key in part.shielded_from),
            part.expires,
            part.instrument,
            part.assessed_on,
        )
        for part in draft.sections
    )
    handover = Handover(
        id=corrects.id if corrects else HandoverId(house.ids()),
        version=corrects.version + 1 if corrects else 1,
        sender=sender,
        kind=draft.kind,
        purpose=draft.purpose,
        language=draft.language,
        subject=keys[draft.subject],
        recipients=draft.recipients,
        sections=sections,
        legal_basis=LegalBasis(draft.sender_basis, draft.recipient_basis),
        discussed_with_family=draft.discussed_with_family,
        consent_until=draft.consent_until,
        retain_until=draft.retain_until,
        supporters=frozenset(Support(keys[supporter], keys[person]) for supporter, person in draft.supporters),
        meeting=meeting,
        urgency=corrects.urgency if corrects else urgency,
    )
    return handover, await house.aside(_sealed, house, handover, draft)


def _sealed(house: House, handover: Handover, draft: Draft) -> dict[SectionId, SealedSection]:
    """Each section as it will lie here: encrypted now, or taken in as its sender sealed it. Raises Invalid."""
    kept: dict[SectionId, SealedSection] = {}
    faults: list[Fault] = []
    for position, (section, part) in enumerate(zip(handover.sections, draft.sections, strict=True)):
        place = place_of(handover, section)
        if isinstance(part.content, bytes):
            kept[section.id] = house.vault.seal(place, draft.reference, part.content)
            continue
        try:
            kept[section.id] = house.vault.accept(place, draft.reference, part.content)
        except Invalid as refused:
            faults += [Fault(f"/sections/{position}/sealed{fault.pointer}", fault.words) for fault in refused.faults]
    if faults:
        raise Invalid(faults)
    return kept
