"""The client certificate of a connection that ended at a proxy: heard from proxies that are trusted, and from nobody else.

This goes around everything, also around what reads `X-Forwarded-For`: who the peer is must be known before anybody says
otherwise. The header of another peer is passed over; the proxy must take it away from what its own clients send.
"""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from starlette.types import ASGIApp, Receive, Scope, Send

from broker.api.deps import CERTIFICATES


class ClientCertificates:
    """Puts the values of the header into the scope, for `broker.api.deps.shown_of`. An empty value is no certificate."""

    def __init__(self, app: ASGIApp, header: str, proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._app = app
        self._header = header.lower().encode("ascii")
        self._proxies = tuple(proxies)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and self._trusts(scope):
            found = [value.decode("latin-1").strip() for name, value in scope["headers"] if name == self._header]
            scope[CERTIFICATES] = tuple(value for value in found if value)
        await self._app(scope, receive, send)

    def _trusts(self, scope: Scope) -> bool:
        try:
            peer = ip_address((scope.get("client") or ("",))[0])
        except ValueError:
            return False
        if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
            peer = peer.ipv4_mapped
        return any(peer.version == network.version and peer in network for network in self._proxies)
