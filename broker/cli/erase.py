"""`broker erase`: erase what is due today, or only say what is.

Exit codes: 0 all that was due is erased (or nothing was), 1 something could not be erased and is tried again, 2 it could
not be done at all.
"""

import json
from typing import Annotated, Any

import typer

from broker import observability
from broker.cli.running import use
from broker.domain.erasure import Cause, Due
from broker.services.erasure import Erased, Plan
from broker.whole import Broker

WHY = {
    Cause.WITHDRAWN: "withdrawn by the sender",
    Cause.RETENTION_OVER: "retention over",
    Cause.FAMILY_ASKED: "the family asked",
}


def erase(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what is due; nothing changes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Erase what is due today: contents whose retention is over, and people whom nothing needs any more."""
    observability.set_up()  # what could not be erased is told there, beside what a program reads
    if dry_run:
        plan = use(lambda broker: broker.erasure.plan())
        _say(plan.handovers, {"people": plan.people, "dryRun": True}, _planned(plan), as_json=as_json)
        return
    done = use(lambda broker: _erase(broker, hidden=as_json))
    more = {"people": done.people, "failed": done.failed, "clean": done.clean, "dryRun": False}
    _say(done.handovers, more, _done(done), as_json=as_json)
    raise typer.Exit(1 if done.failed else 0)


async def _erase(broker: Broker, *, hidden: bool) -> Erased:
    plan = await broker.erasure.plan()
    total = len(plan.handovers) + plan.people
    with typer.progressbar(length=total, label="erasing", hidden=hidden or not total) as bar:
        return await broker.erasure.erase_due(bar.update)


def _say(handovers: tuple[Due, ...], more: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        rows = [{"handover": one.handover, "cause": one.cause.value, "daysOverdue": one.overdue} for one in handovers]
        typer.echo(json.dumps({"handovers": rows, **more}, indent=1))
        return
    for one in handovers:
        typer.echo(f"{one.handover}  {WHY[one.cause]:<24} {one.overdue} day(s) overdue")
    typer.echo(sentence)


def _planned(plan: Plan) -> str:
    return f"Due: {len(plan.handovers)} handover(s), {plan.people} person(s). Nothing was changed."


def _done(done: Erased) -> str:
    text = f"Erased: {len(done.handovers)} handover(s), {done.people} person(s)."
    if done.failed:
        text += f" {done.failed} could not be erased; the log of the broker says why. Run it again."
    if not done.clean:
        text += " A reader was in the way of cleaning the files; the next round does it."
    return text
