"""A follower of the log that counts for the indicators: by month, sender, its region of then, and kind of handover.

- It goes by what entries say in clear, in their order: working it all out again gives the same, whoever was erased since.
- A release is counted when it is acknowledged, or is not acknowledged in time.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from broker.domain.calendar import local_day
from broker.domain.events import EventType
from broker.domain.indicators import SETTLES, Counted, Measure, kind_of, measures_of, month_of, seen_in
from broker.domain.log_ports import LoggedFacts
from broker.domain.review import UNREAD_AFTER
from broker.domain.stores import UnitOfWork
from broker.domain.stores.indicators import AwaitedReading
from broker.services.following import Line


class Measuring:
    """See `Follower`."""

    name = "measuring"

    async def take(self, work: UnitOfWork, lines: Sequence[Line]) -> None:
        """Count each entry where its sender was then; an unreadable one is counted nowhere."""
        read = [line.facts for line in lines if line.facts is not None]
        batch = _Batch(
            dict(await work.indicators.regions({_sender(facts) for facts in read})),
            {one.release: one for one in await work.indicators.awaited({_release(facts) for facts in read})},
        )
        kept = frozenset(batch.awaited)
        for facts in read:
            batch.take(facts)
        if read:
            batch.give_up(await work.indicators.overdue(_give_up(read)), _give_up(read))
        await work.indicators.place(batch.moved)
        await work.indicators.await_reading([one for release, one in batch.awaited.items() if release not in kept])
        await work.indicators.no_longer_awaited(batch.over)
        await work.indicators.add(batch.counts)

    async def forget(self, work: UnitOfWork) -> None:
        """Begin anew."""
        await work.indicators.forget()


class _Batch:
    def __init__(self, regions: dict[str, str], awaited: dict[str, AwaitedReading]) -> None:
        self.regions, self.awaited = regions, awaited
        self.moved: dict[str, str] = {}
        self.over: set[str] = set()
        self.counts: Counter[Counted] = Counter()

    def take(self, facts: LoggedFacts) -> None:
        self.counts[Counted(seen_in(facts), "", "", "", Measure.SEEN)] += 1
        if facts.type == EventType.ORGANISATION_CHANGED:
            if "state" not in facts.facts:  # whom to call after hours: says nothing about where they are
                return
            region = str(facts.facts.get("region", ""))
            self.regions[facts.organisation] = self.moved[facts.organisation] = region
        elif facts.type == EventType.RELEASE_PERMITTED:
            self._wait_for(facts)
        elif facts.type == EventType.RELEASE_ACKNOWLEDGED:
            self._acknowledged(facts)
        else:
            for measure in measures_of(facts) if facts.organisation else ():
                key = (facts.organisation, self._region(facts.organisation), kind_of(facts), measure)
                self.counts[Counted(month_of(local_day(facts.at)), *key)] += 1

    def _region(self, organisation: str) -> str:
        return self.regions.get(organisation, "")

    def _wait_for(self, facts: LoggedFacts) -> None:
        due, sender = local_day(facts.at + UNREAD_AFTER), _sender(facts)
        if release := _release(facts):
            place = (sender, self._region(sender), kind_of(facts), facts.organisation)
            self.awaited[release] = AwaitedReading(release, due, *place)

    def _acknowledged(self, facts: LoggedFacts) -> None:
        waited = self.awaited.pop(_release(facts), None)
        if waited is not None:
            day = local_day(facts.at)
            self._came_to(waited, Measure.READ if day <= waited.due else Measure.UNREAD, min(day, waited.due))

    def give_up(self, overdue: Sequence[AwaitedReading], before: date) -> None:
        """Count as unread what was due before that day, also if it was released in this very batch."""
        mine = [one for one in self.awaited.values() if one.due < before]
        for one in {one.release: one for one in (*overdue, *mine)}.values():
            if one.release not in self.over:
                self.awaited.pop(one.release, None)
                self._came_to(one, Measure.UNREAD, one.due)

    def _came_to(self, one: AwaitedReading, measure: Measure, day: date) -> None:
        self.over.add(one.release)
        self.counts[Counted(month_of(day), one.organisation, one.region, one.kind, measure, one.recipient)] += 1


def _sender(facts: LoggedFacts) -> str:
    return facts.counterpart if facts.type == EventType.RELEASE_PERMITTED else facts.organisation


def _release(facts: LoggedFacts) -> str:
    return str(facts.facts.get("release", ""))


def _give_up(read: Sequence[LoggedFacts]) -> date:
    """The day before which nothing is acknowledged in time any more: entries around midnight may change places."""
    return max(local_day(facts.at) for facts in read) - SETTLES
