"""A bundle made from a log that was changed is not called genuine, nor is one that was changed after it was made.

- The officer's bundle is a zip (`zips.py`) of a few named members; every byte of it is canonical and is checked. Nothing
  in it is believed that a signature, a digest or the tree does not carry. Entries are read one by one.
- The family's is JSON: a list of receipts with their proofs, each checked by itself.
- A position that is neither opened nor named as erased is a fault.

Source: RFC 9162 sections 2.1.1 and 2.1.4; `docs/decisions/0021-bundles-and-exports.md`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from broker.domain.events import Opening
from broker.errors import Tampered, Words
from broker.transparency import zips
from broker.transparency.canonical import canonical, from_base64url, parse_canonical, to_base64url
from broker.transparency.checkpoints import Checkpoint, SignatureCheck, open_note, parse_checkpoint, parse_note
from broker.transparency.entries import decode, opened
from broker.transparency.merkle import HASH_BYTES, RunningRoot, leaf_hash, verify_consistency
from broker.transparency.policies import WitnessPolicy
from broker.transparency.verdicts import GENUINE, NOT_CHECKED, NOT_GENUINE, TrustedKeys, Verdict
from broker.transparency.verifier import verify_receipt

OFFICER, FAMILY = "rondom-log-bundle", "rondom-family-bundle"
MANIFEST, FIRST, LAST, GROWTH, ENTRIES = (
    "manifest.json", "checkpoint-first.txt", "checkpoint-last.txt", "consistency.json", "entries.jsonl",
)  # fmt: skip
MEMBERS = (MANIFEST, FIRST, LAST, GROWTH, ENTRIES)
SMALL, LONGEST_LINE = 1 << 20, 1 << 20
"""Bytes at most of a member that is read whole, of one line."""
MOST_ENTRIES = 10_000
"""Of a family's bundle."""


@dataclass(frozen=True, slots=True)
class Bundled:
    """One entry as it goes into an officer's bundle. `openings` is None where the reader may not see them."""

    index: int
    leaf: bytes = field(repr=False)
    kid: str
    signature: bytes
    openings: tuple[Opening, ...] | None = field(repr=False)


def line_of(entry: Bundled) -> bytes:
    """The entry as one line: canonical JSON and a newline. What is not opened any more is named by its position."""
    erased: list[int] = []
    if entry.openings is not None:
        there = {opening.position for opening in entry.openings}
        erased = [position for position in range(_positions(entry.leaf)) if position not in there]
    value = {
        "index": entry.index,
        "leaf": to_base64url(entry.leaf),
        "receipt": {"kid": entry.kid, "signature": to_base64url(entry.signature)},
        "openings": None if entry.openings is None else openings_json(entry.openings),
        "erased": erased,
    }
    return canonical(value) + b"\n"


def openings_json(openings: Sequence[Opening]) -> list[dict[str, object]]:
    """Openings as a verifier reads them."""
    return [{"position": o.position, "field": o.field, "salt": o.salt, "value": o.value} for o in openings]


def manifest_of(keys: Sequence[str]) -> bytes:
    """What the bundle is, and the ids of the receipt keys that its reader needs; never a key."""
    return canonical({"v": 1, "kind": OFFICER, "keys": sorted(set(keys))})


def growth_of(peaks: Sequence[bytes], proof: Sequence[bytes]) -> bytes:
    """The complete subtrees of the first checkpoint, and the consistency proof to the last (RFC 9162 section 2.1.4)."""
    return canonical({"peaks": [to_base64url(h) for h in peaks], "proof": [to_base64url(h) for h in proof]})


def verify_bundle(
    file: IO[bytes], trusted: TrustedKeys, check: SignatureCheck, tick: Callable[[int], None] = lambda _: None
) -> Verdict:
    """Say whether an officer's bundle is genuine. Never raises; `tick` hears how many entries were read.

    1. The zip holds exactly the members of a bundle, each once, within bounds, and has no other byte than those need.
    2. Both checkpoints are signed by trusted keys of one log, and the last extends the first (consistency proof).
    3. Each entry's receipt holds, each opening fits, and every other position is named as erased.
    4. The leaves stand right after the first checkpoint's and give, with them, the root of the last.
    """
    try:
        bundle = _Zip(file)
        manifest = _manifest(bundle.small(MANIFEST))
        first, last = _checkpoints(bundle, trusted, check)
        running = _grown(bundle, first, last)
        found = _Found()
        for line in bundle.lines(ENTRIES):
            found.take(line, running, last, trusted, check)
            tick(running.size)
        found.end(running, last, manifest)
    except _Stop as stop:
        return stop.verdict
    except (OSError, ValueError, KeyError, TypeError, RecursionError, MemoryError):
        return Verdict(_UNREADABLE, NOT_CHECKED)
    return found.verdict(first.size if first else 0, last)


def verify_family_bundle(
    document: Mapping[str, Any], trusted: TrustedKeys, check: SignatureCheck, witnesses: WitnessPolicy | None = None
) -> Verdict:
    """Say whether a family's bundle is genuine: each entry is a receipt (see `verify_receipt`), none comes twice."""
    entries, version = document.get("entries"), document.get("v")
    if set(document) != {"v", "kind", "entries"} or type(version) is not int or version != 1:
        return Verdict(_UNREADABLE, NOT_CHECKED)
    if document["kind"] != FAMILY or not isinstance(entries, list) or len(entries) > MOST_ENTRIES:
        return Verdict(_UNREADABLE, NOT_CHECKED)
    seen: set[object] = set()
    proven = 0
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, Mapping) or not isinstance(entry.get("leaf"), str):
            return Verdict(_UNREADABLE, NOT_CHECKED)
        verdict = verify_receipt(entry, trusted, check, witnesses)
        if not verdict.ok:
            return Verdict(
                Words(f"Regel {number}: {verdict.words.nl}", f"Entry {number}: {verdict.words.en}"), verdict.code
            )
        if entry["leaf"] in seen:
            return Verdict(_TWICE, NOT_GENUINE)
        seen.add(entry["leaf"])
        proven += entry["proof"] is not None
    if not entries:
        return Verdict(_NOTHING, NOT_CHECKED)
    return Verdict(
        Words(
            f"Dit bewijs is echt: {len(entries)} regels zijn door de broker ondertekend, {proven} met bewijs dat ze in"
            " het logboek staan.",
            f"This proof is genuine: {len(entries)} entries are signed by the broker, {proven} with proof that they"
            " are in the log.",
        ),
        GENUINE,
    )


class _Stop(Exception):  # not an error: it carries the verdict out of a step
    def __init__(self, code: int, words: Words) -> None:
        self.verdict = Verdict(words, code)
        super().__init__(words.en)


class _Zip:
    """The members of a bundle and no others, each once, bounded."""

    def __init__(self, file: IO[bytes]) -> None:
        self._zip = zips.Unpacking(file, len(MEMBERS))
        found = self._zip.members
        if not {*MEMBERS} - {FIRST} <= found.keys() <= {*MEMBERS}:
            raise ValueError("not a bundle")
        if any(member.size > SMALL for name, member in found.items() if name != ENTRIES):
            raise ValueError("too long")

    def __contains__(self, name: str) -> bool:
        return name in self._zip.members

    def small(self, name: str) -> bytes:
        return b"".join(self._zip.pieces(name))

    def lines(self, name: str) -> Iterator[bytes]:
        return self._zip.lines(name, LONGEST_LINE)


def _manifest(data: bytes) -> list[str]:
    value = _canonical(data)
    version = value["v"]
    keys = value["keys"]
    if set(value) != {"v", "kind", "keys"} or type(version) is not int or version != 1 or value["kind"] != OFFICER:
        raise ValueError("another kind or version")
    if not isinstance(keys, list) or not all(isinstance(kid, str) for kid in keys) or sorted(set(keys)) != keys:
        raise ValueError("keys")
    return keys


def _canonical(data: bytes) -> dict[str, Any]:
    try:
        value = parse_canonical(data)
    except Tampered as error:
        raise ValueError("not canonical") from error
    if not isinstance(value, dict):
        raise ValueError("not an object")
    return value


def _checkpoints(
    bundle: _Zip, trusted: TrustedKeys, check: SignatureCheck
) -> tuple[Checkpoint | None, Checkpoint]:  # fmt: skip
    last = _open(bundle.small(LAST).decode(), trusted, check)
    first = _open(bundle.small(FIRST).decode(), trusted, check) if FIRST in bundle else None
    if first is not None and (first.origin != last.origin or not 0 < first.size <= last.size):
        raise _Stop(NOT_GENUINE, _NO_GROWTH)
    return first, last


def _open(note: str, trusted: TrustedKeys, check: SignatureCheck) -> Checkpoint:
    try:
        origin = parse_checkpoint(parse_note(note).body).origin
    except Tampered as error:
        raise _Stop(NOT_CHECKED, error.words) from None
    if not trusted.logs.get(origin):
        raise _Stop(NOT_CHECKED, _NO_LOG_KEY)
    try:
        return open_note(note, origin, trusted.logs, check)
    except Tampered as error:
        raise _Stop(NOT_GENUINE, error.words) from None


def _grown(bundle: _Zip, first: Checkpoint | None, last: Checkpoint) -> RunningRoot:
    value = _canonical(bundle.small(GROWTH))
    if set(value) != {"peaks", "proof"}:
        raise ValueError("consistency")
    peaks = [from_base64url(text) for text in value["peaks"]]
    proof = [from_base64url(text) for text in value["proof"]]
    if any(len(hashed) != HASH_BYTES for hashed in (*peaks, *proof)):
        raise ValueError("consistency")
    if first is None:
        if peaks or proof:
            raise _Stop(NOT_GENUINE, _NO_GROWTH)
        return RunningRoot()
    if len(peaks) != first.size.bit_count():
        raise _Stop(NOT_GENUINE, _NO_GROWTH)
    running = RunningRoot(first.size, peaks)
    if running.root() != first.root or not verify_consistency(first.size, last.size, first.root, last.root, proof):
        raise _Stop(NOT_GENUINE, _NO_GROWTH)
    return running


class _Found:
    """What was read so far."""

    def __init__(self) -> None:
        self.entries = self.opened = self.erased = 0
        self.kids: set[str] = set()

    def take(
        self, line: bytes, running: RunningRoot, last: Checkpoint, trusted: TrustedKeys, check: SignatureCheck
    ) -> None:
        at = running.size
        value = _canonical(line)
        if set(value) != {"index", "leaf", "receipt", "openings", "erased"}:
            raise ValueError("a line of another form")
        if value["index"] != at or at >= last.size:
            raise _Stop(NOT_GENUINE, _not_at(at))
        leaf, receipt = from_base64url(value["leaf"]), value["receipt"]
        if set(receipt) != {"kid", "signature"}:
            raise ValueError("a receipt of another form")
        key = trusted.receipts.get(receipt["kid"])
        if key is None:
            raise _Stop(NOT_CHECKED, _NO_RECEIPT_KEY)
        signature = from_base64url(receipt["signature"])
        if len(signature) != 64 or not check(key, signature, leaf):
            raise _Stop(NOT_GENUINE, _not_signed(at))
        self.kids.add(receipt["kid"])
        self._open(at, leaf, value["openings"], value["erased"])
        running.append(leaf_hash(leaf))
        self.entries += 1

    def _open(self, at: int, leaf: bytes, openings: Any, erased: Any) -> None:
        try:
            entry = decode(leaf)
        except Tampered:
            raise _Stop(NOT_CHECKED, _newer(at)) from None
        if openings is None:
            if erased != []:
                raise ValueError("closed and erased")
            return
        found = [_opening(value) for value in openings]
        try:
            opened(entry, found)
        except Tampered:
            raise _Stop(NOT_GENUINE, _not_fitting(at)) from None
        if sorted([*(o.position for o in found), *erased]) != list(range(len(entry.personal))):
            raise _Stop(NOT_GENUINE, _missing(at))
        self.opened += len(found)
        self.erased += len(erased)

    def end(self, running: RunningRoot, last: Checkpoint, keys: list[str]) -> None:
        if running.size != last.size:
            raise _Stop(NOT_GENUINE, _not_at(running.size))
        if running.root() != last.root:
            raise _Stop(NOT_GENUINE, _OTHER_ROOT)
        if sorted(self.kids) != keys:
            raise _Stop(NOT_GENUINE, _OTHER_KEYS)

    def verdict(self, first: int, last: Checkpoint) -> Verdict:
        gone_nl = f"; {self.erased} gegevens zijn gewist" if self.erased else ""
        gone_en = f"; {self.erased} values were erased" if self.erased else ""
        return Verdict(
            Words(
                f"De bundel is echt: {self.entries} regels, van {first} tot {last.size}, staan zo in het"
                f" logboek {last.origin}{gone_nl}.",
                f"The bundle is genuine: {self.entries} entries, from {first} to {last.size}, are in the log"
                f" {last.origin} like this{gone_en}.",
            ),
            GENUINE,
        )


def _opening(value: Mapping[str, Any]) -> Opening:
    if set(value) != {"position", "field", "salt", "value"} or type(value["position"]) is not int:
        raise ValueError("not an opening")
    texts = (value["field"], value["salt"], value["value"])
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("not an opening")
    return Opening(value["position"], "", *texts)


def _positions(leaf: bytes) -> int:
    """How many personal values a leaf commits to; none for one that cannot be read: its bundle is refused."""
    try:
        return len(decode(leaf).personal)
    except Tampered:
        return 0


def _not_at(index: int) -> Words:
    return Words(
        f"De bundel is niet echt: op plaats {index} ontbreekt een regel, of staat er een die daar niet hoort.",
        f"The bundle is not genuine: at place {index} an entry is missing, or one stands there that does not belong.",
    )


def _not_signed(index: int) -> Words:
    return Words(
        f"De bundel is niet echt: de handtekening bij regel {index} past niet bij de regel.",
        f"The bundle is not genuine: the signature with entry {index} does not fit the entry.",
    )


def _not_fitting(index: int) -> Words:
    return Words(
        f"De bundel is niet echt: een gegeven bij regel {index} is niet het gegeven dat is vastgelegd.",
        f"The bundle is not genuine: a value with entry {index} is not the value that was logged.",
    )


def _missing(index: int) -> Words:
    return Words(
        f"De bundel is niet echt: bij regel {index} ontbreekt een gegeven dat niet als gewist is aangemerkt.",
        f"The bundle is not genuine: with entry {index} a value is missing that is not marked as erased.",
    )


def _newer(index: int) -> Words:
    return Words(
        f"Deze versie kan regel {index} niet lezen; de bundel is niet nagegaan.",
        f"This version cannot read entry {index}, so the bundle could not be checked.",
    )


_UNREADABLE = Words(
    "Dit bestand is niet te lezen als bundel van een logboek.", "This file cannot be read as a bundle of a log."
)
_TWICE = Words("Het bewijs is niet echt: een regel staat er twee keer in.", "The proof is not genuine: an entry is in it twice.")  # fmt: skip
_NOTHING = Words("In dit bestand staat geen enkele regel; er is niets na te gaan.", "This file holds no entry, so there is nothing to check.")  # fmt: skip
_NO_GROWTH = Words(
    "De bundel is niet echt: het laatste controlepunt volgt niet op het eerste.",
    "The bundle is not genuine: the last checkpoint does not extend the first.",
)
_NO_LOG_KEY = Words(
    "U vertrouwt geen sleutel van het logboek van deze bundel; zij is niet nagegaan.",
    "You trust no key of the log of this bundle, so it could not be checked.",
)
_NO_RECEIPT_KEY = Words(
    "U vertrouwt niet elke sleutel waarmee in deze bundel is ondertekend; zij is niet nagegaan.",
    "You do not trust every key that signed in this bundle, so it could not be checked.",
)
_OTHER_ROOT = Words(
    "De bundel is niet echt: een regel is veranderd, verwijderd, toegevoegd of verplaatst.",
    "The bundle is not genuine: an entry was changed, removed, added or moved.",
)
_OTHER_KEYS = Words(
    "De bundel is niet echt: zij noemt andere sleutels dan waarmee is ondertekend.",
    "The bundle is not genuine: it names other keys than those that signed.",
)
