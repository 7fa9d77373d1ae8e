"""What was agreed, for the family: whose it is, by which day and how far it is; and for what is their own, saying so.

1. Somebody sees the tasks of a section about somebody for whom they have a say, and their own; nothing that they are shielded
   from, and nothing of a section whose own last day is over. Whose contact is in doubt sees none.
2. Only what is their own can they change: handover, person and task are locked, and it is looked up again.
"""

from dataclasses import dataclass
from datetime import date, datetime

from broker.domain.calendar import local_day
from broker.domain.events import Personal
from broker.domain.handovers import Handover, HandoverId
from broker.domain.parties import Oin, PersonId, Recipient
from broker.domain.stores import PartnerEventType, UnitOfWork
from broker.domain.tasks import ENDED, SECTION_TYPE, TRANSITIONS, Change, Status, Task
from broker.errors import NotFound, Words
from broker.services.house import guarded
from broker.services.mine import recipient_words
from broker.services.partner_events import tell_sender
from broker.services.reactions import Reacting
from broker.services.tasks import keep

AN_HOUR = 3600
MOST_IN_AN_HOUR = 30
"""How often one person can say how far something is."""


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """That it became this. `by` is None when somebody of the family said so."""

    status: Status
    at: datetime
    by: Words | None


@dataclass(frozen=True, slots=True)
class TaskScreen:
    """Something that was agreed, without its text. `by` is None for somebody of the family; `own`: it is this person's.

    `id` says nothing; `steps` are what it can become, for its owner.
    """

    id: str
    by: Words | None
    own: bool
    due: date
    late: bool
    status: Status
    steps: tuple[Status, ...]
    history: tuple[ChangeLine, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    """One task that somebody may see."""

    id: str
    handover: Handover
    task: Task
    own: bool


class OwnTasks(Reacting):
    """The use cases of a family member with whom something was agreed."""

    async def tasks(self, token: str) -> tuple[TaskScreen, ...]:
        """What was agreed in what this sender wrote, by day; their own first."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            found = await self._tasks(work, signer, invitation.sender, now)
            partners = {o.oin: o.name for o in await work.organisations.all()}
        vocabulary, today = house.agreement().vocabulary, local_day(now)

        def words(of: object) -> Words | None:
            return recipient_words(of, partners, vocabulary) if isinstance(of, Recipient) else None

        return tuple(
            TaskScreen(
                one.id,
                words(one.task.owner),
                one.own,
                one.task.due,
                one.task.due < today and one.task.status not in ENDED,
                one.task.status,
                tuple(s for s in Status if one.own and s in TRANSITIONS[one.task.status]),
                tuple(ChangeLine(c.status, c.at, words(c.by)) for c in one.task.history),
            )
            for one in sorted(found, key=lambda one: (not one.own, one.task.due, one.task.id))
        )

    async def change_task(self, token: str, task_id: str, status: Status) -> None:
        """Say how far something of their own is; the same again changes nothing.

        Raises NotFound for anything that is not theirs, Conflict for what cannot be from there, TooMany past thirty in
        an hour.
        """
        house = self._house
        async with house.storage(writing=False) as work:
            _, _, signer = await self._verified(work, token)
        await guarded(house, f"task:{signer}", MOST_IN_AN_HOUR, AN_HOUR)
        now = house.clock()
        async with house.storage() as work:
            _, invitation, signer = await self._verified(work, token)
            named = await self._own_task(work, signer, invitation.sender, task_id, now)
            await work.handovers.get(named.handover.id, lock="shared")  # 2
            await work.authorities.hold({signer}, exclusively=True)
            own = await self._own_task(work, signer, invitation.sender, task_id, now)
            task = await work.tasks.get(own.handover.id, own.task.id)
            if task is None or task.owner != signer:
                raise NotFound
            if task.status is status:
                return
            by = (Personal(signer, "signer", signer),)
            await keep(work, house, own.handover, task, Change(status, now, None), now, by)
            await tell_sender(work, house, own.handover, PartnerEventType.TASK_CHANGED, now)
            await work.commit()
        house.log.kick()

    async def _own_task(self, work: UnitOfWork, signer: PersonId, sender: Oin, task_id: str, now: datetime) -> _Found:
        for found in await self._tasks(work, signer, sender, now):
            if found.own and found.id == task_id:
                return found
        raise NotFound

    async def _tasks(self, work: UnitOfWork, signer: PersonId, sender: Oin, now: datetime) -> list[_Found]:
        if await work.matters.doubted({signer}):  # 1
            return []
        about: dict[HandoverId, Handover] = {}
        says_for: dict[HandoverId, frozenset[PersonId]] = {}
        async for part in self._parts(work, signer, sender, now):
            if part.asked.section_type == SECTION_TYPE:
                about[part.handover.id] = part.handover
                says_for[part.handover.id] = frozenset(part.asked.persons)
        owned = {one: await work.handovers.get(one) for one in await work.tasks.owned_by(signer, sender)}
        found = []
        expires = SECTION_TYPE in self._house.agreement().vocabulary.expiring
        for identity, handover in {**owned, **about}.items():
            if handover is None or not handover.kept_at(now):
                continue
            there = {
                one.id: one.concerns
                for one in handover.sections
                if signer not in one.shielded_from and not one.over_at(now, must_expire=expires)  # 1
            }
            for task in await work.tasks.of_handover(identity):
                own, concerns = task.owner == signer, there.get(task.section)
                if concerns is not None and (own or concerns & says_for.get(identity, frozenset())):
                    tag = self._house.tags.tag("task", handover.id, task.id)[:32]
                    found.append(_Found(tag, handover, task, own))
        return found
