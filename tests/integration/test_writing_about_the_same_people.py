"""Whoever writes about the same people at the same time waits for the other one, and never do both wait for each other."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from broker.domain.parties import Oin, PersonId
from broker.domain.stores import UnitOfWork
from broker.services.recording import keep
from tests.promises.attacks import NOTICE, NOTICE_DIGEST, Case
from tests.support.lifelines import FOSTER, MENTAL, SCHOOL, Girl, timeline
from tests.support.world import World

Step = Callable[[UnitOfWork], Awaitable[object]]


class Halfway:
    """Two units of work that both do their first step before either does its second, where the database lets them."""

    def __init__(self, world: World) -> None:
        self._storage = world.broker.house.storage
        self._met = asyncio.Barrier(2)

    async def does(self, first: Step, second: Step) -> None:
        async with self._storage() as work:
            await first(work)
            await self._meet()
            await second(work)
            await work.commit()

    async def _meet(self) -> None:
        """Where there is one writer at a time, the other one cannot come."""
        with contextlib.suppress(TimeoutError, asyncio.BrokenBarrierError):
            async with asyncio.timeout(0.5):
                await self._met.wait()


def holding(*people: PersonId) -> Step:
    return lambda work: work.authorities.hold(people, exclusively=True)


def naming(world: World, sender: str, numbers: Mapping[str, PersonId]) -> Step:
    """What recognising does: a reference of one's own, for who is known by number already."""

    async def names(work: UnitOfWork) -> None:
        for number, person in numbers.items():
            new = PersonId(world.broker.house.ids())
            assert await work.persons.recognise(Oin(sender), f"own {number}", [("bsn", number)], new) == person

    return names


def answering(world: World, case: Case, signer: str) -> Step:
    record = case.record(signer, "chayenne")

    async def answers(work: UnitOfWork) -> None:
        await work.consents.keep_notice(NOTICE_DIGEST, "nl", NOTICE, record.at)
        await keep(work, world.broker.house, record.signer, case.handover.sender, (record,), record.at)

    return answers


async def test_a_mother_answers_while_somebody_writes_about_her_and_her_child(world: World) -> None:
    """She holds herself, and then names the child; the other one holds the child, and then her."""
    girl = Girl(world)
    case = await girl.push(FOSTER, timeline(("2018", "Iets.")))
    child, mother = case.people["chayenne"], case.people["mother"]
    assert child < mother, "people are held in the order of ids"
    both = Halfway(world)
    async with asyncio.timeout(30):
        await asyncio.gather(
            both.does(holding(mother), answering(world, case, "mother")), both.does(holding(child), holding(mother))
        )
    async with world.broker.house.storage(writing=False) as work:
        [record] = await work.consents.said_by(mother, case.handover.sender)
    assert record.scope.person == child


async def test_two_who_write_about_the_same_child_and_mother_go_one_after_the_other(world: World) -> None:
    """Each names both, and then holds both."""
    girl = Girl(world)
    case = await girl.push(FOSTER, timeline(("2018", "Iets.")))
    people = {girl.bsn: case.people["chayenne"], girl.mothers: case.people["mother"]}
    both = Halfway(world)
    async with asyncio.timeout(30):
        await asyncio.gather(
            *(both.does(naming(world, one, people), holding(*people.values())) for one in (MENTAL, SCHOOL))
        )


async def test_two_who_push_about_the_same_child_at_once_are_both_taken(world: World) -> None:
    girl = Girl(world)
    await girl.push(FOSTER, timeline(("2018", "Iets.")))
    bodies = [(sender, girl.body(timeline(("2019", "Ook iets.")))) for sender in (FOSTER, MENTAL, SCHOOL) * 2]
    answers = await asyncio.gather(
        *(world.as_organisation(sender, "POST", "/v1/handovers", body) for sender, body in bodies)
    )
    assert [answer.status_code for answer in answers] == [201] * len(bodies)
