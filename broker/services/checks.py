"""Whether everything is in order, at a glance; and the whole log checked, in the background, at the press of a button.

- One check of the log at a time, whatever the number of brokers. Its result is logged and kept in one row.
- The page reads rows that are kept; it checks nothing itself, so that it is as fast with a long log as with a short one.
"""

import asyncio
import base64
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.keys import KeyFacts
from broker.domain.officers import Acting, Right
from broker.domain.ports import Alarm
from broker.domain.stores import Came, ExaminationKind, Examined, UnitOfWork
from broker.errors import BrokerError, Words
from broker.services import check_rows as rows
from broker.services.check_screens import CheckRow, ChecksScreen, KeyRow
from broker.services.house import House

SILENT = timedelta(minutes=5)
"""A check of which nothing was heard for so long has died with its broker."""
PACE = 2.0
"""Seconds between two words on how far it is."""
SOON = 2.0
"""Seconds that the button waits: a short log is checked by then."""
_log = structlog.get_logger(__name__)


class KnowsOfficers(Protocol):
    """See `broker.services.officers.Officers`."""

    async def acting(self, work: UnitOfWork, token: str, right: Right) -> Acting:
        """Who is signed in with this token, and has that right. Raises NotAuthenticated, NotAllowed."""


class KnowsKeys(Protocol):
    """See `broker.services.keys.KeyLife`."""

    async def all(self) -> Sequence[KeyFacts]:
        """Every key, by purpose, oldest first."""


class Checks:
    """The use cases. `witnesses` are the ids of those that are asked, by their names; `behind` says how far followers are."""

    def __init__(
        self,
        house: House,
        officers: KnowsOfficers,
        keys: KnowsKeys,
        witnesses: Mapping[str, str],
        behind: Callable[[], Awaitable[int]],
        agrees: Callable[[], bool],
        alarm: Alarm = lambda *_: None,
    ) -> None:
        self._house = house
        self._officers = officers
        self._keys = keys
        self._witnesses = witnesses
        self._behind = behind
        self._agrees = agrees
        self._alarm = alarm
        self._wanted: asyncio.Queue[tuple[str, str, asyncio.Event]] = asyncio.Queue()

    async def screen(self, token: str) -> ChecksScreen:
        """All that can be said without checking anything."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            await self._officers.acting(work, token, Right.CHECK_LOG)
            state = await work.tree.state()
            latest = await work.checkpoints.latest()
            waiting = await work.checkpoints.waiting()
            running = await work.checks.under_way(ExaminationKind.LOG, now - SILENT)
            whole = rows.examined(ExaminationKind.LOG, await work.checks.result(ExaminationKind.LOG), now)
            found = [
                whole,
                rows.examined(ExaminationKind.REPLAY, await work.checks.result(ExaminationKind.REPLAY), now),
                rows.tree(state.size, waiting, latest[0] if latest else None),
                rows.guard(self._agrees()),
                *await self._of_witnesses(work, latest[0] if latest else 0, now),
                await self._of_agreement(work),
                rows.alarms(await work.checks.rang(local_day(now - rows.RECENT))),
            ]
        found.append(rows.followers(await self._behind()))
        root = base64.b64encode(state.root).decode()
        return ChecksScreen(
            whole,
            tuple(found),
            await self._of_keys(now),
            running,
            state.size,
            waiting,
            root,
            latest[1] if latest else "",
        )

    async def _of_witnesses(self, work: UnitOfWork, size: int, now: datetime) -> Sequence[CheckRow]:
        refused = [rows.refused(refusal) for refusal in await work.witnesses.refusals()]
        if not self._witnesses:
            return [*refused, rows.NO_WITNESSES]
        cosigned = [
            rows.witness(name, await work.witnesses.latest(which), size, now) for name, which in self._witnesses.items()
        ]
        return [*refused, *cosigned]

    async def _of_agreement(self, work: UnitOfWork) -> CheckRow:
        current = await work.policies.in_force()
        proposals = await work.policies.proposals(rows.PROPOSALS)
        number = current.number if current else 0
        return rows.agreement(current, sum(proposal.instead_of == number for proposal in proposals))

    async def _of_keys(self, now: datetime) -> tuple[KeyRow, ...]:
        try:
            return rows.keys(await self._keys.all(), now)
        except BrokerError as error:
            self._alarm(error, "checks")
            return ()

    # the check of the whole log

    async def begin(self, token: str) -> None:
        """Check the whole log, unless that is going on; returns when it is done, or goes on without waiting."""
        house, now = self._house, self._house.clock()
        run = house.ids()
        async with house.storage() as work:
            officer = (await self._officers.acting(work, token, Right.CHECK_LOG)).officer
            size = (await work.tree.state()).size
            if not await work.checks.begin(ExaminationKind.LOG, run, size, now, now - SILENT):
                return
            await work.commit()
        done = asyncio.Event()
        await self._wanted.put((run, officer, done))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(done.wait(), SOON)

    async def run(self) -> None:
        """Make the checks that were begun here, one after another, until cancelled."""
        while True:
            run, officer, done = await self._wanted.get()
            try:
                await self._examine(run, officer)
            except BrokerError as error:
                _log.error("checks:broke-off", code=error.code)
                self._alarm(error, "checks")
                await self._let_go(run)
            finally:
                done.set()
                self._wanted.task_done()

    async def settled(self) -> None:
        """Wait until all that was begun here is done."""
        await self._wanted.join()

    async def _let_go(self, run: str) -> None:
        with contextlib.suppress(BrokerError):
            async with self._house.storage() as work:
                await work.checks.end(ExaminationKind.LOG, run)
                await work.commit()

    async def _examine(self, run: str, officer: str) -> None:
        house, read = self._house, [0]

        def tick(number: int) -> None:
            read[0] = number

        telling = asyncio.create_task(self._tell(run, read))
        try:
            verdict = await house.log.examine(tick)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        came = Came.INTACT if verdict.intact else Came.NOT_INTACT
        async with house.storage() as work:
            now = house.clock()
            personal = (Personal(officer, "officer", officer),)
            await work.log.append(
                LogEvent(EventType.LOG_CHECKED, now, facts={"outcome": came.value}, personal=personal)
            )
            result = Examined(ExaminationKind.LOG, now, came, verdict.words, officer)
            await work.checks.keep(result)
            await work.checks.end(ExaminationKind.LOG, run)
            await work.commit()
        house.log.kick()

    async def _tell(self, run: str, read: Sequence[int]) -> None:
        while True:
            await asyncio.sleep(PACE)
            with contextlib.suppress(BrokerError):
                async with self._house.storage() as work:
                    await work.checks.progress(ExaminationKind.LOG, run, read[0], self._house.clock())
                    await work.commit()

    async def keep(self, came: Came, words: Words) -> None:
        """Keep what the operator's own check of the whole log came to, for officers to see. Raises Unavailable."""
        async with self._house.storage() as work:
            await work.checks.keep(Examined(ExaminationKind.LOG, self._house.clock(), came, words))
            await work.commit()
