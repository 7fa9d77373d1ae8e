"""A leaf says who did what and when, and about whom only in salted digests: erasing an opening changes no leaf.

- The leaf is canonical JSON (RFC 8785) and is hashed as the stored bytes; `decode` refuses any other writing of it.
- Each personal value has its own 128-bit salt (after RFC 9901 sections 4.2.1 and 4.2.3), so equal values do not show.
"""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from broker.domain.events import EncodedEntry, EntryId, EventType, Fact, LogEvent, Opening
from broker.domain.parties import Oin
from broker.errors import Tampered, Words
from broker.transparency.canonical import canonical, canonical_texts, from_base64url, parse_canonical, to_base64url
from broker.transparency.merkle import HASH_BYTES, leaf_hash

VERSION = 1
SALT_BYTES = 16

_MEMBERS = {"v", "type", "id", "at", "organisation", "counterpart", "facts", "personal"}
_AT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)
_NOT_AN_ENTRY = Words(
    "Deze regel van het logboek heeft niet de afgesproken vorm: hij is beschadigd of veranderd.",
    "This entry of the log does not have the agreed form: it is damaged or was changed.",
)
_DOES_NOT_FIT = Words(
    "Een gegeven bij deze regel van het logboek is niet het gegeven dat is vastgelegd.",
    "A value given with this entry of the log is not the value that was logged.",
)


@dataclass(frozen=True, slots=True)
class LoggedEntry:
    """What a leaf says. `personal` holds field and digest (32 bytes) of each value, in the order of the openings."""

    id: EntryId
    type: EventType
    at: datetime
    organisation: Oin | None
    counterpart: Oin | None
    facts: Mapping[str, Fact]
    personal: tuple[tuple[str, bytes], ...]


def encode(event: LogEvent, entry_id: EntryId, salt: Callable[[], bytes]) -> EncodedEntry:
    """Return the leaf of an event, its leaf hash (RFC 9162 section 2.1.1), and the openings to keep apart.

    `salt` must give 16 fresh random bytes at each call. Raises ValueError for a salt of another length or one used
    twice, a time without a zone, an empty id, and facts that are not strings, safe integers or tuples of strings.
    """
    openings = tuple(
        Opening(position, personal.owner, personal.field, _salt_text(salt()), personal.value)
        for position, personal in enumerate(event.personal)
    )
    if len({opening.salt for opening in openings}) != len(openings):
        raise ValueError("a salt is used once")
    value = {
        "v": VERSION,
        "type": event.type.value,
        "id": entry_id,
        "at": _at_text(event.at),
        "organisation": event.organisation or "",
        "counterpart": event.counterpart or "",
        "facts": {name: list(fact) if isinstance(fact, tuple) else fact for name, fact in event.facts.items()},
        "personal": [{"field": o.field, "digest": to_base64url(_digest(o))} for o in openings],
    }
    leaf = canonical(value)
    _check_readable(value, openings)
    return EncodedEntry(entry_id, leaf, leaf_hash(leaf), openings)


def decode(leaf: bytes) -> LoggedEntry:
    """Return what a leaf says.

    Raises Tampered for bytes that are not canonical, and for any member that `encode` would not have written so.
    """
    return _entry(parse_canonical(leaf))


def searched_by(leaf: bytes) -> tuple[str, str, str, str, datetime]:
    """What of a leaf stands beside it in the database: type, organisation, counterpart, outcome and time.

    For a leaf whose signature was checked: nothing else of it is looked at. Raises Tampered for one that says none of it.
    """
    try:
        value = json.loads(leaf)
        parties = (value["type"], value["organisation"], value["counterpart"])
        return *parties, str(value["facts"].get("outcome", "")), datetime.fromisoformat(value["at"])
    except (ValueError, KeyError, TypeError, AttributeError):
        _refuse()


def _entry(value: object) -> LoggedEntry:
    if not isinstance(value, dict) or set(value) != _MEMBERS or not _is_int(value["v"]) or value["v"] != VERSION:
        _refuse()
    if not isinstance(value["personal"], list):
        _refuse()
    commitments = tuple(_commitment(item) for item in value["personal"])
    if len({digest for _, digest in commitments}) != len(commitments):
        _refuse()
    return _read(value, commitments)


def _read(value: Mapping[str, object], commitments: tuple[tuple[str, bytes], ...]) -> LoggedEntry:
    facts = value["facts"]
    if not isinstance(facts, dict):
        _refuse()
    return LoggedEntry(
        EntryId(_text(value["id"]) or _refuse()),
        _type(value["type"]),
        _at(value["at"]),
        Oin(_text(value["organisation"])) or None,
        Oin(_text(value["counterpart"])) or None,
        {name: _fact(fact) for name, fact in facts.items()},
        commitments,
    )


def check_opening(entry: LoggedEntry, opening: Opening) -> bool:
    """Whether this opening is the value that was logged at its position: the field is the same and the digest fits."""
    if not _is_int(opening.position) or not 0 <= opening.position < len(entry.personal):
        return False
    try:
        _salt_text(from_base64url(opening.salt))
        found = (opening.field, _digest(opening))
    except (ValueError, TypeError):
        return False
    return found == entry.personal[opening.position]


def opened(entry: LoggedEntry, openings: Iterable[Opening]) -> dict[str, list[str]]:
    """Return the logged values that these openings open, by field, in the order of the leaf.

    Fields that were erased, or that the reader may not see, are simply not there. Raises Tampered when an opening
    does not fit its digest or a position is opened twice.
    """
    by_position: dict[int, Opening] = {}
    for opening in openings:
        if not check_opening(entry, opening) or opening.position in by_position:
            raise Tampered(_DOES_NOT_FIT)
        by_position[opening.position] = opening
    values: dict[str, list[str]] = {}
    for _, opening in sorted(by_position.items()):
        values.setdefault(opening.field, []).append(opening.value)
    return values


def _digest(opening: Opening) -> bytes:
    """Return SHA-256 over canonical [salt, field, value] (after RFC 9901 section 4.2.3)."""
    return hashlib.sha256(canonical_texts(opening.salt, opening.field, opening.value)).digest()


def _salt_text(salt: bytes) -> str:
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has 16 bytes")
    return to_base64url(salt)


def _at_text(at: datetime) -> str:
    """Return RFC 3339 section 5.6 in UTC, always with six digits of the second."""
    if at.utcoffset() is None:
        raise ValueError("a logged time needs a zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _at(value: object) -> datetime:
    text = _text(value)
    if not _AT.fullmatch(text):
        _refuse()
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        _refuse()
    return at if _at_text(at) == text else _refuse()  # later Pythons read 24:00 as the next day


def _check_readable(value: Mapping[str, object], openings: Iterable[Opening]) -> None:
    """Raises ValueError for a value whose canonical bytes `decode` would refuse: they read back as just this value."""
    try:
        _read(value, tuple((_text(o.field) or _refuse(), b"") for o in openings))
    except Tampered as error:
        raise ValueError("this event cannot be logged: a fact, a field or the id has the wrong form") from error


def _type(value: object) -> EventType:
    try:
        return EventType(_text(value))
    except ValueError:
        _refuse()


def _commitment(value: object) -> tuple[str, bytes]:
    if not isinstance(value, dict) or set(value) != {"field", "digest"}:
        _refuse()
    try:
        digest = from_base64url(_text(value["digest"]))
    except ValueError:
        _refuse()
    if len(digest) != HASH_BYTES:
        _refuse()
    return _text(value["field"]) or _refuse(), digest


def _fact(value: object) -> Fact:
    if isinstance(value, list):
        return tuple(_text(item) for item in value)
    if isinstance(value, int) and _is_int(value):
        return value
    return _text(value)


def _text(value: object) -> str:
    if not isinstance(value, str):
        _refuse()
    return value


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse() -> NoReturn:
    raise Tampered(_NOT_AN_ENTRY)
