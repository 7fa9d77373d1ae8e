"""Growing: what each use case costs with a hundred times, and ten times, as many handovers as there were.

Databases of every size lie side by side on one server, each with a broker of its own in this process; each use case is done
in turns on the large one and on the smallest. SIZE in the environment makes all of them smaller: `SIZE=0.02 make bench
ONLY=growing` takes minutes; the whole takes an hour, and some thirty gigabytes in the system's temporary folder. DATABASES
chooses among `pg` and `sqlite`.
"""

import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace

from broker import observability
from broker.services.officer_screens import EntryFilter
from tests.bench.handovers import Grown, answered, grown
from tests.bench.lines import ORGANISATIONS
from tests.bench.measure import Effort, Result, Way, compare_work
from tests.bench.releases import Nowhere
from tests.promises.attacks import READER, TOM, push
from tests.support.officers import let_in, signed_in
from tests.support.postgres import shared_server
from tests.support.world import World

MATTER = "Growing: what a use case costs, by how many handovers there are"
SIZES = {"postgresql": (10_000, 100_000, 1_000_000), "sqlite": (10_000, 100_000)}
TINY = (120, 240)
LEAST, REAL = 200, 12
"""The fewest handovers of a database; and how many of them the broker was really given."""
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
RELEASE, MOST = 1.2, 2.0
"""What a release, and anything else, may cost in the largest database beside the smallest."""
CALLS = {"answer": 2, "push": 4, "release": 20}
MOSTLY = 5
"""Calls of one turn, and of a use case that is not named."""
OFTEN = 3
"""A release is over sooner than what works in the background comes by: so many times as many rounds."""


async def run(effort: Effort) -> list[Result]:
    """Each use case on both databases, every larger size beside the smallest."""
    observability.set_up(stream=Nowhere())
    found: list[Result] = []
    wanted = os.environ.get("DATABASES", "pg,sqlite").split(",")
    for database in ("sqlite",) if effort.tiny else wanted:
        found += await _on({"pg": "postgresql"}.get(database, database), effort)
    return found


async def _on(database: str, effort: Effort) -> list[Result]:
    found: list[Result] = []
    share = float(os.environ.get("SIZE") or 1)
    sizes = TINY if effort.tiny else tuple(max(LEAST, int(size * share)) for size in SIZES[database])
    async with all_of(database, sizes, 2 if effort.tiny else REAL) as databases:
        jobs = [(await day_of(of, effort)).jobs() for of in databases]
        for name in jobs[0]:
            rounds = effort.rounds * (OFTEN if name == "release" and not effort.tiny else 1)
            calls = replace(effort, rounds=rounds, calls=min(effort.calls, CALLS.get(name, MOSTLY)))
            points: list[tuple[float, float, float]] = []
            for place in range(1, len(sizes)):
                both = await compare_work(calls, jobs[place][name], jobs[0][name])
                points.append(both["wall"])
                of = f"{sizes[place]:,} beside {sizes[0]:,}"
                for clock, key in (("wall", ""), ("cpu", "_cpu")):
                    ratio, a, b = both[clock]
                    most = (RELEASE if name == "release" else MOST) if clock == "wall" else None
                    what = f"{NAMES[database]}, {name}, {of}{', CPU' if key else ''}"
                    found.append(
                        Result(
                            _key(database, name, sizes[place], sizes[0]) + key,
                            what,
                            ratio,
                            a * 1e3,
                            b * 1e3,
                            "ms",
                            most,
                        )
                    )
            if database == "postgresql":
                found += _grown(name, sizes, points)
    return found


def _key(database: str, name: str, large: int, small: int) -> str:
    """Such as `release_p50_1e6_vs_1e4`, by what was really measured."""
    sizes = "_vs_".join(f"{size:.0e}".replace("e+0", "e") for size in (large, small))
    middle = "_p50" if name == "release" else ""
    return f"{name.replace(' ', '_')}{middle}_{sizes}" + ("" if database == "postgresql" else f"_{database}")


def _grown(name: str, sizes: tuple[int, ...], points: list[tuple[float, float, float]]) -> Iterable[Result]:
    smallest = points[0][2]
    for size, (ratio, a, b) in zip(sizes, [(1.0, smallest, smallest), *points], strict=True):
        key = f"growing_{name.replace(' ', '_')}_at_{size}"
        yield Result(
            key, f"{name}, {size:,} beside {sizes[0]:,}", ratio, a * 1e3, b * 1e3, "ms", series=name, size=size
        )


@contextlib.asynccontextmanager
async def all_of(database: str, sizes: tuple[int, ...], real: int) -> AsyncIterator[list[Grown]]:
    """A database of each size, on one server."""
    async with contextlib.AsyncExitStack() as held:
        server = None
        if database == "postgresql":
            server = held.enter_context(shared_server(f"bench-{secrets.token_hex(6)}"))
        yield [await held.enter_async_context(grown(database, size, server, real)) for size in sizes]


@dataclass
class Day:
    """What is done in one database, each on a real handover that was chosen by chance."""

    of: Grown
    calls: int
    officer: str
    family: str
    entries: list[str]
    fresh: list[tuple[str, str]] = field(default_factory=list)
    """Handovers that nobody answered yet, with a code for the mother."""

    @property
    def world(self) -> World:
        """The broker and everybody around it."""
        return self.of.world

    def jobs(self) -> dict[str, Way]:
        """Each by its name, with what is put in place before."""
        return {
            "release": Way(self.release),
            "push": Way(self.push),
            "answer": Way(self.answer, self.unanswered),
            "proof": Way(self.proof),
            "console page": Way(self.page),
            "family page": Way(self.mine),
            "search": Way(self.search),
            "received": Way(self.received),
            "retention round": Way(self.erase),
        }

    async def push(self) -> None:
        """A handover of people whom nobody knew."""
        await push(self.world, TOM)

    async def unanswered(self) -> None:
        """As many as one turn answers."""
        while len(self.fresh) <= self.calls:
            case = await push(self.world, TOM)
            self.world.handovers[TOM] = case.handover.id
            self.fresh.append((case.handover.id, await self.world.invite(TOM, "mother")))

    async def answer(self) -> None:
        """A mother comes in and answers each question."""
        self.world.handovers[TOM], code = self.fresh.pop()
        await self.world.answer(TOM, "mother", dict.fromkeys(("status", "safety-plan"), "yes"), code)

    async def release(self) -> None:
        """Over HTTP, to the end of its answer."""
        response = await secrets.choice(self.of.real).ask()
        assert response.status_code == 200, response.text

    async def search(self) -> None:
        """By the identifier of a child."""
        child = next(one for one in secrets.choice(self.of.real).body["people"] if one["key"] == "tom")
        body = {"identifier": {name: child["identifiers"][0][name] for name in ("system", "value")}}
        response = await self.world.as_professional(READER[TOM], "POST", "/v1/subjects/_search", body)
        assert response.status_code == 200, response.text
        assert response.json()["items"], "the child is found"

    async def received(self) -> None:
        """The first page of what is open to a professional: of all there is, a handful is theirs."""
        response = await self.world.as_professional(READER[TOM], "GET", "/v1/handovers?box=received")
        assert response.status_code == 200, response.text
        assert response.json()["items"], "it is open to them"

    async def proof(self) -> None:
        """Of an entry from long ago."""
        assert await self.world.broker.ledger.proof(secrets.choice(self.entries))

    async def page(self) -> None:
        """The console's: what an organisation was asked."""
        await self.world.broker.viewing.lines(self.officer, EntryFilter(organisation=ORGANISATIONS[2]))

    async def mine(self) -> None:
        """A family's: what they said, and who read it."""
        assert (await self.world.broker.consents.mine(self.family, "nl")).groups

    async def erase(self) -> None:
        """What an hour has to do when nothing is due."""
        done = await self.world.broker.erasure.erase_due()
        assert (done.handovers, done.people, done.failed) == ((), 0, 0)


async def day_of(of: Grown, effort: Effort) -> Day:
    """With an officer who is in, and a mother who came back to see what she said."""
    world = of.world
    officer = (await signed_in(world.broker, await let_in(world.broker)))[0]
    async with world.broker.house.storage(writing=False) as work:
        entries = [str(entry.id) for entry in await work.checkpoints.leaves(0, 4_096)]
    await answered(world)
    family = await world.visit(world.codes[TOM, "mother"])
    return Day(of, min(effort.calls, CALLS["answer"]), officer, family, entries)
