"""The agreement's own examples: what it must give and what it must refuse, each with the rule that decides.

- A case that cannot be read, holds an unknown field or lies outside `allow` and `deny` fails: no example is skipped.
- A field may hold several words: a list, `"*"` for all of them, or `{"allBut": [...]}`. Every combination is asked.
- `each` holds variations: what each of them says takes the place of what `question` says.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from itertools import product
from pathlib import PurePosixPath
from typing import Any

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.errors import Words
from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.entities import bands_of
from broker.pdp.policy_set import PolicySet

MOST = 5000
"""How many questions one case may ask."""
_KINDS = {field.name: field.type for field in fields(PolicyQuestion)}
Known = Mapping[str, Collection[str]]
_NO_WORDS: Known = {}


@dataclass(frozen=True, slots=True)
class Case:
    """One or more questions and what must come out. `rule`, when given, must be among the deciding rules of each."""

    file: str
    about: str
    permitted: bool
    questions: tuple[PolicyQuestion, ...]
    rule: str | None = None

    @property
    def question(self) -> PolicyQuestion:
        """The first."""
        return self.questions[0]


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
    point, words = CedarDecisionPoint(policy_set), every_word(policy_set)
    files = sorted(path for path in policy_set.texts if path.startswith("cases/"))
    return tuple(_run(file, policy_set.texts[file], point, words) for file in files)


def every_word(policy_set: PolicySet) -> Known:
    """For each field that holds a word, every word of the agreement."""
    known = policy_set.vocabulary
    return {
        "sender_kind": known.organisation_kinds,
        "recipient_kind": known.organisation_kinds,
        "role": known.roles,
        "purpose": known.purposes,
        "handover_kind": known.handover_kinds,
        "section_type": known.section_types,
        "age_band": sorted(bands_of(policy_set.signers)),
    }


def read_case(file: str, text: str, words: Known = _NO_WORDS) -> Case:
    """Read one file; `words` are what stands for all of them. Raises CaseFault unless it is complete and nothing else is in it."""
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
    if not isinstance(body, dict) or not {"about", "question"} <= set(body) <= {"about", "question", "rule", "each"}:
        raise CaseFault(
            "geef 'about', 'question' en eventueel 'rule' en 'each'.",
            "give 'about', 'question' and perhaps 'rule' and 'each'.",
        )
    about, rule = body["about"], body.get("rule")
    if not isinstance(about, str) or not about.strip() or not isinstance(rule, str | None):
        raise CaseFault("'about' en 'rule' zijn teksten.", "'about' and 'rule' are texts.")
    questions = tuple(
        PolicyQuestion(**dict(zip(table, combination, strict=True)))
        for table in _tables(body["question"], body.get("each", [{}]), words)
        for combination in product(*table.values())
    )
    if not 0 < len(questions) <= MOST:
        raise CaseFault(
            f"dit zijn {len(questions)} vragen; maak er 1 tot {MOST}.",
            f"these are {len(questions)} questions; make them 1 to {MOST}.",
        )
    return Case(file, about, folder == "cases/allow", questions, rule)


def _run(file: str, text: str, point: CedarDecisionPoint, words: Known) -> CaseResult:
    try:
        case = read_case(file, text, words)
    except CaseFault as fault:
        return CaseResult(file, "", None, fault.words)
    first: Ruling | None = None
    for question in case.questions:
        ruling = point.decide(question)
        first = first or ruling
        wrong = _judge(case, ruling)
        if wrong:
            return CaseResult(file, case.about, ruling, _asked(wrong, case, question))
    return CaseResult(file, case.about, first, None)


def _asked(fault: Words, case: Case, question: PolicyQuestion) -> Words:
    """With several questions in one case: which one it was, by the fields in which they differ."""
    one = {name: getattr(question, name) for name in _KINDS}
    differ = [str(value) for name, value in one.items() if any(getattr(q, name) != value for q in case.questions)]
    said = f" ({', '.join(differ)})" if differ else ""
    return Words(fault.nl + said, fault.en + said)


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


def _tables(given: Any, each: Any, words: Known) -> Iterator[dict[str, list[Any]]]:
    """For each variation, every field with all of its values; fields named as in the API (camelCase) or in the code."""
    if not isinstance(each, list) or not each:
        raise CaseFault("'each' is een lijst van tabellen.", "'each' is a list of objects.")
    base = _table(given)
    for one in each:
        table = base | _table(one)
        missing = sorted(_camel(name) for name in set(_KINDS) - set(table))
        if missing:
            raise CaseFault(f"geef elk veld één keer; mist: {missing}.", f"give each field once; missing: {missing}.")
        yield {name: _values(name, value, words) for name, value in table.items()}


def _table(given: Any) -> dict[str, Any]:
    if not isinstance(given, dict):
        raise CaseFault("'question' is geen tabel.", "'question' is no object.")
    names = {_camel(name): name for name in _KINDS} | {name: name for name in _KINDS}
    unknown = sorted(set(given) - set(names))
    if unknown:
        raise CaseFault(f"onbekend veld: {', '.join(unknown)}.", f"unknown field: {', '.join(unknown)}.")
    found = {names[name]: value for name, value in given.items()}
    if len(found) != len(given):
        raise CaseFault("geef elk veld één keer.", "give each field once.")
    return found


def _values(name: str, value: Any, words: Known) -> list[Any]:
    """Every value that is meant. A word that is left out must be one that there is."""
    every = list(words.get(name, ()))
    if value == "*" and every:
        return every
    if isinstance(value, dict) and set(value) == {"allBut"} and every:
        without = value["allBut"]
        if isinstance(without, list) and without and set(map(str, without)) <= set(every):
            return [word for word in every if word not in without]
    if isinstance(value, list) and value:
        return [_value(name, one) for one in value]
    return [_value(name, value)]


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
