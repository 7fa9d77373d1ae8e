"""The examples guard the rules: of a thousand slips of the pen, nearly all are noticed by some example.

1. Where a changed rule applies is worked out as for the matrix (`broker.pdp.holding`): by asking Cedar about each
   condition, for every question of the examples.
2. A slip after which no question at all gets another answer is no slip; such rules are listed, with the reason.
3. A sample is tried in full, through the very function that `broker policies test` uses, and must come out the same.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_

import cedarpy
import pytest

from broker.domain.decisions import PolicyQuestion
from broker.pdp.cases import every_word, read_case, run_cases
from broker.pdp.conditions import Condition, Taken
from broker.pdp.holding import Holding
from broker.pdp.policy_set import RULES, PolicySet
from broker.pdp.spaces import PLACE, REST, Place, space_of
from tests.policies.mutants import Mutant, mutants, taken_of

AT_LEAST = 0.95
ALIKE = {
    "coordination-protection": "what is given to the Board as well, board-uses-its-own-channel takes away again",
    "own-plan": "what is given to the Board as well, board-uses-its-own-channel takes away again",
    "safety-assessment": "what is given to the Board as well, board-uses-its-own-channel takes away again",
    "safety-violence": "so there, and the timeline is given to the same people by safety-assessment already",
    "parent-health-never-to-school": "takes away what nothing gives; a slip in it shows when some rule gives it",
    "family-matters-never-to-school": "takes away what nothing gives; a slip in it shows when some rule gives it",
    "risk-inventory-discussed-first": "violence-history-discussed-first says the same of violence already",
}
"""The rules of which some slip survives because it changes no answer at all, and why."""


@dataclass(frozen=True)
class Asked:
    """Every question of the examples, as bits: what must be given, and which rule must be among the deciding ones."""

    questions: tuple[PolicyQuestion, ...]
    given: int
    by: dict[str, int]


@pytest.fixture(scope="module")
def asked(shipped: PolicySet) -> Asked:
    questions: list[PolicyQuestion] = []
    given, by, words = 0, Counter[str](), every_word(shipped)
    for file, text in shipped.texts.items():
        if file.startswith("cases/"):
            case = read_case(file, text, words)
            bits = ((1 << len(case.questions)) - 1) << len(questions)
            given |= bits if case.permitted else 0
            if case.rule:
                by[case.rule] |= bits
            questions += case.questions
    return Asked(tuple(questions), given, dict(by))


class Examples:
    """For each rule, the questions at which it applies."""

    def __init__(self, shipped: PolicySet, asked: Asked) -> None:
        self._shipped, self._asked = shipped, asked
        self._holding = Holding(shipped, space_of((shipped.vocabulary, shipped.signers)))
        ages = {shipped.signers.band(rule.from_age): rule.from_age for rule in shipped.signers.rules}
        self._values = [
            {name: ages[q.age_band] if name == "age_band" else getattr(q, name) for name in (*PLACE, *REST)}
            for q in asked.questions
        ]
        self._bits: dict[str, int] = {}
        self._effects = {taken.rule.id: taken.rule.effect for taken in self._holding.rules}
        self._at = {taken.rule.id: self._applies(taken) for taken in self._holding.rules}

    def _condition(self, condition: Condition) -> int:
        if condition.key not in self._bits:
            truths = self._holding._truths[condition.key]
            bits = ("01"[bool(truths[tuple(map(values.get, condition.fields))])] for values in reversed(self._values))
            self._bits[condition.key] = int("".join(bits), 2)
        return self._bits[condition.key]

    def _applies(self, taken: Taken) -> int:
        every = (1 << len(self._values)) - 1
        for condition in taken.conditions:
            every &= self._condition(condition)
        return every

    def learn(self, every: Iterable[Mutant]) -> None:
        """Ask Cedar about the conditions of all of these at once."""
        self._holding.learn(c for mutant in every if mutant.text for c in taken_of(mutant, self._shipped).conditions)

    def notice(self, mutant: Mutant) -> bool:
        """Whether some example comes out otherwise."""
        at, effects = dict(self._at), dict(self._effects)
        del at[mutant.rule]
        if mutant.text:
            at[mutant.rule] = self._applies(taken_of(mutant, self._shipped))
            effects[mutant.rule] = "forbid" if "\nforbid (" in mutant.text else "permit"
        permits, forbids = (
            reduce(or_, (bits for rule, bits in at.items() if effects[rule] == effect), 0)
            for effect in ("permit", "forbid")
        )
        if permits & ~forbids != self._asked.given:
            return True
        deciding = {rule: bits & ~forbids if effects[rule] == "permit" else bits for rule, bits in at.items()}
        return any(bits & ~deciding.get(rule, 0) for rule, bits in self._asked.by.items())

    def alike(self, mutant: Mutant) -> bool:
        """Whether no question at all gets another answer; exact, by the masks of every place where the rule plays a part."""
        rules = {taken.rule.id: taken for taken in self._holding.rules}
        after = dict(rules)
        del after[mutant.rule]
        if mutant.text:
            taken = taken_of(mutant, self._shipped)
            effect = "forbid" if "\nforbid (" in mutant.text else "permit"
            after[mutant.rule] = replace(taken, rule=replace(taken.rule, effect=effect))
        before, now = (some.get(mutant.rule) for some in (rules, after))
        places = {place for taken in (before, now) if taken for place in self._holding.places(taken.conditions)}
        return all(
            self._at_place(before, place) == self._at_place(now, place)
            or self._open(place, rules) == self._open(place, after)
            for place in places
        )

    def _at_place(self, taken: Taken | None, place: Place) -> tuple[str, int]:
        return (taken.rule.effect, self._holding.at(taken.conditions, place)[0]) if taken else ("", 0)

    def _open(self, place: Place, rules: Mapping[str, Taken]) -> int:
        masks = {"permit": 0, "forbid": 0}
        for taken in rules.values():
            masks[taken.rule.effect] |= self._holding.at(taken.conditions, place)[0]
        return masks["permit"] & ~masks["forbid"]


@pytest.fixture(scope="module")
def examples(shipped: PolicySet, asked: Asked) -> Examples:
    return Examples(shipped, asked)


def test_without_a_slip_nothing_is_noticed(shipped: PolicySet, examples: Examples) -> None:
    for rule in shipped.rules.values():
        as_it_is = Mutant("as it is", rule.id, rule.text)
        assert not examples.notice(as_it_is)


def test_nearly_every_slip_is_noticed(shipped: PolicySet, examples: Examples) -> None:
    every = list(mutants(shipped))
    examples.learn(every)
    survived = [mutant for mutant in every if not examples.notice(mutant)]
    assert len(every) > 1000
    assert len(every) - len(survived) >= AT_LEAST * len(every), [mutant.name for mutant in survived]
    missed = [mutant.name for mutant in survived if not examples.alike(mutant)]
    assert missed == [], "each of these changes what somebody gets: add an example"
    assert {mutant.rule: ALIKE.get(mutant.rule) for mutant in survived} == ALIKE


def test_a_sample_comes_out_the_same_in_full(shipped: PolicySet, examples: Examples) -> None:
    every = [
        mutant for mutant in mutants(shipped) if mutant.rule in ("safety-violence", "risk-inventory-discussed-first")
    ]
    examples.learn(every)
    sample = [every[1], every[4], *(mutant for mutant in every if "also violence-history" in mutant.how)]
    assert [examples.notice(mutant) for mutant in sample] == [True, True, False]
    for mutant in sample:
        rules = shipped.texts[RULES].replace(shipped.rules[mutant.rule].text, mutant.text)
        changed = replace(shipped, policies=cedarpy.PolicySet.from_str(rules))
        noticed = not all(result.passed for result in run_cases(changed))
        assert noticed == examples.notice(mutant), mutant.name
