"""The urgent lane: when it is near, when it has passed, how far it is; each escalation once, and nothing opens by it."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.arrivals import Arrival, Came
from broker.domain.parties import Oin, Recipient
from broker.domain.urgency import (
    HOURS,
    Progress,
    Step,
    begun,
    next_look,
    progress_of,
    reached,
    state_of,
    waiting_for,
)

NOW = datetime(2026, 3, 28, 22, 30, tzinfo=UTC)
"""The night in which the clock is moved on."""
OPEN_ENOUGH = {Came.WAITING, Came.COLLECTED, Came.READ, Came.TAKEN_OVER}


def arrivals(*came: Came) -> list[Arrival]:
    return [Arrival(Recipient(Oin(f"{i:020}"), "teacher"), one) for i, one in enumerate(came)]


@pytest.mark.parametrize(("within", "near"), [("PT24H", 18), ("PT48H", 36)])
def test_a_lane_lasts_as_many_hours_as_it_says_also_when_the_clock_is_moved(within: str, near: int) -> None:
    lane = begun(HOURS[within], NOW)
    assert lane.until - NOW == timedelta(hours=HOURS[within])
    assert lane.near - NOW == timedelta(hours=near)
    assert lane.within == within


def test_it_is_near_and_passed_from_the_very_moment_on() -> None:
    lane, tick = begun(24, NOW), timedelta(microseconds=1)
    assert reached(lane, Step.ASKED, lane.near - tick) is Step.ASKED
    assert reached(lane, Step.ASKED, lane.near) is Step.NEAR
    assert reached(lane, Step.NEAR, lane.until - tick) is Step.NEAR
    assert reached(lane, Step.NEAR, lane.until) is Step.PASSED


@given(st.lists(st.integers(0, 72 * 60), min_size=1, max_size=30), st.sampled_from(sorted(HOURS.values())))
def test_whenever_the_rounds_come_they_escalate_once_for_each_moment_at_most_and_stop(
    minutes: list[int], hours: int
) -> None:
    lane, step, told = begun(hours, NOW), Step.ASKED, []
    for at in sorted(minutes):
        now = NOW + timedelta(minutes=at)
        look = next_look(lane, step)
        if look is None or look > now:
            continue
        after = reached(lane, step, now)
        assert after is not step
        told.append(after)
        step = after
    assert told in ([], [Step.NEAR], [Step.PASSED], [Step.NEAR, Step.PASSED])
    last = NOW + timedelta(minutes=max(minutes))
    assert (Step.PASSED in told) == (last >= lane.until)


@pytest.mark.parametrize("came", list(product(Came, Came)))
@pytest.mark.parametrize("answered", [True, False])
def test_it_is_done_when_every_recipient_acknowledged_it_and_shut_only_when_everybody_answered(
    came: tuple[Came, Came], answered: bool
) -> None:
    found = progress_of(arrivals(*came), answered=answered)
    assert (found is Progress.DONE) == (set(came) <= {Came.READ, Came.TAKEN_OVER})
    assert (found is Progress.SHUT) == (answered and Came.SHUT in came)
    assert (found is Progress.ANSWERS) == (not answered and Came.SHUT in came)
    assert (found is Progress.RECIPIENTS) == (set(came) <= OPEN_ENOUGH and found is not Progress.DONE)


def test_with_nobody_to_hand_over_to_it_is_never_done() -> None:
    assert progress_of([], answered=True) is Progress.SHUT
    assert progress_of([], answered=False) is Progress.ANSWERS


def test_it_is_late_from_the_deadline_on_unless_it_is_done() -> None:
    lane = begun(48, NOW)
    assert not state_of(lane, Progress.ANSWERS, Step.NEAR, lane.until - timedelta(seconds=1)).late
    assert state_of(lane, Progress.ANSWERS, Step.NEAR, lane.until).late
    assert not state_of(lane, Progress.DONE, Step.NEAR, lane.until).late


def test_an_acknowledgement_is_asked_of_whom_it_is_open_to_and_who_did_not_give_it() -> None:
    every = arrivals(*Came)
    assert [one.came for one in waiting_for(every)] == [Came.WAITING, Came.COLLECTED]
