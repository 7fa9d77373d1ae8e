"""The agreement is asked in known words only, and anything but a clean permit is a denial.

1. A word that the agreement does not know, or an empty age band, denies.
2. Any rule that could not be evaluated denies, and rings. Cedar itself would skip such a rule, also a `forbid`.
3. Any exception denies and rings, and so does a panic inside Cedar, which Python does not count as an Exception.

A clean answer is remembered under the whole question, so two questions never share one; failures are not remembered.
"""

import re
from functools import lru_cache

import cedarpy

from broker.domain.decisions import PolicyQuestion, Ruling
from broker.domain.ports import Alarm
from broker.errors import PolicyFailed
from broker.pdp.entities import bands_of, entities_of, request_of, unknown_words
from broker.pdp.policy_set import PolicySet

MEMO_SIZE = 4096
_POLICY = re.compile(r"`policy(\d+)`")


def unheard(*_: object) -> None:
    """For who asks without deciding anything: a case, a comparison, a decision made again."""


class _NotEvaluated(Exception):
    def __init__(self, rules: tuple[str, ...], errors: int, failed: str = "") -> None:
        super().__init__()
        self.rules, self.errors, self.failed = rules, errors, failed


class CedarDecisionPoint:
    """Decides with one policy set for as long as it lives; another set is another decision point.

    `alarm` hears of every decision in which a rule failed, with the id of the first of those rules.
    """

    def __init__(self, policy_set: PolicySet, memo_size: int = MEMO_SIZE, alarm: Alarm = unheard) -> None:
        self._set = policy_set
        self._alarm = alarm
        self._bands = bands_of(policy_set.signers)
        self._remembered = lru_cache(maxsize=memo_size)(self._evaluate)

    @property
    def digest(self) -> str:
        """The digest of the policy set, as every ruling carries it."""
        return self._set.digest

    def decide(self, question: PolicyQuestion) -> Ruling:
        """What the agreement says. Never raises; `errors` above 0 means that it could not be asked properly.

        `rules` are the ids of all permits that gave it, or of all forbids that took it; empty when no rule gives it.
        """
        try:
            return self._remembered(question)
        except _NotEvaluated as failure:  # 1, 2
            if failure.failed:
                self._alarm(PolicyFailed(), f"agreement:{failure.failed}")
            return Ruling(False, failure.rules, self.digest, failure.errors)
        except BaseException as error:  # 3
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise  # somebody stops the broker
            self._alarm(PolicyFailed(), "agreement")
            return Ruling(False, (), self.digest, 1)

    def _evaluate(self, question: PolicyQuestion) -> Ruling:
        unknown = unknown_words(question, self._set.vocabulary, self._bands)
        if unknown:
            raise _NotEvaluated((), len(unknown))  # 1
        entities = cedarpy.Entities.from_json_str(entities_of(question))
        answer = cedarpy.is_authorized(request_of(question), self._set.policies, entities, self._set.schema)
        rules = tuple(sorted(answer.diagnostics.id_annotations_by_reason.values()))
        errors = len(answer.diagnostics.errors)
        if errors or answer.decision is cedarpy.Decision.NoDecision:
            raise _NotEvaluated(rules, max(errors, 1), self._failed(answer.diagnostics.errors))  # 2
        permitted = answer.decision is cedarpy.Decision.Allow and bool(rules)
        return Ruling(permitted, rules, self.digest)

    def _failed(self, errors: list[str]) -> str:
        """The id of the first rule that failed, as far as that can be told from what Cedar says."""
        ids = list(self._set.rules)
        for error in errors:
            found = _POLICY.search(error)
            if found and int(found[1]) < len(ids):
                return ids[int(found[1])]
        return "unknown-rule"
