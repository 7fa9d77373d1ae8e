"""A webhook's message is believed only when it is ours, whole and fresh; retries grow, listen within bounds, and stop."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from broker.client.webhooks import TOLERANCE, NotVerified, verify
from broker.crypto.keyring import KeyPurpose, Keyring, make_key
from broker.crypto.webhooks import WebhookSigner
from broker.domain.cloud_events import cloud_event, signed
from broker.domain.handovers import HandoverId
from broker.domain.parties import Oin
from broker.domain.stores import PartnerEvent, PartnerEventType
from broker.domain.webhooks import LONGEST_PAUSE, PAUSES, outcome
from broker.errors import Unavailable
from tests.factories import NOW

ID, MOMENT = "019a0000-0000-7000-8000-000000000001", 1_760_000_000
SEED = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = SEED.public_key().public_bytes_raw()
BODY = b'{"specversion":"1.0","id":"019a0000-0000-7000-8000-000000000001","type":"nl.rondom.stop-using.v1","data":{}}'
SIGNATURE = base64.b64encode(SEED.sign(ID.encode() + b"." + b"1760000000" + b"." + BODY)).decode()
"""Written by hand from the specification, section "Signature scheme": the id, a full stop, the moment, a full stop, the body."""
GOOD = {"webhook-id": ID, "webhook-timestamp": "1760000000", "webhook-signature": f"v1a,{SIGNATURE}"}


def test_a_message_in_the_reference_form_is_believed() -> None:
    assert verify(GOOD, BODY, [PUBLIC], MOMENT) == json.loads(BODY)


def test_names_of_headers_come_in_any_case_and_keys_in_any_of_three_forms() -> None:
    whpk = "whpk_" + base64.b64encode(PUBLIC).decode()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": base64.urlsafe_b64encode(PUBLIC).decode().rstrip("=")}
    upper = {name.title(): value for name, value in GOOD.items()}
    for key in (PUBLIC, whpk, jwk):
        assert verify(upper, BODY, [key], MOMENT)["id"] == ID


def test_one_good_signature_among_others_is_enough() -> None:
    others = f"v1,{SIGNATURE} v1a,{base64.b64encode(bytes(64)).decode()} v2,x v1a,{SIGNATURE}"
    assert verify({**GOOD, "webhook-signature": others}, BODY, [bytes(32), PUBLIC], MOMENT)["id"] == ID


@pytest.mark.parametrize("late", [-TOLERANCE, TOLERANCE])
def test_a_message_is_believed_for_five_minutes(late: int) -> None:
    assert verify(GOOD, BODY, [PUBLIC], MOMENT + late)
    with pytest.raises(NotVerified):
        verify(GOOD, BODY, [PUBLIC], MOMENT + late + (1 if late > 0 else -1))


SPOILT: dict[str, Callable[[], tuple[dict[str, str], bytes]]] = {
    "another body": lambda: (GOOD, BODY + b" "),
    "another id": lambda: ({**GOOD, "webhook-id": ID[:-1] + "2"}, BODY),
    "another moment": lambda: ({**GOOD, "webhook-timestamp": "1760000001"}, BODY),
    "a moment written otherwise": lambda: ({**GOOD, "webhook-timestamp": "01760000000"}, BODY),
    "a moment that is none": lambda: ({**GOOD, "webhook-timestamp": "nan"}, BODY),
    "no id": lambda: ({k: v for k, v in GOOD.items() if k != "webhook-id"}, BODY),
    "no signature": lambda: ({**GOOD, "webhook-signature": ""}, BODY),
    "a shared secret's version": lambda: ({**GOOD, "webhook-signature": f"v1,{SIGNATURE}"}, BODY),
    "no version": lambda: ({**GOOD, "webhook-signature": SIGNATURE}, BODY),
    "a header twice": lambda: ({**GOOD, "Webhook-Id": ID}, BODY),
    "a flood of signatures": lambda: (
        {**GOOD, "webhook-signature": " ".join(["v1a,AAAA"] * 20 + [f"v1a,{SIGNATURE}"])},
        BODY,
    ),
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_spoilt_message_is_not_believed(how: str) -> None:
    headers, body = SPOILT[how]()
    with pytest.raises(NotVerified):
        verify(headers, body, [PUBLIC], MOMENT)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"specversion":"1.0","id":"another"}',
        b'{"id":"%s"}' % ID.encode(),
        BODY[:-1] + b',"data":1}',
        b"\xff",
    ],
)
def test_what_is_signed_must_also_be_the_event(body: bytes) -> None:
    signature = base64.b64encode(SEED.sign(f"{ID}.{MOMENT}.".encode() + body)).decode()
    with pytest.raises(NotVerified):
        verify({**GOOD, "webhook-signature": f"v1a,{signature}"}, body, [PUBLIC], MOMENT)


def test_without_keys_nothing_is_believed_and_a_key_that_is_none_is_a_mistake() -> None:
    with pytest.raises(NotVerified):
        verify(GOOD, BODY, [], MOMENT)
    keys: list[Any] = [b"short", "whsk_AAAA", "whpk_%%", {"kty": "RSA"}, {"kty": "OKP", "crv": "Ed25519"}]
    for key in keys:
        with pytest.raises(ValueError, match=r"."):
            verify(GOOD, BODY, [key], MOMENT)


# what the broker signs


def event(**more: Any) -> PartnerEvent:
    said = {"release": "r-1", "place": 7, **more}
    return PartnerEvent(
        ID, Oin("0" * 20), PartnerEventType.STOP_USING, HandoverId("h-1"), version=1, types=(), at=NOW, **said
    )


def test_what_the_broker_signs_is_what_the_client_believes_also_after_a_new_key() -> None:
    old, new = (make_key(KeyPurpose.WEBHOOKS, NOW + timedelta(days=n)) for n in (0, 1))
    others = tuple(make_key(p, NOW) for p in KeyPurpose if p is not KeyPurpose.WEBHOOKS)
    signer = WebhookSigner(Keyring((*others, old, new)))
    sent = signed("https://x.example", cloud_event(event(), "https://b.example"), signer, NOW)
    assert sent.content is not None
    for key in (old, new):
        told = verify(sent.headers, sent.content, [key.public_raw], NOW.timestamp())
        assert (told["id"], told["sequence"], told["data"]["handover"]) == (ID, "7", "h-1")
    assert verify(sent.headers, sent.content, [new.public_raw], NOW.timestamp(), organisation="0" * 20)
    with pytest.raises(NotVerified):
        verify(sent.headers, sent.content, [new.public_raw], NOW.timestamp(), organisation="1" * 20)
    assert [key["kid"] for key in signer.public_keys()] == [new.kid, old.kid]
    assert verify(sent.headers, sent.content, [signer.public_keys()[0]["whpk"]], NOW.timestamp())


def test_a_keyring_without_a_key_for_webhooks_loads_and_signs_nothing() -> None:
    signer = WebhookSigner(Keyring(tuple(make_key(p, NOW) for p in KeyPurpose if p is not KeyPurpose.WEBHOOKS)))
    assert signer.public_keys() == ()
    with pytest.raises(Unavailable):
        signer.sign(ID, MOMENT, BODY)


def test_a_sender_is_told_of_a_handover_and_no_release() -> None:
    assert "release" not in cloud_event(event(release=None), "https://b.example")["data"]


# trying again


def test_pauses_grow_and_stop_after_about_three_days() -> None:
    for chance in (0.0, 0.999):
        at, tries = NOW, 1
        pauses = []
        while (again := outcome(tries, 503, {}, at, chance).again) is not None:
            pauses.append(again - at)
            at, tries = again, tries + 1
        assert pauses == sorted(pauses)
        assert tries == len(PAUSES) + 1
        assert timedelta(days=2.5) < at - NOW < timedelta(days=3.5)


@pytest.mark.parametrize("status", [0, 100, 199, 300, 302, 304, 400, 404, 500])
def test_only_2xx_has_arrived(status: int) -> None:
    came = outcome(1, status, {}, NOW, 0)
    assert not came.arrived
    assert came.again == NOW + PAUSES[0]
    assert outcome(1, 204, {}, NOW, 0).arrived


def test_gone_is_never_tried_again() -> None:
    assert outcome(1, 410, {"retry-after": "1"}, NOW, 0).again is None
    assert outcome(1, 410, {}, NOW, 0).gone


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        ("60", timedelta(seconds=60)),
        ("1", PAUSES[0]),
        ("-60", PAUSES[0]),
        ("", PAUSES[0]),
        ("soon", PAUSES[0]),
        ("9" * 30, LONGEST_PAUSE),
        ("99999999", LONGEST_PAUSE),
        (format_datetime(NOW.astimezone(UTC) + timedelta(hours=1), usegmt=True), timedelta(hours=1)),
        (format_datetime(datetime(1999, 1, 1, tzinfo=UTC), usegmt=True), PAUSES[0]),
        ("²", PAUSES[0]),
    ],
)
def test_retry_after_is_heard_within_bounds(asked: str, pause: timedelta) -> None:
    again = outcome(1, 429, {"retry-after": asked}, NOW, 0).again
    assert again is not None
    assert abs(again - NOW - pause) < timedelta(seconds=1)
