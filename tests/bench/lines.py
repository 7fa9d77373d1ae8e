"""A log as officers look at it: requests of professionals about children, real leaves and openings, folded and counted.

Two children in three are asked about once a day at most; every fourth request is made once more within the hour. Receipts
are no signatures: no page rests on them.
"""

import json
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import typer

from broker.app import new_id
from broker.domain.calendar import local_day
from broker.domain.events import EncodedEntry, EntryId, EventType, LogEvent, Personal
from broker.domain.log_ports import LoggedFacts
from broker.domain.parties import Oin, Organisation
from broker.services.counting import DailyKey, why_refused
from broker.services.folding import foldable
from broker.storage.folding import Folds
from broker.storage.openings import sealed_by_owner
from broker.transparency import tiles
from tests.bench.filling import BATCH, Rows, taking_in
from tests.factories import Storeroom
from tests.support.postgres import PostgresServer

YEARS = timedelta(days=3 * 365)
ORGANISATIONS = tuple(Oin(f"00000099{number:012}") for number in range(900_000, 900_040))
TYPES = ("timeline", "safety-plan", "status", "voice-of-the-child")
ROLES = ("support-coordinator", "general-practitioner", "teacher")
CHILDREN, PROFESSIONALS = 50, 500
"""Entries for each child, and for each professional: 20,000 children in a million entries."""


async def filled_with_lines(
    store: Storeroom, size: int, now: datetime, server: PostgresServer | None = None
) -> "Street":
    """Put so many entries in an empty log, up to now, with all that followers keep of them."""
    await _with_organisations(store)
    street = Street(max(size // CHILDREN, 2), max(size // PROFESSIONALS, 120))
    made = Made(store, street)
    tree, kept = tiles.extend(0, {}, []), dict[tuple[int, int], bytes]()
    events = street.events(size, now)
    with taking_in(store, server) as (put, run), typer.progressbar(length=size, label=f"{size:,} lines") as bar:
        while tree.size < size:
            rows = await made.batch(events, min(BATCH, size - tree.size))
            entries = rows["log_entry"]
            rows["log_index"] = [(place, row[0]) for place, row in enumerate(entries, tree.size)]
            for table, batch in rows.items():
                put(table, batch)
            tree = tiles.extend(tree.size, kept, [row[2] for row in entries])
            kept |= tree.tiles
            bar.update(len(entries))
        for table, batch in made.rest().items():
            put(table, batch)
        run("DELETE FROM log_follower")
        put("log_follower", [(name, size) for name in ("counting", "folding")])
        put("log_tile", [(level, n, data) for (level, n), data in kept.items()])
        root = f"decode('{tree.root.hex()}', 'hex')" if server else f"x'{tree.root.hex()}'"
        run(f"UPDATE log_state SET size = {tree.size}, root = {root}")
        if server is None:
            run("ANALYZE")
    return street


async def _with_organisations(store: Storeroom) -> None:
    async with store.storage() as work:
        for number, oin in enumerate(ORGANISATIONS):
            await work.organisations.add(Organisation(oin, f"Organisatie {number:02}", "school"), [])
        await work.commit()


@dataclass
class Street:
    """Who is asked about, and who asks."""

    children: int
    professionals: int

    @staticmethod
    @cache
    def person(kind: str, number: int) -> str:
        """An id of theirs; the same in every log."""
        return f"{number:08x}-{'c0' if kind == 'child' else 'a0'}00-7000-8000-{number:012x}"

    def events(self, size: int, now: datetime) -> Iterator[LogEvent]:
        """Oldest first."""
        step, before = YEARS / size, None
        for place in range(size):
            at = now - YEARS + step * place
            if before is not None and place % 4 == 3 and local_day(before.at) == local_day(at):
                yield LogEvent(before.type, at, before.organisation, before.counterpart, before.facts, before.personal)
                continue
            before = self._event(at, place)
            yield before

    def _event(self, at: datetime, place: int) -> LogEvent:
        number = _spread(place, 1, self.professionals)
        reader, child = self.person("reader", number), self.person("child", _spread(place, 2, self.children))
        organisation = ORGANISATIONS[number % len(ORGANISATIONS)]
        counterpart = ORGANISATIONS[(number + 1 + _spread(place, 3, 3)) % len(ORGANISATIONS)]
        outcome = ("denied", "partly", *["permitted"] * 8)[_spread(place, 4, 10)]
        told = {"permitted": ("", ""), "partly": ("", "consent-not-complete"), "denied": ("consent-not-complete",) * 2}
        decision = [
            {"type": TYPES[(number + part) % len(TYPES)], "told": said, "rules": [], "signers": []}
            for part, said in enumerate(told[outcome])
        ]
        personal = (
            Personal(reader, "professional", reader),
            Personal(reader, "role", ROLES[number % len(ROLES)]),
            Personal(child, "subject", child),
            Personal(child, "decision", json.dumps(decision)),
        )
        event = EventType.RELEASE_DENIED if outcome == "denied" else EventType.RELEASE_PERMITTED
        return LogEvent(event, at, organisation, counterpart, {"outcome": outcome, "purpose": "care"}, personal)


def _spread(place: int, use: int, among: int) -> int:
    """Which of so many: as if by chance, and the same each time."""
    return (place * 2_654_435_761 + use * 40_503 * (place + 7)) % 4_294_967_291 // 11 % among


class Made:
    """Makes rows of events, as the broker's own stores would have."""

    def __init__(self, store: Storeroom, street: Street) -> None:
        self._means = store.means
        self._folds = Folds(None, store.means)  # type: ignore[arg-type]  # asked for tags alone
        self._keys: dict[str, tuple[str, bytes]] = {}
        self._day: dict[str, list[Any]] = {}
        self._about: dict[str, frozenset[str]] = {}
        self._daily: Counter[DailyKey] = Counter()
        self._again = cache(self._folds.tag_of)
        self._signature = secrets.token_bytes(64)

    async def batch(self, events: Iterator[LogEvent], size: int) -> dict[str, Rows]:
        """The rows of the next events, table by table; a fold is given when its day is over."""
        rows: dict[str, Rows] = {
            name: []
            for name in (
                "log_entry", "log_subject_key", "log_opening", "log_subject_index", "log_fold", "log_fold_entry",
                "log_fold_about",
            )
        }  # fmt: skip
        for _ in range(size):
            event = next(events)
            entry = self._means.encode(event, EntryId(new_id()))
            rows["log_entry"].append(
                (entry.id, entry.leaf, entry.leaf_hash, "bench", self._signature, event.type.value, event.organisation,
                 event.counterpart, event.facts["outcome"], event.at)
            )  # fmt: skip
            await self._opened(entry, rows)
            self._folded(entry, event, rows)
        return rows

    async def _opened(self, entry: EncodedEntry, rows: dict[str, Rows]) -> None:
        means = self._means
        for opening in entry.openings:
            if opening.owner not in self._keys:
                tag = means.tags.tag("log-subject", opening.owner)
                key, wrapped = await means.opened_keys.new(means.subject_keys, tag)
                self._keys[opening.owner] = (tag, key)
                rows["log_subject_key"].append((tag, wrapped))
        for row in sealed_by_owner(means.subject_keys, entry.id, entry.openings, self._keys):
            rows["log_opening"].append((entry.id, *row))
        owners = {opening.owner for opening in entry.openings}
        rows["log_subject_index"] += [(self._keys[owner][0], entry.id) for owner in owners]

    def _folded(self, entry: EncodedEntry, event: LogEvent, rows: dict[str, Rows]) -> None:
        personal: dict[str, list[str]] = {}
        for one in event.personal:
            personal.setdefault(one.field, []).append(one.value)
        organisation, counterpart = event.organisation or "", event.counterpart or ""
        facts = LoggedFacts(event.type.value, event.at, organisation, counterpart, event.facts, personal)
        line = foldable(entry.id, facts)
        self._daily[
            DailyKey(line.day, line.type, organisation, counterpart, str(event.facts["outcome"]), why_refused(facts))
        ] += 1
        about = frozenset(self._again(one.owner) for one in event.personal)
        key = self._folds.key_of(line, about)
        assert key is not None
        if self._day and next(iter(self._day.values()))[2] != line.day:
            self._over(rows)
        fold = self._day.get(key)
        if fold is None:
            fold = self._day[key] = [
                new_id(), key, line.day, line.kind, line.type, organisation, counterpart, self._again(line.actor), 0,
                entry.id, entry.id,
            ]  # fmt: skip
            self._about[key] = about
        fold[8] += 1
        fold[10] = entry.id
        rows["log_fold_entry"].append((fold[0], entry.id))

    def _over(self, rows: dict[str, Rows]) -> None:
        for key, fold in self._day.items():
            rows["log_fold"].append(tuple(fold))
            rows["log_fold_about"] += [
                (fold[0], tag, tag == fold[7], fold[3], fold[2], fold[10]) for tag in self._about[key]
            ]
        self._day.clear()
        self._about.clear()

    def rest(self) -> dict[str, Rows]:
        """What is left when all events are in."""
        rows: dict[str, Rows] = {"log_fold": [], "log_fold_about": []}
        self._over(rows)
        counted = [
            (k.day, k.type, k.organisation, k.counterpart, k.outcome, k.reason, number)
            for k, number in self._daily.items()
        ]
        return {**rows, "log_daily": counted}
