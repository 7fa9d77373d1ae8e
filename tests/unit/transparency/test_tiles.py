import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.errors import Tampered
from broker.transparency.merkle import EMPTY_ROOT, node_hash, verify_consistency, verify_inclusion
from broker.transparency.tiles import (
    Extension,
    TileId,
    consistency_proof,
    extend,
    frontier,
    inclusion_proof,
    parse_tile_path,
    root,
    tile_path,
    tiles_for_consistency,
    tiles_for_inclusion,
)

MOST = 1500
LEAVES = [hashlib.sha256(b"\x00" + str(number).encode()).digest() for number in range(MOST)]
EXAMPLES = settings(max_examples=60, deadline=None)
_known: dict[tuple[int, int], bytes] = {}


def mth(start: int, end: int) -> bytes:
    """RFC 9162 section 2.1.1 over LEAVES[start:end], word for word; remembered, since many tests ask again."""
    if start == end:
        return EMPTY_ROOT
    if end - start == 1:
        return LEAVES[start]
    if (start, end) not in _known:
        k = largest_power_below(end - start)
        _known[start, end] = node_hash(mth(start, start + k), mth(start + k, end))
    return _known[start, end]


def path(index: int, start: int, end: int) -> list[bytes]:
    """RFC 9162 section 2.1.3.1, word for word."""
    if end - start == 1:
        return []
    k = largest_power_below(end - start)
    if index < k:
        return [*path(index, start, start + k), mth(start + k, end)]
    return [*path(index - k, start + k, end), mth(start, start + k)]


def subproof(old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
    """RFC 9162 section 2.1.4.1, word for word."""
    if old == end - start:
        return [] if whole else [mth(start, end)]
    k = largest_power_below(end - start)
    if old <= k:
        return [*subproof(old, start, start + k, whole=whole), mth(start + k, end)]
    return [*subproof(old - k, start + k, end, whole=False), mth(start, start + k)]


def largest_power_below(number: int) -> int:
    k = 1
    while k * 2 < number:
        k *= 2
    return k


def spec_tiles(size: int) -> dict[TileId, bytes]:
    """Every tile by the formula of C2SP tlog-tiles: MTH(D[(n * 256 + i) * 256**l : (n * 256 + i + 1) * 256**l])."""
    tiles: dict[TileId, bytes] = {}
    for level in range(3):
        unit = 256**level
        for position in range(size // unit):
            tile = (level, position // 256)
            tiles[tile] = tiles.get(tile, b"") + mth(position * unit, (position + 1) * unit)
    return tiles


def only(tiles: dict[TileId, bytes], wanted: tuple[TileId, ...]) -> dict[TileId, bytes]:
    return {tile: tiles[tile] for tile in wanted}


def batches(sizes: list[int]) -> Iterator[tuple[int, int]]:
    start = 0
    for size in sizes:
        end = min(start + size, MOST)
        yield start, end
        start = end


@EXAMPLES
@given(st.lists(st.one_of(st.integers(0, 20), st.integers(0, 700), st.just(256)), max_size=8))
def test_however_leaves_are_batched_the_tiles_are_those_of_the_specification(sizes: list[int]) -> None:
    tiles: dict[TileId, bytes] = {}
    end = 0
    for start, end in batches(sizes):
        needed = only(tiles, frontier(start))
        extension = extend(start, needed, LEAVES[start:end])
        changed = dict(extension.tiles)
        assert extension.size == end
        assert extension.root == mth(0, end) == root(end, {**needed, **changed})
        assert all(tiles.get(tile) != hashes for tile, hashes in changed.items())
        tiles.update(changed)
    assert tiles == spec_tiles(end)


@EXAMPLES
@given(st.integers(1, MOST), st.data())
def test_proofs_are_those_of_rfc_9162_from_the_named_tiles_only(size: int, data: st.DataObject) -> None:
    tiles = spec_tiles(size)
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, only(tiles, tiles_for_inclusion(index, size)))
    assert list(proof) == path(index, 0, size)
    assert verify_inclusion(LEAVES[index], index, size, proof, mth(0, size))

    old = data.draw(st.integers(1, size))
    growth = consistency_proof(old, size, only(tiles, tiles_for_consistency(old, size)))
    assert list(growth) == subproof(old, 0, size, whole=True)
    assert verify_consistency(old, size, mth(0, old), mth(0, size), growth)


@EXAMPLES
@given(st.integers(1, MOST), st.data())
def test_tiles_that_have_grown_since_still_prove_older_sizes(size: int, data: st.DataObject) -> None:
    tiles = spec_tiles(MOST)
    index = data.draw(st.integers(0, size - 1))
    assert root(size, only(tiles, frontier(size))) == mth(0, size)
    assert list(inclusion_proof(index, size, tiles)) == path(index, 0, size)


@EXAMPLES
@given(st.integers(2, MOST), st.data())
def test_no_flipped_bit_passes(size: int, data: st.DataObject) -> None:
    tiles, whole = spec_tiles(size), mth(0, size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size - 1))
    proof, growth = inclusion_proof(index, size, tiles), consistency_proof(old, size, tiles)
    before = mth(0, old)

    assert not verify_inclusion(flipped(LEAVES[index], data), index, size, proof, whole)
    assert not verify_inclusion(LEAVES[index], index, size, proof, flipped(whole, data))
    assert not verify_consistency(old, size, flipped(before, data), whole, growth)
    assert not verify_consistency(old, size, before, flipped(whole, data), growth)
    at = data.draw(st.integers(0, len(proof) - 1))
    assert not verify_inclusion(LEAVES[index], index, size, replaced(proof, at, data), whole)
    at = data.draw(st.integers(0, len(growth) - 1))
    assert not verify_consistency(old, size, before, whole, replaced(growth, at, data))


def test_every_bit_of_one_proof_counts() -> None:
    tiles, whole = spec_tiles(300), mth(0, 300)
    proof = inclusion_proof(37, 300, tiles)
    for at, hashed in enumerate(proof):
        for bit in range(256):
            wrong = bytearray(hashed)
            wrong[bit // 8] ^= 1 << bit % 8
            assert not verify_inclusion(LEAVES[37], 37, 300, [*proof[:at], bytes(wrong), *proof[at + 1 :]], whole)


def flipped(hashed: bytes, data: st.DataObject) -> bytes:
    bit = data.draw(st.integers(0, len(hashed) * 8 - 1))
    return bytes(byte ^ (1 << bit % 8 if place == bit // 8 else 0) for place, byte in enumerate(hashed))


def replaced(proof: tuple[bytes, ...], at: int, data: st.DataObject) -> list[bytes]:
    return [*proof[:at], flipped(proof[at], data), *proof[at + 1 :]]


def test_the_examples_of_the_specification() -> None:
    assert frontier(0) == ()
    assert frontier(256) == ((1, 0),)
    assert frontier(70_000) == ((0, 273), (1, 1), (2, 0))
    full = extend(0, {}, LEAVES[:256])
    assert set(full.tiles) == {(0, 0), (1, 0)}
    assert full.tiles[1, 0] == full.root == mth(0, 256)
    assert extend(0, {}, []) == Extension(0, EMPTY_ROOT, {})
    assert root(0, {}) == EMPTY_ROOT


@pytest.mark.parametrize("at", [0, 100, 255 * 32])
def test_a_tile_that_was_good_a_moment_ago_is_worked_out_anew_once_it_is_damaged(at: int) -> None:
    """What is remembered of a tile is remembered by all of its bytes, never by its place."""
    good = dict(extend(0, {}, LEAVES[:511]).tiles)
    whole = root(511, good)
    for tile in ((0, 1), (1, 0)):
        bad = bytearray(good[tile])
        bad[at % len(bad)] ^= 1
        assert root(511, {**good, tile: bytes(bad)}) != whole
    assert root(511, good) == whole == mth(0, 511)


@pytest.mark.parametrize("size", [70_000, 10**6, 10**9, 2**40, 2**40 - 1, 123_456_789_012_345])
def test_a_large_log_grows_and_proves_from_a_handful_of_tiles(size: int) -> None:
    levels = (size.bit_length() + 7) // 8
    tiles = {
        (level, n): b"".join(
            hashlib.sha256(f"{level} {n} {place}".encode()).digest() for place in range((size >> (8 * level)) % 256)
        )
        for level, n in frontier(size)
    }
    extension = extend(size, tiles, LEAVES[:300])
    after = {**tiles, **extension.tiles}
    assert len(extension.tiles) <= 2 * levels + 1
    assert extension.root == root(size + 300, after)
    growth = consistency_proof(size, size + 300, after)
    assert verify_consistency(size, size + 300, root(size, tiles), extension.root, growth)
    proof = inclusion_proof(size + 7, size + 300, after)
    assert verify_inclusion(LEAVES[7], size + 7, size + 300, proof, extension.root)
    assert len(tiles_for_inclusion(size // 3, size)) <= 2 * levels
    assert len(tiles_for_consistency(size // 3, size)) <= 2 * levels


def test_damaged_tiles_are_tampering() -> None:
    tiles = spec_tiles(300)
    needed = only(tiles, frontier(300))
    for tile, hashes in needed.items():
        for damaged in (b"", hashes[:-32], hashes[:-1], hashes + b"\0", hashes + LEAVES[0]):
            with pytest.raises(Tampered):
                extend(300, {**needed, tile: damaged}, LEAVES[:1])
        for damaged in (b"", hashes[:-32], hashes[:-1]):
            with pytest.raises(Tampered):
                root(300, {**needed, tile: damaged})
    with pytest.raises(Tampered):
        extend(300, {}, [])
    with pytest.raises(Tampered):
        root(300, {})
    with pytest.raises(Tampered):
        inclusion_proof(0, 300, needed)
    with pytest.raises(Tampered):
        consistency_proof(100, 300, needed)


def test_a_changed_tile_shows_in_the_second_way_to_the_root() -> None:
    needed = only(spec_tiles(300), frontier(300))
    extension = extend(300, needed, LEAVES[300:310])
    wrong = bytearray(extension.tiles[0, 1])
    wrong[-1] ^= 1
    assert root(310, {**needed, **extension.tiles, (0, 1): bytes(wrong)}) != extension.root


@pytest.mark.parametrize("size", [-1, 2**63])
def test_sizes_that_no_log_has(size: int) -> None:
    for use in (lambda: frontier(size), lambda: root(size, {}), lambda: tiles_for_inclusion(0, size)):
        with pytest.raises(ValueError):
            use()
    with pytest.raises(ValueError):
        extend(size, {}, [])


def test_proofs_of_what_is_not_there() -> None:
    for index, size in ((0, 0), (5, 5), (-1, 5)):
        with pytest.raises(ValueError):
            tiles_for_inclusion(index, size)
    for old, new in ((6, 5), (-1, 5)):
        with pytest.raises(ValueError):
            tiles_for_consistency(old, new)
    assert tiles_for_consistency(0, 5) == tiles_for_consistency(5, 5) == ()
    with pytest.raises(ValueError):
        extend(0, {}, [b"short"])


@pytest.mark.parametrize(
    ("level", "n", "width", "text"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 1_234_067, 256, "tile/0/x001/x234/067"),
        (63, 999, 1, "tile/63/999.p/1"),
        (1, 1000, 255, "tile/1/x001/000.p/255"),
        (2, 2**63 - 1, 256, "tile/2/x009/x223/x372/x036/x854/x775/807"),
    ],
)
def test_tile_paths(level: int, n: int, width: int, text: str) -> None:
    assert tile_path(level, n, width) == text
    assert parse_tile_path(text) == ((level, n), width)


@given(st.integers(0, 63), st.integers(0, 2**63 - 1), st.integers(1, 256))
def test_tile_paths_round_trip(level: int, n: int, width: int) -> None:
    assert parse_tile_path(tile_path(level, n, width)) == ((level, n), width)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/0/1000",
        "tile/0/001/000",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/00/000",
        "tile/007/000",
        "tile/64/000",
        "tile/+5/000",
        "tile/-1/000",
        "tile/1_0/000",
        "tile/٣/000",
        "tile/0/٠٠٠",
        "tile/0/+07",
        "tile/0/1_0",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/007",
        "tile/0/000.p/+5",
        "tile/0/000.p/1_0",
        "tile/0/000.p/٣",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/000/",
        "tile/0/000\n",
        " tile/0/000",
        "/tile/0/000",
        "tile/entries/000",
        "tile/0/x009/x223/x372/x036/x854/x775/808",
        "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
        "tile/0/../0/000",
    ],
)
def test_every_other_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_tile_path(text)


@pytest.mark.parametrize(
    ("level", "n", "width"), [(-1, 0, 256), (64, 0, 256), (0, -1, 256), (0, 2**63, 256), (0, 0, 0), (0, 0, 257)]
)
def test_no_path_for_what_is_no_tile(level: int, n: int, width: int) -> None:
    with pytest.raises(ValueError):
        tile_path(level, n, width)
