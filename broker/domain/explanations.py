"""Why the agreement gives or refuses something: each rule with its conditions, held or failed; for an officer in full.

A recipient hears none of this about somebody's handover: what may be told them is in `broker.domain.decisions.TOLD`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from broker.domain.decisions import PolicyQuestion, Ruling
from broker.errors import Words


class State(StrEnum):
    """How a condition or a rule came out. One that cannot be worked out denies."""

    HELD = "held"
    FAILED = "failed"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class ConditionWhy:
    """One condition: in words, as it is written, and how it came out."""

    words: Words
    text: str
    state: State


@dataclass(frozen=True, slots=True)
class RuleWhy:
    """One rule. It applies exactly when all of its conditions held."""

    id: str
    effect: Literal["permit", "forbid"]
    title: Words
    legal_basis: str
    conditions: tuple[ConditionWhy, ...]

    @property
    def state(self) -> State:
        """Whether it applies. Conditions are asked in order, so what comes after one that failed plays no part."""
        return next((c.state for c in self.conditions if c.state is not State.HELD), State.HELD)

    @property
    def lacking(self) -> tuple[ConditionWhy, ...]:
        """The conditions that did not hold."""
        return tuple(c for c in self.conditions if c.state is not State.HELD)


@dataclass(frozen=True, slots=True)
class Explanation:
    """One question, the answer, and every rule of the agreement, in the order of the file."""

    question: PolicyQuestion
    ruling: Ruling
    rules: tuple[RuleWhy, ...]
    unknown: tuple[str, ...] = ()
    """The fields of the question whose word is not in the agreement: then no rule is asked."""

    @property
    def deciding(self) -> tuple[RuleWhy, ...]:
        """The rules that decided."""
        return tuple(rule for rule in self.rules if rule.id in self.ruling.rules)

    @property
    def overruled(self) -> tuple[RuleWhy, ...]:
        """The permits that apply, and are of no use because of a forbid or a failing rule."""
        given = (rule for rule in self.rules if rule.effect == "permit" and rule.state is State.HELD)
        return () if self.ruling.permitted else tuple(given)

    @property
    def nearest(self) -> tuple[RuleWhy, ...]:
        """When no permit applies: those that lack the fewest conditions, in the order of the file."""
        permits = [rule for rule in self.rules if rule.effect == "permit"]
        if any(rule.state is State.HELD for rule in permits):
            return ()
        fewest = min((len(rule.lacking) for rule in permits), default=0)
        return tuple(rule for rule in permits if len(rule.lacking) == fewest)
