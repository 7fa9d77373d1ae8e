"""`broker webhooks`: what waits for partners' webhooks, what was given up, and sending it again.

Ids, counts and times only. Exit codes: 0 done or in order, 1 something was given up or an address does not answer as it
should, 2 it could not be done at all.
"""

import json
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer

from broker.cli.running import use
from broker.domain.parties import Oin
from broker.domain.stores import DeadLetter
from broker.errors import Conflict, Words
from broker.services.webhooks import PAGE, WebhookView
from broker.whole import Broker

app = typer.Typer(no_args_is_help=True, help="Where organisations want their events sent, and what waits for them.")
AsJson = Annotated[bool, typer.Option("--json", help="For a program to read.")]
Only = Annotated[str, typer.Option("--organisation", help="The OIN of one organisation; all without.")]


@app.command("list")
def listed(as_json: AsJson = False) -> None:
    """Every webhook: where (host only), whether it is in use, what waits and what was given up."""
    rows = [_row(view) for view in use(lambda broker: broker.webhooks.all())]
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
        return
    for row in rows:
        waits = f" since {row['oldest']}" if row["oldest"] else ""
        typer.echo(
            f"{row['organisation']}  {row['state']:<8} {row['host']:<40} "
            f"{row['waiting']} waiting{waits}, {row['failed']} given up"
        )
    if not rows:
        typer.echo("No organisation has a webhook.")


def _row(view: WebhookView) -> dict[str, Any]:
    url = urlsplit(view.webhook.url or "")
    return {
        "organisation": view.webhook.organisation,
        "state": view.webhook.state.value,
        "host": f"{url.scheme}://{url.netloc}" if view.webhook.url else "cannot be opened",
        "since": view.webhook.since.isoformat(),
        "waiting": view.queue.waiting,
        "oldest": view.queue.oldest.isoformat() if view.queue.oldest else None,
        "failed": view.queue.failed,
    }


@app.command("failed")
def failed(organisation: Only = "", as_json: AsJson = False) -> None:
    """What was given up: event, tries, status of the last answer (0: there was none), since when."""
    found = use(lambda broker: _all_failed(broker, organisation))
    if as_json:
        rows = [
            {
                "event": one.event,
                "organisation": one.organisation,
                "tries": one.tries,
                "status": one.status,
                "since": one.since.isoformat(),
            }
            for one in found
        ]
        typer.echo(json.dumps(rows, indent=1))
    else:
        for one in found:
            typer.echo(f"{one.organisation}  {one.event}  {one.tries} tries  {one.status:>3}  {one.since.isoformat()}")
        typer.echo(f"{len(found)} given up.")
    raise typer.Exit(1 if found else 0)


async def _all_failed(broker: Broker, organisation: str) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    while page := await broker.webhooks.failed(Oin(organisation) or None, found[-1].event if found else ""):
        found += page
        if len(page) < PAGE:
            break
    return found


@app.command("replay")
def replay(
    organisation: Only = "",
    start: Annotated[str, typer.Option("--from", help="An event's id: this one, and all after it.")] = "",
) -> None:
    """Send again what was given up; or, of one organisation, everything from an event on. A running broker sends it."""
    if start and not organisation:
        raise Conflict(
            Words("Zeg met --organisation van wie deze gebeurtenis is.", "Say with --organisation whose event it is.")
        )
    count = use(lambda broker: _replay(broker, organisation, start))
    typer.echo(f"{count} event(s) will be sent.")


async def _replay(broker: Broker, organisation: str, start: str) -> int:
    if start:
        return await broker.webhooks.replay_from(Oin(organisation), start, _so_many)
    return await broker.webhooks.replay(Oin(organisation) or None, _so_many)


def _so_many(count: int) -> None:
    typer.echo(f"{count} more queued", err=True)


@app.command("test")
def test(organisation: Annotated[str, typer.Argument(help="An OIN.")]) -> None:
    """Send an organisation's address the check that a new one gets, and say what it answered."""
    fault = use(lambda broker: broker.webhooks.test(Oin(organisation)))
    typer.echo("The address answers as it should." if fault is None else fault.words.en, err=fault is not None)
    raise typer.Exit(0 if fault is None else 1)
