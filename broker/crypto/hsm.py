"""Wrapping keys on a PKCS#11 token (OASIS PKCS#11 3.1): made there, sensitive, not extractable, found by CKA_ID.

- CKM_AES_GCM (section 6.13.6) with a random nonce of 96 bits, a tag of 128 bits and `bound_to` as additional data; the
  same bytes come out as from a key in a file: version, nonce, ciphertext, tag.
- One call at a time, each in a thread of its own with PATIENCE seconds: a token that hangs holds nothing else up.
- The PIN comes from a file that nobody else may read, each time a session is opened, and is kept nowhere.
"""

import queue
import secrets
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from broker.crypto.encoding import from_b64url
from broker.crypto.keyring import Key, KeyPlace
from broker.crypto.sealing import SealBroken
from broker.crypto.wrapping import NAME, PATIENCE, KeyMissing, StoreAway, secret_of
from broker.domain.keys import KeyStore
from broker.errors import BrokerError, Unsafe, Words

_Result = TypeVar("_Result")
_VERSION, _NONCE, _TAG = b"\x01", 12, 16
_gates: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)
"""A module of PKCS#11 is one for the whole process; not every one bears two threads."""

_NO_EXTRA = Words(
    "Voor een PKCS#11-token ontbreekt python-pkcs11. Installeer deploy/requirements-stores.lock.",
    "For a PKCS#11 token python-pkcs11 is missing. Install deploy/requirements-stores.lock.",
)
_WHY = {
    "NoSuchToken": Words(
        "Het PKCS#11-token is er niet. Kijk naar BROKER_PKCS11_TOKEN.",
        "The PKCS#11 token is not there. Look at BROKER_PKCS11_TOKEN.",
    ),
    "MultipleTokensReturned": Words(
        "Er is meer dan één PKCS#11-token met die naam. Geef ze elk een eigen naam.",
        "There is more than one PKCS#11 token of that name. Give each its own.",
    ),
    "PinIncorrect": Words(
        "Het PKCS#11-token weigert de pincode. Kijk naar BROKER_PKCS11_PIN_FILE, voordat het token op slot gaat.",
        "The PKCS#11 token refuses the PIN. Look at BROKER_PKCS11_PIN_FILE, before the token locks itself.",
    ),
    "PinLocked": Words(
        "Het PKCS#11-token is op slot: er is te vaak een verkeerde pincode gegeven. Laat de beheerder het ontgrendelen.",
        "The PKCS#11 token is locked: a wrong PIN was given too often. Have its officer unlock it.",
    ),
}
_OTHER = Words(
    "Het PKCS#11-token doet niet wat gevraagd is. Kijk naar BROKER_PKCS11_MODULE en naar het token.",
    "The PKCS#11 token does not do what it is asked. Look at BROKER_PKCS11_MODULE and at the token.",
)
_SLOW = Words(
    "Het PKCS#11-token antwoordt niet op tijd. Kijk of het nog werkt.",
    "The PKCS#11 token does not answer in time. See whether it still works.",
)
_WEAK = Words(
    "De sleutel op het PKCS#11-token kan het token uit. Maak een nieuwe met: broker keys rotate wrapping --store pkcs11",
    "The key on the PKCS#11 token can leave it. Make a new one with: broker keys rotate wrapping --store pkcs11",
)


@dataclass(frozen=True, slots=True)
class Pkcs11Settings:
    """Where the token is: the module to load, the token's label, the file with the user PIN."""

    module: Path
    token: str
    pin_file: Path


class Pkcs11Store:
    """One token."""

    def __init__(self, settings: Pkcs11Settings, patience: float = PATIENCE) -> None:
        """Nothing is loaded yet. Raises Unsafe when the library for it is not installed."""
        try:
            import pkcs11
        except ImportError:
            raise Unsafe(_NO_EXTRA) from None
        self._pkcs11: Any = pkcs11
        self._settings = settings
        self._patience = patience
        self._gate = _gates[settings.module]
        self._session: Any = None
        self._handles: dict[str, Any] = {}

    def wrapper(self, key: Key) -> "Pkcs11Wrapper":
        """One key at work."""
        return Pkcs11Wrapper(self, key.kid)

    def check(self, key: Key) -> None:
        """Raises StoreAway or KeyMissing unless the key is there, cannot leave the token, and opens what it wrapped."""
        attribute = self._pkcs11.Attribute

        def look(_: Any) -> bool:
            found = self._handle(key.kid)
            return bool(found[attribute.SENSITIVE]) and not found[attribute.EXTRACTABLE]

        if not self._in_time(look):
            raise StoreAway(KeyStore.PKCS11, _WEAK)
        self._try_out(key.kid)

    def _try_out(self, kid: str) -> None:
        sample = secrets.token_bytes(32)
        if self.unwrap(kid, self.wrap(kid, sample, b"check"), b"check") != sample:
            raise StoreAway(KeyStore.PKCS11, _OTHER)

    def make(self, kid: str, now: datetime) -> KeyPlace:
        """Generate an AES-256 key on the token."""
        p = self._pkcs11
        label = f"{NAME}-{now:%Y%m%d}"

        def generate(session: Any) -> None:
            session.generate_key(
                p.KeyType.AES,
                256,
                id=from_b64url(kid),
                label=label,
                store=True,
                capabilities=p.MechanismFlag.ENCRYPT | p.MechanismFlag.DECRYPT,
                template={
                    p.Attribute.PRIVATE: True,
                    p.Attribute.SENSITIVE: True,
                    p.Attribute.EXTRACTABLE: False,
                },
            )

        self._in_time(generate, writing=True)
        return KeyPlace(KeyStore.PKCS11, label)

    def destroy(self, key: Key, others: Sequence[Key]) -> Words | None:
        """Destroy the object; one that is gone already is destroyed."""

        def end(_: Any) -> None:
            try:
                self._handle(key.kid).destroy()
            except KeyMissing:
                return
            self._handles.clear()

        self._in_time(end, writing=True)
        return None

    def wrap(self, kid: str, data_key: bytes, bound_to: bytes) -> bytes:
        """Encrypt on the token."""
        nonce = secrets.token_bytes(_NONCE)
        sealed = self._in_time(lambda _: self._handle(kid).encrypt(data_key, **self._gcm(nonce, bound_to)))
        if len(sealed) != len(data_key) + _TAG:
            raise StoreAway(KeyStore.PKCS11, _OTHER)
        return _VERSION + nonce + bytes(sealed)

    def unwrap(self, kid: str, wrapped: bytes, bound_to: bytes) -> bytes:
        """Decrypt on the token. Raises SealBroken.

        Some tokens say of a wrong tag only that something failed: then what the token wraps now tells the one from
        the other.
        """
        nonce, sealed = wrapped[1 : 1 + _NONCE], wrapped[1 + _NONCE :]
        if wrapped[:1] != _VERSION or len(nonce) != _NONCE or len(sealed) < _TAG:
            raise SealBroken
        broken = (self._pkcs11.EncryptedDataInvalid, self._pkcs11.EncryptedDataLenRange)
        vague = (self._pkcs11.GeneralError, self._pkcs11.FunctionFailed)

        def decrypt(_: Any) -> bytes | None:
            handle = self._handle(kid)
            try:
                return bytes(handle.decrypt(sealed, **self._gcm(nonce, bound_to)))
            except broken:
                return None
            except vague:
                sample = handle.encrypt(bytes(32), **self._gcm(fresh := secrets.token_bytes(_NONCE), b"check"))
                if handle.decrypt(sample, **self._gcm(fresh, b"check")) != bytes(32):
                    raise
                return None

        clear = self._in_time(decrypt)
        if clear is None:
            raise SealBroken
        return clear

    def _gcm(self, nonce: bytes, bound_to: bytes) -> dict[str, Any]:
        parameters = self._pkcs11.GCMParams(nonce, bound_to, _TAG * 8)
        return {"mechanism": self._pkcs11.Mechanism.AES_GCM, "mechanism_param": parameters}

    def _handle(self, kid: str) -> Any:
        """The object on the token, in the session at hand. Raises KeyMissing."""
        found = self._handles.get(kid)
        if found is None:
            try:
                found = self._session.get_key(object_class=self._pkcs11.ObjectClass.SECRET_KEY, id=from_b64url(kid))
            except self._pkcs11.NoSuchKey:
                raise KeyMissing from None
            self._handles[kid] = found
        return found

    def _in_time(self, work: Callable[[Any], _Result], *, writing: bool = False) -> _Result:
        """Do something with the session, in a thread: its result, or what it raised, or StoreAway after PATIENCE.

        A thread that hangs keeps the gate, so that nobody touches the token beside it.
        """
        if not self._gate.acquire(timeout=self._patience):
            raise StoreAway(KeyStore.PKCS11, _SLOW)
        answers: queue.SimpleQueue[_Result | BaseException] = queue.SimpleQueue()

        def run() -> None:
            try:
                answers.put(self._with_session(work, writing=writing))
            except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
                answers.put(error)
            finally:
                self._gate.release()

        threading.Thread(target=run, daemon=True, name="pkcs11").start()
        try:
            answer = answers.get(timeout=self._patience)
        except queue.Empty:
            raise StoreAway(KeyStore.PKCS11, _SLOW) from None
        if isinstance(answer, BrokerError):
            raise answer
        if isinstance(answer, BaseException):
            raise StoreAway(KeyStore.PKCS11, _WHY.get(type(answer).__name__, _OTHER)) from None
        return answer

    def _with_session(self, work: Callable[[Any], _Result], *, writing: bool) -> _Result:
        """With a session that may have been opened before; one that fails is opened anew, and tried once more."""
        reused = self._session is not None and not writing
        try:
            if not reused:
                self._open(writing=writing)
            return work(self._session)
        except BrokerError:
            raise
        except Exception:
            self._close()
            if not reused:
                raise
            self._open(writing=False)
            return work(self._session)
        finally:
            if writing:
                self._close()

    def _open(self, *, writing: bool) -> None:
        self._close()
        pin = secret_of(self._settings.pin_file, KeyStore.PKCS11)
        token = self._pkcs11.lib(str(self._settings.module)).get_token(token_label=self._settings.token)
        try:
            self._session = token.open(rw=writing, user_pin=pin)
        except self._pkcs11.UserAlreadyLoggedIn:  # another session of this process is
            self._session = token.open(rw=writing)

    def _close(self) -> None:
        session, self._session = self._session, None
        self._handles.clear()
        if session is not None:
            try:
                session.close()
            except self._pkcs11.PKCS11Error:
                return


class Pkcs11Wrapper:
    """One key on the token."""

    def __init__(self, store: Pkcs11Store, kid: str) -> None:
        self._store = store
        self.kid = kid

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        """Wrap. Raises Unavailable."""
        return self._store.wrap(self.kid, data_key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """Unwrap. Raises Tampered and Unavailable."""
        return self._store.unwrap(self.kid, wrapped, bound_to)
