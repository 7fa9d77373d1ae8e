"""The vectors are those of the Certificate Transparency reference tests (Trillian, merkle/log_verifier_test.go)."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.transparency.merkle import (
    EMPTY_ROOT,
    RunningRoot,
    leaf_hash,
    node_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
N0_1 = "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e"
N4_7 = "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"
L1 = "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"
L4 = "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"
N6_7 = "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"
N4_5 = "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"

INCLUSION = [
    (0, 1, []),
    (0, 8, [L1, N0_1, N4_7]),
    (5, 8, [L4, N6_7, ROOTS[4].hex()]),
    (2, 3, [ROOTS[2].hex()]),
    (1, 5, [ROOTS[1].hex(), N0_1, L4]),
]
CONSISTENCY = [
    (1, 1, []),
    (1, 8, [L1, N0_1, N4_7]),
    (6, 8, [N4_5, N6_7, ROOTS[4].hex()]),
    (2, 5, [N0_1, L4]),
]


def hashes(texts: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


def naive_root(nodes: Sequence[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not nodes:
        return hashlib.sha256(b"").digest()
    if len(nodes) == 1:
        return nodes[0]
    k = 1
    while k * 2 < len(nodes):
        k *= 2
    return hashlib.sha256(b"\x01" + naive_root(nodes[:k]) + naive_root(nodes[k:])).digest()


def test_known_roots() -> None:
    assert EMPTY_ROOT == ROOTS[0] == root_of([])
    assert [root_of([leaf_hash(leaf) for leaf in LEAVES[:size]]) for size in range(9)] == ROOTS
    assert node_hash(leaf_hash(LEAVES[0]), leaf_hash(LEAVES[1])) == ROOTS[2]


@pytest.mark.parametrize(("index", "size", "proof"), INCLUSION)
def test_known_inclusion_proofs(index: int, size: int, proof: list[str]) -> None:
    leaf = leaf_hash(LEAVES[index])
    good = hashes(proof)
    assert verify_inclusion(leaf, index, size, good, ROOTS[size])
    assert not verify_inclusion(leaf, index, size, [*good, good[-1] if good else leaf], ROOTS[size])
    assert not verify_inclusion(leaf, index, size, [*good, EMPTY_ROOT], ROOTS[size])
    assert not verify_inclusion(leaf, index, size, [EMPTY_ROOT, *good], ROOTS[size])
    for cut in range(len(good)):
        assert not verify_inclusion(leaf, index, size, good[:cut], ROOTS[size])
        assert not verify_inclusion(leaf, index, size, good[cut + 1 :], ROOTS[size])
    for other in {-1, *range(9)} - {index}:
        assert not verify_inclusion(leaf, other, size, good, ROOTS[size])


@pytest.mark.parametrize(("old", "new", "proof"), CONSISTENCY)
def test_known_consistency_proofs(old: int, new: int, proof: list[str]) -> None:
    good = hashes(proof)
    assert verify_consistency(old, new, ROOTS[old], ROOTS[new], good)
    assert not verify_consistency(old, new, ROOTS[old], ROOTS[new], [*good, EMPTY_ROOT])
    assert not verify_consistency(old, new, ROOTS[old], ROOTS[new], [EMPTY_ROOT, *good])
    for cut in range(len(good)):
        assert not verify_consistency(old, new, ROOTS[old], ROOTS[new], good[:cut])
        assert not verify_consistency(old, new, ROOTS[old], ROOTS[new], good[cut + 1 :])
    for wrong in range(9):
        assert verify_consistency(old, new, ROOTS[wrong], ROOTS[new], good) == (wrong == old)
        assert verify_consistency(old, new, ROOTS[old], ROOTS[wrong], good) == (wrong == new)


def test_the_edges_that_rfc_9162_leaves_out() -> None:
    assert verify_consistency(0, 5, EMPTY_ROOT, ROOTS[5], [])
    assert verify_consistency(0, 0, EMPTY_ROOT, EMPTY_ROOT, [])
    assert verify_consistency(5, 5, ROOTS[5], ROOTS[5], [])
    assert not verify_consistency(0, 5, ROOTS[1], ROOTS[5], [])
    assert not verify_consistency(0, 5, EMPTY_ROOT, ROOTS[5], [ROOTS[5]])
    assert not verify_consistency(0, 0, ROOTS[1], ROOTS[1], [])
    assert not verify_consistency(5, 5, ROOTS[5], ROOTS[4], [])
    assert not verify_consistency(5, 5, ROOTS[5], ROOTS[5], [ROOTS[5]])
    assert not verify_consistency(6, 5, ROOTS[6], ROOTS[5], [])
    assert not verify_consistency(-1, 5, ROOTS[1], ROOTS[5], [])
    assert not verify_consistency(3, 5, ROOTS[3], ROOTS[5], [])
    assert not verify_inclusion(ROOTS[1], 0, 0, [], EMPTY_ROOT)


def test_a_proof_that_goes_on_above_the_root_is_too_long() -> None:
    leaf, extra = ROOTS[1], leaf_hash(LEAVES[1])
    assert not verify_inclusion(leaf, 0, 1, [extra], node_hash(extra, leaf))
    assert not verify_inclusion(leaf, 0, 1, [extra], node_hash(leaf, extra))
    old, new = node_hash(extra, ROOTS[2]), node_hash(extra, ROOTS[3])
    assert verify_consistency(2, 3, ROOTS[2], ROOTS[3], [leaf_hash(LEAVES[2])])
    for above in (old, ROOTS[2]):
        assert not verify_consistency(2, 3, above, new, [leaf_hash(LEAVES[2]), extra])
    # three leaves to four: the start of the path is not the old root, so both sides can be led on
    good = [leaf_hash(LEAVES[2]), leaf_hash(LEAVES[3]), ROOTS[2]]
    assert verify_consistency(3, 4, ROOTS[3], ROOTS[4], good)
    assert not verify_consistency(3, 4, node_hash(extra, ROOTS[3]), node_hash(extra, ROOTS[4]), [*good, extra])


@pytest.mark.parametrize("bad", [b"", ROOTS[1][:31], ROOTS[1] + b"\0", bytearray(ROOTS[1]), ROOTS[1].hex(), None])
def test_only_hashes_of_32_bytes(bad: object) -> None:
    leaf, proof = leaf_hash(LEAVES[0]), hashes([L1, N0_1, N4_7])
    assert not verify_inclusion(leaf, 0, 8, [*proof[:2], bad], ROOTS[8])  # type: ignore[list-item]
    assert not verify_inclusion(bad, 0, 1, [], bad)  # type: ignore[arg-type]
    assert not verify_consistency(3, 3, bad, bad, [])  # type: ignore[arg-type]
    assert not verify_consistency(1, 8, ROOTS[1], ROOTS[8], [*proof[:2], bad])  # type: ignore[list-item]
    with pytest.raises(ValueError):
        root_of([bad])  # type: ignore[list-item]


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70), st.integers(0, 70))
def test_a_running_root_is_the_root_at_every_size(nodes: list[bytes], checked: int) -> None:
    running = RunningRoot()
    for hashed in nodes[:checked]:
        running.append(hashed)
    assert running.size == len(nodes[:checked])
    assert running.root() == naive_root(nodes[:checked])
    assert root_of(nodes) == naive_root(nodes)


@pytest.mark.parametrize(("size", "peaks"), [(0, 1), (1, 0), (3, 1), (4, 2), (-1, 1)])
def test_a_running_root_starts_from_the_right_number_of_peaks(size: int, peaks: int) -> None:
    with pytest.raises(ValueError):
        RunningRoot(size, [EMPTY_ROOT] * peaks)
