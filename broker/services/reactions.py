"""The family's own words about a section, and the sender's answer: written by who must sign, read where the section is read.

1. Who writes came in as for an answer, signs now for somebody whom the section concerns, and is not shielded from it.
2. What somebody is shielded from does not exist for them: not as a part, not as their own words of before, not in a message.
3. Words, log entry and message are committed together; the log holds no words.
"""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover, Section
from broker.domain.notices import Asked, asked_of
from broker.domain.parties import Authority, Oin, PersonId, Recipient
from broker.domain.reactions import (
    BEGINS,
    Outcome,
    Reaction,
    ReactionId,
    ReactionKind,
    attached,
    disputed,
    next_state,
    plain,
    speaks_as,
)
from broker.domain.signers import required_signers
from broker.domain.stores import Message, UnitOfWork
from broker.errors import NotFound, Words
from broker.services.doorway import Doorway
from broker.services.house import House, guarded
from broker.services.screens import HandoverParts, PartScreen, Reactions, ReactionScreen

AN_HOUR = 3600
MOST_IN_AN_HOUR = 20
"""How often one person can write."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A section type of one handover that a signer may write about."""

    id: str
    handover: Handover
    since: datetime
    asked: Asked
    authorities: tuple[Authority, ...]


@dataclass(frozen=True, slots=True)
class _Names:
    """What things and people are called."""

    sender: str
    partners: Mapping[Oin, str]
    persons: Mapping[PersonId, str]


class Reacting(Doorway):
    """The use cases of a family member who has something to say about what was written."""

    async def reactions(self, token: str) -> Reactions:
        """What the person may write about now, and what they wrote to this sender."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            parts = [part async for part in self._parts(work, signer, invitation.sender, now)]
            names = await self._names(work, signer, invitation.sender, parts)
            own = await work.reactions.by_author(signer, invitation.sender)
            written = [
                await self._screen(work, r, names, now) for r in reversed(own) if not await self._hidden(work, r)
            ]
        by_handover: dict[str, list[_Part]] = {}
        for part in parts:
            by_handover.setdefault(part.handover.id, []).append(part)
        return Reactions(tuple(self._handover(found, names) for found in by_handover.values()), tuple(written))

    async def part(self, token: str, part_id: str) -> PartScreen:
        """One part that the person may write about now. Raises NotFound for any other."""
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            part = await self._part(work, signer, invitation.sender, part_id, self._house.clock())
            return self._part_screen(part, await self._names(work, signer, invitation.sender, [part]))

    async def react(self, token: str, part_id: str, kind: ReactionKind, text: str) -> str:
        """Keep what the person writes; the same words sent twice are kept once. Returns the reaction's id.

        Raises Invalid with every fault, NotFound for a part that is not there for them (any more), TooMany past
        twenty in an hour.
        """
        house, words = self._house, plain(text)
        async with house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
        await guarded(house, f"reaction:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            await work.authorities.hold({signer}, exclusively=True)
            part = await self._part(work, signer, invitation.sender, part_id, now)  # 1
            reaction = self._reaction(part, signer, kind, words, now)
            for before in await work.reactions.by_author(signer, invitation.sender):
                if _same(before, reaction):
                    return before.id
            await work.reactions.add(reaction)
            by = Personal(signer, "signer", signer)
            await work.log.append(_logged(EventType.REACTION_WRITTEN, part.handover, now, by, _named(reaction)))
            await work.commit()  # 3
        house.log.kick()
        return reaction.id

    async def reaction(self, token: str, reaction_id: str) -> ReactionScreen:
        """Something that this person wrote to this sender. Raises NotFound for anything else."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            for reaction in await work.reactions.by_author(signer, invitation.sender):
                if reaction.id == reaction_id and not await self._hidden(work, reaction):
                    names = await self._names(work, signer, invitation.sender, [])
                    return await self._screen(work, reaction, names, now)
        raise NotFound

    def _reaction(self, part: _Part, author: PersonId, kind: ReactionKind, words: str, now: datetime) -> Reaction:
        handover, asked = part.handover, part.asked
        return Reaction(
            id=ReactionId(self._house.ids()),
            handover=handover.id,
            section_type=asked.section_type,
            persons=frozenset(asked.persons),
            author=author,
            capacity=speaks_as(author, asked.persons, handover.subject, part.authorities, now),
            kind=kind,
            version=handover.version,
            text=words,
            at=now,
            state=BEGINS[kind],
        )

    async def _parts(self, work: UnitOfWork, signer: PersonId, sender: Oin, now: datetime) -> AsyncIterator[_Part]:
        table = self._house.agreement().signers
        for handover_id, since in await work.reactions.concerning(signer, sender):
            handover = await work.handovers.get(handover_id)
            if handover is None or not handover.kept_at(now):
                continue
            people, authorities = await work.authorities.facts(handover.concerned())
            for every in asked_of(signer, handover, people, authorities, table, now):
                asked = every.signing
                if not asked.persons:  # 1
                    continue
                tag = self._house.tags.tag("part", handover.id, asked.section_type)
                yield _Part(tag[:32], handover, since, asked, authorities)

    async def _part(self, work: UnitOfWork, signer: PersonId, sender: Oin, part_id: str, now: datetime) -> _Part:
        async for part in self._parts(work, signer, sender, now):
            if part.id == part_id:
                return part
        raise NotFound

    async def _hidden(self, work: UnitOfWork, reaction: Reaction) -> bool:
        """Whether the author has since been shielded from what they wrote about."""
        handover = await work.handovers.get(reaction.handover)
        return handover is None or _shielded(reaction, handover)  # 2

    async def _names(self, work: UnitOfWork, signer: PersonId, sender: Oin, parts: list[_Part]) -> _Names:
        partners = {o.oin: o.name for o in await work.organisations.all()}
        persons = {signer, *(person for part in parts for person in part.asked.persons)}
        return _Names(partners.get(sender, ""), partners, await work.persons.names(persons, sender))

    def _handover(self, parts: list[_Part], names: _Names) -> HandoverParts:
        handover, label = parts[0].handover, self._house.agreement().vocabulary.label

        def recipient(one: Recipient) -> Words:
            role, name = label(one.role), names.partners.get(one.organisation, "")
            return Words(f"{name} ({role.nl})", f"{name} ({role.en})")

        return HandoverParts(
            day=local_day(parts[0].since),
            recipients=tuple(map(recipient, handover.recipients)),
            purpose=label(handover.purpose),
            parts=tuple(self._part_screen(part, names) for part in parts),
        )

    def _part_screen(self, part: _Part, names: _Names) -> PartScreen:
        label = self._house.agreement().vocabulary.label(part.asked.section_type)
        return PartScreen(part.id, label, tuple(names.persons.get(p, "") for p in part.asked.persons), names.sender)

    async def _screen(self, work: UnitOfWork, reaction: Reaction, names: _Names, now: datetime) -> ReactionScreen:
        told = await _still_signs(work, self._house, reaction, now)
        return ReactionScreen(
            id=reaction.id,
            kind=reaction.kind,
            label=self._house.agreement().vocabulary.label(reaction.section_type),
            text=reaction.text,
            at=reaction.at,
            state=reaction.state,
            sender=names.sender,
            answer=reaction.answer if told else None,
            answered_at=reaction.answered_at,
        )


class Hearing:
    """The use cases of a sender: what families wrote about its handovers, and answering it."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def read(self, sender: Oin, handover_id: str) -> tuple[Reaction, ...]:
        """Everything that was written about one of the sender's own handovers; reading is logged. Raises NotFound."""
        now = self._house.clock()
        async with self._house.storage() as work:
            handover = await _own(work, sender, handover_id)
            found = await work.reactions.of_handover(handover.id)
            ids = Personal(handover.subject, "reactions", json.dumps([reaction.id for reaction in found]))
            await work.log.append(_logged(EventType.REACTION_READ, handover, now, ids))
            await work.commit()
        self._house.log.kick()
        return found

    async def answer(
        self, sender: Oin, handover_id: str, reaction_id: str, outcome: Outcome, explanation: str
    ) -> Reaction:
        """Answer a request, once, and tell its author that there is an answer.

        Raises NotFound for anybody else's handover and for what was not written about it, Conflict for a reaction and
        for a request that was answered already.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            handover = await _own(work, sender, handover_id)
            reaction = await work.reactions.get(reaction_id, lock=True)
            if reaction is None or reaction.handover != handover.id:
                raise NotFound
            await work.reactions.answer(reaction, next_state(reaction.state, outcome), explanation, now)
            await work.log.append(_logged(EventType.REACTION_ANSWERED, handover, now, _named(reaction)))
            await self._tell(work, reaction, handover, now)
            answered = await work.reactions.get(reaction.id)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        if answered is None:
            raise NotFound
        return answered

    async def _tell(self, work: UnitOfWork, reaction: Reaction, handover: Handover, now: datetime) -> None:
        """A message to the author, unless they may no longer see the answer."""
        if _shielded(reaction, handover) or not await _still_signs(work, self._house, reaction, now):
            return
        claim, contacts = await work.persons.claims(reaction.author, handover.sender)
        if not contacts:
            return
        language = claim.language if claim and claim.language in self._house.agreement().notices else "nl"
        text = _THERE_IS_AN_ANSWER.in_language(language).format(address=self._house.public_url)
        message = Message(contacts[0].value, contacts[0].channel, "reaction-answered", language, text)
        await work.outbox.add(message, self._house.ids(), now)


async def disputed_sections(work: UnitOfWork, handover: Handover) -> frozenset[Section]:
    """The sections of a handover of which somebody asked for a correction that was not made."""
    written = await work.reactions.of_handover(handover.id)
    return frozenset(s for s in handover.sections if disputed(attached(written, s, handover.version)))


async def _own(work: UnitOfWork, sender: Oin, handover_id: str) -> Handover:
    handover = await work.handovers.get(handover_id)
    if handover is None or handover.sender != sender:
        raise NotFound
    return handover


async def _still_signs(work: UnitOfWork, house: House, reaction: Reaction, now: datetime) -> bool:
    """Whether the author signs now for somebody for whom they wrote it: an answer may hold news about them."""
    people, authorities = await work.authorities.facts(reaction.persons)
    table = house.agreement().signers
    return any(
        reaction.author in required_signers(person, authorities, table, now).signers for person in people.values()
    )


def _shielded(reaction: Reaction, handover: Handover) -> bool:
    sections = [s for s in handover.sections if s.type == reaction.section_type and s.concerns & reaction.persons]
    return any(reaction.author in section.shielded_from for section in sections)


def _same(one: Reaction, other: Reaction) -> bool:
    """Whether both are the same words about the same, still unanswered."""
    return one.answer is None and (one.handover, one.section_type, one.kind, one.version, one.text) == (
        other.handover,
        other.section_type,
        other.kind,
        other.version,
        other.text,
    )


def _named(reaction: Reaction) -> Personal:
    return Personal(reaction.author, "reaction", reaction.id)


def _logged(event: EventType, handover: Handover, now: datetime, *more: Personal) -> LogEvent:
    personal = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        *more,
    )
    return LogEvent(event, now, handover.sender, facts={"purpose": handover.purpose}, personal=personal)


_THERE_IS_AN_ANSWER = Words(
    "Er is een antwoord op wat je schreef. Kijk op {address} met je code.",
    "There is an answer to what you wrote. Look at {address} with your code.",
)
