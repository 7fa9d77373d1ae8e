"""Reminding a recipient of what is open to it and lies uncollected; each time something opened or was corrected, once.

1. The moment to look is kept with what opened it. An hour looks at what is due, and at nothing else.
2. Each is looked at in a unit of work of its own: whoever takes its moment away tells, so that no two brokers do.
3. Told is the organisation that it is open to, by id: no person, no section. What was shut meanwhile is not told.
4. What cannot be worked out is an alarm without a name in it, and is not tried for ever.
"""

from datetime import datetime

import structlog

from broker.domain.arrivals import Came, arrival
from broker.domain.handovers import HandoverId
from broker.domain.stores import PartnerEvent, PartnerEventType, UnitOfWork
from broker.errors import PolicyFailed, Tampered
from broker.services.facts import open_sections
from broker.services.house import House
from broker.services.rounds import every_hour, is_ours

AT_ONCE = 100
"""How many are read from the list of what is due at one time."""
_log = structlog.get_logger(__name__)


class Arrivals:
    """The reminders of one broker; any number of brokers may run them on the same database."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def run(self) -> None:
        """Do a round every hour until cancelled."""
        await every_hour("arrivals", self.round)

    async def round(self) -> int:
        """Remind of whatever is due, unless another broker does so this hour. Returns how many reminders."""
        if not await is_ours(self._house, "arrivals", self._house.clock()):
            return 0
        return await self.remind()

    async def remind(self) -> int:
        """Remind of whatever is due now. Returns how many reminders."""
        now, told, more = self._house.clock(), 0, True
        while more:
            async with self._house.storage(writing=False) as work:  # 1
                due = await work.arrivals.due(now, AT_ONCE)
            for handover in due:
                told += await self._look(handover, now)
            more = len(due) == AT_ONCE
        return told

    async def _look(self, handover: HandoverId, now: datetime) -> int:
        async with self._house.storage() as work:
            if not await work.arrivals.looked_at(handover):  # 2
                return 0
            try:
                waiting = await self._tell(work, handover, now)
            except (Tampered, PolicyFailed) as error:
                _log.error("arrivals:damaged", code=error.code)  # 4
                waiting = 0
            await work.commit()
        return waiting

    async def _tell(self, work: UnitOfWork, identity: HandoverId, now: datetime) -> int:
        handover = await work.handovers.get(identity)
        if handover is None or not handover.kept_at(now):
            return 0
        opened = await open_sections(work, handover, handover.recipients, self._house.agreement(), now)
        collected = await work.arrivals.collected(handover)
        waiting = {
            one.organisation
            for one in handover.recipients
            if arrival(one, collected, is_open=bool(opened[one])).came is Came.WAITING
        }
        for organisation in sorted(waiting):  # 3
            event = PartnerEvent(
                self._house.ids(), organisation, PartnerEventType.UNREAD, identity, None, handover.version, (), now
            )
            await work.partner_events.add(event)
        return len(waiting)
