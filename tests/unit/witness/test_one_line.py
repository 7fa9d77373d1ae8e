"""Whatever honest and lying logs send, and whenever the witness is stopped, it cosigned trees of one line only."""

import errno
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from broker.crypto.ed25519 import KeyFile, holds
from broker.errors import Conflict, Unavailable, Unsafe
from broker.transparency import tiles
from broker.transparency.canonical import canonical, parse_canonical
from broker.transparency.checkpoints import Checkpoint, sign_note
from broker.transparency.cosignatures import Submission, cosigned_at, parse_cosignatures, parse_submission
from broker.transparency.merkle import leaf_hash, root_of
from broker.witness.cosigner import Answer, Cosigner, Signer
from broker.witness.memory import STATE, Memory

ORIGIN = "rondom.example/v1/log"
LOG = Ed25519PrivateKey.from_private_bytes(bytes([7]) * 32)
PUBLIC = LOG.public_key().public_bytes_raw()
Leaves = tuple[bytes, ...]


def note_of(leaves: Leaves, size: int) -> str:
    checkpoint = Checkpoint(ORIGIN, size, root_of([leaf_hash(leaf) for leaf in leaves[:size]]))
    return sign_note(checkpoint, ORIGIN, PUBLIC, LOG.sign)


def proof_of(leaves: Leaves, old: int, new: int) -> tuple[bytes, ...]:
    grown = tiles.extend(0, {}, [leaf_hash(leaf) for leaf in leaves[:new]])
    return tiles.consistency_proof(old, new, grown.tiles)


def submission(leaves: Leaves, old: int, new: int) -> bytes:
    proof = proof_of(leaves, old, new) if old <= new else ()
    return Submission(old, proof, note_of(leaves, new)).text().encode()


class House:
    """A witness's folder, which can be closed and opened as a crash would have left it."""

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="witness-"))
        Memory.make(self.directory)
        self.key = KeyFile.make(self.directory / "key.json")
        self.now = 1000
        self.open()

    def open(self) -> None:
        self.memory = Memory(self.directory)
        signer = Signer("witness.example", self.key.public, self.key.sign)
        self.witness = Cosigner(signer, {ORIGIN: PUBLIC}, self.memory, holds, lambda: self.now)

    def reopen(self) -> None:
        self.memory.close()
        self.open()

    def gone(self) -> None:
        self.memory.close()
        shutil.rmtree(self.directory)


CUTS = ["os.open", "os.fsync", "os.replace", "os.fdopen", "after"]


class Witnessing(RuleBasedStateMachine):
    """Logs that branch: each is a list of leaves; the witness must stay on one line of them."""

    logs = Bundle("logs")

    def __init__(self) -> None:
        super().__init__()
        self.house = House()
        self.signed: dict[int, Leaves] = {}
        self.lines: dict[int, str] = {}
        self.times = [0]

    @initialize(target=logs)
    def first(self) -> Leaves:
        return ()

    @rule(target=logs, log=logs, more=st.integers(1, 9), name=st.sampled_from("ab"))
    def grows(self, log: Leaves, more: int, name: str) -> Leaves:
        return log + tuple(f"{name}{n}".encode() for n in range(len(log), len(log) + more))

    @rule(target=logs, log=logs, at=st.integers(0, 40), name=st.sampled_from("ab"))
    def forks(self, log: Leaves, at: int, name: str) -> Leaves:
        return (*log[:at], f"fork{name}".encode(), *log[at + 1 :])

    @rule(log=logs)
    def asks_honestly(self, log: Leaves) -> None:
        answer = self.house.witness.add_checkpoint(submission(log, 0, len(log)))
        if answer.status == 409:
            theirs = int(answer.body)
            answer = self.house.witness.add_checkpoint(submission(log, theirs, len(log)))
        self.heard(answer, log, len(log))

    @rule(log=logs, other=logs, old=st.integers(0, 40), size=st.integers(0, 40))
    def lies(self, log: Leaves, other: Leaves, old: int, size: int) -> None:
        """A proof of one log with the checkpoint of another, and any old size."""
        new, start = min(size, len(log)), min(old, len(other), size)
        proof = proof_of(other, start, min(max(start, new), len(other))) if start <= len(other) else ()
        body = Submission(old, proof, note_of(log, new)).text().encode()
        self.heard(self.house.witness.add_checkpoint(body), log, new)

    @rule(log=logs, cut=st.sampled_from(CUTS), theirs=st.booleans())
    def dies_while_it_signs(self, log: Leaves, cut: str, theirs: bool) -> None:
        """It stops at that step and is started again; what did not leave may be kept or not."""
        seen = self.house.memory.of(ORIGIN)
        old = seen.checkpoint.size if seen and theirs else 0
        body = submission(log, old, len(log))
        if cut == "after":
            self.house.witness.add_checkpoint(body)  # the answer is lost on the way
        else:
            with patch(cut, side_effect=OSError(errno.EIO, "cut")):
                try:
                    answer = self.house.witness.add_checkpoint(body)
                except Unavailable:
                    with pytest.raises(Unavailable):
                        self.house.witness.add_checkpoint(body)
                else:
                    self.heard(answer, log, len(log))
        self.house.reopen()
        kept = self.house.memory.of(ORIGIN)
        if kept is not None and kept.checkpoint.size == len(log) and kept.checkpoint.root == _root(log):
            self.heard(Answer(200, "", f"{kept.line}\n"), log, len(log))

    @rule(seconds=st.integers(-500, 500))
    def clock_moves(self, seconds: int) -> None:
        self.house.now += seconds

    @rule()
    def is_started_again(self) -> None:
        self.house.reopen()

    def heard(self, answer: Answer, log: Leaves, size: int) -> None:
        assert answer.status in (200, 400, 409, 422)
        if answer.status != 200:
            return
        _, note = parse_submission(submission(log, 0, size))
        (line,) = parse_cosignatures(answer.body)
        time = cosigned_at(line, note.body, self.house.key.public, holds)
        assert time is not None
        assert time >= self.times[-1]
        self.times.append(time)
        assert self.lines.setdefault(size, answer.body) == answer.body, "two cosignatures of one size"
        self.signed[size] = log[:size]

    @invariant()
    def one_line(self) -> None:
        longest: Leaves = max(self.signed.values(), key=len, default=())
        assert all(leaves == longest[: len(leaves)] for leaves in self.signed.values())

    def teardown(self) -> None:
        self.house.gone()


def _root(leaves: Leaves) -> bytes:
    return root_of([leaf_hash(leaf) for leaf in leaves])


TestWitnessing = Witnessing.TestCase
TestWitnessing.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)


@pytest.fixture
def house() -> Any:
    house = House()
    yield house
    house.gone()


ONE: Leaves = (b"1", b"2", b"3")
OTHER: Leaves = (b"1", b"x", b"3")


def test_a_fork_and_a_roll_back_are_refused(house: House) -> None:
    assert house.witness.add_checkpoint(submission(ONE, 0, 3)).status == 200
    for attack in (submission(OTHER, 3, 3), submission((*OTHER, b"4"), 3, 4)):
        assert house.witness.add_checkpoint(attack).status == 422
    for attack in (submission(ONE, 0, 2), submission(ONE, 2, 2), submission(OTHER, 0, 3)):
        answer = house.witness.add_checkpoint(attack)
        assert (answer.status, answer.kind, answer.body) == (409, "text/x.tlog.size", "3\n")


def test_an_empty_log_has_one_root_only(house: House) -> None:
    assert house.witness.add_checkpoint(submission((), 0, 0)).status == 200
    note = f"{ORIGIN}\n0\n{'A' * 43}=\n"
    signed = sign_note(Checkpoint(ORIGIN, 0, root_of([])), ORIGIN, PUBLIC, LOG.sign).partition("\n\n")[2]
    assert house.witness.add_checkpoint(f"old 0\n\n{note}\n{signed}".encode()).status == 422


def test_a_proof_that_nobody_needs_is_refused(house: House) -> None:
    body = Submission(0, (bytes(32),), note_of(ONE, 3)).text().encode()
    assert house.witness.add_checkpoint(body).status == 422
    house.witness.add_checkpoint(submission(ONE, 0, 3))
    body = Submission(3, (bytes(32),), note_of(ONE, 3)).text().encode()
    assert house.witness.add_checkpoint(body).status == 422


@pytest.mark.parametrize("damage", ["gone", "empty", "cut", "flipped", "more", "other log", "another version"])
def test_a_witness_that_forgot_does_not_start(house: House, damage: str) -> None:
    house.witness.add_checkpoint(submission(ONE, 0, 3))
    house.memory.close()
    path = house.directory / STATE
    raw = path.read_bytes()
    document: Any = parse_canonical(raw)
    wrong = {
        "empty": b"",
        "cut": raw[:-1],
        "flipped": raw.replace(b"\\n3\\n", b"\\n03\\n"),
        "more": raw + b"\n",
        "other log": canonical({**document, "logs": {"other.example": document["logs"][ORIGIN]}}),
        "another version": canonical({**document, "v": 2}),
    }
    if damage == "gone":
        path.unlink()
    else:
        assert wrong[damage] != raw
        path.write_bytes(wrong[damage])
    with pytest.raises(Unsafe):
        Memory(house.directory)
    path.write_bytes(raw)
    house.open()


def test_two_processes_do_not_share_a_witness(house: House) -> None:
    with pytest.raises(Conflict, match="running"):
        Memory(house.directory)
    with pytest.raises(Conflict):
        Memory.make(house.directory)


def test_its_files_are_its_owners_alone(house: House) -> None:
    house.witness.add_checkpoint(submission(ONE, 0, 3))
    for path in house.directory.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path.name
    (house.directory / "key.json").chmod(0o640)
    with pytest.raises(Unsafe, match="chmod 600"):
        KeyFile.read(house.directory / "key.json")


def test_what_could_not_be_kept_does_not_leave(house: House) -> None:
    with patch("os.fsync", side_effect=OSError(errno.ENOSPC, "full")), pytest.raises(Unavailable):
        house.witness.add_checkpoint(submission(ONE, 0, 3))
    with pytest.raises(Unavailable):
        house.witness.add_checkpoint(submission(ONE, 0, 3))
    house.reopen()
    assert house.witness.add_checkpoint(submission(ONE, 0, 3)).status in (200, 409)


def test_it_is_on_the_disk_before_it_leaves(house: House) -> None:
    order: list[str] = []
    real = {"fsync": os.fsync, "replace": os.replace}
    with (
        patch("os.fsync", lambda fd: (order.append("fsync"), real["fsync"](fd))),
        patch("os.replace", lambda a, b: (order.append("replace"), real["replace"](a, b))),
    ):
        house.witness.add_checkpoint(submission(ONE, 0, 3))
    assert order == ["fsync", "replace", "fsync"]
