"""A text goes to the person whom it is about, and to nobody else, whatever the facts are."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.handovers import ENDED, HandoverState
from broker.domain.own_text import OwnText, family_text, own_text
from broker.domain.parties import Inability, Person
from broker.domain.signers import SignerRule, SignerTable
from tests.factories import (
    CHILD,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    TABLE,
    TODAY,
    a_handover,
    a_section,
    a_vocabulary,
    born,
    gezag,
)

YEARS = st.integers(0, 90)
PEOPLE = st.frozensets(st.sampled_from([CHILD, MOTHER, FATHER]))


def words(own: bool = True, sealed: bool = False):
    vocabulary = a_vocabulary()
    types = vocabulary.section_types
    status = replace(types["status"], own_text=own, sealed_only=sealed)
    return replace(vocabulary, section_types={**types, "status": status})


def reader(*births: date, judged=(None,)) -> Person:
    return Person(CHILD, frozenset(births), frozenset(judged))


def asked(who: Person, *, concerns=frozenset({CHILD}), shielded=frozenset(), vocabulary=None, table=TABLE, **more):
    section = a_section("status", concerns, shielded_from=frozenset(shielded))
    handover = a_handover(section, **more)
    return own_text(who, handover, section, vocabulary or words(), table, NOW)


def test_somebody_of_thirteen_reads_what_is_about_them_alone():
    assert asked(reader(born(13))) is OwnText.READABLE


def test_what_is_only_sealed_is_told_as_sealed():
    assert asked(reader(born(13)), vocabulary=words(sealed=True)) is OwnText.SEALED


@pytest.mark.parametrize(
    "more",
    [
        {"concerns": frozenset({MOTHER})},
        {"concerns": frozenset({CHILD, MOTHER})},
        {"shielded": {CHILD}},
        {"vocabulary": words(own=False)},
        *({"state": state} for state in (*ENDED, HandoverState.SUSPENDED)),
        {"retain_until": TODAY - timedelta(days=1)},
    ],
)
def test_anything_else_is_as_if_it_were_not_there(more):
    assert asked(reader(born(13)), **more) is None


def test_another_handovers_section_is_not_there():
    section = a_section("status", {CHILD})
    other = a_handover(a_section("timeline", {CHILD}))
    assert own_text(reader(born(13)), other, section, words(), TABLE, NOW) is None


@pytest.mark.parametrize(
    "who",
    [
        reader(),
        reader(born(11)),
        reader(born(11), born(13)),
        reader(born(13), judged=(Inability(TODAY + timedelta(days=1)),)),
        reader(born(13), judged=(None, Inability(TODAY + timedelta(days=1)))),
        reader(born(13), judged=()),
    ],
)
def test_the_strictest_reading_of_the_facts_counts(who):
    assert asked(who) is None


def test_no_agreement_makes_a_child_under_twelve_read_alone():
    everybody = SignerTable((SignerRule(0, True, True, ()),))
    assert asked(reader(born(11)), table=everybody) is None
    assert asked(reader(born(12)), table=everybody) is OwnText.READABLE


@given(YEARS, PEOPLE, PEOPLE, st.booleans(), st.booleans(), st.sampled_from(HandoverState))
def test_whoever_reads_is_the_only_one_it_is_about(years, concerns, shielded, own, sealed, state):
    found = asked(reader(born(years)), concerns=concerns, shielded=shielded, vocabulary=words(own, sealed), state=state)
    may = concerns == {CHILD} and CHILD not in shielded and own and years >= 12 and state is HandoverState.ACTIVE
    assert found == ((OwnText.SEALED if sealed else OwnText.READABLE) if may else None)


PARENTS = (gezag(MOTHER), gezag(FATHER))


def read_by(who, *, years=9, concerns=frozenset({CHILD}), shown=True, authorities=PARENTS, **more):
    """What one of a family may do with a text that the agreement gives to whoever has a say about everybody in it."""
    vocabulary = a_vocabulary()
    types = vocabulary.section_types
    types = {**types, "status": replace(types["status"], family_text=shown, sealed_only=more.pop("sealed", False))}
    section = a_section("status", concerns, shielded_from=more.pop("shielded", frozenset()))
    handover = a_handover(section, **more)
    ages = {CHILD: years, MOTHER: 40, FATHER: 41}
    people = {one: Person(one, frozenset({born(age)})) for one, age in ages.items()}
    return family_text(
        who, handover, section, replace(vocabulary, section_types=types), (people, authorities), TABLE, NOW
    )


@pytest.mark.parametrize(
    ("years", "readers"), [(9, {MOTHER, FATHER}), (13, {CHILD, MOTHER, FATHER}), (16, {CHILD}), (18, {CHILD})]
)
def test_a_family_reads_what_it_has_a_say_about(years, readers):
    assert {who for who in (CHILD, MOTHER, FATHER) if read_by(who, years=years) is OwnText.READABLE} == readers


@pytest.mark.parametrize(
    "more",
    [
        {"shown": False},
        {"concerns": frozenset({CHILD, FATHER})},
        {"concerns": frozenset({FATHER})},
        {"concerns": frozenset()},
        {"shielded": frozenset({MOTHER})},
        {"authorities": (gezag(FATHER),)},
        {"authorities": ()},
        {"years": 16},
        {"retain_until": TODAY - timedelta(days=1)},
        *({"state": state} for state in (*ENDED, HandoverState.SUSPENDED)),
    ],
)
def test_anything_else_is_not_there_for_a_mother(more):
    assert read_by(MOTHER) is OwnText.READABLE
    assert read_by(MOTHER, **more) is None


def test_what_is_only_sealed_is_told_as_sealed_to_a_mother_too():
    assert read_by(MOTHER, sealed=True) is OwnText.SEALED


def test_somebody_of_whom_nothing_is_known_reads_nothing():
    assert read_by(GRANNY, authorities=(gezag(GRANNY),)) is None
