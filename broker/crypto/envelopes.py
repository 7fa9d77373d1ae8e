"""Encryption at rest: every section has its own key, and every ciphertext is bound to the place where it belongs.

- AES-256-GCM throughout (NIST SP 800-38D), random 96-bit nonces; the first byte is the format's version.
- A section's data key is used once, and wrapped by the key-encryption key. Both are bound to handover, version,
  section, sender and the section's header as associated data: moved, swapped, truncated, older or relabelled
  ciphertext does not open.
- Row fields use a key derived for their own context (HKDF-SHA256, RFC 5869), so nonces cannot collide.
- What does not open raises Tampered, never anything that quotes the bytes.
"""

import secrets

import rfc8785
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.crypto.keyring import KeyPurpose, Keyring
from broker.domain.ports import SealedSection, SectionPlace
from broker.errors import Tampered

_VERSION = b"\x01"
_NONCE = 12


def _seal(key: bytes, clear: bytes, bound_to: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, clear, bound_to)


def _open(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    if sealed[:1] != _VERSION:
        raise Tampered
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], bound_to)
    except (InvalidTag, ValueError):
        raise Tampered from None


def _bound(place: SectionPlace, use: str, kid: str) -> bytes:
    return rfc8785.dumps(
        {
            "use": use,
            "kid": kid,
            "handover": place.handover,
            "version": place.version,
            "section": place.section,
            "sender": place.sender,
            "header": place.header,
        }
    )


class Vault:
    """Seals and opens sections under the keyring's wrapping keys."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, place: SectionPlace, clear: bytes) -> SealedSection:
        """Encrypt one section with a fresh data key, wrapped by the current key-encryption key."""
        wrapping = self._keyring.current(KeyPurpose.WRAPPING)
        data_key = secrets.token_bytes(32)
        return SealedSection(
            ciphertext=_seal(data_key, clear, _bound(place, "section", wrapping.kid)),
            wrapped_key=_seal(wrapping.secret, data_key, _bound(place, "data-key", wrapping.kid)),
            kid=wrapping.kid,
        )

    def open(self, place: SectionPlace, sealed: SealedSection) -> bytes:
        """Decrypt one section. Raises Tampered when key, bytes or place do not belong together."""
        wrapping = self._keyring.get(KeyPurpose.WRAPPING, sealed.kid)
        if wrapping is None:
            raise Tampered
        data_key = _open(wrapping.secret, sealed.wrapped_key, _bound(place, "data-key", sealed.kid))
        return _open(data_key, sealed.ciphertext, _bound(place, "section", sealed.kid))

    def new_subject_key(self, key_id: str) -> tuple[bytes, bytes]:
        """A fresh key for one person's log openings: (clear, wrapped), bound to its id."""
        clear = secrets.token_bytes(32)
        return clear, self._wrap(clear, key_id)

    def open_subject_key(self, key_id: str, wrapped: bytes) -> bytes:
        """Unwrap a person's key. Raises Tampered."""
        kid, _, sealed = wrapped.partition(b".")
        wrapping = self._keyring.get(KeyPurpose.WRAPPING, kid.decode(errors="replace"))
        if wrapping is None:
            raise Tampered
        return _open(wrapping.secret, sealed, f"subject-key:{key_id}".encode())

    def _wrap(self, clear: bytes, key_id: str) -> bytes:
        wrapping = self._keyring.current(KeyPurpose.WRAPPING)
        return wrapping.kid.encode() + b"." + _seal(wrapping.secret, clear, f"subject-key:{key_id}".encode())

    @staticmethod
    def seal_with(key: bytes, context: str, clear: bytes) -> bytes:
        """Encrypt under a person's key, bound to `context`."""
        return _seal(key, clear, context.encode())

    @staticmethod
    def open_with(key: bytes, context: str, sealed: bytes) -> bytes:
        """The inverse. Raises Tampered."""
        return _open(key, sealed, context.encode())


class FieldCipher:
    """Encrypts single values of rows: names, birth dates, contacts, identifiers, messages."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, context: str, clear: str) -> bytes:
        """Encrypt a value for one place, such as `person:ID:name`."""
        key = self._keyring.current(KeyPurpose.FIELDS)
        return key.kid.encode() + b"." + _seal(_derive(key.secret, context), clear.encode(), context.encode())

    def open(self, context: str, sealed: bytes) -> str:
        """Decrypt it again. Raises Tampered when it belongs to another place."""
        kid, _, body = sealed.partition(b".")
        key = self._keyring.get(KeyPurpose.FIELDS, kid.decode(errors="replace"))
        if key is None:
            raise Tampered
        return _open(_derive(key.secret, context), body, context.encode()).decode()


def _derive(secret: bytes, context: str) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"rondom field " + context.encode()).derive(secret)
