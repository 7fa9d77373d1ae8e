"""A follower of the log that makes an item of whatever stands out; the rules are in `broker.domain.review`.

- What it must know of before is kept by keyed tags, and no longer than a rule looks back: a batch costs a few statements,
  however long the log is.
- It goes by the clock of the entries, so that working it all out again gives the same items.
- An entry that cannot be read is an item of the highest weight.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from broker.domain.calendar import local_day
from broker.domain.decisions import Told
from broker.domain.events import EventType
from broker.domain.log_ports import LoggedFacts
from broker.domain.review import (
    REFUSED_WITHIN,
    REMEMBERED,
    UNREAD_AFTER,
    WEAK_GAPS,
    WEAK_RULES,
    Before,
    Request,
    Signal,
    makes_item,
    signals_of,
)
from broker.domain.stores import UnitOfWork
from broker.domain.stores.reviews import Count, Known, Pair, Raised
from broker.errors import Tampered
from broker.services.following import Line
from broker.services.house import House
from broker.services.lines import decision_of, first_of

OVERDUE = 64
"""How many unread disclosures become items at most with one batch."""
_REQUESTS = (EventType.RELEASE_PERMITTED, EventType.RELEASE_DENIED)
_WATCHED = (*_REQUESTS, EventType.SUBJECT_SEARCHED)
_REFUSED, _CHILDREN = "refused", "children"


@dataclass(slots=True)
class _Memory:
    """What is known before a batch, and while it is gone through."""

    known: dict[Pair, Known] = field(default_factory=dict)
    counts: dict[Count, int] = field(default_factory=dict)

    def before(self, day: date, who: str, person: str, sender: str, request: Request) -> Before:
        """Count this entry, and say what it is the how manieth of."""
        if not who:
            return Before()
        child, organisation = self._meets(day, who, person, request), self._meets(day, who, sender, request)
        if child.first_today:
            self._one_more(who, _CHILDREN, day)
        if request.refused:
            self._one_more(who, _REFUSED, day)
        window = (day - timedelta(days=back) for back in range(REFUSED_WITHIN))
        return Before(
            refusals=sum(self.counts.get((who, _REFUSED, one), 0) for one in window),
            children=self.counts.get((who, _CHILDREN, day), 0),
            new_organisation=organisation.new,
            new_child=child.new,
        )

    def _one_more(self, who: str, what: str, day: date) -> None:
        self.counts[who, what, day] = self.counts.get((who, what, day), 0) + 1

    def _meets(self, day: date, who: str, other: str, request: Request) -> "_Meeting":
        if not other:
            return _Meeting()
        was = self.known.get((who, other))
        asked = was.asked if was else None
        new = asked is None or asked < day - timedelta(days=REMEMBERED)
        latest = asked if request.search else max(day, asked or day)
        self.known[who, other] = Known(max(day, was.seen) if was else day, latest)
        return _Meeting(new, was is None or was.seen < day)


@dataclass(frozen=True, slots=True)
class _Meeting:
    new: bool = False
    first_today: bool = False


class Watching:
    """See `Follower`."""

    name = "watching"

    def __init__(self, house: House) -> None:
        self._house = house

    async def take(self, work: UnitOfWork, lines: Sequence[Line]) -> None:
        """Look at each entry in its order, then at what should have been acknowledged by now."""
        read = [(line, line.facts) for line in lines if line.facts is not None]
        today = max((local_day(facts.at) for _, facts in read), default=local_day(self._house.clock()))
        raised = [self._unreadable(line, today) for line in lines if line.facts is None]
        raised += await self._requests(work, [(line, f) for line, f in read if f.type in _WATCHED], today)
        await self._disclosures(work, read)
        raised += await self._unread(work, today)
        await work.reviews.put(raised)

    def _unreadable(self, line: Line, day: date) -> Raised:
        """Whose it was, nobody can say: only who sees everything sees it."""
        return Raised(line.id, self._house.clock(), day, frozenset({Signal.UNREADABLE}), apart=True)

    async def _requests(self, work: UnitOfWork, read: Sequence[tuple[Line, LoggedFacts]], today: date) -> list[Raised]:
        if not read:
            return []
        first = min(local_day(facts.at) for _, facts in read)
        since = first - timedelta(days=REFUSED_WITHIN - 1)
        who = {first_of(facts, "professional") for _, facts in read} - {""}
        others = {(first_of(f, "professional"), other) for _, f in read for other in (_child(f), f.counterpart)}
        pairs = {(one, other) for one, other in others if one and other}
        memory = _Memory(dict(await work.watched.known(pairs)), dict(await work.watched.counted(who, since)))
        found = [one for line, facts in read if (one := _look(line, facts, memory)) is not None]
        await work.watched.keep_known(memory.known)
        await work.watched.keep_counted(memory.counts)
        await work.watched.clean(today - timedelta(days=REMEMBERED), today - timedelta(days=REFUSED_WITHIN))
        return found

    async def _disclosures(self, work: UnitOfWork, read: Sequence[tuple[Line, LoggedFacts]]) -> None:
        given: dict[str, tuple[str, date]] = {}
        taken: set[str] = set()
        for line, facts in read:
            release = str(facts.facts.get("release", ""))
            if release and facts.type == EventType.RELEASE_PERMITTED:
                given[release] = (line.id, local_day(facts.at + UNREAD_AFTER))
            elif release and facts.type == EventType.RELEASE_ACKNOWLEDGED:
                taken.add(release)
        if given:
            await work.watched.disclosed(given)
        if taken:
            await work.watched.acknowledged(taken)

    async def _unread(self, work: UnitOfWork, today: date) -> list[Raised]:
        signals = frozenset({Signal.UNREAD})
        found = []
        for entry, due in await work.watched.overdue(today, OVERDUE):
            if (facts := await facts_of(self._house, work, entry)) is not None:
                found.append(raised_of(entry, facts, due, signals))
        return found

    async def forget(self, work: UnitOfWork) -> None:
        """Begin anew. What was signed off is not worked out from the log, and stays."""
        await work.reviews.forget()
        await work.watched.forget()


async def facts_of(house: House, work: UnitOfWork, entry_id: str) -> LoggedFacts | None:
    """An entry read back; None when it is not what was logged."""
    entry = await work.log.get(entry_id)
    try:
        return house.log.read(entry.leaf, await work.log.openings(entry.id)) if entry is not None else None
    except Tampered:
        return None


def raised_of(entry: str, facts: LoggedFacts, day: date, signals: frozenset[Signal], *, apart: bool = False) -> Raised:
    """An entry that stands out on that day."""
    return Raised(
        entry,
        facts.at,
        day,
        signals,
        facts.organisation,
        facts.counterpart,
        first_of(facts, "professional"),
        _child(facts),
        apart,
    )


def _look(line: Line, facts: LoggedFacts, memory: _Memory) -> Raised | None:
    request, day = request_of(facts), local_day(facts.at)
    before = memory.before(day, first_of(facts, "professional"), _child(facts), facts.counterpart, request)
    signals = signals_of(request, before)
    return raised_of(line.id, facts, day, signals) if makes_item(signals) else None


def _child(facts: LoggedFacts) -> str:
    return first_of(facts, "subject")


def request_of(facts: LoggedFacts) -> Request:
    """What an entry says of a request or a search; of what was erased nothing stands out."""
    decision, basis = decision_of(facts), json.loads(first_of(facts, "basis") or "{}")
    return Request(
        at=facts.at,
        refused=facts.type == EventType.RELEASE_DENIED,
        search=facts.type == EventType.SUBJECT_SEARCHED,
        asked=frozenset(basis.get("request", {}).get("types") or ()),
        got=frozenset(section["type"] for section in decision if not section["told"]),
        there=frozenset(section[1] for section in basis.get("handover", {}).get("sections", ())),
        doubted=bool(basis.get("doubted")),
        weak=any(map(_weak, decision)),
    )


def _weak(section: Mapping[str, Any]) -> bool:
    """Whether everybody said yes and it was not sure enough, for the agreement or because of a contact in doubt."""
    signers = [signer for signer in section["signers"] if signer["counts"]]
    if not signers or any(signer["stance"] != "given" for signer in signers):
        return False
    asked_for_more = section["told"] == Told.NOT_AGREED and WEAK_RULES & set(section["rules"])
    return bool(asked_for_more) or any(signer["gap"] in WEAK_GAPS for signer in signers)
