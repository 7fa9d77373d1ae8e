"""How far two colours stand apart, as WCAG 2.2 defines it: pairs of text and ground that a person must be able to read.

Pure arithmetic on `#rgb` and `#rrggbb`; nothing see-through, so that nothing is guessed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

COLOUR = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})", re.IGNORECASE)
TEXT = 4.5
"""WCAG 2.2, 1.4.3 (AA): text."""
SHAPE = 3.0
"""WCAG 2.2, 1.4.11 (AA): borders of fields, pictograms, focus."""

_GROUNDS = {
    "--rd-text": ("ground", "ground-soft", "action-ground", "good-ground", "bad-ground"),
    "--rd-text-soft": ("ground", "ground-soft", "action-ground"),
    "--rd-action": ("ground", "ground-soft", "action-ground"),
    "--rd-action-strong": ("ground", "ground-soft", "action-ground"),
    "--rd-on-action": ("action", "action-strong"),
    "--rd-header-text": ("header",),
    "--rd-good": ("ground", "good-ground"),
    "--rd-bad": ("ground", "bad-ground"),
    "--rd-mark-text": ("mark",),
    "--rd-focus": ("focus-ground",),
}
PAIRS = (
    *((front, f"--rd-{back}", TEXT) for front, backs in _GROUNDS.items() for back in backs),
    ("--rd-line-field", "--rd-ground", SHAPE),
    ("--rd-line-field", "--rd-ground-soft", SHAPE),
)
"""What stands on what in the pages, and the least contrast between them."""
AROUND = ("--rd-ground", "--rd-header", "--rd-ground-soft")
"""What a ring of focus lies on: one of its two colours must stand out from each."""


@dataclass(frozen=True, slots=True)
class TooFaint:
    """Two colours that stand too close; `ratio` is what they have, `least` what they need."""

    front: str
    back: str
    ratio: float
    least: float


def ratio(one: str, other: str) -> float:
    """The contrast ratio, from 1 to 21 (WCAG 2.2, "contrast ratio")."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def too_faint(colours: Mapping[str, str]) -> Iterator[TooFaint]:
    """Every pair that cannot be read. `colours` holds a value for each name of `PAIRS` and `AROUND`."""
    for front, back, least in PAIRS:
        found = ratio(colours[front], colours[back])
        if found < least:
            yield TooFaint(front, back, found, least)
    for back in AROUND:
        found = max(ratio(colours[ring], colours[back]) for ring in ("--rd-focus", "--rd-focus-ground"))
        if found < SHAPE:
            yield TooFaint("--rd-focus-ground", back, found, SHAPE)


def _luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, "relative luminance")."""
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    channels = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
