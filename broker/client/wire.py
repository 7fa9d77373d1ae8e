"""One exchange with the broker: tried again only where that is safe, and read strictly.

- A call is made again after 429, 503, a broken connection, or when its first try is still at work, when it changes nothing or carries an `Idempotency-Key`;
  all tries of one call carry the same key and the same bytes.
- Between tries it waits as long as `Retry-After` says (RFC 9110 section 10.2.3), otherwise longer each time, with some
  chance in it (so that a hundred clients do not come back at once). A longer wait than `longest_wait` is the caller's.
- No redirect is followed: a token goes to the address that was given, and nowhere else.
"""

import itertools
import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from broker.client.errors import Refused, Unreachable

FIRST_WAIT = 0.25
"""Seconds, before the second try; twice as long before each next one."""
_BUSY = (429, 503)
_STILL_RUNNING = "urn:rondom:problem:still-running"
"""The try before this one has not ended: its answer comes when it has."""
_chance = secrets.SystemRandom()

Headers = Callable[[str, str], Mapping[str, str]]
"""Headers for one try, by method and address without query: a DPoP proof is made for each."""


@dataclass(frozen=True)
class Call:
    """One call: where, and with what. `safe` to make again says whether it is tried again."""

    method: str
    path: str
    body: Any = None
    form: Callable[[], Mapping[str, str]] | None = None
    """Made anew for each try: an assertion is good for one."""
    query: Mapping[str, str] | None = None
    accept: str = "application/json"
    key: str = ""
    """The `Idempotency-Key`; empty for none."""
    if_match: str = ""
    """The `ETag` of what must still be so; empty for no condition."""

    prefer: str = ""
    """What the broker may heed (RFC 7240); empty for nothing."""

    @property
    def safe(self) -> bool:
        """Whether making it twice comes to the same as once (RFC 9110 section 9.2.2)."""
        return self.method in ("GET", "PUT", "DELETE") or bool(self.key) or self.form is not None


def fresh_key() -> str:
    """An `Idempotency-Key` that nobody used before."""
    return secrets.token_urlsafe(24)


def at(template: str, *ids: str) -> str:
    """A path with ids in it; whatever they hold, they stay one step of it each."""
    return template.format(*(quote(found, safe="").replace(".", "%2E") for found in ids))


class Wire:
    """The connections to one broker. Several threads may use it at once."""

    def __init__(
        self,
        url: str,
        *,
        language: str,
        timeout: float,
        retries: int,
        longest_wait: float,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self._retries = retries
        self._longest_wait = longest_wait
        self._url = url
        headers = {"Accept-Language": language}
        try:
            self._http = httpx.Client(base_url=url, timeout=timeout, headers=headers, transport=transport)
        except httpx.InvalidURL:
            raise Unreachable from None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def exchange(self, call: Call, headers: Headers) -> httpx.Response:
        """The answer, whatever its status. Raises Unreachable when there was none."""
        content = None if call.body is None else json.dumps(call.body, allow_nan=False).encode()
        left = self._retries if call.safe else 0
        for number in itertools.count(1):
            left -= 1
            try:
                response = self._send(call, content, headers)
            except (httpx.UnsupportedProtocol, httpx.InvalidURL):
                break
            except httpx.RequestError:
                if left < 0:
                    break
                time.sleep(_backing_off(number))
                continue
            wait = _wait_of(response)
            if left < 0 or not _busy(response, call) or (wait or 0) > self._longest_wait:
                return response
            time.sleep(_backing_off(number) if wait is None else wait)
        raise Unreachable

    def _send(self, call: Call, content: bytes | None, headers: Headers) -> httpx.Response:
        said = {"Accept": call.accept, **headers(call.method, f"{self._url}{call.path}")}
        if content is not None:
            said["Content-Type"] = "application/json"
        if call.key:
            said["Idempotency-Key"] = call.key
        if call.if_match:
            said["If-Match"] = call.if_match
        if call.prefer:
            said["Prefer"] = call.prefer
        form = None if call.form is None else dict(call.form())
        return self._http.request(call.method, call.path, content=content, data=form, params=call.query, headers=said)


def _busy(response: httpx.Response, call: Call) -> bool:
    """Whether to come back later."""
    running = call.key and response.status_code == 409 and (_object_of(response) or {}).get("type") == _STILL_RUNNING
    return bool(running) or response.status_code in _BUSY


def _backing_off(number: int) -> float:
    """Seconds to wait after this try: between half and the whole of what doubles each time."""
    return FIRST_WAIT * float(2 ** (number - 1)) * _chance.uniform(0.5, 1)


def _wait_of(response: httpx.Response) -> float | None:
    """What `Retry-After` says, in seconds; None for a date or nonsense, which this broker never sends."""
    said = response.headers.get("Retry-After", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) < 7 else None


def document_of(response: httpx.Response) -> dict[str, Any]:
    """The object in an answer. Raises Refused for every status that is no success, and for what is no answer of a broker."""
    document = _object_of(response)
    if not response.is_success:
        raise Refused(response.status_code, document or {}, retry_after=_wait_of(response))
    if document is None:
        raise no_broker(response.status_code)
    return document


def no_broker(status: int) -> Refused:
    """What is said of an answer that no broker gives."""
    return Refused(status, {"detail": "There is no broker at this address."})


def _object_of(response: httpx.Response) -> dict[str, Any] | None:
    try:
        found = response.json()
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
