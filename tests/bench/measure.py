"""Two ways of doing one thing, measured in turns: what disturbs the one then disturbs the other as well.

A ratio is the median, over the rounds, of what the one costs divided by what the other costs in the same round. Above one
means that the first costs more. The figures beside it are medians too; they say something about this machine only.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

Work = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard to look."""

    rounds: int = 7
    seconds: float = 0.05
    """How long one turn of something short goes on."""
    calls: int = 20
    """How many calls one turn of something long has."""
    tiny: bool = False
    """Only whether it works: small sizes, no ratio that means anything."""


TINY = Effort(rounds=1, seconds=0.0, calls=1, tiny=True)


@dataclass(frozen=True, slots=True)
class Result:
    """What came out of one comparison: `a` beside `b`, in `unit`."""

    name: str
    what: str
    ratio: float
    a: float
    b: float
    unit: str
    most: float | None = None
    """What was promised: a ratio above it is a fault."""
    series: str | None = None
    size: int | None = None
    """For what grows with a size: the line that it is a point of, `a` at that size."""
    least: float | None = None
    """What was promised of what is better when there is more of it: a ratio below it is a fault."""
    picture: str = ""
    """The picture that it is in, beside the matter's own."""

    @property
    def promised(self) -> float | None:
        """What was promised of the ratio, whichever way."""
        return self.least if self.most is None else self.most

    @property
    def broken(self) -> bool:
        """Whether that was not kept."""
        above = self.most is not None and self.ratio > self.most
        return above or (self.least is not None and self.ratio < self.least)

    def as_json(self) -> dict[str, Any]:
        """For `var/bench.json`."""
        kept = {name: value for name, value in asdict(self).items() if name not in ("name", "picture")}
        return {name: value for name, value in kept.items() if value is not None}


def compare(effort: Effort, ours: Callable[[], object], floor: Callable[[], object]) -> tuple[float, float, float]:
    """(ratio, seconds per call of ours, of the floor), of something short that waits for nothing."""
    each: list[tuple[float, float]] = []
    for turn in range(effort.rounds + 1):  # the first warms up
        first, second = (ours, floor) if turn % 2 else (floor, ours)
        one, two = _per_call(first, effort.seconds), _per_call(second, effort.seconds)
        each.append((one, two) if turn % 2 else (two, one))
    return _middle(each[1:])


def _per_call(call: Callable[[], object], seconds: float) -> float:
    calls, began = 0, time.perf_counter()
    while True:
        call()
        calls += 1
        taken = time.perf_counter() - began
        if taken >= seconds:
            return taken / calls


@dataclass(frozen=True, slots=True)
class Way:
    """One of two ways: what is done each time, and what is put in place before its turn, outside the measurement."""

    work: Work
    ready: Work | None = None


async def compare_work(effort: Effort, ours: Way, floor: Way) -> dict[str, tuple[float, float, float]]:
    """By `wall` and `cpu` (of this process): (ratio, seconds per call of ours, of the floor)."""
    each: dict[str, list[tuple[float, float]]] = {"wall": [], "cpu": []}
    for turn in range(effort.rounds + 1):
        order = (ours, floor) if turn % 2 else (floor, ours)
        taken = [await _turn(way, effort.calls) for way in order]
        for clock, pairs in each.items():
            one, two = (found[clock] for found in (taken if turn % 2 else reversed(taken)))
            pairs.append((one, two))
    return {clock: _middle(pairs[1:]) for clock, pairs in each.items()}


async def _turn(way: Way, calls: int) -> dict[str, float]:
    if way.ready is not None:
        await way.ready()
    await way.work()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(calls):
        await way.work()
    return {"wall": (time.perf_counter() - wall) / calls, "cpu": (time.process_time() - cpu) / calls}


def _middle(each: list[tuple[float, float]]) -> tuple[float, float, float]:
    ratios = [ours / floor if floor else 1.0 for ours, floor in each]
    return median(ratios), median(ours for ours, _ in each), median(floor for _, floor in each)
