"""An organisation's key is made where it is used; only its public half ever leaves, and nothing else is read as one."""

import json
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from broker.crypto.assertions import check_public_jwk
from broker.crypto.client_keys import ClientKey, ClientSealingKey
from broker.crypto.encoding import b64url, thumbprint
from broker.crypto.sealing import SealingPublicKey


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


@pytest.mark.parametrize(("algorithm", "members"), [("ES256", ("crv", "kty", "x", "y")), ("PS256", ("e", "kty", "n"))])
def test_other_kinds_come_back_too_and_can_be_registered(tmp_path, algorithm, members):
    key = ClientKey.new(algorithm)
    key.write(tmp_path / "key.json")
    again, jwk = ClientKey.read(tmp_path / "key.json"), key.public_jwk()
    assert again.public_jwk() == jwk
    assert again.private.private_numbers() == key.private.private_numbers()
    assert set(jwk) == {*members, "kid", "use", "alg"}
    assert check_public_jwk(jwk) == key.kid == thumbprint({name: jwk[name] for name in members})


def test_there_is_no_other_kind():
    for other in ("RS256", "HS256", "none", ""):
        with pytest.raises(ValueError, match="EdDSA, ES256 or PS256"):
            ClientKey.new(other)


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
        "a P-521 key": json.dumps(_p521()).encode(),
        "a short RSA key": json.dumps(_short_rsa()).encode(),
        "a P-256 key without its private half": json.dumps(ClientKey.new("ES256").public_jwk()).encode(),
        "an RSA key without its private half": json.dumps(ClientKey.new("PS256").public_jwk()).encode(),
        "a secret": json.dumps({"kty": "oct", "k": b64url(b"q" * 32)}).encode(),
        "no text": b"\xff",
    }


def _p521():
    return ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP521R1()), as_dict=True)


def _short_rsa():
    return RSAAlgorithm.to_jwk(rsa.generate_private_key(65537, 1024), as_dict=True)


@pytest.mark.parametrize("name", sorted(files()))
def test_anything_else_is_refused_and_quotes_nothing(tmp_path, name):
    path = tmp_path / "key.json"
    path.write_bytes(files()[name])
    with pytest.raises(ValueError, match="no Ed25519, P-256 or RSA private key in JWK form") as wrong:
        ClientKey.read(path)
    assert wrong.value.__suppress_context__
    assert b64url(b"q" * 32)[:8] not in str(wrong.value)


def test_a_file_that_is_not_there_is_refused_alike(tmp_path):
    for path in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ValueError, match="no Ed25519"):
            ClientKey.read(path)


# --- the key to open with ---------------------------------------------------------------------------------------------


def test_a_sealing_key_comes_back_from_its_file_and_is_never_written_over(tmp_path):
    key, path = ClientSealingKey.new(), tmp_path / "sealing.json"
    key.write(path)
    assert ClientSealingKey.read(path).public_jwk() == key.public_jwk()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ClientSealingKey.read(path).open(key.public.seal(bytes(32), b"x"), b"x") == bytes(32)
    before = path.read_bytes()
    with pytest.raises(FileExistsError):
        ClientSealingKey.new().write(path)
    assert path.read_bytes() == before


def test_its_public_half_is_public_and_can_be_registered():
    key = ClientSealingKey.new()
    jwk = key.public_jwk()
    assert "priv" not in jwk
    assert SealingPublicKey.of_jwk(jwk).kid == key.kid == thumbprint({n: jwk[n] for n in ("alg", "kty", "pub")})
    assert ClientSealingKey.new().kid != key.kid


def test_a_sealing_key_never_prints():
    seed = b"\x5a\xc3" * 16
    key = ClientSealingKey(seed)
    for text in (repr(key), str(key), json.dumps(key.public_jwk()), repr(key.public), f"{[key]} {(key,)}"):
        assert b64url(seed)[:12] not in text
        assert seed.hex()[:12] not in text
        assert repr(seed)[2:14] not in text


def sealing_files():
    whole = {**ClientSealingKey(b"q" * 32).public_jwk(), "priv": b64url(b"q" * 32)}
    return {
        "no JSON": b"{",
        "a list": b"[]",
        "a number": b"5",
        "null": b"null",
        "no private key": json.dumps(ClientSealingKey(b"q" * 32).public_jwk()).encode(),
        "a short seed": json.dumps({**whole, "priv": b64url(b"q" * 31)}).encode(),
        "padding": json.dumps({**whole, "priv": whole["priv"] + "="}).encode(),
        "a number for a seed": json.dumps({**whole, "priv": 5}).encode(),
        "halves of two keys": json.dumps({**whole, "priv": b64url(b"r" * 32)}).encode(),
        "another kty": json.dumps({**whole, "kty": "OKP"}).encode(),
        "another alg": json.dumps({**whole, "alg": "X"}).encode(),
        "no pub": json.dumps({n: v for n, v in whole.items() if n != "pub"}).encode(),
        "a signing key": json.dumps({**ClientKey.new().public_jwk(), "d": b64url(b"q" * 32)}).encode(),
        "no text": b"\xff",
    }


@pytest.mark.parametrize("name", sorted(sealing_files()))
def test_anything_else_is_no_sealing_key_and_quotes_nothing(tmp_path, name):
    path = tmp_path / "key.json"
    path.write_bytes(sealing_files()[name])
    with pytest.raises(ValueError, match="no private sealing key in JWK form") as wrong:
        ClientSealingKey.read(path)
    assert wrong.value.__suppress_context__
    assert b64url(b"q" * 32)[:8] not in str(wrong.value)
    for nowhere in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ValueError, match="no private sealing key"):
            ClientSealingKey.read(nowhere)
