"""A running log checked from outside with hashes alone: it is what its checkpoint says, and it only grew.

Whatever the address answers is believed only when it gives the signed root. No leaf and nothing personal is asked for.

Source: C2SP tlog-checkpoint and tlog-tiles.
"""

from collections.abc import Callable

from broker.errors import Tampered, Words
from broker.transparency.checkpoints import Checkpoint, SignatureCheck, open_note, parse_checkpoint, parse_note
from broker.transparency.merkle import HASH_BYTES, RunningRoot, root_of
from broker.transparency.policies import WitnessPolicy
from broker.transparency.tiles import WIDTH, tile_path
from broker.transparency.verdicts import GENUINE, NOT_CHECKED, NOT_GENUINE, TrustedKeys, Verdict
from broker.transparency.verifier import verify_cosigned

Fetch = Callable[[str, int], bytes]
"""Path below the log's address, most bytes to take: what is there. Raises OSError when it cannot be had."""
Tick = Callable[[int, int], None]
"""How many entries were checked, of how many."""
LONGEST_NOTE = 1 << 16


def verify_address(
    origin: str,
    fetch: Fetch,
    earlier: str | None,
    trusted: TrustedKeys,
    check: SignatureCheck,
    tick: Tick = lambda done, of: None,
    witnesses: WitnessPolicy | None = None,
) -> Verdict:
    """Say whether the log at an address is what it signs, and extends the `earlier` checkpoint that somebody kept.

    1. Checkpoints are of this very log (`origin`: the address without its scheme), signed by a trusted key.
    2. The tiles of the leaves have the size that belongs to them, and give the root; the first of them the earlier root.
    3. The tiles above them, which proofs are made of, hold the roots of those below.
    4. With `witnesses`, enough of them cosigned a checkpoint of this log, and its root is that of the first leaves too.
    """
    if not trusted.logs.get(origin):
        return Verdict(_NO_KEY, NOT_CHECKED)
    try:
        seen = fetch("cosigned-checkpoint", LONGEST_NOTE).decode() if witnesses is not None else None
        note = fetch("checkpoint", LONGEST_NOTE).decode()  # after it: this one is never the smaller
        for text in (note, seen or note):
            parse_checkpoint(parse_note(text).body)
    except (OSError, UnicodeDecodeError, Tampered):
        return Verdict(_NO_ANSWER, NOT_CHECKED)
    try:
        new = open_note(note, origin, trusted.logs, check)  # 1
        old = new if earlier is None else open_note(earlier, origin, trusted.logs, check)
        cosigned = open_note(seen or note, origin, trusted.logs, check)
        verdict = _compare(new, old, cosigned, fetch, tick)  # 2, 3
    except Tampered as error:
        return Verdict(error.words, NOT_GENUINE)
    except OSError:
        return Verdict(_NO_ANSWER, NOT_CHECKED)
    if witnesses is None or seen is None or not verdict.ok:
        return verdict
    return with_witnesses(verdict, seen, witnesses, trusted, check)  # 4


def with_witnesses(
    verdict: Verdict, note: str, witnesses: WitnessPolicy, trusted: TrustedKeys, check: SignatureCheck
) -> Verdict:
    """A good verdict on what a checkpoint covers, with what witnesses say of that checkpoint."""
    cosigned = verify_cosigned(note, witnesses, trusted, check)
    if not verdict.ok or not cosigned.ok:
        return cosigned if verdict.ok else verdict
    words = Words(f"{verdict.words.nl} {cosigned.words.nl}", f"{verdict.words.en} {cosigned.words.en}")
    return Verdict(words, GENUINE)


def _compare(new: Checkpoint, old: Checkpoint, cosigned: Checkpoint, fetch: Fetch, tick: Tick) -> Verdict:
    if max(old.size, cosigned.size) > new.size:
        return Verdict(_ROLLED_BACK, NOT_GENUINE)
    above = _Above(fetch)
    roots = _roots(new.size, {old.size, cosigned.size, new.size}, fetch, above, tick)
    if roots is None:
        return Verdict(_NOT_SO, NOT_GENUINE)
    for checkpoint, wrong in ((new, _NOT_SO), (old, _REWRITTEN), (cosigned, _OTHER_HISTORY)):
        if roots[checkpoint.size] != checkpoint.root:
            return Verdict(wrong, NOT_GENUINE)
    if not above.same():
        return Verdict(_OTHER_TREE, NOT_GENUINE)
    return Verdict(
        Words(
            f"Het logboek {new.origin} is wat het ondertekende: {new.size} regels, ook de eerste {old.size}.",
            f"The log {new.origin} is what it signed: {new.size} entries, and so are the first {old.size}.",
        ),
        GENUINE,
    )


def _roots(size: int, wanted: set[int], fetch: Fetch, above: "_Above", tick: Tick) -> dict[int, bytes] | None:
    """The roots of the trees of these sizes; None for a tile that has not the size that belongs to it."""
    running = RunningRoot()
    roots = {0: running.root()}
    for n in range(-(-size // WIDTH)):
        width = min(WIDTH, size - n * WIDTH)
        data = fetch(tile_path(0, n, width), WIDTH * HASH_BYTES)
        if len(data) != width * HASH_BYTES:
            return None
        for at in range(0, len(data), HASH_BYTES):
            running.append(data[at : at + HASH_BYTES])
            if running.size in wanted:
                roots[running.size] = running.root()
        if width == WIDTH:
            above.take(data)
        tick(running.size, size)
    return roots


class _Above:
    """The tiles above those of the leaves, each compared with what the tiles below it give."""

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._rows: list[bytearray] = []
        self._full: list[int] = []
        self._other = False

    def take(self, tile: bytes, level: int = 1) -> None:
        """Go on with a full tile of the level below. Raises OSError when one that is full now cannot be had."""
        if len(self._rows) < level:
            self._rows.append(bytearray())
            self._full.append(0)
        row = self._rows[level - 1]
        row += root_of(tile[at : at + HASH_BYTES] for at in range(0, len(tile), HASH_BYTES))
        if len(row) == WIDTH * HASH_BYTES:
            full = bytes(row)
            self._compare(level, full)
            row.clear()
            self._full[level - 1] += 1
            self.take(full, level + 1)

    def same(self) -> bool:
        """Whether all of them are the same, with the last of each level, which are not full. Raises OSError as above."""
        for level, row in enumerate(self._rows, 1):
            if row:
                self._compare(level, bytes(row))
        return not self._other

    def _compare(self, level: int, hashes: bytes) -> None:
        path = tile_path(level, self._full[level - 1], len(hashes) // HASH_BYTES)
        self._other = self._other or self._fetch(path, WIDTH * HASH_BYTES) != hashes


_NO_KEY = Words(
    "U vertrouwt geen sleutel van het logboek op dit adres; geef --keys.",
    "You trust no key of the log at this address: give --keys.",
)
_NO_ANSWER = Words(
    "Op dit adres antwoordt geen logboek; het is niet nagegaan.",
    "No log answers at this address, so it could not be checked.",
)
_ROLLED_BACK = Words(
    "Het logboek is teruggedraaid: het had meer regels toen u het controlepunt bewaarde.",
    "The log was rolled back: it had more entries when you kept your checkpoint.",
)
_NOT_SO = Words(
    "Het logboek is niet echt: zijn regels geven niet de wortel die het ondertekende.",
    "The log is not genuine: its entries do not give the root that it signed.",
)
_REWRITTEN = Words(
    "Het logboek is niet echt: sinds uw controlepunt is een regel van daarvoor veranderd.",
    "The log is not genuine: an entry from before your checkpoint was changed since.",
)
_OTHER_TREE = Words(
    "De regels kloppen, maar de boom waar bewijzen van gemaakt worden is beschadigd of veranderd.",
    "The entries hold, but the tree that proofs are made of is damaged or was changed.",
)
_OTHER_HISTORY = Words(
    "Het logboek is niet echt: getuigen ondertekenden een andere geschiedenis van dit logboek.",
    "The log is not genuine: witnesses cosigned another history of this log.",
)
