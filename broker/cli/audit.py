"""`broker audit`: check the log or a receipt, show the latest checkpoint, and accept a database that was put back.

Exit codes: 0 genuine, 1 not genuine, 2 could not be checked.
"""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli import exporting
from broker.cli.replay import replay
from broker.cli.running import use
from broker.cli.sample import sample
from broker.cli.verifying import verdict_on
from broker.crypto.signatures import ed25519_holds
from broker.domain.stores import Came
from broker.errors import BrokerError, NotFound
from broker.services.restoring import Cause, log_restored
from broker.transparency.policies import WitnessPolicy, read_policy
from broker.transparency.verdicts import Verdict
from broker.transparency.witnessed import Witnessed
from broker.whole import Broker

app = typer.Typer(no_args_is_help=True, help="Check the disclosure log.")
app.command("replay")(replay)
app.command("export")(exporting.export)
app.command("page")(exporting.page)
app.command("sample")(sample)


@app.command("checkpoint")
def checkpoint() -> None:
    """Print the latest signed checkpoint, with its cosignatures; keep it, to check later that the log only grew."""
    typer.echo(use(lambda broker: broker.cosigning.checkpoint()), nl=False)


@app.command("keys")
def keys() -> None:
    """Print the public keys that a verifier must trust, as a file for `broker audit verify --keys`."""

    async def public(broker: Broker) -> dict[str, Any]:
        return broker.public_keys()

    typer.echo(json.dumps(use(public), indent=1))


@app.command("verify")
def verify(
    file: Annotated[
        str, typer.Argument(help="A receipt, a bundle, or a log's address; without one, the whole log of this broker.")
    ] = "",
    keys_file: Annotated[Path | None, typer.Option("--keys", help="Trusted keys, from `broker audit keys`.")] = None,
    earlier: Annotated[Path | None, typer.Option(help="A checkpoint that you kept: the log must extend it.")] = None,
    witnesses: Annotated[
        Path | None,
        typer.Option(help="The witnesses that you trust (see docs/witnesses.md): enough must have cosigned."),
    ] = None,
    wait: Annotated[
        bool, typer.Option("--wait", help="First wait until every entry is in the tree, and cosigned.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Say in one sentence whether a receipt, or the whole log, is genuine."""
    policy = read_policy(witnesses) if witnesses else None
    if file:
        verdict = verdict_on(file, keys_file, _kept(earlier), policy)
    else:
        verdict = use(lambda broker: _kept_verdict(broker, _kept(earlier), policy, wait=wait))
    if as_json:
        typer.echo(json.dumps({"ok": verdict.ok, "code": verdict.code, "sentence": verdict.sentence}))
    else:
        typer.echo(verdict.sentence)
    raise typer.Exit(verdict.code)


@app.command("accept-older")
def accept_older(
    reason: Annotated[Cause, typer.Option(help="Why the copy was put back; it is logged, for everybody to read.")],
) -> None:
    """Take a database that is older than the log's guard for the true one. Nobody's yes from before counts after it."""

    async def accept(broker: Broker) -> tuple[int, int]:
        known, found = await broker.ledger.compare()
        await log_restored(broker.house, reason, known, found)
        await broker.ledger.accept()
        return known, found

    known, found = use(accept)
    knew = f"knew a log of {known} entries" if known else "could not be read"
    typer.echo(_ACCEPTED.format(knew=knew, found=found))


_ACCEPTED = """\
The guard {knew}; this database has {found}. From now on it counts as the true one, and the log says so.

What happened between this copy and now is lost, and nobody can say what it was:
  - Somebody may have stopped. So no yes from before this moment counts any more: senders see `new-answer-needed`, and
    invite the family again.
  - Handovers that were corrected, withdrawn or erased since are back as they were. Ask the senders to do it again.
  - Organisations that were suspended since take part again. Suspend them again: broker organisations suspend OIN
  - Messages that were sent since may be sent once more, and codes that were used since work once more.
Recipients hold receipts of what they got since: ask for them. Then start every broker again; one that has a guard of
its own refuses until this was done with its guard too."""


def _kept(earlier: Path | None) -> str | None:
    try:
        return earlier.read_bytes().decode() if earlier else None
    except (OSError, UnicodeDecodeError):
        typer.echo("The earlier checkpoint cannot be read.", err=True)
        raise typer.Exit(2) from None


async def _settled(broker: Broker, *, wait: bool) -> None:
    for _ in range(100 if wait else 0):
        if not await broker.ledger.waiting():
            break
        await asyncio.sleep(0.1)


async def _log(broker: Broker, kept: str | None) -> Verdict:
    try:
        total = int((await broker.ledger.checkpoint()).split("\n")[1])
    except NotFound:
        total = 0
    with typer.progressbar(length=total, label="checking", hidden=total < 5000) as bar:
        return await broker.ledger.check(earlier=kept, tick=lambda _: bar.update(1))


async def _kept_verdict(broker: Broker, kept: str | None, policy: WitnessPolicy | None, *, wait: bool) -> Verdict:
    """The verdict, kept for officers to see; that it cannot be kept changes nothing of it."""
    verdict = await _witnessed_log(broker, kept, policy, wait=wait)
    came = {0: Came.INTACT, 1: Came.NOT_INTACT}.get(verdict.code, Came.UNCHECKED)
    try:
        await broker.checks.keep(came, verdict.words)
    except BrokerError:
        typer.echo("The result could not be kept for officers to see.", err=True)
    return verdict


async def _witnessed_log(broker: Broker, kept: str | None, policy: WitnessPolicy | None, *, wait: bool) -> Verdict:
    """The verdict on the whole log, with what the witnesses say of it."""
    await _settled(broker, wait=wait)
    try:
        size = int((await broker.ledger.checkpoint()).split("\n")[1])
    except NotFound:
        return await _log(broker, kept)
    for _ in range(100 if wait and policy is not None else 0):
        with contextlib.suppress(NotFound):
            if (await broker.cosigning.cosigned(policy))[0] >= size:
                break
        await asyncio.sleep(0.1)
    verdict, ledger = await _log(broker, kept), broker.ledger
    witnessed = Witnessed(broker.house.storage, broker.cosigning, ledger.origin, ledger.trusted, ed25519_holds)
    return await witnessed.judge(verdict, policy, size)
