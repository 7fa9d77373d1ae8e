"""Whole servers, spoken to over TCP: a release of ours beside plain endpoints and beside a naive release, in turns.

`python -m tests.bench.servers` says what it finds and writes nothing; these in the environment narrow it, there and in
`make bench`: DATABASES=pg,sqlite CONNECTIONS=1,8,32 WAYS=core,orm,raw,naive PROCESSES=1,2 SIZES=8,32 ROUNDS=5 LASTING=2.5
SUSTAINED=20 HANDOVERS=400.
"""

import asyncio
import contextlib
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import typer

from broker import observability
from tests.bench.floors import Plan
from tests.bench.ground import Ground, a_ground
from tests.bench.load import Speaker
from tests.bench.measure import Effort, Result
from tests.bench.releases import Nowhere
from tests.bench.serving import Server, end_with_us, floor, naive, ours
from tests.bench.turns import Setting, compared, lasting, say, turn
from tests.support.postgres import PostgresServer, shared_server

MATTER = "Whole servers: a release, beside what it is compared to"
NAIVE = "naive"
LONGEST = 1.2
"""The longest answer, beside the shortest."""
FEWER = 4
"""So many times fewer handovers where they are larger."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What is measured. The first size, process and way are measured in full, the others with most connections only."""

    databases: Sequence[str] = ("pg", "sqlite")
    connections: Sequence[int] = (1, 8, 32)
    ways: Sequence[str] = ("core", "orm", "raw", NAIVE)
    processes: Sequence[int] = (1, 2)
    sizes: Sequence[int] = (8, 32)
    """Kibibytes of the one section."""
    rounds: int = 5
    lasting: float = 2.5
    """Seconds of one turn."""
    sustained: float = 20.0
    """Seconds of a long turn; none when it is nothing."""
    handovers: int = 400

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Scope":
        """As the environment narrows it. Raises ValueError for what is no number."""
        whole, changed = cls(), dict[str, Any]()
        for name in cls.__dataclass_fields__:
            if text := environment.get(name.upper()):
                like = getattr(whole, name)
                one = type(like[0] if isinstance(like, tuple) else like)
                changed[name] = tuple(map(one, text.split(","))) if isinstance(like, tuple) else one(text)
        return replace(whole, **changed)


TINY = Scope(("sqlite",), (2,), ("core", "orm", "raw", NAIVE), (1,), (1,), 1, 0.05, 0.1, 2)


async def run(effort: Effort) -> list[Result]:
    """Everything; tiny is one short round on SQLite."""
    observability.set_up(stream=Nowhere())
    return await asyncio.to_thread(_run, TINY if effort.tiny else Scope.of(os.environ))


def _run(scope: Scope) -> list[Result]:
    found: list[Result] = []
    with contextlib.ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="rondom-bench-")))
        speaker = held.enter_context(Speaker())
        for database in scope.databases:
            with _server(database) as server:
                for size in scope.sizes:
                    place = folder / f"{database}-{size}"
                    count = scope.handovers if size == scope.sizes[0] else max(1, scope.handovers // FEWER)
                    with a_ground(place, server, count, size) as ground:
                        found += _on(scope, Setting(database, size, 1, 1), ground, speaker)
    return found


@contextlib.contextmanager
def _server(database: str) -> Iterator[PostgresServer | None]:
    """A PostgreSQL that waits for its disk; nothing for SQLite."""
    if database == "sqlite":
        yield None
        return
    with shared_server(f"bench-{secrets.token_hex(6)}") as server:
        server.make_durable()
        yield server


def _on(scope: Scope, setting: Setting, ground: Ground, speaker: Speaker) -> Iterator[Result]:
    """Everything on one ground."""
    first = setting.kilobytes == scope.sizes[0]
    for processes in scope.processes if first else scope.processes[:1]:
        whole = first and processes == scope.processes[0]
        ways = [way for way in scope.ways if whole or way in (scope.ways[0], NAIVE)]
        with _servers(ground, ways, processes) as servers:
            for connections in scope.connections if whole else scope.connections[-1:]:
                here = replace(setting, processes=processes, connections=connections)
                turns = _rounds(scope, here, servers, speaker)
                say(here, turns)
                yield from compared(here, turns)
            if whole and scope.sustained:
                here = replace(setting, processes=processes, connections=scope.connections[-1])
                pair = servers[:2]
                order = (*pair, *reversed(pair))
                long = [(server.name, turn(server, speaker, here, scope.sustained)) for server in order]
                turns = {server.name: [one for name, one in long if name == server.name] for server in pair}
                say(here, turns)
                yield from lasting(here, turns)


def _rounds(scope: Scope, setting: Setting, servers: Sequence[Server], speaker: Speaker) -> Mapping[str, Any]:
    """Rounds in which every server has a turn, in an order that moves on; the first warms up, and does not count."""
    turns: dict[str, list[Any]] = {server.name: [] for server in servers}
    for number in range(scope.rounds + 1):
        shift = number % len(servers)
        for server in (*servers[shift:], *servers[:shift]):
            turns[server.name].append(turn(server, speaker, setting, scope.lasting))
    return {name: each[1:] for name, each in turns.items()}


@contextlib.contextmanager
def _servers(ground: Ground, ways: Sequence[str], processes: int) -> Iterator[list[Server]]:
    """Ours first, then what stands beside it."""
    with contextlib.ExitStack() as held:
        first = held.enter_context(ours(ground, processes))
        assert first.tokens is not None
        plan, servers = _plan(first, ground), [first]
        typer.echo(f"\nBeside us: a row of {plan.row:,} bytes, and an answer of {plan.answer:,}.", err=True)
        for way in ways:
            beside = naive(ground, first.tokens, processes) if way == NAIVE else floor(way, ground, plan, processes)
            servers.append(held.enter_context(beside))
        for server in servers:
            server.ready()
        _check_alike(servers)
        yield servers


def _plan(server: Server, ground: Ground) -> Plan:
    """What the floors must weigh: a release of ours, asked once."""
    answer = _asked(server)
    return Plan(ground.floor_url, ground.ours.bytes_of_release(answer.json()["id"]), len(answer.content))


def _check_alike(servers: Sequence[Server]) -> None:
    """Everybody answers with about as many bytes, and the naive release with our own content. Raises RuntimeError."""
    answers = {server.name: _asked(server) for server in servers}
    lengths = {name: len(answer.content) for name, answer in answers.items()}
    alike = max(lengths.values()) <= LONGEST * min(lengths.values())
    contents = {tuple(one["content"] for one in answers[n].json()["released"]) for n in ("ours", NAIVE) if n in answers}
    if not alike or len(contents) > 1:
        raise RuntimeError(f"these do not do the same: {lengths}")


def _asked(server: Server) -> httpx.Response:
    """The answer to its first request. Raises HTTPStatusError."""
    order = server.order(1, 0)
    bearer = {"Authorization": f"Bearer {order.tokens[0]}"} if order.tokens else {}
    head = {"Content-Type": "application/json", **bearer}
    url = f"http://127.0.0.1:{server.ports[0]}{order.path}"
    answer = httpx.post(url, content=order.bodies[0], headers=head, timeout=20)
    answer.raise_for_status()
    return answer


if __name__ == "__main__":
    end_with_us()
    asyncio.run(run(Effort()))
    sys.exit(0)
