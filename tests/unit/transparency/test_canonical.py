from enum import IntEnum, StrEnum

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Tampered
from broker.transparency.canonical import (
    SAFE_INTEGER,
    canonical,
    from_base64,
    from_base64url,
    in_order,
    parse_canonical,
    quoted,
    to_base64,
    to_base64url,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-SAFE_INTEGER, SAFE_INTEGER) | TEXTS
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=4) | st.dictionaries(TEXTS, v, max_size=4), max_leaves=15)


def test_rfc_8785_sorts_by_utf_16_and_escapes_as_little_as_it_may() -> None:
    # RFC 8785 section 3.2.3: U+1F600 (surrogates d83d de00) comes before U+FB33
    value = {"\u20ac": 1, "\r": 2, "\ufb33": 3, "1": 4, "\U0001f600": 5, "\x80": 6, "\xf6": 7}
    assert canonical(value) == ('{"\\r":2,"1":4,"\x80":6,"\xf6":7,"\u20ac":1,"\U0001f600":5,"\ufb33":3}'.encode())
    # RFC 8785 section 3.2.2.2
    assert canonical('\u20ac$\x0f\nA\'B"\\\\"/') == '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'.encode()
    assert canonical([None, True, False, 0, -1, (), {}]) == b"[null,true,false,0,-1,[],{}]"


@given(VALUES)
def test_an_independent_writer_of_rfc_8785_writes_the_same(value: object) -> None:
    assert canonical(value) == rfc8785.dumps(value)  # type: ignore[arg-type]


@given(TEXTS)
def test_a_text_has_the_same_writing_by_itself(text: str) -> None:
    assert quoted(text).encode() == canonical(text)


@given(st.lists(TEXTS, max_size=6, unique=True))
def test_keys_are_in_the_order_of_their_utf_16(keys: list[str]) -> None:
    assert in_order(keys) == sorted(keys, key=lambda key: key.encode("utf-16-be"))


def test_a_subclass_is_written_as_what_it_holds() -> None:
    class Word(StrEnum):
        YES = "ja"

    class Number(IntEnum):
        ONE = 1

    assert canonical({Word.YES: [Word.YES, Number.ONE]}) == b'{"ja":["ja",1]}'


@given(VALUES)
def test_what_is_written_reads_back_as_the_same_value(value: object) -> None:
    assert parse_canonical(canonical(value)) == value


@pytest.mark.parametrize(
    "value",
    [
        1.0,
        float("nan"),
        [0.5],
        2**53,
        -(2**53),
        {1: "a"},
        {b"a": 1},
        b"bytes",
        "\ud800",
        {"\ud800": 1},
        {"a": {None: 1}},
        [{"a": "\udfff"}],
        {1, 2},
        object(),
    ],
)
def test_values_outside_the_subset_are_refused(value: object) -> None:
    with pytest.raises(ValueError):
        canonical(value)


def test_nesting_has_an_end() -> None:
    value: object = []
    for _ in range(31):
        value = [value]
    assert parse_canonical(canonical(value)) == value
    with pytest.raises(ValueError, match="deep"):
        canonical([value])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" 1",
        b"1 ",
        b"1\n",
        b"1.0",
        b"1e2",
        b"-0",
        b"01",
        b"+5",
        b"1_0",
        "٣".encode(),
        b"NaN",
        b"Infinity",
        b"9007199254740992",
        b"9" * 5000,
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b'{"a": 1}',
        b'"\\u0061"',
        b'"\\/"',
        b'"\\ud800"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf1",
        b'"a\nb"',
        b"[1,]",
        b"null null",
        b"[" * 100_000,
        b"[" * 33 + b"]" * 33,
    ],
)
def test_any_other_writing_is_tampering(data: bytes) -> None:
    with pytest.raises(Tampered):
        parse_canonical(data)


@given(VALUES, st.data())
def test_a_flipped_bit_is_another_value_or_tampering(value: object, data: st.DataObject) -> None:
    written = bytearray(canonical(value))
    at = data.draw(st.integers(0, len(written) * 8 - 1))
    written[at // 8] ^= 1 << at % 8
    try:
        read = parse_canonical(bytes(written))
    except Tampered:
        return
    assert canonical(read) == bytes(written) != canonical(value)


@given(st.binary(max_size=70))
def test_base64_round_trip(data: bytes) -> None:
    assert from_base64(to_base64(data)) == data
    assert from_base64url(to_base64url(data)) == data


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QR==", "QQ==\n", " QQ==", "QQ==QQ==", "-_-_", "QQ\u0661=", "Q", "===="])
def test_base64_has_one_writing(text: str) -> None:
    with pytest.raises(ValueError):
        from_base64(text)


@pytest.mark.parametrize("text", ["QQ==", "QR", "QQ\n", " QQ", "+/+/", "Q", "Q\u0661"])
def test_base64url_has_one_writing(text: str) -> None:
    with pytest.raises(ValueError):
        from_base64url(text)
