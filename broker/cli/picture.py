"""The agreement on one page of A4, as SVG: a mark says given, a number says on which condition; no colour carries meaning."""

from collections.abc import Iterator
from html import escape
from textwrap import wrap

from broker.domain.overview import Overview, OverviewRow
from broker.errors import Words

WIDTH, HEIGHT, EDGE = 210.0, 297.0, 8.0
"""Millimetres."""
_LABEL, _HEAD, _LINE, _SIZE, _BAND = 84.0, 32.0, 2.45, 2.1, 4.1
_TITLE = Words("Wie mag wat lezen", "Who may read what")
_LEGEND = Words(
    "Een gevulde stip: mag lezen, zodra iedereen die iets te zeggen heeft ja zegt. Een nummer: alleen onder die voorwaarde.",
    "A filled dot: may read, once everybody who has a say says yes. A number: only on that condition.",
)
_NOTHING = Words("Leeg: krijgt het niet.", "Empty: does not get it.")
_ALWAYS = Words("Altijd nodig", "Always needed")
_STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;fill:#111}.h{font-weight:bold}"
    ".l{stroke:#999;stroke-width:.15}.c{stroke:#ccc;stroke-width:.1}.o{fill:#fff;stroke:#111;stroke-width:.3}.d{fill:#111}.b{fill:#e8e8e8}"
)


def picture_of(overview: Overview, language: str) -> str:
    """The picture. It is as wide as A4, and as high unless there are too many rows for one page."""
    notes = _notes(overview)
    step = (WIDTH - 2 * EDGE - _LABEL) / max(1, len(overview.sections))
    body: list[str] = []
    y = EDGE + 6
    body.append(_text(EDGE, y, _TITLE.in_language(language), 4.6, "h"))
    y += _HEAD
    for number, section in enumerate(overview.sections):
        x = EDGE + _LABEL + (number + 0.62) * step
        body.append(
            f'<text transform="translate({x:.1f} {y - 1:.1f}) rotate(-68)" font-size="{_SIZE}">'
            f"{escape(section.label.in_language(language))}</text>"
        )
    columns = {section.id: EDGE + _LABEL + (n + 0.5) * step for n, section in enumerate(overview.sections)}
    top = y
    for purpose in overview.purposes:
        band = f'<rect class="b" x="{EDGE}" y="{y:.1f}" width="{WIDTH - 2 * EDGE}" height="{_BAND - 0.8}"/>'
        body += [band, _text(EDGE + 1, y + 2.8, _start(purpose.purpose.label.in_language(language)), 2.6, "h")]
        y += _BAND
        for row in purpose.rows:
            lines = wrap(_who(row, language), 79)
            body += [_text(EDGE + 1, y + 2.1 + n * _LINE, line, _SIZE) for n, line in enumerate(lines)]
            middle = y + len(lines) * _LINE / 2
            body += _marks(row, columns, notes, middle)
            y += len(lines) * _LINE + 0.6
            body.append(f'<path class="l" d="M{EDGE} {y - 0.4:.1f}H{WIDTH - EDGE}"/>')
    body[:0] = [f'<path class="c" d="M{x:.1f} {top:.1f}V{y - 0.4:.1f}"/>' for x in columns.values()]
    y += 3
    for line in _footer(overview, notes, language):
        body.append(_text(EDGE, y, line, _SIZE))
        y += _LINE + 0.2
    return _frame(body, max(HEIGHT, y + EDGE), _described(overview, language), language)


def _frame(body: list[str], height: float, described: str, language: str) -> str:
    title = escape(_TITLE.in_language(language))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH:g}mm" height="{height:g}mm" '
        f'viewBox="0 0 {WIDTH:g} {height:g}" lang="{language}" role="img" aria-labelledby="title described">\n'
        f'<title id="title">{title}</title>\n<desc id="described">{escape(described)}</desc>\n'
        f'<style>{_STYLE}</style>\n<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>"
    )


def _text(x: float, y: float, text: str, size: float, name: str = "") -> str:
    named = f' class="{name}"' if name else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}"{named}>{escape(text)}</text>'


def _marks(row: OverviewRow, columns: dict[str, float], notes: dict[object, int], y: float) -> Iterator[str]:
    for cell in row.cells:
        x = columns[cell.section.id]
        if cell.conditional:
            yield f'<circle class="o" cx="{x:.1f}" cy="{y:.1f}" r="1.55"/>'
            yield (
                f'<text x="{x:.1f}" y="{y + 0.75:.1f}" font-size="2.1" text-anchor="middle">{notes[cell.when]}</text>'
            )
        else:
            yield f'<circle class="d" cx="{x:.1f}" cy="{y:.1f}" r="1.1"/>'


def _footer(overview: Overview, notes: dict[object, int], language: str) -> Iterator[str]:
    yield from wrap(f"{_LEGEND.in_language(language)} {_NOTHING.in_language(language)}", 150)
    if overview.always:
        yield f"{_ALWAYS.in_language(language)}: {'; '.join(w.in_language(language) for w in overview.always)}."
    for when, number in notes.items():
        yield from wrap(f"{number}  {_when(when, language)}", 160, subsequent_indent="    ")  # type: ignore[arg-type] # its key
    yield f"SHA-256 {overview.digest}"


def _notes(overview: Overview) -> dict[object, int]:
    cells = (cell for purpose in overview.purposes for row in purpose.rows for cell in row.cells)
    found = dict.fromkeys(cell.when for cell in cells if cell.conditional)
    return {when: number for number, when in enumerate(found, 1)}


def _when(when: tuple[tuple[Words, ...], ...], language: str) -> str:
    either = " / of / " if language == "nl" else " / or / "
    return either.join("; ".join(words.in_language(language) for words in one) for one in when)


def _who(row: OverviewRow, language: str) -> str:
    roles = ", ".join(role.label.in_language(language) for role in row.roles)
    kinds = ", ".join(kind.label.in_language(language) for kind in row.kinds)
    return f"{roles} ({kinds})"


def _described(overview: Overview, language: str) -> str:
    """All of the picture as text, for who does not see it."""
    sentences = [
        f"{_start(purpose.purpose.label.in_language(language))}: {_who(row, language)}: "
        + ", ".join(
            cell.section.label.in_language(language) + (f" ({_when(cell.when, language)})" if cell.conditional else "")
            for cell in row.cells
        )
        + "."
        for purpose in overview.purposes
        for row in purpose.rows
    ]
    return " ".join(sentences)


def _start(text: str) -> str:
    return text[:1].upper() + text[1:]
