"""A statement is the very bytes that we signed, or it is nothing."""

import base64
import json
from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import signatures
from broker.crypto.encoding import b64url
from broker.crypto.keyring import KeyPurpose, Keyring, make_key
from broker.crypto.signatures import (
    RECEIPT_TYPE,
    RECORD_TYPE,
    LogSigner,
    RecordNotary,
    ed25519_holds,
    read_statement,
    sign_statement,
)
from broker.domain.consents import Stance
from broker.domain.records import document_of
from broker.errors import Tampered
from tests.factories import NOW, a_keyring, a_record

KEYS = a_keyring()
KEY = KEYS.current(KeyPurpose.RECORDS)
RECORD = a_record()
DOCUMENT = document_of(RECORD, "https://broker.example/mine")
STATEMENT = sign_statement(KEY, RECORD_TYPE, DOCUMENT)
HEADER = {"alg": "EdDSA", "kid": KEY.kid, "typ": RECORD_TYPE}


def notary(keys: Keyring = KEYS) -> RecordNotary:
    return RecordNotary(keys, "https://broker.example/mine")


def part(value) -> str:
    return b64url(value if isinstance(value, bytes) else json.dumps(value, separators=(",", ":")).encode())


def forged(header, payload: bytes, sign=KEY.private.sign) -> str:
    """A JWS whose signature holds over these very parts."""
    signing = f"{part(header)}.{part(payload)}"
    return f"{signing}.{b64url(sign(signing.encode()))}"


def read(statement: str):
    return read_statement(KEYS, KeyPurpose.RECORDS, RECORD_TYPE, statement)


def test_a_record_comes_back_through_its_signature():
    assert notary().read(notary().sign(RECORD)) == RECORD
    assert forged(HEADER, rfc8785.dumps(DOCUMENT)).count(".") == 2
    assert read(forged(HEADER, rfc8785.dumps(DOCUMENT))) == DOCUMENT


def test_no_algorithm_but_our_own_is_read():
    payload = rfc8785.dumps(DOCUMENT)
    none = f"{part({**HEADER, 'alg': 'none'})}.{part(payload)}."
    unsigned = f"{part(HEADER)}.{part(payload)}."
    hmac = jwt.api_jws.PyJWS(algorithms=["HS256"]).encode(
        payload, KEY.public_raw, algorithm="HS256", headers={"typ": RECORD_TYPE, "kid": KEY.kid}
    )
    for statement in (none, none + "x", unsigned, hmac, forged({**HEADER, "alg": "Ed25519"}, payload)):
        with pytest.raises(Tampered):
            read(statement)


@pytest.mark.parametrize(
    "change",
    [
        {"typ": RECEIPT_TYPE},
        {"typ": "JWT"},
        {"typ": RECORD_TYPE.upper()},
        {"kid": "A" * 43},
        {"kid": ""},
        {"kid": 1},
        {"kid": [KEY.kid]},
        {"kid": {"a": 1}},
        {"kid": None},
        {"alg": ["EdDSA"]},
        {"jwk": KEY.public_jwk()},
        {"crit": ["exp"], "exp": 1},
        {"b64": False},
        {"b64": True},
        {"cty": "json"},
    ],
)
def test_no_header_but_our_own_is_read(change):
    with pytest.raises(Tampered):
        read(forged({**HEADER, **change}, rfc8785.dumps(DOCUMENT)))


@pytest.mark.parametrize("name", sorted(HEADER))
def test_a_header_without_one_of_its_members_is_not_read(name):
    with pytest.raises(Tampered):
        read(forged({k: v for k, v in HEADER.items() if k != name}, rfc8785.dumps(DOCUMENT)))


def test_a_key_that_comes_along_is_never_used():
    mine = Ed25519PrivateKey.generate()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": b64url(mine.public_key().public_bytes_raw())}
    for header in (
        HEADER,
        {**HEADER, "jwk": jwk},
        {**HEADER, "kid": "mine", "jwk": jwk},
        {**HEADER, "x5u": "https://x"},
    ):
        with pytest.raises(Tampered):
            read(forged(header, rfc8785.dumps(DOCUMENT), mine.sign))


def test_a_key_of_another_purpose_does_not_sign_records():
    for purpose in (KeyPurpose.LOG, KeyPurpose.RECEIPTS, KeyPurpose.TOKENS):
        with pytest.raises(Tampered):
            read(sign_statement(KEYS.current(purpose), RECORD_TYPE, DOCUMENT))
    with pytest.raises(Tampered):
        notary(a_keyring()).read(STATEMENT)


def test_a_receipt_does_not_pass_for_a_record_nor_the_other_way():
    receipt = notary().receipt(DOCUMENT)
    with pytest.raises(Tampered):
        notary().read(receipt)
    assert read_statement(KEYS, KeyPurpose.RECORDS, RECEIPT_TYPE, receipt) == DOCUMENT
    with pytest.raises(Tampered):
        read_statement(KEYS, KeyPurpose.RECORDS, RECEIPT_TYPE, STATEMENT)


@pytest.mark.parametrize(
    "payload",
    [
        json.dumps(DOCUMENT).encode(),
        json.dumps(DOCUMENT, separators=(",", ":")).encode(),
        rfc8785.dumps(DOCUMENT) + b"\n",
        b" " + rfc8785.dumps(DOCUMENT),
        rfc8785.dumps(DOCUMENT).replace(b'"evidence":', b'"evidence":"oidc","evidence":', 1),
        rfc8785.dumps(DOCUMENT)[:-1] + b',"handover":"h-2"}',
        rfc8785.dumps([DOCUMENT]),
        b"null",
        b"",
        b"{}{}",
        b"\xff",
        b'{"a":NaN}',
        b'{"a":1e999}',
        b'{"a":' + b"9" * 400 + b"}",
        b"[" * 50000,
    ],
)
def test_a_payload_that_is_not_canonical_is_not_read_although_it_is_signed(payload):
    with pytest.raises(Tampered):
        read(forged(HEADER, payload))


@pytest.mark.parametrize("more", ["=", "==", "\n", " ", "!", "!!!!", "\n\n\n\n", ".", ".e30", "A", "AAAA", "é", "\0"])
def test_garbage_around_a_statement_is_tampered(more):
    segments = STATEMENT.split(".")
    for place in range(3):
        before = [*segments[:place], segments[place] + more, *segments[place + 1 :]]
        after = [*segments[:place], more + segments[place], *segments[place + 1 :]]
        for statement in (".".join(before), ".".join(after)):
            with pytest.raises(Tampered):
                read(statement)


def test_a_signature_has_one_writing():
    """The last sign of 64 bytes in base64url holds four bits that a lenient reader drops."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    held = [sign for sign in alphabet if _holds(STATEMENT[:-1] + sign)]
    assert held == [STATEMENT[-1]]
    plain = STATEMENT.replace("-", "+").replace("_", "/")
    assert plain == STATEMENT or not _holds(plain)


def _holds(statement: str) -> bool:
    try:
        read(statement)
    except Tampered:
        return False
    return True


@given(st.integers(0, len(STATEMENT) - 1), st.sampled_from("Aa0-_.=\u00e9"))
def test_any_changed_sign_is_tampered(position, sign):
    changed = STATEMENT[:position] + sign + STATEMENT[position + 1 :]
    if changed != STATEMENT:
        with pytest.raises(Tampered):
            read(changed)


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda raw: base64.b64encode(raw).decode()))
def test_whatever_else_is_stored_there_is_tampered(text):
    with pytest.raises(Tampered):
        read(text)


def test_a_header_nested_too_deeply_is_tampered():
    with pytest.raises(Tampered):
        read(f"{part(b'[' * 100_000)}.{part(b'{}')}.{part(b'x' * 64)}")


def test_what_was_read_once_and_then_altered_is_refused():
    door = notary()
    assert door.read(STATEMENT) == RECORD
    other = sign_statement(KEY, RECORD_TYPE, document_of(replace(RECORD, state=Stance.REFUSED), "x"))
    head, body, signature = STATEMENT.split(".")
    for altered in (
        f"{head}.{other.split('.')[1]}.{signature}",
        f"{head}.{body}.{other.split('.')[2]}",
        STATEMENT + "!!!!",
        STATEMENT[:-1],
    ):
        with pytest.raises(Tampered):
            door.read(altered)
        with pytest.raises(Tampered):
            door.read(altered)
    assert door.read(STATEMENT) == RECORD


def test_only_what_held_is_remembered_and_not_without_end(monkeypatch):
    monkeypatch.setattr(signatures, "_REMEMBERED", 2)
    verified = []
    monkeypatch.setattr(
        signatures, "read_statement", lambda *given: verified.append(given[3]) or read_statement(*given)
    )
    door = notary()
    statements = [door.sign(a_record(serial=serial)) for serial in (1, 2, 3)]
    for _ in range(2):
        assert door.read(statements[0]).serial == 1
    assert verified == statements[:1]
    door.read(statements[1])
    door.read(statements[2])
    door.read(statements[0])
    assert verified == [*statements, statements[0]]
    with pytest.raises(Tampered):
        door.read("nonsense")
    assert len(door._held) == 2


def test_older_keys_go_on_verifying_and_the_newest_signs():
    newer = make_key(KeyPurpose.RECORDS, NOW + timedelta(days=1))
    rotated = notary(Keyring((*(k for p in KeyPurpose for k in KEYS.all(p)), newer)))
    assert rotated.read(STATEMENT) == RECORD
    assert jwt.get_unverified_header(rotated.sign(RECORD))["kid"] == newer.kid


def test_a_receipt_of_the_log_is_for_exactly_one_leaf():
    signer = LogSigner(KEYS)
    kid, signature = signer.receipt(b"leaf")
    assert signer.receipt_holds(kid, signature, b"leaf")
    assert not signer.receipt_holds(kid, signature, b"Leaf")
    assert not signer.receipt_holds(kid, signature[:-1], b"leaf")
    assert not signer.receipt_holds(kid, b"", b"leaf")
    assert not signer.receipt_holds("other", signature, b"leaf")
    assert not LogSigner(a_keyring()).receipt_holds(kid, signature, b"leaf")
    assert ed25519_holds(signer.receipt_keys()[kid], signature, b"leaf")
    assert not ed25519_holds(b"no key", signature, b"leaf")
    assert ed25519_holds(signer.checkpoint_keys()[-1], signer.sign_checkpoint(b"body"), b"body")


def counted(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    checked: list[bytes] = []

    def check(public: bytes, signature: bytes, leaf: bytes) -> bool:
        checked.append(leaf)
        return ed25519_holds(public, signature, leaf)

    monkeypatch.setattr("broker.crypto.signatures.ed25519_holds", check)
    return checked


def test_a_receipt_that_was_just_made_here_is_known_again_and_any_other_is_checked(monkeypatch):
    checked, signer = counted(monkeypatch), LogSigner(KEYS)
    kid, signature = signer.receipt(b"leaf")
    assert signer.receipt_holds(kid, signature, b"leaf")
    assert checked == []
    for changed in (bytes([signature[0] ^ 1]) + signature[1:], signature + b"\0", b""):
        assert not signer.receipt_holds(kid, changed, b"leaf")
    assert not signer.receipt_holds(kid, signature, b"another")
    assert not signer.receipt_holds(kid, signature[:-1], signature[-1:] + b"leaf"), "the same bytes, cut elsewhere"
    assert len(checked) == 5
    assert LogSigner(KEYS).receipt_holds(kid, signature, b"leaf"), "somebody else checks it"
    assert len(checked) == 6


def test_what_is_remembered_of_receipts_is_bounded_and_dies_with_its_key(monkeypatch):
    monkeypatch.setattr("broker.crypto.signatures._REMEMBERED", 2)
    checked, signer = counted(monkeypatch), LogSigner(KEYS)
    made = [(*signer.receipt(leaf), leaf) for leaf in (b"1", b"2", b"3")]
    assert all(signer.receipt_holds(*receipt) for receipt in made)
    assert checked == [b"1"]
    assert len(signer._made) == 2
    signer._keyring = a_keyring()
    assert not any(signer.receipt_holds(*receipt) for receipt in made)
