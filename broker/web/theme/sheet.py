"""A sheet of tokens read strictly: blocks for light and dark with custom properties, and nothing else that CSS can do.

What cannot be read is a fault with its line; reading goes on behind it, so that every fault is told at once.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from broker.errors import Fault, Words

Scheme = Literal["light", "dark"]
_SPACE = re.compile(r"\s*")
_OPENING = re.compile(
    r":root\s*\{|@media\s+(?:screen\s+and\s+)?\(\s*prefers-color-scheme\s*:\s*dark\s*\)\s*\{\s*:root\s*\{"
)
_DECLARATION = re.compile(r'([-\w]+)\s*:\s*((?:"[^"\n]*"|[^;{}"\n])*?)\s*(?:;|(?=\}))')
_SKIPPED = re.compile(r"[^;{}]*")


@dataclass(frozen=True, slots=True)
class Declaration:
    """One custom property as it stands in the file; lines count from 1."""

    scheme: Scheme
    name: str
    value: str
    line: int


@dataclass(slots=True)
class Sheet:
    """What was read, and everything that could not be."""

    declarations: list[Declaration] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def at(line: int, nl: str, en: str) -> Fault:
    """A fault of one line."""
    return Fault(f"/{line}", Words(f"Regel {line}: {nl}", f"Line {line}: {en}"))


def read_sheet(text: str) -> Sheet:
    """Read a sheet. Its faults are in it."""
    plain = re.sub(r"/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.DOTALL)
    sheet, place = Sheet(), 0
    while (place := _after_space(plain, place)) < len(plain):
        opening = _OPENING.match(plain, place)
        if opening is None:
            sheet.faults.append(
                at(
                    _line(plain, place),
                    "hier mag alleen :root { } staan, of @media (prefers-color-scheme: dark) { :root { } }. Haal dit weg.",
                    "only :root { } may stand here, or @media (prefers-color-scheme: dark) { :root { } }. Take this out.",
                )
            )
            place = _skip(plain, place)
        elif opening[0].startswith("@"):
            place = _read_block(plain, opening.end(), "dark", sheet)
            place = _closed(plain, place, sheet)
        else:
            place = _read_block(plain, opening.end(), "light", sheet)
    return sheet


def _read_block(text: str, place: int, scheme: Scheme, sheet: Sheet) -> int:
    """Read declarations up to the brace that closes the block."""
    while (place := _after_space(text, place)) < len(text) and text[place] != "}":
        found = _DECLARATION.match(text, place)
        if found is None:
            sheet.faults.append(
                at(
                    _line(text, place),
                    "dit is niet te lezen. Schrijf een eigenschap zoals --rd-action: #00568b;",
                    "this cannot be read. Write a property such as --rd-action: #00568b;",
                )
            )
            place = _skip(text, place)
            continue
        sheet.declarations.append(Declaration(scheme, found[1], found[2], _line(text, place)))
        place = found.end()
    return _closed(text, place, sheet)


def _closed(text: str, place: int, sheet: Sheet) -> int:
    place = _after_space(text, place)
    if text[place : place + 1] == "}":
        return place + 1
    sheet.faults.append(
        at(_line(text, place), "hier hoort een } te staan. Zet hem erbij.", "a } belongs here. Add it.")
    )
    return place


def _skip(text: str, place: int) -> int:
    """Behind what cannot be read: to its end, or to behind its braces. Always further than `place`."""
    end = _skipped(text, place)
    if text[end : end + 1] != "{":
        return end + 1 if text[end : end + 1] == ";" else max(end, place + 1)
    depth = 0
    for here in range(end, len(text)):
        depth += {"{": 1, "}": -1}.get(text[here], 0)
        if depth == 0:
            return here + 1
    return len(text)


def _skipped(text: str, place: int) -> int:
    found = _SKIPPED.match(text, place)
    return found.end() if found else place


def _after_space(text: str, place: int) -> int:
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
