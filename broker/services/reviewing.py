"""The review that an officer does: what stands out, heaviest first, each looked at and signed off once.

1. Looking at the queue or an item is logged; nothing is shown before.
2. Only who may review signs off, once per item, with a note that is kept sealed; it is logged in the same commit.
3. An officer of one organisation sees items between that organisation and another, and no others; they sign off what its own
   people asked, and no sample.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from broker.domain.calendar import local_day
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.officers import Acting, Right
from broker.domain.review import LEADING, LONGEST_NOTE, NAMES, OF_THE_READER, REASONS, may_sign_off
from broker.domain.stores import LogSearch, UnitOfWork
from broker.domain.stores.reviews import Item
from broker.errors import Conflict, Fault, Invalid, NotAllowed, NotFound, Tampered, Words
from broker.services.house import House
from broker.services.lines import for_their_eyes, row_of
from broker.services.looking import looked
from broker.services.officer_screens import EntryRow
from broker.services.officers import Officers
from broker.services.review_screens import ItemDetail, ItemRow, ReviewPage, StartScreen

PAGE = 25
LINES = 50
RATED = 30
"""Days over which the part that was done is worked out."""


class Reviewing:
    """The use cases around what stands out, of an officer who signed in."""

    def __init__(self, house: House, officers: Officers) -> None:
        self._house = house
        self._officers = officers

    async def start(self, token: str) -> StartScreen:
        """How the review stands, in numbers; changes nothing."""
        today = local_day(self._house.clock())
        async with self._house.storage(writing=False) as work:
            acting = await self._officers.acting(work, token, Right.COUNT)
            party, yesterday = acting.party, today - timedelta(days=1)
            days = await work.reviews.by_day(today - timedelta(days=RATED - 1), today, party)
            oldest = await work.reviews.oldest(party)
            drawn, done = await work.reviews.samples(yesterday, party)
            reviews = Right.REVIEW in acting.rights
            checks = await work.log.search(LogSearch(types=(EventType.LOG_CHECKED,), limit=1))
            check = self._house.log.vouched(checks[0]) if checks else None
            return StartScreen(
                waiting=await work.reviews.count(party),
                oldest=None if oldest is None else max((today - oldest).days, 0),
                made=sum(made for made, _ in days.values()),
                done=sum(signed for _, signed in days.values()),
                yesterday=yesterday,
                drawn=drawn,
                looked=done,
                doubts=await work.matters.count(party) if reviews else 0,
                checked=check.at if check else None,
                intact=check is not None and check.facts.get("outcome") == "intact",
                reviews=reviews,
                checks=Right.CHECK_LOG in acting.rights,
            )

    async def queue(self, token: str, signal: str = "", after: str = "") -> ReviewPage:
        """A page of what waits. The look is logged. A signal that does not exist narrows nothing."""
        house, now = self._house, self._house.clock()
        wanted = next((one for one in LEADING if one.value == signal), None)
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.REVIEW)
            found = await work.reviews.waiting(PAGE + 1, wanted, acting.party, after)
            names = await _names(work)
            await looked(work, acting, now, "review")  # 1
            await work.commit()
        house.log.kick()
        following = found[PAGE - 1].id if len(found) > PAGE else ""
        rows = tuple(_row(item, names) for item in (_told(acting, one) for one in found[:PAGE]) if item is not None)
        return ReviewPage(rows, following, wanted, tuple((one, NAMES[one]) for one in LEADING))

    async def item(self, token: str, item_id: str) -> ItemDetail:
        """One item with the first of its lines. Raises NotFound. The look is logged, with whom it was about."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.REVIEW)
            item = await self._mine(work, acting, item_id)
            entries = await work.reviews.lines(item.id, LINES + 1)
            names = await _names(work)
            lines, unreadable = [], []
            for entry in entries[:LINES]:
                line = await self._line(work, acting, entry, names)
                if line is None:
                    unreadable.append(entry)
                else:
                    lines.append(line)
            signed = await work.reviews.signed_off(item.id)
            alike = await work.reviews.alike(item.id, acting.party)
            await looked(work, acting, now, "review-item", about=[line.subject for line in lines])  # 1
            await work.commit()
        house.log.kick()
        return ItemDetail(
            row=_row(item, names),
            reasons=tuple((NAMES[signal], REASONS[signal]) for signal in item.signals),
            lines=tuple(lines),
            unreadable=tuple(unreadable),
            more=len(entries) > LINES,
            professional=next((line.professional for line in lines if line.professional), ""),
            alike=alike,
            signed_at=signed.at if signed else None,
            signed_by=signed.officer if signed else "",
            note=signed.note if signed else "",
            yours=may_sign_off(acting.organisation, item.organisation, item.signals),
        )

    async def _mine(self, work: UnitOfWork, acting: Acting, item_id: str, *, lock: bool = False) -> Item:  # 3
        item = await work.reviews.get(item_id, lock=lock)
        told = _told(acting, item) if item is not None else None
        if told is None:
            raise NotFound
        return told

    async def _line(self, work: UnitOfWork, acting: Acting, entry_id: str, names: Mapping[str, str]) -> EntryRow | None:
        """The line itself, read back from the log: an item is only where it was found."""
        entry = await work.log.get(entry_id)
        if entry is None:
            return None
        try:
            facts = self._house.log.read(entry.leaf, await work.log.openings(entry.id))
        except Tampered:
            return None
        if not acting.sees(facts.organisation, facts.counterpart):
            return None
        return row_of(entry, for_their_eyes(acting, facts), names, self._house.agreement().vocabulary)

    async def sign_off(self, token: str, item_id: str, note: str) -> None:
        """Sign off what the item holds.

        Raises Invalid, NotFound, NotAllowed for who does not answer for it, Conflict when it was signed off before.
        """
        house, now = self._house, self._house.clock()
        note = note.strip()
        async with house.storage() as work:
            acting = await self._officers.acting(work, token, Right.REVIEW)  # 2
            item = await self._mine(work, acting, item_id, lock=True)
            if not may_sign_off(acting.organisation, item.organisation, item.signals):
                raise NotAllowed(_NOT_THEIRS, code="not-yours-to-sign-off")
            _check(note)
            if not await work.reviews.sign_off(item.id, acting.officer, note, now):
                raise Conflict(_SIGNED, code="already-signed-off")
            personal = (
                Personal(acting.officer, "officer", acting.officer),
                Personal(acting.officer, "item", item.id),
            )
            facts: Mapping[str, str | int] = {"signal": item.signals[0].value, "lines": item.lines}
            await work.log.append(LogEvent(EventType.REVIEW_SIGNED_OFF, now, facts=facts, personal=personal))
            await work.commit()
        house.log.kick()


def _told(acting: Acting, item: Item) -> Item | None:
    """What of an item this officer may see: who was asked does not hear what was asked of others."""
    if not acting.sees(item.organisation, item.counterpart):
        return None
    if acting.organisation in (None, item.organisation):
        return item
    signals = tuple(signal for signal in item.signals if signal not in OF_THE_READER)
    return replace(item, signals=signals) if signals else None


def _check(note: str) -> None:
    faults = []
    if not note:
        faults.append(Fault("/note", _NO_NOTE))
    if len(note) > LONGEST_NOTE:
        faults.append(Fault("/note", _LONG_NOTE))
    if faults:
        raise Invalid(faults)


async def _names(work: UnitOfWork) -> Mapping[str, str]:
    return {str(o.oin): o.name for o in await work.organisations.all()}


def _row(item: Item, names: Mapping[str, str]) -> ItemRow:
    organisation, counterpart = names.get(item.organisation, ""), names.get(item.counterpart, "")
    return ItemRow(item.id, tuple(NAMES[s] for s in item.signals), item.day, organisation, counterpart, item.lines)


_NOT_THEIRS = Words(
    "Dit tekent een officer af van het geheel, of van de organisatie die het vroeg. Er is niets veranderd.",
    "This is signed off by an officer of the whole, or of the organisation that asked. Nothing was changed.",
)
_NO_NOTE = Words("Schrijf kort op wat u zag of deed.", "Write down in a few words what you saw or did.")
_LONG_NOTE = Words(f"Houd het bij {LONGEST_NOTE} tekens.", f"Keep it to {LONGEST_NOTE} characters.")
_SIGNED = Words("Dit is al afgetekend. Er is niets veranderd.", "This was signed off already. Nothing was changed.")
