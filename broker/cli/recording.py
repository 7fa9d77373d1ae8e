"""`broker policies audio`: which sentences are worth recording, how to name each file, and which are there."""

import csv
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.matrix import Directory
from broker.domain.speech import digest_of, worth_recording
from broker.errors import Invalid
from broker.pdp.policy_set import load
from broker.settings import audio_directory, policies_directory
from broker.web.kit.recordings import Recordings


class As(StrEnum):
    """How it is written."""

    TABLE = "table"
    CSV = "csv"


def audio(
    directory: Directory = None,
    folder: Annotated[
        Path | None, typer.Option("--audio", help="The folder with recordings; BROKER_AUDIO without it.")
    ] = None,
    language: Annotated[str, typer.Option(help="One language only, such as nl.")] = "",
    form: Annotated[As, typer.Option("--format", help="A table to read, or rows for a spreadsheet.")] = As.TABLE,
    missing: Annotated[bool, typer.Option("--missing", help="Only what is not recorded yet.")] = False,
) -> None:
    """List every sentence of the family's questions that says nothing about anybody, with its file's name.

    For the person with the microphone: speak exactly these words, and save them under this name in the folder.
    """
    agreement = load(directory or policies_directory())
    if language and language not in agreement.notices:
        raise Invalid.at("/language", "In deze taal is er geen vraag.", "There is no question in this language.")
    there = Recordings(folder or audio_directory())
    rows = []
    for name, template in sorted(agreement.notices.items()):
        for sentence in worth_recording(template, agreement.vocabulary) if language in ("", name) else ():
            recorded = there.names(name).get(digest_of(sentence))
            if not (missing and recorded):
                rows.append((name, recorded or f"{digest_of(sentence)}.mp3", "yes" if recorded else "no", sentence))
    if form is As.CSV:
        writer = csv.writer(sys.stdout)
        writer.writerow(("file", "recorded", "text"))
        writer.writerows((f"{name}/{file}", recorded, sentence) for name, file, recorded, sentence in rows)
        return
    for name, file, recorded, sentence in rows:
        typer.echo(f"{'✓' if recorded == 'yes' else '–'} {sentence}\n    {name}/{file}")
    done = sum(recorded == "yes" for _, _, recorded, _ in rows)
    typer.echo(f"{len(rows)} sentences; {done} recorded, {len(rows) - done} not yet.")
