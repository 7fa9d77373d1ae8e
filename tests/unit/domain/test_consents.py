"""Consent is what each signer said last, for exactly the cells of its scope, until the end of its last day."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.consents import SAID as SAID_EVENTS
from broker.domain.consents import (
    SUPPORT,
    TRANSITIONS,
    Cell,
    Event,
    Stance,
    answered,
    cell_of,
    counting_for,
    latest_of,
    next_stance,
    standing,
    standing_about,
    standing_at_most,
)
from broker.domain.handovers import HandoverId
from broker.domain.meetings import PURPOSE as MEETING
from broker.domain.parties import Recipient
from broker.errors import Conflict
from tests.factories import (
    CHILD,
    DOCTOR,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    SCHOOL,
    SENDER,
    TO_DOCTOR,
    TO_SCHOOL,
    TODAY,
    a_handover,
    a_record,
    a_scope,
    a_section,
    gezag,
)

CELL = Cell(SENDER, SCHOOL, "support-coordinator", "education-support", "status", CHILD)
PARENTS = [gezag(MOTHER), gezag(FATHER)]
SAID = [Stance.GIVEN, Stance.REFUSED, Stance.WITHDRAWN]
RECIPIENTS = [TO_SCHOOL, TO_DOCTOR, Recipient(SCHOOL, "general-practitioner"), Recipient(DOCTOR, "support-coordinator")]
TYPES = ["status", "timeline"]
PURPOSES = ["education-support", "treatment"]

SCOPES = st.builds(
    a_scope,
    sender=st.sampled_from([SENDER, DOCTOR]),
    recipients=st.lists(st.sampled_from(RECIPIENTS), max_size=3).map(tuple),
    purpose=st.sampled_from(PURPOSES),
    section_types=st.lists(st.sampled_from(TYPES), max_size=2).map(tuple),
    person=st.sampled_from([CHILD, MOTHER]),
)
CELLS = st.builds(
    Cell,
    st.sampled_from([SENDER, DOCTOR]),
    st.sampled_from([SCHOOL, DOCTOR]),
    st.sampled_from(["support-coordinator", "general-practitioner"]),
    st.sampled_from(PURPOSES),
    st.sampled_from(TYPES),
    st.sampled_from([CHILD, MOTHER]),
)


@st.composite
def histories(draw):
    """What was said, in the order in which it was committed."""
    said = draw(
        st.lists(
            st.tuples(
                st.sampled_from([MOTHER, FATHER]), st.sampled_from(SAID), st.integers(-2, 2), st.sampled_from(TYPES)
            ),
            max_size=8,
        )
    )
    return [
        a_record(who, state, serial, until=TODAY + timedelta(days=days), section_types=(section_type,))
        for serial, (who, state, days, section_type) in enumerate(said, 1)
    ]


@given(SCOPES, CELLS)
def test_a_scope_covers_exactly_its_cells(scope, cell):
    assert scope.covers(cell) == (cell in set(scope.cells()))
    assert all(scope.covers(own) for own in scope.cells())


def test_a_scope_expands_into_every_recipient_times_every_type():
    scope = a_scope(recipients=(TO_SCHOOL, TO_DOCTOR), section_types=("status", "timeline"))
    assert len(set(scope.cells())) == 4
    assert not list(a_scope(recipients=()).cells())


@pytest.mark.parametrize(
    "other",
    [
        {"sender": DOCTOR},
        {"organisation": DOCTOR},
        {"role": "general-practitioner"},
        {"purpose": "treatment"},
        {"section_type": "timeline"},
        {"person": MOTHER},
    ],
)
def test_a_yes_never_covers_more_than_its_own_cell(other):
    records = [a_record()]
    assert standing(records, MOTHER, CELL, PARENTS, NOW).stance is Stance.GIVEN
    assert standing(records, MOTHER, replace(CELL, **other), PARENTS, NOW).stance is Stance.UNANSWERED


def test_organisation_and_role_belong_together():
    """Yes to the doctor of one and the coordinator of another is no yes to the coordinator of the first."""
    records = [a_record(recipients=(Recipient(SCHOOL, "general-practitioner"), Recipient(DOCTOR, CELL.role)))]
    assert standing(records, MOTHER, CELL, PARENTS, NOW).stance is Stance.UNANSWERED


def test_no_choice_means_no():
    assert standing([], MOTHER, CELL, PARENTS, NOW).stance is Stance.UNANSWERED
    assert standing([a_record(FATHER)], MOTHER, CELL, PARENTS, NOW).stance is Stance.UNANSWERED
    assert standing([], MOTHER, CELL, PARENTS, NOW).record is None


@given(histories(), st.randoms(use_true_random=False))
def test_the_latest_committed_counts_in_whatever_order_records_are_read(history, chance):
    shuffled = list(history)
    chance.shuffle(shuffled)
    expected = Stance.UNANSWERED
    for record in history:
        if record.signer == MOTHER and record.scope.covers(CELL):
            expected = record.state
            if expected is Stance.GIVEN and record.scope.until < TODAY:
                expected = Stance.EXPIRED
    found = standing(shuffled, MOTHER, CELL, PARENTS, NOW)
    assert found.stance is expected
    assert found == standing(history, MOTHER, CELL, PARENTS, NOW)
    assert (found.record is None) == (expected is Stance.UNANSWERED)


@given(histories(), st.sampled_from([Stance.REFUSED, Stance.WITHDRAWN]), st.sampled_from([MOTHER, FATHER]))
def test_one_more_no_never_makes_a_yes(history, no, who):
    after = [*history, a_record(who, no, len(history) + 1, section_types=("status", "timeline"))]
    for signer in (MOTHER, FATHER):
        before, now = (
            standing(history, signer, CELL, PARENTS, NOW).stance,
            standing(after, signer, CELL, PARENTS, NOW).stance,
        )
        assert now is not Stance.GIVEN or before is Stance.GIVEN
        assert now is (no if signer == who else before)


@given(histories(), st.integers(0, 10), st.integers(0, 10))
def test_waiting_never_makes_a_yes(history, first, more):
    sooner, later = NOW + timedelta(days=first), NOW + timedelta(days=first + more)
    if standing(history, MOTHER, CELL, PARENTS, later).stance is Stance.GIVEN:
        assert standing(history, MOTHER, CELL, PARENTS, sooner).stance is Stance.GIVEN


@pytest.mark.parametrize(
    ("last", "end"),
    [("2026-06-20", "2026-06-20T22:00"), ("2026-10-25", "2026-10-25T23:00"), ("2027-03-28", "2027-03-28T22:00")],
)
def test_a_yes_ends_with_its_last_day_in_amsterdam(last, end):
    records = [a_record(until=datetime.fromisoformat(last).date())]
    end = datetime.fromisoformat(end).replace(tzinfo=UTC)
    assert standing(records, MOTHER, CELL, PARENTS, end - timedelta(microseconds=1)).stance is Stance.GIVEN
    expired = standing(records, MOTHER, CELL, PARENTS, end)
    assert (expired.stance, expired.record) == (Stance.EXPIRED, records[0])


def test_an_older_longer_yes_does_not_come_back_when_a_newer_one_expires():
    records = [a_record(serial=1, until=TODAY + timedelta(days=300)), a_record(serial=2, until=TODAY)]
    assert standing(records, MOTHER, CELL, PARENTS, NOW).stance is Stance.GIVEN
    assert standing(records, MOTHER, CELL, PARENTS, NOW + timedelta(days=1)).stance is Stance.EXPIRED


def test_a_no_does_not_expire_into_anything_else():
    for no in (Stance.REFUSED, Stance.WITHDRAWN):
        records = [a_record(serial=1), a_record(state=no, serial=2, until=TODAY - timedelta(days=9))]
        assert standing(records, MOTHER, CELL, PARENTS, NOW).stance is no


@pytest.mark.parametrize(("stance", "event"), list(product(Stance, Event)))
def test_every_step_is_listed_or_refused(stance, event):
    if (stance, event) in TRANSITIONS:
        assert next_stance(stance, event) is TRANSITIONS[stance, event]
    else:
        with pytest.raises(Conflict) as refused:
            next_stance(stance, event)
        assert refused.value.code == "nothing-to-withdraw"


def test_yes_and_no_can_always_be_said_and_only_a_yes_can_be_withdrawn():
    for stance in Stance:
        assert next_stance(stance, Event.GIVE) is Stance.GIVEN
        assert next_stance(stance, Event.REFUSE) is Stance.REFUSED
    assert [s for s in Stance if (s, Event.WITHDRAW) in TRANSITIONS] == [Stance.GIVEN, Stance.NEEDS_NEW]
    assert next_stance(Stance.GIVEN, Event.WITHDRAW) is Stance.WITHDRAWN


def test_only_giving_leads_to_a_yes():
    assert {event for (_, event), after in TRANSITIONS.items() if after is Stance.GIVEN} == {Event.GIVE}


def test_every_stance_but_the_first_is_reached_and_each_can_be_left_by_an_answer():
    assert set(TRANSITIONS.values()) == set(Stance) - {Stance.UNANSWERED}
    assert {after for (_, event), after in TRANSITIONS.items() if event in SAID_EVENTS} == set(SAID)


@pytest.mark.parametrize("state", SAID)
@pytest.mark.parametrize(
    ("authorities", "stays"),
    [
        ([gezag(MOTHER)], True),
        ([gezag(MOTHER, kind="guardian")], True),
        ([], False),
        ([gezag(FATHER)], False),
        ([gezag(MOTHER, over=GRANNY)], False),
        ([gezag(MOTHER, until=TODAY - timedelta(days=1))], False),
        ([gezag(MOTHER, since=TODAY + timedelta(days=1))], False),
        ([gezag(MOTHER, since=TODAY)], False),  # it was said yesterday, under another authority
        ([gezag(MOTHER, since=TODAY - timedelta(days=1))], True),
    ],
)
def test_an_answer_counts_under_an_authority_that_was_in_force_when_it_was_said_and_still_is(state, authorities, stays):
    found = standing([a_record(state=state)], MOTHER, CELL, authorities, NOW)
    assert found.stance is (state if stays else Stance.NEEDS_NEW)
    assert found.record is not None


def test_support_never_counts_not_even_of_somebody_who_holds_authority_later():
    records = [a_record(GRANNY, capacity=SUPPORT)]
    for authorities in ([], [gezag(GRANNY)], [gezag(GRANNY, since=TODAY)]):
        assert standing(records, GRANNY, CELL, authorities, NOW).stance is Stance.NEEDS_NEW
    later_no = [a_record(MOTHER), a_record(MOTHER, Stance.REFUSED, 2, capacity=SUPPORT)]
    assert standing(later_no, MOTHER, CELL, PARENTS, NOW).stance is Stance.NEEDS_NEW


def test_a_yes_for_oneself_needs_no_authority_and_nobody_says_it_in_that_capacity_for_another():
    own = replace(CELL, person=MOTHER)
    assert standing([a_record(MOTHER, person=MOTHER)], MOTHER, own, [], NOW).stance is Stance.GIVEN
    odd = [a_record(MOTHER, person=MOTHER, capacity="parental")]
    assert standing(odd, MOTHER, own, PARENTS, NOW).stance is Stance.NEEDS_NEW


READERS = (TO_SCHOOL, TO_DOCTOR)


def cells(types, recipients=READERS):
    return list(a_scope(recipients=tuple(recipients), section_types=tuple(types)).cells())


@given(st.data())
def test_each_cell_lands_in_exactly_one_record_of_its_own_state(data):
    asked = cells(["a", "b", "c", "d"], RECIPIENTS[:3])
    said = data.draw(st.fixed_dictionaries(dict.fromkeys(asked, st.sampled_from([Event.GIVE, Event.REFUSE]))))
    current = data.draw(st.fixed_dictionaries(dict.fromkeys(asked, st.sampled_from(list(Stance)))))
    records = answered(a_record(state=Stance.UNANSWERED), said, current)
    landed = [(cell, record.state) for record in records for cell in record.scope.cells()]
    assert len(landed) == len(said), "none twice, none more than was said"
    assert dict(landed) == {cell: TRANSITIONS[current[cell], event] for cell, event in said.items()}
    assert all(record.scope.person == CHILD and record.signer == MOTHER for record in records)
    apart = {(record.state, record.scope.recipients) for record in records}
    assert len(apart) == len(records), "what is equal stands in one record"


@given(st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from([Event.GIVE, Event.REFUSE]), min_size=1))
def test_one_answer_for_all_recipients_makes_one_record_per_state(said):
    asked = cells(said)
    everybody = {cell: said[cell.section_type] for cell in asked}
    records = answered(a_record(state=Stance.UNANSWERED), everybody, dict.fromkeys(asked, Stance.UNANSWERED))
    assert {r.state: r.scope.section_types for r in records} == {
        state: tuple(t for t in said if TRANSITIONS[Stance.UNANSWERED, said[t]] is state)
        for state in dict.fromkeys(TRANSITIONS[Stance.UNANSWERED, event] for event in said.values())
    }
    assert len({record.state for record in records}) == len(records)
    assert all(record.scope.recipients == READERS for record in records)


def test_yes_to_one_and_no_to_the_other_is_two_records_of_one_recipient_each():
    asked = cells(["status", "timeline"])
    said = {c: Event.GIVE if c.organisation == SCHOOL or c.section_type == "timeline" else Event.REFUSE for c in asked}
    records = answered(a_record(), said, dict.fromkeys(asked, Stance.UNANSWERED))
    assert {(r.state, r.scope.recipients, r.scope.section_types) for r in records} == {
        (Stance.GIVEN, (TO_SCHOOL,), ("status",)),
        (Stance.REFUSED, (TO_DOCTOR,), ("status",)),
        (Stance.GIVEN, READERS, ("timeline",)),
    }
    kept = [replace(record, serial=serial) for serial, record in enumerate(records, 1)]
    for cell, event in said.items():
        assert standing(kept, MOTHER, cell, PARENTS, NOW).stance is TRANSITIONS[Stance.UNANSWERED, event]


def test_stopping_for_one_recipient_leaves_the_other():
    yes = a_record(recipients=READERS, section_types=("status",))
    (stopped,) = answered(
        yes,
        dict.fromkeys(cells(["status"], [TO_SCHOOL]), Event.WITHDRAW),
        dict.fromkeys(cells(["status"], [TO_SCHOOL]), Stance.GIVEN),
    )
    history = [yes, replace(stopped, serial=2)]
    at_school, at_doctor = cells(["status"])
    assert standing(history, MOTHER, at_school, PARENTS, NOW).stance is Stance.WITHDRAWN
    assert standing(history, MOTHER, at_doctor, PARENTS, NOW).stance is Stance.GIVEN


def test_an_answer_that_cannot_be_given_makes_no_record_at_all():
    """Also when it is one recipient's cell alone that it cannot be given for."""
    for asked in (cells(["status", "timeline"], [TO_SCHOOL]), cells(["status"])):
        current = dict(zip(asked, (Stance.GIVEN, Stance.REFUSED), strict=True))
        with pytest.raises(Conflict):
            answered(a_record(), dict.fromkeys(asked, Event.WITHDRAW), current)
        with pytest.raises(KeyError):
            answered(a_record(), dict.fromkeys(asked, Event.GIVE), {asked[0]: Stance.GIVEN})


def test_the_cell_of_a_section_is_that_of_its_handover_and_recipient():
    section = a_section("timeline", concerns=[GRANNY])
    cell = cell_of(a_handover(section, purpose="treatment"), TO_DOCTOR, section, GRANNY)
    assert cell == Cell(SENDER, DOCTOR, "general-practitioner", "treatment", "timeline", GRANNY)


BOUND = Cell(SENDER, SCHOOL, "support-coordinator", MEETING, "status", CHILD)
SAYING = st.tuples(
    st.sampled_from(SAID), st.sampled_from(["h-1", "h-2", "h-3"]), st.sampled_from([-1, 3, 40]), st.sampled_from([1, 5])
)


@given(st.lists(SAYING, max_size=6), st.sampled_from([BOUND, CELL]))
def test_whatever_counts_for_some_handover_is_shown_as_running_until_its_end(said, cell):
    records = [
        a_record(
            MOTHER,
            state,
            serial,
            handover=HandoverId(about),
            until=TODAY + timedelta(days=days),
            purpose=cell.purpose,
            recipients=(TO_SCHOOL,) if width == 1 else (TO_SCHOOL, TO_DOCTOR),
            section_types=(cell.section_type,),
        )
        for serial, (state, about, days, width) in enumerate(said, 1)
    ]
    shown = standing_at_most(records, MOTHER, cell, PARENTS, NOW, ())
    open_until = []
    for about in ("h-1", "h-2", "h-3"):
        handover = a_handover(a_section("status"), id=HandoverId(about), purpose=cell.purpose)
        counting = [record for record in records if counting_for(record, cell, handover)]
        where = latest_of(counting, MOTHER, PARENTS, NOW)
        assert where == standing_about(records, MOTHER, cell, PARENTS, NOW, handover.id, ())
        if where.stance is Stance.GIVEN:
            open_until.append(where.record.scope.until)
    assert (shown.stance is Stance.GIVEN) == bool(open_until)
    if open_until:
        assert shown.record.scope.until == max(open_until)


def test_a_yes_that_facts_may_bring_back_is_shown_where_none_counts():
    lapsed = a_record(MOTHER, serial=1, handover=HandoverId("h-1"), until=TODAY + timedelta(days=40), purpose=MEETING)
    over = a_record(MOTHER, serial=2, handover=HandoverId("h-2"), until=TODAY - timedelta(days=1), purpose=MEETING)
    shown = standing_at_most([lapsed, over], MOTHER, BOUND, [], NOW, ())
    assert (shown.stance, shown.record) == (Stance.NEEDS_NEW, lapsed)
