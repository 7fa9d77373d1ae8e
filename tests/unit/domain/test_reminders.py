"""Reminders: a range of days before the end of a yes and before a birthday, to whoever it matters to, and nobody else."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.calendar import age, birthday, local_day
from broker.domain.consents import ConsentRecord, Stance
from broker.domain.handovers import HandoverId, Section
from broker.domain.parties import Inability, Person, PersonId
from broker.domain.reminders import Reminder, Running, Topic, reminders
from broker.domain.signers import AuthorityRule, SignerRule, SignerTable
from tests.factories import (
    CHILD,
    FATHER,
    GRANNY,
    MOTHER,
    NOW,
    SENDER,
    TABLE,
    TO_DOCTOR,
    TO_SCHOOL,
    TODAY,
    a_person,
    a_record,
    a_section,
    born,
    gezag,
)

BOTH = (gezag(MOTHER), gezag(FATHER))
ENDS = TODAY + timedelta(days=180)
GIVEN, REFUSED, WITHDRAWN = Stance.GIVEN, Stance.REFUSED, Stance.WITHDRAWN


OWN = frozenset({"knowing-the-plan"})


def running(*sections: Section, **more: Any) -> Running:
    given: dict[str, Any] = {
        "id": HandoverId("h-1"),
        "sender": SENDER,
        "purpose": "education-support",
        "consent_until": ENDS,
        "recipients": (TO_SCHOOL,),
        "sections": sections or (a_section(),),
        **more,
    }
    return Running(**given)


def on(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 12, tzinfo=UTC)


def found(
    person: Person, *records: ConsentRecord, now: datetime = NOW, table: SignerTable = TABLE, **more: Any
) -> set[tuple[PersonId, Topic]]:
    handover = more.pop("handover", running())
    return {
        (r.to, r.topic) for r in reminders(person, [handover], more.pop("authorities", BOTH), records, table, now, OWN)
    }


# --- the end of a yes -----------------------------------------------------------------------------

CHILD_OF_9 = a_person(CHILD, born(9) - timedelta(days=60))
ENDING = {(MOTHER, Topic.CONSENT_ENDS), (FATHER, Topic.CONSENT_ENDS)}


def test_a_yes_that_ends_is_told_in_the_last_fourteen_days_and_not_after() -> None:
    yes = a_record(MOTHER), a_record(FATHER)
    told = {left: found(CHILD_OF_9, *yes, now=on(ENDS - timedelta(days=left))) for left in (15, 14, 7, 0, -1)}
    assert told == {15: set(), 14: ENDING, 7: ENDING, 0: ENDING, -1: set()}


@pytest.mark.parametrize("last", [REFUSED, WITHDRAWN])
def test_who_said_something_else_since_is_not_told(last: Stance) -> None:
    said = a_record(MOTHER), a_record(FATHER), a_record(FATHER, last, 2)
    assert found(CHILD_OF_9, *said, now=on(ENDS)) == {(MOTHER, Topic.CONSENT_ENDS)}


def test_who_renewed_it_is_not_told() -> None:
    later = a_record(MOTHER, GIVEN, 2, until=ENDS + timedelta(days=90), handover=HandoverId("h-2"))
    assert found(CHILD_OF_9, a_record(MOTHER), later, now=on(ENDS)) == set()


def test_a_yes_that_does_not_count_is_not_told() -> None:
    grown, yes = a_person(CHILD, born(17)), [a_record(who) for who in (CHILD, MOTHER, GRANNY)]
    assert found(grown, *yes, now=on(ENDS)) == {(CHILD, Topic.CONSENT_ENDS)}


def test_one_message_per_handover_however_many_cells() -> None:
    types = ("status", "timeline")
    handover = running(*(a_section(t, id=t) for t in types), recipients=(TO_SCHOOL, TO_DOCTOR))
    yes = a_record(MOTHER, section_types=types, recipients=(TO_SCHOOL, TO_DOCTOR))
    assert len(reminders(CHILD_OF_9, [handover], BOTH, [yes], TABLE, on(ENDS), OWN)) == 1
    second = running(id=HandoverId("h-2"))  # rests on the same yes
    assert len(reminders(CHILD_OF_9, [handover, second], BOTH, [yes], TABLE, on(ENDS), OWN)) == 1


def test_nothing_is_told_of_a_handover_for_which_nobody_can_be_asked_any_more() -> None:
    over = running(consent_until=ENDS - timedelta(days=1))
    assert found(CHILD_OF_9, a_record(MOTHER), now=on(ENDS), handover=over) == set()


def test_nobody_is_reminded_of_what_is_all_shielded_from_them() -> None:
    yes = a_record(MOTHER), a_record(FATHER)
    hidden = running(a_section(shielded_from=(FATHER,)))
    assert found(CHILD_OF_9, *yes, now=on(ENDS), handover=hidden) == {(MOTHER, Topic.CONSENT_ENDS)}
    twelve = a_person(CHILD, born(12, TODAY + timedelta(days=10)))
    assert found(twelve, *yes, handover=hidden) == {(MOTHER, Topic.CHILD_TOO)}
    partly = running(a_section(id="a", shielded_from=(FATHER,)), a_section("timeline", id="b"))
    assert found(twelve, *yes, handover=partly) == {(MOTHER, Topic.CHILD_TOO), (FATHER, Topic.CHILD_TOO)}


# --- birthdays ------------------------------------------------------------------------------------

PARENTS_TOO = {(MOTHER, Topic.CHILD_TOO), (FATHER, Topic.CHILD_TOO)}
PARENTS_ALONE = {(MOTHER, Topic.CHILD_ALONE), (FATHER, Topic.CHILD_ALONE)}
UNABLE = Inability(TODAY + timedelta(days=90))
SAID = (a_record(MOTHER), a_record(FATHER, REFUSED), a_record(CHILD))


def test_a_birthday_is_told_in_the_thirty_days_before_it_and_not_on_the_day() -> None:
    for years, expected in ((12, PARENTS_TOO), (16, PARENTS_ALONE | {(CHILD, Topic.YOU_ALONE)})):
        told = {left: found(a_person(CHILD, born(years, TODAY + timedelta(left))), *SAID) for left in (31, 30, 1, 0)}
        assert told == {31: set(), 30: expected, 1: expected, 0: set()}


@pytest.mark.parametrize("years", [11, 13, 15, 17, 18])
def test_other_birthdays_change_nothing(years: int) -> None:
    assert found(a_person(CHILD, born(years, TODAY + timedelta(days=10))), *SAID) == set()


def test_who_never_answered_hears_nothing_whatever_the_other_said() -> None:
    soon = a_person(CHILD, born(16, TODAY + timedelta(days=10)))
    assert found(soon) == set()
    assert found(soon, a_record(MOTHER)) == {(MOTHER, Topic.CHILD_ALONE)}
    about_somebody_else = a_record(FATHER, person=GRANNY)
    assert found(soon, a_record(MOTHER), about_somebody_else) == {(MOTHER, Topic.CHILD_ALONE)}


def test_only_who_holds_authority_now_hears_as_a_parent() -> None:
    soon = a_person(CHILD, born(16, TODAY + timedelta(days=10)))
    past = (gezag(MOTHER), gezag(FATHER, until=TODAY - timedelta(days=1)))
    assert found(soon, *SAID, a_record(GRANNY), authorities=past) == {
        (MOTHER, Topic.CHILD_ALONE),
        (CHILD, Topic.YOU_ALONE),
    }


def test_where_birth_dates_disagree_a_birthday_is_one_and_the_youngest_age_counts() -> None:
    two = a_person(CHILD, born(16, TODAY + timedelta(days=5)), born(16, TODAY + timedelta(days=20)))
    told = reminders(two, [running()], BOTH, SAID, TABLE, NOW, OWN)
    later = reminders(two, [running()], BOTH, SAID, TABLE, NOW + timedelta(days=10), OWN)
    assert len(told) == len(later) == 3
    assert {r.mark for r in told} == {r.mark for r in later}
    younger = a_person(CHILD, born(16, TODAY + timedelta(days=5)), born(11))
    assert (CHILD, Topic.YOU_ALONE) not in found(younger, *SAID)


def test_the_ages_come_from_the_table() -> None:
    table = SignerTable(
        (
            SignerRule(0, person_signs=False, authority_signs=True, articles=()),
            SignerRule(10, person_signs=False, authority_signs=True, articles=()),
            SignerRule(14, person_signs=True, authority_signs=False, articles=()),
            SignerRule(18, person_signs=True, authority_signs=True, articles=()),
        ),
        (AuthorityRule("parental", 0, None, ()),),
    )
    told = {
        years: found(a_person(CHILD, born(years, TODAY + timedelta(days=3))), *SAID, table=table)
        for years in (10, 12, 14, 16, 18)
    }
    assert told == {
        10: set(),
        12: set(),
        14: PARENTS_ALONE,
        16: set(),
        18: PARENTS_TOO | {(CHILD, Topic.YOU_TOO)},
    }


@given(st.dates(date(1990, 1, 1), date(2030, 1, 1)), st.integers(1, 30))
def test_a_birthday_is_the_first_day_of_that_age(birth: date, years: int) -> None:
    day = birthday(birth, years)
    assert age(birth, day) == years
    assert age(birth, day - timedelta(days=1)) == years - 1


@pytest.mark.parametrize(
    ("years", "judged", "expected"),
    [
        (12, {UNABLE}, set()),
        (12, {UNABLE, None}, PARENTS_TOO),
        (16, {UNABLE}, set()),
        (16, {UNABLE, None}, set()),  # the parents go on signing beside them
    ],
)
def test_who_is_judged_unable_does_not_come_to_decide(
    years: int, judged: set[Inability | None], expected: set[tuple[PersonId, Topic]]
) -> None:
    soon = Person(CHILD, frozenset({born(years, TODAY + timedelta(days=10))}), frozenset(judged))
    assert found(soon, *SAID) == expected


def test_somebody_born_on_a_leap_day_is_told_before_the_first_of_march() -> None:
    leap = a_person(CHILD, date(2012, 2, 29))
    assert reminders(
        leap, [running(consent_until=date(2029, 1, 1))], BOTH, SAID, TABLE, on(date(2028, 2, 10)), OWN
    ) == {
        Reminder(who, SENDER, topic, CHILD, date(2028, 2, 29), 16)
        for who, topic in [*PARENTS_ALONE, (CHILD, Topic.YOU_ALONE)]
    }
    assert birthday(date(2012, 2, 29), 11) == date(2023, 3, 1)


RECORDS = st.lists(
    st.builds(
        a_record,
        st.sampled_from([CHILD, MOTHER, FATHER, GRANNY]),
        st.sampled_from([GIVEN, GIVEN, REFUSED, WITHDRAWN]),
        st.integers(1, 9),
        until=st.integers(-5, 30).map(lambda days: TODAY + timedelta(days=days)),
        handover=st.sampled_from([HandoverId("h-1"), HandoverId("h-2")]),
    ),
    max_size=8,
    unique_by=lambda r: (r.signer, r.serial),
)


@given(
    RECORDS,
    st.integers(0, 40),
    st.sets(st.sampled_from([CHILD, MOTHER, FATHER])),
    st.integers(10, 17),
)
def test_whoever_is_told_answered_and_sees_something_of_it(
    records: list[ConsentRecord], days: int, shielded: set[PersonId], years: int
) -> None:
    person = a_person(CHILD, born(years, TODAY + timedelta(days=days)))
    handover = running(a_section(shielded_from=shielded))
    for reminder in reminders(person, [handover], BOTH, records, TABLE, NOW, OWN):
        assert reminder.to not in shielded
        mine = [r for r in records if r.signer == reminder.to]
        assert mine
        assert local_day(NOW) <= reminder.day
        assert (reminder.to == CHILD) == (reminder.topic is Topic.YOU_ALONE) or reminder.topic is Topic.CONSENT_ENDS
        if reminder.topic is Topic.CONSENT_ENDS:
            latest = max(mine, key=lambda r: r.serial)
            assert latest.state is GIVEN
            assert latest.scope.until == reminder.day <= TODAY + timedelta(days=14)
