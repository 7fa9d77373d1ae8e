"""Keys of an organisation's own client: made where they are used; only the public half is ever registered."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.crypto.encoding import b64url, from_b64url, thumbprint
from broker.crypto.sealing import ALGORITHM, SealingKey


class ClientKey:
    """An Ed25519 key with its id (RFC 7638). Never prints."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self.private = private
        x = b64url(private.public_key().public_bytes_raw())
        self.kid = thumbprint({"crv": "Ed25519", "kty": "OKP", "x": x})
        self._x = x

    @classmethod
    def new(cls) -> "ClientKey":
        """A fresh key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def read(cls, path: Path) -> "ClientKey":
        """Read a private JWK. Raises ValueError, quoting nothing."""
        try:
            jwk = json.loads(path.read_bytes())
            key = cls(Ed25519PrivateKey.from_private_bytes(from_b64url(jwk["d"])))
            if {name: jwk[name] for name in ("kty", "crv", "x")} != {"kty": "OKP", "crv": "Ed25519", "x": key._x}:
                raise ValueError("another kind of key")  # a P-256 key has 32 bytes too
            return key
        except (OSError, ValueError, KeyError, TypeError):
            raise ValueError("this is no Ed25519 private key in JWK form") from None

    def write(self, path: Path) -> None:
        """Write the private JWK, readable by its owner only; never overwrites."""
        _write(path, {**self.public_jwk(), "d": b64url(self.private.private_bytes_raw())})

    def public_jwk(self) -> dict[str, Any]:
        """The public half, to be registered (RFC 8037)."""
        return {"kty": "OKP", "crv": "Ed25519", "x": self._x, "kid": self.kid, "use": "sig", "alg": "EdDSA"}


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
