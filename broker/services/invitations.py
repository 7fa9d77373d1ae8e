"""The consent link: a code with which one person can answer about one handover. It answers nothing by itself.

The one-time code goes to the person's own contact, so whoever holds the invitation alone gets nowhere.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Literal

from broker.domain.events import EventType, Personal
from broker.domain.handovers import Handover, HandoverId
from broker.domain.notices import asked_of
from broker.domain.parties import Oin, PersonId
from broker.domain.retries import Attempt
from broker.domain.stores import Contact, Invitation, Message, UnitOfWork
from broker.errors import Conflict, Invalid, Words
from broker.services.handovers import about, own
from broker.services.house import House

ANSWER_WITHIN = timedelta(days=30)
"""How long an invitation can be answered."""


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation. `code` is None when it went to the person's own contact. `language` is the person's.

    `meeting` is the day of the meeting that it is about, if it is about one.
    """

    id: str
    code: str | None = field(repr=False)
    link: str | None = field(repr=False)
    answer_until: datetime
    language: str = "nl"
    meeting: date | None = None


class Invitations:
    """Inviting people to answer."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def invite(
        self,
        sender: Oin,
        handover_id: str,
        person_key: str,
        delivery: Literal["paper", "message"],
        attempt: Attempt | None = None,
    ) -> Invited:
        """Make an invitation for one person: a code for the worker to hand over, or a message to the person itself.

        The same attempt again gives the same code, as long as the handover has contents, and sends no other message.

        Raises NotFound for anybody else's handover, Invalid for an unknown key, Conflict when there is nothing to
        ask this person or no contact for the one-time code.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            earlier = await work.retries.begin(attempt, now) if attempt else None
            handover = await own(work, sender, handover_id, lock=True)  # not erased meanwhile
            person = (await work.handovers.people(handover.id)).get(person_key)
            if person is None:
                raise Invalid.at("/person", "Deze sleutel staat niet in de overdracht.", "No such key in the handover.")
            if earlier and handover.asks(person, now):
                return _again(earlier.answer, house.public_url)
            people, authorities = await work.authorities.facts(handover.concerned())
            if not handover.asks(person, now) or not asked_of(
                person, handover, people, authorities, house.agreement().signers, now
            ):
                raise Conflict(_NOTHING_TO_ASK, code="nothing-to-ask")
            claim, contacts = await work.persons.claims(person, sender)
            if claim is None or not contacts:
                raise Conflict(_NO_CONTACT, code="no-contact")
            invited = await invitation_for(work, house, handover, person, house.language_of(claim), now)
            if delivery == "message":
                invited = await sent_to(work, house, handover, invited, contacts[:1], INVITATION, now)
            if attempt:
                await work.retries.tie(attempt, handover.id, _kept(invited))
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return invited


@dataclass(frozen=True, slots=True)
class Door:
    """An invitation that was just made, with its code: known here once, and kept by tag only."""

    id: str
    handover: HandoverId
    code: str = field(repr=False)
    answer_until: datetime

    def link(self, public_url: str) -> str:
        """The address that types the code by itself."""
        return f"{public_url}/#{self.code}"


async def opened(work: UnitOfWork, house: House, handover: Handover, person: PersonId, now: datetime) -> Door:
    """Make a way in for one person. The caller logs, sends and commits."""
    door = Door(house.ids(), handover.id, house.codes.invitation(), now + ANSWER_WITHIN)
    invitation = Invitation(door.id, handover.id, handover.sender, person, door.answer_until, answered=False)
    await work.invitations.add(invitation, house.codes.normal(door.code), now)
    return door


async def sent(
    work: UnitOfWork, house: House, door: Door, to: Contact, language: str, text: Words, now: datetime
) -> None:
    """Queue its code for the person's own contact; it is gone with its handover."""
    said = house.phrases.fill(text, language, link=door.link(house.public_url), code=door.code)
    await _queued(work, house, door.handover, [to], "invitation", language, said, now)


async def _queued(
    work: UnitOfWork,
    house: House,
    handover: HandoverId,
    contacts: Iterable[Contact],
    kind: str,
    language: str,
    said: str,
    now: datetime,
) -> None:
    for to in contacts:
        await work.outbox.add(Message(to.value, to.channel, kind, language, said), house.ids(), now, handover=handover)


async def invitation_for(
    work: UnitOfWork, house: House, handover: Handover, person: PersonId, language: str, now: datetime
) -> Invited:
    """A new code for somebody of whom it is known that there is something to ask; logged. The caller commits."""
    door = await opened(work, house, handover, person, now)
    await work.log.append(about(EventType.INVITATION_MADE, handover, now, Personal(person, "invited", person)))
    on = handover.meeting.on if handover.meeting else None
    return Invited(door.id, door.code, door.link(house.public_url), door.answer_until, language, on)


async def ask_everybody(
    work: UnitOfWork, house: House, handover: Handover, words: Words, now: datetime, *, everywhere: bool = False
) -> None:
    """Ask whoever must answer and was not asked, with these words: at the first of their contacts, or `everywhere`.

    Who has no contact is left out. The caller commits.
    """
    people, authorities = await work.authorities.facts(handover.concerned())
    invited, table = await work.invitations.open_for(handover.id, now), house.agreement().signers
    for person in sorted(set((await work.handovers.people(handover.id)).values()) - invited):
        claim, contacts = await work.persons.claims(person, handover.sender)
        if claim and contacts and asked_of(person, handover, people, authorities, table, now):
            made = await invitation_for(work, house, handover, person, house.language_of(claim), now)
            await sent_to(work, house, handover, made, contacts if everywhere else contacts[:1], words, now)


async def sent_to(
    work: UnitOfWork,
    house: House,
    handover: Handover,
    invited: Invited,
    contacts: Iterable[Contact],
    words: Words,
    now: datetime,
    *,
    kind: str = "invitation",
) -> Invited:
    """The code goes in a message to each of these contacts, and to nobody else: what comes back is without it."""
    text = house.phrases.fill(words, invited.language, link=invited.link, code=invited.code)
    await _queued(work, house, handover.id, contacts, kind, invited.language, text, now)
    return replace(invited, code=None, link=None)


def _kept(invited: Invited) -> str:
    """What of the answer cannot be made again."""
    on = invited.meeting.isoformat() if invited.meeting else ""
    return json.dumps([invited.id, invited.code, invited.answer_until.isoformat(), invited.language, on])


def _again(kept: str, public_url: str) -> Invited:
    invitation, code, until, language, *more = json.loads(kept)
    on = date.fromisoformat(more[0]) if more and more[0] else None
    link = f"{public_url}/#{code}" if code else None
    return Invited(invitation, code, link, datetime.fromisoformat(until), language, on)


_NOTHING_TO_ASK = Words(
    "Deze persoon hoeft voor deze overdracht nu niets te beantwoorden.",
    "There is nothing to ask this person about this handover now.",
)
_NO_CONTACT = Words(
    "Van deze persoon is geen telefoonnummer of e-mailadres bekend; de eenmalige code kan nergens heen.",
    "No phone number or e-mail address of this person is known; the one-time code has nowhere to go.",
)
URGENT = Words(
    "Er is een vraag voor je, en die heeft haast: mag informatie gedeeld worden? Ja of nee, jij kiest. "
    "Ga naar {link} of typ daar de code {code}.",
    "There is a question for you, and it is urgent: may information be shared? Yes or no, you choose. "
    "Go to {link} or type the code {code} there.",
)
INVITATION = Words(
    "Er is een vraag voor je: mag informatie gedeeld worden? Ga naar {link} of typ daar de code {code}.",
    "There is a question for you: may information be shared? Go to {link} or type the code {code} there.",
)
