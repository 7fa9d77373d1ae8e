"""The disclosure log's rows: an entry and its place in the queue are written together, and never changed.

- Openings of personal digests lie outside the tree, under a key per person; destroying that key erases them.
- The sequencer reads the queue, never "ids above the last": serial order is not commit order.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from broker.domain.events import EncodedEntry, EntryId, EventType, LogEvent, Opening
from broker.domain.ports import Tagger
from broker.domain.stores import Appended, LogSearch, Passed, Receipt, StoredEntry, Trail
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.appending import wrapped_keys, write
from broker.storage.openings import SealedOpening, sealed_by_owner, unsealed
from broker.storage.rows import Store

_c = t.log_entry.c
STORED: tuple[sa.Column[Any], ...] = (
    _c.entry_id, _c.leaf, _c.leaf_hash, _c.receipt_kid, _c.receipt_sig,
    _c.type, _c.organisation, _c.counterpart, _c.outcome, _c.created_at,
)  # fmt: skip
"""What `stored` reads of an entry, beside `leaf_index`."""


class Log(Store):
    """See `LogStore`."""

    async def append(self, event: LogEvent) -> Appended:
        """Add an entry to the log and to the sequencer's queue, in this unit of work."""
        entry: EncodedEntry = self._means.encode(event, EntryId(self._means.ids()))
        receipt = Receipt(*self._means.signatures.receipt(entry.leaf))
        values = {
            "entry_id": entry.id,
            "leaf": entry.leaf,
            "leaf_hash": entry.leaf_hash,
            "receipt_kid": receipt.kid,
            "receipt_sig": receipt.signature,
            "type": event.type.value,
            "organisation": event.organisation or "",
            "counterpart": event.counterpart or "",
            "outcome": str(event.facts.get("outcome", "")),
            "created_at": event.at,
        }
        keys = await self._keys(sorted({opening.owner for opening in entry.openings}))
        openings = sealed_by_owner(self._means.subject_keys, entry.id, entry.openings, keys)
        about = [tag for tag, _ in keys.values()]
        if client := str(event.facts.get("client", "")):
            about.append(self._client_tag(client))
        await self._write(values, openings, about)
        return Appended(entry, receipt)

    async def acquaint(self, owners: Collection[str]) -> None:
        """Those who have no key yet get one, in the order of ids."""
        await self._keys(sorted(owners))

    async def _write(self, entry: Mapping[str, Any], openings: Sequence[SealedOpening], about: Sequence[str]) -> None:
        await write(self._connection, entry, openings, about)

    async def _wrapped(self, tags: Sequence[str]) -> Mapping[str, bytes]:
        return await wrapped_keys(self._connection, tags)

    async def _keys(self, owners: Sequence[str]) -> dict[str, tuple[str, bytes]]:
        """(tag, key) of each; who has no key yet gets one."""
        if not owners:
            return {}
        tags = {owner: self._tag(owner) for owner in owners}
        wrapped = await self._wrapped(list(tags.values()))
        return {
            owner: (tag, await (self._opened(tag, wrapped[tag]) if tag in wrapped else self._new_key(tag)))
            for owner, tag in tags.items()
        }

    async def _new_key(self, tag: str) -> bytes:
        clear, wrapped = await self._means.opened_keys.new(self._means.subject_keys, tag)
        if await self._insert_once(t.log_subject_key, {"tag": tag, "wrapped_key": wrapped}):
            return clear
        return await self._opened(tag, (await wrapped_keys(self._connection, [tag]))[tag])  # somebody was first

    async def _opened(self, tag: str, wrapped: bytes) -> bytes:
        return await self._means.opened_keys.open(self._means.subject_keys, tag, wrapped)

    def _tag(self, owner: str) -> str:
        return self.tag_of(self._means.tags, owner)

    @staticmethod
    def tag_of(tags: Tagger, owner: str) -> str:
        """What a person is known by in the log's index."""
        return tags.tag("log-subject", owner)

    def _client_tag(self, client: str) -> str:
        return self._means.tags.tag("log-client", client)

    async def knows(self, owner: str) -> bool:
        """Whether they have a key of their own in the log."""
        mine = sa.select(t.log_subject_key.c.tag).where(t.log_subject_key.c.tag == self._tag(owner))
        return await self._one(mine) is not None

    async def search(self, wanted: LogSearch) -> Sequence[StoredEntry]:
        """Newest first."""
        c = t.log_entry.c
        statement = _entries()
        if wanted.owner:
            mine = sa.select(t.log_subject_index.c.entry_id).where(t.log_subject_index.c.tag == self._tag(wanted.owner))
            statement = statement.where(c.entry_id.in_(mine))
        for side in filter(None, (wanted.organisation, wanted.party)):
            statement = statement.where(sa.or_(c.organisation == side, c.counterpart == side))
        if wanted.types:
            statement = statement.where(c.type.in_([event.value for event in wanted.types]))
        if wanted.outcome:
            statement = statement.where(c.outcome == wanted.outcome)
        if wanted.since:
            statement = statement.where(c.created_at >= wanted.since)
        if wanted.until:
            statement = statement.where(c.created_at < wanted.until)
        if wanted.before:
            statement = statement.where(c.entry_id < wanted.before)
        rows = await self._all(statement.order_by(c.entry_id.desc()).limit(wanted.limit))
        return [stored(row) for row in rows]

    async def of_types(
        self, types: Sequence[EventType], owner: str = "", before: str = "", limit: int = 50
    ) -> Sequence[StoredEntry]:
        """The newest of each type, merged: each part is read from the index on type and id, and stops by itself."""
        c, i = t.log_entry.c, t.log_subject_index.c
        if owner:
            mine = sa.select(i.entry_id).join(t.log_entry, c.entry_id == i.entry_id)
            mine = mine.where(i.tag == self._tag(owner), c.type.in_([event.value for event in types]))
            ids = _older(mine, i.entry_id, before, limit)
        else:
            each = [sa.select(c.entry_id).where(c.type == event.value) for event in types]
            ids = _merged([_older(one, c.entry_id, before, limit) for one in each], limit)
        return await self._of(ids)

    async def rare(self, types: Sequence[EventType], owner: str, limit: int) -> Sequence[StoredEntry]:
        """Every entry of each type is looked up in the index of whom it is about."""
        return await self._of(rare_ids(types, self._tag(owner), limit))

    async def _of(self, ids: sa.Select[Any]) -> Sequence[StoredEntry]:
        c = t.log_entry.c
        wanted = [row.entry_id for row in await self._all(ids)]
        found = _entries().where(c.entry_id.in_(wanted)).order_by(c.entry_id.desc())
        return [stored(row) for row in await self._all(found)]

    async def get(self, entry: str) -> StoredEntry | None:
        """By id."""
        row = await self._one(_entries().where(t.log_entry.c.entry_id == entry))
        return stored(row) if row else None

    async def several(self, entries: Sequence[EntryId]) -> Sequence[StoredEntry]:
        """By their ids."""
        if not entries:
            return []
        rows = await self._all(entries_by_id(entries))
        found = {row.entry_id: stored(row) for row in rows}
        return [found[entry] for entry in entries if entry in found]

    async def trail(self, wanted: Trail) -> Sequence[Passed]:
        """Read along one index, in its order; of one party only its own lines, so that none of another is ever passed."""
        c, i = t.log_entry.c, t.log_subject_index.c
        columns = sa.select(c.entry_id, c.created_at, c.type, c.organisation, c.counterpart)
        if wanted.organisation:
            place, statement = c.entry_id, columns.where(c.organisation == wanted.organisation)
        else:
            tag = self._client_tag(wanted.client) if wanted.client else self._tag(wanted.owner)
            place = i.entry_id
            statement = columns.join_from(t.log_subject_index, t.log_entry, c.entry_id == place).where(i.tag == tag)
        if wanted.party and wanted.party != wanted.organisation:
            mine = c.counterpart == wanted.party
            statement = statement.where(mine if wanted.organisation else sa.or_(mine, c.organisation == wanted.party))
        if wanted.before:
            statement = statement.where(place < wanted.before)
        rows = await self._all(statement.order_by(place.desc()).limit(wanted.limit))
        return [Passed(EntryId(r.entry_id), r.created_at, r.type, r.organisation, r.counterpart) for r in rows]

    async def restored(self) -> datetime | None:
        """When an older copy of the database was last taken for the true one."""
        c = t.log_entry.c
        mine = sa.select(c.created_at).where(c.type == EventType.LOG_RESTORED.value)
        row = await self._one(mine.order_by(c.entry_id.desc()).limit(1))
        return row.created_at if row else None

    async def openings(self, entry: EntryId) -> Sequence[Opening]:
        """What is left of its openings (erased ones are gone)."""
        return (await self.openings_of([entry])).get(entry, [])

    async def openings_of(self, entries: Sequence[EntryId]) -> Mapping[EntryId, Sequence[Opening]]:
        """The same for many entries at once; an entry without any is left out."""
        o, k = t.log_opening.c, t.log_subject_key.c
        statement = (
            sa.select(o.entry_id, k.wrapped_key, o.position, o.tag, o.field, o.ciphertext)
            .join(t.log_subject_key, k.tag == o.tag)
            .where(o.entry_id.in_(list(entries)))
        )
        keys: dict[str, bytes] = {}
        found: dict[EntryId, list[Opening]] = {}
        for entry, wrapped, *stored_as in await self._all(statement):
            row = SealedOpening(*stored_as)
            if row.tag not in keys:
                keys[row.tag] = await self._opened(row.tag, wrapped)
            opened = unsealed(self._means.subject_keys, entry, keys[row.tag], row)
            found.setdefault(EntryId(entry), []).extend(opened)
        for openings in found.values():
            openings.sort(key=attrgetter("position"))
        return found

    async def about(self, owner: str, entries: Sequence[EntryId]) -> frozenset[EntryId]:
        """Which of these hold something about this person."""
        c = t.log_subject_index.c
        wanted = sa.select(c.entry_id).where(c.tag == self._tag(owner), c.entry_id.in_(list(entries)))
        return frozenset(EntryId(row.entry_id) for row in await self._all(wanted))


class Checkpoints(Store):
    """See `CheckpointStore`."""

    async def latest(self) -> tuple[int, str] | None:
        """(size, note) of the largest."""
        row = await self._one(sa.select(t.log_checkpoint).order_by(t.log_checkpoint.c.size.desc()).limit(1))
        return (row.size, row.note) if row else None

    async def keep(self, size: int, note: str, now: datetime) -> None:
        """Keep one; the first for a size stays."""
        await self._insert_once(t.log_checkpoint, {"size": size, "note": note, "created_at": now})

    async def index_of(self, entry: EntryId) -> int | None:
        """An entry's place."""
        row = await self._one(sa.select(t.log_index.c.leaf_index).where(t.log_index.c.entry_id == entry))
        return row.leaf_index if row else None

    async def leaves(self, first: int, limit: int) -> Sequence[StoredEntry]:
        """Sequenced entries from a place on, in order. Raises Tampered where one is missing."""
        index = t.log_index.c.leaf_index
        every = sa.select(*STORED, index).select_from(
            t.log_index.outerjoin(t.log_entry, _c.entry_id == t.log_index.c.entry_id)
        )
        rows = await self._all(every.where(index >= first, index < first + limit).order_by(index))
        if any(row.entry_id is None for row in rows):  # asked in one statement: between two the log grows
            raise Tampered
        return [stored(row) for row in rows]

    async def span(self, since: datetime | None, until: datetime | None) -> tuple[int, int]:
        """The places from the first to after the last entry logged in that time; (0, 0) for none."""
        c = t.log_index.c.leaf_index
        wanted = sa.select(sa.func.min(c), sa.func.max(c)).join(
            t.log_entry, t.log_entry.c.entry_id == t.log_index.c.entry_id
        )
        if since:
            wanted = wanted.where(t.log_entry.c.created_at >= since)
        if until:
            wanted = wanted.where(t.log_entry.c.created_at < until)
        row = await self._one(wanted)
        return (0, 0) if row is None or row[0] is None else (int(row[0]), int(row[1]) + 1)

    async def around(self, first: int, end: int) -> tuple[tuple[int, str] | None, tuple[int, str] | None]:
        """The checkpoints just before and just after those places."""
        c = t.log_checkpoint.c
        every = sa.select(c.size, c.note)
        before = await self._one(every.where(c.size <= first, c.size > 0).order_by(c.size.desc()).limit(1))
        after = await self._one(every.where(c.size >= end).order_by(c.size).limit(1))
        return ((before.size, before.note) if before else None, (after.size, after.note) if after else None)

    async def waiting(self) -> int:
        """How many entries are not in the tree yet."""
        row = await self._one(sa.select(sa.func.count()).select_from(t.log_queue))
        return int(row[0])


def entries_by_id(entries: Sequence[EntryId]) -> sa.Select[Any]:
    """Several at once."""
    return _entries().where(t.log_entry.c.entry_id.in_(list(entries)))


def rare_ids(types: Sequence[EventType], tag: str, limit: int) -> sa.Select[Any]:
    """Of each type those under that tag, by a look-up for each entry of the type."""
    c, i = t.log_entry.c, t.log_subject_index.c
    theirs = sa.select(i.entry_id).where(i.tag == tag, i.entry_id == c.entry_id).correlate(t.log_entry).exists()
    each = [sa.select(c.entry_id).where(c.type == event.value, theirs) for event in types]
    return _merged([_older(one, c.entry_id, "", limit) for one in each], limit)


def _merged(parts: Sequence[sa.Select[Any]], limit: int) -> sa.Select[Any]:
    """The newest of all these."""
    both = sa.union_all(*(sa.select(part.subquery().c.entry_id) for part in parts)).subquery()
    return sa.select(both.c.entry_id).order_by(both.c.entry_id.desc()).limit(limit)


def _older(ids: sa.Select[Any], column: Any, before: str, limit: int) -> sa.Select[Any]:
    """The newest of these, from before an id on."""
    return (ids.where(column < before) if before else ids).order_by(column.desc()).limit(limit)


def _entries() -> sa.Select[Any]:
    c = t.log_entry.c
    columns = sa.select(*STORED, t.log_index.c.leaf_index)
    return columns.join_from(t.log_entry, t.log_index, t.log_index.c.entry_id == c.entry_id, isouter=True)


def stored(row: Any) -> StoredEntry:
    """A row of the log with its place."""
    receipt = Receipt(row.receipt_kid, row.receipt_sig)
    copied = (row.type, row.organisation, row.counterpart, row.outcome, row.created_at)
    return StoredEntry(EntryId(row.entry_id), row.leaf, row.leaf_hash, receipt, row.leaf_index, copied)
