"""A logged decision is explained by the rules and the facts of then; to an officer, and never with a person in it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from broker.cli import explaining
from broker.cli.policies import app
from broker.domain.stores import LogSearch
from broker.errors import Invalid, NotFound
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import load_texts
from broker.services.explaining import DECISIONS, explain_logged
from broker.whole import Broker
from tests.promises.attacks import JACK, TOM, push
from tests.support.agreements import decide_with
from tests.support.officers import officer_browser
from tests.support.small_agreements import SHIPPED
from tests.support.world import World


async def released(world: World) -> tuple[str, str]:
    """One request of a school that gets something: its number, and that of its line in the log."""
    case = await push(world, TOM)
    await case.everybody_says_yes(but=[("father", "father")])
    answer = (await case.ask()).json()
    return answer["id"], await decision(world)


async def decision(world: World) -> str:
    """The last line of the log that says what came of a request."""
    async with world.broker.house.storage(writing=False) as work:
        [entry] = await work.log.search(LogSearch(types=DECISIONS, limit=1))
    return entry.id


async def at_the_terminal(world: World, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    """The command on this world's broker."""
    loop = asyncio.get_running_loop()

    def use(work: Callable[[Broker], Awaitable[Any]]) -> Any:
        async def once() -> Any:
            return await work(world.broker)

        return asyncio.run_coroutine_threadsafe(once(), loop).result(60)

    monkeypatch.setattr(explaining, "use", use)
    runner = CliRunner(env={"BROKER_POLICIES": str(SHIPPED)})
    return await asyncio.to_thread(runner.invoke, app, ["explain", *arguments])


async def test_an_officer_reads_why_in_the_console_and_the_look_is_logged(world: World) -> None:
    _, entry = await released(world)
    async with officer_browser(world) as officer:
        before = len(await world.entries())
        assert (
            f"/console/disclosures/{entry}/rules" in (await officer.browser.get(f"/console/disclosures/{entry}")).text
        )
        page = (await officer.browser.get(f"/console/disclosures/{entry}/rules")).text
        assert (await officer.browser.get("/console/disclosures/none/rules")).status_code == 404
        overview = (await officer.browser.get("/console/overview")).text
    assert "school-support-coordinator" in page
    assert "parent-health-never-to-school" in page
    assert "Wie mag wat lezen?" in overview
    assert len(await world.entries()) == before + 2, "the entry, and its rules"


async def test_it_is_explained_by_the_agreement_of_then(world: World) -> None:
    release, entry = await released(world)
    shipped = world.broker.house.agreement()
    then = await explain_logged(world.broker.house, release)
    rules = shipped.texts["release.cedar"].replace('SectionType::"status",', "")
    narrower = LoadedAgreement(load_texts({**shipped.texts, "release.cedar": rules}))
    decide_with(world, narrower)
    for number in (release, entry):
        assert await explain_logged(world.broker.house, number) == then
    given = {one.section_type for one in then if one.explanation.ruling.permitted}
    assert given == {"safety-plan", "status", "voice-of-the-child"}
    assert {one.explanation.ruling.digest for one in then} == {shipped.digest}


async def test_at_the_terminal_there_is_nobody_in_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    release, entry = await released(world)
    shown = await at_the_terminal(world, monkeypatch, "--release", release)
    assert shown.exit_code == 0, shown.exception
    assert "[school-support-coordinator, gives" in shown.stdout
    document = await at_the_terminal(world, monkeypatch, "--release", entry, "--json")
    assert {d["permitted"] for d in json.loads(document.stdout)} == {True, False}
    people = world.body(TOM)["people"]
    secrets = [p["name"] for p in people] + [s["content"] for s in world.body(TOM)["sections"]] + [release, entry]
    assert not [secret for secret in secrets if secret in shown.stdout + document.stdout]
    wrong = await at_the_terminal(world, monkeypatch, "--release", release, "--for", "recipient")
    assert isinstance(wrong.exception, Invalid)
    assert isinstance((await at_the_terminal(world, monkeypatch, "--release", "nothing")).exception, NotFound)


async def test_what_rested_on_nothing_or_was_erased_is_not_explained(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await push(world, JACK)
    await world.as_professional("ib-joris", "POST", "/v1/releases", {"handover": case.handover.id, "purpose": "safety"})
    stranger = await decision(world)
    assert await explain_logged(world.broker.house, stranger) == ()
    shown = await at_the_terminal(world, monkeypatch, "--release", stranger)
    assert (shown.exit_code, "There is nothing to explain here" in shown.stdout) == (1, True)
