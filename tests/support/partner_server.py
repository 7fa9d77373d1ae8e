"""A partner's own server on this machine: it hears what a broker sends to its webhook, verifies it, and answers as it is told."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from broker.client.webhooks import CHECK, verify

Answer = Callable[["Message"], bytes]


def answering(status: int, *headers: str, body: bytes = b"") -> Answer:
    """Always this answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return lambda _: "\r\n".join(lines).encode() + body


@dataclass(frozen=True)
class Message:
    """One request as it came."""

    line: str
    headers: dict[str, str]
    body: bytes
    event: dict[str, Any]


@dataclass
class Partner:
    """Who listens. `answer` is what it says to events; a check it answers as it should, unless `proves` is off."""

    keys: Sequence[Any]
    url: str = ""
    answer: Answer = field(default_factory=lambda: answering(204))
    proves: bool = True
    heard: list[Message] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that came, without checks, in the order in which they came."""
        return [message.event for message in self.heard if message.event["type"] != CHECK]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One request."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
            line, *rest = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in rest)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            message = Message(line, headers, body, verify(headers, body, self.keys, time.time()))
            self.heard.append(message)
            self.waiting.set()
            await self.hold.wait()
            said = self.answer(message)
            if message.event["type"] == CHECK and self.proves:
                said = answering(204, f"Webhook-Challenge: {message.event['data']['challenge']}")(message)
            writer.write(said)
            await writer.drain()
        with contextlib.suppress(ConnectionError):
            writer.close()
            await writer.wait_closed()


@contextlib.asynccontextmanager
async def partner(keys: Sequence[Any]) -> AsyncIterator[Partner]:
    """A partner that listens on this machine until the end of the block, and knows these keys."""
    one = Partner(keys)
    one.hold.set()
    handlers: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handlers.add(task)
        await one.serve(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    one.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/rondom"
    try:
        yield one
    finally:
        one.hold.set()
        server.close()
        failed = [e for e in await asyncio.gather(*handlers, return_exceptions=True) if isinstance(e, BaseException)]
        assert not failed, failed
