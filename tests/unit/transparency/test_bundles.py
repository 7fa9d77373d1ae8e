"""An officer's bundle is believed as it was made and in no other form: every bit of every part counts."""

import io
import json
import struct
import zipfile
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Conflict
from broker.transparency import bundles, zips
from broker.transparency.bundles import ENTRIES, FIRST, GROWTH, LAST, MANIFEST, Bundled, verify_bundle
from broker.transparency.checkpoints import Checkpoint, sign_note
from broker.transparency.merkle import root_of
from broker.transparency.tiles import consistency_proof, extend, peaks
from broker.transparency.verdicts import TrustedKeys
from broker.transparency.zips import Packing
from tests.unit.transparency.conftest import ORIGIN, _signer
from tests.unit.transparency.test_verifier import ENTRIES as LOGGED

LOG, RECEIPTS = _signer(1), _signer(2)
TRUSTED = TrustedKeys({"r1": RECEIPTS.public}, {ORIGIN: LOG.public})
OLD, NEW = 6, 13


def note(size: int, signer: Any = LOG) -> str:
    root = root_of(entry.leaf_hash for entry in LOGGED[:size])
    return sign_note(Checkpoint(ORIGIN, size, root), ORIGIN, signer.public, signer.sign)


def parts() -> dict[str, bytes]:
    tree = extend(0, {}, [entry.leaf_hash for entry in LOGGED[:NEW]]).tiles
    lines = [
        bundles.line_of(Bundled(n, entry.leaf, "r1", RECEIPTS.sign(entry.leaf), None if n == 8 else entry.openings[n == 9 :]))
        for n, entry in enumerate(LOGGED[:NEW])
        if n >= OLD
    ]  # fmt: skip
    return {
        MANIFEST: bundles.manifest_of(["r1"]),
        FIRST: note(OLD).encode(),
        LAST: note(NEW).encode(),
        GROWTH: bundles.growth_of(peaks(OLD, tree), consistency_proof(OLD, NEW, tree)),
        ENTRIES: b"".join(lines),
    }


PARTS = parts()


def packed(members: dict[str, bytes] | list[tuple[str, bytes]]) -> bytes:
    file = io.BytesIO()
    packing = Packing(file.write)
    for name, data in members.items() if isinstance(members, dict) else members:
        packing.add(name, data)
    packing.close()
    return file.getvalue()


def packed_by_others(members: dict[str, bytes], how: int = zipfile.ZIP_STORED, comment: bytes = b"") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", how) as made:
        for name, data in members.items():
            made.writestr(name, data)
        made.comment = comment
    return file.getvalue()


def code(data: bytes, trusted: TrustedKeys = TRUSTED) -> int:
    verdict = verify_bundle(io.BytesIO(data), trusted, LOG.check)
    assert verdict.words.nl.endswith(".")
    return verdict.code


def test_it_is_genuine_and_says_what_was_erased():
    verdict = verify_bundle(io.BytesIO(packed(PARTS)), TRUSTED, LOG.check)
    assert verdict.code == 0
    assert "7 entries, from 6 to 13" in verdict.sentence
    assert "1 values were erased" in verdict.sentence


def test_it_is_a_zip_that_everybody_can_open():
    with zipfile.ZipFile(io.BytesIO(packed(PARTS))) as opened:
        assert opened.testzip() is None
        assert {info.filename: opened.read(info) for info in opened.infolist()} == PARTS
        assert {info.external_attr >> 16 for info in opened.infolist()} == {0o100600}


def test_packed_again_by_another_program_it_is_refused():
    for other in (
        packed_by_others(PARTS),
        packed_by_others(PARTS, zipfile.ZIP_DEFLATED),
        packed_by_others(PARTS, comment=b"x"),
    ):
        assert code(other) == 2
    for other in (b"x" + packed(PARTS), packed(PARTS) + b"x", packed(PARTS) + packed(PARTS)):
        assert code(other) == 2


@given(st.binary(max_size=400))
def test_whatever_else_comes_is_not_called_genuine(data):
    assert code(data) == 2


def test_a_checksum_that_is_wrong_in_header_and_directory_is_refused():
    whole = packed(PARTS)
    for data in PARTS.values():
        crc = zlib.crc32(data)
        other = whole.replace(struct.pack("<I", crc), struct.pack("<I", crc ^ 1))
        assert sum(one != two for one, two in zip(whole, other, strict=True)) == 2
        assert code(other) == 2


def test_strange_zips_are_refused():
    items = list(PARTS.items())
    for members in (
        [*items, ("../escape", b"x")],
        [*items, ("sub/", b"")],
        [*items, items[0]],
        [(n, d) for n, d in items if n != LAST],
        [(n, d) for n, d in items if n != FIRST],
        [(n.replace("manifest", "MANIFEST"), d) for n, d in items],
        [(n, b" " * (bundles.SMALL + 1) if n == MANIFEST else d) for n, d in items],
        [(n, b"x" * (bundles.LONGEST_LINE + 1) if n == ENTRIES else d) for n, d in items],
        [],
    ):
        assert code(packed(members)) in (1, 2)


def test_a_bundle_larger_than_such_a_zip_can_count_is_not_made(monkeypatch):
    monkeypatch.setattr(zips, "LARGEST", 1000)
    with pytest.raises(Conflict, match="too large"):
        packed(PARTS)


def test_entries_are_not_left_out_moved_or_added_and_openings_not_hidden():
    lines = PARTS[ENTRIES].splitlines(keepends=True)
    hidden = json.loads(lines[0])
    hidden["openings"] = []
    swapped = [lines[1], lines[0], *lines[2:]]
    for other in (lines[1:], lines[:-1], swapped, [*lines, lines[-1]], [bundles.canonical(hidden) + b"\n", *lines[1:]]):
        assert code(packed({**PARTS, ENTRIES: b"".join(other)})) == 1


def test_keys_come_from_outside_alone():
    stranger = _signer(3)
    assert code(packed(PARTS), TrustedKeys()) == 2
    assert code(packed(PARTS), TrustedKeys({}, TRUSTED.logs)) == 2
    assert code(packed(PARTS), TrustedKeys({"r1": stranger.public}, TRUSTED.logs)) == 1
    assert code(packed({**PARTS, LAST: note(NEW, stranger).encode()})) == 1


@pytest.mark.parametrize("size", [0, 1, 5, 8, 20])
def test_peaks_are_those_of_the_tree(size):
    grown = extend(0, {}, [entry.leaf_hash for entry in LOGGED[:size]])
    assert bundles.RunningRoot(size, peaks(size, grown.tiles)).root() == grown.root
