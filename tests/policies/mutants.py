"""The shipped rules with one slip each: what somebody could get wrong, and what the examples should notice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from broker.pdp.conditions import Taken, take_apart
from broker.pdp.policy_set import RULES, PolicySet
from broker.pdp.rules import Rule

_WORD = re.compile(r'(?P<kind>[A-Z][A-Za-z]+)::"(?P<word>[^"]+)"')
_LISTS = {"OrganisationKind": "organisation_kinds", "Role": "roles", "Purpose": "purposes",
          "SectionType": "section_types", "HandoverKind": "handover_kinds"}  # fmt: skip
OTHER = {"permit": "forbid", "forbid": "permit"}
NUMBERS = (">= 1", ">= 3", "> 2", "<= 2", "< 2", "== 2")


@dataclass(frozen=True)
class Mutant:
    """One rule as somebody might have written it; an empty text is a rule that was taken out."""

    how: str
    rule: str
    text: str

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.rule}: {self.how}"


def mutants(shipped: PolicySet) -> Iterator[Mutant]:
    """Every one."""
    for taken in take_apart(shipped.texts[RULES], shipped.rules):
        rule, text = taken.rule.id, taken.rule.text
        yield Mutant("taken out", rule, "")
        yield Mutant("turned around", rule, re.sub(rf"(?m)^{taken.rule.effect} ", f"{OTHER[taken.rule.effect]} ", text))
        for start, end, clause in _clauses(text):
            about = " ".join(clause.split())[:60]
            yield Mutant(f"without {about}", rule, text[:start] + text[end:])
            turned = re.sub("^(when|unless)", lambda m: "unless" if m[0] == "when" else "when", clause)
            yield Mutant(f"the opposite of {about}", rule, text[:start] + turned + text[end:])
            yield from (
                Mutant(f"{how} in {about}", rule, text[:start] + new + text[end:])
                for how, new in _slips(clause, shipped)
            )


def _clauses(text: str) -> Iterator[tuple[int, int, str]]:
    """Every `when { }` and `unless { }`; none of the shipped rules nests braces or holds one in a text."""
    for found in re.finditer(r"^(when|unless) \{.*?\}", text, re.MULTILINE | re.DOTALL):
        yield found.start(), found.end(), found[0]


def _slips(clause: str, shipped: PolicySet) -> Iterator[tuple[str, str]]:
    named = list(_WORD.finditer(clause))
    several = "[" in clause
    for one in named:
        if several and len(named) > 1:
            rest = clause[: one.start()] + re.sub(r"^\s*,\s*", "", clause[one.end() :])
            yield f"without {one['word']}", re.sub(r",(\s*)\]", r"\1]", rest)
        for word in _next(one, {n["word"] for n in named}, shipped, 1):
            yield f"{word} for {one['word']}", clause[: one.start()] + f'{one["kind"]}::"{word}"' + clause[one.end() :]
    if named:
        for word in _next(named[-1], {n["word"] for n in named}, shipped, 2):
            more = f'{named[-1]["kind"]}::"{word}"'
            if several:
                yield f"also {word}", clause.replace("[", f"[{more}, ", 1)
            elif " == " in clause:
                yield f"also {word}", clause.replace(" == ", f" in [{more}, ").replace(" }", "] }")
    for number in NUMBERS if ">= 2" in clause else ():
        yield number, clause.replace(">= 2", number)


def _next(one: re.Match[str], named: set[str], shipped: PolicySet, count: int) -> list[str]:
    """The words that come next in the vocabulary and are not named: the likeliest slips."""
    if one["kind"] not in _LISTS:
        return [band for band in ("0-11", "12-15", "16+") if band not in named][:count]
    every = list(getattr(shipped.vocabulary, _LISTS[one["kind"]]))
    at = every.index(one["word"])
    return [word for word in every[at:] + every[:at] if word not in named][:count]


@cache
def _taken(text: str, rule: Rule) -> Taken:
    [taken] = take_apart(text, {rule.id: replace(rule, text=text)})
    return taken


def taken_of(mutant: Mutant, shipped: PolicySet) -> Taken:
    """The mutant as Cedar reads it. Raises ValueError when Cedar cannot."""
    return _taken(mutant.text, shipped.rules[mutant.rule])
