"""Erasing, whatever the cause: contents, state, log entry and what readers are told are committed together, or nothing is.

1. A handover is locked, and read again: of any number of brokers one erases it, once.
2. Each handover, and each group of people, has a unit of work of its own; what fails is counted and tried again next time.
3. After the commit the files are cleaned as well, as far as the database lets us.
4. Who is still needed is not asked about again before the log's time has passed: a round costs what is due, not what is kept.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import structlog

from broker.domain.calendar import local_day
from broker.domain.erasure import ENDS, LOG_KEPT, Cause, Contents, Due, Noted, Trace, due, log_may_go, may_go, together
from broker.domain.events import EventType, Fact, LogEvent, Personal
from broker.domain.handovers import ENDED, HandoverId, HandoverState
from broker.domain.parties import PersonId
from broker.domain.stores import PartnerEventType, UnitOfWork
from broker.errors import BrokerError
from broker.services.house import House
from broker.services.partner_events import tell_readers
from broker.services.rounds import every_hour, is_ours

PAGE = 100
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is due on a day: handovers, and how many people."""

    handovers: tuple[Due, ...]
    people: int


@dataclass(frozen=True, slots=True)
class Erased:
    """What a round erased, and how often it failed. `clean` when nothing of it is left in the files that we can reach."""

    handovers: tuple[Due, ...]
    people: int
    failed: int
    clean: bool


class Erasure:
    """The erasing of one broker; any number of brokers may do it on the same database."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def run(self) -> None:
        """Do a round every hour until cancelled: a day that ended is noticed within the hour."""
        await every_hour("erasure", self.round)

    async def round(self) -> Erased | None:
        """Everything that is due, unless a broker did this hour's round; the files are cleaned in any case."""
        if await is_ours(self._house, "erasure", self._house.clock()):
            return await self.erase_due()
        await self._house.storage.scrub()
        return None

    async def plan(self) -> Plan:
        """What is due now. Changes nothing."""
        now = self._house.clock()
        handovers = await self._handovers(local_day(now))
        return Plan(handovers, sum(map(len, await self._groups(local_day(now)))))

    async def erase_due(self, tick: Callable[[int], object] = lambda _: None) -> Erased:
        """Erase whatever is due now; `tick` hears how many handovers or people were dealt with."""
        now = self._house.clock()
        done, people, failed = [], 0, 0
        for one in await self._handovers(local_day(now)):
            try:
                done += [one] if await self._erase(one.handover, now) else []
            except BrokerError as error:
                failed += 1
                _log.error("erasure:failed", code=error.code)
            tick(1)
        for group in await self._groups(local_day(now), note=True):
            try:
                people += await self._forget(group, now)
            except BrokerError as error:
                failed += 1
                _log.error("erasure:failed", code=error.code)
            tick(len(group))
        if done or people:
            self._house.log.kick()
        clean = await self._house.storage.scrub(thoroughly=bool(done or people))
        return Erased(tuple(done), people, failed, clean)

    async def _handovers(self, today: date) -> tuple[Due, ...]:
        found: list[Due] = []
        after, more = "", True
        async with self._house.storage(writing=False) as work:
            while more:
                page = await work.erasure.due(today, after, PAGE)
                found += [one for contents in page if (one := due(contents, today))]
                more = len(page) == PAGE
                after = page[-1].id if page else after
        return tuple(found)

    async def _erase(self, handover: HandoverId, now: datetime) -> bool:
        """One handover, in a unit of work of its own; False when there is nothing to erase any more."""
        async with self._house.storage() as work:
            contents = await work.erasure.contents(handover)  # 1
            wanted = due(contents, local_day(now)) if contents else None
            if contents is None or wanted is None:
                return False
            await erase_contents(work, self._house, contents, wanted.cause, now)
            await work.commit()
        return True

    async def _groups(self, today: date, *, note: bool = False) -> Sequence[frozenset[PersonId]]:
        """Who can be forgotten, of those who may be: a person is looked at when the log's time after their day is over."""
        free: set[PersonId] = set()
        after: Noted | None = None
        more = True
        while more:
            async with self._house.storage(writing=note) as work:
                page = await work.erasure.unsure(LOG_KEPT.before(today), after, PAGE)
                people = [noted.person for noted in page]
                last = {trace.person: trace.last for trace in await work.erasure.unneeded(people)}
                going = {one for one, day in last.items() if log_may_go(Trace(one, day), today)}
                if note:  # 4
                    await work.erasure.needed([one for one in people if one not in going], today)
                    await work.commit()
            free |= going
            more = len(page) == PAGE
            after = page[-1] if page else after
        async with self._house.storage(writing=False) as work:
            held = await work.erasure.held_by(free) if free else ()
        return together(may_go(free, held), held)

    async def _forget(self, group: frozenset[PersonId], now: datetime) -> int:
        async with self._house.storage() as work:
            gone = await forget_people(work, group, now)
            await work.commit()
        return len(gone)


async def erase_contents(work: UnitOfWork, house: House, contents: Contents, cause: Cause, now: datetime) -> None:
    """End a handover and erase its contents, log it, and tell whoever read it. The caller locked it, and commits.

    What was asked in its long watch ends with it: an answer would be about something that is not there.
    """
    ended_before = contents.state in ENDED
    await close_questions(work, house, contents.id, cause, now)
    await work.lists.withdraw(contents.id, ENDS[cause], now)
    await work.erasure.empty(contents.id, now)
    personal = (
        Personal(contents.subject, "subject", contents.subject),
        Personal(contents.subject, "handover", contents.id),
    )
    by = None if cause is Cause.RETENTION_OVER or contents.author else contents.sender
    facts = {"purpose": contents.purpose, "cause": cause.value}
    await work.log.append(LogEvent(EventType.HANDOVER_ERASED, now, by, facts=facts, personal=personal))
    if not ended_before:  # otherwise they heard of it when it ended
        kind = PartnerEventType.WITHDRAWN if cause is Cause.WITHDRAWN else PartnerEventType.ERASED
        await tell_readers(work, house, contents, kind, now)


async def close_questions(
    work: UnitOfWork, house: House, handover: HandoverId, cause: Cause, now: datetime, but: Collection[PersonId] = ()
) -> None:
    """Erase what was asked in the long watch of a handover and waits for an answer; what was answered stays.

    Before the rows of the watch are changed: who answers has locked the question, and changes those after that.
    """
    for person, question in await work.long_watches.waiting(handover):
        contents = await work.erasure.contents(question) if person not in but else None
        if contents is not None and contents.state is HandoverState.ASKED:
            await erase_contents(work, house, contents, cause, now)


async def forget_people(work: UnitOfWork, wanted: Collection[PersonId], now: datetime) -> frozenset[PersonId]:
    """Erase all that is known of those among these people who can go; returns who went. The caller commits.

    Who has anything to do with a kept handover stays, and so does who holds authority over somebody who stays. The log's
    time is waited for whatever ended the handover, also when the family asked: facts that were forgotten earlier would
    let a sender begin anew without a parent whom others know, and wipe out what says whom it disclosed to.
    """
    await work.erasure.lock(wanted)
    today = local_day(now)
    traces = await work.erasure.unneeded(wanted)
    free = {one.person for one in traces if log_may_go(one, today)}
    going = may_go(free, await work.erasure.held_by(free))
    openings = [await work.erasure.forget(person, now) for person in sorted(going)]
    for count in openings:
        facts: dict[str, Fact] = {"cause": Cause.LOG_TIME_OVER.value, "openings": count}
        await work.log.append(LogEvent(EventType.PERSON_ERASED, now, facts=facts))
    return going
