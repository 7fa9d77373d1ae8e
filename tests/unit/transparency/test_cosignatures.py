"""A cosignature is read in one writing only, holds for one text, one time and one key, and a quorum cannot be faked."""

import hashlib
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Tampered, Unsafe
from broker.transparency.canonical import from_base64, to_base64
from broker.transparency.checkpoints import (
    COSIGNATURE,
    Checkpoint,
    parse_signature,
    sign_note,
    signature_line,
    verifier_key,
)
from broker.transparency.cosignatures import (
    LATEST_TIME,
    Submission,
    cosign,
    cosigned_at,
    is_by,
    parse_cosignatures,
    parse_size_answer,
    parse_submission,
    size_answer,
)
from broker.transparency.policies import cosigners, parse_policy, read_policy, with_cosignatures
from broker.transparency.verdicts import TrustedKeys
from broker.transparency.verifier import verify_cosigned

ROOT = hashlib.sha256(b"root").digest()
NAME, TIME = "witness.example/1", 1_780_000_000


@pytest.fixture(scope="module")
def witnesses(origin: str) -> dict[str, Any]:
    keys = {name: Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n, name in enumerate("abc", 20)}
    return {name: (key.public_key().public_bytes_raw(), key.sign) for name, key in keys.items()}


@pytest.fixture(scope="module")
def note(log_key: Any, origin: str) -> str:
    return sign_note(Checkpoint(origin, 7, ROOT), origin, log_key.public, log_key.sign)


@pytest.fixture(scope="module")
def body(origin: str) -> bytes:
    return Checkpoint(origin, 7, ROOT).body()


def policy_text(witnesses: dict[str, Any], rule: str = "group g 2 a b c\nquorum g\n") -> str:
    lines = [
        f"witness {name} {verifier_key(f'w.example/{name}', public, COSIGNATURE)} https://w.example/{name}"
        for name, (public, _) in witnesses.items()
    ]
    return "\n".join([*lines, rule])


def line_of(witnesses: dict[str, Any], name: str, body: bytes, time: int = TIME) -> str:
    public, sign = witnesses[name]
    return cosign(body, f"w.example/{name}", public, time, sign)


def test_a_cosignature_holds_for_its_text_its_time_and_its_key_only(witnesses, body, log_key) -> None:
    public, _ = witnesses["a"]
    line = parse_signature(line_of(witnesses, "a", body))
    assert is_by(line, "w.example/a", public)
    assert cosigned_at(line, body, public, log_key.check) == TIME
    assert cosigned_at(line, body + b"x", public, log_key.check) is None
    assert cosigned_at(line, body, witnesses["b"][0], log_key.check) is None
    assert not is_by(line, "w.example/b", public)
    assert not is_by(line, "w.example/a", witnesses["b"][0])


def test_every_flipped_bit_of_a_cosignature_is_noticed(witnesses, body, note, log_key) -> None:
    policy = parse_policy(policy_text(witnesses, "quorum a\n"))
    line = line_of(witnesses, "a", body)
    head, _, encoded = line.rpartition(" ")
    blob = from_base64(encoded)
    assert cosigners(f"{note}{line}\n", policy, log_key.check).enough
    for position in range(len(blob) * 8):
        flipped = bytearray(blob)
        flipped[position // 8] ^= 1 << position % 8
        changed = f"{note}{head} {to_base64(bytes(flipped))}\n"
        try:
            assert not cosigners(changed, policy, log_key.check).enough  # another key's id: nobody we know
            assert position < 32
        except Tampered:
            assert position >= 32


def test_every_flipped_bit_of_a_cosigned_checkpoint_is_noticed(witnesses, body, note, origin, log_key) -> None:
    policy = parse_policy(policy_text(witnesses, "quorum a\n"))
    whole = f"{note}{line_of(witnesses, 'a', body)}\n".encode()
    trusted = TrustedKeys(logs={origin: log_key.public})
    assert verify_cosigned(whole.decode(), policy, trusted, log_key.check).ok
    for position in range(len(whole) * 8):
        flipped = bytearray(whole)
        flipped[position // 8] ^= 1 << position % 8
        text = bytes(flipped).decode(errors="surrogateescape")
        assert not verify_cosigned(text, policy, trusted, log_key.check).ok, position


@pytest.mark.parametrize("time", [0, -1, LATEST_TIME + 1])
def test_a_time_that_no_cosignature_has_is_refused(witnesses, body, log_key, time) -> None:
    public, sign = witnesses["a"]
    with pytest.raises(ValueError):
        cosign(body, NAME, public, time, sign)
    raw = (time % 2**64).to_bytes(8, "big") + sign(f"cosignature/v1\ntime {time}\n".encode() + body)
    line = parse_signature(cosign(body, NAME, public, TIME, sign))
    assert cosigned_at(type(line)(line.name, line.key_id, raw), body, public, log_key.check) is None


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=63), st.integers(0, 2**63 - 1), st.data())
def test_a_submission_reads_back_in_one_writing_only(note, proof, old, data) -> None:
    submission = Submission(old, tuple(proof), note)
    assert parse_submission(submission.text().encode())[0] == submission
    raw = bytearray(submission.text().encode())
    position = data.draw(st.integers(0, len(raw) - 1))
    raw[position] = data.draw(st.integers(0, 255))
    try:
        read, _ = parse_submission(bytes(raw))
    except Tampered:
        return
    assert read.text().encode() == bytes(raw)


@given(st.binary(max_size=400) | st.text(max_size=200).map(lambda text: text.encode(errors="surrogatepass")))
def test_no_bytes_make_a_parser_raise_anything_else(raw) -> None:
    for parse in (parse_submission, lambda b: parse_cosignatures(b.decode()), lambda b: parse_size_answer(b.decode())):
        try:
            parse(raw)
        except (Tampered, UnicodeDecodeError):
            continue


@given(st.integers(0, LATEST_TIME))
def test_a_size_reads_back(size) -> None:
    assert parse_size_answer(size_answer(size)) == size


@pytest.mark.parametrize(
    "text", ["", "7", "07\n", "+7\n", " 7\n", "7\n\n", "7\r\n", "٣\n", "-1\n", "9223372036854775808\n", "1_0\n", "x\n"]
)
def test_what_is_no_size_is_refused(text) -> None:
    with pytest.raises(Tampered):
        parse_size_answer(text)
    with pytest.raises(Tampered):
        parse_submission(f"old {text}\n".encode())


@pytest.mark.parametrize(
    "text", ["", "\n", "x", "\u2014 a b\n", "\u2014 w AAAA\n", "\u2014 w AAAAAAA=\r\n", "\u2014 w AAAAAAA=\n\n"]
)
def test_what_is_no_answer_of_a_witness_is_refused(text) -> None:
    with pytest.raises(Tampered):
        parse_cosignatures(text)


# --- policies ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "enough", "missing"),
    [("", False, "abc"), ("a", False, "bc"), ("ab", True, "c"), ("bc", True, "a"), ("abc", True, "")],
)
def test_two_of_three_must_have_cosigned(witnesses, body, note, log_key, origin, names, enough, missing) -> None:
    policy = parse_policy(policy_text(witnesses))
    text = note + "".join(f"{line_of(witnesses, name, body)}\n" for name in names)
    found = cosigners(text, policy, log_key.check)
    assert (found.enough, "".join(found.missing), policy.fewest) == (enough, missing, 2)
    verdict = verify_cosigned(text, policy, TrustedKeys(logs={origin: log_key.public}), log_key.check)
    assert verdict.code == (0 if enough else 2)
    assert enough or f"missing: {', '.join(missing)}" in verdict.sentence


def test_one_witness_that_signs_many_times_counts_once(witnesses, body, note, log_key) -> None:
    policy = parse_policy(policy_text(witnesses))
    lines = [line_of(witnesses, "a", body, TIME + n) for n in range(5)]
    found = cosigners(note + "".join(f"{line}\n" for line in lines), policy, log_key.check)
    assert (found.enough, found.times) == (False, {"a": TIME + 4})


def test_a_cosignature_of_another_text_does_not_count_and_spoils_the_note(witnesses, body, note, log_key) -> None:
    policy = parse_policy(policy_text(witnesses))
    wrong = line_of(witnesses, "a", body.replace(b"\n7\n", b"\n8\n"))
    with pytest.raises(Tampered):
        cosigners(f"{note}{wrong}\n", policy, log_key.check)
    good = line_of(witnesses, "b", body)
    stranger = cosign(body, "stranger.example", log_key.public, TIME, log_key.sign)
    put = with_cosignatures(note, [wrong, good, good, stranger, "junk", f"{good}\n{good}", ""], policy, log_key.check)
    assert put == f"{note}{good}\n"


def test_a_witness_key_is_no_log_key_and_the_other_way_round(witnesses, origin, log_key) -> None:
    public = witnesses["a"][0]
    with pytest.raises(Unsafe):
        parse_policy(f"witness a {verifier_key('w', public)}\nquorum a\n")
    with pytest.raises(Unsafe):
        parse_policy(f"log {verifier_key(origin, log_key.public, COSIGNATURE)}\nquorum none\n")


def test_groups_of_groups_count_each_member_once(witnesses) -> None:
    policy = parse_policy(policy_text(witnesses, "group x all a b\ngroup y any x c\n quorum\ty \n# a comment\n"))
    assert (policy.suffices("c"), policy.suffices("a"), policy.suffices("ab"), policy.fewest) == (True, False, True, 1)
    none = parse_policy("quorum none")
    assert (none.suffices(()), none.fewest) == (True, 0)


WRONG = [
    "", "quorum", "quorum a b", "quorum z", "quorum a\nquorum a", "group g 0 a\nquorum g", "group g 4 a b c\nquorum g",
    "group g 02 a b\nquorum g", "group g ٢ a b\nquorum g", "group g -1 a\nquorum g", "group g 1\nquorum g",
    "group g 2 a a\nquorum g", "group g any a\ngroup h any a\nquorum h", "group g any h\ngroup h any a\nquorum g",
    "group none any a\nquorum none", "group a any b\nquorum a", "group g any none\nquorum g", "threshold 2\nquorum a",
    "quorum a\x00", "quorum a\r", "Quorum a", "witness d KEY https://x y\nquorum a", "witness a2 AKEY\nquorum a",
]  # fmt: skip


@pytest.mark.parametrize("rule", WRONG)
def test_a_policy_that_is_not_right_is_refused(witnesses, rule) -> None:
    again = verifier_key("other.example", witnesses["a"][0], COSIGNATURE)
    with pytest.raises(Unsafe):
        parse_policy(policy_text(witnesses, rule.replace("AKEY", again)))


@given(
    st.text(max_size=120)
    | st.lists(st.sampled_from(["quorum", "group", "any", "a", "\n", " ", "none", "2"])).map("".join)
)
def test_no_text_makes_the_policy_reader_raise_anything_else(text) -> None:
    try:
        parse_policy(text)
    except Unsafe:
        return


def test_a_policy_with_a_log_believes_that_log_only(witnesses, body, note, log_key, stranger, origin) -> None:
    rule = f"log {verifier_key(origin, log_key.public)}\nquorum a\n"
    policy = parse_policy(policy_text(witnesses, rule))
    line = line_of(witnesses, "a", body)
    assert cosigners(f"{note}{line}\n", policy, log_key.check).enough
    forged = sign_note(Checkpoint(origin, 7, ROOT), origin, stranger.public, stranger.sign)
    with pytest.raises(Tampered):
        cosigners(f"{forged}{line}\n", policy, log_key.check)
    other = parse_policy(policy_text(witnesses, f"log {verifier_key('other.example', log_key.public)}\nquorum a\n"))
    assert (
        verify_cosigned(f"{note}{line}\n", other, TrustedKeys(logs={origin: log_key.public}), log_key.check).code == 2
    )


def test_a_file_that_cannot_be_read_is_refused(tmp_path) -> None:
    for path in (tmp_path, tmp_path / "not-there"):
        with pytest.raises(Unsafe):
            read_policy(path)


def test_a_signature_line_reads_back(witnesses, body) -> None:
    line = line_of(witnesses, "a", body)
    assert signature_line(parse_signature(line)) == line
    with pytest.raises(Tampered):
        parse_signature(f"{line}\n")
