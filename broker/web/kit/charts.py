"""Counts, and what happened when, as small pictures (SVG) within a page: plain functions, everything escaped, no style attributes.

- Kinds differ by pattern, not only by shade: filled, hatched, outlined with dots. All are drawn in `currentColor`.
- Every shape lies within the view box, whatever the counts. A picture has a title and a description; what it says stands
  in a table or a list beside it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

WIDTH, HEIGHT = 640, 240
TOP, BOTTOM, SIDE = 24, 28, 8
ROW, BAR = 44, 18
LONG, LINE, MARGIN, YEARS, YEAR, THIN, DOT = 400, 22, 34, 6, 40, 6, 6
"""Of a line of time: how wide it is (it is for phones), how high each thing in it is, where time begins, how many years are named at most,
how much room such a name takes, what is still to be seen, and how far a dot reaches from its middle."""
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


@dataclass(frozen=True, slots=True)
class Stretch:
    """Something that took from one day until another, both included; the label leads to it elsewhere.

    Of what has no `last` nobody says how long it took.
    """

    label: str
    first: date
    last: date | None


def line_of_time(title: str, description: str, every: Sequence[Stretch], *, from_the_right: bool = False) -> Markup:
    """Each stretch on a line of its own, from above to below, on one scale of whole years, as the page is read.

    What took less than can be seen is drawn as wide as can be; what has only a beginning is a dot there. The first and the last
    year are named. Raises ValueError without anything to draw.
    """
    years = [day.year for one in every for day in (one.first, one.last or one.first)]
    first, last = min(years), max(years)
    begin, whole = date(first, 1, 1), (date(last + 1, 1, 1) - date(first, 1, 1)).days
    begins = "end" if from_the_right else "start"

    def place(day: date, more: int = 0) -> float:
        return MARGIN + ((day - begin).days + more) / whole * (LONG - SIDE - MARGIN)

    def turned(x: float, wide: float = 0.0) -> float:
        return LONG - x - wide if from_the_right else x

    height = TOP + LINE * len(every) + SIDE
    shapes: list[Markup] = []
    for year in _named_years(first, last, lambda year: place(date(year, 1, 1))):
        at = place(date(year, 1, 1))
        shapes.append(_upright(turned(at), TOP - 4, height - SIDE))
        shapes.append(_text(turned(min(at, LONG - YEAR)), TOP - 8, str(year), begins))  # else it would be cut off
    for number, one in enumerate(every):
        top, left = TOP + LINE * number, place(one.first)
        shapes.append(_text(turned(SIDE), top + 15, one.label, begins))
        if one.last is None:
            shapes.append(_dot(turned(min(left, LONG - SIDE - DOT)), top + 10))
            continue
        wide = max(place(one.last, 1) - left, float(THIN))
        left = min(left, LONG - SIDE - wide)
        shapes.append(_rect(turned(left, wide), top + 3, wide, LINE - 8, "currentColor"))
    return _picture("line", title, description, height, shapes, LONG)


def _named_years(first: int, last: int, place: Callable[[int], float]) -> list[int]:
    """The first year, the last one, and as many between them as there is room for."""
    step = max(1, -(-(last - first) // (YEARS - 1)))
    end = min(place(last), float(LONG - YEAR))
    return [*(year for year in range(first, last, step) if place(year) <= end - YEAR), last]


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


def _dot(x: float, y: float) -> Markup:
    return Markup('<circle cx="{:.2f}" cy="{:.2f}" r="{}" fill="currentColor"/>').format(x, y, DOT)


def _floor() -> Markup:
    at = HEIGHT - BOTTOM
    return Markup('<path d="M{} {}H{}" stroke="currentColor"/>').format(SIDE, at, WIDTH - SIDE)


def _upright(at: float, top: float, bottom: float) -> Markup:
    return Markup('<path d="M{} {}V{}" stroke="currentColor" stroke-opacity="0.35"/>').format(
        *(f"{number:.2f}" for number in (at, top, bottom))
    )


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


def _picture(
    key: str, title: str, description: str, height: int, inside: Sequence[Markup], width: int = WIDTH
) -> Markup:
    return Markup(
        '<svg class="rd-chart" viewBox="0 0 {} {}" role="img" aria-label="{}"><title>{}</title><desc>{}</desc>{}</svg>'
    ).format(width, height, escape(_plain(title)), _plain(title), _plain(description), Markup("").join(inside))
