"""A checkpoint that comes out of `open_note` was signed by a key that the caller trusts for that very log.

- Source: C2SP signed-note (format, Ed25519 signatures, verifier keys) and C2SP tlog-checkpoint (the three lines).
- The log's key name is its origin, so a key trusted for one log says nothing about another.
- Narrower than C2SP on purpose: no extension lines and no empty lines in the text, since we write none.
- Cosignatures of witnesses are signatures of unknown keys here: carried along, not checked (see `cosignatures`).
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from broker.errors import Tampered, Words
from broker.transparency.canonical import from_base64, to_base64
from broker.transparency.merkle import EMPTY_ROOT, HASH_BYTES

SignatureCheck = Callable[[bytes, bytes, bytes], bool]
"""Public key (32 bytes), signature, message: whether the Ed25519 signature holds (RFC 8032 section 5.1.7)."""
Verifiers = Mapping[str, bytes | tuple[bytes, ...]]
"""Public keys by key name; several for one name while a key is being replaced."""

ED25519 = 0x01
"""C2SP signed-note, "Signature types"."""
COSIGNATURE = 0x04
"""A witness's timestamped Ed25519 cosignature (C2SP tlog-cosignature, "Format")."""
MOST_SIGNATURES = 32

_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_SIGNATURE_BYTES = 64
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_DASH = "\u2014 "

_NOT_A_NOTE = Words(
    "Dit is geen ondertekend controlepunt in de afgesproken vorm.",
    "This is not a signed checkpoint in the agreed form.",
)
_OTHER_LOG = Words(
    "Dit controlepunt is van een ander logboek.",
    "This checkpoint belongs to another log.",
)
_NOT_SIGNED = Words(
    "Dit controlepunt is niet ondertekend met een sleutel die voor dit logboek vertrouwd wordt.",
    "This checkpoint is not signed by a key that is trusted for this log.",
)
_BAD_SIGNATURE = Words(
    "De handtekening onder dit controlepunt klopt niet: het is veranderd of vervalst.",
    "The signature on this checkpoint does not hold: it was changed or forged.",
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: who it is, how many leaves it has, and their root. ValueError for what no log can say."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        """Refuse what `body` could not write in a form that reads back as the same checkpoint."""
        if not _is_key_name(self.origin) or not 0 <= self.size < 2**63 or len(self.root) != HASH_BYTES:
            raise ValueError("not a checkpoint")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise ValueError("an empty log has one root only")

    def body(self) -> bytes:
        """Return the three lines that are signed (C2SP tlog-checkpoint, "Note text")."""
        return f"{self.origin}\n{self.size}\n{to_base64(self.root)}\n".encode()


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: key name, key id (4 bytes) and signature. Believed by nobody until checked."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note taken apart, *not checked*: the text that was signed, and the signatures under it."""

    body: bytes
    signatures: tuple[NoteSignature, ...]


def key_hash(name: str, public_key: bytes, kind: int = ED25519) -> bytes:
    """Return the key id: SHA-256(name, newline, kind, key)[:4] (C2SP signed-note, "Signature types").

    `kind` is ED25519, or COSIGNATURE for a witness's key. Raises ValueError for a name with a space, a plus or a
    control character, and for a key that has not 32 bytes.
    """
    if not _is_key_name(name) or len(public_key) != _KEY_BYTES:
        raise ValueError("not a key name, or not an Ed25519 public key")
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public_key).digest()[:_KEY_ID_BYTES]


def sign_note(checkpoint: Checkpoint, name: str, public_key: bytes, sign: Callable[[bytes], bytes]) -> str:
    """Return the checkpoint as a signed note (C2SP signed-note, "Format"); `sign` makes the Ed25519 signature.

    Raises ValueError when `name` is not the checkpoint's origin: `open_note` would not accept such a note.
    """
    if name != checkpoint.origin:
        raise ValueError("the log's key name is its origin")
    body = checkpoint.body()
    signature = sign(body)
    if len(signature) != _SIGNATURE_BYTES:
        raise ValueError("an Ed25519 signature has 64 bytes")
    return f"{body.decode()}\n{signature_line(NoteSignature(name, key_hash(name, public_key), signature))}\n"


def parse_note(text: str) -> SignedNote:
    """Take a note apart without checking its signatures (C2SP signed-note, "Format").

    Raises Tampered for control characters, empty lines, base64 that is not canonical, and more than 32 signatures.
    """
    body, separator, tail = text.partition("\n\n")
    lines = tail.split("\n")
    if not (_is_printable(text) and body and separator and tail.endswith("\n")):
        raise Tampered(_NOT_A_NOTE)
    if body.startswith("\n") or len(lines) - 1 > MOST_SIGNATURES:
        raise Tampered(_NOT_A_NOTE)
    return SignedNote(f"{body}\n".encode(), tuple(parse_signature(line) for line in lines[:-1]))


def parse_checkpoint(body: bytes) -> Checkpoint:
    """Return the checkpoint that these three lines say, *not checked* (C2SP tlog-checkpoint, "Note text").

    Raises Tampered for any other number of lines, a size such as `007` or `+5`, and a root that has not 32 bytes.
    """
    try:
        origin, size, encoded, rest = body.decode().split("\n")
        if rest or not _SIZE.fullmatch(size):
            raise ValueError("not three lines with a size in the middle")
        return Checkpoint(origin, int(size), from_base64(encoded))
    except ValueError as error:
        raise Tampered(_NOT_A_NOTE) from error


def open_note(text: str, origin: str, verifiers: Verifiers, check: SignatureCheck) -> Checkpoint:
    """Return the checkpoint of a note that a trusted key of the log `origin` signed.

    1. The note and its three lines parse.
    2. It is a checkpoint of that log.
    3. Every signature by a known key (name and id) holds; signatures of unknown keys are passed over.
    4. At least one of them is by a key that is named after the origin.

    Source: C2SP signed-note, "Signatures". Raises Tampered, saying which of the four went wrong.
    """
    note = parse_note(text)
    checkpoint = parse_checkpoint(note.body)  # 1
    if checkpoint.origin != origin:
        raise Tampered(_OTHER_LOG)  # 2
    signers = set()
    for line in note.signatures:
        for public_key in _known_keys(line, verifiers):
            if len(line.signature) != _SIGNATURE_BYTES or not check(public_key, line.signature, note.body):
                raise Tampered(_BAD_SIGNATURE)  # 3
            signers.add(line.name)
    if origin not in signers:
        raise Tampered(_NOT_SIGNED)  # 4
    return checkpoint


def verifier_key(name: str, public_key: bytes, kind: int = ED25519) -> str:
    """Return `name+hex(key id)+base64(kind, key)` (C2SP signed-note, "Verifier keys"). ValueError as `key_hash`."""
    return f"{name}+{key_hash(name, public_key, kind).hex()}+{to_base64(bytes([kind]) + public_key)}"


def parse_verifier_key(text: str, kind: int = ED25519) -> tuple[str, bytes]:
    """Return name and public key. Raises ValueError for every text that `verifier_key` would not have written."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise ValueError("not a verifier key: name+id+key")
    name, key = parts[0], from_base64(parts[2])[1:]
    if verifier_key(name, key, kind) != text:
        raise ValueError("not an Ed25519 verifier key, or its id does not fit its name and key")
    return name, key


def signature_line(signature: NoteSignature) -> str:
    """Return the line, without its newline, that `parse_signature` reads."""
    return f"{_DASH}{signature.name} {to_base64(signature.key_id + signature.signature)}"


def parse_signature(line: str) -> NoteSignature:
    """Return what one signature line says, *not checked* (C2SP signed-note, "Format"). Raises Tampered."""
    if not _is_printable(line) or "\n" in line:
        raise Tampered(_NOT_A_NOTE)
    name, separator, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        blob = from_base64(encoded)
    except ValueError as error:
        raise Tampered(_NOT_A_NOTE) from error
    if not (line.startswith(_DASH) and separator and _is_key_name(name) and len(blob) > _KEY_ID_BYTES):
        raise Tampered(_NOT_A_NOTE)
    return NoteSignature(name, blob[:_KEY_ID_BYTES], blob[_KEY_ID_BYTES:])


def _known_keys(line: NoteSignature, verifiers: Verifiers) -> list[bytes]:
    """Return the trusted keys with the name *and* the id of a signature line."""
    keys = verifiers.get(line.name, ())
    candidates = (keys,) if isinstance(keys, bytes) else keys
    return [key for key in candidates if key_hash(line.name, key) == line.key_id]


def _is_key_name(name: str) -> bool:
    return bool(name) and "+" not in name and _is_printable(name) and not any(sign.isspace() for sign in name)


def _is_printable(text: str) -> bool:
    """Whether the text is UTF-8 without ASCII control characters other than newline (C2SP signed-note, "Format")."""
    if any(sign < " " and sign != "\n" for sign in text):
        return False
    return not any("\ud800" <= sign <= "\udfff" for sign in text)
