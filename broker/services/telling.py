"""Messages to the family about what happens with what they said yes to: short, and nothing in them about anybody.

- A message names no person, no organisation and no part of a handover: a phone lies on the table for all to read.
- It goes to the first contact that the handover's sender last stated; who cannot be reached gets none, and that is all.
- What is queued here is committed with what it tells, or neither is.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from broker.domain.parties import PersonId
from broker.domain.ports import AgreementInForce
from broker.domain.releases import ReleaseDecision, Situation
from broker.domain.stores import Message, Reach, UnitOfWork
from broker.domain.telling import Why, first, told_of
from broker.errors import Words
from broker.services.house import House

WAS_READ = "was-read"
"""The kind of these messages; the only kind that a person can turn off."""


async def tell_of_release(
    work: UnitOfWork,
    house: House,
    agreement: AgreementInForce,
    situation: Situation,
    decision: ReleaseDecision,
    now: datetime,
) -> None:
    """Queue a message for everybody who is to hear that these sections were released."""
    await tell_of_releases(work, house, agreement, [(situation, decision)], now)


async def tell_of_releases(
    work: UnitOfWork,
    house: House,
    agreement: AgreementInForce,
    released: Iterable[tuple[Situation, ReleaseDecision]],
    now: datetime,
) -> None:
    """The same for what left in answer to one request: everybody hears once, at the contact of the first who can reach them.

    Who turned messages about one sender off still hears of what another one wrote.
    """
    why: dict[PersonId, Why] = {}
    reach: dict[PersonId, Reach] = {}
    for situation, decision in released:
        told, sender = told_of(decision.permitted, situation.people, situation.table, now), situation.handover.sender
        listening = told.keys() - await work.mutes.among(told, sender) if told else ()
        for person in listening:
            why[person] = first(why.get(person), told[person])
        reach = {**await work.persons.reach(frozenset(listening), sender), **reach} if listening else reach
    if why:
        await queue(work, house, agreement, {person: _READ[why[person]] for person in why}, reach, WAS_READ, now)


async def queue(
    work: UnitOfWork,
    house: House,
    agreement: AgreementInForce,
    texts: Mapping[PersonId, Words],
    reach: Mapping[PersonId, Reach],
    kind: str,
    now: datetime,
    **values: object,
) -> None:
    """Put a text, with these values in it, in the outbox for each of these who can be reached, in their own language."""
    notices, messages = agreement.notices, {}
    for person, where in sorted(reach.items()):
        language = where.language if where.language in notices else "nl"
        text = house.phrases.fill(texts[person], language, address=house.public_url, **values)
        messages[house.ids()] = Message(where.contact.value, where.contact.channel, kind, language, text)
    await work.outbox.add_all(messages, now)


_READ: dict[Why, Words] = {
    Why.SAID_YES: Words(
        "Iemand heeft iets gelezen waarover jij ja zei. Kijk wie op {address} met je code.",
        "Somebody read something that you said yes to. See who at {address} with your code.",
    ),
    Why.ABOUT_THEM: Words(
        "Iemand heeft iets gelezen dat over jou gaat. Heb je een code? Kijk dan wie op {address}. "
        "Heb je er geen? Vraag het aan iemand die je helpt.",
        "Somebody read something that is about you. Do you have a code? Then see who at {address}. "
        "Do you have none? Ask somebody who helps you.",
    ),
}
