"""Lists come in pages: a cursor can be read by nobody and used by its own caller alone, and a page's work has a bound."""

import re
from typing import Any
from unittest.mock import patch

import pytest

from broker.domain.handovers import Handover
from broker.domain.parties import Oin
from broker.services import boxes
from tests.promises.attacks import TOM, WITHDRAWN, Case, push
from tests.support.world import World

SENDER, SCHOOL, READER = "00000099000000010000", "00000099000000020000", "ib-joris"


async def page(world: World, who: str, query: str) -> dict[str, Any]:
    as_whom = world.as_organisation if who.isdigit() else world.as_professional
    response = await as_whom(who, "GET", f"/v1/handovers?{query}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("broker.api.handovers.PAGE", 2)


@pytest.mark.usefixtures("short_pages")
async def test_a_cursor_says_nothing_and_fits_no_other_list(world: World) -> None:
    cases = [await push(world, TOM) for _ in range(4)]
    for case in cases:
        await case.everybody_says_yes()
    mine = await page(world, SENDER, "box=sent")
    cursors = {
        "sent": mine["next"],
        "organisation": (await page(world, SCHOOL, "box=received"))["next"],
        "professional": (await page(world, READER, "box=received"))["next"],
    }
    for cursor in cursors.values():
        assert re.fullmatch(r"[A-Za-z0-9_-]+", cursor)
        assert not any(case.handover.id in cursor for case in cases)
    asked = {"sent": (SENDER, "sent"), "organisation": (SCHOOL, "received"), "professional": (READER, "received")}
    for of, cursor in cursors.items():
        for by, (who, box) in asked.items():
            as_whom = world.as_organisation if who.isdigit() else world.as_professional
            response = await as_whom(who, "GET", f"/v1/handovers?box={box}&after={cursor}")
            assert (response.status_code == 200) == (of == by), (of, by)
            if of != by:
                assert [fault["pointer"] for fault in response.json()["errors"]] == ["/after"]
                assert "items" not in response.json()
    following = await page(world, SENDER, f"box=sent&after={mine['next']}")
    assert [item["id"] for item in mine["items"] + following["items"]] == [c.handover.id for c in cases[::-1]]
    assert "next" not in following


async def test_a_cursor_that_was_changed_or_made_up_is_refused(world: World) -> None:
    case = await push(world, TOM)
    place = boxes.Place(world.broker.house.fields, "sent", SENDER, "")
    good = place.written(case.handover.id)
    assert (await page(world, SENDER, f"box=sent&after={good}"))["items"] == []
    middle = len(good) // 2
    changed = good[:middle] + ("A" if good[middle] != "A" else "B") + good[middle + 1 :]
    for wrong in (case.handover.id, "0", "%00", "é", "=", "a" * 399, "a" * 401, good[:-4], good + "AAAA", changed, "."):
        response = await world.as_organisation(SENDER, "GET", f"/v1/handovers?box=sent&after={wrong}")
        assert response.status_code == 400, wrong
        assert [fault["pointer"] for fault in response.json()["errors"]] == ["/after"]


async def _refused(world: World, number: int) -> list[Case]:
    found = []
    for _ in range(number):
        case = await push(world, TOM)
        await case.everybody_says_yes()
        await case.says("mother", "tom", WITHDRAWN)
        found.append(case)
    return found


async def test_one_page_looks_into_so_many_and_the_next_goes_on_where_it_ended(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await push(world, TOM)
    await opened.everybody_says_yes()
    closed = await _refused(world, 5)
    for _ in range(3):
        await push(world, TOM)  # nobody answered: not even looked into
    monkeypatch.setattr(boxes, "LOOKED_AT", 3)
    looked: list[str] = []
    see = boxes.seen_by_recipient

    async def seen(work: Any, house: Any, handover: Handover, *more: Any, **named: bool) -> Any:
        looked.append(handover.id)
        return await see(work, house, handover, *more, **named)

    with patch.object(boxes, "seen_by_recipient", seen):
        first = await page(world, READER, "box=received")
        assert (first["items"], len(looked)) == ([], 3)
        second = await page(world, READER, f"box=received&after={first['next']}")
        assert ([item["id"] for item in second["items"]], len(looked)) == ([opened.handover.id], 6)
    assert "next" not in second
    assert looked == [case.handover.id for case in (*closed[::-1], opened)]


async def test_what_nobody_answered_or_has_ended_costs_nothing(world: World) -> None:
    ended = await push(world, TOM)
    await ended.everybody_says_yes()
    await world.as_organisation(SENDER, "DELETE", f"/v1/handovers/{ended.handover.id}")
    await push(world, TOM)
    async with world.broker.house.storage(writing=False) as work:
        assert list(await work.lists.addressed(None, Oin(SCHOOL), "", 10)) == []
    answered = await push(world, TOM)
    await answered.says("mother", "tom")
    async with world.broker.house.storage(writing=False) as work:
        assert [found.id for found in await work.lists.addressed(None, Oin(SCHOOL), "", 10)] == [answered.handover.id]
