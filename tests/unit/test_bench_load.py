"""Who speaks to the servers of a bench: what it sends, what it makes of answers, and that a refusal is never a figure."""

import asyncio
import contextlib
import itertools
import threading
from collections.abc import AsyncIterator, Callable, Iterator

import pytest

from tests.bench.load import Connection, Order, Speaker, Turn, speak
from tests.bench.servers import Scope

Answer = Callable[[asyncio.StreamWriter], object]


def _answer(status: str, *pieces: bytes) -> Answer:
    def write(writer: asyncio.StreamWriter) -> None:
        length = sum(map(len, pieces))
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\ncontent-LENGTH: {length}\r\n".encode())
        for piece in (b"\r\n", *pieces):
            writer.write(piece)

    return write


@contextlib.asynccontextmanager
async def _served(answer: Answer) -> AsyncIterator[tuple[int, list[bytes], list[int]]]:
    """A server that answers each request so: its port, the requests, and how many connections were made."""
    heard: list[bytes] = []
    made: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.append(len(made))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                heard.append(head + await reader.readexactly(length))
                answer(writer)
                await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heard, made


def _order(port: int, seconds: float = 0.0, connections: int = 1) -> Order:
    return Order((port,), connections, seconds, "/read", ("one", "two"), ('{"n": 1}', '{"n": 2}', '{"n": 3}'))


async def test_requests_are_taken_in_turn_over_all_turns_and_connections_stay() -> None:
    numbers = itertools.count()
    async with _served(_answer("200 OK", b"fine")) as (port, heard, made):
        first = await speak(_order(port, seconds=0.05, connections=2), numbers)
        count = len(heard)
        second = await speak(_order(port), numbers)
    assert first.done == first.statuses["200"] == count > len(made) - 1 == 2
    assert second.done == 1
    assert first.length == 4
    bodies = [int(request.rpartition(b":")[2].strip(b" }")) for request in heard]
    assert sorted(bodies) == sorted(n % 3 + 1 for n in range(count + 1))
    assert bodies[-1] == count % 3 + 1, "the next turn goes on where the one before ended"
    assert {b"Authorization: Bearer one" in request for request in heard} == {True, False}


class Wire:
    """Takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.sent.append(data)


async def test_the_next_request_goes_out_when_an_answer_is_whole_and_no_byte_before() -> None:
    turn, wire = Turn((b"one", b"two"), itertools.count(), 60), Wire()
    connection = Connection(turn)
    connection.connection_made(wire)
    whole = b"HTTP/1.1 200 OK\r\ncontent-length: 12\r\n\r\nhello\r\n\r\nyou"
    for byte in whole[:-1]:
        connection.data_received(bytes([byte]))
    assert (wire.sent, turn.taken) == ([b"one"], [])
    connection.data_received(whole[-1:])
    assert (wire.sent, len(turn.taken)) == ([b"one", b"two"], 1)
    connection.data_received(whole)
    assert (wire.sent, turn.statuses, turn.lengths) == ([b"one", b"two", b"one"], {"200": 2}, {12: 2})


async def test_times_are_in_order() -> None:
    async with _served(_answer("200 OK", b"a" * 300_000, b"b" * 300_000)) as (port, heard, _):
        found = await speak(_order(port, seconds=0.05), itertools.count())
    assert (found.length, found.done) == (600_000, len(heard))
    assert 0 < found.p50 <= found.p99 <= found.seconds


@pytest.mark.parametrize(
    ("answer", "status"),
    [(_answer("403 Forbidden", b"no"), "403"), (lambda writer: writer.close(), "hung up")],
    ids=["refused", "hung up"],
)
async def test_what_is_not_200_counts_apart(answer: Answer, status: str) -> None:
    async with _served(answer) as (port, _, _):
        found = await speak(_order(port), itertools.count())
    assert set(found.statuses) == {status}


@contextlib.contextmanager
def _beside(answer: Answer) -> Iterator[int]:
    """The same server in a thread, for who waits for another process."""
    loop, ready = asyncio.new_event_loop(), threading.Event()
    ports: list[int] = []
    over = asyncio.Event()

    async def serve() -> None:
        async with _served(answer) as (port, _, _):
            ports.append(port)
            ready.set()
            await over.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        assert ready.wait(20)
        yield ports[0]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def test_a_process_speaks_turn_after_turn() -> None:
    with _beside(_answer("200 OK", b"fine")) as port, Speaker() as speaker:
        assert [speaker.turn(_order(port)).done for _ in range(2)] == [1, 1]


@pytest.mark.parametrize("answer", [_answer("503 Busy", b"no"), lambda writer: writer.close()])
def test_a_server_that_refuses_is_not_measured(answer: Answer) -> None:
    with _beside(answer) as port, Speaker() as speaker, pytest.raises(RuntimeError, match="refused"):
        speaker.turn(_order(port))


def test_the_environment_narrows_what_is_measured() -> None:
    scope = Scope.of({"DATABASES": "pg", "CONNECTIONS": "1,32", "LASTING": "1.5", "HANDOVERS": "", "OTHER": "x"})
    assert (scope.databases, scope.connections, scope.lasting) == (("pg",), (1, 32), 1.5)
    assert scope.handovers == Scope().handovers
