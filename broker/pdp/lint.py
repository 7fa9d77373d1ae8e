"""What a whole agreement still gets wrong: found exactly, by working out what every rule and condition changes.

- A fault is something that cannot have been meant: a rule that gives nothing, a condition that makes no difference, an
  article that is not in the list. The broker would start with it, so that an old agreement can always be read again.
- A note is something to know: a forbid that takes nothing away as long as the other rules are what they are.
- Every fault of the whole agreement is told at once, with file, line and column.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from broker.errors import Words
from broker.pdp.conditions import Condition, Taken
from broker.pdp.faults import PolicyFault
from broker.pdp.laws import LAWS, read_laws, unknown
from broker.pdp.matrix import Cell, Matrix, matrix_of
from broker.pdp.overview import together
from broker.pdp.policy_set import CHANNELS, RULES, SIGNERS, VOCABULARY, PolicySet
from broker.pdp.reviews import MAKERS_OWN
from broker.pdp.word_files import untranslated

Weight = Literal["fault", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing, and how heavy it is."""

    weight: Weight
    fault: PolicyFault


def lint(policy_set: PolicySet) -> tuple[Finding, ...]:
    """Everything, in the order of files and lines. Raises as `matrix_of` does."""
    found = [*_articles(policy_set), *_titles(policy_set), *_unused(policy_set), *_languages(policy_set)]
    found += _Differences(matrix_of(policy_set)).findings()
    return tuple(sorted(found, key=lambda one: (one.fault.file, one.fault.line or 0, one.fault.column or 0)))


def _found(weight: Weight, file: str, line: int | None, column: int | None, nl: str, en: str) -> Finding:
    return Finding(weight, PolicyFault(file, line, Words(nl, en), column))


# --- What is written -------------------------------------------------------------------------------------------------


def _articles(policy_set: PolicySet) -> Iterator[Finding]:
    text = policy_set.texts.get(LAWS)
    if text is None:
        yield _found(
            "note",
            LAWS,
            None,
            None,
            "dit bestand is er niet, dus de artikelen zijn niet nagezocht; neem het meegeleverde over.",
            "this file is not there, so the articles were not looked up; take over the shipped one.",
        )
        return
    try:
        laws = read_laws(text)
    except ValueError as error:
        nl, en = f"deze lijst klopt niet ({error}); verbeter haar.", f"this list is not right ({error}); mend it."
        yield _found("fault", LAWS, None, None, nl, en)
        return
    named = [
        (
            RULES,
            rule.legal_basis,
            *_place_of(
                policy_set.texts[RULES], f"@legal_basis({json.dumps(rule.legal_basis, ensure_ascii=False)})", rule.line
            ),
        )
        for rule in policy_set.rules.values()
    ]
    articles = [article for rule in policy_set.signers.rules for article in rule.articles]
    articles += [article for authority in policy_set.signers.authorities for article in authority.articles]
    channels = [channel.article for channel in policy_set.channels]
    for file, rows in ((SIGNERS, articles), (CHANNELS, channels)):
        named += [(file, row, *_place_of(policy_set.texts[file], f'"{row}"', 1)) for row in dict.fromkeys(rows)]
    for file, basis, line, column in named:
        for part in unknown(basis, laws):
            yield _found(
                "fault",
                file,
                line,
                column,
                f"'{part}' staat niet in {LAWS}; verbeter het, of zet het artikel daar na overleg met een jurist.",
                f"'{part}' is not in {LAWS}; correct it, or add the article there after asking a lawyer.",
            )


def _place_of(text: str, said: str, line: int) -> tuple[int, int]:
    """Where something stands, from a line on; that line when it is written in another way."""
    start = sum(len(one) + 1 for one in text.split("\n")[: line - 1])
    at = text.find(said, start)
    if at < 0:
        return line, 1
    return text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)


def _titles(policy_set: PolicySet) -> Iterator[Finding]:
    seen: dict[str, str] = {}
    for rule in policy_set.rules.values():
        if rule.title.nl == rule.title.en:
            nl, en = (
                "deze titel is in beide talen gelijk; vertaal hem.",
                "this title is the same in both languages; translate it.",
            )
            yield _found("fault", RULES, rule.line, rule.column, f"{rule.id}: {nl}", f"{rule.id}: {en}")
        if rule.title.nl in seen:
            nl = f"{rule.id}: deze titel heeft {seen[rule.title.nl]} ook; maak er verschil tussen."
            en = f"{rule.id}: {seen[rule.title.nl]} has this title too; tell them apart."
            yield _found("fault", RULES, rule.line, rule.column, nl, en)
        seen.setdefault(rule.title.nl, rule.id)


def _languages(policy_set: PolicySet) -> Iterator[Finding]:
    """What a family would read in Dutch within a page in its own language, and what nobody checked."""
    for language in sorted({*policy_set.notices, *policy_set.words} - {*MAKERS_OWN}):
        file = f"words/{language}.toml"
        lacking = list(untranslated(policy_set.vocabulary, language))
        if lacking:
            named = ", ".join(lacking[:5]) + (", ..." if len(lacking) > 5 else "")
            nl = f"{len(lacking)} woord(en) zonder vertaling, getoond in het Nederlands: {named}."
            yield _found(
                "note", file, None, None, nl, f"{len(lacking)} word(s) without translation, shown in Dutch: {named}."
            )
        if language not in policy_set.notices:
            nl = f"er is geen vraag in deze taal (notices/{language}.toml); wie haar spreekt, krijgt de Nederlandse."
            en = f"there is no notice in this language (notices/{language}.toml); who speaks it gets the Dutch one."
            yield _found("note", file, None, None, nl, en)
        elif not policy_set.notices[language].review.reviewed:
            nl = "niemand met deze moedertaal heeft de vraag nagekeken; de pagina zegt dat erbij."
            en = "nobody whose own language this is checked the notice; the page says so."
            yield _found("note", f"notices/{language}.toml", None, None, nl, en)


_NAMED_BY = {"roles": "Role", "purposes": "Purpose", "section_types": "SectionType"}


def _unused(policy_set: PolicySet) -> Iterator[Finding]:
    named = {word for rule in policy_set.rules.values() for word in rule.words}
    for name, kind in _NAMED_BY.items():
        for word in getattr(policy_set.vocabulary, name):
            if (kind, word) not in named:
                line, column = _place_of(policy_set.texts[VOCABULARY], f"[{name}.{word}]", 1)
                yield _found(
                    "note", VOCABULARY, line, column,
                    f"geen enkele regel noemt '{word}'.", f"no rule names '{word}'.",
                )  # fmt: skip


# --- What makes no difference ----------------------------------------------------------------------------------------


class _Differences:
    """Takes each rule and each condition away in thought, and looks whether any question gets another answer."""

    def __init__(self, matrix: Matrix) -> None:
        self._matrix, self._holding = matrix, matrix.holding

    def findings(self) -> Iterator[Finding]:
        """About every rule, in order."""
        for taken in self._holding.rules:
            broken = [c for c in taken.conditions if self._holding.can_fail(c)]
            for condition in broken:
                yield self._about(
                    condition,
                    "deze voorwaarde kan mislukken, en dan wordt er niets gegeven; vergelijk alleen woorden en getallen.",
                    "this condition can fail, and then nothing is given; compare words and numbers only.",
                )
            if not broken:
                yield from self._permit(taken) if taken.rule.effect == "permit" else self._forbid(taken)

    def _about(self, condition: Condition, nl: str, en: str) -> Finding:
        return _found(
            "fault", RULES, condition.line, condition.column, f"{nl} ({condition.text})", f"{en} ({condition.text})"
        )

    def _rule(self, weight: Weight, taken: Taken, nl: str, en: str) -> Finding:
        rule = taken.rule
        return _found(weight, RULES, rule.line, rule.column, f"{rule.id}: {nl}", f"{rule.id}: {en}")

    def _permit(self, taken: Taken) -> Iterator[Finding]:
        rule = taken.rule.id
        cells = [(place, cell) for place, cell in self._matrix.cells.items() if rule in cell.permits]
        if not cells:
            yield self._never(taken)
        elif not any(cell.permits[rule] & cell.open for _, cell in cells):
            yield self._rule(
                "fault", taken,
                "alles wat deze regel geeft, wordt verboden; haal hem weg, of verander wat verbiedt.",
                "everything that this rule gives is forbidden; remove it, or change what forbids.",
            )  # fmt: skip
        elif all(not cell.permits[rule] & cell.open & ~_others(cell, rule) for _, cell in cells):
            yield self._rule(
                "fault", taken,
                "andere regels geven dit alles ook; haal hem weg, of verander hem.",
                "other rules give all of this too; remove it, or change it.",
            )  # fmt: skip
        else:
            yield from self._conditions(taken, self._gives_more)

    def _forbid(self, taken: Taken) -> Iterator[Finding]:
        rule = taken.rule.id
        if next(self._holding.places(taken.conditions), None) is None or self._nowhere(taken):
            yield self._never(taken)
        elif not any(self._taken_by(rule, cell) for cell in self._matrix.cells.values()):
            yield self._rule(
                "note", taken,
                "dit verbod neemt nu niets weg; het houdt tegen wat een latere regel zou geven.",
                "this forbid takes nothing away now; it stops what a later rule would give.",
            )  # fmt: skip
        else:
            yield from self._conditions(taken, self._takes_more)

    def _nowhere(self, taken: Taken) -> bool:
        return all(not self._holding.at(taken.conditions, place)[0] for place in self._holding.places(taken.conditions))

    def _never(self, taken: Taken) -> Finding:
        return self._rule(
            "fault", taken,
            "deze regel geldt nooit: haar voorwaarden gaan niet samen; verbeter haar of haal haar weg.",
            "this rule never applies: its conditions do not go together; mend or remove it.",
        )  # fmt: skip

    def _taken_by(self, rule: str, cell: Cell) -> int:
        """What would be given at a place, were it not for this forbid alone."""
        others = together(mask for name, mask in cell.forbids.items() if name != rule)
        given = together(cell.permits.values()) & cell.forbids.get(rule, 0)
        return given & ~others & ~cell.failures

    def _conditions(self, taken: Taken, more: Callable[[tuple[Condition, ...]], bool]) -> Iterator[Finding]:
        for condition in taken.conditions:
            rest = tuple(c for c in taken.conditions if c is not condition)
            if condition.kind != "scope" and (self._holding.always(condition) or not more(rest)):
                yield self._about(
                    condition,
                    "deze voorwaarde maakt geen verschil: zonder haar wordt precies hetzelfde gegeven; haal haar weg.",
                    "this condition makes no difference: without it exactly the same is given; remove it.",
                )

    def _gives_more(self, rest: tuple[Condition, ...]) -> bool:
        """Whether a permit with these conditions only gives something that is not given now."""
        forbids = [other for other in self._holding.rules if other.rule.effect == "forbid"]
        for place in self._holding.places(rest):
            cell = self._matrix.cells.get(place)
            given = self._holding.at(rest, place)[0] & self._holding.known & ~self._matrix.open_at(place)
            if cell is not None:
                given &= ~together(cell.forbids.values()) & ~cell.failures
            for other in forbids if cell is None and given else ():
                given &= ~self._holding.at(other.conditions, place)[0]
            if given:
                return True
        return False

    def _takes_more(self, rest: tuple[Condition, ...]) -> bool:
        """Whether a forbid with these conditions only takes something that is given now."""
        return any(
            cell.open & self._holding.at(rest, place)[0] for place, cell in self._matrix.cells.items() if cell.open
        )


def _others(cell: Cell, rule: str) -> int:
    return together(mask for name, mask in cell.permits.items() if name != rule)
