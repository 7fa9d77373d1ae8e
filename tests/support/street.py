"""A whole broker of this process on a real port, for browsers: its world lives in a thread of its own.

Plain functions, such as those that drive Chromium, ask it with `do` to do what takes a use case; people meet its pages.
"""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import uvicorn

from tests.support.world import World, open_world

T = TypeVar("T")


@dataclass
class Street:
    """The broker, and where it is met."""

    url: str
    world: World
    loop: asyncio.AbstractEventLoop

    def do(self, what: Coroutine[Any, Any, T]) -> T:
        """Let the broker's own thread do something; waits for it, for a minute at most."""
        return asyncio.run_coroutine_threadsafe(what, self.loop).result(60)


@contextmanager
def street(
    directory: Path, database: Path, keys: Path, more: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Street]:
    """Open it on a database that was migrated already, on SQLite; gone at the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://localhost:{listener.getsockname()[1]}"
    opened: list[Street] = []
    failed: list[BaseException] = []
    ready, over = threading.Event(), threading.Event()

    async def live() -> None:
        async with AsyncExitStack() as stack:
            settings = {"BROKER_PUBLIC_URL": url, **more}
            address = f"sqlite:///{database}"
            world = await stack.enter_async_context(open_world(directory, "sqlite", address, keys, None, settings))
            config = uvicorn.Config(world.app, log_config=None, access_log=False, ws="none", lifespan="off")
            server = uvicorn.Server(config)
            serving = asyncio.create_task(server.serve([listener]))
            opened.append(Street(url, world, asyncio.get_running_loop()))
            ready.set()
            await asyncio.to_thread(over.wait)
            server.should_exit = True
            await serving

    def run() -> None:
        try:
            asyncio.run(live())
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            failed.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(60)
    try:
        if failed:
            raise failed[0]
        yield opened[0]
    finally:
        over.set()
        thread.join(30)
        listener.close()
