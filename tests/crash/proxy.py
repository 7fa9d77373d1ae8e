"""A wire between broker and PostgreSQL that can be cut: it forwards, swallows everything, resets, or is slow."""

import asyncio
import contextlib
import socket
import struct
import threading
from pathlib import Path
from typing import Literal, Self

from sqlalchemy.engine import make_url

Mode = Literal["open", "hole", "reset", "slow"]
SLOW = 0.4
"""Seconds that each piece takes on a slow wire."""
TICK = 0.05


class Proxy:
    """Listens on TCP, in a thread of its own, and leads to a Unix socket.

    A `hole` acknowledges what is sent, takes new connections, and forwards nothing in either direction: what was sent
    meanwhile is never delivered, and nobody is told.
    """

    def __init__(self, behind: Path) -> None:
        self._behind = str(behind)
        self._mode: Mode = "open"
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._lines: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop
        ).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        mine = asyncio.current_task()
        others = [task for task in asyncio.all_tasks() if task is not mine]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def leads_to(self, url: str) -> str:
        """The same database by way of this wire."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        changed = make_url(url).set(host="127.0.0.1", port=port, query={})
        return changed.render_as_string(hide_password=False)

    def become(self, mode: Mode) -> None:
        """From now on."""
        asyncio.run_coroutine_threadsafe(self._become(mode), self._loop).result()

    async def _become(self, mode: Mode) -> None:
        was, self._mode = self._mode, mode
        if mode == "reset" or (was == "hole" and mode == "open"):
            for writer in tuple(self._lines):  # who came out of a hole finds that nobody knows the connection any more
                line = writer.get_extra_info("socket")
                with contextlib.suppress(OSError):
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._lines.add(writer)
        try:
            while self._mode == "hole":  # noqa: ASYNC110  it is told by nobody
                await asyncio.sleep(TICK)
            if self._mode == "reset":
                writer.transport.abort()
                return
            far_reader, far_writer = await asyncio.open_unix_connection(self._behind)
            self._lines.add(far_writer)
            try:
                both = [
                    asyncio.create_task(self._carry(reader, far_writer)),
                    asyncio.create_task(self._carry(far_reader, writer)),
                ]
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
                for task in both:
                    task.cancel()
            finally:
                self._lines.discard(far_writer)
                far_writer.close()
        except (OSError, asyncio.CancelledError):
            pass  # who was cancelled would be asked for its exception by Python 3.11, which then complains
        finally:
            self._lines.discard(writer)
            writer.close()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(65536):
                if self._mode == "slow":
                    await asyncio.sleep(SLOW)
                if self._mode == "hole":
                    await asyncio.Event().wait()  # gone, and so is all that comes after it
                writer.write(piece)
                await writer.drain()
