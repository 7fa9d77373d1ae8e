"""Each day that is over gets its sample, once, from one broker; anybody with the log can draw it again.

1. One broker an hour does the round: the hour is a mark in the database. A drawing has a mark of its own, its day.
2. A day is drawn when it is over in Amsterdam, nothing of it waits for the tree, and a signed checkpoint covers it.
3. The drawing and its items commit together.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from broker.domain.calendar import end_of_day, local_day
from broker.domain.events import EventType
from broker.domain.review import Signal
from broker.domain.sampling import draw, seed_of
from broker.domain.stores import UnitOfWork
from broker.domain.stores.reviews import Drawing, Raised
from broker.errors import Conflict, Words
from broker.services.house import House
from broker.services.rounds import every_hour, is_ours
from broker.services.watching import facts_of, raised_of

BACK = 7
"""Days that are drawn later, when no broker ran on the day after."""
GRACE = timedelta(minutes=10)
"""How long after its end a day is left alone: a request that began before midnight may be logged after it."""
_BATCH = 256


@dataclass(frozen=True, slots=True)
class DrawnAgain:
    """A day's drawing made from the log itself; `entries` are by their places. `same`: as it was drawn then, if it was."""

    drawing: Drawing
    note: str
    entries: tuple[tuple[int, str], ...]
    same: bool | None


class Sampling:
    """The samples of one broker; any number of brokers may draw on the same database."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def run(self) -> None:
        """Do a round every hour until cancelled."""
        await every_hour("sampling", self.round)

    async def round(self) -> int:
        """Draw what is due, unless a broker did this hour's round. Returns how many lines were drawn."""
        ours = await is_ours(self._house, "sampling", self._house.clock())  # 1
        return await self.draw_due() if ours else 0

    async def draw_due(self) -> int:
        """Draw each of the last days that is over and has no drawing yet. Returns how many lines were drawn."""
        today = local_day(self._house.clock() - GRACE)
        return sum([await self._draw(today - timedelta(days=back)) for back in range(BACK, 0, -1)])

    async def _draw(self, day: date) -> int:
        house = self._house
        async with house.storage(writing=False) as work:
            if await work.drawings.of(day) is not None:
                return 0
            covering = await self._covering(work, day)
            if covering is None:
                return 0
            since, until = end_of_day(day - timedelta(days=1)), end_of_day(day)
            there = await work.drawings.disclosures(since, until)
            drawing = _drawing(day, covering[0], covering[1], there)
            items = [await self._item(work, there[place], day) for place in drawing.places]
        if not items:
            return 0
        async with house.storage() as work:
            if not await work.drawings.keep(drawing, house.clock()):  # 1
                return 0
            await work.reviews.put(items)
            await work.commit()  # 3
        return len(items)

    async def _covering(self, work: UnitOfWork, day: date) -> tuple[int, str, tuple[int, int]] | None:
        """(size, note) of the first checkpoint that covers the day, and the day's places; None while there is none."""  # 2
        since, until = end_of_day(day - timedelta(days=1)), end_of_day(day)
        if self._house.clock() < until or await work.drawings.unplaced(until):
            return None
        span = await work.checkpoints.span(since, until)
        _, after = await work.checkpoints.around(*span)
        return None if after is None or span == (0, 0) else (*after, span)

    async def _item(self, work: UnitOfWork, entry: str, day: date) -> Raised:
        signals, facts = frozenset({Signal.SAMPLE}), await facts_of(self._house, work, entry)
        if facts is None:
            return Raised(entry, self._house.clock(), day, signals, apart=True)
        return raised_of(entry, facts, day, signals, apart=True)

    async def again(self, day: date) -> DrawnAgain:
        """The drawing of that day made again, from the leaves that the broker signed and not from what it looks up.

        Raises Conflict while the day cannot be drawn, Tampered for a leaf that is not what was signed.
        """
        async with self._house.storage(writing=False) as work:
            covering, kept = await self._covering(work, day), await work.drawings.of(day)
            if covering is None:
                raise Conflict(_NOT_YET, code="not-drawn-yet")
            size, note, span = covering
            there = {place: entry async for place, entry in self._disclosed(work, day, span)}
        drawing = _drawing(day, size, note, there)
        entries = tuple((place, there[place]) for place in drawing.places)
        return DrawnAgain(drawing, note, entries, None if kept is None else kept == drawing)

    async def _disclosed(self, work: UnitOfWork, day: date, span: tuple[int, int]) -> AsyncIterator[tuple[int, str]]:
        for first in range(span[0], span[1], _BATCH):
            found = await work.checkpoints.leaves(first, min(_BATCH, span[1] - first))
            for place, entry in enumerate(found, first):
                facts = self._house.log.vouched(entry)
                if facts.type == EventType.RELEASE_PERMITTED and local_day(facts.at) == day:
                    yield place, entry.id


def _drawing(day: date, size: int, note: str, there: Mapping[int, str]) -> Drawing:
    seed = seed_of(note, day)
    return Drawing(day, size, seed.hex(), len(there), draw(seed, there))


_NOT_YET = Words(
    "Van deze dag is nog niets te loten: hij is nog niet voorbij, of het logboek heeft er niets van.",
    "Nothing can be drawn of this day yet: it is not over, or the log has nothing of it.",
)
