"""P06 for tasks: nobody but their owner changes them, for anybody else they are not there, and a reminder tells nothing."""

import asyncio
import json
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from broker.domain.events import EventType
from broker.domain.handovers import HandoverId, SectionId
from broker.domain.parties import Oin, Recipient
from broker.domain.rates import Rate
from broker.domain.tasks import StatedTask, Status, TaskId
from broker.errors import BrokerError, NotFound
from broker.services.plan_keeping import sealed
from broker.services.replay import Outcome
from tests.promises.attacks import JACK
from tests.support.agreed import (
    ANNEKE,
    DOCTOR,
    JORIS,
    SCHOOL,
    SECRET,
    TEAM,
    VDBERG,
    agreed,
    both_say_yes,
    consultation,
    say,
    task_of,
    today,
    told,
)
from tests.support.surface import NO_SUCH_ID, changed, doubt, dump, leaks, operational_log, personal, rows_of
from tests.support.surface import told as answered
from tests.support.world import World

NOVADIC = "nov-sara"


async def read_by_the_school(world: World, *, meeting: bool = False) -> dict[str, Any]:
    body = consultation(world, agreed(world, "school", "team", "mother"), meeting=meeting)
    await world.push(JACK, body)
    await both_say_yes(world)
    for who in (JORIS, VDBERG):
        assert (await world.ask(JACK, who, "joint-meeting")).status_code == 200
    return body


async def status_of(world: World, task: str) -> str:
    return str(next(row.status for row in await rows_of(world, "task") if row.id == task))


async def called(world: World, token: str, task: str, handover: str = "") -> httpx.Response:
    path = f"/v1/handovers/{handover or world.handovers[JACK]}/tasks/{task}/status"
    return await world._call(token, "POST", path, {"status": "done"})


async def test_for_anybody_else_it_is_as_if_it_were_not_there(world: World) -> None:
    body = await read_by_the_school(world)
    task, teams, mothers = (task_of(body, owner) for owner in ("school", "team", "mother"))
    others = {
        "another partner": await world.token(*world.professional(NOVADIC)),
        "another recipient": await world.token(*world.professional(VDBERG)),
        "another role of the same organisation": await world.token(
            SCHOOL, {"sub": JORIS, "name": "Joris de Wit", "role": "teacher"}
        ),
        "who wrote it": await world.token(*world.professional(ANNEKE)),
    }
    before = await dump(world)
    for name, token in others.items():
        nothing = answered(await called(world, token, NO_SUCH_ID), but=NO_SUCH_ID)
        assert nothing[0] == 404
        assert answered(await called(world, token, task), but=task) == nothing, name
        assert answered(await called(world, token, task, NO_SUCH_ID), but=task) == nothing, name
    owner = await world.token(*world.professional(JORIS))
    for theirs in (teams, mothers):
        assert (await called(world, owner, theirs)).status_code == 404
    for organisation in (TEAM, SCHOOL, DOCTOR):
        assert (await called(world, await world.token(organisation), task)).status_code == 403
    assert changed(before, await dump(world)) <= {"professional", "guard_once"}
    assert (await called(world, owner, task)).status_code == 200


async def test_who_never_got_the_text_cannot_say_so(world: World) -> None:
    body = consultation(world)
    await world.push(JACK, body)
    task = task_of(body, "school")
    assert (await say(world, JORIS, task, "done")).status_code == 404
    await both_say_yes(world)
    assert (await say(world, JORIS, task, "done")).status_code == 404, "open, and never asked for"
    assert (await world.ask(JACK, JORIS, "joint-meeting")).status_code == 200
    assert (await say(world, JORIS, task, "done")).status_code == 200


async def test_whose_it_is_and_how_far_is_shown_to_nobody_who_never_got_the_text(world: World) -> None:
    body = consultation(world)
    await world.push(JACK, body)
    await both_say_yes(world)
    path, one = f"/v1/handovers/{world.handovers[JACK]}", world.handovers[JACK]
    callers = {"the role": JORIS, "the organisation": ""}

    async def seen(who: str) -> list[Any]:
        if who:
            answers = [await world.as_professional(who, "GET", where) for where in (path, "/v1/handovers")]
        else:
            answers = [await world.as_organisation(SCHOOL, "GET", where) for where in (path, "/v1/handovers")]
        listed = next(each for each in answers[1].json()["items"] if each["id"] == one)
        return [each.get("tasks", []) for each in (answers[0].json(), listed)]

    assert {name: await seen(who) for name, who in callers.items()} == {name: [[], []] for name in callers}
    assert (await world.ask(JACK, VDBERG, "joint-meeting")).status_code == 200
    assert await seen(JORIS) == [[], []], "that somebody else got it does not show it to them"
    assert (await world.ask(JACK, JORIS, "joint-meeting")).status_code == 200
    for who in callers.values():
        assert [len(each) for each in await seen(who)] == [3, 3]


async def test_what_a_family_wrote_itself_is_no_organisation_s_to_say_how_far_it_is(world: World) -> None:
    """Also that of the organisation through which they came in: it is the sender of the header, and of nothing else."""
    body = consultation(world)
    await world.push(JACK, body)
    house, now = world.broker.house, world.clock()
    async with house.storage() as work:
        sent = await work.handovers.get(world.handovers[JACK])
        assert sent is not None
        mother = (await work.handovers.people(sent.id))["mother"]
        section = replace(sent.sections[0], id=SectionId(house.ids()))
        own = replace(sent, id=HandoverId(house.ids()), author=mother, sections=(section,))
        await work.handovers.add(await sealed(house, own, "Van ons."), now)
        worker, due = Recipient(Oin(TEAM), "family-worker"), today(world) + timedelta(days=3)
        theirs = StatedTask(TaskId(str(uuid.uuid4())), section.id, worker, due)
        await work.tasks.state(own.id, [theirs], now)
        await work.commit()
    token = await world.token(*world.professional(ANNEKE))
    assert (await called(world, token, theirs.id, own.id)).status_code == 404
    assert (await say(world, ANNEKE, task_of(body, "team"), "done")).status_code == 200
    world.clock.moved += timedelta(days=4)
    await world.broker.tasks.remind()
    assert own.id not in {event["data"]["handover"] for event in await told(world, TEAM, "task-due")}


async def test_a_refusal_is_in_the_log_as_that_of_a_release_and_its_key_works_once_it_is_open(world: World) -> None:
    task = task_of(await read_by_the_school(world), "school")
    await world.withdraw(JACK, "father", ["agreements"])
    key = {"Idempotency-Key": '"een-keer"'}
    for _ in range(2):
        assert (await say(world, JORIS, task, "done", headers=key)).status_code == 404
    await world.settle()
    denied = [one for one in await world.entries() if one.type == EventType.RELEASE_DENIED.value]
    assert [(one.organisation, one.counterpart) for one in denied] == [(SCHOOL, TEAM)] * 2
    report = await world.broker.replay.run()
    assert (report.findings, set(report.counts)) == ([], {Outcome.SAME})
    await world.answer(JACK, "father", {"agreements": "yes"})
    assert (await say(world, JORIS, task, "done", headers=key)).status_code == 200
    assert await status_of(world, task) == "done"


async def test_asking_is_counted_whatever_comes_of_it_and_alike_where_there_is_nothing(world: World) -> None:
    world.clock.fixed = world.clock().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    task = task_of(await read_by_the_school(world), "school")
    assert (await say(world, JORIS, task, "done")).status_code == 200
    await world.withdraw(JACK, "mother", ["agreements"])
    owner, rate = await world.token(*world.professional(JORIS)), world.broker.house.rate_one
    object.__setattr__(world.broker.house, "rate_one", Rate(5, rate.seconds))
    found = [(await say(world, JORIS, task, "done")).status_code for _ in range(4)]
    assert found == [404, 404, 404, 429], "after the release and the first word, those of the same handover"
    found = [(await called(world, owner, task, NO_SUCH_ID)).status_code for _ in range(6)]
    assert found == [404] * 5 + [429]
    other = await read_by_the_school_again(world)
    found = [(await called(world, owner, *other)).status_code for _ in range(6)]
    assert found == [200] * 4 + [429] * 2, "the same again is an answer as well"
    object.__setattr__(world.broker.house, "rate_one", rate)


async def read_by_the_school_again(world: World) -> tuple[str, str]:
    """Another handover with the same; what the school has to do in it, and its id."""
    body = consultation(world, agreed(world, "school"))
    await world.push(JACK, body)
    await both_say_yes(world)
    assert (await world.ask(JACK, JORIS, "joint-meeting")).status_code == 200
    return task_of(body, "school"), world.handovers[JACK]


@pytest.mark.parametrize("how", ["stopped", "expired", "withdrawn"])
async def test_who_may_not_read_it_any_more_cannot_either(world: World, how: str) -> None:
    task = task_of(await read_by_the_school(world), "school")
    if how == "stopped":
        await world.withdraw(JACK, "father", ["agreements"])
    elif how == "expired":
        world.clock.later("P4M")
    else:
        path = f"/v1/handovers/{world.handovers[JACK]}"
        assert (await world.as_organisation(TEAM, "DELETE", path)).status_code == 204
    assert (await say(world, JORIS, task, "done")).status_code == 404
    assert await world.broker.tasks.remind() == (0 if how == "withdrawn" else 2 if how == "expired" else 0)
    assert await told(world, SCHOOL, "task-due") == []


async def test_of_a_meeting_only_who_is_named_says_so(world: World) -> None:
    body = await read_by_the_school(world, meeting=True)
    task = task_of(body, "school")
    colleague = await world.token(SCHOOL, {"sub": "ib-ander", "name": "Een collega", "role": "support-coordinator"})
    assert (await called(world, colleague, task)).status_code == 404
    assert (await say(world, JORIS, task, "done")).status_code == 200


async def test_many_at_once_make_one_history(world: World) -> None:
    task = task_of(await read_by_the_school(world), "school")
    answers = await asyncio.gather(*(say(world, JORIS, task, "done") for _ in range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(await rows_of(world, "task_change")) == 1
    logged = [one for one in await world.entries() if one.type == EventType.TASK_CHANGED.value]
    assert len(logged) == 1


async def test_sent_again_under_its_key_it_is_done_once(world: World) -> None:
    task = task_of(await read_by_the_school(world), "school")
    headers = {"Idempotency-Key": "een-sleutel"}
    first = await say(world, JORIS, task, "done", headers)
    assert (await say(world, JORIS, task, "under-way")).status_code == 200
    again = await say(world, JORIS, task, "done", headers)
    assert (first.status_code, again.status_code) == (200, 200)
    assert await status_of(world, task) == "under-way"
    other = await say(world, JORIS, task, "dropped", headers)
    assert other.status_code == 422


async def test_without_its_log_entry_nothing_changes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from broker.storage.log import Log

    task = task_of(await read_by_the_school(world), "school")

    async def broken(*_: Any) -> None:
        raise BrokerError

    with monkeypatch.context() as patched:
        patched.setattr(Log, "append", broken)
        assert (await say(world, JORIS, task, "done")).status_code >= 400
    assert await status_of(world, task) == "open"
    assert await rows_of(world, "task_change") == []


async def test_a_father_does_not_say_it_for_a_mother(world: World) -> None:
    await read_by_the_school(world)
    consents = world.broker.consents
    mother, father = [await world.visit(world.codes[JACK, who]) for who in ("mother", "father")]
    own = (await consents.tasks(mother))[0]
    assert own.own
    assert all(not one.own and not one.steps for one in await consents.tasks(father))
    for task in (own.id, *(one.id for one in await consents.tasks(father))):
        with pytest.raises(NotFound):
            await consents.change_task(father, task, Status.DONE)
    assert {row.status for row in await rows_of(world, "task")} == {"open"}


async def test_who_was_shielded_since_sees_nothing_of_it(world: World) -> None:
    body = consultation(world, agreed(world, "school", "mother"))
    await world.push(JACK, body)
    await both_say_yes(world)
    father = await world.visit(world.codes[JACK, "father"])
    assert len(await world.broker.consents.tasks(father)) == 2
    body["sections"][0]["shieldedFrom"] = ["father"]
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(TEAM, "POST", path, body)).status_code == 201
    assert await world.broker.consents.tasks(father) == ()


async def test_of_what_concerns_the_other_parent_alone_nothing_is_seen(world: World) -> None:
    body = consultation(world, agreed(world, "school"), agreed(world, "school", "team", about="father"))
    await world.push(JACK, body)
    await both_say_yes(world)
    consents = world.broker.consents
    seen = [await consents.tasks(await world.visit(world.codes[JACK, who])) for who in ("mother", "father")]
    assert [len(one) for one in seen] == [1, 3]


async def test_what_is_over_on_its_own_last_day_is_not_there_and_nobody_is_reminded_of_it(world: World) -> None:
    section = agreed(world, "school", "mother", days=3)
    section["expires"] = (today(world) + timedelta(days=2)).isoformat()
    await world.push(JACK, consultation(world, section))
    await both_say_yes(world)
    code, consents = world.codes[JACK, "mother"], world.broker.consents
    own, _ = await consents.tasks(await world.visit(code))
    world.clock.later("P4D")
    mother = await world.visit(code)
    assert await consents.tasks(mother) == ()
    with pytest.raises(NotFound):
        await consents.change_task(mother, own.id, Status.DONE)
    assert await world.broker.tasks.remind() == 0


async def test_whose_contact_is_in_doubt_sees_none_and_changes_none(world: World) -> None:
    body = consultation(world, agreed(world, "school", "father"))
    await world.push(JACK, body)
    await both_say_yes(world)
    consents, father = world.broker.consents, await world.visit(world.codes[JACK, "father"])
    own, _ = await consents.tasks(father)
    assert own.own
    await doubt(world, JACK)
    assert await consents.tasks(father) == ()
    with pytest.raises(NotFound):
        await consents.change_task(father, own.id, Status.DONE)
    assert {row.status for row in await rows_of(world, "task")} == {"open"}


async def test_a_reminder_and_the_log_tell_nothing_of_it(world: World) -> None:
    with operational_log() as stream:
        body = await read_by_the_school(world)
        await say(world, JORIS, task_of(body, "school"), "under-way")
        world.clock.moved += timedelta(days=11)
        assert await world.broker.tasks.remind() == 3
        messages = await world.messages("task-due")
    secrets = [*personal(world), SECRET, *world.handovers.values(), *(t["id"] for t in body["sections"][0]["tasks"])]
    assert len(messages) == 1
    assert leaks(messages[0]["text"], secrets) == []
    assert leaks(stream.getvalue(), secrets) == []
    events = json.dumps([await told(world, one, "task-due") for one in (TEAM, SCHOOL)])
    assert leaks(events, [*personal(world), SECRET]) == []
    for table in ("task", "task_change"):
        assert leaks(repr(await rows_of(world, table)), [*personal(world), SECRET]) == []


async def test_erased_is_gone(world: World) -> None:
    task = task_of(await read_by_the_school(world), "school")
    await say(world, JORIS, task, "done")
    assert await rows_of(world, "task_change")
    assert (await world.as_organisation(TEAM, "DELETE", f"/v1/handovers/{world.handovers[JACK]}")).status_code == 204
    assert await rows_of(world, "task_change") == []
    assert await rows_of(world, "task") == []
