"""Sections with a last day of their own: what comes from a list of questions grows old, and is then given to nobody.

- Where the agreement says `expires` of a type, its sender names the instrument, the day on which it was filled in, and a last
  day; elsewhere each of these may be named.
- The last day is at most as far ahead as the agreement says, counted from the day on which it was filled in: who wants it to
  last longer fills it in again.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from broker.domain.calendar import Period
from broker.domain.vocabulary import Vocabulary
from broker.errors import Fault, Words

NEEDED = ("expires", "instrument", "assessedOn")
LONGEST = Period(240, 0)
"""Where the agreement says nothing: twenty years, as long as anything is kept."""


def faults_of_expiry(pointer: str, section: Mapping[str, Any], vocabulary: Vocabulary, today: date) -> Iterator[Fault]:
    """Everything that is wrong with the days of one section and what it comes from, each at its place (RFC 6901)."""
    known = vocabulary.section_types.get(str(section.get("type")))
    limit = known.expires if known else None
    if limit is not None:
        yield from (Fault(f"{pointer}/{name}", _MISSING) for name in NEEDED if section.get(name) is None)
    expires, assessed = _day(section.get("expires")), _day(section.get("assessedOn"))
    if assessed is not None and not date(1900, 1, 1) <= assessed <= today:
        yield Fault(f"{pointer}/assessedOn", _NOT_YET)
        assessed = None
    if expires is not None and expires < today:
        yield Fault(f"{pointer}/expires", _PAST)
    elif expires is not None and expires > (limit.after(assessed or today) if limit else LONGEST.after(today)):
        yield Fault(f"{pointer}/expires", _too_far(limit or LONGEST))


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _too_far(limit: Period) -> Words:
    return Words(
        f"Te ver weg: volgens de afspraken hoogstens {limit.text} na de dag waarop het is ingevuld.",
        f"Too far ahead: by the agreement at most {limit.text} after the day on which it was filled in.",
    )


_MISSING = Words(
    "Dit soort onderdeel wordt oud: noem expires, instrument en assessedOn.",
    "This type of section grows old: name expires, instrument and assessedOn.",
)
_NOT_YET = Words(
    "Deze dag kan niet: hij ligt in de toekomst of te ver terug.",
    "This day is not possible: in the future, or too long ago.",
)
_PAST = Words(
    "Deze dag is al voorbij: het onderdeel zou aan niemand meer gegeven worden.",
    "This day has passed: the section would be given to nobody any more.",
)
