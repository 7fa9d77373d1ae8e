"""A rule taken apart into its conditions, by Cedar's own tree: all of them must hold for the rule to apply.

- A `when` falls apart at `&&` and an `unless` at `||`; what is left is one condition, and keeps its place in the file.
- `fields` names everything of a question that a condition can see; nothing else can change whether it holds.
- Whether a condition holds is only ever asked of Cedar: `alone` makes a policy of that one condition.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import cedarpy

from broker.pdp.rules import Rule

SEEN_AS: Mapping[str, str] = {
    "role": "role",
    "organisationKind": "recipient_kind",
    "type": "section_type",
    "handoverKind": "handover_kind",
    "senderKind": "sender_kind",
    "ageBand": "age_band",
    "purpose": "purpose",
    "evidence": "evidence",
    "discussedWithFamily": "discussed_with_family",
    "senderBasis": "sender_basis",
    "recipientBasis": "recipient_basis",
    "concernsOthers": "concerns_others",
}
"""What an attribute of a rule is called in a question; no two attributes share a name."""
_IN_CONTEXT = ("purpose", "evidence", "discussedWithFamily", "senderBasis", "recipientBasis", "concernsOthers")
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|&&|\|\||[A-Za-z_][A-Za-z0-9_]*|[^\s]', re.DOTALL)
_SPLITS = {"when": "&&", "unless": "||"}
Kind = Literal["scope", "when", "unless"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of one rule. An `unless` holds when its body does not; a `scope` is the head of the rule."""

    kind: Kind
    body: Any = field(compare=False)
    fields: tuple[str, ...]
    text: str
    line: int
    column: int
    key: str
    """The same for two conditions exactly when they are the same."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A rule, and its conditions in the order in which Cedar asks them."""

    rule: Rule
    conditions: tuple[Condition, ...]


def take_apart(text: str, rules: Mapping[str, Rule]) -> tuple[Taken, ...]:
    """Every rule of a checked file with its conditions, in the order of the file."""
    trees = json.loads(cedarpy.policies_to_json_str(text))["staticPolicies"]
    in_order = (trees[f"policy{number}"] for number in range(len(trees)))
    return tuple(Taken(rules[tree["annotations"]["id"]], _conditions(tree, rules)) for tree in in_order)


def alone(conditions: Mapping[str, Condition]) -> cedarpy.PolicySet:
    """A policy set with, under each name, a permit of that one condition and nothing else."""
    policies = {name: _permit(condition) for name, condition in conditions.items()}
    return cedarpy.PolicySet.from_json_str(
        json.dumps({"staticPolicies": policies, "templates": {}, "templateLinks": []})
    )


def _permit(condition: Condition) -> dict[str, Any]:
    head: dict[str, Any] = {part: {"op": "All"} for part in ("principal", "action", "resource")}
    if condition.kind == "scope":
        return {"effect": "permit", **condition.body, "conditions": []}
    return {"effect": "permit", **head, "conditions": [{"kind": condition.kind, "body": condition.body}]}


def _conditions(tree: Mapping[str, Any], rules: Mapping[str, Rule]) -> tuple[Condition, ...]:
    rule = rules[tree["annotations"]["id"]]
    places = list(_clauses(rule.text))
    scope = {part: tree[part] for part in ("principal", "action", "resource")}
    head = _head(rule.text)
    found = [_condition(rule, "scope", scope, rule.text[head : places[0].start if places else -1], head)]
    for clause, place in zip(tree["conditions"], places, strict=True):
        kind: Kind = clause["kind"]
        parts = list(_parts(clause["body"], _SPLITS[kind]))
        said = place.parts if len(place.parts) == len(parts) else [(place.start, place.end)] * len(parts)
        found += [
            _condition(rule, kind, part, rule.text[start:end], start)
            for part, (start, end) in zip(parts, said, strict=True)
        ]
    return tuple(found)


def _condition(rule: Rule, kind: Kind, body: Any, text: str, offset: int) -> Condition:
    before = rule.text[:offset]
    line = rule.line + before.count("\n")
    column = offset - before.rfind("\n") if "\n" in before else rule.column + offset
    key = json.dumps([kind, body], sort_keys=True)
    return Condition(kind, body, fields_of(body), " ".join(text.split()), line, column, key)


def _parts(body: Any, operator: str) -> Iterator[Any]:
    if isinstance(body, dict) and set(body) == {operator}:
        yield from _parts(body[operator]["left"], operator)
        yield from _parts(body[operator]["right"], operator)
    else:
        yield body


def fields_of(tree: Any) -> tuple[str, ...]:
    """Everything of a question that this tree can see."""
    return tuple(sorted({SEEN_AS[attribute] for attribute in _attributes(tree)}))


def _attributes(tree: Any) -> Iterator[str]:
    if isinstance(tree, list):
        for branch in tree:
            yield from _attributes(branch)
    elif isinstance(tree, dict):
        if set(tree) == {"has"}:
            return  # every attribute of the schema is always there
        if set(tree) == {"."} and tree["."]["attr"] in SEEN_AS:
            yield tree["."]["attr"]
            if "Var" not in tree["."]["left"]:
                yield from _attributes(tree["."]["left"])
            return
        if tree == {"Var": "context"}:
            yield from _IN_CONTEXT  # compared as a whole
        for branch in tree.values():
            yield from _attributes(branch)


@dataclass(frozen=True, slots=True)
class _Clause:
    """Where a `when` or `unless` stands in the text of its rule, and where its parts do."""

    start: int
    end: int
    parts: list[tuple[int, int]]


def _head(text: str) -> int:
    """Where `permit` or `forbid` stands, after the annotations."""
    return next(p.start() for p in _words(text) if p[0] in ("permit", "forbid"))


def _words(text: str) -> Iterator[re.Match[str]]:
    """Every piece of a statement but comments and the names of annotations."""
    before = ""
    for piece in _PIECE.finditer(text):
        if not piece[0].startswith("//"):
            if before != "@":
                yield piece
            before = piece[0]


def _clauses(text: str) -> Iterator[_Clause]:
    """Every `when { }` and `unless { }` of one statement; annotations, strings and comments hold none."""
    depth, start, operator = 0, -1, ""
    parts: list[tuple[int, int]] = []
    first = last = -1
    for piece in _words(text):
        word = piece[0]
        if depth == 0 and start < 0 and word in _SPLITS:
            start, operator, parts, first = piece.start(), _SPLITS[word], [], -1
            continue
        if word in ")]}":
            depth -= 1
            if depth == 0 and start >= 0:
                parts.append((first, last))
                yield _Clause(start, piece.end(), parts)
                start = -1
        elif depth == 1 and start >= 0 and word == operator:
            parts.append((first, last))
            first = -1
        elif depth > 0 and first < 0:
            first = piece.start()
        if word in "([{":
            depth += 1
        last = piece.end()
