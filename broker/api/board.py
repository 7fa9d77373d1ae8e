"""What several processes at one address counted, in memory that they share, so that any of them can say it for all.

1. The memory is made before the workers are forked, has a place for each, and no name: nothing of it comes on a disk.
2. A worker writes what it counted in its place every few seconds. Each place has two halves, and one byte that says which holds:
   who is killed while writing leaves what was written before.
3. Who takes the place of a worker that died goes on from what that one wrote last. What it counted in its last seconds is lost,
   and was told to nobody: a count never goes down.
"""

import mmap
import operator
import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import orjson
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

HALF = 1 << 20
"""Bytes that one worker's counts may take; memory that is not written is not used."""
EVERY = 5.0
"""Seconds from one writing to the next."""
TRIES = 5
"""How often a place is read whose worker wrote twice meanwhile."""
_HEAD = struct.Struct("<II")
"""How many bytes follow, and their CRC-32."""
_PLACE = 1 + 2 * HALF

Counted = list[Any]
"""Families as JSON: name, documentation, kind, and samples of name, labels and value."""


class Board:
    """The places of so many workers."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._memory = mmap.mmap(-1, workers * _PLACE)

    def write(self, place: int, families: Counted) -> bool:
        """Put this in a place; False, and what was there stays, when it is too much."""
        data = orjson.dumps(families)
        if len(data) + _HEAD.size > HALF:
            return False
        start = place * _PLACE
        half = 1 - self._memory[start]
        begin = start + 1 + half * HALF
        whole = _HEAD.pack(len(data), zlib.crc32(data)) + data
        self._memory[begin : begin + len(whole)] = whole
        self._memory[start] = half
        return True

    def read(self, place: int) -> Counted:
        """What stands there; nothing where nobody wrote yet."""
        start = place * _PLACE
        for _ in range(TRIES):
            begin = start + 1 + self._memory[start] * HALF
            length, check = _HEAD.unpack_from(self._memory, begin)
            data = self._memory[begin + _HEAD.size : begin + _HEAD.size + min(length, HALF)]
            if not length or zlib.crc32(data) == check:
                return orjson.loads(data) if length else []
        return []

    def all(self) -> Iterator[Counted]:
        """What stands in all places."""
        return map(self.read, range(self._workers))


def counted(families: Iterable[Metric]) -> Counted:
    """As it is written."""
    return [
        [family.name, family.documentation, family.type, [[s.name, s.labels, s.value] for s in family.samples]]
        for family in families
    ]


def lasting(families: Counted) -> Counted:
    """What still counts when who counted it is gone: a gauge says how it is now."""
    return [family for family in families if family[2] != "gauge"]


def together(each: Iterable[Counted]) -> list[Metric]:
    """One for all: counts are added up; of a gauge the highest is said, of when something began the earliest."""
    found: dict[str, tuple[Metric, dict[tuple[str, tuple[tuple[str, str], ...]], float]]] = {}
    for families in each:
        for name, documentation, kind, samples in families:
            metric, values = found.setdefault(name, (Metric(name, documentation, kind), {}))
            for sample, labels, value in samples:
                key = sample, tuple(labels.items())
                before = values.get(key)
                values[key] = value if before is None else _joined(sample, kind)(before, value)
    for metric, values in found.values():
        metric.samples = [Sample(name, dict(labels), value) for (name, labels), value in values.items()]
    return [metric for metric, _ in found.values()]


def _joined(sample: str, kind: str) -> Any:
    if sample.endswith("_created"):
        return min
    return max if kind == "gauge" else operator.add
