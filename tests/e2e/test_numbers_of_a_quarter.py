"""What handovers about both families add to the numbers of a quarter: the same on the officer's page, in its file and by the API."""

import csv
import io
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from broker.domain.calendar import local_day
from broker.domain.indicators import Quarter
from tests.e2e.test_every_page import opened_street, phone
from tests.promises.attacks import TOM, push
from tests.support.officers import let_in, signed_in
from tests.support.quarters import in_region
from tests.support.street import Street

FOSTER = "start-of-foster-care"


@pytest.fixture
def opened(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    with opened_street(tmp_path, sqlite_template, world_keys) as street:
        yield street


def test_handovers_are_counted_and_one_family_s_answer_is_not_told(opened: Street, browser: Browser) -> None:
    world = opened.world
    quarter = Quarter.of(local_day(world.clock())).text
    opened.do(in_region(world, {world.sender(TOM): "Utrecht"}))
    for name, number in ((TOM, 6), (FOSTER, 7)):
        for _ in range(number):
            case = opened.do(push(world, name))
        path = f"/v1/handovers/{case.handover.id}/versions"
        assert opened.do(world.as_organisation(world.sender(name), "POST", path, case.body)).status_code == 201
    opened.do(world.push(TOM))
    opened.do(world.everybody_says_yes(TOM))
    world.clock.moved += timedelta(days=100)

    async def followed() -> str:
        token = (await signed_in(world.broker, await let_in(world.broker)))[0]  # a line of the next quarter
        await world.settle()
        while await world.broker.following.step():
            pass
        return token

    token = opened.do(followed())
    with phone(browser, "nl") as page:
        page.context.add_cookies([{"name": "rondom-console", "value": token, "url": opened.url}])
        page.goto(f"{opened.url}/console/indicators/{quarter}")
        shown = page.locator("main").inner_text()
        file = page.request.get(f"{opened.url}/console/indicators/{quarter}/file").text()
    lines = list(csv.DictReader(io.StringIO(file)))
    assert len({tuple(value for name, value in line.items() if name != "value") for line in lines}) == len(lines)
    told = {(line["indicator"], line["measure"]): line["value"] for line in lines if everything(line)}
    answer = opened.do(world.as_organisation(world.sender(TOM), "GET", f"/v1/indicators?quarter={quarter}")).json()
    items = [item for item in answer["items"] if everything(item)]
    said = {(item["indicator"], item["measure"]): str(item.get("value", "")) for item in items if not item["own"]}
    assert "Gestuurd: 14" in shown
    assert said == told
    assert told["handovers", "pushed"] == "14"
    assert {told["answers", "yes"], told["answers", "no"], told["corrections", "corrected"]} == {""}, "under five"
    own = {item.get("value") for item in items if item["own"] and item["measure"] == "pushed"}
    assert own == {7}, "the sender knows its own part"
    for name in ("Tom", "Chayenne", "999990019"):
        assert name not in shown + file + str(answer)


def everything(one: Mapping[str, Any]) -> bool:
    """Of all kinds, regions and months together."""
    return not any(one.get(part) for part in ("month", "kind", "region"))
