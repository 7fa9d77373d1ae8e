"""The sealed section: content under a key of its own, that key sealed to whoever may open it; the format of docs/sealed-sections.md.

- Content: AES-256-GCM (NIST SP 800-38D) under a fresh key, with a random nonce of 96 bits; bound to sender, reference,
  section type and media type. The first byte is the format's version.
- Its key: HPKE in base mode (RFC 9180) with ML-KEM-768 and X25519, HKDF-SHA256 and AES-256-GCM, one message each; bound to
  all of that, to who it is sealed for and why, and to the SHA-256 of the ciphertext.
- The reference of a sender is bound as an HMAC under the content's key: only who may read the content could tell it.
- What does not open raises SealBroken, never anything that quotes the bytes.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, MLKEM768X25519PrivateKey, MLKEM768X25519PublicKey, Suite

from broker.crypto.encoding import b64url, canonical, from_b64url, thumbprint
from broker.errors import Tampered

FORMAT = "rondom-sealed-1"
ALGORITHM = "HPKE-MLKEM768-X25519-HKDF-SHA256-A256GCM"
"""Our name for the suite: key encapsulation 0x647a, derivation 0x0001, encryption 0x0002 of RFC 9180 section 7."""
KEY = 32
"""Bytes of a content's key, and of the seed of a sealing key."""
PUBLIC = 1216
"""Bytes of a public sealing key: ML-KEM-768 (FIPS 203), then X25519."""
SEALED_KEY = 1120 + KEY + 16
"""Bytes of a sealed content key: the encapsulation, the key, the tag."""
OVERHEAD = 1 + 12 + 16
"""Bytes that sealing adds to content."""
_VERSION = b"\x01"
_NONCE = 12
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


class SealBroken(Tampered):
    """These bytes were not sealed for this key, this place and this use, or are no longer whole."""


def aes_seal(key: bytes, clear: bytes, bound_to: bytes) -> bytes:
    """Version, nonce and AES-256-GCM ciphertext."""
    nonce = secrets.token_bytes(_NONCE)
    return _VERSION + nonce + AESGCM(key).encrypt(nonce, clear, bound_to)


def aes_open(key: bytes, sealed: bytes, bound_to: bytes) -> bytes:
    """The inverse. Raises SealBroken."""
    if sealed[:1] != _VERSION:
        raise SealBroken
    try:
        return AESGCM(key).decrypt(sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :], bound_to)
    except (InvalidTag, ValueError):
        raise SealBroken from None


@dataclass(frozen=True, slots=True)
class About:
    """What sealed content says of itself: whose it is, what it is, and under which reference, by its mark."""

    sender: str
    type: str
    media_type: str
    mark: bytes = field(repr=False)

    def members(self) -> dict[str, str]:
        """As it is bound."""
        return {
            "format": FORMAT,
            "sender": self.sender,
            "type": self.type,
            "mediaType": self.media_type,
            "reference": b64url(self.mark),
        }


def mark_of(key: bytes, reference: str) -> bytes:
    """The mark of a sender's reference: HMAC-SHA256 (RFC 2104) under the content's key."""
    return hmac.new(key, FORMAT.encode() + b" reference\0" + reference.encode(), hashlib.sha256).digest()


def seal_content(key: bytes, about: About, clear: bytes) -> bytes:
    """Encrypt content under a key that is used for nothing else."""
    return aes_seal(key, clear, canonical({**about.members(), "use": "content"}))


def open_content(key: bytes, about: About, ciphertext: bytes) -> bytes:
    """Decrypt it. Raises SealBroken for anything that was not sealed with this key and about exactly this."""
    return aes_open(key, ciphertext, canonical({**about.members(), "use": "content"}))


def intake_info(to: str, sender: str, reference: str, section_type: str, media_type: str, ciphertext: bytes) -> bytes:
    """What a key on its way in is bound to (`info` of RFC 9180 section 5.1); `to` is the intake key's id."""
    return canonical(
        {
            "format": FORMAT,
            "use": "intake",
            "to": to,
            "sender": sender,
            "reference": reference,
            "type": section_type,
            "mediaType": media_type,
            "digest": digest_of(ciphertext),
        }
    )


def release_info(to: str, recipient: str, release: str, about: About, ciphertext: bytes) -> bytes:
    """What a key on its way out is bound to; `to` is the id of the recipient's key."""
    more = {"use": "release", "to": to, "recipient": recipient, "release": release, "digest": digest_of(ciphertext)}
    return canonical({**about.members(), **more})


def digest_of(ciphertext: bytes) -> str:
    """SHA-256, in base64url."""
    return b64url(hashlib.sha256(ciphertext).digest())


class SealingPublicKey:
    """Somebody's public key, to seal to."""

    def __init__(self, raw: bytes) -> None:
        """Raises ValueError unless these are the 1,216 bytes of one."""
        if len(raw) != PUBLIC:
            raise ValueError("this is no ML-KEM-768 with X25519 public key")
        mlkem = MLKEM768PublicKey.from_public_bytes(raw[:-32])
        self._key = MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(raw[-32:]))
        self.raw = raw
        self.kid = thumbprint(_members(raw))

    @classmethod
    def of_jwk(cls, jwk: Any) -> "SealingPublicKey":
        """Read a public JWK. Raises ValueError with one clear sentence, also for what is no JWK at all."""
        if isinstance(jwk, Mapping) and ("priv" in jwk or "d" in jwk):
            raise ValueError("this is a private key; give the public one")
        try:
            key = _checked(jwk["pub"])
        except (KeyError, TypeError, ValueError, AttributeError):
            raise ValueError("this is no ML-KEM-768 with X25519 public key in JWK form") from None
        if {**_members(key.raw), "kid": key.kid} != {name: jwk.get(name) for name in ("kty", "alg", "pub", "kid")}:
            raise ValueError("its kty, alg or kid does not belong to it")
        return key

    def jwk(self) -> dict[str, str]:
        """As a JWK (RFC 7517); key type and member are those of RFC 9964's family AKP."""
        return {**_members(self.raw), "kid": self.kid, "use": "enc"}

    def seal(self, key: bytes, info: bytes) -> bytes:
        """Seal a content's key: encapsulation, then ciphertext."""
        return _SUITE.encrypt(key, self._key, info)


@lru_cache(256)
def _checked(pub: str) -> SealingPublicKey:
    """The key of these public bytes, read and tried once. Raises ValueError."""
    key = SealingPublicKey(from_b64url(pub))
    key.seal(bytes(KEY), b"")  # a point of low order is refused by use
    return key


class SealingKey:
    """A private key for opening, made of a seed of 32 bytes (draft-connolly-cfrg-xwing-kem section 5.2). Never prints."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != KEY:
            raise ValueError("a seed has 32 bytes")
        expanded = hashlib.shake_256(seed).digest(96)
        mlkem, x25519 = (
            MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
            X25519PrivateKey.from_private_bytes(expanded[64:]),
        )
        self._key = MLKEM768X25519PrivateKey(mlkem, x25519)
        public = mlkem.public_key().public_bytes_raw() + x25519.public_key().public_bytes_raw()
        self.public = SealingPublicKey(public)
        self.kid = self.public.kid

    def open(self, sealed: bytes, info: bytes) -> bytes:
        """The content's key. Raises SealBroken."""
        if len(sealed) != SEALED_KEY:
            raise SealBroken
        try:
            return _SUITE.decrypt(sealed, self._key, info)  # as long as a content's key, for its length was checked
        except (InvalidTag, ValueError):
            raise SealBroken from None


def _members(raw: bytes) -> dict[str, str]:
    return {"alg": ALGORITHM, "kty": "AKP", "pub": b64url(raw)}
