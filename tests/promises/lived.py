"""A world with a history, made once of each kind of database: everybody said yes, and somebody read it."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest

from broker.storage import migrate
from tests.support.postgres import DatabaseUrls, PostgresServer
from tests.support.sqlite import copied_sqlite
from tests.support.world import GUARD, Furniture, World, open_world

HANDOVER, WHO = "tom-to-school", "ib-joris"
YES = {"status": "yes"}
SIGNERS = ("mother", "father", "tom")


async def given(world: World) -> None:
    await world.push(HANDOVER)
    for person in SIGNERS:
        await world.answer(HANDOVER, person, YES)
    await world.settle()
    assert await world.gets(HANDOVER, WHO) == ["status"]
    await world.settle()


class Given:
    """Databases of such worlds to copy, and what is known of each; `given` makes the history."""

    def __init__(self, request: pytest.FixtureRequest, folder: Path) -> None:
        self._request, self._folder = request, folder
        self._found: dict[str, tuple[Furniture, World]] = {}
        self._template = f"given-{secrets.token_hex(8)}"  # a worker may come back to a module, with another history

    def sqlite(self) -> Path:
        path = self._folder / "broker.db"
        if "sqlite" not in self._found:
            copied_sqlite(self._request.getfixturevalue("sqlite_template"), self._folder)
            self._live("sqlite", f"sqlite:///{path}")
        return path

    def postgresql(self, server: PostgresServer) -> str:
        def add(urls: DatabaseUrls) -> None:
            migrate.upgrade(urls.owner_url, application=urls.app_url)
            self._live("postgresql", urls.app_url)

        return server.make_template(self._template, add)

    def _live(self, kind: str, url: str) -> None:
        folder = self._folder / kind
        folder.mkdir()
        keys = self._request.getfixturevalue("world_keys")

        async def live() -> tuple[Furniture, World]:
            async with open_world(folder, kind, url, keys) as world:
                await given(world)
                await world.settle()
            return Furniture(world.keys, (folder / GUARD).read_bytes()), world

        self._found[kind] = asyncio.run(live())

    def furniture(self, kind: str) -> Furniture:
        return self._found[kind][0]

    def recall(self, world: World) -> World:
        """What is known of a world that was copied: its handovers, its codes."""
        lived = self._found[world.database][1]
        return replace(world, handovers=dict(lived.handovers), codes=dict(lived.codes))
