"""The tree is kept as tiles of 256 hashes, so growing it and proving something about it touch O(log n) of them.

- Source: C2SP tlog-tiles. Tile `n` of level `l` holds the roots of 256 neighbouring complete subtrees of 256**l leaves.
- A tile only ever grows at its end; a full one never changes, and its root is then a hash of the level above.
- Tiles come from storage and are never believed: a missing, short or ragged one raises Tampered.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from broker.errors import Tampered, Words
from broker.transparency.merkle import EMPTY_ROOT, HASH_BYTES, RunningRoot, node_hash

TileId = tuple[int, int]
"""Level, and number within the level."""
Span = tuple[int, int]
"""Leaves from (included) and to (not included)."""

WIDTH = 256
HEIGHT = 8
MAX_SIZE = 2**63 - 1
_FOLDED = 256
"""Of so many pieces of tiles, 8 KiB each at most, the root is not worked out again."""

_PATH = re.compile(r"tile/(0|[1-9][0-9]?)/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?", re.ASCII)
_DAMAGED = Words(
    "Een tegel van het logboek ontbreekt of is beschadigd.",
    "A tile of the log is missing or damaged.",
)


@dataclass(frozen=True, slots=True)
class Extension:
    """A tree after leaves were added: its size, its root, and every new or changed tile with all its hashes."""

    size: int
    root: bytes
    tiles: Mapping[TileId, bytes]


def frontier(size: int) -> tuple[TileId, ...]:
    """Return the partial tile of each level that has one: all that `extend` and `root` need of a tree of that size.

    Source: C2SP tlog-tiles, "Partial Tiles". Raises ValueError for a size that no log has.
    """
    _check_size(size)
    return tuple((level, count // WIDTH) for level, count in _counts(size) if count % WIDTH)


def extend(size: int, tiles: Mapping[TileId, bytes], leaf_hashes: Sequence[bytes]) -> Extension:
    """Return the tree of `size` leaves with these leaf hashes added, from the tiles of `frontier(size)`.

    The root comes from the old tiles and the leaf hashes, not from the new tiles, so that comparing it with `root` of
    the new tiles finds a mistake in either. Raises Tampered for a tile that does not have the width of that size, and
    ValueError for a leaf hash that has not 32 bytes.
    """
    _check_size(size + len(leaf_hashes))
    for tile in frontier(size):
        if len(tiles.get(tile, b"")) != _partial_width(size, tile[0]) * HASH_BYTES:
            raise Tampered(_DAMAGED)
    running = RunningRoot(size, [_complete(start, height, tiles) for start, height in _pieces((0, size))])
    for hashed in leaf_hashes:
        running.append(hashed)
    return Extension(running.size, running.root(), _grown(size, tiles, leaf_hashes))


def root(size: int, tiles: Mapping[TileId, bytes]) -> bytes:
    """Return the root of the first `size` leaves from tiles alone, by the recursion of RFC 9162 section 2.1.1.

    The tiles of `frontier(size)` suffice, and may have grown since. Raises Tampered when one is missing or too short.
    """
    _check_size(size)
    return _span_root((0, size), tiles) if size else EMPTY_ROOT


def peaks(size: int, tiles: Mapping[TileId, bytes]) -> tuple[bytes, ...]:
    """Return the roots of the complete subtrees of the first `size` leaves, largest first: what `RunningRoot` begins with.

    The tiles of `frontier(size)` suffice, and may have grown since. Raises Tampered when one is missing or too short.
    """
    _check_size(size)
    return tuple(_complete(start, height, tiles) for start, height in _pieces((0, size)))


def tiles_for_inclusion(index: int, size: int) -> tuple[TileId, ...]:
    """Return the tiles that `inclusion_proof` reads. Raises ValueError unless 0 <= index < size."""
    return _tiles_of(_inclusion_spans(index, size))


def inclusion_proof(index: int, size: int, tiles: Mapping[TileId, bytes]) -> tuple[bytes, ...]:
    """Return the proof that leaf `index` is in the tree of `size` leaves, lowest sibling first.

    Source: RFC 9162 section 2.1.3.1. Raises ValueError unless 0 <= index < size, Tampered for a missing or short tile.
    """
    return tuple(_span_root(span, tiles) for span in _inclusion_spans(index, size))


def tiles_for_consistency(old: int, new: int) -> tuple[TileId, ...]:
    """Return the tiles that `consistency_proof` reads. Raises ValueError unless 0 <= old <= new."""
    return _tiles_of(_consistency_spans(old, new))


def consistency_proof(old: int, new: int, tiles: Mapping[TileId, bytes]) -> tuple[bytes, ...]:
    """Return the proof that the first `old` leaves are the same in the tree of `new` leaves.

    Source: RFC 9162 section 2.1.4.1; empty where that leaves it undefined (`old` is zero or equal to `new`). Raises
    ValueError unless 0 <= old <= new, Tampered for a missing or short tile.
    """
    return tuple(_span_root(span, tiles) for span in _consistency_spans(old, new))


def tile_path(level: int, n: int, width: int = WIDTH) -> str:
    """Return `tile/<L>/<N>[.p/<W>]` (C2SP tlog-tiles, "Merkle Tree"). Raises ValueError for what is out of range."""
    if not (0 <= level <= 63 and 0 <= n <= MAX_SIZE and 1 <= width <= WIDTH):
        raise ValueError("no such tile")
    groups = [f"{n % 1000:03d}"]
    while n := n // 1000:
        groups.insert(0, f"x{n % 1000:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(groups)}{partial}"


def parse_tile_path(text: str) -> tuple[TileId, int]:
    """Return tile and width of a path. Raises ValueError for every text that `tile_path` would not have written."""
    found = _PATH.fullmatch(text)
    if found is None:
        raise ValueError("not the path of a tile")
    level, groups, partial = found.groups()
    n = int(groups.replace("x", "").replace("/", ""))
    width = int(partial) if partial else WIDTH
    if tile_path(int(level), n, width) != text:
        raise ValueError("not the path of a tile")
    return (int(level), n), width


def _grown(size: int, tiles: Mapping[TileId, bytes], leaf_hashes: Sequence[bytes]) -> dict[TileId, bytes]:
    """Return every tile that changes, level by level, until no tile became full."""
    changed: dict[TileId, bytes] = {}
    level, added = 0, b"".join(leaf_hashes)
    while added:
        n, width = divmod(size >> (HEIGHT * level), WIDTH)
        row = (tiles[level, n] if width else b"") + added
        roots = []
        for start in range(0, len(row), WIDTH * HASH_BYTES):
            tile = row[start : start + WIDTH * HASH_BYTES]
            changed[level, n] = tile
            n += 1
            if len(tile) == WIDTH * HASH_BYTES:
                roots.append(_fold(tile))
        level, added = level + 1, b"".join(roots)
    return changed


def _span_root(span: Span, tiles: Mapping[TileId, bytes]) -> bytes:
    """Return the root of a span that the recursion of RFC 9162 section 2.1.1 can reach."""
    start, end = span
    leaves = end - start
    if leaves.bit_count() == 1:
        return _complete(start, leaves.bit_length() - 1, tiles)
    middle = start + _split(leaves)
    return node_hash(_span_root((start, middle), tiles), _span_root((middle, end), tiles))


def _complete(start: int, height: int, tiles: Mapping[TileId, bytes]) -> bytes:
    """Return the root of the complete subtree of 2**height leaves at `start`: always inside one tile."""
    tile, first, count = _place(start, height)
    hashes = tiles.get(tile, b"")[first * HASH_BYTES : (first + count) * HASH_BYTES]
    if len(hashes) != count * HASH_BYTES:
        raise Tampered(_DAMAGED)
    return hashes if count == 1 else _fold(hashes)


def _place(start: int, height: int) -> tuple[TileId, int, int]:
    """Return the tile of a complete subtree, the place of its first hash in that tile, and the number of hashes."""
    level, rest = divmod(height, HEIGHT)
    n, first = divmod(start >> (HEIGHT * level), WIDTH)
    return (level, n), first, 1 << rest


@lru_cache(_FOLDED)
def _fold(hashes: bytes) -> bytes:
    """Return the root over a power of two of hashes; remembered by the very hashes, because most of a tile stays as it was."""
    row = [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def _pieces(span: Span) -> Iterator[tuple[int, int]]:
    """Yield start and height of the complete subtrees of a span, largest first."""
    start, end = span
    while start < end:
        height = (end - start).bit_length() - 1
        yield start, height
        start += 1 << height


def _inclusion_spans(index: int, size: int) -> list[Span]:
    _check_size(size)
    if not 0 <= index < size:
        raise ValueError("the leaf is not in a tree of that size")
    spans: list[Span] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    return spans[::-1]


def _consistency_spans(old: int, new: int) -> list[Span]:
    _check_size(new)
    if not 0 <= old <= new:
        raise ValueError("a log does not shrink")
    spans: list[Span] = []
    start, end = 0, new
    while old and old != end:
        middle = start + _split(end - start)
        if old <= middle:
            spans.append((middle, end))
            end = middle
        else:
            spans.append((start, middle))
            start = middle
    if start:
        spans.append((start, end))
    return spans[::-1]


def _tiles_of(spans: Iterable[Span]) -> tuple[TileId, ...]:
    return tuple(sorted({_place(start, height)[0] for span in spans for start, height in _pieces(span)}))


def _counts(size: int) -> Iterator[tuple[int, int]]:
    """Yield each level with its number of hashes in a tree of that size."""
    level = 0
    while count := size >> (HEIGHT * level):
        yield level, count
        level += 1


def _partial_width(size: int, level: int) -> int:
    return (size >> (HEIGHT * level)) % WIDTH


def _split(leaves: int) -> int:
    """Return the largest power of two smaller than the number of leaves (RFC 9162 section 2.1.1)."""
    return 1 << ((leaves - 1).bit_length() - 1)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise ValueError("not the size of a log")
