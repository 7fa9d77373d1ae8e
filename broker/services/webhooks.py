"""Where an organisation wants its events sent: its own choice, proven before anything is sent there.

1. The address has the form of one that can be called from here (`House.outside`); no query: a secret would stand in it.
2. A signed event that tells nothing is sent to it, with a challenge. Who answers there says 2xx and gives the challenge
   back in the header `Webhook-Challenge`: a page that merely says yes to everything does not.
3. Only then it is kept, in the place of the one that was there. What fails changes nothing.

What the operator sees and does is here too: what waits, what was given up, and sending it again.
"""

import hmac
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from broker.domain.cloud_events import check_event, signed
from broker.domain.parties import Oin
from broker.domain.ports import Clock, WebhookSignatures
from broker.domain.stores import DeadLetter, Queue, Webhook
from broker.domain.webhooks import WebhookState
from broker.errors import Fault, Invalid, NotFound, Unavailable, Words
from broker.services.house import House, guarded

CHECKS, WINDOW = 20, 3600
"""How many addresses an organisation may have checked, in how many seconds."""
LARGEST_ANSWER = 16_384
PAGE = 500


@dataclass(frozen=True, slots=True)
class WebhookView:
    """An organisation's webhook, and what waits for it."""

    webhook: Webhook = field(repr=False)
    queue: Queue


class Webhooks:
    """The use cases around webhooks."""

    def __init__(
        self, house: House, signatures: WebhookSignatures, machine: Clock, kick: Callable[[], None] = lambda: None
    ) -> None:
        self._house = house
        self._signatures = signatures
        self._machine = machine
        self._kick = kick

    def public_keys(self) -> tuple[dict[str, str], ...]:
        """What deliveries are verified with, newest first."""
        return tuple(dict(key) for key in self._signatures.public_keys())

    # an organisation

    async def put(self, oin: Oin, url: str) -> WebhookView:
        """Check an address and keep it. Raises Invalid for one that cannot be called or does not give the challenge back."""
        if fault := self._fault(url):  # 1
            raise Invalid([fault])
        await guarded(self._house, f"webhook-check:{oin}", CHECKS, WINDOW)
        if fault := await self.check(oin, url):  # 2
            raise Invalid([fault])
        webhook = Webhook(self._house.ids(), oin, url, WebhookState.ACTIVE, self._house.clock())
        async with self._house.storage() as work:  # 3
            await work.webhooks.put(webhook, url)
            await work.commit()
        self._kick()
        return await self.get(oin)

    async def get(self, oin: Oin) -> WebhookView:
        """An organisation's own. Raises NotFound when there is none."""
        async with self._house.storage(writing=False) as work:
            webhook = await work.webhooks.get(oin)
            counts = await work.deliveries.counts(oin)
        if webhook is None:
            raise NotFound
        return WebhookView(webhook, counts.get(oin, _NOTHING))

    async def remove(self, oin: Oin) -> None:
        """Send nothing any more, and forget what waits: `GET /v1/events` still has it. A second time changes nothing."""
        async with self._house.storage() as work:
            await work.webhooks.remove(oin)
            await work.commit()

    def _fault(self, url: str) -> Fault | None:
        return None if self._house.outside.accepts(url) and "?" not in url else Fault("/url", _NO_ADDRESS)

    async def check(self, oin: Oin, url: str) -> Fault | None:
        """Send an address a challenge; what is wrong with its answer. Raises Unavailable without a key to sign with."""
        challenge, now = secrets.token_urlsafe(24), self._machine()
        document = check_event(self._house.ids(), self._house.public_url, oin, now, challenge)
        request = signed(url, document, self._signatures, now)
        try:
            answered = await self._house.outside(request, LARGEST_ANSWER)
        except Unavailable:
            return Fault("/url", _NO_ANSWER)
        if not 200 <= answered.status < 300:
            return Fault("/url", _refused(answered.status))
        given = answered.headers.get("webhook-challenge", "")
        good = hmac.compare_digest(given.encode("utf-8", "replace"), challenge.encode())
        return None if good else Fault("/url", _NO_CHALLENGE)

    # the operator

    async def all(self) -> Sequence[WebhookView]:
        """Every webhook, and what waits for it."""
        async with self._house.storage(writing=False) as work:
            counts = await work.deliveries.counts()
            return [WebhookView(one, counts.get(one.organisation, _NOTHING)) for one in await work.webhooks.all()]

    async def failed(self, oin: Oin | None = None, after: str = "", limit: int = PAGE) -> Sequence[DeadLetter]:
        """What was given up, after an event's id."""
        async with self._house.storage(writing=False) as work:
            return await work.deliveries.dead(oin, after, limit)

    async def replay(self, oin: Oin | None = None, tick: Callable[[int], object] = lambda _: None) -> int:
        """Try everything again that was given up; `tick` hears how many. A page at a time, which may be stopped at any."""
        done, after = 0, ""
        while page := await self.failed(oin, after):
            after = page[-1].event
            async with self._house.storage() as work:
                revived = await work.deliveries.revive([one.event for one in page], self._house.clock())
                await work.commit()
            done += revived
            tick(revived)
        return done

    async def replay_from(self, oin: Oin, event: str, tick: Callable[[int], object] = lambda _: None) -> int:
        """Send this event of an organisation, and all that came after it, again. Raises NotFound for another's event."""
        await self.get(oin)
        async with self._house.storage(writing=False) as work:
            place = await work.partner_events.place_of(oin, event)
        if place is None:
            raise NotFound
        done, before = 0, place - 1
        while True:
            async with self._house.storage() as work:
                places = await work.deliveries.again(oin, before, PAGE, self._house.clock())
                await work.commit()
            if not places:
                return done
            done, before = done + len(places), places[-1]
            tick(len(places))

    async def test(self, oin: Oin) -> Fault | None:
        """Send an organisation's address a challenge; what is wrong with its answer. Raises NotFound without an address."""
        url = (await self.get(oin)).webhook.url
        return await self.check(oin, url) if url is not None else Fault("/url", _NO_ADDRESS)


_NOTHING = Queue(0, 0, None)
_NO_ADDRESS = Words(
    "Geef een adres dat met https:// begint, zonder naam, wachtwoord, ? of #.",
    "Give an address that begins with https://, without a name, password, ? or #.",
)
_NO_ANSWER = Words(
    "Dit adres gaf geen antwoord, of ligt niet op het open internet. Kijk of het van buiten te bereiken is.",
    "This address did not answer, or is not on the open internet. See whether it can be reached from outside.",
)
_NO_CHALLENGE = Words(
    "Dit adres gaf data.challenge niet terug in de kop Webhook-Challenge.",
    "This address did not give data.challenge back in the header Webhook-Challenge.",
)


def _refused(status: int) -> Words:
    return Words(
        f"Dit adres antwoordde met {status}. Antwoord op nl.rondom.webhook-check.v1 met 2xx.",
        f"This address answered {status}. Answer nl.rondom.webhook-check.v1 with 2xx.",
    )
