"""A log checked by its address: whatever tile of it is another, or missing, is found; and it says how far it is."""

from collections.abc import Callable

import pytest

from broker.transparency.checkpoints import Checkpoint, sign_note
from broker.transparency.cosignatures import cosign
from broker.transparency.merkle import leaf_hash
from broker.transparency.policies import Witness, WitnessPolicy
from broker.transparency.remote import verify_address
from broker.transparency.tiles import WIDTH, Extension, extend, tile_path
from broker.transparency.verdicts import TrustedKeys
from tests.unit.transparency.conftest import ORIGIN, Signer, _check, _signer

LOG, WITNESS, OTHER = _signer(1), _signer(4), _signer(5)
SIZE = WIDTH * WIDTH + WIDTH + 7
TRUSTED = TrustedKeys({}, {ORIGIN: (LOG.public,)})
POLICY = WitnessPolicy({}, (Witness("w", "w.example", WITNESS.public, ""),), {}, "w")


def note_of(tree: Extension, *, by: Signer | None = None) -> str:
    checkpoint = Checkpoint(ORIGIN, tree.size, tree.root)
    note = sign_note(checkpoint, ORIGIN, LOG.public, LOG.sign)
    if by is not None:
        note += (
            cosign(note.partition("\n\n")[0].encode() + b"\n", "w.example", by.public, 1_700_000_000, by.sign) + "\n"
        )
    return note


HASHES = [leaf_hash(b"%d" % n) for n in range(SIZE)]
TREE, SMALL = extend(0, {}, HASHES), extend(0, {}, HASHES[:300])


@pytest.fixture(scope="module")
def answers() -> dict[str, bytes]:
    """Everything that the log at the address answers."""
    served = {tile_path(level, n, len(data) // 32): data for (level, n), data in TREE.tiles.items()}
    assert {path.split("/")[1] for path in served} == {"0", "1", "2"}
    return {**served, "checkpoint": note_of(TREE).encode()}


def verdict(
    answers: dict[str, bytes],
    earlier: str | None = None,
    witnesses: WitnessPolicy | None = None,
    tick: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[int, str]:
    def fetch(path: str, most: int) -> bytes:
        if path not in answers:
            raise OSError
        return answers[path][:most]

    found = verify_address(ORIGIN, fetch, earlier, TRUSTED, _check, tick, witnesses)
    return found.code, found.sentence


def test_a_whole_log_is_genuine_and_says_how_far_it_is(answers: dict[str, bytes]) -> None:
    told: list[tuple[int, int]] = []
    code, sentence = verdict(answers, note_of(SMALL), tick=lambda done, of: told.append((done, of)))
    assert code == 0, sentence
    assert "the first 300" in sentence
    assert [done for done, _ in told] == [*range(WIDTH, SIZE, WIDTH), SIZE]
    assert {of for _, of in told} == {SIZE}


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("tile/0/000", "do not give the root"),
        ("tile/0/257.p/7", "do not give the root"),
        ("tile/1/000", "tree that proofs are made of"),
        ("tile/1/001.p/1", "tree that proofs are made of"),
        ("tile/2/000.p/1", "tree that proofs are made of"),
    ],
)
def test_each_tile_that_is_another_is_found(answers: dict[str, bytes], path: str, told: str) -> None:
    data = bytearray(answers[path])
    data[len(data) // 2] ^= 1
    code, sentence = verdict({**answers, path: bytes(data)})
    assert code == 1
    assert told in sentence


def test_a_tile_that_is_short_or_not_there(answers: dict[str, bytes]) -> None:
    for path in ("tile/0/000", "tile/1/000"):
        assert verdict({**answers, path: answers[path][:-32]})[0] == 1
        assert verdict({name: data for name, data in answers.items() if name != path})[0] == 2


def test_enough_witnesses_saw_this_very_history(answers: dict[str, bytes]) -> None:
    other = extend(0, {}, [leaf_hash(b"x"), *HASHES[1:300]])
    cosigned = {
        "genuine": (note_of(SMALL, by=WITNESS), 0),
        "cosigned by nobody": (note_of(SMALL), 2),
        "by a stranger under that name": (note_of(SMALL, by=OTHER), 2),
        "of another history": (note_of(other, by=WITNESS), 1),
        "larger than the log": (note_of(extend(0, {}, [*HASHES, leaf_hash(b"x")]), by=WITNESS), 1),
    }
    for name, (note, code) in cosigned.items():
        found = verdict({**answers, "cosigned-checkpoint": note.encode()}, None, POLICY)
        assert found[0] == code, (name, found)
    assert verdict(answers, None, POLICY)[0] == 2, "a log that has no such checkpoint"
