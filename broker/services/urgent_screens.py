"""What is urgent, for the privacy officer: organisations and moments, nobody's name and nobody's answer.

Whoever watches everything, and whoever watches for the sender, sees how far it is. For a recipient what is closed is not
there; of what is open to it, its officer sees what it is told itself: from whom, and until when.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.domain.handovers import Handover, HandoverId
from broker.domain.officers import Right
from broker.domain.parties import Oin
from broker.domain.stores import UnitOfWork
from broker.domain.urgency import Progress, Step, Urgency, UrgentState, state_of
from broker.errors import PolicyFailed, Tampered, Words
from broker.services.checks import KnowsOfficers
from broker.services.house import House
from broker.services.looking import looked
from broker.services.views import progress_now, seen_by_recipient

SHOWN = 50
"""How many stand on the page, what is late first, then the newest."""
LOOKED_AT = 2 * SHOWN
"""How many of the newest are looked into: of all, or of those that one organisation sent and of those it may read."""


@dataclass(frozen=True, slots=True)
class UrgentRow:
    """One urgent handover: between whom, until when, how far, and whether the sender was warned.

    For a recipient the other recipients are not in it, and it is late for nobody.
    """

    sender: str
    recipients: tuple[str, ...]
    hours: int
    until: datetime
    label: Words
    late: bool
    escalated: Words | None


@dataclass(frozen=True, slots=True)
class UrgentScreen:
    """What is late first, then the newest; `more` says that not everything of which something may be seen is there."""

    rows: tuple[UrgentRow, ...]
    more: bool


class UrgentNow:
    """The use case."""

    def __init__(self, house: House, officers: KnowsOfficers) -> None:
        self._house = house
        self._officers = officers

    async def screen(self, token: str) -> UrgentScreen:
        """What is urgent; for an officer of one organisation what it sent, and what is open to it. The look is logged."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.REVIEW)
            names = {str(partner.oin): partner.name for partner in await work.organisations.all()}
            ids = await work.urgency.latest("", LOOKED_AT + 1, sender=acting.party)
            rows = [(one, await self._row(work, one, names, now)) for one in ids[:LOOKED_AT]]
            if acting.party:
                rows += await self._received(work, Oin(acting.party), names, now)
            await looked(work, acting, now, "urgent")
            await work.commit()
        house.log.kick()
        newest = [row for _, row in sorted(rows, key=lambda pair: pair[0], reverse=True) if row]
        found = sorted(newest, key=lambda row: not row.late)
        return UrgentScreen(tuple(found[:SHOWN]), len(found) > SHOWN or len(ids) > LOOKED_AT)

    async def _received(
        self, work: UnitOfWork, party: Oin, names: Mapping[str, str], now: datetime
    ) -> Sequence[tuple[HandoverId, UrgentRow | None]]:
        """How many there are that are closed is not in any number."""
        ids = await work.urgency.latest("", LOOKED_AT, recipient=party)
        return [(one, await self._open_row(work, one, party, names, now)) for one in ids]

    async def _row(
        self, work: UnitOfWork, identity: HandoverId, names: Mapping[str, str], now: datetime
    ) -> UrgentRow | None:
        try:
            handover = await work.handovers.get(identity)
        except Tampered:
            return None
        step = await work.urgency.step(identity)
        if handover is None or handover.urgency is None or step is None:
            return None
        state = await self._state(work, handover, handover.urgency, step, now)
        return UrgentRow(
            names.get(handover.sender, ""),
            tuple(sorted({names.get(one.organisation, "") for one in handover.recipients})),
            handover.urgency.hours,
            handover.urgency.until,
            PROGRESS[state.progress] if state else UNKNOWN,
            state.late if state else now >= handover.urgency.until,
            ESCALATED.get(step),
        )

    async def _open_row(
        self, work: UnitOfWork, identity: HandoverId, party: Oin, names: Mapping[str, str], now: datetime
    ) -> UrgentRow | None:
        """As that recipient is told; None when nothing is open to it, and when that cannot be worked out."""
        try:
            handover = await work.handovers.get(identity)
            if handover is None or handover.urgency is None:
                return None
            mine = tuple(one for one in handover.recipients if one.organisation == party)
            if await seen_by_recipient(work, self._house, handover, mine, now, named=False) is None:
                return None
        except (Tampered, PolicyFailed):
            return None
        lane, sender = handover.urgency, names.get(handover.sender, "")
        return UrgentRow(sender, (names.get(party, ""),), lane.hours, lane.until, OPEN, late=False, escalated=None)

    async def _state(
        self, work: UnitOfWork, handover: Handover, urgency: Urgency, step: Step, now: datetime
    ) -> UrgentState | None:
        try:
            progress = await progress_now(work, self._house, handover, now)
        except (Tampered, PolicyFailed):
            return None
        return state_of(urgency, progress, step, now)


PROGRESS = {
    Progress.ANSWERS: Words("Wacht op antwoorden", "Waits for answers"),
    Progress.SHUT: Words("Iedereen antwoordde, niet overal open", "Everybody answered, not open everywhere"),
    Progress.RECIPIENTS: Words("Open, wacht op de ontvanger", "Open, waits for the recipient"),
    Progress.DONE: Words("Ontvangen", "Received"),
}
OPEN = Words("Open voor uw organisatie", "Open to your organisation")
UNKNOWN = Words("Niet te bepalen", "Cannot be worked out")
ESCALATED = {
    Step.NEAR: Words("Gewaarschuwd: bijna te laat", "Escalated: nearly too late"),
    Step.PASSED: Words("Gewaarschuwd: te laat", "Escalated: too late"),
}
