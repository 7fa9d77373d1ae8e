"""Keyed pseudonyms and tags: what is looked up is never stored in clear, and cannot be guessed without the key.

HMAC-SHA256 (RFC 2104) over a label and the value; the label keeps one use from answering for another.
"""

import hashlib
import hmac

from broker.crypto.keyring import KeyPurpose, Keyring


class Pseudonymiser:
    """Makes stable tags of identifiers, references and codes."""

    def __init__(self, keyring: Keyring) -> None:
        self._identifiers = keyring.all(KeyPurpose.PSEUDONYMS)[0].secret
        self._codes = keyring.all(KeyPurpose.CODES)[0].secret

    def tag(self, use: str, *values: str) -> str:
        """A tag (64 hexadecimal digits) for an identifier or reference; the same input always gives the same tag."""
        return _mac(self._identifiers, use, values)

    def code_tag(self, use: str, *values: str) -> str:
        """A tag for a code, one-time code or session token."""
        return _mac(self._codes, use, values)


def _mac(key: bytes, use: str, values: tuple[str, ...]) -> str:
    message = b"".join(len(part.encode()).to_bytes(4) + part.encode() for part in (use, *values))
    return hmac.new(key, message, hashlib.sha256).hexdigest()
