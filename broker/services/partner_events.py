"""Telling organisations: what they received was corrected, withdrawn or erased, or may be used no longer.

- Ids, section types and times only: never content, never a person, never who said what.
- Told in the unit of work of what happened; each organisation sees its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.domain.consents import ConsentRecord, Stance
from broker.domain.erasure import Contents
from broker.domain.handovers import Handover
from broker.domain.parties import Oin, Professional
from broker.domain.signers import required_signers
from broker.domain.stores import PartnerEvent, PartnerEventType, ReleaseStatus, UnitOfWork
from broker.errors import Fault, Invalid, NotFound, Words
from broker.services.house import House

PAGE = 100


async def tell_readers(
    work: UnitOfWork, house: House, handover: Handover | Contents, kind: PartnerEventType, now: datetime
) -> None:
    """Tell every organisation that received something of a handover; one event for each release."""
    for release in await work.partner_events.readers(handover.id):
        event = PartnerEvent(
            house.ids(), release.organisation, kind, handover.id, release.id, handover.version, (), now
        )
        await work.partner_events.add(event)


async def tell_to_stop(work: UnitOfWork, house: House, records: Iterable[ConsentRecord], now: datetime) -> None:
    """Tell whoever received what somebody now says no to, when that no counts, and once for each section type."""
    for record in records:
        if record.state is Stance.GIVEN:
            continue
        people, authorities = await work.authorities.facts({record.scope.person})
        required = required_signers(people[record.scope.person], authorities, house.agreement().signers, now)
        if record.signer not in required.signers:
            continue
        for release, version, types in await work.partner_events.received(record.scope):
            event = PartnerEvent(
                house.ids(),
                release.organisation,
                PartnerEventType.STOP_USING,
                release.handover,
                release.id,
                version,
                types,
                now,
            )
            await work.partner_events.add(event)


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events, oldest first; `next` is where the following page begins, empty when there is none yet."""

    items: Sequence[PartnerEvent]
    next: str


class PartnerEvents:
    """What an organisation is told."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def after(self, oin: Oin, event: str) -> EventPage:
        """What came after that event (from the first one on when empty). Raises Invalid for one that they were not told."""
        async with self._house.storage(writing=False) as work:
            found = await work.partner_events.after(oin, event, PAGE + 1)
        if found is None:
            raise Invalid([Fault("/after", _NOT_TOLD)])
        return EventPage(found[:PAGE], found[PAGE - 1].id if len(found) > PAGE else "")

    async def release(self, oin: Oin, who: Professional | None, release: str) -> ReleaseStatus:
        """Whether what was received may still be used as it was. Raises NotFound for what another role received."""
        async with self._house.storage(writing=False) as work:
            status = await work.partner_events.status(release)
        if status is None or status.organisation != oin or (who is not None and who.role != status.role):
            raise NotFound
        return status


_NOT_TOLD = Words(
    "Deze gebeurtenis is niet aan u verteld. Geef de id van de laatste die u zag, of laat `after` weg.",
    "You were not told this event. Give the id of the last one that you saw, or leave out `after`.",
)
