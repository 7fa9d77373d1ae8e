"""How often an organisation may call: over all brokers, never more; and no limit says whether somebody is known."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from broker.domain.parties import Oin
from broker.domain.rates import Rate, RateLimited
from broker.services.rates import Rates
from tests.promises.attacks import READER, TOM, entries, push
from tests.support.failures import refusing
from tests.support.surface import NO_SUCH_ID, rows_of, settled, told
from tests.support.world import URL, World, started_again

SENDER, SCHOOL, DOCTOR = "00000099000000010000", "00000099000000020000", "00000099000000030000"
PATH = "/v1/organisations"


@pytest.fixture
def begun(world: World) -> World:
    """At the beginning of the next hour, and it stays so; of one that is over, counts may be cleaned at any moment."""
    world.clock.fixed = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return world


async def look(world: World, who: str = SCHOOL) -> httpx.Response:
    return await world.as_organisation(who, "GET", PATH)


def check_refused(response: httpx.Response, seconds: int) -> None:
    assert response.status_code == 429
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "urn:rondom:problem:rate-limited"
    assert response.headers["retry-after"] == str(seconds)


async def test_every_answer_says_what_is_left_and_the_last_is_refused(begun: World) -> None:
    async with started_again(begun, rate_organisation=Rate(4, 60)) as world:
        found = [await look(world) for _ in range(5)]  # the token was the first call
        assert [response.status_code for response in found] == [200, 200, 200, 429, 429]
        assert [response.headers["ratelimit"] for response in found] == [
            f'"organisation";r={left};t=60' for left in (2, 1, 0, 0, 0)
        ]
        assert {response.headers["ratelimit-policy"] for response in found} == {'"organisation";q=4;w=60'}
        check_refused(found[-1], 60)
        assert (await look(world, DOCTOR)).status_code == 200, "another organisation has its own"
        wrong = await world.as_organisation(DOCTOR, "POST", "/v1/releases", {})
        assert (wrong.status_code, wrong.headers["ratelimit"]) == (403, '"organisation";r=1;t=60')
        begun.clock.fixed += timedelta(seconds=59)
        check_refused(await look(world), 1)
        begun.clock.fixed += timedelta(seconds=1)
        assert (await look(world)).headers["ratelimit"] == '"organisation";r=3;t=60'


async def test_who_has_no_token_is_told_nothing_and_uses_up_nothing(begun: World) -> None:
    async with started_again(begun, rate_organisation=Rate(3, 60)) as world:
        good = await world.token(SCHOOL)
        for _ in range(5):
            for token in ("", "x", good[:-4] + "AAAA"):
                response = await world.http.get(PATH, headers={"Authorization": f"Bearer {token}"})
                assert response.status_code == 401
                assert "ratelimit" not in response.headers
            forged = world.assertion(SCHOOL, {"sub": SCHOOL}, key=world.keys[DOCTOR])
            for assertion in (forged, "x.y.z"):
                form = {
                    "grant_type": "client_credentials",
                    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                    "client_assertion": assertion,
                }
                assert (await world.http.post("/oauth/token", data=form)).status_code == 401
        assert (await look(world)).headers["ratelimit"] == '"organisation";r=1;t=60', "nobody was kept out"


async def test_an_assertion_that_somebody_copied_uses_up_nothing(begun: World) -> None:
    async with started_again(begun, rate_organisation=Rate(3, 60)) as world:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": world.assertion(SCHOOL, {"sub": SCHOOL}),
        }
        found = [(await world.http.post("/oauth/token", data=form)).status_code for _ in range(6)]
        assert found == [200, 401, 401, 401, 401, 401]
        for _ in range(2):
            form["client_assertion"] = world.assertion(SCHOOL, {"sub": SCHOOL})
            assert (await world.http.post("/oauth/token", data=form)).status_code == 200
        form["client_assertion"] = world.assertion(SCHOOL, {"sub": SCHOOL})
        check_refused(await world.http.post("/oauth/token", data=form), 60)


async def test_brokers_together_let_no_more_through_than_one(begun: World) -> None:
    """Each takes numbers in blocks of its own; what one did not use, another refuses early."""
    rate = Rate(100, 60)
    async with started_again(begun) as other:
        both = [Rates(each.broker.house, rate) for each in (begun, other)]
        block = 2

        async def call(rates: Rates) -> bool:
            try:
                await rates.spend(Oin(SCHOOL))
            except RateLimited:
                return False
            return True

        found = await asyncio.gather(*(call(both[n % 2]) for n in range(240)))
        assert 100 - (block - 1) <= sum(found) <= 100
        begun.clock.fixed += timedelta(seconds=60)
        alone = [await call(both[0]) for _ in range(101)]
        assert alone == [True] * 100 + [False]
        [now, *_] = sorted(await rows_of(begun, "rate_count"), key=lambda row: -row.window_start)
        assert now.tries <= 100 + block


async def test_a_block_is_written_once_for_many_calls(begun: World) -> None:
    rates = Rates(begun.broker.house, Rate(3000, 60))
    with refusing(begun, "rate_count") as refused:
        with pytest.raises(Exception, match="unavailable"):
            await rates.spend(Oin(SCHOOL))
        assert refused, "what cannot be counted is not done"
    for _ in range(60):
        await rates.spend(Oin(SCHOOL))
    with refusing(begun, "rate_count"), pytest.raises(Exception, match="unavailable"):
        await rates.spend(Oin(SCHOOL))


def about(value: str) -> dict[str, Any]:
    return {"identifier": {"system": "bsn", "value": value}}


async def test_asking_about_one_person_is_counted_alike_for_who_is_known_and_who_is_not(begun: World) -> None:
    case = await push(begun, TOM)
    known = next(p for p in case.body["people"] if p.get("identifiers"))["identifiers"][0]["value"]
    await case.everybody_says_yes()
    async with started_again(begun, rate_one=Rate(2, 3600)) as world:

        async def search(value: str, who: str = READER[TOM]) -> httpx.Response:
            return await world.as_professional(who, "POST", "/v1/subjects/_search", about(value))

        ends: list[Any] = []
        for value in (known, "123456782"):
            found = [await search(value) for _ in range(4)]
            assert [response.status_code for response in found] == [200, 200, 429, 429]
            check_refused(found[-1], 3600)
            assert '"one";q=2;w=3600' in found[-1].headers["ratelimit-policy"]
            assert '"one";r=0;t=3600' in found[-1].headers["ratelimit"]
            ends.append(told(found[-1]))
        assert ends[0] == ends[1]
        assert (await search(known, "ha-vdberg")).status_code == 200, "what others asked is nobody's to hear"
        await settled(world)
        assert len(await entries(world, "subject:searched")) == 5, "what was not done is not in the log"


async def test_asking_for_one_handover_is_counted_alike_whether_it_is_there(begun: World) -> None:
    case = await push(begun, TOM)
    await case.everybody_says_yes()
    async with started_again(begun, rate_one=Rate(2, 3600)) as world:
        ends = []
        for handover, first in ((case.handover.id, 200), (NO_SUCH_ID, 404)):
            body = {"handover": handover, "purpose": case.body["purpose"]}
            found = [await world.as_professional(READER[TOM], "POST", "/v1/releases", body) for _ in range(3)]
            assert [response.status_code for response in found] == [first, first, 429]
            ends.append(told(found[-1]))
            assert "content" not in found[-1].json()
        assert ends[0] == ends[1]
    assert len(await entries(begun, "release:permitted")) == 2
    assert (await case.ask()).status_code == 200, "by the usual rate"


async def test_two_brokers_racing_release_no_more_often_than_agreed(begun: World) -> None:
    case = await push(begun, TOM)
    await case.everybody_says_yes()
    async with (
        started_again(begun, rate_one=Rate(3, 3600)) as one,
        started_again(begun, rate_one=Rate(3, 3600)) as two,
    ):
        body = {"handover": case.handover.id, "purpose": case.body["purpose"]}
        found = await asyncio.gather(
            *(each.as_professional(READER[TOM], "POST", "/v1/releases", body) for each in (one, two) * 4)
        )
    assert sorted(response.status_code for response in found) == [200] * 3 + [429] * 5
    assert len(await entries(begun, "release:permitted")) == 3


async def test_counts_are_cleaned_and_name_nobody(world: World) -> None:
    case = await push(world, TOM)
    await world.as_professional(READER[TOM], "POST", "/v1/subjects/_search", about("999990019"))
    await case.ask()
    rows = str([tuple(row) for row in await rows_of(world, "rate_count")])
    assert rows != "[]"
    assert not any(text in rows for text in (case.handover.id, "999990019", SCHOOL, URL))
    async with world.broker.house.storage() as work:
        await work.guards.clean(world.clock() + timedelta(days=2))
        await work.commit()
    assert await rows_of(world, "rate_count") == []
