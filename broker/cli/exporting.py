"""`broker audit export` and `broker audit page`: the log for outsiders, and the page with which they check it."""

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Annotated

import typer

from broker.cli.running import use
from broker.domain.calendar import AMSTERDAM, end_of_day
from broker.domain.log_ports import Selection
from broker.errors import Invalid
from broker.services.exporting import check_format
from broker.web.kit.proofpage import proof_page
from broker.whole import Broker


def export(
    wanted: Annotated[str, typer.Option("--format", help="csv, fhir (AuditEvents, NDJSON) or otel (OTLP, JSON).")] = "",
    bundle: Annotated[Path | None, typer.Option(help="Write a bundle that can be verified, as a zip.")] = None,
    out: Annotated[Path | None, typer.Option(help="The file; without one, standard output.")] = None,
    since: Annotated[str, typer.Option(help="First day, such as 2026-01-31.")] = "",
    until: Annotated[str, typer.Option(help="Last day.")] = "",
    person: Annotated[str, typer.Option(help="Open only what is about this person, by pseudonym.")] = "",
) -> None:
    """Write the log, or a part of it, for an officer or an inspector. Each export is logged."""
    if bool(wanted) == bool(bundle):
        raise Invalid.at("/format", "Geef --format of --bundle.", "Give either --format or --bundle.")
    if wanted:
        check_format(wanted)
    selection = _selection(since, until, person)

    async def work(broker: Broker) -> None:
        while await broker.ledger.step():  # what was committed last gets its place first
            pass
        total = await broker.exports.count(selection)
        with (
            _written(bundle or out) as file,
            typer.progressbar(length=total, label="writing", file=sys.stderr, hidden=total < 5000) as bar,
        ):
            if bundle:
                await broker.exports.bundle(file, selection, bar.update)
                return
            async for piece in broker.exports.lines(wanted, selection, bar.update):
                file.write(piece)

    use(work)


def page(
    out: Annotated[Path, typer.Option(help="Where the page goes.")],
    keys: Annotated[Path | None, typer.Option(help="Keys to trust, from `broker audit keys`; without, bare.")] = None,
) -> None:
    """Write the page on which anybody checks a receipt or a family's bundle, offline."""
    try:
        trusted = json.loads(keys.read_bytes()) if keys else {}
    except (OSError, ValueError):
        raise Invalid.at("/keys", "Dit bestand met sleutels is niet te lezen.", "This file with keys cannot be read.") from None  # fmt: skip
    out.write_text(proof_page(trusted), encoding="utf-8")


def _selection(since: str, until: str, person: str) -> Selection:
    first, last = _day("/since", since), _day("/until", until)
    start = datetime.combine(first, time(), AMSTERDAM) if first else None
    return Selection(start, end_of_day(last) if last else None, person)


def _day(pointer: str, text: str) -> date | None:
    try:
        day = date.fromisoformat(text) if text else None
    except ValueError:
        day = date.min
    if day is not None and not date(1970, 1, 2) <= day <= date.max - timedelta(2):
        raise Invalid.at(pointer, "Dit is geen dag, zoals 2026-01-31.", "This is not a day, such as 2026-01-31.")
    return day


@contextlib.contextmanager
def _written(path: Path | None) -> Iterator[IO[bytes]]:
    """A file that is there as a whole or not at all, for its owner only; or standard output."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f"{path.name}.part")
    try:
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError:
        raise Invalid.at("/out", "Dit bestand is niet te schrijven.", "This file cannot be written.") from None
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
