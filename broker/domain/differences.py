"""What one agreement gives that another does not: exact, in words, and with a direction that a program can act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from broker.domain.overview import OverviewPurpose
from broker.errors import Words


class Direction(StrEnum):
    """What a change does to what can be given. `wider` and `both` need somebody's look before they are in force."""

    EQUAL = "equal"
    NARROWER = "narrower"
    WIDER = "wider"
    BOTH = "both"


@dataclass(frozen=True, slots=True)
class OtherChange:
    """A change of who signs, or of what must be sealed: as it is now, and which way that goes."""

    words: Words
    direction: Direction


@dataclass(frozen=True, slots=True)
class Difference:
    """From the old to the new agreement. `gained` and `lost` hold everything that is given now or is not given any more."""

    old: str
    new: str
    gained: tuple[OverviewPurpose, ...]
    lost: tuple[OverviewPurpose, ...]
    others: tuple[OtherChange, ...] = ()
    rules: tuple[tuple[str, str], ...] = ()
    """The ids of the rules that were `added`, `removed` or `changed`, with which of these it is."""
    texts: tuple[str, ...] = ()
    """Other files of the agreement that changed, which give nothing and take nothing."""

    @property
    def direction(self) -> Direction:
        """All of it together."""
        found = [change.direction for change in self.others]
        return summed([*found, Direction.WIDER if self.gained else Direction.EQUAL,
                       Direction.NARROWER if self.lost else Direction.EQUAL])  # fmt: skip


def summed(directions: Sequence[Direction]) -> Direction:
    """Several directions as one."""
    wider = any(one in (Direction.WIDER, Direction.BOTH) for one in directions)
    narrower = any(one in (Direction.NARROWER, Direction.BOTH) for one in directions)
    if wider and narrower:
        return Direction.BOTH
    return Direction.WIDER if wider else Direction.NARROWER if narrower else Direction.EQUAL
