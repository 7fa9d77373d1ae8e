import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Tampered
from broker.transparency.canonical import to_base64
from broker.transparency.checkpoints import Checkpoint, sign_note
from broker.transparency.merkle import leaf_hash
from broker.transparency.proofs import InclusionProof, check_proof, parse_proof
from broker.transparency.tiles import extend, inclusion_proof

LEAVES = [f"leaf {number}".encode() for number in range(11)]
GROWN = extend(0, {}, [leaf_hash(leaf) for leaf in LEAVES])
HASH = to_base64(hashlib.sha256(b"x").digest())


@pytest.fixture(scope="module")
def note(log_key: Any, origin: str) -> str:
    return sign_note(Checkpoint(origin, GROWN.size, GROWN.root), origin, log_key.public, log_key.sign)


@pytest.fixture(scope="module")
def proof(note: str) -> InclusionProof:
    return InclusionProof(5, 11, inclusion_proof(5, 11, GROWN.tiles), note)


def test_a_proof_is_this_text(proof: InclusionProof, note: str) -> None:
    lines = proof.text().split("\n")
    assert lines[:2] == ["c2sp.org/tlog-proof@v1", "index 5"]
    assert lines[2:7] == [*(to_base64(hashed) for hashed in proof.hashes), ""]
    assert proof.text().endswith(f"=\n\n{note}")
    assert parse_proof(proof.text()) == proof


def test_every_leaf_is_proved_and_no_other(note: str, log_key: Any, origin: str) -> None:
    for index, leaf in enumerate(LEAVES):
        proof = parse_proof(InclusionProof(index, 11, inclusion_proof(index, 11, GROWN.tiles), note).text())
        for other in LEAVES:
            if other == leaf:
                assert check_proof(leaf_hash(other), proof, origin, {origin: log_key.public}, log_key.check).size == 11
            else:
                with pytest.raises(Tampered, match="not at that place"):
                    check_proof(leaf_hash(other), proof, origin, {origin: log_key.public}, log_key.check)


def test_a_log_of_one_leaf_has_a_proof_without_hashes(log_key: Any, origin: str) -> None:
    root = leaf_hash(b"only")
    note = sign_note(Checkpoint(origin, 1, root), origin, log_key.public, log_key.sign)
    text = InclusionProof(0, 1, (), note).text()
    assert text == f"c2sp.org/tlog-proof@v1\nindex 0\n\n{note}"
    assert check_proof(root, parse_proof(text), origin, {origin: log_key.public}, log_key.check).size == 1


def test_the_checkpoint_must_be_signed_by_a_trusted_key(proof: InclusionProof, stranger: Any, origin: str) -> None:
    with pytest.raises(Tampered, match="not signed by a key"):
        check_proof(leaf_hash(LEAVES[5]), proof, origin, {origin: stranger.public}, stranger.check)
    with pytest.raises(Tampered, match="another log"):
        check_proof(leaf_hash(LEAVES[5]), proof, "other.example/log", {origin: stranger.public}, stranger.check)


@pytest.mark.parametrize(
    "head",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v2\nindex 5",
        "c2sp.org/tlog-proof@v1 \nindex 5",
        "\nc2sp.org/tlog-proof@v1\nindex 5",
        "index 5",
        "c2sp.org/tlog-proof@v1\nindex 007",
        "c2sp.org/tlog-proof@v1\nindex +5",
        "c2sp.org/tlog-proof@v1\nindex -5",
        "c2sp.org/tlog-proof@v1\nindex 1_0",
        "c2sp.org/tlog-proof@v1\nindex ٣",
        "c2sp.org/tlog-proof@v1\nindex  5",
        "c2sp.org/tlog-proof@v1\nindex 5 ",
        "c2sp.org/tlog-proof@v1\nindex 5\r",
        "c2sp.org/tlog-proof@v1\nindex",
        "c2sp.org/tlog-proof@v1\nindex 11",
        "c2sp.org/tlog-proof@v1\nindex 9999999999999999999",
        "c2sp.org/tlog-proof@v1\nextra AAAA\nindex 5",
        f"c2sp.org/tlog-proof@v1\nindex 5\n{HASH[:-1]}",
        f"c2sp.org/tlog-proof@v1\nindex 5\n {HASH}",
        f"c2sp.org/tlog-proof@v1\nindex 5\n{HASH}\r",
        "c2sp.org/tlog-proof@v1\nindex 5\nAAAA",
        "c2sp.org/tlog-proof@v1\nindex 5" + f"\n{HASH}" * 64,
    ],
)
def test_malformed_proofs_are_refused(note: str, head: str) -> None:
    assert parse_proof(f"c2sp.org/tlog-proof@v1\nindex 5\n{HASH}\n\n{note}").index == 5
    with pytest.raises(Tampered):
        parse_proof(f"{head}\n\n{note}")


def test_a_proof_without_its_checkpoint_is_refused(note: str) -> None:
    head = f"c2sp.org/tlog-proof@v1\nindex 5\n{HASH}\n"
    for text in (head, f"{head}\n", f"{head}{note}", f"{head}\n\n{note}", f"{head}\n{note}\n", f"{head}\n{note[:-1]}"):
        with pytest.raises(Tampered):
            parse_proof(text)


def test_the_parts_of_a_proof_fit_each_other(note: str) -> None:
    hashes = inclusion_proof(5, 11, GROWN.tiles)
    for index, size, given_hashes in ((5, 12, hashes), (11, 11, hashes), (-1, 11, hashes), (5, 11, (b"short",))):
        with pytest.raises(Tampered):
            InclusionProof(index, size, given_hashes, note)


@given(st.text(max_size=200))
def test_any_text_parses_or_is_tampering(text: str) -> None:
    with pytest.raises(Tampered):
        parse_proof(f"c2sp.org/tlog-proof@v1\nindex 0\n{text}")
