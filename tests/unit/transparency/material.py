"""A small log with everything that is handed out of it, so that every single bit can be tried."""

import io
import itertools
import json
from datetime import UTC, datetime
from typing import Any

from broker.crypto.encoding import b64url
from broker.domain.events import EntryId, EventType, LogEvent, Personal
from broker.transparency import bundles
from broker.transparency.bundles import ENTRIES, FIRST, GROWTH, LAST, MANIFEST, Bundled
from broker.transparency.canonical import to_base64url
from broker.transparency.checkpoints import COSIGNATURE, Checkpoint, parse_note, sign_note, verifier_key
from broker.transparency.cosignatures import cosign
from broker.transparency.entries import encode
from broker.transparency.merkle import root_of
from broker.transparency.policies import parse_policy
from broker.transparency.proofs import InclusionProof
from broker.transparency.tiles import consistency_proof, extend, inclusion_proof, peaks
from broker.transparency.verdicts import TrustedKeys
from broker.transparency.zips import Packing
from tests.unit.transparency.conftest import _signer

ORIGIN = "a.nl/log"
LOG, RECEIPTS, FIRST_WITNESS, SECOND_WITNESS = (_signer(seed) for seed in (1, 2, 4, 5))
TRUSTED = TrustedKeys({"r1": RECEIPTS.public}, {ORIGIN: LOG.public})
AT = datetime(2026, 3, 29, tzinfo=UTC)
_SALTS = itertools.count()
LOGGED = [
    encode(
        LogEvent(EventType.KEYS_CHANGED, AT, personal=(Personal("p", "by", f"Zo\u00eb {n}"),)),
        EntryId(f"e{n}"),
        lambda: next(_SALTS).to_bytes(16, "big"),
    )
    for n in range(3)
]
OLD, SIZE = 1, len(LOGGED)
TREE = extend(0, {}, [entry.leaf_hash for entry in LOGGED])

WITNESSES = {"w.nl": FIRST_WITNESS, "x.nl": SECOND_WITNESS}
POLICY = parse_policy(
    "".join(f"witness {name} {verifier_key(name, key.public, COSIGNATURE)}\n" for name, key in WITNESSES.items())
    + f"log {verifier_key(ORIGIN, LOG.public)}\ngroup both all w.nl x.nl\nquorum both\n"
)
KEYS = json.dumps(
    {"logs": [verifier_key(ORIGIN, LOG.public)], "receipts": {"r1": b64url(RECEIPTS.public)}, "records": {}}
).encode()


def note(size: int) -> str:
    """The signed checkpoint of that many entries."""
    checkpoint = Checkpoint(ORIGIN, size, root_of(entry.leaf_hash for entry in LOGGED[:size]))
    return sign_note(checkpoint, ORIGIN, LOG.public, LOG.sign)


def cosigned_note(size: int = SIZE) -> str:
    """The same, with two witnesses."""
    body = parse_note(note(size)).body
    lines = [cosign(body, name, key.public, 1_700_000_000, key.sign) for name, key in WITNESSES.items()]
    return note(size) + "".join(f"{line}\n" for line in lines)


def proof(index: int = 1, carried: str = "") -> InclusionProof:
    """That an entry is in the log."""
    return InclusionProof(index, SIZE, inclusion_proof(index, SIZE, TREE.tiles), carried or note(SIZE))


def receipt(index: int = 1, carried: str = "", *, at: bool = True) -> dict[str, Any]:
    """Of one entry, with its proof."""
    entry = LOGGED[index]
    document = {
        "v": 1,
        "leaf": to_base64url(entry.leaf),
        "receipt": {"kid": "r1", "signature": to_base64url(RECEIPTS.sign(entry.leaf))},
        "proof": proof(index, carried).text(),
        "openings": bundles.openings_json(entry.openings),
    }
    return {**document, "proofAt": f"https://{ORIGIN}/proofs/{entry.id}"} if at else document


def family_bundle() -> dict[str, Any]:
    """Two entries, of which one had no place yet."""
    entries = [receipt(0, at=False), {**receipt(2, at=False), "proof": None}]
    return {"v": 1, "kind": bundles.FAMILY, "entries": entries}


def parts() -> dict[str, bytes]:
    """The members of an officer's bundle: two entries, of one of which a value was erased."""
    lines = [
        bundles.line_of(Bundled(n, entry.leaf, "r1", RECEIPTS.sign(entry.leaf), entry.openings[n == OLD :]))
        for n, entry in enumerate(LOGGED)
        if n >= OLD
    ]
    return {
        ENTRIES: b"".join(lines),
        MANIFEST: bundles.manifest_of(["r1"]),
        GROWTH: bundles.growth_of(peaks(OLD, TREE.tiles), consistency_proof(OLD, SIZE, TREE.tiles)),
        LAST: note(SIZE).encode(),
        FIRST: note(OLD).encode(),
    }


def officers_bundle(members: dict[str, bytes] | None = None) -> bytes:
    """Packed."""
    file = io.BytesIO()
    packing = Packing(file.write)
    for name, data in (parts() if members is None else members).items():
        packing.add(name, data)
    packing.close()
    return file.getvalue()
