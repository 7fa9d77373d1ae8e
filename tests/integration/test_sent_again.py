"""`Idempotency-Key`: what is sent again is done once, by whichever broker, and no answer is kept that may not be given again."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from broker.domain.retries import KEPT_FOR
from broker.storage.consents import Invitations
from tests.promises.attacks import READER, TOM, WITHDRAWN, Case, entries, push
from tests.support.calling import call
from tests.support.failures import refusing
from tests.support.intruder import intruder_in
from tests.support.surface import NO_SUCH_ID, changed, dump, rows_of, settled
from tests.support.world import World, started_again
from tests.support.writing import write

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
KEY = '"8e03978e-40d5-43e8-bc93-6894a57f9324"'
PAPER = {"person": "mother", "delivery": "paper"}


def door(case: Case) -> str:
    return f"/v1/handovers/{case.handover.id}/invitations"


def rewritten(case: Case, text: str) -> dict[str, Any]:
    sections = [
        {**section, "mediaType": "text/plain", "content": text} if section["type"] == "status" else section
        for section in case.body["sections"]
    ]
    return {**case.body, "sections": sections}


async def invite(world: World, case: Case, body: Any = None, who: str = SENDER, key: Any = KEY) -> httpx.Response:
    return await call(world, who, "POST", door(case), body or PAPER, Idempotency_Key=key)


async def test_an_invitation_that_is_asked_again_is_the_same_one(world: World) -> None:
    case = await push(world, TOM)
    once, again = await invite(world, case), await invite(world, case)
    assert (once.status_code, once.json()) == (again.status_code, again.json())
    assert once.json()["code"]
    assert len(await rows_of(world, "invitation")) == 1
    bare = await invite(world, case, key=KEY.strip('"'))
    assert bare.json() == once.json(), "the quotes are no part of the key"
    sheet = await call(world, SENDER, "POST", door(case), PAPER, Idempotency_Key=KEY, Accept="text/html")
    assert once.json()["code"] in sheet.text
    assert (await invite(world, case, key='"another"')).json()["code"] != once.json()["code"]
    assert len(await rows_of(world, "invitation")) == 2


async def test_the_same_key_of_another_caller_is_another_key(world: World) -> None:
    case = await push(world, TOM)
    asked = {"handover": case.handover.id, "purpose": case.body["purpose"]}
    mine = await call(world, READER[TOM], "POST", "/v1/releases", asked, Idempotency_Key=KEY)
    theirs = await call(world, "ha-vdberg", "POST", "/v1/releases", {**asked, "purpose": "x"}, Idempotency_Key=KEY)
    assert (mine.status_code, theirs.status_code) == (403, 404), "and not 422"
    pushed = [
        await call(world, who, "POST", "/v1/handovers", {**world.body(TOM), "reference": who}, Idempotency_Key=KEY)
        for who in (SENDER, SCHOOL)
    ]
    assert [response.status_code for response in pushed] == [201, 201]


async def test_a_message_is_sent_once(world: World) -> None:
    case = await push(world, TOM)
    body = {"person": "mother", "delivery": "message"}
    once, again = await invite(world, case, body), await invite(world, case, body)
    assert once.json() == again.json()
    assert "code" not in again.json()
    assert len(await world.messages("invitation")) == 1


async def test_a_key_belongs_to_one_request_of_one_caller(world: World) -> None:
    case, other = await push(world, TOM), await push(world, TOM)
    code = (await invite(world, case)).json()["code"]
    for elsewhere in (await invite(world, case, {**PAPER, "person": "father"}), await invite(world, other)):
        assert elsewhere.status_code == 422
        assert elsewhere.json()["type"] == "urn:rondom:problem:key-used-otherwise"
        assert code not in elsewhere.text
    stranger = await invite(world, case, who=SCHOOL)
    assert stranger.status_code == 404, "another organisation with the same key and the same request"
    assert code not in stranger.text
    assert (await invite(world, case)).json()["code"] == code
    assert len(await rows_of(world, "invitation")) == 1


async def test_the_code_is_kept_sealed_and_goes_with_the_contents(world: World, request: pytest.FixtureRequest) -> None:
    case = await push(world, TOM)
    made = (await invite(world, case)).json()
    assert len(await rows_of(world, "retry")) == 1
    stolen = intruder_in(world, request).stolen()
    assert case.handover.id.encode() in stolen
    assert not any(secret.encode() in stolen for secret in (made["code"], KEY.strip('"')))
    [row] = await rows_of(world, "retry")
    assert made["code"].encode() not in row.answer_sealed
    assert KEY.strip('"') not in str(tuple(row))
    await world.as_organisation(SENDER, "DELETE", f"/v1/handovers/{case.handover.id}")
    assert await rows_of(world, "retry") == []
    gone = await invite(world, case)
    assert gone.status_code == 400, "as without a key: nobody is in it any more"
    assert made["code"] not in gone.text


async def test_no_key_outlives_the_contents_that_it_was_used_for(world: World) -> None:
    """Its tag of the request could, with the broker's keys, confirm a guess of what was written."""
    pushed = await call(world, SENDER, "POST", "/v1/handovers", world.body(TOM), Idempotency_Key=KEY)
    world.handovers[TOM] = pushed.json()["id"]
    await call(world, SENDER, "POST", "/v1/handovers", world.body(TOM), Idempotency_Key='"once-more"')
    await world.everybody_says_yes(TOM)
    reaction = await write(world, TOM, "mother", "status", "Het was op dinsdag.")
    path = f"/v1/handovers/{world.handovers[TOM]}"
    body = world.body(TOM)
    body["sections"][0] = {**body["sections"][0], "mediaType": "text/plain", "content": "Anders."}
    for number in (1, 2):
        made = await call(world, SENDER, "POST", f"{path}/versions", body, Idempotency_Key=f'"correct-{number}"')
        assert made.json()["version"] == 2
    said = {"outcome": "corrected", "explanation": "Het was op woensdag."}
    answered = await call(world, SENDER, "POST", f"{path}/reactions/{reaction}/answer", said, Idempotency_Key=KEY)
    assert answered.status_code == 200
    assert len(await rows_of(world, "retry")) == 5
    await world.as_organisation(SENDER, "DELETE", path)
    assert await rows_of(world, "retry") == []


async def test_a_key_is_forgotten_after_a_day(world: World) -> None:
    case = await push(world, TOM)
    once = (await invite(world, case)).json()["code"]
    world.clock.moved += KEPT_FOR - timedelta(minutes=1)
    assert (await invite(world, case)).json()["code"] == once
    world.clock.moved += timedelta(minutes=2)
    assert (await invite(world, case)).json()["code"] != once
    async with world.broker.house.storage() as work:
        await work.guards.clean(world.clock() + KEPT_FOR)
        await work.commit()
    assert await rows_of(world, "retry") == []


async def test_a_late_retry_does_not_put_an_older_correction_back(world: World) -> None:
    case = await push(world, TOM)
    path = f"/v1/handovers/{case.handover.id}/versions"
    first, second = rewritten(case, "Eerst dit."), rewritten(case, "Toen dit.")
    made = await call(world, SENDER, "POST", path, first, Idempotency_Key=KEY)
    again = await call(world, SENDER, "POST", path, first, Idempotency_Key=KEY)
    assert (made.status_code, made.json()["version"], made.text) == (201, 2, again.text)
    await call(world, SENDER, "POST", path, second, Idempotency_Key='"2"')
    late = await call(world, SENDER, "POST", path, first, Idempotency_Key=KEY)
    assert (late.status_code, late.json()["version"]) == (201, 3)
    await case.everybody_says_yes()
    texts = {part["type"]: part["content"] for part in (await case.ask()).json()["released"]}
    assert texts["status"] == "Toen dit."
    other = await call(world, SENDER, "POST", path, second, Idempotency_Key=KEY)
    assert other.status_code == 422


async def test_a_push_is_made_once_and_its_key_knows_its_body(world: World) -> None:
    body = world.body(TOM)
    once = await call(world, SENDER, "POST", "/v1/handovers", body, Idempotency_Key=KEY)
    again = await call(world, SENDER, "POST", "/v1/handovers", body, Idempotency_Key=KEY)
    assert (once.status_code, once.json(), once.headers["location"]) == (201, again.json(), again.headers["location"])
    other = {**body, "reference": "another"}
    refused = await call(world, SENDER, "POST", "/v1/handovers", other, Idempotency_Key=KEY)
    assert refused.status_code == 422
    assert len(await rows_of(world, "handover")) == 1
    tried = await call(world, SENDER, "POST", "/v1/handovers?dryRun=true", other, Idempotency_Key=KEY)
    assert tried.status_code == 200, "a try takes no key"


async def test_an_answer_to_the_family_is_given_once(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    reaction = await write(world, TOM, "mother", "status", "Het was op dinsdag.")
    path = f"/v1/handovers/{world.handovers[TOM]}/reactions/{reaction}/answer"
    said = {"outcome": "not-corrected", "explanation": "Het was op woensdag."}
    once = await call(world, SENDER, "POST", path, said, Idempotency_Key=KEY)
    again = await call(world, SENDER, "POST", path, said, Idempotency_Key=KEY)
    assert (once.status_code, once.json()) == (200, again.json())
    assert again.json()["answer"] == "Het was op woensdag."
    assert len(await world.messages("reaction-answered")) == 1
    without = await call(world, SENDER, "POST", path, said)
    assert without.status_code == 409


async def test_a_release_is_decided_anew_whatever_the_key(world: World) -> None:
    """Released, the answer lost, the yes withdrawn, the same request again: the no counts."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    asked = {"handover": case.handover.id, "purpose": case.body["purpose"]}
    first = await call(world, READER[TOM], "POST", "/v1/releases", asked, Idempotency_Key=KEY)
    assert first.status_code == 200
    again = await call(world, READER[TOM], "POST", "/v1/releases", asked, Idempotency_Key=KEY)
    assert again.status_code == 200
    assert again.json()["id"] != first.json()["id"], "what leaves twice is in the log twice"
    await case.says("mother", "tom", WITHDRAWN)
    denied = await call(world, READER[TOM], "POST", "/v1/releases", asked, Idempotency_Key=KEY)
    assert denied.status_code == 403
    assert not any(part["content"] in denied.text for part in first.json()["released"])
    other = await call(
        world, READER[TOM], "POST", "/v1/releases", {**asked, "sections": ["status"]}, Idempotency_Key=KEY
    )
    assert other.status_code == 422
    await settled(world)
    assert len(await entries(world, "release:permitted")) == 2
    assert len(await entries(world, "release:denied")) == 1
    assert all(row.answer_sealed is None for row in await rows_of(world, "retry")), "no content, no answer"


async def test_a_denied_release_is_not_denied_for_a_day(world: World) -> None:
    case = await push(world, TOM)
    asked = {"handover": case.handover.id, "purpose": case.body["purpose"]}
    assert (await call(world, READER[TOM], "POST", "/v1/releases", asked, Idempotency_Key=KEY)).status_code == 403
    await case.everybody_says_yes()
    released = await call(world, READER[TOM], "POST", "/v1/releases", asked, Idempotency_Key=KEY)
    assert released.status_code == 200
    path = f"/v1/releases/{released.json()['id']}/acknowledgement"
    for _ in range(2):
        assert (await call(world, READER[TOM], "POST", path, Idempotency_Key=KEY)).status_code == 204
    assert len(await entries(world, "release:acknowledged")) == 1
    elsewhere = f"/v1/releases/{NO_SUCH_ID}/acknowledgement"
    assert (await call(world, READER[TOM], "POST", elsewhere, Idempotency_Key=KEY)).status_code == 422


async def test_two_brokers_racing_on_one_key_do_it_once(world: World) -> None:
    case = await push(world, TOM)
    async with started_again(world) as other:
        found = await asyncio.gather(*(invite(each, case) for each in (world, other) * 6))
        made = [response for response in found if response.status_code == 201]
        assert made
        assert len({response.json()["code"] for response in made}) == 1
        refused = {response.json()["type"] for response in found if response.status_code != 201}
        assert refused <= {"urn:rondom:problem:still-running"}
        assert {response.status_code for response in found} <= {201, 409}
        assert (await invite(other, case)).json() == made[0].json()
    assert len(await rows_of(world, "invitation")) == 1
    assert len(await entries(world, "invitation:made")) == 1


async def test_while_the_first_is_running_the_second_is_not_done(world: World) -> None:
    """On PostgreSQL it hears so at once; on SQLite it waits its turn and gets the same answer."""
    case = await push(world, TOM)
    took, go_on, add = asyncio.Event(), asyncio.Event(), Invitations.add

    async def slowly(self: Invitations, *given: Any) -> None:
        took.set()
        await go_on.wait()
        await add(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Invitations, "add", slowly)
        first = asyncio.create_task(invite(world, case))
        await took.wait()
        second = asyncio.create_task(invite(world, case))
        if world.database == "postgresql":
            refused = await second
            assert (refused.status_code, refused.json()["type"]) == (409, "urn:rondom:problem:still-running")
        go_on.set()
        done = await first
        assert done.status_code == 201
        if world.database != "postgresql":
            assert (await second).json() == done.json()
    assert len(await rows_of(world, "invitation")) == 1


@pytest.mark.parametrize("table", ["log_entry", "invitation", "retry"])
async def test_what_fails_halfway_leaves_neither_key_nor_change(world: World, table: str) -> None:
    case = await push(world, TOM)
    await settled(world)
    before = await dump(world)
    with refusing(world, table) as refused:
        assert (await invite(world, case)).status_code == 503
    assert refused
    assert changed(before, await dump(world)) <= {"guard_count", "guard_once"}
    assert (await invite(world, case)).status_code == 201
    assert (await invite(world, case)).status_code == 201
    assert len(await rows_of(world, "invitation")) == 1


async def test_what_was_refused_leaves_no_key(world: World) -> None:
    case = await push(world, TOM)
    for wrong, status in (({"person": "mother"}, 400), ({**PAPER, "person": "nobody"}, 400)):
        assert (await invite(world, case, wrong)).status_code == status
    assert await rows_of(world, "retry") == []
    assert (await invite(world, case)).status_code == 201, "mended, with the key that it had"


@pytest.mark.parametrize(
    "key",
    [
        "",
        '""',
        "with space",
        '"with space"',
        "x" * 256,
        '"open',
        'mid"dle',
        "né".encode().decode("latin-1"),
        ["a", "a"],
    ],
)
async def test_a_key_that_is_none_does_nothing(world: World, key: Any) -> None:
    case = await push(world, TOM)
    response = await invite(world, case, key=key)
    assert response.status_code == 400
    assert [fault["pointer"] for fault in response.json()["errors"]] == ["/Idempotency-Key"]
    assert await rows_of(world, "invitation") == []
