"""Keys of an organisation's own client: made where they are used; only the public half is ever registered."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from broker.crypto.encoding import b64url, from_b64url, thumbprint
from broker.crypto.sealing import ALGORITHM, SealingKey

Private = Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey


class ClientKey:
    """A key to sign with, and its id (RFC 7638): Ed25519 (EdDSA), P-256 (ES256), or RSA of 2048 bits at least (PS256).

    Raises ValueError for any other key. Never prints.
    """

    def __init__(self, private: Private) -> None:
        self.private = private
        self.algorithm, self._public = _public(private)
        self.kid = thumbprint(self._public)

    @classmethod
    def new(cls, algorithm: str = "EdDSA") -> "ClientKey":
        """A fresh key for EdDSA, ES256 or PS256. Raises ValueError for another algorithm."""
        if algorithm == "EdDSA":
            return cls(Ed25519PrivateKey.generate())
        if algorithm == "ES256":
            return cls(generate_private_key(SECP256R1()))
        if algorithm == "PS256":
            return cls(rsa.generate_private_key(65537, 3072))
        raise ValueError("the algorithm is EdDSA, ES256 or PS256")

    @classmethod
    def read(cls, path: Path) -> "ClientKey":
        """Read a private JWK. Raises ValueError, quoting nothing."""
        try:
            jwk = json.loads(path.read_bytes())
            key = cls(_private(jwk))
            if any(jwk[name] != value for name, value in key._public.items()):
                raise ValueError("the halves do not belong together")
            return key
        except (OSError, ValueError, KeyError, TypeError, RecursionError, jwt.PyJWTError):
            raise ValueError("this is no Ed25519, P-256 or RSA private key in JWK form") from None

    def write(self, path: Path) -> None:
        """Write the private JWK, readable by its owner only; never overwrites."""
        _write(path, {**_private_members(self.private), **self.public_jwk()})

    def public_jwk(self) -> dict[str, Any]:
        """The public half, to be registered (RFC 8037, RFC 7518 section 6)."""
        return {**self._public, "kid": self.kid, "use": "sig", "alg": self.algorithm}


def _public(private: Private) -> tuple[str, dict[str, str]]:
    """The algorithm of a key, and the members that its id is made of. Raises ValueError."""
    if isinstance(private, Ed25519PrivateKey):
        raw = private.public_key().public_bytes_raw()
        return "EdDSA", {"crv": "Ed25519", "kty": "OKP", "x": b64url(raw)}
    if isinstance(private, EllipticCurvePrivateKey) and isinstance(private.curve, SECP256R1):
        point = private.public_key().public_numbers()
        x, y = (b64url(number.to_bytes(32, "big")) for number in (point.x, point.y))
        return "ES256", {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    if isinstance(private, RSAPrivateKey) and private.key_size >= 2048:
        n, e = private.public_key().public_numbers().n, private.public_key().public_numbers().e
        return "PS256", {"e": _unsigned(e), "kty": "RSA", "n": _unsigned(n)}
    raise ValueError("another kind of key")


def _unsigned(number: int) -> str:
    """RFC 7518 section 2, Base64urlUInt."""
    return b64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))


def _private(jwk: Any) -> Any:
    """The key in a private JWK. Raises ValueError, KeyError, TypeError or PyJWTError."""
    if jwk["kty"] == "OKP" and jwk["crv"] == "Ed25519":
        return Ed25519PrivateKey.from_private_bytes(from_b64url(jwk["d"]))
    if jwk["kty"] == "EC":
        return ECAlgorithm.from_jwk(jwk)
    return RSAAlgorithm.from_jwk(jwk)


def _private_members(private: Private) -> dict[str, str]:
    if isinstance(private, Ed25519PrivateKey):
        return {"d": b64url(private.private_bytes_raw())}
    if isinstance(private, EllipticCurvePrivateKey):
        return {"d": b64url(private.private_numbers().private_value.to_bytes(32, "big"))}
    numbers = private.private_numbers()
    members = {
        "d": numbers.d,
        "p": numbers.p,
        "q": numbers.q,
        "dp": numbers.dmp1,
        "dq": numbers.dmq1,
        "qi": numbers.iqmp,
    }
    return {name: _unsigned(number) for name, number in members.items()}


class ClientSealingKey(SealingKey):
    """A key to which the broker seals what an organisation gets: ML-KEM-768 with X25519. Never prints."""

    def __init__(self, seed: bytes) -> None:
        super().__init__(seed)
        self._seed = seed

    @classmethod
    def new(cls) -> "ClientSealingKey":
        """A fresh key."""
        return cls(secrets.token_bytes(32))

    @classmethod
    def read(cls, path: Path) -> "ClientSealingKey":
        """Read a private JWK. Raises ValueError, quoting nothing."""
        try:
            jwk = json.loads(path.read_bytes())
            key = cls(from_b64url(jwk["priv"]))
            if {name: jwk[name] for name in ("kty", "alg", "pub")} != {
                "kty": "AKP",
                "alg": ALGORITHM,
                "pub": b64url(key.public.raw),
            }:
                raise ValueError("another kind of key")
            return key
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            raise ValueError("this is no private sealing key in JWK form") from None

    def write(self, path: Path) -> None:
        """Write the private JWK, readable by its owner only; never overwrites."""
        _write(path, {**self.public.jwk(), "priv": b64url(self._seed)})

    def public_jwk(self) -> dict[str, Any]:
        """The public half, to be registered."""
        return dict(self.public.jwk())


def _write(path: Path, document: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
