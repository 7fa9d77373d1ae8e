"""A whole release over HTTP, sealed to its recipient beside in clear: five sections of 8 KiB, everything real but the network."""

import contextlib
import io
import secrets
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from broker import observability
from broker.client import ClientSealingKey
from broker.storage import migrate
from tests.bench.measure import Effort, Result, Way, compare_work
from tests.promises.attacks import READER, TOM, Case, push, registered
from tests.support.postgres import shared_server
from tests.support.sqlite import copied_sqlite, migrated_sqlite
from tests.support.world import World, make_keys, open_world

MATTER = "A whole release: sealed to its recipient, beside in clear"
TYPES = ("status", "voice-of-the-child", "safety-plan", "status", "safety-plan")
MOST = 1.5
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
CLOCKS = {"wall": "time", "cpu": "CPU, with its caller"}


async def run(effort: Effort) -> list[Result]:
    """On both databases; PostgreSQL's waiting time is the one that is promised."""
    found: list[Result] = []
    for database in ("sqlite",) if effort.tiny else ("sqlite", "postgresql"):
        async with a_world(database) as world:
            both = await _compared(effort, await _case(world, 1 if effort.tiny else 8))
        for clock, (ratio, a, b) in both.items():
            promised = database == "postgresql" and clock == "wall"
            name = "sealed_vs_plain_release" + ("" if promised else f"_{database}_{clock}")
            what = f"{NAMES[database]}, {CLOCKS[clock]}"
            found.append(Result(name, what, ratio, a * 1e3, b * 1e3, "ms", MOST))
    return found


async def _compared(effort: Effort, case: Case) -> dict[str, tuple[float, float, float]]:
    key, reader = ClientSealingKey.new(), case.world.professional(READER[TOM])[0]

    async def ask() -> None:
        response = await case.ask()
        assert response.status_code == 200, response.text
        assert response.content.count(b'"mediaType"') == len(TYPES)

    async def sealed() -> None:
        await registered(case.world, reader, key)

    async def clear() -> None:
        await registered(case.world, reader, None)

    return await compare_work(effort, Way(ask, sealed), Way(ask, clear))


async def _case(world: World, kilobytes: int) -> Case:
    def five(body: dict[str, Any]) -> None:
        like = {section["type"]: section for section in body["sections"]}
        body["sections"] = [
            {**like[name], "mediaType": "text/markdown", "content": secrets.token_hex(kilobytes * 512)}
            for name in TYPES
        ]

    case = await push(world, TOM, five)
    await case.everybody_says_yes()
    return case


class Nowhere(io.RawIOBase):
    """Takes the operational log and keeps nothing."""

    def write(self, line: Any) -> int:
        """Forget it."""
        return len(line)


@contextlib.asynccontextmanager
async def a_world(database: str) -> AsyncIterator[World]:
    """A fresh broker on a fresh database, whose log goes nowhere."""
    with contextlib.ExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="rondom-bench-")))
        observability.set_up(stream=Nowhere())
        if database == "sqlite":
            url = copied_sqlite(migrated_sqlite(directory), directory)
        else:
            server = held.enter_context(shared_server(f"bench-{secrets.token_hex(6)}"))
            urls = server.create_database()
            migrate.upgrade(urls.owner_url, application=urls.app_url)
            url = urls.app_url
        async with open_world(directory, database, url, make_keys(directory)) as world:
            yield world
