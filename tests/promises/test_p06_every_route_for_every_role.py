"""P06: every route of the console, for everybody who might try it: who lacks the right gets nothing, and learns nothing."""

import contextlib
import json

import httpx

from broker.domain.motions import MotionKind
from broker.domain.officers import RIGHTS, OfficerRole
from broker.services.motion_screens import Wanted
from tests.support.agreements import propose
from tests.support.console_rights import ANYBODY, INVITED, NEEDS, OWN_TO_PARTIES, SCRIPTED, SIGNED_IN, Need
from tests.support.officers import OfficerBrowser, officer_browser
from tests.support.review import an_item
from tests.support.surface import NO_SUCH_ID, doubt, filled, inventory, rows_of, told
from tests.support.world import World

TOM = "tom-to-school"
SENDER, STRANGER = "00000099000000010000", "00000099000000030000"
LEAVES = {"POST /console/sign-out", "POST /console/language", "POST /console/own/visits"}
"""Open to whoever may, and not tried for everybody: they end the visits that the rest is tried with."""


def needed(app: object) -> set[str]:
    looks, acts = inventory(app)  # type: ignore[arg-type] # an application
    return {f"GET {path}" for path in looks if path.startswith("/console")} | {
        act for act in acts if act.partition(" ")[2].startswith("/console")
    }


async def test_a_new_route_has_its_line_in_the_table(world: World) -> None:
    assert needed(world.app) == set(NEEDS)


async def ids_of(world: World) -> dict[str, str]:
    """One of each thing that has an id, and is there."""
    await world.push(TOM)
    await doubt(world)
    await world.ask(TOM, "ib-joris")
    entry = next(row.entry_id for row in await rows_of(world, "log_entry") if row.type == "release:denied")
    async with officer_browser(world) as officer:
        wanted = Wanted(MotionKind.SUSPEND, "Een lek.", STRANGER)
        motion = await world.broker.motions.propose(officer.token, wanted)
    return {
        "entry_id": entry,
        "matter_id": (await rows_of(world, "matter"))[0].id,
        "proposal_id": await propose(world),
        "motion_id": motion,
        "item_id": await an_item(world),
        "period": "weeks",
        "quarter": "2026-Q3",
        "provider": "waterdijk",
        "reason": "login-unknown",
        "purpose": "take-away",
        "back": "files",
    }


def may(need: Need, role: OfficerRole | None, stage: str) -> bool:
    if need == ANYBODY:
        return True
    if need == INVITED:
        return stage == "invited"
    return role is not None and (need == SIGNED_IN or need in RIGHTS[role])


async def tried(who: OfficerBrowser, route: str, ids: dict[str, str]) -> httpx.Response:
    method, _, template = route.partition(" ")
    address = filled(template, ids)
    if method == "GET":
        return await who.browser.get(address)
    if address.endswith(SCRIPTED):
        headers = {"X-CSRF-Token": who.csrf, "Content-Type": "application/json"}
        return await who.browser.post(address, content=json.dumps({}), headers=headers)
    return await who.browser.post(address, data={"csrf": who.csrf})


def let_through(response: httpx.Response) -> bool:
    """Whether whatever lies behind the right answered: a page, a fault in the form, or that a passkey must be used."""
    if response.status_code == 403:
        return "niet bij uw taak" not in response.text
    return response.status_code != 401 and response.headers.get("location") != "/console"


async def test_every_route_answers_those_with_the_right_and_nobody_else(world: World) -> None:
    ids = await ids_of(world)
    people: dict[str, tuple[OfficerRole | None, str, str]] = {
        "officer": (OfficerRole.OFFICER, "signed-in", ""),
        "of the sender": (OfficerRole.OF_ORGANISATION, "signed-in", SENDER),
        "log keeper": (OfficerRole.KEEPER, "signed-in", ""),
        "invited": (None, "invited", ""),
        "withdrawn": (None, "signed-in", ""),
        "family": (None, "", ""),
        "nobody": (None, "", ""),
    }
    seen = {True: 0, False: 0}
    for name, (role, stage, organisation) in people.items():
        async with contextlib.AsyncExitStack() as stack:
            let = officer_browser(world, stage or "signed-in", role or OfficerRole.OFFICER, organisation)
            who = await stack.enter_async_context(let)
            await become(world, name, who)
            who.browser.follow_redirects = False
            for route, need in NEEDS.items():
                if route in LEAVES or need == ANYBODY:
                    continue
                answer = await tried(who, route, ids)
                assert answer.status_code < 500, (name, route, answer.text)
                assert let_through(answer) is may(need, role, stage), (name, route, answer.status_code, answer.text)
                seen[may(need, role, stage)] += 1
                if stage == "signed-in" and role is None:
                    assert "set-cookie" not in answer.headers
    assert min(seen.values()) > 30, "both were tried"


async def become(world: World, name: str, who: OfficerBrowser) -> None:
    """Whoever is no officer that signed in."""
    if name == "withdrawn":
        await world.broker.oversight.withdraw_officer(who.officer)
    elif name in ("nobody", "family"):
        who.browser.cookies.delete("rondom-console")
    if name == "family":
        page = await world.come_in(who.browser, await world.invite(TOM, "mother"))
        assert page.url.path == "/questions/1"


async def test_an_id_of_somebody_else_answers_as_one_that_is_not_there(world: World) -> None:
    ids = await ids_of(world)
    nowhere = dict.fromkeys(ids, NO_SUCH_ID) | {"purpose": "take-away", "back": "files"}
    guessed = [route for route in NEEDS if any(f"{{{name}}}" in route for name in OWN_TO_PARTIES)]
    assert len(guessed) >= 3
    async with contextlib.AsyncExitStack() as stack:
        party, stranger = [
            await stack.enter_async_context(
                officer_browser(world, role=OfficerRole.OF_ORGANISATION, organisation=organisation)
            )
            for organisation in (SENDER, STRANGER)
        ]
        for route in guessed:
            there, not_there = await tried(stranger, route, ids), await tried(stranger, route, nowhere)
            assert there.status_code in (403, 404), route
            assert _told(there, ids) == _told(not_there, nowhere), route
            if route.startswith("GET"):
                assert (await tried(party, route, ids)).status_code == 200, "it is there to see for who takes part"


def _told(response: httpx.Response, ids: dict[str, str]) -> tuple[object, ...]:
    asked = next(value for value in ids.values() if value in str(response.url))
    status, body, headers = told(response, but=asked)
    return status, body, [pair for pair in headers if pair[0] not in ("x-request-id", "content-length")]
