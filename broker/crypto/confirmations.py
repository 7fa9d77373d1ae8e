"""A consent record that claims a passkey is checked with nothing but itself and our own address, or it is no record.

1. Every value is written in its one canonical form.
2. What was signed holds the digest of this very statement, and the passkey that signed is one that was asked to.
3. The device signed exactly that (the challenge), for a page of ours, which was in no other site's frame.
4. Its signature holds, for our address, and the device had checked who held it (user verification).

Source: W3C Web Authentication Level 3, section 7.2; steps 3 and 4 are py_webauthn's, the frame apart.
"""

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import rfc8785
import webauthn
from webauthn.helpers.exceptions import WebAuthnException

from broker.crypto.encoding import from_b64url
from broker.domain.consents import ConsentRecord, EvidenceLevel
from broker.domain.passkeys import Confirmation
from broker.domain.records import unconfirmed
from broker.errors import Tampered

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NONCE = 32
_BAD = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError)


def digest_of(document: Mapping[str, Any]) -> str:
    """SHA-256 (hexadecimal) of the RFC 8785 form of a statement, without its confirmation: what a device signs of it."""
    return hashlib.sha256(rfc8785.dumps(unconfirmed(document))).hexdigest()


def check_confirmed(document: Mapping[str, Any], record: ConsentRecord, origins: Collection[str]) -> None:
    """Raises Tampered unless a record that claims a passkey was signed by one, on one of these addresses of ours."""
    if (record.evidence is EvidenceLevel.PASSKEY) is not (record.confirmation is not None):
        raise Tampered
    if record.confirmation is None:
        return
    try:
        _check(digest_of(document), record.confirmation, origins)
    except _BAD:
        raise Tampered from None


def _check(digest: str, said: Confirmation, origins: Collection[str]) -> None:
    raw = [from_b64url(value) for value in (said.credential, said.public_key, said.client_data, said.signature)]
    if len(from_b64url(said.nonce)) != _NONCE or not all(map(_DIGEST.fullmatch, (*said.covers, *said.keys))):  # 1
        raise Tampered
    if said.covers.count(digest) != 1 or said.fingerprint not in said.keys:  # 2
        raise Tampered
    origin = str(json.loads(raw[2])["origin"])
    if origin not in origins:
        raise Tampered
    check_frame(raw[2])
    webauthn.verify_authentication_response(  # 3, 4
        credential={
            "id": said.credential,
            "rawId": said.credential,
            "type": "public-key",
            "response": {
                "clientDataJSON": said.client_data,
                "authenticatorData": said.authenticator_data,
                "signature": said.signature,
            },
        },
        expected_challenge=said.challenge,
        expected_rp_id=urlsplit(origin).hostname or "",
        expected_origin=origin,
        credential_public_key=raw[1],
        credential_current_sign_count=0,
        require_user_verification=True,
    )


def check_frame(client_data: bytes) -> None:
    """Raises ValueError when a page of ours asked from within another site's page (section 7.2, steps 13 and 14)."""
    said = json.loads(client_data)
    if said.get("crossOrigin", False) is not False or "topOrigin" in said:
        raise ValueError("asked from another site's frame")
