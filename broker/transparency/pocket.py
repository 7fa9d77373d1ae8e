"""A receipt that fits in a QR on paper: the signed leaves themselves, packed; nothing personal is in them but digests.

- What is checked is the broker's signature over each leaf, byte for byte as in the log; openings stay at home.
- Form: `1.` and base64url of raw DEFLATE (RFC 1951) of lines: the key's id, then per entry its signature in base64url and
  its leaf (canonical JSON, which holds no line break).
- `pages/verify.html` reads the same, offline; a whole proof, with its place in the log, is the family's bundle.
"""

import zlib
from collections.abc import Sequence

from broker.domain.stores import StoredEntry
from broker.errors import Words
from broker.transparency.canonical import from_base64url, to_base64url
from broker.transparency.checkpoints import SignatureCheck
from broker.transparency.verdicts import NOT_CHECKED, TrustedKeys, Verdict
from broker.transparency.verifier import verify_receipt

FORM = "1."
FITS = 1190
"""Signs of one pocket receipt at most: with its address they are 1,273, a QR of version 25, level L (ISO/IEC 18004, table 7)."""
_UNPACKED = 32_768
_UNREADABLE = Words("Dit is geen ontvangstbewijs van papier.", "This is no receipt from paper.")


def pocket_receipts(entries: Sequence[StoredEntry]) -> tuple[str, ...]:
    """Each as many of these entries as fit in one QR, in their order; one entry alone always makes one."""
    packed: list[str] = []
    rest = list(entries)
    while rest:
        number = max(1, next((n for n in range(len(rest), 0, -1) if len(_packed(rest[:n])) <= FITS), 1))
        packed.append(_packed(rest[:number]))
        rest = rest[number:]
    return tuple(packed)


def _packed(entries: Sequence[StoredEntry]) -> str:
    """Entries of one key; those of another key are left out: a receipt is signed in one go."""
    kid = entries[0].receipt.kid
    lines = [kid.encode()]
    for entry in entries:
        if entry.receipt.kid == kid:
            lines += [to_base64url(entry.receipt.signature).encode(), entry.leaf]
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return FORM + to_base64url(packer.compress(b"\n".join(lines)) + packer.flush())


def unpacked(text: str) -> list[dict[str, object]]:
    """The receipts in it, as `verify_receipt` takes them, without openings or proof. Raises ValueError for anything else."""
    if not text.startswith(FORM) or len(text) > _UNPACKED:
        raise ValueError("another form")
    unpacker = zlib.decompressobj(-15)
    try:
        raw = unpacker.decompress(from_base64url(text.removeprefix(FORM)), _UNPACKED)
    except zlib.error as error:
        raise ValueError("not packed like this") from error
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("too long, or cut off")
    kid, *lines = raw.decode().split("\n")
    if not lines or len(lines) % 2:
        raise ValueError("not in pairs")
    pairs = zip(lines[::2], lines[1::2], strict=True)
    return [
        {
            "v": 1,
            "leaf": to_base64url(leaf.encode()),
            "receipt": {"kid": kid, "signature": signature},
            "proof": None,
            "openings": [],
        }
        for signature, leaf in pairs
    ]


def verify_pocket(text: str, trusted: TrustedKeys, check: SignatureCheck) -> Verdict:
    """Say whether the broker signed everything in a pocket receipt. Never raises."""
    try:
        receipts = unpacked(text)
    except ValueError:
        return Verdict(_UNREADABLE, NOT_CHECKED)
    verdicts = [verify_receipt(receipt, trusted, check) for receipt in receipts]
    return next((verdict for verdict in verdicts if not verdict.ok), verdicts[0])
