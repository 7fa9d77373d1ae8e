"""Attacks of promise P10 on an outsider who holds the public keys and one earlier checkpoint."""

import copy
import itertools
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.domain.events import EntryId, EventType, LogEvent, Personal
from broker.transparency.canonical import canonical, to_base64, to_base64url
from broker.transparency.checkpoints import Checkpoint, key_hash, sign_note
from broker.transparency.entries import encode
from broker.transparency.merkle import EMPTY_ROOT, leaf_hash, root_of
from broker.transparency.proofs import InclusionProof
from broker.transparency.tiles import extend, inclusion_proof
from broker.transparency.verdicts import TrustedKeys, Verdict
from broker.transparency.verifier import verify_log, verify_receipt

AT = datetime(2026, 3, 29, tzinfo=UTC)
SALTS = itertools.count()
ENTRIES = [
    encode(
        LogEvent(
            EventType.RELEASE_PERMITTED, AT, facts={"n": number}, personal=(Personal("p", "person", f"x{number}"),)
        ),
        EntryId(f"e-{number}"),
        lambda: next(SALTS).to_bytes(16, "big"),
    )
    for number in range(20)
]
LEAVES = [entry.leaf for entry in ENTRIES]
GROWN = extend(0, {}, [entry.leaf_hash for entry in ENTRIES])


@dataclass(frozen=True)
class World:
    origin: str
    log: Any
    receipts: Any
    stranger: Any

    @property
    def trusted(self) -> TrustedKeys:
        return TrustedKeys({"r1": self.receipts.public}, {self.origin: self.log.public})

    def note(self, leaves: list[bytes], signer: Any = None) -> str:
        signer = signer or self.log
        checkpoint = Checkpoint(self.origin, len(leaves), root_of(map(leaf_hash, leaves)))
        return sign_note(checkpoint, self.origin, signer.public, signer.sign)

    def receipt(self, index: int = 5, *, proof: bool = True) -> dict[str, Any]:
        entry = ENTRIES[index]
        path = InclusionProof(index, GROWN.size, inclusion_proof(index, GROWN.size, GROWN.tiles), self.note(LEAVES))
        return {
            "v": 1,
            "leaf": to_base64url(entry.leaf),
            "receipt": {"kid": "r1", "signature": to_base64url(self.receipts.sign(entry.leaf))},
            "proof": path.text() if proof else None,
            "openings": [
                {"position": o.position, "field": o.field, "salt": o.salt, "value": o.value} for o in entry.openings
            ],
        }

    def verify_receipt(self, document: Any, trusted: TrustedKeys | None = None) -> Verdict:
        return verify_receipt(document, self.trusted if trusted is None else trusted, self.log.check)

    def verify_log(
        self, note: str, leaves: list[bytes], earlier: str | None = None, trusted: TrustedKeys | None = None
    ) -> Verdict:
        return verify_log(note, iter(leaves), earlier, self.trusted if trusted is None else trusted, self.log.check)


@pytest.fixture(scope="session")
def world(origin: str, log_key: Any, receipt_key: Any, stranger: Any) -> World:
    return World(origin, log_key, receipt_key, stranger)


# --- receipts --------------------------------------------------------------------------------------------------------


def test_a_genuine_receipt(world: World) -> None:
    verdict = world.verify_receipt(world.receipt())
    assert (verdict.ok, verdict.code) == (True, 0)
    assert verdict.sentence == "The receipt is genuine and its entry is in the log of 20 entries."
    assert verdict.words.nl != verdict.words.en


def test_a_genuine_receipt_without_proof_says_so(world: World) -> None:
    verdict = world.verify_receipt(world.receipt(proof=False))
    assert verdict.ok
    assert "a proof that its entry is in the log did not come with it" in verdict.sentence


def test_a_genuine_receipt_with_nothing_opened(world: World) -> None:
    assert world.verify_receipt({**world.receipt(), "openings": []}).ok


def test_keys_inside_the_document_are_never_used(world: World) -> None:
    leaf = ENTRIES[5].leaf
    forged = {
        **world.receipt(proof=False),
        "receipt": {
            "kid": "r9",
            "signature": to_base64url(world.stranger.sign(leaf)),
            "key": to_base64url(world.stranger.public),
        },
        "keys": {"r9": to_base64url(world.stranger.public), "r1": to_base64url(world.stranger.public)},
        "trusted": {"r9": to_base64url(world.stranger.public)},
    }
    assert world.verify_receipt(forged).code == 2
    forged["receipt"]["kid"] = "r1"
    assert world.verify_receipt(forged).code == 2
    plain = {name: forged[name] for name in world.receipt()}
    signature = forged["receipt"]["signature"]
    for kid, code in (("r9", 2), ("r1", 1)):
        assert world.verify_receipt({**plain, "receipt": {"kid": kid, "signature": signature}}).code == code


def test_a_signature_by_another_key_or_over_another_leaf_is_not_genuine(world: World) -> None:
    document = world.receipt()
    for signature in (world.stranger.sign(ENTRIES[5].leaf), world.receipts.sign(ENTRIES[6].leaf), bytes(64), b""):
        document["receipt"]["signature"] = to_base64url(signature)
        verdict = world.verify_receipt(document)
        assert verdict.code == 1
        assert "signature does not fit" in verdict.sentence


def test_a_log_key_signs_no_receipts(world: World) -> None:
    document = world.receipt()
    document["receipt"] = {"kid": world.origin, "signature": to_base64url(world.log.sign(ENTRIES[5].leaf))}
    assert world.verify_receipt(document).code == 2


def test_without_a_trusted_key_nothing_is_said_to_be_false(world: World) -> None:
    verdict = world.verify_receipt(world.receipt(), TrustedKeys())
    assert (verdict.code, verdict.ok) == (2, False)
    verdict = world.verify_receipt(world.receipt(), TrustedKeys({"r1": world.receipts.public}))
    assert verdict.code == 2
    assert "no key of the log" in verdict.sentence
    wrong = TrustedKeys({"r1": world.receipts.public}, {world.origin: ()})
    assert world.verify_receipt(world.receipt(), wrong).code == 2


def test_a_changed_opening_is_not_genuine(world: World) -> None:
    for change in ({"value": "x6"}, {"field": "child"}, {"salt": "A" * 22}, {"salt": "A"}, {"position": 1}):
        document = world.receipt()
        document["openings"][0].update(change)
        verdict = world.verify_receipt(document)
        assert verdict.code == 1
        assert "not the value that was logged" in verdict.sentence
    document = world.receipt()
    document["openings"] *= 2
    assert world.verify_receipt(document).code == 1


def test_a_false_opening_counts_even_when_the_log_is_unknown(world: World) -> None:
    document = world.receipt()
    document["openings"][0]["value"] = "x6"
    assert world.verify_receipt(document, TrustedKeys({"r1": world.receipts.public})).code == 1


def test_the_proof_of_another_entry_is_not_genuine(world: World) -> None:
    verdict = world.verify_receipt({**world.receipt(5), "proof": world.receipt(6)["proof"]})
    assert verdict.code == 1
    assert "not at that place" in verdict.sentence


def test_a_checkpoint_signed_by_a_stranger_is_not_genuine(world: World) -> None:
    path = inclusion_proof(5, 20, GROWN.tiles)
    forged = InclusionProof(5, 20, path, world.note(LEAVES, world.stranger)).text()
    assert world.verify_receipt({**world.receipt(), "proof": forged}).code == 1


def test_a_genuine_signature_over_an_entry_of_a_newer_broker(world: World) -> None:
    leaf = canonical({"v": 2})
    document = {
        **world.receipt(),
        "leaf": to_base64url(leaf),
        "receipt": {"kid": "r1", "signature": to_base64url(world.receipts.sign(leaf))},
    }
    verdict = world.verify_receipt(document)
    assert verdict.code == 2
    assert "cannot read the entry" in verdict.sentence


def test_the_address_of_the_proof_is_of_this_entry_in_a_trusted_log(world: World) -> None:
    whole = world.receipt()
    for proof in (whole["proof"], None):
        for scheme in ("https", "http"):
            at = f"{scheme}://{world.origin}/proofs/e-5"
            assert world.verify_receipt({**whole, "proof": proof, "proofAt": at}).ok
        for at, code in (
            (f"https://{world.origin}/proofs/e-6", 1),
            (f"https://{world.origin}/e-5", 1),
            (f"javascript://{world.origin}/proofs/e-5", 1),
            ("https://elsewhere.example/log/proofs/e-5", 2),
            (f"https://elsewhere.example/{world.origin}/proofs/e-5", 2),
            (None, 2),
            ("", 1),
        ):
            assert world.verify_receipt({**whole, "proof": proof, "proofAt": at}).code == code, at


def test_documents_that_cannot_be_read(world: World) -> None:
    good = world.receipt()
    bad: list[Any] = [{}, {**good, "v": 2}, {**good, "v": True}, {**good, "v": "1"}, {**good, "receipt": None}]
    bad += [{**good, "receipt": "x"}, {**good, "openings": None}, {**good, "openings": "x"}, {**good, "openings": [1]}]
    bad += [{**good, "leaf": None}, {**good, "leaf": "="}, {**good, "proof": 5}, {**good, "proof": ""}]
    bad += [{**good, "openings": [{**good["openings"][0], "position": value}]} for value in (True, "0", None, 0.0)]
    bad += [{**good, "openings": [{**good["openings"][0], "value": value}]} for value in (5, None, ["x"])]
    bad += [{**good, "receipt": {**good["receipt"], "kid": value}} for value in (5, None, ["r1"])]
    bad += [{name: item for name, item in good.items() if name != member} for member in good]
    bad += [None, [], "receipt", 5]
    for document in bad:
        assert world.verify_receipt(document).code == 2, document


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.data())
def test_nothing_in_a_document_makes_the_verifier_raise(world: World, data: st.DataObject) -> None:
    document = copy.deepcopy(world.receipt())
    holder: Any = data.draw(st.sampled_from([document, document["receipt"], document["openings"][0]]))
    holder[data.draw(st.sampled_from(sorted(holder)))] = data.draw(JSON)
    assert world.verify_receipt(document).code in {0, 1, 2}


# --- the whole log ---------------------------------------------------------------------------------------------------


def test_a_genuine_log(world: World) -> None:
    verdict = world.verify_log(world.note(LEAVES), LEAVES)
    assert verdict == world.verify_log(world.note(LEAVES), LEAVES, None)
    assert verdict.sentence == "The log is genuine: all 20 entries are in it as they were logged."
    assert world.verify_log(world.note([]), []).ok


@pytest.mark.parametrize("kept", [0, 1, 8, 13, 19, 20])
def test_a_log_that_grew_honestly(world: World, kept: int) -> None:
    verdict = world.verify_log(world.note(LEAVES), LEAVES, world.note(LEAVES[:kept]))
    assert verdict.ok
    assert f"so do the {kept}" in verdict.sentence


def test_a_changed_entry_under_the_old_checkpoint(world: World) -> None:
    note, earlier = world.note(LEAVES), world.note(LEAVES[:8])
    for index in range(20):
        edited = [*LEAVES[:index], LEAVES[index].replace(b"permitted", b"denied"), *LEAVES[index + 1 :]]
        verdict = world.verify_log(note, edited, earlier)
        assert verdict.code == 1
        assert ("Between index 0 and 7" if index < 8 else "Between index 8 and 19") in verdict.sentence
        assert "Between index 0 and 19" in world.verify_log(note, edited).sentence


def test_the_operator_rewrites_and_signs_again(world: World) -> None:
    earlier = world.note(LEAVES[:8])
    rewritten = {
        "change": [*LEAVES[:3], LEAVES[3] + b" ", *LEAVES[4:]],
        "delete": LEAVES[:3] + LEAVES[4:],
        "insert": [*LEAVES[:3], b"{}", *LEAVES[3:]],
        "reorder": [*LEAVES[:3], LEAVES[4], LEAVES[3], *LEAVES[5:]],
        "replay": [*LEAVES[:3], LEAVES[2], *LEAVES[4:]],
        "swap over the border": [*LEAVES[:7], LEAVES[8], LEAVES[7], *LEAVES[9:]],
    }
    for leaves in rewritten.values():
        assert world.verify_log(world.note(leaves), leaves).ok
        verdict = world.verify_log(world.note(leaves), leaves, earlier)
        assert verdict.code == 1
        assert "Between index 0 and 7" in verdict.sentence


def test_what_came_after_the_kept_checkpoint_cannot_be_known(world: World) -> None:
    leaves = [*LEAVES[:9], LEAVES[9] + b" ", *LEAVES[10:]]
    assert world.verify_log(world.note(leaves), leaves, world.note(LEAVES[:8])).ok


def test_rollback_to_an_old_copy(world: World) -> None:
    verdict = world.verify_log(world.note(LEAVES[:8]), LEAVES[:8], world.note(LEAVES))
    assert verdict.code == 1
    assert verdict.sentence == "The log was rolled back: it had 20 entries and now says that it has 8."


def test_fork_at_the_same_size(world: World) -> None:
    other = [*LEAVES[:19], b"{}"]
    verdict = world.verify_log(world.note(other), other, world.note(LEAVES))
    assert verdict.code == 1
    assert "two faces" in verdict.sentence


def test_truncated_leaves(world: World) -> None:
    for kept in range(20):
        verdict = world.verify_log(world.note(LEAVES), LEAVES[:kept], world.note(LEAVES[:8]))
        assert verdict.code == 1
        assert f"none is left for index {kept}," in verdict.sentence


def test_leaves_beyond_the_checkpoint(world: World) -> None:
    verdict = world.verify_log(world.note(LEAVES[:19]), LEAVES)
    assert verdict.code == 1
    assert "index 19 is beyond the checkpoint of 19 entries" in verdict.sentence
    assert world.verify_log(world.note([]), LEAVES).code == 1


def test_an_endless_bundle_is_not_read_to_its_end(world: World) -> None:
    verdict = verify_log(world.note(LEAVES), itertools.repeat(b"{}"), None, world.trusted, world.log.check)
    assert verdict.code == 1


def test_checkpoints_that_a_stranger_signed(world: World) -> None:
    good, forged = world.note(LEAVES), world.note(LEAVES, world.stranger)
    assert world.verify_log(forged, LEAVES).code == 1
    assert world.verify_log(good, LEAVES, world.note(LEAVES[:8], world.stranger)).code == 1
    assert world.verify_log(good, LEAVES, None, TrustedKeys()).code == 2
    assert world.verify_log(good, LEAVES, None, TrustedKeys({world.origin: world.log.public})).code == 2


def test_checkpoints_that_cannot_be_read_or_compared(world: World) -> None:
    good = world.note(LEAVES)
    for text in ("", "x", good[:-1], good.replace("20", "020"), good + "\n"):
        assert world.verify_log(text, LEAVES).code == 2
        assert world.verify_log(good, LEAVES, text).code == 2
    other = "other.example/log"
    foreign = sign_note(Checkpoint(other, 0, EMPTY_ROOT), other, world.log.public, world.log.sign)
    trusted = TrustedKeys({}, {world.origin: world.log.public, other: world.log.public})
    verdict = world.verify_log(good, LEAVES, foreign, trusted)
    assert verdict.code == 2
    assert "different logs" in verdict.sentence


def test_a_cosignature_does_not_stand_in_for_the_logs_own(world: World) -> None:
    body = Checkpoint(world.origin, 20, GROWN.root).body()
    line = to_base64(key_hash("witness.example", world.stranger.public) + world.stranger.sign(body))
    note = f"{body.decode()}\n\u2014 witness.example {line}\n"
    trusted = TrustedKeys({}, {world.origin: world.log.public, "witness.example": world.stranger.public})
    assert world.verify_log(note, LEAVES, None, trusted).code == 1


def test_ten_thousand_leaves_take_no_time_to_speak_of(world: World) -> None:
    leaves = [LEAVES[5] + str(number).encode() for number in range(10_000)]
    note, earlier = world.note(leaves), world.note(leaves[:5000])
    start = time.perf_counter()
    assert world.verify_log(note, leaves, earlier).ok
    assert time.perf_counter() - start < 5  # about a tenth of a second; `make bench` keeps the figure
