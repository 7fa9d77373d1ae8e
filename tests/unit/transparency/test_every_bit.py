"""P10: whichever single bit is flipped, of whatever is handed out, nothing is called genuine, and nothing ends in a traceback.

Exhaustive, in this process, over small ones of each kind, through the very functions that `broker audit verify` calls. The
few bits that carry nothing are named here, with the reason; every other one counts.
"""

import contextlib
import functools
import io
import json
import re
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.cli import verifying
from broker.cli.verifying import verdict_on_document
from broker.crypto.signatures import ed25519_holds
from broker.errors import Tampered
from broker.transparency.bundles import verify_bundle
from broker.transparency.canonical import parse_json
from broker.transparency.checkpoints import open_note
from broker.transparency.merkle import verify_consistency, verify_inclusion
from broker.transparency.tiles import consistency_proof
from broker.transparency.verdicts import Verdict
from broker.transparency.verifier import verify_cosigned, verify_log, verify_receipt
from tests.unit.transparency import material
from tests.unit.transparency.material import LOGGED, OLD, ORIGIN, POLICY, SIZE, TREE, TRUSTED

check = functools.cache(ed25519_holds)
"""The true check; a bundle of which one bit is wrong holds many signatures that were checked before."""
Verify = Callable[[bytes], Verdict]
NAMED = [entry.leaf for entry in LOGGED]


@pytest.fixture(autouse=True)
def remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "ed25519_holds", check)


def flips(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each bit, and the bytes with that bit flipped."""
    for bit in range(8 * len(data)):
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        yield bit, bytes(wrong)


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def of_document(data: bytes) -> Verdict:
    return verdict_on_document(data, material.KEYS)


def of_witnessed(data: bytes) -> Verdict:
    return verdict_on_document(data, material.KEYS, POLICY)


def of_bundle(data: bytes) -> Verdict:
    return verify_bundle(io.BytesIO(data), TRUSTED, check)


def of_checkpoint(data: bytes) -> Verdict:
    return verify_log(text(data), NAMED, None, TRUSTED, check)


def of_earlier(data: bytes) -> Verdict:
    return verify_log(material.note(SIZE), NAMED, text(data), TRUSTED, check)


def of_cosigned(data: bytes) -> Verdict:
    return verify_cosigned(text(data), POLICY, TRUSTED, check)


def of_leaf(data: bytes) -> Verdict:
    return verify_log(material.note(SIZE), [NAMED[0], data, NAMED[2]], None, TRUSTED, check)


def of_proof(data: bytes) -> Verdict:
    return verify_receipt({**material.receipt(), "proof": text(data)}, TRUSTED, check)


def written(document: object, *, ascii_only: bool = False) -> bytes:
    return json.dumps(document, ensure_ascii=ascii_only, indent=1).encode()


KINDS: dict[str, tuple[Verify, bytes]] = {
    "a leaf": (of_leaf, NAMED[1]),
    "a proof of inclusion": (of_proof, material.proof().text().encode()),
    "a checkpoint": (of_checkpoint, material.note(SIZE).encode()),
    "a checkpoint that was kept": (of_earlier, material.note(OLD).encode()),
    "a checkpoint that witnesses cosigned": (of_cosigned, material.cosigned_note().encode()),
    "a receipt, everything but ASCII escaped": (of_document, written(material.receipt(), ascii_only=True)),
    "a receipt without its proof": (of_document, written({**material.receipt(), "proof": None})),
    "a receipt with witnesses": (of_witnessed, written(material.receipt(carried=material.cosigned_note()))),
    "a family's bundle": (of_document, written(material.family_bundle())),
    "an officer's bundle": (of_bundle, material.officers_bundle()),
}


def without_meaning(data: bytes) -> set[int]:
    """The bits that change nothing: the case of a hexadecimal letter in a JSON escape. Both name the same character."""
    letters = [at for found in re.finditer(rb"\\u[0-9a-f]{4}", data) for at in range(found.start() + 2, found.end())]
    return {8 * at + 5 for at in letters if data[at : at + 1].isalpha()}


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_is_called_genuine(kind: str) -> None:
    verify, data = KINDS[kind]
    assert verify(data).ok
    genuine = set()
    for bit, wrong in flips(data):
        verdict = verify(wrong)
        if verdict.ok:
            genuine.add(bit)
        assert verdict.words.en.endswith("."), verdict
        assert verdict.words.en.count("\n") == 0
    assert genuine == (without_meaning(data) if data.startswith(b"{\n") else set())
    for bit in genuine:
        assert parse_json(next(wrong for at, wrong in flips(data) if at == bit)) == parse_json(data)


def test_there_are_such_bits_only_where_characters_are_escaped() -> None:
    assert {kind for kind, (_, data) in KINDS.items() if without_meaning(data)} == {
        "a receipt, everything but ASCII escaped"
    }


@pytest.mark.parametrize("kind", KINDS)
def test_cut_off_anywhere_it_is_not_genuine(kind: str) -> None:
    verify, data = KINDS[kind]
    for length in range(len(data)):
        assert not verify(data[:length]).ok
    for more in (b"\x00", b"\n", b" ", b"{}", data):
        if not (data.startswith(b"{\n") and more in (b"\n", b" ")):  # white space after a document is no part of it
            assert not verify(data + more).ok, more


def test_no_flipped_bit_of_a_hash_size_or_place_passes() -> None:
    root, hashes, leaf = TREE.root, material.proof().hashes, LOGGED[1].leaf_hash
    old = LOGGED[0].leaf_hash
    growth = consistency_proof(OLD, SIZE, TREE.tiles)
    assert verify_inclusion(leaf, 1, SIZE, hashes, root)
    assert verify_consistency(OLD, SIZE, old, root, growth)
    for _, wrong in flips(b"".join([leaf, root, *hashes])):
        found = [wrong[at : at + 32] for at in range(0, len(wrong), 32)]
        assert not verify_inclusion(found[0], 1, SIZE, found[2:], found[1])
    for _, wrong in flips(b"".join([old, root, *growth])):
        found = [wrong[at : at + 32] for at in range(0, len(wrong), 32)]
        assert not verify_consistency(OLD, SIZE, found[0], found[1], found[2:])
    for place in range(64):  # what the size is, the signature says: a tree of four has the same shape there
        for size in range(64):
            passes = place == 1 and size in (SIZE, SIZE + 1)
            assert verify_inclusion(leaf, place, size, hashes, root) == passes, (place, size)


def test_a_witness_that_is_not_needed_is_passed_over_and_one_that_is_counts() -> None:
    """Signatures of unknown keys say nothing (C2SP signed-note), so a witness's line matters to who demands that witness."""
    cosigned = material.cosigned_note()
    last = cosigned.encode().rindex("\u2014".encode())
    for bit, wrong in flips(cosigned.encode()):
        if bit // 8 >= last:
            with contextlib.suppress(Tampered):
                assert open_note(text(wrong), ORIGIN, TRUSTED.logs, check).size == SIZE
            assert not of_cosigned(wrong).ok


def changed(draw: st.DrawFn, data: bytes) -> bytes:
    """Pieces cut, doubled, put elsewhere or overwritten."""
    for _ in range(draw(st.integers(1, 3))):
        at, end = sorted((draw(st.integers(0, len(data))), draw(st.integers(0, len(data)))))
        piece = draw(st.sampled_from([b"", data[at:end] * 2, data[end:], data[at:end][::-1]]) | st.binary(max_size=8))
        data = data[:at] + piece + data[end:]
    return data


def within(found: object, whole: object) -> bool:
    """Whether a document says nothing that the whole one does not say; members and items may be left out."""
    if isinstance(found, dict) and isinstance(whole, dict):
        return all(name in whole and (item is None or within(item, whole[name])) for name, item in found.items())
    if isinstance(found, list) and isinstance(whole, list):
        return all(any(within(item, other) for other in whole) for item in found)
    if isinstance(found, str) and isinstance(
        whole, str
    ):  # a line of a signature that comes twice says no more than once
        return found == whole or ("\n" in whole and set(found.split("\n")) == set(whole.split("\n")))
    return type(found) is type(whole) and found == whole


@settings(max_examples=max(settings.default.max_examples, 200) if settings.default else 200)
@given(st.data())
def test_whatever_is_done_to_it_only_what_was_said_is_genuine(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(KINDS)))
    verify, whole = KINDS[kind]
    other = data.draw(st.composite(changed)(whole))
    if verify(other).ok and other != whole:
        if whole.startswith(b"{\n"):
            assert within(parse_json(other), parse_json(whole))
        else:
            assert whole.startswith((b"a.nl", b"c2sp")), "every byte of it counts"
            assert within(text(other), text(whole))
