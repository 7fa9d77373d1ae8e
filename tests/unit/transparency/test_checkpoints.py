import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Tampered
from broker.transparency.canonical import from_base64, to_base64
from broker.transparency.checkpoints import (
    Checkpoint,
    key_hash,
    open_note,
    parse_checkpoint,
    parse_note,
    parse_verifier_key,
    sign_note,
    verifier_key,
)
from broker.transparency.merkle import EMPTY_ROOT

ROOT = hashlib.sha256(b"root").digest()

# C2SP signed-note, "Example"
EXAMPLE_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
EXAMPLE_NOTE = (
    "This is an example message.\n\n\u2014 example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
# C2SP tlog-checkpoint, the first example
EXAMPLE_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
    "\u2014 example.com/behind-the-sofa "
    "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
)
# The key of the Go checksum database: its base64 holds a plus
GO_KEY = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"


@pytest.fixture(scope="module")
def note(log_key: Any, origin: str) -> str:
    return sign_note(Checkpoint(origin, 7, ROOT), origin, log_key.public, log_key.sign)


def test_the_examples_of_the_specification(log_key: Any) -> None:
    name, public = parse_verifier_key(EXAMPLE_KEY)
    assert verifier_key(name, public) == EXAMPLE_KEY
    parsed = parse_note(EXAMPLE_NOTE)
    (line,) = parsed.signatures
    assert parsed.body == b"This is an example message.\n"
    assert (line.name, line.key_id) == ("example.com/foo", key_hash(name, public))
    assert log_key.check(public, line.signature, parsed.body)
    checkpoint = parse_checkpoint(parse_note(EXAMPLE_CHECKPOINT).body)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert verifier_key(*parse_verifier_key(GO_KEY)) == GO_KEY


def test_a_note_opens_with_the_key_of_its_log(note: str, log_key: Any, origin: str) -> None:
    checkpoint = Checkpoint(origin, 7, ROOT)
    assert note.startswith(f"{origin}\n7\n{to_base64(ROOT)}\n\n\u2014 {origin} ")
    assert parse_checkpoint(checkpoint.body()) == checkpoint
    assert open_note(note, origin, {origin: log_key.public}, log_key.check) == checkpoint


def test_while_a_key_is_replaced_both_are_known(note: str, log_key: Any, stranger: Any, origin: str) -> None:
    both = {origin: (stranger.public, log_key.public)}
    assert open_note(note, origin, both, log_key.check).size == 7


def test_signatures_of_witnesses_are_carried_along(note: str, log_key: Any, stranger: Any, origin: str) -> None:
    blob = to_base64(b"abcd" + bytes(8 + 64))
    more = f"{note}\u2014 witness.example {blob}\n\u2014 {origin} {blob}\n"
    assert len(parse_note(more).signatures) == 3
    assert open_note(more, origin, {origin: log_key.public}, log_key.check).size == 7


def test_one_bad_signature_of_a_known_key_spoils_the_note(note: str, log_key: Any, origin: str) -> None:
    blob = to_base64(key_hash(origin, log_key.public) + bytes(64))
    for spoilt in (f"{note}\u2014 {origin} {blob}\n", note.replace("\n\n", f"\n\n\u2014 {origin} {blob}\n")):
        with pytest.raises(Tampered, match="does not hold"):
            open_note(spoilt, origin, {origin: log_key.public}, log_key.check)


def test_a_note_of_another_log_or_key_is_refused(note: str, log_key: Any, stranger: Any, origin: str) -> None:
    with pytest.raises(Tampered, match="another log"):
        open_note(note, "other.example/log", {origin: log_key.public}, log_key.check)
    for verifiers in ({}, {origin: stranger.public}, {"other.example/log": log_key.public}, {origin: ()}):
        with pytest.raises(Tampered, match="not signed by a key"):
            open_note(note, origin, verifiers, log_key.check)


def test_a_key_trusted_for_one_log_says_nothing_about_another(log_key: Any, stranger: Any, origin: str) -> None:
    body = Checkpoint(origin, 9, ROOT).body()
    other = "other.example/log"
    line = to_base64(key_hash(other, stranger.public) + stranger.sign(body))
    forged = f"{body.decode()}\n\u2014 {other} {line}\n"
    with pytest.raises(Tampered, match="not signed by a key"):
        open_note(forged, origin, {origin: log_key.public, other: stranger.public}, log_key.check)


def test_the_right_key_id_with_a_strangers_signature_is_a_forgery(log_key: Any, stranger: Any, origin: str) -> None:
    body = Checkpoint(origin, 9, ROOT).body()
    line = to_base64(key_hash(origin, log_key.public) + stranger.sign(body))
    with pytest.raises(Tampered, match="does not hold"):
        open_note(f"{body.decode()}\n\u2014 {origin} {line}\n", origin, {origin: log_key.public}, log_key.check)


SIG = "\u2014 a.example/log " + to_base64(bytes(68))
BODY = f"a.example/log\n7\n{to_base64(ROOT)}\n"


def test_the_malformed_notes_below_are_malformed_by_one_thing_only() -> None:
    assert parse_note(f"{BODY}\n{SIG}\n").body == BODY.encode()
    assert len(parse_note(f"{BODY}\n" + f"{SIG}\n" * 32).signatures) == 32


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "\n\n",
        BODY,
        f"{BODY}\n",
        f"{BODY}\n\n",
        f"{BODY}{SIG}\n",
        f"{BODY}\n{SIG}",
        f"{BODY}\n{SIG}\n\n",
        f"{BODY}\n\n{SIG}\n",
        f"{BODY}\n{SIG}\n\n{SIG}\n",
        f"\n{BODY}\n{SIG}\n",
        f"\n\n{SIG}\n",
        f"{BODY}\n{SIG}\r\n",
        f"{BODY}\n{SIG} \n",
        f"{BODY}\n {SIG}\n",
        f"{BODY}\n{SIG}\n".replace("\n", "\r\n"),
        f"{BODY}\n{SIG}\n".replace("\u2014", "-"),
        f"{BODY}\n{SIG}\n".replace("\u2014", "\u2013"),
        f"{BODY}\n{SIG}\n".replace("\u2014 ", "\u2014"),
        f"{BODY}\n{SIG}\n".replace("\u2014 ", "\u2014  "),
        f"{BODY}\n{SIG}\n".replace("\u2014 a", "\u2014 a+"),
        f"{BODY}\n{SIG}\n".replace("\u2014 a", "\u2014 a\u00a0"),
        f"{BODY}\n{SIG}\n".replace("=\n", "\n"),
        f"{BODY}\n\u2014 a.example/log\n",
        f"{BODY}\n\u2014 a.example/log AAAA\n",
        f"{BODY}\n\u2014 a.example/log {to_base64(bytes(4))}\n",
        f"{BODY}\n\u2014 {to_base64(bytes(68))}\n",
        f"{BODY}\n" + f"{SIG}\n" * 33,
        f"{BODY}\t\n{SIG}\n",
        f"{BODY}\0\n{SIG}\n",
        f"{BODY}\udcff\n{SIG}\n",
        f"\ufeff{BODY}\n{SIG[:-1]}\n",
    ],
)
def test_malformed_notes_are_refused(text: str) -> None:
    with pytest.raises(Tampered):
        parse_note(text)


@pytest.mark.parametrize(
    "size", ["007", "+5", "-1", "1_0", "٣", "", " 7", "7 ", "7.0", "0x7", "9223372036854775808", "1" * 5000]
)
def test_malformed_sizes_are_refused(size: str) -> None:
    with pytest.raises(Tampered):
        parse_checkpoint(f"a.example/log\n{size}\n{to_base64(ROOT)}\n".encode())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        BODY.encode()[:-1],
        BODY.encode() + b"extension\n",
        BODY.encode() + b"extension",
        BODY.encode() + b"\n",
        b"\n" + BODY.encode(),
        BODY.replace("a.example/log", "").encode(),
        BODY.replace("a.example/log", "a log").encode(),
        BODY.replace("a.example/log", "a+log").encode(),
        BODY.replace("=", "").encode(),
        BODY.encode().replace(b"a.", b"\xff."),
        f"a.example/log\n7\n{to_base64(ROOT[:31])}\n".encode(),
        f"a.example/log\n7\n{to_base64(ROOT + ROOT)}\n".encode(),
        f"a.example/log\n0\n{to_base64(ROOT)}\n".encode(),
    ],
)
def test_malformed_checkpoints_are_refused(body: bytes) -> None:
    with pytest.raises(Tampered):
        parse_checkpoint(body)


@given(st.text(max_size=40), st.integers(-5, 2**64), st.binary(min_size=32, max_size=32))
def test_whatever_can_be_a_checkpoint_reads_back_as_the_same(origin: str, size: int, root: bytes) -> None:
    try:
        checkpoint = Checkpoint(origin, size, root)
    except ValueError:
        return
    assert parse_checkpoint(checkpoint.body()) == checkpoint


@given(st.text(max_size=200))
def test_any_text_parses_or_is_tampering(text: str) -> None:
    for candidate in (text, f"{BODY}\n{text}\n", f"{text}\n\n{SIG}\n"):
        try:
            parse_note(candidate)
        except Tampered:
            continue


def test_what_cannot_be_signed(log_key: Any, origin: str) -> None:
    assert Checkpoint(origin, 0, EMPTY_ROOT).size == 0
    with pytest.raises(ValueError, match="origin"):
        sign_note(Checkpoint(origin, 7, ROOT), "other.example/log", log_key.public, log_key.sign)
    with pytest.raises(ValueError, match="64 bytes"):
        sign_note(Checkpoint(origin, 7, ROOT), origin, log_key.public, lambda _: b"short")
    for name in ("", "a b", "a+b", "a\nb", "a\u2003b", "a\x01", "a\ud800"):
        with pytest.raises(ValueError):
            key_hash(name, log_key.public)
    with pytest.raises(ValueError):
        key_hash(origin, log_key.public[:31])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "example.com/foo",
        "example.com/foo+530d903a",
        EXAMPLE_KEY.replace("530d903a", "530D903A"),
        EXAMPLE_KEY.replace("530d903a", "530d903b"),
        EXAMPLE_KEY.replace("foo", "bar"),
        EXAMPLE_KEY + "\n",
        EXAMPLE_KEY + "AAAA",
        " " + EXAMPLE_KEY,
        EXAMPLE_KEY.replace("+Aek", "+Bek"),
        f"example.com/foo+530d903a+{to_base64(b'')}",
        "example.com/foo+530d903a+" + to_base64(b"\x04" + from_base64(EXAMPLE_KEY.split("+", 2)[2])[1:]),
    ],
)
def test_malformed_verifier_keys_are_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_verifier_key(text)
