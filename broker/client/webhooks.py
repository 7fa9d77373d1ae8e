"""What came in at a webhook, verified before anything of it is believed (Standard Webhooks 1.0.0, asymmetric scheme `v1a`).

keys = [key["whpk"] for key in httpx.get(f"{broker}/v1/webhook-keys").json()["keys"]]
event = verify(request.headers, request.body, keys, time.time(), organisation="00000099000000010000")
if event["type"] == CHECK:  # a new address is asked whether it is ours
    return Response(status=204, headers={"Webhook-Challenge": event["data"]["challenge"]})

1. The three headers are there, each once.
2. The moment is within TOLERANCE of now, before or after.
3. One of the signatures is `v1a` and holds, over exactly the bytes that came, under one of the keys.
4. The body is one JSON object, no name in it twice, with the id that the header has: a CloudEvent; and, when you say who you
   are, one that is told to you. Somebody else could have given the broker your address.

An event comes at least once: remember its `id`. A lower `sequence` than before came late, and is as true.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from broker.client.errors import ClientError
from broker.crypto.ed25519 import holds
from broker.crypto.encoding import from_b64url

CHECK = "nl.rondom.webhook-check.v1"
TOLERANCE = 300
"""Seconds that a message may be old, or ahead of our clock."""
MOST_SIGNATURES = 10
_NAMES = ("webhook-id", "webhook-timestamp", "webhook-signature")


class NotVerified(ClientError):
    """Nothing of this message may be believed; answer 401."""


def verify(
    headers: Mapping[str, str],
    body: bytes,
    keys: Iterable[bytes | str | Mapping[str, Any]],
    now: float,
    *,
    organisation: str | None = None,
) -> dict[str, Any]:
    """The event. `now` is in seconds since 1970 (`time.time()`), `organisation` your OIN. Raises NotVerified.

    A key is 32 bytes, `whpk_` and base64, or a JWK of `GET /v1/webhook-keys`. Raises ValueError for one that is none.
    """
    public = [_public(key) for key in keys]
    message_id, moment, signatures = _headers(headers)  # 1
    if not abs(now - moment) <= TOLERANCE:  # 2
        raise NotVerified("the moment is too far from now")
    content = f"{message_id}.{moment}.".encode() + body
    if not any(holds(key, signature, content) for signature in signatures for key in public):  # 3
        raise NotVerified("no signature holds")
    event = _event(body, message_id)  # 4
    if organisation is not None and event.get("organisation") != organisation:
        raise NotVerified("told to somebody else")
    return event


def _public(key: bytes | str | Mapping[str, Any]) -> bytes:
    if isinstance(key, Mapping):
        if key.get("kty") != "OKP" or key.get("crv") != "Ed25519":
            raise ValueError("not an Ed25519 key")
        raw = from_b64url(str(key.get("x", "")))
    elif isinstance(key, str):
        if not key.startswith("whpk_"):
            raise ValueError("a public key begins with whpk_")
        raw = base64.b64decode(key.removeprefix("whpk_"), validate=True)
    else:
        raw = key
    if len(raw) != 32:
        raise ValueError("a key has 32 bytes")
    return raw


def _headers(headers: Mapping[str, str]) -> tuple[str, int, list[bytes]]:
    found: dict[str, str] = {}
    for name, value in headers.items():
        if name.lower() in _NAMES:
            if name.lower() in found:
                raise NotVerified("a header stands twice")
            found[name.lower()] = value
    if set(found) != set(_NAMES):
        raise NotVerified("a header is missing")
    message_id, moment, written = (found[name] for name in _NAMES)
    if not message_id.isascii() or not message_id or len(message_id) > 100 or "." in message_id:
        raise NotVerified("not an id")
    if not (moment.isascii() and moment.isdigit() and len(moment) <= 12) or str(int(moment)) != moment:
        raise NotVerified("not a moment")
    return message_id, int(moment), list(_signatures(written))


def _signatures(written: str) -> Iterable[bytes]:
    """Those of our kind; others are passed over, as the specification says."""
    parts = written.split(" ")
    if len(parts) > MOST_SIGNATURES:
        raise NotVerified("too many signatures")
    for part in parts:
        version, _, value = part.partition(",")
        if version == "v1a":
            try:
                yield base64.b64decode(value, validate=True)
            except (binascii.Error, ValueError):
                continue


def _event(body: bytes, message_id: str) -> dict[str, Any]:
    try:
        event = json.loads(body.decode("utf-8"), object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise NotVerified("not JSON") from None
    if not isinstance(event, dict) or event.get("specversion") != "1.0" or event.get("id") != message_id:
        raise NotVerified("not the event that the headers speak of")
    return event


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found
