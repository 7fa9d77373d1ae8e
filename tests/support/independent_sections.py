"""Both ends of a sealed section, written from docs/sealed-sections.md with the standard library and AES-GCM alone.

It imports nothing of ours, so that it can contradict us. Names are those of the page. What does not open raises
NotForThisKey; what is not written as the page says raises Malformed.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.support.independent_hpke import AES_256_GCM, Hpke, NotForThisKey, XWing

FORMAT = "rondom-sealed-1"
SUITE = Hpke(XWing(), AES_256_GCM)


class Malformed(Exception):
    """This is not written as the page says."""


def text_of(raw: bytes) -> str:
    """Base64url without padding."""
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def bytes_of(text: object) -> bytes:
    """The inverse, of the one canonical form. Raises Malformed."""
    if not isinstance(text, str) or not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise Malformed
    raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    if text_of(raw) != text:
        raise Malformed
    return raw


def canonical(members: Mapping[str, str]) -> bytes:
    """RFC 8785 of an object of texts whose names are ASCII: sorted, nothing between, UTF-8."""
    return json.dumps(dict(sorted(members.items())), separators=(",", ":"), ensure_ascii=False).encode()


def jwk_of(public: bytes) -> dict[str, str]:
    """The public JWK, with its thumbprint of RFC 7638."""
    members = {"alg": "HPKE-MLKEM768-X25519-HKDF-SHA256-A256GCM", "kty": "AKP", "pub": text_of(public)}
    return {**members, "kid": text_of(hashlib.sha256(canonical(members)).digest()), "use": "enc"}


def mark_of(key: bytes, reference: str) -> bytes:
    """The mark of a reference."""
    return hmac.new(key, b"rondom-sealed-1 reference\x00" + reference.encode(), hashlib.sha256).digest()


def aad_of(sender: str, section_type: str, media_type: str, mark: bytes) -> bytes:
    """What content is bound to."""
    return canonical(
        {
            "format": FORMAT,
            "mediaType": media_type,
            "reference": text_of(mark),
            "sender": sender,
            "type": section_type,
            "use": "content",
        }
    )


def intake_info(kid: str, sender: str, reference: str, section_type: str, media_type: str, ciphertext: bytes) -> bytes:
    """`info` on the way in."""
    return canonical(
        {
            "digest": text_of(hashlib.sha256(ciphertext).digest()),
            "format": FORMAT,
            "mediaType": media_type,
            "reference": reference,
            "sender": sender,
            "to": kid,
            "type": section_type,
            "use": "intake",
        }
    )


def release_info(recipient: str, release: str, section: Mapping[str, Any], ciphertext: bytes) -> bytes:
    """`info` on the way out, of a section as it stands in a release."""
    sealed = section["sealed"]
    return canonical(
        {
            "digest": text_of(hashlib.sha256(ciphertext).digest()),
            "format": FORMAT,
            "mediaType": section["mediaType"],
            "recipient": recipient,
            "reference": sealed["reference"],
            "release": release,
            "sender": sealed["sender"],
            "to": sealed["kid"],
            "type": section["type"],
            "use": "release",
        }
    )


def encrypt(key: bytes, nonce: bytes, clear: bytes, aad: bytes) -> bytes:
    """Version, nonce, ciphertext with tag."""
    return b"\x01" + nonce + AESGCM(key).encrypt(nonce, clear, aad)


def decrypt(key: bytes, ciphertext: bytes, aad: bytes) -> bytes:
    """The inverse. Raises NotForThisKey."""
    if len(ciphertext) < 29 or ciphertext[0] != 1:
        raise NotForThisKey
    try:
        return AESGCM(key).decrypt(ciphertext[1:13], ciphertext[13:], aad)
    except InvalidTag:
        raise NotForThisKey from None


def seal_section(
    intake: Mapping[str, str], sender: str, reference: str, section: Mapping[str, Any], random: bytes
) -> dict[str, Any]:
    """A sender's end: the section as it goes into a body. `random` is the content's key and the nonce: 44 bytes."""
    key, nonce = random[:32], random[32:44]
    content = section["content"]
    clear = json.dumps(content).encode() if section["mediaType"] == "application/json" else content.encode()
    mark = mark_of(key, reference)
    ciphertext = encrypt(key, nonce, clear, aad_of(sender, section["type"], section["mediaType"], mark))
    info = intake_info(intake["kid"], sender, reference, section["type"], section["mediaType"], ciphertext)
    sealed = {
        "format": FORMAT,
        "kid": intake["kid"],
        "key": text_of(SUITE.seal(bytes_of(intake["pub"]), info, key)),
        "ciphertext": text_of(ciphertext),
    }
    return {**{name: value for name, value in section.items() if name != "content"}, "sealed": sealed}


def open_intake(seed: bytes, sender: str, reference: str, section: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The broker's end: (the content's key, the content). Raises NotForThisKey and Malformed."""
    sealed = section["sealed"]
    ciphertext = bytes_of(sealed["ciphertext"])
    kid = jwk_of(SUITE.kem.public(seed))["kid"]
    if sealed["format"] != FORMAT or sealed["kid"] != kid:
        raise NotForThisKey
    info = intake_info(kid, sender, reference, section["type"], section["mediaType"], ciphertext)
    key = _content_key(seed, info, bytes_of(sealed["key"]))
    aad = aad_of(sender, section["type"], section["mediaType"], mark_of(key, reference))
    return key, decrypt(key, ciphertext, aad)


def open_released(seed: bytes, recipient: str, release: str, section: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """A recipient's end: (the content's key, the content). Raises NotForThisKey and Malformed."""
    sealed = section["sealed"]
    ciphertext = bytes_of(sealed["ciphertext"])
    if sealed["format"] != FORMAT or sealed["kid"] != jwk_of(SUITE.kem.public(seed))["kid"]:
        raise NotForThisKey
    key = _content_key(seed, release_info(recipient, release, section, ciphertext), bytes_of(sealed["key"]))
    aad = aad_of(sealed["sender"], section["type"], section["mediaType"], bytes_of(sealed["reference"]))
    return key, decrypt(key, ciphertext, aad)


def _content_key(seed: bytes, info: bytes, sealed: bytes) -> bytes:
    if len(sealed) != 1168:
        raise NotForThisKey
    return SUITE.open(seed, info, sealed)
