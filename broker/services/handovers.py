"""What an organisation does with its own handovers: push (or only try to), correct, withdraw.

- No method here can make a consent.
- A correction is a new version; the text of the old one is destroyed, and everybody who received it is told.
- What is being released is waited for: a handover changes before or after a release, never in between.
"""

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Protocol

from broker.domain.arrivals import REMIND_AFTER
from broker.domain.basis import digest_of
from broker.domain.calendar import local_day
from broker.domain.draft_faults import faults_of
from broker.domain.drafts import Draft, consent_until
from broker.domain.erasure import Cause
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import ENDED, Handover, HandoverState
from broker.domain.parties import Oin, PersonId
from broker.domain.retries import Attempt
from broker.domain.stores import PartnerEventType, Pushed, Statements, UnitOfWork
from broker.domain.urgency import begun
from broker.errors import Conflict, Fault, Invalid, NotFound, Words
from broker.services.dry_runs import DryRun, dry_run
from broker.services.erasure import erase_contents
from broker.services.house import House
from broker.services.intake import meeting_of, recognise, sealed_handover, tasks_of
from broker.services.partner_events import tell_readers
from broker.services.views import Expected, HandoverView, check_unchanged, seen_by_sender


class AsksAtOnce(Protocol):
    """See `broker.services.urgent.Urgent`."""

    async def ask(self, work: UnitOfWork, handover: Handover, now: datetime) -> None:
        """Ask everybody who must say yes to an urgent handover and was not asked, in this unit of work."""


class Handovers:
    """The use cases of a sender."""

    def __init__(self, house: House, urgent: AsksAtOnce) -> None:
        self._house = house
        self._urgent = urgent

    async def faults(self, body: Any, sender: Oin) -> tuple[Fault, ...]:
        """Everything in a body of this sender that does not fit the agreement, the partners or itself."""
        async with self._house.storage(writing=False) as work:
            known = {str(o.oin): o.kind for o in await work.organisations.all() if not o.suspended}
        return tuple(faults_of(body, self._house.agreement().vocabulary, known, self.today(), sender))

    def consent_until(self, stated: str | None, kind: str, meeting: date | None = None) -> date | None:
        """The last day of consent, for a body without faults: as stated, or as goes with a meeting or this kind."""
        return consent_until(stated, kind, self._house.agreement().vocabulary, self.today(), meeting)

    def today(self) -> date:
        """The day that periods in a body count from."""
        return local_day(self._house.clock())

    async def push(self, sender: Oin, draft: Draft, attempt: Attempt | None = None) -> HandoverView:
        """Keep a handover. A body that was kept under this reference answers as the first time; another is a Conflict.

        Raises what `RetryStore.begin` raises when the attempt's key is not for this.
        """
        house, now = self._house, self._house.clock()
        fingerprint = self._fingerprint(sender, draft)
        async with house.storage() as work:
            if attempt:
                await work.retries.begin(attempt, now)  # done before: it is there by its reference
            before = await work.handovers.by_reference(sender, draft.reference)
            if before is not None:
                if fingerprint not in await work.handovers.fingerprints(before):
                    raise Conflict(_OTHER_BODY, code="reference-in-use")
                view = await seen_by_sender(work, house, await own(work, sender, before), now)
                if attempt:
                    await work.retries.tie(attempt, before)
                    await work.commit()
                return view
            keys, stated = await recognise(work, house, sender, draft, now)
            meeting = await meeting_of(work, house, draft)
            urgency = begun(draft.urgent_hours, now) if draft.urgent_hours else None
            handover, sealed = await sealed_handover(house, sender, draft, keys, meeting, urgency=urgency)
            await work.handovers.add(Pushed(handover, draft.reference, fingerprint, keys, sealed), now)
            await work.tasks.state(handover.id, tasks_of(handover, draft, keys), now)
            await work.log.append(about(EventType.HANDOVER_PUSHED, handover, now, _facts(handover, stated)))
            if handover.urgency:
                await work.urgency.begin(handover.id, handover.urgency.near)
                await self._urgent.ask(work, handover, now)
            view = await seen_by_sender(work, house, handover, now)
            if attempt:
                await work.retries.tie(attempt, handover.id)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return view

    async def dry_run(self, sender: Oin, draft: Draft) -> DryRun:
        """What a push of this would come to; nothing is kept. Raises Conflict and Invalid as a push would."""
        async with self._house.storage(writing=False) as work:
            before = await work.handovers.by_reference(sender, draft.reference)
            if before is not None and self._fingerprint(sender, draft) not in await work.handovers.fingerprints(before):
                raise Conflict(_OTHER_BODY, code="reference-in-use")
            return await dry_run(work, self._house, sender, draft, self._house.clock())

    def _fingerprint(self, sender: Oin, draft: Draft) -> str:
        return self._house.tags.tag("body", sender, draft.canonical)

    async def correct(
        self,
        sender: Oin,
        handover_id: str,
        draft: Draft,
        attempt: Attempt | None = None,
        expected: Expected | None = None,
    ) -> HandoverView:
        """Put a new version in the place of the one in force. The same body again answers as the first time.

        So does the same attempt, also when another version is in force since: it is not put back. Raises NotFound for
        anybody else's, Conflict for one that ended, ChangedSince for another one than was `expected`, and Invalid when
        it is about another subject, purpose or kind: consent was asked for those, so that is another handover.
        """
        house, now = self._house, self._house.clock()
        fingerprint = self._fingerprint(sender, draft)
        async with house.storage() as work:
            earlier = await work.retries.begin(attempt, now) if attempt else None
            before = await own(work, sender, handover_id, lock=True)
            if earlier:
                return await seen_by_sender(work, house, before, now)
            if before.state is HandoverState.WITHDRAWN:
                raise Conflict(_WITHDRAWN, code="handover-withdrawn")
            if before.state in ENDED:
                raise Conflict(_ERASED, code="handover-erased")
            if fingerprint == (await work.handovers.fingerprints(before.id))[-1]:
                view = await seen_by_sender(work, house, before, now)
                if attempt:
                    await work.retries.tie(attempt, before.id)
                    await work.commit()
                return view
            await check_unchanged(work, house, before, expected, now)
            keys, stated = await recognise(work, house, sender, draft, now)
            meeting = await meeting_of(work, house, draft)
            handover, sealed = await sealed_handover(house, sender, draft, keys, meeting, corrects=before)
            referred_to = await work.handovers.by_reference(sender, draft.reference)
            if faults := _not_a_correction(before, handover, referred_to, draft.urgent_hours):
                raise Invalid(faults)
            await work.handovers.replace(Pushed(handover, draft.reference, fingerprint, keys, sealed), now)
            await work.tasks.state(handover.id, tasks_of(handover, draft, keys), now)
            event = about(
                EventType.HANDOVER_CORRECTED,
                handover,
                now,
                Personal(handover.subject, "version", str(handover.version)),
                _facts(handover, stated),
            )
            await work.log.append(event)
            await tell_readers(work, house, handover, PartnerEventType.CORRECTED, now)
            await work.arrivals.look_again(handover.id, now + REMIND_AFTER)
            if handover.urgency:
                await self._urgent.ask(work, handover, now)
            view = await seen_by_sender(work, house, handover, now)
            if attempt:
                await work.retries.tie(attempt, handover.id)
            await work.commit()
        await house.storage.scrub()
        house.log.kick()
        house.outbox_kick()
        return view

    async def withdraw(self, sender: Oin, handover_id: str, expected: Expected | None = None) -> None:
        """End a handover: its contents are erased, and who read it is told. Raises NotFound and ChangedSince."""
        now = self._house.clock()
        async with self._house.storage() as work:
            contents = await work.erasure.contents(handover_id)
            handover = await own(work, sender, handover_id)
            if handover.state in ENDED or contents is None:
                return
            await check_unchanged(work, self._house, handover, expected, now)
            await work.log.append(about(EventType.HANDOVER_WITHDRAWN, handover, now))
            await erase_contents(work, self._house, contents, Cause.WITHDRAWN, now)
            await work.commit()
        self._house.log.kick()
        await self._house.storage.scrub()


def _facts(handover: Handover, stated: Mapping[PersonId, Statements]) -> Personal:
    """What is known from now on, by its digests: an older copy of it, put back later, does not fit the log."""
    return Personal(handover.subject, "facts", json.dumps(digest_of(stated), sort_keys=True))


def _not_a_correction(before: Handover, after: Handover, referred_to: str | None, hours: int | None) -> list[Fault]:
    same = {
        "urgency": hours == (before.urgency.hours if before.urgency else None),
        "reference": referred_to == before.id,
        "subject": after.subject == before.subject,
        "purpose": after.purpose == before.purpose,
        "kind": after.kind == before.kind,
    }
    return [Fault(f"/{name}", _STAYS) for name, kept in same.items() if not kept] + _another_table(before, after)


def _another_table(before: Handover, after: Handover) -> list[Fault]:
    """The family was asked about one meeting: on that day, with these people or fewer."""
    if before.meeting is None or after.meeting is None:
        return [] if before.meeting is after.meeting else [Fault("/meeting", _STAYS)]
    return [] if after.meeting.within(before.meeting) else [Fault("/meeting", _ONLY_FEWER)]


async def own(work: UnitOfWork, sender: Oin, handover_id: str, *, lock: bool = False) -> Handover:
    """A handover of this sender; with `lock`, it changes for nobody else until the commit.

    Raises NotFound for anybody else's, and for what a family wrote that came in through this sender.
    """
    handover = await work.handovers.get(handover_id, lock="exclusive" if lock else "")
    if handover is None or handover.pushed_by != sender:
        raise NotFound
    return handover


def about(event: EventType, handover: Handover, now: datetime, *more: Personal) -> LogEvent:
    """A log event about a handover: its subject and id, and whatever else there is to say, as personal values."""
    personal = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        *more,
    )
    return LogEvent(
        event,
        now,
        handover.pushed_by,
        facts={"purpose": handover.purpose, "handoverKind": handover.kind},
        personal=personal,
    )


_OTHER_BODY = Words(
    "Onder deze referentie staat al een andere overdracht. Gebruik een nieuwe referentie, of stuur een correctie.",
    "Another handover was pushed under this reference. Use a new reference, or send a correction.",
)
_WITHDRAWN = Words(
    "Deze overdracht is ingetrokken. Stuur een nieuwe.",
    "This handover was withdrawn. Push a new one.",
)
_ERASED = Words(
    "Deze overdracht is gewist. Stuur een nieuwe.",
    "This handover was erased. Push a new one.",
)
_ONLY_FEWER = Words(
    "Een overleg houdt zijn dag, en er komt niemand bij: daar zei het gezin niets over. Maak een nieuwe overdracht.",
    "A meeting keeps its day, and nobody joins: the family said nothing about that. Push a new handover.",
)
_STAYS = Words(
    "Dit blijft in een correctie hetzelfde. Is het anders? Stuur dan een nieuwe overdracht.",
    "This stays the same in a correction. Is it another? Then push a new handover.",
)
