"""What whoever calls shares: tokens, one exchange and another one, what anybody may read, page after page."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast

import httpx

from broker.client.answers import (
    Agreement,
    Handover,
    HandoverPage,
    Indicators,
    Organisation,
    Receives,
    ReleaseStatus,
    Vocabulary,
)
from broker.client.errors import Refused
from broker.client.tokens import Token, TokenStore
from broker.client.wire import Call, Headers, Wire, at, document_of, fresh_key, no_broker
from broker.crypto.client_keys import ClientKey
from broker.crypto.dpop import make_dpop_proof

Box = Literal["sent", "urgent", "received", "unread"]


@dataclass(frozen=True)
class Home:
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


class Caller:
    """What an organisation and a professional share: calls with a token of their own, and what both may read."""

    def __init__(self, home: Home, identity: str, form: Callable[[], Mapping[str, str]]) -> None:
        self.home = home
        self._identity = identity
        self._form = form

    def token(self) -> str:
        """A valid access token, for calls that you make yourself."""
        return self.home.tokens.get(self._identity, self._fetch)

    def handover(self, handover: str) -> Handover:
        """One handover: to its sender the state per section and who has answered, to a recipient what is open to them."""
        return cast(Handover, self._read("GET", at("/v1/handovers/{}", handover)))

    def status(self, release: str) -> ReleaseStatus:
        """Whether what was released may still be used as it was."""
        return cast(ReleaseStatus, self._read("GET", at("/v1/releases/{}", release)))

    def organisations(self) -> list[Organisation]:
        """Every partner that takes part now, by name."""
        return cast(list[Organisation], items_of(self._read("GET", "/v1/organisations")))

    def receives(self, oin: str) -> Receives:
        """What a partner may receive at most, under the agreement in force."""
        return cast(Receives, self._read("GET", at("/v1/organisations/{}/receives", oin)))

    def indicators(self, quarter: str = "") -> Indicators:
        """Counts of a quarter that is over (`2026-Q3`), the latest unless one is named, with your own part."""
        return cast(Indicators, self._read("GET", "/v1/indicators", query={"quarter": quarter}))

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
        response = self.home.wire.exchange(call, self.home.with_token(token))
        if response.status_code != 401:
            return response
        self.home.tokens.drop(self._identity, token)
        return self.home.wire.exchange(call, self.home.with_token(self.token()))

    def _fetch(self) -> Token:
        response = self.home.wire.exchange(Call("POST", "/oauth/token", form=self._form), self.home.without_token)
        answer = document_of(response)
        try:
            token = Token.lasting(answer["access_token"], answer["expires_in"])
            bound = answer.get("token_type", "").lower() == "dpop"
        except (KeyError, TypeError, AttributeError):
            raise no_broker(response.status_code) from None
        if bound != (self.home.binds is not None):
            raise Refused(response.status_code, {"detail": "This broker does not bind tokens as you asked."})
        return token


def items_of(page: Mapping[str, Any]) -> list[Any]:
    """The items of a page. Raises Refused for what is none."""
    items = page.get("items")
    if not isinstance(items, list):
        raise no_broker(200)
    return items


def pages_of(page: Callable[[str], Any], after: str) -> Iterator[Any]:
    """The items of every page. Raises Refused for pages that go round."""
    seen = {after}
    while True:
        found = page(after)
        yield from items_of(found)
        after = found.get("next", "")
        if not after:
            return
        if after in seen:
            raise Refused(200, {"detail": "The broker's pages go round. Tell its operator."})
        seen.add(after)
