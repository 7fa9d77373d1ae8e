"""P01: a consent that the broker did not sign itself, byte for byte and in that very row, is no consent.

Whoever holds the database edits, moves and invents statements. Each time the whole request is refused, as tampered with;
and each time the genuine statement, put back, opens again, so that it was the forgery that was refused.
"""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from structlog.testing import capture_logs

from broker.crypto.keyring import Key, KeyPurpose, Keyring, load_keyring
from broker.crypto.signatures import RECEIPT_TYPE, RECORD_TYPE, sign_statement
from broker.domain.consents import ConsentRecord
from broker.domain.records import document_of
from tests.promises.attacks import ALL, JACK, NOTICE_DIGEST, REFUSED, WITHDRAWN, Case, assert_only, push, releases
from tests.support.intruder import Intruder, intruder_in
from tests.support.world import World


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


def keyring(world: World) -> Keyring:
    return load_keyring(world.broker.settings.keys)


def parts(statement: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """(header, document, signature) of a compact JWS."""
    header, payload, signature = statement.split(".")
    return json.loads(unpacked(header)), json.loads(unpacked(payload)), signature


def unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def packed(value: Any) -> str:
    raw = value if isinstance(value, bytes) else rfc8785.dumps(value)
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def given_instead(statement: str) -> dict[str, Any]:
    """What the statement says, turned into a yes."""
    document = parts(statement)[1]
    document["event"]["state"] = "given"
    return document


Forge = Callable[[str, Keyring], str]


def document_edited(statement: str, _: Keyring) -> str:
    header, _, signature = statement.split(".")
    return f"{header}.{packed(given_instead(statement))}.{signature}"


def no_algorithm(statement: str, keys: Keyring) -> str:
    return signed_as(statement, keys, {"alg": "none"}, b"")


def no_algorithm_in_capitals(statement: str, keys: Keyring) -> str:
    return signed_as(statement, keys, {"alg": "None"}, b"")


def public_key_as_shared_secret(statement: str, keys: Keyring) -> str:
    """RFC 8725 section 2.1: HS256 with the public key as the secret."""
    public = keys.current(KeyPurpose.RECORDS).public_raw
    headers = {"typ": RECORD_TYPE, "kid": keys.current(KeyPurpose.RECORDS).kid}
    return jwt.api_jws.encode(rfc8785.dumps(given_instead(statement)), public, algorithm="HS256", headers=headers)


def key_that_came_along(statement: str, keys: Keyring) -> str:
    """RFC 7515 section 4.1.3: the forger's own key in the header."""
    own = Ed25519PrivateKey.generate()
    raw = own.public_key().public_bytes_raw()
    jwk = {"kty": "OKP", "crv": "Ed25519", "x": packed(raw)}
    return signed_as(statement, keys, {"jwk": jwk}, own)


def key_named_as_ours(statement: str, keys: Keyring) -> str:
    return signed_as(statement, keys, {}, Ed25519PrivateKey.generate())


def key_nobody_knows(statement: str, keys: Keyring) -> str:
    return signed_as(statement, keys, {"kid": "another"}, Ed25519PrivateKey.generate())


def key_without_a_name(statement: str, keys: Keyring) -> str:
    return signed_as(statement, keys, {"kid": ""}, Ed25519PrivateKey.generate())


def signature_of_another_statement(statement: str, keys: Keyring) -> str:
    other = sign_statement(keys.current(KeyPurpose.RECORDS), RECORD_TYPE, {"hello": "world"})
    return ".".join([*document_edited(statement, keys).split(".")[:2], other.split(".")[2]])


def genuine_receipt(statement: str, keys: Keyring) -> str:
    """Signed by the right key, for another use (RFC 8725 section 3.11)."""
    return sign_statement(keys.current(KeyPurpose.RECORDS), RECEIPT_TYPE, given_instead(statement))


def typ_of_a_token(statement: str, keys: Keyring) -> str:
    return sign_statement(keys.current(KeyPurpose.RECORDS), "JWT", given_instead(statement))


def not_canonical(statement: str, keys: Keyring) -> str:
    """Two readers could read such bytes in two ways."""
    key = keys.current(KeyPurpose.RECORDS)
    raw = json.dumps(given_instead(statement), indent=1).encode()
    return jwt.api_jws.encode(raw, key.private, algorithm="EdDSA", headers={"typ": RECORD_TYPE, "kid": key.kid})


def said_twice(statement: str, keys: Keyring) -> str:
    """The same member twice: the last one would win."""
    key = keys.current(KeyPurpose.RECORDS)
    raw = rfc8785.dumps(parts(statement)[1]).replace(b'"event":', b'"event":{},"event":')
    return jwt.api_jws.encode(raw, key.private, algorithm="EdDSA", headers={"typ": RECORD_TYPE, "kid": key.kid})


def critical_extension(statement: str, keys: Keyring) -> str:
    return signed_as(statement, keys, {"crit": ["exp"], "exp": 1}, keys.current(KeyPurpose.RECORDS).private)


def nothing(_statement: str, _: Keyring) -> str:
    return ""


def no_statement(_statement: str, _: Keyring) -> str:
    return "a.b.c"


def signed_as(statement: str, keys: Keyring, more: dict[str, Any], key: Ed25519PrivateKey | bytes) -> str:
    """A yes under a header of the forger's choice, signed (or not) by the forger."""
    ours = {"alg": "EdDSA", "typ": RECORD_TYPE, "kid": keys.current(KeyPurpose.RECORDS).kid}
    signing = f"{packed({**ours, **more})}.{packed(given_instead(statement))}"
    return f"{signing}.{packed(key.sign(signing.encode()) if isinstance(key, Ed25519PrivateKey) else key)}"


FORGERIES: list[Forge] = [
    document_edited,
    no_algorithm,
    no_algorithm_in_capitals,
    public_key_as_shared_secret,
    key_that_came_along,
    key_named_as_ours,
    key_nobody_knows,
    key_without_a_name,
    signature_of_another_statement,
    genuine_receipt,
    typ_of_a_token,
    not_canonical,
    said_twice,
    critical_extension,
    nothing,
    no_statement,
]


async def assert_tampered(case: Case) -> None:
    """Refused as a whole, with an alarm and without a word of content."""
    before = await releases(case.world)
    with capture_logs() as lines:
        response = await case.ask()
    assert [line["event"] for line in lines if line["log_level"] == "error"] == ["api:refused", "alarm:tampered"]
    assert (response.status_code, response.json()["type"]) == (500, "urn:rondom:problem:tampered"), response.text
    assert_only(case, response)
    assert await releases(case.world) == before


async def statement_of(intruder: Intruder, record: ConsentRecord) -> str:
    [(statement,)] = await asyncio.to_thread(
        intruder.rows, "SELECT statement FROM consent_record WHERE id = ?", record.id
    )
    return str(statement)


async def overwrite(intruder: Intruder, record: ConsentRecord, statement: str) -> None:
    change = "UPDATE consent_record SET statement = ? WHERE id = ?"
    await asyncio.to_thread(intruder.change, change, statement, record.id)


async def test_a_no_in_the_database_is_turned_into_a_yes(world: World, intruder: Intruder) -> None:
    case = await push(world, JACK)
    await case.says("mother", "jack")
    no = await case.says("father", "jack", REFUSED)
    assert await case.gets() == []
    await asyncio.to_thread(intruder.disarm)
    genuine = await statement_of(intruder, no)
    for forge in FORGERIES:
        await overwrite(intruder, no, forge(genuine, keyring(world)))
        await assert_tampered(case)
    await overwrite(intruder, no, genuine)
    assert await case.gets() == []
    await case.says("father", "jack")
    assert await case.gets() == ALL[JACK]


async def test_a_yes_is_invented_as_a_new_row(world: World) -> None:
    """With no more than the broker's own rights in the database: whoever steals its password."""
    for forge in FORGERIES:
        case = await push(world, JACK)
        await case.says("mother", "jack")

        def forged(record: ConsentRecord, forge: Forge = forge) -> str:
            return forge(world.broker.house.notary.sign(record), keyring(world))

        await case.keep(case.record("father", "jack", REFUSED), forged)
        await assert_tampered(case)


async def test_every_byte_of_a_statement_counts(world: World, intruder: Intruder) -> None:
    case = await push(world, JACK)
    await case.everybody_says_yes()
    assert await case.gets() == ALL[JACK]
    await asyncio.to_thread(intruder.disarm)
    record = await case.says("father", "jack")
    genuine = await statement_of(intruder, record)
    for position in range(0, len(genuine), 41):
        other = "A" if genuine[position] != "A" else "B"
        await overwrite(intruder, record, genuine[:position] + other + genuine[position + 1 :])
        await assert_tampered(case)
    for cut in (genuine[:-1], genuine + "A", genuine.rpartition(".")[0], genuine.rpartition(".")[0] + "."):
        await overwrite(intruder, record, cut)
        await assert_tampered(case)
    await overwrite(intruder, record, genuine)
    assert await case.gets() == ALL[JACK]


async def test_a_key_of_ours_that_is_for_something_else(world: World) -> None:
    for purpose in (KeyPurpose.RECEIPTS, KeyPurpose.LOG, KeyPurpose.TOKENS):
        case, key = await push(world, JACK), keyring(world).current(purpose)
        await case.says("mother", "jack")

        def signed(record: ConsentRecord, key: Key = key) -> str:
            return sign_statement(key, RECORD_TYPE, document_of(record, "http://localhost:8080/mine"))

        await case.keep(case.record("father", "jack"), signed)
        await assert_tampered(case)


async def test_a_genuine_yes_is_moved_into_the_row_of_a_no(world: World, intruder: Intruder) -> None:
    """Mother's yes in father's row; father's yes for another child; father's own earlier yes."""
    case, brother = await push(world, JACK), await push(world, JACK)
    mothers = await case.says("mother", "jack")
    earlier = await case.says("father", "jack")
    no = await case.says("father", "jack", WITHDRAWN)
    others = [mothers, earlier, await brother.says("father", "jack")]
    assert await case.gets() == []
    await asyncio.to_thread(intruder.disarm)
    genuine = await statement_of(intruder, no)
    for other in others:
        await overwrite(intruder, no, await statement_of(intruder, other))
        await assert_tampered(case)
    await overwrite(intruder, no, genuine)
    assert await case.gets() == []


async def test_a_genuine_yes_is_filed_under_somebody_or_something_else(world: World, intruder: Intruder) -> None:
    """The columns only help to find a statement: they never say anything that it does not say itself."""
    case, other = await push(world, JACK), await push(world, JACK)
    await case.everybody_says_yes()
    yes = await other.says("father", "jack")
    assert (await case.gets(), await other.gets()) == (ALL[JACK], [])
    await asyncio.to_thread(intruder.disarm)
    genuine = {"signer": yes.signer, "person": yes.scope.person, "handover": yes.handover, "notice": NOTICE_DIGEST}
    genuine |= {"serial": yes.serial, "id": yes.id}
    for column, instead in (
        ("signer", other.people["mother"]),
        ("handover", case.handover.id),
        ("notice", "0" * 64),
        ("serial", 99),
    ):
        change = f"UPDATE consent_record SET {column} = ? WHERE id = ?"
        await asyncio.to_thread(intruder.change, change, instead, yes.id)
        await assert_tampered(other)
        await asyncio.to_thread(intruder.change, change, genuine[column], yes.id)
        assert (await case.gets(), await other.gets()) == (ALL[JACK], [])
    for column, instead, asked in (
        ("id", case.handover.id, other),
        ("person", case.people["jack"], case),  # now it is found when the other boy is asked about
    ):
        change = f"UPDATE consent_record SET {column} = ? WHERE {column} = ? AND signer = ?"
        await asyncio.to_thread(intruder.change, change, instead, genuine[column], yes.signer)
        await assert_tampered(asked)
        await asyncio.to_thread(intruder.change, change, genuine[column], instead, yes.signer)
        assert (await case.gets(), await other.gets()) == (ALL[JACK], [])


async def test_a_withdrawal_is_put_before_the_yes_that_it_ended(world: World, intruder: Intruder) -> None:
    """The order in which things were said is part of what is signed."""
    case = await push(world, JACK)
    await case.says("mother", "jack")
    yes = await case.says("father", "jack")
    no = await case.says("father", "jack", WITHDRAWN)
    assert await case.gets() == []
    await asyncio.to_thread(intruder.disarm)
    for record, serial in ((no, 99), (yes, no.serial), (no, yes.serial)):
        change = "UPDATE consent_record SET serial = ? WHERE id = ?"
        await asyncio.to_thread(intruder.change, change, serial, record.id)
    await assert_tampered(case)


async def test_one_damaged_statement_closes_the_whole_handover(world: World, intruder: Intruder) -> None:
    """Nobody guesses which part of the rest may still be believed."""
    case = await push(world, JACK)
    await case.everybody_says_yes()
    record = await case.says("father", "jack", REFUSED, ["help-history"])
    assert await case.gets() == ["analysis"]
    await asyncio.to_thread(intruder.disarm)
    await overwrite(intruder, record, document_edited(await statement_of(intruder, record), keyring(world)))
    await assert_tampered(case)
