"""Signed statements: a consent record or a receipt is the very bytes that were signed, or it is nothing.

- JWS (RFC 7515) with EdDSA (RFC 8037) over RFC 8785 bytes; the type in the header keeps one statement from passing
  for another (RFC 8725 section 3.11).
- Keys come from the broker's own keyring by id; a key that comes with the statement is never looked at.
- A record that claims a passkey holds what a device signed of it, checked here too (`confirmations.py`).
- A record that was read once is remembered by the SHA-256 of the whole statement, in a bounded cache.
"""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import jwt
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jwt.api_jws import PyJWS

from broker.crypto.confirmations import check_confirmed, digest_of
from broker.crypto.ed25519 import holds
from broker.crypto.encoding import from_b64url
from broker.crypto.keyring import Key, KeyPurpose, Keyring
from broker.domain.consents import ConsentRecord
from broker.domain.parties import Oin
from broker.domain.records import UNNAMED, document_of, record_from
from broker.domain.sign_offs import SignOff, sign_off_from
from broker.domain.sign_offs import document_of as document_of_sign_off
from broker.errors import Tampered

RECORD_TYPE = "consent-record+jws"
RECEIPT_TYPE = "consent-receipt+jws"
SIGN_OFF_TYPE = "sign-off+jws"
ed25519_holds = holds
"""Whether an Ed25519 signature holds: (public key, signature, message). Never raises on bad input."""
_REMEMBERED = 8192
_jws = PyJWS(algorithms=["EdDSA"])


def sign_statement(key: Key, typ: str, document: Mapping[str, Any]) -> str:
    """Sign the canonical bytes of a document. Returns the compact JWS."""
    headers = {"typ": typ, "kid": key.kid}
    return _jws.encode(rfc8785.dumps(dict(document)), key.private, algorithm="EdDSA", headers=headers)


def read_statement(keyring: Keyring, purpose: KeyPurpose, typ: str, statement: str) -> dict[str, Any]:
    """Verify a statement and return its document. Raises Tampered for anything but our own, canonical, statement."""
    return verify_statement({key.kid: key.public_raw for key in keyring.all(purpose)}, typ, statement)


def verify_statement(trusted: Mapping[str, bytes], typ: str, statement: str) -> dict[str, Any]:
    """The same with public keys by id, for whoever checks from outside. Raises Tampered."""
    try:
        header = jwt.get_unverified_header(statement)
        raw = trusted.get(str(header.get("kid", "")))
        if raw is None or header != {"alg": "EdDSA", "typ": typ, "kid": header["kid"]}:
            raise Tampered
        payload = _jws.decode(statement, Ed25519PublicKey.from_public_bytes(raw), algorithms=["EdDSA"])
        from_b64url(statement.rpartition(".")[2])  # a signature does not sign its own writing: there is one
        document = json.loads(payload)
        if not isinstance(document, dict) or rfc8785.dumps(document) != payload:
            raise Tampered
    except (jwt.PyJWTError, ValueError, RecursionError, rfc8785.CanonicalizationError):
        raise Tampered from None
    return document


def verify_family_receipt(trusted: Mapping[str, bytes], statement: str) -> int:
    """Check a signer's receipt from outside. Returns how many consent records it holds. Raises Tampered.

    The receipt and each record in it are signed by a trusted key, each notice is the very text of its digest, and what
    claims a passkey was signed by one, at the address that the record names for stopping; with that touch the device
    signed exactly the records of this receipt, and no other.
    """
    document = verify_statement(trusted, RECEIPT_TYPE, statement)
    try:
        records = [verify_statement(trusted, RECORD_TYPE, record) for record in document["records"]]
        together = tuple(digest_of(said) for said in records)
        for said in records:
            read = record_from(said)
            if read.confirmation is not None and tuple(read.confirmation.covers) != together:
                raise Tampered
            check_confirmed(said, read, {_origin(said["processing"]["withdrawalMethod"]["exercisedAt"])})
            digest = read.notice.digest
            if hashlib.sha256(document["notices"][digest].encode()).hexdigest() != digest:
                raise Tampered
        return len(document["records"])
    except (KeyError, TypeError, AttributeError):
        raise Tampered from None


def _origin(address: str) -> str:
    """Where a page at this address is served from (RFC 6454)."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


class RecordNotary:
    """Signs consent records, and turns stored bytes into records through one door."""

    def __init__(self, keyring: Keyring, withdraw_at: str) -> None:
        """`withdraw_at` is where signers stop; their passkeys signed on a page of the same origin, and on no other."""
        self._keyring = keyring
        self._withdraw_at = withdraw_at
        self._origins = frozenset({_origin(withdraw_at)})
        self._held: OrderedDict[bytes, ConsentRecord] = OrderedDict()

    def digest(self, record: ConsentRecord, names: Mapping[Oin, str] = UNNAMED) -> str:
        """What a signer's device signs of the statement that `sign` would make."""
        return digest_of(document_of(record, self._withdraw_at, names))

    def sign(self, record: ConsentRecord, names: Mapping[Oin, str] = UNNAMED) -> str:
        """The record as a signed statement, ready to be stored; `names` are what its organisations are called.

        Raises Tampered for a passkey that did not sign this very statement.
        """
        document = document_of(record, self._withdraw_at, names)
        check_confirmed(document, record, self._origins)
        return sign_statement(self._keyring.current(KeyPurpose.RECORDS), RECORD_TYPE, document)

    def read(self, statement: str) -> ConsentRecord:
        """The record of a stored statement. Raises Tampered unless its signature holds, and its signer's device's if it has one."""
        digest = hashlib.sha256(statement.encode()).digest()
        record = self._held.get(digest)
        if record is None:
            document = read_statement(self._keyring, KeyPurpose.RECORDS, RECORD_TYPE, statement)
            record = record_from(document)
            check_confirmed(document, record, self._origins)
            self._held[digest] = record
            if len(self._held) > _REMEMBERED:
                self._held.popitem(last=False)
        return record

    def public_keys(self) -> dict[str, bytes]:
        """The keys that records and family receipts are verified with, by id; also those that sign nothing new."""
        return {key.kid: key.public_raw for key in self._keyring.all(KeyPurpose.RECORDS)}

    def receipt(self, document: Mapping[str, Any]) -> str:
        """A signer's receipt: a signed statement that holds the signed records."""
        return sign_statement(self._keyring.current(KeyPurpose.RECORDS), RECEIPT_TYPE, document)

    def sign_off(self, said: SignOff) -> str:
        """What a party says of a version, as a signed statement."""
        return sign_statement(self._keyring.current(KeyPurpose.RECORDS), SIGN_OFF_TYPE, document_of_sign_off(said))

    def read_sign_off(self, statement: str) -> SignOff:
        """The inverse. Raises Tampered unless the signature holds."""
        document = read_statement(self._keyring, KeyPurpose.RECORDS, SIGN_OFF_TYPE, statement)
        try:
            return sign_off_from(document)
        except (ValueError, TypeError, KeyError):
            raise Tampered from None


class LogSigner:
    """Signs log entries (receipts) and checkpoints, with a key each.

    A receipt that was made here a moment ago is known again by the SHA-256 of leaf and signature together, in a bounded
    memory: whoever reads both back from the database and finds the same digest has what was signed, or a collision.
    """

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring
        self._made: OrderedDict[bytes, None] = OrderedDict()

    def receipt(self, leaf: bytes) -> tuple[str, bytes]:
        """(key id, Ed25519 signature) over the leaf's stored bytes (`log.md` rule 2)."""
        key = self._keyring.current(KeyPurpose.RECEIPTS)
        signature = key.private.sign(leaf)
        self._made[_together(key.kid, signature, leaf)] = None
        if len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)
        return key.kid, signature

    def receipt_holds(self, kid: str, signature: bytes, leaf: bytes) -> bool:
        """Whether the receipt was made by one of our keys for exactly this leaf."""
        key = self._keyring.get(KeyPurpose.RECEIPTS, kid)
        if key is None:
            return False
        return _together(kid, signature, leaf) in self._made or ed25519_holds(key.public_raw, signature, leaf)

    def receipt_keys(self) -> dict[str, bytes]:
        """Every receipt key's public bytes, by id."""
        return {key.kid: key.public_raw for key in self._keyring.all(KeyPurpose.RECEIPTS)}

    def checkpoint_keys(self) -> tuple[bytes, ...]:
        """The public bytes of every log key, the current one last."""
        return tuple(key.public_raw for key in self._keyring.all(KeyPurpose.LOG))

    def sign_checkpoint(self, body: bytes) -> bytes:
        """Ed25519 over a checkpoint's body, with the current log key."""
        return self._keyring.current(KeyPurpose.LOG).private.sign(body)


def _together(kid: str, signature: bytes, leaf: bytes) -> bytes:
    """One digest of all three, each with its length: no two triples are written alike."""
    made = hashlib.sha256(f"{len(kid)}:{len(signature)}:{kid}".encode())
    made.update(signature)
    made.update(leaf)
    return made.digest()
