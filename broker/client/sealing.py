"""Both ends of sealing: a body whose sections only the broker's key store opens, and a release that only this key opens.

A section that does not open whole, as what it says it is, raises NotOpened; nothing of it is given out.
"""

import json
import secrets
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import rfc8785

from broker.client.errors import ClientError
from broker.crypto.client_keys import ClientSealingKey
from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.sealing import (
    FORMAT,
    KEY,
    About,
    SealBroken,
    SealingPublicKey,
    intake_info,
    mark_of,
    open_content,
    release_info,
    seal_content,
)


class NotOpened(ClientError):
    """A section was not sealed for this key, this organisation and this release, or is no longer whole."""

    def __init__(self, section_type: str | None) -> None:
        what = "this is no release" if section_type is None else f"the section {section_type} did not open"
        super().__init__(f"{what}; ask for it again, and tell the broker's operator")


def seal_body(body: Mapping[str, Any], sender: str, intake: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a handover with every section that is in clear sealed to the broker's intake key.

    Each call seals with fresh keys: to send a body again, send the very one that came out. Raises ValueError for
    another kind of key, KeyError for a section without type, media type or content, and TypeError for content that does
    not go with its media type: once it is sealed, the broker cannot tell.
    """
    public = SealingPublicKey.of_jwk(intake)
    sections = [_seal(section, sender, str(body["reference"]), public) for section in body["sections"]]
    return {**body, "sections": sections}


def _seal(section: Mapping[str, Any], sender: str, reference: str, public: SealingPublicKey) -> dict[str, Any]:
    if "sealed" in section:
        return dict(section)
    clear = _bytes_of(section["mediaType"], section["content"])
    key = secrets.token_bytes(KEY)
    about = About(sender, section["type"], section["mediaType"], mark_of(key, reference))
    ciphertext = seal_content(key, about, clear)
    info = intake_info(public.kid, sender, reference, about.type, about.media_type, ciphertext)
    sealed = {
        "format": FORMAT,
        "kid": public.kid,
        "key": b64url(public.seal(key, info)),
        "ciphertext": b64url(ciphertext),
    }
    return {**{name: value for name, value in section.items() if name != "content"}, "sealed": sealed}


def _bytes_of(media_type: str, content: Any) -> bytes:
    """An object or a list as RFC 8785 writes it; text in UTF-8."""
    if media_type == "application/json" and isinstance(content, dict | list):
        return rfc8785.dumps(content)
    if media_type != "application/json" and isinstance(content, str):
        return content.encode()
    raise TypeError("application/json needs an object or a list, everything else needs text")


def open_release(release: Mapping[str, Any], recipient: str, keys: Iterable[ClientSealingKey]) -> dict[str, Any]:
    """A release with every sealed section opened: `content` in the place of `sealed`.

    Raises NotOpened, also for what is no release. A section in clear is passed through as it is.
    """
    mine = {key.kid: key for key in keys}
    try:
        identity, sections = release["id"], list(release["released"])
        if not all(isinstance(section, Mapping) for section in sections):
            raise TypeError("a section is an object")
    except (KeyError, TypeError):
        raise NotOpened(None) from None
    return {**release, "released": [_open(section, identity, recipient, mine) for section in sections]}


def _open(
    section: Mapping[str, Any], release: str, recipient: str, keys: Mapping[str, ClientSealingKey]
) -> dict[str, Any]:
    sealed = section.get("sealed")
    if sealed is None:
        return dict(section)
    try:
        if sealed["format"] != FORMAT:
            raise ValueError("another format")
        about = About(sealed["sender"], section["type"], section["mediaType"], from_b64url(sealed["reference"]))
        ciphertext = from_b64url(sealed["ciphertext"])
        if "signOff" in section and section["signOff"]["digest"] != sha256(ciphertext).hexdigest():
            raise ValueError("what others agree with is another text")
        info = release_info(sealed["kid"], recipient, release, about, ciphertext)
        key = keys[sealed["kid"]].open(from_b64url(sealed["key"]), info)
        clear = open_content(key, about, ciphertext).decode()
        content = _content_of(about.media_type, clear)
    except (SealBroken, KeyError, TypeError, ValueError, RecursionError):
        raise NotOpened(str(section.get("type"))) from None
    return {**{name: value for name, value in section.items() if name != "sealed"}, "content": content}


def _content_of(media_type: str, clear: str) -> Any:
    """Text, or the object or list that the text is in JSON (RFC 8259). Raises ValueError."""
    if media_type != "application/json":
        return clear
    content = json.loads(clear, parse_constant=_no_number)
    if not isinstance(content, dict | list):
        raise ValueError("application/json needs an object or a list")
    return content


def _no_number(_: str) -> None:
    raise ValueError("not a JSON number")
