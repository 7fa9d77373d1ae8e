"""What was agreed: its owner says how far it is; whoever has something due is reminded, without a word of what it is.

1. Handover and everybody whom it concerns are locked, then the task.
2. An organisation's owner is a professional in the very role that is named, to whom the text was released and would be
   released now; of the sender's own nobody needs a release. For anybody else the task is not there. Asking is counted
   together with asking for the handover, and a refusal because it is not open is logged as that of a release.
3. State, history and log entry are committed together; the log holds an id and a state.
4. A reminder tells an organisation the handover, if it may know of it now; a family member only that something is due.
"""

from dataclasses import dataclass
from datetime import datetime

import structlog

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover, HandoverId
from broker.domain.parties import PersonId, Professional, Recipient
from broker.domain.releases import ReleaseRequest
from broker.domain.retries import Attempt
from broker.domain.stores import PartnerEvent, PartnerEventType, UnitOfWork
from broker.domain.tasks import ENDED, SECTION_TYPE, Change, Status, Task, TaskId, check_step
from broker.domain.telling import old_enough
from broker.errors import NotFound, PolicyFailed, Tampered, Words
from broker.services.facts import open_sections
from broker.services.house import House
from broker.services.partner_events import tell_sender
from broker.services.rates import check_asked
from broker.services.releasing import Weighed, log_refused, weighed
from broker.services.rounds import every_hour, is_ours
from broker.services.telling import queue

AT_ONCE = 100
"""How many are read from the list of what is due at one time."""
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The sections with agreements that are open to somebody, and what that was decided on; nothing for who wrote them."""

    open: frozenset[str]
    weighed: Weighed | None = None


class Tasks:
    """The use cases of a professional who has something to do, and the reminders of one broker."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def change(
        self, who: Professional, handover_id: str, task_id: str, status: Status, attempt: Attempt | None = None
    ) -> Task:
        """Say how far it is; the same again changes nothing. Returns the task as it is then.

        Raises NotFound for what is not this role's, or not open to it (any more); Conflict for what cannot be from there;
        RateLimited.
        """
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            await check_asked(work, house, who.organisation, now, "handover", handover_id)  # 2
            await work.commit()  # whatever becomes of it
        async with house.storage() as work:
            handover = await work.handovers.get(handover_id, lock="shared")  # 1
            seen = await self._seen(work, handover, who, now) if handover else None
            task = await work.tasks.get(handover.id, task_id) if handover and seen else None  # 1
            mine = Recipient(who.organisation, who.role)
            if handover is None or seen is None or task is None or task.owner != mine:  # 2
                raise NotFound
            if task.section not in seen.open:  # 2
                if seen.weighed is not None:
                    await log_refused(work, house, seen.weighed)
                await work.commit()
                house.log.kick()
                raise NotFound
            earlier = await work.retries.begin(attempt, now) if attempt else None  # never of a refusal: it may open
            if earlier or task.status is status:
                if attempt and not earlier:
                    await work.retries.tie(attempt, handover.id)
                    await work.commit()
                return task
            by = (Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role))
            await keep(work, house, handover, task, Change(status, now, mine), now, by, who)  # 3
            if handover.pushed_by != who.organisation:
                await tell_sender(work, house, handover, PartnerEventType.TASK_CHANGED, now)
            if attempt:
                await work.retries.tie(attempt, handover.id)
            changed = await work.tasks.get(handover.id, task_id)
            await work.commit()
        house.log.kick()
        return changed or task

    async def _seen(self, work: UnitOfWork, handover: Handover, who: Professional, now: datetime) -> "_Seen | None":
        """The sections with agreements that this professional would get now; whoever wrote them needs no release.

        None for a role that such a text never reached.
        """
        if not handover.kept_at(now):
            return None
        if handover.pushed_by == who.organisation:
            return _Seen(frozenset(one.id for one in handover.sections if one.type == SECTION_TYPE))
        if not await work.tasks.received(handover.id, Recipient(who.organisation, who.role)):
            return None
        agreement = await self._house.agreements.within(work)
        request = ReleaseRequest(who, handover.id, handover.purpose, (SECTION_TYPE,))
        found = await weighed(work, handover, request, agreement, now)
        return _Seen(frozenset(one.section.id for one in found.decision.permitted), found)

    async def run(self) -> None:
        """Do a round every hour until cancelled."""
        await every_hour("tasks", self.round)

    async def round(self) -> int:
        """Remind of whatever is due, unless another broker does so this hour. Returns how many reminders."""
        if not await is_ours(self._house, "tasks", self._house.clock()):
            return 0
        return await self.remind()

    async def remind(self) -> int:
        """Remind of whatever is due now. Returns how many reminders."""
        now, told, more = self._house.clock(), 0, True
        while more:
            async with self._house.storage(writing=False) as work:
                due = await work.tasks.due(now, AT_ONCE)
            for handover, task in due:
                told += await self._look(handover, task, now)
            more = len(due) == AT_ONCE
        if told:
            self._house.outbox_kick()
        return told

    async def _look(self, handover: HandoverId, task: TaskId, now: datetime) -> int:
        async with self._house.storage() as work:
            if not await work.tasks.reminded(handover, task):
                return 0
            try:
                told = await self._tell(work, handover, task, now)
            except (Tampered, PolicyFailed) as error:
                _log.error("tasks:damaged", code=error.code)
                told = 0
            await work.commit()
        return told

    async def _tell(self, work: UnitOfWork, identity: HandoverId, task_id: TaskId, now: datetime) -> int:
        handover, task = await work.handovers.get(identity), await work.tasks.get(identity, task_id)
        if handover is None or task is None or not handover.kept_at(now) or task.status in ENDED:
            return 0
        if not isinstance(task.owner, Recipient):
            return await self._tell_person(work, handover, task, task.owner, now)
        to = task.owner
        if to.organisation != handover.pushed_by:  # 4
            opened = await open_sections(work, handover, (to,), self._house.agreement(), now)
            there = {section.id for section in opened[to]}
            if task.section not in there or not await work.tasks.received(handover.id, to):
                return 0
        event = PartnerEvent(
            self._house.ids(), to.organisation, PartnerEventType.TASK_DUE, identity, None, handover.version, (), now
        )
        await work.partner_events.add(event)
        return 1

    async def _tell_person(
        self, work: UnitOfWork, handover: Handover, task: Task, person: PersonId, now: datetime
    ) -> int:
        """Who never answered this sender hears nothing: nobody hears of a handover here for the first time."""
        house = self._house
        expires = SECTION_TYPE in house.agreement().vocabulary.expiring
        there = [one for one in handover.sections if not one.over_at(now, must_expire=expires)]
        section = next((one for one in there if one.id == task.section), None)
        people, _ = await work.authorities.facts({person})
        known = person in people and old_enough(people[person], house.agreement().signers, now)
        said = await work.consents.said_by(person, handover.sender)
        doubted = await work.matters.doubted({person})  # who comes in by that contact sees no task
        if section is None or person in section.shielded_from or not known or not said or doubted:
            return 0
        reach = await work.persons.reach({person}, handover.sender)
        await queue(work, house, house.agreement(), {person: _IS_DUE}, reach, "task-due", now)
        return len(reach)


async def keep(
    work: UnitOfWork,
    house: House,
    handover: Handover,
    task: Task,
    change: Change,
    now: datetime,
    by: tuple[Personal, ...],
    who: Professional | None = None,
) -> None:
    """Keep one change of a task that is locked, with its log entry. Raises Conflict for what cannot be from there."""
    check_step(task.status, change.status)
    await work.tasks.change(task, change)
    facts = {"purpose": handover.purpose, "state": change.status.value, **(who.vouched if who else {})}
    personal = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        Personal(handover.subject, "task", task.id),
        *by,
    )
    actor = who.organisation if who else handover.pushed_by
    counterpart = handover.pushed_by if who and who.organisation != handover.pushed_by else None
    await work.log.append(LogEvent(EventType.TASK_CHANGED, now, actor, counterpart, facts, personal))


_IS_DUE = Words(
    "Er is iets afgesproken dat nu klaar moet zijn. Kijk op {address} met je code, en zeg hoe ver het is.",
    "Something that was agreed should be done now. Look at {address} with your code, and say how far it is.",
)
