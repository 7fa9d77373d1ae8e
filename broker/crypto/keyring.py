"""The broker's own keys, one file each, readable by nobody but the owner; a keyring with a fault does not load.

- A key's id is its RFC 7638 thumbprint (SHA-256, base64url); the symmetric keys hold 256 random bits, so that
  their thumbprint gives nothing away (RFC 7638 section 7).
- The newest key of a purpose is used for new work; older ones go on opening and verifying.
- Keys never print.
"""

import json
import os
import secrets
import stat
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from broker.crypto.encoding import b64url, from_b64url, thumbprint
from broker.crypto.sealing import SealingKey
from broker.errors import Unsafe, Words


class KeyPurpose(StrEnum):
    """What a key is for. No key serves two purposes."""

    RECORDS = "records"
    RECEIPTS = "receipts"
    LOG = "log"
    TOKENS = "tokens"
    WRAPPING = "wrapping"
    INTAKE = "intake"
    FIELDS = "fields"
    PSEUDONYMS = "pseudonyms"
    CODES = "codes"


SIGNING = frozenset({KeyPurpose.RECORDS, KeyPurpose.RECEIPTS, KeyPurpose.LOG, KeyPurpose.TOKENS})
_PRIVATE = {**dict.fromkeys(SIGNING, "d"), KeyPurpose.INTAKE: "priv"}
"""Where the secret stands in the file of a key that has a public half; elsewhere it is `k` (RFC 7518 section 6.4)."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `secret` is 32 bytes: an Ed25519 seed, the seed of a sealing key, or a symmetric key."""

    purpose: KeyPurpose
    kid: str
    created: datetime
    demo: bool
    secret: bytes = field(repr=False)

    @property
    def private(self) -> Ed25519PrivateKey:
        """The signing key."""
        return Ed25519PrivateKey.from_private_bytes(self.secret)

    @property
    def public(self) -> Ed25519PublicKey:
        """The verifying key."""
        return self.private.public_key()

    @property
    def public_raw(self) -> bytes:
        """The verifying key's 32 bytes (RFC 8032)."""
        return self.public.public_bytes_raw()

    def public_jwk(self) -> dict[str, str]:
        """The verifying key as JWK (RFC 8037)."""
        return {
            "kty": "OKP",
            "crv": "Ed25519",
            "x": b64url(self.public_raw),
            "kid": self.kid,
            "alg": "EdDSA",
            "use": "sig",
        }


class Keyring:
    """All keys by purpose and id. Raises Unsafe when a purpose has no key."""

    def __init__(self, keys: tuple[Key, ...]) -> None:
        self._by_purpose: dict[KeyPurpose, dict[str, Key]] = {purpose: {} for purpose in KeyPurpose}
        for key in sorted(keys, key=lambda k: (k.created, k.kid)):
            self._by_purpose[key.purpose][key.kid] = key
        missing = [purpose.value for purpose, mine in self._by_purpose.items() if not mine]
        if missing:
            names = ", ".join(missing)
            raise Unsafe(
                Words(
                    f"Er ontbreken sleutels: {names}. Maak ze met: broker keys init",
                    f"Keys are missing: {names}. Make them with: broker keys init",
                )
            )

    def current(self, purpose: KeyPurpose) -> Key:
        """The newest key of that purpose."""
        return list(self._by_purpose[purpose].values())[-1]

    def get(self, purpose: KeyPurpose, kid: str) -> Key | None:
        """The key with that id, or None."""
        return self._by_purpose[purpose].get(kid)

    def all(self, purpose: KeyPurpose) -> tuple[Key, ...]:
        """Every key of that purpose, oldest first."""
        return tuple(self._by_purpose[purpose].values())

    @property
    def demo(self) -> bool:
        """Whether any key was made for a demonstration."""
        return any(key.demo for mine in self._by_purpose.values() for key in mine.values())


def make_key(purpose: KeyPurpose, now: datetime, *, demo: bool = False) -> Key:
    """A fresh random key."""
    secret = secrets.token_bytes(32)
    return Key(purpose, thumbprint(_members(purpose, secret)), now, demo, secret)


def write_key(directory: Path, key: Key) -> Path:
    """Write a key to its own file, mode 0600; never overwrites."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{key.purpose}.{key.kid}.json"
    document = {
        **_members(key.purpose, key.secret),
        **({_PRIVATE[key.purpose]: b64url(key.secret)} if key.purpose in _PRIVATE else {}),
        "kid": key.kid,
        "purpose": key.purpose.value,
        "created": key.created.isoformat(),
        "demo": key.demo,
    }
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    return path


def load_keyring(directory: Path) -> Keyring:
    """Read every key file. Raises Unsafe for a missing folder, a file others may read, or a damaged key."""
    if not directory.is_dir():
        raise Unsafe(
            Words(
                "De map met sleutels bestaat niet. Maak haar met: broker keys init",
                "The folder with keys does not exist. Make it with: broker keys init",
            )
        )
    return Keyring(tuple(_read_key(path) for path in sorted(directory.glob("*.*.json"))))


def _read_key(path: Path) -> Key:
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise _unsafe_file(path, "is leesbaar voor anderen: chmod 600", "can be read by others: chmod 600")
    try:
        document = json.loads(path.read_bytes())
        purpose = KeyPurpose(document["purpose"])
        secret = from_b64url(document[_PRIVATE.get(purpose, "k")])
        kid = thumbprint(_members(purpose, secret))
        created = datetime.fromisoformat(document["created"])
        whole = len(secret) == 32 and kid == document["kid"] and path.name == f"{purpose}.{kid}.json"
        if not whole or created.tzinfo is None:
            raise ValueError("the key does not match its id")
        return Key(purpose, kid, created, bool(document["demo"]), secret)
    except (OSError, ValueError, KeyError, TypeError):
        # The cause is dropped on purpose: a parser's message may quote the secret.
        raise _unsafe_file(path, "is beschadigd: zet de kopie terug", "is damaged: put the copy back") from None


def _unsafe_file(path: Path, nl: str, en: str) -> Unsafe:
    return Unsafe(Words(f"Sleutelbestand {path.name} {nl}.", f"Key file {path.name} {en}."))


def _members(purpose: KeyPurpose, secret: bytes) -> dict[str, str]:
    if purpose in SIGNING:
        public = Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        return {"crv": "Ed25519", "kty": "OKP", "x": b64url(public)}
    if purpose is KeyPurpose.INTAKE:
        return {name: value for name, value in SealingKey(secret).public.jwk().items() if name in ("alg", "kty", "pub")}
    return {"k": b64url(secret), "kty": "oct"}
