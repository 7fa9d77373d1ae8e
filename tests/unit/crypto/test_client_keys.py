"""An organisation's key is made where it is used; only its public half ever leaves, and nothing else is read as one."""

import json
import stat

import pytest

from broker.crypto.assertions import check_public_jwk
from broker.crypto.client_keys import ClientKey
from broker.crypto.encoding import b64url, thumbprint


def test_a_key_comes_back_from_its_file(tmp_path):
    key = ClientKey.new()
    key.write(tmp_path / "key.json")
    assert ClientKey.read(tmp_path / "key.json").public_jwk() == key.public_jwk()
    assert stat.S_IMODE((tmp_path / "key.json").stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        ClientKey.new().write(tmp_path / "key.json")


def test_the_public_half_is_public_and_can_be_registered():
    key = ClientKey.new()
    jwk = key.public_jwk()
    assert "d" not in jwk
    assert check_public_jwk(jwk) == key.kid == thumbprint({n: jwk[n] for n in ("crv", "kty", "x")})


def test_it_never_prints():
    key = ClientKey.new()
    raw = key.private.private_bytes_raw()
    for text in (repr(key), str(key), json.dumps(key.public_jwk())):
        assert b64url(raw) not in text
        assert raw.hex() not in text


def files():
    jwk = {**ClientKey.new().public_jwk(), "d": b64url(b"q" * 32)}
    whole = {**ClientKey.new().public_jwk()}
    return {
        "no JSON": b"{",
        "a list": b"[]",
        "a number": b"5",
        "no private key": json.dumps(whole).encode(),
        "a short key": json.dumps({**jwk, "d": b64url(b"q" * 31)}).encode(),
        "padding": json.dumps({**jwk, "d": b64url(b"q" * 32) + "="}).encode(),
        "a number for a key": json.dumps({**jwk, "d": 5}).encode(),
        "halves of two keys": json.dumps(jwk).encode(),
        "a P-256 key, which has 32 bytes too": json.dumps({**jwk, "kty": "EC", "crv": "P-256", "y": "AA"}).encode(),
        "no text": b"\xff",
    }


@pytest.mark.parametrize("name", sorted(files()))
def test_anything_else_is_refused_and_quotes_nothing(tmp_path, name):
    path = tmp_path / "key.json"
    path.write_bytes(files()[name])
    with pytest.raises(ValueError, match="no Ed25519 private key in JWK form") as wrong:
        ClientKey.read(path)
    assert wrong.value.__suppress_context__
    assert b64url(b"q" * 32)[:8] not in str(wrong.value)


def test_a_file_that_is_not_there_is_refused_alike(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ValueError, match="no Ed25519"):
            ClientKey.read(path)
