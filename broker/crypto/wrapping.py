"""Key-encryption keys behind one small port: data keys go in and come out wrapped; where the key lives is its own affair.

- Whatever is wrapped is bound to `bound_to`; anywhere else it does not open.
- What was wrapped by a key that is not at hand is KeyMissing: a missing key is no forgery.
"""

from typing import Protocol

from broker.crypto.keyring import KeyPurpose, Keyring
from broker.crypto.sealing import aes_open, aes_seal
from broker.errors import Unavailable, Words


class KeyMissing(Unavailable):
    """Something was sealed with a key that is not at hand: refused, and an alarm for who keeps the keys."""

    code = "key-missing"
    words = Words(
        "De sleutel die dit opent, is er nu niet. Er is niets vrijgegeven. Probeer het later opnieuw.",
        "The key that opens this is not at hand. Nothing was released. Try again later.",
    )


class KeyWrapper(Protocol):
    """One key-encryption key."""

    @property
    def kid(self) -> str:
        """Its id."""

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        """Wrap a data key of 32 bytes. Raises Unavailable when the key cannot be reached."""

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """Unwrap it. Raises Tampered for anything else than what was wrapped for this place, and Unavailable."""


class WrappingKeys(Protocol):
    """All key-encryption keys."""

    def current(self) -> KeyWrapper:
        """The one that wraps what is new."""

    def get(self, kid: str) -> KeyWrapper:
        """The one with that id. Raises KeyMissing."""


class FileWrapper:
    """A key from a file: AES-256-GCM in this process."""

    def __init__(self, kid: str, secret: bytes) -> None:
        self.kid = kid
        self._secret = secret

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        """Wrap."""
        return aes_seal(self._secret, data_key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """Unwrap. Raises Tampered."""
        return aes_open(self._secret, wrapped, bound_to)


class KeyringWrapping:
    """The wrapping keys of a keyring."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def current(self) -> KeyWrapper:
        """The newest."""
        key = self._keyring.current(KeyPurpose.WRAPPING)
        return FileWrapper(key.kid, key.secret)

    def get(self, kid: str) -> KeyWrapper:
        """By id. Raises KeyMissing."""
        key = self._keyring.get(KeyPurpose.WRAPPING, kid)
        if key is None:
            raise KeyMissing
        return FileWrapper(key.kid, key.secret)
