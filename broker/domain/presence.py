"""Whether who signed in is there now: before what weighs most, a passkey is used again, in this visit and for this purpose."""

import hashlib
from datetime import timedelta
from enum import StrEnum

from broker.errors import NotAllowed, Words

FRESH_FOR = timedelta(minutes=5)
"""How long a nonce is good, and how long an answer to it counts."""
ENOUGH = 2
"""Passkeys that an officer has before they do what weighs most: who loses one device is not left without."""
MOST = 5
"""Passkeys that an officer can have."""


class Purpose(StrEnum):
    """What somebody confirms for. An answer for one counts for no other."""

    TAKE_AWAY = "take-away"
    ORGANISATIONS = "organisations"
    OFFICERS = "officers"
    OWN_PASSKEYS = "own-passkeys"
    NAMES = "names"


def challenge(visit: str, purpose: Purpose, officer: str, nonce: bytes) -> bytes:
    """SHA-256 of what is confirmed: the visit, the purpose, who it is, and our nonce, each a netstring."""
    said = hashlib.sha256(b"rondom presence 1\n")
    for value in (visit.encode(), purpose.value.encode(), officer.encode(), nonce):
        said.update(b"%d:%b," % (len(value), value))
    return said.digest()


class ConfirmFirst(NotAllowed):
    """Who signed in did not use their passkey again just now, for this `purpose`; a page leads there and back."""

    code = "confirm-first"
    words = Words(
        "Bevestig eerst met uw passkey dat u het bent. Probeer het daarna opnieuw. Er is niets gebeurd.",
        "First confirm with your passkey that it is you. Then try again. Nothing happened.",
    )

    def __init__(self, purpose: str) -> None:
        self.purpose = purpose
        super().__init__()


class SecondPasskeyFirst(NotAllowed):
    """This is only for who can come in with more than one device."""

    code = "second-passkey-first"
    words = Words(
        "Hiervoor hebt u twee passkeys nodig. Voeg er eerst een toe bij Uw toegang. Er is niets gebeurd.",
        "For this you need two passkeys. First add one at Your access. Nothing happened.",
    )
