"""An organisation, and a professional of it, towards one broker: every operation of the API is a method of one of them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal, cast

import httpx

from broker.client.answers import (
    DryRun,
    Event,
    EventPage,
    Handover,
    HandoverPage,
    Invitation,
    LongWatch,
    Reaction,
    Release,
    SealingKey,
    SealingKeyList,
    SectionSignOffs,
    SignOffKept,
    Task,
    Webhook,
    WebhookKey,
    WebhookKeyList,
)
from broker.client.calling import Box, Caller, Home, items_of, pages_of
from broker.client.errors import Refused
from broker.client.lifelines import TakesOver
from broker.client.sealing import open_release, seal_body
from broker.client.tokens import TokenStore
from broker.client.wire import Wire, at, document_of
from broker.crypto.assertions import make_assertion
from broker.crypto.client_keys import ClientKey, ClientSealingKey

Body = Mapping[str, Any]
"""The body of a handover, as docs/examples/handover.json."""

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class Client(Caller):
    """One organisation, towards one broker. Several threads may use it, and its professionals, at once.

    Every call raises Refused when the broker refuses, and Unreachable when nobody answers; both are ClientErrors. A call
    is tried again, `retries` times at most, after 429, 503 or a broken connection: calls that change something carry an
    `Idempotency-Key` for that. When the broker asks to wait longer than `longest_wait` seconds, Refused is raised with
    `retry_after`. `timeout` is in seconds, for each try. `language` (nl or en) is that of the broker's sentences.

    With `opens_with=[ClientSealingKey.read(path)]` what comes sealed to those keys is opened on arrival. With `dpop`
    tokens are bound to a key of this client alone, and are of no use to a thief (RFC 9449).
    """

    def __init__(
        self,
        url: str,
        oin: str,
        key: ClientKey,
        *,
        opens_with: Sequence[ClientSealingKey] = (),
        dpop: bool = False,
        language: str = "nl",
        timeout: float = 30,
        retries: int = 3,
        longest_wait: float = 30,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        wire = Wire(
            self._url,
            language=language,
            timeout=timeout,
            retries=retries,
            longest_wait=longest_wait,
            transport=transport,
        )
        super().__init__(Home(wire, TokenStore(), ClientKey.new() if dpop else None), "", self._proof)
        self.oin = oin
        self.opens_with = tuple(opens_with)
        self._key = key

    def __enter__(self) -> "Client":
        """Use it in a `with` block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connections."""
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self.home.wire.close()

    def push(self, body: Body, *, sealed: bool = False) -> Handover:
        """Push a handover. The same body again answers as the first time; another one with its `reference` is 409.

        With `sealed`, every section is sealed first, freshly: to be able to send it again, `seal` it yourself and keep
        what comes out.
        """
        return cast(Handover, self._read("POST", "/v1/handovers", self.seal(body) if sealed else body))

    def dry_run(self, body: Body, *, sealed: bool = False) -> DryRun:
        """What a push of this body would come to: who could read what, who would be asked, what misses. Nothing is kept."""
        whole = self.seal(body) if sealed else body
        return cast(DryRun, self._read("POST", "/v1/handovers", whole, query={"dryRun": "true"}))

    def sealing_keys(self) -> list[SealingKey]:
        """The broker's intake keys, the one to seal to first. Fetch them each time: they change."""
        return cast(SealingKeyList, self._read("GET", "/v1/sealing-keys"))["keys"]

    def seal(self, body: Body) -> dict[str, Any]:
        """The body with every section sealed to the broker's intake key of this moment. Raises also as `seal_body`."""
        try:
            intake = self.sealing_keys()[0]
        except (KeyError, IndexError, TypeError):
            raise Refused(200, {"detail": "This broker names no key to seal to."}) from None
        return seal_body(body, self.oin, intake)

    def handovers(self, box: Box = "received", after: str = "") -> HandoverPage:
        """One page of what was sent or received, newest first; `next` in it is `after` for the following one."""
        return self._page_of_handovers(box, after)

    def every_handover(self, box: Box = "received") -> Iterator[Handover]:
        """Everything that was sent or received, newest first; pages are fetched on the way."""
        return pages_of(lambda after: self._page_of_handovers(box, after), "")

    def handover_and_tag(self, handover: str) -> tuple[Handover, str]:
        """One handover with its `ETag`: give that to `correct` or `withdraw`, to change only what you saw."""
        response = self._answer("GET", at("/v1/handovers/{}", handover))
        return cast(Handover, document_of(response)), response.headers.get("ETag", "")

    def correct(self, handover: str, body: Body, *, if_match: str = "") -> Handover:
        """Put a whole new version in its place; who received the old one is told. 412 when `if_match` holds no longer."""
        path = at("/v1/handovers/{}/versions", handover)
        return cast(Handover, self._read("POST", path, body, if_match=if_match))

    def withdraw(self, handover: str, *, if_match: str = "") -> None:
        """End it for good: its keys and ciphertext are destroyed. 412 when `if_match` holds no longer."""
        self._do("DELETE", at("/v1/handovers/{}", handover), if_match=if_match)

    def invite(self, handover: str, person: str, delivery: Literal["paper", "message"] = "paper") -> Invitation:
        """Invite one person to answer: a code to hand over, or a message to the person's own contact."""
        body = {"person": person, "delivery": delivery}
        return cast(Invitation, self._read("POST", at("/v1/handovers/{}/invitations", handover), body))

    def sheet(self, handover: str, person: str) -> str:
        """Invite one person; returns the sheet to print and hand over, as HTML. It holds the code."""
        body = {"person": person, "delivery": "paper"}
        response = self._answer("POST", at("/v1/handovers/{}/invitations", handover), body, accept="text/html")
        if not response.is_success:
            document_of(response)
        return response.text

    def watch(self, handover: str, every: Literal["P2W", "P1M", "P3M", "P6M"], people: list[str]) -> LongWatch:
        """Have these people (your own keys) asked now and then how it goes. They choose who reads what they say."""
        body = {"every": every, "people": people}
        return cast(LongWatch, self._read("PUT", at("/v1/handovers/{}/long-watch", handover), body))

    def long_watch(self, handover: str) -> LongWatch:
        """Who is asked, when next, and whether they answered the last time."""
        return cast(LongWatch, self._read("GET", at("/v1/handovers/{}/long-watch", handover)))

    def end_watch(self, handover: str) -> None:
        """Ask nobody any more; what was answered stays."""
        self._do("DELETE", at("/v1/handovers/{}/long-watch", handover))

    def reactions(self, handover: str) -> list[Reaction]:
        """What the family wrote about a handover of yours, oldest first. Reading is logged."""
        return cast(list[Reaction], items_of(self._read("GET", at("/v1/handovers/{}/reactions", handover))))

    def sign_offs(self, handover: str) -> list[SectionSignOffs]:
        """Who agrees with what was written together in a handover of yours, section by section. Reading is logged."""
        return cast(list[SectionSignOffs], items_of(self._read("GET", at("/v1/handovers/{}/sign-offs", handover))))

    def answer(
        self,
        handover: str,
        reaction: str,
        outcome: Literal["corrected", "not-corrected", "erased", "not-erased"],
        explanation: str,
    ) -> Reaction:
        """Answer a request of the family, once, in plain words: its author reads the explanation."""
        body = {"outcome": outcome, "explanation": explanation}
        return cast(Reaction, self._read("POST", at("/v1/handovers/{}/reactions/{}/answer", handover, reaction), body))

    def events(self, after: str = "") -> EventPage:
        """One page of what you should know since that event, oldest first."""
        return cast(EventPage, self._read("GET", "/v1/events", query={"after": after}))

    def every_event(self, after: str = "") -> Iterator[Event]:
        """Everything you should know since that event, oldest first. Keep the last `id`, and go on after it next time."""
        return pages_of(self.events, after)

    def webhook(self) -> Webhook:
        """Where your events are sent, how many wait, and how many were given up. 404 when you registered no address."""
        return cast(Webhook, self._read("GET", "/v1/webhook"))

    def register_webhook(self, url: str) -> Webhook:
        """Have your events sent to this address from now on. It is checked at once: see `broker.client.webhooks`."""
        return cast(Webhook, self._read("PUT", "/v1/webhook", {"url": url}))

    def remove_webhook(self) -> None:
        """Nothing is sent any more, also not what still waits; `every_event` has everything."""
        self._do("DELETE", "/v1/webhook")

    def webhook_keys(self) -> list[WebhookKey]:
        """The keys that deliveries are signed with, the newest first; each `whpk` is for `broker.client.webhooks.verify`."""
        return cast(WebhookKeyList, self._read("GET", "/v1/webhook-keys"))["keys"]

    def as_professional(
        self, identity: str, name: str, role: str, *, email: str = "", phone: str = ""
    ) -> "Professional":
        """Somebody who works here, whom the organisation vouches for: your own lasting id of them, and a role of the agreement.

        `email` and `phone` (E.164) keep a family's code from going to a worker; the broker keeps neither as it is.
        """
        more = {"email": email, "phone_number": phone}
        claims = {"sub": identity, "name": name, "role": role, **{word: said for word, said in more.items() if said}}
        return Professional(self.home, claims, self.assertion, self._opened)

    def assertion(self, claims: Mapping[str, Any]) -> str:
        """A signed assertion for the token endpoint (RFC 7523), for requests that you make yourself."""
        full = {"iss": self.oin, "aud": self._url, **claims}
        return make_assertion(self._key.private, self._key.kid, full, alg=self._key.algorithm)

    def _opened(self, release: dict[str, Any]) -> dict[str, Any]:
        return open_release(release, self.oin, self.opens_with) if self.opens_with else release

    def _proof(self) -> dict[str, str]:
        """The form that asks for the organisation's own token (RFC 7523 section 2.2)."""
        return {
            "grant_type": "client_credentials",
            "client_assertion_type": _ASSERTION,
            "client_assertion": self.assertion({"sub": self.oin}),
        }


class Professional(TakesOver, Caller):
    """A professional of an organisation; made by `Client.as_professional`. Threads, errors and retries are as there."""

    def __init__(
        self,
        home: Home,
        claims: Mapping[str, str],
        assertion: Callable[[Mapping[str, str]], str],
        opened: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        """`assertion` signs claims; `opened` opens what came sealed to the organisation."""
        identity = json.dumps(claims, sort_keys=True)
        super().__init__(home, identity, lambda: {"grant_type": _BEARER, "assertion": assertion(claims)})
        self._opened = opened

    def ask(
        self, handover: str, purpose: str, sections: Sequence[str] | None = None, *, proof: bool = False
    ) -> Release:
        """Ask for a release, of these section types or of everything. Raises Refused with `withheld` when nothing is released.

        What comes sealed is opened when the client has a key for it. Raises NotOpened.

        The receipt is signed and counts by itself; the proof that the log holds it lies at `proofAt` a moment later, for
        as long as the log is there. With `proof` the broker waits for it, a second at most; without, what a professional
        asked for is there at once, which is why that is the default.
        """
        body: dict[str, Any] = {"handover": handover, "purpose": purpose}
        if sections is not None:
            body["sections"] = list(sections)
        prefer = "wait=1" if proof else ""
        return cast(Release, self._opened(self._read("POST", "/v1/releases", body, prefer=prefer)))

    def acknowledge(self, release: str, state: Literal["read", "taken-over"] = "taken-over") -> None:
        """Say that it was read, or read and taken over; saying it again changes nothing."""
        self._do("POST", at("/v1/releases/{}/acknowledgement", release), body={"state": state})

    def agree(self, release: str, digest: str) -> SignOffKept:
        """Agree with one section of this release, named by the `digest` of its `signOff`. 409 when another version is in force."""
        return self._sign_off(release, {"digest": digest, "agrees": True})

    def see_differently(self, release: str, digest: str, text: str) -> SignOffKept:
        """Say in your own words how you see it: they leave with the section, beside the text and never in its place."""
        return self._sign_off(release, {"digest": digest, "agrees": False, "text": text})

    def _sign_off(self, release: str, body: dict[str, Any]) -> SignOffKept:
        return cast(SignOffKept, self._read("POST", at("/v1/releases/{}/sign-offs", release), body))

    def set_task(self, handover: str, task: str, status: Literal["open", "under-way", "done", "dropped"]) -> Task:
        """Say how far something is that this role has to do, once its text was released; the same again changes nothing."""
        path = at("/v1/handovers/{}/tasks/{}/status", handover, task)
        return cast(Task, self._read("POST", path, {"status": status}))

    def search(self, bsn: str) -> HandoverPage:
        """What about the person with this BSN is open to this professional. Every search is logged."""
        body = {"identifier": {"system": "bsn", "value": bsn}}
        return cast(HandoverPage, self._read("POST", "/v1/subjects/_search", body))

    def received(self, after: str = "") -> HandoverPage:
        """One page of what is open to this role, newest first."""
        return self._page_of_handovers("received", after)

    def every_received(self) -> Iterator[Handover]:
        """Everything that is open to this role, newest first; pages are fetched on the way."""
        return pages_of(self.received, "")

    def unread(self, after: str = "") -> HandoverPage:
        """One page of what is open to this role, and nobody in it asked for since it was written or corrected."""
        return self._page_of_handovers("unread", after)
