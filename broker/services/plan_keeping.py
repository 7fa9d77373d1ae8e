"""Keeping a plan: its text sealed, the writer's own yes as a signed record, the others asked; all in the caller's unit of work."""

from dataclasses import replace
from datetime import datetime

from broker.domain.consents import (
    Cell,
    ConsentRecord,
    Event,
    EvidenceLevel,
    NoticeRef,
    RecordId,
    Scope,
    Stance,
    answered,
    cell_of,
    standing,
)
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover
from broker.domain.notices import asked_of, capacity
from broker.domain.parties import Oin, PersonId
from broker.domain.ports import place_of
from broker.domain.releases import precedes
from broker.domain.stores import Pushed, UnitOfWork
from broker.errors import Words
from broker.services.handovers import about
from broker.services.house import House
from broker.services.invitations import INVITATION, opened, sent
from broker.services.plan_desk import Desk, Planned
from broker.services.recording import keep


async def sealed(house: House, handover: Handover, text: str) -> Pushed:
    """As it is kept: encrypted at its place, under a reference that nobody can guess."""
    reference = house.codes.token()
    [section] = handover.sections
    box = await house.aside(house.vault.seal, place_of(handover, section), reference, text.encode())
    keys = {str(number): person for number, person in enumerate(sorted(handover.concerned()), 1)}
    return Pushed(handover, reference, fingerprint(house, handover, text), keys, {section.id: box})


def fingerprint(house: House, handover: Handover, text: str) -> str:
    """Of the text of one plan; the same text again changes nothing."""
    return house.tags.tag("own-plan", handover.id, text)


async def own_yes(work: UnitOfWork, house: House, desk: Desk, planned: Planned) -> str:
    """The writer's own answer: a signed record for each person, on the text that was shown. Returns the receipt."""
    notice, handover = planned.told.notice, planned.handover
    await work.consents.keep_notice(notice.ref.digest, notice.language, notice.text, desk.now)
    before = await work.consents.said_by(desk.writer, desk.sender.oin)
    records: list[ConsentRecord] = []
    for person in sorted(handover.concerned()):
        template = _template(desk, handover, person, notice.ref)
        cells = tuple(replace(template.scope, section_types=(desk.kind.required[0],)).cells())
        stances = {cell: standing(before, desk.writer, cell, desk.authorities, desk.now).stance for cell in cells}
        records += answered(template, dict.fromkeys(cells, Event.GIVE), stances)
    named = tuple(replace(record, id=RecordId(house.ids())) for record in records)
    return await keep(work, house, desk.writer, desk.sender.oin, named, desk.now)


async def ask_others(work: UnitOfWork, house: House, desk: Desk, planned: Planned) -> None:
    """Everybody else who must say yes, whatever they said about another plan."""
    for person in sorted(planned.others):
        await _invite(work, house, desk, planned.handover, person)


async def ask_again(work: UnitOfWork, house: House, desk: Desk, handover: Handover) -> None:
    """After a change: whoever never answered and has no open question. A no stays a no, and is not asked about again."""
    waiting = await work.invitations.open_for(handover.id, desk.now)
    for person in sorted(desk.others(handover.concerned()) - waiting):
        if await _unanswered(work, desk, handover, person):
            await _invite(work, house, desk, handover, person)


async def _unanswered(work: UnitOfWork, desk: Desk, handover: Handover, person: PersonId) -> bool:
    never = (Stance.UNANSWERED, Stance.NEEDS_NEW, Stance.EXPIRED)
    return any(stance in never for stance in await _stances(work, desk, handover, person))


async def _stances(work: UnitOfWork, desk: Desk, handover: Handover, signer: PersonId) -> tuple[Stance, ...]:
    """Where a signer stands on each cell of this plan for which they are asked. What was said before an older copy is nothing."""
    records = await work.consents.about(handover.concerned(), handover.sender, handover.purpose)
    restored = await work.log.restored()
    asked = asked_of(signer, handover, desk.people, desk.authorities, desk.agreement.signers, desk.now)
    found = []
    for person in {person for one in asked for person in one.persons}:
        for recipient in handover.recipients:
            cell = cell_of(handover, recipient, handover.sections[0], person)
            where = standing(records, signer, cell, desk.authorities, desk.now, handover)
            found.append(Stance.NEEDS_NEW if precedes(where, restored) else where.stance)
    return tuple(found)


async def _invite(work: UnitOfWork, house: House, desk: Desk, handover: Handover, person: PersonId) -> None:
    claim, contacts = await work.persons.claims(person, desk.sender.oin)
    if not contacts:
        return
    door = await opened(work, house, handover, person, desk.now)
    await work.log.append(_invited(handover, person, desk.now))
    await sent(work, house, door, contacts[0], house.language_of(claim), INVITATION, desk.now)


def _invited(handover: Handover, person: PersonId, now: datetime) -> LogEvent:
    return about(EventType.INVITATION_MADE, handover, now, Personal(person, "invited", person))


async def keep_way_in(work: UnitOfWork, house: House, desk: Desk, handover: Handover) -> None:
    """A code of the writer's own: the one that let them in goes when its organisation withdraws what it was about."""
    claim, contacts = await work.persons.claims(desk.writer, desk.sender.oin)
    door = await opened(work, house, handover, desk.writer, desk.now)
    await work.log.append(_invited(handover, desk.writer, desk.now))
    await work.invitations.use_up(door.id, desk.now)
    if contacts:
        await sent(work, house, door, contacts[0], house.language_of(claim), _KEPT, desk.now)


async def taken_back(
    work: UnitOfWork, house: House, handover: Handover, sender: Oin, now: datetime
) -> tuple[ConsentRecord, ...]:
    """The writer's own yes to this plan; not on cells where another plan rests on a yes of theirs: a no counts for every one.

    The yes to this one opens nothing by then: there is nothing left of it.
    """
    writer = handover.author or PersonId("")
    said = await work.consents.said_by(writer, sender)
    about_plans = {record.handover for record in said if record.scope.purpose == handover.purpose}
    others = [await work.handovers.get(one) for one in sorted(about_plans - {handover.id})]
    kept = [one for one in others if one is not None and one.author is not None and one.kept_at(now)]
    _, authorities = await work.authorities.facts(handover.concerned())
    by_record: dict[RecordId, tuple[ConsentRecord, list[Cell]]] = {}
    for cell in _cells(handover):
        where = standing(said, writer, cell, authorities, now, handover)
        needed = any(standing(said, writer, cell, authorities, now, one).stance is Stance.GIVEN for one in kept)
        if where.stance is Stance.GIVEN and where.record is not None and not needed:
            by_record.setdefault(where.record.id, (where.record, []))[1].append(cell)
    records: list[ConsentRecord] = []
    for record, cells in by_record.values():
        stopping = replace(record, at=now, evidence=EvidenceLevel.CODE, confirmation=None)
        records += answered(stopping, dict.fromkeys(cells, Event.WITHDRAW), dict.fromkeys(cells, Stance.GIVEN))
    return tuple(replace(record, id=RecordId(house.ids())) for record in records)


def _cells(handover: Handover) -> tuple[Cell, ...]:
    return tuple(
        cell_of(handover, recipient, section, person)
        for section in handover.sections
        for person in sorted(section.concerns)
        for recipient in handover.recipients
    )


def _template(desk: Desk, handover: Handover, person: PersonId, notice: NoticeRef) -> ConsentRecord:
    return ConsentRecord(
        id=RecordId(""),
        signer=desk.writer,
        capacity=capacity(desk.writer, person, desk.authorities, desk.now),
        state=Stance.UNANSWERED,
        scope=Scope(handover.sender, handover.recipients, handover.purpose, (), person, handover.consent_until),
        notice=notice,
        evidence=EvidenceLevel.CODE,
        handover=handover.id,
        at=desk.now,
    )


_KEPT = Words(
    "Je plan is bewaard. Kijken, veranderen of stoppen kan op {link}, of typ daar de code {code}.",
    "Your plan is kept. You can look, change it or stop it at {link}, or type the code {code} there.",
)
