"""The one way that names leave the console: of those whom a breach affects, decided by two officers, for a day.

1. What is proposed is a search that was made, with how many children it is about; at most MOST_PEOPLE.
2. What leaves is of that search as it was logged and signed, and of lines that were there when it was proposed.
3. Only the two who decided take it, within a day, while both still are officers of the whole; each file after a passkey.
4. The file is logged, with every child and everybody who is to be told, and committed before a byte of it is handed on.
5. Of who is to be told nothing is given from whom anything in what was read is shielded, nor a contact that is in doubt.

Source: AVG art. 34; NEN 7513.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from broker.domain.calendar import local_day
from broker.domain.events import EventType, Fact, LogEvent, Personal
from broker.domain.log_ports import LoggedFacts
from broker.domain.motions import LONGEST_REASON, MOST_PEOPLE, Motion, MotionKind, Search
from broker.domain.names import Affected, LeftOut, Told, file_of, to_tell
from broker.domain.officers import Acting, Right
from broker.domain.parties import PersonId
from broker.domain.presence import Purpose
from broker.domain.stores import UnitOfWork
from broker.errors import Conflict, Fault, Invalid, NotAllowed, NotFound, Words
from broker.services.breach import BreachWanted, trail_of, walk
from broker.services.house import House
from broker.services.lines import first_of, types_of
from broker.services.logged_motions import decided, logged
from broker.services.motion_screens import Wanted
from broker.services.motions import Motions
from broker.services.officers import Officers


@dataclass(frozen=True, slots=True)
class NamesFile:
    """A CSV for the two who decided; `motion` is for its name."""

    motion: str
    content: bytes = field(repr=False)


@dataclass(slots=True)
class _Got:
    """What was got about one child."""

    read: int = 0
    searched: int = 0
    moments: list[datetime] = field(default_factory=list)
    types: Counter[str] = field(default_factory=Counter)
    senders: set[str] = field(default_factory=set)
    handovers: set[str] = field(default_factory=set)

    def add(self, facts: LoggedFacts) -> None:
        """One line about this child."""
        is_read = facts.type == EventType.RELEASE_PERMITTED
        self.read += is_read
        self.searched += not is_read
        self.moments.append(facts.at)
        self.types.update(types_of(facts)[0])
        if is_read:
            self.senders |= {facts.counterpart} - {""}  # of what a family wrote itself nobody is the sender
            self.handovers.add(first_of(facts, "handover"))


@dataclass(slots=True)
class _Touched:
    """Every child that a search is about, and how many lines say of nobody any more."""

    children: dict[PersonId, _Got] = field(default_factory=dict)
    erased: int = 0


class Names:
    """The use cases of officers of the whole."""

    def __init__(self, house: House, officers: Officers, motions: Motions) -> None:
        self._house = house
        self._officers = officers
        self._motions = motions

    async def propose(self, token: str, wanted: BreachWanted, reason: str) -> str:
        """Propose that the names of those whom this search is about may be taken; returns the motion's id.

        Raises Invalid with all that is wrong with the form, Conflict for nobody or too many, and what `confirmed` does.
        """
        house = self._house
        if not 0 < len(" ".join(reason.split())) <= LONGEST_REASON:
            raise Invalid([Fault("/reason", _NO_REASON)])
        async with house.storage(writing=False) as work:
            acting = await self._officers.confirmed(work, token, Right.MANAGE, Purpose.NAMES)
            acting.need(Right.READ_PERSON)
            wanted = replace(wanted, last_day=wanted.last_day or local_day(house.clock()), before="")
            touched = await self._touched(work, acting, wanted)  # 1
        if not touched.children:
            raise Conflict(_NOBODY, code="nothing-read")
        search = Search(wanted.by, wanted.value.strip(), *_days(wanted), len(touched.children))
        return await self._motions.propose(token, Wanted(MotionKind.NAMES, reason, search=search))

    async def taken(self, token: str, motion_id: str, say: Callable[[Words], str]) -> NamesFile:
        """The file, with every word in the language of `say`. Logged first.

        Raises NotFound, Tampered for a motion that is not what was logged, NotAllowed for who did not decide it, Conflict
        when it was not decided, its day is over, or there are more people in it; and what `confirmed` does.
        """
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            acting = await self._officers.confirmed(work, token, Right.MANAGE, Purpose.NAMES)
            motion, search = await self._allowed(work, acting, motion_id, now)  # 3
            wanted = BreachWanted(search.by, search.value, search.first_day, search.last_day, motion.entry)
            touched = await self._touched(work, acting, wanted)  # 2
            if len(touched.children) > search.people:
                raise Conflict(_MORE, code="more-people")
            people, concerned = await self._people(work, touched, now)
        async with house.storage() as work:
            acting = await self._officers.confirmed_once(work, token, Right.MANAGE, Purpose.NAMES)
            await self._allowed(work, acting, motion_id, now)
            personal = [Personal(acting.officer, "officer", acting.officer)]
            personal += [Personal(child, "subject", child) for child in sorted(touched.children)]
            personal += [Personal(one, "concerned", one) for one in sorted(concerned - set(touched.children))]
            facts: dict[str, Fact] = {"format": "names", "view": "names", "count": len(people), "motion": motion.id}
            await work.log.append(LogEvent(EventType.LOG_EXPORTED, now, facts=facts, personal=tuple(personal)))  # 4
            await work.commit()
        house.log.kick()
        return NamesFile(motion.id, file_of(people, touched.erased, say))

    async def _allowed(self, work: UnitOfWork, acting: Acting, motion_id: str, now: datetime) -> tuple[Motion, Search]:
        """The motion, for one of the two who decided it, in its day. Raises NotFound, NotAllowed, Conflict, Tampered."""
        for right in (Right.READ_PERSON, Right.TAKE_AWAY):
            acting.need(right)
        motion, _ = await logged(work, self._house.log, motion_id)
        if motion.kind is not MotionKind.NAMES or motion.search is None:
            raise NotFound
        decision = await decided(work, self._house.log, motion)
        if decision is None:
            raise Conflict(_NOT_DECIDED, code="names-not-decided")
        if acting.officer not in decision.officers:
            raise NotAllowed(_NOT_YOURS, code="names-not-yours")
        if now >= decision.until:
            raise Conflict(_OVER, code="names-over")
        for one in decision.officers:
            still = await self._officers.believed(work, one, anew=True)
            if still is None or Right.MANAGE not in still.rights:
                raise Conflict(_ALONE, code="names-alone")
        return motion, motion.search

    async def _touched(self, work: UnitOfWork, acting: Acting, wanted: BreachWanted) -> _Touched:
        """Everybody, to the end. Raises Invalid; Conflict for more than one file holds."""
        trail = replace(await trail_of(work, wanted), before=wanted.before)
        touched, more = _Touched(), True
        async for batch, more in walk(self._house, work, acting, trail, wanted):  # noqa: B007  the last is told
            for _, _, facts in batch:
                touched.erased += "subject" in facts.erased
                for child in filter(None, facts.personal.get("subject", ())):
                    touched.children.setdefault(PersonId(child), _Got()).add(facts)
            if len(touched.children) > MOST_PEOPLE:
                break
        if more or len(touched.children) > MOST_PEOPLE:
            raise Conflict(_TOO_MANY, code="too-many-people")
        return touched

    # who they are, and whom to tell

    async def _people(
        self, work: UnitOfWork, touched: _Touched, now: datetime
    ) -> tuple[list[Affected], frozenset[PersonId]]:
        """Each of them, first who was met most, and everybody else of whom the file says something."""
        known, authorities = await work.authorities.facts(frozenset(touched.children))
        table, label = self._house.agreement().signers, self._house.agreement().vocabulary.label
        partners = {str(one.oin): one.name for one in await work.organisations.all()}
        told = {
            child: to_tell(known[child], [a for a in authorities if a.over == child], table, now)
            for child in touched.children
        }
        everybody = frozenset(touched.children).union(*(who for who, _ in told.values()))
        kept = await _kept(work, everybody)
        people, named = [], set()
        for child, got in sorted(touched.children.items(), key=lambda one: (-one[1].read - one[1].searched, one[0])):
            whom, complete = told[child]
            open_to = [one for one in sorted(whom) if await _may_hear(work, one, child, got)]  # 5
            named.update(open_to)
            left = [LeftOut.NOT_KEPT] if child not in kept.names and not known[child].births else []
            left += [LeftOut.NOBODY] if not open_to else []
            left += [LeftOut.SOMEBODY] if open_to and (not complete or len(open_to) < len(whom)) else []
            people.append(
                Affected(
                    child,
                    kept.names.get(child, ()),
                    tuple(sorted(known[child].births)),
                    got.read,
                    got.searched,
                    min(got.moments),
                    max(got.moments),
                    tuple(label(kind) for kind, _ in got.types.most_common()),
                    tuple(sorted(partners.get(oin, "") for oin in got.senders)),
                    tuple(kept.told(one, own=one == child) for one in open_to),
                    tuple(left),
                )
            )
        return people, frozenset(named)


@dataclass(frozen=True, slots=True)
class _Kept:
    """What the broker keeps of people: what each organisation calls them, and where it would write to them."""

    names: Mapping[PersonId, tuple[str, ...]]
    contacts: Mapping[PersonId, tuple[str, ...]]

    def told(self, person: PersonId, *, own: bool) -> Told:
        """Somebody to tell."""
        contacts = self.contacts.get(person, ())
        return Told(own, self.names.get(person, ()), contacts, () if contacts else (LeftOut.CONTACT,))


async def _kept(work: UnitOfWork, persons: Collection[PersonId]) -> _Kept:
    """Names and contacts as each organisation last stated them; no contact of whom a contact is in doubt."""
    names: dict[PersonId, dict[str, None]] = {}
    contacts: dict[PersonId, dict[str, None]] = {}
    sure = frozenset(persons) - await work.matters.doubted(persons)
    for partner in await work.organisations.all():
        for person, name in (await work.persons.names(persons, partner.oin)).items():
            names.setdefault(person, {})[name] = None
        for person, reach in (await work.persons.reach(sure, partner.oin)).items():
            contacts.setdefault(person, {})[f"{reach.contact.channel}: {reach.contact.value}"] = None
    return _Kept(
        {who: tuple(all_) for who, all_ in names.items()}, {who: tuple(all_) for who, all_ in contacts.items()}
    )


async def _may_hear(work: UnitOfWork, viewer: PersonId, child: PersonId, got: _Got) -> bool:
    """Whether nothing in what was read was ever shielded from them; a search is told as in a report (`reporting.py`)."""
    if got.searched and await work.releases.hides_from(viewer):
        return False
    hidden = await work.releases.hidden(got.handovers, child, viewer)
    return all(hidden.get(handover) is False for handover in got.handovers)


def _days(wanted: BreachWanted) -> tuple[date, date]:
    if wanted.first_day is None or wanted.last_day is None:
        raise Invalid([Fault("/first_day", _NO_DAY)])
    return wanted.first_day, wanted.last_day


_NO_REASON = Words(f"Zeg waarom, in hoogstens {LONGEST_REASON} tekens.", f"Say why, in at most {LONGEST_REASON} signs.")
_NO_DAY = Words("Kies een eerste dag.", "Choose a first day.")
_NOBODY = Words(
    "Sinds die dag is er over niemand iets gelezen of gezocht die nog bekend is.",
    "Since that day nothing was read or searched about anybody who is still known.",
)
_TOO_MANY = Words(
    f"Dit gaat over te veel mensen of regels voor één bestand (hoogstens {MOST_PEOPLE} kinderen). Kies minder dagen, en "
    "stel voor elk deel een besluit voor.",
    f"This is about too many people or lines for one file (at most {MOST_PEOPLE} children). Choose fewer days, and "
    "propose a decision for each part.",
)
_MORE = Words(
    "Het gaat nu over meer kinderen dan u samen besloot. Stel het opnieuw voor.",
    "It is about more children now than you decided together. Propose it again.",
)
_NOT_DECIDED = Words(
    "Een tweede officer heeft dit nog niet bevestigd. Eén officer alleen krijgt geen namen.",
    "A second officer did not confirm this yet. One officer alone gets no names.",
)
_NOT_YOURS = Words(
    "Alleen de twee officers die dit besloten, krijgen dit bestand.",
    "Only the two officers who decided this get the file.",
)
_OVER = Words(
    "De dag waarin u de namen kon halen is voorbij. Stel het opnieuw voor als u ze nog nodig hebt.",
    "The day in which you could take the names is over. Propose it again if you still need them.",
)
_ALONE = Words(
    "Een van de twee die dit besloten is geen officer van het geheel meer. Stel het opnieuw voor.",
    "One of the two who decided this is no officer of the whole any more. Propose it again.",
)
