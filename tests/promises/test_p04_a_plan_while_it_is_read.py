"""P04: a family's plan that is changed, stopped or written while somebody reads or answers: the order of commits decides.

Two brokers on one database, so that it is the database that decides and not a lock inside one process.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from typing import Any

import pytest

from broker.errors import BrokerError, Conflict
from broker.services.questionnaires import Shown
from broker.whole import Broker
from tests.support.own_plans import PURPOSE, codes_for_plans, keep_plan, say, wish_of
from tests.support.surface import rows_of
from tests.support.world import World, build_broker

TOM, SCHOOL_READER, SCHOOL = "tom-to-school", "ib-joris", "00000099000000020000"
MOTHER, FATHER, TOMS = "+31600000011", "mark@family.example", "+31600000013"
ABOUT, READERS = ("Tom",), ("Basisschool",)
ROUNDS = 8


@pytest.fixture
async def other(world: World) -> AsyncIterator[Broker]:
    """A second broker on the same database."""
    broker = build_broker(world.broker.settings, world.clock)
    yield broker
    await broker.database.close()


async def plan_ids(world: World) -> list[str]:
    """Of the plans that are kept, oldest first."""
    return sorted(row.id for row in await rows_of(world, "handover") if row.author and row.erased_at is None)


async def family(world: World) -> tuple[str, str]:
    """Tom's family is known; returns what his mother and his father come in with."""
    await world.push(TOM)
    return await world.visit(await world.invite(TOM, "mother")), await world.visit(await world.invite(TOM, "father"))


async def say_where_asked(world: World, contact: str) -> None:
    """A yes to every question about a plan that waits for whoever has this contact."""
    for code in await codes_for_plans(world, contact):
        async with world.browser() as browser:
            page = await world.come_in(browser, code)
        if page.url.path.startswith("/questions/"):
            await say(world, code, "yes")


async def open_plan(world: World, mother: str, text: str = "Opa haalt hem.") -> str:
    """A plan by his mother to which everybody said yes; returns its id."""
    before = set(await plan_ids(world))
    await keep_plan(world.broker, mother, text, ABOUT, READERS)
    for contact in (FATHER, TOMS):
        await say_where_asked(world, contact)
    [plan] = set(await plan_ids(world)) - before
    return plan


async def read(world: World, plan: str) -> dict[str, Any] | None:
    """The answer to who asks for it; None for a refusal."""
    body = {"handover": plan, "purpose": PURPOSE}
    answer = await world.as_professional(SCHOOL_READER, "POST", "/v1/releases", body)
    assert answer.status_code in (200, 403, 404), answer.text
    return dict(answer.json()) if answer.status_code == 200 else None


async def told(world: World, kind: str) -> set[str]:
    """The releases that school was told this of."""
    found, after = set[str](), ""
    while True:
        page = (await world.as_organisation(SCHOOL, "GET", f"/v1/events?after={after}")).json()
        found |= {e["data"]["release"] for e in page["items"] if e["type"] == f"nl.rondom.{kind}.v1"}
        if not page.get("next"):
            return found
        after = page["next"]


async def outcome(doing: Awaitable[Any]) -> Any:
    """What it gave, or the error that it was refused with."""
    try:
        return await doing
    except BrokerError as error:
        return error


async def test_who_reads_while_it_changes_gets_one_text_whole_and_hears_if_it_was_the_old_one(
    world: World, other: Broker
) -> None:
    mother, _ = await family(world)
    plan = await open_plan(world, mother, "Tekst 0.")
    [line] = await world.broker.consents.own_plans(mother) or ()
    for number in range(1, ROUNDS + 1):
        old, new = f"Tekst {number - 1}.", f"Tekst {number}."
        changing = other.consents.change_plan(mother, line.id, new)
        one, _, two = await asyncio.gather(read(world, plan), changing, read(world, plan))
        for answer in (one, two):
            assert answer is not None
            [section] = answer["released"]
            assert section["content"] in (old, new)
            late = answer["id"] in await told(world, "handover-corrected")
            assert late == (section["content"] == old), "who has the old text was told, and nobody else"
        after = await read(world, plan)
        assert after is not None
        assert after["released"][0]["content"] == new


async def test_who_reads_while_it_stops_was_first_and_is_told_or_gets_nothing(world: World, other: Broker) -> None:
    mother, _ = await family(world)
    for _ in range(4):
        plan = await open_plan(world, mother)
        [line] = [one for one in await world.broker.consents.own_plans(mother) or () if not one.ended]
        answer, _ = await asyncio.gather(read(world, plan), other.consents.withdraw_plan(mother, line.id))
        if answer is not None:
            assert answer["id"] in await told(world, "handover-withdrawn")
        assert await read(world, plan) is None
        [section] = [row for row in await rows_of(world, "section") if row.handover == plan]
        assert (section.ciphertext, section.wrapped_key) == (None, None)


async def test_two_parents_who_write_at_once_both_have_their_plan(world: World, other: Broker) -> None:
    mother, father = await family(world)
    await asyncio.gather(
        keep_plan(world.broker, mother, "Van moeder.", ABOUT, READERS),
        keep_plan(other, father, "Van vader.", ABOUT, READERS),
    )
    ids = await plan_ids(world)
    assert len(ids) == 2
    assert [await read(world, plan) for plan in ids] == [None, None], "Tom has not answered"
    assert [len(await codes_for_plans(world, to)) for to in (FATHER, MOTHER, TOMS)] == [2, 2, 2], (
        "each is asked about the plan of the other, and has a way in to their own"
    )
    for code in await codes_for_plans(world, TOMS):
        await say(world, code, "yes")
    assert [await read(world, plan) for plan in ids] == [None, None], "writing one's own is no yes to the other's"
    for contact in (FATHER, MOTHER):
        await say_where_asked(world, contact)
    texts = {answer["released"][0]["content"] for plan in ids if (answer := await read(world, plan))}
    assert texts == {"Van moeder.", "Van vader."}
    for visit, others in ((mother, "Van vader."), (father, "Van moeder.")):
        [mine] = await world.broker.consents.own_plans(visit) or ()
        assert others not in (await world.broker.consents.plan_text(visit, mine.id)).text
    assert len(await told(world, "stop-using")) == 0


async def test_who_stops_their_own_plan_leaves_the_other_s_open_and_who_says_no_closes_both(
    world: World, other: Broker
) -> None:
    mother, father = await family(world)
    hers = await open_plan(world, mother, "Van moeder.")
    await keep_plan(other, father, "Van vader.", ABOUT, READERS)
    [his] = set(await plan_ids(world)) - {hers}
    for contact in (MOTHER, TOMS):
        await say_where_asked(world, contact)
    assert await read(world, hers) is not None
    assert await read(world, his) is not None
    [line] = await world.broker.consents.own_plans(mother) or ()
    await world.broker.consents.withdraw_plan(mother, line.id)
    assert await read(world, hers) is None
    assert await read(world, his) is not None, "her yes to his plan was said about his"
    assert await told(world, "stop-using") == set()
    [group] = [one for one in (await world.broker.consents.mine(mother, "nl")).groups if one.own]
    await world.broker.consents.withdraw(mother, group.id, group.running, "nl")
    assert await read(world, his) is None
    await keep_plan(world.broker, mother, "Van moeder, opnieuw.", ABOUT, READERS)
    assert await read(world, his) is None, "writing again takes back no no"


async def test_each_of_her_own_plans_is_asked_about_and_stops_by_itself(world: World) -> None:
    mother, _ = await family(world)
    first = await open_plan(world, mother, "De eerste.")
    await keep_plan(world.broker, mother, "De tweede.", ABOUT, READERS)
    [newest] = [plan for plan in await plan_ids(world) if plan != first]
    assert await read(world, newest) is None, "nobody else answered about this one"
    for contact in (FATHER, TOMS):
        await say_where_asked(world, contact)
    assert await read(world, newest) is not None
    line = (await world.broker.consents.own_plans(mother) or ())[0]
    await world.broker.consents.withdraw_plan(mother, line.id)
    assert await read(world, newest) is None
    assert await read(world, first) is not None
    assert await told(world, "stop-using") == set()


async def test_a_yes_to_the_plan_that_runs_longest_can_be_stopped_when_one_to_a_later_plan_is_over(
    world: World,
) -> None:
    mother, _ = await family(world)
    wish = await wish_of(world.broker, mother, "De langste.", ABOUT, READERS)
    longest = replace(wish, until=(await world.broker.consents.plan_form(mother)).days[-1].isoformat())
    draft = await world.broker.consents.plan_draft(mother, longest, "nl")
    await world.broker.consents.keep_plan(mother, longest, draft.digest, "nl")
    [long] = await plan_ids(world)
    await keep_plan(world.broker, mother, "De korte.", ABOUT, READERS)
    [short] = set(await plan_ids(world)) - {long}
    for contact in (FATHER, TOMS):
        await say_where_asked(world, contact)
    assert await read(world, short) is not None
    world.clock.later("P40D")
    assert await read(world, short) is None
    assert await read(world, long) is not None
    father = await world.visit(await world.invite(TOM, "father"))
    [group] = [one for one in (await world.broker.consents.mine(father, "nl")).groups if one.own]
    assert group.running, "what is read is shown as running"
    await world.broker.consents.withdraw(father, group.id, group.running, "nl")
    assert await read(world, long) is None


async def test_the_same_form_twice_is_one_plan_and_a_sixth_is_none_however_they_come(
    world: World, other: Broker
) -> None:
    mother, _ = await family(world)
    again = await world.visit(world.codes[TOM, "mother"])
    wish = await wish_of(world.broker, mother, "Een.", ABOUT, READERS)
    shown = (await world.broker.consents.plan_draft(mother, wish, "nl")).digest
    brokers = (world.broker, other, world.broker)
    receipts = await asyncio.gather(*(one.consents.keep_plan(mother, wish, shown, "nl") for one in brokers))
    assert len(set(receipts)) == 1
    assert len(await plan_ids(world)) == 1
    for text in ("Twee.", "Drie.", "Vier."):
        await keep_plan(world.broker, mother, text, ABOUT, READERS)
    made = await asyncio.gather(
        outcome(keep_plan(world.broker, mother, "Vijf.", ABOUT, READERS)),
        outcome(keep_plan(other, again, "Zes.", ABOUT, READERS)),
    )
    [refused] = [one for one in made if not isinstance(one, str)]
    assert isinstance(refused, Conflict)
    assert refused.code == "too-many-plans"
    assert len(await plan_ids(world)) == 5


async def test_who_answers_while_it_stops_waits_for_nobody_crosswise(world: World, other: Broker) -> None:
    mother, father = await family(world)
    await open_plan(world, mother, "Een ander, met dezelfde lezers.")
    [first] = await world.broker.consents.own_plans(mother) or ()
    for number in range(5):
        for group in [one for one in (await other.consents.mine(father, "nl")).groups if one.own and one.running]:
            await other.consents.withdraw(father, group.id, group.running, "nl")
        await keep_plan(world.broker, mother, f"Plan {number}.", ABOUT, READERS)
        [line] = [one for one in await world.broker.consents.own_plans(mother) or () if not one.ended and one != first]
        door = await world.visit((await codes_for_plans(world, FATHER))[-1])
        questions = await other.consents.questionnaire(door, "nl")
        [question] = questions.questions
        shown = Shown("1", question.section_type, questions.text)
        await other.consents.choose(door, shown, {one.key: "yes" for one in question.recipients}, "nl")
        said, stopped = await asyncio.gather(
            outcome(other.consents.confirm(door, "nl")),
            outcome(world.broker.consents.withdraw_plan(mother, line.id)),
        )
        assert stopped is None, stopped
        if isinstance(said, BrokerError):
            assert said.code in ("not-asked-any-more", "not-authenticated", "code-used"), said
            again = [one for one in (await other.consents.mine(father, "nl")).groups if one.own and one.running]
            assert again == [], "what was stopped first is not asked any more"
    assert [one.id for one in await world.broker.consents.own_plans(mother) or () if not one.ended] == [first.id]
