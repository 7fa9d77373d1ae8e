"""Calls to others over HTTP: bounded in time and size, never redirected, and nothing of the answer is believed here.

`fetch` goes where the operator said. `Outside` goes where a partner said, and so never into a private network:

1. The address is https, names a host, and holds no name, password or fragment.
2. The name is looked up once. Every address that it has must be one of the open internet; one that is not refuses all.
3. The connection goes to the very address that was looked at: a name that changes its mind in between changes nothing
   ("DNS rebinding"). The certificate is that of the name.
4. No redirect is followed and no proxy of the environment is used: the next stop would not have been looked at.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

import httpx

from broker.domain.outbound import Answered, Sent
from broker.errors import Unavailable

SECONDS = 8.0
"""All of one request: whoever sends a byte now and then keeps nobody waiting."""
LONGEST = 2_000
Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Lookup = Callable[[str, int], Awaitable[Sequence[str]]]
_NAT64 = IPv6Network("64:ff9b::/96")


async def fetch(sent: Sent, most: int) -> Answered:
    """See `broker.domain.outbound.Fetch`. A redirect is an answer like any other."""
    return await _exchange(sent, most, sent.url, {}, {})


async def _lookup(host: str, port: int) -> Sequence[str]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(one[4][0]) for one in found]


class Outside:
    """See `broker.domain.outbound.Outside`.

    `networks` are private ones that the operator opened to partners' addresses; `plain` lets http through to those.
    """

    def __init__(self, networks: Sequence[Network] = (), *, plain: bool = False, lookup: Lookup = _lookup) -> None:
        self._networks = tuple(networks)
        self._schemes = ("https", "http") if plain else ("https",)
        self._lookup = lookup

    def accepts(self, url: str) -> bool:
        """Whether an address has the form of one that can be called."""
        return self._readable(url) is not None

    async def __call__(self, sent: Sent, most: int) -> Answered:
        """What came back. Raises Unavailable."""
        url = self._readable(sent.url)  # 1
        if url is None:
            raise Unavailable
        try:
            async with asyncio.timeout(SECONDS):
                address = await self._allowed(url)  # 2
        except (OSError, UnicodeError, TimeoutError):
            raise Unavailable from None
        if url.scheme == "http" and not self._opened(address):
            raise Unavailable
        there = str(url.copy_with(host=str(address)))  # 3
        return await _exchange(
            sent, most, there, {"Host": url.netloc.decode("ascii")}, {"sni_hostname": url.host}, own_way=True
        )

    def _readable(self, address: str) -> httpx.URL | None:
        if len(address) > LONGEST or not address.isascii() or not address.isprintable() or " " in address:
            return None
        try:
            url = httpx.URL(address)
        except httpx.InvalidURL:
            return None
        plain = url.scheme in self._schemes and url.host and not url.userinfo and "#" not in address
        return url if plain and (url.port is None or 0 < url.port < 65_536) else None

    async def _allowed(self, url: httpx.URL) -> Address:
        port = url.port or (443 if url.scheme == "https" else 80)
        found = [ip_address(one.partition("%")[0]) for one in await self._lookup(url.host, port)]
        if not found or not all(self._open(one) for one in found):
            raise Unavailable
        return found[0]

    def _open(self, address: Address) -> bool:
        """Whether this is the open internet, also behind a translation from one kind of address to the other."""
        inner = _inner(address)
        return self._opened(inner) or (inner.is_global and not inner.is_multicast)

    def _opened(self, address: Address) -> bool:
        return any(address.version == network.version and address in network for network in self._networks)


def _inner(address: Address) -> Address:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address.sixtofour is not None:
            return address.sixtofour
        if address in _NAT64:
            return IPv4Address(address.packed[-4:])
    return address


async def _exchange(
    sent: Sent, most: int, url: str, headers: Mapping[str, str], extensions: dict[str, Any], *, own_way: bool = False
) -> Answered:
    content = sent.content if sent.form is None else None
    method = "GET" if sent.form is None and content is None else "POST"
    whole = {"Accept": "application/json", "Accept-Encoding": "identity", **sent.headers, **headers}
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False, trust_env=not own_way) as client,
            client.stream(
                method, url, data=dict(sent.form or {}), content=content, headers=whole, extensions=extensions
            ) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw(4096):
                body += chunk
                if len(body) > most:
                    raise Unavailable
            names = {name.lower(): value for name, value in response.headers.items()}
            return Answered(response.status_code, bytes(body), names)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, UnicodeError):
        raise Unavailable from None
