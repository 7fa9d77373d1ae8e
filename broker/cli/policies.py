"""`broker policies`: check the agreement, run its cases, propose another one."""

import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.differing import diff
from broker.cli.explaining import explain
from broker.cli.matrix import Directory, In, Language, matrix
from broker.cli.recording import audio
from broker.cli.running import use
from broker.domain.calendar import AMSTERDAM
from broker.errors import Invalid, Words
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.cases import run_cases
from broker.pdp.faults import UnsafePolicies
from broker.pdp.lint import Finding, lint
from broker.pdp.policy_set import load
from broker.settings import policies_directory

app = typer.Typer(no_args_is_help=True, help="The agreement in policies/.")
app.command("matrix")(matrix)
app.command("explain")(explain)
app.command("diff")(diff)
app.command("audio")(audio)
Json = Annotated[bool, typer.Option("--json", help="For a program to read.")]


@app.command("check")
def check(directory: Directory = None, language: In = Language.EN, as_json: Json = False) -> None:
    """Say whether the agreement is right: every fault at once, with its place. Exit code 1 when there is one.

    A fault in a file stops the broker from starting. A fault in what the rules come to (one that gives nothing, a
    condition without effect) does not, and is a fault here all the same. Notes are for you to know.
    """
    try:
        policy_set = load(directory or policies_directory())
    except UnsafePolicies as error:
        _tell([Finding("fault", fault) for fault in error.faults], language, as_json=as_json)
        raise typer.Exit(1) from None
    found = lint(policy_set)
    wrong = any(finding.weight == "fault" for finding in found)
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
        _tell(found, language, as_json=True, digest=policy_set.digest, **counts)
    else:
        _tell(found, language, as_json=False)
        for rule in policy_set.rules.values():
            if rule.unbounded:
                typer.echo(f"  note: {rule.id} names no {', no '.join(rule.unbounded)}")
        if not wrong:
            typer.echo(f"The agreement is whole: {', '.join(f'{count} {name}' for name, count in counts.items())}.")
        typer.echo(f"Its digest is {policy_set.digest}.")
    raise typer.Exit(1 if wrong else 0)


_WEIGHTS = {"fault": Words("fout", "fault"), "note": Words("ter informatie", "note")}


def _tell(found: Iterable[Finding], language: str, *, as_json: bool, **more: object) -> None:
    """Every finding: for a program with its place in fields, for people with its place in front."""
    if as_json:
        rows = [
            {
                "weight": one.weight,
                "file": one.fault.file,
                "line": one.fault.line,
                "column": one.fault.column,
                "words": {"nl": one.fault.words.nl, "en": one.fault.words.en},
            }
            for one in found
        ]
        faults = [one.fault.sentence.in_language(language) for one in found if one.weight == "fault"]
        told = {"fault": "\n".join(faults)} if faults else {}
        typer.echo(json.dumps({"ok": not faults, **told, "findings": rows, **more}, ensure_ascii=False))
        return
    for one in found:
        weight = _WEIGHTS[one.weight].in_language(language)
        typer.echo(f"{weight}: {one.fault.sentence.in_language(language)}", err=one.weight == "fault")


@app.command("test")
def run_the_cases(directory: Directory = None, as_json: Json = False) -> None:
    """Run every case in policies/cases; exit code 1 when one comes out otherwise."""
    results = run_cases(load(directory or policies_directory()))
    wrong = [result for result in results if not result.passed]
    if as_json:
        typer.echo(json.dumps([{"file": r.file, "about": r.about, "passed": r.passed} for r in results]))
    else:
        for result in wrong:
            why = result.fault.en if result.fault else "came out the other way"
            typer.echo(f"{result.file}: {result.about.rstrip('.')}: {why}")
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
