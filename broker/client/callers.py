"""An organisation, and a professional of it, towards one broker: every operation of the API is a method of one of them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

import httpx

from broker.client.answers import (
    Agreement,
    DryRun,
    Event,
    EventPage,
    Handover,
    HandoverPage,
    Invitation,
    Organisation,
    Reaction,
    Release,
    ReleaseStatus,
    SealingKey,
    SealingKeyList,
    Vocabulary,
    Webhook,
    WebhookKey,
    WebhookKeyList,
)
from broker.client.errors import Refused
from broker.client.sealing import open_release, seal_body
from broker.client.tokens import Token, TokenStore
from broker.client.wire import Call, Headers, Wire, at, document_of, fresh_key, no_broker
from broker.crypto.assertions import make_assertion
from broker.crypto.client_keys import ClientKey, ClientSealingKey
from broker.crypto.dpop import make_dpop_proof

Body = Mapping[str, Any]
"""The body of a handover, as docs/examples/handover.json."""
Box = Literal["sent", "received"]

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class _Home:
    """What all callers of one client share. `binds` is the key that tokens are bound to, if they are (RFC 9449)."""

    wire: Wire
    tokens: TokenStore
    binds: ClientKey | None

    def with_token(self, token: str) -> Headers:
        """Headers for calls with this token; bound to a key, each try proves anew that we hold that."""
        binds = self.binds
        if binds is None:
            return lambda _method, _url: {"Authorization": f"Bearer {token}"}
        return lambda method, url: {
            "Authorization": f"DPoP {token}",
            "DPoP": make_dpop_proof(binds.private, method, url, access_token=token),
        }

    def without_token(self, method: str, url: str) -> Mapping[str, str]:
        """Headers for the token endpoint."""
        return {} if self.binds is None else {"DPoP": make_dpop_proof(self.binds.private, method, url)}


class _Caller:
    """What an organisation and a professional share: calls with a token of their own, and what both may read."""

    def __init__(self, home: "_Home", identity: str, form: Callable[[], Mapping[str, str]]) -> None:
        self._home = home
        self._identity = identity
        self._form = form

    def token(self) -> str:
        """A valid access token, for calls that you make yourself."""
        return self._home.tokens.get(self._identity, self._fetch)

    def handover(self, handover: str) -> Handover:
        """One handover: to its sender the state per section and who has answered, to a recipient what is open to them."""
        return cast(Handover, self._read("GET", at("/v1/handovers/{}", handover)))

    def status(self, release: str) -> ReleaseStatus:
        """Whether what was released may still be used as it was."""
        return cast(ReleaseStatus, self._read("GET", at("/v1/releases/{}", release)))

    def organisations(self) -> list[Organisation]:
        """Every partner that takes part now, by name."""
        return cast(list[Organisation], _list(self._read("GET", "/v1/organisations")))

    def vocabulary(self) -> Vocabulary:
        """Every word of the agreement in force, with labels."""
        return cast(Vocabulary, self._read("GET", "/v1/vocabulary"))

    def agreement(self) -> Agreement:
        """The agreement in force: its digest, and every file of it."""
        return cast(Agreement, self._read("GET", "/v1/policies/current"))

    def _page_of_handovers(self, box: Box, after: str) -> HandoverPage:
        return cast(HandoverPage, self._read("GET", "/v1/handovers", query={"box": box, "after": after}))

    def _read(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        return document_of(self._answer(method, path, body, **more))

    def _do(self, method: str, path: str, **more: Any) -> None:
        """A call that is answered with nothing."""
        response = self._answer(method, path, **more)
        if response.status_code != 204:
            document_of(response)
            raise no_broker(response.status_code)

    def _answer(self, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        """The answer. A token that the broker takes no longer is replaced, once (RFC 6750 section 3.1)."""
        call = Call(method, path, body, key=fresh_key() if method == "POST" else "", **more)
        token = self.token()
        response = self._home.wire.exchange(call, self._home.with_token(token))
        if response.status_code != 401:
            return response
        self._home.tokens.drop(self._identity, token)
        return self._home.wire.exchange(call, self._home.with_token(self.token()))

    def _fetch(self) -> Token:
        response = self._home.wire.exchange(Call("POST", "/oauth/token", form=self._form), self._home.without_token)
        answer = document_of(response)
        try:
            token = Token.lasting(answer["access_token"], answer["expires_in"])
            bound = answer.get("token_type", "").lower() == "dpop"
        except (KeyError, TypeError, AttributeError):
            raise no_broker(response.status_code) from None
        if bound != (self._home.binds is not None):
            raise Refused(response.status_code, {"detail": "This broker does not bind tokens as you asked."})
        return token


class Client(_Caller):
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
        super().__init__(_Home(wire, TokenStore(), ClientKey.new() if dpop else None), "", self._proof)
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
        self._home.wire.close()

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
        return _each(lambda after: self._page_of_handovers(box, after), "")

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

    def reactions(self, handover: str) -> list[Reaction]:
        """What the family wrote about a handover of yours, oldest first. Reading is logged."""
        return cast(list[Reaction], _list(self._read("GET", at("/v1/handovers/{}/reactions", handover))))

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
        return _each(self.events, after)

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
        return Professional(self._home, claims, self.assertion, self._opened)

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


class Professional(_Caller):
    """A professional of an organisation; made by `Client.as_professional`. Threads, errors and retries are as there."""

    def __init__(
        self,
        home: _Home,
        claims: Mapping[str, str],
        assertion: Callable[[Mapping[str, str]], str],
        opened: Callable[[dict[str, Any]], dict[str, Any]],
    ) -> None:
        """`assertion` signs claims; `opened` opens what came sealed to the organisation."""
        identity = json.dumps(claims, sort_keys=True)
        super().__init__(home, identity, lambda: {"grant_type": _BEARER, "assertion": assertion(claims)})
        self._opened = opened

    def ask(self, handover: str, purpose: str, sections: Sequence[str] | None = None) -> Release:
        """Ask for a release, of these section types or of everything. Raises Refused with `withheld` when nothing is released.

        What comes sealed is opened when the client has a key for it. Raises NotOpened.
        """
        body: dict[str, Any] = {"handover": handover, "purpose": purpose}
        if sections is not None:
            body["sections"] = list(sections)
        return cast(Release, self._opened(self._read("POST", "/v1/releases", body)))

    def acknowledge(self, release: str) -> None:
        """Say that it was read and taken over; saying it again changes nothing."""
        self._do("POST", at("/v1/releases/{}/acknowledgement", release))

    def search(self, bsn: str) -> HandoverPage:
        """What about the person with this BSN is open to this professional. Every search is logged."""
        body = {"identifier": {"system": "bsn", "value": bsn}}
        return cast(HandoverPage, self._read("POST", "/v1/subjects/_search", body))

    def received(self, after: str = "") -> HandoverPage:
        """One page of what is open to this role, newest first."""
        return self._page_of_handovers("received", after)

    def every_received(self) -> Iterator[Handover]:
        """Everything that is open to this role, newest first; pages are fetched on the way."""
        return _each(self.received, "")


def _list(page: Mapping[str, Any]) -> list[Any]:
    """The items of a page. Raises Refused for what is none."""
    items = page.get("items")
    if not isinstance(items, list):
        raise no_broker(200)
    return items


def _each(page: Callable[[str], Any], after: str) -> Iterator[Any]:
    """The items of every page. Raises Refused for pages that go round."""
    seen = {after}
    while True:
        found = page(after)
        yield from _list(found)
        after = found.get("next", "")
        if not after:
            return
        if after in seen:
            raise Refused(200, {"detail": "The broker's pages go round. Tell its operator."})
        seen.add(after)
