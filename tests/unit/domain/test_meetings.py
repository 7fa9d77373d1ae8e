"""A meeting: who sits at the table, and what a yes to it counts for."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.basis import basis_text, read_basis
from broker.domain.consents import Stance, cell_of, counting_for, standing
from broker.domain.decisions import Told
from broker.domain.handovers import HandoverId
from broker.domain.meetings import AFTERWARDS, KIND, PURPOSE, Attendee, Meeting, faults_of
from broker.domain.parties import Oin, Professional, ProfessionalId, Recipient
from broker.domain.releases import decide, findings
from broker.errors import Fault
from tests.factories import (
    CHILD,
    DOCTOR,
    FATHER,
    MOTHER,
    NOW,
    PERMIT,
    SCHOOL,
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

ANNA, BEN = (ProfessionalId(name) for name in ("anna", "ben"))
TABLE = (
    Attendee(SCHOOL, "support-coordinator", ANNA, "Anna"),
    Attendee(DOCTOR, "general-practitioner", BEN, "Ben"),
)
MEETING = Meeting(TODAY, TABLE)
ATTENDEES = st.builds(
    Attendee,
    st.sampled_from([SCHOOL, DOCTOR]),
    st.sampled_from(["support-coordinator", "general-practitioner"]),
    st.sampled_from([ANNA, BEN, ProfessionalId("chris")]),
    st.just("x"),
)


def a_meeting(**more: Any) -> Any:
    section = a_section("status")
    given_ = {"kind": KIND, "purpose": PURPOSE, "recipients": (TO_SCHOOL, TO_DOCTOR), "meeting": MEETING, **more}
    return a_handover(section, **given_)


def decided(handover: Any, who: Professional, *records: Any) -> Any:
    situation = a_situation(
        handover, [a_person(CHILD, born(9))], authorities=(gezag(MOTHER), gezag(FATHER)), records=records
    )
    (section,) = handover.sections
    found = {section: findings(situation, section, Recipient(who.organisation, who.role), NOW)}
    request = a_request(professional=who, purpose=PURPOSE)
    (decision,) = decide(request, situation, found, {section: PERMIT}, NOW).sections
    return decision


def yes(signer: Any, serial: int = 1, **more: Any) -> Any:
    return a_record(signer, serial=serial, purpose=PURPOSE, recipients=(TO_SCHOOL, TO_DOCTOR), **more)


BOTH = (yes(MOTHER), yes(FATHER))
ANNA_THERE = Professional(ANNA, SCHOOL, "support-coordinator")


@pytest.mark.parametrize(
    ("who", "told"),
    [
        (ANNA_THERE, None),
        (Professional(BEN, DOCTOR, "general-practitioner"), None),
        (Professional(BEN, SCHOOL, "support-coordinator"), Told.NOT_THERE),
        (Professional(ProfessionalId("chris"), SCHOOL, "support-coordinator"), Told.NOT_THERE),
        (Professional(ANNA, SCHOOL, "teacher"), Told.NOT_THERE),
        (Professional(ANNA, DOCTOR, "support-coordinator"), Told.NOT_THERE),
        (Professional(ProfessionalId(""), SCHOOL, "support-coordinator"), Told.NOT_THERE),
    ],
)
def test_only_who_is_named_for_that_work_gets_it(who: Professional, told: Told | None) -> None:
    situation_of = replace(a_meeting())
    if who.organisation == DOCTOR and told is None:
        assert situation_of.meant_for(who)
        return
    assert decided(situation_of, who, *BOTH).told is told


def test_a_yes_counts_for_its_own_meeting_and_a_no_for_all() -> None:
    other = HandoverId("h-2")
    assert decided(a_meeting(), ANNA_THERE, *BOTH).permitted
    assert not decided(a_meeting(id=other), ANNA_THERE, *BOTH).permitted
    assert not decided(a_meeting(id=other, meeting=None), ANNA_THERE, *BOTH).permitted
    no = yes(FATHER, 2, handover=other, state=Stance.REFUSED)
    assert not decided(a_meeting(), ANNA_THERE, *BOTH, no).permitted
    again = yes(FATHER, 3, handover=other)
    assert not decided(a_meeting(), ANNA_THERE, *BOTH, no, again).permitted
    assert decided(a_meeting(id=other), ANNA_THERE, yes(MOTHER, 4, handover=other), no, again).permitted


def test_for_any_other_purpose_a_yes_counts_for_later_handovers_as_before() -> None:
    record = a_record(MOTHER)
    handover = a_handover(a_section("status"), id=HandoverId("h-2"))
    cell = cell_of(handover, TO_SCHOOL, handover.sections[0], CHILD)
    assert counting_for(record, cell, handover)
    assert standing([record], MOTHER, cell, (gezag(MOTHER),), NOW, handover).stance is Stance.GIVEN


@given(st.lists(ATTENDEES, max_size=5), st.lists(ATTENDEES, max_size=5), st.booleans())
def test_a_meeting_only_ever_becomes_smaller(before: list[Attendee], after: list[Attendee], moved: bool) -> None:
    first = Meeting(TODAY, tuple(before))
    then = Meeting(TODAY + timedelta(days=moved), tuple(after))

    def let_in(meeting: Meeting) -> set[tuple[Any, ...]]:
        return {(a.organisation, a.role, a.professional) for a in meeting.attendees}

    assert then.within(first) is (not moved and let_in(then) <= let_in(first))
    for one in {*before, *after}:
        who = Professional(one.professional, one.organisation, one.role)
        assert first.attended_by(who) is ((one.organisation, one.role, one.professional) in let_in(first))


def test_what_a_decision_rested_on_holds_the_table_and_no_name() -> None:
    situation = a_situation(a_meeting(), [a_person(CHILD, born(9))])
    text = basis_text(a_request(purpose=PURPOSE), situation, NOW)
    read = read_basis(text).handover.meeting
    assert read is not None
    assert read.on == MEETING.on
    assert [(a.organisation, a.role, a.professional) for a in read.attendees] == [
        (a.organisation, a.role, a.professional) for a in TABLE
    ]
    assert "Anna" not in text
    without = basis_text(a_request(), a_situation(a_handover(a_section()), []), NOW)
    assert '"meeting"' not in without
    assert read_basis(without).handover.meeting is None


JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=9) | st.sampled_from(["2026-06-15", "9999-12-31", SCHOOL]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["meeting", "on", "attendees", "organisation", "role", "professional", "recipients", "kind"]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=14,
)


@given(JSON, JSON, st.none() | st.dates())
def test_whatever_comes_in_nothing_falls(meeting: Any, recipients: Any, until: date | None) -> None:
    for body in ({"meeting": meeting, "recipients": recipients}, {"meeting": {"on": meeting, "attendees": recipients}}):
        assert all(isinstance(fault, Fault) for fault in faults_of(body, until))


def test_it_ends_two_weeks_afterwards_at_the_latest() -> None:
    body = {"meeting": {"on": TODAY.isoformat(), "attendees": []}, "recipients": []}
    assert MEETING.until == TODAY + AFTERWARDS
    assert [fault.pointer for fault in faults_of(body, MEETING.until)] == []
    assert [fault.pointer for fault in faults_of(body, MEETING.until + timedelta(days=1))] == ["/consentUntil"]


def test_nobody_twice_and_nobody_from_elsewhere() -> None:
    one = {"organisation": Oin(SCHOOL), "role": "support-coordinator", "professional": "a", "name": "A"}
    elsewhere = {**one, "role": "teacher"}
    body = {
        "meeting": {"attendees": [one, dict(one), elsewhere]},
        "recipients": [{"organisation": SCHOOL, "role": "x"}],
    }
    assert [fault.pointer for fault in faults_of(body, None)] == [
        "/meeting/attendees/0",
        "/meeting/attendees/1",
        "/meeting/attendees/1",
        "/meeting/attendees/2",
        "/recipients/0",
    ]
