"""`broker demo`: a family's story against a real broker, told step by step, then left open to look around in."""

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from broker.cli.families import NAMES, read_family
from broker.cli.stage import Stage, today
from broker.cli.story import Step, Story
from broker.cli.visitor import Visitor
from broker.settings import policies_directory


def demo(
    once: Annotated[
        bool, typer.Option("--once", help="Stop after the story; the exit code tells how it went.")
    ] = False,
    family: Annotated[str, typer.Option(help=f"Which family: {' or '.join(NAMES)}.")] = NAMES[0],
    port: Annotated[int, typer.Option(help="Where to serve; 0 finds a free port.")] = 0,
) -> None:
    """Tell a family's story with a real broker in a throw-away directory, then keep serving until Ctrl-C."""
    with tempfile.TemporaryDirectory(prefix="rondom-demo-") as directory:
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


def _tell(stage: Stage, name: str) -> tuple[Story, bool]:
    family = read_family(name, today())
    typer.echo(f"The family {family['family']}: {family['about']}\n")
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
    mark = "ok" if step.right else "WRONG"
    typer.echo(f"{number:>3}. {step.text}\n       → {step.outcome}  [{mark}]")
    if step.because:
        typer.echo(f"         because {step.because}")


def _show_around(stage: Stage, story: Story) -> None:
    """Links for the three users; a fresh handover, so that there is something to answer."""
    first, handover = next(iter(story.family["handovers"].items()))
    handover["body"]["reference"] += "-look-around"
    typer.echo(f"\n  {story.push(first).text}, to look around.")
    code = story.invite(first, "mother")
    officer = stage.run("officers", "invite", "Privacy officer")
    typer.echo(
        f"""
Look around until Ctrl-C:

  a parent       {story.url}/#{code}
                 one-time codes arrive as files in {stage.outbox}
  the officer    {story.url}/console/invitation
                 {officer}
  a developer    {story.url}/docs
"""
    )
    stage.wait()
