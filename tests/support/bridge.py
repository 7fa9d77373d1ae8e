"""The organisations' client, which is synchronous, against a world, which is not: in a thread, over the world's own HTTP."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import httpx

from broker.client import Client
from tests.support.world import URL, World

T = TypeVar("T")


class Bridge(httpx.BaseTransport):
    """Carries each request from a thread into the loop in which the world lives."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._loop = asyncio.get_running_loop()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """One request; waits a minute at most."""
        sent = self._world.http.request(
            request.method, str(request.url), headers=request.headers, content=request.read()
        )
        answer = asyncio.run_coroutine_threadsafe(sent, self._loop).result(60)
        plain = {name: value for name, value in answer.headers.items() if name != "content-encoding"}
        return httpx.Response(answer.status_code, headers=plain, content=answer.content)


def client_of(world: World, oin: str, **more: Any) -> Client:
    """The client of an organisation that the world knows."""
    return Client(URL, oin, world.keys[oin], transport=Bridge(world), **more)


async def aside(work: Callable[[], T]) -> T:
    """What blocks, in a thread of its own, while the world goes on."""
    return await asyncio.to_thread(work)
