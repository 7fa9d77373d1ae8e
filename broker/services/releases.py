"""Release: ask, decide, log, commit, and only then hand over.

1. The clock is read once.
2. Facts are read under shared locks on the handover and on the consents of everybody concerned; a correction or a
   withdrawal that committed first is seen.
3. Consent and agreement decide per section (`broker.domain.releases`). The agreement is the one that is in force in
   this unit of work: one and the same from here to the end, and the log entry names its digest.
4. What is permitted is sealed to the recipient's key, unopened; or opened, for who has none. What the family wrote
   about it goes with it.
5. The disclosure or refusal is logged, and the release tied to its entry, in the same unit of work.
6. In it too: a message to whoever said the yes that it rests on. No message kept, no release.
7. Commit. Without it nothing is returned: no log, no release.

Releases that come at the same time share a transaction (`Storage.releasing`): each is decided by itself all the same.
"""

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from broker.domain.arrivals import Came
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Handover
from broker.domain.parties import Organisation, Professional
from broker.domain.releases import ReleaseRequest
from broker.domain.retries import Attempt
from broker.domain.stores import Asking, PartnerEventType, Unforeseen, UnitOfWork
from broker.errors import BrokerError, NotFound, Words
from broker.services.house import House
from broker.services.partner_events import tell_sender
from broker.services.rates import check_asked, counter_of
from broker.services.releasing import Released, Withheld, in_known_words, made, weighed

Admission = Callable[[Organisation | None], None]
"""Whether an organisation may ask, by how it stands; None for one that is not there. Raises NotAuthenticated."""


def _anybody(_organisation: Organisation | None) -> None:
    """Somebody who was let in before."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a professional gets. The receipt's leaf commits to exactly this decision."""

    id: str
    released: tuple[Released, ...]
    withheld: tuple[Withheld, ...]
    policy_digest: str
    receipt: Mapping[str, Any] = field(repr=False)


class ReleaseDenied(BrokerError):
    """Nothing was released; the refusal is in the log."""

    code = "release-denied"
    words = Words(
        "Er is niets vrijgegeven. Hieronder staat waarom, en wat u kunt doen.",
        "Nothing was released. Below is why, and what you can do.",
    )

    def __init__(self, withheld: Sequence[Withheld]) -> None:
        self.withheld = tuple(withheld)
        super().__init__()


class Releases:
    """The use cases of a professional."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def ask(
        self, request: ReleaseRequest, attempt: Attempt | None = None, wait: float = 0.0, admit: Admission = _anybody
    ) -> Release:
        """Release what consent and agreement allow, now: an attempt that was made before is decided and logged anew.

        `admit` is asked first, in the same unit of work, with the asking organisation as it stands there: what it raises
        is raised, and nothing is kept.

        Raises NotFound when the handover is not there or not addressed to this role, ReleaseDenied when nothing may
        leave, RateLimited, and Unavailable or Tampered when something does not work: then nothing leaves either.
        """
        now = self._house.clock()  # 1
        if attempt is None:
            who, window = request.professional, self._house.rate_one.seconds
            counter = counter_of(who.organisation, "handover", request.handover)
            asking = Asking(request.handover, who.organisation, who.id, counter, window, now)
            with contextlib.suppress(Unforeseen):
                return await self._ask(self._house.storage.releasing(asking), request, now, admit, wait=wait)
        return await self._ask(self._house.storage(), request, now, admit, attempt, wait)

    async def _ask(
        self,
        unit: UnitOfWork,
        request: ReleaseRequest,
        now: datetime,
        admit: Admission,
        attempt: Attempt | None = None,
        wait: float = 0.0,
    ) -> Release:
        house, who = self._house, request.professional
        async with unit as work:
            admit(await work.organisations.get(who.organisation))
            await check_asked(work, house, who.organisation, now, "handover", request.handover)
            if attempt:
                await work.retries.begin(attempt, now)
            handover = await work.handovers.get(request.handover, lock="shared")  # 2
            agreement = await house.agreements.within(work)  # 3
            if handover is None or not handover.meant_for(who):
                await self._refuse_stranger(work, in_known_words(request, agreement), handover, now)
                raise NotFound
            wanted = await weighed(work, handover, request, agreement, now)  # 2, 3
            release = await made(work, house, wanted)  # 4, 5, 6
            await work.commit()  # 7
        if not release.released:
            house.log.kick()
            raise ReleaseDenied(release.withheld)
        house.outbox_kick()
        receipt = await house.log.receipt(release.appended, frozenset({who.id}), wait=wait, seen=release.seen)
        return Release(release.id, release.released, release.withheld, agreement.digest, receipt)

    async def _refuse_stranger(
        self, work: UnitOfWork, request: ReleaseRequest, handover: Handover | None, now: datetime
    ) -> None:
        """Log that somebody asked for what is not there or not theirs; both look alike from outside."""
        who = request.professional
        reason = "unknown-handover" if handover is None else "not-a-recipient"
        personal = [Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role)]
        if handover is not None:
            personal.append(Personal(handover.subject, "subject", handover.subject))
            personal.append(Personal(handover.subject, "handover", handover.id))
        event = LogEvent(
            EventType.RELEASE_DENIED,
            now,
            who.organisation,
            handover.pushed_by if handover else None,
            {"outcome": "denied", "reason": reason, "purpose": request.purpose, **who.vouched},
            tuple(personal),
        )
        await work.log.append(event)
        await work.commit()
        self._house.log.kick()

    async def acknowledge(
        self, who: Professional, release: str, attempt: Attempt | None = None, *, taken_over: bool = True
    ) -> None:
        """Read, or read and taken over; a second time changes nothing. Raises NotFound for anybody else's release."""
        now = self._house.clock()
        async with self._house.storage() as work:
            if attempt:
                await work.retries.begin(attempt, now)
            when = await work.releases.acknowledge(release, who.id, now, taken_over=taken_over)
            if when is None:
                raise NotFound
            if when == "before":
                if attempt:
                    await work.commit()
                return
            personal = (Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role))
            event = LogEvent(
                EventType.RELEASE_ACKNOWLEDGED,
                now,
                who.organisation,
                facts={"release": release, "state": Came.TAKEN_OVER if taken_over else Came.READ, **who.vouched},
                personal=personal,
            )
            await work.log.append(event)
            await self._tell_taken_over(work, release, now)
            await work.commit()
        self._house.log.kick()

    async def _tell_taken_over(self, work: UnitOfWork, release: str, now: datetime) -> None:
        """The sender hears that a recipient read it or took over; which recipient it sees when it looks, and never who."""
        status = await work.partner_events.status(release)
        handover = await work.handovers.get(status.handover) if status else None
        if handover is not None:
            await tell_sender(work, self._house, handover, PartnerEventType.ACKNOWLEDGED, now)
