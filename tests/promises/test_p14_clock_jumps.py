"""P14: the machine's clock jumps, forwards and back: nobody gets more by it, what was said last counts, the log stays whole."""

from datetime import date, datetime, time, timedelta
from unittest.mock import patch

import pytest

from broker import app as composition
from broker.domain.calendar import AMSTERDAM
from broker.domain.rates import Rate
from tests.promises.attacks import ALL, JACK, READER
from tests.support.world import JWT_BEARER, World, started_again

JUMPS = [timedelta(hours=1), timedelta(hours=-1), timedelta(days=1), timedelta(days=-1)]
REAL = composition.wall_clock


class Jumping:
    """The machine's clock, for tokens and assertions too."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self) -> datetime:
        return REAL() + self._world.clock.moved

    def jump(self, by: timedelta) -> None:
        self._world.clock.moved += by
        self._world.tokens.clear()


async def sections(world: World, token: str) -> tuple[int, list[str]]:
    body = {"handover": world.handovers[JACK], "purpose": world.body(JACK)["purpose"]}
    response = await world.http.post("/v1/releases", json=body, headers={"Authorization": f"Bearer {token}"})
    return response.status_code, sorted(part["type"] for part in response.json().get("released", ()))


@pytest.mark.parametrize("by", JUMPS, ids=str)
async def test_nobody_gets_more_by_a_clock_that_jumps(world: World, by: timedelta) -> None:
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    clock = Jumping(world)
    with patch.object(composition, "wall_clock", clock):
        async with started_again(world) as jumping:
            reader = jumping.professional(READER[JACK])
            old = await jumping.token(*reader)
            assert await sections(jumping, old) == (200, ALL[JACK])
            clock.jump(by)
            assert (await sections(jumping, old))[0] == 401, "a token of another time is none"
            with patch("broker.crypto.assertions.time.time", lambda: clock().timestamp()):
                fresh = await jumping.token(*reader)
            status, got = await sections(jumping, fresh)
            assert set(got) <= set(ALL[JACK])
            assert status in (200, 403)
            await jumping.withdraw(JACK, "mother", ["analysis"])
            assert "analysis" not in (await sections(jumping, fresh))[1], "what was said last counts, whatever its time"
            clock.jump(-by)
            assert (await sections(jumping, fresh))[0] == 401
            again = await jumping.token(*reader)
            assert "analysis" not in (await sections(jumping, again))[1]
            while await jumping.broker.ledger.step():
                pass
            verdict = await jumping.broker.ledger.check()
            assert verdict.ok, verdict.sentence


@pytest.mark.parametrize("by", JUMPS, ids=str)
async def test_a_rate_is_never_raised_by_a_clock_that_jumps_to_and_fro(world: World, by: timedelta) -> None:
    """In each window of the clock as many calls as in any other: who comes back to a window finds it as it was left."""
    await world.push(JACK)
    clock = Jumping(world)
    with patch.object(composition, "wall_clock", clock):
        async with started_again(world, rate_one=Rate(3, 3600)) as jumping:
            world.clock.fixed = None
            statuses = []
            for jump in (timedelta(), by, -by):
                clock.jump(jump)
                await cleaned(jumping, clock)
                with patch("broker.crypto.assertions.time.time", lambda: clock().timestamp()):
                    token = await jumping.token(*jumping.professional(READER[JACK]))
                statuses.append([(await sections(jumping, token))[0] for _ in range(4)])
            assert statuses[0] == [403, 403, 403, 429]
            assert statuses[2] == [429] * 4


@pytest.mark.parametrize("by", JUMPS, ids=str)
async def test_an_assertion_buys_one_token_however_the_clock_jumps_to_and_fro(world: World, by: timedelta) -> None:
    """What was used is remembered while the clock is away: it is not new to the broker when the clock comes back."""
    clock = Jumping(world)
    oin, claims = world.professional(READER[JACK])
    form = {"grant_type": JWT_BEARER, "assertion": world.assertion(oin, claims)}
    with patch.object(composition, "wall_clock", clock):
        async with started_again(world) as jumping:
            world.clock.fixed = None
            assert (await jumping.http.post("/oauth/token", data=form)).status_code == 200
            for jump in (by, -by):
                clock.jump(jump)
                await cleaned(jumping, clock)
                assert (await jumping.http.post("/oauth/token", data=form)).status_code == 401


async def cleaned(world: World, clock: Jumping) -> None:
    """The round that forgets, as it may come at any moment."""
    async with world.broker.house.storage() as work:
        await work.guards.clean(clock())
        await work.commit()


async def ask_anew(world: World, clock: Jumping) -> tuple[int, list[str]]:
    """As somebody whose own clock jumps along."""
    with patch("broker.crypto.assertions.time.time", lambda: clock().timestamp()):
        return await sections(world, await world.token(*world.professional(READER[JACK])))


async def test_a_yes_ends_on_its_day_whichever_way_the_clock_came_there(world: World) -> None:
    """It is the day that counts: one too far nothing leaves, and it does again where the clock was put right."""
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    path = f"/v1/handovers/{world.handovers[JACK]}"
    view = (await world.as_organisation(world.sender(JACK), "GET", path)).json()
    last = date.fromisoformat(view["consentUntil"])
    clock = Jumping(world)
    with patch.object(composition, "wall_clock", clock):
        async with started_again(world) as jumping:
            clock.jump(datetime.combine(last, time(12), AMSTERDAM) - clock())
            assert await ask_anew(jumping, clock) == (200, ALL[JACK])
            clock.jump(timedelta(days=1))
            assert await ask_anew(jumping, clock) == (403, [])
            clock.jump(timedelta(hours=-1))
            assert await ask_anew(jumping, clock) == (403, [])
            clock.jump(timedelta(hours=-23))
            assert await ask_anew(jumping, clock) == (200, ALL[JACK])
            await jumping.withdraw(JACK, "mother", ["analysis"])
            clock.jump(timedelta(days=-1))
            assert "analysis" not in (await ask_anew(jumping, clock))[1], "a stop that came later by the clock"


@pytest.mark.parametrize("by", JUMPS, ids=str)
async def test_the_log_goes_on_where_it_was(world: World, by: timedelta) -> None:
    """Entries keep the order in which they were committed, every checkpoint extends the one before, and the guard knows the last."""
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    await world.settle()
    clock, notes, said = Jumping(world), [await world.broker.ledger.checkpoint()], []
    with patch.object(composition, "wall_clock", clock):
        async with started_again(world) as jumping:
            for jump in (by, -by, -by):
                clock.jump(jump)
                assert (await ask_anew(jumping, clock))[0] in (200, 403)
                said.append(clock())
                await jumping.settle()
                notes.append(await jumping.broker.ledger.checkpoint())
            verdicts = [await jumping.broker.ledger.check(earlier=note) for note in notes]
            assert all(verdict.ok for verdict in verdicts), [verdict.sentence for verdict in verdicts]
            async with jumping.broker.house.storage(writing=False) as work:
                placed = await work.checkpoints.leaves(0, 500)
            read = [jumping.broker.ledger.vouched(entry) for entry in placed]
            asked = [facts.at for facts in read if facts.type in ("release:permitted", "release:denied")]
            assert [abs(at - when) < timedelta(minutes=5) for at, when in zip(asked, said, strict=True)] == [True] * 3
        sizes = [int(note.splitlines()[1]) for note in notes]
        assert sizes == sorted(set(sizes))
        async with started_again(world) as later:  # which asks the guard first
            assert later.broker.ledger.believed
            assert (await later.broker.ledger.check(earlier=notes[-1])).ok
