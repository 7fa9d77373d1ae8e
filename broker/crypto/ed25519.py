"""Ed25519 (RFC 8032): the check, and a key that lies in a file of its own, which nobody but its owner can read.

This module alone of the room serves a program that has none of the broker's keys: a witness.
"""

import json
import os
import stat
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broker.crypto.encoding import b64url, from_b64url
from broker.errors import Conflict, Unsafe, Words

_UNREADABLE = Words(
    "De sleutel van de getuige is niet te lezen of beschadigd. Maak een getuige met: broker witness init",
    "The witness's key cannot be read or is damaged. Make a witness with: broker witness init",
)
_OPEN = Words(
    "De sleutel van de getuige is leesbaar voor anderen: chmod 600.",
    "The witness's key can be read by others: chmod 600.",
)
_THERE = Words(
    "Er is hier al een sleutel. Er is niets veranderd.",
    "There is a key here already. Nothing was changed.",
)


def holds(public: bytes, signature: bytes, message: bytes) -> bool:
    """Whether the signature holds (RFC 8032); never raises on bad input."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


class KeyFile:
    """A signing key as a private JWK (RFC 8037) in a file of mode 0600. Never prints."""

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    @classmethod
    def make(cls, path: Path) -> "KeyFile":
        """A fresh key, written to its file. Raises Conflict when the file is there already."""
        key = cls(Ed25519PrivateKey.generate())
        document = {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": b64url(key.public),
            "d": b64url(key._private.private_bytes_raw()),
        }
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise Conflict(_THERE) from None
        with os.fdopen(descriptor, "w") as file:
            json.dump(document, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        return key

    @classmethod
    def read(cls, path: Path) -> "KeyFile":
        """Raises Unsafe, quoting nothing, for a key that is not there, is damaged, or can be read by others."""
        try:
            if stat.S_IMODE(path.stat().st_mode) & 0o077:
                raise Unsafe(_OPEN)
            jwk = json.loads(path.read_bytes())
            key = cls(Ed25519PrivateKey.from_private_bytes(from_b64url(jwk["d"])))
            if {name: jwk[name] for name in ("kty", "crv", "x")} != {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": b64url(key.public),
            }:
                raise ValueError("another kind of key")
            return key
        except (OSError, ValueError, KeyError, TypeError):
            raise Unsafe(_UNREADABLE) from None

    def sign(self, message: bytes) -> bytes:
        """64 bytes (RFC 8032 section 5.1.6)."""
        return self._private.sign(message)
