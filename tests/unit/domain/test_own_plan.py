"""A family's own plan: who writes about whom, who else must say yes, until when, and who could read it."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.basis import basis_text, read_basis
from broker.domain.calendar import Period
from broker.domain.consents import Stance, cell_of, standing
from broker.domain.drafts import LONGEST_CONSENT
from broker.domain.handovers import HandoverId, LegalBasis
from broker.domain.own_plan import (
    MONTHS,
    PlanWish,
    chosen,
    last_days,
    may_write_about,
    others_to_ask,
    readers_in,
    subject_of,
)
from broker.domain.parties import Inability
from broker.domain.signers import required_signers
from broker.errors import Invalid
from tests.factories import (
    CHILD,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    TABLE,
    TO_DOCTOR,
    TO_SCHOOL,
    TODAY,
    a_handover,
    a_person,
    a_record,
    a_request,
    a_section,
    a_situation,
    born,
    gezag,
)

BOTH = (gezag(MOTHER), gezag(FATHER))
PARENTS = {MOTHER: a_person(MOTHER, born(40)), FATHER: a_person(FATHER, born(41)), GRANNY: a_person(GRANNY, born(70))}


def people(*births: date):
    return {**PARENTS, CHILD: a_person(CHILD, *births)}


@pytest.mark.parametrize(
    ("age", "writers"),
    [(8, {MOTHER, FATHER}), (13, {MOTHER, FATHER, CHILD}), (15, {MOTHER, FATHER, CHILD}), (16, {CHILD}), (17, {CHILD})],
)
def test_who_must_be_asked_about_somebody_can_write_about_them_and_nobody_else(age, writers):
    assert {
        one
        for one in (CHILD, MOTHER, FATHER, GRANNY)
        if CHILD in may_write_about(one, people(born(age)), BOTH, TABLE, NOW)
    } == writers


def test_an_adult_writes_about_themselves_and_about_no_other_adult():
    assert may_write_about(MOTHER, people(born(8)), BOTH, TABLE, NOW) == {MOTHER, CHILD}
    assert may_write_about(GRANNY, people(born(8)), BOTH, TABLE, NOW) == {GRANNY}


@pytest.mark.parametrize(
    ("births", "authorities"),
    [
        ((), BOTH),
        ((born(8),), ()),
        ((born(8),), (gezag(MOTHER, until=TODAY - timedelta(days=1)),)),
        ((born(8),), (gezag(MOTHER, since=TODAY + timedelta(days=1)),)),
    ],
)
def test_one_gap_in_the_facts_and_nobody_writes_about_them(births, authorities):
    for writer in (CHILD, MOTHER, FATHER, GRANNY):
        assert CHILD not in may_write_about(writer, people(*births), authorities, TABLE, NOW)


def test_about_somebody_whose_judgment_was_not_reviewed_nobody_writes():
    late = frozenset({Inability(TODAY - timedelta(days=1))})
    unable = {**people(), CHILD: type(PARENTS[MOTHER])(CHILD, frozenset({born(8)}), late)}
    assert CHILD not in may_write_about(MOTHER, unable, BOTH, TABLE, NOW)


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=2),
    st.sets(st.sampled_from([MOTHER, FATHER, GRANNY])),
    st.sampled_from([CHILD, MOTHER, FATHER, GRANNY]),
)
def test_the_writer_and_who_is_asked_are_together_everybody_without_whose_yes_nothing_leaves(ages, holders, writer):
    everybody, authorities = people(*map(born, ages)), tuple(gezag(one) for one in sorted(holders))
    mine = may_write_about(writer, everybody, authorities, TABLE, NOW)
    if mine:
        others = others_to_ask(writer, mine, everybody, authorities, TABLE, NOW)
        needed = [required_signers(everybody[one], authorities, TABLE, NOW) for one in mine]
        assert writer not in others
        assert others | {writer} == frozenset().union(*(one.signers for one in needed))
        assert all(one.complete for one in needed)


# until when


@given(st.dates(date(2020, 1, 1), date(2090, 1, 1)), st.integers(0, 36), st.integers(0, 27))
def test_no_day_lies_past_the_agreement_or_past_a_year(today, months, days):
    longest = Period(months, days)
    offered = last_days(longest, today)
    assert list(offered) == sorted(set(offered))
    assert len(offered) <= len(MONTHS)
    for day in offered:
        assert today < day <= min(longest.after(today), LONGEST_CONSENT.after(today))


def test_without_a_period_of_the_agreement_there_is_no_day():
    assert last_days(None, TODAY) == ()
    assert last_days(Period(12, 0), TODAY) == (
        date(2026, 7, 15),
        date(2026, 9, 15),
        date(2026, 12, 15),
        date(2027, 6, 15),
    )
    assert last_days(Period(3, 0), TODAY) == (date(2026, 7, 15), date(2026, 9, 15))


def test_it_is_about_the_youngest_by_the_youngest_reading():
    everybody = {**people(born(16), born(9)), MOTHER: a_person(MOTHER, born(10))}
    assert subject_of({CHILD, MOTHER, FATHER}, everybody) == CHILD
    assert subject_of({MOTHER, FATHER}, everybody) == MOTHER


# who could read it


def test_readers_are_those_of_handovers_with_the_basis_that_was_stated_for_them():
    shown, other = (
        a_handover(a_section(), recipients=(to,), legal_basis=LegalBasis("x", basis))
        for to, basis in ((TO_SCHOOL, "Wpo 8"), (TO_DOCTOR, " "))
    )
    assert dict(readers_in([shown, other], {MOTHER})) == {TO_SCHOOL: "Wpo 8"}


@pytest.mark.parametrize("shielded", [MOTHER, FATHER])
def test_nobody_who_is_asked_hears_of_a_reader_by_what_is_shielded_from_them(shielded):
    secret = a_handover(
        a_section("status"), a_section("safety-plan", shielded_from={shielded}), recipients=(TO_DOCTOR,)
    )
    plain = a_handover(a_section("status"), recipients=(TO_SCHOOL,))
    assert set(readers_in([secret, plain], {MOTHER, FATHER})) == {TO_SCHOOL}
    assert set(readers_in([secret, plain], {GRANNY})) == {TO_SCHOOL, TO_DOCTOR}


# what was chosen

PERSONS, READERS = {"p1": CHILD, "p2": MOTHER}, {"r1": TO_SCHOOL, "r2": TO_DOCTOR}
DAYS = (date(2026, 7, 15), date(2026, 9, 15))
KEYS = st.frozensets(st.sampled_from(["p1", "p2", "r1", "r2", "", "x"]))


@given(KEYS, KEYS, st.sampled_from([*(day.isoformat() for day in DAYS), "", "2026-08-01", "x"]))
def test_only_what_was_offered_can_be_chosen_and_something_of_each_must_be(persons, readers, until):
    wanted = set[str]()
    if not persons or not persons <= PERSONS.keys():
        wanted.add("/persons")
    if not readers or not readers <= READERS.keys():
        wanted.add("/readers")
    if until not in [day.isoformat() for day in DAYS]:
        wanted.add("/until")
    wish = PlanWish("Opa helpt.", persons, readers, until)
    if wanted:
        with pytest.raises(Invalid) as refused:
            chosen(wish, PERSONS, READERS, DAYS)
        assert {fault.pointer for fault in refused.value.faults} == wanted, "all faults at once"
        return
    concerned, to, day = chosen(wish, PERSONS, READERS, DAYS)
    assert concerned == {PERSONS[one] for one in persons}
    assert set(to) == {READERS[one] for one in readers}
    assert day.isoformat() == until


def test_what_somebody_typed_is_printed_nowhere():
    assert "Opa" not in repr(PlanWish("Opa helpt."))


PLAN = a_handover(a_section(), id=HandoverId("h-1"), author=MOTHER)
OTHER = a_handover(a_section(), id=HandoverId("h-2"), author=FATHER)
CELL = cell_of(PLAN, TO_SCHOOL, PLAN.sections[0], CHILD)


def stance(plan, *records):
    return standing(records, FATHER, CELL, BOTH, NOW, plan).stance


def test_a_yes_counts_for_its_own_plan_and_a_no_for_all():
    no = a_record(FATHER, Stance.REFUSED, 1, handover=PLAN.id)
    own = a_record(FATHER, Stance.GIVEN, 2, handover=OTHER.id)
    assert stance(OTHER, no, own) is Stance.GIVEN
    assert stance(PLAN, no, own) is Stance.REFUSED
    assert stance(PLAN, own) is Stance.UNANSWERED
    assert stance(OTHER, own, a_record(FATHER, Stance.WITHDRAWN, 3, handover=PLAN.id)) is Stance.WITHDRAWN
    assert stance(PLAN, no, own, a_record(FATHER, Stance.GIVEN, 3, handover=PLAN.id)) is Stance.GIVEN


@given(st.lists(st.tuples(st.sampled_from([Stance.GIVEN, Stance.REFUSED, Stance.WITHDRAWN]), st.booleans())))
def test_what_is_open_to_no_plan_alone_is_never_opened_by_a_word_about_another(said):
    records = [
        a_record(FATHER, state, serial, handover=PLAN.id if here else OTHER.id)
        for serial, (state, here) in enumerate(said, 1)
    ]
    here = [state for state, here in said if here]
    if stance(PLAN, *records) is Stance.GIVEN:
        assert here
        assert here[-1] is Stance.GIVEN, "their last word about this very plan was a yes"
    without = [record for record in records if record.handover == PLAN.id or record.state is not Stance.GIVEN]
    assert stance(PLAN, *records) is stance(PLAN, *without)


def test_what_a_decision_rested_on_says_that_it_was_a_plan():
    text = basis_text(a_request(), a_situation(PLAN, []), NOW)
    assert read_basis(text).handover.author == MOTHER
    pushed = basis_text(a_request(), a_situation(a_handover(a_section()), []), NOW)
    assert "author" not in pushed
    assert read_basis(pushed).handover.author is None
