"""Key-encryption keys behind one small port: data keys go in and come out wrapped; where the key lives is its own affair.

- Whatever is wrapped is bound to `bound_to`; anywhere else it does not open.
- What was wrapped by a key that is not at hand is KeyMissing: a missing key is no forgery.
- The register of keys is the folder of key files, whatever store a key lives in; several stores work side by side.
"""

import stat
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Protocol

import structlog

from broker.crypto.keyring import Key, KeyPlace, KeyPurpose, Keyring
from broker.crypto.sealing import aes_open, aes_seal
from broker.domain.keys import KeyStore
from broker.errors import Unavailable, Unsafe, Words

NAME = "rondom-wrapping"
"""The name of our wrapping keys where a store gives names."""
PATIENCE = 5.0
"""Seconds that a store is waited for."""
_log = structlog.get_logger(__name__)


class KeyMissing(Unavailable):
    """Something was sealed with a key that is not at hand: refused, and an alarm for who keeps the keys."""

    code = "key-missing"
    words = Words(
        "De sleutel die dit opent, is er nu niet. Er is niets vrijgegeven. Probeer het later opnieuw.",
        "The key that opens this is not at hand. Nothing was released. Try again later.",
    )


class StoreAway(Unavailable):
    """A store of keys does not do what it is asked. `why` is for the operator; whoever asked hears "try again"."""

    def __init__(self, store: KeyStore, why: Words) -> None:
        self.why = why
        _log.error("keys:store-away", kind=store.value)
        super().__init__()


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

    @property
    def remote(self) -> bool:
        """Whether any of them lives outside this process, so that a call may take its time."""

    def current(self) -> KeyWrapper:
        """The one that wraps what is new."""

    def get(self, kid: str) -> KeyWrapper:
        """The one with that id. Raises KeyMissing."""


class RemoteStore(Protocol):
    """A store outside this process. Its calls may block for some seconds, and raise StoreAway."""

    def wrapper(self, key: Key) -> KeyWrapper:
        """One of its keys, at work."""

    def check(self, key: Key) -> None:
        """Raises StoreAway or KeyMissing unless the key is there and fit for its work."""

    def make(self, kid: str, now: datetime) -> KeyPlace:
        """Make a key inside the store, under our id; it never leaves."""

    def destroy(self, key: Key, others: Sequence[Key]) -> Words | None:
        """Destroy it, sparing the `others`. Returns what is left for the operator to do, if the store forbids it."""


Stores = Mapping[KeyStore, RemoteStore]


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
    """The wrapping keys of a keyring, each at work where it lives."""

    def __init__(self, keyring: Keyring, stores: Stores | None = None) -> None:
        self._keyring = keyring
        self._stores: Stores = stores or {}

    @property
    def remote(self) -> bool:
        """Whether any key lives elsewhere."""
        return any(key.place is not None for key in self._keyring.all(KeyPurpose.WRAPPING))

    def current(self) -> KeyWrapper:
        """The newest."""
        return self._wrapper(self._keyring.current(KeyPurpose.WRAPPING))

    def get(self, kid: str) -> KeyWrapper:
        """By id. Raises KeyMissing."""
        key = self._keyring.get(KeyPurpose.WRAPPING, kid)
        if key is None:
            raise KeyMissing
        return self._wrapper(key)

    def _wrapper(self, key: Key) -> KeyWrapper:
        if key.place is None:
            return FileWrapper(key.kid, key.secret)
        store = self._stores.get(key.place.store)
        if store is None:
            raise StoreAway(key.place.store, not_set(key.place.store))
        return store.wrapper(key)

    def check(self) -> None:
        """Raises Unsafe, with one sentence, unless every key that lives elsewhere is there and can be used."""
        for key in self._keyring.all(KeyPurpose.WRAPPING):
            if key.place is None:
                continue
            store = self._stores.get(key.place.store)
            if store is None:
                raise Unsafe(not_set(key.place.store))
            try:
                store.check(key)
            except StoreAway as error:
                raise Unsafe(error.why) from None
            except KeyMissing:
                raise Unsafe(_gone(key)) from None


def not_set(store: KeyStore) -> Words:
    """What to set for a store that nothing is known of."""
    prefix = "BROKER_PKCS11_" if store is KeyStore.PKCS11 else "BROKER_VAULT_"
    return Words(
        f"Een sleutel woont in {store}, en dat is niet ingesteld. Kijk naar {prefix}... in settings.env.example.",
        f"A key lives in {store}, and that is not set. Look at {prefix}... in settings.env.example.",
    )


def _gone(key: Key) -> Words:
    return Words(
        f"De sleutel {key.kid} is niet te vinden waar zijn bestand zegt ({key.store}). Zet hem daar terug.",
        f"The key {key.kid} is not to be found where its file says ({key.store}). Put it back there.",
    )


def secret_of(path: Path, store: KeyStore) -> str:
    """A PIN or token from its file. Raises StoreAway unless it is there, has one line, and nobody else may read it."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise StoreAway(
                store,
                Words(
                    f"Het bestand met het geheim voor {store} is leesbaar voor anderen: chmod 600.",
                    f"The file with the secret for {store} can be read by others: chmod 600.",
                ),
            )
        secret = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        secret = ""
    if not secret or not secret.isprintable():
        raise StoreAway(
            store,
            Words(
                f"Het bestand met het geheim voor {store} is er niet, of is leeg. Kijk naar de instellingen.",
                f"The file with the secret for {store} is not there, or is empty. Look at the settings.",
            ),
        )
    return secret
