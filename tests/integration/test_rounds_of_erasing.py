"""Who is still needed is looked at once in the log's time, and goes on the very day on which they would have gone without that."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
import sqlalchemy as sa

from broker.domain.calendar import local_day
from broker.domain.erasure import LOG_KEPT, Noted
from broker.domain.stores import AuthorityClaim
from broker.storage import tables as t
from tests.factories import (
    SENDER,
    TODAY,
    Storeroom,
    a_storeroom,
    born,
    gezag,
    with_handover,
    with_partners,
    with_people,
)
from tests.support.world import World

TOM, READER = "tom-to-school", "ib-joris"
LATER = date(2030, 1, 1)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    yield store
    await store.database.close()


async def test_only_what_stays_known_makes_somebody_needed_until_today(store: Storeroom) -> None:
    """Whoever is only named in a body may be left out of it by a correction: for them the last statement counts."""
    await with_partners(store)
    people = await with_people(store, child=born(8), mother=born(40), uncle=born(50))
    async with store.storage() as work:
        claim = AuthorityClaim(gezag(people["mother"], people["child"]), "register")
        await work.authorities.state([claim], SENDER, store.clock())
        await work.authorities.seal(people.values())
        await work.commit()
    await with_handover(store, people)
    async with store.storage() as work:
        assert await work.erasure.unneeded(list(people.values())) == [], "a kept handover names them all"
        await work.erasure.needed(list(people.values()), LATER)
        await work.commit()
    assert await days(store) == {people["child"]: LATER, people["mother"]: LATER, people["uncle"]: TODAY}
    async with store.storage(writing=False) as work:
        uncle, *others = [
            Noted(TODAY, people["uncle"]),
            *sorted(Noted(LATER, people[who]) for who in ("child", "mother")),
        ]
        assert await work.erasure.unsure(LATER, None, 10) == [uncle, *others], "who was not looked at for longest first"
        assert await work.erasure.unsure(LATER, None, 2) == [uncle, others[0]]
        assert await work.erasure.unsure(LATER, others[0], 10) == [others[1]], "of one day by id"
        assert await work.erasure.unsure(TODAY, None, 10) == [uncle]
        assert await work.erasure.unsure(TODAY, uncle, 10) == []


async def test_when_all_is_over_the_last_day_is_noted_and_not_today(store: Storeroom) -> None:
    await with_partners(store)
    people = await with_people(store, child=born(8))
    handover = await with_handover(store, people)
    async with store.storage() as work:
        contents = await work.erasure.contents(handover.id)
        assert contents is not None
        await work.lists.withdraw(handover.id, contents.state, store.clock())
        await work.erasure.needed(list(people.values()), LATER)
        await work.commit()
    assert await days(store) == {people["child"]: TODAY}


async def test_rounds_in_between_do_not_move_the_day(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    async with world.broker.house.storage(writing=False) as work:
        who = await work.handovers.people(world.handovers[TOM])  # type: ignore[arg-type]
    assert (await world.broker.erasure.erase_due()).people == 0
    async with world.broker.house.storage(writing=False) as work:
        until = LOG_KEPT.before(local_day(world.clock()))
        assert await work.erasure.unsure(until, None, 10) == [], "nobody is asked about again every hour"
    path = f"/v1/handovers/{world.handovers[TOM]}"
    assert (await world.as_organisation(world.sender(TOM), "DELETE", path)).status_code == 204
    for period in ("P1Y", "P2Y", "P1Y11M"):
        world.clock.later(period)
        assert (await world.broker.erasure.erase_due()).people == 0, period
    world.clock.later("P1M2D")
    assert (await world.broker.erasure.erase_due()).people == len(who)


async def days(store: Storeroom) -> dict[str, date]:
    """What is noted of everybody."""
    async with store.database.engine.connect() as connection:
        await connection.execution_options(writing=False)
        rows = (await connection.execute(sa.select(t.person.c.id, t.person.c.needed_on))).all()
    return {row.id: row.needed_on for row in rows}
