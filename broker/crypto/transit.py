"""Wrapping keys in HashiCorp Vault's transit engine: one key there, each of ours a pinned version of it.

- Type aes256-gcm96; `bound_to` goes along as `associated_data`; what Vault answers (`vault:vN:...`) is what is stored.
- A version is pinned: it wraps with exactly that version, and opens nothing of another.
- The token comes from a file that nobody else may read, read anew for each call, so that an agent can renew it; it
  never stands in an address. No redirect and no proxy of the environment is followed.

Source: HashiCorp Vault API, "Transit secrets engine".
"""

import base64
import binascii
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from broker.crypto.keyring import Key, KeyPlace
from broker.crypto.sealing import SealBroken
from broker.crypto.wrapping import NAME, PATIENCE, KeyMissing, StoreAway, secret_of
from broker.domain.keys import KeyStore
from broker.errors import Unsafe, Words

_TYPE = "aes256-gcm96"
_NO_EXTRA = Words(
    "Voor HashiCorp Vault ontbreekt hvac. Installeer deploy/requirements-stores.lock.",
    "For HashiCorp Vault hvac is missing. Install deploy/requirements-stores.lock.",
)
_UNREACHABLE = Words(
    "HashiCorp Vault antwoordt niet. Kijk naar BROKER_VAULT_ADDRESS.",
    "HashiCorp Vault does not answer. Look at BROKER_VAULT_ADDRESS.",
)
_SEALED = Words(
    "HashiCorp Vault is verzegeld of nog niet klaar. Laat haar beheerder haar ontgrendelen.",
    "HashiCorp Vault is sealed or not ready yet. Have its administrator unseal it.",
)
_FORBIDDEN = Words(
    "HashiCorp Vault weigert het token. Kijk naar BROKER_VAULT_TOKEN_FILE en naar de rechten van het token.",
    "HashiCorp Vault refuses the token. Look at BROKER_VAULT_TOKEN_FILE and at what the token may do.",
)
_NOT_THERE = Words(
    "HashiCorp Vault kent dit niet. Kijk naar BROKER_VAULT_MOUNT: daar hoort een transit engine te zijn.",
    "HashiCorp Vault does not know this. Look at BROKER_VAULT_MOUNT: a transit engine belongs there.",
)
_OTHER = Words(
    "HashiCorp Vault doet niet wat gevraagd is. Kijk in haar logboek.",
    "HashiCorp Vault does not do what it is asked. Look into its log.",
)
_UNFIT = Words(
    f"De sleutel {NAME} in HashiCorp Vault is niet van het soort {_TYPE}, of kan Vault uit. Geef hem een andere naam.",
    f"The key {NAME} in HashiCorp Vault is not of type {_TYPE}, or can leave Vault. Give it another name.",
)


@dataclass(frozen=True, slots=True)
class VaultSettings:
    """Where Vault is: its address, the file with our token, where the transit engine is mounted, whose certificate."""

    address: str
    token_file: Path
    mount: str = "transit"
    ca_file: Path | None = None


class TransitStore:
    """The transit engine of one Vault."""

    def __init__(self, settings: VaultSettings, patience: float = PATIENCE) -> None:
        """Nothing is connected yet. Raises Unsafe when the library for it is not installed."""
        try:
            import hvac
            import requests
        except ImportError:
            raise Unsafe(_NO_EXTRA) from None
        self._hvac: Any = hvac
        self._requests: Any = requests
        self._settings = settings
        self._patience = patience

    def wrapper(self, key: Key) -> "TransitWrapper":
        """One version at work."""
        return TransitWrapper(self, key.kid, _place(key))

    def check(self, key: Key) -> None:
        """Raises StoreAway or KeyMissing unless the version is there, cannot leave Vault, and may be used."""
        place = _place(key)
        found = self._read(place.name)
        if str(place.version) not in found["keys"] or place.version < found["min_decryption_version"]:
            raise KeyMissing
        if place.version >= max(found["min_encryption_version"], 1):
            sample = secrets.token_bytes(32)
            if self.unwrap(place, self.wrap(place, sample, b"check"), b"check") != sample:
                raise StoreAway(KeyStore.VAULT, _OTHER)

    def make(self, kid: str, now: datetime) -> KeyPlace:
        """Make the key, or the next version of it."""
        try:
            self._read(NAME)
        except KeyMissing:
            self._call(lambda transit: transit.create_key(NAME, key_type=_TYPE, mount_point=self._settings.mount))
        else:
            self._call(lambda transit: transit.rotate_key(NAME, mount_point=self._settings.mount))
        return KeyPlace(KeyStore.VAULT, NAME, int(self._read(NAME)["latest_version"]))

    def destroy(self, key: Key, others: Sequence[Key]) -> Words | None:
        """Trim Vault's key up to and with this version.

        Vault destroys from the oldest version on; while one of the `others` is older, or where Vault forbids it, a
        sentence says what is left to do.
        """
        place = _place(key)
        versions = [other.place.version for other in others if other.place and other.place.name == place.name]
        if any(version <= place.version for version in versions):
            return _left(place, "een oudere versie is nog nodig", "an older version is still needed")
        first, mount = place.version + 1, self._settings.mount
        try:
            found = self._read(place.name)
            if str(place.version) not in found["keys"]:
                return None
            if found["latest_version"] < first:
                self._call(lambda transit: transit.rotate_key(place.name, mount_point=mount))
            self._raise(place.name, min_encryption_version=max(first, found["min_encryption_version"]))
            self._raise(place.name, min_decryption_version=max(first, found["min_decryption_version"]))
            self._call(lambda transit: transit.trim_key(place.name, min_version=first, mount_point=mount))
        except KeyMissing:
            return None
        except StoreAway as error:
            if error.why is not _FORBIDDEN:
                raise
            return _left(place, "het token mag dat niet", "the token may not do that")
        return None

    def _raise(self, name: str, **versions: int) -> None:
        """Raise one of the minimum versions; the client's own check refuses two that are the same."""
        mount = self._settings.mount
        self._call(lambda transit: transit.update_key_configuration(name, mount_point=mount, **versions))

    def wrap(self, place: KeyPlace, data_key: bytes, bound_to: bytes) -> bytes:
        """Encrypt in Vault, with exactly this version."""
        answer = self._call(
            lambda transit: transit.encrypt_data(
                place.name,
                plaintext=_b64(data_key),
                associated_data=_b64(bound_to),
                key_version=place.version,
                mount_point=self._settings.mount,
            )
        )
        wrapped = str(answer.get("ciphertext", ""))
        if not wrapped.startswith(_prefix(place)) or not wrapped.isascii():
            raise StoreAway(KeyStore.VAULT, _OTHER)
        return wrapped.encode()

    def unwrap(self, place: KeyPlace, wrapped: bytes, bound_to: bytes) -> bytes:
        """Decrypt in Vault. Raises SealBroken."""
        if not wrapped.startswith(_prefix(place).encode()) or not wrapped.isascii():
            raise SealBroken
        answer = self._call(
            lambda transit: transit.decrypt_data(
                place.name,
                wrapped.decode(),
                associated_data=_b64(bound_to),
                mount_point=self._settings.mount,
            )
        )
        try:
            return base64.b64decode(str(answer["plaintext"]), validate=True)
        except (KeyError, ValueError, binascii.Error):
            raise StoreAway(KeyStore.VAULT, _OTHER) from None

    def _read(self, name: str) -> dict[str, Any]:
        """What Vault says of a key. Raises KeyMissing, and StoreAway for one that is not fit for us."""
        found = self._call(lambda transit: transit.read_key(name, mount_point=self._settings.mount), missing=True)
        if found.get("type") != _TYPE or found.get("exportable") or found.get("allow_plaintext_backup"):
            raise StoreAway(KeyStore.VAULT, _UNFIT)
        if found.get("derived") or not isinstance(found.get("keys"), dict):
            raise StoreAway(KeyStore.VAULT, _UNFIT)
        return found

    def _call(self, work: Callable[[Any], Any], *, missing: bool = False) -> dict[str, Any]:
        """One request: the `data` of its answer. Raises KeyMissing, SealBroken and StoreAway.

        With `missing`, what is not there is a missing key; otherwise a wrong address.
        """
        errors = self._hvac.exceptions
        token = secret_of(self._settings.token_file, KeyStore.VAULT)
        try:
            with self._requests.Session() as session:
                session.trust_env = False
                session.verify = str(self._settings.ca_file) if self._settings.ca_file else True
                client = self._hvac.Client(
                    url=self._settings.address,
                    token=token,
                    timeout=self._patience,
                    allow_redirects=False,
                    session=session,
                    verify=session.verify,
                )
                answer = work(client.secrets.transit)
        except errors.InvalidRequest as error:
            raise _refused(str(error.args[0] if error.args else "")) from None
        except errors.InvalidPath:
            raise (KeyMissing() if missing else StoreAway(KeyStore.VAULT, _NOT_THERE)) from None
        except (errors.Forbidden, errors.Unauthorized):
            raise StoreAway(KeyStore.VAULT, _FORBIDDEN) from None
        except (errors.VaultDown, errors.VaultNotInitialized):
            raise StoreAway(KeyStore.VAULT, _SEALED) from None
        except (errors.VaultError, ValueError):
            raise StoreAway(KeyStore.VAULT, _OTHER) from None
        except (self._requests.RequestException, OSError):
            raise StoreAway(KeyStore.VAULT, _UNREACHABLE) from None
        if isinstance(answer, dict) and isinstance(answer.get("data"), dict):
            return dict(answer["data"])
        if getattr(answer, "status_code", 0) == 204:
            return {}
        raise StoreAway(KeyStore.VAULT, _OTHER)


class TransitWrapper:
    """One version of a key in Vault."""

    def __init__(self, store: TransitStore, kid: str, place: KeyPlace) -> None:
        self._store = store
        self._place = place
        self.kid = kid

    def wrap(self, data_key: bytes, bound_to: bytes) -> bytes:
        """Wrap. Raises Unavailable."""
        return self._store.wrap(self._place, data_key, bound_to)

    def unwrap(self, wrapped: bytes, bound_to: bytes) -> bytes:
        """Unwrap. Raises Tampered and Unavailable."""
        return self._store.unwrap(self._place, wrapped, bound_to)


def _refused(said: str) -> Exception:
    """What Vault's "bad request" means: a broken seal, a version that is gone, or something else."""
    if "too old" in said or "too new" in said or "not found" in said or "higher than the latest" in said:
        return KeyMissing()
    if "authentication failed" in said or "invalid ciphertext" in said:
        return SealBroken()
    return StoreAway(KeyStore.VAULT, _OTHER)


def _left(place: KeyPlace, nl: str, en: str) -> Words:
    first = place.version + 1
    return Words(
        f"Versie {place.version} van {place.name} is nog in HashiCorp Vault ({nl}). Laat haar beheerder later "
        f"min_decryption_version en min_encryption_version op {first} zetten, en dan trim met min_available_version={first}.",
        f"Version {place.version} of {place.name} is still in HashiCorp Vault ({en}). Have its administrator later set "
        f"min_decryption_version and min_encryption_version to {first}, and then trim with min_available_version={first}.",
    )


def _place(key: Key) -> KeyPlace:
    if key.place is None:
        raise KeyMissing
    return key.place


def _prefix(place: KeyPlace) -> str:
    return f"vault:v{place.version}:"


def _b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
