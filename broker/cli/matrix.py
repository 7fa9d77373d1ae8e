"""`broker policies matrix`: who may read what for which purpose, as a table, as rows for a spreadsheet, or as a picture."""

import csv
import io
import shutil
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from broker.cli.picture import picture_of
from broker.domain.consents import EvidenceLevel
from broker.domain.overview import Overview, OverviewRow
from broker.errors import Invalid, Words
from broker.pdp.matrix import Matrix, matrix_of
from broker.pdp.overview import both, overview_of, spans
from broker.pdp.policy_set import load
from broker.pdp.spaces import PLACE, REST, Box
from broker.settings import policies_directory

Directory = Annotated[Path | None, typer.Argument(help="The agreement; otherwise that of BROKER_POLICIES.")]
_TITLE = Words(
    "Wie mag wat lezen, zodra iedereen die iets te zeggen heeft ja heeft gezegd",
    "Who may read what, once everybody who has a say has said yes",
)
_ALWAYS = Words("Altijd nodig", "Always needed")
_WHO, _MAY = Words("Wie", "Who"), Words("Mag lezen", "May read")
_NOBODY = Words("Krijgt niets", "Gets nothing")
_AT = Words("bij", "at")


class Language(StrEnum):
    """The languages that the agreement is written in."""

    NL = "nl"
    EN = "en"


class Form(StrEnum):
    """What it is for: a person at a terminal, a spreadsheet, a page of paper."""

    TABLE = "table"
    CSV = "csv"
    SVG = "svg"


In = Annotated[Language, typer.Option("--language", help="Of the words in it.")]


def matrix(
    directory: Directory = None,
    form: Annotated[Form, typer.Option("--format", help="A table, rows for a spreadsheet, or a picture.")] = Form.TABLE,
    language: In = Language.EN,
    purpose: Annotated[str, typer.Option(help="Only for this purpose, such as safety.")] = "",
) -> None:
    """Show who may read what for which purpose, worked out for every question that can be asked."""
    whole = matrix_of(load(directory or policies_directory()))
    if purpose and purpose not in whole.space.values["purpose"]:
        raise Invalid.at(
            "/purpose",
            f"Dit doel staat niet in de woordenlijst. Kies uit: {', '.join(whole.space.values['purpose'])}.",
            f"This purpose is not in the vocabulary. Choose from: {', '.join(whole.space.values['purpose'])}.",
        )
    if form is Form.CSV:
        typer.echo(rows_of(whole, language, purpose), nl=False)
        return
    overview = only(overview_of(whole), purpose)
    if form is Form.SVG:
        typer.echo(picture_of(overview, language))
    else:
        typer.echo("\n".join(table_of(overview, language, shutil.get_terminal_size((110, 24)).columns)))


def only(overview: Overview, purpose: str) -> Overview:
    """Of one purpose, or of all of them for the empty one."""
    chosen = tuple(p for p in overview.purposes if p.purpose.id == purpose or not purpose)
    return Overview(overview.digest, overview.always, chosen, overview.sections, overview.nobody)


# --- A table ---------------------------------------------------------------------------------------------------------


def table_of(overview: Overview, language: str, width: int) -> Iterator[str]:
    """Lines no wider than `width` characters. A number behind a section points to its condition below."""
    width = max(60, min(width, 140))
    who = width // 3
    notes = notes_of(overview)
    yield _TITLE.in_language(language)
    if overview.always:
        yield from _said(_ALWAYS, both(overview.always).in_language(language), language, width)
    for purpose in overview.purposes:
        yield ""
        yield f"{purpose.purpose.label.in_language(language).upper()}  ({purpose.purpose.id})"
        yield f"{_WHO.in_language(language):<{who}} | {_MAY.in_language(language)}"
        for row in purpose.rows:
            yield "-" * who + "-+-" + "-" * (width - who - 3)
            yield from _columns(who_of(row, language), _given(row, notes, language), who, width)
    if notes:
        yield ""
    for when, number in notes.items():
        yield from _said(Words(f"({number})", f"({number})"), condition_of(when, language), language, width, "")
    if overview.nobody:
        yield ""
        nobody = ", ".join(kind.label.in_language(language) for kind in overview.nobody)
        yield from _said(_NOBODY, nobody, language, width)


def _said(head: Words, text: str, language: str, width: int, colon: str = ":") -> list[str]:
    return wrap(f"{head.in_language(language)}{colon} {text}", width, subsequent_indent="    ")


def _given(row: OverviewRow, notes: dict[tuple[tuple[Words, ...], ...], int], language: str) -> str:
    names = (
        cell.section.label.in_language(language) + (f" ({notes[cell.when]})" if cell.conditional else "")
        for cell in row.cells
    )
    return "; ".join(names)


def _columns(left: str, right: str, who: int, width: int) -> Iterator[str]:
    a, b = wrap(left, who), wrap(right, width - who - 3)
    for line in range(max(len(a), len(b))):
        one, other = (side[line] if line < len(side) else "" for side in (a, b))
        yield f"{one:<{who}} | {other}".rstrip()


def who_of(row: OverviewRow, language: str) -> str:
    """The roles and the kinds of organisations of one row."""
    roles = ", ".join(role.label.in_language(language) for role in row.roles)
    kinds = ", ".join(kind.label.in_language(language) for kind in row.kinds)
    return f"{roles} ({_AT.in_language(language)} {kinds})"


def notes_of(overview: Overview) -> dict[tuple[tuple[Words, ...], ...], int]:
    """Each condition that occurs, numbered from 1 in the order in which it is met."""
    found = dict.fromkeys(
        cell.when for purpose in overview.purposes for row in purpose.rows for cell in row.cells if cell.conditional
    )
    return {when: number for number, when in enumerate(found, 1)}


def condition_of(when: tuple[tuple[Words, ...], ...], language: str) -> str:
    """One condition as a sentence part; its alternatives with "or else" between them."""
    either = " / of / " if language == "nl" else " / or / "
    only = "alleen als" if language == "nl" else "only if"
    return f"{only}: " + either.join(both(one).in_language(language) for one in when)


# --- Rows for a spreadsheet ------------------------------------------------------------------------------------------

_HEAD = (*PLACE, *REST, "given_by", "who", "what", "why")


def rows_of(whole: Matrix, language: str, purpose: str = "") -> str:
    """Comma-separated values (RFC 4180), one row for each place and alternative; a field that is free says `any`."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEAD)
    words = whole.holding.policy_set.vocabulary
    for place, cell in whole.cells.items():
        if purpose in ("", place[2]):
            labels = [words.label(word).in_language(language) for word in (place[1], place[3], place[2])]
            for box in whole.space.boxes(cell.open):
                rest = [_value(whole, name, box) for name in REST]
                writer.writerow(map(harmless, [*place, *rest, " ".join(cell.permits), *labels]))
    return out.getvalue()


def _value(whole: Matrix, name: str, box: Box) -> str:
    values, every = box[name], whole.space.values[name]
    if values == every:
        return "any"
    if name == "age_band":
        return spans(every, values).replace("-", " to ").replace("+", " and over")
    if isinstance(values[0], bool):
        return "yes" if values[0] else "no"
    return " ".join(v.name.lower() if isinstance(v, EvidenceLevel) else v for v in values)


def harmless(text: str) -> str:
    """The text, with a mark in front where a spreadsheet would take it for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text
