"""Agreements that can be checked: who does what, by when, and how everybody will know.

`{"agreements": [{"id": "<uuid>", "who": "...", "what": "...", "when": "2027-03-01", "how": "..."}]}`. The id and the day are
those of the section's `tasks`, where these are stated: that is all that is known of it outside the text.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from broker.domain.tasks import MOST
from broker.errors import Fault, Words

LONGEST = {"who": 200, "what": 2_000, "how": 1_000}
"""Characters of each text in an agreement."""
_NAMES = {"id", "when", *LONGEST}
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""A UUID (RFC 9562): random, so that it says nothing."""


def faults(content: Any, at: str) -> Iterator[Fault]:
    """Everything that is no list of agreements, each at its place."""
    agreed = content.get("agreements") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(agreed, list) or set(content) != {"agreements"}:
        yield Fault(at, _NO_AGREEMENTS)
        return
    if not 1 <= len(agreed) <= MOST:
        yield Fault(f"{at}/agreements", _NUMBER)
    seen: set[str] = set()
    for position, one in enumerate(agreed[:MOST]):
        yield from _faults_of(one, seen, f"{at}/agreements/{position}")


def _faults_of(one: Any, seen: set[str], at: str) -> Iterator[Fault]:
    if not isinstance(one, dict):
        yield Fault(at, _NO_AGREEMENT)
        return
    if set(one) - _NAMES:
        yield Fault(at, _BEYOND)
    identity = one.get("id")
    if not isinstance(identity, str) or not ID.fullmatch(identity):
        yield Fault(f"{at}/id", NO_ID)
    elif identity in seen:
        yield Fault(f"{at}/id", TWICE)
    else:
        seen.add(identity)
    for name, longest in LONGEST.items():
        text = one.get(name)
        if not isinstance(text, str) or not text.strip() or len(text) > longest:
            yield Fault(f"{at}/{name}", _text(longest))
    if day_of(one.get("when")) is None:
        yield Fault(f"{at}/when", NO_DAY)


def day_of(value: Any) -> date | None:
    """A day such as 2027-03-01, in no other writing; None for anything else."""
    try:
        day = date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return day if day is not None and day.isoformat() == value and 1900 <= day.year <= 2199 else None


def days(content: Any) -> Mapping[str, date]:
    """The day of each agreement, by its id. Raises ValueError for what has another form."""
    if next(iter(faults(content, "")), None) is not None:
        raise ValueError("no agreements")
    return {one["id"]: date.fromisoformat(one["when"]) for one in content["agreements"]}


def _text(longest: int) -> Words:
    return Words(f"Schrijf dit op, in hoogstens {longest} tekens.", f"Say this, in {longest} signs at most.")


_NO_AGREEMENTS = Words(
    'Afspraken zijn een object met agreements: een lijst van wie wat wanneer doet ({"agreements": [...]}).',
    'Agreements are an object with agreements: a list of who does what by when ({"agreements": [...]}).',
)
_NUMBER = Words(f"Tussen 1 en {MOST} afspraken.", f"Between 1 and {MOST} agreements.")
_NO_AGREEMENT = Words(
    "Een afspraak is een object met id, who, what, when en how.",
    "An agreement is an object with id, who, what, when and how.",
)
_BEYOND = Words(
    "Een afspraak heeft id, who, what, when en how, en niets anders.",
    "An agreement has id, who, what, when and how, nothing else.",
)
NO_ID = Words(
    "Geef een UUID die u zelf willekeurig maakt, in kleine letters. Er mag niets in te lezen zijn.",
    "Give a UUID that you make at random, in small letters. It must say nothing.",
)
TWICE = Words("Deze id staat er al.", "This id is there already.")
NO_DAY = Words("Schrijf een dag, zoals 2027-03-01.", "Write a day, such as 2027-03-01.")
