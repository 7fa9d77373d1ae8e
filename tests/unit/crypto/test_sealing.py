"""A sealed section opens for its key, its place and its use, whole and unchanged; anything else is SealBroken and nothing else."""

import json
from dataclasses import replace

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.envelopes import Vault
from broker.crypto.keyring import KeyPurpose
from broker.crypto.sealing import (
    KEY,
    OVERHEAD,
    PUBLIC,
    SEALED_KEY,
    About,
    SealBroken,
    SealingKey,
    SealingPublicKey,
    aes_open,
    aes_seal,
    digest_of,
    intake_info,
    mark_of,
    open_content,
    release_info,
    seal_content,
)
from broker.domain.ports import DeliveredSection, ForRecipient, SectionPlace
from broker.errors import Invalid, Tampered
from tests.factories import a_keyring

MINE, OTHER = SealingKey(b"\1" * 32), SealingKey(b"\2" * 32)
CONTENT_KEY = b"\3" * KEY
SENDER, RECIPIENT = "00000099000000010000", "00000099000000020000"
ABOUT = About(SENDER, "status", "text/plain", mark_of(CONTENT_KEY, "ref é 1"))
CIPHERTEXT = seal_content(CONTENT_KEY, ABOUT, b"Het gaat beter.")
INTAKE = intake_info(MINE.kid, SENDER, "ref é 1", "status", "text/plain", CIPHERTEXT)
RELEASE = release_info(MINE.kid, RECIPIENT, "r-1", ABOUT, CIPHERTEXT)
SEALED = MINE.public.seal(CONTENT_KEY, INTAKE)
KEYS = a_keyring()
VAULT = Vault(KEYS)
PLACE = SectionPlace("h-1", 1, "s-1", SENDER, "status", "text/plain", "[[],[]]")
LOW_ORDER = [
    bytes(32),
    b"\1" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    bytes.fromhex("eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
]
"""The points of X25519 that give everybody the same secret: orders 1, 2, 4 and 8 (RFC 7748 section 6.1)."""

texts = st.text(max_size=30)
bits = st.integers(0, SEALED_KEY * 8 - 1)


def flipped(raw: bytes, bit: int) -> bytes:
    position = bit // 8 % len(raw)
    return raw[:position] + bytes([raw[position] ^ 1 << bit % 8]) + raw[position + 1 :]


def test_the_sizes_are_those_of_the_page():
    assert (len(MINE.public.raw), len(SEALED), len(CIPHERTEXT)) == (
        PUBLIC,
        SEALED_KEY,
        len("Het gaat beter.") + OVERHEAD,
    )
    assert (PUBLIC, SEALED_KEY, OVERHEAD) == (1216, 1168, 29)


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_content_comes_back(clear, info):
    key = MINE.open(MINE.public.seal(CONTENT_KEY, info), info)
    assert open_content(key, ABOUT, seal_content(key, ABOUT, clear)) == clear


def test_the_same_content_never_looks_the_same():
    assert len({seal_content(CONTENT_KEY, ABOUT, b"x") for _ in range(20)}) == 20
    assert len({MINE.public.seal(CONTENT_KEY, INTAKE) for _ in range(20)}) == 20


# --- the sealed key ---------------------------------------------------------------------------------------------------


def refused(sealed: bytes, info: bytes = INTAKE, key: SealingKey = MINE) -> None:
    with pytest.raises(SealBroken) as broken:
        key.open(sealed, info)
    assert broken.value.__suppress_context__ or broken.value.__context__ is None


@given(bits)
def test_a_flipped_bit_of_a_sealed_key_is_refused(bit):
    refused(flipped(SEALED, bit))


@pytest.mark.parametrize("part", range(8))
def test_every_flipped_bit_of_a_sealed_key_is_refused(part):
    for bit in range(part, SEALED_KEY * 8, 8):
        refused(flipped(SEALED, bit))


def test_every_truncation_and_addition_of_a_sealed_key_is_refused():
    for changed in [*(SEALED[:length] for length in range(SEALED_KEY)), SEALED + b"\0", SEALED[1:], bytes(SEALED_KEY)]:
        refused(changed)


@given(st.binary(max_size=1300) | st.binary(min_size=SEALED_KEY, max_size=SEALED_KEY))
def test_anything_at_all_is_refused_for_a_sealed_key(anything):
    refused(anything)


def test_a_key_of_another_length_is_refused_though_it_was_sealed_rightly():
    for length in (0, 16, 31, 33, 64):
        refused(MINE.public.seal(bytes(length), INTAKE))


def test_it_opens_for_nobody_else_and_for_no_other_use():
    refused(SEALED, key=OTHER)
    refused(SEALED, b"")
    refused(SEALED, RELEASE)
    refused(MINE.public.seal(CONTENT_KEY, RELEASE))


@pytest.mark.parametrize("info", [INTAKE, RELEASE], ids=["intake", "release"])
def test_every_changed_missing_or_further_member_of_info_is_refused(info):
    sealed, members = MINE.public.seal(CONTENT_KEY, info), json.loads(info)
    assert MINE.open(sealed, info) == CONTENT_KEY
    for name, value in members.items():
        for other in (value + "x", value[:-1], "", value.swapcase() if value.swapcase() != value else value * 2):
            refused(sealed, rfc8785.dumps({**members, name: other}))
        refused(sealed, rfc8785.dumps({n: v for n, v in members.items() if n != name}))
    refused(sealed, rfc8785.dumps({**members, "more": "x"}))
    refused(sealed, info + b" ")


@given(st.sampled_from(["sender", "reference", "section_type", "media_type"]), texts, texts)
def test_two_places_never_have_the_same_info(name, one, other):
    given_ = {"to": MINE.kid, "sender": SENDER, "reference": "r", "section_type": "s", "media_type": "m"}
    infos = [intake_info(**{**given_, name: value}, ciphertext=CIPHERTEXT) for value in (one, other)]
    assert (infos[0] == infos[1]) == (one == other)


@given(texts, texts, texts, texts)
def test_words_cannot_flow_from_one_member_of_info_into_another(a, b, c, d):
    first = release_info(MINE.kid, a, b, ABOUT, CIPHERTEXT)
    assert (first == release_info(MINE.kid, c, d, ABOUT, CIPHERTEXT)) == ((a, b) == (c, d))


# --- content and mark -------------------------------------------------------------------------------------------------


def test_every_flipped_bit_and_truncation_of_a_ciphertext_is_refused():
    changed = [flipped(CIPHERTEXT, bit) for bit in range(len(CIPHERTEXT) * 8)]
    changed += [CIPHERTEXT[:length] for length in range(len(CIPHERTEXT))] + [CIPHERTEXT + b"\0", b"\0" + CIPHERTEXT]
    for other in changed:
        with pytest.raises(SealBroken):
            open_content(CONTENT_KEY, ABOUT, other)
        refused(SEALED, intake_info(MINE.kid, SENDER, "ref é 1", "status", "text/plain", other))
        refused(SEALED, release_info(MINE.kid, RECIPIENT, "r-1", ABOUT, other))


@given(st.binary(max_size=100), st.binary(max_size=100))
def test_anything_at_all_is_refused_for_a_ciphertext(anything, bound):
    with pytest.raises(SealBroken):
        aes_open(CONTENT_KEY, anything, bound)


def test_every_flipped_bit_and_truncation_of_a_mark_is_refused():
    for mark in [*(flipped(ABOUT.mark, bit) for bit in range(256)), *(ABOUT.mark[:length] for length in range(32))]:
        with pytest.raises(SealBroken):
            open_content(CONTENT_KEY, replace(ABOUT, mark=mark), CIPHERTEXT)


@pytest.mark.parametrize("other", [{"sender": RECIPIENT}, {"type": "Status"}, {"media_type": "text/markdown"}])
def test_content_opens_as_what_it_is_only(other):
    with pytest.raises(SealBroken):
        open_content(CONTENT_KEY, replace(ABOUT, **other), CIPHERTEXT)


def test_a_version_that_is_not_ours_is_refused():
    for version in range(256):
        if version != 1:
            with pytest.raises(SealBroken):
                aes_open(CONTENT_KEY, bytes([version]) + aes_seal(CONTENT_KEY, b"x", b"")[1:], b"")


@given(texts, texts)
def test_a_mark_stands_for_one_reference_and_one_key(one, other):
    assert (mark_of(CONTENT_KEY, one) == mark_of(CONTENT_KEY, other)) == (one == other)
    assert mark_of(CONTENT_KEY, one) != mark_of(bytes(32), one)


def test_a_refusal_quotes_nothing_and_keys_do_not_print():
    with pytest.raises(SealBroken) as broken:
        MINE.open(SEALED[:-1], INTAKE)
    assert isinstance(broken.value, Tampered)
    for text in (str(broken.value), repr(MINE), repr(MINE.public), repr(ABOUT)):
        for secret in (b"\1" * 32, CONTENT_KEY, SEALED[-20:], ABOUT.mark):
            assert b64url(secret)[:12] not in text
            assert secret.hex()[:12] not in text
            assert repr(secret)[2:14] not in text


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_a_seed_has_32_bytes(length):
    with pytest.raises(ValueError, match="32 bytes"):
        SealingKey(bytes(length))


def test_a_public_key_comes_back_from_its_jwk():
    assert SealingPublicKey.of_jwk(MINE.public.jwk()).raw == MINE.public.raw
    assert set(MINE.public.jwk()) == {"kty", "alg", "pub", "kid", "use"}


JWK = MINE.public.jwk()
RAW = MINE.public.raw
WRONG = {
    "nothing": {},
    "None": None,
    "a number": 5,
    "a text": "priv",
    "a list": ["pub"],
    "a private key": {**JWK, "priv": "AA"},
    "another private key": {**JWK, "d": "AA"},
    "no pub": {n: v for n, v in JWK.items() if n != "pub"},
    "no kid": {n: v for n, v in JWK.items() if n != "kid"},
    "no alg": {n: v for n, v in JWK.items() if n != "alg"},
    "another kty": {**JWK, "kty": "OKP"},
    "another alg": {**JWK, "alg": "X25519"},
    "another kid": {**JWK, "kid": OTHER.kid},
    "a list for alg": {**JWK, "alg": [JWK["alg"]]},
    "padding": {**JWK, "pub": JWK["pub"] + "="},
    "white space": {**JWK, "pub": JWK["pub"] + "\n"},
    "the other alphabet": {**JWK, "pub": JWK["pub"].replace("-", "+").replace("_", "/")},
    "no ASCII": {**JWK, "pub": "é" * 1622},
    "bytes": {**JWK, "pub": RAW},
    "a number for pub": {**JWK, "pub": 5},
    "None for pub": {**JWK, "pub": None},
    "a list for pub": {**JWK, "pub": [JWK["pub"]]},
    **{f"{length} bytes": {**JWK, "pub": b64url((RAW * 2)[:length])} for length in (0, 32, 1184, 1215, 1217)},
    "coefficients past the modulus": {**JWK, "pub": b64url(b"\xff" * 1184 + RAW[1184:])},
    "all zero": SealingPublicKey(bytes(PUBLIC)).jwk(),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_jwk_of_another_shape_is_a_value_error(name):
    with pytest.raises(ValueError, match=r"no ML-KEM-768|private key|does not belong") as wrong:
        SealingPublicKey.of_jwk(WRONG[name])
    assert wrong.value.__suppress_context__ or wrong.value.__context__ is None


@pytest.mark.parametrize("point", LOW_ORDER, ids=lambda point: point.hex()[:8])
def test_points_of_low_order_are_refused_in_public_keys_and_in_encapsulations(point):
    weak = SealingPublicKey(RAW[:1184] + point)
    with pytest.raises(ValueError, match="no ML-KEM-768"):
        SealingPublicKey.of_jwk(weak.jwk())
    with pytest.raises(ValueError):
        weak.seal(CONTENT_KEY, INTAKE)
    refused(SEALED[:1088] + point + SEALED[1120:])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=5,
)


@given(json_values | st.dictionaries(st.sampled_from(["kty", "alg", "pub", "kid", "use", "priv"]), json_values))
def test_any_json_at_all_for_a_jwk_is_a_value_error(anything):
    with pytest.raises(ValueError, match=r"no ML-KEM-768|private key|does not belong"):
        SealingPublicKey.of_jwk(anything)


@given(st.sampled_from(["kty", "alg", "pub", "kid"]), json_values)
def test_one_member_of_a_jwk_that_is_something_else_is_a_value_error(name, value):
    with pytest.raises(ValueError, match=r"no ML-KEM-768|does not belong"):
        SealingPublicKey.of_jwk({**JWK, name: value})


@given(st.text(max_size=40) | st.text("ABab01-_=+/ \n", max_size=12))
def test_base64url_is_read_in_one_form_only(text):
    try:
        raw = from_b64url(text)
    except ValueError:
        return
    assert b64url(raw) == text


# --- the broker's end -------------------------------------------------------------------------------------------------


def delivered(**changes: object) -> DeliveredSection:
    intake = SealingKey(KEYS.current(KeyPurpose.INTAKE).secret)
    info = intake_info(intake.kid, SENDER, "ref é 1", "status", "text/plain", CIPHERTEXT)
    return replace(DeliveredSection(intake.kid, intake.public.seal(CONTENT_KEY, info), CIPHERTEXT), **changes)


GOOD = delivered()


def test_what_comes_in_sealed_can_be_opened_and_passed_on():
    kept = VAULT.accept(PLACE, "ref é 1", GOOD)
    assert kept.ciphertext == CIPHERTEXT
    assert VAULT.open(PLACE, kept) == b"Het gaat beter."
    key = VAULT.pass_on(PLACE, kept, ForRecipient(MINE.public.jwk(), RECIPIENT, "r-1"))
    assert MINE.open(key, RELEASE) == CONTENT_KEY


@given(bits, st.sampled_from(["key", "ciphertext"]))
def test_a_flipped_bit_on_the_way_in_is_invalid_input(bit, part):
    with pytest.raises(Invalid):
        VAULT.accept(PLACE, "ref é 1", replace(GOOD, **{part: flipped(getattr(GOOD, part), bit)}))


@given(st.integers(0, SEALED_KEY - 1), st.sampled_from(["key", "ciphertext"]))
def test_a_truncation_on_the_way_in_is_invalid_input(length, part):
    raw = getattr(GOOD, part)
    with pytest.raises(Invalid):
        VAULT.accept(PLACE, "ref é 1", replace(GOOD, **{part: raw[: length % len(raw)]}))


@pytest.mark.parametrize("other", [{"sender": RECIPIENT}, {"type": "x"}, {"media_type": "text/markdown"}])
def test_another_place_on_the_way_in_is_invalid_input(other):
    with pytest.raises(Invalid):
        VAULT.accept(replace(PLACE, **other), "ref é 1", GOOD)


@given(texts)
def test_another_reference_or_kid_on_the_way_in_is_invalid_input(text):
    with pytest.raises(Invalid):
        VAULT.accept(PLACE, text, GOOD)
    with pytest.raises(Invalid):
        VAULT.accept(PLACE, "ref é 1", replace(GOOD, kid=text))


def test_a_content_that_its_key_does_not_open_is_none_and_no_alarm():
    ciphertext = seal_content(CONTENT_KEY, replace(ABOUT, type="other"), b"x")
    intake = SealingKey(KEYS.current(KeyPurpose.INTAKE).secret)
    info = intake_info(intake.kid, SENDER, "ref é 1", "status", "text/plain", ciphertext)
    kept = VAULT.accept(
        PLACE, "ref é 1", DeliveredSection(intake.kid, intake.public.seal(CONTENT_KEY, info), ciphertext)
    )
    assert VAULT.open(PLACE, kept) is None
    with pytest.raises(Tampered):
        VAULT.open(PLACE, replace(kept, ciphertext=CIPHERTEXT))


def test_a_digest_is_the_whole_of_a_sha_256():
    assert digest_of(b"") == "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"
