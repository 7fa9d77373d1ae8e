"""Which lines stand out: each threshold from both sides, words for every reason, and an order that is one."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.calendar import AMSTERDAM
from broker.domain.review import (
    CHILDREN,
    LEADING,
    MAKES_ITEM,
    NAMES,
    REASONS,
    REFUSALS,
    WEIGHTS,
    WIDE,
    Before,
    Request,
    Signal,
    lead,
    makes_item,
    may_sign_off,
    ordered,
    outside_hours,
    rank,
    signals_of,
    weight_of,
)

TUESDAY = datetime(2026, 11, 17, 10, 30, tzinfo=AMSTERDAM)
PLAIN = Request(TUESDAY)
TYPES = frozenset(f"type-{n}" for n in range(10))
signals = st.frozensets(st.sampled_from(Signal), min_size=1)
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def test_every_signal_has_a_weight_a_name_and_a_reason_in_two_languages() -> None:
    assert set(WEIGHTS) == set(NAMES) == set(REASONS) == set(Signal)
    for words in (*NAMES.values(), *REASONS.values()):
        assert words.nl
        assert words.en
        assert words.nl != words.en
    assert list(WEIGHTS) == sorted(WEIGHTS, key=lambda signal: -WEIGHTS[signal])


def test_an_ordinary_request_in_working_hours_does_not_stand_out() -> None:
    assert signals_of(PLAIN, Before(refusals=4, children=9)) == frozenset()


@pytest.mark.parametrize(
    ("request_", "before", "signal"),
    [
        (replace(PLAIN, refused=True), Before(refusals=REFUSALS), Signal.REFUSED_OFTEN),
        (PLAIN, Before(children=CHILDREN), Signal.MANY_CHILDREN),
        (replace(PLAIN, weak=True), Before(), Signal.WEAK_EVIDENCE),
        (replace(PLAIN, doubted=True), Before(), Signal.SHARED_CONTACT),
        (replace(PLAIN, at=TUESDAY.replace(hour=22)), Before(), Signal.OUTSIDE_HOURS),
        (replace(PLAIN, got=TYPES, there=TYPES), Before(), Signal.WIDE),
        (replace(PLAIN, asked=TYPES, there=TYPES), Before(), Signal.WIDE),
        (PLAIN, Before(new_organisation=True), Signal.FIRST_ORGANISATION),
        (PLAIN, Before(new_child=True), Signal.FIRST_CHILD),
    ],
)
def test_each_reason_stands_out_alone(request_: Request, before: Before, signal: Signal) -> None:
    assert signals_of(request_, before) == {signal}


@pytest.mark.parametrize(
    ("request_", "before"),
    [
        (replace(PLAIN, refused=True), Before(refusals=REFUSALS - 1)),
        (PLAIN, Before(refusals=REFUSALS)),  # this one was not refused
        (PLAIN, Before(children=CHILDREN - 1)),
        (replace(PLAIN, got=frozenset(list(TYPES)[: WIDE - 1]), there=frozenset(list(TYPES)[: WIDE - 1])), Before()),
        (replace(PLAIN, got=frozenset(list(TYPES)[:WIDE]), there=TYPES), Before()),
        (replace(PLAIN, asked=frozenset(f"other-{n}" for n in range(9)), there=TYPES), Before()),
        (replace(PLAIN, search=True), Before(new_child=True, new_organisation=True)),
    ],
)
def test_just_below_a_threshold_nothing_stands_out(request_: Request, before: Before) -> None:
    assert signals_of(request_, before) == frozenset()


@pytest.mark.parametrize(
    ("at", "outside"),
    [
        (datetime(2026, 11, 17, 5, 59, tzinfo=UTC), True),  # 06:59 in Amsterdam, winter
        (datetime(2026, 11, 17, 6, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 17, 17, 59, tzinfo=UTC), False),
        (datetime(2026, 11, 17, 18, 0, tzinfo=UTC), True),
        (datetime(2026, 7, 14, 5, 0, tzinfo=UTC), False),  # 07:00, summer
        (datetime(2026, 7, 14, 4, 59, tzinfo=UTC), True),
        (datetime(2026, 11, 21, 12, 0, tzinfo=UTC), True),  # Saturday
        (datetime(2026, 11, 22, 23, 30, tzinfo=UTC), True),  # Monday already in Amsterdam, at night
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), False),  # Friday
    ],
)
def test_working_hours_are_those_of_amsterdam(at: datetime, outside: bool) -> None:
    assert outside_hours(at) is outside


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        outside_hours(datetime(2026, 11, 17, 12))  # noqa: DTZ001


def test_small_things_are_no_item_alone_but_add_up() -> None:
    first = {Signal.FIRST_CHILD, Signal.FIRST_ORGANISATION, Signal.WIDE}
    assert not makes_item(first)
    assert makes_item({*first, Signal.UNREAD})
    assert makes_item({Signal.SAMPLE})
    assert not makes_item(())
    assert set(LEADING) == {s for s in Signal if makes_item({s})}


@given(signals, signals)
def test_more_reasons_never_weigh_less_and_the_order_does_not_matter(some: frozenset, more: frozenset) -> None:
    assert weight_of(some | more) >= max(weight_of(some), weight_of(more))
    assert weight_of([*some, *some]) == weight_of(some)
    assert ordered(some) == ordered(reversed(list(some)))
    assert set(ordered(some)) == some
    assert lead(some) == ordered(some)[0]
    assert all(WEIGHTS[lead(some)] >= WEIGHTS[one] for one in some)
    assert makes_item(some) is (Signal.SAMPLE in some or weight_of(some) >= MAKES_ITEM)


def test_nothing_leads_nothing() -> None:
    with pytest.raises(ValueError, match="stands out"):
        lead(())


@given(signals, moments, signals, moments)
def test_the_heaviest_comes_first_and_then_the_oldest(a: frozenset, at: datetime, b: frozenset, bt: datetime) -> None:
    mine, other = (-weight_of(a), int(at.timestamp())), (-weight_of(b), int(bt.timestamp()))
    assert (rank(weight_of(a), at) < rank(weight_of(b), bt)) is (mine < other)
    assert rank(weight_of(a), at) < 2**63


def test_what_cannot_be_read_comes_before_everything() -> None:
    every_other = set(Signal) - {Signal.UNREADABLE}
    late, early = datetime(2039, 1, 1, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC)
    assert rank(weight_of({Signal.UNREADABLE}), late) < rank(weight_of(every_other), early)


@given(moments)
def test_the_hours_repeat_each_week(at: datetime) -> None:
    local = at.astimezone(AMSTERDAM)
    assert outside_hours(local) is outside_hours((local + timedelta(days=7)).replace(fold=local.fold))


@pytest.mark.parametrize(
    ("looks_for", "signals", "may"),
    [
        (None, {Signal.SAMPLE, Signal.UNREADABLE}, True),
        ("asks", {Signal.OUTSIDE_HOURS}, True),
        ("asks", {Signal.OUTSIDE_HOURS, Signal.SAMPLE}, False),
        ("asks", {Signal.UNREADABLE}, False),
        ("asked", {Signal.OUTSIDE_HOURS}, False),
        ("", {Signal.OUTSIDE_HOURS}, False),
    ],
)
def test_who_asked_answers_for_it_and_nobody_closes_a_look_at_themselves(
    looks_for: str | None, signals: set, may: bool
) -> None:
    assert may_sign_off(looks_for, "asks", signals) is may
