"""What an outsider hands to `broker audit verify`: a receipt, a family's bundle, an officer's, or a log's address.

Keys come from --keys alone. Nothing that a file or an address holds makes it fail otherwise than in one sentence.
"""

import contextlib
import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import typer

from broker.crypto.encoding import from_b64url
from broker.crypto.signatures import ed25519_holds
from broker.errors import Words
from broker.transparency.bundles import FAMILY, LAST, verify_bundle, verify_family_bundle
from broker.transparency.checkpoints import parse_verifier_key
from broker.transparency.policies import WitnessPolicy
from broker.transparency.remote import verify_address, with_witnesses
from broker.transparency.verifier import NOT_CHECKED, TrustedKeys, Verdict

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


def bundle_or_address(
    target: str, keys: Path | None, earlier: str | None, witnesses: WitnessPolicy | None = None
) -> Verdict | None:
    """The verdict on a bundle or an address; None for what is neither. With `witnesses`, enough of them cosigned it."""
    try:
        if target.startswith(("https://", "http://")):
            return _address(target.rstrip("/"), _trusted(keys), earlier, witnesses)
        path = Path(target)
        with path.open("rb") as file:
            if zipfile.is_zipfile(file):
                return _officer(path, _trusted(keys), witnesses)
        if path.stat().st_size > LARGEST:
            return Verdict(UNREADABLE, NOT_CHECKED)
        document = json.loads(path.read_bytes())
        if isinstance(document, dict) and document.get("kind") == FAMILY:
            return verify_family_bundle(document, _trusted(keys), ed25519_holds, witnesses)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Verdict(UNREADABLE, NOT_CHECKED)
    return None


def _trusted(keys: Path | None) -> TrustedKeys:
    return trusted_from(json.loads(keys.read_bytes())) if keys else TrustedKeys()


def _officer(path: Path, trusted: TrustedKeys, witnesses: WitnessPolicy | None) -> Verdict:
    size = path.stat().st_size
    with path.open("rb") as file, typer.progressbar(length=size, label="checking", hidden=size < 4 << 20) as bar:

        def tick(_: int) -> None:
            bar.update(min(file.tell(), size) - bar.pos)

        verdict = verify_bundle(file, trusted, ed25519_holds, tick)
        if witnesses is None or not verdict.ok:
            return verdict
        with zipfile.ZipFile(file) as bundle:
            return with_witnesses(verdict, bundle.read(LAST).decode(), witnesses, trusted, ed25519_holds)


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
