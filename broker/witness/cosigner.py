"""The witness itself: it never cosigned two checkpoints of one log that are not on one line.

- Source: C2SP tlog-witness, "add-checkpoint"; which answer stands where is said beside each step.
- It knows the logs by keys that its owner gave it, and nothing else of what comes in is believed.
- A size gets one cosignature, ever: who asks again gets the same line. It was kept before it first left.
- One request at a time: nothing here waits, so checking and keeping cannot be torn apart.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from broker.errors import Tampered
from broker.transparency.checkpoints import (
    COSIGNATURE,
    Checkpoint,
    SignatureCheck,
    SignedNote,
    Verifiers,
    open_note,
    parse_checkpoint,
    signature_line,
    verifier_key,
)
from broker.transparency.cosignatures import LATEST_TIME, SIZE_TYPE, Submission, cosign, parse_submission, size_answer
from broker.transparency.merkle import EMPTY_ROOT, verify_consistency
from broker.witness.memory import Memory, Seen

TEXT = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: an HTTP status, a media type and a body."""

    status: int
    kind: str
    body: str


@dataclass(frozen=True, slots=True)
class Signer:
    """The witness's name and key; `sign` makes the Ed25519 signature."""

    name: str
    public_key: bytes
    sign: Callable[[bytes], bytes]

    @property
    def verifier_key(self) -> str:
        """What the log's operator and every verifier need to know of it (C2SP signed-note, "Verifier keys")."""
        return verifier_key(self.name, self.public_key, COSIGNATURE)


class Cosigner:
    """One witness. `now` gives seconds since 1970."""

    def __init__(
        self, signer: Signer, logs: Verifiers, memory: Memory, check: SignatureCheck, now: Callable[[], int]
    ) -> None:
        self._signer = signer
        self._logs = logs
        self._memory = memory
        self._check = check
        self._now = now

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign what extends the longest tree seen of its log; refuse everything else.

        Raises Unavailable when what was cosigned could not be kept: then it does not leave.
        """
        try:
            submission, note = parse_submission(body)
        except Tampered as error:
            return Answer(400, TEXT, f"{error.words.en}\n")
        try:
            checkpoint = parse_checkpoint(note.body)
        except Tampered as error:
            empty = note.body.split(b"\n")[1:2] == [b"0"]  # a tree of no leaves has one root
            return Answer(422 if empty else 400, TEXT, f"{error.words.en}\n")
        if not self._logs.get(checkpoint.origin):
            return Answer(404, TEXT, "This witness does not know that log.\n")
        try:
            open_note(submission.note, checkpoint.origin, self._logs, self._check)
        except Tampered as error:
            return Answer(403, TEXT, f"{error.words.en}\n")
        if submission.old > checkpoint.size:
            return Answer(400, TEXT, "The old size is beyond the checkpoint.\n")
        return self._weigh(submission, note, checkpoint)

    def _weigh(self, submission: Submission, note: SignedNote, new: Checkpoint) -> Answer:
        seen = self._memory.of(new.origin)
        old_size, old_root = (seen.checkpoint.size, seen.checkpoint.root) if seen else (0, EMPTY_ROOT)
        if submission.old != old_size:
            return Answer(409, SIZE_TYPE, size_answer(old_size))
        if not verify_consistency(old_size, new.size, old_root, new.root, submission.proof):
            return Answer(422, TEXT, "That tree does not extend the one that this witness cosigned.\n")
        if seen is None or new.size > old_size:
            seen = self._cosigned(note, new, seen)
        return Answer(200, TEXT, f"{seen.line}\n")

    def _cosigned(self, note: SignedNote, new: Checkpoint, before: Seen | None) -> Seen:
        time = min(max(self._now(), 1, before.time if before else 1), LATEST_TIME)
        line = cosign(note.body, self._signer.name, self._signer.public_key, time, self._signer.sign)
        own = [signature for signature in note.signatures if signature.name == new.origin]
        lines = "".join(f"{signature_line(signature)}\n" for signature in own)  # what others signed is their word
        seen = Seen(f"{note.body.decode()}\n{lines}", line, time)
        self._memory.keep(new.origin, seen)
        return seen

    def checkpoint(self, origin_hash: str) -> Answer:
        """The longest tree seen of a log, by the SHA-256 of its origin in hex: the checkpoint with its cosignature.

        Source: C2SP tlog-witness, "Monitor Retrieval Mechanism".
        """
        for origin in self._logs:
            if hashlib.sha256(origin.encode()).hexdigest() == origin_hash:
                seen = self._memory.of(origin)
                if seen is not None:
                    return Answer(200, TEXT, f"{seen.note}{seen.line}\n")
        return Answer(404, TEXT, "This witness has cosigned nothing of that log.\n")
