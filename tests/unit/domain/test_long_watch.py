"""When somebody is asked again, and what is never pushed: the words of a family."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.calendar import AMSTERDAM, Period, local_day
from broker.domain.handovers import HandoverId, HandoverState
from broker.domain.long_watch import EVERY, HOUR, Watched, next_moment
from broker.domain.parties import PersonId
from tests.factories import a_handover

MOMENTS = st.integers(0, 12 * 366 * 86400).map(lambda s: datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
ANNA, QUESTION = PersonId("anna"), HandoverId("h-1")


@given(MOMENTS, st.sampled_from(EVERY))
def test_the_next_question_comes_one_period_later_at_ten_in_the_morning(now: datetime, every: str) -> None:
    found = next_moment(every, now)
    assert found > now
    assert local_day(found) == Period.parse(every).after(local_day(now))
    assert found.astimezone(AMSTERDAM).time() == HOUR


@given(MOMENTS, st.sampled_from(EVERY), st.integers(1, 900))
def test_who_slept_for_long_asks_once_and_not_for_each_time_that_was_missed(
    now: datetime, every: str, days: int
) -> None:
    late = next_moment(every, now) + timedelta(days=days)
    assert next_moment(every, late) > late


@pytest.mark.parametrize("odd", ["", "P1D", "P2M", "P1Y", "p1m", "P1M ", "P0M"])
def test_another_period_cannot_be_chosen(odd: str) -> None:
    with pytest.raises(ValueError, match="not a period"):
        next_moment(odd, datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (Watched(ANNA), "waiting"),
        (Watched(ANNA, QUESTION), "asked"),
        (Watched(ANNA, QUESTION, answered=True), "answered"),
        (Watched(ANNA, QUESTION, answered=True, stopped=True), "stopped"),
        (Watched(ANNA, stopped=True), "stopped"),
    ],
)
def test_how_it_stands_never_says_what_was_said(one: Watched, state: str) -> None:
    assert one.state == state


@pytest.mark.parametrize("state", HandoverState)
def test_what_is_asked_can_be_answered_and_never_released(state: HandoverState) -> None:
    handover, now = a_handover(state=state), datetime(2026, 10, 1, tzinfo=UTC)
    assert handover.kept_at(now) == (state is HandoverState.ACTIVE)
    assert handover.asks(handover.subject, now) == (state in (HandoverState.ACTIVE, HandoverState.ASKED))
    assert handover.asks(ANNA, now) == (state is HandoverState.ACTIVE), "a question is for its own words alone"
