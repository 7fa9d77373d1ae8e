"""What ciphertext is bound to, and the keys and tags under which rows lie, are byte for byte those of the standards."""

import hmac

import pytest
import rfc8785
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto.encoding import canonical
from broker.crypto.keyring import KeyPurpose
from broker.crypto.pseudonyms import Pseudonymiser
from tests.factories import a_keyring

KEYS = a_keyring()
NAMES = st.from_regex(r"[A-Za-z]{1,12}", fullmatch=True)
VALUES = st.text() | st.integers(min_value=-(2**53) + 1, max_value=2**53 - 1)


@given(st.dictionaries(NAMES, VALUES, max_size=12))
def test_a_flat_object_is_written_as_rfc_8785_says(members):
    assert canonical(members) == rfc8785.dumps(dict(members))


@pytest.mark.parametrize("sign", [*map(chr, range(0x20)), '"', "\\", "/", "\x7f", "\u2028", "\ufeff", "é", "🙂"])
def test_every_sign_that_is_written_in_another_way_is(sign):
    assert canonical({"b": sign, "a": 1}) == rfc8785.dumps({"b": sign, "a": 1})


def test_a_text_that_utf_8_cannot_hold_is_no_text():
    with pytest.raises(ValueError, match="surrogates"):
        canonical({"a": "\ud800"})


@given(st.binary(max_size=200))
def test_a_key_is_derived_as_rfc_5869_says(use):
    for purpose in (KeyPurpose.FIELDS, KeyPurpose.CODES):
        key = KEYS.current(purpose)
        expected = HKDF(SHA256(), 32, salt=None, info=use).derive(key.secret)
        assert key.derived(use) == expected
        assert key.derived(use) == expected


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=9), max_size=5))
def test_a_tag_is_the_hmac_of_its_words_each_with_its_length(words):
    raw = [word.encode() for word in ("use", *words)]
    whole = b"".join(len(part).to_bytes(4, "big") + part for part in raw)
    tags = Pseudonymiser(KEYS)
    for tag, purpose in ((tags.tag, KeyPurpose.PSEUDONYMS), (tags.code_tag, KeyPurpose.CODES)):
        assert tag("use", *words) == hmac.digest(KEYS.all(purpose)[0].secret, whole, "sha256").hex()
