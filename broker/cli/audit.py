"""`broker audit`: check the log or a receipt, and show the latest checkpoint.

Exit codes: 0 genuine, 1 not genuine, 2 could not be checked.
"""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.app import Broker
from broker.cli import exporting
from broker.cli.running import use
from broker.cli.verifying import bundle_or_address, trusted_from
from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.keyring import KeyPurpose, load_keyring
from broker.crypto.signatures import ed25519_holds, verify_family_receipt
from broker.errors import NotFound, Tampered, Words
from broker.settings import keys_directory
from broker.transparency.verifier import Verdict, verify_receipt

app = typer.Typer(no_args_is_help=True, help="Check the disclosure log.")
app.command("export")(exporting.export)
app.command("page")(exporting.page)


@app.command("checkpoint")
def checkpoint() -> None:
    """Print the latest signed checkpoint; keep it, to check later that the log only grew."""
    typer.echo(use(lambda broker: broker.ledger.checkpoint()), nl=False)


@app.command("keys")
def keys() -> None:
    """Print the public keys that a verifier must trust, as a file for `broker audit verify --keys`."""

    async def public(broker: Broker) -> dict[str, Any]:
        trusted = broker.ledger.trusted
        receipts = {kid: b64url(key) for kid, key in trusted.receipts.items()}
        records = {key.kid: b64url(key.public_raw) for key in load_keyring(keys_directory()).all(KeyPurpose.RECORDS)}
        return {"logs": list(broker.ledger.verifier_keys()), "receipts": receipts, "records": records}

    typer.echo(json.dumps(use(public), indent=1))


@app.command("verify")
def verify(
    file: Annotated[
        str, typer.Argument(help="A receipt, a bundle, or a log's address; without one, the whole log of this broker.")
    ] = "",
    keys_file: Annotated[Path | None, typer.Option("--keys", help="Trusted keys, from `broker audit keys`.")] = None,
    earlier: Annotated[Path | None, typer.Option(help="A checkpoint that you kept: the log must extend it.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="First wait until every entry is in the tree.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Say in one sentence whether a receipt, or the whole log, is genuine."""
    if file:
        verdict = bundle_or_address(file, keys_file, _kept(earlier)) or _receipt(Path(file), keys_file)
    else:
        verdict = use(lambda broker: _log(broker, _kept(earlier), wait=wait))
    if as_json:
        typer.echo(json.dumps({"ok": verdict.ok, "code": verdict.code, "sentence": verdict.sentence}))
    else:
        typer.echo(verdict.sentence)
    raise typer.Exit(verdict.code)


def _kept(earlier: Path | None) -> str | None:
    try:
        return earlier.read_text(encoding="utf-8") if earlier else None
    except (OSError, UnicodeDecodeError):
        typer.echo("The earlier checkpoint cannot be read.", err=True)
        raise typer.Exit(2) from None


async def _log(broker: Broker, kept: str | None, *, wait: bool) -> Verdict:
    for _ in range(100 if wait else 0):
        if not await broker.ledger.waiting():
            break
        await asyncio.sleep(0.1)
    try:
        total = int((await broker.ledger.checkpoint()).split("\n")[1])
    except NotFound:
        total = 0
    with typer.progressbar(length=total, label="checking", hidden=total < 5000) as bar:
        return await broker.ledger.check(earlier=kept, tick=lambda _: bar.update(1))


def _receipt(file: Path, keys_file: Path | None) -> Verdict:
    """A recipient's receipt (a log entry), or a family's (their signed statements)."""
    try:
        document = json.loads(file.read_bytes())
        keys = json.loads(keys_file.read_bytes()) if keys_file else {"logs": [], "receipts": {}, "records": {}}
        if isinstance(document.get("receipt"), str):
            return _family(document["receipt"], {kid: from_b64url(key) for kid, key in keys["records"].items()})
        document = document.get("receipt", document) if "leaf" not in document else document
        trusted = trusted_from(keys)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        typer.echo("This file, or the file with keys, cannot be read.", err=True)
        raise typer.Exit(2) from None
    return verify_receipt(document, trusted, ed25519_holds)


def _family(statement: str, trusted: dict[str, bytes]) -> Verdict:
    if not trusted:
        return Verdict(_NO_KEYS, 2)
    try:
        count = verify_family_receipt(trusted, statement)
    except Tampered:
        return Verdict(_FAMILY_FALSE, 1)
    words = Words(
        f"Dit bewijs is echt: {count} ondertekende antwoorden, met de tekst die is getoond.",
        f"This receipt is genuine: {count} signed statements, with the text that was shown.",
    )
    return Verdict(words, 0)


_NO_KEYS = Words(
    "Dit bewijs kan niet worden nagegaan zonder vertrouwde sleutels: geef --keys.",
    "This receipt cannot be checked without trusted keys: give --keys.",
)
_FAMILY_FALSE = Words(
    "Dit bewijs is niet echt: een handtekening of een tekst klopt niet.",
    "This receipt is not genuine: a signature or a text does not hold.",
)
