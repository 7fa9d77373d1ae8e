"""When two contacts are one, who may come to sign together, and words for every doubt."""

import pytest

from broker.domain.consents import EvidenceLevel, Stance
from broker.domain.matters import (
    NEXT,
    REASON,
    Matter,
    MatterKind,
    MatterState,
    disagreeing,
    may_sign_together,
    plain_contact,
    reason,
)
from broker.domain.releases import consented, findings
from broker.domain.signers import Gap
from tests.factories import (
    CHILD,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    SENDER,
    TO_SCHOOL,
    TODAY,
    a_handover,
    a_person,
    a_record,
    a_section,
    a_situation,
    born,
    gezag,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Linh@Family.Example", "linh@family.example"),
        ("linh+tom@family.example", "linh+jack@family.example"),
        ("linh@family.example", "linh+tom@family.example"),
        ("ｌｉｎｈ@family.example", "linh@family.example"),
    ],
)
def test_one_mailbox_in_many_writings(one: str, other: str) -> None:
    assert plain_contact("email", one) == plain_contact("email", other)


def test_one_phone_with_and_without_the_zero_of_inside_the_country() -> None:
    assert plain_contact("sms", "+310600000013") == plain_contact("sms", "+31600000013")
    assert plain_contact("sms", "+390600000013") != plain_contact("sms", "+39600000013"), "in Italy the zero counts"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("linh@family.example", "mark@family.example"),
        ("linh@family.example", "linh@other.example"),
        ("+tom@family.example", "+jack@family.example"),
    ],
)
def test_two_mailboxes_stay_two(one: str, other: str) -> None:
    assert plain_contact("email", one) != plain_contact("email", other)
    assert plain_contact("sms", "+31600000011") != plain_contact("sms", "+31600000012")


def test_who_may_come_to_sign_for_the_same_person() -> None:
    both = [gezag(MOTHER), gezag(FATHER)]
    assert may_sign_together(MOTHER, FATHER, both)
    assert may_sign_together(MOTHER, CHILD, both)
    assert may_sign_together(CHILD, MOTHER, both)
    assert not may_sign_together(MOTHER, GRANNY, both)
    assert not may_sign_together(MOTHER, FATHER, [gezag(MOTHER), gezag(FATHER, GRANNY)])
    assert may_sign_together(MOTHER, FATHER, [gezag(MOTHER, until=TODAY.replace(year=2020)), gezag(FATHER)])
    assert not may_sign_together(MOTHER, FATHER, [])


def test_different_sets_are_told_apart_whatever_their_order() -> None:
    assert disagreeing([]) == disagreeing([{"a"}]) == disagreeing([{"a", "b"}, {"b", "a"}]) == ""
    assert disagreeing([{"a"}, {"b"}]) == disagreeing([{"b"}, {"a"}, {"a"}]) != ""
    assert disagreeing([{"a"}, set()])


def test_there_are_words_for_every_doubt() -> None:
    for kind in MatterKind:
        assert NEXT[kind]
        for about in ("", "sms", "email", "birth-date", "authority", "something"):
            words = reason(Matter("m", kind, CHILD, SENDER, NOW, about=about))
            assert words.nl != words.en
    assert {kind for kind, _ in REASON} == set(MatterKind)


def test_only_an_open_or_confirmed_one_that_raises_holds_back() -> None:
    holding = {
        (raises, state)
        for raises in (True, False)
        for state in MatterState
        if Matter("m", MatterKind.SHARED_CONTACT, CHILD, SENDER, NOW, raises=raises, state=state).holds_back
    }
    assert holding == {(True, MatterState.OPEN), (True, MatterState.CONFIRMED)}


@pytest.mark.parametrize("evidence", list(EvidenceLevel))
def test_a_yes_by_code_or_by_a_passkey_that_a_code_let_in_does_not_count_for_somebody_in_doubt(
    evidence: EvidenceLevel,
) -> None:
    section = a_section()
    situation = a_situation(
        a_handover(section),
        [a_person(CHILD, born(8)), a_person(MOTHER, born(40))],
        authorities=(gezag(MOTHER),),
        records=(a_record(MOTHER, evidence=evidence),),
        doubted=frozenset({MOTHER}),
    )
    (found,) = findings(situation, section, TO_SCHOOL, NOW)
    assert found.stance is Stance.GIVEN
    assert consented([found]) == (evidence >= EvidenceLevel.OIDC)
    assert (found.gap is Gap.CONTACT_DOUBTED) == (evidence < EvidenceLevel.OIDC)


@pytest.mark.parametrize("state", [Stance.REFUSED, Stance.WITHDRAWN])
def test_a_no_of_somebody_in_doubt_is_a_no(state: Stance) -> None:
    section = a_section()
    situation = a_situation(
        a_handover(section),
        [a_person(CHILD, born(8))],
        authorities=(gezag(MOTHER),),
        records=(a_record(MOTHER, state),),
        doubted=frozenset({MOTHER}),
    )
    (found,) = findings(situation, section, TO_SCHOOL, NOW)
    assert (found.stance, found.gap) == (state, None)
    assert not consented([found])
