"""What stands out, folded into items; signing off takes what an item holds at that moment, and no line that comes after.

An item's id is keyed, and the same whenever it is worked out again: that is how a sign-off finds it back.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.parties import OfficerId
from broker.domain.review import OF_THE_READER, Signal, lead, ordered, rank, weight_of
from broker.domain.stores.reviews import Item, Raised, SignedOff
from broker.storage import tables as t
from broker.storage.rows import Store, replacing

_KEY = 32
_ID = re.compile(r"([0-9a-f]{32})-(0|[1-9][0-9]{0,5})", re.ASCII)
_COLUMNS = t.review_item.c
_ORDER = (_COLUMNS.rank, _COLUMNS.key, _COLUMNS.part)


@dataclass(slots=True)
class _Part:
    """A part of an item while it is folded. `covered` is how many lines of it were signed off, None when none were."""

    part: int
    values: dict[str, Any]
    signals: set[Signal]
    covered: int | None
    new: list[Raised] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """Whether a further line belongs in the next part."""
        return self.covered is not None and self.values["lines"] >= self.covered


class Reviews(Store):
    """See `ReviewStore`."""

    async def put(self, raised: Sequence[Raised]) -> None:
        """In the order of keys, so that two never wait for each other."""
        grouped: dict[str, list[Raised]] = {}
        for one in raised:
            grouped.setdefault(self._key(one), []).append(one)
        if not grouped:
            return
        parts, covered, there = await self._there(sorted(grouped), [one.entry for one in raised])
        for key, found in sorted(grouped.items()):
            mine = parts.setdefault(key, [])
            for one in found:
                if (key, one.entry) not in there:
                    there.add((key, one.entry))
                    self._fold(mine, covered.get(key, {}), one)
        await self._write(parts)

    async def _there(
        self, keys: Sequence[str], entries: Sequence[str]
    ) -> tuple[dict[str, list[_Part]], dict[str, dict[int, int]], set[tuple[str, str]]]:
        off, line = t.review_sign_off.c, t.review_line.c
        covered: dict[str, dict[int, int]] = {}
        items = sa.select(t.review_item).where(_COLUMNS.key.in_(keys)).order_by(_COLUMNS.key, _COLUMNS.part)
        rows = await self._all(items.with_for_update())
        for row in await self._all(sa.select(off.key, off.part, off.lines).where(off.key.in_(keys))):
            covered.setdefault(row.key, {})[row.part] = int(row.lines)
        parts: dict[str, list[_Part]] = {}
        for row in rows:
            signals = {Signal(name) for name in row.signals.split()}
            values = {column.name: getattr(row, column.name) for column in _COLUMNS}
            part = _Part(row.part, values, signals, covered.get(row.key, {}).get(row.part))
            parts.setdefault(row.key, []).append(part)
        mine = sa.and_(line.key.in_(keys), line.entry_id.in_(entries))
        known = await self._all(sa.select(line.key, line.entry_id).where(mine))
        return parts, covered, {(row.key, row.entry_id) for row in known}

    def _fold(self, parts: list[_Part], covered: Mapping[int, int], one: Raised) -> None:
        if not parts or parts[-1].full:
            number = len(parts)
            values = {
                "signal": lead(one.signals).value,
                "day": one.day,
                "organisation": one.organisation,
                "counterpart": one.counterpart,
                "actor": self._actor(one.professional),
                "lines": 0,
                "since": one.at,
            }
            parts.append(_Part(number, values, set(), covered.get(number)))
        part = parts[-1]
        part.new.append(one)
        part.signals |= one.signals
        part.values["lines"] += 1
        part.values["since"] = min(part.values["since"], one.at)

    async def _write(self, parts: Mapping[str, Sequence[_Part]]) -> None:
        items, lines = [], []
        for key, every in sorted(parts.items()):
            for part in (part for part in every if part.new):
                weight = weight_of(part.signals)
                part.values |= {
                    "key": key,
                    "part": part.part,
                    "signals": " ".join(ordered(part.signals)),
                    "weight": weight,
                    "rank": rank(weight, part.values["since"]),
                    "waiting": part.covered is None,
                }
                items.append(part.values)
                lines += [
                    {"key": key, "part": part.part, "entry_id": one.entry, "person": self._person(one.person)}
                    for one in part.new
                ]
        if not items:
            return
        grown = replacing("signals", "weight", "rank", "lines", "since")
        await self._put_all(t.review_item, items, keys=["key", "part"], grown=grown)
        await self._put_all(t.review_line, lines)

    def _key(self, one: Raised) -> str:
        """One that is apart has the same key on whatever day it is noticed."""
        signal = lead(one.signals).value
        if one.apart:
            return self._means.tags.tag("review-item", signal, one.entry)[:_KEY]
        sides = (one.day.isoformat(), one.organisation, one.counterpart, one.professional)
        return self._means.tags.tag("review-item", signal, *sides)[:_KEY]

    def _actor(self, professional: str) -> str:
        return self._means.tags.tag("review-actor", professional) if professional else ""

    def _person(self, person: str) -> str | None:
        return self._means.tags.tag("review-about", person) if person else None

    async def forget(self) -> None:
        """Samples are not worked out behind the tree, so they stay."""
        gone = _COLUMNS.signal != Signal.SAMPLE.value
        keys = sa.select(_COLUMNS.key).where(gone)
        await self._run(sa.delete(t.review_line).where(t.review_line.c.key.in_(keys)))
        await self._run(sa.delete(t.review_item).where(gone))

    # the queue

    async def waiting(
        self, limit: int, signal: Signal | None = None, party: str = "", after: str = ""
    ) -> Sequence[Item]:
        """For one organisation each side has its own index."""
        behind = await self._row(after) if after else None
        found: dict[str, Item] = {}
        ranks: dict[str, tuple[Any, ...]] = {}
        for side in _sides(party):
            wanted = sa.select(t.review_item).where(_COLUMNS.waiting.is_(True), *side)
            if signal is not None:
                wanted = wanted.where(_COLUMNS.signal == signal.value)
            if behind is not None:
                wanted = wanted.where(sa.tuple_(*_ORDER) > (behind.rank, behind.key, behind.part))
            for row in await self._all(wanted.order_by(*_ORDER).limit(limit)):
                item = _item(row)
                found[item.id], ranks[item.id] = item, (row.rank, row.key, row.part)
        return [found[item] for item in sorted(found, key=ranks.__getitem__)[:limit]]

    async def count(self, party: str = "", most: int = 1000) -> int:
        """Each once, also where one organisation is both sides."""
        return await self._number(_COLUMNS.waiting.is_(True), party, most)

    async def _number(self, which: sa.ColumnElement[bool], party: str, most: int) -> int:
        found: set[tuple[str, int]] = set()
        for side in _sides(party):
            wanted = sa.select(_COLUMNS.key, _COLUMNS.part).where(which, *side).limit(most)
            found |= {(row.key, row.part) for row in await self._all(wanted)}
        return min(len(found), most)

    async def oldest(self, party: str = "") -> date | None:
        """The least of both sides."""
        days = []
        for side in _sides(party):
            first = sa.select(sa.func.min(_COLUMNS.day).label("day")).where(_COLUMNS.waiting.is_(True), *side)
            days.append((await self._one(first)).day)
        return min((day for day in days if day is not None), default=None)

    async def get(self, item: str, *, lock: bool = False) -> Item | None:
        """By id."""
        row = await self._row(item, lock=lock)
        return _item(row) if row is not None else None

    async def _row(self, item: str, *, lock: bool = False) -> Any:
        key, part = _place(item)
        wanted = sa.select(t.review_item).where(_COLUMNS.key == key, _COLUMNS.part == part)
        return await self._one(wanted.with_for_update() if lock else wanted)

    async def lines(self, item: str, limit: int, after: str = "") -> Sequence[str]:
        """Ids of entries rise with time."""
        c, (key, part) = t.review_line.c, _place(item)
        wanted = sa.select(c.entry_id).where(c.key == key, c.part == part, c.entry_id > after)
        return [str(row.entry_id) for row in await self._all(wanted.order_by(c.entry_id).limit(limit))]

    async def signed_off(self, item: str) -> SignedOff | None:
        """With its note."""
        c, (key, part) = t.review_sign_off.c, _place(item)
        row = await self._one(sa.select(t.review_sign_off).where(c.key == key, c.part == part))
        if row is None:
            return None
        note = self._unseal(_context(key, part), row.note_sealed) if row.note_sealed else ""
        return SignedOff(row.signed_at, OfficerId(row.officer), note)

    async def sign_off(self, item: str, officer: OfficerId, note: str, now: datetime) -> bool:
        """Under the item's lock: nothing is folded into it meanwhile."""
        row = await self._row(item, lock=True)
        if row is None or not row.waiting:
            return False
        values = {
            "key": row.key,
            "part": row.part,
            "lines": row.lines,
            "officer": officer,
            "note_sealed": self._seal(_context(row.key, row.part), note),
            "signed_at": now,
        }
        if not await self._insert_once(t.review_sign_off, values):
            return False
        mine = sa.and_(_COLUMNS.key == row.key, _COLUMNS.part == row.part)
        await self._run(sa.update(t.review_item).where(mine).values(waiting=False))
        return True

    async def alike(self, item: str, party: str = "") -> int:
        """Without the item itself, if it waits."""
        row = await self._row(item)
        if row is None or not row.actor:
            return 0
        which = sa.and_(_COLUMNS.actor == row.actor, _COLUMNS.waiting.is_(True))
        return await self._number(which, party, 100) - bool(row.waiting)

    # the days

    async def by_day(self, first: date, last: date, party: str = "") -> Mapping[date, tuple[int, int]]:
        """One grouped statement for each side."""
        made: Counter[date] = Counter()
        signed: Counter[date] = Counter()
        for number, side in enumerate(_sides(party)):
            wanted = sa.select(_COLUMNS.day, _COLUMNS.waiting, sa.func.count().label("n"))
            wanted = wanted.where(_COLUMNS.day >= first, _COLUMNS.day <= last, *side)
            if number:  # what was counted on the first side
                wanted = wanted.where(_COLUMNS.organisation != party)
            for row in await self._all(wanted.group_by(_COLUMNS.day, _COLUMNS.waiting)):
                made[row.day] += row.n
                signed[row.day] += 0 if row.waiting else row.n
        return {day: (made[day], signed[day]) for day in sorted(made)}

    async def samples(self, day: date, party: str = "") -> tuple[int, int]:
        """Of the items of that day."""
        drawn = sa.and_(_COLUMNS.day == day, _COLUMNS.signal == Signal.SAMPLE.value)
        done = sa.and_(drawn, _COLUMNS.waiting.is_(False))
        return await self._number(drawn, party, 100), await self._number(done, party, 100)


def _sides(party: str) -> Iterable[tuple[sa.ColumnElement[bool], ...]]:
    """The conditions to ask with, one after the other: nothing narrows, or each side of an organisation.

    Who was asked does not hear what the same professional asked of others.
    """
    if not party:
        return ((),)
    told = _COLUMNS.signal.not_in([signal.value for signal in OF_THE_READER])
    return ((_COLUMNS.organisation == party,), (_COLUMNS.counterpart == party, told))


def _place(item: str) -> tuple[str, int]:
    """Key and part of an id; of no item at all when it is none."""
    found = _ID.fullmatch(item)
    return (found[1], int(found[2])) if found else ("", -1)


def _context(key: str, part: int) -> str:
    return f"review:{key}-{part}"


def _item(row: Any) -> Item:
    return Item(
        id=f"{row.key}-{row.part}",
        signals=tuple(Signal(name) for name in row.signals.split()),
        weight=int(row.weight),
        day=row.day,
        organisation=row.organisation,
        counterpart=row.counterpart,
        lines=int(row.lines),
        since=row.since,
        waiting=bool(row.waiting),
    )
