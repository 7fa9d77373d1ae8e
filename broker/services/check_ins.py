"""A question of a long watch, for whoever is asked: how things go, in their own words; kept when they confirm who reads it.

1. What is said lives in the visit, encrypted, until the answers count. Who stops halfway has said nothing.
2. With a yes to anybody it becomes the section, in the unit of work of the records; with no yes at all nothing is kept.
3. Who must say yes besides them (the parents of somebody under sixteen) is asked then, and not told what was said.
4. To be asked no more takes one press. It holds for everything of that organisation until they say otherwise themselves,
   whatever the organisation wants.
5. Whose contact is in doubt says nothing here: words that may be somebody else's are kept of nobody.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from broker.domain.arrivals import REMIND_AFTER
from broker.domain.calendar import local_day
from broker.domain.erasure import Cause
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import HandoverId, HandoverState
from broker.domain.long_watch import CHECK_IN, How
from broker.domain.parties import Oin, PersonId
from broker.domain.ports import place_of
from broker.domain.reactions import plain
from broker.domain.stores import UnitOfWork
from broker.errors import Conflict, Fault, Invalid, NotAllowed, NotFound, Words
from broker.services.doorway import Doorway
from broker.services.erasure import erase_contents
from broker.services.invitations import INVITATION, ask_everybody
from broker.services.questions import Request


@dataclass(frozen=True, slots=True)
class CheckInScreen:
    """Who asks whom, and what was said so far in this visit."""

    sender: str
    name: str
    how: str
    words: str


class CheckIns(Doorway):
    """The use cases of a family member who is asked how things go."""

    async def check_in(self, token: str) -> CheckInScreen:
        """The question as it stands. Raises NotFound when there is none in this visit, NotAllowed for a contact in doubt."""
        async with self._house.storage(writing=False) as work:
            visit, invitation, signer = await self._verified(work, token)
            if CHECK_IN not in visit.state:
                raise NotFound
            await _check_sure(work, signer)
            sender = await work.organisations.get(invitation.sender)
            names = await work.persons.names({signer}, invitation.sender)
        said = visit.state[CHECK_IN]
        who, name = sender.name if sender else "", names.get(signer, "")
        return CheckInScreen(who, name, said.get("how", ""), said.get("words", ""))

    async def say_how(self, token: str, how: str, words: str) -> None:
        """Remember it for this visit. Nothing is kept, and nobody can read it. Raises Invalid with every fault, NotFound, NotAllowed."""
        said = {"how": how, "words": _checked(how, words)}
        async with self._house.storage() as work:
            visit, _, signer = await self._verified(work, token, lock=True)
            if CHECK_IN not in visit.state:
                raise NotFound
            await _check_sure(work, signer)
            visit.state[CHECK_IN] = said  # 1
            await work.visits.save(visit)
            await work.commit()

    async def stop_check_ins(self, token: str) -> None:
        """This sender asks them no more, with whatever handover; this question goes, with every visit by it. Raises NotFound when there is none."""
        now = self._house.clock()
        async with self._house.storage() as work:
            visit, invitation, signer = await self._verified(work, token, lock=True)
            question = HandoverId(invitation.handover)
            if CHECK_IN not in visit.state or not await work.long_watches.was_asked(question, signer):
                raise NotFound
            if await work.long_watches.change(signer, invitation.sender, now, stopped=True):
                await work.log.append(_questions(signer, invitation.sender, now, wanted=False))
            contents = await work.erasure.contents(invitation.handover)
            if contents is not None and contents.state is HandoverState.ASKED:
                await erase_contents(work, self._house, contents, Cause.FAMILY_ASKED, now)
            await work.commit()  # 4
        self._house.log.kick()

    async def allow_check_ins(self, token: str) -> None:
        """This sender may ask them again how things go: with the next question of a watch that it set."""
        now = self._house.clock()
        async with self._house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            if not await work.long_watches.change(signer, invitation.sender, now, stopped=False):
                return
            await work.log.append(_questions(signer, invitation.sender, now, wanted=True))
            await work.commit()
        self._house.log.kick()

    async def _keep_check_in(self, work: UnitOfWork, request: Request, now: datetime, *, shared: bool) -> None:
        """What was said becomes the section when somebody may read it. Raises Conflict when nothing was said, NotAllowed."""
        said, handover, house = request.visit.state.pop(CHECK_IN, None), request.handover, self._house
        if request.signer != handover.subject:
            raise NotFound  # nobody says for somebody else how things go
        if not said:
            raise Conflict(_SAY_FIRST, code="not-complete")
        await _check_sure(work, request.signer)
        await work.long_watches.answered(handover.id, now)
        if not shared:  # 2
            return
        [section] = handover.sections
        clear = self._content(How(said["how"]), said["words"], handover.language, now)
        reference = f"{CHECK_IN}:{handover.id}"
        box = await house.aside(house.vault.seal, place_of(handover, section), reference, clear)
        await work.handovers.fill(handover.id, section.id, box)
        await work.arrivals.look_again(handover.id, now + REMIND_AFTER)
        await ask_everybody(work, house, replace(handover, state=HandoverState.ACTIVE), INVITATION, now)  # 3
        personal = (
            Personal(request.signer, "signer", request.signer),
            Personal(handover.subject, "subject", handover.subject),
            Personal(handover.subject, "handover", handover.id),
        )
        facts = {"purpose": handover.purpose}
        event = LogEvent(EventType.WATCH_ANSWERED, now, handover.sender, facts=facts, personal=personal)
        await work.log.append(event)

    def _content(self, how: How, words: str, language: str, now: datetime) -> bytes:
        """The answer as a text, in the language of the handover: the day, how it goes, and own words as they were typed."""
        phrases = self._house.phrases
        day, said = phrases.day(local_day(now), language), phrases.words(_SAID[how], language)
        first = phrases.fill(_ON, language, day=day, how=said)
        return (f"{first}\n\n{words}" if words else first).encode()


async def _check_sure(work: UnitOfWork, signer: PersonId) -> None:
    """Raises NotAllowed for whose contact is in doubt."""
    if await work.matters.doubted({signer}):  # 5
        raise NotAllowed(_NOT_NOW)


def _questions(signer: PersonId, sender: Oin, now: datetime, *, wanted: bool) -> LogEvent:
    said = Personal(signer, "messages", "questions-on" if wanted else "questions-off")
    return LogEvent(EventType.MESSAGES_CHANGED, now, sender, personal=(Personal(signer, "signer", signer), said))


def _checked(how: str, words: str) -> str:
    """The words as they are kept. Raises Invalid with every fault."""
    faults = [] if how in set(How) else [Fault("/how", _CHOOSE)]
    try:
        words = plain(words, needed=False)
    except Invalid as refused:
        faults += refused.faults
    if faults:
        raise Invalid(faults)
    return words


ASKED = Words(
    "Gaat het nog goed? Er is een vraag voor je. Jij kiest wie je antwoord leest, en niemand mag ook. "
    "Ga naar {link} of typ daar de code {code}.",
    "Is it still going well? There is a question for you. You choose who reads your answer, and nobody is fine too. "
    "Go to {link} or type the code {code} there.",
)
_ON = Words("Gezegd op {day}: {how}.", "Said on {day}: {how}.")
_SAID = {
    How.WELL: Words("Het gaat goed", "It goes well"),
    How.SO_SO: Words("Het gaat een beetje", "It goes so-so"),
    How.NOT_WELL: Words("Het gaat niet goed", "It does not go well"),
}
_CHOOSE = Words("Kies hoe het gaat.", "Choose how it goes.")
_NOT_NOW = Words(
    "Je kunt dit nu niet beantwoorden. Wij weten niet zeker of jouw telefoonnummer of e-mailadres klopt. "
    "Bel degene die het je vraagt.",
    "You cannot answer this now. We do not know for sure whether your phone number or e-mail address is right. "
    "Call the person who asks you.",
)
_SAY_FIRST = Words("Zeg eerst hoe het gaat. Er is niets opgeslagen.", "First say how it goes. Nothing was saved.")
