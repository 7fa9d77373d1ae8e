"""Why a question gets its answer: every condition of every rule is asked of Cedar by itself, on the very same request.

What comes out must be what the decision function says; when it is not, there is no explanation, but an error.
"""

import re

import cedarpy

from broker.domain.decisions import PolicyQuestion
from broker.domain.explanations import ConditionWhy, Explanation, RuleWhy, State
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.condition_words import words_of
from broker.pdp.conditions import Condition, Taken, alone, take_apart
from broker.pdp.entities import bands_of, entities_of, request_of, unknown_words
from broker.pdp.matrix import NotExact
from broker.pdp.policy_set import RULES, PolicySet

_FAILED = re.compile(r"policy `(\d+)`")


class Explainer:
    """Explains with one agreement."""

    def __init__(self, policy_set: PolicySet) -> None:
        self._set = policy_set
        self._point = CedarDecisionPoint(policy_set)
        self._rules = take_apart(policy_set.texts[RULES], policy_set.rules)
        every = dict.fromkeys(c.key for taken in self._rules for c in taken.conditions)
        self._names = {key: str(number) for number, key in enumerate(every)}
        self._alone = alone({self._names[c.key]: c for taken in self._rules for c in taken.conditions})

    def explain(self, question: PolicyQuestion) -> Explanation:
        """The answer, and how every rule came to it. Raises NotExact when they do not agree."""
        ruling = self._point.decide(question)
        unknown = unknown_words(question, self._set.vocabulary, bands_of(self._set.signers))
        if unknown:
            return Explanation(question, ruling, (), unknown)
        states = self._states(question)
        found = Explanation(question, ruling, tuple(self._why(taken, states) for taken in self._rules))
        _check(found)
        return found

    def _states(self, question: PolicyQuestion) -> dict[str, State]:
        """How each condition comes out, by its key."""
        entities = cedarpy.Entities.from_json_str(entities_of(question))
        answer = cedarpy.is_authorized(request_of(question), self._alone, entities, self._set.schema)
        held = set(answer.diagnostics.reasons)
        failed = {place[1] for error in answer.diagnostics.errors if (place := _FAILED.search(error))}
        if len(failed) != len(answer.diagnostics.errors):
            raise NotExact
        return {
            key: State.HELD if name in held else State.BROKEN if name in failed else State.FAILED
            for key, name in self._names.items()
        }

    def _why(self, taken: Taken, states: dict[str, State]) -> RuleWhy:
        rule = taken.rule
        shown = (c for c in taken.conditions if c.kind != "scope" or states[c.key] is not State.HELD)
        conditions = tuple(self._condition(c, states[c.key]) for c in shown)
        return RuleWhy(rule.id, rule.effect, rule.title, rule.legal_basis, conditions)

    def _condition(self, condition: Condition, state: State) -> ConditionWhy:
        return ConditionWhy(words_of(condition, self._set.vocabulary), condition.text, state)


def _check(found: Explanation) -> None:
    applies = {
        effect: tuple(sorted(rule.id for rule in found.rules if rule.effect == effect and rule.state is State.HELD))
        for effect in ("permit", "forbid")
    }
    broken = any(rule.state is State.BROKEN for rule in found.rules)
    if broken != bool(found.ruling.errors):
        raise NotExact
    expected = (bool(applies["permit"]) and not applies["forbid"], applies["forbid"] or applies["permit"])
    if not broken and (found.ruling.permitted, found.ruling.rules) != expected:
        raise NotExact
