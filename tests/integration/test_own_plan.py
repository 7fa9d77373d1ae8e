"""A family's own plan, from the phone to the reader and back: over HTTP and the real pages."""

import re

from broker.cli.visitor import form_of
from tests.support.own_plans import PURPOSE, SECTION, codes_for_plans, plans_on, say, write_plan
from tests.support.world import World

TOM, SCHOOL_READER = "tom-to-school", "ib-joris"
SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
MOTHER, FATHER, TOMS = "+31600000011", "mark@family.example", "+31600000013"
TEXT = "Opa haalt Tom op woensdag op. Tante Bea kookt op donderdag."
NEW = "Opa haalt Tom op dinsdag op. Dat is beter."


async def received(world: World) -> list[str]:
    """Ids of what school may read for that purpose."""
    listed = (await world.as_professional(SCHOOL_READER, "GET", "/v1/handovers?box=received")).json()["items"]
    return [one["id"] for one in listed if one["purpose"] == PURPOSE]


async def read(world: World, handover: str) -> object:
    body = {"handover": handover, "purpose": PURPOSE}
    return await world.as_professional(SCHOOL_READER, "POST", "/v1/releases", body)


async def test_mother_writes_everybody_says_yes_school_reads_and_tom_stops(world: World) -> None:
    await world.push(TOM)
    code = await world.invite(TOM, "mother")
    async with world.browser() as browser:
        await world.come_in(browser, code)
        receipt = await write_plan(browser, TEXT, ["Tom"], ["Basisschool"])
        assert receipt.url.path.startswith("/receipt/"), receipt.text
        assert TEXT not in receipt.text
    assert await received(world) == []
    [fathers], [toms] = await codes_for_plans(world, FATHER), await codes_for_plans(world, TOMS)
    assert (await say(world, fathers, "yes")).url.path.startswith("/receipt/")
    assert await received(world) == [], "Tom has not answered yet"
    await say(world, toms, "yes")
    [plan] = await received(world)
    response = await read(world, plan)
    assert response.status_code == 200, response.text
    [section] = response.json()["released"]
    assert (section["type"], section["content"]) == (SECTION, TEXT)
    assert not re.search("Linh|moeder|mother|author", response.text)

    async with world.browser() as browser:
        await world.come_in(browser, code)
        mine = (await browser.get("/mine")).text
        assert "Basisschool" in mine
        [address] = plans_on(mine)
        page = await browser.post(f"/mine/plans/{address}/text", data=form_of(mine, f"/mine/plans/{address}/text"))
        assert TEXT in page.text
        fields = form_of(page.text, f"/mine/plans/{address}")
        assert (await browser.post(f"/mine/plans/{address}", data={**fields, "text": NEW})).url.path == "/mine"
    events = (await world.as_organisation(SCHOOL, "GET", "/v1/events")).json()["items"]
    assert [event["type"] for event in events if event["data"]["handover"] == plan] == [
        "nl.rondom.handover-corrected.v1"
    ]
    assert (await read(world, plan)).json()["released"][0]["content"] == NEW

    async with world.browser() as browser:
        await world.come_in(browser, toms)
        mine = (await browser.get("/mine")).text
        stopped = await browser.post("/mine/stop", data={**form_of(mine, "/mine/stop"), "section": SECTION})
        assert stopped.url.path.startswith("/receipt/")
    refused = await read(world, plan)
    assert refused.status_code == 403
    assert NEW not in refused.text
    assert await received(world) == []
