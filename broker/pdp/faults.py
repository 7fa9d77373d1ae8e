"""Every fault of a policy set is found at once, named by file and line, and says in one sentence what to do.

- A set with any fault never becomes a PolicySet: `UnsafePolicies` is raised instead.
- Faults quote words, ids and file names of the agreement; a policy set holds nothing personal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.errors import Unsafe, Words


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One thing that is wrong: in which file of the set (relative), on which line and column when that is known, and what."""

    file: str
    line: int | None
    words: Words
    column: int | None = None

    @property
    def sentence(self) -> Words:
        """The fault with its place in front, for people."""
        if not self.file:
            return self.words
        nl, en = (
            self.file
            + (f", {line} {self.line}" if self.line else "")
            + (f", {column} {self.column}" if self.column else "")
            for line, column in (("regel", "kolom"), ("line", "column"))
        )
        return Words(f"{nl}: {self.words.nl}", f"{en}: {self.words.en}")


class UnsafePolicies(Unsafe):
    """A policy set that nothing may be decided with; holds every fault found, in the order of files and lines."""

    def __init__(self, faults: Sequence[PolicyFault]) -> None:
        self.faults = tuple(sorted(faults, key=lambda fault: (fault.file, fault.line or 0, fault.column or 0)))
        sentences = [fault.sentence for fault in self.faults]
        super().__init__(Words("\n".join(s.nl for s in sentences), "\n".join(s.en for s in sentences)))


class Faults:
    """Collects while reading goes on, so that an officer hears of everything in one go."""

    def __init__(self) -> None:
        self._found: list[PolicyFault] = []

    def add(self, file: str, line: int | None, nl: str, en: str, column: int | None = None) -> None:
        """Note one fault."""
        self._found.append(PolicyFault(file, line, Words(nl, en), column))

    def check_none(self) -> None:
        """Raise UnsafePolicies when anything was noted."""
        if self._found:
            raise UnsafePolicies(self._found)
