"""The folder of key files as the cabinet of `broker.domain.keys`: keys are made, put in use and destroyed, one file each.

- A change of a file is whole or not at all, and lasts once it is made.
- What was destroyed is overwritten where it lay, after its name is gone. A file system that keeps copies (snapshots,
  journals, flash) may hold it longer: keys/README.md says so.
"""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from secrets import token_bytes

from broker.crypto.encoding import b64url
from broker.crypto.keyring import (
    Key,
    KeyPurpose,
    Keyring,
    document_of,
    flush,
    make_key,
    state_of,
    write_draft,
    write_key,
)
from broker.crypto.wrapping import RemoteStore, StoreAway, Stores, not_set
from broker.domain.keys import KEPT_PUBLIC, KeyFacts, KeyState, KeyStore
from broker.domain.ports import Clock
from broker.errors import NotFound, Unsafe, Words

_ONLY_WRAPPING = Words(
    "Alleen sleutels voor wrapping kunnen ergens anders wonen dan in een bestand.",
    "Only wrapping keys can live anywhere else than in a file.",
)


class KeyFiles:
    """See `KeyCabinet`."""

    def __init__(self, directory: Path, keyring: Keyring, stores: Stores, clock: Clock) -> None:
        self._directory = directory
        self._keyring = keyring
        self._stores = stores
        self._clock = clock
        self._prepared: dict[str, Key] = {}

    def all(self) -> Sequence[KeyFacts]:
        """Every key, by purpose, oldest first."""
        self._keyring.look_now()
        return [
            _facts(key, state_of(key, self._keyring.current(purpose)))
            for purpose in KeyPurpose
            for key in self._keyring.all(purpose)
        ]

    def prepare(self, purpose: KeyPurpose, store: KeyStore, now: datetime) -> KeyFacts:
        """A new key, younger than every other of its purpose. Raises Unsafe."""
        self._keyring.look_now()
        before = [key.created + timedelta(microseconds=1) for key in self._keyring.all(purpose)]
        created = max([now, *before])
        demo = self._keyring.demo
        if store is KeyStore.FILE:
            key = make_key(purpose, created, demo=demo)
        elif purpose is not KeyPurpose.WRAPPING:
            raise Unsafe(_ONLY_WRAPPING)
        else:
            kid = b64url(token_bytes(32))
            key = Key(purpose, kid, created, demo, b"")
            try:
                place = self._store(store).make(kid, created)
                key = replace(key, place=place)
                self._store(store).check(key)
            except StoreAway as error:
                raise Unsafe(error.why) from None
        self._prepared[key.kid] = key
        return _facts(key, KeyState.OLDER)

    def keep(self, kid: str) -> None:
        """Write its file."""
        write_key(self._directory, self._prepared.pop(kid))
        self._keyring.look_now()

    def forget(self, kid: str) -> None:
        """Let go; what was made in a store is destroyed there."""
        key = self._prepared.pop(kid, None)
        if key is not None and key.place is not None and key.place.store is KeyStore.PKCS11:
            self._store(key.place.store).destroy(key, ())

    def destroy(self, kid: str) -> Words | None:
        """Destroy a key. Raises NotFound for one that is not there, and Unsafe when its store is not set.

        1. Elsewhere: where it lives. When its store is away, nothing was changed.
        2. Here: its file, or the private half in it.
        """
        self._keyring.look_now()
        every = [key for purpose in KeyPurpose for key in self._keyring.all(purpose)]
        key = next((key for key in every if key.kid == kid), None)
        if key is None:
            raise NotFound
        left = None
        if key.place is not None:  # 1
            others = [other for other in every if other.place is not None and other.kid != kid]
            try:
                left = self._store(key.place.store).destroy(key, others)
            except StoreAway as error:
                raise Unsafe(error.why) from None
        path = self._directory / f"{key.purpose}.{kid}.json"  # 2
        if key.purpose in KEPT_PUBLIC:
            public = replace(key, secret=b"", retired=self._clock(), verifying=key.public_raw)
            _replace(path, write_draft(self._directory, document_of(public)))
        else:
            _replace(path, None)
        self._keyring.look_now()
        return left

    def _store(self, store: KeyStore) -> RemoteStore:
        found = self._stores.get(store)
        if found is None:
            raise Unsafe(not_set(store))
        return found


def _replace(path: Path, draft: Path | None) -> None:
    """Put a draft, or nothing, in the place of a file; then overwrite what lay there."""
    with path.open("r+b") as old:
        if draft is None:
            path.unlink()
        else:
            draft.replace(path)
        flush(path.parent)
        size = old.seek(0, os.SEEK_END)
        old.seek(0)
        old.write(bytes(size))
        old.flush()
        os.fsync(old.fileno())


def _facts(key: Key, state: KeyState) -> KeyFacts:
    return KeyFacts(key.purpose, key.kid, key.created, key.store, state, key.demo)
