"""An officer takes a part of the log with them: bounded by days or by one handover, and logged with who took it.

1. Who asks is an officer who signed in, has two passkeys, and used one again just now.
2. What is asked for has bounds, and there is something within them.
3. The download is logged and committed (`exporting.py`); its first piece is there before the answer begins, so that
   what can be refused is refused in words.
"""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args

from broker.domain.calendar import AMSTERDAM, end_of_day
from broker.domain.events import Personal
from broker.domain.log_ports import Selection
from broker.domain.officers import Right
from broker.domain.ports import Passkeys
from broker.domain.presence import Purpose
from broker.domain.stores import UnitOfWork
from broker.errors import Conflict, Fault, Invalid, Words
from broker.services.exporting import NOTHING, Exports
from broker.services.files import ExportFile, ExportFormat, ExportWanted
from broker.services.house import House
from broker.services.queue import Queue

PIECE = 64 << 10
"""Bytes that are handed on at a time, about."""
_FILES: dict[ExportFormat, tuple[str, str]] = {
    "bundle": ("zip", "application/zip"),
    "csv": ("csv", "text/csv; charset=utf-8"),
    "fhir": ("ndjson", "application/fhir+ndjson"),
}


class Downloads(Queue):
    """The use case of an officer."""

    def __init__(self, house: House, passkeys: Passkeys, exports: Exports) -> None:
        super().__init__(house, passkeys)
        self._exports = exports

    async def download(self, token: str, wanted: ExportWanted) -> ExportFile:
        """What was asked for, as a file that is made while it is read. The download is logged.

        Raises Invalid with all that is wrong with the form, Conflict when there is nothing in it, NotAuthenticated,
        Tampered where an entry is not what was logged.
        """
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            officer = (await self.confirmed(work, token, Right.TAKE_AWAY, Purpose.TAKE_AWAY)).officer  # 1
            selection, about = await _selected(work, wanted)  # 2
        if not await self._exports.count(selection):
            raise Conflict(NOTHING)
        by = (Personal(officer, "officer", officer), *about)
        if wanted.format == "bundle":
            pieces = self._exports.packed(selection, by=by)
        else:
            pieces = self._exports.lines(wanted.format, selection, by=by)
        gathered = _gathered(pieces)
        first = await anext(gathered)  # 3
        ending, media_type = _FILES[wanted.format]
        return ExportFile(now, ending, media_type, _after(first, gathered))


async def _selected(work: UnitOfWork, wanted: ExportWanted) -> tuple[Selection, tuple[Personal, ...]]:
    """What to read, and about what that is. Raises Invalid."""
    faults = list(_faults(wanted))
    handover = await work.handovers.get(wanted.handover) if wanted.handover else None
    if wanted.handover and handover is None:
        faults.append(Fault("/handover", _NO_HANDOVER))
    if faults:
        raise Invalid(faults)
    since = datetime.combine(wanted.first_day, time(), AMSTERDAM).astimezone(UTC) if wanted.first_day else None
    until = end_of_day(wanted.last_day) if wanted.last_day else None
    if handover is None:
        return Selection(since, until), ()
    answers = await work.consents.about(handover.concerned(), handover.sender, handover.purpose)
    naming = {("handover", str(handover.id)), *(("record", str(answer.id)) for answer in answers)}
    about = (
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
    )
    return Selection(since, until, naming=frozenset(naming)), about


def _faults(wanted: ExportWanted) -> list[Fault]:
    days = [day for day in (wanted.first_day, wanted.last_day) if day is not None]
    if wanted.format not in get_args(ExportFormat):
        return [Fault("/format", _NO_FORMAT)]
    if not wanted.handover and len(days) < 2:
        return [Fault("/first_day", _NO_BOUNDS)]
    if not all(date(1970, 1, 2) <= day <= date.max - timedelta(2) for day in days):
        return [Fault("/first_day", _NO_DAY)]
    if days != sorted(days):
        return [Fault("/last_day", _BACKWARDS)]
    return []


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces of a size that is worth sending."""
    waiting = bytearray()
    async for piece in pieces:
        waiting += piece
        if len(waiting) >= PIECE:
            yield bytes(waiting)
            waiting.clear()
    yield bytes(waiting)


async def _after(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield first
    async for piece in rest:
        yield piece


_NO_FORMAT = Words("Kies een soort bestand.", "Choose a kind of file.")
_NO_BOUNDS = Words(
    "Kies een eerste en een laatste dag, of vul het nummer van een overdracht in.",
    "Choose a first and a last day, or fill in the number of a handover.",
)
_NO_DAY = Words("Dit is geen datum. Schrijf hem als 2026-11-21.", "This is not a date. Write it as 2026-11-21.")
_BACKWARDS = Words("De laatste dag ligt voor de eerste.", "The last day is before the first.")
_NO_HANDOVER = Words(
    "Deze overdracht is er niet. Het nummer staat op de pagina van een regel van het logboek.",
    "There is no such handover. Its number is on the page of a line of the log.",
)
