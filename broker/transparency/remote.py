"""A running log checked from outside with hashes alone: it is what its checkpoint says, and it only grew.

Whatever the address answers is believed only when it gives the signed root. No leaf and nothing personal is asked for.

Source: C2SP tlog-checkpoint and tlog-tiles.
"""

from collections.abc import Callable

from broker.errors import Tampered, Words
from broker.transparency.checkpoints import Checkpoint, SignatureCheck, open_note, parse_checkpoint, parse_note
from broker.transparency.merkle import HASH_BYTES, RunningRoot
from broker.transparency.tiles import WIDTH, tile_path
from broker.transparency.verifier import GENUINE, NOT_CHECKED, NOT_GENUINE, TrustedKeys, Verdict

Fetch = Callable[[str, int], bytes]
"""Path below the log's address, most bytes to take: what is there. Raises OSError when it cannot be had."""
LONGEST_NOTE = 1 << 16


def verify_address(
    origin: str,
    fetch: Fetch,
    earlier: str | None,
    trusted: TrustedKeys,
    check: SignatureCheck,
    tick: Callable[[int], None] = lambda _: None,
) -> Verdict:
    """Say whether the log at an address is what it signs, and extends the `earlier` checkpoint that somebody kept.

    1. Checkpoints are of this very log (`origin`: the address without its scheme), signed by a trusted key.
    2. The tiles of the leaves have the size that belongs to them, and give the root; the first of them the earlier root.
    """
    if not trusted.logs.get(origin):
        return Verdict(_NO_KEY, NOT_CHECKED)
    try:
        note = fetch("checkpoint", LONGEST_NOTE).decode()
        parse_checkpoint(parse_note(note).body)
    except (OSError, UnicodeDecodeError, Tampered):
        return Verdict(_NO_ANSWER, NOT_CHECKED)
    try:
        new = open_note(note, origin, trusted.logs, check)  # 1
        old = new if earlier is None else open_note(earlier, origin, trusted.logs, check)
        return _compare(new, old, fetch, tick)  # 2
    except Tampered as error:
        return Verdict(error.words, NOT_GENUINE)
    except OSError:
        return Verdict(_NO_ANSWER, NOT_CHECKED)


def _compare(new: Checkpoint, old: Checkpoint, fetch: Fetch, tick: Callable[[int], None]) -> Verdict:
    if old.size > new.size:
        return Verdict(_ROLLED_BACK, NOT_GENUINE)
    running, earlier_root = RunningRoot(), RunningRoot().root()
    for n in range(-(-new.size // WIDTH)):
        width = min(WIDTH, new.size - n * WIDTH)
        data = fetch(tile_path(0, n, width), WIDTH * HASH_BYTES)
        if len(data) != width * HASH_BYTES:
            return Verdict(_NOT_SO, NOT_GENUINE)
        for at in range(0, len(data), HASH_BYTES):
            running.append(data[at : at + HASH_BYTES])
            if running.size == old.size:
                earlier_root = running.root()
        tick(width)
    if running.root() != new.root:
        return Verdict(_NOT_SO, NOT_GENUINE)
    if earlier_root != old.root:
        return Verdict(_REWRITTEN, NOT_GENUINE)
    return Verdict(
        Words(
            f"Het logboek {new.origin} is wat het ondertekende: {new.size} regels, ook de eerste {old.size}.",
            f"The log {new.origin} is what it signed: {new.size} entries, and so are the first {old.size}.",
        ),
        GENUINE,
    )


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
