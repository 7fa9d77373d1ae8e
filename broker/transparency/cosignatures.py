"""A cosignature that holds says: at this moment, that witness had seen no longer tree of this log than this one.

- Source: C2SP tlog-cosignature, the Ed25519 type (0x04): time and signature over the time and the checkpoint's text.
- The signed message does not hold the witness's name, so a key serves one witness only.
- A submission is what a log sends to a witness (C2SP tlog-witness, "add-checkpoint").
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from broker.errors import Tampered, Words
from broker.transparency.canonical import from_base64, to_base64
from broker.transparency.checkpoints import (
    COSIGNATURE,
    NoteSignature,
    SignatureCheck,
    SignedNote,
    key_hash,
    parse_note,
    parse_signature,
    signature_line,
)
from broker.transparency.merkle import HASH_BYTES

LATEST_TIME = 2**63 - 1
MOST_HASHES = 63
SUBMISSION_BYTES = 65_536
"""A submission with every hash and signature that it may hold is far smaller."""
SIZE_TYPE = "text/x.tlog.size"
"""The media type of a witness's answer that says how long a tree it has seen."""

_TIME_BYTES, _SIGNATURE_BYTES = 8, 64
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})", re.ASCII)
_SIZE = re.compile(r"(0|[1-9][0-9]{0,18})\n", re.ASCII)
_NOT_A_SUBMISSION = Words(
    "Dit is geen aanvraag aan een getuige in de afgesproken vorm.",
    "This is not a request to a witness in the agreed form.",
)
_NOT_AN_ANSWER = Words(
    "Het antwoord van de getuige heeft niet de afgesproken vorm.",
    "The answer of the witness does not have the agreed form.",
)


@dataclass(frozen=True, slots=True)
class Submission:
    """`old` leaves that the witness saw, the proof that the checkpoint's tree begins with them, and the checkpoint.

    `note` holds the checkpoint and its signatures; well-formed, *not checked*.
    """

    old: int
    proof: tuple[bytes, ...]
    note: str

    def text(self) -> str:
        """Return the request's body (C2SP tlog-witness, "add-checkpoint")."""
        hashes = "".join(f"{to_base64(hashed)}\n" for hashed in self.proof)
        return f"old {self.old}\n{hashes}\n{self.note}"


def parse_submission(body: bytes) -> tuple[Submission, SignedNote]:
    """Return a submission, and its note taken apart, *not checked*.

    Raises Tampered for every body that `Submission.text` would not have written.
    """
    try:
        head, _, note = body.decode().partition("\n\n")
        lines = head.split("\n")
        old = _OLD.fullmatch(lines[0])
        proof = tuple(from_base64(line) for line in lines[1:])
        if old is None or len(proof) > MOST_HASHES or any(len(hashed) != HASH_BYTES for hashed in proof):
            raise ValueError("not a size, or not at most 63 hashes")
        parsed = parse_note(note)
    except ValueError as error:
        raise Tampered(_NOT_A_SUBMISSION) from error
    return Submission(int(old[1]), proof, note), parsed


def size_answer(size: int) -> str:
    """Return the body of an answer that says how long a tree the witness has seen."""
    return f"{size}\n"


def parse_size_answer(text: str) -> int:
    """Return the size. Raises Tampered for every text that `size_answer` would not have written."""
    found = _SIZE.fullmatch(text)
    if found is None or int(found[1]) > LATEST_TIME:
        raise Tampered(_NOT_AN_ANSWER)
    return int(found[1])


def parse_cosignatures(text: str) -> tuple[NoteSignature, ...]:
    """Return the lines of a witness's answer, *not checked*. Raises Tampered unless it is one line or a few."""
    if not text.endswith("\n") or text.count("\n") > MOST_HASHES:
        raise Tampered(_NOT_AN_ANSWER)
    return tuple(parse_signature(line) for line in text[:-1].split("\n"))


def cosigned_message(body: bytes, time: int) -> bytes:
    """Return what a witness signs: two lines and the checkpoint's text (C2SP, "Ed25519 signed message")."""
    return f"cosignature/v1\ntime {time}\n".encode() + body


def cosign(body: bytes, name: str, public_key: bytes, time: int, sign: Callable[[bytes], bytes]) -> str:
    """Return the cosignature's line, without its newline. `time` is in seconds since 1970 and above zero.

    Raises ValueError for another time, and where `key_hash` does.
    """
    if not 0 < time <= LATEST_TIME:
        raise ValueError("not the time of a cosignature")
    signature = sign(cosigned_message(body, time))
    if len(signature) != _SIGNATURE_BYTES:
        raise ValueError("an Ed25519 signature has 64 bytes")
    stamped = time.to_bytes(_TIME_BYTES, "big") + signature
    return signature_line(NoteSignature(name, key_hash(name, public_key, COSIGNATURE), stamped))


def is_by(line: NoteSignature, name: str, public_key: bytes) -> bool:
    """Whether a line says that it is by this witness: its name *and* the id of its key."""
    return line.name == name and line.key_id == key_hash(name, public_key, COSIGNATURE)


def cosigned_at(line: NoteSignature, body: bytes, public_key: bytes, check: SignatureCheck) -> int | None:
    """Return the time of a cosignature that holds, in seconds since 1970; None for one that does not."""
    if len(line.signature) != _TIME_BYTES + _SIGNATURE_BYTES:
        return None
    time = int.from_bytes(line.signature[:_TIME_BYTES], "big")
    if not 0 < time <= LATEST_TIME:
        return None
    return time if check(public_key, line.signature[_TIME_BYTES:], cosigned_message(body, time)) else None
