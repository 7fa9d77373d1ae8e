"""Every way to change the log that the tamper matrix tries, by what the attacker holds.

`database`: the whole database. `receipts`: and the key that signs receipts. `keys`: and the log's own key.
`everything`: and the broker's guard file: that is the operator itself.
"""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from broker.crypto.keyring import KeyPurpose, Keyring, make_key
from broker.transparency import tiles
from broker.transparency.checkpoints import Checkpoint, sign_note
from broker.transparency.entries import searched_by
from broker.transparency.merkle import leaf_hash
from tests.support.intruder import Intruder, Rows

NEW_ID = "01900000-0000-7000-8000-000000000000"
LOG = ("log_entry", "log_index", "log_queue", "log_tile", "log_state", "log_checkpoint")
WAITING = ("release", "log_queue", "log_opening", "log_subject_index", "log_entry")


@dataclasses.dataclass
class Entry:
    """A line of the log as it is stored."""

    id: str
    leaf: bytes
    kid: str
    signature: bytes


@dataclasses.dataclass
class Forger:
    """Somebody with the database in hands. What it is after: `victim` in the tree, `waiting` still in the queue.

    `backup` holds every row of an earlier moment, when the log had `backup_size` entries; `old_guard` goes with it.
    """

    intruder: Intruder
    keyring: Keyring
    origin: str
    guard: Path
    victim: str = ""
    waiting: str = ""
    backup: dict[str, Rows] = dataclasses.field(default_factory=dict)
    backup_size: int = 0
    old_guard: bytes = b""

    def entries(self) -> list[Entry]:
        rows = self.intruder.rows(
            "SELECT e.entry_id, e.leaf, e.receipt_kid, e.receipt_sig FROM log_entry e "
            "JOIN log_index i ON i.entry_id = e.entry_id ORDER BY i.leaf_index"
        )
        return [Entry(str(r[0]), bytes(r[1]), str(r[2]), bytes(r[3])) for r in rows]

    @property
    def place(self) -> int:
        """Where the victim stands."""
        return [entry.id for entry in self.entries()].index(self.victim)

    def rewrite(self, entry: str, *, rehash: bool = False, resign: bool = False) -> None:
        """Another moment in the same form; the hash and the receipt made to fit, or left."""
        [(stored,)] = self.intruder.rows("SELECT leaf FROM log_entry WHERE entry_id = ?", entry)
        leaf = edited(bytes(stored))
        self.intruder.change("UPDATE log_entry SET leaf = ? WHERE entry_id = ?", leaf, entry)
        if rehash:
            self.fit(entry, leaf)
            self.intruder.change("UPDATE log_entry SET leaf_hash = ? WHERE entry_id = ?", leaf_hash(leaf), entry)
        if resign:
            signature = self.keyring.current(KeyPurpose.RECEIPTS).private.sign(leaf)
            self.intruder.change("UPDATE log_entry SET receipt_sig = ? WHERE entry_id = ?", signature, entry)

    def fit(self, entry: str, leaf: bytes) -> None:
        """What stands beside an entry to search by says what the leaf says."""
        kind, organisation, counterpart, outcome, at = searched_by(leaf)
        self.intruder.change(
            "UPDATE log_entry SET type = ?, organisation = ?, counterpart = ?, outcome = ?, created_at = ? WHERE entry_id = ?",
            *(kind, organisation, counterpart, outcome, at.strftime("%Y-%m-%d %H:%M:%S.%f"), entry),
        )

    def rebuild(self, entries: list[Entry] | None = None, *, sign_with: Any = None) -> None:
        """Places, tiles and root for exactly these entries (all that there are); with a key also the only checkpoint."""
        entries = self.entries() if entries is None else entries
        grown = tiles.extend(0, {}, [leaf_hash(entry.leaf) for entry in entries])
        run = self.intruder.run
        for table in ("log_index", "log_tile"):
            run(f"DELETE FROM {table}")
        for index, entry in enumerate(entries):
            run("INSERT INTO log_index (leaf_index, entry_id) VALUES (?, ?)", index, entry.id)
        for (level, n), data in grown.tiles.items():
            run("INSERT INTO log_tile (level, n, data) VALUES (?, ?, ?)", level, n, data)
        run("UPDATE log_state SET size = ?, root = ?", grown.size, grown.root)
        if sign_with is not None:
            body = Checkpoint(self.origin, grown.size, grown.root)
            note = sign_note(body, self.origin, sign_with.public_raw, sign_with.private.sign)
            for table in ("log_cosignature", "log_checkpoint"):
                run(f"DELETE FROM {table}")
            values = (grown.size, note, "2026-01-01 00:00:00")
            run("INSERT INTO log_checkpoint (size, note, created_at) VALUES (?, ?, ?)", *values)

    def sign_again(self, entries: list[Entry] | None = None, *, guard: bool = True) -> None:
        """A second history, with the log's own key; the broker's guard is thrown away as well, unless it is left."""
        self.rebuild(entries, sign_with=self.keyring.current(KeyPurpose.LOG))
        if guard:
            self.guard.unlink()

    def swapped(self) -> list[Entry]:
        """Every entry, the victim and the next one changed about."""
        entries, at = self.entries(), self.place
        entries[at], entries[at + 1] = entries[at + 1], entries[at]
        return entries

    def forged(self, *, resign: bool) -> Entry:
        """An entry that never was, in the table of entries; with no place and not in the queue."""
        model = next(entry for entry in self.entries() if entry.id == self.victim)
        leaf = edited(model.leaf).replace(model.id.encode(), NEW_ID.encode())
        signature = self.keyring.current(KeyPurpose.RECEIPTS).private.sign(leaf) if resign else model.signature
        self.intruder.change(
            "INSERT INTO log_entry (entry_id, leaf, leaf_hash, receipt_kid, receipt_sig, type, organisation, counterpart,"
            " outcome, created_at) SELECT ?, ?, ?, receipt_kid, ?, type, organisation, counterpart, outcome, created_at"
            " FROM log_entry WHERE entry_id = ?",
            *(NEW_ID, leaf, leaf_hash(leaf), signature, model.id),
        )
        self.fit(NEW_ID, leaf)
        return Entry(NEW_ID, leaf, model.kid, signature)


def edited(leaf: bytes) -> bytes:
    """Another moment, in the same form."""
    at = json.loads(leaf)["at"]
    changed = leaf.replace(at.encode(), b"2001" + at[4:].encode())
    assert changed != leaf
    return changed


def _delete(f: Forger, entry: str, *, place: bool = True) -> None:
    if place:
        f.intruder.change("DELETE FROM log_index WHERE entry_id = ?", entry)
    f.intruder.change("DELETE FROM log_entry WHERE entry_id = ?", entry)


def _swap_rows(f: Forger) -> None:
    entries, at = f.swapped(), f.place
    f.intruder.run("DELETE FROM log_index WHERE leaf_index IN (?, ?)", at, at + 1)
    for index in (at, at + 1):
        f.intruder.run("INSERT INTO log_index (leaf_index, entry_id) VALUES (?, ?)", index, entries[index].id)


def _renumber(f: Forger) -> None:
    """A gap before the victim; in two steps, since no two may have one place at any moment."""
    f.intruder.change("UPDATE log_index SET leaf_index = leaf_index + 1001 WHERE leaf_index >= ?", f.place)
    f.intruder.change("UPDATE log_index SET leaf_index = leaf_index - 1000 WHERE leaf_index > 1000")


def _copy_over(f: Forger) -> None:
    other = f.entries()[1]
    f.intruder.change(
        "UPDATE log_entry SET leaf = ?, leaf_hash = ?, receipt_sig = ? WHERE entry_id = ?",
        *(other.leaf, leaf_hash(other.leaf), other.signature, f.victim),
    )
    f.fit(f.victim, other.leaf)


def _truncate(f: Forger) -> None:
    """Back to an earlier checkpoint, which the log itself signed: no key is needed."""
    for table in ("log_cosignature", "log_checkpoint"):
        f.intruder.change(f"DELETE FROM {table} WHERE size > ?", f.backup_size)
    for entry in f.entries()[f.backup_size :]:
        _delete(f, entry.id)
    f.rebuild()


def _flip(f: Forger, table: str, column: str) -> None:
    [(raw,)] = f.intruder.rows(f"SELECT {column} FROM {table} LIMIT 1")
    f.intruder.change(f"UPDATE {table} SET {column} = ?", bytes([bytes(raw)[0] ^ 1]) + bytes(raw)[1:])


def _edit_checkpoint(f: Forger) -> None:
    [(note,)] = f.intruder.rows("SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1")
    f.intruder.change("UPDATE log_checkpoint SET note = ? WHERE note = ?", note.replace("\n", "\n1", 1), note)


def _stranger_signs(f: Forger) -> None:
    f.rewrite(f.victim, rehash=True)
    f.rebuild(sign_with=make_key(KeyPurpose.LOG, f.keyring.current(KeyPurpose.LOG).created))


def _delete_waiting(f: Forger) -> None:
    for table in WAITING:
        f.intruder.change(f"DELETE FROM {table} WHERE entry_id = ?", f.waiting)


def _queue_forged(f: Forger, *, resign: bool) -> None:
    f.intruder.change("INSERT INTO log_queue (entry_id) VALUES (?)", f.forged(resign=resign).id)


def _inserted(f: Forger, *, resign: bool) -> None:
    entries, at = f.entries(), f.place
    f.rebuild([*entries[:at], f.forged(resign=resign), *entries[at:]])


def _start_again(f: Forger, *, guard: bool) -> None:
    for table in ("log_queue", "log_entry", "log_checkpoint", "log_cosignature"):
        f.intruder.run(f"DELETE FROM {table}")
    f.rebuild([])
    if guard:
        f.guard.unlink()


def _put_back(f: Forger, *, guard: bool) -> None:
    f.intruder.put_back(f.backup)
    if guard:
        f.guard.write_bytes(f.old_guard)


def _fork(f: Forger, *, guard: bool) -> None:
    entries, at = f.entries(), f.place
    f.sign_again([*entries[:at], *entries[at:][::-1]], guard=guard)


def _second(f: Forger, *, guard: bool) -> None:
    f.rewrite(f.victim, rehash=True, resign=True)
    f.sign_again(guard=guard)


Do = Callable[[Forger], Any]
ATTACKS: dict[str, dict[str, Do]] = {
    "database": {
        "edit an entry": lambda f: f.rewrite(f.victim),
        "edit it, and its hash": lambda f: f.rewrite(f.victim, rehash=True),
        "edit it, and recompute everything below it": lambda f: (f.rewrite(f.victim, rehash=True), f.rebuild()),
        "copy another entry over it, with its hash and receipt": _copy_over,
        "call it something else, so that no search finds it": lambda f: f.intruder.change(
            "UPDATE log_entry SET type = 'log:searched' WHERE entry_id = ?", f.victim
        ),
        "delete it, leave its place": lambda f: _delete(f, f.victim, place=False),
        "delete it with its place": lambda f: _delete(f, f.victim),
        "delete the newest entry with its place": lambda f: _delete(f, f.entries()[-1].id),
        "delete it, number the rest again, recompute": lambda f: (_delete(f, f.victim), f.rebuild()),
        "renumber: leave a gap": _renumber,
        "swap two entries": _swap_rows,
        "swap two entries, recompute": lambda f: f.rebuild(f.swapped()),
        "truncate to an earlier checkpoint": _truncate,
        "put an old backup back": lambda f: _put_back(f, guard=False),
        "insert a forged entry, recompute": lambda f: _inserted(f, resign=False),
        "edit an entry that waits in the queue": lambda f: f.rewrite(f.waiting, rehash=True),
        "delete an entry that waits in the queue": _delete_waiting,
        "take an entry off the queue": lambda f: f.intruder.change(
            "DELETE FROM log_queue WHERE entry_id = ?", f.waiting
        ),
        "put a forged entry in the queue": lambda f: _queue_forged(f, resign=False),
        "edit the text of the newest checkpoint": _edit_checkpoint,
        "a second history, signed by a stranger": _stranger_signs,
        "delete everything, as if newly installed": lambda f: _start_again(f, guard=False),
        "throw every checkpoint away": lambda f: f.intruder.change("DELETE FROM log_checkpoint"),
        "damage a tile": lambda f: _flip(f, "log_tile", "data"),
        "cut a tile short": lambda f: f.intruder.change("UPDATE log_tile SET data = ?", bytes(32)),
        "damage the root": lambda f: _flip(f, "log_state", "root"),
        "turn the size back": lambda f: f.intruder.change("UPDATE log_state SET size = 2"),
    },
    "receipts": {
        "edit an entry, sign it again, recompute": lambda f: (
            f.rewrite(f.victim, rehash=True, resign=True),
            f.rebuild(),
        ),
        "edit the newest entry, sign it again, recompute": lambda f: (
            f.rewrite(f.entries()[-1].id, rehash=True, resign=True),
            f.rebuild(),
        ),
        "insert a forged entry with a receipt, recompute": lambda f: _inserted(f, resign=True),
        "edit an entry that waits, sign it again": lambda f: f.rewrite(f.waiting, rehash=True, resign=True),
        "put a forged entry with a receipt in the queue": lambda f: _queue_forged(f, resign=True),
    },
    "keys": {
        "edit an entry, sign a second history": lambda f: _second(f, guard=False),
        "fork: sign a second history of the same size": lambda f: _fork(f, guard=False),
        "truncate, sign again": lambda f: f.sign_again(f.entries()[: f.backup_size], guard=False),
    },
    "everything": {
        "edit an entry, sign a second history": lambda f: _second(f, guard=True),
        "delete an entry, sign a second history": lambda f: (_delete(f, f.victim), f.sign_again()),
        "fork: sign a second history of the same size": lambda f: _fork(f, guard=True),
        "truncate, sign again": lambda f: f.sign_again(f.entries()[: f.backup_size]),
        "put an old backup back, with its guard": lambda f: _put_back(f, guard=True),
        "delete everything, as if newly installed": lambda f: _start_again(f, guard=True),
    },
}
"""By what the attacker holds, and by name."""

WAITING_ATTACKS = frozenset(
    attack for attacks in ATTACKS.values() for attack in attacks if "wait" in attack or "queue" in attack
)
"""What these are after is still in the queue, so that it is the receipt of that entry that counts."""
