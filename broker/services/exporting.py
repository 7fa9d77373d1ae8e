"""The log for officers and inspectors, as files: an export is logged and committed before the first line of it leaves.

1. What is asked for is counted.
2. The export is logged, with its format and how many entries were read through. No log, no export.
3. Only then lines are read, batch by batch, and handed on; entries that are added meanwhile are not among them, nor
   is one that no checkpoint covers yet.
"""

from collections.abc import AsyncIterator, Callable
from typing import IO

from broker.domain import audit_events, exports, traces
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.exports import Line, line_of
from broker.domain.log_ports import Selection
from broker.errors import Conflict, Invalid, Words
from broker.services.house import House

_WRITERS: dict[str, Callable[[Line], bytes]] = {
    "csv": exports.row_of,
    "fhir": audit_events.ndjson_of,
    "otel": traces.otlp_of,
}
Tick = Callable[[int], None]
NOTHING = Words(
    "In deze tijd staat er niets in het logboek. Kies een andere tijd.",
    "The log holds nothing of this time. Choose another.",
)


def check_format(wanted: str) -> None:
    """Raises Invalid for what is none of the formats."""
    if wanted not in _WRITERS:
        raise Invalid.at("/format", "Kies csv, fhir of otel.", "Choose csv, fhir or otel.")


class Exports:
    """The use cases. `system` is the log's name: from which system a line comes."""

    def __init__(self, house: House, system: str) -> None:
        self._house = house
        self._system = system

    async def count(self, selection: Selection) -> int:
        """How many entries an export of this goes through."""
        first, end = await self._span(selection)
        return end - first

    async def lines(
        self, wanted: str, selection: Selection, tick: Tick = lambda _: None, by: tuple[Personal, ...] = ()
    ) -> AsyncIterator[bytes]:
        """The export, piece by piece; `by` says who took it and about what, for the log.

        Raises Invalid for another format, Tampered where an entry is not what was logged.
        """
        check_format(wanted)
        span = await self._span(selection)  # 1
        await self._log(wanted, span[1] - span[0], selection, by)  # 2
        write = _WRITERS[wanted]
        if wanted == "csv":
            yield exports.header()
        async for entry, openings in self._house.log.archive.entries(span, selection):  # 3
            tick(1)
            if openings is None:
                continue
            facts = self._house.log.read(entry.leaf, openings)
            if (selection.since and facts.at < selection.since) or (selection.until and facts.at >= selection.until):
                continue
            yield write(line_of(entry.id, entry.index, entry.leaf, facts, openings, self._system))

    async def packed(
        self, selection: Selection, tick: Tick = lambda _: None, by: tuple[Personal, ...] = ()
    ) -> AsyncIterator[bytes]:
        """A bundle that anybody with the keys can verify, piece by piece. Raises Conflict when nothing would be in it."""
        span = await self._span(selection)
        if span[0] == span[1]:
            raise Conflict(NOTHING)
        await self._log("bundle", span[1] - span[0], selection, by)
        async for piece in self._house.log.archive.packed(span, selection, tick):
            yield piece

    async def bundle(self, file: IO[bytes], selection: Selection, tick: Tick = lambda _: None) -> None:
        """Write that to a file."""
        async for piece in self.packed(selection, tick):
            file.write(piece)

    async def _span(self, selection: Selection) -> tuple[int, int]:
        """The places to read, as far as a signed checkpoint covers them by now."""
        async with self._house.storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            first, end = await work.checkpoints.span(selection.since, selection.until)
        end = min(end, latest[0] if latest else 0)
        return (first, end) if first < end else (0, 0)

    async def _log(self, wanted: str, count: int, selection: Selection, by: tuple[Personal, ...]) -> None:
        person = selection.person
        about = (*by, Personal(person, "subject", person)) if person else by
        async with self._house.storage() as work:
            event = LogEvent(
                EventType.LOG_EXPORTED, self._house.clock(), facts={"format": wanted, "count": count}, personal=about
            )
            await work.log.append(event)
            await work.commit()
        self._house.log.kick()
