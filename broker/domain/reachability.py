"""How a partner can be reached, for families and for each other: what the organisation itself made known, of no person.

It stands on a public page. So a website is https, a telephone number holds digits and their spacing alone, and hours are one
short line.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import astuple, dataclass

from broker.errors import Fault, Tampered, Words

LONGEST = 200
"""Characters of a website, or of hours."""
_WEBSITE_FORM = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z][a-z0-9-]*[a-z0-9](?::443)?(?:[/?#][A-Za-z0-9._~:/?#\[\]@!$&()*+,;=%-]*)?",
    re.ASCII,
)
"""A host by its name, no user, no other port, and nothing in it that HTML would read (RFC 3986)."""
_TELEPHONE = re.compile(r"\+?[0-9](?:[ -]?[0-9]){2,19}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reachability:
    """Where a partner is found. What is not known is empty; `urgent_telephone` is for what cannot wait."""

    website: str = ""
    telephone: str = ""
    hours: str = ""
    urgent_telephone: str = ""

    def __bool__(self) -> bool:
        """Whether anything is known."""
        return any(astuple(self))

    @property
    def text(self) -> str | None:
        """As it is kept; None when nothing is known."""
        return json.dumps(astuple(self), ensure_ascii=False) if self else None

    @classmethod
    def read(cls, text: str | None) -> "Reachability":
        """The same again. Raises Tampered for what `text` would not have written."""
        if text is None:
            return cls()
        try:
            website, telephone, hours, urgent = json.loads(text)
        except (ValueError, TypeError):
            raise Tampered from None
        found = cls(website, telephone, hours, urgent)
        if next(faults_of_reachability(found), None) is not None:
            raise Tampered
        return found


def faults_of_reachability(known: Reachability) -> Iterator[Fault]:
    """Everything in it that cannot stand on a public page, each by the name of its option."""
    if not all(isinstance(value, str) for value in astuple(known)):
        yield Fault("/", _TEXT)
        return
    if known.website and not _public(known.website):
        yield Fault("/website", _WEBSITE)
    for name, number in (("telephone", known.telephone), ("urgent-telephone", known.urgent_telephone)):
        if number and not _TELEPHONE.fullmatch(number):
            yield Fault(f"/{name}", _NUMBER)
    if known.hours and not (known.hours == known.hours.strip() and _one_line(known.hours)):
        yield Fault("/hours", _HOURS)


def _public(website: str) -> bool:
    return len(website) <= LONGEST and _WEBSITE_FORM.fullmatch(website) is not None


def _one_line(text: str) -> bool:
    return len(text) <= LONGEST and text.isprintable()


_TEXT = Words("Dit moet tekst zijn.", "This must be text.")
_WEBSITE = Words("Geef een adres dat met https:// begint.", "Give an address that begins with https://.")
_NUMBER = Words(
    "Geef een telefoonnummer: cijfers, met spaties of streepjes ertussen.",
    "Give a telephone number: digits, with spaces or hyphens between them.",
)
_HOURS = Words(f"Schrijf één regel, hoogstens {LONGEST} tekens.", f"Write one line, {LONGEST} signs at most.")
