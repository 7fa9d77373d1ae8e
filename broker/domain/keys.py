"""The broker's own keys by name: what each is for, where it lives, what may be done with it. Never a secret.

- What is looked up by a key (`pseudonyms`, `codes`) cannot be rotated: it would no longer be found.
- Of what others verify (`records`, `receipts`, `log`) the public half is kept when the private half is destroyed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from broker.errors import Words


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
    WEBHOOKS = "webhooks"


class KeyStore(StrEnum):
    """Where a key lives. Only wrapping keys live anywhere else than in a file."""

    FILE = "file"
    PKCS11 = "pkcs11"
    VAULT = "vault"


class KeyState(StrEnum):
    """What a key still does."""

    IN_USE = "in use"
    OLDER = "older"
    PUBLIC = "public half only"


class KeyAction(StrEnum):
    """What the disclosure log says was done."""

    ROTATED = "rotated"
    REWRAPPED = "rewrapped"
    RETIRED = "retired"


NOT_ROTATED = {
    KeyPurpose.PSEUDONYMS: Words(
        "De sleutel pseudonyms kan niet worden vervangen: wat ermee wordt opgezocht, zou niet meer te vinden zijn.",
        "The key pseudonyms cannot be rotated: what is looked up by it would no longer be found.",
    ),
    KeyPurpose.CODES: Words(
        "De sleutel codes kan niet worden vervangen: codes die zijn uitgedeeld, zouden niet meer te vinden zijn.",
        "The key codes cannot be rotated: codes that were handed out would no longer be found.",
    ),
}
ROTATED = tuple(purpose for purpose in KeyPurpose if purpose not in NOT_ROTATED)
"""The purposes of which a new key can take the place of an older one."""
KEPT_PUBLIC = frozenset({KeyPurpose.RECORDS, KeyPurpose.RECEIPTS, KeyPurpose.LOG})
"""The purposes of which the public half is kept for verifying what was signed."""


NOT_NEEDED_TO_START = frozenset({KeyPurpose.WEBHOOKS})
"""Without such a key a broker works; what needs it says how to make one."""


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One key, as it may be shown and logged."""

    purpose: KeyPurpose
    kid: str
    created: datetime
    store: KeyStore
    state: KeyState
    demo: bool


class KeyCabinet(Protocol):
    """The folder of key files, and the stores that some of them point to. Its calls may block."""

    def all(self) -> Sequence[KeyFacts]:
        """Every key, by purpose, oldest first."""

    def prepare(self, purpose: KeyPurpose, store: KeyStore, now: datetime) -> KeyFacts:
        """A new key that nobody uses yet. Raises Unsafe or Unavailable when the store cannot hold it."""

    def keep(self, kid: str) -> None:
        """Put a prepared key in use: from now on it is the current one of its purpose."""

    def forget(self, kid: str) -> None:
        """Let go of a prepared key that is not to be used."""

    def destroy(self, kid: str) -> Words | None:
        """Destroy a key; of signing keys the private half. Returns what is left for the operator to do, if anything."""
