"""An assertion counts only with a listed algorithm, a registered key that fits it, our name on it, and a short life."""

import base64
import json
from datetime import UTC, datetime

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.assertions import (
    Assertions,
    check_public_jwk,
    make_assertion,
    unverified_issuer,
    verify_assertion,
)
from broker.crypto.client_keys import ClientKey
from broker.crypto.encoding import b64url
from broker.errors import NotAuthenticated
from tests.factories import SENDER

AT = datetime(2026, 6, 15, 12, tzinfo=UTC)
NOW = int(AT.timestamp())
URL = "https://broker.example"
KEY = ClientKey.new()
JWKS = [KEY.public_jwk()]
CLAIMS = {"iss": SENDER, "sub": SENDER, "aud": URL, "exp": NOW + 60, "iat": NOW, "jti": "once"}
EC_KEY = ec.generate_private_key(ec.SECP256R1())
RSA_KEY = rsa.generate_private_key(65537, 2048)


def jwk_of(private, **more):
    algorithm = jwt.algorithms.RSAAlgorithm if isinstance(private, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**json.loads(algorithm.to_jwk(private.public_key())), **more}


def signed(claims=CLAIMS, *, key=KEY.private, alg="EdDSA", **header) -> str:
    return jwt.encode(claims, key, algorithm=alg, headers={"kid": KEY.kid, **header})


def verify(assertion: str, jwks=JWKS, audiences=(URL, f"{URL}/oauth/token")):
    return verify_assertion(assertion, jwks, audiences, AT)


def refused(assertion: str, jwks=JWKS) -> bool:
    """Whether it is refused, saying no more than that."""
    try:
        verify(assertion, jwks)
    except NotAuthenticated as error:
        return error.args == NotAuthenticated().args
    return False


def bare(claims, **header) -> str:
    """A JWS of any header and claims, signed with the registered key; PyJWT makes no such thing."""
    parts = [{"alg": "EdDSA", "kid": KEY.kid, "typ": "JWT", **header}, claims]
    signing = ".".join(b64url(json.dumps(part).encode()) for part in parts)
    return f"{signing}.{b64url(KEY.private.sign(signing.encode()))}"


def test_a_bare_one_is_as_good_as_one_of_the_library():
    assert verify(bare(CLAIMS)) == CLAIMS


def test_a_good_assertion_gives_its_claims():
    assert verify(signed()) == CLAIMS
    assert Assertions().verify(signed(), JWKS, (URL,), AT) == CLAIMS
    assert Assertions().issuer(signed()) == SENDER
    assert verify(signed({**CLAIMS, "aud": [f"{URL}/oauth/token"]}))["aud"] == [f"{URL}/oauth/token"]


def test_what_the_client_makes_is_good():
    made = make_assertion(KEY.private, KEY.kid, {"iss": SENDER, "sub": SENDER, "aud": URL})
    claims = verify_assertion(made, JWKS, (URL,), datetime.now(UTC))
    assert claims["exp"] - claims["iat"] == 60
    assert claims["jti"] != jwt.decode(
        make_assertion(KEY.private, KEY.kid, {}), options={"verify_signature": False}
    )["jti"]  # fmt: skip


@pytest.mark.parametrize(("private", "alg"), [(EC_KEY, "ES256"), (RSA_KEY, "PS256")])
def test_each_listed_algorithm_works_with_its_own_kind_of_key(private, alg):
    jwks = [*JWKS, jwk_of(private, kid="other")]
    assert verify(signed(key=private, alg=alg, kid="other"), jwks) == CLAIMS
    assert refused(signed(key=private, alg=alg), jwks)
    assert refused(signed(kid="other"), jwks)


def test_no_other_algorithm():
    public = KEY.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    raw = KEY.private.public_key().public_bytes_raw()
    body = b64url(json.dumps(CLAIMS).encode())
    for name in ("none", "None", "NONE", ""):
        head = b64url(json.dumps({"alg": name, "kid": KEY.kid, "typ": "JWT"}).encode())
        assert refused(f"{head}.{body}.")
    assert refused(signed(key=raw, alg="HS256"))
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    head = b64url(json.dumps({"alg": "HS256", "kid": KEY.kid, "typ": "JWT"}).encode())
    assert refused(f"{head}.{body}.{b64url(hmac.sign(f'{head}.{body}'.encode(), public))}")
    assert refused(signed(key=RSA_KEY, alg="RS256", kid="rsa"), [jwk_of(RSA_KEY, kid="rsa")])
    assert refused(signed(key=RSA_KEY, alg="PS512", kid="rsa"), [jwk_of(RSA_KEY, kid="rsa")])


@pytest.mark.parametrize(
    "header",
    [
        {"jwk": KEY.public_jwk()},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example"},
        {"x5c": ["MII"]},
        {"crit": ["exp"]},
        {"b64": True},
        {"kid": "another"},
        {"kid": ""},
    ],
)
def test_no_header_that_brings_or_chooses_its_own_key(header):
    assert refused(bare(CLAIMS, **header))


@pytest.mark.parametrize("typ", ["at+jwt", "consent-record+jws", "consent-receipt+jws", "", 5])
def test_what_was_signed_for_another_use_is_no_assertion(typ):
    assert refused(bare(CLAIMS, typ=typ))


@pytest.mark.parametrize("typ", ["JWT", "jwt", "client-authentication+jwt", "authorization-grant+jwt"])
def test_the_types_of_an_assertion_are_taken(typ):
    assert verify(bare(CLAIMS, typ=typ)) == CLAIMS


def test_a_claim_that_stands_twice_is_refused():
    head = b64url(json.dumps({"alg": "EdDSA", "kid": KEY.kid, "typ": "JWT"}).encode())
    body = b64url(json.dumps(CLAIMS).encode()[:-1] + b',"sub":"another"}')
    signing = f"{head}.{body}"
    assert refused(f"{signing}.{b64url(KEY.private.sign(signing.encode()))}")


def test_only_a_key_that_was_registered_for_this_organisation():
    other = ClientKey.new()
    assert refused(signed(key=other.private, kid=other.kid))
    assert refused(signed(key=other.private))
    assert refused(signed(), [])
    assert refused(signed(), [other.public_jwk()])
    assert refused(signed(), [{**KEY.public_jwk(), "x": "not a key"}])
    assert refused(signed(), [{"kid": KEY.kid}])


@pytest.mark.parametrize("name", ["iss", "sub", "aud", "exp", "jti"])
def test_every_claim_must_be_there(name):
    assert refused(signed({k: v for k, v in CLAIMS.items() if k != name}))


@pytest.mark.parametrize(
    "change",
    [
        {"exp": NOW},
        {"exp": NOW - 1},
        {"exp": NOW + 331},
        {"exp": 10**400},
        {"exp": NOW + 60.5},
        {"exp": str(NOW + 60)},
        {"exp": True},
        {"exp": None},
        {"iat": NOW + 31},
        {"iat": "now"},
        {"nbf": NOW + 31},
        {"nbf": [NOW]},
        {"jti": ""},
        {"jti": "x" * 129},
        {"jti": 1},
        {"jti": None},
        {"aud": "https://other.example"},
        {"aud": [URL, "https://other.example"]},
        {"aud": []},
        {"aud": [[URL]]},
        {"aud": {"a": URL}},
        {"aud": None},
        {"aud": URL + "/"},
        {"sub": 1},
    ],
)
def test_every_claim_must_be_right(change):
    assert refused(signed({**CLAIMS, **change}))


@pytest.mark.parametrize(
    "change",
    [{"exp": NOW + 1}, {"exp": NOW + 330}, {"iat": NOW + 30}, {"nbf": NOW + 30}, {"nbf": 0}, {"jti": "x" * 128}],
)
def test_the_limits_themselves_are_allowed(change):
    assert verify(signed({**CLAIMS, **change}))


@given(st.integers(0, 400), st.sampled_from("A0_-."))
def test_any_changed_sign_is_refused(position, sign):
    assertion = signed()
    position %= len(assertion) - 1  # the last sign holds bits that say nothing
    changed = assertion[:position] + sign + assertion[position + 1 :]
    assert changed == assertion or refused(changed)


@given(st.text(max_size=80))
def test_whatever_else_is_sent_is_refused(text):
    for look in (unverified_issuer, verify):
        with pytest.raises(NotAuthenticated):
            look(text)


@pytest.mark.parametrize(
    "text", ["a.b.c", "..", "\ud800.a.b", "[" * 9000, f"{b64url(b'[' * 5000)}.e30.e30", "e30.e30."]
)
def test_nonsense_is_refused(text):
    for look in (unverified_issuer, verify):
        with pytest.raises(NotAuthenticated):
            look(text)


def test_the_issuer_is_only_read_from_what_has_one():
    for claims in ({"iss": 1}, {"iss": None}, {}, {"iss": [SENDER]}):
        with pytest.raises(NotAuthenticated):
            unverified_issuer(bare({"sub": "x", **claims}))
    with pytest.raises(NotAuthenticated):
        unverified_issuer(signed({**CLAIMS, "pad": "x" * 8192}))


def test_a_public_key_of_each_kind_is_taken():
    assert check_public_jwk(KEY.public_jwk()) == KEY.kid
    assert check_public_jwk(jwk_of(EC_KEY, kid="e")) == "e"
    assert check_public_jwk(jwk_of(RSA_KEY, kid="r")) == "r"


@pytest.mark.parametrize(
    ("jwk", "sentence"),
    [
        ({**KEY.public_jwk(), "d": "x"}, "private key"),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "x"}, "private key"),
        ({k: v for k, v in KEY.public_jwk().items() if k != "kid"}, "no kid"),
        ({**KEY.public_jwk(), "kid": ""}, "no kid"),
        ({**KEY.public_jwk(), "kid": 1}, "no kid"),
        ({"kid": "x"}, "no Ed25519"),
        ({**KEY.public_jwk(), "crv": "X25519"}, "no Ed25519"),
        ({**KEY.public_jwk(), "x": 5}, "no Ed25519"),
        ({**KEY.public_jwk(), "x": "AAAA"}, "no Ed25519"),
        (jwk_of(ec.generate_private_key(ec.SECP384R1()), kid="x"), "no Ed25519"),
        ({**jwk_of(EC_KEY, kid="x"), "y": base64.urlsafe_b64encode(b"x" * 32).decode()}, "no Ed25519"),
    ],
)
def test_anything_but_a_public_key_of_a_listed_kind_is_not_registered(jwk, sentence):
    with pytest.raises(ValueError, match=sentence) as wrong:
        check_public_jwk(jwk)
    assert "\n" not in str(wrong.value)


def test_a_small_rsa_key_is_not_registered():
    small = {"kty": "RSA", "e": "AQAB", "n": b64url((2**1023 + 9).to_bytes(128)), "kid": "x"}
    with pytest.raises(ValueError, match="2048"):
        check_public_jwk(small)
