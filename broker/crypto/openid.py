"""What an identity provider says is believed only when all of it holds (OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725).

1. The header is plain JSON with each name once; it names an algorithm that was chosen for this provider and a key that
   the provider shows; `none`, HMAC, embedded keys and any `crit` are refused. The key fits the algorithm.
2. `iss` is the provider, `aud` is us and nobody else, `azp` is us where it is there.
3. `exp` has not passed, `iat` lies at most ten minutes back, `nonce` is the one of this very sign-in.
4. They proved who they are with what was agreed: `acr`, `amr`, and recently enough where that was asked (`auth_time`).

Requests, PKCE and the claims' standard checks are Authlib's; what it allows beyond that is refused here.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import jwt
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7523.client import ASSERTION_TYPE
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from joserfc.errors import JoseError

from broker.crypto.assertions import make_assertion, strict_object
from broker.crypto.encoding import from_b64url
from broker.domain.logins import TOLD, Ceremony, Described, KeyNotThere, LoginProvider, refused
from broker.domain.outbound import Sent
from broker.errors import NotAllowed, Unavailable

LEEWAY = 60
FRESH = 600
"""Seconds: how far clocks may differ, and how old a token may be that was made for this very sign-in."""
MOST_KEYS = 64
_LARGEST = 32_768
_RSA_BITS = 2048
_FITS = {
    "EdDSA": ("OKP", "Ed25519"),
    "ES256": ("EC", "P-256"),
    "PS256": ("RSA", ""),
    "RS256": ("RSA", ""),
}
_LOCAL = ("localhost", "127.0.0.1", "::1")
_ADDRESSES = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}", re.ASCII)
_BAD_TOKEN = (jwt.PyJWTError, JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True)
class ClientProof:
    """How we prove to a provider who we are: with a key of our own, or with a secret that it gave."""

    key: Any = field(default=None, repr=False)
    kid: str = ""
    algorithm: str = ""
    secret: str = field(default="", repr=False)


class OpenIdConnect:
    """See `broker.domain.logins.OpenId`; the proofs are by the id of their provider."""

    def __init__(self, proofs: Mapping[str, ClientProof]) -> None:
        self._proofs = dict(proofs)

    def described(self, provider: LoginProvider, raw: bytes) -> Described:
        """Its description, when it is its own and every address is safe (OpenID Connect Discovery 1.0, section 4.3)."""
        try:
            said = strict_object(raw)
            to_sign_in, for_token, for_keys = (said[name] for name in _ADDRESSES)
        except (ValueError, KeyError, RecursionError):
            raise Unavailable(TOLD["login-unavailable"], code="login-unavailable") from None
        safe = all(
            isinstance(address, str) and safe_endpoint(address, local=provider.local)
            for address in (to_sign_in, for_token, for_keys)
        )
        if said.get("issuer") != provider.issuer or not safe:
            raise Unavailable(TOLD["login-unavailable"], code="login-unavailable")
        return Described(
            to_sign_in, for_token, for_keys, said.get("authorization_response_iss_parameter_supported") is True
        )

    def keys(self, raw: bytes) -> Mapping[str, Any]:
        """The keys for signing, by id; one that nobody can name, or whose id stands twice, is none."""
        try:
            found = strict_object(raw)["keys"]
            if not isinstance(found, list) or len(found) > MOST_KEYS:
                raise ValueError("no keys, or too many")
            named = [
                key
                for key in found
                if isinstance(key, dict) and isinstance(key.get("kid"), str) and key.get("use", "sig") == "sig"
            ]
        except (ValueError, KeyError, RecursionError):
            raise Unavailable(TOLD["login-unavailable"], code="login-unavailable") from None
        ids = [key["kid"] for key in named]
        return {key["kid"]: key for key in named if ids.count(key["kid"]) == 1}

    def address(self, provider: LoginProvider, described: Described, ceremony: Ceremony, back: str) -> str:
        """The authorization request: a code, bound to a verifier that only we have."""
        asked: dict[str, str] = {"acr_values": " ".join(provider.acr)} if provider.acr else {}
        if provider.max_age:
            asked["max_age"] = str(provider.max_age)
        return str(
            prepare_grant_uri(
                described.authorization,
                provider.client_id,
                "code",
                redirect_uri=back,
                scope="openid",
                state=ceremony.state,
                nonce=ceremony.nonce,
                code_challenge=create_s256_code_challenge(ceremony.verifier),
                code_challenge_method="S256",
                **asked,
            )
        )

    def redeem(self, provider: LoginProvider, described: Described, code: str, verifier: str, back: str) -> Sent:
        """The token request, with the proof of who asks: `private_key_jwt`, or the secret in a header."""
        body = prepare_token_request("authorization_code", redirect_uri=back, code=code, code_verifier=verifier)
        form = {**dict(parse_qsl(body)), "client_id": provider.client_id}
        proof = self._proofs[provider.id]
        if proof.key is None:
            basic = f"{quote(provider.client_id, safe='')}:{quote(proof.secret, safe='')}"
            del form["client_id"]
            header = {"Authorization": f"Basic {base64.b64encode(basic.encode()).decode()}"}
            return Sent(described.token, form, header)
        claims = {"iss": provider.client_id, "sub": provider.client_id, "aud": described.token}
        assertion = make_assertion(proof.key, proof.kid, claims, alg=proof.algorithm)
        return Sent(described.token, {**form, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion})

    def subject(self, provider: LoginProvider, raw: bytes, keys: Mapping[str, Any], nonce: str, now: datetime) -> str:
        """The subject of a token for which steps 1 to 4 hold. Raises KeyNotThere, NotAllowed, saying no more."""
        try:
            answer = strict_object(raw)
            token, bearer = answer["id_token"], answer.get("access_token")
            if not isinstance(token, str) or len(token) > _LARGEST or not nonce:
                raise ValueError("no token")
            header = _header(token, provider)  # 1
            if header["kid"] not in keys:
                raise KeyNotThere
            claims = _signed(token, header["alg"], keys[header["kid"]])
            _standard(claims, header, provider, nonce, bearer, now.timestamp())  # 2, 3
            _named(claims, provider)
            _times(claims, now.timestamp())
            _strength(claims, provider, now.timestamp())  # 4
        except NotAllowed:
            raise
        except _BAD_TOKEN:
            raise refused("login-not-verified") from None
        return str(claims["sub"])


def safe_endpoint(address: str, *, local: bool) -> bool:
    """Whether something may be sent there: https without a user or a fragment; on this machine also http, if `local`."""
    try:
        parts = urlsplit(address)
        plain = parts.hostname and parts.username is None and not parts.fragment and parts.port != 0
    except ValueError:
        return False
    if not plain or any(sign <= " " or sign > "~" for sign in address):
        return False
    return parts.scheme == "https" or (local and parts.scheme == "http" and parts.hostname in _LOCAL)


def _header(token: str, provider: LoginProvider) -> Mapping[str, Any]:
    header = strict_object(from_b64url(token.partition(".")[0]))
    if header.get("alg") not in provider.algorithms or header["alg"] not in _FITS:
        raise ValueError("not an algorithm that was chosen")
    if {"jwk", "jku", "x5u", "x5c", "crit", "b64"} & set(header) or not isinstance(header.get("kid"), str):
        raise ValueError("a header that decides for itself")
    if str(header.get("typ", "JWT")).lower() not in ("jwt", "id_token+jwt"):
        raise ValueError("signed for another use")
    return header


def _signed(token: str, algorithm: str, jwk: Mapping[str, Any]) -> dict[str, Any]:
    if (str(jwk.get("kty")), str(jwk.get("crv", ""))) != _FITS[algorithm] or jwk.get("alg", algorithm) != algorithm:
        raise ValueError("another kind of key")
    key = jwt.PyJWK({name: value for name, value in jwk.items() if name != "alg"}, algorithm=algorithm)
    if isinstance(key.key, rsa.RSAPublicKey) and key.key.key_size < _RSA_BITS:
        raise ValueError("too short a key")
    if not isinstance(key.key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise ValueError("not a public key")
    checked = jwt.api_jws.decode_complete(token, key, algorithms=[algorithm])
    return strict_object(checked["payload"])


def _standard(
    claims: dict[str, Any], header: Mapping[str, Any], provider: LoginProvider, nonce: str, bearer: Any, now: float
) -> None:
    params = {"nonce": nonce, "client_id": provider.client_id, "max_age": provider.max_age, "access_token": bearer}
    options: Any = {"iss": {"essential": True, "value": provider.issuer}}
    CodeIDToken(claims, dict(header), options, params).validate(now=int(now), leeway=LEEWAY)


def _named(claims: Mapping[str, Any], provider: LoginProvider) -> None:
    audience = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
    if audience != [provider.client_id] or claims.get("azp", provider.client_id) != provider.client_id:
        raise ValueError("for somebody else")
    if not isinstance(claims["sub"], str) or not _SUBJECT.fullmatch(claims["sub"]):
        raise ValueError("about nobody")


def _times(claims: Mapping[str, Any], now: float) -> None:
    made, ends = claims["iat"], claims["exp"]
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in (made, ends)):
        raise ValueError("no moment")
    if not (now - FRESH - LEEWAY <= made <= now + LEEWAY and now < ends + LEEWAY):
        raise ValueError("not for now")


def _strength(claims: Mapping[str, Any], provider: LoginProvider, now: float) -> None:
    used = claims.get("amr", [])
    if not isinstance(used, list) or not set(provider.amr) <= {each for each in used if isinstance(each, str)}:
        raise ValueError("not proved with what was agreed")
    if provider.acr and claims.get("acr") not in provider.acr:
        raise ValueError("not proved as surely as was agreed")
    if not provider.acr and not provider.amr:
        raise ValueError("nothing was agreed")
    if provider.max_age:
        proved = claims["auth_time"]
        if not isinstance(proved, int) or not now - provider.max_age - LEEWAY <= proved <= now + LEEWAY:
            raise ValueError("proved too long ago")
