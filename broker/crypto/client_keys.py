"""Keys of an organisation's own client: made where they are used; only the public half is ever registered."""

import json
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.crypto.encoding import b64url, from_b64url, thumbprint


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
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        document = {**self.public_jwk(), "d": b64url(self.private.private_bytes_raw())}
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file, indent=1)

    def public_jwk(self) -> dict[str, Any]:
        """The public half, to be registered (RFC 8037)."""
        return {"kty": "OKP", "crv": "Ed25519", "x": self._x, "kid": self.kid, "use": "sig", "alg": "EdDSA"}
