"""A timeline: what happened, from when, until when; each as exactly as somebody knows it.

`{"entries": [{"from": "2025-03", "until": "2025-09-12", "what": "..."}]}`. A day, a month or a year (ISO 8601, as far as it
goes). Without `until` it was at one time, or goes on: nobody says which.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from broker.errors import Fault, Words

MOST = 400
"""Entries of one section."""
LONGEST = 2_000
"""Characters of one entry."""
_MOMENT = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Moment:
    """A day, a month or a year: all days from `first` to `last`, both included; written as `text`."""

    text: str
    first: date
    last: date

    @classmethod
    def parse(cls, text: str) -> "Moment":
        """Read `2025`, `2025-03` or `2025-03-12`, from 1900 on. Raises ValueError on anything else."""
        match = _MOMENT.fullmatch(text)
        if match is None or not 1900 <= int(match[1]) <= 2199:
            raise ValueError("not a day, a month or a year")
        year, month, day = int(match[1]), match[2], match[3]
        if day is not None:
            one = date(year, int(month), int(day))
            return cls(text, one, one)
        if month is not None:
            start = date(year, int(month), 1)
            return cls(text, start, (start + timedelta(days=31)).replace(day=1) - timedelta(days=1))
        return cls(text, date(year, 1, 1), date(year, 12, 31))


@dataclass(frozen=True, slots=True)
class Happened:
    """One entry of a timeline."""

    since: Moment
    until: Moment | None
    what: str = field(repr=False)


def faults(content: Any, at: str) -> Iterator[Fault]:
    """Everything that is no timeline, each at its place."""
    entries = content.get("entries") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(entries, list) or set(content) != {"entries"}:
        yield Fault(at, _NO_TIMELINE)
        return
    if not 1 <= len(entries) <= MOST:
        yield Fault(f"{at}/entries", _NUMBER)
    for position, entry in enumerate(entries[:MOST]):
        yield from _faults_of(entry, f"{at}/entries/{position}")


def _faults_of(entry: Any, at: str) -> Iterator[Fault]:
    if not isinstance(entry, dict):
        yield Fault(at, _NO_ENTRY)
        return
    if set(entry) - {"from", "until", "what"}:
        yield Fault(at, _BEYOND)
    what = entry.get("what")
    if not isinstance(what, str) or not what.strip() or len(what) > LONGEST:
        yield Fault(f"{at}/what", _TEXT)
    since, until = _moment(entry.get("from")), _moment(entry.get("until"))
    if since is None:
        yield Fault(f"{at}/from", _WHEN)
    if "until" in entry and until is None:
        yield Fault(f"{at}/until", _WHEN)
    if since is not None and until is not None and until.last < since.first:
        yield Fault(f"{at}/until", _BACKWARDS)


def _moment(value: Any) -> Moment | None:
    try:
        return Moment.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def read(content: Any) -> tuple[Happened, ...]:
    """The entries, as they stand. Raises ValueError for what is no timeline."""
    if next(iter(faults(content, "")), None) is not None:
        raise ValueError("no timeline")
    return tuple(
        Happened(Moment.parse(entry["from"]), Moment.parse(entry["until"]) if "until" in entry else None, entry["what"])
        for entry in content["entries"]
    )


def place_of(since: Moment, until: Moment | None) -> tuple[date, date, date]:
    """Where something stands: by when it began; of what began at once the shorter first."""
    return since.first, since.last, (until or since).last


def in_order(entries: Iterable[Happened]) -> list[Happened]:
    """By `place_of`, and the rest as it came."""
    return sorted(entries, key=lambda one: place_of(one.since, one.until))


_NO_TIMELINE = Words(
    'Een tijdlijn is een object met entries: een lijst van wat er gebeurde ({"entries": [...]}).',
    'A timeline is an object with entries: a list of what happened ({"entries": [...]}).',
)
_NUMBER = Words(f"Tussen 1 en {MOST} regels.", f"Between 1 and {MOST} entries.")
_NO_ENTRY = Words("Een regel is een object met from en what.", "An entry is an object with from and what.")
_BEYOND = Words(
    "Een regel heeft from, until en what, en niets anders.", "An entry has from, until and what, nothing else."
)
_TEXT = Words(
    f"Schrijf wat er gebeurde, in hoogstens {LONGEST} tekens.", f"Say what happened, in {LONGEST} signs at most."
)
_WHEN = Words(
    "Schrijf een dag (2025-03-12), een maand (2025-03) of een jaar (2025).",
    "Write a day (2025-03-12), a month (2025-03) or a year (2025).",
)
_BACKWARDS = Words("Het einde ligt voor het begin.", "The end lies before the beginning.")
