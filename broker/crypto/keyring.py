"""The broker's own keys, one file each, readable by nobody but the owner; a keyring with a fault does not load.

- A key's id is its RFC 7638 thumbprint (SHA-256, base64url); the symmetric keys hold 256 random bits, so that
  their thumbprint gives nothing away (RFC 7638 section 7). A key that lives elsewhere has a random id.
- The newest key of a purpose is used for new work; older ones go on opening and verifying. Of a retired signing key
  the public half is left: it verifies, and is never the current one.
- A keyring follows its folder: new files are seen within LOOK_EVERY seconds, an unknown id at once. What does not load
  while the broker runs changes nothing, and is an alarm.
- Keys never print.
"""

import json
import os
import secrets
import stat
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from broker.crypto.encoding import b64url, from_b64url, thumbprint
from broker.crypto.sealing import SealingKey
from broker.domain.keys import KEPT_PUBLIC, NOT_NEEDED_TO_START, KeyState, KeyStore
from broker.domain.keys import KeyPurpose as KeyPurpose  # noqa: PLC0414 - its name here, for this layer
from broker.errors import Unsafe, Words

LOOK_EVERY = 2.0
"""Seconds after which a keyring looks at its folder again when it is used."""
SIGNING = frozenset({KeyPurpose.RECORDS, KeyPurpose.RECEIPTS, KeyPurpose.LOG, KeyPurpose.TOKENS, KeyPurpose.WEBHOOKS})
_PRIVATE = {**dict.fromkeys(SIGNING, "d"), KeyPurpose.INTAKE: "priv"}
"""Where the secret stands in the file of a key that has a public half; elsewhere it is `k` (RFC 7518 section 6.4)."""
_FILES = "*.*.json"
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a wrapping key lives that is in no file: a label on a token, or name and version of a key in Vault."""

    store: KeyStore
    name: str
    version: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """One key. `secret` is 32 bytes: an Ed25519 seed, the seed of a sealing key, or a symmetric key.

    It is empty for a key that lives elsewhere (`place`), and for one of which only the public half is left (`retired`).
    """

    purpose: KeyPurpose
    kid: str
    created: datetime
    demo: bool
    secret: bytes = field(repr=False)
    place: KeyPlace | None = None
    retired: datetime | None = None
    verifying: bytes = b""
    _opened: list[Ed25519PrivateKey] = field(default_factory=list, init=False, repr=False, compare=False)
    _extracted: list[HMAC] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def usable(self) -> bool:
        """Whether it can do new work: sign, wrap, encrypt."""
        return self.retired is None

    @property
    def store(self) -> KeyStore:
        """Where it lives."""
        return self.place.store if self.place else KeyStore.FILE

    @property
    def private(self) -> Ed25519PrivateKey:
        """The signing key; made once, which costs as much as a signature."""
        if not self._opened:
            self._opened.append(Ed25519PrivateKey.from_private_bytes(self.secret))
        return self._opened[0]

    def derived(self, use: bytes) -> bytes:
        """32 bytes for one use of a symmetric key: HKDF-SHA256 (RFC 5869) without salt, `use` as its `info`.

        Its first step (2.2) is the same for every use, and done once; the second (2.3) is one block.
        """
        if not self._extracted:
            self._extracted.append(HMAC(HKDF.extract(SHA256(), None, self.secret), SHA256()))
        block = self._extracted[0].copy()
        block.update(use + b"\x01")
        return block.finalize()

    @property
    def public(self) -> Ed25519PublicKey:
        """The verifying key."""
        return Ed25519PublicKey.from_public_bytes(self.verifying) if self.retired else self.private.public_key()

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


Rings = Mapping[KeyPurpose, Mapping[str, Key]]
FolderState = tuple[tuple[str, int, int, int, int, int], ...]


def _rings(keys: tuple[Key, ...]) -> Rings:
    """By purpose and id: public halves first, then oldest first. Raises Unsafe when a purpose that is needed has no usable key."""
    found: dict[KeyPurpose, dict[str, Key]] = {purpose: {} for purpose in KeyPurpose}
    for key in sorted(keys, key=lambda k: (k.usable, k.created, k.kid)):
        found[key.purpose][key.kid] = key
    there = {purpose for purpose, mine in found.items() if any(key.usable for key in mine.values())}
    missing = [purpose.value for purpose in KeyPurpose if purpose not in there | NOT_NEEDED_TO_START]
    if missing:
        names = ", ".join(missing)
        raise Unsafe(
            Words(
                f"Er ontbreken sleutels: {names}. Maak ze met: broker keys init --missing",
                f"Keys are missing: {names}. Make them with: broker keys init --missing",
            )
        )
    return found


class Keyring:
    """All keys by purpose and id. Raises Unsafe when a purpose has no key.

    With a folder it follows what lies there. Any thread may use it: what it knows is replaced as a whole.
    """

    def __init__(self, keys: tuple[Key, ...], folder: Path | None = None, state: FolderState = ()) -> None:
        self._known = _rings(keys)
        self._folder = folder
        self._state = state
        self._looked = time.monotonic()
        self._looking = threading.Lock()

    def current(self, purpose: KeyPurpose) -> Key:
        """The newest key of that purpose that can do new work; one that is not needed to start may not be there (IndexError)."""
        return self.all(purpose)[-1]

    def get(self, purpose: KeyPurpose, kid: str) -> Key | None:
        """The key with that id, or None."""
        self._look()
        key = self._known[purpose].get(kid)
        if key is None and self._folder is not None:
            self.look_now()
            key = self._known[purpose].get(kid)
        return key

    def all(self, purpose: KeyPurpose) -> tuple[Key, ...]:
        """Every key of that purpose, oldest first; the current one is last."""
        self._look()
        return tuple(self._known[purpose].values())

    @property
    def demo(self) -> bool:
        """Whether any key was made for a demonstration."""
        return any(key.demo for mine in self._known.values() for key in mine.values())

    def _look(self) -> None:
        if self._folder is not None and time.monotonic() - self._looked >= LOOK_EVERY:
            self.look_now()

    def look_now(self) -> None:
        """Take over what changed in the folder; what does not load changes nothing, and is logged once."""
        if self._folder is None:
            return
        with self._looking:
            self._looked = time.monotonic()
            state = _state_of(self._folder)
            if state == self._state:
                return
            try:
                keys, self._state = _settled(self._folder)
                known = _rings(keys)
                if not self.demo and any(key.demo for key in keys):
                    raise Unsafe
            except Unsafe as error:
                self._state = state
                _log.error("keys:not-reloaded", code=error.code, kind=getattr(error, "name", "folder"))
                return
            self._known = known
            _log.info("keys:reloaded", count=len(keys))


class DamagedKey(Unsafe):
    """A key file that cannot be used; `name` is the file's."""

    def __init__(self, name: str, nl: str, en: str) -> None:
        self.name = name
        super().__init__(Words(f"Sleutelbestand {name} {nl}.", f"Key file {name} {en}."))


def make_key(purpose: KeyPurpose, now: datetime, *, demo: bool = False) -> Key:
    """A fresh random key."""
    secret = secrets.token_bytes(32)
    return Key(purpose, thumbprint(_members(purpose, secret)), now, demo, secret)


def document_of(key: Key) -> dict[str, Any]:
    """What stands in the file of a key."""
    about = {"kid": key.kid, "purpose": key.purpose.value, "created": key.created.isoformat(), "demo": key.demo}
    if key.retired is not None:
        return {**_public_members(key.verifying), **about, "retired": key.retired.isoformat()}
    if key.place is None:
        private = {_PRIVATE[key.purpose]: b64url(key.secret)} if key.purpose in _PRIVATE else {}
        return {**_members(key.purpose, key.secret), **private, **about}
    if key.place.store is KeyStore.VAULT:
        return {**about, "store": "vault", "key": key.place.name, "version": key.place.version}
    return {**about, "store": "pkcs11", "label": key.place.name}


def write_key(directory: Path, key: Key) -> Path:
    """Write a key to its own file, mode 0600; whole or not at all, and it never overwrites."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = directory / f"{key.purpose}.{key.kid}.json"
    draft = write_draft(directory, document_of(key))
    try:
        os.link(draft, path)
    finally:
        draft.unlink()
    flush(directory)
    return path


def write_draft(directory: Path, document: Mapping[str, Any]) -> Path:
    """Write a document beside the keys under a name that no keyring reads."""
    path = directory / f".draft-{secrets.token_hex(8)}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    return path


def flush(directory: Path) -> None:
    """Make names in a folder lasting."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load_keyring(directory: Path) -> Keyring:
    """Read every key file, and follow them. Raises Unsafe for a missing folder, a file others may read, a damaged key."""
    keys, state = _settled(directory)
    return Keyring(keys, directory, state)


def _settled(directory: Path) -> tuple[tuple[Key, ...], FolderState]:
    """Every key, and the state of the folder in which they were read; read again when it changed meanwhile."""
    for _ in range(20):
        before = _state_of(directory)
        try:
            keys = read_keys(directory)
        except Unsafe:
            if before == _state_of(directory):
                raise
            continue
        if before == _state_of(directory):
            return keys, before
    return read_keys(directory), ()


def _state_of(directory: Path) -> FolderState:
    """What tells whether a key file came, went or changed."""
    found = []
    try:
        for path in directory.glob(_FILES):
            s = path.stat()
            found.append((path.name, s.st_ino, s.st_size, s.st_mode, s.st_mtime_ns, s.st_ctime_ns))
    except OSError:
        return (("changing", 0, 0, 0, 0, time.monotonic_ns()),)
    return tuple(sorted(found))


def read_keys(directory: Path) -> tuple[Key, ...]:
    """Read every key file. Raises Unsafe for a missing folder, a file others may read, or a damaged key."""
    if not directory.is_dir():
        raise Unsafe(
            Words(
                "De map met sleutels bestaat niet. Maak haar met: broker keys init",
                "The folder with keys does not exist. Make it with: broker keys init",
            )
        )
    return tuple(_read_key(path) for path in sorted(directory.glob(_FILES)))


def _read_key(path: Path) -> Key:
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise DamagedKey(path.name, "is leesbaar voor anderen: chmod 600", "can be read by others: chmod 600")
        document = json.loads(path.read_bytes())
        key = _key_of(document)
        if path.name != f"{key.purpose}.{document['kid']}.json" or key.kid != document["kid"]:
            raise ValueError("the key does not match its id")
        return key
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        # The cause is dropped on purpose: a parser's message may quote the secret.
        raise DamagedKey(path.name, "is beschadigd: zet de kopie terug", "is damaged: put the copy back") from None


def _key_of(document: Mapping[str, Any]) -> Key:
    purpose, created = KeyPurpose(document["purpose"]), _instant(document["created"])
    demo = bool(document["demo"])
    if "store" in document:
        if purpose is not KeyPurpose.WRAPPING or "k" in document or len(from_b64url(document["kid"])) != 32:
            raise ValueError("only a wrapping key lives elsewhere")
        return Key(purpose, document["kid"], created, demo, b"", place=_place_of(document))
    if "retired" in document:
        if purpose not in KEPT_PUBLIC or "d" in document:
            raise ValueError("a retired key is the public half of a signing key")
        public = from_b64url(document["x"])
        Ed25519PublicKey.from_public_bytes(public)
        retired = _instant(document["retired"])
        return Key(purpose, thumbprint(_public_members(public)), created, demo, b"", retired=retired, verifying=public)
    secret = from_b64url(document[_PRIVATE.get(purpose, "k")])
    if len(secret) != 32:
        raise ValueError("a key has 32 bytes")
    return Key(purpose, thumbprint(_members(purpose, secret)), created, demo, secret)


def _place_of(document: Mapping[str, Any]) -> KeyPlace:
    store = KeyStore(document["store"])
    name, version = (document["key"], document["version"]) if store is KeyStore.VAULT else (document["label"], 0)
    if store is KeyStore.FILE or not isinstance(name, str) or not isinstance(version, int) or isinstance(version, bool):
        raise ValueError("this is no place")
    if store is KeyStore.VAULT and (version < 1 or not name.replace("-", "").isalnum()):
        raise ValueError("this is no key of Vault")
    return KeyPlace(store, name, version)


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("a time needs a zone")
    return instant


def state_of(key: Key, current: Key) -> KeyState:
    """What a key still does."""
    if key.retired is not None:
        return KeyState.PUBLIC
    return KeyState.IN_USE if key.kid == current.kid else KeyState.OLDER


def _public_members(public: bytes) -> dict[str, str]:
    return {"crv": "Ed25519", "kty": "OKP", "x": b64url(public)}


def _members(purpose: KeyPurpose, secret: bytes) -> dict[str, str]:
    if purpose in SIGNING:
        return _public_members(Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw())
    if purpose is KeyPurpose.INTAKE:
        return {name: value for name, value in SealingKey(secret).public.jwk().items() if name in ("alg", "kty", "pub")}
    return {"k": b64url(secret), "kty": "oct"}
