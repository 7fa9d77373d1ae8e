"""A passkey signs in only what it was asked, here, with its own key and its user verified; all else is NotAllowed."""

import json

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.passkeys import PasskeyCeremonies
from broker.domain.ports import Passkey
from broker.errors import NotAllowed
from tests.support.authenticators import AT, CHALLENGE, UP, URL, UV, Authenticator

DESK = PasskeyCeremonies(URL)


@pytest.fixture(scope="module")
def device() -> Authenticator:
    return Authenticator()


@pytest.fixture(scope="module")
def passkey(device) -> Passkey:
    return DESK.created(device.register(), CHALLENGE)


def test_a_passkey_registers_and_signs_in(device, passkey):
    assert passkey.credential == device.credential
    assert DESK.credential_id(device.sign()) == device.credential
    assert DESK.signed(device.sign(count=7), CHALLENGE, passkey) == Passkey(passkey.credential, passkey.public_key, 7)


@pytest.mark.parametrize("more", [{"crossOrigin": True}, {"topOrigin": "https://evil.example"}])
def test_from_within_another_sites_page_none_is_made_and_none_signs_in(more):
    device = Authenticator()
    told = device._client
    own = DESK.created(device.register(), CHALLENGE)
    device._client = lambda *args: json.dumps({**json.loads(told(*args)), **more}).encode()  # type: ignore[method-assign]
    with pytest.raises(NotAllowed):
        DESK.created(device.register(), CHALLENGE)
    with pytest.raises(NotAllowed):
        DESK.signed(device.sign(), CHALLENGE, own)


def test_what_is_asked_of_the_browser_is_user_verification_here(device):
    made = json.loads(DESK.creation("officer-1", "Rondom", CHALLENGE, (b"known",)))
    assert made["rp"] == {"name": "Rondom", "id": "broker.example"}
    assert made["challenge"] == b64url(CHALLENGE)
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert made["authenticatorSelection"]["residentKey"] == "required"
    assert [c["id"] for c in made["excludeCredentials"]] == [b64url(b"known")]
    asked = json.loads(DESK.request(CHALLENGE))
    assert (asked["rpId"], asked["userVerification"]) == ("broker.example", "required")
    assert not asked.get("allowCredentials")


@pytest.mark.parametrize(
    "other",
    [
        {"challenge": b"d" * 32},
        {"origin": "https://evil.example"},
        {"origin": "http://broker.example"},
        {"rp": "evil.example"},
        {"flags": UP | AT},
        {"kind": "webauthn.get"},
    ],
)
def test_a_registration_for_anything_else_is_not_allowed(device, other):
    with pytest.raises(NotAllowed) as refused:
        DESK.created(device.register(**other), CHALLENGE)
    assert refused.value.code == "passkey-not-verified"


@pytest.mark.parametrize(
    "other",
    [
        {"challenge": b"d" * 32},
        {"origin": "https://evil.example"},
        {"rp": "evil.example"},
        {"flags": UP},
        {"flags": UV},
        {"kind": "webauthn.create"},
    ],
)
def test_signing_in_for_anything_else_is_not_allowed(device, passkey, other):
    with pytest.raises(NotAllowed):
        DESK.signed(device.sign(**other), CHALLENGE, passkey)


def test_another_device_a_copied_device_and_a_changed_answer_are_not_allowed(device, passkey):
    with pytest.raises(NotAllowed):
        DESK.signed(Authenticator().sign(), CHALLENGE, passkey)
    ahead = DESK.signed(device.sign(count=9), CHALLENGE, passkey)
    with pytest.raises(NotAllowed):
        DESK.signed(device.sign(count=9), CHALLENGE, ahead)
    answer = json.loads(device.sign())
    answer["response"]["signature"] = b64url(b"x" * 70)
    with pytest.raises(NotAllowed):
        DESK.signed(json.dumps(answer), CHALLENGE, passkey)


def refuses(answer: str, passkey: Passkey) -> None:
    with pytest.raises(NotAllowed):
        DESK.created(answer, CHALLENGE)
    with pytest.raises(NotAllowed):
        DESK.signed(answer, CHALLENGE, passkey)


NONSENSE = ["", "{}", "[]", "null", "5", "x", '"rawId"', "[" * 16_000, '{"rawId":' * 1500, '{"rawId":5}', "x" * 20_000]


@pytest.mark.parametrize("answer", [*NONSENSE, '{"rawId":"\u00e9"}', '{"rawId":"\\ud800"}', "{" + " " * 17_000 + "}"])
def test_nonsense_is_not_allowed(passkey, answer):
    refuses(answer, passkey)
    if answer not in ('{"rawId":5}', '{"rawId":"x"}'):
        with pytest.raises(NotAllowed):
            DESK.credential_id(answer)


PARTS = ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle", "transports"]
VALUES = (
    st.none() | st.integers() | st.text(max_size=9) | st.lists(st.text(max_size=3), max_size=2) | st.just({})
    | st.binary(max_size=90).map(b64url)
    | st.recursive(st.integers() | st.text(max_size=3) | st.binary(max_size=40), lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["fmt", "attStmt", "authData", "alg"]), inner)
    ), max_leaves=5).map(lambda value: b64url(cbor2.dumps(value)))
    | st.builds(lambda kind: b64url(json.dumps(kind).encode()), st.dictionaries(
        st.sampled_from(["type", "challenge", "origin"]), st.text(max_size=4) | st.integers() | st.none()))
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(PARTS), VALUES, max_size=3),
    st.dictionaries(
        st.sampled_from(["id", "rawId", "type", "response", "authenticatorAttachment"]), VALUES, max_size=1
    ),
)
def test_whatever_a_browser_sends_is_verified_or_not_allowed(inside, outside):
    device = Authenticator()
    known = DESK.created(device.register(), CHALLENGE)
    for answer in (device.register(), device.sign()):
        changed = json.loads(answer)
        changed["response"].update(inside)
        changed.update(outside)
        for ceremony in (
            lambda text: DESK.created(text, CHALLENGE),
            lambda text: DESK.signed(text, CHALLENGE, known),
            DESK.credential_id,
        ):
            try:
                ceremony(json.dumps(changed))
            except NotAllowed:
                continue


@given(st.integers(0, 200), st.integers(0, 255))
def test_a_damaged_attestation_is_verified_or_not_allowed(position, byte):
    answer = json.loads(Authenticator().register())
    raw = bytearray(from_b64url(answer["response"]["attestationObject"]))
    raw[position % len(raw)] = byte
    answer["response"]["attestationObject"] = b64url(bytes(raw))
    try:
        DESK.created(json.dumps(answer), CHALLENGE)
    except NotAllowed:
        return
