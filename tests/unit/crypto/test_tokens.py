"""An access token is ours, for us, unchanged and five minutes old at most."""

from dataclasses import replace
from datetime import timedelta

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import tokens as module
from broker.crypto.keyring import KeyPurpose, Keyring, load_keyring, make_key, write_key
from broker.crypto.tokens import LIFE, AccessTokens
from broker.domain.tokens import UNBOUND, AccessClaims, Binding
from broker.errors import NotAuthenticated
from tests.factories import NOW, SCHOOL, a_keyring

URL = "https://broker.example"
KEYS = a_keyring()
CLAIMS = AccessClaims("pro-1", SCHOOL, "support-coordinator", "release")
TOKENS = AccessTokens(KEYS, URL)
TOKEN = TOKENS.issue(CLAIMS, "id-1", NOW)
PAYLOAD = jwt.decode(TOKEN, options={"verify_signature": False})


def signed(change=None, *, key=None, alg="EdDSA", without="", **header) -> str:
    key = key or KEYS.current(KeyPurpose.TOKENS)
    payload = {k: v for k, v in {**PAYLOAD, **(change or {})}.items() if k != without}
    return jwt.encode(payload, key.private, algorithm=alg, headers={"kid": key.kid, "typ": "at+jwt", **header})


def refused(token: str, now=NOW) -> bool:
    for door in (TOKENS, AccessTokens(KEYS, URL)):
        try:
            door.read(token, now)
        except NotAuthenticated as error:
            if error.args == NotAuthenticated().args:
                continue
        return False
    return True


def test_a_token_gives_its_claims_again_and_again():
    assert [TOKENS.read(TOKEN, NOW) for _ in range(3)] == [CLAIMS] * 3
    assert AccessTokens(KEYS, URL).read(signed(), NOW) == CLAIMS
    assert jwt.get_unverified_header(TOKEN)["typ"] == "at+jwt"
    assert (PAYLOAD["jti"], PAYLOAD["aud"], PAYLOAD["iss"]) == ("id-1", URL, URL)


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (-30, True), (-31, False), (LIFE - 1, True), (LIFE, False)])
def test_a_token_ends_also_when_it_is_remembered(seconds, good):
    fresh, when = AccessTokens(KEYS, URL), NOW + timedelta(seconds=seconds)
    for door in (fresh, TOKENS):
        if good:
            assert door.read(TOKEN, when) == CLAIMS
        else:
            with pytest.raises(NotAuthenticated):
                door.read(TOKEN, when)
    assert LIFE == 300


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+JWT", "application/at+jwt", "consent-record+jws", ""])
def test_another_type_is_no_access_token(typ):
    assert refused(signed(typ=typ))


@pytest.mark.parametrize(
    "change",
    [{"aud": "https://other.example"}, {"aud": []}, {"iss": "https://other.example"}, {"sub": 1}],
)
def test_a_token_for_or_from_somebody_else_is_refused(change):
    assert refused(signed(change))


@pytest.mark.parametrize("name", sorted(PAYLOAD))
def test_a_token_without_one_of_its_claims_is_refused(name):
    assert refused(signed(without=name))


def test_a_key_of_another_purpose_or_house_signs_no_tokens():
    for purpose in (KeyPurpose.RECORDS, KeyPurpose.LOG, KeyPurpose.RECEIPTS):
        assert refused(signed(key=KEYS.current(purpose)))
    assert refused(signed(key=a_keyring().current(KeyPurpose.TOKENS)))
    assert refused(signed(key=a_keyring().current(KeyPurpose.TOKENS), kid=KEYS.current(KeyPurpose.TOKENS).kid))
    assert refused(AccessTokens(KEYS, "https://other.example").issue(CLAIMS, "id", NOW))


def test_no_other_algorithm():
    head, body, _ = TOKEN.split(".")
    assert refused(f"{head}.{body}.")
    assert refused(jwt.encode(PAYLOAD, None, algorithm="none", headers={"typ": "at+jwt", "kid": "x"}))
    raw = KEYS.current(KeyPurpose.TOKENS)
    kid = {"typ": "at+jwt", "kid": raw.kid}
    assert refused(jwt.encode(PAYLOAD, raw.public_raw, algorithm="HS256", headers=kid))


@given(st.integers(0, len(TOKEN) - 2), st.sampled_from("A0_-."))
def test_any_changed_sign_is_refused(position, sign):
    changed = TOKEN[:position] + sign + TOKEN[position + 1 :]
    assert changed == TOKEN or refused(changed)


@given(st.text(max_size=60))
def test_whatever_else_is_sent_is_refused(text):
    assert refused(text)


@pytest.mark.parametrize("text", ["", "..", "a.b.c", "\ud800", "x" * 5000, "[" * 4000, TOKEN + "\n", "Bearer " + TOKEN])
def test_nonsense_is_refused(text):
    assert refused(text)


def test_what_is_refused_is_not_remembered_and_memory_ends(monkeypatch):
    monkeypatch.setattr(module, "_REMEMBERED", 2)
    door = AccessTokens(KEYS, URL)
    for number in range(5):
        door.read(door.issue(CLAIMS, str(number), NOW), NOW)
    with pytest.raises(NotAuthenticated):
        door.read("nonsense", NOW)
    assert len(door._held) == 2


def test_the_published_keys_are_all_token_keys_and_public():
    newer = make_key(KeyPurpose.TOKENS, NOW + timedelta(days=1))
    ring = Keyring((*(k for p in KeyPurpose for k in KEYS.all(p)), newer))
    keys = AccessTokens(ring, URL).jwks()["keys"]
    assert [key["kid"] for key in keys] == [KEYS.current(KeyPurpose.TOKENS).kid, newer.kid]
    assert all("d" not in key for key in keys)
    assert AccessTokens(ring, URL).read(TOKEN, NOW) == CLAIMS


def test_a_token_ends_with_its_key_also_when_it_is_remembered(tmp_path):
    every = [key for purpose in KeyPurpose for key in KEYS.all(purpose)]
    newer = make_key(KeyPurpose.TOKENS, NOW + timedelta(days=1))
    folder = tmp_path / "keys"
    paths = {key.kid: write_key(folder, key) for key in [*every, newer]}
    ring = load_keyring(folder)
    door = AccessTokens(ring, URL)
    fresh = door.issue(CLAIMS, "id-2", NOW)
    assert [door.read(token, NOW) for token in (TOKEN, fresh, TOKEN, fresh)] == [CLAIMS] * 4
    old = KEYS.current(KeyPurpose.TOKENS)
    paths[old.kid].unlink()
    ring.look_now()
    for _ in range(2):
        with pytest.raises(NotAuthenticated):
            door.read(TOKEN, NOW)
    assert door.read(fresh, NOW) == CLAIMS, "the other key is still there"
    write_key(folder, old)
    ring.look_now()
    assert door.read(TOKEN, NOW) == CLAIMS, "verified anew: nothing was remembered of the refusal"


@given(st.integers(0, len(TOKEN) - 2), st.integers(1, 127))
def test_nothing_gets_in_beside_a_token_that_is_remembered(position, other):
    door = AccessTokens(KEYS, URL)
    assert door.read(TOKEN, NOW) == CLAIMS
    near = TOKEN[:position] + chr(ord(TOKEN[position]) ^ other) + TOKEN[position + 1 :]
    for token in (near, TOKEN + near[-1], TOKEN[:-1], TOKEN + "=", TOKEN.replace(".", "．"), f"{TOKEN} "):
        with pytest.raises(NotAuthenticated):
            door.read(token, NOW)
    assert len(door._held) == 1


def test_a_clock_that_was_put_right_counts_for_what_is_remembered():
    door = AccessTokens(KEYS, URL)
    assert door.read(TOKEN, NOW) == CLAIMS
    for wrong in (timedelta(days=-1), timedelta(seconds=LIFE), timedelta(days=400)):
        with pytest.raises(NotAuthenticated):
            door.read(TOKEN, NOW + wrong)
        assert not door._held, "what is over takes no place"
    assert door.read(TOKEN, NOW) == CLAIMS


def test_what_a_token_is_bound_to_is_remembered_with_it():
    bound = Binding("k" * 43, "c" * 43)
    door = AccessTokens(KEYS, URL)
    token = door.issue(replace(CLAIMS, client="c1", bound=bound), "id", NOW)
    assert [door.read(token, NOW).bound for _ in range(2)] == [bound] * 2
    assert door.read(TOKEN, NOW).bound == UNBOUND
