"""A proof file shows, without asking anybody, that one leaf is in the log whose checkpoint it carries.

- Source: C2SP tlog-proof (`c2sp.org/tlog-proof@v1`); the hashes follow RFC 9162 section 2.1.3.
- Narrower than C2SP on purpose: no `extra` line, which nothing would authenticate.
"""

import re
from dataclasses import dataclass

from broker.errors import Tampered, Words
from broker.transparency.canonical import from_base64, to_base64
from broker.transparency.checkpoints import (
    Checkpoint,
    SignatureCheck,
    Verifiers,
    open_note,
    parse_checkpoint,
    parse_note,
)
from broker.transparency.merkle import HASH_BYTES, verify_inclusion

FORMAT = "c2sp.org/tlog-proof@v1"
MOST_HASHES = 63
"""A log has fewer than 2**63 leaves, so no leaf has more ancestors."""

_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)
_NOT_A_PROOF = Words(
    "Dit is geen bewijs van opname in de afgesproken vorm.",
    "This is not a proof of inclusion in the agreed form.",
)
_NOT_INCLUDED = Words(
    "Het bewijs klopt niet: deze regel staat niet op die plaats in dit logboek.",
    "The proof does not hold: this entry is not at that place in this log.",
)


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """Leaf `index` of `size`, the hashes from its sibling up to the root's child, and the checkpoint's signed note.

    Well-formed, *not checked*: see `check_proof`. Raises Tampered for parts that do not fit each other.
    """

    index: int
    size: int
    hashes: tuple[bytes, ...]
    note: str

    def __post_init__(self) -> None:
        """Refuse an index outside the tree, a size other than the checkpoint's, and anything but 32-byte hashes."""
        fits = 0 <= self.index < self.size and len(self.hashes) <= MOST_HASHES
        if not fits or any(len(hashed) != HASH_BYTES for hashed in self.hashes) or self.checkpoint().size != self.size:
            raise Tampered(_NOT_A_PROOF)

    def checkpoint(self) -> Checkpoint:
        """Return what the note says, *not checked*: to find out which log's key to check it with."""
        return parse_checkpoint(parse_note(self.note).body)

    def text(self) -> str:
        """Return the contents of a `.tlog-proof` file (C2SP tlog-proof, "Format")."""
        hashes = "".join(f"{to_base64(hashed)}\n" for hashed in self.hashes)
        return f"{FORMAT}\nindex {self.index}\n{hashes}\n{self.note}"


def parse_proof(text: str) -> InclusionProof:
    """Return the proof in a `.tlog-proof` file, *not checked* (C2SP tlog-proof, "Format").

    Raises Tampered for every text that `InclusionProof.text` would not have written.
    """
    head, _, note = text.partition("\n\n")
    lines = head.split("\n")
    index = _INDEX.fullmatch(lines[1]) if len(lines) > 1 else None
    if lines[0] != FORMAT or index is None:
        raise Tampered(_NOT_A_PROOF)
    try:
        hashes = tuple(from_base64(line) for line in lines[2:])
    except ValueError as error:
        raise Tampered(_NOT_A_PROOF) from error
    return InclusionProof(int(index[1]), parse_checkpoint(parse_note(note).body).size, hashes, note)


def check_proof(
    leaf_hash: bytes, proof: InclusionProof, origin: str, verifiers: Verifiers, check: SignatureCheck
) -> Checkpoint:
    """Return the checkpoint that covers this leaf.

    1. The checkpoint is of the log `origin` and signed by a key trusted for it.
    2. The hashes lead from the leaf to the checkpoint's root.

    Source: C2SP tlog-proof, "Verifying a tlog proof". Raises Tampered, saying which of the two went wrong.
    """
    checkpoint = open_note(proof.note, origin, verifiers, check)  # 1
    if not verify_inclusion(leaf_hash, proof.index, checkpoint.size, proof.hashes, checkpoint.root):
        raise Tampered(_NOT_INCLUDED)  # 2
    return checkpoint
