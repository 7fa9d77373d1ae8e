"""A broker that ends: first it says so and ends its connections one by one, then it lets nobody in."""

import asyncio
import contextlib
import signal
import socket

import httpx
import pytest
import uvicorn
import uvloop
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from broker.cli import draining
from broker.cli.draining import Draining, DrainingServer


async def serving(scope: Scope, receive: Receive, send: Send) -> None:
    await PlainTextResponse("ok\n")(scope, receive, send)


@pytest.fixture
def app() -> Draining:
    return Draining(serving)


def server(app: Draining, seconds: int) -> DrainingServer:
    return DrainingServer(uvicorn.Config(app), app, seconds)


async def get(app: Draining, path: str) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://broker") as http:
        return await http.get(path)


async def test_a_broker_that_is_told_to_end_serves_on_and_says_so(app: Draining) -> None:
    assert ((await get(app, "/readyz")).status_code, "connection" in (await get(app, "/v1")).headers) == (200, False)
    ending = server(app, 5)
    ending.handle_exit(signal.SIGTERM, None)
    red = await get(app, "/readyz")
    assert (red.status_code, red.headers["retry-after"], red.headers["connection"]) == (503, "5", "close")
    answer = await get(app, "/v1")
    assert (answer.status_code, answer.headers["connection"]) == (200, "close")
    assert not await ending.on_tick(1)


async def test_it_ends_once_its_time_is_over(app: Draining, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(draining.time, "monotonic", lambda: now)
    ending = server(app, 5)
    ending.handle_exit(signal.SIGTERM, None)
    now = 104.9
    assert not await ending.on_tick(1)
    now = 105.0
    assert await ending.on_tick(2)


@pytest.mark.parametrize(("signals", "seconds"), [((15, 15), 5), ((2,), 5), ((15,), 0), ((15, 2), 5)])
async def test_a_second_signal_an_interrupt_and_no_time_at_all_end_it_now(
    app: Draining, signals: tuple[int, ...], seconds: int
) -> None:
    ending = server(app, seconds)
    for number in signals:
        ending.handle_exit(signal.Signals(number), None)
    assert await ending.on_tick(1)


async def ended_while_somebody_comes(app: Draining, *, heard_of: bool) -> bytes:
    """What somebody hears who connected just before the end, and was let in by then or was not."""
    door = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, loop="uvloop", http="httptools", lifespan="off")
    config.load()
    ending = DrainingServer(config, app, 5)
    ending.lifespan = config.lifespan_class(config)
    await ending.startup(sockets=[door])
    with socket.create_connection(door.getsockname(), timeout=10) as caller:
        while heard_of and not ending.server_state.connections:  # noqa: ASYNC110 - it sets no event
            await asyncio.sleep(0)
        caller.sendall(b"POST /v1 HTTP/1.1\r\nhost: broker\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")
        await ending.shutdown([door])  # nothing was looked at in between
        said = b""
        with contextlib.suppress(ConnectionResetError):
            while part := await asyncio.to_thread(caller.recv, 4096):
                said += part
    return said


@pytest.mark.parametrize("heard_of", [False, True], ids=["at the door", "let in"])
def test_who_comes_just_before_the_end_is_served(app: Draining, heard_of: bool) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        said = runner.run(ended_while_somebody_comes(app, heard_of=heard_of))
    assert said.startswith(b"HTTP/1.1 200")


def test_nobody_is_let_in_afterwards(app: Draining) -> None:
    async def ended() -> tuple[str, int]:
        door = socket.create_server(("127.0.0.1", 0))
        address: tuple[str, int] = door.getsockname()
        config = uvicorn.Config(app, loop="uvloop", http="httptools", lifespan="off")
        config.load()
        ending = DrainingServer(config, app, 5)
        ending.lifespan = config.lifespan_class(config)
        await ending.startup(sockets=[door])
        await ending.shutdown([door])
        return address

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        address = runner.run(ended())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address, timeout=10)
