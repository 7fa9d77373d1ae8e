"""A receipt as a document that somebody brings: read strictly, and checked by itself. Every fault is a verdict (`Stopped`)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from broker.domain.events import Opening
from broker.errors import Tampered
from broker.transparency.canonical import from_base64url
from broker.transparency.checkpoints import SignatureCheck
from broker.transparency.entries import LoggedEntry, decode, opened
from broker.transparency.verdicts import NOT_CHECKED, NOT_GENUINE, Stopped, TrustedKeys


@dataclass(frozen=True, slots=True)
class ReceiptDocument:
    """What it holds; nothing of it is checked yet."""

    leaf: bytes
    kid: str
    signature: bytes
    proof: str | None
    openings: tuple[Opening, ...]
    proof_at: str | None


_MEMBERS = {"v", "leaf", "receipt", "proof", "openings"}


def read_receipt(document: Mapping[str, object]) -> ReceiptDocument:
    """Read it, with no member more than agreed. Raises Stopped: not checked."""
    try:
        receipt, openings, proof = document["receipt"], document["openings"], document["proof"]
        version = document["v"]
        if not isinstance(version, int) or isinstance(version, bool) or version != 1:
            raise ValueError("another version")
        if not isinstance(receipt, Mapping) or not isinstance(openings, list | tuple):
            raise ValueError("receipt or openings")
        if set(document) - {"proofAt"} != _MEMBERS or set(receipt) != {"kid", "signature"}:
            raise ValueError("another member")
        return ReceiptDocument(
            from_base64url(_text(document["leaf"])),
            _text(receipt["kid"]),
            from_base64url(_text(receipt["signature"])),
            None if proof is None else _text(proof),
            tuple(_read_opening(opening) for opening in openings),
            _text(document["proofAt"]) if "proofAt" in document else None,
        )
    except (KeyError, TypeError, ValueError):
        raise Stopped(
            NOT_CHECKED,
            "Dit document is niet te lezen als ontvangstbewijs.",
            "This document cannot be read as a receipt.",
        ) from None


def _read_opening(value: object) -> Opening:
    if not isinstance(value, Mapping) or set(value) != {"position", "field", "salt", "value"}:
        raise ValueError("not an opening")
    position = value["position"]
    if not isinstance(position, int) or isinstance(position, bool):
        raise ValueError("not a position")
    return Opening(position, "", _text(value["field"]), _text(value["salt"]), _text(value["value"]))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a text")
    return value


def check_signature(receipt: ReceiptDocument, trusted: TrustedKeys, check: SignatureCheck) -> None:
    """The broker signed the leaf. Raises Stopped: not checked without a trusted key of that id, not genuine otherwise."""
    key = trusted.receipts.get(receipt.kid)
    if key is None:
        raise Stopped(
            NOT_CHECKED,
            "U vertrouwt geen sleutel met het kenmerk dat op dit ontvangstbewijs staat; het is niet nagegaan.",
            "You trust no key with the id on this receipt, so it could not be checked.",
        )
    if len(receipt.signature) != 64 or not check(key, receipt.signature, receipt.leaf):
        raise Stopped(
            NOT_GENUINE,
            "Het ontvangstbewijs is niet echt: de handtekening past niet bij de regel.",
            "The receipt is not genuine: its signature does not fit the entry.",
        )


def decode_signed(leaf: bytes) -> LoggedEntry:
    """The entry. Raises Stopped: not checked. Its signature held, so bytes that do not parse come from a broker newer than this code."""
    try:
        return decode(leaf)
    except Tampered:
        raise Stopped(
            NOT_CHECKED,
            "De handtekening klopt, maar deze versie kan de regel niet lezen; de inhoud is niet nagegaan.",
            "The signature holds, but this version cannot read the entry, so its content could not be checked.",
        ) from None


def check_openings(entry: LoggedEntry, openings: tuple[Opening, ...]) -> None:
    """Each value that came with it is the one that was logged. Raises Stopped: not genuine."""
    try:
        opened(entry, openings)
    except Tampered:
        raise Stopped(
            NOT_GENUINE,
            "Het ontvangstbewijs is niet echt: een bijgevoegd gegeven is niet het gegeven dat is vastgelegd.",
            "The receipt is not genuine: a value that came with it is not the value that was logged.",
        ) from None


def check_address(proof_at: str | None, entry: LoggedEntry, origins: Iterable[str]) -> None:
    """Whoever follows the address is not led to another log, or another entry. Raises Stopped."""
    if proof_at is None:
        return
    scheme, _, rest = proof_at.partition("://")
    if scheme not in ("https", "http") or not rest.endswith(f"/proofs/{entry.id}"):
        raise Stopped(
            NOT_GENUINE,
            "Het ontvangstbewijs is niet echt: het adres voor het bewijs hoort niet bij deze regel.",
            "The receipt is not genuine: the address for its proof does not belong to this entry.",
        )
    if rest not in [f"{origin}/proofs/{entry.id}" for origin in origins]:
        raise Stopped(
            NOT_CHECKED,
            "Het adres voor het bewijs is niet van een logboek dat u vertrouwt; het is niet nagegaan.",
            "The address for its proof is not of a log that you trust, so it could not be checked.",
        )
