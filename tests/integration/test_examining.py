"""What the machine finds by itself at night is what officers see in the morning: `deploy/examine.sh`, and its commands."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from broker.services.check_screens import CheckRow, Mark
from tests.support.officers import let_in, signed_in
from tests.support.world import World

ROOT = Path(__file__).resolve().parents[2]
TOM = "tom-to-school"


async def examine(world: World, folder: Path, **more: str) -> tuple[int | None, str]:
    """Run the script as the timer does. Returns its exit code and what it said."""
    broker, settings = folder / "broker", world.broker.settings
    broker.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m broker "$@"\n')
    broker.chmod(0o700)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "RONDOM_BROKER": str(broker),
        "BROKER_MODE": "demo",
        "BROKER_DATABASE_URL": world.database_url,
        "BROKER_KEYS": str(settings.keys),
        "BROKER_POLICIES": str(settings.policies),
        "BROKER_PUBLIC_URL": settings.public_url,
        "BROKER_OUTBOX": settings.outbox,
        "BROKER_LOG_GUARD": str(settings.log_guard),
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        "sh",
        str(ROOT / "deploy" / "examine.sh"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def seen(world: World) -> tuple[CheckRow, CheckRow]:
    """(the line about the whole log, the line about decisions) as an officer sees them."""
    officer = await let_in(world.broker)
    screen = await world.broker.checks.screen((await signed_in(world.broker, officer))[0])
    return screen.rows[0], screen.rows[1]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_the_script_for_every_night_leaves_both_results(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    await world.push(TOM)
    await world.ask(TOM, "ib-joris")
    await world.settle()
    code, said = await examine(world, folder)
    assert code == 0, said
    log, decisions = await seen(world)
    assert (log.mark, log.by, decisions.mark, decisions.by) == (Mark.GOOD, "", Mark.GOOD, "")
    assert log.says.en in said
    assert "1 decisions: 0 come out differently" in decisions.says.en


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_what_is_not_right_is_told_and_the_second_is_done_all_the_same(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "night"
    folder.mkdir()
    await world.settle()
    nobody = folder / "witnesses"
    nobody.write_text("not a policy\n")
    code, _ = await examine(world, folder, RONDOM_WITNESSES=str(nobody))
    assert code == 2, "could not be checked"
    log, decisions = await seen(world)
    assert (log.at, decisions.mark) == (None, Mark.GOOD)
