"""What the watching of the log must know of before, by keyed tags; and the samples of the days."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, cached_property

import sqlalchemy as sa

from broker.domain.events import EventType
from broker.domain.stores.reviews import Count, Drawing, Known, Pair
from broker.storage import tables as t
from broker.storage.rows import GIVEN, Store, as_given, as_text, replacing


class Watched(Store):
    """See `WatchStore`."""

    @cached_property
    def _tag(self) -> Callable[[str, str], str]:
        """Most are asked for again before the batch is kept."""
        return cache(self._means.tags.tag)

    def _tags(self, pair: Pair) -> Pair:
        return self._tag("review-actor", pair[0]), self._tag("review-about", pair[1])

    async def known(self, pairs: Collection[Pair]) -> Mapping[Pair, Known]:
        """By the primary key."""
        tags, c = {self._tags(pair): pair for pair in pairs}, t.review_known.c
        if not tags:
            return {}
        wanted, said = sa.select(t.review_known), None
        if self._connection.dialect.name == "postgresql":
            given = as_given([c.actor, c.about])
            wanted = wanted.join(given, sa.and_(c.actor == given.c.actor, c.about == given.c.about))
            said = {GIVEN: as_text([{"actor": actor, "about": about} for actor, about in sorted(tags)])}
        else:
            wanted = wanted.where(sa.tuple_(c.actor, c.about).in_(sorted(tags)))
        rows = await self._connection.execute(wanted, said)
        return {tags[row.actor, row.about]: Known(row.seen, row.asked) for row in rows}

    async def keep_known(self, known: Mapping[Pair, Known]) -> None:
        """One row for each pair."""
        rows = []
        for pair, one in known.items():
            actor, about = self._tags(pair)
            rows.append({"actor": actor, "about": about, "seen": one.seen, "asked": one.asked})
        ordered = sorted(rows, key=lambda row: (row["actor"], row["about"]))
        await self._put_all(t.review_known, ordered, keys=["actor", "about"], grown=replacing("seen", "asked"))

    async def counted(self, professionals: Collection[str], since: date) -> Mapping[Count, int]:
        """A few rows for each professional."""
        tags, c = {self._tag("review-actor", who): who for who in professionals}, t.review_count.c
        if not tags:
            return {}
        rows = await self._all(sa.select(t.review_count).where(self._among(c.actor, sorted(tags)), c.day >= since))
        return {(tags[row.actor], row.what, row.day): int(row.number) for row in rows}

    async def keep_counted(self, counts: Mapping[Count, int]) -> None:
        """One row for each."""
        rows = [
            {"actor": self._tag("review-actor", who), "what": what, "day": day, "number": number}
            for (who, what, day), number in counts.items()
        ]
        keys = ["actor", "what", "day"]
        ordered = sorted(rows, key=lambda row: tuple(row[key] for key in keys))
        await self._put_all(t.review_count, ordered, keys=keys, grown=replacing("number"))

    async def disclosed(self, releases: Mapping[str, tuple[str, date]]) -> None:
        """Each once."""
        rows = [{"release": release, "entry_id": entry, "due": due} for release, (entry, due) in releases.items()]
        await self._put_all(t.review_unread, rows, keys=["release"])

    async def acknowledged(self, releases: Iterable[str]) -> None:
        """Their rows go."""
        await self._run(sa.delete(t.review_unread).where(self._among(t.review_unread.c.release, sorted(releases))))

    async def overdue(self, day: date, limit: int) -> Sequence[tuple[str, date]]:
        """Their rows go."""
        c = t.review_unread.c
        rows = await self._all(sa.select(t.review_unread).where(c.due < day).order_by(c.due, c.release).limit(limit))
        if rows:
            await self.acknowledged(row.release for row in rows)
        return [(row.entry_id, row.due) for row in rows]

    async def clean(self, known_since: date, counted_since: date) -> None:
        """By their indexes."""
        await self._run(sa.delete(t.review_known).where(t.review_known.c.seen < known_since))
        await self._run(sa.delete(t.review_count).where(t.review_count.c.day < counted_since))

    async def forget(self) -> None:
        """Begin anew."""
        for table in (t.review_known, t.review_count, t.review_unread):
            await self._run(sa.delete(table))


class Drawings(Store):
    """See `DrawingStore`."""

    async def of(self, day: date) -> Drawing | None:
        """By its day."""
        row = await self._one(sa.select(t.review_drawing).where(t.review_drawing.c.day == day))
        if row is None:
            return None
        return Drawing(row.day, int(row.size), row.seed, int(row.disclosures), tuple(map(int, row.places.split())))

    async def keep(self, drawing: Drawing, now: datetime) -> bool:
        """The first of a day stays."""
        values = {
            "day": drawing.day,
            "size": drawing.size,
            "seed": drawing.seed,
            "disclosures": drawing.disclosures,
            "places": " ".join(map(str, drawing.places)),
            "drawn_at": now,
        }
        return await self._insert_once(t.review_drawing, values)

    async def unplaced(self, until: datetime) -> bool:
        """The queue is short, and holds the newest."""
        waits = sa.select(t.log_queue.c.seq).join(t.log_entry, t.log_entry.c.entry_id == t.log_queue.c.entry_id)
        return bool(await self._all(waits.where(t.log_entry.c.created_at < until).limit(1)))

    async def disclosures(self, since: datetime, until: datetime) -> Mapping[int, str]:
        """By the index on the time."""
        c, place = t.log_entry.c, t.log_index.c.leaf_index
        wanted = sa.select(place, c.entry_id).join(t.log_entry, c.entry_id == t.log_index.c.entry_id)
        wanted = wanted.where(c.created_at >= since, c.created_at < until)
        rows = await self._all(wanted.where(c.type == EventType.RELEASE_PERMITTED.value))
        return {int(row.leaf_index): row.entry_id for row in rows}
