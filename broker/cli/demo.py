"""`broker demo`: a family's story against a real broker, told step by step, then left open to look around in."""

import json
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from broker.cli import many
from broker.cli.dumps import no_dumps
from broker.cli.families import NAMES, read_family
from broker.cli.stage import Stage, today
from broker.cli.story import Step, Story
from broker.cli.visitor import Visitor
from broker.settings import policies_directory

LOOK = 0.2
"""Seconds between two looks for messages that arrived."""


app = typer.Typer(invoke_without_command=True, no_args_is_help=False)
app.command("organisations")(many.organisations)
app.command("families")(many.families)


@app.callback()
def demo(
    context: typer.Context,
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the story; the exit code tells how it went.")
    ] = False,
    family: Annotated[str, typer.Option(help=f"Which family: {' or '.join(NAMES)}.")] = NAMES[0],
    port: Annotated[int, typer.Option(help="Where to serve; 0 finds a free port.")] = 0,
) -> None:
    """Tell a family's story with a real broker in a throw-away directory, then keep serving until Ctrl-C."""
    if context.invoked_subcommand is not None:
        return
    no_dumps()
    if family not in NAMES:
        raise typer.BadParameter(f"There is no such family. Choose {' or '.join(NAMES)}.", param_hint="--family")
    with tempfile.TemporaryDirectory(prefix="rondom-demo-") as directory, _ends_tidily():
        stage = Stage(Path(directory), policies_directory().resolve())
        if port:
            stage.port = port
        try:
            story, right = _tell(stage, family)
            if not once:
                _show_around(stage, story)
        except KeyboardInterrupt:
            typer.echo("\nStopped. Nothing of the demo stays.")
            return
        finally:
            stage.stop()
    if not right:
        raise typer.Exit(1)


@contextmanager
def _ends_tidily() -> Iterator[None]:
    """A closed terminal or `kill` ends the demo as Ctrl-C does, and leaves no broker behind."""

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _tell(stage: Stage, name: str) -> tuple[Story, bool]:
    family = read_family(name, today())
    typer.echo(f"{_bold('The family ' + family['family'])}: {family['about']}\n")
    keys = stage.prepare(family["organisations"])
    typer.echo(f"  A broker with its own keys and an empty database; {len(keys)} organisations take part.\n")
    stage.start()
    story = Story(family, keys, stage.url, lambda url: Visitor(url, stage.outbox), stage.later)
    steps = []
    for number, step in enumerate(story.play(), 1):
        _say(number, step)
        steps.append(step)
    verdict = stage.run("audit", "verify", "--wait")
    typer.echo(f"\n  The log: {verdict}")
    wrong = [number for number, step in enumerate(steps, 1) if not step.right]
    if wrong:
        typer.echo(f"  NOT as the family's file says: step {', '.join(map(str, wrong))}.")
    else:
        typer.echo(f"  All {len(steps)} steps came out as the family's file says.")
    return story, not wrong


def _say(number: int, step: Step) -> None:
    mark = typer.style("ok", fg="green") if step.right else typer.style("WRONG", fg="red", bold=True)
    typer.echo(f"{number:>3}. {step.text}\n       → {step.outcome}  [{mark}]")
    if step.because:
        typer.echo(f"         because {step.because}")


def _show_around(stage: Stage, story: Story) -> None:
    """Links for the three users; a fresh handover, so that there is something to answer; then the messages."""
    first, handover = next(iter(story.family["handovers"].items()))
    handover["body"]["reference"] += "-look-around"
    story.push(first)
    people = {person["key"]: person for person in handover["body"]["people"]}
    mother, child = people["mother"], people[handover["body"]["subject"]]
    number = child["identifiers"][0]["value"]
    parent = f"{story.url}/#{story.invite(first, 'mother')}"
    invitation = stage.run("officers", "invite", "Privacy officer").split()[-1]
    officer = f"{story.url}/console/invitation#{invitation}"
    known = set(stage.outbox.glob("*.json"))
    typer.echo(
        f"""
{_bold("Now look around yourself.")} Everything is made up, and gone when you press Ctrl-C.

  1. A parent, on her phone: {mother["name"]} got a new question.
       {_bold(parent)}
     Press the button, choose where to get the code: it appears below. Say yes or no, and stop again.

  2. The privacy officer, at a desk.
       {_bold(officer)}
     Make a passkey; then see every request above and why it was allowed or refused, and check the log.
     To find what was read about {child["name"]}, search by the (invented) BSN {number}.

  3. A developer.
       {_bold(story.url + "/docs")}

Messages to the family appear here as they are sent:
"""
    )
    _print_messages(stage, known)


def _print_messages(stage: Stage, known: set[Path]) -> None:
    """Show each message once, until the broker ends."""
    while stage.running:
        for path in sorted(set(stage.outbox.glob("*.json")) - known):
            known.add(path)
            message = json.loads(path.read_text(encoding="utf-8"))
            channel = {"sms": "text message", "email": "e-mail"}.get(message["channel"], message["channel"])
            text = message["text"].partition("\n")[0]  # below it, a text message has a line for the phone
            typer.echo(f"  {time.strftime('%H:%M:%S')}  {channel} to {message['to']}: {_bold(text)}")
        time.sleep(LOOK)
    typer.echo("The broker stopped by itself. Its last words:", err=True)
    sys.stderr.write("".join(stage.log_file.read_text(encoding="utf-8").splitlines(keepends=True)[-5:]))
    raise typer.Exit(1)


def _bold(text: str) -> str:
    return typer.style(text, bold=True)
