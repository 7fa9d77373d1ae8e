"""The broker: everything put together, what it keeps going, and whether it is ready."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from broker.background import Bell, Part, between, end, kept_going
from broker.crypto.encoding import b64url
from broker.errors import BrokerError
from broker.notifications.courier import Courier
from broker.notifications.webhooks import WebhookCourier
from broker.services.access import Access
from broker.services.agreements import Agreements
from broker.services.alarms import Alarms
from broker.services.arrivals import Arrivals
from broker.services.boxes import Boxes
from broker.services.breach import Breach
from broker.services.checks import Checks
from broker.services.confirming import Confirming
from broker.services.directory import Directory
from broker.services.erasure import Erasure
from broker.services.exporting import Exports
from broker.services.following import Following
from broker.services.handovers import Handovers
from broker.services.hearing import Hearing
from broker.services.house import House
from broker.services.indicators import Indicators
from broker.services.invitations import Invitations
from broker.services.keys import KeyLife
from broker.services.lifelines import Lifelines
from broker.services.long_watches import LongWatches
from broker.services.motions import Motions
from broker.services.names import Names
from broker.services.officer_logins import OfficerLogins
from broker.services.oversight import Oversight
from broker.services.own_access import OwnAccess
from broker.services.partner_events import PartnerEvents
from broker.services.partners import Partners
from broker.services.pictures import Pictures
from broker.services.releases import Releases
from broker.services.reminders import Reminders
from broker.services.replay import Replay
from broker.services.reporting import Reporting
from broker.services.reviewing import Reviewing
from broker.services.ringing import Ringing
from broker.services.sampling import Sampling
from broker.services.sign_offs import SignOffs
from broker.services.tasks import Tasks
from broker.services.urgent import Urgent
from broker.services.urgent_screens import UrgentNow
from broker.services.viewing import Viewing
from broker.services.watchers import Watchers
from broker.services.webhooks import Webhooks
from broker.settings import Settings
from broker.storage.engine import Database
from broker.transparency.cosigning import Cosigning
from broker.transparency.ledger import Ledger

CLEANING = 600
"""Seconds between two rounds in which expired sessions and marks are forgotten."""
SOON = 2.5
"""Seconds that the question whether this broker is ready may take."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Everything put together."""

    settings: Settings
    database: Database
    house: House
    agreements: Agreements
    ledger: Ledger
    cosigning: Cosigning
    courier: Courier
    webhook_courier: WebhookCourier
    access: Access
    handovers: Handovers
    boxes: Boxes
    invitations: Invitations
    partner_events: PartnerEvents
    webhooks: Webhooks
    releases: Releases
    lifelines: Lifelines
    reactions: Hearing
    sign_offs: SignOffs
    consents: Confirming
    oversight: Oversight
    logins: OfficerLogins
    reporting: Reporting
    breach: Breach
    partners: Partners
    directory: Directory
    own_access: OwnAccess
    motions: Motions
    names: Names
    reminders: Reminders
    arrivals: Arrivals
    tasks: Tasks
    urgent: Urgent
    long_watches: LongWatches
    urgent_now: UrgentNow
    replay: Replay
    keys: KeyLife
    alarms: Alarms
    erasure: Erasure
    exports: Exports
    following: Following
    viewing: Viewing
    reviewing: Reviewing
    sampling: Sampling
    checks: Checks
    watchers: Watchers
    pictures: Pictures
    indicators: Indicators
    ringing: Ringing

    def public_keys(self) -> dict[str, Any]:
        """What a verifier must trust, for anybody to have: `broker audit keys` prints it."""
        receipts = {kid: b64url(key) for kid, key in self.ledger.trusted.receipts.items()}
        records = {kid: b64url(key) for kid, key in self.house.notary.public_keys().items()}
        return {"logs": list(self.ledger.verifier_keys()), "receipts": receipts, "records": records}

    async def trusted(self) -> dict[str, Any]:
        """The same with words for the partners and the terms that proofs name by their codes.

        A partner has one name; a term has its label in Dutch and in every other language that the agreement has it in.
        """
        words: dict[str, Any] = {str(partner.oin): {"nl": partner.name} for partner in await self.partners.all()}
        vocabulary = self.house.agreement().vocabulary
        for terms in (vocabulary.section_types, vocabulary.purposes, vocabulary.roles):
            for name, term in terms.items():
                words[name] = {"nl": term.label.nl, "en": term.label.en, **dict(term.label.more)}
        return {**self.public_keys(), "words": words}

    @contextlib.asynccontextmanager
    async def running(self, part: Part = "whole", bell: Bell | None = None) -> AsyncIterator[None]:
        """The agreement is put in force; what works in the background does so until the end; connections are closed.

        `part` is what this process does of it, and `bell` how the one that works in the background hears of the others.
        Raises Unsafe, before anything else, when the database is older than the log's guard.
        """
        tasks: list[asyncio.Task[None]] = []
        try:
            await self.ledger.heed()
            await self.agreements.begin()
            tasks += [asyncio.create_task(kept_going(work)) for work in self._works(part, bell)]
            yield
        finally:
            await end(tasks)
            await self.database.close()

    def _works(self, part: Part, bell: Bell | None) -> Iterator[Callable[[], Awaitable[None]]]:
        """What a process keeps going: of its own, and in one of them what is everybody's."""
        yield from (self.agreements.run, self.checks.run, self.ringing.run)
        if part != "answering":
            yield from (
                self.ledger.run,
                self.cosigning.run,
                self.courier.run,
                self.webhook_courier.run,
                self._clean,
                self.reminders.run,
                self.arrivals.run,
                self.tasks.run,
                self.urgent.run,
                self.long_watches.run,
                self.erasure.run,
                self.following.run,
                self.sampling.run,
                self.motions.run,
            )
        if bell is not None:
            yield from between(bell, part, self.ledger, self.courier, self.webhook_courier)

    async def _clean(self) -> None:
        while True:
            with contextlib.suppress(BrokerError):
                async with self.house.storage() as work:
                    await work.guards.clean(self.house.clock())
                    await work.commit()
                await self.webhook_courier.forget()
            await asyncio.sleep(CLEANING)

    async def ready(self) -> bool:
        """Whether the database answers, holds the log's tree, is not older than the log's guard, and names an agreement.

        One that this broker can decide with: see `Agreements.within`. False after SOON seconds without an answer.
        """
        looking = asyncio.create_task(self._look())
        self.database.unfinished.add(looking)
        looking.add_done_callback(self.database.unfinished.discard)
        await asyncio.wait({looking}, timeout=SOON)  # not cancelled: ending a statement would take longer than it may
        return looking.done() and looking.result()

    async def _look(self) -> bool:
        try:
            async with self.house.storage(writing=False) as work:
                await work.tree.state()
                await self.agreements.within(work)
        except BrokerError:
            return False
        return True
