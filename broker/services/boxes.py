"""Looking at handovers: what an organisation sent, what is open to it, and what is open about one person.

What is closed to a recipient is not there for it: in no list, no cursor, and in no page length, but for one: a page that
ends early says that much was answered, and is closed. A page's work has a bound.
"""

from datetime import datetime
from typing import NamedTuple

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover
from broker.domain.parties import Oin, Professional, Recipient
from broker.domain.stores import UnitOfWork
from broker.errors import NotFound
from broker.services.cursors import Place
from broker.services.handovers import own
from broker.services.house import House
from broker.services.rates import check_asked
from broker.services.views import HandoverView, seen_by_recipient, seen_by_sender

LOOKED_AT = 100
"""Handovers that one page of `received` looks into, at most."""


class Page(NamedTuple):
    """Handovers, and the cursor of the page after it; empty when there is none."""

    views: tuple[HandoverView, ...]
    next: str


class Boxes:
    """The lists of a sender and of a recipient."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def sent_one(self, sender: Oin, handover_id: str) -> HandoverView:
        """One of the sender's own. Raises NotFound for anybody else's."""
        async with self._house.storage(writing=False) as work:
            handover = await own(work, sender, handover_id)
            return await seen_by_sender(work, self._house, handover, self._house.clock())

    async def received_one(self, oin: Oin, who: Professional | None, handover_id: str) -> HandoverView:
        """What is open of a handover to this organisation (to one professional). Raises NotFound when nothing is."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            handover = await work.handovers.get(handover_id)
            view = await self._seen(work, handover, _mine(handover, oin, who), who, now) if handover else None
        if view is None:
            raise NotFound
        return view

    async def sent(self, sender: Oin, cursor: str, limit: int) -> Page:
        """A page of what this organisation pushed, newest first. Raises Invalid for a cursor of another list."""
        now, place = self._house.clock(), Place(self._house.fields, "sent", sender, "")
        before = place.read(cursor)
        async with self._house.storage(writing=False) as work:
            found = await work.lists.sent(sender, before, limit + 1)
            views = [await seen_by_sender(work, self._house, handover, now) for handover in found[:limit]]
        return Page(tuple(views), place.written(found[limit - 1].id) if len(found) > limit else "")

    async def received(
        self, oin: Oin, who: Professional | None, cursor: str, limit: int, *, uncollected: bool = False
    ) -> Page:
        """A page of what at least one consent opens to this organisation (to one professional), newest first.

        What is closed is passed over, and no cursor can be read. What nobody ever answered costs nothing; of what
        somebody did, at most `LOOKED_AT` are looked into for one page, which is then a short one. With `uncollected` only
        what nobody in the role asked for since it was written or corrected. Raises Invalid for a cursor of another list.
        """
        role = who.role if who else None
        box = "unread" if uncollected else "received"
        now, place = self._house.clock(), Place(self._house.fields, box, oin, role or "")
        before, looked = place.read(cursor), 0
        recipient = Recipient(oin, role) if role is not None else None
        views: list[HandoverView] = []
        async with self._house.storage(writing=False) as work:
            more = True
            while more and len(views) <= limit and looked < LOOKED_AT:
                wanted = min(limit + 1, LOOKED_AT - looked)
                found = await work.lists.addressed(recipient, oin, before, wanted + 1, uncollected=uncollected)
                more, found = len(found) > wanted, found[:wanted]
                looked += len(found)
                for handover in found:
                    mine = _mine(handover, oin, who)
                    if uncollected:
                        collected = await work.arrivals.collected(handover)
                        mine = tuple(one for one in mine if one not in collected)
                    if view := await self._seen(work, handover, mine, who, now):
                        views.append(view)
                before = found[-1].id if found else before
        page = tuple(views[:limit])
        if len(views) > limit:
            return Page(page, place.written(page[-1].handover.id))
        return Page(page, place.written(before) if more else "")

    async def search(self, who: Professional, system: str, value: str) -> tuple[HandoverView, ...]:
        """What is open to this professional about the person with that identifier. The search itself is logged.

        Raises RateLimited, alike for who is known and who is not.
        """
        now = self._house.clock()
        async with self._house.storage() as work:
            await check_asked(work, self._house, who.organisation, now, "person", system, value)
            subject = await work.persons.by_identifier(system, value)
            found = await work.lists.about(subject, who.organisation, who.role) if subject else ()
            views = [
                view
                for handover in found
                if (view := await self._seen(work, handover, _mine(handover, who.organisation, who), who, now))
            ]
            personal = [Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role)]
            if subject is not None:
                personal.append(Personal(subject, "subject", subject))
            event = LogEvent(
                EventType.SUBJECT_SEARCHED, now, who.organisation, facts=who.vouched, personal=tuple(personal)
            )
            await work.log.append(event)
            await work.commit()
        self._house.log.kick()
        return tuple(views)

    async def _seen(
        self, work: UnitOfWork, handover: Handover, mine: tuple[Recipient, ...], who: Professional | None, now: datetime
    ) -> HandoverView | None:
        return await seen_by_recipient(work, self._house, handover, mine, now, named=who is not None)


def _mine(handover: Handover, oin: Oin, who: Professional | None) -> tuple[Recipient, ...]:
    """Of a meeting, only for who is named at the table; the organisation itself sees that there is one."""
    if who is not None and not handover.meant_for(who):
        return ()
    return tuple(r for r in handover.recipients if r.organisation == oin and (who is None or r.role == who.role))
