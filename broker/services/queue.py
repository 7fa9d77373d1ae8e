"""The officer's queue: what is in doubt, what to do next, and how it was settled; no contact and no name in it.

1. Only who is signed in settles, once per matter, and says why in a note that is kept sealed.
2. Settling is logged in the same commit. It changes what a yes must rest on; it never makes or changes a yes.
"""

from collections.abc import Mapping
from typing import get_args

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.matters import LONGEST_NOTE, NEXT, Matter, MatterState, reason
from broker.domain.officers import Right
from broker.domain.stores import UnitOfWork
from broker.errors import Conflict, Fault, Invalid, NotFound, Words
from broker.services.officer_screens import MatterDetail, MatterRow, Outcome, QueuePage
from broker.services.officers import Officers

SHOWN = 50


class Queue(Officers):
    """The use cases around matters, of a privacy officer who signed in."""

    async def queue(self, token: str) -> QueuePage:
        """The open matters, oldest first, and those that were settled last. Looking changes nothing."""
        async with self._house.storage(writing=False) as work:
            own = (await self.acting(work, token, Right.REVIEW)).party
            names = await _names(work)
            waiting = [_row(matter, names) for matter in await work.matters.waiting(SHOWN, own)]
            settled = [_row(matter, names) for matter in await work.matters.settled(SHOWN, own)]
            return QueuePage(tuple(waiting), tuple(settled), await work.matters.count(own))

    async def matter(self, token: str, matter_id: str) -> MatterDetail:
        """One matter, open or settled. Raises NotFound."""
        async with self._house.storage(writing=False) as work:
            acting = await self.acting(work, token, Right.REVIEW)
            matter = await work.matters.get(matter_id)
            if matter is None or not acting.sees(matter.organisation):
                raise NotFound
            names = await _names(work)
        return MatterDetail(_row(matter, names), NEXT[matter.kind], matter.note, matter.settled_at, matter.settled_by)

    async def settle(self, token: str, matter_id: str, outcome: str, note: str) -> None:
        """Accept or confirm it. Raises Invalid with all that is wrong, NotFound, Conflict when it was settled before."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            officer = (await self.acting(work, token, Right.SETTLE)).officer  # 1
            state, note = _settlement(outcome, note)
            matter = await work.matters.get(matter_id, lock=True)
            if matter is None:
                raise NotFound
            if not await work.matters.settle(matter.id, state, note, officer, now):
                raise Conflict(_SETTLED, code="already-settled")
            personal = (
                Personal(officer, "officer", officer),
                Personal(matter.person, "subject", matter.person),
                Personal(matter.person, "matter", matter.id),
                Personal(matter.person, "outcome", state),
            )
            await work.log.append(LogEvent(EventType.MATTER_SETTLED, now, personal=personal))  # 2
            await work.commit()
        house.log.kick()


def _settlement(outcome: str, note: str) -> tuple[MatterState, str]:
    faults = []
    if outcome not in get_args(Outcome):
        faults.append(Fault("/outcome", _NO_OUTCOME))
    if not note.strip():
        faults.append(Fault("/note", _NO_NOTE))
    if len(note) > LONGEST_NOTE:
        faults.append(Fault("/note", _LONG_NOTE))
    if faults:
        raise Invalid(faults)
    return MatterState(outcome), note.strip()


async def _names(work: UnitOfWork) -> Mapping[str, str]:
    return {str(o.oin): o.name for o in await work.organisations.all()}


def _row(matter: Matter, names: Mapping[str, str]) -> MatterRow:
    return MatterRow(
        id=matter.id,
        kind=matter.kind.value,
        reason=reason(matter),
        person=matter.person,
        other=matter.other,
        organisation=names.get(matter.organisation, ""),
        since=matter.created_at,
        holds_back=matter.holds_back,
        state=matter.state.value,
    )


_NO_OUTCOME = Words("Kies een uitkomst.", "Choose an outcome.")
_NO_NOTE = Words("Schrijf kort op wat u te weten kwam.", "Write down in a few words what you found out.")
_LONG_NOTE = Words(f"Houd het bij {LONGEST_NOTE} tekens.", f"Keep it to {LONGEST_NOTE} characters.")
_SETTLED = Words("Dit is al afgehandeld. Er is niets veranderd.", "This was settled already. Nothing was changed.")
