"""Urgent handovers: everybody who must say yes is asked at once, and somebody is called when it does not come through.

1. Asked are those who must answer, over every contact that the sender stated of them, in the unit of work of the push. It
   is the usual question with the usual code: nothing is answered by it.
2. The moments to look are kept with the handover. An hour looks at what is due, each in a unit of work of its own; whoever
   changes the step does it, so that no two brokers do.
3. What is not done then is escalated, in the same commit as the step: to the sender as an event, to its after-hours
   contact in a message without content, to recipients who did not acknowledge as an event.
4. After the deadline nothing opens by itself: no step here decides anything, or answers for anybody.
5. What cannot be worked out is an alarm without a name in it, and counts as not done; a handover that cannot be read is
   looked at again, until it can be or is erased.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover, HandoverId
from broker.domain.parties import Oin
from broker.domain.stores import AfterHours, Message, PartnerEventType, UnitOfWork
from broker.domain.urgency import Progress, Step, next_look, reached
from broker.errors import PolicyFailed, Tampered, Words
from broker.services.cursors import Place
from broker.services.house import House
from broker.services.invitations import URGENT, ask_everybody
from broker.services.partner_events import ask_to_acknowledge, tell_sender
from broker.services.rounds import every_hour, is_ours
from broker.services.views import HandoverView, progress_now, seen_by_sender

AT_ONCE = 100
"""How many are read from the list of what is due at one time."""
AGAIN = timedelta(hours=1)
"""When what cannot be read is looked at again."""
_log = structlog.get_logger(__name__)


class Urgent:
    """The urgent lane of one broker; any number of brokers may run it on the same database."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def ask(self, work: UnitOfWork, handover: Handover, now: datetime) -> None:
        """Ask whoever must answer and was not asked; and the recipients of what is open already, to acknowledge it.

        Who has no contact is left out: the sender sees that in its answer, and can hand over a code on paper.
        """
        house = self._house
        await ask_everybody(work, house, handover, URGENT, now, everywhere=True)  # 1
        await ask_to_acknowledge(work, house, handover, now)

    async def sent(self, sender: Oin, cursor: str, limit: int) -> tuple[tuple[HandoverView, ...], str]:
        """A page of the urgent ones that this organisation sent, newest first. Raises Invalid for another list's cursor."""
        now, place = self._house.clock(), Place(self._house.fields, "urgent", sender, "")
        before = place.read(cursor)
        async with self._house.storage(writing=False) as work:
            ids = await work.urgency.latest(before, limit + 1, sender=sender)
            found = [await work.handovers.get(identity) for identity in ids[:limit]]
            views = [await seen_by_sender(work, self._house, one, now) for one in found if one is not None]
        return tuple(views), place.written(ids[limit - 1]) if len(ids) > limit else ""

    async def run(self) -> None:
        """Do a round every hour until cancelled."""
        await every_hour("urgent", self.round)

    async def round(self) -> int:
        """Escalate whatever is due, unless another broker does so this hour. Returns how many."""
        if not await is_ours(self._house, "urgent", self._house.clock()):
            return 0
        return await self.escalate()

    async def escalate(self) -> int:
        """Look at whatever is due now. Returns how many were escalated."""
        now, told, more = self._house.clock(), 0, True
        while more:
            async with self._house.storage(writing=False) as work:
                due = await work.urgency.due(now, AT_ONCE)
            for handover in due:
                told += await self._look(handover, now)
            more = len(due) == AT_ONCE
        if told:
            self._house.log.kick()
            self._house.outbox_kick()
        return told

    async def _look(self, identity: HandoverId, now: datetime) -> int:
        async with self._house.storage() as work:
            before = await work.urgency.step(identity)
            if before is None:
                return 0
            try:
                handover = await work.handovers.get(identity, lock="shared")
            except Tampered as error:
                _log.error("urgent:damaged", code=error.code)  # 5
                await work.urgency.go_on(identity, before, before, now + AGAIN)
                await work.commit()
                return 0
            lane = handover.urgency if handover else None
            step = reached(lane, before, now) if lane else Step.PASSED
            due = handover if handover and handover.kept_at(now) and step is not before else None
            progress = await self._progress(work, due, now) if due else None
            after = before if progress is Progress.DONE else step  # who has it already is called by nobody
            if not await work.urgency.go_on(identity, before, after, next_look(lane, step) if lane else None):  # 2
                return 0
            if due and progress and after is step:
                await self._escalated(work, due, step, progress, now)
            await work.commit()
        return int(due is not None and after is step)

    async def _escalated(
        self, work: UnitOfWork, handover: Handover, step: Step, progress: Progress, now: datetime
    ) -> None:
        house = self._house
        await tell_sender(work, house, handover, _TOLD[step], now)  # 3
        await self._call(work, handover, now)
        await ask_to_acknowledge(work, house, handover, now)
        await work.log.append(_escalation(handover, step, progress, now))

    async def _progress(self, work: UnitOfWork, handover: Handover, now: datetime) -> Progress:
        try:
            return await progress_now(work, self._house, handover, now)
        except (Tampered, PolicyFailed) as error:
            _log.error("urgent:damaged", code=error.code)  # 5
            return Progress.SHUT

    async def _call(self, work: UnitOfWork, handover: Handover, now: datetime) -> None:
        try:
            contact = await work.urgency.contact(handover.sender)
        except Tampered as error:
            _log.error("urgent:damaged", code=error.code)  # 5
            return
        text = self._house.phrases.fill(_ESCALATED, "nl")
        for message in _messages(contact, text) if contact else ():
            await work.outbox.add(message, self._house.ids(), now, handover=handover.id)


def _messages(contact: AfterHours, text: str) -> Sequence[Message]:
    kind = "urgent-escalation"
    by_mail = [Message(contact.mail, "email", kind, "nl", text)] if contact.mail else []
    return [Message(contact.phone, "sms", kind, "nl", text), *by_mail]


def _escalation(handover: Handover, step: Step, progress: Progress, now: datetime) -> LogEvent:
    personal = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
    )
    facts = {"purpose": handover.purpose, "handoverKind": handover.kind, "state": progress.value, "change": step.value}
    return LogEvent(EventType.URGENT_ESCALATED, now, handover.sender, facts=facts, personal=personal)


_TOLD = {Step.NEAR: PartnerEventType.URGENT_NEAR, Step.PASSED: PartnerEventType.URGENT_PASSED}
_ESCALATED = Words(
    "Rondom: een overdracht met spoed is nog niet rond. Kijk in uw systeem bij wat spoed heeft, en bel de ontvanger. "
    "Denkt u aan geweld of mishandeling? Bel Veilig Thuis: 0800-2000. Is iemand nu in gevaar? Bel 112.",
    "Rondom: an urgent handover has not come through yet. Look in your system at what is urgent, and call the recipient. "
    "Do you think of violence or abuse? Call Veilig Thuis: 0800-2000. Is somebody in danger now? Call 112.",
)
