"""`ETag`, `If-None-Match` and `If-Match`: what changed meanwhile is not changed by who did not see it."""

import asyncio
from typing import Any

import pytest

from broker.domain.handovers import HandoverState
from tests.promises.attacks import READER, TOM, WITHDRAWN, Case, push
from tests.support.calling import call
from tests.support.surface import changed, dump, rows_of, settled
from tests.support.world import World, started_again

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"


def path_of(case: Case) -> str:
    return f"/v1/handovers/{case.handover.id}"


async def tag_of(world: World, case: Case, who: str = SENDER) -> str:
    response = await call(world, who, "GET", path_of(case))
    assert response.status_code == 200
    assert response.headers["etag"].startswith('"'), "a strong one"
    return response.headers["etag"]


def otherwise(case: Case, text: str = "Anders.") -> dict[str, Any]:
    sections = [{**section, "mediaType": "text/plain", "content": text} for section in case.body["sections"]]
    return {**case.body, "sections": sections}


async def test_nothing_new_is_said_without_saying_it_again(world: World) -> None:
    case = await push(world, TOM)
    tag = await tag_of(world, case)
    for named in (tag, f"W/{tag}", "*", f'"other", {tag}'):
        same = await call(world, SENDER, "GET", path_of(case), If_None_Match=named)
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag), named
        assert same.headers["cache-control"] == "no-store"
        assert same.headers["api-version"]
    await case.everybody_says_yes()
    answered = await call(world, SENDER, "GET", path_of(case), If_None_Match=tag)
    assert answered.status_code == 200
    assert answered.headers["etag"] != tag


async def test_a_tag_is_the_same_at_every_broker_and_another_for_another_caller(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    async with started_again(world) as other:
        assert await tag_of(other, case) == await tag_of(world, case)
    assert len({await tag_of(world, case, who) for who in (SENDER, SCHOOL)}) == 2
    mine = await tag_of(world, case, READER[TOM])
    await case.says("mother", "tom", WITHDRAWN)
    closed = await call(world, READER[TOM], "GET", path_of(case), If_None_Match=mine)
    assert closed.status_code == 404, "what is closed is not there: not even unchanged"
    assert (await call(world, READER[TOM], "GET", path_of(case), If_None_Match="*")).status_code == 404


async def test_a_push_and_a_correction_answer_with_the_tag_that_a_look_gives(world: World) -> None:
    body = world.body(TOM)
    pushed = await call(world, SENDER, "POST", "/v1/handovers", body)
    looked = await call(world, SENDER, "GET", pushed.headers["location"])
    assert (pushed.headers["etag"], pushed.json()) == (looked.headers["etag"], looked.json())


@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_what_changed_since_is_left_alone(world: World, method: str) -> None:
    case = await push(world, TOM)
    seen = await tag_of(world, case)
    path, body = (f"{path_of(case)}/versions", otherwise(case, "Later.")) if method == "POST" else (path_of(case), None)
    first = await call(world, SENDER, "POST", f"{path_of(case)}/versions", otherwise(case), If_Match=seen)
    assert first.status_code == 201
    await settled(world)
    before = await dump(world)
    for stale in (seen, f"W/{first.headers['etag']}", '"other"'):
        refused = await call(world, SENDER, method, path, body, If_Match=stale)
        assert (refused.status_code, refused.json()["type"]) == (412, "urn:rondom:problem:changed-since"), stale
    assert changed(before, await dump(world)) <= {"guard_count", "guard_once"}
    done = await call(world, SENDER, method, path, body, If_Match=f'"other", {first.headers["etag"]}')
    assert done.status_code == (201 if method == "POST" else 204)


async def test_an_answer_of_the_family_is_a_change_too(world: World) -> None:
    case = await push(world, TOM)
    seen = await tag_of(world, case)
    await case.everybody_says_yes()
    assert (await call(world, SENDER, "DELETE", path_of(case), If_Match=seen)).status_code == 412
    assert (await call(world, SENDER, "DELETE", path_of(case))).status_code == 204, "it is never needed"
    assert (await call(world, SENDER, "DELETE", path_of(case), If_Match=seen)).status_code == 204, "it is so already"


async def test_of_two_corrections_of_what_both_saw_one_is_made(world: World) -> None:
    case = await push(world, TOM)
    seen, path = await tag_of(world, case), f"{path_of(case)}/versions"
    async with started_again(world) as other:
        found = await asyncio.gather(
            *(
                call(each, SENDER, "POST", path, otherwise(case, f"Nummer {number}."), If_Match=seen)
                for number, each in enumerate((world, other, world, other))
            )
        )
    assert sorted(response.status_code for response in found) == [201, 412, 412, 412]
    assert len(await rows_of(world, "handover_version")) == 2


async def test_a_retry_of_what_was_done_is_not_refused_for_what_it_changed(world: World) -> None:
    case = await push(world, TOM)
    seen, path = await tag_of(world, case), f"{path_of(case)}/versions"
    sent = {"If_Match": seen, "Idempotency_Key": '"k"'}
    once = await call(world, SENDER, "POST", path, otherwise(case), **sent)
    again = await call(world, SENDER, "POST", path, otherwise(case), **sent)
    assert (once.status_code, once.text) == (again.status_code, again.text) == (201, again.text)


async def test_nobody_elses_handover_is_compared(world: World) -> None:
    case = await push(world, TOM)
    for condition in ("*", await tag_of(world, case), '"other"'):
        response = await call(world, SCHOOL, "DELETE", path_of(case), If_Match=condition)
        assert response.status_code == 404
    [row] = await rows_of(world, "handover")
    assert row.state == HandoverState.ACTIVE.value


@pytest.mark.parametrize("condition", ["", "bare", '"open', "*, *", '"a" "b"', '"' + "x" * 3000 + '"', ["*", "*"]])
async def test_a_condition_that_nobody_can_read_is_not_passed_over(world: World, condition: Any) -> None:
    case = await push(world, TOM)
    for method, header in (("DELETE", "If_Match"), ("GET", "If_None_Match")):
        response = await call(world, SENDER, method, path_of(case), **{header: condition})
        assert response.status_code == 400, method
        assert [fault["pointer"] for fault in response.json()["errors"]] == [f"/{header.replace('_', '-')}"]
    assert (await call(world, SENDER, "GET", path_of(case))).json()["state"] == "active"
