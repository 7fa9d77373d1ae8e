"""The consent link: a code with which one person can answer about one handover. It answers nothing by itself.

The one-time code goes to the person's own contact, so whoever holds the invitation alone gets nowhere.
"""

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from broker.domain.events import EventType, Personal
from broker.domain.notices import asked_of
from broker.domain.parties import Oin
from broker.domain.retries import Attempt
from broker.domain.stores import Invitation, Message
from broker.errors import Conflict, Invalid, Words
from broker.services.handovers import about, own
from broker.services.house import House

ANSWER_WITHIN = timedelta(days=30)
"""How long an invitation can be answered."""


@dataclass(frozen=True, slots=True)
class Invited:
    """A new invitation. `code` is None when it went to the person's own contact. `language` is the person's."""

    id: str
    code: str | None = field(repr=False)
    link: str | None = field(repr=False)
    answer_until: datetime
    language: str = "nl"


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
            if earlier and handover.kept_at(now):
                return _again(earlier.answer, house.public_url)
            person = (await work.handovers.people(handover.id)).get(person_key)
            if person is None:
                raise Invalid.at("/person", "Deze sleutel staat niet in de overdracht.", "No such key in the handover.")
            people, authorities = await work.authorities.facts(handover.concerned())
            if not handover.kept_at(now) or not asked_of(
                person, handover, people, authorities, house.agreement().signers, now
            ):
                raise Conflict(_NOTHING_TO_ASK, code="nothing-to-ask")
            claim, contacts = await work.persons.claims(person, sender)
            if claim is None or not contacts:
                raise Conflict(_NO_CONTACT, code="no-contact")
            code = house.codes.invitation()
            until = now + ANSWER_WITHIN
            invitation = Invitation(house.ids(), handover.id, sender, person, until, answered=False)
            await work.invitations.add(invitation, house.codes.normal(code), now)
            event = about(EventType.INVITATION_MADE, handover, now, Personal(person, "invited", person))
            await work.log.append(event)
            link = f"{house.public_url}/#{code}"
            language = house.language_of(claim)
            if delivery == "message":
                text = house.phrases.fill(_INVITATION, language, link=link, code=code)
                to = contacts[0]
                message = Message(to.value, to.channel, "invitation", language, text)
                await work.outbox.add(message, house.ids(), now, handover=handover.id)
            handed = delivery == "paper"
            invited = Invited(invitation.id, code if handed else None, link if handed else None, until, language)
            if attempt:
                await work.retries.tie(attempt, handover.id, _kept(invited))
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return invited


def _kept(invited: Invited) -> str:
    """What of the answer cannot be made again."""
    return json.dumps([invited.id, invited.code, invited.answer_until.isoformat(), invited.language])


def _again(kept: str, public_url: str) -> Invited:
    invitation, code, until, language = json.loads(kept)
    link = f"{public_url}/#{code}" if code else None
    return Invited(invitation, code, link, datetime.fromisoformat(until), language)


_NOTHING_TO_ASK = Words(
    "Deze persoon hoeft voor deze overdracht nu niets te beantwoorden.",
    "There is nothing to ask this person about this handover now.",
)
_NO_CONTACT = Words(
    "Van deze persoon is geen telefoonnummer of e-mailadres bekend; de eenmalige code kan nergens heen.",
    "No phone number or e-mail address of this person is known; the one-time code has nowhere to go.",
)
_INVITATION = Words(
    "Er is een vraag voor je: mag informatie gedeeld worden? Ga naar {link} of typ daar de code {code}.",
    "There is a question for you: may information be shared? Go to {link} or type the code {code} there.",
)
