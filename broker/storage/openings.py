"""What opens the digests of an entry, as it is stored: one sealed row for each owner, which holds all that is theirs.

- Which fields there are and how long each value is, is inside; how many there are stands beside, so that who is erased
  can be counted without their key.
- A row is bound to its entry, its first position and that number, and opens in its own form only. Rows of before hold one
  opening, and have a word in the place of the number: they are read as they are, and do not open as these, nor these as those.
"""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import orjson

from broker.domain.events import EntryId, Opening
from broker.domain.ports import SubjectKeys

_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


class SealedOpening(NamedTuple):
    """A row of openings; `tag` says under whose key, `position` which is the first, `field` how many there are."""

    position: int
    tag: str
    field: str
    ciphertext: bytes


def sealed_by_owner(
    keys: SubjectKeys, entry: EntryId, openings: Iterable[Opening], owners: Mapping[str, tuple[str, bytes]]
) -> list[SealedOpening]:
    """Openings of one entry as rows; `owners` has tag and key of each."""
    theirs: dict[str, list[Opening]] = {}
    for opening in openings:
        theirs.setdefault(opening.owner, []).append(opening)
    return [_sealed(keys, entry, mine, *owners[owner]) for owner, mine in theirs.items()]


def _sealed(keys: SubjectKeys, entry: EntryId, mine: list[Opening], tag: str, key: bytes) -> SealedOpening:
    first, number = mine[0].position, str(len(mine))
    clear = orjson.dumps([(one.position, one.field, one.salt, one.value) for one in mine])
    return SealedOpening(first, tag, number, keys.seal_with(key, _place(entry, first, number), clear))


def unsealed(keys: SubjectKeys, entry: str, key: bytes, row: SealedOpening) -> list[Opening]:
    """The openings of a row; whose they are is not said. Raises Tampered for a row that belongs elsewhere."""
    position, _, field, ciphertext = row
    if _NUMBER.fullmatch(field):
        clear = keys.open_with(key, _place(entry, position, field), ciphertext)
        return [Opening(at, "", name, salt, value) for at, name, salt, value in orjson.loads(clear)]
    salt, value = orjson.loads(keys.open_with(key, f"{entry}:{position}", ciphertext))
    return [Opening(position, "", field, salt, value)]


def how_many(field: str) -> int:
    """How many openings the row with this field holds."""
    return int(field) if _NUMBER.fullmatch(field) else 1


def _place(entry: str, first: int, number: str) -> str:
    """Where such a row belongs; no place of before begins so, since each began with the id of its entry."""
    return f"openings:{entry}:{first}:{number}"
