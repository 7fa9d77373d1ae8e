"""Releases that share a transaction: the same facts as alone, each decided by itself, and nobody pays for another's trouble."""

import asyncio
import secrets
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from broker.domain.parties import ProfessionalId
from broker.domain.rates import Rate
from broker.domain.stores import Asking, Unforeseen, UnitOfWork
from broker.services.facts import situation_of
from broker.services.rates import counter_of
from broker.storage import tables as t
from broker.storage.together.batches import MANY, Together
from broker.storage.together.known import Knowing
from broker.storage.together.reading import Asked
from broker.storage.together.stores import ReleaseWork
from broker.storage.unit_of_work import SqlUnitOfWork
from tests.integration.test_corrections import correct
from tests.promises.attacks import (
    ALL,
    JACK,
    REFUSED,
    TOM,
    WITHDRAWN,
    Case,
    entries,
    in_the_order_of_commits,
    push,
    releases,
    rows,
)
from tests.support.intruder import Intruder, intruder_in
from tests.support.world import World

READERS = {TOM: "ib-joris", JACK: "ha-vdberg"}


def asking(case: Case, window: int = 3600) -> Asking:
    oin, _ = case.world.professional(READERS[case.name])
    counter = counter_of(oin, "handover", case.handover.id)
    return Asking(case.handover.id, oin, ProfessionalId("nobody"), counter, window, case.world.clock())


async def seen(work: UnitOfWork, case: Case, at: Any) -> dict[str, Any]:
    """Everything that a release reads, in a form that can be compared."""
    house, sender = case.world.broker.house, case.handover.sender
    oin, _ = case.world.professional(READERS[case.name])
    handover = await work.handovers.get(case.handover.id, lock="shared")
    assert handover is not None
    situation = await situation_of(work, handover, oin, house.agreement(), at, hold=True)
    people = sorted(situation.people.keys() | await work.authorities.holders(situation.people))
    return {
        "handover": handover,
        "situation": situation,
        "authorities": Counter(situation.authorities),
        "contents": await work.handovers.sealed(handover.sections),
        "reactions": await work.reactions.of_handover(handover.id),
        "sign-offs": await work.sign_offs.of_handover(handover.id),
        "mutes": await work.mutes.among(people, sender),
        "reach": await work.persons.reach(people, sender),
        "in force": await work.policies.in_force(),
        "restored": await work.log.restored(),
        "tree": await work.tree.seen(),
    }


async def assert_same(case: Case) -> dict[str, Any]:
    house, at = case.world.broker.house, case.world.clock()
    await case.world.settle()  # the tree grows by itself
    async with house.storage() as work:
        alone = await seen(work, case, at)
    async with house.storage.releasing(asking(case)) as work:
        assert isinstance(work, ReleaseWork)
        together = await seen(work, case, at)
    for what, found in alone.items():
        if what == "situation":
            plain = {name: getattr(found, name) for name in found.__slots__ if name != "authorities"}
            assert {name: getattr(together[what], name) for name in plain} == plain
        else:
            assert together[what] == found, what
    return together


async def test_the_same_facts_as_alone(world: World) -> None:
    """At every step of two families' stories; what is compared is not empty."""
    tom, jack = await push(world, TOM), await push(world, JACK)
    for case in (tom, jack):
        found = await assert_same(case)
        assert found["situation"].records == ()
        assert found["reach"]
    await tom.everybody_says_yes()
    await jack.says("mother", "jack", REFUSED)
    await tom.says("father", "tom", WITHDRAWN)
    house, now = world.broker.house, world.clock()
    async with house.storage() as work:
        assert await work.mutes.change(tom.people["mother"], tom.handover.sender, now, muted=True)
        await work.commit()
    found = await assert_same(tom)
    assert len(found["situation"].records) == 5
    assert found["mutes"] == {tom.people["mother"]}
    assert await assert_same(jack)


async def test_only_the_version_in_force_is_read(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    corrected = await correct(case, sections=case.body["sections"][:2])
    assert corrected.status_code == 201, corrected.text
    found = await assert_same(case)
    assert found["handover"].version == 2
    assert len(found["contents"]) == 2


async def test_many_at_once_are_each_answered_and_logged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than fit in one batch; some denied, some not theirs. As many entries as answers, as many releases as yeses."""
    yes, no = await push(world, TOM), await push(world, JACK)
    await yes.everybody_says_yes()
    for ask in (
        yes.ask("nov-sara"),
        no.ask(),
        yes.ask(sections=["parent-health"]),
    ):  # everybody has a token from here on
        assert (await ask).status_code in (403, 404)
    shared = transactions(monkeypatch)
    before = len(await entries(world, "release:permitted", "release:denied"))
    asked = [
        ask
        for _ in range(MANY)
        for ask in (yes.ask(), no.ask(), yes.ask("nov-sara"), yes.ask(sections=["parent-health"]))
    ]
    codes = Counter(response.status_code for response in await asyncio.gather(*asked))
    assert codes == {200: MANY, 403: 2 * MANY, 404: MANY}
    assert await releases(world) == MANY
    assert len(await entries(world, "release:permitted", "release:denied")) == before + 4 * MANY
    assert sum(shared) >= 3 * MANY
    assert max(shared) > 1, "nobody shared anything"
    await world.settle()
    assert (await world.broker.ledger.check()).ok


def transactions(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many releases each shared transaction had."""
    sizes: list[int] = []
    decided = Together._decided

    async def counted(self: Together, trips: Any, seats: Any) -> None:
        sizes.append(len(seats))
        await decided(self, trips, seats)

    monkeypatch.setattr(Together, "_decided", counted)
    return sizes


async def test_who_is_damaged_takes_nobody_along(world: World, request: pytest.FixtureRequest) -> None:
    good, bad = await push(world, TOM), await push(world, JACK)
    for case in (good, bad):
        await case.everybody_says_yes()
        assert (await case.ask()).status_code == 200
    intruder = intruder_in(world, request)
    await damage(world, intruder, bad)
    with capture_logs():
        answers = await asyncio.gather(*[case.ask() for case in (good, bad) * 4])
    assert [answer.status_code for answer in answers] == [200, 500] * 4
    assert await releases(world) == 2 + 4
    assert sorted(part["type"] for part in answers[0].json()["released"]) == ALL[TOM]


async def damage(world: World, intruder: Intruder, case: Case) -> None:
    await world.settle()
    await asyncio.to_thread(
        intruder.change, "UPDATE section SET wrapped_key = ? WHERE handover = ?", b"nothing", case.handover.id
    )


async def test_who_is_held_by_somebody_is_waited_for_alone(world: World) -> None:
    """A withdrawal that is under way: the release waits for it, and sees it; another family's release does not wait."""
    held, free = await push(world, TOM), await push(world, JACK)
    for case in (held, free):
        await case.everybody_says_yes()
        assert (await case.ask()).status_code == 200
    house = world.broker.house
    async with house.storage() as work:
        await work.authorities.hold({held.people["mother"]}, exclusively=True)
        waits = asyncio.create_task(held.ask())
        if world.database == "postgresql":
            assert (await asyncio.wait_for(free.ask(), 20)).status_code == 200
        record = held.record("mother", "tom", WITHDRAWN)
        before = await work.consents.said_by(record.signer, record.scope.sender)
        record = type(record)(
            **{name: getattr(record, name) for name in record.__slots__} | {"serial": len(before) + 1}
        )
        await work.consents.add(record, house.notary.sign(record))
        assert not waits.done()
        await work.commit()
    assert (await waits).status_code == 403


@pytest.mark.parametrize("odd", ['a"b', "a\\", '\\"', "{}", "a,b", "NULL", " ", "", "ü"])
async def test_an_id_finds_itself_only(world: World, odd: str) -> None:
    """Whatever a caller says in the place of a handover's id."""
    case = await push(world, TOM)
    asked = replace(asking(case), handover=odd)
    async with world.broker.house.storage.releasing(asked) as work:
        assert await work.handovers.get(odd) is None
        assert await work.handovers.get(case.handover.id) is None


async def test_a_counter_is_exact_for_all_together(world: World) -> None:
    """Each call has a number of its own, however many are counted at once."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200  # everybody has a key in the log from here on
    object.__setattr__(world.broker.house, "rate_one", Rate(9, 3600))
    codes = Counter(response.status_code for response in await asyncio.gather(*[case.ask() for _ in range(20)]))
    assert codes == {200: 8, 429: 12}
    assert await releases(world) == 9


async def test_a_first_reader_gets_a_key_that_all_of_them_use(world: World) -> None:
    """Nobody asked before: one key is made for the professional, and opens every entry."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert {response.status_code for response in await asyncio.gather(*[case.ask() for _ in range(6)])} == {200}
    logged = [entry for _, entry in await in_the_order_of_commits(world) if entry.type == "release:permitted"]
    assert [entry.personal["role"] for entry in logged] == [["support-coordinator"]] * 6
    tags = Counter(row.tag for row in await rows(world, sa.select(t.log_subject_key)))
    assert set(tags.values()) == {1}


async def test_what_a_shared_transaction_was_not_made_for_is_refused(world: World) -> None:
    """Anything else would be read outside it, or not at all."""
    case = await push(world, TOM)
    async with world.broker.house.storage.releasing(asking(case)) as work:
        with pytest.raises(Unforeseen):
            _ = work.invitations
        with pytest.raises(Unforeseen):
            await work.handovers.sent(case.handover.sender, "", 1)
        with pytest.raises(Unforeseen):
            await work.handovers.get(case.handover.id, lock="exclusive")
        with pytest.raises(Unforeseen):
            await work.organisations.get(case.handover.sender, lock=True)
        with pytest.raises(Unforeseen):
            await work.guards.take("another", 60, world.clock(), 1)
    async with world.broker.house.storage() as plain:
        assert isinstance(plain, SqlUnitOfWork)


async def test_who_stops_waiting_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancelled in the queue, and cancelled while deciding: nothing of it is kept, and the others go on."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    store = world.broker.house.storage._storage  # type: ignore[attr-defined]
    asked = Asked(case.handover.id, case.handover.sender, "x", secrets.token_hex(32), 60, world.clock())
    queued = [asyncio.create_task(store._together.board(asked)) for _ in range(3)]
    await asyncio.sleep(0)
    queued[0].cancel()
    seats = [await task for task in queued[1:]]
    for seat, _ in seats:
        seat.give_up()
    with pytest.raises(asyncio.CancelledError):
        await queued[0]
    for seat, _ in seats:
        await seat.leave()
    assert (await case.ask()).status_code == 200
    assert await releases(world) == 2


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
async def test_whatever_breaks_once_it_was_written_is_not_done_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not only what the driver raises: by then it may have been kept, and a release is never in two transactions."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    ask = Knowing.ask

    async def kept_but_not_understood(connection: Knowing, *asked: tuple[str, Any]) -> Any:
        answered = await ask(connection, *asked)
        if "commit" in dict(asked):
            raise ValueError
        return answered

    monkeypatch.setattr(Knowing, "ask", kept_but_not_understood)
    response = await case.ask()
    assert (response.status_code, response.json()["type"].rpartition(":")[2]) == (503, "outcome-unknown")
    assert await releases(world) == 2
    monkeypatch.undo()
    assert (await case.ask()).status_code == 200
    assert await releases(world) == 3
