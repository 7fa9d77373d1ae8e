"""Tags are stable, keyed and separate per use; codes are random and forgive how people type them."""

import re
from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.codes import ALPHABET, Codes
from broker.crypto.keyring import KeyPurpose, Keyring, make_key
from broker.crypto.pseudonyms import Pseudonymiser
from tests.factories import NOW, a_keyring

KEYS = a_keyring()
TAGS = Pseudonymiser(KEYS)
WORDS = st.lists(st.text(alphabet="ab:.\0é1", max_size=4), max_size=4).map(tuple)


@given(WORDS, WORDS)
def test_two_tags_are_alike_exactly_when_all_that_they_are_made_of_is(one, two):
    assert (TAGS.tag("use", *one) == TAGS.tag("use", *two)) == (one == two)
    assert (TAGS.code_tag("use", *one) == TAGS.code_tag("use", *two)) == (one == two)


def test_where_one_word_ends_and_the_next_begins_counts():
    assert TAGS.tag("u", "a", "bc") != TAGS.tag("u", "ab", "c")
    assert TAGS.tag("u", "abc") != TAGS.tag("u", "a", "b", "c")
    assert TAGS.tag("ua", "b") != TAGS.tag("u", "ab")
    assert TAGS.tag("u", "") != TAGS.tag("u")


def test_one_use_never_answers_for_another_nor_one_key_for_another():
    assert TAGS.tag("identifier", "123456782") != TAGS.tag("reference", "123456782")
    assert TAGS.tag("identifier", "123456782") != TAGS.code_tag("identifier", "123456782")
    assert TAGS.tag("identifier", "123456782") != Pseudonymiser(a_keyring()).tag("identifier", "123456782")


def test_a_tag_outlives_the_process_and_a_new_key():
    newer = [make_key(purpose, NOW + timedelta(days=1)) for purpose in (KeyPurpose.PSEUDONYMS, KeyPurpose.CODES)]
    rotated = Pseudonymiser(Keyring((*(k for p in KeyPurpose for k in KEYS.all(p)), *newer)))
    assert rotated.tag("u", "x") == TAGS.tag("u", "x") == Pseudonymiser(KEYS).tag("u", "x")
    assert rotated.code_tag("u", "x") == TAGS.code_tag("u", "x")


def test_a_tag_is_64_hexadecimal_digits():
    assert re.fullmatch(r"[0-9a-f]{64}", TAGS.tag("u", "x"))


def test_an_invitation_code_is_twelve_plain_signs_in_three_groups():
    codes = [Codes().invitation() for _ in range(300)]
    assert len(set(codes)) == 300
    assert all(re.fullmatch(rf"([{ALPHABET}]{{4}}-){{2}}[{ALPHABET}]{{4}}", code) for code in codes)
    assert len(set(ALPHABET)) == 32
    assert not set(ALPHABET) & set("01IO")
    assert set(Counter("".join(codes))) - {"-"} == set(ALPHABET)


def test_a_one_time_code_is_six_digits_also_when_it_is_small():
    codes = [Codes().one_time() for _ in range(400)]
    assert all(re.fullmatch(r"[0-9]{6}", code) for code in codes)
    assert len(set(codes)) > 390
    assert {code[0] for code in codes} == set("0123456789")


def test_a_token_has_256_bits():
    tokens = {Codes().token() for _ in range(50)}
    assert len(tokens) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", token) for token in tokens)


@given(st.data())
def test_however_it_is_typed_it_is_the_same_code(data):
    code = Codes().invitation()
    noise = st.text(alphabet=" -.\t\u00a0–", max_size=2)
    typed = "".join(
        data.draw(noise) + (sign.lower() if data.draw(st.booleans()) else sign) for sign in code.replace("-", "")
    )
    assert Codes.normal(typed[:64]) == code.replace("-", "")
    assert Codes.normal(code) == code.replace("-", "")


@given(st.text(max_size=200))
def test_what_is_typed_never_becomes_anything_but_signs_of_the_alphabet(typed):
    normal = Codes.normal(typed)
    assert set(normal) <= set(ALPHABET)
    assert len(normal) <= 3 * 64
    assert Codes.normal(normal[:64]) == normal[:64]
