"""`broker policies`: check the agreement, run its cases, propose another one."""

import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.running import use
from broker.domain.calendar import AMSTERDAM
from broker.errors import Invalid, Unsafe
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.cases import run_cases
from broker.pdp.policy_set import load
from broker.settings import policies_directory

app = typer.Typer(no_args_is_help=True, help="The agreement in policies/.")
Json = Annotated[bool, typer.Option("--json", help="For a program to read.")]


@app.command("check")
def check(as_json: Json = False) -> None:
    """Say whether the broker would start with this agreement; every fault with its place."""
    try:
        policy_set = load(policies_directory())
    except Unsafe as error:
        typer.echo(json.dumps({"ok": False, "fault": error.words.en}) if as_json else error.words.en, err=not as_json)
        raise typer.Exit(1) from None
    words = policy_set.vocabulary
    counts = {
        "rules": len(policy_set.rules),
        "organisationKinds": len(words.organisation_kinds),
        "roles": len(words.roles),
        "purposes": len(words.purposes),
        "sectionTypes": len(words.section_types),
        "channels": len(policy_set.channels),
    }
    if as_json:
        typer.echo(json.dumps({"ok": True, "digest": policy_set.digest, **counts}))
        return
    typer.echo(f"The agreement is whole: {', '.join(f'{count} {name}' for name, count in counts.items())}.")
    typer.echo(f"Its digest is {policy_set.digest}.")
    for rule in policy_set.rules.values():
        if rule.unbounded:
            typer.echo(f"  note: {rule.id} names no {', no '.join(rule.unbounded)}")


@app.command("test")
def run_the_cases(as_json: Json = False) -> None:
    """Run every case in policies/cases; exit code 1 when one comes out otherwise."""
    results = run_cases(load(policies_directory()))
    wrong = [result for result in results if not result.passed]
    if as_json:
        typer.echo(json.dumps([{"file": r.file, "about": r.about, "passed": r.passed} for r in results]))
    else:
        for result in wrong:
            why = result.fault.en if result.fault else "came out the other way"
            typer.echo(f"{result.file}: {result.about}: {why}")
        typer.echo(f"{len(results) - len(wrong)} of {len(results)} cases came out as they should.")
    if wrong or not results:
        raise typer.Exit(1)


@app.command("propose")
def propose(
    directory: Annotated[Path, typer.Argument(help="The folder with the other agreement.")],
    reason: Annotated[str, typer.Option(help="Why; officers read it. No names.")],
    starts: Annotated[
        str, typer.Option("--from", help="The first day on which it counts (2027-01-31); without it, once approved.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Propose another agreement: it counts once two privacy officers approved it in the console."""
    agreement = LoadedAgreement(load(directory))
    day = _day(starts)
    made = use(lambda broker: broker.oversight.propose(agreement, reason, day))
    if as_json:
        typer.echo(json.dumps({"proposal": made.id, "digest": made.digest, "wider": made.wider}))
        return
    typer.echo(f"Proposed, with digest {made.digest}.")
    typer.echo("It may give more than the one in force." if made.wider else "It gives nothing that is not given now.")
    typer.echo("Two privacy officers approve it in the console, under Agreement.")


def _day(text: str) -> datetime | None:
    """The first moment of a day in the Netherlands. Raises Invalid."""
    try:
        return datetime.combine(date.fromisoformat(text), time(), AMSTERDAM).astimezone(UTC) if text else None
    except ValueError:
        raise Invalid.at("/from", "Schrijf een dag als 2027-01-31.", "Write a day as 2027-01-31.") from None
