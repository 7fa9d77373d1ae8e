"""The agreement as a picture for people: who may read what for which purpose, and on what condition.

It holds words of the agreement and nothing about anybody: a partner, a family or an inspector may see all of it.
"""

from dataclasses import dataclass

from broker.errors import Words


@dataclass(frozen=True, slots=True)
class Named:
    """A word of the agreement with its label."""

    id: str
    label: Words


@dataclass(frozen=True, slots=True)
class OverviewCell:
    """A type of section that is given. `when` holds alternatives, each a list of conditions that all must hold.

    An alternative without conditions is: always, that is, as soon as everybody concerned has said yes.
    """

    section: Named
    when: tuple[tuple[Words, ...], ...]

    @property
    def conditional(self) -> bool:
        """Whether it takes more than consent."""
        return () not in self.when


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """Each of these roles at each of these kinds of organisation gets exactly these types of section."""

    kinds: tuple[Named, ...]
    roles: tuple[Named, ...]
    cells: tuple[OverviewCell, ...]

    @property
    def on_condition(self) -> tuple[tuple[tuple[tuple[Words, ...], ...], tuple[OverviewCell, ...]], ...]:
        """Each condition, with what is given on it."""
        conditions = dict.fromkeys(cell.when for cell in self.cells if cell.conditional)
        return tuple((when, tuple(cell for cell in self.cells if cell.when == when)) for when in conditions)


@dataclass(frozen=True, slots=True)
class OverviewPurpose:
    """Everything that is given for one purpose."""

    purpose: Named
    rows: tuple[OverviewRow, ...]


@dataclass(frozen=True, slots=True)
class Overview:
    """All of one agreement. What is not in it is given to nobody.

    `always` are the conditions that hold for everything in it; `sections` are all types, also those that nobody gets.
    """

    digest: str
    always: tuple[Words, ...]
    purposes: tuple[OverviewPurpose, ...]
    sections: tuple[Named, ...]
    nobody: tuple[Named, ...]
    """The kinds of organisations that get nothing at all."""
