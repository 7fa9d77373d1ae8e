"""Reminders: before a yes ends and before a birthday that changes who decides; each goes out once, from one broker.

The sender hears that the period it asked consent for ends: nothing renews itself, so it asks again or does not.

1. One broker an hour does the round: the hour is a mark in the database. So is the day, once a round came to its end: what
   is said on a day does not change within it, and whoever is reminded is found by opening what runs, all of it.
2. Handovers are read page by page, each page in a unit of work of its own.
3. What is damaged is an alarm without a name in it, and is passed over; everybody else is reminded all the same.
4. A reminder's own mark is committed with its message: two rounds at once, or a round that broke off, repeat nothing
   and lose nothing.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import structlog

from broker.domain.calendar import end_of_day, local_day
from broker.domain.consents import ConsentRecord
from broker.domain.long_watch import KIND
from broker.domain.parties import Oin, PersonId
from broker.domain.reminders import BEFORE_THE_END, Reminder, Running, Topic, reminders
from broker.domain.stores import PartnerEventType, UnitOfWork
from broker.errors import Tampered, Words
from broker.services.house import House
from broker.services.partner_events import tell_sender
from broker.services.rounds import every_hour, is_ours
from broker.services.telling import queue

T = TypeVar("T")
PAGE = 20
"""Handovers that are in memory at one time."""
REMEMBERED = timedelta(days=366)
"""How long a mark outlives its day; birth dates that disagree by less are still one birthday."""
_log = structlog.get_logger(__name__)


class Reminders:
    """The reminders of one broker; any number of brokers may run them on the same database."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def run(self) -> None:
        """Do a round every hour until cancelled."""
        await every_hour("reminders", self.round)

    async def round(self) -> int:
        """Everything that is to be said today, unless a broker did so, or does this hour. Returns how many messages."""
        now = self._house.clock()
        if not await is_ours(self._house, "reminders", now) or not await self._today(now, over=False):  # 1
            return 0
        sent = await self.remind()
        await self._today(now, over=True)
        return sent

    async def _today(self, now: datetime, *, over: bool) -> bool:
        """Whether no round of this day came to its end; with `over`, from now on one did."""
        async with self._house.storage() as work:
            first = await work.guards.once(f"reminders of {local_day(now)}", now + timedelta(days=2))
            if over:
                await work.commit()
        return first

    async def remind(self) -> int:
        """Everything that is to be said now and was not said before. Returns how many messages."""
        house, now = self._house, self._house.clock()
        sent, more = 0, True
        after: Running | None = None
        while more:
            async with house.storage(writing=False) as work:  # 2
                page = await work.lists.running(local_day(now), after, PAGE)
                found = await self._of_page(work, page, now)
            for handover in page:
                await self._tell_sender(handover, now)
            for sender in sorted({reminder.sender for reminder in found}):
                sent += await self._send(sender, [one for one in found if one.sender == sender], now)
            more = len(page) == PAGE
            after = page[-1] if page else after
        if sent:
            house.outbox_kick()
        return sent

    async def _tell_sender(self, running: Running, now: datetime) -> None:
        """Once for each last day: the period for which consent was asked ends, whatever anybody answered."""
        house = self._house
        if running.consent_until > local_day(now) + BEFORE_THE_END:
            return
        async with house.storage() as work:
            mark = f"consent-ends:{running.id}:{running.consent_until}"
            if not await work.guards.once(mark, end_of_day(running.consent_until) + REMEMBERED):  # 4
                return
            try:
                handover = await work.handovers.get(running.id)
            except Tampered as error:
                _log.error("reminders:damaged", code=error.code)  # 3
                return
            if (
                handover is not None and handover.kind != KIND
            ):  # what they said to a question ends with what was watched
                await tell_sender(work, house, handover, PartnerEventType.CONSENT_ENDS, now)
                await work.commit()

    async def _of_page(self, work: UnitOfWork, page: Sequence[Running], now: datetime) -> frozenset[Reminder]:
        found: set[Reminder] = set()
        for sender, purpose in sorted({(handover.sender, handover.purpose) for handover in page}):
            mine = [handover for handover in page if (handover.sender, handover.purpose) == (sender, purpose)]
            concerned = {person for h in mine for section in h.sections for person in section.concerns}
            own = purpose in self._house.agreement().vocabulary.family_purposes
            for some in await _undamaged(concerned, partial(self._about, work, mine, now)):
                found |= {_of_a_plan(one) for one in some} if own else some
        return frozenset(found)

    async def _about(
        self, work: UnitOfWork, mine: Sequence[Running], now: datetime, persons: frozenset[PersonId]
    ) -> set[Reminder]:
        people, authorities = await work.authorities.facts(persons)
        said: dict[PersonId, list[ConsentRecord]] = {}
        for record in await work.consents.about(persons, mine[0].sender, mine[0].purpose):
            said.setdefault(record.scope.person, []).append(record)
        agreement, found = self._house.agreement(), set[Reminder]()
        table, own = agreement.signers, agreement.vocabulary.family_purposes
        for person in people.values():
            found |= reminders(person, mine, authorities, said.get(person.id, ()), table, now, own)
        return found

    async def _send(self, sender: Oin, wanted: Iterable[Reminder], now: datetime) -> int:
        """Queue what was not sent before, with its mark, in one unit of work."""
        house, sent = self._house, 0
        async with house.storage() as work:
            found = await _undamaged({r.to for r in wanted}, lambda persons: work.persons.reach(persons, sender))
            reach = {person: where for some in found for person, where in some.items()}
            for reminder in sorted(r for r in wanted if r.to in reach):  # in one order: no two brokers wait crosswise
                if await work.guards.once(reminder.mark, end_of_day(reminder.day) + REMEMBERED):  # 4
                    texts, to = {reminder.to: _TEXTS[reminder.topic]}, {reminder.to: reach[reminder.to]}
                    ends = reminder.topic in (Topic.CONSENT_ENDS, Topic.PLAN_ENDS)
                    kind = "consent-ends" if ends else "birthday-soon"
                    await queue(work, house, house.agreement(), texts, to, kind, now, years=reminder.years)
                    sent += 1
            await work.commit()
        return sent


def _of_a_plan(reminder: Reminder) -> Reminder:
    """Nobody asks for a new code for what a family writes itself."""
    return replace(reminder, topic=Topic.PLAN_ENDS) if reminder.topic is Topic.CONSENT_ENDS else reminder


async def _undamaged(persons: Iterable[PersonId], ask: Callable[[frozenset[PersonId]], Awaitable[T]]) -> Sequence[T]:
    """The answers about all of them at once; when something is damaged, one by one, without the damaged."""  # 3
    asked = frozenset(persons)
    if not asked:
        return ()
    try:
        return (await ask(asked),)
    except Tampered as error:
        if len(asked) == 1:
            _log.error("reminders:damaged", code=error.code)
            return ()
    return [answer for person in sorted(asked) for answer in await _undamaged((person,), ask)]


_TEXTS: dict[Topic, Words] = {
    Topic.CONSENT_ENDS: Words(
        "Over een tijdje stopt een ja dat jij gaf. Wil je dat het doorgaat? Vraag dan een nieuwe code aan degene van "
        "wie je de code kreeg. Doe je niets, dan stopt het vanzelf.",
        "In a while a yes that you gave ends. Do you want it to go on? Then ask the person who gave you the code for "
        "a new one. If you do nothing, it ends by itself.",
    ),
    Topic.PLAN_ENDS: Words(
        "Over een tijdje stopt een plan van je gezin waar jij ja tegen zei. Wij wissen het dan. Wil je dat het doorgaat? "
        "Schrijf dan een nieuw plan, op {address} met je code.",
        "In a while a plan of your family that you said yes to ends. We erase it then. Do you want it to go on? Then write "
        "a new one, at {address} with your code.",
    ),
    Topic.YOU_TOO: Words(
        "Straks word je {years}. Dan zeg jij zelf ook ja of nee. Zeg je niets, dan telt dat als nee. "
        "Vraag een code aan iemand die je helpt.",
        "Soon you turn {years}. Then you say yes or no as well. If you say nothing, that counts as no. "
        "Ask somebody who helps you for a code.",
    ),
    Topic.YOU_ALONE: Words(
        "Straks word je {years}. Dan beslis jij alleen wie iets over jou mag lezen. "
        "Kijk wat je zei op {address} met je code.",
        "Soon you turn {years}. Then you alone decide who may read something about you. "
        "See what you said at {address} with your code.",
    ),
    Topic.CHILD_TOO: Words(
        "Straks is je kind {years}. Dan zegt je kind zelf ook ja of nee. Zegt je kind niets, dan telt dat als nee. "
        "Vraag voor je kind een code aan degene van wie jij de code kreeg.",
        "Soon your child is {years}. Then your child says yes or no as well. If your child says nothing, that counts "
        "as no. Ask the person who gave you the code for one for your child.",
    ),
    Topic.CHILD_ALONE: Words(
        "Straks is je kind {years}. Dan beslist je kind alleen wie iets over je kind mag lezen. "
        "Wat jij zei, telt dan niet meer.",
        "Soon your child is {years}. Then your child alone decides who may read something about your child. "
        "What you said no longer counts then.",
    ),
}
