"""Every way in which an identity provider's answer can be wrong is refused, and says nothing but that."""

import base64
import hmac
import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from broker.crypto.openid import ClientProof, OpenIdConnect, safe_endpoint
from broker.domain.logins import Ceremony, Described, KeyNotThere, LoginProvider
from broker.errors import NotAllowed, Unavailable, Words
from tests.support.identity_provider import CLIENT, PHR, SECRET, SUBJECT, IdentityProvider

ISSUER, NONCE = "https://login.waterdijk.example/idp", "n" * 43
BACK = "https://rondom.example/console/login/waterdijk/return"
OPENID = OpenIdConnect({"waterdijk": ClientProof(secret=SECRET)})


def provider(**changed: Any) -> LoginProvider:
    usual: dict[str, Any] = {
        "id": "waterdijk",
        "name": Words("Waterdijk", "Waterdijk"),
        "issuer": ISSUER,
        "client_id": CLIENT,
        "organisation": None,
        "acr": (PHR,),
        "amr": ("mfa",),
        "algorithms": ("PS256", "ES256", "EdDSA"),
        "max_age": 900,
    }
    return LoginProvider(**{**usual, **changed})


@pytest.fixture
def idp() -> IdentityProvider:
    return IdentityProvider(ISSUER)


def check(idp: IdentityProvider, answer: dict[str, Any] | bytes | None = None, **changed: Any) -> str:
    raw = answer if isinstance(answer, bytes) else json.dumps(answer or idp.answer(NONCE)).encode()
    return OPENID.subject(provider(**changed), raw, {idp.kid: idp.jwk()}, NONCE, datetime.now(UTC))


def test_a_good_token_says_who_it_is(idp: IdentityProvider) -> None:
    assert check(idp) == SUBJECT
    assert check(idp, amr=(), max_age=0) == SUBJECT
    assert check(idp, acr=()) == SUBJECT


def but(**changed: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """The same claims with others in their place; None takes one away."""
    return lambda claims: {name: v for name, v in {**claims, **changed}.items() if v is not None}


NOW = int(time.time())
WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://login.evil.example"},
    "the issuer with a slash": {"iss": ISSUER + "/"},
    "no issuer": {"iss": None},
    "for another client": {"aud": "another"},
    "for nobody": {"aud": []},
    "for us and another": {"aud": [CLIENT, "another"], "azp": CLIENT},
    "for us twice": {"aud": [CLIENT, CLIENT]},
    "no audience": {"aud": None},
    "another authorised party": {"azp": "another"},
    "an authorised party that is no text": {"azp": [CLIENT]},
    "another nonce": {"nonce": "m" * 43},
    "no nonce": {"nonce": None},
    "an empty nonce": {"nonce": ""},
    "over": {"exp": NOW - 120},
    "no end": {"exp": None},
    "an end that is a text": {"exp": str(NOW + 300)},
    "an end that is true": {"exp": True},
    "made tomorrow": {"iat": NOW + 86_400, "exp": NOW + 90_000},
    "made an hour ago": {"iat": NOW - 3600},
    "no beginning": {"iat": None},
    "not before tomorrow": {"nbf": NOW + 86_400},
    "about nobody": {"sub": None},
    "an empty subject": {"sub": ""},
    "a subject that is a number": {"sub": 7},
    "a subject over two lines": {"sub": "a\nb"},
    "too long a subject": {"sub": "a" * 256},
    "no level": {"acr": None},
    "a lower level": {"acr": "urn:example:password"},
    "a level that is a list": {"acr": [PHR]},
    "no factors": {"amr": None},
    "a password alone": {"amr": ["pwd"]},
    "factors as a text": {"amr": "mfa"},
    "no moment of signing in": {"auth_time": None},
    "signed in this morning": {"auth_time": NOW - 7200},
    "signed in tomorrow": {"auth_time": NOW + 86_400},
    "signed in at a text": {"auth_time": "now"},
    "another access token": {"at_hash": "AAAA"},
}


@pytest.mark.parametrize("lie", WRONG)
def test_a_token_that_says_something_wrong_is_refused(idp: IdentityProvider, lie: str) -> None:
    idp.claims = but(**WRONG[lie])
    with pytest.raises(NotAllowed) as refusal:
        check(idp)
    assert refusal.value.code == "login-not-verified"
    assert SUBJECT not in str(refusal.value)


def signed(idp: IdentityProvider, key: Any, alg: str, **header: Any) -> dict[str, Any]:
    claims = jwt.decode(idp.answer(NONCE)["id_token"], options={"verify_signature": False})
    return {"id_token": jwt.encode(claims, key, algorithm=alg, headers={"kid": idp.kid, **header})}


def unsigned(idp: IdentityProvider, header: dict[str, Any]) -> dict[str, Any]:
    claims = idp.answer(NONCE)["id_token"].split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps(header).encode()).rstrip(b"=").decode()
    return {"id_token": f"{head}.{claims}."}


def keyed_with_the_public_key(idp: IdentityProvider, public: bytes) -> dict[str, Any]:
    claims = idp.answer(NONCE)["id_token"].split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": idp.kid}).encode()).rstrip(b"=").decode()
    mac = hmac.digest(public, f"{head}.{claims}".encode(), "sha256")
    return {"id_token": f"{head}.{claims}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"}


def test_an_algorithm_that_was_not_chosen_is_refused(idp: IdentityProvider) -> None:
    public = idp.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    lies = [
        unsigned(idp, {"alg": "none", "kid": idp.kid}),
        unsigned(idp, {"alg": "None", "kid": idp.kid}),
        unsigned(idp, {"kid": idp.kid}),
        unsigned(idp, {"alg": ["EdDSA"], "kid": idp.kid}),
        keyed_with_the_public_key(idp, public),
        keyed_with_the_public_key(idp, json.dumps(idp.jwk()).encode()),
    ]
    for lie in lies:
        for algorithms in (("EdDSA",), ("HS256", "none", "EdDSA")):
            with pytest.raises(NotAllowed):
                check(idp, lie, algorithms=algorithms)


def test_rs256_is_taken_only_where_it_was_chosen() -> None:
    idp, key = IdentityProvider(ISSUER), rsa.generate_private_key(65537, 2048)
    jwk = {**RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), "kid": idp.kid}
    jwk.pop("key_ops", None)
    now = datetime.now(UTC)
    for alg in ("RS256", "PS256"):
        raw = json.dumps(signed(idp, key, alg)).encode()
        chosen = provider(algorithms=("RS256", "PS256"))
        assert OPENID.subject(chosen, raw, {idp.kid: jwk}, NONCE, now) == SUBJECT
        with pytest.raises(NotAllowed):
            OPENID.subject(provider(algorithms=("ES256",)), raw, {idp.kid: jwk}, NONCE, now)
    raw = json.dumps(signed(idp, key, "RS256")).encode()
    with pytest.raises(NotAllowed):
        OPENID.subject(provider(), raw, {idp.kid: jwk}, NONCE, now)
    only = provider(algorithms=("RS256", "PS256"))
    with pytest.raises(NotAllowed):
        OPENID.subject(only, raw, {idp.kid: {**jwk, "alg": "PS256"}}, NONCE, now)


def test_keys_of_another_kind_or_size_are_refused(idp: IdentityProvider) -> None:
    now = datetime.now(UTC)
    curve = ec.generate_private_key(ec.SECP256R1())
    good = {**ECAlgorithm.to_jwk(curve.public_key(), as_dict=True), "kid": idp.kid}
    good.pop("key_ops", None)
    raw = json.dumps(signed(idp, curve, "ES256")).encode()
    assert OPENID.subject(provider(), raw, {idp.kid: good}, NONCE, now) == SUBJECT
    for key in (idp.jwk(), {"kty": "oct", "k": "AAAA", "kid": idp.kid}, {"kid": idp.kid}):
        with pytest.raises(NotAllowed):
            OPENID.subject(provider(), raw, {idp.kid: key}, NONCE, now)


@pytest.mark.filterwarnings("ignore:The RSA key is 1024 bits long")
def test_too_short_an_rsa_key_is_refused(idp: IdentityProvider) -> None:
    short = rsa.generate_private_key(65537, 1024)
    jwk = {**RSAAlgorithm.to_jwk(short.public_key(), as_dict=True), "kid": idp.kid}
    jwk.pop("key_ops", None)
    raw = json.dumps(signed(idp, short, "PS256")).encode()
    with pytest.raises(NotAllowed):
        OPENID.subject(provider(), raw, {idp.kid: jwk}, NONCE, datetime.now(UTC))


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"crit": ["b64"], "b64": True},
        {"crit": []},
        {"jwk": {"kty": "OKP"}},
        {"jku": "https://evil.example/jwks"},
        {"x5u": "https://evil.example/x"},
        {"typ": "at+jwt"},
        {"typ": "logout+jwt"},
    ],
)
def test_a_header_that_decides_for_itself_is_refused(idp: IdentityProvider, header: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        check(idp, signed(idp, idp.key, "EdDSA", **header) if "crit" not in header else forged(idp, header))


def forged(idp: IdentityProvider, extra: dict[str, Any]) -> dict[str, Any]:
    """Signed rightly, with a header that no library would write."""
    claims = idp.answer(NONCE)["id_token"].split(".")[1]
    head = json.dumps({"alg": "EdDSA", "kid": idp.kid, **extra}).encode()
    text = f"{base64.urlsafe_b64encode(head).rstrip(b'=').decode()}.{claims}"
    signature = base64.urlsafe_b64encode(idp.key.sign(text.encode())).rstrip(b"=").decode()
    return {"id_token": f"{text}.{signature}"}


def test_a_header_like_that_is_taken_without_what_is_odd(idp: IdentityProvider) -> None:
    assert check(idp, forged(idp, {})) == SUBJECT, "else the tests above would prove nothing"


def test_a_key_that_is_not_there_is_told_apart_so_that_keys_can_be_fetched_again(idp: IdentityProvider) -> None:
    raw = json.dumps(idp.answer(NONCE)).encode()
    with pytest.raises(KeyNotThere):
        OPENID.subject(provider(), raw, {"another": idp.jwk()}, NONCE, datetime.now(UTC))
    other = Ed25519PrivateKey.generate()
    with pytest.raises(NotAllowed) as refusal:
        check(idp, signed(idp, other, "EdDSA"))
    assert not isinstance(refusal.value, KeyNotThere)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b'{"id_token": 7}',
        b'{"id_token": "a.b.c"}',
        b'{"id_token": "x", "id_token": "y"}',
        b'{"id_token": "' + b"a" * 40_000 + b'"}',
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_an_answer_that_is_none_is_refused(idp: IdentityProvider, raw: bytes) -> None:
    with pytest.raises(NotAllowed):
        check(idp, raw)


def test_a_sign_in_without_a_nonce_never_holds(idp: IdentityProvider) -> None:
    idp.claims = but(nonce="")
    raw = json.dumps(idp.answer("")).encode()
    with pytest.raises(NotAllowed):
        OPENID.subject(provider(), raw, {idp.kid: idp.jwk()}, "", datetime.now(UTC))


# what is asked


def described(**changed: Any) -> bytes:
    usual = {
        "issuer": ISSUER,
        "authorization_endpoint": f"{ISSUER}/authorize",
        "token_endpoint": "https://elsewhere.example/token?tenant=a",
        "jwks_uri": f"{ISSUER}/jwks",
    }
    return json.dumps({name: v for name, v in {**usual, **changed}.items() if v is not None}).encode()


def test_a_description_is_its_own_and_safe() -> None:
    assert OPENID.described(provider(), described()).names_itself is False
    assert OPENID.described(provider(), described(authorization_response_iss_parameter_supported=True)).names_itself
    wrong: list[bytes] = [
        described(issuer="https://login.evil.example"),
        described(issuer=None),
        described(token_endpoint="http://login.waterdijk.example/token"),
        described(token_endpoint="http://localhost/token"),
        described(token_endpoint="https://me:pw@login.waterdijk.example/token"),
        described(jwks_uri="file:///etc/passwd"),
        described(jwks_uri=None),
        described(jwks_uri=["https://x.example"]),
        described(authorization_endpoint="javascript:alert(1)"),
        described(authorization_endpoint="https://x.example/\r\nSet-Cookie: a=b"),
        b"{",
        b"[]",
        b"null",
    ]
    for raw in wrong:
        with pytest.raises(Unavailable):
            OPENID.described(provider(), raw)


def test_only_a_demonstration_goes_to_this_machine_without_tls() -> None:
    for address in ("http://localhost:8081/x", "http://127.0.0.1/x", "http://[::1]:9/x"):
        assert safe_endpoint(address, local=True)
        assert not safe_endpoint(address, local=False)
    for address in ("http://login.example/", "http://localhost.example/", "ftp://localhost/", "https://[::1"):
        assert not safe_endpoint(address, local=True)


def test_keys_that_cannot_be_named_are_none(idp: IdentityProvider) -> None:
    one, two = idp.jwk(), {**idp.jwk(), "kid": "two"}
    raw = json.dumps({"keys": [one, two, two, {**one, "kid": 7}, {**one, "kid": "enc", "use": "enc"}, "x"]})
    assert set(OPENID.keys(raw.encode())) == {idp.kid}
    for wrong in (b"{}", b"[]", json.dumps({"keys": [one] * 65}).encode(), b'{"keys": {}}'):
        with pytest.raises(Unavailable):
            OPENID.keys(wrong)


CEREMONY = Ceremony("s" * 43, NONCE, "v" * 43)
SAID = Described(f"{ISSUER}/authorize?tenant=a", f"{ISSUER}/token", f"{ISSUER}/jwks", names_itself=True)


def test_the_request_binds_the_code_to_this_browser_and_asks_for_nothing_about_the_person() -> None:
    address = OPENID.address(provider(), SAID, CEREMONY, BACK)
    asked = parse_qs(urlsplit(address).query)
    assert asked == {
        "tenant": ["a"],
        "response_type": ["code"],
        "client_id": [CLIENT],
        "redirect_uri": [BACK],
        "scope": ["openid"],
        "state": ["s" * 43],
        "nonce": [NONCE],
        "code_challenge": ["7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM"],
        "code_challenge_method": ["S256"],
        "acr_values": [PHR],
        "max_age": ["900"],
    }
    assert "v" * 43 not in address


def test_we_prove_who_we_are_with_a_secret_or_with_a_key() -> None:
    sent = OPENID.redeem(provider(), SAID, "c&d", "v" * 43, BACK)
    assert sent.form == {
        "grant_type": "authorization_code",
        "redirect_uri": BACK,
        "code": "c&d",
        "code_verifier": "v" * 43,
    }
    assert base64.b64decode(sent.headers["Authorization"].removeprefix("Basic ")).decode() == f"{CLIENT}:{SECRET}"
    key = Ed25519PrivateKey.generate()
    keyed = OpenIdConnect({"waterdijk": ClientProof(key, "our-key", "EdDSA")})
    sent = keyed.redeem(provider(), SAID, "c", "v" * 43, BACK)
    form = dict(sent.form or {})
    assert sent.headers == {}
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    claims = jwt.decode(form["client_assertion"], key.public_key(), algorithms=["EdDSA"], audience=SAID.token)
    assert claims["iss"] == claims["sub"] == CLIENT
    assert jwt.get_unverified_header(form["client_assertion"])["kid"] == "our-key"
    for text in (repr(sent), repr(keyed), repr(ClientProof(secret=SECRET)), repr(CEREMONY)):
        assert SECRET not in text
        assert "v" * 43 not in text
        assert "client_assertion" not in text
