"""A signer's own passkey as evidence: what their device signs, and when that makes an answer surer.

- A device signs the digests of whole statements, the passkeys that may sign them, and a nonce of ours that is good once.
- What it signed lies inside each statement: nobody needs another file, or the broker, to check one.
- A signature makes an answer surer only when its passkey was enrolled for that very person, before the statement was
  made, and was in use then.

Source: W3C Web Authentication Level 3, section 13.4.3 (the challenge) and 7.2 (what is checked).
"""

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

CONFIRM_WITHIN = timedelta(minutes=10)
"""How long a challenge is good."""
MOST = 5
"""How many passkeys one person can have in use."""


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One answer of a device (W3C Web Authentication Level 3, section 5.8.5), with what it was asked to sign.

    Bytes are base64url without padding. `covers` are the SHA-256 digests (hexadecimal) of all statements that were
    signed together, in order, each as it is without its confirmation; `keys` the fingerprints of the passkeys that could.
    """

    credential: str
    public_key: str
    covers: tuple[str, ...]
    keys: tuple[str, ...]
    nonce: str
    client_data: str
    authenticator_data: str
    signature: str

    @property
    def fingerprint(self) -> str:
        """Which passkey signed. Raises ValueError for what is no base64url."""
        return fingerprint_of(_raw(self.credential), _raw(self.public_key))

    @property
    def challenge(self) -> bytes:
        """What the device must have signed."""
        return challenge(self.covers, self.keys, _raw(self.nonce))


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A passkey that was made for one person, and until when it was in use. It comes from a sealed row."""

    fingerprint: str
    since: datetime
    until: datetime | None = None

    def signs_at(self, fingerprint: str, at: datetime) -> bool:
        """Whether it is this one, and was in use at that moment."""
        return self.fingerprint == fingerprint and self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, slots=True)
class OwnPasskey:
    """A passkey of a signer, as it is stored. `handle` is what their devices know them by: random, and the same in each."""

    id: str
    credential: bytes
    public_key: bytes
    handle: bytes
    count: int
    since: datetime
    until: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its id and key."""
        return fingerprint_of(self.credential, self.public_key)


def fingerprint_of(credential: bytes, public_key: bytes) -> str:
    """SHA-256 (hexadecimal) of a passkey's credential id and public key, as the log has it when it is made."""
    both = b"%d:%b,%b" % (len(credential), credential, public_key)
    return hashlib.sha256(both).hexdigest()


def challenge(covers: Iterable[str], keys: Iterable[str], nonce: bytes) -> bytes:
    """SHA-256 of what is confirmed: the statements' digests in order, the passkeys that may sign, and our nonce.

    Each value is a netstring (`length:bytes,`) and so is each list, so no two different confirmations have the same
    challenge.
    """
    parts = (b"".join(map(_netstring, covers)), b"".join(map(_netstring, keys)), nonce)
    said = hashlib.sha256(b"rondom consent confirmation 1\n")
    for part in parts:
        said.update(_netstring(part))
    return said.digest()


def _netstring(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return b"%d:%b," % (len(raw), raw)


def _raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
