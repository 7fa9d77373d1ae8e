"""HPKE in base mode (RFC 9180) and X-Wing, written from their texts with primitives alone: what another developer would make.

It imports nothing of ours, so that it can contradict us. HKDF is made of HMAC (RFC 5869); the combiner is that of
draft-connolly-cfrg-xwing-kem section 5.3. What does not open raises NotForThisKey.
"""

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

BASE = b"\x00"
"""`mode_base` of RFC 9180 section 5."""


class NotForThisKey(Exception):
    """This does not open with this key, for this use."""


def extract(salt: bytes, ikm: bytes) -> bytes:
    """HKDF-Extract with SHA-256 (RFC 5869 section 2.2)."""
    return hmac.new(salt or bytes(32), ikm, hashlib.sha256).digest()


def expand(prk: bytes, info: bytes, length: int) -> bytes:
    """HKDF-Expand with SHA-256 (RFC 5869 section 2.3)."""
    made, block, count = b"", b"", 0
    while len(made) < length:
        count += 1
        block = hmac.new(prk, block + info + bytes([count]), hashlib.sha256).digest()
        made += block
    return made[:length]


def labelled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    """LabeledExtract of RFC 9180 section 4."""
    return extract(salt, b"HPKE-v1" + suite + label + ikm)


def labelled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    """LabeledExpand of RFC 9180 section 4."""
    return expand(prk, length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info, length)


class Kem(Protocol):
    """A key encapsulation mechanism: `size` is the length of an encapsulation in bytes."""

    id: int
    size: int

    def public(self, private: bytes) -> bytes:
        """The public key of a private one."""

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """(shared secret, encapsulation). Raises ValueError for what is no key."""

    def decapsulate(self, encapsulation: bytes, private: bytes) -> bytes:
        """The shared secret. Raises ValueError."""


class DhKemX25519:
    """DHKEM(X25519, HKDF-SHA256), 0x0020, of RFC 9180 section 4.1: here for that document's own vectors."""

    id = 0x0020
    size = 32

    def public(self, private: bytes) -> bytes:
        """The public key."""
        return X25519PrivateKey.from_private_bytes(private).public_key().public_bytes_raw()

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """With a fresh key."""
        return self.encapsulate_with(X25519PrivateKey.generate().private_bytes_raw(), public)

    def encapsulate_with(self, ephemeral: bytes, public: bytes) -> tuple[bytes, bytes]:
        """With a given one."""
        encapsulation = self.public(ephemeral)
        return self._derive(exchange(ephemeral, public), encapsulation + public), encapsulation

    def decapsulate(self, encapsulation: bytes, private: bytes) -> bytes:
        """Decap()."""
        return self._derive(exchange(private, encapsulation), encapsulation + self.public(private))

    def _derive(self, shared: bytes, context: bytes) -> bytes:
        suite = b"KEM" + self.id.to_bytes(2, "big")
        return labelled_expand(suite, labelled_extract(suite, b"", b"eae_prk", shared), b"shared_secret", context, 32)


class XWing:
    """ML-KEM-768 with X25519, 0x647a: draft-connolly-cfrg-xwing-kem section 5, in draft-ietf-hpke-pq MLKEM768-X25519."""

    id = 0x647A
    size = 1120

    def public(self, private: bytes) -> bytes:
        """ML-KEM's 1,184 bytes, then X25519's 32."""
        mlkem, x25519 = self._parts(private)
        return mlkem.public_key().public_bytes_raw() + DhKemX25519().public(x25519)

    def encapsulate(self, public: bytes) -> tuple[bytes, bytes]:
        """Encapsulate()."""
        ephemeral = X25519PrivateKey.generate().private_bytes_raw()
        first, mlkem = MLKEM768PublicKey.from_public_bytes(public[:1184]).encapsulate()
        sent, theirs = DhKemX25519().public(ephemeral), public[1184:]
        return self.combine(first, exchange(ephemeral, theirs), sent, theirs), mlkem + sent

    def decapsulate(self, encapsulation: bytes, private: bytes) -> bytes:
        """Decapsulate()."""
        if len(encapsulation) != self.size:
            raise ValueError("an encapsulation has 1,120 bytes")
        mlkem, x25519 = self._parts(private)
        sent = encapsulation[1088:]
        first = mlkem.decapsulate(encapsulation[:1088])
        return self.combine(first, exchange(x25519, sent), sent, DhKemX25519().public(x25519))

    @staticmethod
    def combine(first: bytes, second: bytes, sent: bytes, public: bytes) -> bytes:
        """Combiner(), with the label of six bytes."""
        return hashlib.sha3_256(first + second + sent + public + bytes.fromhex("5c2e2f2f5e5c")).digest()

    @staticmethod
    def _parts(seed: bytes) -> tuple[MLKEM768PrivateKey, bytes]:
        expanded = hashlib.shake_256(seed).digest(96)
        return MLKEM768PrivateKey.from_seed_bytes(expanded[:64]), expanded[64:]


def exchange(private: bytes, public: bytes) -> bytes:
    """X25519 (RFC 7748). Raises ValueError for a point of low order."""
    return X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(public))


@dataclass(frozen=True)
class Aead:
    """An encryption of RFC 9180 section 7.3."""

    id: int
    key: int
    make: type[AESGCM] | type[ChaCha20Poly1305]


AES_128_GCM, AES_256_GCM, CHACHA = Aead(1, 16, AESGCM), Aead(2, 32, AESGCM), Aead(3, 32, ChaCha20Poly1305)


@dataclass(frozen=True)
class Context:
    """What both ends have after the key schedule."""

    suite: bytes
    aead: Aead
    key: bytes
    base_nonce: bytes
    exporter_secret: bytes

    def nonce(self, sequence: int) -> bytes:
        """ComputeNonce() of RFC 9180 section 5.2."""
        return bytes(a ^ b for a, b in zip(self.base_nonce, sequence.to_bytes(12, "big"), strict=True))

    def seal(self, clear: bytes, aad: bytes = b"", sequence: int = 0) -> bytes:
        """Encrypt one message."""
        return self.aead.make(self.key).encrypt(self.nonce(sequence), clear, aad)

    def open(self, sealed: bytes, aad: bytes = b"", sequence: int = 0) -> bytes:
        """Decrypt one message. Raises NotForThisKey."""
        try:
            return self.aead.make(self.key).decrypt(self.nonce(sequence), sealed, aad)
        except (InvalidTag, ValueError):
            raise NotForThisKey from None

    def export(self, context: bytes, length: int) -> bytes:
        """Export() of RFC 9180 section 5.3."""
        return labelled_expand(self.suite, self.exporter_secret, b"sec", context, length)


@dataclass(frozen=True)
class Hpke:
    """One suite; the derivation is HKDF-SHA256, 0x0001."""

    kem: Kem
    aead: Aead

    def schedule(self, shared: bytes, info: bytes) -> Context:
        """KeySchedule() of RFC 9180 section 5.1 in base mode: the default psk and psk_id are empty."""
        suite = b"HPKE" + b"".join(number.to_bytes(2, "big") for number in (self.kem.id, 1, self.aead.id))
        context = BASE + labelled_extract(suite, b"", b"psk_id_hash", b"")
        context += labelled_extract(suite, b"", b"info_hash", info)
        secret = labelled_extract(suite, shared, b"secret", b"")
        key, nonce, exporter = (
            labelled_expand(suite, secret, label, context, length)
            for label, length in ((b"key", self.aead.key), (b"base_nonce", 12), (b"exp", 32))
        )
        return Context(suite, self.aead, key, nonce, exporter)

    def receive(self, encapsulation: bytes, private: bytes, info: bytes) -> Context:
        """SetupBaseR(). Raises NotForThisKey."""
        try:
            return self.schedule(self.kem.decapsulate(encapsulation, private), info)
        except ValueError:
            raise NotForThisKey from None

    def seal(self, public: bytes, info: bytes, clear: bytes) -> bytes:
        """One message with empty additional data: encapsulation, then ciphertext (RFC 9180 section 6.1)."""
        shared, encapsulation = self.kem.encapsulate(public)
        return encapsulation + self.schedule(shared, info).seal(clear)

    def open(self, private: bytes, info: bytes, sealed: bytes) -> bytes:
        """The inverse. Raises NotForThisKey."""
        return self.receive(sealed[: self.kem.size], private, info).open(sealed[self.kem.size :])
