"""How much, never about whom: disclosures, refusals and answers over days, weeks or months, ready to be drawn."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from broker.domain.calendar import local_day
from broker.domain.decisions import Told
from broker.domain.events import EventType
from broker.domain.officers import Right
from broker.domain.stores import DailyKey
from broker.errors import Words
from broker.services.checks import KnowsOfficers
from broker.services.house import House
from broker.services.labels import REASONS, WHY
from broker.services.looking import looked

REPEATED = 25
"""Rows of the table of refusals."""
REQUESTS = (EventType.RELEASE_PERMITTED.value, EventType.RELEASE_DENIED.value)
ANSWERS = {
    EventType.CONSENT_GIVEN.value: Words("Ja", "Yes"),
    EventType.CONSENT_REFUSED.value: Words("Nee", "No"),
    EventType.CONSENT_WITHDRAWN.value: Words("Gestopt", "Stopped"),
}
OUTCOMES = {
    "permitted": Words("Vrijgegeven", "Released"),
    "partly": Words("Deels vrijgegeven", "Partly released"),
    "denied": Words("Geweigerd", "Refused"),
}
REVIEWED = {
    "signed-off": Words("Afgetekend", "Signed off"),
    "waiting": Words("Wacht nog", "Still waits"),
}
UNKNOWN_REASON = Words("Reden is gewist", "Reason was erased")
ELSEWHERE = Words("Onbekend", "Unknown")


class Period(StrEnum):
    """How far back, and by what."""

    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"


@dataclass(frozen=True, slots=True)
class Span:
    """From one day to another, both included."""

    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Chart:
    """Counts of several kinds (`parts`) in each span."""

    key: str
    title: Words
    parts: tuple[Words, ...]
    spans: tuple[Span, ...]
    counts: tuple[tuple[int, ...], ...]
    """For each span, a count for each part."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """Counts with a name each, the largest first."""

    key: str
    title: Words
    rows: tuple[tuple[Words, int], ...]


@dataclass(frozen=True, slots=True)
class Repeated:
    """How often an organisation was refused for one reason, and what it asked for of whom."""

    organisation: str
    counterpart: str
    reason: Words
    times: int


@dataclass(frozen=True, slots=True)
class PicturesScreen:
    """Everything of one period. `charts` are drawn in their order: one more is one more of them."""

    period: Period
    first: date
    last: date
    charts: tuple[Chart, ...]
    amounts: tuple[Amounts, ...]
    repeated: tuple[Repeated, ...]


class Pictures:
    """The use case."""

    def __init__(self, house: House, officers: KnowsOfficers) -> None:
        self._house = house
        self._officers = officers

    async def screen(self, token: str, period: Period) -> PicturesScreen:
        """The counts of a period, for an officer of one organisation their own. The look is logged; it is about nobody."""
        house, now = self._house, self._house.clock()
        spans = spans_of(period, local_day(now))
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.COUNT)
            counts = await work.daily.between(spans[0].first, spans[-1].last, acting.party)
            reviewed = await work.reviews.by_day(spans[0].first, spans[-1].last, acting.party)
            unanswered = await work.invitations.open_count(now, acting.party)
            names = {str(partner.oin): partner.name for partner in await work.organisations.all()}
            await looked(work, acting, now, "pictures")
            await work.commit()
        house.log.kick()
        weekly = weeks_of(spans) if period is Period.DAYS else spans
        charts = (
            chart("disclosures", _DISCLOSURES, OUTCOMES, spans, _requests(counts)),
            chart("answers", _ANSWERS, ANSWERS, weekly, _answers(counts)),
            chart("reviewed", _REVIEWED, REVIEWED, weekly, _reviewed(reviewed)),
        )
        reasons = Counter[str]()
        for key, number in counts.items():
            if key.type in REQUESTS and key.outcome in ("denied", "partly"):
                reasons[key.reason] += number
        refused = Amounts("refused", _REFUSED, tuple((reason_of(reason), n) for reason, n in reasons.most_common()))
        answered = sum(number for _, kind, number in _answers(counts) if kind != EventType.CONSENT_WITHDRAWN.value)
        asked = Amounts("asked", _ASKED, ((_OPEN, unanswered), (_ANSWERED, answered)))
        first, last = spans[0].first, spans[-1].last
        return PicturesScreen(period, first, last, charts, (refused, asked), _repeated(counts, names))


def spans_of(period: Period, today: date) -> tuple[Span, ...]:
    """Thirty days, twelve weeks from Monday, or twelve months, the last of which holds today."""
    if period is Period.DAYS:
        return tuple(Span(day, day) for day in (today - timedelta(days=back) for back in range(29, -1, -1)))
    if period is Period.WEEKS:
        monday = today - timedelta(days=today.weekday())
        return tuple(_week(monday - timedelta(weeks=back)) for back in range(11, -1, -1))
    months = [divmod(today.year * 12 + today.month - 1 - back, 12) for back in range(11, -1, -1)]
    firsts = [date(year, month + 1, 1) for year, month in months]
    after = date(today.year + today.month // 12, today.month % 12 + 1, 1)
    ends = [*firsts[1:], after]
    return tuple(Span(first, end - timedelta(days=1)) for first, end in zip(firsts, ends, strict=True))


def weeks_of(days: Sequence[Span]) -> tuple[Span, ...]:
    """The weeks that hold these days, cut off where they begin and end."""
    first, last = days[0].first, days[-1].last
    monday, weeks = first - timedelta(days=first.weekday()), []
    while monday <= last:
        week = _week(monday)
        weeks.append(Span(max(week.first, first), min(week.last, last)))
        monday += timedelta(weeks=1)
    return tuple(weeks)


def _week(monday: date) -> Span:
    return Span(monday, monday + timedelta(days=6))


def chart(
    key: str, title: Words, parts: Mapping[str, Words], spans: Sequence[Span], found: Iterable[tuple[date, str, int]]
) -> Chart:
    """Counts by day and kind, put together by span; what is of no span or part is left out."""
    kinds, table = list(parts), [[0] * len(parts) for _ in spans]
    where = {
        span.first + timedelta(days=day): place
        for place, span in enumerate(spans)
        for day in range((span.last - span.first).days + 1)
    }
    for day, kind, number in found:
        if day in where and kind in parts:
            table[where[day]][kinds.index(kind)] += number
    return Chart(key, title, tuple(parts.values()), tuple(spans), tuple(map(tuple, table)))


def reason_of(reason: str) -> Words:
    """A counted reason in words."""
    if reason in REASONS:
        return REASONS[reason]
    return WHY[Told(reason)] if reason in set(Told) else UNKNOWN_REASON


def _requests(counts: Mapping[DailyKey, int]) -> Sequence[tuple[date, str, int]]:
    return [(key.day, key.outcome, number) for key, number in counts.items() if key.type in REQUESTS]


def _answers(counts: Mapping[DailyKey, int]) -> Sequence[tuple[date, str, int]]:
    return [(key.day, key.type, number) for key, number in counts.items() if key.type in ANSWERS]


def _reviewed(items: Mapping[date, tuple[int, int]]) -> Sequence[tuple[date, str, int]]:
    """What stood out on each day: how much of it was signed off since, and how much waits."""
    pairs = ((day, signed, made - signed) for day, (made, signed) in items.items())
    return [one for day, signed, waits in pairs for one in ((day, "signed-off", signed), (day, "waiting", waits))]


def _repeated(counts: Mapping[DailyKey, int], names: Mapping[str, str]) -> tuple[Repeated, ...]:
    """Refusals that happened more than once between the same two organisations, most often first."""
    found: Counter[tuple[str, str, str]] = Counter()
    for key, number in counts.items():
        if key.type in REQUESTS and key.outcome in ("denied", "partly"):
            found[key.organisation, key.counterpart, key.reason] += number
    return tuple(
        Repeated(names.get(asks, ""), names.get(sent, ""), reason_of(reason), number)
        for (asks, sent, reason), number in found.most_common(REPEATED)
        if number > 1
    )


_DISCLOSURES = Words("Aanvragen", "Requests")
_ANSWERS = Words("Antwoorden van gezinnen", "Answers of families")
_REVIEWED = Words("Wat opviel", "What stood out")
_REFUSED = Words("Waarom er (deels) is geweigerd", "Why requests were (partly) refused")
_ASKED = Words("Gevraagd aan gezinnen", "Asked of families")
_OPEN = Words("Uitnodigingen die nu openstaan", "Invitations that are open now")
_ANSWERED = Words("Antwoorden in deze periode", "Answers in this period")
