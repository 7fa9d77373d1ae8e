"""A keyring with a fault does not load, says which file, and never shows a key."""

import base64
import hashlib
import json
import stat
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.encoding import b64url, from_b64url, thumbprint
from broker.crypto.envelopes import FieldCipher, Vault
from broker.crypto.keyring import SIGNING, Key, KeyPurpose, Keyring, load_keyring, make_key, write_key
from broker.crypto.pseudonyms import Pseudonymiser
from broker.crypto.sealing import ALGORITHM, SealingKey
from broker.crypto.signatures import LogSigner, RecordNotary
from broker.crypto.tokens import AccessTokens
from broker.errors import Unsafe
from tests.factories import NOW


def write_all(directory, **more) -> list[Key]:
    keys = [make_key(purpose, NOW, **more) for purpose in KeyPurpose]
    for key in keys:
        write_key(directory, key)
    return keys


def test_what_is_written_is_read_back(tmp_path):
    keys = write_all(tmp_path / "keys")
    ring = load_keyring(tmp_path / "keys")
    for key in keys:
        assert ring.get(key.purpose, key.kid) == key
        assert ring.current(key.purpose).secret == key.secret
    assert not ring.demo


def test_a_key_file_is_its_owners_alone_and_never_overwritten(tmp_path):
    key = make_key(KeyPurpose.RECORDS, NOW)
    path = write_key(tmp_path / "keys", key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "keys").stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        write_key(tmp_path / "keys", key)


def test_the_thumbprint_is_that_of_rfc_7638_and_rfc_8037():
    """RFC 8037 appendix A.3: an Ed25519 key and its thumbprint."""
    x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert thumbprint({"kty": "OKP", "x": x, "crv": "Ed25519"}) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_the_thumbprint_is_that_of_rfc_7638_section_3_1():
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3ok"
        "nj0KVYoSV5J9MopsKtqEFUA7aRoc9GAe2Qe2xqnbm4OKzPcSMd8JAYzVFPvEVhqr_JAEmc9PWOxiGXpgA1Z9vqJaULxaeQl"
    )
    expected = b64url(hashlib.sha256(f'{{"e":"AQAB","kty":"RSA","n":"{n}"}}'.encode()).digest())
    assert thumbprint({"n": n, "e": "AQAB", "kty": "RSA"}) == expected


def test_each_kid_is_the_thumbprint_of_its_key():
    for purpose in KeyPurpose:
        key = make_key(purpose, NOW)
        if purpose in SIGNING:
            public = Ed25519PrivateKey.from_private_bytes(key.secret).public_key().public_bytes_raw()
            members = {"crv": "Ed25519", "kty": "OKP", "x": b64url(public)}
            assert {name: key.public_jwk()[name] for name in members} == members
        elif purpose is KeyPurpose.INTAKE:
            members = {"alg": ALGORITHM, "kty": "AKP", "pub": b64url(SealingKey(key.secret).public.raw)}
        else:
            members = {"k": b64url(key.secret), "kty": "oct"}
        assert key.kid == thumbprint(members)


def test_a_public_key_holds_nothing_private():
    key = make_key(KeyPurpose.TOKENS, NOW)
    assert set(key.public_jwk()) == {"kty", "crv", "x", "kid", "alg", "use"}
    assert b64url(key.secret) not in json.dumps(key.public_jwk())


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o602, 0o610, 0o644])
def test_a_file_that_others_may_touch_is_refused(tmp_path, mode):
    path = tmp_path / f"{write_all(tmp_path)[0].purpose}.x.json"
    path = next(tmp_path.glob("records.*.json"))
    path.chmod(mode)
    with pytest.raises(Unsafe, match=r"can be read by others") as refused:
        load_keyring(tmp_path)
    assert path.name in refused.value.words.en


def damages():
    def change(**members):
        return lambda document, path: {**document, **members}

    return {
        "no JSON": lambda document, path: b"{" + json.dumps(document).encode(),
        "a list": lambda document, path: [document],
        "nothing": lambda document, path: b"",
        "no text": lambda document, path: b"\xff\xfe" + json.dumps(document).encode(),
        "no key": lambda document, path: {k: v for k, v in document.items() if k not in ("d", "k")},
        "no creation": lambda document, path: {k: v for k, v in document.items() if k != "created"},
        "no demo mark": lambda document, path: {k: v for k, v in document.items() if k != "demo"},
        "another kid": change(kid="A" * 43),
        "another purpose": change(purpose="log"),
        "no purpose": change(purpose="everything"),
        "a short key": change(d=b64url(b"x" * 31), k=b64url(b"x" * 31), priv=b64url(b"x" * 31)),
        "a long key": change(d=b64url(b"x" * 33), k=b64url(b"x" * 33), priv=b64url(b"x" * 33)),
        "another key": change(d=b64url(b"y" * 32), k=b64url(b"y" * 32), priv=b64url(b"y" * 32)),
        "padding": lambda document, path: {
            **document, **{n: document[n] + "=" for n in ("d", "k") if n in document}
        },
        "a number": change(d=1, k=1),
        "a naive time": change(created="2026-01-01T00:00:00"),
        "no time": change(created="yesterday"),
    }  # fmt: skip


@pytest.mark.parametrize("purpose", [KeyPurpose.RECORDS, KeyPurpose.WRAPPING])
@pytest.mark.parametrize("damage", sorted(damages()))
def test_a_damaged_file_is_refused_by_name_and_quotes_nothing(tmp_path, purpose, damage):
    write_all(tmp_path)
    path = next(tmp_path.glob(f"{purpose}.*.json"))
    document = json.loads(path.read_bytes())
    secret = document.get("d") or document["k"]
    damaged = damages()[damage](document, path)
    path.write_bytes(damaged if isinstance(damaged, bytes) else json.dumps(damaged).encode())
    with pytest.raises(Unsafe, match="is damaged") as refused:
        load_keyring(tmp_path)
    said = f"{refused.value!r} {refused.value.words} {refused.value.__cause__}"
    assert path.name in said
    assert secret[:8] not in said
    assert refused.value.__suppress_context__


def test_a_renamed_file_is_refused(tmp_path):
    write_all(tmp_path)
    path = next(tmp_path.glob("log.*.json"))
    path.rename(path.with_name(f"log.{'A' * 43}.json"))
    with pytest.raises(Unsafe, match="is damaged"):
        load_keyring(tmp_path)


def test_a_folder_in_the_place_of_a_key_is_refused(tmp_path):
    write_all(tmp_path)
    (tmp_path / "log.folder.json").mkdir(mode=0o700)
    with pytest.raises(Unsafe, match="is damaged"):
        load_keyring(tmp_path)


def test_missing_keys_are_named_all_at_once(tmp_path):
    write_all(tmp_path)
    for purpose in ("log", "codes"):
        next(tmp_path.glob(f"{purpose}.*.json")).unlink()
    with pytest.raises(Unsafe, match="log, codes") as refused:
        load_keyring(tmp_path)
    assert "broker keys init" in refused.value.words.en
    with pytest.raises(Unsafe, match="keys init"):
        load_keyring(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Unsafe, match="records"):
        load_keyring(tmp_path / "empty")


@given(st.permutations(range(3)))
def test_the_newest_key_is_used_and_older_ones_stay(order):
    base = tuple(make_key(purpose, NOW) for purpose in KeyPurpose)
    newer = [make_key(KeyPurpose.LOG, NOW + timedelta(days=days)) for days in (1, 2, 3)]
    ring = Keyring(base + tuple(newer[i] for i in order))
    assert ring.current(KeyPurpose.LOG) == newer[2]
    assert ring.all(KeyPurpose.LOG)[1:] == tuple(newer)
    assert ring.get(KeyPurpose.LOG, newer[0].kid) == newer[0]
    assert ring.get(KeyPurpose.RECORDS, newer[0].kid) is None


def test_one_demonstration_key_makes_a_demonstration():
    keys = [make_key(purpose, NOW) for purpose in KeyPurpose]
    assert not Keyring(tuple(keys)).demo
    keys[3] = replace(keys[3], demo=True)
    assert Keyring(tuple(keys)).demo


def test_secrets_never_print(tmp_path, keyring):
    holders = [
        keyring,
        *(key for purpose in KeyPurpose for key in keyring.all(purpose)),
        Vault(keyring),
        FieldCipher(keyring),
        Pseudonymiser(keyring),
        RecordNotary(keyring, "https://broker.example"),
        LogSigner(keyring),
        AccessTokens(keyring, "https://broker.example"),
    ]
    for purpose in KeyPurpose:
        secret = keyring.current(purpose).secret
        shapes = [repr(secret)[2:-1], secret.hex(), b64url(secret), base64.b64encode(secret).decode()]
        for holder in holders:
            printed = f"{holder!r} {holder!s}"
            assert not [shape for shape in shapes if shape in printed]


@given(st.binary(max_size=80))
def test_base64url_comes_back(raw):
    assert from_b64url(b64url(raw)) == raw
    assert "=" not in b64url(raw)


@pytest.mark.parametrize("text", ["QQ==", "QR", "Q", "Q Q", "QUI\n", "Q+8", "Q/8", "é", "QUJD!"])
def test_only_canonical_base64url_is_read(text):
    with pytest.raises(ValueError):
        from_b64url(text)


def test_the_newest_is_by_time_not_by_name(tmp_path):
    write_all(tmp_path)
    later = make_key(KeyPurpose.TOKENS, datetime(2027, 1, 1, tzinfo=UTC))
    write_key(tmp_path, later)
    assert load_keyring(tmp_path).current(KeyPurpose.TOKENS) == later
