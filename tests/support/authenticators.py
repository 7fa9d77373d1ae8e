"""A device that keeps one passkey, in software: what it answers to a site, right or deliberately wrong."""

import hashlib
import json
from dataclasses import replace
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from broker.crypto.encoding import b64url
from broker.crypto.signatures import RecordNotary
from broker.domain.consents import ConsentRecord, EvidenceLevel
from broker.domain.passkeys import Confirmation, challenge, fingerprint_of

URL = "https://broker.example"
CHALLENGE = b"c" * 32
UP, UV, AT = 1, 4, 64
NONCE = b"n" * 32


class Authenticator:
    """A device with one ES256 key (W3C Web Authentication Level 3, sections 6.1 and 6.5)."""

    def __init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential = b"credential-id-16"

    def _client(self, kind: str, challenge: bytes, origin: str) -> bytes:
        told = {"type": kind, "challenge": b64url(challenge), "origin": origin, "crossOrigin": False}
        return json.dumps(told).encode()

    def _data(self, rp: str, flags: int, count: int, more: bytes = b"") -> bytes:
        return hashlib.sha256(rp.encode()).digest() + bytes([flags]) + count.to_bytes(4) + more

    def register(
        self,
        challenge: bytes = CHALLENGE,
        *,
        origin: str = URL,
        rp: str = "broker.example",
        flags: int = UP | UV | AT,
        kind: str = "webauthn.create",
    ) -> str:
        point = self.key.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)})
        attested = bytes(16) + len(self.credential).to_bytes(2) + self.credential + cose
        data = self._data(rp, flags, 0, attested)
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        response = {
            "clientDataJSON": b64url(self._client(kind, challenge, origin)),
            "attestationObject": b64url(attestation),
        }
        return self._answer(response)

    def sign(
        self,
        challenge: bytes = CHALLENGE,
        *,
        origin: str = URL,
        rp: str = "broker.example",
        flags: int = UP | UV,
        count: int = 1,
        kind: str = "webauthn.get",
    ) -> str:
        client, data = self._client(kind, challenge, origin), self._data(rp, flags, count)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        response = {
            "clientDataJSON": b64url(client),
            "authenticatorData": b64url(data),
            "signature": b64url(signature),
            "userHandle": None,
        }
        return self._answer(response)

    def _answer(self, response: dict[str, Any]) -> str:
        identity = b64url(self.credential)
        return json.dumps(
            {
                "id": identity,
                "rawId": identity,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            }
        )


def public_key(device: Authenticator) -> bytes:
    point = device.key.public_key().public_numbers()
    return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: point.x.to_bytes(32), -3: point.y.to_bytes(32)})


def confirmed(
    notary: RecordNotary, device: Authenticator, *records: ConsentRecord, **otherwise: Any
) -> list[ConsentRecord]:
    """Records that one answer of a device covers together."""
    prepared = [replace(record, evidence=EvidenceLevel.PASSKEY) for record in records]
    covers = [notary.digest(record) for record in prepared]
    its_keys = [fingerprint_of(device.credential, public_key(device))]
    said = json.loads(device.sign(otherwise.pop("challenge", challenge(covers, its_keys, NONCE)), **otherwise))[
        "response"
    ]
    confirmation = Confirmation(
        credential=b64url(device.credential),
        public_key=b64url(public_key(device)),
        covers=tuple(covers),
        keys=tuple(its_keys),
        nonce=b64url(NONCE),
        client_data=said["clientDataJSON"],
        authenticator_data=said["authenticatorData"],
        signature=said["signature"],
    )
    return [replace(record, confirmation=confirmation) for record in prepared]
