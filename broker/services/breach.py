"""A data breach looked into: what one professional, one organisation or one client key got since a day, and about whom.

1. Who asks is an officer with the right to it, and sees only their own part; what leaves as a file takes a right more.
2. Every look is logged and committed before it is shown; a file is logged before its first line is read.
3. One index is read along, back in time; every page and every count ends after a fixed number of entries, and says so.

The file holds the lines themselves with receipts and proofs. It proves that the log says this, and said it then; not
that nothing happened beside the log, nor that these lines are all (`docs/for-privacy-officers.md`).

Source: AVG art. 33 and 34; NEN 7513.
"""

import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal, get_args

from broker.domain.events import EventType, Fact, LogEvent, Opening, Personal
from broker.domain.log_ports import LoggedFacts
from broker.domain.officers import Acting, Right
from broker.domain.presence import Purpose
from broker.domain.stores import StoredEntry, Trail, UnitOfWork
from broker.errors import Conflict, Fault, Invalid, Words
from broker.services.files import ProofFile
from broker.services.house import House
from broker.services.lines import decision_of, first_of, row_of, types_of
from broker.services.looking import looked
from broker.services.officer_screens import EntryRow
from broker.services.officers import Officers
from broker.services.reporting import SPAN, passing, read_back

By = Literal["professional", "organisation", "client"]
_WHOLE = {
    "professional": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "client": re.compile(r"[A-Za-z0-9_-]{1,64}|sha256:[0-9a-f]{64}"),
}
"""A whole number as the log names it: with part of one nothing is found, and that would look like nothing happened."""
GOT = (EventType.RELEASE_PERMITTED, EventType.SUBJECT_SEARCHED)
"""What tells somebody something: what they read, and that somebody is known here."""
PAGE = 50
COUNTED, STEPS = 2000, 20
"""How many lines a count opens at most, and along how many stretches of the log it looks for them."""
PROVEN = 500
"""How many lines one file with proofs holds at most."""
Line = tuple[StoredEntry, Sequence[Opening], LoggedFacts]


@dataclass(frozen=True, slots=True)
class BreachWanted:
    """Whose reading is looked into, from which day on."""

    by: str = ""
    value: str = ""
    first_day: date | None = None
    last_day: date | None = None
    before: str = ""


@dataclass(frozen=True, slots=True)
class BreachPage:
    """Lines, newest first. `following` is where to go on; empty at the end.

    `unknown` says that this number is nobody's, as far as this officer may see: then no lines is no answer.
    """

    rows: tuple[EntryRow, ...]
    following: str
    organisations: tuple[tuple[str, str], ...]
    unknown: Words | None = None


@dataclass(frozen=True, slots=True)
class Affected:
    """What the reading comes down to. With `more` there is more than was counted: every number is at least this.

    `others` are people whom a part that left is also about. `others_most` adds those of lines that no longer say which
    part each is about: the true number is between the two.
    """

    at: datetime
    wanted: BreachWanted
    releases: int
    searches: int
    children: tuple[tuple[str, int], ...]
    others: int
    types: tuple[tuple[Words, int], ...]
    readers: tuple[str, ...]
    professionals: int
    first: datetime | None
    last: datetime | None
    erased: int
    more: bool
    others_most: int = 0


class Breach:
    """The use cases of an officer."""

    def __init__(self, house: House, officers: Officers) -> None:
        self._house = house
        self._officers = officers

    async def partners(self, token: str) -> tuple[tuple[str, str], ...]:
        """The organisations to choose from."""
        async with self._house.storage(writing=False) as work:
            await self._officers.acting(work, token, Right.READ_PERSON)
            return await _partners(work)

    async def touched(self, token: str, wanted: BreachWanted) -> BreachPage:
        """A page of what they got, logged. Raises Invalid with all that is wrong with the form."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            acting = await self._officers.acting(work, token, Right.READ_PERSON)  # 1
            trail = await trail_of(work, wanted)
            found, following = await passing(work, acting, trail, GOT, wanted.first_day, wanted.last_day, PAGE)  # 3
            lines = _theirs(wanted, await read_back(house, work, acting, found))
            organisations = await _partners(work)
            names, vocabulary = dict(organisations), house.agreement().vocabulary
            rows = tuple(row_of(entry, facts, names, vocabulary) for entry, _, facts in lines)
            unknown = None if rows else await self._unknown(work, acting, trail, wanted)
        await self._log(token, wanted, now, found=bool(lines))  # 2
        return BreachPage(rows, following, organisations, unknown)

    async def affected(self, token: str, wanted: BreachWanted) -> Affected:
        """How many, about whom and what: for a notice. Logged. Raises Invalid with all that is wrong with the form."""
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            acting = await self._officers.acting(work, token, Right.READ_PERSON)  # 1
            trail = await trail_of(work, wanted)
            tally, more, lines = _Tally(), True, 0
            async for batch, more in walk(house, work, acting, trail, wanted):  # noqa: B007  the last is told
                for line in batch:
                    tally.add(line[2])
                lines += len(batch)
                if lines >= COUNTED:
                    break
            names = dict(await _partners(work))
            unknown = None if lines else await self._unknown(work, acting, trail, wanted)
        await self._log(token, wanted, now, found=lines > 0)  # 2
        if unknown:
            raise Invalid([Fault("/value", unknown)])
        label = house.agreement().vocabulary.label
        return Affected(
            now,
            wanted,
            tally.releases,
            tally.searches,
            tuple(tally.children.most_common()),
            len(tally.others - set(tally.children)),
            tuple((label(kind), count) for kind, count in tally.types.most_common()),
            tuple(sorted(names.get(oin, "") for oin in tally.readers)),
            len(tally.professionals),
            min(tally.moments, default=None),
            max(tally.moments, default=None),
            tally.erased,
            more,
            len((tally.others | tally.perhaps) - set(tally.children)),
        )

    async def taken(self, token: str, wanted: BreachWanted) -> ProofFile:
        """The lines with receipts and proofs, as a file. Logged first.

        Raises Invalid, NotAllowed without the right to take away, Conflict when there is nothing, more than fits, or
        something that waits for its place in the log.
        """
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            acting = await self._officers.confirmed(work, token, Right.TAKE_AWAY, Purpose.TAKE_AWAY)  # 1
            acting.need(Right.READ_PERSON)
            lines: list[Line] = []
            more, trail = True, await trail_of(work, wanted)
            async for batch, more in walk(house, work, acting, trail, wanted):  # noqa: B007
                lines += batch
                if len(lines) > PROVEN:
                    break
            if more or len(lines) > PROVEN:
                raise Conflict(_TOO_MANY, code="too-many-lines")
            if not lines:
                raise Conflict(await self._unknown(work, acting, trail, wanted) or _NOTHING, code="nothing-read")
        async with house.storage() as work:
            acting = await self._officers.confirmed(work, token, Right.TAKE_AWAY, Purpose.TAKE_AWAY)
            personal = (Personal(acting.officer, "officer", acting.officer),)
            facts: dict[str, Fact] = {"format": "breach", "count": len(lines)}
            await work.log.append(LogEvent(EventType.LOG_EXPORTED, now, facts=facts, personal=personal))  # 2
            await work.commit()
        house.log.kick()
        shown = [(entry, [o for o in openings if o.field != "basis"]) for entry, openings, _ in lines]
        made = await house.log.archive.proven(shown)
        if any(entry["proof"] is None for entry in made["entries"]):
            raise Conflict(_WAITS, code="proof-waits")
        return ProofFile(now, json.dumps(made, indent=1).encode())

    async def _log(self, token: str, wanted: BreachWanted, now: datetime, *, found: bool) -> None:
        """Reading takes a while: nobody who writes waits for it, and what was read is given to nobody before this."""
        async with self._house.storage() as work:
            acting = await self._officers.acting(work, token, Right.READ_PERSON)
            await _look(work, acting, wanted, now, found=found)
            await work.commit()
        self._house.log.kick()

    async def _unknown(self, work: UnitOfWork, acting: Acting, trail: Trail, wanted: BreachWanted) -> Words | None:
        """What to ask when this number is nobody's here, on any day; None when it is somebody's."""
        if wanted.by == "organisation":
            return None
        last = await work.log.trail(replace(trail, party=acting.party, before="", limit=PAGE))
        if not last:
            return _NOT_THERE
        if wanted.by == "client" or _theirs(wanted, await read_back(self._house, work, acting, last)):
            return None
        return _NO_PROFESSIONAL


async def walk(
    house: House, work: UnitOfWork, acting: Acting, trail: Trail, wanted: BreachWanted
) -> AsyncIterator[tuple[list[Line], bool]]:
    """Stretch after stretch, each with whether there is more behind it; never more than STEPS of them."""
    before = trail.before
    for _ in range(STEPS):
        stretch = replace(trail, before=before)
        found, before = await passing(work, acting, stretch, GOT, wanted.first_day, wanted.last_day, SPAN)
        yield _theirs(wanted, await read_back(house, work, acting, found)), bool(before)
        if not before:
            return


class _Tally:
    """Counts while it goes."""

    def __init__(self) -> None:
        self.releases = self.searches = self.erased = 0
        self.children: Counter[str] = Counter()
        self.types: Counter[str] = Counter()
        self.others: set[str] = set()
        self.perhaps: set[str] = set()
        self.readers: set[str] = set()
        self.professionals: set[str] = set()
        self.moments: list[datetime] = []

    def add(self, facts: LoggedFacts) -> None:
        """One line."""
        self.releases += facts.type == EventType.RELEASE_PERMITTED
        self.searches += facts.type == EventType.SUBJECT_SEARCHED
        self.erased += "subject" in facts.erased
        self.children.update(facts.personal.get("subject", ()))
        self._about(facts)
        self.types.update(set(types_of(facts)[0]))
        self.readers.add(facts.organisation)
        self.professionals.add(first_of(facts, "professional"))
        self.moments = [min([*self.moments, facts.at]), max([*self.moments, facts.at])]

    def _about(self, facts: LoggedFacts) -> None:
        """Whom the parts that left are about, as was decided of each: `concerned` also names those of parts that stayed."""
        left = [section for section in decision_of(facts) if not section["told"]]
        if left and all(section["signers"] for section in left):
            self.others.update(signer["person"] for section in left for signer in section["signers"])
        else:
            self.perhaps.update(filter(None, facts.personal.get("concerned", ())))


async def trail_of(work: UnitOfWork, wanted: BreachWanted) -> Trail:
    """Along what to read. Raises Invalid with every fault."""
    faults, value = [], wanted.value.strip()
    if wanted.by not in get_args(By):
        faults.append(Fault("/by", _NO_KIND))
    if not value:
        faults.append(Fault("/value", _NO_VALUE))
    elif wanted.by in _WHOLE and not _WHOLE[wanted.by].fullmatch(value):
        faults.append(Fault("/value", _NOT_WHOLE[wanted.by]))
    elif wanted.by == "organisation" and value not in dict(await _partners(work)):
        faults.append(Fault("/value", _NO_PARTNER))
    if wanted.first_day is None:
        faults.append(Fault("/first_day", _NO_DAY))
    elif wanted.last_day and wanted.last_day < wanted.first_day:
        faults.append(Fault("/last_day", _BACKWARDS))
    if faults:
        raise Invalid(faults)
    if wanted.by == "organisation":
        return Trail(organisation=value, before=wanted.before, limit=SPAN)
    if wanted.by == "client":
        return Trail(client=value, before=wanted.before, limit=SPAN)
    return Trail(owner=value, before=wanted.before, limit=SPAN)


def _theirs(wanted: BreachWanted, lines: Iterable[Line]) -> list[Line]:
    """Only what that professional asked themselves: the pseudonym of a child leads nowhere here."""
    if wanted.by != "professional":
        return list(lines)
    return [line for line in lines if first_of(line[2], "professional") == wanted.value.strip()]


async def _look(work: UnitOfWork, acting: Acting, wanted: BreachWanted, now: datetime, *, found: bool) -> None:
    """Log it, with whose reading was looked into where something was found: what was typed in vain is nobody's."""
    field = "for" if wanted.by == "organisation" else "sought"
    value = wanted.value.strip()
    more = (Personal(acting.officer, field, value),) if found or wanted.by == "organisation" else ()
    await looked(work, acting, now, "breach", more=more)


async def _partners(work: UnitOfWork) -> tuple[tuple[str, str], ...]:
    return tuple((str(partner.oin), partner.name) for partner in await work.organisations.all())


_NO_KIND = Words("Kies waarvan u de lijst wilt zien.", "Choose whose reading you want to see.")
_NO_VALUE = Words("Vul het nummer in.", "Fill in the number.")
_NOT_WHOLE = {
    "professional": Words(
        "Dit is geen heel nummer van een professional. Neem het over van de pagina van een regel.",
        "This is not the whole number of a professional. Copy it from the page of a line.",
    ),
    "client": Words(
        "Dit is geen heel nummer van een sleutel. Neem het over van de pagina van een regel.",
        "This is not the whole number of a key. Copy it from the page of a line.",
    ),
}
_NOT_THERE = Words(
    "Dit nummer komt niet voor in het logboek. Klopt het?", "This number does not occur in the log. Is it right?"
)
_NO_PROFESSIONAL = Words(
    "Dit nummer is niet van een professional. Klopt het?", "This number is not of a professional. Is it right?"
)
_NO_PARTNER = Words("Deze organisatie doet niet mee.", "This organisation does not take part.")
_NO_DAY = Words("Kies een eerste dag.", "Choose a first day.")
_BACKWARDS = Words("De laatste dag ligt voor de eerste.", "The last day is before the first.")
_NOTHING = Words("Sinds die dag is er niets gelezen.", "Nothing was read since that day.")
_TOO_MANY = Words(
    "Dit zijn te veel regels voor één bestand. Kies minder dagen, of neem bij Bestanden de bundel van die dagen.",
    "These are too many lines for one file. Choose fewer days, or take the bundle of those days under Files.",
)
_WAITS = Words(
    "Een regel heeft zijn plaats in het logboek nog niet. Probeer het over een minuut opnieuw.",
    "A line does not have its place in the log yet. Try again in a minute.",
)
