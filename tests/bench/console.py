"""The console: the first page of each view of a large log beside the same of a small one.

SIZE in the environment makes all logs smaller: `SIZE=0.02 make bench ONLY=console` takes a minute, and says little.
"""

import contextlib
import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from broker import observability
from broker.crypto.keyring import load_keyring
from broker.domain.calendar import local_day
from broker.domain.officers import OfficerRole
from broker.services.officer_screens import EntryFilter
from broker.storage import migrate
from tests.bench.lines import ORGANISATIONS, Street, filled_with_lines
from tests.bench.measure import Effort, Result, Way, Work, compare_work
from tests.bench.releases import Nowhere
from tests.factories import a_storeroom
from tests.support.officers import let_in, signed_in
from tests.support.postgres import PostgresServer, shared_server
from tests.support.sqlite import copied_sqlite, migrated_sqlite
from tests.support.world import World, make_keys, open_world

MATTER = "The console: the first page of each view, by the size of the log"
SIZES = {"sqlite": (10_000, 100_000), "postgresql": (10_000, 1_000_000)}
TINY = (120, 240)
LEAST = 100
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
RARE = "refused, of an organisation"
"""Seen by another organisation, the small log has no full page of it: the two pages would not be alike."""
MOST = 2.0
"""What a page of a large log may cost, beside the same page of the small one."""


async def run(effort: Effort) -> list[Result]:
    """Each view on both databases, the two sizes in turns."""
    observability.set_up(stream=Nowhere())
    found: list[Result] = []
    for database in ("sqlite",) if effort.tiny else tuple(SIZES):
        small, large = _sizes(database, tiny=effort.tiny)
        async with contextlib.AsyncExitStack() as held:
            less, more = [await held.enter_async_context(a_log(database, size)) for size in (small, large)]
            beside = await _views(less)
            for name, look in (await _views(more)).items():
                ratio, a, b = (await compare_work(effort, Way(look), Way(beside[name])))["wall"]
                what = f"{NAMES[database]}, {name}, {large:,} beside {small:,}"
                found.append(Result(_key(database, name), what, ratio, a * 1e3, b * 1e3, "ms", MOST))
    return found


def _sizes(database: str, *, tiny: bool) -> tuple[int, ...]:
    if tiny:
        return TINY
    share = float(os.environ.get("SIZE") or 1)
    return tuple(max(LEAST, int(size * share)) for size in SIZES[database])


def _key(database: str, view: str) -> str:
    return f"console_{database}_{view.replace(', ', '_').replace(' ', '_')}"


@contextlib.asynccontextmanager
async def a_log(database: str, size: int) -> AsyncIterator[World]:
    """A broker on a log of that size."""
    with contextlib.ExitStack() as held:
        directory = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="rondom-bench-")))
        server: PostgresServer | None = None
        if database == "sqlite":
            url = copied_sqlite(migrated_sqlite(directory), directory)
        else:
            server = held.enter_context(shared_server(f"bench-{secrets.token_hex(6)}"))
            urls = server.create_database()
            migrate.upgrade(urls.owner_url, application=urls.app_url)
            url = urls.app_url
        keys = make_keys(directory)
        store = a_storeroom(url, load_keyring(keys))
        try:
            await filled_with_lines(store, size, datetime.now(UTC), server)
        finally:
            await store.database.close()
        async with open_world(directory, database, url, keys) as world:
            await world.settle()
            yield world


async def _views(world: World) -> dict[str, Work]:
    """The first page of each, as an officer of the whole and as one of an organisation ask for it; and one deep page."""
    whole = (await signed_in(world.broker, await let_in(world.broker)))[0]
    of_one = await let_in(world.broker, OfficerRole.OF_ORGANISATION, ORGANISATIONS[1])
    own = (await signed_in(world.broker, of_one))[0]
    today = local_day(world.clock())
    child, reader = Street.person("child", 1), Street.person("reader", 1)
    viewing = world.broker.viewing
    searches = {
        "by time": EntryFilter(),
        "refused": EntryFilter(outcome="denied"),
        RARE: EntryFilter(outcome="denied", organisation=ORGANISATIONS[2]),
        "of an organisation": EntryFilter(organisation=ORGANISATIONS[2]),
        "a year": EntryFilter(first_day=today - timedelta(days=765), last_day=today - timedelta(days=400)),
        "a person": EntryFilter(subject=child),
        "a professional": EntryFilter(reader=reader),
        "two years back": EntryFilter(before=f"folds:{today - timedelta(days=730)}:ffffffff"),
    }

    def lines(token: str, wanted: EntryFilter) -> Work:
        async def look() -> None:
            await viewing.lines(token, wanted)

        return look

    def counts(ask: Callable[[str], object], token: str) -> Work:
        async def look() -> None:
            await ask(token)  # type: ignore[misc]  # either of two pages

        return look

    found: dict[str, Work] = {}
    for who, token in (("", whole), ("own part, ", own)):
        for name, wanted in searches.items():
            if not who or name != RARE:
                found[f"{who}{name}"] = lines(token, wanted)
        found[f"{who}days"] = counts(viewing.days, token)
        found[f"{who}organisations"] = counts(viewing.organisations, token)
    return found
