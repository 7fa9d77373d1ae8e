"""P01, P03 and P05 for somebody's own line of time: what they may read anyway, only by a press, only once it is logged."""

from collections.abc import Collection

import pytest

from broker.cli.visitor import form_of, forms_of
from broker.domain.events import EventType
from broker.domain.parties import PersonId
from broker.errors import NotFound, Unavailable
from broker.storage.authorities import Authorities
from broker.storage.unit_of_work import SqlUnitOfWork
from tests.promises.attacks import Case, entries
from tests.support.lifelines import FOSTER, NAME, Girl, section, timeline
from tests.support.world import World

SHOWN = EventType.RELEASE_SHOWN


async def two(world: World) -> Case:
    """Two handovers of one sender about her; the older things stand in the newer one."""
    girl = Girl(world)
    await girl.push(FOSTER, timeline(("2025-03", "Pleegouders <b>erbij</b>.")))
    about_both = {**section("Over moeder ook."), "concerns": ["chayenne", "mother"]}
    hidden = {**section("Niet voor haar."), "shieldedFrom": ["chayenne"]}
    history = timeline(("2010", "Hulp van toen."), section_type="help-history")
    case = await girl.push(FOSTER, timeline(("2018", "Naar opa.")), section("Een tekst."), about_both, hidden, history)
    world.handovers[NAME] = case.handover.id
    return case


async def test_she_reads_what_is_hers_in_order_and_each_handover_is_logged(world: World) -> None:
    await two(world)
    token = await world.visit(await world.invite(NAME, "chayenne"))
    found = await world.broker.consents.lifeline(token)
    assert [(one.since.text, one.what) for one in found.entries] == [
        ("2018", "Naar opa."),
        ("2025-03", "Pleegouders <b>erbij</b>."),
    ]
    assert [one.what for one in found.texts] == ["Een tekst."], "nothing of what is not hers alone"
    shown = [entry for entry in await world.entries() if entry.type == SHOWN]
    assert len(shown) == 2
    assert all("Naar opa" not in repr(entry) for entry in shown)


async def test_on_the_page_an_entry_leads_to_asking_to_correct_it(world: World) -> None:
    await two(world)
    async with world.browser() as browser:
        await world.come_in(browser, await world.invite(NAME, "chayenne"))
        assert (await browser.get("/mine/lifeline")).url.path == "/mine", "looking opens nothing"
        assert await entries(world, SHOWN) == []
        mine = await browser.get("/mine")
        page = await browser.post("/mine/lifeline", data=form_of(mine.text, "/mine/lifeline"))
        assert page.status_code == 200
        assert "<svg" in page.text
        assert "Pleegouders &lt;b&gt;erbij&lt;/b&gt;." in page.text
        assert page.headers["cache-control"] == "no-store"
        first = next(fields for address, fields, _ in forms_of(page.text) if address == "/mine/lifeline/correction")
        asked = await browser.post("/mine/lifeline/correction", data=first)
        assert "“2018: Naar opa.”" in asked.text
        assert await entries(world, "reaction:written") == [], "nothing is sent before she sends it"
        [address] = [a for a, _, _ in forms_of(asked.text) if a.endswith("/correction-request")]
        sent = await browser.post(address, data={**form_of(asked.text, address), "text": "“2018” Het was 2017."})
        assert sent.url.path.startswith("/mine/reactions/")
        nowhere = await browser.post("/mine/lifeline/correction", data={**first, "part": "0" * 32})
        assert nowhere.status_code == 404


async def test_nobody_else_has_one(world: World) -> None:
    await two(world)
    token = await world.visit(await world.invite(NAME, "mother"))
    with pytest.raises(NotFound):
        await world.broker.consents.lifeline(token)
    assert await entries(world, SHOWN) == []


async def test_nothing_is_shown_that_is_not_logged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await two(world)
    token = await world.visit(await world.invite(NAME, "chayenne"))
    genuine, commits = SqlUnitOfWork.commit, [0]

    async def refused(work: SqlUnitOfWork) -> None:
        commits[0] += 1
        if commits[0] > 1:  # the first counts the try
            raise Unavailable
        await genuine(work)

    with monkeypatch.context() as patch:
        patch.setattr(SqlUnitOfWork, "commit", refused)
        with pytest.raises(Unavailable):
            await world.broker.consents.lifeline(token)
    assert await entries(world, SHOWN) == []


async def test_whoever_it_concerns_is_held_before_it_is_looked_at_what_is_theirs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stop, or another fact, of anybody in these handovers committed first is seen, or waits."""
    case = await two(world)
    token = await world.visit(await world.invite(NAME, "chayenne"))
    genuine, held = Authorities.hold, set[str]()

    async def hold(store: Authorities, people: Collection[PersonId], *, exclusively: bool) -> None:
        held.update(people)
        await genuine(store, people, exclusively=exclusively)

    monkeypatch.setattr(Authorities, "hold", hold)
    await world.broker.consents.lifeline(token)
    assert held >= {case.people[who] for who in ("chayenne", "mother")}


async def test_what_was_withdrawn_is_not_in_it(world: World) -> None:
    case = await two(world)
    token = await world.visit(await world.invite(NAME, "chayenne"))
    before = len((await world.broker.consents.lifeline(token)).entries)
    async with world.broker.house.storage(writing=False) as work:
        older = [h.id for h in await work.lists.sent(case.handover.sender, "", 10) if h.id != case.handover.id]
    assert (await world.as_organisation(FOSTER, "DELETE", f"/v1/handovers/{older[0]}")).status_code == 204
    assert len((await world.broker.consents.lifeline(token)).entries) == before - 1
