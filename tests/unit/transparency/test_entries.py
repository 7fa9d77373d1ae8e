import dataclasses
import hashlib
import itertools
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.events import EncodedEntry, EntryId, EventType, LogEvent, Opening, Personal
from broker.domain.parties import Oin
from broker.errors import Tampered
from broker.transparency.canonical import canonical, to_base64url
from broker.transparency.entries import check_opening, decode, encode, opened
from broker.transparency.merkle import leaf_hash

SENDER, RECEIVER = Oin("00000001003214345000"), Oin("00000001002220647000")
AT = datetime(2026, 3, 29, 1, 30, 0, 5, tzinfo=UTC)
EVENT = LogEvent(
    EventType.RELEASE_PERMITTED,
    AT,
    SENDER,
    RECEIVER,
    {"purpose": "continuity", "sections": 2, "rules": ("a", "b")},
    (Personal("p-1", "person", "Ä-pseudonym"), Personal("p-2", "person", "b"), Personal("w-1", "professional", "w")),
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)


def salts() -> Callable[[], bytes]:
    numbers = itertools.count()
    return lambda: next(numbers).to_bytes(16, "big")


@pytest.fixture
def entry() -> EncodedEntry:
    return encode(EVENT, EntryId("e-1"), salts())


def test_a_leaf_is_these_bytes() -> None:
    event = LogEvent(EventType.LOG_VIEWED, AT, facts={"n": 1}, personal=(Personal("o", "officer", "x"),))
    found = encode(event, EntryId("e-1"), lambda: bytes(16))
    digest = "jl-fESvOFmOXsW4rsi5mjT-xULtpDY3sbj1TNLwjnG4"
    assert found.leaf == (
        b'{"at":"2026-03-29T01:30:00.000005Z","counterpart":"","facts":{"n":1},"id":"e-1","organisation":"",'
        b'"personal":[{"digest":"' + digest.encode() + b'","field":"officer"}],"type":"log:viewed","v":1}'
    )
    assert found.leaf_hash == hashlib.sha256(b"\x00" + found.leaf).digest()
    assert found.openings == (Opening(0, "o", "officer", "AAAAAAAAAAAAAAAAAAAAAA", "x"),)
    assert decode(found.leaf).personal == (
        ("officer", hashlib.sha256(b'["AAAAAAAAAAAAAAAAAAAAAA","officer","x"]').digest()),
    )


def test_a_leaf_reads_back_as_its_event(entry: EncodedEntry) -> None:
    read = decode(entry.leaf)
    assert (read.id, read.type, read.at) == ("e-1", EVENT.type, EVENT.at)
    assert (read.organisation, read.counterpart, read.facts) == (SENDER, RECEIVER, EVENT.facts)
    assert opened(read, reversed(entry.openings)) == {"person": ["Ä-pseudonym", "b"], "professional": ["w"]}
    assert opened(read, entry.openings[1:2]) == {"person": ["b"]}
    assert opened(read, ()) == {}


@given(
    st.sampled_from(EventType),
    st.datetimes(timezones=st.just(UTC)),
    st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53) + 1, 2**53 - 1) | st.lists(TEXTS).map(tuple), max_size=4),
    st.lists(st.builds(Personal, TEXTS, NAMES, TEXTS), max_size=4).map(tuple),
)
def test_every_event_reads_back(kind: EventType, at: datetime, facts: Any, personal: tuple[Personal, ...]) -> None:
    found = encode(LogEvent(kind, at, None, RECEIVER, facts, personal), EntryId("e"), salts())
    read = decode(found.leaf)
    assert (read.type, read.at, read.organisation, read.facts) == (kind, at, None, facts)
    assert found.leaf_hash == leaf_hash(found.leaf)
    assert found.leaf == canonical(json.loads(found.leaf))
    digests = [hashlib.sha256(canonical([o.salt, o.field, o.value])).digest() for o in found.openings]
    assert read.personal == tuple((o.field, digest) for o, digest in zip(found.openings, digests, strict=True))
    assert all(check_opening(read, opening) for opening in found.openings)
    assert [(p.field, p.value) for p in personal] == [(o.field, o.value) for o in found.openings]


def test_the_time_is_written_in_utc() -> None:
    at = AT.astimezone(timezone(timedelta(hours=5, minutes=45)))
    assert (
        encode(dataclasses.replace(EVENT, at=at), EntryId("e-1"), salts()).leaf
        == encode(EVENT, EntryId("e-1"), salts()).leaf
    )


def test_no_personal_value_is_in_the_leaf(entry: EncodedEntry) -> None:
    for hidden in (*("Ä-pseudonym", "p-1", "w-1"), *(opening.salt for opening in entry.openings)):
        assert hidden.encode() not in entry.leaf


def test_equal_values_do_not_show() -> None:
    twins = (Personal("p", "person", "same"), Personal("p", "person", "same"))
    read = decode(encode(dataclasses.replace(EVENT, personal=twins), EntryId("e"), salts()).leaf)
    assert read.personal[0] != read.personal[1]


@pytest.mark.parametrize("salt", [b"", bytes(15), bytes(17), bytes(32)])
def test_a_salt_has_16_bytes(salt: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        encode(EVENT, EntryId("e-1"), lambda: salt)


def test_a_salt_is_used_once() -> None:
    with pytest.raises(ValueError, match="once"):
        encode(EVENT, EntryId("e-1"), lambda: bytes(16))


@pytest.mark.parametrize(
    "change",
    [
        {"at": AT.replace(tzinfo=None)},
        {"facts": {"a": 1.5}},
        {"facts": {"a": True}},
        {"facts": {"a": None}},
        {"facts": {"a": (1,)}},
        {"facts": {"a": 2**53}},
        {"facts": {"a": {"b": "c"}}},
        {"facts": {"a": "\ud800"}},
        {"personal": (Personal("p", "", "x"),)},
        {"personal": (Personal("p", "field", "\ud800"),)},
    ],
)
def test_events_that_cannot_be_logged(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        encode(dataclasses.replace(EVENT, **change), EntryId("e-1"), salts())
    with pytest.raises(ValueError):
        encode(EVENT, EntryId(""), salts())


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": 0},
        {"v": True},
        {"v": "1"},
        {"v": None},
        {"type": "release:granted"},
        {"type": "RELEASE_PERMITTED"},
        {"type": 1},
        {"id": ""},
        {"id": 1},
        {"at": "2026-03-29T01:30:00Z"},
        {"at": "2026-03-29T01:30:00.000005+00:00"},
        {"at": "2026-03-29T01:30:00.000005z"},
        {"at": "2026-03-29 01:30:00.000005Z"},
        {"at": "2026-03-29T01:30:00.000005"},
        {"at": "0001-01-01T00:00:00.000000+05:00"},
        {"at": "2026-03-29T01:30:00.00000\u0665Z"},
        {"at": "2026-02-30T01:30:00.000005Z"},
        {"at": "2026-03-29T24:00:00.000000Z"},
        {"at": "2026-03-29T01:30:60.000000Z"},
        {"at": "2026-03-29T01:30:00.000005Z\n"},
        {"at": None},
        {"organisation": None},
        {"counterpart": 5},
        {"facts": []},
        {"facts": {"a": True}},
        {"facts": {"a": None}},
        {"facts": {"a": {}}},
        {"facts": {"a": [1]}},
        {"facts": {"a": [["b"]]}},
        {"personal": {}},
        {"personal": ["x"]},
        {"personal": [{"field": "a"}]},
        {"personal": [{"field": "a", "digest": "A" * 43, "value": "x"}]},
        {"personal": [{"field": "", "digest": "A" * 43}]},
        {"personal": [{"field": 1, "digest": "A" * 43}]},
        {"personal": [{"field": "a", "digest": "A" * 42 + "B"}]},
        {"personal": [{"field": "a", "digest": "A" * 44}]},
        {"personal": [{"field": "a", "digest": "A" * 42}]},
        {"personal": [{"field": "a", "digest": "+" * 42 + "A"}]},
        {"personal": [{"field": "a", "digest": 7}]},
        {"personal": [{"field": "a", "digest": "A" * 43}, {"field": "b", "digest": "A" * 43}]},
        {"more": 1},
    ],
)
def test_a_leaf_of_any_other_form_is_tampering(entry: EncodedEntry, change: dict[str, Any]) -> None:
    value = json.loads(entry.leaf)
    assert decode(canonical(value))
    with pytest.raises(Tampered):
        decode(canonical({**value, **change}))


def test_a_leaf_with_a_member_less_is_tampering(entry: EncodedEntry) -> None:
    value = json.loads(entry.leaf)
    for member in value:
        with pytest.raises(Tampered):
            decode(canonical({name: item for name, item in value.items() if name != member}))
    for leaf in (b"[]", b'"x"', b"null", entry.leaf + b"\n", json.dumps(value).encode()):
        with pytest.raises(Tampered):
            decode(leaf)


@pytest.mark.parametrize(
    ("written", "otherwise"),
    [
        (b'"sections":2', b'"sections":2.0'),
        (b'"sections":2', b'"sections":2e0'),
        (b'"sections":2', b'"sections":NaN'),
        (b'"sections":2', b'"sections":-0'),
        (b'"sections":2', b'"sections":9007199254740992'),
        (b'"sections":2', b'"sections":' + b"9" * 5000),
        (b'"sections":2', b'"sections":2,"sections":2'),
        (b'"sections":2', b'"sections": 2'),
        (b'"sections":2', b'"sections":"\\ud800"'),
        (b'"sections":2', b'"sections":' + b"[" * 100_000),
        (b'"continuity"', b'"\\u0063ontinuity"'),
        (b'"purpose":"continuity","rules":["a","b"]', b'"rules":["a","b"],"purpose":"continuity"'),
        (b'"v":1}', b'"v":true}'),
        (b'"v":1}', b'"v":1.0}'),
        (b'"v":1}', b'"v":1,"v":1}'),
        (b'"digest":', b'"digest":"A","digest":'),
        (b'"at":', b'"\xff":1,"at":'),
        (b"{", b"\xef\xbb\xbf{"),
    ],
)
def test_another_writing_of_an_entry_is_tampering(entry: EncodedEntry, written: bytes, otherwise: bytes) -> None:
    assert written in entry.leaf
    with pytest.raises(Tampered):
        decode(entry.leaf.replace(written, otherwise, 1))


def test_no_flipped_bit_of_a_leaf_reads_as_the_same_entry(entry: EncodedEntry) -> None:
    for bit in range(len(entry.leaf) * 8):
        wrong = bytearray(entry.leaf)
        wrong[bit // 8] ^= 1 << bit % 8
        assert leaf_hash(bytes(wrong)) != entry.leaf_hash
        try:
            read = decode(bytes(wrong))
        except Tampered:
            continue
        assert read != decode(entry.leaf)


@pytest.mark.parametrize(
    "change",
    [
        {"value": "a-pseudonym"},
        {"value": ""},
        {"value": 5},
        {"value": "\ud800"},
        {"field": "professional"},
        {"field": ""},
        {"salt": "AAAAAAAAAAAAAAAAAAAAAQ"},
        {"salt": "AAAAAAAAAAAAAAAAAAAAAB"},
        {"salt": "AAAAAAAAAAAAAAAAAAAAAA=="},
        {"salt": "AAAAAAAAAAAAAAAAAAAA"},
        {"salt": ""},
        {"salt": None},
        {"position": 1},
        {"position": 3},
        {"position": -3},
        {"position": False},
        {"position": "0"},
        {"position": None},
    ],
)
def test_an_opening_that_was_changed_does_not_fit(entry: EncodedEntry, change: dict[str, Any]) -> None:
    read = decode(entry.leaf)
    assert check_opening(read, entry.openings[0])
    wrong = dataclasses.replace(entry.openings[0], **change)
    assert not check_opening(read, wrong)
    with pytest.raises(Tampered):
        opened(read, [entry.openings[1], wrong])


def test_an_opening_counts_once_and_for_its_own_entry(entry: EncodedEntry) -> None:
    with pytest.raises(Tampered):
        opened(decode(entry.leaf), [entry.openings[0], entry.openings[0]])
    other = encode(dataclasses.replace(EVENT, personal=(Personal("p", "person", "other"),)), EntryId("e-2"), salts())
    with pytest.raises(Tampered):
        opened(decode(other.leaf), entry.openings[:1])


def test_who_owns_an_opening_is_no_part_of_the_digest(entry: EncodedEntry) -> None:
    assert check_opening(decode(entry.leaf), dataclasses.replace(entry.openings[0], owner=""))


def test_a_short_salt_opens_nothing_even_when_it_was_logged_so(entry: EncodedEntry) -> None:
    for salt, fits in (("AAAAAAAAAAAAAAAAAAAAAA", True), ("AAAA", False), ("", False)):
        digest = to_base64url(hashlib.sha256(canonical([salt, "person", "x"])).digest())
        leaf = canonical({**json.loads(entry.leaf), "personal": [{"field": "person", "digest": digest}]})
        assert check_opening(decode(leaf), Opening(0, "", "person", salt, "x")) == fits
