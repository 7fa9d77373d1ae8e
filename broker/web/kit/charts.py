"""Counts as small pictures (SVG) within a page: plain functions, everything escaped, no style attributes.

- Kinds differ by pattern, not only by shade: filled, hatched, outlined with dots. All are drawn in `currentColor`.
- Every shape lies within the view box, whatever the counts. A picture has a title and a description; its numbers stand
  in a table beside it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 240
TOP, BOTTOM, SIDE = 24, 28, 8
ROW, BAR = 44, 18
KINDS = 3
"""How many kinds one picture can tell apart."""


@dataclass(frozen=True, slots=True)
class Column:
    """One span of time, with a count for each kind."""

    label: str
    counts: tuple[int, ...]


def columns(key: str, title: str, description: str, every: Sequence[Column]) -> Markup:
    """Columns on top of each other by kind, one for each span. `key` makes ids that are the picture's own.

    Raises ValueError for more kinds than can be told apart.
    """
    if any(len(column.counts) > KINDS for column in every):
        raise ValueError("more kinds than can be told apart")
    most = max((sum(column.counts) for column in every), default=0)
    shapes = [_floor(), _text(SIDE, TOP - 8, str(most), "start")]
    wide = (WIDTH - 2 * SIDE) / max(len(every), 1)
    for place, column in enumerate(every):
        under = 0
        for kind, count in enumerate(column.counts):
            if count > 0:
                shapes.append(_column(key, kind, SIDE + wide * (place + 0.15), wide * 0.7, (under, count), most))
            under += count
    if every:
        shapes.append(_text(SIDE, HEIGHT - 8, every[0].label, "start"))
    if len(every) > 1:
        shapes.append(_text(WIDTH - SIDE, HEIGHT - 8, every[-1].label, "end"))
    return _picture(key, title, description, HEIGHT, [_patterns(key), *shapes])


def bars(title: str, description: str, rows: Sequence[tuple[str, int]]) -> Markup:
    """A bar with its name and number for each row."""
    most = max((number for _, number in rows), default=0)
    shapes = []
    for place, (name, number) in enumerate(rows):
        top = ROW * place
        shapes.append(_text(SIDE, top + 16, f"{name}: {number}", "start"))
        if number > 0:
            shapes.append(
                _rect(SIDE, top + 22, max(_share(number, most) * (WIDTH - 2 * SIDE), 1.0), BAR, "currentColor")
            )
    return _picture("bars", title, description, max(ROW * len(rows), ROW), shapes)


def swatch(key: str, kind: int) -> Markup:
    """The sign of a kind, for beside its name."""
    inside = _rect(1, 1, 18, 18, _fill(key, kind))
    return Markup(
        '<svg class="rd-swatch" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">{}</svg>'
    ).format(inside)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _column(key: str, kind: int, left: float, width: float, span: tuple[int, int], most: int) -> Markup:
    under, count = span
    room = HEIGHT - TOP - BOTTOM
    bottom = HEIGHT - BOTTOM - _share(under, most) * room
    tall = max(_share(count, most) * room, 1.0)
    top = max(bottom - tall, float(TOP))
    return _rect(left, top, width, tall, _fill(key, kind))


def _fill(key: str, kind: int) -> str:
    return "currentColor" if kind == 0 else f"url(#{key}-{kind})"


def _rect(left: float, top: float, width: float, height: float, fill: str) -> Markup:
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}" stroke="currentColor"/>').format(
        *(f"{number:.2f}" for number in (left, top, width, height)), fill
    )


def _floor() -> Markup:
    at = HEIGHT - BOTTOM
    return Markup('<path d="M{} {}H{}" stroke="currentColor"/>').format(SIDE, at, WIDTH - SIDE)


def _text(x: float, y: float, text: str, anchor: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, _plain(text))


def _plain(text: str) -> str:
    """Without what XML does not hold."""
    return "".join(sign for sign in text if sign.isprintable() or sign == " ")


def _patterns(key: str) -> Markup:
    return Markup(
        '<defs><pattern id="{key}-1" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
        '<path d="M0 0V6" stroke="currentColor" stroke-width="4"/></pattern>'
        '<pattern id="{key}-2" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<circle cx="3" cy="3" r="1" fill="currentColor"/></pattern></defs>'
    ).format(key=key)


def _picture(key: str, title: str, description: str, height: int, inside: Sequence[Markup]) -> Markup:
    return Markup(
        '<svg class="rd-chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(WIDTH, height, escape(_plain(title)), _plain(title), _plain(description), Markup("").join(inside))
