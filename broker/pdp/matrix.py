"""Exactly what an agreement gives to whom, for every question that it can be asked.

1. Where each rule applies is found by asking Cedar for each of its conditions (`broker.pdp.holding`).
2. Questions for which the very same rules apply are decided alike, so the decision function is asked one question for
   each set of rules that applies anywhere: it, and nothing else, says whether that is given.
3. Its answer must name the rules that were expected. When it does not, there is no matrix, but an error.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from broker.domain.decisions import Ruling
from broker.errors import Unavailable, Words
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.conditions import Taken
from broker.pdp.holding import Holding
from broker.pdp.policy_set import PolicySet
from broker.pdp.spaces import Place, Space, question_at, space_of


class NotExact(Unavailable):
    """The matrix and the decision function do not say the same: no picture of the agreement is shown."""

    words = Words(
        "Dit overzicht klopt niet met wat de broker zou beslissen. Het wordt daarom niet getoond; meld dit als fout.",
        "This overview does not agree with what the broker would decide. So it is not shown; report this as a fault.",
    )


@dataclass(frozen=True, slots=True)
class Cell:
    """One place that some permit gives something at: when it is open, and the masks that it comes from, by rule id."""

    open: int = field(repr=False)
    permits: Mapping[str, int] = field(repr=False)
    forbids: Mapping[str, int] = field(repr=False)
    failures: int = field(default=0, repr=False)
    """When some rule cannot be worked out, so that nothing is given."""


@dataclass(frozen=True)
class Matrix:
    """What is given where. A place without a cell is closed whatever else is asked."""

    holding: Holding
    cells: Mapping[Place, Cell] = field(repr=False)
    asked: int = field(compare=False)
    """How many questions were put to the decision function."""

    @property
    def space(self) -> Space:
        """The questions there are."""
        return self.holding.space

    def open_at(self, place: Place) -> int:
        """When this place is open; 0 for never."""
        cell = self.cells.get(place)
        return cell.open if cell else 0


def matrix_of(policy_set: PolicySet, space: Space | None = None) -> Matrix:
    """Work it out. Raises NotExact when the decision function says otherwise, TooWide for a condition beyond reach."""
    space = space or space_of((policy_set.vocabulary, policy_set.signers))
    holding = Holding(policy_set, space)
    cells = _cells(holding)
    check = _Check(CedarDecisionPoint(policy_set), holding)
    decided = {place: check.decided(place, cell) for place, cell in cells.items()}
    check.closed(place for place in space.places() if place not in cells)
    return Matrix(holding, decided, check.asked)


def _cells(holding: Holding) -> dict[Place, Cell]:
    """The masks of every rule that plays a part, at every place where some permit applies."""
    permits: dict[Place, dict[str, int]] = {}
    failing: dict[Place, int] = {}
    for taken in holding.rules:
        sure = not any(map(holding.can_fail, taken.conditions))
        if sure and taken.rule.effect == "forbid":
            continue
        for place in holding.places(taken.conditions):
            mask, failed = holding.at(taken.conditions, place)
            if mask and taken.rule.effect == "permit":
                permits.setdefault(place, {})[taken.rule.id] = mask
            if failed:
                failing[place] = failing.get(place, 0) | failed
    forbids = [taken for taken in holding.rules if taken.rule.effect == "forbid"]
    return {
        place: Cell(0, masks, _forbidden(holding, forbids, place), failing.get(place, 0))
        for place, masks in permits.items()
    }


def _forbidden(holding: Holding, forbids: list[Taken], place: Place) -> dict[str, int]:
    masks = ((taken.rule.id, holding.at(taken.conditions, place)[0]) for taken in forbids)
    return {rule: mask for rule, mask in masks if mask}


_Signature = tuple[frozenset[tuple[str, int]], frozenset[tuple[str, int]], int]


class _Check:
    """Asks the decision function, once for each set of rules that applies somewhere."""

    def __init__(self, point: CedarDecisionPoint, holding: Holding) -> None:
        self._point, self._holding = point, holding
        self._open: dict[_Signature, int] = {}
        self._known = holding.known
        self.asked = 0

    def decided(self, place: Place, cell: Cell) -> Cell:
        """The cell with when it is open. Cells with the same masks are the same cell."""
        signature = (frozenset(cell.permits.items()), frozenset(cell.forbids.items()), cell.failures)
        if signature not in self._open:
            self._open[signature] = sum(self._decide(place, part, cell) for part in self._parts(cell))
        return Cell(self._open[signature], cell.permits, cell.forbids, cell.failures)

    def _parts(self, cell: Cell) -> Iterator[int]:
        """Everything that can be asked, divided so that in each part the same rules apply."""
        parts = [self._known]
        for mask in {*cell.permits.values(), *cell.forbids.values(), cell.failures}:
            parts = [half for part in parts for half in (part & mask, part & ~mask) if half]
        yield from parts

    def _decide(self, place: Place, part: int, cell: Cell) -> int:
        """The part when it is given, and 0 when it is not."""
        ruling = self._ask(place, part)
        forbids = sorted(rule for rule, mask in cell.forbids.items() if mask & part)
        permits = sorted(rule for rule, mask in cell.permits.items() if mask & part)
        failed = bool(cell.failures & part)
        expected = (bool(permits) and not forbids and not failed, tuple(forbids or permits))
        if bool(ruling.errors) != failed or (not failed and (ruling.permitted, ruling.rules) != expected):
            raise NotExact
        return part if ruling.permitted else 0

    def _ask(self, place: Place, part: int) -> Ruling:
        self.asked += 1
        bit = (part & -part).bit_length() - 1
        table = self._holding.policy_set.signers
        return self._point.decide(question_at(place, self._holding.space.at(bit), table))

    def closed(self, places: Iterator[Place]) -> None:
        """No permit applies at these: of every word, one that holds it is asked."""
        seen: set[tuple[int, str]] = set()
        for place in places:
            new = set(enumerate(place)) - seen
            if new:
                seen |= new
                if self._ask(place, self._holding.space.full).permitted:
                    raise NotExact
