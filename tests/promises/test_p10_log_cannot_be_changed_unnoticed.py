"""P10: whoever changes the log is noticed: by the check, by one checkpoint kept elsewhere, or by the receipt of who was there.

Each attack says what the attacker holds. Not even the operator with every key gets past a checkpoint that somebody kept.
"""

import asyncio
import copy
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from broker.cli.audit import app as audit
from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.keyring import KeyPurpose, load_keyring, make_key
from broker.crypto.signatures import ed25519_holds
from broker.errors import Tampered
from broker.transparency import tiles
from broker.transparency.checkpoints import Checkpoint, sign_note
from broker.transparency.merkle import leaf_hash
from broker.transparency.verifier import TrustedKeys, verify_receipt
from tests.support.intruder import Intruder, intruder_in
from tests.support.world import ROOT, URL, World, started_again

HANDOVER, WHO = "tom-to-school", "ib-joris"
LOG = ("log_entry", "log_index", "log_queue", "log_tile", "log_state", "log_checkpoint")


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


@dataclasses.dataclass
class Entry:
    id: str
    leaf: bytes
    kid: str
    signature: bytes


class Forger:
    """Rewrites the log's tables; how well depends on the keys that it has."""

    def __init__(self, world: World, intruder: Intruder) -> None:
        self.world, self.intruder = world, intruder
        self.keyring = load_keyring(world.broker.settings.keys)
        self.origin = world.broker.ledger.origin

    def entries(self) -> list[Entry]:
        rows = self.intruder.rows(
            "SELECT e.entry_id, e.leaf, e.receipt_kid, e.receipt_sig FROM log_entry e "
            "JOIN log_index i ON i.entry_id = e.entry_id ORDER BY i.leaf_index"
        )
        return [Entry(str(r[0]), bytes(r[1]), str(r[2]), bytes(r[3])) for r in rows]

    @property
    def size(self) -> int:
        return len(self.entries())

    def entry_at(self, index: int) -> Entry:
        return self.entries()[index]

    def edited(self, leaf: bytes) -> bytes:
        """Another moment, in the same form."""
        document = json.loads(leaf)
        changed = leaf.replace(document["at"].encode(), b"2001" + document["at"][4:].encode())
        assert changed != leaf
        return changed

    def write_leaf(self, entry: str, leaf: bytes, *, rehash: bool = False, resign: bool = False) -> None:
        self.intruder.change("UPDATE log_entry SET leaf = ? WHERE entry_id = ?", leaf, entry)
        if rehash:
            self.intruder.change("UPDATE log_entry SET leaf_hash = ? WHERE entry_id = ?", leaf_hash(leaf), entry)
        if resign:
            signature = self.keyring.current(KeyPurpose.RECEIPTS).private.sign(leaf)
            self.intruder.change("UPDATE log_entry SET receipt_sig = ? WHERE entry_id = ?", signature, entry)

    def rebuild(self, entries: list[Entry], *, sign_with: Any = None) -> None:
        """Tiles, state and places for exactly these entries; with a log key also the only checkpoint."""
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
            note = self.note(grown.size, grown.root, sign_with)
            run("DELETE FROM log_checkpoint")
            now = "2026-01-01 00:00:00"
            run("INSERT INTO log_checkpoint (size, note, created_at) VALUES (?, ?, ?)", grown.size, note, now)

    def note(self, size: int, root: bytes, key: Any) -> str:
        return sign_note(Checkpoint(self.origin, size, root), self.origin, key.public_raw, key.private.sign)


def swap(forger: Forger, one: int, other: int) -> list[Entry]:
    entries = forger.entries()
    entries[one], entries[other] = entries[other], entries[one]
    return entries


def forged_insert(forger: Forger, at: int, *, with_receipt_key: bool) -> list[Entry]:
    entries = forger.entries()
    model = entries[at]
    new_id = "01900000-0000-7000-8000-000000000000"
    leaf = forger.edited(model.leaf).replace(model.id.encode(), new_id.encode())
    key = forger.keyring.current(KeyPurpose.RECEIPTS)
    signature = key.private.sign(leaf) if with_receipt_key else model.signature
    forger.intruder.change(
        "INSERT INTO log_entry (entry_id, leaf, leaf_hash, receipt_kid, receipt_sig, type, organisation, counterpart,"
        " outcome, created_at) SELECT ?, ?, ?, receipt_kid, ?, type, organisation, counterpart, outcome, created_at"
        " FROM log_entry WHERE entry_id = ?",
        new_id,
        leaf,
        leaf_hash(leaf),
        signature,
        model.id,
    )
    return [*entries[:at], Entry(new_id, leaf, key.kid, signature), *entries[at:]]


def rewrite(forger: Forger, index: int, **how: bool) -> None:
    entry = forger.entry_at(index)
    forger.write_leaf(entry.id, forger.edited(entry.leaf), **how)


def forget_entry(forger: Forger, index: int, *, renumber: bool) -> None:
    entry = forger.entry_at(index)
    forger.intruder.run("DELETE FROM log_index WHERE entry_id = ?", entry.id)
    forger.intruder.change("DELETE FROM log_entry WHERE entry_id = ?", entry.id)
    if renumber:
        forger.rebuild(forger.entries())


def swap_rows(forger: Forger) -> None:
    one, other = forger.entry_at(1).id, forger.entry_at(2).id
    forger.intruder.run("DELETE FROM log_index WHERE leaf_index IN (1, 2)")
    for index, entry in ((1, other), (2, one)):
        forger.intruder.run("INSERT INTO log_index (leaf_index, entry_id) VALUES (?, ?)", index, entry)


def flip(forger: Forger, table: str, column: str) -> None:
    [(raw,)] = forger.intruder.rows(f"SELECT {column} FROM {table} LIMIT 1")
    damaged = bytes([bytes(raw)[0] ^ 1]) + bytes(raw)[1:]
    forger.intruder.change(f"UPDATE {table} SET {column} = ?", damaged)


def sign_by_a_stranger(forger: Forger) -> None:
    stranger = make_key(KeyPurpose.LOG, forger.world.clock())
    forget_entry(forger, -1, renumber=False)
    forger.rebuild(forger.entries(), sign_with=stranger)


WITHOUT_A_KEPT_CHECKPOINT: dict[str, Callable[[Forger], Any]] = {
    "a leaf is edited": lambda f: rewrite(f, 3),
    "a leaf is edited and hashed again": lambda f: rewrite(f, 3, rehash=True),
    "a leaf is edited, the tree built again, without the receipts' key": lambda f: (
        rewrite(f, 3, rehash=True),
        f.rebuild(f.entries()),
    ),
    "a leaf is edited, signed again and the tree built again, without the log's key": lambda f: (
        rewrite(f, 3, rehash=True, resign=True),
        f.rebuild(f.entries()),
    ),
    "the newest leaf is edited by who has the receipts' key": lambda f: (
        rewrite(f, -1, rehash=True, resign=True),
        f.rebuild(f.entries()),
    ),
    "another entry's leaf, hash and receipt are copied over it": lambda f: f.intruder.change(
        "UPDATE log_entry SET leaf = ?, leaf_hash = ?, receipt_sig = ? WHERE entry_id = ?",
        f.entry_at(1).leaf,
        leaf_hash(f.entry_at(1).leaf),
        f.entry_at(1).signature,
        f.entry_at(3).id,
    ),
    "an entry is deleted, its place left behind": lambda f: f.intruder.change(
        "DELETE FROM log_entry WHERE entry_id = ?", f.entry_at(3).id
    ),
    "an entry is deleted with its place": lambda f: forget_entry(f, 3, renumber=False),
    "the newest entry is deleted with its place": lambda f: forget_entry(f, -1, renumber=False),
    "an entry is deleted, the rest renumbered and the tree built again": lambda f: forget_entry(f, 3, renumber=True),
    "two entries are swapped": swap_rows,
    "two entries are swapped and the tree built again": lambda f: f.rebuild(swap(f, 1, 2)),
    "an entry is put in without the receipts' key": lambda f: f.rebuild(forged_insert(f, 3, with_receipt_key=False)),
    "an entry is put in with the receipts' key": lambda f: f.rebuild(forged_insert(f, 3, with_receipt_key=True)),
    "a checkpoint is signed by a stranger": sign_by_a_stranger,
    "a checkpoint's text is edited": lambda f: f.intruder.change(
        "UPDATE log_checkpoint SET note = ?",
        f.intruder.rows("SELECT note FROM log_checkpoint ORDER BY size DESC LIMIT 1")[0][0].replace("\n", "\n1", 1),
    ),
    "a tile is damaged": lambda f: flip(f, "log_tile", "data"),
    "a tile is cut": lambda f: f.intruder.change("UPDATE log_tile SET data = ?", b"\x00" * 32),
    "the tree's root is damaged": lambda f: flip(f, "log_state", "root"),
    "the tree's size is turned back": lambda f: f.intruder.change("UPDATE log_state SET size = 2"),
    "every checkpoint is thrown away": lambda f: f.intruder.change("DELETE FROM log_checkpoint"),
}


def fork(forger: Forger, size: int) -> None:
    """The operator itself: other entries after the first ones, every signature genuine."""
    entries = forger.entries()
    kept, moved = entries[: size - 1], entries[size - 1 :]
    forger.rebuild([*kept, *moved[::-1]], sign_with=forger.keyring.current(KeyPurpose.LOG))


def turn_back(forger: Forger, size: int) -> None:
    forger.rebuild(forger.entries()[:size], sign_with=forger.keyring.current(KeyPurpose.LOG))


def start_again(forger: Forger) -> None:
    for table in ("log_entry", "log_checkpoint"):
        forger.intruder.run(f"DELETE FROM {table}")
    forger.rebuild([])


def rewrite_with_every_key(forger: Forger) -> None:
    rewrite(forger, 0, rehash=True, resign=True)
    forger.rebuild(forger.entries(), sign_with=forger.keyring.current(KeyPurpose.LOG))


WITH_A_KEPT_CHECKPOINT: dict[str, Callable[[Forger], Any]] = {
    "truncated to an earlier size, with the log's key": lambda f: turn_back(f, 3),
    "a fork after the first entries, with every key": lambda f: fork(f, 4),
    "the first entry rewritten, with every key": rewrite_with_every_key,
    "everything deleted, as if newly installed": start_again,
}


async def some_log(world: World, forger: Forger) -> str:
    """A log with some entries, and the checkpoint that somebody kept before the last of them."""
    await world.push(HANDOVER)
    await world.gets(HANDOVER, WHO)
    await world.settle()
    kept = await world.broker.ledger.checkpoint()
    await world.push("jack-to-gp")
    await world.gets(HANDOVER, WHO)
    await world.settle()
    assert forger.size > int(kept.split("\n")[1]) > 8
    return kept


def rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sequencer does nothing by itself any more."""

    async def nothing() -> int:
        return 0

    monkeypatch.setattr(world.broker.ledger, "step", nothing)


async def test_whoever_changes_the_log_is_noticed(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    forger, ledger = Forger(world, intruder), world.broker.ledger
    kept = await some_log(world, forger)
    rest(world, monkeypatch)
    assert (await ledger.check()).code == 0
    assert (await ledger.check(earlier=kept)).code == 0
    intruder.disarm()
    before = {table: rows for table, rows in intruder.contents().items() if table in LOG}
    for attack, do in WITHOUT_A_KEPT_CHECKPOINT.items():
        with subtests.test(attack):
            do(forger)
            verdict = await ledger.check()
            told = await ledger.check(earlier=kept)
            intruder.put_back(before)
            assert verdict.code == (2 if "thrown away" in attack else 1), verdict.sentence
            assert told.code != 0, told.sentence
            assert verdict.sentence.count(".") == 1
    assert (await ledger.check(earlier=kept)).code == 0, "put back, it is genuine again"


async def test_not_even_every_key_gets_past_a_checkpoint_that_somebody_kept(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    forger, ledger = Forger(world, intruder), world.broker.ledger
    kept = await some_log(world, forger)
    rest(world, monkeypatch)
    intruder.disarm()
    before = {table: rows for table, rows in intruder.contents().items() if table in LOG}
    for attack, do in WITH_A_KEPT_CHECKPOINT.items():
        with subtests.test(attack):
            do(forger)
            alone, told = await ledger.check(), await ledger.check(earlier=kept)
            intruder.put_back(before)
            assert alone.code != 1, "this attack should need the kept checkpoint; move it to the other table"
            assert told.code == 1, told.sentence


async def test_a_restored_old_copy_is_noticed_by_who_kept_a_later_checkpoint(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.push(HANDOVER)
    await world.settle()
    guard = world.broker.settings.log_guard
    backup, guarded = intruder.contents(leave_out=["alembic_version"]), guard.read_bytes()
    release = await world.gets(HANDOVER, WHO)
    assert release == []
    await world.settle()
    kept = await world.broker.ledger.checkpoint()
    rest(world, monkeypatch)
    intruder.disarm()
    intruder.put_back(backup)
    assert (await world.broker.ledger.check()).code == 0, "the copy itself is whole"
    verdict = await world.broker.ledger.check(earlier=kept)
    assert verdict.code == 1
    assert "rolled back" in verdict.sentence
    guard.write_bytes(guarded)  # the guard is put back as well
    async with started_again(world) as again:
        for purpose in ("education-support", "health-care"):  # life goes on, past the size that was once signed
            await again.gets(HANDOVER, WHO, purpose)
        await again.settle()
        verdict = await again.broker.ledger.check(earlier=kept)
    assert verdict.code == 1, "grown again, it is another log"


async def release_of(world: World) -> dict[str, Any]:
    await world.push(HANDOVER)
    for person in ("mother", "father", "tom"):
        await world.answer(HANDOVER, person, {"status": "yes"})
    await world.settle()
    response = await world.ask(HANDOVER, WHO)
    assert response.status_code == 200, response.text
    return dict(response.json()["receipt"])


async def test_an_entry_deleted_before_it_was_sequenced_is_betrayed_by_its_receipt(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as paused:
        rest(world, paused)
        while await world.broker.ledger.sequence():
            pass
        await world.push(HANDOVER)
        for person in ("mother", "father", "tom"):
            await world.answer(HANDOVER, person, {"status": "yes"})
        response = await world.ask(HANDOVER, WHO)
        receipt = response.json()["receipt"]
        assert receipt.get("proof") is None
        leaf = from_b64url(receipt["leaf"])
        entry = json.loads(leaf)["id"]
        intruder.disarm()
        for table in ("release", "log_queue", "log_opening", "log_subject_index", "log_entry"):
            intruder.change(f"DELETE FROM {table} WHERE entry_id = ?", entry)
    await world.settle()
    assert (await world.broker.ledger.check()).code == 0, "the log by itself looks whole"
    document = {**receipt, "proof": None}
    assert verify_receipt(document, world.broker.ledger.trusted, ed25519_holds).code == 0, "but it was signed"
    assert leaf_hash(leaf) not in await public_hashes(world), "and anybody sees that it is not in the log"


async def public_hashes(world: World) -> list[bytes]:
    """Every leaf hash, as an outsider fetches them."""
    size = int((await world.http.get("/v1/log/checkpoint")).text.split("\n")[1])
    full, rest_of = divmod(size, 256)
    paths = [tiles.tile_path(0, n) for n in range(full)]
    if rest_of:
        paths.append(tiles.tile_path(0, full, rest_of))
    data = b"".join([(await world.http.get(f"/v1/log/{path}")).content for path in paths])
    assert len(data) == 32 * size
    return [data[at : at + 32] for at in range(0, len(data), 32)]


async def test_what_the_log_holds_is_what_an_outsider_sees(world: World) -> None:
    receipt = await release_of(world)
    await world.settle()
    assert leaf_hash(from_b64url(receipt["leaf"])) in await public_hashes(world)


QUEUE_ATTACKS: dict[str, str] = {
    "the leaf is edited": "UPDATE log_entry SET leaf = ? WHERE entry_id = ?",
    "the hash is another": "UPDATE log_entry SET leaf_hash = ? WHERE entry_id = ?",
    "the receipt is another": "UPDATE log_entry SET receipt_sig = ? WHERE entry_id = ?",
    "the receipt's key is unknown": "UPDATE log_entry SET receipt_kid = ? WHERE entry_id = ?",
}


async def test_the_sequencer_takes_no_entry_that_was_changed_in_the_queue_and_says_so(
    world: World, intruder: Intruder, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    await world.push(HANDOVER)
    await world.settle()
    ledger = world.broker.ledger
    step = ledger.step
    rest(world, monkeypatch)
    await world.gets(HANDOVER, WHO)
    [(entry,)] = intruder.rows("SELECT entry_id FROM log_queue")
    forger = Forger(world, intruder)
    before = {table: rows for table, rows in intruder.contents().items() if table in LOG}
    intruder.disarm()
    for attack, statement in QUEUE_ATTACKS.items():
        with subtests.test(attack):
            intruder.change(statement, "unknown" if "kid" in statement else b"\x01" * 64, entry)
            with pytest.raises(Tampered):
                await step()
            with capture_logs() as lines:
                monkeypatch.setattr(ledger, "step", step)
                ledger.kick()
                await until(lambda lines=lines: any(line["event"] == "log:not-sequenced" for line in lines))
                rest(world, monkeypatch)
            assert {"event": "log:not-sequenced", "code": "tampered", "log_level": "error"} in lines
            assert intruder.rows("SELECT size FROM log_state") == before["log_state"] or forger.size == len(
                before["log_index"]
            )
            intruder.put_back(before)
    assert await step() == 1, "put back, it is taken"
    assert (await ledger.check()).code == 0


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - what it waits for tells nobody
            await asyncio.sleep(0.01)


# receipts, as their owner checks them


def keys_file(world: World, directory: Path) -> Path:
    trusted = world.broker.ledger.trusted
    path = directory / "trusted-keys.json"
    receipts = {kid: b64url(key) for kid, key in trusted.receipts.items()}
    path.write_text(json.dumps({"logs": list(world.broker.ledger.verifier_keys()), "receipts": receipts}))
    return path


def flipped_text(text: str) -> str:
    """Another value with the same form: one bit of the bytes behind base64, or one sign."""
    raw = bytearray(from_b64url(text))
    raw[len(raw) // 2] ^= 1
    return b64url(bytes(raw))


def flips(receipt: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every field of a receipt, changed."""
    found: dict[str, dict[str, Any]] = {}

    def other(name: str, change: Callable[[dict[str, Any]], object]) -> None:
        document = copy.deepcopy(receipt)
        change(document)
        assert document != receipt, name
        found[name] = document

    other("v", lambda d: d.update(v=2))
    other("leaf", lambda d: d.update(leaf=flipped_text(d["leaf"])))
    other("kid", lambda d: d["receipt"].update(kid="somebody-else"))
    other("signature", lambda d: d["receipt"].update(signature=flipped_text(d["receipt"]["signature"])))
    other("signature of another length", lambda d: d["receipt"].update(signature=d["receipt"]["signature"][:-4]))
    for number, line in enumerate(receipt["proof"].split("\n")):
        if line:
            signs = list(line)
            signs[len(signs) // 2] = "A" if signs[len(signs) // 2] != "A" else "B"
            lines = receipt["proof"].split("\n")
            lines[number] = "".join(signs)
            other(f"proof, line {number}", lambda d, lines=lines: d.update(proof="\n".join(lines)))
    for number in range(len(receipt["openings"])):
        at = f"opening {number}"
        other(f"{at}: position", lambda d, n=number: d["openings"][n].update(position=d["openings"][n]["position"] + 5))
        other(f"{at}: field", lambda d, n=number: d["openings"][n].update(field="subject"))
        other(f"{at}: salt", lambda d, n=number: d["openings"][n].update(salt=flipped_text(d["openings"][n]["salt"])))
        other(f"{at}: value", lambda d, n=number: d["openings"][n].update(value="somebody-else"))
        other(f"{at}: twice", lambda d, n=number: d["openings"].append(d["openings"][n]))
    return found


async def test_a_receipt_with_any_field_changed_is_refused(
    world: World, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    receipt = await release_of(world)
    assert receipt["proof"], "no checkpoint covered it in time"
    assert len(receipt["openings"]) == 2
    keys = keys_file(world, tmp_path)

    def verify(document: Any) -> Any:
        file = tmp_path / "receipt.json"
        file.write_text(json.dumps(document))
        return CliRunner().invoke(audit, ["verify", str(file), "--keys", str(keys)])

    genuine = verify(receipt)
    assert (genuine.exit_code, genuine.output.count("\n")) == (0, 1)
    assert verify({"id": "x", "receipt": receipt}).exit_code == 0, "a whole answer is taken as well"
    for name, document in flips(receipt).items():
        with subtests.test(name):
            result = verify(document)
            assert result.exit_code in (1, 2)
            assert "is genuine" not in result.output
            if name in ("leaf", "signature") or name.startswith("opening"):
                assert result.exit_code == 1, result.output


async def test_a_receipt_brings_no_keys_of_its_own(world: World) -> None:
    receipt = await release_of(world)
    trusted = world.broker.ledger.trusted
    own = {kid: b64url(key) for kid, key in trusted.receipts.items()}
    carried = {**receipt, "keys": own, "receipts": own, "logs": list(world.broker.ledger.verifier_keys())}
    assert verify_receipt(carried, TrustedKeys(), ed25519_holds).code == 2
    assert verify_receipt(receipt, TrustedKeys(trusted.receipts, {}), ed25519_holds).code == 2


def broker_command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    env = {name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}
    return subprocess.run(
        [sys.executable, "-m", "broker", *arguments],
        env={**env, **environment},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


async def test_the_command_says_one_sentence_and_exits_with_0_1_or_2(
    world: World, intruder: Intruder, tmp_path: Path
) -> None:
    receipt = await release_of(world)
    await world.settle()
    keys = keys_file(world, tmp_path)
    files = {
        "genuine": json.dumps(receipt),
        "forged": json.dumps({**receipt, "leaf": flipped_text(receipt["leaf"])}),
        "unreadable": "{",
        "nothing": "[]",
        "kept": await world.broker.ledger.checkpoint(),
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    def verify(name: str, *more: str) -> Any:
        return CliRunner().invoke(audit, ["verify", str(tmp_path / name), *more])

    trusting = ("--keys", str(keys))
    for result, code in (
        (verify("genuine", *trusting), 0),
        (verify("forged", *trusting), 1),
        (verify("genuine"), 2),
        (verify("unreadable", *trusting), 2),
        (verify("nothing", *trusting), 2),
        (verify("missing", *trusting), 2),
        (verify("genuine", "--keys", str(tmp_path / "genuine")), 2),
    ):
        assert result.exit_code == code, result.output
        assert result.output.count("\n") == 1, result.output
        assert (result.exception is None) or isinstance(result.exception, SystemExit)

    settings = {
        "BROKER_MODE": "demo",
        "BROKER_DATABASE_URL": world.database_url,
        "BROKER_KEYS": str(world.broker.settings.keys),
        "BROKER_POLICIES": str(ROOT / "policies"),
        "BROKER_PUBLIC_URL": URL,
        "BROKER_OUTBOX": f"file:{tmp_path / 'outbox'}",
    }
    assert json.loads(verify("forged", *trusting, "--json").output) == {
        "ok": False,
        "code": 1,
        "sentence": "The receipt is not genuine: its signature does not fit the entry.",
    }

    kept = ("--earlier", str(tmp_path / "kept"))
    whole = await asyncio.to_thread(broker_command, "audit", "verify", *kept, "--json", **settings)
    assert (whole.returncode, json.loads(whole.stdout)["ok"]) == (0, True), whole.stderr
    intruder.disarm()
    rewrite(Forger(world, intruder), 3)
    broken = await asyncio.to_thread(broker_command, "audit", "verify", **settings)
    assert (broken.returncode, broken.stdout.count("\n")) == (1, 1), broken.stderr
    assert "Traceback" not in broken.stderr
