"""Signatures on what is sent to webhooks, as Standard Webhooks writes them (specification 1.0.0, asymmetric scheme).

- What is signed is `id.timestamp.body` (section "Signature scheme"): a body says nothing without its id and its moment.
- `v1a,` and the Ed25519 signature (RFC 8032) in base64 (RFC 4648 section 4). While an older key is there it signs too, so
  that who verifies has time to fetch the new one.
- The keys serve nothing else.
"""

import base64
from typing import Any

from broker.crypto.keyring import KeyPurpose, Keyring
from broker.errors import Unavailable, Words

_NO_KEY = Words(
    "Deze broker heeft nog geen sleutel voor webhooks. De beheerder maakt er een met: broker keys init --missing",
    "This broker has no key for webhooks yet. Its operator makes one with: broker keys init --missing",
)
MOST = 2
"""Signatures on one message: by the current key, and by the one before."""


class WebhookSigner:
    """See `broker.domain.ports.WebhookSignatures`."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def sign(self, message_id: str, timestamp: int, body: bytes) -> str:
        """The header `webhook-signature`. Raises Unavailable without a key."""
        keys = self._keyring.all(KeyPurpose.WEBHOOKS)[-MOST:]
        if not keys:
            raise Unavailable(_NO_KEY, code="no-webhook-key")
        content = f"{message_id}.{timestamp}.".encode() + body
        signatures = (base64.b64encode(key.private.sign(content)).decode() for key in reversed(keys))
        return " ".join(f"v1a,{signature}" for signature in signatures)

    def public_keys(self) -> tuple[dict[str, Any], ...]:
        """Every key that signs, newest first: as JWK (RFC 8037), and as Standard Webhooks writes it (`whpk_`)."""
        keys = self._keyring.all(KeyPurpose.WEBHOOKS)[-MOST:]
        return tuple(
            {**key.public_jwk(), "whpk": f"whpk_{base64.b64encode(key.public_raw).decode()}"} for key in reversed(keys)
        )
