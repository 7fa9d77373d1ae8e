"""An organisation's keys at its own address: fetched within bounds, remembered for a while, and only public ones."""

import asyncio
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from broker.client import ClientKey
from broker.crypto.assertions import Assertions, published_keys
from broker.crypto.encoding import b64url
from broker.domain.assertions import AssertionFault, AssertionRefused
from broker.domain.outbound import Answered, Sent
from broker.errors import Unavailable
from broker.services.key_addresses import LARGEST, REMEMBERED, KeyAddresses

OIN, ADDRESS = "00000099000000010000", "https://keys.example/jwks"
OLD, NEW = ClientKey.new(), ClientKey.new()


class Elsewhere:
    """The address, and a clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.asked: list[str] = []
        self.answer: Answered | None = None
        self.slow = asyncio.Event()
        self.slow.set()
        self.publish(OLD)

    def publish(self, *keys: ClientKey) -> None:
        self.answer = document(*(key.public_jwk() for key in keys))

    def accepts(self, url: str) -> bool:
        return url.startswith("https://")

    async def __call__(self, sent: Sent, most: int) -> Answered:
        assert most == LARGEST == 65_536
        assert sent.form is sent.content is None
        self.asked.append(sent.url)
        await self.slow.wait()
        if self.answer is None:
            raise Unavailable
        return self.answer


def document(*keys: dict[str, Any]) -> Answered:
    return Answered(200, json.dumps({"keys": keys}).encode())


@pytest.fixture
def there() -> Elsewhere:
    return Elsewhere()


@pytest.fixture
def known(there: Elsewhere) -> KeyAddresses:
    return KeyAddresses(there, Assertions().published, lambda: there.now)


async def kids(known: KeyAddresses, kid: str, oin: str = OIN) -> set[str]:
    return {key["kid"] for key in await known.keys(oin, ADDRESS, kid)}


async def fault(known: KeyAddresses, kid: str) -> AssertionFault:
    with pytest.raises(AssertionRefused) as refused:
        await known.keys(OIN, ADDRESS, kid)
    return refused.value.fault


async def test_an_address_is_asked_once_in_five_minutes(known: KeyAddresses, there: Elsewhere) -> None:
    for _ in range(3):
        assert await kids(known, OLD.kid) == {OLD.kid}
    there.now += 299.9
    await kids(known, OLD.kid)
    assert there.asked == [ADDRESS]
    there.now += 0.1
    await kids(known, OLD.kid)
    assert there.asked == [ADDRESS] * 2


async def test_a_new_key_counts_at_once_and_unknown_ones_are_asked_for_once_a_minute(
    known: KeyAddresses, there: Elsewhere
) -> None:
    await kids(known, OLD.kid)
    there.publish(OLD, NEW)
    assert await kids(known, NEW.kid) == {OLD.kid, NEW.kid}
    assert len(there.asked) == 2
    for _ in range(20):
        assert "nobody's" not in await kids(known, "nobody's")
    assert len(there.asked) == 2
    there.now += 60
    for _ in range(20):
        await kids(known, "nobody's")
    assert len(there.asked) == 3


async def test_a_key_that_was_taken_out_stops_within_five_minutes(known: KeyAddresses, there: Elsewhere) -> None:
    await kids(known, OLD.kid)
    there.publish(NEW)
    assert await kids(known, OLD.kid) == {OLD.kid}
    there.now += 300
    assert await kids(known, OLD.kid) == {NEW.kid}
    there.publish()
    there.now += 300
    assert await kids(known, NEW.kid) == set()


async def test_what_it_said_last_counts_for_one_hour_while_it_does_not_answer(
    known: KeyAddresses, there: Elsewhere
) -> None:
    await kids(known, OLD.kid)
    good = there.answer
    for answer in (None, Answered(500, b""), Answered(503, b"{}"), Answered(429, b"")):
        there.answer, there.now = answer, there.now + 700
        assert await kids(known, OLD.kid) == {OLD.kid}
    there.now += 799.9
    assert await kids(known, OLD.kid) == {OLD.kid}
    there.now += 0.1
    assert await fault(known, OLD.kid) is AssertionFault.KEYS_UNREACHABLE
    asked = len(there.asked)
    for _ in range(20):
        assert await fault(known, OLD.kid) is AssertionFault.KEYS_UNREACHABLE
    assert len(there.asked) == asked, "who is down is not asked by every request"
    there.answer, there.now = good, there.now + 10
    assert await kids(known, OLD.kid) == {OLD.kid}


WRONG = {
    "a private key": document({**OLD.public_jwk(), "d": b64url(OLD.private.private_bytes_raw())}),
    "a private key beside a public one": document(OLD.public_jwk(), {"kty": "RSA", "p": "AQ"}),
    "a shared secret": document(OLD.public_jwk(), {"kty": "oct", "k": "AAAA", "kid": "x"}),
    "an id twice": document(OLD.public_jwk(), OLD.public_jwk()),
    "seventeen keys": document(*(ClientKey.new().public_jwk() for _ in range(17))),
    "not found": Answered(404, json.dumps({"keys": [OLD.public_jwk()]}).encode()),
    "somewhere else": Answered(302, b"", {"location": "https://evil.example/"}),
    "no JSON": Answered(200, b"<html>"),
    "a list": Answered(200, json.dumps([OLD.public_jwk()]).encode()),
    "one key": Answered(200, json.dumps(OLD.public_jwk()).encode()),
    "keys that are a text": Answered(200, b'{"keys": "x"}'),
    "a key that is a text": Answered(200, b'{"keys": ["x"]}'),
    "the keys twice": Answered(200, b'{"keys": [], "keys": []}'),
    "nothing": Answered(200, b""),
    "other bytes": Answered(200, b"\xff\xfe"),
    "deep": Answered(200, b'{"keys":' + b"[" * 60_000),
}


@pytest.mark.parametrize("answer", WRONG.values(), ids=WRONG.keys())
async def test_anything_but_a_set_of_public_keys_ends_what_was_known(
    known: KeyAddresses, there: Elsewhere, answer: Answered
) -> None:
    await kids(known, OLD.kid)
    there.answer, there.now = answer, there.now + 300
    assert await fault(known, OLD.kid) is AssertionFault.KEYS_REFUSED
    there.answer = None
    there.now += 10
    assert await fault(known, OLD.kid) is AssertionFault.KEYS_UNREACHABLE


def test_keys_for_something_else_are_passed_over() -> None:
    curve, weak = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 1024)
    fit = {**ECAlgorithm.to_jwk(curve.public_key(), as_dict=True), "kid": "curve", "use": "sig"}
    unfit = [
        {**OLD.public_jwk(), "use": "enc"},
        {name: value for name, value in NEW.public_jwk().items() if name != "kid"},
        {**RSAAlgorithm.to_jwk(weak.public_key(), as_dict=True), "kid": "weak"},
        {"kty": "OKP", "crv": "X25519", "x": OLD.public_jwk()["x"], "kid": "x"},
        {"kty": ["EC"], "crv": {}, "kid": "lists"},
        {"kty": "EC", "crv": "P-256", "x": b64url(b"\1" * 32), "y": b64url(b"\1" * 32), "kid": "on no curve"},
        {},
    ]
    for keys in ([fit, *unfit], [*unfit, fit]):
        assert published_keys(json.dumps({"keys": keys, "more": 1}).encode()) == [fit]


async def test_a_key_that_is_known_waits_for_nobody(known: KeyAddresses, there: Elsewhere) -> None:
    await kids(known, OLD.kid)
    there.slow.clear()
    guessing = [asyncio.create_task(kids(known, f"guess-{n}")) for n in range(20)]
    await asyncio.sleep(0)
    assert await kids(known, OLD.kid) == {OLD.kid}
    assert not any(task.done() for task in guessing)
    there.slow.set()
    assert await asyncio.gather(*guessing) == [{OLD.kid}] * 20
    assert len(there.asked) == 2


async def test_many_at_once_ask_once(known: KeyAddresses, there: Elsewhere) -> None:
    there.answer = None
    said = await asyncio.gather(*(known.keys(OIN, ADDRESS, OLD.kid) for _ in range(20)), return_exceptions=True)
    assert all(isinstance(error, AssertionRefused) for error in said)
    assert there.asked == [ADDRESS]


async def test_only_so_many_addresses_are_remembered(known: KeyAddresses, there: Elsewhere) -> None:
    for n in range(REMEMBERED):
        await kids(known, OLD.kid, f"{n:020}")
    await kids(known, OLD.kid, f"{0:020}")
    await kids(known, OLD.kid, OIN)
    asked = len(there.asked)
    assert asked == REMEMBERED + 1
    await kids(known, OLD.kid, f"{0:020}")
    assert len(there.asked) == asked
    await kids(known, OLD.kid, f"{1:020}")
    assert len(there.asked) == asked + 1, "the one that was not used for longest went"
