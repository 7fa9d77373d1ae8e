"""Days turn at midnight in the Netherlands, ages on the birthday, and nothing else is read as a period."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broker.domain.calendar import Period, age, end_of_day, local_day, still_in

DAYS = st.dates(date(1980, 1, 1), date(2200, 1, 1))
PERIODS = st.builds(Period, st.integers(0, 600), st.integers(0, 2000))
TICK = timedelta(microseconds=1)


def birthday_in(birth: date, year: int) -> date:
    try:
        return birth.replace(year=year)
    except ValueError:
        return date(year, 3, 1)


@given(DAYS, DAYS)
@example(date(2008, 2, 29), date(2020, 2, 28))
@example(date(2008, 2, 29), date(2020, 2, 29))
@example(date(2008, 2, 29), date(2024, 2, 29))
@example(date(2008, 2, 29), date(2021, 2, 28))
@example(date(2008, 2, 29), date(2021, 3, 1))
def test_an_age_is_the_number_of_birthdays_that_have_come(birth, on):
    born, on = min(birth, on), max(birth, on)
    assert age(born, on) == sum(birthday_in(born, year) <= on for year in range(born.year + 1, on.year + 1))


@given(DAYS, DAYS)
def test_an_age_never_falls_and_is_negative_before_the_birth(birth, on):
    assert age(birth, on) <= age(birth, on + timedelta(days=1)) <= age(birth, on) + 1
    assert (age(birth, on) < 0) == (on < birth)


@pytest.mark.parametrize(
    ("birth", "on", "years"),
    [
        ("2014-06-15", "2026-06-14", 11),
        ("2014-06-15", "2026-06-15", 12),
        ("2012-02-29", "2028-02-28", 15),
        ("2012-02-29", "2028-02-29", 16),
        ("2008-02-29", "2024-02-29", 16),
        ("2009-02-28", "2025-02-28", 16),
        ("2012-02-29", "2027-02-28", 14),
        ("2012-02-29", "2027-03-01", 15),
    ],
)
def test_the_age_counts_from_the_day_of_the_birthday(birth, on, years):
    assert age(date.fromisoformat(birth), date.fromisoformat(on)) == years


@pytest.mark.parametrize(
    ("day", "ends"),
    [
        ("2026-03-28", "2026-03-28T23:00:00+00:00"),
        ("2026-03-29", "2026-03-29T22:00:00+00:00"),  # the clock goes forward: 23 hours
        ("2026-10-24", "2026-10-24T22:00:00+00:00"),
        ("2026-10-25", "2026-10-25T23:00:00+00:00"),  # the clock goes back: 25 hours
        ("2026-12-31", "2026-12-31T23:00:00+00:00"),
    ],
)
def test_a_day_ends_at_midnight_in_amsterdam_across_both_clock_changes(day, ends):
    last, end = date.fromisoformat(day), datetime.fromisoformat(ends)
    assert end_of_day(last) == end
    assert still_in(last, end - TICK)
    assert not still_in(last, end)


@given(DAYS)
def test_the_end_of_a_day_is_the_first_instant_of_the_next(day):
    end = end_of_day(day)
    assert local_day(end - TICK) == day
    assert local_day(end) == day + timedelta(days=1)
    assert end.tzinfo is UTC


@given(st.integers(0, 2**32), st.integers(-23, 23))
def test_the_same_instant_is_the_same_day_whatever_zone_it_is_written_in(seconds, hours):
    instant = datetime.fromtimestamp(seconds, UTC)
    assert local_day(instant) == local_day(instant.astimezone(timezone(timedelta(hours=hours))))


def test_an_instant_without_a_zone_has_no_day():
    with pytest.raises(ValueError):
        local_day(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


@given(st.integers(0, 999), st.integers(0, 9999), st.integers(0, 999), st.integers(0, 99999))
def test_a_written_period_is_read_whole(years, months, weeks, days):
    assert Period.parse(f"P{years}Y{months}M{weeks}W{days}D") == Period(12 * years + months, 7 * weeks + days)


@pytest.mark.parametrize(
    "text",
    ["", "P", "p12M", "P12", "12M", "P1.5M", "P1,5M", "P-1M", "-P1M", "+P1M", " P1M", "P1M ", "P1M\n", "PT1H", "P1DT1H",
     "P1D1M", "P1M1Y", "P1Y1Y", "P1000Y", "P10000M", "P1000W", "P100000D", "P١M", "P１M", "PM", "P1M1", "P 1M"],
)  # fmt: skip
def test_anything_else_is_no_period(text):
    with pytest.raises(ValueError):
        Period.parse(text)


@given(st.text(alphabet="P0123456789YMWDT-+. ", max_size=12))
def test_what_is_read_as_a_period_can_be_written_again(text):
    try:
        period = Period.parse(text)
    except ValueError:
        return
    assert text[0] == "P"
    assert text[-1] in "YMWD"
    assert not set(text) & set("T-+. ")
    assert min(period.months, period.days) >= 0


@pytest.mark.parametrize(
    ("day", "period", "after"),
    [
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2024-01-31", "P1M", "2024-02-29"),
        ("2024-02-29", "P12M", "2025-02-28"),
        ("2024-02-29", "P4Y", "2028-02-29"),
        ("2026-10-31", "P1M", "2026-11-30"),
        ("2026-11-30", "P1M", "2026-12-30"),
        ("2026-12-31", "P1M", "2027-01-31"),
        ("2026-12-31", "P2M", "2027-02-28"),
        ("2026-01-31", "P1M1D", "2026-03-01"),
        ("2026-05-01", "P2W", "2026-05-15"),
    ],
)
def test_a_months_missing_day_becomes_its_last(day, period, after):
    assert Period.parse(period).after(date.fromisoformat(day)) == date.fromisoformat(after)


@given(DAYS, st.integers(0, 600))
def test_months_after_keep_the_day_or_take_the_months_last(day, months):
    found = Period(months, 0).after(day)
    assert found.year * 12 + found.month == day.year * 12 + day.month + months
    assert found.day == day.day or (found.day < day.day and (found + timedelta(days=1)).day == 1)


@given(DAYS, DAYS, PERIODS)
def test_a_later_day_never_ends_earlier(first, second, period):
    early, late = min(first, second), max(first, second)
    assert period.after(early) <= period.after(late)
    assert period.before(early) <= period.before(late)
    assert period.before(early) <= early <= period.after(early)


@given(st.dates(date(1980, 1, 1), date(2200, 1, 1)).filter(lambda day: day.day <= 28), st.integers(0, 600))
def test_before_undoes_after_where_no_month_is_too_short(day, months):
    assert Period(months, 0).before(Period(months, 0).after(day)) == day
    assert Period(0, months).before(Period(0, months).after(day)) == day


def test_a_period_beyond_the_calendar_is_an_error_that_a_reader_of_bodies_knows():
    for period in ("P999Y9999M", "P999Y", "P9999M99999D"):
        with pytest.raises((ValueError, OverflowError)):
            Period.parse(period).after(date(9900, 1, 1))
