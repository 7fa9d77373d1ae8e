"""A leaf says who did what and when, and about whom only in salted digests: erasing an opening changes no leaf.

- The leaf is canonical JSON (RFC 8785) and is hashed as the stored bytes; `decode` writes what it read once more, and
  refuses any other writing of it.
- Each personal value has its own 128-bit salt (after RFC 9901 sections 4.2.1 and 4.2.3), so equal values do not show.
"""

import binascii
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
from broker.transparency.canonical import SAFE_INTEGER, in_order, quoted, to_base64url
from broker.transparency.merkle import HASH_BYTES, leaf_hash

VERSION = 1
SALT_BYTES = 16

_SALT = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]")
"""How 16 bytes are written in base64url: of the last character four bits are unused, and zero (RFC 4648 section 3.5)."""
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
    twice, a time without a zone, an empty id or field, and facts that are not strings, safe integers or tuples of strings.
    """
    openings = tuple(
        Opening(position, personal.owner, personal.field, _salt_text(salt()), personal.value)
        for position, personal in enumerate(event.personal)
    )
    if len({opening.salt for opening in openings}) != len(openings):
        raise ValueError("a salt is used once")
    try:
        leaf = _written(
            LoggedEntry(
                entry_id,
                event.type,
                event.at,
                event.organisation or None,
                event.counterpart or None,
                event.facts,
                tuple((opening.field, _digest(opening)) for opening in openings),
            )
        )
    except TypeError:
        raise ValueError("this event cannot be logged: a fact, a field or the id has the wrong form") from None
    return EncodedEntry(entry_id, leaf, leaf_hash(leaf), openings)


def decode(leaf: bytes) -> LoggedEntry:
    """Return what a leaf says. Raises Tampered for any bytes that `encode` would not have written for just that."""
    try:
        value = json.loads(leaf.decode("utf-8"))
        entry = LoggedEntry(
            EntryId(value["id"]),
            EventType(value["type"]),
            datetime.fromisoformat(value["at"]),
            Oin(value["organisation"]) or None,
            Oin(value["counterpart"]) or None,
            {name: tuple(fact) if isinstance(fact, list) else fact for name, fact in value["facts"].items()},
            tuple((item["field"], _base64url(item["digest"])) for item in value["personal"]),
        )
        same = _written(entry) == leaf
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        raise Tampered(_NOT_AN_ENTRY) from error
    if not same or any(len(digest) != HASH_BYTES for _, digest in entry.personal):
        _refuse()
    if len({digest for _, digest in entry.personal}) != len(entry.personal):
        _refuse()
    return entry


def _written(entry: LoggedEntry) -> bytes:
    """Return the leaf: RFC 8785 bytes, with the members in their order. Whoever reads one writes it again and compares.

    Raises ValueError and TypeError for what no leaf says.
    """
    if not entry.id or not all(field for field, _ in entry.personal):
        raise ValueError("an id and a field say something")
    facts = ",".join([f"{quoted(name)}:{_fact(entry.facts[name])}" for name in in_order(entry.facts)])
    personal = ",".join(
        [f'{{"digest":"{to_base64url(digest)}","field":{quoted(field)}}}' for field, digest in entry.personal]
    )
    return (
        f'{{"at":"{_at_text(entry.at)}","counterpart":{quoted(entry.counterpart or "")},"facts":{{{facts}}},'
        f'"id":{quoted(entry.id)},"organisation":{quoted(entry.organisation or "")},"personal":[{personal}],'
        f'"type":{quoted(entry.type.value)},"v":{VERSION}}}'
    ).encode()


def _fact(fact: object) -> str:
    if isinstance(fact, str):
        return quoted(fact)
    if isinstance(fact, tuple | list):
        return f"[{','.join(map(quoted, fact))}]"
    if not isinstance(fact, int) or isinstance(fact, bool) or abs(fact) > SAFE_INTEGER:
        raise ValueError("a fact is a text, a safe integer, or texts")
    return int.__repr__(fact)


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


def check_opening(entry: LoggedEntry, opening: Opening) -> bool:
    """Whether this opening is the value that was logged at its position: the field is the same and the digest fits."""
    if not _is_int(opening.position) or not 0 <= opening.position < len(entry.personal):
        return False
    try:
        if not _SALT.fullmatch(opening.salt):
            return False
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
    texts = f"[{quoted(opening.salt)},{quoted(opening.field)},{quoted(opening.value)}]"
    return hashlib.sha256(texts.encode()).digest()


def _salt_text(salt: bytes) -> str:
    if len(salt) != SALT_BYTES:
        raise ValueError("a salt has 16 bytes")
    return to_base64url(salt)


def _at_text(at: datetime) -> str:
    """Return RFC 3339 section 5.6 in UTC, always with six digits of the second."""
    if at.utcoffset() is None:
        raise ValueError("a logged time needs a zone")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _base64url(text: str) -> bytes:
    """Return the bytes; what has another writing than its own is found when it is written again."""
    return binascii.a2b_base64(text.replace("-", "+").replace("_", "/") + "==")


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse() -> NoReturn:
    raise Tampered(_NOT_AN_ENTRY)
