"""Which agreement is in force: the one that the database says last, with the broker's signature on it, on every replica.

1. The row is tied to its log entry, which the broker signed: a row that somebody else wrote is an alarm, and refuses.
2. Numbers rise by one; the log knows of no later one. What was in force before does not come back by taking rows out.
3. The text is checked whole, as at a start, and has the digest that was signed.
4. Where officers decide (`officers`), the folder is only the first agreement; after it comes what two of them approved
   (`broker.services.approvals`). Otherwise it is what lies in the folder.
5. What cannot be put in force changes nothing: the last good agreement stays, and it is seen.
6. A release asks `within` its own unit of work, once, and decides with that from beginning to end.

A replica that cannot load what is in force decides nothing with anything else: it refuses, and is not ready.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from broker.domain.approvals import NEEDED
from broker.domain.events import EventType, Fact, LogEvent
from broker.domain.log_ports import DisclosureLog
from broker.domain.ports import AgreementInForce, AgreementSource, Alarm, Clock
from broker.domain.stores import InForce, LogSearch, Storage, UnitOfWork
from broker.errors import BrokerError, Conflict, Tampered, Unavailable, Unsafe, Words
from broker.services.approvals import approvers, proposed

LOOK_EVERY = 2.0
"""Seconds between two looks at the database and at the folder."""
TRIES = 5
"""How often putting something in force is tried while other brokers do the same."""
REFUSED = "agreement-refused"
_RECENT = 50
_log = structlog.get_logger(__name__)


class Agreements:
    """The agreement of one broker, kept up with all others on its database. `source` is the folder of this broker."""

    def __init__(
        self,
        storage: Storage,
        log: DisclosureLog,
        clock: Clock,
        source: AgreementSource,
        load: Callable[[Mapping[str, str]], AgreementInForce],
        alarm: Alarm = lambda *_: None,
        *,
        officers: bool = False,
    ) -> None:
        self._storage = storage
        self._log = log
        self._clock = clock
        self._source = source
        self._load = load
        self._alarm = alarm
        self.officers = officers
        self._seen: Any = source.state()
        self._coming: Any = self._seen
        self._own = self._agreement = source.load()
        self._number = 0
        self.refused: Words | None = None
        """Why what lies in the folder is not in force; None when nothing is wrong with it."""

    def now(self) -> AgreementInForce:
        """The agreement in force, as this broker knows it: at most LOOK_EVERY seconds old."""
        return self._agreement

    async def within(self, work: UnitOfWork) -> AgreementInForce:
        """The agreement in force, as this unit of work sees it. Raises Tampered or Unavailable: then nothing is decided."""
        row = await work.policies.in_force()
        number = row.number if row else 0
        if row is None or number <= self._number:
            if number < (known := self._number) and await self._newest() < known:  # it may see an earlier moment
                raise Tampered  # 2
            return self._agreement
        return await self._take_over(work, row)

    async def _newest(self) -> int:
        async with self._storage(writing=False) as work:
            row = await work.policies.in_force()
        return row.number if row else 0

    async def _take_over(self, work: UnitOfWork, row: InForce) -> AgreementInForce:
        await self._check(work, row)
        agreement = self._agreement
        if row.digest != agreement.digest:
            agreement = await self.stored(work, row.digest)
        if row.number > self._number:
            self._number, self._agreement = row.number, agreement
            _log.info("agreement:in-force", digest=row.digest, count=row.number)
        return agreement

    async def _check(self, work: UnitOfWork, row: InForce) -> None:
        """Raises Tampered unless the broker itself put exactly this in force, and nothing later."""
        entry = await work.log.get(row.entry)
        if entry is None:
            raise Tampered
        said = self._log.vouched(entry)  # 1
        facts = {"policy": row.digest, "number": row.number}
        if said.type != EventType.POLICY_ACTIVATED or {name: said.facts.get(name) for name in facts} != facts:
            raise Tampered
        if await self._highest(work) > row.number:
            raise Tampered  # 2

    async def _highest(self, work: UnitOfWork) -> int:
        """The highest number that the log knows. Raises Tampered when one of its entries was altered."""
        recent = await work.log.search(LogSearch(types=(EventType.POLICY_ACTIVATED,), limit=_RECENT))
        return max((_number_of(self._log.vouched(entry).facts) for entry in recent), default=0)

    async def stored(self, work: UnitOfWork, digest: str) -> AgreementInForce:
        """A text that was kept, checked whole. Raises Tampered for another one, Unavailable when it cannot be loaded."""
        texts = await work.policies.texts(digest)
        try:
            loaded = await asyncio.to_thread(self._load, texts) if texts is not None else None
        except Unsafe:
            raise Unavailable from None
        if loaded is None or loaded.digest != digest:  # 3
            raise Tampered
        return loaded

    async def begin(self) -> None:
        """At the start: what lies in the folder is put in force, unless it is already, or officers decide and one is.

        Also in the place of something that somebody else wrote into the database; that rings. Raises Unsafe for that
        where officers decide.
        """
        try:
            if self.officers and await self._is_one_in_force():  # 4
                return
            await self.enact(self._own)
        except Tampered as error:
            _log.error("agreement:altered", code=error.code)
            self._alarm(error, "agreement")
            if self.officers:
                raise Unsafe(_ALTERED) from None
            await self.enact(self._own, anew=True)

    async def know(self) -> None:
        """Take over what is in force, for who only uses this broker once. Raises Tampered and Unavailable."""
        async with self._storage(writing=False) as work:
            await self.within(work)

    async def _is_one_in_force(self) -> bool:
        async with self._storage(writing=False) as work:
            if await work.policies.in_force() is None:
                if await self._highest(work):
                    raise Tampered  # 2
                return False
            if (await self.within(work)).digest != self._own.digest:
                _log.info("agreement:folder-differs", digest=self._own.digest)
        return True

    async def enact(self, agreement: AgreementInForce, *, anew: bool = False) -> None:
        """Put an agreement that was checked in force, on every replica, and log it. Nothing happens when it is already.

        With `anew`, whatever the database says of the one before. Raises Tampered when that was altered, otherwise.
        """
        for _ in range(TRIES):
            try:
                if await self._enact(agreement, anew=anew):
                    async with self._storage(writing=False) as work:
                        await self.within(work)  # which by now may be another broker's: who comes last decides
                return
            except Conflict:  # another broker was first: look again
                continue
        raise Unavailable

    async def _enact(self, agreement: AgreementInForce, *, anew: bool) -> bool:
        """Whether it was put in force; it is still to be taken over then."""
        async with self._storage() as work:
            before = await work.policies.in_force()
            if before is not None and not anew and (await self.within(work)).digest == agreement.digest:
                return False
            await self._put(work, agreement, before.number if before else 0, {})
            await work.commit()
        self._log.kick()
        return True

    async def _put(self, work: UnitOfWork, agreement: AgreementInForce, before: int, facts: Mapping[str, Fact]) -> None:
        number, now = 1 + max(before, await self._highest(work)), self._clock()
        await work.policies.keep(agreement.digest, agreement.texts, now)
        said: dict[str, Fact] = {"policy": agreement.digest, "number": number, **facts}
        logged = await work.log.append(LogEvent(EventType.POLICY_ACTIVATED, now, facts=said))
        await work.policies.put_in_force(InForce(number, agreement.digest, now, logged.entry.id))

    async def activate(self, proposal_id: str) -> bool:
        """Put a proposal in force, if its time has come, enough officers approved it, and nothing came between; whether it was."""
        async with self._storage() as work:
            proposal, now = await proposed(work, self._log, proposal_id), self._clock()
            current = await self.within(work)
            row = await work.policies.in_force()
            if row is None or row.number != proposal.instead_of or now < proposal.starts:
                return False
            if len(await approvers(work, self._log, proposal)) < NEEDED:
                return False
            agreement = await self.stored(work, proposal.digest)
            if agreement.digest == current.digest:
                return False
            await self._put(work, agreement, row.number, {"proposal": proposal.id})
            await work.commit()
        self._log.kick()
        async with self._storage(writing=False) as work:
            await self.within(work)
        return True

    async def _activate_due(self) -> None:
        """Whatever two officers approved and is to begin now."""
        async with self._storage(writing=False) as work:
            row, now = await work.policies.in_force(), self._clock()
            waiting = [p for p in await work.policies.proposals(_RECENT) if row and p.instead_of == row.number]
            due = [p.id for p in waiting if p.starts <= now and len(await work.policies.approvals(p.id)) >= NEEDED]
        for proposal in due:
            with contextlib.suppress(Conflict):  # another broker was first
                await self.activate(proposal)

    async def run(self) -> None:
        """Look every LOOK_EVERY seconds until cancelled; what goes wrong is logged when it begins, and rings."""
        failing = ""
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                await self.look()
                failing = ""
            except BrokerError as error:
                if error.code != failing:
                    _log.error("agreement:not-followed", code=error.code)
                    self._alarm(error, "agreement")
                failing = error.code

    async def look(self) -> None:
        """Take over what another broker put in force; then what officers approved, or what changed in the folder at rest."""
        async with self._storage(writing=False) as work:
            await self.within(work)
        if self.officers:
            await self._activate_due()
            return
        state = await asyncio.to_thread(self._source.state)
        if state == self._seen:
            return
        if state != self._coming:
            self._coming = state
            return
        try:
            found = await asyncio.to_thread(self._source.load)
        except Unsafe as error:
            self._refuse(error)  # 5
        else:
            if await asyncio.to_thread(self._source.state) != state:
                return
            await self.enact(found)
            self.refused = None
        self._seen = state

    def _refuse(self, error: Unsafe) -> None:
        self.refused = error.words
        _log.error("agreement:not-reloaded", code=error.code, count=error.words.en.count("\n") + 1)
        self._alarm(Unsafe(error.words, code=REFUSED), "agreement")


def _number_of(facts: Mapping[str, Any]) -> int:
    """The number in an entry; entries from before there were numbers count as 0."""
    number = facts.get("number", 0)
    return number if isinstance(number, int) else 0


_ALTERED = Words(
    "In de database staat een andere afspraak in werking dan de broker daar heeft gezet. Bekijk het logboek. Met "
    "BROKER_AGREEMENT=folder geldt weer wat in de map staat.",
    "The database says that another agreement is in force than the broker put there. Look at the log. With "
    "BROKER_AGREEMENT=folder what lies in the folder counts again.",
)
