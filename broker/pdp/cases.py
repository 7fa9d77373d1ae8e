"""The agreement's own examples: what it must give and what it must refuse, each with the rule that decides.

A case that cannot be read, holds an unknown field or lies outside `allow` and `deny` fails: no example is skipped.
"""

import json
from dataclasses import dataclass, fields
from enum import IntEnum
from pathlib import PurePosixPath
from typing import Any

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.errors import Words
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.policy_set import PolicySet

_KINDS = {field.name: field.type for field in fields(PolicyQuestion)}


@dataclass(frozen=True, slots=True)
class Case:
    """One question and what must come out. `rule`, when given, must be among the deciding rules."""

    file: str
    about: str
    permitted: bool
    question: PolicyQuestion
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one file came out; `fault` is None exactly when it came out as it says."""

    file: str
    about: str
    ruling: Ruling | None
    fault: Words | None

    @property
    def passed(self) -> bool:
        """Whether the agreement does what the case says."""
        return self.fault is None


class CaseFault(ValueError):
    """A case file that says nothing, or something unclear."""

    def __init__(self, nl: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(nl, en)


def run_cases(policy_set: PolicySet) -> tuple[CaseResult, ...]:
    """Ask every case of the set, in the order of file names. Empty when the set has no case."""
    point = CedarDecisionPoint(policy_set)
    files = sorted(path for path in policy_set.texts if path.startswith("cases/"))
    return tuple(_run(file, policy_set.texts[file], point) for file in files)


def read_case(file: str, text: str) -> Case:
    """Read one file. Raises CaseFault unless it is complete and nothing else is in it."""
    folder = PurePosixPath(file).parent.as_posix()
    if folder not in ("cases/allow", "cases/deny") or not file.endswith(".json"):
        raise CaseFault(
            "zet voorbeelden als .json in cases/allow of cases/deny.",
            "put cases as .json in cases/allow or cases/deny.",
        )
    try:
        body = json.loads(text, object_pairs_hook=_unrepeated)
    except json.JSONDecodeError as error:
        raise CaseFault(
            f"dit is geen geldige JSON (regel {error.lineno}).", f"this is not valid JSON (line {error.lineno})."
        ) from None
    if not isinstance(body, dict) or not {"about", "question"} <= set(body) <= {"about", "question", "rule"}:
        raise CaseFault("geef 'about', 'question' en eventueel 'rule'.", "give 'about', 'question' and perhaps 'rule'.")
    about, rule = body["about"], body.get("rule")
    if not isinstance(about, str) or not about.strip() or not isinstance(rule, str | None):
        raise CaseFault("'about' en 'rule' zijn teksten.", "'about' and 'rule' are texts.")
    return Case(file, about, folder == "cases/allow", _question(body["question"]), rule)


def _run(file: str, text: str, point: CedarDecisionPoint) -> CaseResult:
    try:
        case = read_case(file, text)
    except CaseFault as fault:
        return CaseResult(file, "", None, fault.words)
    ruling = point.decide(case.question)
    return CaseResult(file, case.about, ruling, _judge(case, ruling))


def _judge(case: Case, ruling: Ruling) -> Words | None:
    by = ", ".join(ruling.rules) or "-"
    if ruling.errors:
        return Words("een woord is onbekend of een regel mislukt.", "a word is unknown or a rule fails.")
    if ruling.permitted and not case.permitted:
        return Words(f"dit moet worden geweigerd, maar {by} geeft het.", f"this must be refused, but {by} gives it.")
    if case.permitted and not ruling.permitted:
        return Words(
            f"dit moet worden gegeven, maar wordt geweigerd door: {by}.",
            f"this must be given, but is refused by: {by}.",
        )
    if case.rule is not None and case.rule not in ruling.rules:
        return Words(f"{case.rule} moet beslissen, maar het was: {by}.", f"{case.rule} must decide, but it was: {by}.")
    return None


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CaseFault("een veld staat er twee keer.", "a field is there twice.")
    return found


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _question(given: Any) -> PolicyQuestion:
    """A question with every field, named as in the API (camelCase) or as in the code (snake_case)."""
    if not isinstance(given, dict):
        raise CaseFault("'question' is geen tabel.", "'question' is no object.")
    names = {_camel(name): name for name in _KINDS} | {name: name for name in _KINDS}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise CaseFault(f"onbekend veld: {', '.join(unknown)}.", f"unknown field: {', '.join(unknown)}.")
    values = {names[name]: _value(names[name], value) for name, value in given.items()}
    missing = sorted(_camel(name) for name in set(_KINDS) - set(values))
    if missing or len(values) != len(given):
        raise CaseFault(f"geef elk veld één keer; mist: {missing}.", f"give each field once; missing: {missing}.")
    return PolicyQuestion(**values)


def _value(name: str, value: Any) -> Any:
    kind = _KINDS[name]
    if isinstance(kind, type) and issubclass(kind, IntEnum):
        if isinstance(value, str) and value.upper() in EvidenceLevel.__members__:
            return EvidenceLevel[value.upper()]
        if type(value) is int and value in set(EvidenceLevel):
            return EvidenceLevel(value)
    elif type(value) is kind:
        return value
    raise CaseFault(f"'{_camel(name)}' heeft de verkeerde vorm.", f"'{_camel(name)}' has the wrong form.")
