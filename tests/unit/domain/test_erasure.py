"""What is due on a day and why; who can be forgotten, and who stays because of somebody else."""

from datetime import date, timedelta

from hypothesis import given
from hypothesis import strategies as st

from broker.domain.erasure import ENDS, LOG_KEPT, Cause, Contents, Due, Trace, due, log_may_go, may_go, together
from broker.domain.handovers import ENDED, HandoverId, HandoverState
from broker.domain.parties import Oin, PersonId

DAYS = st.dates(date(2020, 1, 1), date(2060, 12, 31))
PEOPLE = st.sampled_from([PersonId(name) for name in "abcdefg"])
PAIRS = st.lists(st.tuples(PEOPLE, PEOPLE), max_size=12)


def contents(state: HandoverState, until: date) -> Contents:
    return Contents(HandoverId("h-1"), 1, Oin("0" * 20), PersonId("a"), "care", state, until)


@given(st.sampled_from(HandoverState), DAYS, DAYS)
def test_contents_go_when_the_handover_ended_or_its_last_day_has_passed_and_not_before(state, until, today):
    found = due(contents(state, until), today)
    assert (found is not None) is (state in ENDED or today > until)
    if found is not None:
        assert found.overdue == max(0, (today - until).days)
        assert ENDS[found.cause] is (state if state in ENDED else HandoverState.EXPIRED)


def test_the_last_day_itself_is_still_kept():
    day = date(2026, 11, 22)
    assert due(contents(HandoverState.ACTIVE, day), day) is None
    over = due(contents(HandoverState.SUSPENDED, day), day + timedelta(days=1))
    assert over == Due(HandoverId("h-1"), Cause.RETENTION_OVER, 1)


def test_every_cause_of_a_handover_ends_it_in_a_state_of_its_own():
    assert set(ENDS) == set(Cause) - {Cause.LOG_TIME_OVER}
    assert set(ENDS.values()) == ENDED
    assert HandoverState.ACTIVE not in ENDED
    assert HandoverState.SUSPENDED not in ENDED


@given(DAYS, DAYS)
def test_the_log_stays_readable_for_five_years_and_its_last_day(last, today):
    assert log_may_go(Trace(PersonId("a"), last), today) is (today > LOG_KEPT.after(last))
    assert LOG_KEPT.after(last).year == last.year + 5


def test_five_years_from_a_leap_day():
    trace = Trace(PersonId("a"), date(2024, 2, 29))
    assert not log_may_go(trace, date(2029, 2, 28))
    assert log_may_go(trace, date(2029, 3, 1))


@given(st.frozensets(PEOPLE), PAIRS)
def test_nobody_goes_who_holds_authority_over_somebody_who_stays_and_nobody_else_stays(free, pairs):
    held = [pair for pair in pairs if pair[0] in free]
    going = may_go(free, held)
    assert going <= free
    assert not any(holder in going and over not in going for holder, over in held)
    stays = free - going  # each for a reason: a way along authority to somebody who was not free
    reached = set()
    for _ in free:
        reached |= {holder for holder, over in held if over not in free or over in reached}
    assert stays == reached & free


@given(st.frozensets(PEOPLE), PAIRS)
def test_groups_hold_everybody_once_and_no_authority_leads_from_one_to_another(going, pairs):
    groups = together(going, pairs)
    assert frozenset().union(*groups) == going
    assert sum(map(len, groups)) == len(going)
    for holder, over in pairs:
        if holder in going and over in going:
            assert any({holder, over} <= group for group in groups)


def test_two_who_hold_authority_over_each_other_go_together():
    a, b = PersonId("a"), PersonId("b")
    assert may_go({a, b}, [(a, b), (b, a)]) == {a, b}
    assert together({a, b}, [(a, b), (b, a)]) == (frozenset({a, b}),)
