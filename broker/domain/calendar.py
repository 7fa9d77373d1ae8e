"""Days are days in the Netherlands: ages and periods turn at midnight in Europe/Amsterdam, across clock changes.

- An age counts from the day of the birthday; somebody born on 29 February has it on 1 March in other years.
- A period holds until the end of its last day.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
_PERIOD = re.compile(r"P(?:([0-9]{1,3})Y)?(?:([0-9]{1,4})M)?(?:([0-9]{1,3})W)?(?:([0-9]{1,5})D)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period of ISO 8601 (`P12M`, `P6M1D`): years and months, weeks and days; no hours."""

    months: int
    days: int

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Read `PnYnMnWnD`. Raises ValueError on anything else, also on the empty `P`."""
        match = _PERIOD.fullmatch(text)
        if match is None or text == "P":
            raise ValueError("not a calendar period such as P12M")
        years, months, weeks, days = (int(part or 0) for part in match.groups())
        return cls(years * 12 + months, weeks * 7 + days)

    @property
    def text(self) -> str:
        """As `parse` reads it: months and days."""
        return "P" + (f"{self.months}M" if self.months else "") + (f"{self.days}D" if self.days else "")

    def within(self, other: "Period") -> bool:
        """Whether it never ends later than the other, from whatever day both begin; False where that depends on the day."""
        if self.months <= other.months and self.days <= other.days:
            return True
        return self.months * 31 + self.days <= other.months * 28 + other.days

    def after(self, day: date) -> date:
        """The day that lies this long after `day`; a month's missing day becomes its last."""
        return _add_months(day, self.months) + timedelta(days=self.days)

    def before(self, day: date) -> date:
        """The day that lies this long before `day`."""
        return _add_months(day, -self.months) - timedelta(days=self.days)


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(day.day, last))


@lru_cache(64)
def local_day(instant: datetime) -> date:
    """The calendar day in the Netherlands at that instant. The instant must know its zone."""
    if instant.tzinfo is None:
        raise ValueError("an instant needs a time zone")
    return instant.astimezone(AMSTERDAM).date()


def age(birth: date, on: date) -> int:
    """Full years on that day. Negative before the birth; a 29 February counts on 1 March in other years."""
    return on.year - birth.year - ((on.month, on.day) < (birth.month, birth.day))


def birthday(birth: date, years: int) -> date:
    """The day on which somebody turns that age: the first on which `age` says so."""
    try:
        return birth.replace(year=birth.year + years)
    except ValueError:  # 29 February, in a year without one
        return date(birth.year + years, 3, 1)


def end_of_day(day: date) -> datetime:
    """The first instant that is no longer in `day`, in UTC."""
    return datetime.combine(day + timedelta(days=1), time(), AMSTERDAM).astimezone(UTC)


def still_in(until: date, now: datetime) -> bool:
    """Whether a period whose last day is `until` still holds at `now`."""
    return local_day(now) <= until
