"""One timeline, or one list of who is involved, out of all that is open to a professional: many releases in one unit of work.

1. The clock is read once; asking is counted as a search for a person is.
2. Everything about that person with something to tell, addressed to this role for this purpose (of very much the newest), is
   locked in the order of ids, and after that everybody whom any of it concerns, in the order of ids: corrections and erasures go the same way, and answers hold one
   person alone. When it turns out that there was more to lock it begins anew, for nothing is locked out of its turn.
3. Each is decided by itself, as any release (`broker.services.releasing`). What gives nothing is not there: in no answer,
   and in no entry of its own.
4. What is released is logged release by release, the asking once, whether somebody is known or not.
5. In the same unit of work everybody in the family who is to hear of it hears once.
6. Commit. Only then anything leaves.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from broker.domain.calendar import local_day
from broker.domain.decisions import Told
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.forms import involvements, timeline
from broker.domain.handovers import ENDED, Content, Handover, HandoverId, SealedContent
from broker.domain.lifelines import INVOLVED, TIMELINES, Entry, Involved, Part, Source, Untold, agreed, involved, merged
from broker.domain.parties import Oin, PersonId, Professional, Recipient
from broker.domain.ports import AgreementInForce
from broker.domain.releases import ReleaseId, ReleaseRequest
from broker.domain.stores import UnitOfWork
from broker.errors import Unavailable
from broker.services.house import House
from broker.services.own_text import plain_text
from broker.services.rates import check_asked
from broker.services.releasing import Made, Weighed, Withheld, made, weighed
from broker.services.telling import tell_of_releases

MOST = 60
"""Handovers in one answer: while it is decided, whoever wants to stop something of it waits, and must not wait for long."""
TRIES = 5
"""How often it begins anew, when something was added to what is to be locked meanwhile."""
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class Search:
    """About whom, and what for."""

    system: str
    value: str = field(repr=False)
    purpose: str


@dataclass(frozen=True, slots=True)
class SealedPart:
    """A section that left sealed; nobody here can put it in order."""

    part: Part
    content: SealedContent


@dataclass(frozen=True, slots=True)
class OneRelease:
    """One of the releases in an answer: of which handover, what of it was withheld, and the receipt."""

    id: ReleaseId
    handover: HandoverId
    withheld: tuple[Withheld, ...]
    receipt: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What every answer has. `more`: there are older handovers that were not looked at; told to nobody who gets nothing."""

    sealed: tuple[SealedPart, ...]
    releases: tuple[OneRelease, ...]
    more: bool
    policy_digest: str


@dataclass(frozen=True, slots=True)
class Timeline(_Answer):
    """What happened, from whatever is open."""

    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Involvements(_Answer):
    """Who is involved, from whatever is open. `names` are those of partners."""

    involved: tuple[Involved, ...]
    texts: tuple[Untold, ...]
    names: Mapping[Oin, str]


@dataclass(frozen=True, slots=True)
class _Made:
    wanted: Weighed
    made: Made
    written: datetime


@dataclass(frozen=True, slots=True)
class _Gathered:
    """Everything that was released, committed."""

    parts: tuple[tuple[Part, Content | SealedContent], ...]
    releases: tuple[OneRelease, ...]
    more: bool
    digest: str
    names: Mapping[Oin, str]
    now: datetime

    @property
    def sealed(self) -> tuple[SealedPart, ...]:
        return tuple(SealedPart(part, one) for part, one in self.parts if isinstance(one, SealedContent))

    def read(
        self, form: Callable[[Any], Sequence[_Item]]
    ) -> tuple[list[tuple[Part, Sequence[_Item]]], list[tuple[Part, str]]]:
        """What has that form, and what is a text or has another form."""
        lists, texts = [], []
        for part, content in self.parts:
            if isinstance(content, Content):
                try:
                    lists.append((part, form(_json(content))))
                except ValueError:
                    texts.append((part, plain_text(content)))
        return lists, texts


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Who wants what about whom."""

    who: Professional
    subject: PersonId
    purpose: str
    types: tuple[str, ...]


class _More(Exception):
    """There is more to lock than was known when locking began."""


class Lifelines:
    """The use cases of a professional who takes over."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def timeline(self, who: Professional, search: Search) -> Timeline:
        """What happened, and which help there was. Raises RateLimited, and Unavailable: then nothing leaves."""
        found = await self._ask(who, search, TIMELINES)
        lists, texts = found.read(timeline.read)
        return Timeline(found.sealed, found.releases, found.more, found.digest, merged(lists, texts))

    async def involvements(self, who: Professional, search: Search) -> Involvements:
        """Who is involved, as far as their listing was consented to. Raises as `timeline` does."""
        found = await self._ask(who, search, INVOLVED)
        lists, texts = found.read(involvements.read)
        told = tuple(Untold(part, text) for part, text in texts)
        listed = involved(lists, local_day(found.now))
        return Involvements(found.sealed, found.releases, found.more, found.digest, listed, told, found.names)

    async def _ask(self, who: Professional, search: Search, types: tuple[str, ...]) -> _Gathered:
        now = self._house.clock()  # 1
        for _ in range(TRIES):
            try:
                return await self._once(who, search, types, now)
            except _More:
                continue
        raise Unavailable

    async def _once(self, who: Professional, search: Search, types: tuple[str, ...], now: datetime) -> _Gathered:
        house = self._house
        async with house.storage() as work:
            await check_asked(work, house, who.organisation, now, "person", search.system, search.value)  # 1
            subject = await work.persons.by_identifier(search.system, search.value)
            wanted = _Wanted(who, subject, search.purpose, types) if subject else None
            handovers, more = await _held(work, wanted, now) if wanted else ((), False)  # 2
            agreement = await house.agreements.within(work)
            names = {partner.oin: partner.name for partner in await work.organisations.all()}
            done = await self._release(work, who, handovers, types, agreement, now)
            await work.log.append(_asked(who, subject, search.purpose, agreement, now))  # 4
            await tell_of_releases(  # 5
                work, house, agreement, [(one.wanted.situation, one.made.decision) for one in done], now
            )
            await work.commit()  # 6
        house.log.kick()
        if done:
            house.outbox_kick()
        parts = tuple(pair for one in done for pair in _parts(one, names))
        releases = tuple([await self._one_release(one, who) for one in done])
        return _Gathered(parts, releases, more and bool(done), agreement.digest, names, now)

    async def _release(
        self,
        work: UnitOfWork,
        who: Professional,
        handovers: Iterable[Handover],
        types: tuple[str, ...],
        agreement: AgreementInForce,
        now: datetime,
    ) -> tuple[_Made, ...]:
        """Those of which something leaves."""
        every = [
            await weighed(work, one, ReleaseRequest(who, one.id, one.purpose, types), agreement, now)
            for one in handovers
        ]
        opened = [one for one in every if one.decision.permitted]  # 3
        await work.log.acquaint({who.id, *(person for one in opened for person in _people(one))})
        written = await work.lists.written({one.situation.handover.id for one in opened})
        every_made = [
            _Made(one, await made(work, self._house, one, tell=False), written[one.situation.handover.id])  # 4
            for one in opened
        ]
        return tuple(one for one in every_made if one.made.released)

    async def _one_release(self, one: _Made, who: Professional) -> OneRelease:
        done = one.made
        receipt = await self._house.log.receipt(done.appended, frozenset({who.id}), wait=0.0, seen=done.seen)
        withheld = tuple(
            each for each in done.withheld if each.code is not Told.NOT_THERE
        )  # nobody asked for it by name
        return OneRelease(ReleaseId(done.id), one.wanted.situation.handover.id, withheld, receipt)


async def _held(work: UnitOfWork, wanted: _Wanted, now: datetime) -> tuple[tuple[Handover, ...], bool]:
    """What may be open, and whether there is more; nothing of it changes until the commit, nor anybody whom it concerns.

    Raises _More.
    """
    who = wanted.who
    ids = (await _about(work, wanted))[-MOST:]
    locked = [await work.handovers.get(handover, lock="shared") for handover in ids]
    there = tuple(one for one in locked if one and one.addressed_to(who.organisation, who.role) and one.kept_at(now))
    concerned = frozenset({wanted.subject}).union(*(one.concerned() for one in there))
    people = concerned | await work.authorities.holders(concerned)
    await work.authorities.hold(people, exclusively=False)
    if not concerned | await work.authorities.holders(concerned) <= people:
        raise _More
    every = await _about(work, wanted)
    if not set(every[-MOST:]) <= set(ids):
        raise _More
    return there, len(every) > MOST


async def _about(work: UnitOfWork, wanted: _Wanted) -> Sequence[HandoverId]:
    """Those that could give something, in the order of their ids: whoever makes one of them into such holds the subject first."""
    every = await work.lists.about(wanted.subject, wanted.who.organisation, wanted.who.role)
    return sorted(
        one.id
        for one in every
        if one.purpose == wanted.purpose
        and one.state not in ENDED
        and any(section.type in wanted.types for section in one.sections)
    )


def _people(one: Weighed) -> Collection[PersonId]:
    return {one.situation.handover.subject}.union(*(d.section.concerns for d in one.decision.sections))


def _parts(one: _Made, names: Mapping[Oin, str]) -> Iterable[tuple[Part, Content | SealedContent]]:
    """Each section that left, with where it comes from."""
    situation, done = one.wanted.situation, one.made
    handover, who = situation.handover, one.wanted.request.professional
    asking = Recipient(who.organisation, who.role)
    for decision, released in zip(done.decision.permitted, done.released, strict=True):
        source = Source(handover.sender, names.get(handover.sender, ""), handover.id, ReleaseId(done.id), released.type)
        yes = agreed(decision.findings, situation.records, handover, decision.section, asking, one.written)
        yield Part(source, handover.version > 1, released.reactions, released.disputed, yes), released.content


def _asked(
    who: Professional, subject: PersonId | None, purpose: str, agreement: AgreementInForce, now: datetime
) -> LogEvent:
    """That it was asked; as many values when nobody is known."""
    known = Personal(subject, "subject", subject) if subject else Personal(who.id, "concerned", "")
    personal = (Personal(who.id, "professional", who.id), Personal(who.id, "role", who.role), known)
    word = purpose if purpose in agreement.vocabulary.purposes else "unknown"
    return LogEvent(
        EventType.SUBJECT_SEARCHED, now, who.organisation, facts={"purpose": word, **who.vouched}, personal=personal
    )


def _json(content: Content) -> Any:
    """Raises ValueError for a text."""
    if content.media_type != "application/json":
        raise ValueError("a text")
    return json.loads(content.body)
