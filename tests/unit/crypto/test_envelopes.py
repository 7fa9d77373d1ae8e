"""A ciphertext opens in its own place, whole and unchanged, or it is Tampered."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.envelopes import FieldCipher, Vault
from broker.crypto.keyring import KeyPurpose, Keyring, make_key
from broker.domain.ports import SealedSection, SectionPlace
from broker.errors import Tampered, Unavailable
from tests.factories import NOW, a_keyring

PLACE = SectionPlace("h-1", 1, "s-1", "00000099000000010000", "status", "text/plain", "[[],[]]")
REFERENCE = "our-1"
TEXT = b"Het gaat beter op school."
KEYS = a_keyring()
VAULT, FIELDS = Vault(KEYS), FieldCipher(KEYS)


def flipped(raw: bytes, bit: int) -> bytes:
    position = bit // 8 % len(raw)
    return raw[:position] + bytes([raw[position] ^ 1 << bit % 8]) + raw[position + 1 :]


@given(st.binary(max_size=300))
def test_a_section_comes_back(clear):
    assert VAULT.open(PLACE, VAULT.seal(PLACE, REFERENCE, clear)) == clear


@pytest.mark.parametrize("part", ["ciphertext", "wrapped_key", "mark"])
def test_every_flipped_bit_is_tampered(part):
    sealed = VAULT.seal(PLACE, REFERENCE, b"short")
    raw = getattr(sealed, part)
    for bit in range(len(raw) * 8):
        with pytest.raises(Tampered):
            VAULT.open(PLACE, replace(sealed, **{part: flipped(raw, bit)}))


@pytest.mark.parametrize("part", ["ciphertext", "wrapped_key", "mark"])
def test_every_truncation_and_addition_is_tampered(part):
    sealed = VAULT.seal(PLACE, REFERENCE, b"short")
    raw = getattr(sealed, part)
    for changed in [*(raw[:length] for length in range(len(raw))), raw + b"\0", raw[1:], bytes([raw[0] ^ 3]) + raw[1:]]:
        with pytest.raises(Tampered):
            VAULT.open(PLACE, replace(sealed, **{part: changed}))


@pytest.mark.parametrize(
    "other",
    [
        {"handover": "h-2"},
        {"version": 2},
        {"version": 0},
        {"section": "s-2"},
        {"sender": "0" * 20},
        {"type": "x"},
        {"media_type": "text/markdown"},
        {"people": "x"},
    ],
)
def test_it_opens_nowhere_else(other):
    sealed = VAULT.seal(PLACE, REFERENCE, TEXT)
    with pytest.raises(Tampered):
        VAULT.open(replace(PLACE, **other), sealed)


def test_names_that_only_look_alike_when_put_together_are_other_places():
    sealed = VAULT.seal(replace(PLACE, handover="a", section="bc"), REFERENCE, TEXT)
    with pytest.raises(Tampered):
        VAULT.open(replace(PLACE, handover="ab", section="c"), sealed)


def test_it_opens_with_its_own_key_only():
    sealed = VAULT.seal(PLACE, REFERENCE, TEXT)
    more = make_key(KeyPurpose.WRAPPING, NOW + timedelta(days=1))
    both = Vault(Keyring((*(k for p in KeyPurpose for k in KEYS.all(p)), more)))
    assert both.open(PLACE, sealed) == TEXT
    with pytest.raises(Tampered):
        both.open(PLACE, replace(sealed, kid=more.kid))
    for kid in ("", "nothing", KEYS.current(KeyPurpose.FIELDS).kid):
        with pytest.raises(Unavailable):
            both.open(PLACE, replace(sealed, kid=kid))
    with pytest.raises(Unavailable):
        Vault(a_keyring()).open(PLACE, sealed)
    assert both.seal(PLACE, REFERENCE, TEXT).kid == more.kid


def test_parts_of_two_envelopes_do_not_mix():
    one, two = VAULT.seal(PLACE, REFERENCE, TEXT), VAULT.seal(PLACE, REFERENCE, b"another text")
    with pytest.raises(Tampered):
        VAULT.open(PLACE, replace(one, ciphertext=two.ciphertext))
    with pytest.raises(Tampered):
        VAULT.open(PLACE, SealedSection(one.wrapped_key, one.ciphertext, one.kid, one.mark))
    with pytest.raises(Tampered):
        VAULT.open(PLACE, replace(one, ciphertext=one.wrapped_key))


def test_the_same_text_is_never_the_same_ciphertext():
    sealed = [VAULT.seal(PLACE, REFERENCE, TEXT) for _ in range(50)]
    assert len({s.ciphertext for s in sealed}) == 50
    assert len({s.ciphertext[1:13] for s in sealed} | {s.wrapped_key[1:13] for s in sealed}) == 100
    fields = [FIELDS.seal("person:1:name", "Noor") for _ in range(50)]
    assert len(set(fields)) == 50
    assert not [s for s in sealed if TEXT in s.ciphertext]


def test_what_does_not_open_quotes_nothing():
    sealed = VAULT.seal(PLACE, REFERENCE, TEXT)
    with pytest.raises(Tampered) as refused:
        VAULT.open(replace(PLACE, version=9), sealed)
    assert "school" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_a_persons_key_opens_under_its_own_id_only():
    clear, wrapped = VAULT.new_subject_key("person-1")
    assert VAULT.open_subject_key("person-1", wrapped) == clear
    assert clear not in wrapped
    assert VAULT.new_subject_key("person-1")[0] != clear
    with pytest.raises(Tampered):
        VAULT.open_subject_key("person-2", wrapped)
    for bit in range(len(wrapped) * 8):
        with pytest.raises((Tampered, Unavailable)):
            VAULT.open_subject_key("person-1", flipped(wrapped, bit))
    for broken in (b"", b".", wrapped[:-1], wrapped.partition(b".")[2]):
        with pytest.raises((Tampered, Unavailable)):
            VAULT.open_subject_key("person-1", broken)


def test_an_opening_opens_with_that_persons_key_in_its_own_place():
    key, _ = VAULT.new_subject_key("person-1")
    other, _ = VAULT.new_subject_key("person-2")
    sealed = VAULT.seal_with(key, "entry:0", b"value")
    assert VAULT.open_with(key, "entry:0", sealed) == b"value"
    for wrong_key, context, raw in [
        (other, "entry:0", sealed),
        (key, "entry:1", sealed),
        (key, "entry:0", sealed[:-1]),
        (key, "entry:0", b""),
    ]:
        with pytest.raises(Tampered):
            VAULT.open_with(wrong_key, context, raw)


@given(st.text(), st.text(max_size=20))
def test_a_field_comes_back_in_its_own_place(clear, context):
    try:
        (clear + context).encode()
    except UnicodeEncodeError:
        return
    sealed = FIELDS.seal(context, clear)
    assert FIELDS.open(context, sealed) == clear
    with pytest.raises(Tampered):
        FIELDS.open(context + "x", sealed)


def test_every_change_to_a_field_is_tampered():
    sealed = FIELDS.seal("person:1:name", "Noor")
    for bit in range(len(sealed) * 8):
        with pytest.raises(Tampered):
            FIELDS.open("person:1:name", flipped(sealed, bit))
    for length in range(len(sealed)):
        with pytest.raises(Tampered):
            FIELDS.open("person:1:name", sealed[:length])
    with pytest.raises(Tampered):
        FieldCipher(a_keyring()).open("person:1:name", sealed)


def test_a_field_sealed_before_a_rotation_still_opens():
    sealed = FIELDS.seal("c", "Noor")
    newer = make_key(KeyPurpose.FIELDS, NOW + timedelta(days=1))
    rotated = FieldCipher(Keyring((*(k for p in KeyPurpose for k in KEYS.all(p)), newer)))
    assert rotated.open("c", sealed) == "Noor"
    assert rotated.seal("c", "Noor").startswith(newer.kid.encode() + b".")
