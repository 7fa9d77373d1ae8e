"""Folds of the log's lines: derived rows, looked for from indexes alone, and never proof of anything.

- Persons and actors are here by keyed tags of this use only; whom an entry is about is read from whose keys open it.
- An organisation on either side is two searches by an index each, merged; so is every further kind.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa

from broker.domain.calendar import AMSTERDAM, end_of_day, local_day
from broker.domain.events import EntryId, EventType
from broker.domain.stores.folding import ASKED, OTHER, REQUESTS, Fold, Foldable, FoldSearch, Waiting, kind_of
from broker.storage import tables as t
from broker.storage.log import STORED, stored
from broker.storage.rows import GIVEN, Store, as_given, as_text

FOLLOWER = "folding"
WINDOW = 1_000
"""How many lines that wait are looked through at a time."""


class Folds(Store):
    """See `FoldStore`."""

    async def add(self, lines: Sequence[Foldable]) -> None:
        """A fold grows while its key stands in it."""
        about = await self._about([line.entry for line in lines])
        keys = {line.entry: self.key_of(line, about.get(line.entry, ())) for line in lines}
        known = await self._known([key for key in keys.values() if key])
        made: dict[str, dict[str, Any]] = {}
        grown: dict[str, tuple[int, str]] = {}
        parts = []
        for line in lines:
            key = keys[line.entry]
            fold = known.get(key) if key else None
            if fold is None:
                fold = line.entry  # never made anew: an id that says when it was made would tie what was taken apart
                made[fold] = self._row(fold, key, line)
                if key:
                    known[key] = fold
            elif fold in made:
                made[fold] |= {"entries": made[fold]["entries"] + 1, "last": line.entry}
            else:
                grown[fold] = (grown.get(fold, (0, ""))[0] + 1, line.entry)
            parts.append({"fold": fold, "entry_id": line.entry})
        whom = {part["fold"]: about.get(EntryId(part["entry_id"]), ()) for part in parts if part["fold"] in made}
        await self._keep(list(made.values()), parts, whom)
        await self._grow(grown)

    async def _keep(
        self, folds: Sequence[Mapping[str, Any]], parts: Sequence[Mapping[str, Any]], whom: Mapping[str, Iterable[str]]
    ) -> None:
        tagged = [
            {
                "fold": fold["id"],
                "tag": tag,
                "acted": tag == fold["actor"],
                "kind": fold["kind"],
                "day": fold["day"],
                "last": fold["last"],
            }
            for fold in folds
            for tag in whom.get(fold["id"], ())
        ]
        await self._put_all(t.log_fold, folds)
        await self._put_all(t.log_fold_entry, parts)
        await self._put_all(t.log_fold_about, tagged)

    async def _grow(self, grown: Mapping[str, tuple[int, str]]) -> None:
        if not grown:
            return
        f, a = t.log_fold.c, t.log_fold_about.c
        rows = [{"which": fold, "more": more, "newest": last} for fold, (more, last) in grown.items()]
        if self._connection.dialect.name == "postgresql":
            given = as_given(
                [sa.Column("which", f.id.type), sa.Column("more", sa.Integer), sa.Column("newest", f.last.type)]
            )
            said = {GIVEN: as_text(rows)}
            more_of = sa.update(t.log_fold).where(f.id == given.c.which)
            await self._run(more_of.values(entries=f.entries + given.c.more, last=given.c.newest), said)
            await self._run(
                sa.update(t.log_fold_about).where(a.fold == given.c.which).values(last=given.c.newest), said
            )
            return
        newest: sa.BindParameter[str] = sa.bindparam("newest")
        more = sa.update(t.log_fold).where(f.id == sa.bindparam("which"))
        await self._run(more.values(entries=f.entries + sa.bindparam("more"), last=newest), rows)
        which = sa.update(t.log_fold_about).where(a.fold == sa.bindparam("which"))
        await self._run(which.values(last=newest), [{"which": r["which"], "newest": r["newest"]} for r in rows])

    def _row(self, fold: str, key: str | None, line: Foldable) -> dict[str, Any]:
        return {
            "id": fold,
            "key": key,
            "day": line.day,
            "kind": line.kind,
            "type": line.type,
            "organisation": line.organisation,
            "counterpart": line.counterpart,
            "actor": self.tag_of(line.actor) if line.actor else "",
            "entries": 1,
            "first": line.entry,
            "last": line.entry,
        }

    def key_of(self, line: Foldable, about: Iterable[str]) -> str | None:
        """What is the same of lines that are folded; None for a line that stands alone."""
        if line.same is None:
            return None
        alike = (line.day.isoformat(), line.kind, line.type, line.organisation, line.counterpart, line.actor)
        return self._means.tags.tag("log-fold-key", *alike, *line.same, "about", *sorted(about))

    def tag_of(self, owner: str) -> str:
        """By which a person or an actor is known here."""
        return self._again(self._means.tags.tag("log-subject", owner))

    def _again(self, tag: str) -> str:
        return self._means.tags.tag("log-fold", tag)

    async def _about(self, entries: Sequence[EntryId]) -> Mapping[EntryId, frozenset[str]]:
        """Whose keys open these, by the tags of this use."""
        c = t.log_opening.c
        found: dict[EntryId, set[str]] = {}
        for entry, tag in await self._all(
            sa.select(c.entry_id, c.tag).where(self._among(c.entry_id, entries)).distinct()
        ):
            found.setdefault(EntryId(entry), set()).add(tag)
        again = {tag: self._again(tag) for tag in set().union(*found.values())}
        return {entry: frozenset(again[tag] for tag in tags) for entry, tags in found.items()}

    async def _known(self, keys: Sequence[str]) -> dict[str | None, str]:
        c = t.log_fold.c
        rows = await self._all(sa.select(c.key, c.id).where(self._among(c.key, keys))) if keys else ()
        return {row.key: row.id for row in rows}

    async def plain(self, entries: Sequence[EntryId]) -> Sequence[Foldable]:
        """By the columns beside the leaf."""
        c = t.log_entry.c
        columns = sa.select(c.entry_id, c.type, c.organisation, c.counterpart, c.outcome, c.created_at)
        return [
            Foldable(
                EntryId(row.entry_id),
                local_day(row.created_at),
                kind_of(row.type, row.outcome),
                row.type,
                row.organisation,
                row.counterpart,
            )
            for row in await self._all(columns.where(self._among(c.entry_id, entries)).order_by(c.entry_id))
        ]

    async def search(self, wanted: FoldSearch) -> Sequence[Fold]:
        """Newest first."""
        whom, reader = (self.tag_of(owner) if owner else "" for owner in (wanted.person, wanted.reader))
        rows = await self._all(searching(wanted, whom, reader))
        return [Fold(r.id, r.day, int(r.entries), EntryId(r.first), EntryId(r.last)) for r in rows]

    async def lines(self, fold: str, before: str, limit: int) -> Sequence[EntryId]:
        """The entries of one fold, newest first."""
        return [EntryId(row.entry_id) for row in await self._all(opening(fold, before, limit))]

    async def queued(self, wanted: FoldSearch, before: int | None, limit: int) -> Waiting:
        """From the sequencer's queue."""
        return await self._waiting(t.log_queue.c.seq, 0, wanted, before, limit)

    async def unfolded(self, wanted: FoldSearch, before: int | None, limit: int) -> Waiting:
        """From where the follower is, to the end of the tree."""
        return await self._waiting(t.log_index.c.leaf_index, await self._place(), wanted, before, limit)

    async def _waiting(
        self, place: sa.Column[Any], least: int, wanted: FoldSearch, before: int | None, limit: int
    ) -> Waiting:
        window = window_of(place, least, before)
        columns = (sa.func.count(window.c.place).label("looked"), sa.func.min(window.c.place).label("least"))
        edge = (await self._connection.execute(sa.select(*columns))).one()
        if not edge.looked:
            return Waiting(())
        owners = [self._means.tags.tag("log-subject", owner) for owner in (wanted.person, wanted.reader) if owner]
        rows = await self._all(waiting(window, wanted, owners, limit + 1))
        found = tuple((int(row.place), stored(row)) for row in rows[:limit])
        if len(rows) > limit:
            return Waiting(found, found[-1][0])
        return Waiting(found, int(edge.least) if edge.looked == WINDOW else None)

    async def _place(self) -> int:
        row = await self._one(sa.select(t.log_follower.c.next).where(t.log_follower.c.name == FOLLOWER))
        return int(row.next) if row else 0

    async def behind(self) -> int:
        """Of the tree, and of the queue before it."""
        size = sa.select(t.log_state.c.size).scalar_subquery()
        queued = sa.select(sa.func.count()).select_from(t.log_queue).scalar_subquery()
        row = await self._one(sa.select(size.label("size"), queued.label("queued")))
        return int(row.size) + int(row.queued) - await self._place()

    async def forget(self) -> None:
        """Begin anew."""
        for table in (t.log_fold_about, t.log_fold_entry, t.log_fold):
            await self._run(sa.delete(table))

    async def unfold(self, person: str) -> None:
        """Nothing here says of this person any more, nor which lines are of one and the same: each stands alone.

        The follower is waited for, and waits: it adds nothing by keys that go in this unit of work.
        """
        await self._insert_once(t.log_follower, {"name": FOLLOWER, "next": 0})
        mine = t.log_follower.c.name == FOLLOWER
        await self._all(sa.select(t.log_follower.c.name).where(mine).with_for_update())
        tag, f, a = self.tag_of(person), t.log_fold.c, t.log_fold_about.c
        theirs = [row.fold for row in await self._all(sa.select(a.fold).where(a.tag == tag).order_by(a.fold))]
        for fold in theirs:
            row = await self._one(sa.select(t.log_fold).where(f.id == fold))
            others = {r.tag for r in await self._all(sa.select(a.tag).where(a.fold == fold))} - {tag}
            p = t.log_fold_entry.c
            entries = [r.entry_id for r in await self._all(sa.select(p.entry_id).where(p.fold == fold))]
            await self._run(sa.delete(t.log_fold_about).where(a.fold == fold))
            await self._run(sa.delete(t.log_fold_entry).where(p.fold == fold))
            await self._run(sa.delete(t.log_fold).where(f.id == fold))
            actor = "" if row.actor == tag else row.actor
            alone = {**row._asdict(), "key": None, "actor": actor, "entries": 1}
            singles = [{**alone, "id": entry, "first": entry, "last": entry} for entry in entries]
            parts = [{"fold": single["id"], "entry_id": single["last"]} for single in singles]
            await self._keep(singles, parts, {single["id"]: others for single in singles})


def searching(wanted: FoldSearch, whom: str = "", reader: str = "") -> sa.Select[Any]:
    """One search for each kind and each side, newest first by an index; and the newest of all those."""
    found = each_of(wanted, whom, reader)
    every = sa.union_all(*(sa.select(one.subquery()) for one in found)).subquery().c
    return (
        sa.select(every.id, every.day, every.entries, every.first, every.last)
        .order_by(every.day.desc(), every.last.desc())
        .limit(wanted.limit)
    )


def each_of(wanted: FoldSearch, whom: str = "", reader: str = "") -> list[sa.Select[Any]]:
    """The searches that one consists of, each in the order of one index."""
    return [
        _limited(which, wanted)
        for kind in wanted.kinds
        for which in (_tagged(kind, wanted, whom, reader) if whom or reader else _plain(kind, wanted))
    ]


_COLUMNS = (t.log_fold.c.id, t.log_fold.c.day, t.log_fold.c.entries, t.log_fold.c.first, t.log_fold.c.last)


def _plain(kind: str, wanted: FoldSearch) -> list[tuple[sa.Select[Any], sa.FromClause]]:
    statement = sa.select(*_COLUMNS).where(t.log_fold.c.kind == kind)
    return [(statement.where(*side), t.log_fold) for side in _sides(wanted)]


def _tagged(kind: str, wanted: FoldSearch, whom: str, reader: str) -> list[tuple[sa.Select[Any], sa.FromClause]]:
    a = t.log_fold_about
    statement = sa.select(*_COLUMNS).join_from(a, t.log_fold, t.log_fold.c.id == a.c.fold)
    statement = statement.where(a.c.tag == (whom or reader), a.c.kind == kind)
    if reader:
        statement = statement.where(t.log_fold.c.actor == reader if whom else a.c.acted)
    if whom and wanted.party:
        statement = statement.where(t.log_fold.c.type != EventType.SUBJECT_SEARCHED.value)
    sides = [sa.and_(*side) for side in _sides(wanted) if side]
    return [(statement.where(sa.or_(*sides)) if sides else statement, a)]


def _sides(wanted: FoldSearch) -> list[tuple[sa.ColumnElement[bool], ...]]:
    """The ways in which the organisations asked for can stand in a line: no line fits two of them."""
    c = t.log_fold.c
    asked = sorted({wanted.organisation, wanted.party} - {""})
    if not asked:
        return [()]
    if len(asked) == 1:
        [one] = asked
        return [(c.organisation == one,), (c.counterpart == one, c.organisation != one)]
    one, other = asked
    return [(c.organisation == one, c.counterpart == other), (c.organisation == other, c.counterpart == one)]


def _limited(which: tuple[sa.Select[Any], sa.FromClause], wanted: FoldSearch) -> sa.Select[Any]:
    statement, place = which
    c = place.c
    if wanted.first:
        statement = statement.where(c.day >= wanted.first)
    if wanted.last:
        statement = statement.where(c.day <= wanted.last)
    if wanted.before:
        day, last = wanted.before
        statement = statement.where(sa.tuple_(c.day, c.last) < sa.tuple_(sa.literal(day, sa.Date), sa.literal(last)))
    return statement.order_by(c.day.desc(), c.last.desc()).limit(wanted.limit)


def opening(fold: str, before: str, limit: int) -> sa.Select[Any]:
    """The entries of one fold."""
    c = t.log_fold_entry.c
    statement = sa.select(c.entry_id).where(c.fold == fold)
    if before:
        statement = statement.where(c.entry_id < before)
    return statement.order_by(c.entry_id.desc()).limit(limit)


def window_of(place: sa.Column[Any], least: int, before: int | None) -> sa.Subquery:
    """The newest lines that wait, as many as are looked through at a time.

    How many stands in the statement itself: SQLite plans by it, and otherwise reads the whole log to filter them.
    """
    statement = sa.select(place.label("place"), place.table.c.entry_id).where(place >= least)
    if before is not None:
        statement = statement.where(place < before)
    return statement.order_by(place.desc()).limit(sa.literal_column(str(WINDOW))).subquery("waiting")


def waiting(window: sa.Subquery, wanted: FoldSearch, owners: Sequence[str], limit: int) -> sa.Select[Any]:
    """Those of the window that were asked for."""
    c = t.log_entry.c
    index = t.log_index.c
    columns = (window.c.place, *STORED, index.leaf_index)
    statement = (
        sa.select(*columns)
        .join_from(window, t.log_entry, c.entry_id == window.c.entry_id)
        .join(t.log_index, index.entry_id == c.entry_id, isouter=True)
        .where(_of_kinds(wanted.kinds))
    )
    for side in filter(None, (wanted.organisation, wanted.party)):
        statement = statement.where(sa.or_(c.organisation == side, c.counterpart == side))
    if wanted.person and wanted.party:
        statement = statement.where(c.type != EventType.SUBJECT_SEARCHED.value)
    for tag in owners:
        about = t.log_subject_index.c
        statement = statement.where(sa.exists().where(about.tag == tag, about.entry_id == c.entry_id))
    if wanted.first:
        statement = statement.where(c.created_at >= _start(wanted.first))
    if wanted.last:
        statement = statement.where(c.created_at < end_of_day(wanted.last))
    return statement.order_by(window.c.place.desc()).limit(limit)


def _start(day: date) -> datetime:
    return datetime.combine(day, time(), AMSTERDAM).astimezone(UTC)


def _of_kinds(kinds: Sequence[str]) -> sa.ColumnElement[bool]:
    """As `kind_of` says it of one line."""
    c = t.log_entry.c
    requests = c.type.in_([event.value for event in REQUESTS])
    ways = [sa.and_(requests, c.outcome == kind) for kind in kinds if kind != OTHER]
    if OTHER in kinds:
        ways.append(sa.not_(requests))
    unsaid = c.outcome.not_in(ASKED)
    for event, kind in zip(REQUESTS, ("permitted", "denied"), strict=True):
        if kind in kinds:
            ways.append(sa.and_(c.type == event.value, unsaid))
    return sa.or_(*ways)
