"""`broker policies diff`: what a new agreement gives that the old one did not, and the other way round.

Exit codes: 0 nothing else is given; 1 only less is given; 3 only more is given; 4 both more and less; 2 could not compare.
So a program that guards the agreement lets 0 and 1 pass, and asks somebody to look at 3 and 4.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.matrix import In, Language, condition_of, who_of
from broker.cli.running import use
from broker.domain.differences import Difference, Direction
from broker.domain.overview import OverviewPurpose
from broker.errors import Words
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.difference import compare
from broker.pdp.policy_set import PolicySet, load
from broker.services.impact import Effect, Impact, impact_of

CODES = {Direction.EQUAL: 0, Direction.NARROWER: 1, Direction.WIDER: 3, Direction.BOTH: 4}
_SENTENCES = {
    Direction.EQUAL: Words("GELIJK: er wordt niets anders gegeven.", "EQUAL: nothing else is given."),
    Direction.NARROWER: Words("SMALLER: er wordt alleen minder gegeven.", "NARROWER: only less is given."),
    Direction.WIDER: Words(
        "RUIMER: er wordt meer gegeven. Laat iemand anders dit lezen.",
        "WIDER: more is given. Let somebody else read this.",
    ),
    Direction.BOTH: Words(
        "RUIMER EN SMALLER: er wordt meer en ook minder gegeven. Laat iemand anders dit lezen.",
        "WIDER AND NARROWER: more is given, and less as well. Let somebody else read this.",
    ),
}
_GAINED = Words("Wordt voortaan gegeven", "Given from now on")
_LOST = Words("Wordt niet meer gegeven", "Not given any more")
_ELSE = Words("Verder", "Besides")
_RULES = Words("Regels", "Rules")
_TEXTS = Words("Ook veranderd, zonder gevolg voor wie wat krijgt", "Changed too, without effect on who gets what")
_DONE = {
    "added": Words("nieuw", "added"),
    "removed": Words("weg", "removed"),
    "changed": Words("veranderd", "changed"),
}
_MARK = {Direction.WIDER: "+", Direction.NARROWER: "-", Direction.BOTH: "±", Direction.EQUAL: " "}
_STORED = Words(
    "Met wat hier nu ligt en de toestemming die er nu is", "With what lies here now and the consent there is now"
)
_UNCHANGED = Words("gaat er niets open of dicht", "nothing opens or closes")


def diff(
    old: Annotated[Path, typer.Argument(help="The agreement as it was.", exists=True, file_okay=False)],
    new: Annotated[Path, typer.Argument(help="The agreement as it would be.", exists=True, file_okay=False)],
    stored: Annotated[
        bool, typer.Option("--stored", help="Also count what would open or close in the database of the settings.")
    ] = False,
    language: In = Language.EN,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Say what is given and what is not any more, worked out for every question. Exit codes: 0 equal, 1 less, 3 more, 4 both."""
    before, after = load(old), load(new)
    found = compare(before, after)
    impact = _impact(before, after) if stored else None
    if as_json:
        typer.echo(json.dumps(document_of(found, impact), ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join([*lines_of(found, language), *(stored_lines(impact, after, language) if impact else ())]))
    raise typer.Exit(CODES[found.direction])


def _impact(before: PolicySet, after: PolicySet) -> Impact:
    return use(
        lambda broker: impact_of(broker.house, LoadedAgreement(before), LoadedAgreement(after), _Progress().weighed)
    )


class _Progress:
    """Says now and then how far it is; how many there are is not known before."""

    def __init__(self) -> None:
        self._count = 0

    def weighed(self, more: int) -> None:
        """So many more are done."""
        self._count += more
        if self._count % 500 == 0:
            typer.echo(f"{self._count} handovers weighed", err=True)


def lines_of(found: Difference, language: str) -> Iterator[str]:
    """For a person at a terminal."""
    yield _SENTENCES[found.direction].in_language(language)
    for head, mark, purposes in ((_GAINED, "+", found.gained), (_LOST, "-", found.lost)):
        if purposes:
            yield ""
            yield f"{head.in_language(language)}:"
            for purpose in purposes:
                yield from _purpose(purpose, mark, language)
    if found.others:
        yield ""
        yield f"{_ELSE.in_language(language)}:"
        yield from (f"  {_MARK[other.direction]} {other.words.in_language(language)}" for other in found.others)
    if found.rules:
        yield ""
        said = ", ".join(f"{rule} ({_DONE[done].in_language(language)})" for rule, done in found.rules)
        yield f"{_RULES.in_language(language)}: {said}"
    if found.texts:
        yield f"{_TEXTS.in_language(language)}: {', '.join(found.texts)}"


def _purpose(purpose: OverviewPurpose, mark: str, language: str) -> Iterator[str]:
    yield f"  {purpose.purpose.label.in_language(language)} ({purpose.purpose.id})"
    for row in purpose.rows:
        yield f"    {who_of(row, language)}"
        for cell in row.cells:
            condition = f", {condition_of(cell.when, language)}" if cell.conditional else ""
            yield f"      {mark} {cell.section.label.in_language(language)}{condition}"


def stored_lines(impact: Impact, after: PolicySet, language: str) -> Iterator[str]:
    """What would open and close, in counts."""
    yield ""
    many = Words(f"{impact.handovers} overdracht(en)", f"{impact.handovers} handover(s)").in_language(language)
    yield f"{_STORED.in_language(language)} ({many}):"
    if not impact.effects:
        yield f"  {_UNCHANGED.in_language(language)}"
    for effect in impact.effects:
        label, role = (
            after.vocabulary.label(word).in_language(language) for word in (effect.section_type, effect.role)
        )
        yield f"  {_effect(effect, label, role).in_language(language)}"


def _effect(effect: Effect, label: str, role: str) -> Words:
    mark, nl, en = ("+", "open", "open") if effect.opens else ("-", "dicht", "closed")
    return Words(
        f"{mark} {effect.sections} keer '{label}' {nl} voor {role} van {effect.organisation}; {effect.children} kind(eren)",
        f"{mark} {effect.sections} times '{label}' {en} for {role} of {effect.organisation}; {effect.children} child(ren)",
    )


def document_of(found: Difference, impact: Impact | None) -> dict[str, Any]:
    """For a program."""
    document: dict[str, Any] = {
        "direction": found.direction.value,
        "old": found.old,
        "new": found.new,
        "gained": [row for purpose in found.gained for row in _rows(purpose)],
        "lost": [row for purpose in found.lost for row in _rows(purpose)],
        "others": [
            {"direction": o.direction.value, "words": {"nl": o.words.nl, "en": o.words.en}} for o in found.others
        ],
        "rules": [{"id": rule, "done": done} for rule, done in found.rules],
        "texts": list(found.texts),
    }
    if impact is not None:
        document["stored"] = {
            "handovers": impact.handovers,
            "effects": [
                {
                    "opens": e.opens,
                    "sectionType": e.section_type,
                    "organisation": e.organisation,
                    "role": e.role,
                    "sections": e.sections,
                    "children": e.children,
                }
                for e in impact.effects
            ],
        }
    return document


def _rows(purpose: OverviewPurpose) -> Iterator[dict[str, Any]]:
    for row in purpose.rows:
        for cell in row.cells:
            yield {
                "purpose": purpose.purpose.id,
                "organisationKinds": [kind.id for kind in row.kinds],
                "roles": [role.id for role in row.roles],
                "sectionType": cell.section.id,
                "when": [[{"nl": w.nl, "en": w.en} for w in one] for one in cell.when],
            }
