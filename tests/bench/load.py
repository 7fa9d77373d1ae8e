"""Who speaks to a server: a process of its own that sends prepared requests over kept connections, as lean as it can be.

It takes orders as lines of JSON on its standard input and answers each with one line: see `Order` and `Heard`. Each connection
sends its next request when the answer to the one before is complete; the requests are taken in turn, over all connections.
"""

import asyncio
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import count
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import uvloop

END_OF_HEAD = b"\r\n\r\n"
LENGTH = b"content-length:"


@dataclass(frozen=True, slots=True)
class Order:
    """One turn: so many connections, spread over these ports of this machine, for so long."""

    ports: Sequence[int]
    connections: int
    seconds: float
    path: str
    tokens: Sequence[str]
    """Bearer tokens, taken in turn; none is sent when there is none."""
    bodies: Sequence[str]
    """JSON, taken in turn; the next order goes on where this one ended."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a turn. Times are in seconds, from the first byte sent until the last one received."""

    done: int
    seconds: float
    p50: float
    p99: float
    statuses: dict[str, int]
    length: int
    """Bytes of one answer's body: the one that came most."""

    @property
    def per_second(self) -> float:
        """Answers in a second."""
        return self.done / self.seconds


class Speaker:
    """The process. It is gone at the end of the block."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def turn(self, order: Order) -> Heard:
        """One turn. Raises RuntimeError when any answer is another than 200."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the process that speaks to the servers has ended")
        heard = Heard(**json.loads(line))
        if set(heard.statuses) != {"200"}:
            raise RuntimeError(f"a server refused: {heard.statuses}")
        return heard

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        self._process.communicate()


class Turn:
    """What the connections of one turn share."""

    def __init__(self, requests: Sequence[bytes], numbers: "count[int]", seconds: float) -> None:
        self.requests, self._numbers = requests, numbers
        self.began = perf_counter()
        self.until = self.began + seconds
        self.taken: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()

    def next(self) -> bytes:
        """The request whose turn it is."""
        return self.requests[next(self._numbers) % len(self.requests)]


class Connection(asyncio.Protocol):
    """One connection; `over` is done when its turn is."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._got = bytearray()
        self._end = 0
        self._done = False
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Send the first."""
        self._transport = transport
        self._send()

    def _send(self) -> None:
        self._sent = perf_counter()
        self._transport.write(self._turn.next())

    def data_received(self, data: bytes) -> None:
        """A part of an answer; when it was the last, send the next request."""
        self._got += data
        if not self._end:
            head = self._got.find(END_OF_HEAD)
            if head < 0:
                return
            fields = bytes(self._got[:head]).lower()
            length = int(fields.partition(LENGTH)[2].partition(b"\r\n")[0])
            self._end = head + len(END_OF_HEAD) + length
            self._turn.lengths[length] += 1
        if len(self._got) < self._end:
            return
        now, turn = perf_counter(), self._turn
        turn.taken.append(now - self._sent)
        turn.statuses[bytes(self._got[9:12]).decode()] += 1
        self._got.clear()
        self._end = 0
        if now < turn.until:
            self._send()
        else:
            self._done = True
            self._transport.close()

    def connection_lost(self, error: Exception | None) -> None:
        """Its turn is over; or the server hung up, which counts as a refusal."""
        if not self._done:
            self._turn.statuses["hung up"] += 1
        self.over.set_result(None)


async def speak(order: Order, numbers: "count[int]") -> Heard:
    """One turn, in this process."""
    requests = [
        _request(order.path, order.tokens[n % len(order.tokens)] if order.tokens else "", body)
        for n, body in enumerate(order.bodies)
    ]
    turn, loop = Turn(requests, numbers, order.seconds), asyncio.get_running_loop()
    connections = []
    for number in range(order.connections):
        port = order.ports[number % len(order.ports)]
        connections.append((await loop.create_connection(lambda: Connection(turn), "127.0.0.1", port))[1])
    await asyncio.gather(*(connection.over for connection in connections))
    taken = sorted(turn.taken) or [0.0]
    return Heard(
        done=len(turn.taken),
        seconds=perf_counter() - turn.began,
        p50=taken[len(taken) // 2],
        p99=taken[min(len(taken) - 1, int(len(taken) * 0.99))],
        statuses=dict(turn.statuses),
        length=max(turn.lengths, key=turn.lengths.__getitem__, default=0),
    )


def _request(path: str, token: str, body: str) -> bytes:
    raw = body.encode()
    bearer = f"Authorization: Bearer {token}\r\n" if token else ""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost:8080\r\n{bearer}Content-Type: application/json\r\n"
    return f"{head}Content-Length: {len(raw)}\r\n\r\n".encode() + raw


def main() -> None:
    """Take orders until there are no more."""
    numbers = count()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        for line in sys.stdin:
            heard = runner.run(speak(Order(**json.loads(line)), numbers))
            print(json.dumps(asdict(heard)), flush=True)


if __name__ == "__main__":
    main()
