"""Who asks while another is being answered waits for the next batch; who asks alone goes alone, at once.

1. A batch begins: what its releases may not see changed is locked, their facts are read.
2. Each release is decided by its own task, from those facts, and says what it wants kept; or leaves.
3. What all of them want kept is written and committed once. Only then does any of them go on.

Whatever a batch cannot do (somebody holds a lock, the database refuses, a key is not there yet) is `Unforeseen` for that
release or for all: they are tried alone, the plain way, which says what is wrong. A release is never in two transactions.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import structlog

from broker.domain.stores import Unforeseen
from broker.errors import Unavailable, Uncertain
from broker.storage.together.reading import Asked, Facts
from broker.storage.together.rows import Rows
from broker.storage.together.trips import CommitUnknown, NoAnswer, NotReached, Trips

MANY = 16
"""Releases in one batch, at most."""
FORESEEN = 1024
"""Handovers of which is remembered by which tags the log knows those whom they concern."""
DECIDE_WITHIN = 5.0
"""Seconds that a batch waits for its releases to be decided; who is later is tried alone."""
_log = structlog.get_logger(__name__)


class Seat:
    """One release in a batch."""

    def __init__(self, asked: Asked) -> None:
        self.asked = asked
        loop = asyncio.get_running_loop()
        self.facts: asyncio.Future[Facts] = loop.create_future()
        self.decided: asyncio.Future[Rows | None] = loop.create_future()
        self.kept: asyncio.Future[None] = loop.create_future()
        self.over: asyncio.Future[None] = loop.create_future()

    @property
    def wants_kept(self) -> bool:
        """Whether it said what is to be kept of it."""
        return self.decided.done() and self.decided.result() is not None

    def give_up(self) -> None:
        """Nothing of it is to be kept; also when it has not begun yet."""
        if not self.decided.done():
            self.decided.set_result(None)

    async def leave(self) -> None:
        """The same for who has begun, unless it was kept; what it held is free afterwards."""
        self.give_up()
        await asyncio.shield(self.over)

    async def keep(self, rows: Rows) -> None:
        """Have these rows kept. Raises Unforeseen when nothing of them was, Uncertain when that is not known."""
        if self.decided.done():
            raise Unforeseen
        self.decided.set_result(rows)
        await asyncio.shield(self.kept)

    def fail(self, error: Exception) -> None:
        """Whatever it waits for will not come."""
        for waited in (self.facts, self.kept):
            if not waited.done():
                waited.set_exception(error)
                waited.exception()  # nobody may be waiting any more
        self.give_up()


class Together:
    """The batches of one broker on one database; as many at a time as there are `trips`."""

    def __init__(self, trips: Sequence[Trips], tag: Callable[[str], str]) -> None:
        """`tag` is what the log knows a person by."""
        self._idle = list(trips)
        self._all = tuple(trips)
        self._tag = tag
        self._foreseen: dict[str, Sequence[str]] = {}
        self._waiting: deque[Seat] = deque()
        self._counting: set[str] = set()
        self._working: set[asyncio.Task[None]] = set()

    async def board(self, asked: Asked) -> tuple[Seat, Facts]:
        """A seat in the next batch, once its facts were read. Raises Unforeseen."""
        seat = Seat(asked)
        self._waiting.append(seat)
        self._start()
        try:
            return seat, await seat.facts
        except BaseException:
            seat.give_up()
            raise

    def _start(self) -> None:
        if self._waiting and self._idle:
            task = asyncio.create_task(self._work(self._idle.pop()))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def _work(self, trips: Trips) -> None:
        try:
            while seats := self._next():
                counters = {seat.asked.bucket for seat in seats}
                self._counting |= counters
                self._start()  # for those who are left, if anybody is free
                try:
                    await self._batch(trips, seats)
                finally:
                    self._counting -= counters
        finally:
            self._idle.append(trips)

    def _next(self) -> Sequence[Seat]:
        """Who goes next: whoever came first, but nobody for whose counter the whole batch would wait until another commits."""
        taken, later = list[Seat](), list[Seat]()
        while self._waiting and len(taken) < MANY:
            seat = self._waiting.popleft()
            if not seat.decided.done():
                (later if seat.asked.bucket in self._counting else taken).append(seat)
        self._waiting.extendleft(reversed(later))
        return taken

    async def _batch(self, trips: Trips, seats: Sequence[Seat]) -> None:
        try:
            await self._decided(trips, seats)
        except NotReached as error:
            _log.warning("releases:not-together", code=str(error), count=len(seats))
            _fail(seats, Unavailable if isinstance(error, NoAnswer) else Unforeseen)
        except CommitUnknown:
            _fail(seats, Uncertain)
        except asyncio.CancelledError:
            _fail([seat for seat in seats if seat.wants_kept], Uncertain)  # the commit may have been under way
            _fail([*seats, *self._waiting], Unavailable)
            await trips.undo()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may be left waiting
            _log.error("releases:batch-broke", code=type(error).__name__)
            await trips.undo()
            _fail(seats, Unforeseen)
        finally:
            for seat in seats:
                if not seat.over.done():
                    seat.over.set_result(None)

    async def _decided(self, trips: Trips, seats: Sequence[Seat]) -> None:
        facts = await self._read(trips, [seat.asked for seat in seats])  # 1
        for seat in seats:
            if not seat.facts.done():
                seat.facts.set_result(facts)
        await asyncio.wait([seat.decided for seat in seats], timeout=DECIDE_WITHIN)  # 2
        rows, keeping = Rows(), []
        for seat in seats:
            seat_rows = seat.decided.result() if seat.decided.done() else None
            if seat_rows is None:
                seat.fail(Unforeseen())
            else:
                rows.extend(seat_rows)
                keeping.append(seat)
        if not keeping:
            await trips.end()
            return
        await trips.commit(rows)  # 3
        for seat in keeping:
            if not seat.kept.done():
                seat.kept.set_result(None)

    async def _read(self, trips: Trips, asked: Sequence[Asked]) -> Facts:
        """The facts, with the log keys of whom entries will be about: who asks, and everybody whom the handovers concern.

        Whose keys a handover took the last time is asked with the facts; a trip of its own is only for others.
        """
        handovers = {one.handover for one in asked}
        askers = {self._tag(professional) for professional in {one.professional for one in asked}}
        facts = await trips.begin(asked, sorted(askers.union(*(self._foreseen.get(one, ()) for one in handovers))))
        for handover in handovers:
            self._foreseen.pop(handover, None)
            self._foreseen[handover] = [self._tag(person) for person in facts.concerned(handover)]
        missing = askers.union(*(self._foreseen[one] for one in handovers)) - facts.keys.keys()
        if missing:
            facts.keys = {**facts.keys, **await trips.keys(sorted(missing))}
        while len(self._foreseen) > FORESEEN:
            del self._foreseen[next(iter(self._foreseen))]
        return facts

    async def close(self) -> None:
        """Let go of the connections; the next release opens them again. Who still works by then is told that it ended."""
        for _ in range(2):  # told twice, it does not wait for the database any more
            if self._working:
                _, late = await asyncio.wait(self._working, timeout=DECIDE_WITHIN)
                for task in late:
                    task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        for trips in self._all:
            if trips in self._idle:
                with contextlib.suppress(OSError):
                    await trips.undo()


def _fail(seats: Iterable[Seat], error: Callable[[], Exception]) -> None:
    for seat in seats:
        seat.fail(error())
