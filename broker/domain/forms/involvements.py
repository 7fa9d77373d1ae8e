"""Who is involved: which organisation in which role, from when, until when, and whom to call there. Never why, never how bad.

`{"involvements": [{"organisation": "00000099000000010000", "role": "family-worker", "since": "2025-03",
"contact": {"name": "...", "phone": "..."}, "coordinator": true}]}`, with `name` in the place of `organisation` for who takes
no part here. Also `until`, `task`, `waitsFor` (what the family waits for), `bridge` (whom to call while they wait), and
`handsBackTo` (who goes on when it is over). Nothing else has a place: a flag about a family cannot be written down here.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from broker.domain.forms.timeline import Moment
from broker.errors import Fault, Words

MOST = 60
"""Involvements of one section."""
LONGEST = 200
"""Characters of a name, a task, or what is waited for."""
_NAMES = {
    "organisation", "name", "role", "contact", "since", "until", "task", "waitsFor", "bridge", "handsBackTo", "coordinator",
}  # fmt: skip
_PHONE = re.compile(r"\+?[0-9][0-9 ()-]{1,23}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Party:
    """A partner by its OIN, or somebody else by name: one of the two is there."""

    oin: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A professional whom one can call."""

    name: str = field(repr=False)
    phone: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Involvement:
    """One organisation around a family."""

    party: Party
    role: str
    since: Moment
    until: Moment | None = None
    contact: Contact | None = None
    task: str | None = field(default=None, repr=False)
    waits_for: str | None = field(default=None, repr=False)
    bridge: Contact | None = None
    hands_back_to: Party | None = None
    coordinator: bool = False


def faults(content: Any, at: str) -> Iterator[Fault]:
    """Everything that is no list of who is involved, each at its place."""
    entries = content.get("involvements") if isinstance(content, dict) else None
    if not isinstance(content, dict) or not isinstance(entries, list) or set(content) != {"involvements"}:
        yield Fault(at, _NO_LIST)
        return
    if not 1 <= len(entries) <= MOST:
        yield Fault(f"{at}/involvements", _NUMBER)
    marked = False
    for position, entry in enumerate(entries[:MOST]):
        place = f"{at}/involvements/{position}"
        if not isinstance(entry, dict):
            yield Fault(place, _NO_ENTRY)
            continue
        yield from _faults_of(entry, place)
        if marked and entry.get("coordinator") is True:
            yield Fault(f"{place}/coordinator", _ONE_COORDINATOR)
        marked = marked or entry.get("coordinator") is True


def _faults_of(entry: Mapping[str, Any], at: str) -> Iterator[Fault]:
    if set(entry) - _NAMES:
        yield Fault(at, _BEYOND)
    yield from _party(entry, at)
    if not _is_line(entry.get("role")):
        yield Fault(f"{at}/role", _ROLE)
    yield from _period(entry, at)
    for name in ("task", "waitsFor"):
        if name in entry and not _is_line(entry[name]):
            yield Fault(f"{at}/{name}", _TEXT)
    for name in ("contact", "bridge"):
        if name in entry:
            yield from _contact(entry[name], f"{at}/{name}")
    if "handsBackTo" in entry:
        yield from _hands_back(entry, at)
    if not isinstance(entry.get("coordinator", False), bool):
        yield Fault(f"{at}/coordinator", _YES_OR_NO)


def _hands_back(entry: Mapping[str, Any], at: str) -> Iterator[Fault]:
    back = entry["handsBackTo"]
    if not isinstance(back, dict) or set(back) - {"organisation", "name"}:
        yield Fault(f"{at}/handsBackTo", _PARTY)
    else:
        yield from _party(back, f"{at}/handsBackTo")
    if "until" not in entry:
        yield Fault(f"{at}/until", _BACK_WHEN)


def _party(entry: Mapping[str, Any], at: str) -> Iterator[Fault]:
    given = [name for name in ("organisation", "name") if name in entry]
    if len(given) != 1:
        yield Fault(at, _PARTY)
    elif not _is_line(entry[given[0]]):
        yield Fault(f"{at}/{given[0]}", _TEXT)


def _period(entry: Mapping[str, Any], at: str) -> Iterator[Fault]:
    since, until = _moment(entry.get("since")), _moment(entry.get("until"))
    if since is None:
        yield Fault(f"{at}/since", _WHEN)
    if "until" in entry and until is None:
        yield Fault(f"{at}/until", _WHEN)
    if since is not None and until is not None and until.last < since.first:
        yield Fault(f"{at}/until", _BACKWARDS)


def _contact(contact: Any, at: str) -> Iterator[Fault]:
    if not isinstance(contact, dict) or set(contact) != {"name", "phone"}:
        yield Fault(at, _CONTACT)
        return
    if not _is_line(contact["name"]):
        yield Fault(f"{at}/name", _TEXT)
    if not isinstance(contact["phone"], str) or not _PHONE.fullmatch(contact["phone"]):
        yield Fault(f"{at}/phone", _NO_PHONE)


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= LONGEST and value.isprintable()


def _moment(value: Any) -> Moment | None:
    try:
        return Moment.parse(value) if isinstance(value, str) else None
    except ValueError:
        return None


def strange(content: Any, at: str, roles: Collection[str], partners: Collection[str]) -> Iterator[Fault]:
    """Roles and organisations that the agreement does not know. What has the wrong shape is passed over."""
    entries = content.get("involvements") if isinstance(content, dict) else None
    for position, entry in enumerate(entries[:MOST] if isinstance(entries, list) else ()):
        if not isinstance(entry, dict):
            continue
        place = f"{at}/involvements/{position}"
        if _is_line(entry.get("role")) and entry["role"] not in roles:
            yield Fault(f"{place}/role", _ROLE)
        back = entry.get("handsBackTo")
        for party, where in ((entry, place), (back if isinstance(back, dict) else {}, f"{place}/handsBackTo")):
            if _is_line(party.get("organisation")) and party["organisation"] not in partners:
                yield Fault(f"{where}/organisation", _NO_PARTNER)


def read(content: Any) -> tuple[Involvement, ...]:
    """Who is involved, as it stands. Raises ValueError for what is no such list."""
    if next(iter(faults(content, "")), None) is not None:
        raise ValueError("no list of who is involved")
    return tuple(_read(entry) for entry in content["involvements"])


def _read(entry: Mapping[str, Any]) -> Involvement:
    return Involvement(
        party=_party_of(entry),
        role=entry["role"],
        since=Moment.parse(entry["since"]),
        until=Moment.parse(entry["until"]) if "until" in entry else None,
        contact=Contact(**entry["contact"]) if "contact" in entry else None,
        task=entry.get("task"),
        waits_for=entry.get("waitsFor"),
        bridge=Contact(**entry["bridge"]) if "bridge" in entry else None,
        hands_back_to=_party_of(entry["handsBackTo"]) if "handsBackTo" in entry else None,
        coordinator=entry.get("coordinator", False),
    )


def _party_of(entry: Mapping[str, Any]) -> Party:
    return Party(entry.get("organisation", ""), entry.get("name", ""))


_NO_LIST = Words(
    'Wie er bij betrokken is, is een object met involvements: een lijst ({"involvements": [...]}).',
    'Who is involved is an object with involvements: a list ({"involvements": [...]}).',
)
_NUMBER = Words(f"Tussen 1 en {MOST} betrokkenen.", f"Between 1 and {MOST} involvements.")
_NO_ENTRY = Words(
    "Een betrokkene is een object met organisation of name, role en since.",
    "An involvement is an object with organisation or name, role and since.",
)
_BEYOND = Words(
    "Dit hoort hier niet. Hier staat alleen wie helpt, in welke rol, van wanneer tot wanneer, en wie te bellen is.",
    "This does not belong here. It says only who helps, in which role, from when until when, and whom to call.",
)
_PARTY = Words(
    "Noem organisation (het OIN van een deelnemer) of name, één van de twee.",
    "Give organisation (the OIN of a partner) or name, one of the two.",
)
_NO_PARTNER = Words(
    "Deze organisatie doet niet mee. Kijk in /v1/organisations, of noem haar met name.",
    "This organisation takes no part. See /v1/organisations, or give it by name.",
)
_ROLE = Words(
    "De afspraken kennen deze rol niet. Kijk in /v1/vocabulary.",
    "The agreement does not know this role. See /v1/vocabulary.",
)
_TEXT = Words(
    f"Schrijf één regel tekst van hoogstens {LONGEST} tekens.", f"Write one line of text, {LONGEST} signs at most."
)
_CONTACT = Words(
    "Een contact is een object met name en phone, en niets anders.",
    "A contact is an object with name and phone, and nothing else.",
)
_NO_PHONE = Words("Schrijf een telefoonnummer (+31 20 123 45 67).", "Write a phone number (+31 20 123 45 67).")
_WHEN = Words(
    "Schrijf een dag (2025-03-12), een maand (2025-03) of een jaar (2025).",
    "Write a day (2025-03-12), a month (2025-03) or a year (2025).",
)
_BACKWARDS = Words("Het einde ligt voor het begin.", "The end lies before the beginning.")
_BACK_WHEN = Words(
    "Wie het teruggeeft, zegt ook tot wanneer (until).", "Who hands it back also says until when (until)."
)
_ONE_COORDINATOR = Words(
    "Er is er maar één die alles bij elkaar houdt.", "There is only one who keeps everything together."
)
_YES_OR_NO = Words("Schrijf true of false.", "Write true or false.")
