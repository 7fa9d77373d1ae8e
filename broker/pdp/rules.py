"""Cedar text becomes rules only when each has its own id, titles, legal basis, and words that the agreement knows.

- The tree that is checked is Cedar's own, so nothing can hide in spacing, comments or escapes.
- A rule names kinds, roles, types, purposes and age bands; never one professional or one section.
- Templates are refused: they would decide nothing until somebody links them.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import cedarpy

from broker.domain.signers import SignerTable
from broker.domain.vocabulary import Vocabulary
from broker.errors import Words
from broker.pdp.entities import bands_of
from broker.pdp.faults import Faults
from broker.pdp.total import may_fail

ANNOTATIONS = ("id", "title_nl", "title_en", "legal_basis")
BOUNDS = ("Purpose", "OrganisationKind", "Role", "SectionType")
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|;|[^\s"/;]+|/', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Rule:
    """One permit or forbid, for people: its id as logged, titles, the law it rests on, where and how it is written.

    `words` holds every word of the agreement that it names, as (Cedar type, word).
    """

    id: str
    effect: Literal["permit", "forbid"]
    title: Words
    legal_basis: str
    file: str
    line: int
    text: str
    words: frozenset[tuple[str, str]]
    column: int = 1

    @property
    def unbounded(self) -> tuple[str, ...]:
        """What a permit names no word of: without a purpose, kind, role or type it gives to or of all of them.

        Allowed, but worth a warning (data minimisation, AVG 5(1)(c)). Always empty for a forbid.
        """
        named = {kind for kind, _ in self.words}
        return tuple(kind for kind in BOUNDS if kind not in named) if self.effect == "permit" else ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement of a Cedar text, without the comments before it, and the line on which it begins."""

    line: int
    text: str
    column: int = 1


def statements(text: str) -> Iterator[Statement]:
    """Split at the semicolons that are not in a string or comment; a last piece without one is a statement too."""
    start: int | None = None
    for piece in _PIECE.finditer(text):
        if start is None and not piece[0].startswith("//"):
            start = piece.start()
        if piece[0] == ";" and start is not None:
            yield _statement(text, start, piece.end())
            start = None
    if start is not None:
        yield _statement(text, start, len(text))


def _statement(text: str, start: int, end: int) -> Statement:
    return Statement(text.count("\n", 0, start) + 1, text[start:end], start - text.rfind("\n", 0, start))


def known_words(vocabulary: Vocabulary, signers: SignerTable) -> Mapping[str, Collection[str]]:
    """Per Cedar entity type, every id that a rule may name."""
    return {
        "OrganisationKind": vocabulary.organisation_kinds,
        "Role": vocabulary.roles,
        "Purpose": vocabulary.purposes,
        "SectionType": vocabulary.section_types,
        "HandoverKind": vocabulary.handover_kinds,
        "AgeBand": bands_of(signers),
        "Action": frozenset({"read"}),
    }


def read_schema(file: str, text: str, faults: Faults) -> cedarpy.Schema | None:
    """Parse the schema; None, and a fault, when Cedar cannot."""
    try:
        return cedarpy.Schema.from_str(text)
    except ValueError as error:
        faults.add(
            file,
            None,
            f"Cedar kan dit schema niet lezen ({error}); verbeter het.",
            f"Cedar cannot read this schema ({error}); mend it.",
        )
        return None


def read_rules(
    file: str, text: str, words: Mapping[str, Collection[str]] | None, faults: Faults
) -> tuple[cedarpy.PolicySet, tuple[Rule, ...]] | None:
    """Parse and check the rules. With `words` None (themselves faulty) only words are left unchecked.

    Returns None, having noted faults, when Cedar cannot read the text; other faults are noted and reading goes on.
    """
    try:
        policies = cedarpy.PolicySet.from_str(text)
        tree = json.loads(cedarpy.policies_to_json_str(text))
    except ValueError as error:
        _note_unreadable(file, text, error, faults)
        return None
    written = list(statements(text))
    trees = tree["staticPolicies"]
    if tree["templates"] or len(written) != len(trees):
        faults.add(
            file,
            None,
            "hier staan sjablonen (?principal, ?resource); schrijf gewone regels.",
            "there are templates here (?principal, ?resource); write plain rules.",
        )
        return None
    rules = [_read_rule(file, trees[f"policy{n}"], said, words, faults) for n, said in enumerate(written)]
    _note_set(file, rules, faults)
    return policies, tuple(rules)


def check_schema(file: str, text: str, schema: cedarpy.Schema, faults: Faults) -> None:
    """Note a fault for everything that Cedar's strict validator finds in the rules."""
    written = list(statements(text))
    for error in cedarpy.validate_policies(text, schema).errors:
        number = error.policy_id.removeprefix("policy")
        line = written[int(number)].line if number.isdecimal() and int(number) < len(written) else None
        what = error.error.removeprefix(f"for policy `{error.policy_id}`, ").removeprefix(
            f"for policy `{error.policy_id}`: "
        )
        faults.add(
            file,
            line,
            f"deze regel past niet bij release.cedarschema ({what}); verbeter de regel.",
            f"this rule does not fit release.cedarschema ({what}); mend the rule.",
        )


def _note_unreadable(file: str, text: str, error: ValueError, faults: Faults) -> None:
    line = None
    for statement in statements(text):
        try:
            cedarpy.policies_to_json_str(statement.text)
        except ValueError as first:
            line, error = statement.line, first
            break
    faults.add(
        file,
        line,
        f"Cedar kan de regel die hier begint niet lezen ({error}); verbeter hem.",
        f"Cedar cannot read the rule that begins here ({error}); mend it.",
    )


def _read_rule(
    file: str, tree: Any, said: Statement, words: Mapping[str, Collection[str]] | None, faults: Faults
) -> Rule:
    notes: dict[str, str | None] = tree.get("annotations", {})
    for name in ANNOTATIONS:
        if not (notes.get(name) or "").strip():
            faults.add(
                file,
                said.line,
                f'de regel die hier begint heeft geen @{name}("..."); zet die erboven.',
                f'the rule that begins here has no @{name}("..."); write it above.',
            )
    rule_id = notes.get("id") or ""
    if rule_id and not _ID.fullmatch(rule_id):
        faults.add(
            file,
            said.line,
            f"@id '{rule_id}' is niet geldig; gebruik kleine letters, cijfers en streepjes.",
            f"@id '{rule_id}' is not valid; use small letters, digits and hyphens.",
        )
    if operators := may_fail(tree.get("conditions", ())):
        faults.add(
            file,
            said.line,
            f"de regel die hier begint kan mislukken ({', '.join(operators)}); laat hem alleen woorden en getallen vergelijken.",
            f"the rule that begins here can fail ({', '.join(operators)}); let it only compare words and numbers.",
        )
    named = frozenset(_literals(tree))
    if words is not None:
        _note_words(file, said, named, words, faults)
    title = Words(notes.get("title_nl") or "", notes.get("title_en") or "")
    basis = notes.get("legal_basis") or ""
    return Rule(
        rule_id, tree["effect"], title, basis, file, said.line, said.text, named - {("Action", "read")}, said.column
    )


def _literals(tree: Any) -> Iterator[tuple[str, str]]:
    """Every entity that the tree names, as (type, id)."""
    if isinstance(tree, list):
        for branch in tree:
            yield from _literals(branch)
    elif isinstance(tree, dict):
        if set(tree) == {"type", "id"} and all(isinstance(leaf, str) for leaf in tree.values()):
            yield tree["type"], tree["id"]
        for name, branch in tree.items():
            if name != "annotations":
                yield from _literals(branch)


def _note_words(
    file: str,
    said: Statement,
    literals: Collection[tuple[str, str]],
    words: Mapping[str, Collection[str]],
    faults: Faults,
) -> None:
    for kind, word in sorted(literals):
        place = _place_of(said, kind, word)
        if kind not in words:
            faults.add(
                file,
                place[0],
                f'deze regel noemt {kind}::"{word}", en dat mag een regel niet; noem een rol, soort of type.',
                f'this rule names {kind}::"{word}", which a rule may not; name a role, a kind or a type.',
                place[1],
            )
        elif word not in words[kind]:
            faults.add(
                file,
                place[0],
                f'deze regel noemt {kind}::"{word}", dat niet in de woordenlijst staat; verbeter of voeg het toe.',
                f'this rule names {kind}::"{word}", which the vocabulary does not know; correct or add it.',
                place[1],
            )


def _place_of(said: Statement, kind: str, word: str) -> tuple[int, int | None]:
    """Line and column of a word; the line of the rule alone when the word is written in another way."""
    at = said.text.find(f'{kind}::"{word}"')
    if at < 0:
        return said.line, None
    before = said.text[:at]
    column = at - before.rfind("\n") if "\n" in before else said.column + at
    return said.line + before.count("\n"), column


def _note_set(file: str, rules: Collection[Rule], faults: Faults) -> None:
    first: dict[str, Rule] = {}
    for rule in rules:
        if rule.id and rule.id in first:
            faults.add(
                file,
                rule.line,
                f"@id '{rule.id}' staat ook op regel {first[rule.id].line}; geef elke regel een eigen id.",
                f"@id '{rule.id}' is also on line {first[rule.id].line}; give each rule an id of its own.",
            )
        first.setdefault(rule.id, rule)
    if not any(rule.effect == "permit" for rule in rules):
        faults.add(
            file,
            None,
            "geen enkele regel geeft iets (permit), dus alles zou worden geweigerd; zet de regels terug.",
            "no rule gives anything (permit), so everything would be refused; put the rules back.",
        )
