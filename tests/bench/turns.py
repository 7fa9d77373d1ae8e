"""One server at a time speaks; what a turn gave, and what turns beside each other say."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

import psutil
import typer

from tests.bench.load import Heard, Speaker
from tests.bench.measure import Result
from tests.bench.serving import Server
from tests.support.postgres import PostgresServer

NAMES = {"sqlite": "SQLite", "pg": "PostgreSQL"}
WAYS = {"core": "Core", "orm": "ORM", "raw": "driver", "naive": "naive"}
LEAST = {
    "release_vs_core_floor_pg_c1": 1.0,
    "release_vs_core_floor_pg_c32": 2.0,
    "release_vs_naive_pg_c32": 6.0,
    "release_vs_core_floor_sqlite_c8": 1.0,
}
"""What was promised: so many times as many answers."""
SLOWEST = 1.0
"""Where a plain endpoint is what something was promised beside: what the slowest of a hundred may take, beside its own."""
WARM = 0.3
"""Seconds of each turn that do not count."""
TICK = 0.01
"""Seconds: finer the system does not count CPU."""
SETTLES = 600
"""Seconds that a broker may take for what it does behind its answers."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and how a round is held."""

    database: str
    kilobytes: int
    processes: int
    connections: int

    def key(self, way: str) -> str:
        """The name of a result beside this way."""
        key = f"{way}{'' if way == 'naive' else '_floor'}_{self.database}_c{self.connections}"
        key += f"_p{self.processes}" if self.processes > 1 else ""
        return key + (f"_{self.kilobytes}k" if self.kilobytes > 8 else "")

    def words(self, way: str) -> str:
        """The same for people."""
        said = f"{NAMES[self.database]}, {self.connections} at once"
        said += f", {self.processes} processes" if self.processes > 1 else ""
        said += f", {self.kilobytes} KiB" if self.kilobytes > 8 else ""
        return f"{said}, {WAYS[way]}"


@dataclass(frozen=True, slots=True)
class Turn:
    """What one turn of one server gave."""

    heard: Heard
    cpu: float
    """Seconds of CPU per answer, of the server alone, with what it did behind its answers."""
    database_cpu: float
    """The same of the database's processes; nothing on SQLite, which is in the server."""
    later: float
    """Of both together, what was used after the last answer."""
    left: int
    """Entries that no follower had read yet when the turn was over."""
    catching_up: float
    """Seconds until nothing was left."""

    @property
    def caught_up(self) -> float:
        """Answers in a second, if those that waited count as well."""
        return self.heard.done / (self.heard.seconds + self.catching_up)


def turn(server: Server, speaker: Speaker, setting: Setting, seconds: float) -> Turn:
    """One turn: first it warms up; and the next server waits until this one has nothing left to do."""
    order = server.order(setting.connections, seconds)
    if seconds > WARM:
        speaker.turn(replace(order, seconds=WARM))
        _settled(server)
    before = _cpu(server)
    heard = speaker.turn(order)
    answered = _cpu(server)
    left = server.waiting()[1] if server.waiting else 0
    waited = _settled(server)
    after = _cpu(server)
    own, of_database = (used - unused for used, unused in zip(after, before, strict=True))
    later = (sum(after) - sum(answered)) / heard.done
    return Turn(heard, max(own, TICK) / heard.done, of_database / heard.done, later, left, waited)


def _cpu(server: Server) -> tuple[float, float]:
    """Seconds of CPU until now: of the server, and of its database where that is another process."""
    return server.cpu(), _database_cpu(server.ground.server)


def _settled(server: Server) -> float:
    """Wait until a server has nothing left to do behind its answers; returns how long that took. Raises TimeoutError."""
    began = time.perf_counter()
    while server.waiting and any(server.waiting()):
        if time.perf_counter() - began > SETTLES:
            raise TimeoutError(f"{server.name} did not finish what waits: {server.waiting()}")
        time.sleep(0.02)
    return time.perf_counter() - began


def _database_cpu(server: PostgresServer | None) -> float:
    """Seconds of CPU of every process of a PostgreSQL, also of those that ended."""
    if server is None:
        return 0.0
    postmaster = psutil.Process(server.pid)
    every = float(sum(postmaster.cpu_times()[:4]))
    for child in postmaster.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            every += sum(child.cpu_times()[:2])
    return every


Turns = Mapping[str, Sequence[Turn]]


def compared(setting: Setting, turns: Turns) -> Iterator[Result]:
    """Ours beside each of the others: how many, the slowest of a hundred, and CPU with that of the database."""
    for way in (name for name in turns if name != "ours"):
        key, what = setting.key(way), setting.words(way)
        name = f"release_vs_{key}"
        yield _more(name, what, turns, way, lambda one: one.heard.per_second, least=LEAST.get(name))
        most = SLOWEST if name in LEAST and way != "naive" else None
        yield _less(f"{name}_p50", what, turns, way, lambda one: one.heard.p50, "half of them within")
        yield _less(f"{name}_p99", what, turns, way, lambda one: one.heard.p99, "99 in 100 within", most)
        yield _less(f"release_cpu_vs_{key}", what, turns, way, lambda one: one.cpu + one.database_cpu, "CPU")


def lasting(setting: Setting, turns: Turns) -> Iterator[Result]:
    """The same for long turns, and what was still to be done when they were over."""
    [way] = [name for name in turns if name != "ours"]
    key, what = setting.key(way), setting.words(way)
    where, picture = f"{NAMES[setting.database]}, {setting.connections} at once", "for long"
    name = f"release_sustained_vs_{key}"
    yield replace(_more(name, what, turns, way, lambda one: one.heard.per_second), picture=picture)
    with_the_rest = _more(f"release_caught_up_vs_{key}", what, turns, way, lambda one: one.caught_up)
    yield replace(with_the_rest, what=f"{what}, until all is done", picture=picture)
    waited, spoken = (
        median(each) for each in zip(*((o.catching_up, o.heard.seconds) for o in turns["ours"]), strict=True)
    )
    after = f"release_catching_up_{setting.database}_c{setting.connections}"
    yield Result(after, f"{where}, catching up after it", waited / spoken, waited, spoken, "s", picture=picture)
    left, done = (median(each) for each in zip(*((o.left, o.heard.done) for o in turns["ours"]), strict=True))
    if left:
        what = f"{where}, entries waiting after it"
        after = f"release_left_{setting.database}_c{setting.connections}"
        yield Result(after, what, left / done, left, done, "entries", picture=picture)


Figure = Callable[[Turn], float]


def _more(name: str, what: str, turns: Turns, way: str, figure: Figure, least: float | None = None) -> Result:
    return Result(name, what, *_middle(turns, way, figure), "per s", least=least)


def _less(
    name: str, what: str, turns: Turns, way: str, figure: Figure, picture: str, most: float | None = None
) -> Result:
    ratio, a, b = _middle(turns, way, figure)
    return Result(name, what, ratio, a * 1e3, b * 1e3, "ms", most, picture=picture)


def _middle(turns: Turns, way: str, figure: Figure) -> tuple[float, float, float]:
    """The medians: of what the two are to each other in each round, and of each."""
    pairs = [(figure(mine), figure(other)) for mine, other in zip(turns["ours"], turns[way], strict=True)]
    ours, others = zip(*pairs, strict=True)
    return median(a / b for a, b in pairs), median(ours), median(others)


def say(setting: Setting, turns: Turns) -> None:
    """On the terminal, as it is found."""
    ways = f"{NAMES[setting.database]}, {setting.kilobytes} KiB, {setting.processes} process(es)"
    typer.echo(f"\n{ways}, {setting.connections} connection(s)", err=True)
    typer.echo(
        "        per s   p50 ms  p99 ms  cpu ms  db cpu ms  later ms  bytes  ours/it   left  catching up s", err=True
    )
    for name, each in turns.items():
        ratio = _middle(turns, name, lambda one: one.heard.per_second)[0]
        figures = [median(figure(one) for one in each) for figure in _SAID]
        line = "{:7.0f} {:8.2f} {:7.1f} {:7.2f} {:10.2f} {:9.2f} {:6.0f} {ratio:7.2f}x {:6.0f} {:14.2f}"
        typer.echo(f"{name:5} " + line.format(*figures, ratio=ratio), err=True)


_SAID: tuple[Figure, ...] = (
    lambda one: one.heard.per_second,
    lambda one: one.heard.p50 * 1e3,
    lambda one: one.heard.p99 * 1e3,
    lambda one: one.cpu * 1e3,
    lambda one: one.database_cpu * 1e3,
    lambda one: one.later * 1e3,
    lambda one: one.heard.length,
    lambda one: one.left,
    lambda one: one.catching_up,
)
