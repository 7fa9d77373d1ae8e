"""What an outsider hands to `broker audit verify`: a receipt, a family's bundle, an officer's, or a log's address.

Keys come from --keys alone. Nothing that a file or an address holds makes it fail otherwise than in one sentence.
"""

import contextlib
import sys
from pathlib import Path
from typing import Any

import httpx
import typer

from broker.crypto.encoding import from_b64url
from broker.crypto.signatures import ed25519_holds, verify_family_receipt
from broker.errors import Tampered, Words
from broker.transparency.bundles import FAMILY, LAST, MEMBERS, verify_bundle, verify_family_bundle
from broker.transparency.canonical import parse_json
from broker.transparency.checkpoints import parse_verifier_key
from broker.transparency.policies import WitnessPolicy
from broker.transparency.remote import verify_address, with_witnesses
from broker.transparency.verdicts import GENUINE, NOT_CHECKED, NOT_GENUINE, TrustedKeys, Verdict
from broker.transparency.verifier import verify_receipt
from broker.transparency.zips import MAGIC, Unpacking

LARGEST = 64 << 20
"""Bytes at most of a document of JSON."""
LONG = 5000
"""Entries from which a check of a log shows how far it is."""
UNREADABLE = Words(
    "Dit bestand, of het bestand met sleutels, is niet te lezen.",
    "This file, or the file with keys, cannot be read.",
)


def trusted_from(document: dict[str, Any]) -> TrustedKeys:
    """The keys in what `broker audit keys` printed. Raises ValueError, KeyError, TypeError or AttributeError."""
    logs: dict[str, tuple[bytes, ...]] = {}
    for text in document["logs"]:
        name, key = parse_verifier_key(text)
        logs[name] = (*logs.get(name, ()), key)
    return TrustedKeys({kid: from_b64url(key) for kid, key in document["receipts"].items()}, logs)


def verdict_on(target: str, keys: Path | None, earlier: str | None, policy: WitnessPolicy | None) -> Verdict:
    """The verdict on what somebody brings: an address, a bundle, or a receipt. Never raises."""
    try:
        if target.startswith(("https://", "http://")):
            return _address(target.rstrip("/"), _trusted(_bytes(keys)), earlier, policy)
        path = Path(target)
        with path.open("rb") as file:
            if file.read(len(MAGIC)) == MAGIC:
                return _officer(path, _trusted(_bytes(keys)), policy)
        if path.stat().st_size > LARGEST:
            return Verdict(UNREADABLE, NOT_CHECKED)
        return verdict_on_document(path.read_bytes(), _bytes(keys), policy)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Verdict(UNREADABLE, NOT_CHECKED)


def verdict_on_document(data: bytes, keys: bytes | None, policy: WitnessPolicy | None = None) -> Verdict:
    """The verdict on JSON: a family's bundle, a receipt of a release or of a family's answers. Never raises.

    A receipt may come inside the whole answer that it was part of; of that answer, nothing else is looked at.
    """
    try:
        document = parse_json(data)
        if not isinstance(document, dict):
            return Verdict(UNREADABLE, NOT_CHECKED)
        if document.get("kind") == FAMILY:
            return verify_family_bundle(document, _trusted(keys), ed25519_holds, policy)
        if isinstance(document.get("receipt"), str):
            return _answers(document["receipt"], keys, policy)
        receipt = document if "leaf" in document else document.get("receipt", document)
        if not isinstance(receipt, dict):
            return Verdict(UNREADABLE, NOT_CHECKED)
        return verify_receipt(receipt, _trusted(keys), ed25519_holds, policy)
    except (ValueError, KeyError, TypeError, AttributeError):
        return Verdict(UNREADABLE, NOT_CHECKED)


def _bytes(path: Path | None) -> bytes | None:
    return path.read_bytes() if path else None


def _keys(keys: bytes) -> dict[str, Any]:
    document = parse_json(keys)
    if not isinstance(document, dict):
        raise ValueError("no keys")
    return document


def _trusted(keys: bytes | None) -> TrustedKeys:
    return trusted_from(_keys(keys)) if keys is not None else TrustedKeys()


def _answers(statement: str, keys: bytes | None, policy: WitnessPolicy | None) -> Verdict:
    """A family's receipt: their signed statements."""
    if policy is not None:
        return Verdict(_NO_CHECKPOINT, NOT_CHECKED)
    trusted = {} if keys is None else {kid: from_b64url(key) for kid, key in _keys(keys)["records"].items()}
    if not trusted:
        return Verdict(_NO_KEYS, NOT_CHECKED)
    try:
        count = verify_family_receipt(trusted, statement)
    except Tampered:
        return Verdict(_FAMILY_FALSE, NOT_GENUINE)
    words = Words(
        f"Dit bewijs is echt: {count} ondertekende antwoorden, met de tekst die is getoond.",
        f"This receipt is genuine: {count} signed statements, with the text that was shown.",
    )
    return Verdict(words, GENUINE)


def _officer(path: Path, trusted: TrustedKeys, witnesses: WitnessPolicy | None) -> Verdict:
    size = path.stat().st_size
    with path.open("rb") as file, typer.progressbar(length=size, label="checking", hidden=size < 4 << 20) as bar:

        def tick(_: int) -> None:
            bar.update(min(file.tell(), size) - bar.pos)

        verdict = verify_bundle(file, trusted, ed25519_holds, tick)
        if witnesses is None or not verdict.ok:
            return verdict
        note = b"".join(Unpacking(file, len(MEMBERS)).pieces(LAST)).decode()
        return with_witnesses(verdict, note, witnesses, trusted, ed25519_holds)


def _address(address: str, trusted: TrustedKeys, earlier: str | None, witnesses: WitnessPolicy | None) -> Verdict:
    with httpx.Client(timeout=20, follow_redirects=False) as client, contextlib.ExitStack() as shown:
        bars: list[Any] = []

        def tick(done: int, of: int) -> None:
            if of >= LONG and not bars:
                bars.append(shown.enter_context(typer.progressbar(length=of, label="checking", file=sys.stderr)))
            for bar in bars:
                bar.update(done - bar.pos)

        def fetch(path: str, most: int) -> bytes:
            try:
                with client.stream("GET", f"{address}/{path}") as response:
                    if response.status_code != 200:
                        raise OSError
                    data = b""
                    for piece in response.iter_raw():
                        data += piece
                        if len(data) > most:
                            raise OSError
                    return data
            except (httpx.HTTPError, httpx.InvalidURL, UnicodeError):
                raise OSError from None

        return verify_address(address.partition("://")[2], fetch, earlier, trusted, ed25519_holds, tick, witnesses)


_NO_KEYS = Words(
    "Dit bewijs kan niet worden nagegaan zonder vertrouwde sleutels: geef --keys.",
    "This receipt cannot be checked without trusted keys: give --keys.",
)
_NO_CHECKPOINT = Words(
    "Dit bewijs heeft geen controlepunt, dus getuigen zeggen er niets over: laat --witnesses weg.",
    "This receipt holds no checkpoint, so witnesses say nothing of it: leave out --witnesses.",
)
_FAMILY_FALSE = Words(
    "Dit bewijs is niet echt: een handtekening of een tekst klopt niet.",
    "This receipt is not genuine: a signature or a text does not hold.",
)
