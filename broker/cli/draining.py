"""A broker that is told to end lets those before it know first, and refuses nobody who is on the way.

1. SIGTERM: for `seconds` it goes on serving; `/readyz` says 503, and every answer ends its connection (`Connection: close`,
   RFC 9112 section 9.6), so that a proxy keeps none in store on which it could send just when it is closed.
2. Then nobody new is let in, which a proxy may answer by asking another broker whatever the method: nothing was sent.
3. Who stood at the door by then, or was let in and not heard yet, is served still: they may have said what they want.
4. What is under way is finished, as long as the server waits for that. A second signal, or SIGINT, skips the first step.
"""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from types import FrameType

import uvicorn
from starlette.datastructures import MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEARING = 0.2
"""Seconds in which whoever was let in says what they want."""


class Draining:
    """The application, which knows whether it is to end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.ending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; while it ends, as the last of its connection."""
        if not self.ending or scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def last(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        ready = PlainTextResponse("ending\n", 503, {"Retry-After": "5"})
        await (ready if scope["path"] == "/readyz" else self._app)(scope, receive, last)


class DrainingServer(uvicorn.Server):
    """A server that ends in these steps."""

    def __init__(self, config: uvicorn.Config, app: Draining, seconds: int) -> None:
        super().__init__(config)
        self._draining = app
        self._seconds = seconds
        self._until = 0.0

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """A signal came."""
        if sig == signal.SIGTERM and self._seconds and not self._draining.ending:
            self._until, self._draining.ending = time.monotonic() + self._seconds, True  # 1
            return
        super().handle_exit(sig, frame)  # 4

    async def on_tick(self, counter: int) -> bool:
        """Whether it is time to end."""
        if self._draining.ending and not self.should_exit and time.monotonic() >= self._until:
            super().handle_exit(signal.SIGTERM, None)  # 2
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End, in the last two steps."""
        waiting = [one for server in self.servers for door in server.sockets for one in _at(door)]
        for closing in (*self.servers, *(sockets or ())):
            closing.close()
        loop = asyncio.get_running_loop()
        for one in waiting:  # 3
            await loop.connect_accepted_socket(self._protocol, one)
        if not self.force_exit:
            await asyncio.sleep(HEARING)
        await super().shutdown(sockets)

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(  # type: ignore[call-arg]
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _at(door: socket.socket) -> Iterator[socket.socket]:
    """Whoever was connected by the system, and not let in yet."""
    with socket.socket(fileno=os.dup(door.fileno())) as same:
        same.setblocking(False)
        while True:
            try:
                one, _ = same.accept()
            except OSError:  # nobody any more
                return
            yield one
