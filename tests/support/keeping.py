"""Whoever keeps the keys, in tests: a world with keys of its own, and the question whether everything still opens."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import sqlalchemy as sa

from broker.domain.keys import KeyFacts, KeyPurpose, KeyState
from broker.domain.ports import place_of
from broker.storage import tables as t
from broker.whole import Broker
from tests.support.world import World, make_keys, open_world


@contextlib.asynccontextmanager
async def world_of_its_own(directory: Path, database_url: str) -> AsyncIterator[World]:
    """A world whose keys no other test uses."""
    kind = database_url.partition(":")[0].partition("+")[0]
    async with open_world(directory, kind, database_url, make_keys(directory)) as world:
        yield world


async def current(broker: Broker, purpose: KeyPurpose) -> KeyFacts:
    """The key that does the new work."""
    return next(k for k in await broker.keys.all() if k.purpose is purpose and k.state is KeyState.IN_USE)


async def everything(broker: Broker) -> dict[str, bytes]:
    """Every section of every handover that is not withdrawn, opened; and every opening of the log is opened too."""
    house = broker.house
    found: dict[str, bytes] = {}
    async with house.storage(writing=False) as work:
        connection = work.handovers._connection  # type: ignore[attr-defined]
        kept = sa.select(t.section.c.handover).where(t.section.c.kid.is_not(None)).distinct()
        for (identity,) in (await connection.execute(kept)).all():
            handover = await work.handovers.get(identity)
            assert handover is not None
            sealed = await work.handovers.sealed(handover.sections)
            for section in handover.sections:
                clear = await house.aside(house.vault.open, place_of(handover, section), sealed[section.id])
                assert clear is not None
                found[section.id] = clear
        for (entry,) in (await connection.execute(sa.select(t.log_entry.c.entry_id))).all():
            await work.log.openings(entry)
    return found
