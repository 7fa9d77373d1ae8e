"""Who agrees with which version: the last word of each party counts, none is carried over, and none travels too far."""

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.handovers import HandoverId, Section, SectionId
from broker.domain.parties import PersonId
from broker.domain.reactions import LONGEST
from broker.domain.sign_offs import (
    FAMILY,
    SignOff,
    SignOffId,
    attached,
    digest_of_version,
    document_of,
    latest,
    next_serial,
    own_words,
    sign_off_from,
)
from broker.errors import Invalid

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
JACK, MOTHER = PersonId("jack"), PersonId("mother")
GP = "00000099000000040000"
FIRST = Section(SectionId("s-1"), "analysis", frozenset({JACK}), "text/plain")
SECOND = replace(FIRST, id=SectionId("s-2"))
SAID = SignOff(
    id=SignOffId("x-1"),
    handover=HandoverId("h-1"),
    section=FIRST.id,
    section_type="analysis",
    version=1,
    digest="ab" * 32,
    persons=frozenset({JACK}),
    signer="mother",
    organisation=FAMILY,
    role="parental",
    agrees=True,
    text="",
    at=NOW,
    serial=1,
)
texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@st.composite
def words(draw: st.DrawFn) -> SignOff:
    by_family, agrees = draw(st.booleans()), draw(st.booleans())
    return SignOff(
        id=SignOffId(draw(st.uuids()).hex),
        handover=HandoverId("h-1"),
        section=SectionId(draw(st.sampled_from(["s-0", "s-1", "s-2", "s-3"]))),
        section_type=draw(st.sampled_from(["analysis", "strengths"])),
        version=draw(st.integers(1, 3)),
        digest=draw(st.binary(min_size=32, max_size=32)).hex(),
        persons=frozenset(draw(st.sets(st.sampled_from([JACK, MOTHER]), min_size=1))),
        signer=draw(st.sampled_from(["mother", "father", "p-1", "p-2"])),
        organisation=FAMILY if by_family else GP,
        role=draw(st.sampled_from(["parental", "self"] if by_family else ["general-practitioner", "practice-nurse"])),
        agrees=agrees,
        text="" if agrees else draw(texts),
        at=NOW + timedelta(minutes=draw(st.integers(-9, 9))),
        serial=draw(st.integers(1, 40)),
    )


many = st.lists(words(), max_size=12, unique_by=(lambda one: one.id, lambda one: (one.party, one.serial)))


@given(words())
def test_what_is_signed_says_all_of_it(said: SignOff) -> None:
    document = document_of(said)
    assert sign_off_from(json.loads(json.dumps(document))) == said
    assert set(document) - {"v"} == {"type" if name == "section_type" else name for name in said.__slots__}


@pytest.mark.parametrize(
    "change",
    [{"v": 2}, {"agrees": "yes"}, {"agrees": 1}, {"at": "yesterday"}, {"persons": None}, {"id": None, "at": None}],
)
def test_anything_else_is_none(change: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError, KeyError)):
        sign_off_from({**document_of(SAID), **change})
    for name in document_of(SAID):
        with pytest.raises(KeyError):
            sign_off_from({key: value for key, value in document_of(SAID).items() if key != name})


@given(many)
def test_the_last_word_of_each_party_about_each_version_counts_whatever_its_moment(said: list[SignOff]) -> None:
    found = latest(said)
    for one in said:
        mine = [other for other in said if (other.party, other.section) == (one.party, one.section)]
        assert [other for other in found if other in mine] == [max(mine, key=lambda other: other.serial)]
    assert len(found) == len({(one.party, one.section) for one in said})


@given(many)
def test_nothing_is_carried_over_nor_taken_further_than_whom_it_was_about(said: list[SignOff]) -> None:
    for section in (FIRST, SECOND, replace(FIRST, concerns=frozenset({JACK, MOTHER}))):
        for one in attached(said, section, (FIRST, SECOND)):
            assert one.section_type == section.type or one.section == section.id
            if one.section != section.id:
                assert one.persons <= section.concerns
                assert one.section not in (FIRST.id, SECOND.id)


def test_what_is_of_this_version_goes_along_and_what_is_of_another_part_does_not() -> None:
    of_second = replace(SAID, id=SignOffId("x-2"), section=SECOND.id, signer="father")
    before = replace(SAID, id=SignOffId("x-0"), section=SectionId("s-0"), at=NOW - timedelta(days=1), serial=0)
    assert attached([SAID, of_second, before], FIRST, (FIRST, SECOND)) == (before, SAID)
    assert attached([SAID, of_second, before], SECOND, (FIRST, SECOND)) == (before, of_second)
    about_both = replace(before, persons=frozenset({JACK, MOTHER}))
    assert attached([about_both], FIRST, (FIRST,)) == ()


def test_a_party_is_a_person_or_a_role_in_an_organisation_whoever_works_there() -> None:
    doctor = replace(SAID, signer="p-1", organisation=GP, role="general-practitioner")
    colleague = replace(doctor, id=SignOffId("x-2"), signer="p-2", agrees=False, text="Nee.", serial=2)
    nurse = replace(doctor, id=SignOffId("x-3"), role="practice-nurse")
    assert latest([doctor, colleague, nurse]) == (colleague, nurse)
    father = replace(SAID, id=SignOffId("x-4"), signer="father")
    assert len(latest([SAID, father])) == 2, "one parent never speaks for the other"
    assert replace(SAID, signer=GP).party != doctor.party


@given(many)
def test_a_number_is_never_used_twice_by_one_party(said: list[SignOff]) -> None:
    for one in said:
        assert next_serial(said, one.party) > max(other.serial for other in said if other.party == one.party)
    assert next_serial((), ("", "nobody")) == 1


@pytest.mark.parametrize(
    ("text", "agrees", "kept"),
    [
        ("", True, ""),
        (" \r\n ", True, ""),
        (" Nee.\r\nEcht. ", False, "Nee.\nEcht."),
        ("x" * LONGEST, False, "x" * LONGEST),
    ],
)
def test_what_is_kept_of_what_was_typed(text: str, agrees: bool, kept: str) -> None:
    assert own_words(text, agrees=agrees) == kept


@pytest.mark.parametrize(
    ("text", "agrees"), [("Ja, maar", True), ("", False), ("  ", False), ("x" * (LONGEST + 1), False), ("\x07", False)]
)
def test_what_cannot_be_kept(text: str, agrees: bool) -> None:
    with pytest.raises(Invalid) as refused:
        own_words(text, agrees=agrees)
    assert [fault.pointer for fault in refused.value.faults] == ["/text"]


def test_another_ciphertext_is_another_version() -> None:
    assert digest_of_version(b"") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert digest_of_version(b"a") != digest_of_version(b"b")


def test_no_words_stand_where_something_is_printed() -> None:
    assert "Oom Wim" not in repr(replace(SAID, agrees=False, text="Oom Wim sliep op de bank."))


def test_the_same_word_is_known_again() -> None:
    same = replace(SAID, id=SignOffId("x-9"), at=NOW + timedelta(days=1), serial=9)
    assert SAID.says_the_same(same)
    others: Sequence[SignOff] = (
        replace(SAID, agrees=False, text="Nee."),
        replace(SAID, section=SECOND.id),
        replace(SAID, digest="cd" * 32),
    )
    assert not any(SAID.says_the_same(other) for other in others)
