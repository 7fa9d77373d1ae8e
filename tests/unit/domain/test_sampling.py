"""A drawing that nobody steers: fixed by the note and the day, of the day's disclosures, and drawn by anybody alike."""

import hashlib
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.sampling import DRAWN, draw, lot, seed_of

NOTE = "rondom.example/log\n12\nAAAA\n\n— rondom.example/log AbCd\n"
DAY = date(2026, 11, 21)
places = st.sets(st.integers(0, 2**40), max_size=60)
seeds = st.binary(min_size=32, max_size=32)


def test_the_seed_is_the_digest_of_note_and_day() -> None:
    assert seed_of(NOTE, DAY) == hashlib.sha256(NOTE.encode() + b"2026-11-21").digest()
    assert seed_of(NOTE, DAY) != seed_of(NOTE, date(2026, 11, 22))
    assert seed_of(NOTE, DAY) != seed_of(NOTE.replace("12", "13"), DAY)


def test_a_drawing_is_the_same_for_ever() -> None:
    """Worked out apart from the program: sha256 of seed and place, the three lowest."""
    seed = bytes(32)
    by_hand = sorted(range(20), key=lambda n: hashlib.sha256(bytes(32) + n.to_bytes(8, "big")).hexdigest())[:3]
    assert draw(seed, range(20)) == tuple(sorted(by_hand))


@given(seeds, places, st.integers(0, 10))
def test_so_many_are_drawn_of_what_is_there(seed: bytes, there: set[int], number: int) -> None:
    found = draw(seed, there, number)
    assert len(found) == min(number, len(there))
    assert set(found) <= there
    assert list(found) == sorted(found)
    assert all(lot(seed, drawn) < lot(seed, other) for drawn in found for other in there - set(found))


@given(seeds, places, places)
def test_what_is_not_there_changes_nothing_but_by_its_own_lot(seed: bytes, there: set[int], more: set[int]) -> None:
    assert set(draw(seed, there | more)) & there <= set(draw(seed, there))
    assert draw(seed, sorted(there, reverse=True)) == draw(seed, there)
    assert len(draw(seed, there)) <= DRAWN
