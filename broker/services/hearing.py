"""The sender's side of what a family writes: reading it, and answering a request once.

1. Answer, log entry and message are committed together; the log holds no words.
2. An answer that it is erased erases the contents in the same unit of work. The message is the same whatever the answer
   is, and nobody is forgotten by it: `broker.services.erasure` does that when the log may go.
"""

import json
from dataclasses import dataclass
from datetime import datetime

from broker.domain.erasure import Cause
from broker.domain.events import EventType, Personal
from broker.domain.handovers import Handover
from broker.domain.parties import Oin
from broker.domain.reactions import Outcome, Reaction, next_state
from broker.domain.retries import Attempt
from broker.domain.stores import Contact, Message, UnitOfWork
from broker.errors import Conflict, NotFound, Words
from broker.services.erasure import erase_contents
from broker.services.house import House
from broker.services.reactions import hidden_from_author, logged, named, still_signs


@dataclass(frozen=True, slots=True)
class _Letter:
    """Where somebody can be written to, and in which language."""

    contact: Contact
    language: str


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
            await work.log.append(logged(EventType.REACTION_READ, handover, now, ids))
            await work.commit()
        self._house.log.kick()
        return found

    async def answer(
        self,
        sender: Oin,
        handover_id: str,
        reaction_id: str,
        outcome: Outcome,
        explanation: str,
        attempt: Attempt | None = None,
    ) -> Reaction:
        """Answer a request, once, and tell its author that there is an answer; `erased` erases at once.

        The same attempt again gets the reaction as it was answered.

        Raises NotFound for anybody else's handover and for what was not written about it, Conflict for a reaction, for
        a request that was answered already and for a handover that was erased meanwhile, Invalid for an answer to
        another kind of request.
        """
        house, now = self._house, self._house.clock()
        erasing = outcome is Outcome.ERASED
        async with house.storage() as work:
            earlier = await work.retries.begin(attempt, now) if attempt else None
            contents = await work.erasure.contents(handover_id) if erasing else None
            handover = await _own(work, sender, handover_id)
            reaction = await work.reactions.get(reaction_id, lock=True)
            if reaction is None or reaction.handover != handover.id:
                raise NotFound
            if earlier:
                return reaction
            state = next_state(reaction.kind, reaction.state, outcome)
            await work.reactions.answer(reaction, state, explanation, now)
            await work.log.append(logged(EventType.REACTION_ANSWERED, handover, now, named(reaction)))
            letter = await self._letter(work, reaction, handover, now)
            if attempt:
                await work.retries.tie(attempt, handover.id)
            if erasing:
                if contents is None:
                    raise Conflict(_GONE, code="handover-erased")
                await erase_contents(work, house, contents, Cause.FAMILY_ASKED, now)  # 2
            answered = await work.reactions.get(reaction.id)
            if letter is not None:
                await self._send(work, letter, now)
            await work.commit()  # 1
        house.log.kick()
        house.outbox_kick()
        if erasing:
            await house.storage.scrub()
        if answered is None:
            raise NotFound
        return answered

    async def _letter(self, work: UnitOfWork, reaction: Reaction, handover: Handover, now: datetime) -> _Letter | None:
        """Where and how to write to the author; None when they may no longer see the answer, or cannot be reached."""
        if hidden_from_author(reaction, handover) or not await still_signs(work, self._house, reaction, now):
            return None
        claim, contacts = await work.persons.claims(reaction.author, handover.sender)
        if not contacts:
            return None
        return _Letter(contacts[0], self._house.language_of(claim))

    async def _send(self, work: UnitOfWork, letter: _Letter, now: datetime) -> None:
        """That there is an answer, in the same words whatever it is."""
        text = self._house.phrases.fill(_THERE_IS_AN_ANSWER, letter.language, address=self._house.public_url)
        to = letter.contact
        await work.outbox.add(
            Message(to.value, to.channel, "reaction-answered", letter.language, text), self._house.ids(), now
        )


async def _own(work: UnitOfWork, sender: Oin, handover_id: str) -> Handover:
    handover = await work.handovers.get(handover_id)
    if handover is None or handover.pushed_by != sender:
        raise NotFound
    return handover


_GONE = Words("Deze overdracht is al gewist.", "This handover was erased already.")
_THERE_IS_AN_ANSWER = Words(
    "Er is een antwoord op wat je schreef. Kijk op {address} met je code.",
    "There is an answer to what you wrote. Look at {address} with your code.",
)
