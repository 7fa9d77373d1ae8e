"""The family's own words, and the sender's answer: about a section, read where it is read; or to have a handover erased.

1. Who writes came in as for an answer, signs now for somebody whom the section concerns, and is not shielded from it.
2. What somebody is shielded from does not exist for them: not as a part, not as their own words of before, not in a message.
3. Words, log entry and message are committed together; the log holds no words.
4. Who signed for somebody once can still ask to erase what they signed about; that is between them and the sender.
5. Who signs for nobody in a handover now is shown only the recipients that they answered about: a newer one may be the
   place where somebody went to be safe from them.
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from broker.domain.calendar import local_day
from broker.domain.consents import SUPPORT, ConsentRecord
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover, Section
from broker.domain.notices import Asked, asked_of
from broker.domain.parties import Authority, Oin, PersonId, Recipient
from broker.domain.reactions import (
    BEGINS,
    WHOLE,
    Reaction,
    ReactionId,
    ReactionKind,
    attached,
    disputed,
    plain,
    speaks_as,
)
from broker.domain.signers import required_signers
from broker.domain.stores import UnitOfWork
from broker.errors import NotFound, Words
from broker.services.doorway import Doorway
from broker.services.house import House, guarded
from broker.services.mine import recipient_words
from broker.services.screens import HandoverParts, PartScreen, Reactions, ReactionScreen

AN_HOUR = 3600
MOST_IN_AN_HOUR = 20
"""How often one person can write."""


@dataclass(frozen=True, slots=True)
class _Part:
    """A section type of one handover that a signer may write about, or the whole of it."""

    id: str
    handover: Handover
    since: datetime
    asked: Asked
    authorities: tuple[Authority, ...]
    recipients: tuple[Recipient, ...]
    """Those that the signer may hear of."""

    @property
    def whole(self) -> bool:
        """Whether it is all of the handover."""
        return self.asked.section_type == WHOLE


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

    async def part(self, token: str, part_id: str, kind: ReactionKind) -> PartScreen:
        """One part, or whole handover, that the person may write this about now. Raises NotFound for any other."""
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            part = await self._part(work, signer, invitation.sender, part_id, kind, self._house.clock())
            return self._part_screen(part, await self._names(work, signer, invitation.sender, [part]))

    async def react(self, token: str, part_id: str, kind: ReactionKind, text: str) -> str:
        """Keep what the person writes; the same words sent twice are kept once. Returns the reaction's id.

        Raises Invalid with every fault, NotFound for a part that is not there for them (any more), TooMany past
        twenty in an hour.
        """
        house, words = self._house, plain(text, needed=kind is not ReactionKind.ERASURE_REQUEST)
        async with house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
        await guarded(house, f"reaction:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            found = await self._part(work, signer, invitation.sender, part_id, kind, now)
            await work.handovers.get(found.handover.id, lock="shared")  # whoever erases it waits, or went first
            await work.authorities.hold({signer}, exclusively=True)
            part = await self._part(work, signer, invitation.sender, part_id, kind, now)  # 1
            reaction = self._reaction(part, signer, kind, words, now)
            for before in await work.reactions.by_author(signer, invitation.sender):
                if _same(before, reaction):
                    return before.id
            await work.reactions.add(reaction)
            by = Personal(signer, "signer", signer)
            await work.log.append(logged(EventType.REACTION_WRITTEN, part.handover, now, by, named(reaction)))
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
        """Of each handover its sections, and at last the whole of it."""
        table = self._house.agreement().signers
        said = await work.consents.said_by(signer, sender)
        for handover_id, since in await work.reactions.concerning(signer, sender):
            handover = await work.handovers.get(handover_id)
            if handover is None or handover.author is not None or not handover.kept_at(now):
                continue  # nobody answers for what a family wrote: whoever wants it otherwise says no, or stops
            people, authorities = await work.authorities.facts(handover.concerned())
            every = [one.signing for one in asked_of(signer, handover, people, authorities, table, now)]
            signing = [asked for asked in every if asked.persons]  # 1
            persons = {person for asked in signing for person in asked.persons} | _signed_for(signer, handover, said)
            whole = [Asked(WHOLE, tuple(sorted(persons)))] if persons else []
            to = handover.recipients if signing else _spoken_of(handover, said)  # 5
            for asked in (*signing, *whole):
                tag = self._house.tags.tag("part", handover.id, asked.section_type)
                yield _Part(tag[:32], handover, since, asked, authorities, to)

    async def _part(
        self, work: UnitOfWork, signer: PersonId, sender: Oin, part_id: str, kind: ReactionKind, now: datetime
    ) -> _Part:
        async for part in self._parts(work, signer, sender, now):
            if part.id == part_id and part.whole is (kind is ReactionKind.ERASURE_REQUEST):
                return part
        raise NotFound

    async def _hidden(self, work: UnitOfWork, reaction: Reaction) -> bool:
        """Whether the author has since been shielded from what they wrote about."""
        handover = await work.handovers.get(reaction.handover)
        return handover is None or hidden_from_author(reaction, handover)  # 2

    async def _names(self, work: UnitOfWork, signer: PersonId, sender: Oin, parts: list[_Part]) -> _Names:
        partners = {o.oin: o.name for o in await work.organisations.all()}
        persons = {signer, *(person for part in parts for person in part.asked.persons)}
        return _Names(partners.get(sender, ""), partners, await work.persons.names(persons, sender))

    def _handover(self, parts: list[_Part], names: _Names) -> HandoverParts:
        handover, vocabulary = parts[0].handover, self._house.agreement().vocabulary
        return HandoverParts(
            day=local_day(parts[0].since),
            recipients=tuple(recipient_words(one, names.partners, vocabulary) for one in parts[0].recipients),
            purpose=vocabulary.label(handover.purpose),
            parts=tuple(self._part_screen(part, names) for part in parts if not part.whole),
            whole=self._part_screen(parts[-1], names),
            meeting=handover.meeting.on if handover.meeting else None,
        )

    def _part_screen(self, part: _Part, names: _Names) -> PartScreen:
        label = self._label(part.asked.section_type, part.handover)
        return PartScreen(part.id, label, tuple(names.persons.get(p, "") for p in part.asked.persons), names.sender)

    def _label(self, section_type: str, handover: Handover | None) -> Words:
        label = self._house.agreement().vocabulary.label
        if section_type != WHOLE or handover is None:
            return label(section_type)
        purpose = label(handover.purpose)
        say = self._house.phrases.words
        more = tuple((code, f"{said}: {say(_EVERYTHING, code)}") for code, said in purpose.more)
        return Words(f"{purpose.nl}: {_EVERYTHING.nl}", f"{purpose.en}: {_EVERYTHING.en}", more)

    async def _screen(self, work: UnitOfWork, reaction: Reaction, names: _Names, now: datetime) -> ReactionScreen:
        told = await still_signs(work, self._house, reaction, now)
        return ReactionScreen(
            id=reaction.id,
            kind=reaction.kind,
            label=self._label(reaction.section_type, await work.handovers.get(reaction.handover)),
            text=reaction.text,
            at=reaction.at,
            state=reaction.state,
            sender=names.sender,
            answer=(reaction.answer or None) if told else None,
            answered_at=reaction.answered_at,
        )


async def disputed_sections(work: UnitOfWork, handover: Handover) -> frozenset[Section]:
    """The sections of a handover of which somebody asked for a correction that was not made."""
    written = await work.reactions.of_handover(handover.id)
    return frozenset(s for s in handover.sections if disputed(attached(written, s, handover.version)))


async def still_signs(work: UnitOfWork, house: House, reaction: Reaction, now: datetime) -> bool:
    """Whether the author signs now for somebody for whom they wrote it: an answer may hold news about them."""
    people, authorities = await work.authorities.facts(reaction.persons)
    table = house.agreement().signers
    return any(
        reaction.author in required_signers(person, authorities, table, now).signers for person in people.values()
    )


def _signed_for(signer: PersonId, handover: Handover, said: Iterable[ConsentRecord]) -> frozenset[PersonId]:
    """For whom they said something about this very handover, of what is not shielded from them."""  # 2, 4
    shielded = {section.type for section in handover.sections if signer in section.shielded_from}
    return frozenset(
        record.scope.person
        for record in said
        if record.handover == handover.id and record.capacity != SUPPORT
        for section in handover.sections
        if section.type in record.scope.section_types
        and section.type not in shielded
        and record.scope.person in section.concerns
    )


def _spoken_of(handover: Handover, said: Iterable[ConsentRecord]) -> tuple[Recipient, ...]:
    """Of the recipients, those that they answered about."""
    mine = {recipient for record in said if record.handover == handover.id for recipient in record.scope.recipients}
    return tuple(recipient for recipient in handover.recipients if recipient in mine)


def hidden_from_author(reaction: Reaction, handover: Handover) -> bool:
    """Whether the author is shielded from what they wrote about; of a whole handover, from all of it."""
    about = [s for s in handover.sections if s.concerns & reaction.persons]
    if reaction.kind is ReactionKind.ERASURE_REQUEST:
        return bool(about) and all(reaction.author in section.shielded_from for section in about)
    return any(reaction.author in s.shielded_from for s in about if s.type == reaction.section_type)


def _same(one: Reaction, other: Reaction) -> bool:
    """Whether both are the same words about the same, still unanswered."""
    return one.answer is None and (one.handover, one.section_type, one.kind, one.version, one.text) == (
        other.handover,
        other.section_type,
        other.kind,
        other.version,
        other.text,
    )


def named(reaction: Reaction) -> Personal:
    """Which reaction it is, for a log entry."""
    return Personal(reaction.author, "reaction", reaction.id)


def logged(event: EventType, handover: Handover, now: datetime, *more: Personal) -> LogEvent:
    """A log entry about something that was written."""
    personal = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        *more,
    )
    return LogEvent(event, now, handover.sender, facts={"purpose": handover.purpose}, personal=personal)


_EVERYTHING = Words("alles wat hier staat", "everything that is written here")
