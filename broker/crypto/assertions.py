"""Assertions of organisations: short-lived JWTs by which they prove who they are and vouch for a professional.

1. Header and claims are plain JSON with each name once; the header names an algorithm of the list and no other type
   than an assertion's; `none`, HMAC and embedded keys are refused.
2. The key is one that was registered for exactly this organisation, and fits the algorithm (RFC 8725 section 3.1).
3. `aud` is ours, `exp` lies at most five minutes ahead, `iat` and `nbf` are not in the future, `jti` is there.

Whether a `jti` was used before is for the caller to ask of the database (RFC 7523 section 3).
"""

import json
import re
import secrets
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from broker.crypto.encoding import from_b64url
from broker.domain.assertions import AssertionFault, AssertionRefused

ALGORITHMS = ("EdDSA", "ES256", "PS256")
_LONGEST = 300
_SKEW = 30
_LARGEST = 8192
_RSA_BITS = 2048
MOST_KEYS = 16
PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"})
"""Members that a public key does not have (RFC 7518 section 6)."""
_TYPES = ("jwt", "client-authentication+jwt", "authorization-grant+jwt")
"""`typ`, where there is one: nothing that was signed for another use passes (RFC 8725 section 3.11)."""
_CHOOSING = {"jwk", "jku", "x5u", "x5c", "crit", "b64"}
_OIN = re.compile(r"[0-9]{20}", re.ASCII)
_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")


def make_assertion(private_key: Any, kid: str, claims: Mapping[str, Any], *, alg: str = "EdDSA", life: int = 60) -> str:
    """Sign an assertion that lives `life` seconds; `jti`, `iat` and `exp` are filled in unless given."""
    now = int(time.time())
    full = {"iat": now, "exp": now + life, "jti": secrets.token_urlsafe(16), **claims}
    return jwt.encode(full, private_key, algorithm=alg, headers={"kid": kid})


def check_public_jwk(jwk: Mapping[str, Any]) -> str:
    """Check a key that an organisation registers. Returns its id. Raises ValueError with one clear sentence."""
    if "d" in jwk or "k" in jwk:
        raise ValueError("this is a private key; register the public one")
    kid = jwk.get("kid")
    if not isinstance(kid, str) or not kid:
        raise ValueError("the key has no kid")
    try:
        key = jwt.PyJWK(dict(jwk), algorithm=_algorithm_for(jwk)).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise ValueError("this is no Ed25519, P-256 or RSA key in JWK form") from None
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < _RSA_BITS:
        raise ValueError("an RSA key needs at least 2048 bits")
    if not isinstance(key, ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        raise ValueError("this is no Ed25519, P-256 or RSA key in JWK form")
    return kid


def published_keys(document: bytes) -> list[dict[str, Any]]:
    """The keys in a JWK Set that assertions may be signed with; at most 16 stand in it. Raises ValueError.

    A key of another kind or for another use is passed over (RFC 7517 section 5). One private key refuses the whole, and
    so does an id that stands twice.
    """
    keys = strict_object(document).get("keys")
    if not isinstance(keys, list) or len(keys) > MOST_KEYS or not all(isinstance(key, dict) for key in keys):
        raise ValueError("this is no JWK Set of at most 16 keys")
    if any(PRIVATE & set(key) for key in keys):
        raise ValueError("a private key stands in it")
    fit = [key for key in keys if key.get("use", "sig") == "sig" and _fits(key)]
    if len({key["kid"] for key in fit}) != len(fit):
        raise ValueError("an id stands twice")
    return fit


def _fits(jwk: Mapping[str, Any]) -> bool:
    try:
        return bool(check_public_jwk(jwk))
    except ValueError:
        return False


def _algorithm_for(jwk: Mapping[str, Any]) -> str:
    known = {("OKP", "Ed25519"): "EdDSA", ("EC", "P-256"): "ES256", ("RSA", ""): "PS256"}
    algorithm = known.get((str(jwk.get("kty")), str(jwk.get("crv", ""))))
    if algorithm is None:
        raise ValueError("unknown kind of key")
    return algorithm


def unverified_issuer(assertion: str) -> str:
    """Who says to have made it; only good for choosing the keys to verify with."""
    _, claims = _parts(assertion)
    issuer = claims.get("iss")
    if not isinstance(issuer, str) or not _OIN.fullmatch(issuer):
        raise AssertionRefused(AssertionFault.ISSUER)
    return issuer


def _parts(assertion: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims, unverified: objects in which each name stands once and each text is one (RFC 7515 section 4)."""
    if len(assertion) > _LARGEST or assertion.count(".") != 2:
        raise AssertionRefused(AssertionFault.NOT_READABLE)
    try:
        header, claims, _signature = (from_b64url(part) for part in assertion.split("."))
        return strict_object(header), strict_object(claims)
    except (ValueError, RecursionError):
        raise AssertionRefused(AssertionFault.NOT_READABLE) from None


def strict_object(raw: bytes) -> dict[str, Any]:
    """A JSON object in which each name stands once and each text is one. Raises ValueError."""
    found = json.loads(raw.decode("utf-8"), object_pairs_hook=_each_once, parse_constant=_refuse)
    if not isinstance(found, dict):
        raise ValueError("not an object")
    return found


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    texts = [*found, *(value for value in found.values() if isinstance(value, str))]
    if len(found) != len(pairs) or any(_NOT_TEXT.search(text) for text in texts):
        raise ValueError("a name twice, or a text that is none")
    return found


def _refuse(_: str) -> Any:
    raise ValueError("not a JSON number")


def verify_assertion(
    assertion: str, jwks: Sequence[Mapping[str, Any]], audiences: Collection[str], now: datetime
) -> dict[str, Any]:
    """Return the claims of an assertion that passes steps 1 to 3. Raises AssertionRefused with the first fault.

    Faults of `PROVEN` come only after the signature held.
    """
    header, _ = _parts(assertion)  # 1
    if header.get("alg") not in ALGORITHMS:
        raise AssertionRefused(AssertionFault.ALGORITHM)
    if str(header.get("typ", "JWT")).lower() not in _TYPES or _CHOOSING & set(header):
        raise AssertionRefused(AssertionFault.HEADER)
    claims = _signed(assertion, _key(jwks, header), str(header["alg"]))  # 2
    _check_times(claims, now.timestamp())
    texts = (claims["iss"], claims["sub"], claims["jti"])
    if not all(isinstance(text, str) for text in texts) or not 0 < len(claims["jti"]) <= 128:
        raise AssertionRefused(AssertionFault.CLAIM_FORM)
    _check_audience(claims["aud"], audiences)
    return claims


def _key(jwks: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> jwt.PyJWK:
    jwk = next((key for key in jwks if key.get("kid") == header.get("kid")), None)
    try:
        if jwk is None or _algorithm_for(jwk) != header["alg"]:
            raise AssertionRefused(AssertionFault.KEY)
        return jwt.PyJWK(dict(jwk), algorithm=header["alg"])
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise AssertionRefused(AssertionFault.KEY) from None


def _signed(assertion: str, key: jwt.PyJWK, algorithm: str) -> dict[str, Any]:
    options: Any = {f"verify_{claim}": False for claim in ("aud", "exp", "iat", "nbf", "sub", "jti")}
    options["require"] = ["iss", "sub", "aud", "exp", "jti"]
    try:
        return jwt.decode(assertion, key, algorithms=[algorithm], options=options)
    except jwt.MissingRequiredClaimError:
        raise AssertionRefused(AssertionFault.CLAIM_MISSING) from None
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
        raise AssertionRefused(AssertionFault.SIGNATURE) from None


def _check_times(claims: Mapping[str, Any], now: float) -> None:
    times = {name: claims[name] for name in ("exp", "iat", "nbf") if name in claims}
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in times.values()):
        raise AssertionRefused(AssertionFault.CLAIM_FORM)
    if times["exp"] <= now:
        raise AssertionRefused(AssertionFault.EXPIRED)
    if times["exp"] > now + _LONGEST + _SKEW:
        raise AssertionRefused(AssertionFault.TOO_LONG)
    if any(times[name] > now + _SKEW for name in ("iat", "nbf") if name in times):
        raise AssertionRefused(AssertionFault.FUTURE)


def _check_audience(audience: Any, audiences: Collection[str]) -> None:
    named = audience if isinstance(audience, list) else [audience]
    if len(named) != 1 or named[0] not in audiences:
        raise AssertionRefused(AssertionFault.AUDIENCE)


class Assertions:
    """The check as the use cases want it: see `broker.domain.ports.AssertionCheck`."""

    def issuer(self, assertion: str) -> str:
        """Who says to have made it, unverified. Raises AssertionRefused."""
        return unverified_issuer(assertion)

    def verify(
        self, assertion: str, jwks: Sequence[dict[str, Any]], audiences: tuple[str, ...], now: datetime
    ) -> dict[str, Any]:
        """Its claims. Raises AssertionRefused."""
        return verify_assertion(assertion, jwks, audiences, now)

    def key_of(self, assertion: str) -> str:
        """The id of the key that it says to be signed with, empty for none. Raises AssertionRefused."""
        return str(_parts(assertion)[0].get("kid", ""))

    def published(self, document: bytes) -> list[dict[str, Any]]:
        """The public keys in a JWK Set that an organisation publishes. Raises ValueError."""
        return published_keys(document)
