"""Every question that an agreement can be asked, as bits: finite, because its words are.

- A *place* is a kind of organisation, a role, a purpose and a type of section: who reads what, and what for.
- For one place, everything else that a question holds is one bit of a mask, so that a mask says exactly when.
- An age is the lowest one of a band, so that agreements with other bands are compared year by year.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.domain.signers import SignerTable
from broker.domain.vocabulary import Vocabulary

PLACE = ("recipient_kind", "role", "purpose", "section_type")
REST = (
    "sender_kind",
    "handover_kind",
    "age_band",
    "evidence",
    "discussed_with_family",
    "sender_basis",
    "recipient_basis",
    "concerns_others",
)
Place = tuple[str, str, str, str]
Box = Mapping[str, tuple[Any, ...]]
"""For each field of the rest, the values that are meant; a product of these."""


@dataclass(frozen=True)
class Space:
    """For each field of a question its values, in order. Ages are the lowest of a band."""

    values: Mapping[str, tuple[Any, ...]]

    @cached_property
    def full(self) -> int:
        """Every bit."""
        return (1 << self._sizes[0]) - 1

    @cached_property
    def _sizes(self) -> tuple[int, ...]:
        """How many bits each field and all after it take, and 1 for nothing."""
        sizes = [1]
        for name in reversed(REST):
            sizes.insert(0, sizes[0] * len(self.values[name]))
        return tuple(sizes)

    def mask(self, name: str, index: int) -> int:
        """Every bit at which this field has its value of that index."""
        sizes, at = self._sizes, REST.index(name)
        whole, step = sizes[at], sizes[at + 1]
        once = ((1 << step) - 1) << (index * step)
        return once * (((1 << sizes[0]) - 1) // ((1 << whole) - 1))

    def at(self, bit: int) -> dict[str, Any]:
        """What the rest is at one bit."""
        sizes = self._sizes
        return {
            name: self.values[name][bit // sizes[number + 1] % len(self.values[name])]
            for number, name in enumerate(REST)
        }

    def places(self) -> Iterator[Place]:
        """Every place."""
        yield from product(*(self.values[name] for name in PLACE))

    def boxes(self, mask: int) -> tuple[Box, ...]:
        """The mask as products of values, none of which overlap; few, because equal values are taken together."""
        return tuple(self._boxes(mask, 0, self._sizes))

    def _boxes(self, mask: int, at: int, sizes: tuple[int, ...]) -> Iterator[dict[str, tuple[Any, ...]]]:
        if not mask:
            return
        if at == len(REST):
            yield {}
            return
        step, alike = sizes[at + 1], dict[int, list[Any]]()
        for index, value in enumerate(self.values[REST[at]]):
            part = (mask >> (index * step)) & ((1 << step) - 1)
            alike.setdefault(part, []).append(value)
        for part, values in alike.items():
            for box in self._boxes(part, at + 1, sizes):
                yield {REST[at]: tuple(values), **box}


def space_of(*agreements: tuple[Vocabulary, SignerTable]) -> Space:
    """All words of these agreements, those of the first in its order and then what the others add."""
    words = {
        "recipient_kind": _joined(v.organisation_kinds for v, _ in agreements),
        "role": _joined(v.roles for v, _ in agreements),
        "purpose": _joined(v.purposes for v, _ in agreements),
        "section_type": _joined(v.section_types for v, _ in agreements),
        "sender_kind": _joined(v.organisation_kinds for v, _ in agreements),
        "handover_kind": _joined(v.handover_kinds for v, _ in agreements),
    }
    ages = tuple(sorted({rule.from_age for _, table in agreements for rule in table.rules}))
    flags = dict.fromkeys(REST[4:], (False, True))
    return Space({**words, "age_band": ages, "evidence": tuple(EvidenceLevel), **flags})


def _joined(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for words in lists for word in words))


def question_at(place: Place, rest: Mapping[str, Any], table: SignerTable) -> PolicyQuestion:
    """The question that is asked there; its age band is that of the table."""
    everything: dict[str, Any] = {**dict(zip(PLACE, place, strict=True)), **rest}
    return PolicyQuestion(**everything | {"age_band": table.band(rest["age_band"])})
