"""Doubts come up by themselves: whatever is stated is compared at once with all that was stated before, in the same commit.

A matter is raised once; the same thing stated again raises nothing, also after it was settled.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.matters import Matter, MatterKind, SameContact, disagreeing, may_sign_together
from broker.domain.parties import Authority, Oin, PersonId, ProfessionalId
from broker.domain.stores import UnitOfWork
from broker.services.house import House


async def raise_matter(
    work: UnitOfWork,
    house: House,
    kind: MatterKind,
    person: PersonId,
    organisation: Oin,
    *,
    now: datetime,
    other: str | None = None,
    raises: bool = False,
    about: str = "",
    same: Sequence[str] | None = None,
) -> bool:
    """Put a doubt about a person into the officer's queue, and log it; False when it was there before.

    `raises`: until it is settled as accepted, a code alone is no yes of this person (nor of `other`). It is the same
    doubt when kind, people and `same` are the same: the organisation, unless something else is given.
    """
    matter = Matter(house.ids(), kind, person, organisation, now, other or "", about, raises)
    if not await work.matters.add(matter, (organisation,) if same is None else same):
        return False
    personal = [
        Personal(person, "subject", person),
        Personal(person, "matter", matter.id),
        Personal(person, "doubt", kind),
    ]
    if kind is MatterKind.CONTACT_OF_PROFESSIONAL:
        personal.append(Personal(matter.other, "professional", matter.other))
    elif matter.other:
        personal.append(Personal(matter.other, "concerned", matter.other))
    await work.log.append(LogEvent(EventType.MATTER_RAISED, now, organisation, personal=tuple(personal)))
    return True


async def doubt_people(
    work: UnitOfWork, house: House, persons: Iterable[PersonId], organisation: Oin, now: datetime
) -> None:
    """Compare all that is stated about these people, by anybody, after `organisation` stated something."""
    about = tuple(sorted(set(persons)))
    for found in await work.contacts.of_professionals(about):
        await _of_professional(work, house, found, now)
    await _shared(work, house, about, organisation, now)
    await _disagreeing(work, house, about, organisation, now)


async def doubt_professional(work: UnitOfWork, house: House, professional: ProfessionalId, now: datetime) -> None:
    """Compare a professional's contacts with those of everybody."""
    for found in await work.contacts.of_professionals(professional=professional):
        await _of_professional(work, house, found, now)


async def _of_professional(work: UnitOfWork, house: House, found: SameContact, now: datetime) -> None:
    await raise_matter(
        work,
        house,
        MatterKind.CONTACT_OF_PROFESSIONAL,
        found.person,
        found.stated_by[0],
        now=now,
        other=found.other,
        raises=True,
        about=found.channel,
        same=(found.value_tag,),
    )


async def _shared(
    work: UnitOfWork, house: House, about: tuple[PersonId, ...], organisation: Oin, now: datetime
) -> None:
    found = {(*sorted((s.person, s.other)), s.value_tag): s for s in await work.contacts.shared(about)}
    if not found:
        return
    everybody = {PersonId(who) for s in found.values() for who in (s.person, s.other)}
    authorities = [authority for _, authority in await work.contacts.authorities_of(everybody)]
    for (one, other, tag), shared in sorted(found.items()):
        await raise_matter(
            work,
            house,
            MatterKind.SHARED_CONTACT,
            PersonId(one),
            organisation,
            now=now,
            other=other,
            raises=shared.together or may_sign_together(one, other, authorities),
            about=shared.channel,
            same=(tag,),
        )


async def _disagreeing(
    work: UnitOfWork, house: House, about: tuple[PersonId, ...], organisation: Oin, now: datetime
) -> None:
    people, _ = await work.authorities.facts(about)
    stated = await work.contacts.authorities_of(about)
    for person in about:
        births = [{birth.isoformat()} for birth in people[person].births]
        for what, said in (
            ("birth-date", disagreeing(births)),
            ("authority", disagreeing(_holders(person, stated, now))),
        ):
            if said:
                await raise_matter(
                    work,
                    house,
                    MatterKind.FACTS_DISAGREE,
                    person,
                    organisation,
                    now=now,
                    about=what,
                    same=(what, said),
                )


def _holders(person: PersonId, stated: Sequence[tuple[Oin, Authority]], now: datetime) -> Iterable[set[str]]:
    """For each organisation that speaks of authority over this person: who holds it now."""
    by: dict[Oin, set[str]] = {}
    for organisation, authority in stated:
        if authority.over == person:
            holders = by.setdefault(organisation, set())
            if authority.holds_at(now):
                holders.add(authority.holder)
    return by.values()
