"""When each condition and each rule holds, for every question there is; found by asking Cedar, never by reading a rule.

1. A condition is asked of Cedar alone, for every combination of the values that it can see, and of nothing else.
2. A rule applies where all of its conditions hold, in the order in which Cedar asks them; where one cannot be worked out,
   the rule fails, and a failing rule denies.
3. A word that the agreement does not know is asked of nobody: nothing holds there, as nothing is given there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from math import prod
from typing import Any

import cedarpy

from broker.errors import Unavailable, Words
from broker.pdp.conditions import Condition, alone, take_apart
from broker.pdp.entities import bands_of, entities_of, request_of, sample_question, unknown_words
from broker.pdp.policy_set import RULES, PolicySet
from broker.pdp.spaces import PLACE, REST, Place, Space, question_at

MOST = 100_000
"""How many combinations one condition may see."""
_FAILED = re.compile(r"policy `(\d+)`")
_Values = tuple[Any, ...]


class TooWide(Unavailable):
    """A condition that sees so much at once that it cannot be worked out for everything."""

    def __init__(self, condition: Condition) -> None:
        where = f"{RULES}:{condition.line}:{condition.column}"
        super().__init__(
            Words(
                f"{where}: deze voorwaarde kijkt naar te veel tegelijk; splits haar in losse regels 'when'.",
                f"{where}: this condition looks at too much at once; split it into separate lines 'when'.",
            )
        )


class Holding:
    """Where the conditions and the rules of one agreement hold, in one space."""

    def __init__(self, policy_set: PolicySet, space: Space) -> None:
        self.policy_set, self.space = policy_set, space
        self.rules = take_apart(policy_set.texts[RULES], policy_set.rules)
        self._names = _Names(policy_set, space)
        self._truths: dict[str, dict[_Values, bool | None]] = {}
        self.learn([c for taken in self.rules for c in taken.conditions])
        self._masks: dict[tuple[str, _Values], tuple[int, int]] = {}

    def learn(self, conditions: Iterable[Condition]) -> None:
        """Ask Cedar about these too, such as those of a rule that is not in the agreement."""
        self._truths |= _truths(self._names, [c for c in conditions if c.key not in self._truths])

    def can_fail(self, condition: Condition) -> bool:
        """Whether there is a question for which Cedar cannot work it out."""
        return None in self._truths[condition.key].values()

    def always(self, condition: Condition) -> bool:
        """Whether it holds whatever is asked."""
        return set(self._truths[condition.key].values()) == {True}

    def never(self, condition: Condition) -> bool:
        """Whether it holds for nothing that can be asked."""
        return True not in self._truths[condition.key].values()

    def at(self, conditions: tuple[Condition, ...], place: Place) -> tuple[int, int]:
        """At this place: when a rule with these conditions applies, and when it cannot be worked out."""
        alive, failed = self.space.full, 0
        for condition in conditions:
            true, wrong = self._mask(condition, place)
            failed |= alive & wrong
            alive &= true
            if not alive:
                break
        return alive, failed

    def _mask(self, condition: Condition, place: Place) -> tuple[int, int]:
        here = tuple(place[PLACE.index(name)] for name in condition.fields if name in PLACE)
        if (condition.key, here) not in self._masks:
            self._masks[condition.key, here] = self._make_mask(condition, here)
        return self._masks[condition.key, here]

    def _make_mask(self, condition: Condition, here: _Values) -> tuple[int, int]:
        rest = [name for name in condition.fields if name in REST]
        masks = {True: 0, None: 0}
        for combination in self._names.combinations(rest):
            values = iter(here), iter(combination)
            seen = tuple(next(values[name in REST]) for name in condition.fields)
            truth = self._truths[condition.key].get(seen, False)
            if truth is not False:
                masks[truth] |= self._product(tuple(rest), combination)
        return masks[True], masks[None]

    def _product(self, names: tuple[str, ...], combination: _Values) -> int:
        mask = self.space.full
        for name, value in zip(names, combination, strict=True):
            mask &= self.space.mask(name, self.space.values[name].index(value))
        return mask

    def places(self, conditions: tuple[Condition, ...]) -> Iterator[Place]:
        """Every place at which a rule with these conditions may apply or fail; no other."""
        can_fail = any(map(self.can_fail, conditions))
        known: tuple[list[Condition], ...] = ([], [], [], [])
        for condition in () if can_fail else conditions:
            if condition.fields and set(condition.fields) <= set(PLACE):
                known[max(map(PLACE.index, condition.fields))].append(condition)
        if not can_fail and any(not c.fields and not self.always(c) for c in conditions):
            return
        yield from self._walk((), known)

    def _walk(self, so_far: tuple[str, ...], known: tuple[list[Condition], ...]) -> Iterator[Place]:
        if len(so_far) == len(PLACE):
            yield so_far  # type: ignore[misc] # four words
            return
        for word in self._names.known[PLACE[len(so_far)]]:
            place = (*so_far, word)
            if all(self._holds_here(condition, place) for condition in known[len(so_far)]):
                yield from self._walk(place, known)

    def _holds_here(self, condition: Condition, place: tuple[str, ...]) -> bool:
        seen = tuple(place[PLACE.index(name)] for name in condition.fields)
        return self._truths[condition.key].get(seen, False) is True

    @property
    def known(self) -> int:
        """At any known place, what can be asked in words that this agreement knows."""
        mask = self.space.full
        for name in ("sender_kind", "handover_kind"):
            values, some = self._names.known[name], 0
            for value in values:
                some |= self.space.mask(name, self.space.values[name].index(value))
            mask &= some
        return mask


class _Names:
    """The values of a space that one agreement knows, and how they are put to Cedar."""

    def __init__(self, policy_set: PolicySet, space: Space) -> None:
        self.policy_set = policy_set
        words, table = policy_set.vocabulary, policy_set.signers
        self.sample = sample_question(words, table)
        self.sampled = {name: getattr(self.sample, name) for name in (*PLACE, *REST)} | {"age_band": 0}
        bands = bands_of(table)
        self.known = {
            name: tuple(v for v in values if not unknown_words(self.question({name: v}), words, bands))
            for name, values in space.values.items()
        }

    def question(self, values: Mapping[str, Any]) -> Any:
        """The sample question with these values in it."""
        whole = self.sampled | dict(values)
        place: Place = tuple(whole[name] for name in PLACE)
        return question_at(place, {name: whole[name] for name in REST}, self.policy_set.signers)

    def combinations(self, names: list[str]) -> Iterator[_Values]:
        """Every combination of known values of these fields."""
        return product(*(self.known[name] for name in names))


def _truths(names: _Names, conditions: list[Condition]) -> dict[str, dict[_Values, bool | None]]:
    """For each condition by its key, for each combination of what it sees: whether it holds, None where it fails."""
    by_fields: dict[tuple[str, ...], dict[str, Condition]] = {}
    for condition in conditions:
        if prod(len(names.known[name]) for name in condition.fields) > MOST:
            raise TooWide(condition)
        by_fields.setdefault(condition.fields, {})[condition.key] = condition
    truths: dict[str, dict[_Values, bool | None]] = {c.key: {} for c in conditions}
    for fields, alike in by_fields.items():
        keys = list(alike)
        policies = alone({str(number): alike[key] for number, key in enumerate(keys)})
        for seen in names.combinations(list(fields)):
            question = names.question(dict(zip(fields, seen, strict=True)))
            answer = cedarpy.is_authorized(
                request_of(question),
                policies,
                cedarpy.Entities.from_json_str(entities_of(question)),
                names.policy_set.schema,
            )
            held, failed = set(answer.diagnostics.reasons), _failed(answer.diagnostics.errors)
            for number, key in enumerate(keys):
                truths[key][seen] = None if number in failed else str(number) in held
    return truths


def _failed(errors: list[str]) -> set[int]:
    """The numbers of the policies that Cedar could not evaluate. An error that names none counts for all."""
    found = [_FAILED.search(error) for error in errors]
    if not all(found):
        raise Unavailable(Words("Cedar kan een voorwaarde niet uitwerken.", "Cedar cannot work out a condition."))
    return {int(place[1]) for place in found if place}
