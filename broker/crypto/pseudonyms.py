"""Keyed pseudonyms and tags: what is looked up is never stored in clear, and cannot be guessed without the key.

HMAC-SHA256 (RFC 2104) over a label and the value; the label keeps one use from answering for another.
"""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from broker.crypto.keyring import KeyPurpose, Keyring


class Pseudonymiser:
    """Makes stable tags of identifiers, references and codes."""

    def __init__(self, keyring: Keyring) -> None:
        self._identifiers = HMAC(keyring.all(KeyPurpose.PSEUDONYMS)[0].secret, SHA256())
        self._codes = HMAC(keyring.all(KeyPurpose.CODES)[0].secret, SHA256())

    def tag(self, use: str, *values: str) -> str:
        """A tag (64 hexadecimal digits) for an identifier or reference; the same input always gives the same tag."""
        return _mac(self._identifiers, use, values)

    def code_tag(self, use: str, *values: str) -> str:
        """A tag for a code, one-time code or session token."""
        return _mac(self._codes, use, values)


def _mac(key: HMAC, use: str, values: tuple[str, ...]) -> str:
    whole = bytearray()
    for word in (use, *values):
        raw = word.encode()
        whole += len(raw).to_bytes(4) + raw
    made = key.copy()  # a fraction of what beginning with the key again costs
    made.update(whole)
    return made.finalize().hex()
