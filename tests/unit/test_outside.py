"""Others are asked over HTTP within bounds; where a partner said, never in a private network."""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.outbound import Sent
from broker.errors import Unavailable
from broker.notifications import outside

LOOPBACK = (ip_network("127.0.0.0/8"),)


@asynccontextmanager
async def serving(answer: bytes, *, then_wait: bool = False) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with these bytes; the address, and what it heard."""
    heard: list[bytes] = []
    handlers: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        handlers.append(asyncio.current_task())
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            heard.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
            if then_wait:
                await reader.read()
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", heard
    finally:
        server.close()
        await asyncio.sleep(0)  # what was let in just now has its handler
        await asyncio.gather(*(handler for handler in handlers if handler is not None))


async def test_a_redirect_is_not_followed() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as (inside, heard):
        moved = f"HTTP/1.1 302 Found\r\nLocation: {inside}/secret\r\nContent-Length: 0\r\n\r\n".encode()
        async with serving(moved) as (address, _):
            assert (await outside.fetch(Sent(address), 100)).status == 302
    assert heard == []


async def test_an_answer_that_is_too_long_is_not_read_to_its_end() -> None:
    endless = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 20_000
    async with serving(endless, then_wait=True) as (address, _):
        with pytest.raises(Unavailable):
            await outside.fetch(Sent(address), 10_000)
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc") as (address, _):
        assert (await outside.fetch(Sent(address), 3)).body == b"abc"


async def test_a_provider_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outside, "SECONDS", 0.3)
    async with serving(b"HTTP/1.1 200 OK\r\n", then_wait=True) as (address, _):
        with pytest.raises(Unavailable):
            await outside.fetch(Sent(address), 100)


async def test_what_is_no_http_is_unavailable() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        for address in (closed, "https://", "http://[", "nothing"):
            with pytest.raises(Unavailable):
                await outside.fetch(Sent(address), 100)


async def test_a_form_is_posted_and_nothing_else_is() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as (address, heard):
        await outside.fetch(Sent(address, {"code": "c"}, {"Authorization": "Basic x"}), 100)
        await outside.fetch(Sent(address), 100)
    posted, got = (each.decode().lower() for each in heard)
    assert posted.startswith("post / ")
    assert "content-type: application/x-www-form-urlencoded" in posted
    assert "authorization: basic x" in posted
    assert got.startswith("get / ")
    assert "accept-encoding: identity" in got


# where a partner said


def found(*addresses: str) -> outside.Lookup:
    async def lookup(host: str, port: int) -> Sequence[str]:
        return addresses

    return lookup


PRIVATE = (
    "127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a00:1::", "2001::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
async def test_a_private_address_is_not_called(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr(outside, "_exchange", lambda *_, **__: called.append("called"))
    for names in ((address,), ("93.184.216.34", address)):
        with pytest.raises(Unavailable):
            await outside.Outside(lookup=found(*names))(Sent("https://partner.example/hook"), 100)
    assert called == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "2130706433", "0x7f000001", "017700000001", "127.1", "[::1]", "localhost"]
)
async def test_no_way_of_writing_this_machine_is_called(host: str) -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (address, heard):
        with pytest.raises(Unavailable):
            await outside.Outside()(Sent(f"https://{host}:{urlsplit(address).port}/"), 100)
    assert heard == []


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
async def test_the_connection_goes_to_the_address_that_was_looked_at(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[object, ...]] = []

    async def exchange(sent: Sent, most: int, *rest: object, own_way: bool) -> None:
        seen.append((*rest, own_way))

    monkeypatch.setattr(outside, "_exchange", exchange)
    await outside.Outside(lookup=found(address))(Sent("https://partner.example:8443/hook?a=b"), 100)
    [(url, headers, extensions, own_way)] = seen
    assert ip_address(urlsplit(str(url)).hostname or "") == ip_address(address)
    assert urlsplit(str(url)).port == 8443
    assert str(url).endswith("/hook?a=b")
    assert headers == {"Host": "partner.example:8443"}
    assert extensions == {"sni_hostname": "partner.example"}
    assert own_way is True


async def test_a_network_that_the_operator_opened_is_called_with_the_partners_own_name() -> None:
    async with serving(b"HTTP/1.1 200 OK\r\nRetry-After: 9\r\nContent-Length: 2\r\n\r\n{}") as (address, heard):
        port = urlsplit(address).port
        there = outside.Outside(LOOPBACK, plain=True, lookup=found("127.0.0.1"))
        answered = await there(Sent(f"http://partner.example:{port}/hook", content=b"{}"), 100)
    assert (answered.status, answered.body, answered.headers["retry-after"]) == (200, b"{}", "9")
    assert heard[0].startswith(b"POST /hook HTTP/1.1")
    assert f"host: partner.example:{port}".encode() in heard[0].lower()


async def test_http_is_for_opened_networks_alone() -> None:
    for networks in ((), LOOPBACK):
        there = outside.Outside(networks, plain=True, lookup=found("93.184.216.34"))
        with pytest.raises(Unavailable):
            await there(Sent("http://partner.example/hook"), 100)


async def test_the_proxy_of_the_environment_is_not_used_for_partners(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        serving(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (address, heard),
        serving(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") as (proxy, asked),
    ):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("http_proxy", proxy)
        there = outside.Outside(LOOPBACK, plain=True, lookup=found("127.0.0.1"))
        await there(Sent(f"http://partner.example:{urlsplit(address).port}/"), 100)
    assert (len(heard), asked) == (1, [])


async def test_a_certificate_is_that_of_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is what TLS asks for, though an address is called."""
    names: list[object] = []
    wrap = ssl.SSLContext.wrap_bio

    def noted(self: ssl.SSLContext, *args: object, **kwargs: object) -> object:
        names.append(kwargs["server_hostname"])
        return wrap(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(ssl.SSLContext, "wrap_bio", noted)

    async def no_tls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"no TLS at all")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()

    async with await asyncio.start_server(no_tls, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(Unavailable):
            await outside.Outside(LOOPBACK, lookup=found("127.0.0.1"))(Sent(f"https://partner.example:{port}/"), 100)
    assert names == [b"partner.example"]


@pytest.mark.parametrize(
    "url",
    [
        "", "http://partner.example/", "ftp://partner.example/", "https://", "https:///x", "partner.example",
        "https://a:b@partner.example/", "https://a@partner.example/", "https://partner.example/#x", "https://partner.example/#",
        "https://partner.example:0/", "https://partner.example:99999/", "https://par tner.example/", "https://partner.example/\n",
        "https://pärtner.example/", "https://partner.example/" + "x" * 2_000,
    ],
)  # fmt: skip
async def test_an_address_of_another_form_is_not_called(url: str) -> None:
    there = outside.Outside(lookup=found("93.184.216.34"))
    assert not there.accepts(url)
    with pytest.raises(Unavailable):
        await there(Sent(url), 100)


def test_an_ordinary_address_is_accepted() -> None:
    there = outside.Outside()
    assert there.accepts("https://partner.example/hook?for=broker")
    assert there.accepts("https://partner.example:8443")


async def _fails(host: str, port: int) -> Sequence[str]:
    raise socket.gaierror


async def _is_no_name(host: str, port: int) -> Sequence[str]:
    raise UnicodeError


@pytest.mark.parametrize("lookup", [found(), _fails, _is_no_name])
async def test_a_name_that_nobody_knows_is_unavailable(lookup: outside.Lookup) -> None:
    with pytest.raises(Unavailable):
        await outside.Outside(lookup=lookup)(Sent("https://partner.example/"), 100)


@given(st.text(max_size=60))
def test_whatever_is_written_as_an_address_is_accepted_or_not(text: str) -> None:
    accepts: Callable[[str], bool] = outside.Outside().accepts
    assert accepts(text) in (True, False)
    assert accepts(f"https://{text}") in (True, False)
