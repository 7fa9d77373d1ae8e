"""Telling organisations what became of what they received, and of what they sent.

- Ids, section types and times only: never content, never a person, never who said what.
- Told in the unit of work of what happened; each organisation sees its own.
- A sender is told that what is open changed, only when it did, and not what: it looks (`GET /v1/handovers/{id}`). An
  answer after which the same is open is not told, so that nobody hears of a change of mind that had no effect.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from broker.domain.arrivals import REMIND_AFTER, arrival
from broker.domain.calendar import local_day
from broker.domain.consents import ConsentRecord, Stance
from broker.domain.decisions import Told
from broker.domain.erasure import Contents
from broker.domain.events import EventType, Fact, LogEvent, Personal
from broker.domain.handovers import Handover, HandoverId, SectionId
from broker.domain.parties import Oin, Professional
from broker.domain.signers import required_signers
from broker.domain.stores import PartnerEvent, PartnerEventType, ReleaseStatus, UnitOfWork
from broker.domain.urgency import Step, waiting_for
from broker.errors import Fault, Invalid, NotFound, PolicyFailed, Tampered, Words
from broker.services.facts import decisions_on, open_sections
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


async def tell_sender(
    work: UnitOfWork, house: House, handover: Handover, kind: PartnerEventType, now: datetime
) -> None:
    """Tell the sender of a handover; not by whom. Of what a family wrote itself nobody hears as its sender."""
    if handover.pushed_by is None:
        return
    event = PartnerEvent(house.ids(), handover.pushed_by, kind, handover.id, None, handover.version, (), now)
    await work.partner_events.add(event)


async def ask_to_acknowledge(work: UnitOfWork, house: House, handover: Handover, now: datetime) -> None:
    """Ask every organisation to which something of an urgent handover is open, and which did not acknowledge it, to do so.

    What cannot be worked out is open to nobody.
    """
    try:
        opened = await open_sections(work, handover, handover.recipients, house.agreement(), now)
    except (Tampered, PolicyFailed):
        return
    collected = await work.arrivals.collected(handover)
    waiting = waiting_for(arrival(one, collected, is_open=bool(opened[one])) for one in handover.recipients)
    for organisation in sorted({one.recipient.organisation for one in waiting}):
        kind = PartnerEventType.ACKNOWLEDGE
        event = PartnerEvent(house.ids(), organisation, kind, handover.id, None, handover.version, (), now)
        await work.partner_events.add(event)


@dataclass(frozen=True, slots=True)
class Openness:
    """Which sections of a handover are open to anybody, and whether nobody's yes is missing to open more of it.

    `sections` is None where that cannot be worked out.
    """

    handover: Handover
    sections: frozenset[SectionId] | None
    complete: bool = False


Opened = Mapping[HandoverId, Openness]


async def opened_now(work: UnitOfWork, house: House, records: Iterable[ConsentRecord], now: datetime) -> Opened:
    """What is open of all that these records speak of.

    Whoever answers about the same handover waits from here until the commit: of two answers that only together open a
    section, the one that comes last sees both.
    """
    touched: set[HandoverId] = set()
    for scope in {
        (r.scope.sender, r.scope.purpose, r.scope.person, r.scope.section_types): r.scope for r in records
    }.values():
        touched.update(await work.partner_events.spoken_of(scope))
    for handover in sorted(touched):
        await work.guards.count(f"consent-changes:{handover}", _LOCK_WINDOW, now)
    return await _looked(work, house, touched, now)


async def tell_what_opened(work: UnitOfWork, house: House, before: Opened, now: datetime) -> None:
    """Tell the sender of each of these handovers of which something else is open than before."""
    for found in (await _looked(work, house, before, now)).values():
        handover, opened = found.handover, found.sections
        if opened is None or opened != before[handover.id].sections:
            await tell_sender(work, house, handover, PartnerEventType.CONSENT_CHANGED, now)
            if opened:
                await work.arrivals.look_again(handover.id, now + REMIND_AFTER)
                if handover.urgency:
                    await ask_to_acknowledge(work, house, handover, now)
        if found.complete and not before[handover.id].complete:
            await log_complete(work, handover, now)


async def _looked(work: UnitOfWork, house: House, wanted: Iterable[HandoverId], now: datetime) -> Opened:
    found: dict[HandoverId, Openness] = {}
    for identity in sorted(wanted):
        handover = await work.handovers.get(identity)
        if handover is not None:
            found[identity] = await _openness(work, house, handover, now)
    return found


async def _openness(work: UnitOfWork, house: House, handover: Handover, now: datetime) -> Openness:
    """None is open when it cannot be worked out: nobody's answer waits for what is wrong with somebody else's."""
    try:
        found = await decisions_on(work, handover, handover.recipients, house.agreement(), now)
    except (Tampered, PolicyFailed):
        return Openness(handover, None)
    every = [one for decision in found.values() for one in decision.sections]
    opened = frozenset(one.section.id for one in every if one.permitted)
    return Openness(handover, opened, bool(opened) and all(one.told is not Told.NO_CONSENT for one in every))


async def log_complete(work: UnitOfWork, handover: Handover, now: datetime) -> None:
    """Log that everybody has said yes, the first time that it is so; the caller commits.

    In clear: after how many days since somebody was asked, and whether an urgent one was in time; nothing of who said what.
    Not of what a family wrote itself: nobody asked them anything.
    """
    if handover.pushed_by is None or not await work.indicators.complete(handover.id, now):
        return
    asked = await work.invitations.first_asked(handover.id)
    facts: dict[str, Fact] = {"purpose": handover.purpose, "handoverKind": handover.kind}
    if asked is not None:
        facts["days"] = max((local_day(now) - local_day(asked)).days, 0)
    if handover.urgency:
        if now <= handover.urgency.until:
            facts["urgent"] = "in-time"
        elif await work.urgency.step(handover.id) is not Step.PASSED:  # or that it came too late was logged by then
            facts["urgent"] = "late"
    personal = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
    )
    await work.log.append(LogEvent(EventType.CONSENT_COMPLETE, now, handover.sender, facts=facts, personal=personal))


_LOCK_WINDOW = 3600
"""Seconds that the row is kept on which answers about one handover wait for each other."""


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
