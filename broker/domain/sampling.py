"""A sample of a day's disclosures that nobody can steer, and that anybody with the log can draw again.

1. The seed is the SHA-256 of the first signed checkpoint note that covers the day, as it was published, and the day.
   Whoever logs something on that day cannot know it yet; who has the note can work it out.
2. Each disclosure gets a lot: the SHA-256 of the seed and its place in the log. The lowest lots are drawn.
"""

import hashlib
import heapq
from collections.abc import Iterable
from datetime import date

DRAWN = 3
"""How many of each day."""


def seed_of(note: str, day: date) -> bytes:
    """The seed of that day's drawing."""
    return hashlib.sha256(note.encode() + day.isoformat().encode()).digest()


def lot(seed: bytes, place: int) -> bytes:
    """What decides on the disclosure at that place of the log."""
    return hashlib.sha256(seed + place.to_bytes(8, "big")).digest()


def draw(seed: bytes, places: Iterable[int], number: int = DRAWN) -> tuple[int, ...]:
    """The places that are drawn, in the order of the log; all of them when there are no more than `number`."""
    return tuple(sorted(heapq.nsmallest(number, set(places), key=lambda place: lot(seed, place))))
