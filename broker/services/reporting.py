"""One person's report: who read what about them, when and why, for one reader, who learns nothing here that is not theirs.

1. Who asks is an officer with the right to it, and sees only their own part.
2. The reader is the person themselves, or holds authority over them now (`broker.domain.inspection`).
3. What was read is what the family's own page shows: of any version, without what is shielded from the reader.
4. Of a refusal only that it was asked and refused, and only where nobody else's answer shows and nothing is shielded.
5. A search by identifier is told only to the person themselves, and not when anything was ever shielded from them.
6. That names were taken after a breach (`names.py`) is told to any reader from whom nothing was ever shielded.
7. The report is logged and committed before it is shown, and so is that there is none; only so many in an hour. One page reads at most SPAN entries, whatever there is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any, Literal

from broker.domain.calendar import AMSTERDAM, end_of_day
from broker.domain.events import EventType, Opening, Personal
from broker.domain.inspection import may_have_report, tells_nobodys_answer
from broker.domain.log_ports import LoggedFacts
from broker.domain.officers import Acting, Right
from broker.domain.parties import PersonId
from broker.domain.stores import Disclosure, LogSearch, Passed, StoredEntry, Trail, UnitOfWork
from broker.errors import Fault, Invalid, Words
from broker.services.house import House, guarded
from broker.services.lines import decision_of, first_of, for_their_eyes
from broker.services.looking import looked
from broker.services.officers import Officers

PAGE, SHEET = 50, 400
"""How many entries about somebody a page reads on screen, and how many to print."""
SPAN = 500
"""How many entries are looked through for them, at most."""
AN_HOUR, MOST_IN_AN_HOUR = 3600, 60
_MEETS = tuple(event for event in EventType if event != EventType.SUBJECT_SEARCHED)
TOLD = (EventType.RELEASE_PERMITTED, EventType.RELEASE_DENIED, EventType.SUBJECT_SEARCHED, EventType.LOG_EXPORTED)


@dataclass(frozen=True, slots=True)
class ReportWanted:
    """About whom, and for whom: by identifiers that were typed, or by the pseudonyms of a page before.

    Without a reader the report is for the person themselves. `sheet`: as much as fits one print.
    """

    identifier: str = ""
    subject: str = ""
    reader_identifier: str = ""
    reader: str = ""
    first_day: date | None = None
    last_day: date | None = None
    before: str = ""
    sheet: bool = False


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One thing that was done with what is known of the person. `professional` is a pseudonym its organisation can resolve."""

    at: datetime
    kind: Literal["read", "refused", "searched", "taken"]
    organisation: str
    role: Words | None
    professional: str
    sender: str
    purpose: Words | None
    sections: tuple[Words, ...] = ()
    rules: tuple[Words, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A page of it. `following` is where the next one begins; empty for the last."""

    subject: str
    reader: str
    lines: tuple[ReportLine, ...]
    following: str
    at: datetime

    @property
    def own(self) -> bool:
        """Whether it is for the person themselves."""
        return self.subject == self.reader


class Reporting:
    """The use case of an officer."""

    def __init__(self, house: House, officers: Officers) -> None:
        self._house = house
        self._officers = officers

    async def report(self, token: str, wanted: ReportWanted) -> Report:
        """A page of the report, logged.

        Raises Invalid when nobody is known by what was typed, or the reader is not somebody it can be made for: that is
        an answer too, and logged as well. Raises TooMany past sixty in an hour.
        """
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            officer = (await self._officers.acting(work, token, Right.READ_PERSON)).officer
        _check_days(wanted)
        await guarded(house, f"report:{officer}", MOST_IN_AN_HOUR, AN_HOUR)
        async with house.storage(writing=False) as work:
            acting = await self._officers.acting(work, token, Right.READ_PERSON)  # 1
            try:
                person, reader = await self._whom(work, acting, wanted, now)  # 2
            except Invalid:
                tried = await _named(work, wanted.identifier, wanted.subject)
                known = tried is not None and await work.log.knows(tried)
                await self._log(token, now, (tried,) if tried and known else ())  # 7
                raise
            found, following = await _within(work, acting, person, wanted)
            lines = await self._lines(work, found, person, reader)
        await self._log(token, now, (person,), (Personal(reader, "reader", reader),) if reader != person else ())  # 7
        return Report(person, reader, lines, following, now)

    async def _log(self, token: str, now: datetime, about: Sequence[str], more: Sequence[Personal] = ()) -> None:
        """Reading takes a while: nobody who writes waits for it, and what was read is given to nobody before this."""
        async with self._house.storage() as work:
            acting = await self._officers.acting(work, token, Right.READ_PERSON)
            await looked(work, acting, now, "report", about=about, more=more)
            await work.commit()
        self._house.log.kick()

    async def _whom(
        self, work: UnitOfWork, acting: Acting, wanted: ReportWanted, now: datetime
    ) -> tuple[PersonId, PersonId]:
        person = await _named(work, wanted.identifier, wanted.subject)
        if person is None or not await work.log.knows(person) or not await _in_their_part(work, acting, person):
            raise Invalid([Fault("/identifier", _NOBODY)])
        asked = bool(wanted.reader_identifier or wanted.reader)
        reader = await _named(work, wanted.reader_identifier, wanted.reader) if asked else person
        people, authorities = await work.authorities.facts(frozenset({person}))
        table = self._house.agreement().signers
        if reader is None or not (
            person in people and may_have_report(reader, people[person], authorities, table, now)
        ):
            raise Invalid([Fault("/reader_identifier", _NOT_THEIRS)])
        return person, reader

    async def _lines(
        self, work: UnitOfWork, found: Sequence[Passed], person: PersonId, reader: PersonId
    ) -> tuple[ReportLine, ...]:
        ids = [entry.id for entry in found]
        entries = await work.log.several(ids)
        openings = await work.log.openings_of(ids)
        facts = {entry.id: self._house.log.read(entry.leaf, openings.get(entry.id, ())) for entry in entries}
        read = await work.releases.of_entries(ids, person, reader)  # 3
        named = {first_of(logged, "handover") for logged in facts.values()} - {""}
        hidden = await work.releases.hidden(named, person, reader)
        open_to_all = not await work.releases.hides_from(reader)
        searches = person == reader and open_to_all
        partners = {str(o.oin): o.name for o in await work.organisations.all()}
        lines = []
        for entry in entries:
            logged = facts[entry.id]
            if entry.id in read:
                lines.append(self._read(logged, read[entry.id], partners))
            elif logged.type == EventType.RELEASE_DENIED and _tells(logged, reader, hidden):  # 4
                lines.append(self._line(logged, "refused", partners))
            elif logged.type == EventType.SUBJECT_SEARCHED and searches:  # 5
                lines.append(self._line(logged, "searched", partners))
            elif logged.facts.get("format") == "names" and open_to_all:  # 6
                lines.append(self._line(logged, "taken", partners))
        return tuple(lines)

    def _read(self, logged: LoggedFacts, read: Disclosure, partners: Mapping[str, str]) -> ReportLine:
        agreement = self._house.agreement()
        shown = (s for s in decision_of(logged) if s["type"] in read.types and not s["told"])
        rules = dict.fromkeys(rule for section in shown for rule in section["rules"])
        line = self._line(logged, "read", partners)
        return ReportLine(
            read.at,
            "read",
            line.organisation,
            agreement.vocabulary.label(read.role),
            line.professional,
            line.sender,
            agreement.vocabulary.label(read.purpose),
            tuple(map(agreement.vocabulary.label, read.types)),
            tuple(map(agreement.title, rules)) if logged.facts.get("policy") == agreement.digest else (),
        )

    def _line(
        self, logged: LoggedFacts, kind: Literal["read", "refused", "searched", "taken"], partners: Mapping[str, str]
    ) -> ReportLine:
        label, role = self._house.agreement().vocabulary.label, first_of(logged, "role")
        purpose = str(logged.facts.get("purpose", ""))
        return ReportLine(
            logged.at,
            kind,
            partners.get(logged.organisation, ""),
            label(role) if role else None,
            first_of(logged, "professional"),
            partners.get(logged.counterpart, ""),
            label(purpose) if purpose else None,
        )


def _tells(logged: LoggedFacts, reader: PersonId, hidden: Mapping[str, bool]) -> bool:
    """Whether a refusal may be told: an erased decision, or one of a handover that says nothing of them, may not."""
    of = first_of(logged, "handover")
    whole = bool(decision_of(logged)) or logged.facts.get("reason") == "not-a-recipient"
    return whole and hidden.get(of) is False and tells_nobodys_answer(reader, decision_of(logged))


async def _within(work: UnitOfWork, acting: Acting, person: PersonId, wanted: ReportWanted) -> tuple[list[Passed], str]:
    """The entries of one page, and where the next begins."""
    return await passing(
        work,
        acting,
        Trail(owner=person, before=wanted.before, limit=SPAN),
        TOLD,
        wanted.first_day,
        wanted.last_day,
        SHEET if wanted.sheet else PAGE,
    )


async def passing(
    work: UnitOfWork,
    acting: Acting,
    trail: Trail,
    types: Sequence[EventType],
    first_day: date | None,
    last_day: date | None,
    most: int,
) -> tuple[list[Passed], str]:
    """The next entries of a trail that an officer may see, of these kinds and days; and where to go on, or empty.

    Passes `trail.limit` entries that the officer may see and no more: a page may hold few and still have one after it.
    Of what they may not see nothing is passed, so that no place to go on tells of it.
    """
    since = datetime.combine(first_day, time(), AMSTERDAM) if first_day else None
    until = end_of_day(last_day) if last_day else None
    batch = await work.log.trail(replace(trail, party=acting.party))
    found: list[Passed] = []
    for entry in batch:
        if since and entry.at < since:
            return found, ""  # a trail runs back in time
        if len(found) == most:
            return found, found[-1].id
        if (
            entry.type in types
            and not (until and entry.at >= until)
            and acting.sees(entry.organisation, entry.counterpart)
        ):
            found.append(entry)
    return found, batch[-1].id if len(batch) == trail.limit else ""


async def read_back(
    house: House, work: UnitOfWork, acting: Acting, found: Sequence[Passed]
) -> list[tuple[StoredEntry, Sequence[Opening], LoggedFacts]]:
    """These entries, opened as far as this officer may read them."""
    ids = [entry.id for entry in found]
    openings: Mapping[Any, Sequence[Opening]] = await work.log.openings_of(ids)
    return [
        (
            entry,
            openings.get(entry.id, ()),
            for_their_eyes(acting, house.log.read(entry.leaf, openings.get(entry.id, ()))),
        )
        for entry in await work.log.several(ids)
    ]


async def _named(work: UnitOfWork, identifier: str, pseudonym: str) -> PersonId | None:
    """Whom that is, if anybody: a pseudonym that was posted is believed by nobody who does not look it up."""
    return await work.persons.by_identifier("bsn", identifier) if identifier else PersonId(pseudonym)


async def _in_their_part(work: UnitOfWork, acting: Acting, person: PersonId) -> bool:
    """Whether somebody exists is not for who has nothing to do with them: having searched for them is nothing."""
    wanted = LogSearch(owner=person, party=acting.party, types=_MEETS, limit=1)
    return not acting.party or bool(await work.log.search(wanted))


def _check_days(wanted: ReportWanted) -> None:
    if wanted.first_day and wanted.last_day and wanted.last_day < wanted.first_day:
        raise Invalid([Fault("/last_day", _BACKWARDS)])


_NOBODY = Words(
    "In het deel van het logboek dat u ziet, staat niemand met dit BSN.",
    "The part of the log that you see holds nobody with this BSN.",
)
_NOT_THEIRS = Words(
    "Voor deze lezer kunt u geen overzicht maken. Het kan voor wie zelf beslist, of voor wie nu gezag heeft.",
    "You cannot make a report for this reader. It can be for who decides themselves, or who holds authority now.",
)
_BACKWARDS = Words("De laatste dag ligt voor de eerste.", "The last day is before the first.")
