"""Proofs of possession (RFC 9449): a token that was stolen is of no use without the key it is bound to.

A proof passes (section 4.3) when, in this order:

1. It is one JWT of bounded size; header and claims are plain JSON with each name once.
2. The header has `typ` dpop+jwt, an algorithm of the list, and one public key, named in no other way.
3. The key fits the algorithm, has no private part, and the signature holds with it.
4. `htm` and `htu` are those of the request, `iat` lies within the window, `jti` is there.
5. With a token, `ath` is its digest.

Whether a `jti` was used before is for the caller to ask of the database; whether the token is bound to this very key too.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from broker.crypto.assertions import PRIVATE, strict_object
from broker.crypto.encoding import b64url, from_b64url, thumbprint
from broker.domain.proofs import ALGORITHMS, Proof, ProofFault, ProofRefused

WINDOW = 60
"""Seconds that a proof may be used."""
AHEAD = 30
"""Seconds that the clock of who made it may be ahead of ours."""
_LARGEST = 4096
_RSA_BITS = range(2048, 4097)
_RSA_EXPONENT = 65537
_MEMBERS: Mapping[tuple[Any, Any, Any], tuple[str, ...]] = {
    ("EdDSA", "OKP", "Ed25519"): ("crv", "kty", "x"),
    ("ES256", "EC", "P-256"): ("crv", "kty", "x", "y"),
    ("PS256", "RSA", None): ("e", "kty", "n"),
}
"""The members that make up a public key, and its thumbprint (RFC 7638 section 3.2; RFC 8037 section 2)."""
_CHOOSING = {"jku", "x5u", "x5c", "crit", "b64"}


def make_dpop_proof(private_key: Any, method: str, url: str, *, access_token: str | None = None) -> str:
    """A proof for one request, with an Ed25519, P-256 or RSA key; with the token that the request carries, for that one.

    A query and a fragment of `url` are left out (RFC 9449 section 4.2). Raises ValueError for another kind of key.
    """
    algorithm, public = _public(private_key.public_key())
    claims: dict[str, Any] = {
        "htm": method,
        "htu": url.partition("#")[0].partition("?")[0],
        "iat": int(time.time()),
        "jti": secrets.token_urlsafe(16),
    }
    if access_token is not None:
        claims["ath"] = token_digest(access_token)
    return jwt.encode(claims, private_key, algorithm=algorithm, headers={"typ": "dpop+jwt", "jwk": public})


def token_digest(token: str) -> str:
    """`ath`: the SHA-256 of a token (RFC 9449 section 4.2)."""
    return b64url(hashlib.sha256(token.encode("ascii")).digest())


def key_thumbprint(public_key: Any) -> str:
    """`jkt`: the thumbprint of a public key. Raises ValueError for another kind of key."""
    return thumbprint(_public(public_key)[1])


def _public(key: Any) -> tuple[str, dict[str, str]]:
    """(algorithm, the members of the public key). Raises ValueError."""
    if isinstance(key, ed25519.Ed25519PublicKey):
        algorithm, jwk = "EdDSA", OKPAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        algorithm, jwk = "ES256", ECAlgorithm.to_jwk(key, as_dict=True)
    elif isinstance(key, rsa.RSAPublicKey):
        algorithm, jwk = "PS256", RSAAlgorithm.to_jwk(key, as_dict=True)
    else:
        raise ValueError("this is no Ed25519, P-256 or RSA key")
    return algorithm, {name: str(jwk[name]) for name in _MEMBERS[algorithm, jwk["kty"], jwk.get("crv")]}


def check_proof(proof: str, method: str, url: str, now: int, token: str = "") -> Proof:
    """See `broker.domain.proofs.ProofCheck`."""
    header, claims = _parts(proof)  # 1
    if header.get("alg") not in ALGORITHMS:  # 2
        raise ProofRefused(ProofFault.ALGORITHM)
    if str(header.get("typ")).lower() != "dpop+jwt" or "jwk" not in header or _CHOOSING & set(header):
        raise ProofRefused(ProofFault.HEADER)
    members, key = _key(header["jwk"], header["alg"])  # 3
    _check_signature(proof, key, header["alg"])
    _check_request(claims, method, url)  # 4
    _check_times(claims, now)
    if token and not _same(claims.get("ath"), token_digest(token)):  # 5
        raise ProofRefused(ProofFault.TOKEN)
    return Proof(thumbprint(members), claims["jti"], claims["iat"])


def _parts(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if len(proof) > _LARGEST or proof.count(".") != 2:
        raise ProofRefused(ProofFault.NOT_READABLE)
    try:
        header, claims, _signature = (from_b64url(part) for part in proof.split("."))
        return strict_object(header), strict_object(claims)
    except (ValueError, RecursionError):
        raise ProofRefused(ProofFault.NOT_READABLE) from None


def _key(jwk: Any, algorithm: str) -> tuple[dict[str, str], jwt.PyJWK]:
    """The members of a public key that fits the algorithm, each in its one writing, and the key. Raises ProofRefused."""
    try:
        if not isinstance(jwk, dict) or PRIVATE & set(jwk):
            raise ValueError("no public key")
        members = {name: jwk[name] for name in _MEMBERS[algorithm, jwk.get("kty"), jwk.get("crv")]}
        for name in set(members) - {"kty", "crv"}:
            from_b64url(members[name])
        key = jwt.PyJWK(members, algorithm=algorithm)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError):
        raise ProofRefused(ProofFault.KEY) from None
    if isinstance(key.key, rsa.RSAPublicKey) and not (
        key.key.key_size in _RSA_BITS and key.key.public_numbers().e == _RSA_EXPONENT
    ):
        raise ProofRefused(ProofFault.KEY)
    return members, key


def _check_signature(proof: str, key: jwt.PyJWK, algorithm: str) -> None:
    options: Any = {f"verify_{claim}": False for claim in ("aud", "exp", "iat", "iss", "nbf", "sub", "jti")}
    try:
        jwt.decode(proof, key, algorithms=[algorithm], options=options)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, RecursionError):
        raise ProofRefused(ProofFault.SIGNATURE) from None


def _check_request(claims: Mapping[str, Any], method: str, url: str) -> None:
    texts = [claims.get(name) for name in ("htm", "htu", "jti")]
    if not all(isinstance(text, str) and text for text in texts) or len(claims["jti"]) > 128:
        raise ProofRefused(ProofFault.CLAIM_FORM)
    if claims["htm"] != method:
        raise ProofRefused(ProofFault.METHOD)
    place = _place(claims["htu"])
    if place is None or place != _place(url):
        raise ProofRefused(ProofFault.ADDRESS)


def _place(url: str) -> tuple[str, str, int | None, str] | None:
    """An address without query and fragment, host and port in one writing (RFC 3986 sections 6.2.2.1 and 6.2.3)."""
    if not url.isascii() or not url.isprintable():
        return None
    try:
        parts = urlsplit(url)
        port = parts.port or {"https": 443, "http": 80}.get(parts.scheme)
    except ValueError:
        return None
    plain = parts.hostname and parts.username is None and parts.password is None
    return (parts.scheme, str(parts.hostname), port, parts.path or "/") if plain else None


def _check_times(claims: Mapping[str, Any], now: int) -> None:
    times = {name: claims.get(name) for name in ("iat", *({"exp", "nbf"} & set(claims)))}
    if not all(isinstance(value, int) and not isinstance(value, bool) for value in times.values()):
        raise ProofRefused(ProofFault.CLAIM_FORM)
    if not now - WINDOW <= claims["iat"] or claims.get("exp", now + 1) <= now:
        raise ProofRefused(ProofFault.TOO_OLD)
    if max(claims["iat"], claims.get("nbf", 0)) > now + AHEAD:
        raise ProofRefused(ProofFault.FUTURE)


def _same(said: Any, right: str) -> bool:
    return isinstance(said, str) and hmac.compare_digest(said.encode(errors="replace"), right.encode())
