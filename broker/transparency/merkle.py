"""A root stands for one list of leaves in one order, and a proof that passes here shows just what it says.

Source: RFC 9162 section 2.1 with SHA-256. The two `verify_...` functions follow 2.1.3.2 and 2.1.4.2 step by step:
a proof that is one hash too long, one too short, or holds anything but 32-byte hashes does not pass.
"""

import hashlib
from collections.abc import Iterable, Sequence

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
"""The root of no leaves (RFC 9162 section 2.1.1)."""


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of one leaf: SHA-256 of 0x00 and the leaf (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees: SHA-256 of 0x01, left and right (RFC 9162 section 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class RunningRoot:
    """The root of a list of leaf hashes that grows: holds one hash for each complete subtree, largest first.

    `peaks` must be the roots of the complete subtrees of a tree of `size` leaves; ValueError if their number is wrong.
    """

    def __init__(self, size: int = 0, peaks: Iterable[bytes] = ()) -> None:
        self.size = size
        self._peaks = list(peaks)
        if size < 0 or len(self._peaks) != size.bit_count():
            raise ValueError("a tree has one peak for each bit that is set in its size")

    def append(self, hashed: bytes) -> None:
        """Add one leaf hash at the end. Raises ValueError unless it has 32 bytes."""
        if not _is_hash(hashed):
            raise ValueError("a leaf hash has 32 bytes")
        carry = self.size
        while carry & 1:
            hashed = node_hash(self._peaks.pop(), hashed)
            carry >>= 1
        self._peaks.append(hashed)
        self.size += 1

    def root(self) -> bytes:
        """Return the root of everything appended so far (RFC 9162 section 2.1.1)."""
        if not self._peaks:
            return EMPTY_ROOT
        *others, root = self._peaks
        for peak in reversed(others):
            root = node_hash(peak, root)
        return root


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root over these leaf hashes (RFC 9162 section 2.1.1). Raises ValueError unless all have 32 bytes."""
    running = RunningRoot()
    for hashed in leaf_hashes:
        running.append(hashed)
    return running.root()


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that `leaf_hash` is leaf `index` of the tree of `size` leaves with this root.

    Source: RFC 9162 section 2.1.3.2, steps 1 to 5.
    """
    if not 0 <= index < size or not _all_hashes(leaf_hash, root, *proof):
        return False  # 1
    fn, sn = index, size - 1  # 2
    r = leaf_hash  # 3
    for p in proof:  # 4
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node_hash(p, r)
            fn, sn = _skip(fn, sn)
        else:
            r = node_hash(r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root  # 5


def verify_consistency(old_size: int, new_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the old tree's leaves are the first leaves of the new tree.

    Source: RFC 9162 section 2.1.4.2, steps 1 to 7. For the two cases that it leaves out: a tree is consistent with
    itself, and every tree with the empty one, by the empty proof only (as in C2SP tlog-witness).
    """
    if not 0 <= old_size <= new_size or not _all_hashes(old_root, new_root, *proof):
        return False
    if old_size == new_size:
        return not proof and old_root == new_root and (new_size > 0 or new_root == EMPTY_ROOT)
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    return _verify_growth(old_size, new_size, old_root, new_root, list(proof))


def _verify_growth(first: int, second: int, first_hash: bytes, second_hash: bytes, path: list[bytes]) -> bool:
    if not path:
        return False  # 1
    if first.bit_count() == 1:
        path.insert(0, first_hash)  # 2
    fn, sn = first - 1, second - 1  # 3
    while fn & 1:  # 4
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]  # 5
    for c in path[1:]:  # 6
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node_hash(c, fr), node_hash(c, sr)
            fn, sn = _skip(fn, sn)
        else:
            sr = node_hash(sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_hash and sr == second_hash  # 7


def _skip(fn: int, sn: int) -> tuple[int, int]:
    """Shift both until the lowest bit of `fn` is set or `fn` is zero (step 4 of 2.1.3.2, step 6 of 2.1.4.2)."""
    while fn and not fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return fn, sn


def _is_hash(value: object) -> bool:
    return isinstance(value, bytes) and len(value) == HASH_BYTES


def _all_hashes(*values: object) -> bool:
    return all(_is_hash(value) for value in values)
