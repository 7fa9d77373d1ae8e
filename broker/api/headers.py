"""Around every request: an id, a line in the operational log by route template, counts, and the API's headers.

Plain ASGI, so that nothing is buffered and nothing is done twice. Paths, queries and bodies are never logged.
"""

import re
import time
from collections.abc import Mapping
from typing import Any

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uuid_utils import uuid7

from broker import __version__
from broker.api.health import Metrics

API = ("/v1", "/oauth", "/.well-known", "/access")
_WITHIN = tuple(f"{prefix}/" for prefix in API)
HEADERS = {
    "API-Version": __version__,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""On every answer of the API; also on one that is made outside this middleware, because something failed."""
MOST_HEADERS = 32_768
"""Bytes of address and headers in one request to the API."""
_REQUEST_ID = re.compile(r"[\x20-\x7e]{1,256}")
_log = structlog.get_logger("broker.requests")


def in_api(path: str) -> bool:
    """Whether a path belongs to the API rather than to the pages."""
    return path.startswith(_WITHIN) or path in API


def in_access(path: str) -> bool:
    """Whether a path belongs to the evaluations of the agreement."""
    return path.startswith("/access/")


class Surroundings:
    """The middleware."""

    def __init__(self, app: ASGIApp, metrics: Metrics, too_large: ASGIApp) -> None:
        self._app = app
        self._too_large = too_large
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, ours = time.perf_counter(), 500, in_api(scope["path"])

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if ours:
                    _api_headers(message)
                    _request_id(scope, message)
                    _of_this_request(scope.get("state", {}), message)
            await send(message)

        structlog.contextvars.bind_contextvars(request=str(uuid7()))
        try:
            large = ours and _size(scope) > MOST_HEADERS
            await (self._too_large if large else self._app)(scope, receive, sending)
        finally:
            self._count(scope, status, time.perf_counter() - began)
            structlog.contextvars.clear_contextvars()

    def _count(self, scope: Scope, status: int, seconds: float) -> None:
        route: Any = scope.get("route")
        template = getattr(route, "path", "unknown")
        method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST", "DELETE", "PUT", "PATCH") else "other"
        self._metrics.count(method, template, status, seconds)
        _log.info("request", method=method, route=template, status=status, milliseconds=round(seconds * 1000, 1))


def _size(scope: Scope) -> int:
    """Bytes of the address and of all headers."""
    named = sum(len(name) + len(value) for name, value in scope["headers"])
    return named + len(scope.get("raw_path") or b"") + len(scope["query_string"])


def _request_id(scope: Scope, message: Message) -> None:
    """Give back the caller's own id of an evaluation (AuthZEN 1.0, "Request Identification"); it is written nowhere."""
    if in_access(scope["path"]):
        given = Headers(scope=scope).get("x-request-id", "")
        if _REQUEST_ID.fullmatch(given):
            MutableHeaders(scope=message)["X-Request-ID"] = given


def _of_this_request(state: Mapping[str, Any], message: Message) -> None:
    """What the caller may still call (draft-ietf-httpapi-ratelimit-headers-10), and whether the operation will go."""
    if not state:
        return
    headers = MutableHeaders(scope=message)
    if budgets := state.get("budgets"):
        headers["RateLimit-Policy"] = ", ".join(f'"{b.name}";q={b.rate.calls};w={b.rate.seconds}' for b in budgets)
        headers["RateLimit"] = ", ".join(f'"{b.name}";r={b.left};t={b.seconds}' for b in budgets)
    if deprecated := state.get("deprecated"):
        headers.update(deprecated.headers())


_RAW = tuple((name.lower().encode(), value.encode()) for name, value in HEADERS.items())
_NAMES = frozenset(name for name, _ in _RAW)
_CACHING = b"cache-control"


def _api_headers(message: Message) -> None:
    """Ours in the place of any of the same name; what is said of keeping the answer stands."""
    given = message["headers"]
    names = {name for name, _ in given}
    kept = given if names.isdisjoint(_NAMES) else [header for header in given if header[0] not in _NAMES]
    caching = () if _CACHING in names else ((_CACHING, b"no-store"),)
    message["headers"] = [*kept, *_RAW, *caching]
