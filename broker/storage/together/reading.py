"""The rows that were read for several releases, each found by what it belongs to."""

from collections import namedtuple
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import starmap
from operator import attrgetter
from typing import Any

from broker.storage.together.looks import CONTENTS, LOOKS, Look, cell


def _kind_of_row(name: str, look: Look) -> Any:
    return namedtuple(name, [cell(column) for column in look.columns])


_ROWS = {name: _kind_of_row(name, look) for name, look in LOOKS.items()}
_ORDERS = {name: attrgetter(*look.order) for name, look in LOOKS.items() if look.order}
CONTENT_ROW = _kind_of_row("content", CONTENTS)


def rows_of(name: str, values: Iterable[Sequence[Any]]) -> Sequence[Any]:
    """The rows of a look, by the names of its columns and in its order."""
    rows = list(starmap(_ROWS[name], values))
    if name in _ORDERS:
        rows.sort(key=_ORDERS[name], reverse=LOOKS[name].falling)
    return rows


@dataclass(frozen=True, slots=True)
class Asked:
    """One release: what is asked for, by which organisation, and the counter of such asking with its window in seconds."""

    handover: str
    organisation: str
    professional: str
    bucket: str
    window: int
    now: datetime


@dataclass(slots=True)
class Facts:
    """What is known for a number of releases, read after what must not change was locked.

    `held` are the handovers and persons that nobody changes until the commit. `counted` says for each counter what
    number its last call here has.
    """

    rows: Mapping[str, Sequence[Any]]
    contents: Mapping[str, Any]
    held: frozenset[str]
    counted: dict[str, int]
    keys: Mapping[str, bytes]
    fresh: dict[str, bytes] = field(default_factory=dict)
    """Wrapped log keys that were made in this batch, by tag."""
    _found: dict[tuple[str, str], dict[Any, list[Any]]] = field(default_factory=dict)

    def number(self, counter: str) -> int:
        """The number of one more call that was counted; they are handed out from the last one down."""
        number, self.counted[counter] = self.counted[counter], self.counted[counter] - 1
        return number

    def of(self, name: str, column: str, value: Any) -> Sequence[Any]:
        """The rows with this value, in the order in which they were read."""
        known = self._found.get((name, column))
        if known is None:
            known = self._found[name, column] = {}
            for row in self.rows[name]:
                known.setdefault(getattr(row, column), []).append(row)
        return known.get(value, ())

    def concerned(self, handover: str) -> set[str]:
        """Everybody whom a handover concerns."""
        sections = (row.id for row in self.of("section", "handover", handover))
        people = {row.person for row in self.among("section_person", "section", sections) if row.concerned}
        return people | {row.subject for row in self.of("handover", "id", handover)}

    def among(self, name: str, column: str, values: Iterable[Any]) -> list[Any]:
        """The rows with any of these values; those of one value stay in the order in which they were read."""
        return [row for value in dict.fromkeys(values) for row in self.of(name, column, value)]
