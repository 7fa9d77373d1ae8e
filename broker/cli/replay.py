"""`broker audit replay`: every decision made again, and a report of those that do not come out the same.

Exit codes: 0 all came out the same; 1 some did not; 2 could not be done.
"""

import json
from datetime import date, datetime, time
from pathlib import Path
from typing import Annotated, Any

import typer

from broker.cli.running import use
from broker.domain.calendar import AMSTERDAM
from broker.errors import Invalid
from broker.services.replay import SENTENCES, Finding, Outcome, Report
from broker.whole import Broker


def replay(
    since: Annotated[str, typer.Option(help="Only decisions from this day on, such as 2027-01-31.")] = "",
    report: Annotated[Path | None, typer.Option(help="Write the report here as well; never over another file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
) -> None:
    """Make every decision in the log again from what it rested on, and name each that differs."""
    found = use(lambda broker: _run(broker, _moment(since)))
    document = _document(found, since)
    text = json.dumps(document, indent=1) if as_json else _in_words(document)
    if report is not None:
        _write(report, text)
    typer.echo(text)
    raise typer.Exit(0 if found.intact else 1)


async def _run(broker: Broker, since: datetime | None) -> Report:
    async with broker.house.storage(writing=False) as work:
        size = (await work.tree.state()).size
    with typer.progressbar(length=size, label="making decisions again", hidden=size < 500) as bar:
        return await broker.replay.run(since, bar.update)


def _moment(since: str) -> datetime | None:
    try:
        return datetime.combine(date.fromisoformat(since), time(), AMSTERDAM) if since else None
    except ValueError:
        raise Invalid.at("/since", "Schrijf een dag als 2027-01-31.", "Write a day such as 2027-01-31.") from None


def _document(found: Report, since: str) -> dict[str, Any]:
    return {
        "intact": found.intact,
        "unexplained": found.unexplained,
        "since": since or None,
        "decisions": {outcome.value: found.counts[outcome] for outcome in Outcome},
        "findings": [_finding(finding) for finding in found.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "entry": finding.entry,
        "index": finding.index,
        "at": finding.at.isoformat() if finding.at else None,
        "outcome": finding.outcome.value,
        "sentence": SENTENCES[finding.outcome].en,
    }


def _in_words(document: dict[str, Any]) -> str:
    counts = document["decisions"]
    made = sum(counts.values())
    lines = [f"{made} decision(s): {counts['same']} made again with the same result, {counts['erased']} erased."]
    lines += [f"{f['at'] or ''}  entry {f['index']} ({f['entry']}): {f['sentence']}" for f in document["findings"]]
    if document["unexplained"]:
        lines.append(
            f"{document['unexplained']} value(s) of the log are gone, and nothing in it says that they were erased."
        )
    lines.append(
        "Nothing to look at." if document["intact"] else f"{len(document['findings']) or 'Something'} to look at."
    )
    return "\n".join(lines)


def _write(path: Path, text: str) -> None:
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(f"{text}\n")
    except OSError:
        raise Invalid.at(
            "/report", "Dit bestand is er al, of kan hier niet.", "This file exists, or cannot be written here."
        ) from None
