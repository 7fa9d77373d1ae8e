"""Whoever is let in within the unit of work of what they ask gets the very answers of whoever is let in before it."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import JSONResponse, Response

from broker.api.bodies import read_as, read_json
from broker.api.by_hand import ByHand
from broker.api.deps import AsHolder, AsProfessional, Use
from broker.api.retries import RetryKey
from broker.api.schemas import ReleaseBody
from broker.client import ClientKey
from broker.crypto.dpop import make_dpop_proof
from broker.domain.parties import Oin, Organisation
from broker.domain.rates import Rate
from broker.errors import NotAuthenticated, NotFound
from tests.promises.attacks import TOM, push
from tests.support.statements import statements
from tests.support.surface import NO_SUCH_ID, operational_log, rows_of, settled, told
from tests.support.world import URL, World, started_again

TEAM, SCHOOL, READER = "00000099000000010000", "00000099000000020000", "ib-joris"
BODY = {"handover": NO_SUCH_ID, "purpose": "support-at-school"}


async def asked(request: Request, api: Use, professional: AsProfessional, key: RetryKey = "") -> Response:
    body = read_as(ReleaseBody, await read_json(request))
    return _done(professional.organisation, body)


async def held(request: Request, api: Use, holder: AsHolder, key: RetryKey = "") -> Response:
    body = read_as(ReleaseBody, await read_json(request))
    async with request.app.state.storage(writing=False) as work:
        holder.admit(await work.organisations.get(holder.organisation))
    return _done(api.access.professional(holder).organisation, body)


async def careless(request: Request, holder: AsHolder) -> Response:
    """Lets nobody in, and answers all the same."""
    return _done(holder.organisation, ReleaseBody.model_validate(BODY))


def _done(oin: Oin, body: ReleaseBody) -> Response:
    if body.purpose == "nowhere":
        raise NotFound
    return JSONResponse({"oin": oin, "purpose": body.purpose})


@contextlib.asynccontextmanager
async def two_doors(world: World, **changed: Any) -> AsyncIterator[World]:
    router = APIRouter(prefix="/v1", route_class=ByHand)
    for endpoint in (asked, held, careless):
        router.post(f"/{endpoint.__name__}")(endpoint)
    async with started_again(world, **changed) as there:
        app = there.app
        assert isinstance(app, FastAPI)
        app.state.storage = there.broker.house.storage
        app.include_router(router)
        yield there


@pytest.fixture
async def doors(world: World) -> AsyncIterator[World]:
    async with two_doors(world) as there:
        yield there


async def come(there: World, door: str, token: str, *more: tuple[str, str], body: Any = BODY) -> httpx.Response:
    scheme = "DPoP" if any(name == "DPoP" for name, _ in more) else "Bearer"
    headers = [("Authorization", f"{scheme} {token}"), *more]
    if not any(name == "Content-Type" for name, _ in more):
        headers.append(("Content-Type", "application/json"))
    return await there.http.post(f"/v1/{door}", headers=headers, content=json.dumps(body))


async def alike(there: World, token: str, *more: tuple[str, str], body: Any = BODY) -> httpx.Response:
    """What both doors answer, and what both write in the operational log: the same, but for the address."""
    answers, lines = [], []
    for door in ("asked", "held"):
        with operational_log() as stream:
            answers.append(await come(there, door, token, *more, body=body))
        said = [json.loads(line) for line in stream.getvalue().splitlines()]
        lines.append([(line["event"], line.get("code"), line.get("status")) for line in said])
    assert told(answers[0]) == told(answers[1])
    assert lines[0] == lines[1]
    assert ("ratelimit" in answers[0].headers) == ("ratelimit" in answers[1].headers)
    return answers[1]


async def joris(there: World) -> str:
    return await there.token(*there.professional(READER))


WRONG: dict[str, tuple[list[tuple[str, str]], Any]] = {
    "nothing": ([], BODY),
    "key": ([("Idempotency-Key", "two words")], BODY),
    "form": ([("Content-Type", "text/plain")], BODY),
    "body": ([], {"handover": 3, "more": 1}),
    "large": ([], {"handover": "x" * 1_100_000}),
    "not there": ([], {**BODY, "purpose": "nowhere"}),
}


async def test_who_is_let_in_gets_the_same_answers(doors: World) -> None:
    token = await joris(doors)
    found = {name: await alike(doors, token, *more, body=body) for name, (more, body) in WRONG.items()}
    statuses = {"nothing": 200, "key": 400, "form": 415, "body": 400, "large": 413, "not there": 404}
    assert {name: response.status_code for name, response in found.items()} == statuses
    assert all(response.headers["ratelimit"] for response in found.values())


async def test_a_suspended_organisation_loses_access_at_once_whatever_it_sends(doors: World) -> None:
    token, own = await joris(doors), await doors.token(SCHOOL)
    assert (await come(doors, "held", token)).status_code == 200
    await doors.broker.partners.suspend(Oin(SCHOOL), suspended=True)
    for more, body in WRONG.values():
        for shown in (token, own):
            refused = await alike(doors, shown, *more, body=body)
            assert refused.status_code == 401
            assert "ratelimit" not in refused.headers
    await doors.broker.partners.suspend(Oin(SCHOOL), suspended=False)
    assert (await come(doors, "held", token)).status_code == 200


async def test_a_suspension_that_commits_while_the_request_comes_in_counts(doors: World) -> None:
    """Between the token and the unit of work: nothing that was seen before it is believed."""
    token = await joris(doors)
    arrived, go_on = asyncio.Event(), asyncio.Event()

    async def slowly() -> AsyncIterator[bytes]:
        arrived.set()
        await go_on.wait()
        yield json.dumps(BODY).encode()

    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    call = asyncio.create_task(doors.http.post("/v1/held", headers=headers, content=slowly()))
    await arrived.wait()
    await doors.broker.partners.suspend(Oin(SCHOOL), suspended=True)
    go_on.set()
    assert (await call).status_code == 401


async def test_who_has_no_good_token_is_told_the_same(doors: World) -> None:
    token = await joris(doors)
    for shown in ("", "x", token[:-4] + "AAAA", token + "=", token.partition(".")[0]):
        assert (await alike(doors, shown)).status_code == 401
    assert (await alike(doors, token, ("Authorization", f"Bearer {token}"))).status_code == 401
    itself = await alike(doors, await doors.token(SCHOOL))
    assert itself.status_code == 403
    assert itself.headers["ratelimit"]


async def test_an_organisation_that_wants_bound_tokens_lets_no_other_in(doors: World) -> None:
    token = await joris(doors)
    async with doors.broker.house.storage(writing=False) as work:
        school = await work.organisations.get(SCHOOL)
    assert school is not None
    await doors.broker.partners.add(replace(school, bound_tokens=True), [doors.keys[SCHOOL].public_jwk()])
    for more, body in WRONG.values():
        assert (await alike(doors, token, *more, body=body)).status_code == 401


async def test_a_token_that_is_bound_to_a_key_needs_its_proof_and_each_counts_once(doors: World) -> None:
    key = ClientKey.new()
    oin, claims = SCHOOL, doors.professional(READER)[1]
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": doors.assertion(oin, claims),
    }
    proof = make_dpop_proof(key.private, "POST", f"{URL}/oauth/token")
    token = (await doors.http.post("/oauth/token", data=form, headers={"DPoP": proof})).json()["access_token"]
    assert (await alike(doors, token)).status_code == 401, "a bound token is no bearer token"
    for stranger in (ClientKey.new(), key):
        other = make_dpop_proof(stranger.private, "POST", f"{URL}/v1/elsewhere", access_token=token)
        assert (await alike(doors, token, ("DPoP", other))).status_code == 401
    good = make_dpop_proof(key.private, "POST", f"{URL}/v1/held", access_token=token)
    assert (await come(doors, "held", token, ("DPoP", good))).status_code == 200
    assert (await come(doors, "held", token, ("DPoP", good))).status_code == 401
    await doors.broker.partners.suspend(Oin(SCHOOL), suspended=True)
    for _ in range(2):
        kept = make_dpop_proof(key.private, "POST", f"{URL}/v1/held", access_token=token)
        refused = await come(doors, "held", token, ("DPoP", kept))
        assert refused.json()["type"] == "urn:rondom:problem:not-authenticated"


async def test_the_rate_counts_and_suspension_goes_before_it(world: World) -> None:
    world.clock.fixed = world.clock()  # `Retry-After` of two answers is the same
    async with two_doors(world, rate_organisation=Rate(3, 86_400)) as there:
        token = await joris(there)
        found = [await come(there, "held", token) for _ in range(3)]
        assert [response.status_code for response in found] == [200, 200, 429]
        assert [response.headers["ratelimit"].split(";")[1] for response in found] == ["r=1", "r=0", "r=0"]
        assert (await alike(there, token)).status_code == 429
        await there.broker.partners.suspend(Oin(SCHOOL), suspended=True)
        assert (await alike(there, token)).status_code == 401


async def test_nobody_is_answered_whom_nobody_let_in(doors: World) -> None:
    refused = await come(doors, "careless", await joris(doors))
    assert refused.status_code == 500
    assert SCHOOL not in refused.text


async def test_nobody_is_let_in_by_another_organisations_row(doors: World) -> None:
    holder = await doors.broker.access.holder(_shown(await joris(doors)))
    team = Organisation(Oin(TEAM), "Team", "youth-team")
    with pytest.raises(ValueError, match="another"):
        holder.admit(team)
    for gone in (None, replace(team, oin=Oin(SCHOOL), suspended=True)):
        with pytest.raises(NotAuthenticated):
            holder.admit(gone)
    assert not holder.admitted


async def test_a_good_bearer_token_asks_the_database_nothing(doors: World) -> None:
    shown = _shown(await joris(doors))
    await doors.broker.access.holder(shown)  # takes a block of numbers
    with statements(doors, lambda said: "organisation" in said or "rate_count" in said) as said:
        holder = await doors.broker.access.holder(shown)
        assert said == []
        await doors.broker.access.admit(holder)
        assert len(said) == 1
        await doors.broker.access.admit(holder)
        assert len(said) == 1, "who is in is in"


def _shown(token: str) -> Any:
    from broker.domain.tokens import Shown

    return Shown("POST", f"{URL}/v1/held", "bearer", token)


@pytest.mark.parametrize("keyed", [True, False])
async def test_a_release_is_for_who_stands_at_that_very_moment(world: World, keyed: bool) -> None:
    """The real operation, with all that it reads: a suspension that committed before it leaves nothing of it."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    token, ask = await joris(world), {"handover": case.handover.id, "purpose": case.body["purpose"]}
    headers = {"Authorization": f"Bearer {token}", **({"Idempotency-Key": "one"} if keyed else {})}
    assert (await world.http.post("/v1/releases", json=ask, headers=headers)).status_code == 200
    await settled(world)
    before = await rows_of(world, "log_entry"), await rows_of(world, "release"), await rows_of(world, "retry")
    await world.broker.partners.suspend(Oin(SCHOOL), suspended=True)
    suspended = len(await rows_of(world, "log_entry"))
    for body in (ask, {**ask, "handover": NO_SUCH_ID}, {**ask, "purpose": "nowhere"}, {}):
        refused = await world.http.post("/v1/releases", json=body, headers=headers)
        assert (refused.status_code, refused.json()["type"]) == (401, "urn:rondom:problem:not-authenticated")
        assert "ratelimit" not in refused.headers
    assert len(await rows_of(world, "log_entry")) == suspended
    assert (await rows_of(world, "release"), await rows_of(world, "retry")) == before[1:]
    await world.broker.partners.suspend(Oin(SCHOOL), suspended=False)
    assert (await world.http.post("/v1/releases", json=ask, headers=headers)).status_code == 200
