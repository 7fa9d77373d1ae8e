"""How bytes and key ids are written: base64url in its one canonical form, thumbprints of RFC 7638."""

import base64
import hashlib
import json
from collections.abc import Mapping


def b64url(raw: bytes) -> str:
    """Base64url without padding (RFC 4648 section 5, RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def from_b64url(text: str) -> bytes:
    """The inverse. Raises ValueError unless the text is the canonical form."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(raw) != text:
        raise ValueError("not canonical base64url")
    return raw


def thumbprint(members: Mapping[str, str]) -> str:
    """RFC 7638 section 3: SHA-256 over the required members in lexical order without white space."""
    canonical = json.dumps(dict(sorted(members.items())), separators=(",", ":")).encode()
    return b64url(hashlib.sha256(canonical).digest())
