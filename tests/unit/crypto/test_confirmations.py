"""A record that claims a passkey holds only as it was signed, also for whoever holds the broker's own key.

Yubico's python-fido2, which the product does not use, checks the same evidence in its own way.
"""

import hashlib
import json
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import cbor2
import pytest
import rfc8785
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import CoseKey
from fido2.webauthn import AuthenticatorData, CollectedClientData
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.keyring import KeyPurpose, Keyring
from broker.crypto.signatures import (
    RECORD_TYPE,
    RecordNotary,
    read_statement,
    sign_statement,
    verify_family_receipt,
)
from broker.domain.consents import ConsentRecord, EvidenceLevel
from broker.domain.parties import Recipient
from broker.domain.passkeys import Confirmation
from broker.domain.records import document_of
from broker.errors import Tampered
from tests.factories import CHILD, FATHER, MOTHER, SCHOOL, TODAY, a_keyring, a_record
from tests.support.authenticators import UP, URL, UV, Authenticator, confirmed

AT = f"{URL}/mine"


@pytest.fixture(scope="module")
def keys() -> Keyring:
    return a_keyring()


@pytest.fixture(scope="module")
def notary(keys) -> RecordNotary:
    return RecordNotary(keys, AT)


def forged(keys: Keyring, record: ConsentRecord) -> str:
    """A statement signed with the broker's real key, by somebody who does not ask whether it is true."""
    return sign_statement(keys.current(KeyPurpose.RECORDS), RECORD_TYPE, document_of(record, AT))


def refused(notary: RecordNotary, keys: Keyring, record: ConsentRecord) -> None:
    with pytest.raises(Tampered):
        RecordNotary(keys, AT).read(forged(keys, record))
    with pytest.raises(Tampered):
        notary.sign(record)


@pytest.fixture(scope="module")
def device() -> Authenticator:
    return Authenticator()


@pytest.fixture(scope="module")
def both(notary, device) -> list[ConsentRecord]:
    return confirmed(
        notary, device, a_record(MOTHER, serial=1), a_record(MOTHER, serial=2, section_types=("timeline",))
    )


def test_each_of_the_records_that_one_answer_covers_holds_alone(notary, keys, both):
    for record in both:
        assert RecordNotary(keys, AT).read(notary.sign(record)) == record
        assert forged(keys, record) == notary.sign(record)
    receipt = notary.receipt({"records": [notary.sign(r) for r in both], "notices": {}})
    with pytest.raises(Tampered):
        verify_family_receipt(notary.public_keys(), receipt)  # for want of the notice's text alone
    text = "Een vraag."
    digest = hashlib.sha256(text.encode()).hexdigest()
    [one] = confirmed(notary, Authenticator(), a_record(MOTHER, notice=replace(both[0].notice, digest=digest)))
    receipt = notary.receipt({"records": [notary.sign(one)], "notices": {digest: text}})
    assert verify_family_receipt(notary.public_keys(), receipt) == 1


def test_a_record_by_code_is_written_as_it_always_was(notary):
    record = a_record(MOTHER)
    document = document_of(record, AT)
    assert set(document["event"]) == {"state", "consentType", "time", "duration", "entity", "evidence"}
    assert notary.read(notary.sign(record)) == record


ALTERED = {
    "scope": lambda r: replace(r, scope=replace(r.scope, section_types=("status", "timeline", "analysis"))),
    "recipient": lambda r: replace(r, scope=replace(r.scope, recipients=(Recipient(SCHOOL, "teacher"),))),
    "until": lambda r: replace(r, scope=replace(r.scope, until=TODAY + timedelta(days=999))),
    "person": lambda r: replace(r, scope=replace(r.scope, person=FATHER)),
    "purpose": lambda r: replace(r, scope=replace(r.scope, purpose="health-care")),
    "signer": lambda r: replace(r, signer=CHILD),
    "capacity": lambda r: replace(r, capacity="guardian"),
    "notice": lambda r: replace(r, notice=replace(r.notice, digest="1" * 64)),
    "language": lambda r: replace(r, notice=replace(r.notice, language="en")),
    "time": lambda r: replace(r, at=r.at + timedelta(seconds=1)),
    "serial": lambda r: replace(r, serial=r.serial + 1),
    "id": lambda r: replace(r, id="another"),
    "handover": lambda r: replace(r, handover="another"),
    "evidence": lambda r: replace(r, evidence=EvidenceLevel.OIDC),
    "nothing signed": lambda r: replace(r, confirmation=None),
}


@pytest.mark.parametrize("what", ALTERED)
def test_an_altered_statement_is_refused_even_when_the_broker_signed_it(notary, keys, both, what):
    refused(notary, keys, ALTERED[what](both[0]))


def test_nobody_can_claim_a_login_which_nothing_could_show(keys):
    with pytest.raises(Tampered):
        RecordNotary(keys, AT).read(forged(keys, a_record(MOTHER, evidence=EvidenceLevel.OIDC)))


def test_a_touch_that_signed_more_than_the_receipt_shows_is_seen_on_the_receipt(notary):
    text = "Een vraag."
    shown = replace(a_record(MOTHER).notice, digest=hashlib.sha256(text.encode()).hexdigest())
    told, hidden = confirmed(
        notary,
        Authenticator(),
        a_record(MOTHER, notice=shown),
        a_record(MOTHER, serial=2, notice=shown, section_types=("timeline",)),
    )
    notices = {shown.digest: text}
    whole = notary.receipt({"records": [notary.sign(told), notary.sign(hidden)], "notices": notices})
    assert verify_family_receipt(notary.public_keys(), whole) == 2
    for kept in ([told], [hidden], [hidden, told]):
        with pytest.raises(Tampered):
            verify_family_receipt(
                notary.public_keys(), notary.receipt({"records": [notary.sign(r) for r in kept], "notices": notices})
            )


def test_a_code_with_a_confirmation_is_refused(notary, keys, both):
    with pytest.raises(Tampered):
        RecordNotary(keys, AT).read(forged(keys, replace(both[0], evidence=EvidenceLevel.CODE)))


@pytest.mark.parametrize(
    "otherwise",
    [
        {"origin": "https://evil.example"},
        {"origin": "http://broker.example"},
        {"origin": "https://evil.example", "rp": "evil.example"},
        {"rp": "evil.example"},
        {"flags": UP},
        {"flags": UV},
        {"kind": "webauthn.create"},
        {"challenge": b"c" * 32},
    ],
)
def test_what_a_device_signed_otherwise_is_refused(notary, keys, otherwise):
    [record] = confirmed(notary, Authenticator(), a_record(MOTHER), **otherwise)
    refused(notary, keys, record)


def test_what_was_signed_at_another_address_is_refused(notary, keys, both):
    with pytest.raises(Tampered):
        RecordNotary(keys, "https://new.example/mine").read(notary.sign(both[0]))


def test_another_page_around_ours_is_refused(notary, keys):
    device = Authenticator()
    told = device._client
    for more in ({"crossOrigin": True}, {"topOrigin": "https://evil.example"}):
        device._client = lambda *args, more=more: json.dumps({**json.loads(told(*args)), **more}).encode()  # type: ignore[method-assign]
        [record] = confirmed(notary, device, a_record(MOTHER))
        refused(notary, keys, record)


def test_another_device_another_list_and_another_record_are_refused(notary, keys, device, both):
    stranger = Authenticator()
    stranger.credential = b"another-id-of-16"
    other = confirmed(notary, stranger, a_record(FATHER))[0]
    said, theirs = both[0].confirmation, other.confirmation
    assert said is not None
    assert theirs is not None
    for confirmation in (
        theirs,
        replace(said, credential=theirs.credential),
        replace(said, public_key=theirs.public_key),
        replace(said, credential=theirs.credential, public_key=theirs.public_key),
        replace(said, keys=theirs.keys),
        replace(said, keys=(*said.keys, *theirs.keys)),
        replace(said, covers=said.covers[::-1]),
        replace(said, covers=said.covers[:1]),
        replace(said, covers=(*said.covers, said.covers[0])),
        replace(said, covers=()),
        replace(said, nonce=theirs.nonce[:-2]),
        replace(said, nonce=b64url(b"m" * 32)),
        replace(said, client_data=said.client_data + "="),
    ):
        refused(notary, keys, replace(both[0], confirmation=confirmation))


TEXTS = [f.name for f in fields(Confirmation) if f.name not in ("covers", "keys")]


@given(st.sampled_from(TEXTS), st.integers(0, 400), st.integers(1, 255))
def test_any_altered_byte_of_what_was_signed_is_refused(keys, notary, both, name, position, by):
    said = both[0].confirmation
    assert said is not None
    changed = bytearray(from_b64url(getattr(said, name)))
    changed[position % len(changed)] ^= by
    refused(notary, keys, replace(both[0], confirmation=replace(said, **{name: b64url(bytes(changed))})))


@given(st.integers(0, 20_000), st.integers(1, 127))
def test_any_altered_byte_of_a_statement_is_refused(keys, notary, both, position, by):
    statement = bytearray(notary.sign(both[0]).encode())
    statement[position % len(statement)] ^= by
    with pytest.raises(Tampered):
        RecordNotary(keys, AT).read(statement.decode("latin-1"))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=3,
)


@given(
    st.sampled_from(
        ["type", "credential", "publicKey", "covers", "keys", "nonce", "clientDataJSON", "signature", "more"]
    ),
    JSON,
)
def test_whatever_stands_in_the_place_of_a_value_is_refused(keys, notary, both, name, value):
    document = document_of(both[0], AT)
    document["event"]["confirmation"][name] = value
    with pytest.raises(Tampered):
        RecordNotary(keys, AT).read(sign_statement(keys.current(KeyPurpose.RECORDS), RECORD_TYPE, document))


# --- by others -------------------------------------------------------------------------------------------


def independently(document: dict[str, Any], origin: str) -> None:
    """The evidence of a record checked with python-fido2 and hashlib alone. Raises when it does not hold."""
    said = document["event"]["confirmation"]
    without = {**document, "event": {n: v for n, v in document["event"].items() if n != "confirmation"}}
    assert hashlib.sha256(rfc8785.dumps(without)).hexdigest() in said["covers"]

    def net(*values: bytes) -> bytes:
        return b"".join(b"%d:%b," % (len(value), value) for value in values)

    pair = (from_b64url(said["credential"]), from_b64url(said["publicKey"]))
    assert hashlib.sha256(b"%d:%b,%b" % (len(pair[0]), *pair)).hexdigest() in said["keys"]
    lists = [net(*(value.encode() for value in said[name])) for name in ("covers", "keys")]
    wanted = hashlib.sha256(b"rondom consent confirmation 1\n" + net(*lists, from_b64url(said["nonce"]))).digest()
    client = CollectedClientData(from_b64url(said["clientDataJSON"]))
    data = AuthenticatorData(from_b64url(said["authenticatorData"]))
    assert (client.type, client.challenge, client.origin) == (CollectedClientData.TYPE.GET, wanted, origin)
    assert not client.cross_origin
    assert data.rp_id_hash == hashlib.sha256(origin.partition("://")[2].partition(":")[0].encode()).digest()
    assert data.is_user_present()
    assert data.is_user_verified()
    CoseKey.parse(cbor2.loads(pair[1])).verify(data + client.hash, from_b64url(said["signature"]))


def test_others_find_the_same_without_our_code(keys, notary, both):
    for record in both:
        independently(read_statement(keys, KeyPurpose.RECORDS, RECORD_TYPE, notary.sign(record)), URL)
    with pytest.raises(AssertionError):
        independently(document_of(both[0], AT), "https://evil.example")
    for what in set(ALTERED) - {"nothing signed"}:
        with pytest.raises(AssertionError):
            independently(document_of(ALTERED[what](both[0]), AT), URL)
    wrong = document_of(both[0], AT)
    other = ec.generate_private_key(ec.SECP256R1()).sign(b"x", ec.ECDSA(hashes.SHA256()))
    wrong["event"]["confirmation"]["signature"] = b64url(other)
    with pytest.raises(InvalidSignature):
        independently(wrong, URL)
