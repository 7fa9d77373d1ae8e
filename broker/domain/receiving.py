"""What each kind of partner may receive at most: the agreement's own overview, seen from one kind of organisation.

It speaks of words of the agreement and of nobody. What is given in truth also takes everybody's yes, each time.
"""

from dataclasses import dataclass

from broker.domain.overview import Named, Overview, OverviewCell
from broker.errors import Words


@dataclass(frozen=True, slots=True)
class ForRoles:
    """What somebody in any of these roles may receive for one purpose: `cells` say on what conditions."""

    roles: tuple[Named, ...]
    cells: tuple[OverviewCell, ...]
    on_condition: tuple[tuple[tuple[tuple[Words, ...], ...], tuple[OverviewCell, ...]], ...]
    """Each condition, with what is given on it."""

    @property
    def always(self) -> tuple[Named, ...]:
        """The types that take nothing but consent."""
        return tuple(cell.section for cell in self.cells if not cell.conditional)

    @property
    def sometimes(self) -> tuple[Named, ...]:
        """The types that take more."""
        return tuple(cell.section for cell in self.cells if cell.conditional)


@dataclass(frozen=True, slots=True)
class ForPurpose:
    """Everything for one purpose, by role."""

    purpose: Named
    rows: tuple[ForRoles, ...]


def receiving(overview: Overview, kind: str) -> tuple[ForPurpose, ...]:
    """All that this kind of organisation may receive, in the order of the agreement; empty for nothing at all."""
    found = []
    for one in overview.purposes:
        rows = tuple(
            ForRoles(row.roles, row.cells, row.on_condition)
            for row in one.rows
            if any(known.id == kind for known in row.kinds)
        )
        if rows:
            found.append(ForPurpose(one.purpose, rows))
    return tuple(found)


def at_most(received: tuple[ForPurpose, ...], overview: Overview) -> tuple[Named, ...]:
    """Every type of section in it, each once, in the order of the agreement."""
    given = {cell.section.id for one in received for row in one.rows for cell in row.cells}
    return tuple(section for section in overview.sections if section.id in given)
